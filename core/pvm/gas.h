/* gas.h - what a block costs, in the three gas models (pvm.md 7) */
#ifndef NUB_PVM_GAS_H
#define NUB_PVM_GAS_H

#include "program.h"

#define NUB_MEM_CYCLES_DEFAULT 25u
#define NUB_MEM_CYCLES_MAX 127u

/** "pipeline", "polkavm", "instruction"; NULL for another number. */
const char *nub_gas_model_name(uint32_t model);
/** The model with this name, or -1. */
int nub_gas_model_from_name(const char *name);

/**
 * cost(pc) of pvm.md 7.2: the rest of the block from `pc` on, which is an instruction start or lies
 * past the end. Linear in that rest. Not for NUB_GAS_INSTRUCTION (there every instruction costs 1).
 */
uint64_t nub_gas_cost(const struct nub_program *program, uint32_t model, uint32_t mem_cycles, uint32_t pc);

/**
 * The same fed one instruction at a time, for passes that decode anyway. `nub_gas_begin` at
 * the block's first instruction, `nub_gas_feed` for each in order up to and with the one that
 * ends the walk, `nub_gas_end` gives the cost; `at_end`: the walk reached the end of the code
 * without a terminator or unknown opcode. Each instruction is at the `next` of the one before,
 * also where that is no instruction start (a skip that was cut to 24).
 */
struct nub_gas_block {
    uint32_t model, mem_cycles;
    union {
        struct { uint64_t cycle, used, latest, done[2 * 16]; } pipeline; /* private to gas.c */
        uint8_t polkavm[1024]; /* private to gas-polkavm.c */
        uint64_t align;
    } u;
};
void nub_gas_begin(struct nub_gas_block *block, uint32_t model, uint32_t mem_cycles);
void nub_gas_feed(struct nub_gas_block *block, const struct nub_program *program, const struct nub_insn *insn);
uint64_t nub_gas_end(struct nub_gas_block *block, bool at_end);
/**
 * Feeds instructions of any number of blocks that follow each other: each terminator ends one, whose cost becomes the
 * next of `costs`, and the next one begins. Returns how many ended.
 */
uint32_t nub_gas_feed_run(struct nub_gas_block *block, const struct nub_program *program, const struct nub_insn *insns, uint32_t n, uint64_t *costs);

#endif
