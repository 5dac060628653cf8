/* test-windows.c - memory that runs leave behind, faults, and windows that are taken away
 *
 * Everything is asked of all four combinations of memory and interpreter; what is special about
 * windows (a small pool, no address space, handlers of others) only of `guard`.
 */
#include "local-fixture.h"
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define N_PAGES   1024u
#define SIZE      ((uint64_t)N_PAGES * NUB_PAGE_SIZE)
#define HALT_INSN ((struct nub_insn){ .opcode = NUB_OP_JUMP_IND, .a = 0 })

/* phi7 pages from 0 on get phi8 in their last 4 bytes and the next page's first 4 */
static void
writer(struct test_code *code)
{
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IMM, .a = 2, .x = NUB_PAGE_SIZE - 4 });
    uint32_t loop = test_emit(code, (struct nub_insn){ .opcode = NUB_OP_FALLTHROUGH }) + 1;
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 8, .b = 2 });
    test_emit(code,
              (struct nub_insn){ .opcode = NUB_OP_ADD_IMM_64, .a = 2, .b = 2, .x = NUB_PAGE_SIZE });
    test_emit(code,
              (struct nub_insn){ .opcode = NUB_OP_ADD_IMM_64, .a = 7, .b = 7, .x = UINT64_MAX });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_BRANCH_NE_IMM, .a = 7, .target = loop });
    test_emit(code, HALT_INSN);
}

/* reads what it can of phi7's 8 bytes, adds phi8 to it and stores it there: what a call left would
 * show */
static void
adder(struct test_code *code)
{
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IND_U64, .a = 9, .b = 7 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_ADD_64, .a = 9, .b = 8, .d = 9 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 9, .b = 7 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_MOVE_REG, .a = 9, .d = 7 });
    test_emit(code, HALT_INSN);
}

static void
assert_memory_is_zero(struct nub_local *local, const struct nub_hash *instance, uint64_t size)
{
    g_autofree uint8_t *bytes = g_malloc(size);
    void *session = test_session(local, instance, 0, 1);
    struct nub_result result;

    g_assert_cmpint(nub_local_session_run(session, &result, NULL), ==, NUB_OK);
    g_assert_cmpint(nub_local_session_read(session, 0, bytes, size, NULL), ==, NUB_OK);
    bytes[0] = 0; /* what the adder itself wrote */
    for (uint64_t i = 0; i < size; i++)
        g_assert_cmpuint(bytes[i], ==, 0);
    nub_local_session_close(session);
}

static void
test_clean(gconstpointer data)
{
    struct nub_local *local = test_local_with(data, &test_alloc, 1);
    struct test_code write = { .size = 0 }, add = { .size = 0 };

    writer(&write);
    adder(&add);
    struct nub_hash writing = test_put_program(local, &write, SIZE);
    struct nub_hash adding = test_put_program(local, &add, SIZE);
    /* few pages: restored; many: the window is made new. One window for all of them. */
    static const uint64_t counts[] = { 1, 3, N_PAGES - 1, 100, 1 };
    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++) {
        struct nub_result result = test_invoke(local, &writing, counts[i], UINT64_MAX);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(test_invoke(local, &adding, 0, 5).return_value, ==, 5);
        g_assert_cmpuint(test_invoke(local, &adding, NUB_PAGE_SIZE, 5).return_value, ==, 5);
        assert_memory_is_zero(local, &adding, SIZE);
    }
    nub_local_free(local);
}

static void
test_same_instance(gconstpointer data)
{
    struct nub_local *local = test_local_with(data, &test_alloc, 1);
    struct test_code add = { .size = 0 };

    adder(&add);
    struct nub_hash adding = test_put_program(local, &add, SIZE);
    for (uint64_t i = 0; i < 100; i++) /* also over the edge of two pages */
        g_assert_cmpuint(test_invoke(local, &adding, i * 4093, i).return_value, ==, i);
    nub_local_free(local);
}

/* Data large enough to be mapped instead of copied. */
static void
test_large_data(gconstpointer data)
{
    enum { DATA_PAGES = 64 };
    struct nub_local *local = test_local_with(data, &test_alloc, 2);
    struct test_code add = { .size = 0 };
    g_autofree uint64_t *content = g_new(uint64_t, DATA_PAGES * 512);

    for (unsigned i = 0; i < DATA_PAGES * 512; i++)
        content[i] = i * 8;
    adder(&add);
    struct nub_slot_entry slot = { .slot = 3,
                                   .cap = test_put_data(local, content, DATA_PAGES * 4096) };
    struct nub_mapping mapping = {
        .start = 0x10000, .size = (DATA_PAGES + 2) * 4096, .n_source = 1, .source = { 3 }
    };
    struct test_image image = { .code = add.code,
                                .code_size = add.size,
                                .bitmask = add.mask,
                                .mappings = &mapping,
                                .n_mappings = 1,
                                .initial = &slot,
                                .n_initial = 1 };
    struct nub_hash hash = test_put_image(local, &image);
    struct nub_hash writable = test_put_instance(local, &hash, 0, NULL, 0);
    image.pinned = &slot, image.n_pinned = 1, image.initial = NULL, image.n_initial = 0;
    hash = test_put_image(local, &image);
    struct nub_hash read_only = test_put_instance(local, &hash, 0, NULL, 0);
    for (uint64_t at = 0; at < DATA_PAGES * 4096; at += 4088) {
        g_assert_cmpuint(test_invoke(local, &writable, 0x10000 + at, 7).return_value, ==, at + 7);
        struct nub_result fault = test_invoke(local, &read_only, 0x10000 + at, 7);
        g_assert_cmpuint(fault.exit_reason, ==, NUB_EXIT_PAGE_FAULT);
        g_assert_cmpuint(fault.exit_arg, ==, (0x10000 + at) & ~4095ull);
    }
    g_assert_cmpuint(test_invoke(local, &writable, 0x10000 + DATA_PAGES * 4096, 9).return_value, ==,
                     9);
    nub_local_free(local);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void
test_faults(gconstpointer data)
{
    /* RW pages at 0x20000 and 0x22000, RO at 0x21000, RW at the top; accesses of 8 bytes that store
     */
    static const struct {
        uint64_t address;
        uint32_t page; /* of the fault; 1: none */
    } cases[] = {
        { 0x20000, 1 },
        { 0x20FF8, 1 },
        { 0x20FF9, 0x21000 },
        { 0x21000, 0x21000 },
        { 0x21FF9, 0x21000 },
        { 0x22000, 1 },
        { 0x22FF9, 0x23000 },
        { 0x1FFF9, 0x1F000 },
        { 0x23000, 0x23000 },
        { 0xFFFFFFF8, 1 },
        { 0xFFFFFFF9, 0xFFFFF000 },
        { 0xFFFFEFFC, 0xFFFFE000 },
        { 0x100020000, 1 },
        { 0, 0 },
    };
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 8, .b = 7 });
    test_emit(&code, HALT_INSN);
    struct nub_hash instance = test_put_program(local, &code, 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        void *session = test_session(local, &instance, cases[i].address, UINT64_MAX);
        struct nub_result result;
        uint8_t page[NUB_PAGE_SIZE], zero[NUB_PAGE_SIZE] = { 0 };
        nub_local_session_map(session, 0x20000, 4096, NUB_ACCESS_READ_WRITE, NULL);
        nub_local_session_map(session, 0x21000, 4096, NUB_ACCESS_READ_ONLY, NULL);
        nub_local_session_map(session, 0x22000, 4096, NUB_ACCESS_READ_WRITE, NULL);
        nub_local_session_map(session, 0xFFFFF000, 4096, NUB_ACCESS_READ_WRITE, NULL);
        g_assert_cmpint(nub_local_session_run(session, &result, NULL), ==, NUB_OK);
        if (cases[i].page == 1) {
            g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        } else {
            g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_PAGE_FAULT);
            g_assert_cmphex(result.exit_arg, ==, cases[i].page);
            static const uint32_t mapped[] = { 0x20000, 0x21000, 0x22000, 0xFFFFF000 };
            for (unsigned k = 0; k < G_N_ELEMENTS(mapped); k++) {
                nub_local_session_read(session, mapped[k], page, sizeof page, NULL);
                g_assert_cmpmem(page, sizeof page, zero, sizeof zero);
            }
        }
        nub_local_session_close(session);
    }
    nub_local_free(local);
}

static void
test_host_writes_read_only(gconstpointer data)
{
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IND_U64, .a = 9, .b = 7 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ECALL });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 9, .b = 7 });
    struct nub_hash instance = test_put_program(local, &code, 0);
    void *session = test_session(local, &instance, 0x21000, 0);
    struct nub_result result;
    uint64_t regs[NUB_N_REGS], value = 42;

    nub_local_session_map(session, 0x21000, 4096, NUB_ACCESS_READ_ONLY, NULL);
    g_assert_cmpint(nub_local_session_write(session, 0x21000, &value, 8, NULL), ==, NUB_OK);
    nub_local_session_run(session, &result, NULL);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_ECALL);
    nub_local_session_get_regs(session, regs, NULL);
    g_assert_cmpuint(regs[9], ==, 42);
    value = 43; /* now that a window may be there */
    g_assert_cmpint(nub_local_session_write(session, 0x21000, &value, 8, NULL), ==, NUB_OK);
    nub_local_session_run(session, &result, NULL);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_PAGE_FAULT);
    g_assert_cmpint(nub_local_session_read(session, 0x21000, &value, 8, NULL), ==, NUB_OK);
    g_assert_cmpuint(value, ==, 43);
    nub_local_session_close(session);
    nub_local_free(local);
}

/* ---- windows that are taken away --------------------------------------------------------------
 */

static void
test_parked(gconstpointer data)
{
    enum { N_SESSIONS = 40 };
    struct nub_local *local = test_local_with(data, &test_alloc, 2);
    struct test_code code = { .size = 0 };
    uint32_t loop =
        test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IND_U64, .a = 9, .b = 7 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ADD_64, .a = 9, .b = 8, .d = 9 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 9, .b = 7 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ECALL });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_JUMP, .target = loop });
    struct nub_hash instance = test_put_program(local, &code, SIZE);
    void *sessions[N_SESSIONS];
    struct nub_result result;
    uint64_t value;

    for (uint64_t i = 0; i < N_SESSIONS; i++)
        sessions[i] = test_session(local, &instance, i * 4094, i);
    for (uint64_t i = 0; i < N_SESSIONS; i += 3) {
        value = 1000;
        nub_local_session_map(sessions[i], 0xF0000000, 4096, NUB_ACCESS_READ_ONLY, NULL);
        nub_local_session_write(sessions[i], 0xF0000000, &value, 8, NULL);
    }
    for (uint64_t round = 1; round <= 5; round++) {
        for (uint64_t i = 0; i < N_SESSIONS; i++) {
            g_assert_cmpint(nub_local_session_run(sessions[i], &result, NULL), ==, NUB_OK);
            g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_ECALL);
        }
        for (uint64_t i = 0; i < N_SESSIONS; i++) {
            nub_local_session_read(sessions[i], i * 4094, &value, 8, NULL);
            g_assert_cmpuint(value, ==, i * round);
        }
    }
    for (uint64_t i = 0; i < N_SESSIONS; i += 3) {
        nub_local_session_read(sessions[i], 0xF0000000, &value, 8, NULL);
        g_assert_cmpuint(value, ==, 1000);
    }
    for (uint64_t i = 0; i < N_SESSIONS; i++)
        nub_local_session_close(sessions[i]);
    nub_local_free(local);
}

/* Without address space for a window the page table serves. */
static void
test_no_address_space(gconstpointer data)
{
    if (NUB_TEST_INSTRUMENTED) {
        g_test_skip("the sanitizer needs the address space itself");
        return;
    }
    if (g_test_subprocess()) {
        struct nub_local *local = test_local_with(data, &test_alloc, 2);
        struct rlimit limit = { .rlim_cur = (rlim_t)6 << 30, .rlim_max = (rlim_t)6 << 30 };
        struct test_code add = { .size = 0 };

        adder(&add);
        struct nub_hash adding = test_put_program(local, &add, SIZE);
        g_assert_cmpint(setrlimit(RLIMIT_AS, &limit), ==, 0);
        for (uint64_t i = 0; i < 5; i++)
            g_assert_cmpuint(test_invoke(local, &adding, i * 4093, i).return_value, ==, i);
        nub_local_free(local);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

static void
on_fault_of_others(int number)
{
    static const char text[] = "passed on\n";

    if (number == SIGSEGV && write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(1);
    _exit(77);
}

/* A fault that is none of the interpreter's reaches who was there before. */
static void
test_other_faults(void)
{
    if (g_test_subprocess()) {
        struct sigaction action = { .sa_handler = on_fault_of_others };
        sigaction(SIGSEGV, &action, NULL);
        struct nub_local *local = test_local_new(&test_modes[3]);
        struct test_code add = { .size = 0 };
        adder(&add);
        struct nub_hash adding = test_put_program(local, &add, 4096);
        g_assert_cmpuint(test_invoke(local, &adding, 4096, 0).exit_reason, ==, NUB_EXIT_PAGE_FAULT);
        volatile uint8_t *nowhere = local->windows.none.base;
        *nowhere = 1;
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*passed on*");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(gconstpointer data);
        bool guard_only;
    } tests[] = {
        { "nothing of a run is left for the next", test_clean, false },
        { "an instance starts afresh each time", test_same_instance, false },
        { "large Data is seen, private, and read-only where pinned", test_large_data, false },
        { "a fault names the lowest page and stores nothing", test_faults, false },
        { "the host writes pages that the program only reads", test_host_writes_read_only, false },
        { "sessions keep their memory without a window", test_parked, false },
        { "runs without address space go on in the page table", test_no_address_space, true },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned m = 0; m < G_N_ELEMENTS(test_modes); m++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path =
                g_strdup_printf("/local/windows/%s/%s", test_modes[m].name, tests[i].path);
            if (test_modes[m].guard || !tests[i].guard_only)
                g_test_add_data_func(path, &test_modes[m], tests[i].test);
        }
    }
    g_test_add_func("/local/windows/faults of others are passed on", test_other_faults);
    return g_test_run();
}
