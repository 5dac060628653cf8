/* gas.c - what a block costs: the walk, the feeder, and the model `pipeline`
 *
 * One pass, a few machine instructions for each instruction of the block, whatever they are: this
 * is on the path of every program that is loaded, hostile ones too. Decides how much, never when:
 * charging is the business of who runs the program. Read pvm.md 7.
 */
#include "gas-private.h"

#include <stddef.h>

/* where a register field is; one that is not there may be read as any */
#define PLACE(fields)                                                                              \
    ((fields)&NUB_FIELD_A   ? offsetof(struct nub_insn, a)                                         \
     : (fields)&NUB_FIELD_B ? offsetof(struct nub_insn, b)                                         \
                            : offsetof(struct nub_insn, d))
#define FIRST(fields)  ((fields) & -(fields))
#define SECOND(fields) ((fields) & ((fields)-1))
/* whether an overlap (bits as in nub_gas_entry.slots) counts: by rule, and if there is the source
 */
#define OVERLAPS(rule, sources, overlap)                                                           \
    (((rule) == NUB_OVERLAP_ANY      ? (SECOND(sources) ? 3 : 1)                                   \
      : (rule) == NUB_OVERLAP_D_EQ_A ? 1                                                           \
                                     : 0) &                                                        \
     (overlap))
#define FLAGS(rule, kind, terminator)                                                              \
    (((terminator) ? NUB_GAS_ENDS : 0) | ((rule) == NUB_OVERLAP_MOVE ? NUB_GAS_MOVE : 0) |         \
     ((kind) == NUB_LATENCY_MEM ? NUB_GAS_MEM : 0) |                                               \
     ((kind) == NUB_LATENCY_BRANCH ? NUB_GAS_BRANCH : 0))

#define ENTRY(terminator, slots_, overlapping, rule, latency_, kind, unit_, dst_, sources_)        \
    {                                                                                              \
        .slots = { slots_, OVERLAPS(rule, sources_, 1) ? overlapping : slots_,                     \
                   OVERLAPS(rule, sources_, 2) ? overlapping : slots_,                             \
                   OVERLAPS(rule, sources_, 3) ? overlapping : slots_ },                           \
        .latency = latency_, .flags = FLAGS(rule, kind, terminator), .unit = unit_,                \
        .dst = PLACE(dst_), .no_dst = (dst_) ? 0 : NUB_GAS_NO_DST,                                 \
        .sources = { PLACE(FIRST(sources_)), PLACE(SECOND(sources_)) },                            \
        .has_source = { FIRST(sources_) ? -1 : 0, SECOND(sources_) ? -1 : 0 },                     \
        .waits_for_decoder = (rule) == NUB_OVERLAP_MOVE ? 0 : -1                                   \
    }

#pragma GCC diagnostic push
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#endif
const struct nub_gas_entry nub_gas_entries[256] = {
    [0 ... 255] = ENTRY(false, 1, 1, NUB_OVERLAP_NONE, 2, NUB_LATENCY_FIXED, NUB_UNIT_NONE,
                        NUB_FIELD_NONE, NUB_FIELD_NONE),
#define NUB_INSN(number, NAME, mnemonic, class, terminator, slots, overlapping, rule, latency,     \
                 kind, unit, dst, sources, effect)                                                 \
    [number] = ENTRY(terminator, slots, overlapping, NUB_OVERLAP_##rule, latency,                  \
                     NUB_LATENCY_##kind, NUB_UNIT_##unit,                                          \
                     (terminator ? NUB_FIELD_NONE : NUB_FIELD_##dst), NUB_FIELD_##sources),
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

/* the state of nub_gas_block.u.pipeline, in machine registers while a run is walked */
struct pipeline {
    uint64_t *done;
    uint64_t cycle, latest, used;
};

/* pvm.md 7.3. A move's end is that of its source, which `latest` has seen already. */
static inline void
pipeline_step(struct pipeline *p, const struct nub_gas_entry *entry, const struct nub_insn *insn,
              uint32_t latency)
{
    uint32_t dst = nub_gas_field(insn, entry->dst);
    uint32_t a = nub_gas_field(insn, entry->sources[0]);
    uint32_t b = nub_gas_field(insn, entry->sources[1]);
    uint64_t first = p->done[a] & (uint64_t)entry->has_source[0];
    uint64_t second = p->done[b] & (uint64_t)entry->has_source[1];
    uint64_t is_full = p->used >= 4;
    uint64_t start, end;

    p->cycle += is_full;
    p->used = (p->used & (is_full - 1)) + entry->slots[(dst == a) | (dst == b) << 1];
    start = max_u64(p->cycle & (uint64_t)entry->waits_for_decoder, max_u64(first, second));
    end = start + latency;
    p->done[dst | entry->no_dst] = end;
    p->latest = max_u64(p->latest, end);
}

static inline struct pipeline
load_pipeline(struct nub_gas_block *block)
{
    return (struct pipeline){ block->u.pipeline.done, block->u.pipeline.cycle,
                              block->u.pipeline.latest, block->u.pipeline.used };
}

static inline void
store_pipeline(struct nub_gas_block *block, const struct pipeline *p)
{
    block->u.pipeline.cycle = p->cycle;
    block->u.pipeline.latest = p->latest;
    block->u.pipeline.used = p->used;
}

static inline void
begin_pipeline(struct pipeline *p)
{
    p->cycle = p->latest = p->used = 0;
    /* in two parts, since compilers make a slow loop of one; what is beyond is never read */
    memset(p->done, 0, 8 * sizeof(uint64_t));
    memset(p->done + 8, 0, (NUB_N_REGS - 8) * sizeof(uint64_t));
}

static inline uint64_t
end_pipeline(const struct pipeline *p)
{
    return p->latest > 4 ? p->latest - 3 : 1;
}

static uint32_t
pipeline_blocks(struct nub_gas_block *block, const struct nub_program *program,
                const struct nub_insn *insns, uint32_t n, uint64_t *costs)
{
    struct pipeline p = load_pipeline(block);
    uint32_t mem_cycles = block->mem_cycles;
    uint64_t *cost = costs;

    for (const struct nub_insn *insn = insns; insn < insns + n; insn++) {
        const struct nub_gas_entry *entry = &nub_gas_entries[insn->opcode];
        if (!(entry->flags & NUB_GAS_ENDS)) { /* nor a branch */
            bool is_mem = entry->flags & NUB_GAS_MEM;
            pipeline_step(&p, entry, insn, is_mem ? mem_cycles : entry->latency);
            continue;
        }
        pipeline_step(&p, entry, insn, nub_gas_latency(entry, program, insn, mem_cycles));
        *cost++ = end_pipeline(&p);
        begin_pipeline(&p);
    }
    store_pipeline(block, &p);
    return (uint32_t)(cost - costs);
}

static uint32_t
polkavm_blocks(struct nub_gas_block *block, const struct nub_program *program,
               const struct nub_insn *insns, uint32_t n, uint64_t *costs)
{
    uint32_t n_ended = 0;

    for (uint32_t i = 0; i < n; i++) {
        nub_gas_polkavm_feed(block, program, &insns[i]);
        if (!(nub_gas_entries[insns[i].opcode].flags & NUB_GAS_ENDS))
            continue;
        costs[n_ended++] = nub_gas_polkavm_end(block, false);
        nub_gas_polkavm_begin(block);
    }
    return n_ended;
}

uint32_t
nub_gas_feed_run(struct nub_gas_block *block, const struct nub_program *program,
                 const struct nub_insn *insns, uint32_t n, uint64_t *costs)
{
    return block->model == NUB_GAS_POLKAVM ? polkavm_blocks(block, program, insns, n, costs)
                                           : pipeline_blocks(block, program, insns, n, costs);
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
    struct pipeline p = { .done = block->u.pipeline.done };
    begin_pipeline(&p);
    store_pipeline(block, &p);
}

void
nub_gas_feed(struct nub_gas_block *block, const struct nub_program *program,
             const struct nub_insn *insn)
{
    const struct nub_gas_entry *entry = &nub_gas_entries[insn->opcode];

    if (block->model == NUB_GAS_POLKAVM) {
        nub_gas_polkavm_feed(block, program, insn);
        return;
    }
    struct pipeline p = load_pipeline(block);
    pipeline_step(&p, entry, insn, nub_gas_latency(entry, program, insn, block->mem_cycles));
    store_pipeline(block, &p);
}

uint64_t
nub_gas_end(struct nub_gas_block *block, bool at_end)
{
    if (block->model == NUB_GAS_POLKAVM)
        return nub_gas_polkavm_end(block, at_end);
    struct pipeline p = load_pipeline(block);
    return end_pipeline(&p);
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
