/* gas-private.h - what the two per-block models share: the cost entry of an instruction
 *
 * Shared by gas.c and gas-polkavm.c only.
 */
#ifndef NUB_PVM_GAS_PRIVATE_H
#define NUB_PVM_GAS_PRIVATE_H

#include "gas.h"

/* Register numbers that no instruction has: a destination that is never read, a source never written. */
enum { NUB_GAS_NO_DST = NUB_N_REGS, NUB_GAS_NO_SOURCE = NUB_N_REGS + 1 };

/* Bits of nub_gas_entry.flags. */
enum {
    NUB_GAS_OVERLAP_0 = 1, /* the destination may overlap with source 0 ... */
    NUB_GAS_OVERLAP_1 = 2, /* ... with source 1 */
    NUB_GAS_MEM = 4,
    NUB_GAS_BRANCH = 8,
    NUB_GAS_MOVE = 16
};

/* A row of pvm.md 7.4 as the models want it: registers as shifts, see nub_gas_op(). */
struct nub_gas_entry {
    uint8_t slots;
    uint8_t slots_saved; /* by an overlap */
    uint8_t latency;
    uint8_t flags;
    uint8_t sources[2];
    uint8_t dst;
    uint8_t unit;
};

extern const struct nub_gas_entry nub_gas_entries[256];

/* An instruction with its cost: registers are numbers, or one of the two above. */
struct nub_gas_op {
    uint32_t slots, latency, flags;
    uint32_t sources[2], dst;
};

/* Whether a place where a branch may go on makes it cheap. */
static inline bool
nub_gas_is_cheap(const struct nub_program *program, uint64_t place)
{
    return place >= program->code_size || program->code[place] == NUB_OP_TRAP ||
           program->code[place] == NUB_OP_UNLIKELY;
}

static inline struct nub_gas_op
nub_gas_op(const struct nub_program *program, const struct nub_insn *insn, uint32_t mem_cycles)
{
    const struct nub_gas_entry *entry = &nub_gas_entries[insn->opcode];
    /* the fields as bytes of one number, from which an entry's shifts take what it needs */
    uint32_t fields = (uint32_t)insn->a << 8 | (uint32_t)insn->b << 16 | (uint32_t)insn->d << 24;
    struct nub_gas_op op = {
        .latency = entry->latency,
        .flags = entry->flags,
        .sources = { (fields | NUB_GAS_NO_SOURCE) >> entry->sources[0] & 15,
                     (fields | NUB_GAS_NO_SOURCE) >> entry->sources[1] & 15 },
        .dst = (fields | NUB_GAS_NO_DST) >> entry->dst & 15,
    };
    uint32_t overlaps = (uint32_t)(op.dst == op.sources[0]) * NUB_GAS_OVERLAP_0 |
                        (uint32_t)(op.dst == op.sources[1]) * NUB_GAS_OVERLAP_1;

    op.slots = entry->slots - (entry->slots_saved & -(uint32_t)((op.flags & overlaps) != 0));
    if (op.flags & NUB_GAS_MEM)
        op.latency = mem_cycles;
    if ((op.flags & NUB_GAS_BRANCH) &&
        (nub_gas_is_cheap(program, insn->next) || nub_gas_is_cheap(program, insn->target)))
        op.latency = 1;
    return op;
}

void nub_gas_polkavm_begin(struct nub_gas_block *block);
void nub_gas_polkavm_feed(struct nub_gas_block *block, const struct nub_program *program, const struct nub_insn *insn);
uint64_t nub_gas_polkavm_end(struct nub_gas_block *block, bool at_end);

#endif
