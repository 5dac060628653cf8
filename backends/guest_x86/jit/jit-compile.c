/* jit-compile.c - the one pass over a program
 *
 * Instructions are visited in the order of their mask bits, reachable or not, in chunks of at most
 * NUB_JIT_CHUNK that follow each other: decoded, then priced, then emitted. Where a block goes on
 * in another chunk, or instructions begin that no block start leads to, is a join: a place where
 * nothing is known about earlier instructions, so that a tail can lead there. Every loop here is
 * bounded by the code's size; nothing is looked at twice, but for walk_on_behind_gap(). Read jit.h,
 * pvm.md 2, 3.2, 7.2.
 */
#include "jit-private.h"

#define MAX_NATIVE 0x7fffffffull /* 32-bit distances */

/* ---- bounds -------------------------------------------------------------------------------- */

static uint64_t
n_words(const struct nub_program *program)
{
    return ((uint64_t)program->code_size + 63) / 64;
}

static uint64_t
mask_word(const struct nub_program *program, uint64_t word)
{
    uint64_t size = ((uint64_t)program->code_size + 7) / 8, bits = 0;

    if (word * 8 + 8 <= size) {
        __builtin_memcpy(&bits, program->mask + word * 8, 8);
        return bits;
    }
    for (uint64_t i = word * 8; i < size; i++)
        bits |= (uint64_t)program->mask[i] << 8 * (i % 8);
    return bits;
}

enum nub_status
nub_jit_measure(struct nub_jit_sizes *sizes, const struct nub_program *program,
                const struct nub_jit_params *params, struct nub_failure *failure)
{
    uint64_t insns = 0, terminators = 0, known = 0, faults = 0, bytes = 0;
    uint64_t words = n_words(program);

    for (uint64_t word = 0; word < words; word++) {
        const uint8_t *code = program->code + word * 64;
        uint64_t starts = mask_word(program, word), census = 0;
        insns += nub_jit_count_bits(starts);
        for (uint64_t bits = starts; bits != 0; bits &= bits - 1)
            census += nub_jit_census[code[__builtin_ctzll(bits)]];
        bytes += census >> NUB_JIT_CENSUS_BYTES & 0xffff;
        known += census >> NUB_JIT_CENSUS_KNOWN & 0xffff;
        terminators += census >> NUB_JIT_CENSUS_ENDS & 0xffff;
        faults += census >> NUB_JIT_CENSUS_FAULTS;
    }
    bool wide = nub_jit_has_wide_costs(program);
    uint64_t unknown = insns - known, gaps = program->code_size / (NUB_MAX_SKIP + 1) + 1;
    bool per_insn = params->gas_model == NUB_GAS_INSTRUCTION;
    uint64_t charges = (per_insn ? insns : terminators) + unknown + gaps + 2;
    sizes->terminators = terminators;
    sizes->joins = insns / NUB_JIT_CHUNK + 2 * unknown + gaps + 2;
    sizes->code = bytes + charges * (NUB_JIT_CHARGE_ROOM(wide) + NUB_JIT_STUB_ROOM(wide)) +
                  2 * (unknown + gaps + 1) * NUB_JIT_EXIT_ROOM + NUB_JIT_TRAMPOLINE_ROOM +
                  NUB_JIT_INSN_ROOM;
    sizes->work =
        charges * sizeof(struct nub_jit_charge) + terminators * sizeof(struct nub_jit_spot);
    sizes->tables = ((uint64_t)program->n_jump + 1) * 8 + words * (8 + 4) +
                    (sizes->joins + faults) * sizeof(struct nub_jit_spot) + (terminators + 2) * 4;
    if (sizes->code > MAX_NATIVE)
        return nub_fail(failure, NUB_ERR_NOT_SUPPORTED,
                        "code: %u bytes may become more than 2 GiB of machine code",
                        program->code_size);
    return NUB_OK;
}

/* ---- chunks -------------------------------------------------------------------------------- */

/* why the instructions of a chunk end with `last` */
static enum nub_jit_chunk_end
end_of_chunk(const struct nub_program *program, const struct nub_insn *last)
{
    uint32_t info = nub_jit_info[last->opcode];

    if (info & NUB_JIT_ENDS_BLOCK)
        return NUB_JIT_CHUNK_TERMINATOR;
    if (!(info & NUB_JIT_KNOWN))
        return NUB_JIT_CHUNK_UNKNOWN;
    if (last->next >= program->code_size)
        return NUB_JIT_CHUNK_CODE_END;
    return nub_program_is_start(program, last->next) ? NUB_JIT_CHUNK_FULL : NUB_JIT_CHUNK_GAP;
}

/* decodes from `pc` on; stops before `limit` (at most the code's size) */
static inline void
read_chunk(struct nub_jit *jit, uint32_t pc, uint32_t limit, bool one_block)
{
    uint32_t n = nub_insn_decode_run(jit->chunk, NUB_JIT_CHUNK, jit->program, pc, limit, one_block);

    jit->n_chunk = n;
    jit->chunk_end = end_of_chunk(jit->program, &jit->chunk[n - 1]);
}

/*
 * The walk that prices a block goes on where execution panics because no instruction starts there
 * (pvm.md 7.2). It meets each byte for one block only: the next block begins behind a terminator.
 */
static bool
walk_on_behind_gap(struct nub_jit *jit)
{
    const struct nub_program *program = jit->program;
    uint32_t pc = jit->chunk[jit->n_chunk - 1].next;

    while (pc < program->code_size) {
        uint32_t info = nub_jit_info[program->code[pc]];
        struct nub_insn insn;
        nub_insn_decode(&insn, program, pc);
        nub_gas_feed(&jit->gas, program, &insn);
        if ((info & NUB_JIT_ENDS_BLOCK) || !(info & NUB_JIT_KNOWN))
            return false;
        pc = insn.next;
    }
    return true;
}

/* what the blocks cost that end in this chunk; the first may have been open, the last may stay so
 */
static void
price_chunk(struct nub_jit *jit)
{
    if (!jit->is_open)
        nub_gas_begin(&jit->gas, jit->out->params.gas_model, jit->out->params.mem_cycles);
    jit->n_costs = nub_gas_feed_run(&jit->gas, jit->program, jit->chunk, jit->n_chunk, jit->costs);
    if (jit->chunk_end != NUB_JIT_CHUNK_FULL && jit->chunk_end != NUB_JIT_CHUNK_TERMINATOR) {
        bool at_end = jit->chunk_end == NUB_JIT_CHUNK_CODE_END ||
                      (jit->chunk_end == NUB_JIT_CHUNK_GAP && walk_on_behind_gap(jit));
        jit->costs[jit->n_costs++] = nub_gas_end(&jit->gas, at_end);
    }
    jit->next_cost = 0;
}

/* 1 for one instruction, or for the end of the code in that model */
static void
charge_insn(struct nub_jit *jit, uint32_t pc)
{
    if (jit->per_insn)
        nub_jit_charge_gas(jit, pc, 1, true);
}

static void
emit_chunk(struct nub_jit *jit)
{
    const struct nub_insn *last = &jit->chunk[jit->n_chunk - 1];

    jit->flags_at = NULL;
    nub_jit_emit(jit, jit->chunk, jit->n_chunk);
    if (jit->is_full)
        return;
    if (jit->chunk_end == NUB_JIT_CHUNK_GAP) {
        nub_jit_exit(jit, jit->out->exit_panic, last->next);
    } else if (jit->chunk_end == NUB_JIT_CHUNK_CODE_END) {
        charge_insn(jit, last->next);
        nub_jit_exit(jit, jit->out->exit_trap, last->next);
    }
}

/* where control goes on behind a terminator and no block is: at the end, or at nothing known */
static void
emit_no_block(struct nub_jit *jit, uint32_t pc)
{
    const struct nub_program *program = jit->program;
    bool is_end = pc >= program->code_size;

    if (!nub_program_is_start(program, pc)) {
        nub_jit_exit(jit, jit->out->exit_panic, pc);
        return;
    }
    nub_jit_charge_gas(jit, pc,
                       jit->per_insn ? 1
                                     : nub_gas_cost(program, jit->out->params.gas_model,
                                                    jit->out->params.mem_cycles, pc),
                       true);
    nub_jit_exit(jit, is_end ? jit->out->exit_trap : jit->out->exit_panic, pc);
}

/* ---- a whole program ----------------------------------------------------------------------- */

static void
note_join(struct nub_jit *jit, uint32_t pc)
{
    jit->joins[jit->n_joins++] = (struct nub_jit_spot){ nub_jit_offset(jit), pc };
}

static uint32_t
next_start(const struct nub_program *program, uint32_t pc)
{
    uint64_t word = pc / 64, bits;

    if (pc >= program->code_size)
        return program->code_size;
    if (nub_program_is_start(program, pc)) /* as usual */
        return pc;
    bits = mask_word(program, word) & ~0ull << (pc % 64);
    while (bits == 0) {
        if (++word >= n_words(program))
            return program->code_size;
        bits = mask_word(program, word);
    }
    return (uint32_t)(word * 64 + (uint64_t)__builtin_ctzll(bits));
}

/* a block begins at `pc`, or something that no block start leads to */
static void
begin_block(struct nub_jit *jit, uint32_t pc)
{
    jit->is_open = nub_jit_is_block(jit->out, pc);
    if (!jit->is_open) {
        note_join(jit, pc);
        return;
    }
    nub_jit_bind_block(jit);
    if (jit->per_insn)
        return;
    bool is_final = jit->next_cost < jit->n_costs;
    nub_jit_charge_gas(jit, pc, is_final ? jit->costs[jit->next_cost] : 0, is_final);
    jit->next_cost++;
}

/* the open block goes on, and perhaps ends */
static void
go_on_in_block(struct nub_jit *jit, uint32_t pc)
{
    note_join(jit, pc);
    if (jit->n_costs > 0 && !jit->per_insn)
        nub_jit_patch_cost(jit, &jit->charges[jit->n_charges - 1], jit->costs[0]);
    jit->next_cost++;
}

void
nub_jit_behind_terminator(struct nub_jit *jit, const struct nub_insn *last)
{
    if ((nub_jit_info[last->opcode] & NUB_JIT_FALLS) && !nub_jit_is_block(jit->out, last->next))
        emit_no_block(jit, last->next);
    jit->is_open = false;
    if (last + 1 < jit->chunk + jit->n_chunk)
        begin_block(jit, last->next);
}

static void
compile_all(struct nub_jit *jit)
{
    const struct nub_program *program = jit->program;
    uint32_t pc = next_start(program, 0), size = program->code_size;

    while (pc < size && !jit->is_full) {
        bool is_reached = jit->is_open || nub_jit_is_block(jit->out, pc);
        read_chunk(jit, pc, size, !is_reached);
        if (is_reached && !jit->per_insn) /* else nobody asks for a price */
            price_chunk(jit);
        if (jit->is_open)
            go_on_in_block(jit, pc);
        else
            begin_block(jit, pc);
        emit_chunk(jit);
        if (jit->chunk_end != NUB_JIT_CHUNK_FULL)
            jit->is_open = false;
        pc = next_start(program, jit->chunk[jit->n_chunk - 1].next);
    }
}

static void
count_ranks(struct nub_jit_code *out, uint32_t *rank)
{
    uint32_t before = 0;

    for (uint64_t word = 0; word < n_words(&out->program); word++) {
        uint64_t bits;
        __builtin_memcpy(&bits, out->starts + word * 8, 8);
        rank[word] = before;
        before += nub_jit_count_bits(bits);
    }
}

/* lays the tables out, the one whose size is not known exactly last */
static void
lay_tables(struct nub_jit *jit, uint8_t *tables, uint64_t max_joins)
{
    struct nub_jit_code *out = jit->out;
    uint64_t words = n_words(&out->program);
    uint8_t *starts = tables + ((uint64_t)out->program.n_jump + 1) * 8;
    uint32_t *rank = (uint32_t *)(void *)(starts + words * 8);

    out->dispatch = (uint64_t *)(void *)tables;
    if (words != 0)
        __builtin_memset(starts + words * 8 - 8, 0, 8);
    out->starts = starts;
    out->n_blocks = nub_program_block_starts(&out->program, starts);
    out->rank = rank;
    count_ranks(out, rank);
    out->block_native = rank + words;
    jit->joins = (struct nub_jit_spot *)(void *)(out->block_native + out->n_blocks);
    jit->faults = jit->joins + max_joins;
}

enum nub_status
nub_jit_compile(struct nub_jit_code *out, const struct nub_program *program,
                const struct nub_jit_params *params, const struct nub_jit_sizes *sizes,
                uint8_t *code, void *tables, void *work, struct nub_failure *failure)
{
    struct nub_jit jit = { .x = { code }, .begin = code, .end = code + sizes->code, .out = out };

    *out = (struct nub_jit_code){ .program = *program, .params = *params, .code = code };
    jit.program = &out->program;
    jit.gs = params->addressing == NUB_JIT_GS;
    jit.bmi = params->features & NUB_JIT_BMI;
    jit.per_insn = params->gas_model == NUB_GAS_INSTRUCTION;
    jit.wide_costs = nub_jit_has_wide_costs(program);
    jit.waiting = work;
    jit.charges = (struct nub_jit_charge *)(void *)(jit.waiting + sizes->terminators);
    lay_tables(&jit, tables, sizes->joins);
    if (nub_jit_has_room(&jit, NUB_JIT_TRAMPOLINE_ROOM))
        nub_jit_trampolines(&jit);
    compile_all(&jit);
    if (!jit.is_full)
        nub_jit_out_of_gas_stubs(&jit);
    if (jit.is_full)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "%U bytes of machine code do not suffice",
                        sizes->code);
    nub_jit_lead_jumps(&jit);
    out->joins = jit.joins;
    out->n_joins = jit.n_joins;
    out->faults = jit.faults;
    out->n_faults = jit.n_faults;
    out->code_size = nub_jit_offset(&jit);
    out->tables_size = (uint64_t)((uint8_t *)(jit.faults + jit.n_faults) - (uint8_t *)tables);
    return NUB_OK;
}

/* ---- the rest of a block ------------------------------------------------------------------- */

/* the first join behind `pc`, or NULL */
static const struct nub_jit_spot *
join_behind(const struct nub_jit_code *code, uint32_t pc)
{
    uint32_t low = 0, high = code->n_joins;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (code->joins[middle].pc > pc)
            high = middle;
        else
            low = middle + 1;
    }
    return low < code->n_joins ? &code->joins[low] : NULL;
}

static void
leave_tail(struct nub_jit *jit, const struct nub_jit_spot *join)
{
    const struct nub_insn *last = &jit->chunk[jit->n_chunk - 1];

    if (jit->chunk_end == NUB_JIT_CHUNK_FULL)
        nub_jit_goto(jit, join->native);
    else if (jit->chunk_end == NUB_JIT_CHUNK_TERMINATOR &&
             (nub_jit_info[last->opcode] & NUB_JIT_FALLS)) {
        if (nub_jit_is_block(jit->out, last->next))
            nub_jit_jump(jit, last->pc, last->next);
        else
            emit_no_block(jit, last->next);
    }
}

/* its own charge, its instructions with one each, the way out of it, and the stubs */
_Static_assert(NUB_JIT_CHUNK *NUB_JIT_INSN_MOST +
                       (NUB_JIT_CHUNK + 2) * (NUB_JIT_CHARGE_ROOM(true) + NUB_JIT_TAIL_STUB_ROOM) +
                       NUB_JIT_EXIT_ROOM + NUB_JIT_INSN_ROOM <=
                   NUB_JIT_TAIL_SIZE,
               "a tail has room");

void
nub_jit_tail(struct nub_jit_tail *tail, const struct nub_jit_code *code, uint32_t pc,
             uint8_t buffer[NUB_JIT_TAIL_SIZE])
{
    struct nub_jit_code out = *code; /* read only, though the compiler's is not */
    struct nub_jit_charge charges[NUB_JIT_CHUNK + 2];
    struct nub_jit jit = { .x = { buffer }, .begin = buffer, .end = buffer + NUB_JIT_TAIL_SIZE };
    const struct nub_jit_spot *join = join_behind(code, pc);

    jit.out = &out;
    jit.program = &out.program;
    jit.gs = out.params.addressing == NUB_JIT_GS;
    jit.bmi = out.params.features & NUB_JIT_BMI;
    jit.per_insn = out.params.gas_model == NUB_GAS_INSTRUCTION;
    jit.wide_costs = true;
    jit.is_tail = true;
    jit.one_block = true;
    jit.charges = charges;
    jit.faults = tail->faults;
    if (!jit.per_insn)
        nub_jit_charge_gas(
            &jit, pc, nub_gas_cost(&out.program, out.params.gas_model, out.params.mem_cycles, pc),
            true);
    read_chunk(&jit, pc, join ? join->pc : out.program.code_size, true);
    emit_chunk(&jit);
    leave_tail(&jit, join);
    nub_jit_out_of_gas_stubs(&jit);
    tail->size = nub_jit_offset(&jit);
    tail->n_faults = jit.n_faults;
}
