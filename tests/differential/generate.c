/* generate.c - nasty programs out of a seed
 *
 * Code is made instruction by instruction; targets are filled in when it is known where
 * instructions start. Most choices lean towards what is usual and towards edges, some are blind: a
 * program of random bytes alone would panic at its first instruction. Nothing here knows what
 * instructions do.
 */
#include "generate.h"
#include "disasm.h"
#include "gas.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_INSNS 400u

void
nub_random_seed(struct nub_random *random, uint64_t seed)
{
    /* splitmix64: neighbouring seeds give unlike states, none gives 0 */
    uint64_t z = seed + 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    random->state = (z ^ z >> 31) | 1;
}

uint64_t
nub_random_next(struct nub_random *random)
{
    uint64_t x = random->state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * 0x2545F4914F6CDD1Du;
}

uint32_t
nub_random_below(struct nub_random *random, uint32_t n)
{
    return (uint32_t)((nub_random_next(random) >> 32) * n >> 32);
}

bool
nub_random_one_in(struct nub_random *random, uint32_t n)
{
    return nub_random_below(random, n) == 0;
}

/* ---- values -------------------------------------------------------------------------------- */

/* the generator at work */
struct maker {
    struct nub_random random;
    struct nub_case *out;
    uint32_t starts[MAX_INSNS]; /* pcs of instructions */
    uint32_t n_starts;
    uint8_t registers; /* how many registers the program likes */
};

static uint64_t
interesting_value(struct nub_random *r)
{
    static const uint64_t edges[] = {
        0,
        1,
        2,
        0x7F,
        0x80,
        0xFF,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        0x100000000,
        0x7FFFFFFFFFFFFFFF,
        0x8000000000000000,
        UINT64_MAX,
        UINT64_MAX - 1,
        NUB_HALT_ADDRESS,
    };
    uint64_t value;

    switch (nub_random_below(r, 5)) {
    case 0:
        return edges[nub_random_below(r, sizeof edges / sizeof edges[0])];
    case 1:
        return nub_random_below(r, 80);
    case 2:
        value = nub_random_next(r);
        return value >> nub_random_below(r, 64);
    case 3:
        value = 1ull << nub_random_below(r, 64);
        return nub_random_one_in(r, 2) ? value - nub_random_below(r, 3) : ~value;
    default:
        return nub_random_next(r);
    }
}

/* near an edge of a mapped page, mostly */
static uint32_t
interesting_address(struct maker *m)
{
    struct nub_random *r = &m->random;

    if (m->out->n_pages == 0 || nub_random_one_in(r, 12))
        return (uint32_t)interesting_value(r);
    const struct nub_case_page *page = &m->out->pages[nub_random_below(r, m->out->n_pages)];
    switch (nub_random_below(r, 4)) {
    case 0:
        return page->address - 8 + nub_random_below(r, 16);
    case 1:
        return page->address + NUB_PAGE_SIZE - 9 + nub_random_below(r, 12);
    default:
        return page->address + nub_random_below(r, NUB_PAGE_SIZE);
    }
}

static int32_t
immediate(struct maker *m)
{
    struct nub_random *r = &m->random;

    switch (nub_random_below(r, 6)) {
    case 0:
        return (int32_t)interesting_value(r);
    case 1:
        return (int32_t)interesting_address(m);
    case 2:
        return 0;
    default:
        return (int32_t)nub_random_below(r, 256) - 128;
    }
}

static uint8_t
some_register(struct maker *m)
{
    return (uint8_t)nub_random_below(&m->random,
                                     nub_random_one_in(&m->random, 8) ? 16 : m->registers);
}

/* ---- code ---------------------------------------------------------------------------------- */

static bool
has_room(const struct maker *m)
{
    return m->n_starts < MAX_INSNS && m->out->code_size + 40 < NUB_CASE_MAX_CODE;
}

static void
start_insn(struct maker *m, uint8_t opcode)
{
    uint32_t pc = m->out->code_size;

    m->out->mask[pc / 8] |= (uint8_t)(1u << pc % 8);
    m->starts[m->n_starts++] = pc;
    m->out->code[m->out->code_size++] = opcode;
}

static void
put(struct maker *m, uint32_t byte)
{
    m->out->code[m->out->code_size++] = (uint8_t)byte;
}

/* the fewest bytes that hold the value, or more, or too few */
static uint32_t
put_immediate(struct maker *m, int32_t value)
{
    uint32_t n = 0;

    while (n < 4 && (n == 0 ? value != 0 : nub_insn_value_size((uint64_t)(int64_t)value) > n))
        n++;
    if (nub_random_one_in(&m->random, 10))
        n = nub_random_below(&m->random, 5);
    for (uint32_t i = 0; i < n; i++)
        put(m, (uint32_t)value >> 8 * i);
    return n;
}

/* place for an offset; fill_targets() comes back */
static void
put_offset(struct maker *m)
{
    for (uint32_t i = 0; i < 2; i++)
        put(m, 0);
}

static void
make_arguments(struct maker *m, enum nub_arg_class arg_class)
{
    uint32_t pair = (uint32_t)some_register(m) << 4 | some_register(m);
    uint8_t *length = &m->out->code[m->out->code_size];

    switch (arg_class) {
    case NUB_ARG_N:
        break;
    case NUB_ARG_I:
        put_immediate(m, immediate(m));
        break;
    case NUB_ARG_RX:
        put(m, pair);
        for (uint64_t value = interesting_value(&m->random), i = 0; i < 8; i++)
            put(m, (uint32_t)(value >> 8 * i));
        break;
    case NUB_ARG_II:
        put(m, 0);
        *length = (uint8_t)put_immediate(m, (int32_t)interesting_address(m));
        put_immediate(m, immediate(m));
        break;
    case NUB_ARG_O:
        put_offset(m);
        break;
    case NUB_ARG_RI:
        put(m, pair);
        put_immediate(m, immediate(m));
        break;
    case NUB_ARG_RII:
        put(m, 0);
        *length = (uint8_t)(put_immediate(m, immediate(m)) << 4 | (pair & 15));
        put_immediate(m, immediate(m));
        break;
    case NUB_ARG_RIO:
        put(m, 0);
        *length = (uint8_t)(put_immediate(m, immediate(m)) << 4 | (pair & 15));
        put_offset(m);
        break;
    case NUB_ARG_RR:
        put(m, pair);
        break;
    case NUB_ARG_RRI:
        put(m, pair);
        put_immediate(m, immediate(m));
        break;
    case NUB_ARG_RRO:
        put(m, pair);
        put_offset(m);
        break;
    case NUB_ARG_RRII:
        put(m, pair);
        put(m, 0);
        length++;
        *length = (uint8_t)put_immediate(m, immediate(m));
        put_immediate(m, immediate(m));
        break;
    case NUB_ARG_RRR:
        put(m, pair);
        put(m, nub_random_one_in(&m->random, 20) ? nub_random_below(&m->random, 256)
                                                 : some_register(m));
        break;
    }
}

static void
make_insn(struct maker *m, uint8_t opcode)
{
    start_insn(m, opcode);
    make_arguments(m, nub_isa[opcode].arg_class);
}

/* argument bytes at random, as many as chance wants */
static void
make_blind(struct maker *m)
{
    struct nub_random *r = &m->random;
    uint32_t n = nub_random_one_in(r, 8) ? nub_random_below(r, 30) : nub_random_below(r, 12);

    start_insn(m, (uint8_t)nub_random_below(r, 256));
    for (uint32_t i = 0; i < n; i++)
        put(m, nub_random_below(r, 256));
}

static uint8_t
known_opcode(struct maker *m, bool terminator)
{
    for (;;) {
        uint8_t opcode = (uint8_t)nub_random_below(&m->random, 256);
        /* traps and host calls at a third of their share */
        bool ends_run = opcode == NUB_OP_TRAP || opcode == NUB_OP_ECALLI || opcode == NUB_OP_ECALL;
        if (!nub_isa[opcode].mnemonic || nub_isa[opcode].is_terminator != terminator ||
            (ends_run && !nub_random_one_in(&m->random, 3)))
            continue;
        return opcode;
    }
}

/* a load or store through a register, which has an address first, mostly */
static void
make_access(struct maker *m)
{
    struct nub_random *r = &m->random;
    uint8_t base = some_register(m), opcode;
    int32_t disp = nub_random_one_in(r, 2) ? 0 : immediate(m);

    if (!nub_random_one_in(r, 4)) {
        start_insn(m, NUB_OP_LOAD_IMM);
        put(m, base);
        put_immediate(m, (int32_t)(interesting_address(m) - (uint32_t)disp));
    }
    opcode = (uint8_t)(NUB_OP_STORE_IND_U8 + nub_random_below(r, 11));
    start_insn(m, opcode);
    put(m, (uint32_t)base << 4 | some_register(m));
    put_immediate(m, disp);
}

/* a dynamic jump whose address is in the table, mostly */
static void
make_dynamic_jump(struct maker *m)
{
    struct nub_random *r = &m->random;
    uint8_t reg = some_register(m);
    uint32_t address = 2 * nub_random_below(r, m->out->n_jump + 2);

    if (nub_random_one_in(r, 10))
        address = nub_random_one_in(r, 2) ? NUB_HALT_ADDRESS : address + 1;
    start_insn(m, NUB_OP_LOAD_IMM);
    put(m, reg);
    put_immediate(m, (int32_t)address);
    if (nub_random_one_in(r, 2)) {
        start_insn(m, NUB_OP_JUMP_IND);
        put(m, reg);
    } else {
        start_insn(m, NUB_OP_LOAD_IMM_JUMP_IND);
        put(m, (uint32_t)reg << 4 | some_register(m));
        put(m, 1);
        put(m, nub_random_below(r, 256));
    }
}

/* neighbours that a compiler may want to join */
static void
make_pair(struct maker *m)
{
    static const uint8_t pairs[][2] = {
        { NUB_OP_SHLO_L_IMM_64, NUB_OP_SHLO_R_IMM_64 },
        { NUB_OP_SHLO_L_IMM_64, NUB_OP_SHAR_R_IMM_64 },
        { NUB_OP_SHLO_L_IMM_64, NUB_OP_ADD_64 },
        { NUB_OP_MUL_64, NUB_OP_MUL_UPPER_U_U },
        { NUB_OP_MUL_UPPER_U_U, NUB_OP_MUL_64 },
        { NUB_OP_SET_LT_U, NUB_OP_BRANCH_NE_IMM },
        { NUB_OP_SET_LT_S_IMM, NUB_OP_BRANCH_EQ_IMM },
        { NUB_OP_ADD_IMM_64, NUB_OP_BRANCH_NE_IMM },
        { NUB_OP_ADD_IMM_32, NUB_OP_BRANCH_EQ_IMM },
        { NUB_OP_AND, NUB_OP_BRANCH_EQ_IMM },
        { NUB_OP_ADD_32, NUB_OP_SHLO_L_IMM_32 },
        { NUB_OP_XOR, NUB_OP_ROT_R_32_IMM },
        { NUB_OP_LOAD_IMM, NUB_OP_ADD_64 },
        { NUB_OP_ADD_64, NUB_OP_SET_LT_U },
        { NUB_OP_SET_LT_U, NUB_OP_CMOV_NZ },
        { NUB_OP_MOVE_REG, NUB_OP_ADD_IMM_64 },
    };
    const uint8_t *pair = pairs[nub_random_below(&m->random, sizeof pairs / sizeof pairs[0])];
    uint8_t registers = m->registers;

    m->registers = 3; /* so that the second one meets the first one's result */
    for (uint32_t i = 0; i < 2; i++) {
        make_insn(m, pair[i]);
        if (nub_isa[pair[i]].arg_class == NUB_ARG_RRI && nub_random_one_in(&m->random, 2)) {
            static const uint8_t counts[] = { 32, 32, 29, 1, 2, 3, 56, 48, 63 };
            m->out->code_size = m->starts[m->n_starts - 1] + 2;
            put(m, counts[nub_random_below(&m->random, sizeof counts)]);
        }
    }
    m->registers = registers;
}

static void
make_something(struct maker *m)
{
    uint32_t chance = nub_random_below(&m->random, 100);

    if (chance < 50)
        make_insn(m, known_opcode(m, false));
    else if (chance < 68)
        make_access(m);
    else if (chance < 76)
        make_pair(m);
    else if (chance < 79)
        make_dynamic_jump(m);
    else if (chance < 98)
        make_insn(m, known_opcode(m, true));
    else
        make_blind(m);
}

/* ---- targets ------------------------------------------------------------------------------- */

static uint32_t
some_target(struct maker *m)
{
    struct nub_program program = nub_case_program(m->out);

    if (m->n_starts == 0 || nub_random_one_in(&m->random, 15))
        return nub_random_below(&m->random, m->out->code_size + 3);
    for (uint32_t attempt = 0; attempt < 12; attempt++) {
        uint32_t pc = m->starts[nub_random_below(&m->random, m->n_starts)];
        if (nub_program_is_block_start(&program, pc))
            return pc;
    }
    return m->starts[nub_random_below(&m->random, m->n_starts)];
}

static void
fill_targets(struct maker *m)
{
    struct nub_program program = nub_case_program(m->out);

    for (uint32_t i = 0; i < m->n_starts; i++) {
        uint32_t pc = m->starts[i];
        struct nub_insn insn;
        nub_insn_decode(&insn, &program, pc);
        enum nub_arg_class arg_class = nub_isa[insn.opcode].arg_class;
        bool has_target =
            arg_class == NUB_ARG_O || arg_class == NUB_ARG_RIO || arg_class == NUB_ARG_RRO;
        if (!has_target || insn.next < pc + 3 || insn.next > m->out->code_size ||
            nub_random_one_in(&m->random, 40))
            continue;
        uint32_t offset = some_target(m) - pc;
        m->out->code[insn.next - 2] = (uint8_t)offset;
        m->out->code[insn.next - 1] = (uint8_t)(offset >> 8);
    }
    for (uint32_t i = 0; i < m->out->n_jump; i++) {
        uint32_t target = some_target(m);
        for (uint32_t byte = 0; byte < 4; byte++)
            m->out->jump_table[4 * i + byte] = (uint8_t)(target >> 8 * byte);
    }
}

/* ---- the state ----------------------------------------------------------------------------- */

static bool
add_page(struct nub_case *c, uint32_t address, uint8_t access, uint8_t fill)
{
    uint32_t i = c->n_pages;

    for (uint32_t k = 0; k < c->n_pages; k++)
        if (c->pages[k].address == address)
            return false;
    if (c->n_pages == NUB_CASE_MAX_PAGES)
        return false;
    for (; i > 0 && c->pages[i - 1].address > address; i--)
        c->pages[i] = c->pages[i - 1];
    c->pages[i] = (struct nub_case_page){ address, access, fill };
    c->n_pages++;
    return true;
}

static void
make_pages(struct maker *m)
{
    static const uint32_t places[] = { 0,          0x1000,     0x20000,    0x21000,   0x22000,
                                       0x7FFFF000, 0x80000000, 0xFFFFE000, 0xFFFFF000 };
    struct nub_random *r = &m->random;

    for (uint32_t n = nub_random_below(r, NUB_CASE_MAX_PAGES + 1); n > 0; n--)
        add_page(m->out, places[nub_random_below(r, sizeof places / sizeof places[0])],
                 nub_random_one_in(r, 4) ? NUB_ACCESS_READ_ONLY : NUB_ACCESS_READ_WRITE,
                 (uint8_t)nub_random_below(r, 256));
}

static void
make_state(struct maker *m)
{
    struct nub_random *r = &m->random;
    struct nub_case *c = m->out;

    for (uint32_t i = 0; i < NUB_N_REGS; i++)
        c->regs[i] = nub_random_one_in(r, 2) ? interesting_address(m) : interesting_value(r);
    if (nub_random_one_in(r, 3))
        c->regs[nub_random_below(r, NUB_N_REGS)] |= nub_random_next(r) << 32;
    c->pc = 0;
    if (nub_random_one_in(r, 4))
        c->pc = nub_random_one_in(r, 4) ? (uint32_t)interesting_value(r) : some_target(m);
    switch (nub_random_below(r, 4)) {
    case 0:
        c->gas = nub_random_below(r, 60);
        break;
    case 1:
        c->gas = nub_random_below(r, 600);
        break;
    default:
        c->gas = 3000 + nub_random_below(r, 3000);
        break;
    }
    c->max_runs = 1 + nub_random_below(r, 8);
}

void
nub_case_generate(struct nub_case *out, uint64_t seed, const struct nub_case_wish *wish)
{
    struct maker m = { .out = out };
    uint32_t max_insns = wish->max_insns ? wish->max_insns : 120;

    *out = (struct nub_case){ .seed = seed };
    nub_random_seed(&m.random, seed);
    out->gas_model = wish->gas_model ? wish->gas_model : 1 + nub_random_below(&m.random, 3);
    out->mem_cycles = nub_random_one_in(&m.random, 2) ? 25 : 1 + nub_random_below(&m.random, 127);
    out->n_jump = nub_random_below(&m.random, NUB_CASE_MAX_JUMP + 1);
    m.registers = (uint8_t)(2 + nub_random_below(&m.random, 12));
    make_pages(&m);
    if (nub_random_one_in(&m.random, 50)) /* the first byte starts nothing */
        put(&m, nub_random_below(&m.random, 256));
    for (uint32_t n = nub_random_below(&m.random, max_insns + 1); n > 0 && has_room(&m); n--)
        make_something(&m);
    if (nub_random_one_in(&m.random, 2) && has_room(&m))
        make_insn(&m, known_opcode(&m, true));
    if (out->code_size > 0 && nub_random_one_in(&m.random, 6)) /* the last instruction is cut */
        out->code_size -= nub_random_below(&m.random, out->code_size < 9 ? out->code_size : 9);
    for (uint32_t i = out->code_size; i < NUB_CASE_MAX_CODE; i++) {
        out->mask[i / 8] &= (uint8_t) ~(1u << i % 8);
        out->code[i] = 0;
    }
    while (m.n_starts > 0 && m.starts[m.n_starts - 1] >= out->code_size)
        m.n_starts--;
    fill_targets(&m);
    make_state(&m);
}

struct nub_program
nub_case_program(const struct nub_case *c)
{
    return (struct nub_program){ .code = c->code,
                                 .code_size = c->code_size,
                                 .mask = c->mask,
                                 .jump_table = c->jump_table,
                                 .n_jump = c->n_jump,
                                 .jump_width = 4 };
}

uint8_t
nub_case_page_byte(const struct nub_case_page *page, uint32_t i)
{
    return page->fill == 0 ? 0 : (uint8_t)(page->fill * 31u + i * 7u + (i >> 8));
}

/* ---- printing ------------------------------------------------------------------------------ */

static void
print_state(const struct nub_case *c, void (*line)(void *ctx, const char *text), void *ctx)
{
    char text[200];

    snprintf(text, sizeof text,
             "; seed %" PRIu64 ", gas model %s, mem_cycles %u, gas %" PRIu64 ", pc %u, runs %u",
             c->seed, nub_gas_model_name(c->gas_model), c->mem_cycles, c->gas, c->pc, c->max_runs);
    line(ctx, text);
    for (uint32_t i = 0; i < NUB_N_REGS; i++) {
        if (c->regs[i] == 0)
            continue;
        snprintf(text, sizeof text, "; %s = 0x%" PRIx64, nub_reg_names[i], c->regs[i]);
        line(ctx, text);
    }
    for (uint32_t i = 0; i < c->n_pages; i++) {
        snprintf(text, sizeof text, "; page 0x%x %s, fill %u", c->pages[i].address,
                 c->pages[i].access == NUB_ACCESS_READ_WRITE ? "rw" : "ro", c->pages[i].fill);
        line(ctx, text);
    }
}

void
nub_case_print(const struct nub_case *c, void (*line)(void *ctx, const char *text), void *ctx)
{
    struct nub_program program = nub_case_program(c);
    char text[256];

    print_state(c, line, ctx);
    for (uint32_t i = 0; i < c->n_jump; i++) {
        snprintf(text, sizeof text, "; jump table %u: %u", 2 * (i + 1),
                 nub_program_jump_entry(&program, i));
        line(ctx, text);
    }
    for (uint32_t pc = 0; pc < c->code_size; pc++) {
        struct nub_insn insn;
        int n;
        if (!nub_program_is_start(&program, pc))
            continue;
        nub_insn_decode(&insn, &program, pc);
        n = snprintf(text, sizeof text, "%5u%c ", pc,
                     nub_program_is_block_start(&program, pc) ? ':' : ' ');
        nub_insn_format(text + n, sizeof text - (size_t)n, &insn);
        line(ctx, text);
    }
}
