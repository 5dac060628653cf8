/* test-engines.c - both interpreters and both kinds of memory against the plain one, on random
 * programs
 *
 * Programs are bytes in the shape of instructions: all opcodes, known and unknown, with operands
 * that often touch the edges of mapped pages. Each is run several times from wherever it stopped,
 * or from a random pc, with gas that often runs out. After every run the whole state must be equal.
 * A failing seed is printed; run it again with --seed.
 */
#include "local-fixture.h"
#include <string.h>

#define N_MODES  TEST_N_MODES
#define MAX_CODE 300u
#define PAGES_AT 0x20000u

struct program {
    uint8_t code[MAX_CODE + 32], mask[(MAX_CODE + 32) / 8 + 1];
    uint32_t size;
    uint32_t table[8];
    uint64_t starts[MAX_CODE];
    uint32_t n_starts;
};

static void
emit(struct program *p, const uint8_t *bytes, uint32_t n)
{
    p->starts[p->n_starts++] = p->size;
    p->mask[p->size / 8] |= (uint8_t)(1u << p->size % 8);
    memcpy(p->code + p->size, bytes, n);
    p->size += n;
}

static uint8_t
random_opcode(GRand *random)
{
    uint8_t opcode = (uint8_t)g_rand_int_range(random, 0, 256);

    /* mostly known ones, or nothing runs for long */
    while (!nub_isa[opcode].mnemonic && g_rand_int_range(random, 0, 60))
        opcode = (uint8_t)g_rand_int_range(random, 0, 256);
    if (opcode == NUB_OP_TRAP && g_rand_int_range(random, 0, 8))
        opcode = NUB_OP_FALLTHROUGH;
    return opcode;
}

static uint64_t
random_value(GRand *random)
{
    switch (g_rand_int_range(random, 0, 6)) {
    case 0:
        return (uint64_t)g_rand_int(random) << 32 | g_rand_int(random);
    case 1:
        return (uint64_t)(int64_t)(int32_t)g_rand_int(random);
    case 2:
        return (uint64_t)(int64_t)g_rand_int_range(random, -3, 20);
    case 3: /* near the edges of pages */
        return PAGES_AT + (uint64_t)g_rand_int_range(random, -1, 4) * NUB_PAGE_SIZE +
               (uint64_t)(int64_t)g_rand_int_range(random, -9, 9);
    case 4:
        return 2 * (uint64_t)g_rand_int_range(random, 0, 10);
    default:
        return (uint64_t[]){
            0,          UINT64_MAX, INT64_MAX,        1ull << 63,
            UINT32_MAX, 1ull << 31, NUB_HALT_ADDRESS, UINT32_MAX - 6
        }[g_rand_int_range(random, 0, 8)];
    }
}

static void
random_insn(GRand *random, struct program *p)
{
    struct nub_insn insn = { .pc = p->size, .opcode = random_opcode(random) };
    uint8_t bytes[NUB_MAX_INSN_SIZE] = { insn.opcode };
    uint32_t n = 0;

    insn.a = (uint8_t)g_rand_int_range(random, 0, NUB_N_REGS);
    insn.b = (uint8_t)g_rand_int_range(random, 0, NUB_N_REGS);
    insn.d = (uint8_t)g_rand_int_range(random, 0, NUB_N_REGS);
    insn.x = (uint64_t)(int64_t)(int32_t)random_value(random);
    insn.y = (uint64_t)(int64_t)(int32_t)random_value(random);
    insn.target = p->n_starts ? p->starts[g_rand_int_range(random, 0, (gint32)p->n_starts)] : 0;
    if (g_rand_int_range(random, 0, 3) == 0) /* forward; often no block start */
        insn.target = p->size + (uint64_t)g_rand_int_range(random, 0, 24);
    if (nub_isa[insn.opcode].mnemonic && g_rand_int_range(random, 0, 20))
        n = nub_insn_encode(bytes, &insn, 0);
    if (n == 0) { /* bytes as they come, also too short and too long */
        n = (uint32_t)g_rand_int_range(random, 1, g_rand_int_range(random, 0, 30) ? 8 : 28);
        for (uint32_t i = 1; i < n && i < sizeof bytes; i++)
            bytes[i] = (uint8_t)g_rand_int(random);
    }
    emit(p, bytes, MIN(n, (uint32_t)sizeof bytes));
}

static void
random_program(GRand *random, struct program *p)
{
    uint32_t wanted = (uint32_t)g_rand_int_range(random, 1, MAX_CODE);

    memset(p, 0, sizeof *p);
    emit(p, (const uint8_t[]){ NUB_OP_FALLTHROUGH }, 1); /* the endpoint must be a block start */
    while (p->size < wanted)
        random_insn(random, p);
    for (uint32_t i = 0; i < G_N_ELEMENTS(p->table); i++)
        p->table[i] = (uint32_t)p->starts[g_rand_int_range(random, 0, (gint32)p->n_starts)];
}

/* ---- one program on all engines -------------------------------------------------------------- */

struct engines {
    unsigned n; /* the first of test_modes that take part */
    struct nub_local *local[N_MODES];
    void *session[N_MODES];
    const char *context;
};

struct state {
    struct nub_result result;
    uint64_t regs[NUB_N_REGS], gas;
    uint32_t pc;
};

static void
open_sessions(struct engines *e, const struct program *p, uint32_t model)
{
    static const uint64_t at_0 = 0;
    struct test_image image = { .code = p->code,
                                .code_size = p->size,
                                .bitmask = p->mask,
                                .jump_table = p->table,
                                .n_jump = G_N_ELEMENTS(p->table),
                                .entries = &at_0,
                                .n_entries = 1 };

    for (unsigned i = 0; i < e->n; i++) {
        struct nub_hash hash = test_put_image(e->local[i], &image);
        struct nub_session_args args = { .struct_size = sizeof args,
                                         .gas_model = model,
                                         .mem_cycles = 25 + model };
        args.instance = test_put_instance(e->local[i], &hash, 0, NULL, 0);
        struct nub_failure failure = { .struct_size = sizeof failure };
        nub_local_session_open(e->local[i], &args, &e->session[i], &failure);
        g_assert_cmpstr(failure.message, ==, "");
        g_assert_cmpint(nub_local_session_map(e->session[i], PAGES_AT, NUB_PAGE_SIZE,
                                              NUB_ACCESS_READ_WRITE, NULL),
                        ==, NUB_OK);
        g_assert_cmpint(nub_local_session_map(e->session[i], PAGES_AT + NUB_PAGE_SIZE,
                                              NUB_PAGE_SIZE, NUB_ACCESS_READ_ONLY, NULL),
                        ==, NUB_OK);
        g_assert_cmpint(nub_local_session_map(e->session[i], PAGES_AT + 2 * NUB_PAGE_SIZE,
                                              NUB_PAGE_SIZE, NUB_ACCESS_READ_WRITE, NULL),
                        ==, NUB_OK);
        g_assert_cmpint(nub_local_session_map(e->session[i], NUB_MEMORY_END - NUB_PAGE_SIZE,
                                              NUB_PAGE_SIZE, NUB_ACCESS_READ_WRITE, NULL),
                        ==, NUB_OK);
        nub_local_drop_cap(e->local[i], &args.instance, NULL);
        nub_local_drop_cap(e->local[i], &hash, NULL);
    }
}

static void
close_sessions(struct engines *e)
{
    for (unsigned i = 0; i < e->n; i++)
        nub_local_session_close(e->session[i]);
}

static void
run_one(void *session, const struct state *start, struct state *end)
{
    struct nub_failure failure = { .struct_size = sizeof failure };

    nub_local_session_set_regs(session, start->regs, NULL);
    nub_local_session_set_pc(session, start->pc, NULL);
    nub_local_session_set_gas(session, start->gas, NULL);
    nub_local_session_run(session, &end->result, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    nub_local_session_get_regs(session, end->regs, NULL);
    nub_local_session_get_pc(session, &end->pc, NULL);
    nub_local_session_get_gas(session, &end->gas, NULL);
}

static void
compare_memory(const struct engines *e, unsigned mode, uint32_t address, uint32_t size)
{
    static uint8_t want[3 * NUB_PAGE_SIZE], have[3 * NUB_PAGE_SIZE];

    g_assert_cmpint(nub_local_session_read(e->session[0], address, want, size, NULL), ==, NUB_OK);
    g_assert_cmpint(nub_local_session_read(e->session[mode], address, have, size, NULL), ==,
                    NUB_OK);
    if (memcmp(want, have, size) != 0)
        g_error("%s: %s: memory at 0x%x differs", e->context, test_modes[mode].name, address);
}

static void
compare(const struct engines *e, unsigned mode, const struct state *want, const struct state *have)
{
    if (memcmp(want, have, sizeof *want) == 0)
        return;
    g_printerr("%s: %s:\n  exit %u(0x%x), not %u(0x%x); pc %u, not %u; gas %" G_GUINT64_FORMAT
               ", not %" G_GUINT64_FORMAT "\n",
               e->context, test_modes[mode].name, have->result.exit_reason, have->result.exit_arg,
               want->result.exit_reason, want->result.exit_arg, have->pc, want->pc, have->gas,
               want->gas);
    for (unsigned i = 0; i < NUB_N_REGS; i++) {
        if (have->regs[i] != want->regs[i])
            g_printerr("  phi%u %" G_GINT64_MODIFIER "x, not %" G_GINT64_MODIFIER "x\n", i,
                       have->regs[i], want->regs[i]);
    }
    g_test_fail();
}

static void
run_program(struct engines *e, GRand *random, const struct program *p)
{
    struct state start = { .gas = 0 };

    for (unsigned i = 0; i < NUB_N_REGS; i++)
        start.regs[i] = random_value(random);
    for (unsigned run = 0; run < 6; run++) {
        struct state end[N_MODES];
        start.gas = (uint64_t)g_rand_int_range(random, 0, run % 2 ? 5000 : 90);
        memset(end, 0, sizeof end);
        for (unsigned i = 0; i < e->n; i++)
            run_one(e->session[i], &start, &end[i]);
        for (unsigned i = 1; i < e->n; i++) {
            compare(e, i, &end[0], &end[i]);
            compare_memory(e, i, PAGES_AT, 3 * NUB_PAGE_SIZE);
            compare_memory(e, i, NUB_INPUT_ADDRESS + 0x100F000, NUB_PAGE_SIZE);
        }
        start = end[0];
        if (g_rand_int_range(random, 0, 2))
            start.pc = (uint32_t)g_rand_int_range(random, 0, (gint32)p->size + 3);
        start.regs[g_rand_int_range(random, 0, NUB_N_REGS)] = random_value(random);
    }
}

static void
test_random_programs(gconstpointer n_modes)
{
    guint32 seed = (guint32)g_test_rand_int();
    unsigned n = g_test_thorough() ? 200000 : GPOINTER_TO_UINT(n_modes) * 1000;
    struct engines e = { .n = GPOINTER_TO_UINT(n_modes) };
    struct program p;

    for (unsigned i = 0; i < e.n; i++)
        e.local[i] = test_local_new(&test_modes[i]);
    for (unsigned i = 0; i < n && !g_test_failed(); i++) {
        g_autofree char *context = g_strdup_printf("seed %u, program %u", seed, i);
        GRand *random = g_rand_new_with_seed(seed + i);
        e.context = context;
        random_program(random, &p);
        open_sessions(&e, &p, 1 + i % 3);
        run_program(&e, random, &p);
        close_sessions(&e);
        g_rand_free(random);
    }
    for (unsigned i = 0; i < e.n; i++)
        nub_local_free(e.local[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/local/engines/checked/random programs end alike on both interpreters",
                         GUINT_TO_POINTER(2), test_random_programs);
    g_test_add_data_func("/local/engines/guard/random programs end alike on every engine",
                         GUINT_TO_POINTER(N_MODES), test_random_programs);
    return g_test_run();
}
