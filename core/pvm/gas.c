/* gas.c - what a block costs: the walk, the feeder, and the model `pipeline`
 *
 * One pass, a few machine instructions for each instruction of the block, whatever they are: this
 * is on the path of every program that is loaded, hostile ones too. Decides how much, never when:
 * charging is the business of who runs the program. Read pvm.md 7.
 */
#include "gas-private.h"

/* shifts that nub_gas_op() takes a register field with */
#define PLACE(fields)                                                                              \
    ((fields)&NUB_FIELD_A ? 8 : (fields)&NUB_FIELD_B ? 16 : (fields)&NUB_FIELD_D ? 24 : 0)
#define OVERLAP_FLAGS(rule)                                                                        \
    ((rule) == NUB_OVERLAP_ANY      ? NUB_GAS_OVERLAP_0 | NUB_GAS_OVERLAP_1                        \
     : (rule) == NUB_OVERLAP_D_EQ_A ? NUB_GAS_OVERLAP_0                                            \
     : (rule) == NUB_OVERLAP_MOVE   ? NUB_GAS_MOVE                                                 \
                                    : 0)
#define KIND_FLAGS(kind)                                                                           \
    ((kind) == NUB_LATENCY_MEM ? NUB_GAS_MEM : (kind) == NUB_LATENCY_BRANCH ? NUB_GAS_BRANCH : 0)

#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
const struct nub_gas_entry nub_gas_entries[256] = {
    [0 ... 255] = { .slots = 1, .latency = 2 },
#define NUB_INSN(number, NAME, mnemonic, class, terminator, slots_, slots_overlap_, overlap_,      \
                 latency_, kind_, unit_, dst_, sources_, effect)                                   \
    [number] = { .slots = slots_,                                                                  \
                 .slots_saved = slots_ - slots_overlap_,                                           \
                 .latency = latency_,                                                              \
                 .flags = OVERLAP_FLAGS(NUB_OVERLAP_##overlap_) | KIND_FLAGS(NUB_LATENCY_##kind_), \
                 .sources = { PLACE(NUB_FIELD_##sources_),                                         \
                              PLACE(NUB_FIELD_##sources_ & (NUB_FIELD_##sources_ - 1)) },          \
                 .dst = terminator ? 0 : PLACE(NUB_FIELD_##dst_),                                  \
                 .unit = NUB_UNIT_##unit_ },
#include "isa.def"
};
#pragma GCC diagnostic pop

const char *
nub_gas_model_name(uint32_t model)
{
    switch (model) {
    case NUB_GAS_PIPELINE:
        return "pipeline";
    case NUB_GAS_POLKAVM:
        return "polkavm";
    case NUB_GAS_INSTRUCTION:
        return "instruction";
    default:
        return NULL;
    }
}

int
nub_gas_model_from_name(const char *name)
{
    for (uint32_t model = NUB_GAS_PIPELINE; model <= NUB_GAS_INSTRUCTION; model++) {
        const char *candidate = nub_gas_model_name(model);
        size_t i = 0;
        while (name[i] != '\0' && name[i] == candidate[i])
            i++;
        if (name[i] == candidate[i])
            return (int)model;
    }
    return -1;
}

static inline uint64_t
max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* `x` or 0 */
static inline uint64_t
when(bool condition, uint64_t x)
{
    return x & -(uint64_t)condition;
}

static inline uint64_t
ready_at(const struct nub_gas_block *block, uint32_t reg)
{
    return when(block->u.pipeline.written >> reg & 1, block->u.pipeline.done[reg]);
}

/* pvm.md 7.3, without branches: a move waits for its source alone and ends nothing */
static inline void
pipeline_feed(struct nub_gas_block *block, const struct nub_program *program,
              const struct nub_insn *insn)
{
    struct nub_gas_op op = nub_gas_op(program, insn, block->mem_cycles);
    bool is_move = op.flags & NUB_GAS_MOVE;
    bool is_full = block->u.pipeline.used >= 4;
    uint64_t cycle = block->u.pipeline.cycle + is_full;
    uint64_t sources = max_u64(ready_at(block, op.sources[0]), ready_at(block, op.sources[1]));
    uint64_t end = max_u64(when(!is_move, cycle), sources) + op.latency;

    block->u.pipeline.cycle = cycle;
    block->u.pipeline.used = when(!is_full, block->u.pipeline.used) + op.slots;
    block->u.pipeline.done[op.dst] = end;
    block->u.pipeline.written |= 1u << op.dst;
    block->u.pipeline.latest = max_u64(block->u.pipeline.latest, when(!is_move, end));
}

void
nub_gas_begin(struct nub_gas_block *block, uint32_t model, uint32_t mem_cycles)
{
    block->model = model;
    block->mem_cycles = mem_cycles;
    if (model == NUB_GAS_POLKAVM) {
        nub_gas_polkavm_begin(block);
        return;
    }
    block->u.pipeline.cycle = 0;
    block->u.pipeline.used = 0;
    block->u.pipeline.latest = 0;
    block->u.pipeline.written = 0;
}

void
nub_gas_feed(struct nub_gas_block *block, const struct nub_program *program,
             const struct nub_insn *insn)
{
    if (block->model == NUB_GAS_POLKAVM)
        nub_gas_polkavm_feed(block, program, insn);
    else
        pipeline_feed(block, program, insn);
}

uint64_t
nub_gas_end(struct nub_gas_block *block, bool at_end)
{
    if (block->model == NUB_GAS_POLKAVM)
        return nub_gas_polkavm_end(block, at_end);
    uint64_t latest = block->u.pipeline.latest;
    return latest > 4 ? latest - 3 : 1;
}

uint64_t
nub_gas_cost(const struct nub_program *program, uint32_t model, uint32_t mem_cycles, uint32_t pc)
{
    struct nub_gas_block block;
    struct nub_insn insn;

    nub_gas_begin(&block, model, mem_cycles);
    while (pc < program->code_size) {
        nub_insn_decode(&insn, program, pc);
        nub_gas_feed(&block, program, &insn);
        if (nub_isa[insn.opcode].is_terminator || !nub_isa[insn.opcode].mnemonic)
            return nub_gas_end(&block, false);
        pc = insn.next;
    }
    return nub_gas_end(&block, true);
}
