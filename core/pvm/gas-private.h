/* gas-private.h - what the two per-block models share: the cost entry of an instruction
 *
 * Shared by gas.c and gas-polkavm.c only.
 */
#ifndef NUB_PVM_GAS_PRIVATE_H
#define NUB_PVM_GAS_PRIVATE_H

#include "gas.h"

/* Bits of nub_gas_entry.flags. */
enum { NUB_GAS_MEM = 1, NUB_GAS_BRANCH = 2, NUB_GAS_MOVE = 4, NUB_GAS_ENDS = 8 /* its block */ };

/*
 * A row of pvm.md 7.4 as the models want it, so that they need few branches: a register is the place
 * of its field in struct nub_insn. An instruction that has no destination writes a register with
 * NUB_GAS_NO_DST added to its number, which nobody reads.
 */
struct nub_gas_entry {
    uint8_t slots[4]; /* bit 0 of the index: the destination is source 0; bit 1: it is source 1 */
    uint8_t latency;
    uint8_t flags;
    uint8_t unit;
    uint8_t dst, no_dst;
    uint8_t sources[2];
    int8_t has_source[2];     /* -1 or 0, to mask with */
    int8_t waits_for_decoder; /* likewise: all but moves */
};

enum { NUB_GAS_NO_DST = 16 };

extern const struct nub_gas_entry nub_gas_entries[256];

static inline uint32_t
nub_gas_field(const struct nub_insn *insn, uint8_t place)
{
    return ((const uint8_t *)insn)[place];
}

static inline uint32_t
nub_gas_slots(const struct nub_gas_entry *entry, const struct nub_insn *insn)
{
    uint32_t dst = nub_gas_field(insn, entry->dst);
    uint32_t overlaps = (uint32_t)(dst == nub_gas_field(insn, entry->sources[0])) |
                        (uint32_t)(dst == nub_gas_field(insn, entry->sources[1])) << 1;

    return entry->slots[overlaps];
}

/* Whether a place where a branch may go on makes it cheap. */
static inline bool
nub_gas_is_cheap(const struct nub_program *program, uint64_t place)
{
    return place >= program->code_size || program->code[place] == NUB_OP_TRAP ||
           program->code[place] == NUB_OP_UNLIKELY;
}

static inline uint32_t
nub_gas_latency(const struct nub_gas_entry *entry, const struct nub_program *program, const struct nub_insn *insn, uint32_t mem_cycles)
{
    if ((entry->flags & NUB_GAS_BRANCH) &&
        (nub_gas_is_cheap(program, insn->next) || nub_gas_is_cheap(program, insn->target)))
        return 1;
    return entry->flags & NUB_GAS_MEM ? mem_cycles : entry->latency;
}

void nub_gas_polkavm_begin(struct nub_gas_block *block);
void nub_gas_polkavm_feed(struct nub_gas_block *block, const struct nub_program *program, const struct nub_insn *insn);
uint64_t nub_gas_polkavm_end(struct nub_gas_block *block, bool at_end);

#endif
