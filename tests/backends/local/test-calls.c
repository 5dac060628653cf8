/* test-calls.c - host tables, giving up, gas in slices, many calls, several threads
 *
 * What the scenarios of tests/vectors/caps cannot show.
 */
#include "local-fixture.h"
#include "resident.h"
#include "interp.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define HALT_INSN ((struct nub_insn){ .opcode = NUB_OP_JUMP_IND, .a = 0 })

static struct nub_outcome
call(struct nub_local *local, const struct nub_call *call, int32_t want)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };

    g_assert_cmpint(nub_local_invoke(local, call, &outcome, &failure), ==, want);
    g_assert_cmpint(failure.code, ==, want);
    return outcome;
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- host tables ----------------------------------------------------------------------------- */

static uint32_t
double_it(void *ctx, struct nub_host_call *call)
{
    unsigned *calls = ctx;

    ++*calls;
    call->regs[7] *= 2;
    return NUB_HOST_CONTINUE;
}

static uint32_t
finish(void *ctx, struct nub_host_call *call)
{
    (void)ctx;
    call->finish_value = call->regs[7] + 1;
    return NUB_HOST_FINISH;
}

static uint32_t
fail(void *ctx, struct nub_host_call *call)
{
    (void)ctx;
    (void)call;
    return NUB_HOST_FAIL;
}

static uint32_t
pause_it(void *ctx, struct nub_host_call *call)
{
    (void)ctx;
    (void)call;
    return NUB_HOST_PAUSE;
}

static uint32_t
swap_memory(void *ctx, struct nub_host_call *call)
{
    uint64_t value, *had = ctx;

    g_assert_cmpint(call->read(call->machine, 16, had, 8, NULL), ==, NUB_OK);
    value = call->regs[7];
    g_assert_cmpint(call->write(call->machine, 16, &value, 8, NULL), ==, NUB_OK);
    g_assert_cmpint(call->write(call->machine, 4092, &value, 8, NULL), ==, NUB_ERR_NOT_MAPPED);
    call->gas = call->gas > 100 ? call->gas - 100 : call->gas;
    return NUB_HOST_CONTINUE;
}

static void
test_hosts(gconstpointer data)
{
    unsigned calls = 0;
    uint64_t had = 0;
    const struct nub_host_entry entries[] = {
        { .number = 1, .price = 10, .call = double_it, .ctx = &calls },
        { .number = 3, .call = finish },
        { .number = 4, .call = fail },
        { .number = 5, .call = pause_it },
        { .number = 6, .call = swap_memory, .ctx = &had },
    };
    const struct nub_host_table hosts = { .struct_size = sizeof hosts,
                                          .n_entries = G_N_ELEMENTS(entries),
                                          .entries = entries };
    /* number, status, exit, value, gas used beyond the program's own */
    static const struct {
        uint32_t number;
        int32_t status;
        uint32_t exit;
        uint64_t value;
    } cases[] = {
        { 1, NUB_OK, NUB_EXIT_HALT, 20 },      { 2, NUB_OK, NUB_EXIT_HOST_CALL, 10 },
        { 3, NUB_OK, NUB_EXIT_HALT, 11 },      { 4, NUB_ERR_HOST_CALL_FAILED, 0, 0 },
        { 5, NUB_OK, NUB_EXIT_HOST_CALL, 10 }, { 6, NUB_OK, NUB_EXIT_HALT, 77 },
    };
    struct nub_local *local = test_local_new(data);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct test_code code = { .size = 0 };
        test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_STORE_IMM_U64, .x = 16, .y = 77 });
        test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ECALLI, .x = cases[i].number });
        if (cases[i].number == 6) /* what the host was given and what it wrote change places */
            test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_LOAD_U64, .a = 9, .x = 16 });
        test_emit(&code, HALT_INSN);
        struct nub_call c = { .struct_size = sizeof c,
                              .args = { 10 },
                              .gas = 1000,
                              .hosts = &hosts,
                              .instance = test_put_program(local, &code, 4096) };
        struct nub_outcome outcome = call(local, &c, cases[i].status);
        if (cases[i].status != NUB_OK)
            continue;
        g_assert_cmpuint(outcome.result.exit_reason, ==, cases[i].exit);
        if (cases[i].number == 6)
            g_assert_cmpuint(had, ==, cases[i].value);
        else
            g_assert_cmpuint(outcome.result.return_value, ==, cases[i].value);
    }
    g_assert_cmpuint(calls, ==, 1);
    nub_local_free(local);
}

/* A price that does not fit: out of gas at the ecalli, which a session can run again. */
static void
test_price(gconstpointer data)
{
    unsigned calls = 0;
    struct nub_host_entry entry = { .number = 300, .price = 50, .call = double_it, .ctx = &calls };
    const struct nub_host_table hosts = { .struct_size = sizeof hosts,
                                          .n_entries = 1,
                                          .entries = &entry };
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };

    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ECALLI, .x = 300 });
    test_emit(&code, HALT_INSN);
    struct nub_call c = { .struct_size = sizeof c,
                          .gas = 97 + 49,
                          .hosts = &hosts,
                          .instance = test_put_program(local, &code, 0) };
    struct nub_outcome outcome = call(local, &c, NUB_OK);
    g_assert_cmpuint(outcome.result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
    g_assert_cmpuint(outcome.result.gas_remaining, ==, 49);
    g_assert_cmpuint(calls, ==, 0);
    c.gas = 97 + 50 + 19;
    outcome = call(local, &c, NUB_OK);
    g_assert_cmpuint(outcome.result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(outcome.result.gas_remaining, ==, 0);
    nub_local_free(local);
}

/* ---- giving up ------------------------------------------------------------------------------- */

static void
counting(struct test_code *code)
{
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IND_U64, .a = 9, .b = 7 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_ADD_64, .a = 9, .b = 8, .d = 9 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_STORE_IND_U64, .a = 9, .b = 7 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_MOVE_REG, .a = 9, .d = 7 });
    test_emit(code, HALT_INSN);
}

static void
endless(struct test_code *code)
{
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_ADD_IMM_64, .a = 7, .b = 7, .x = 1 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_STORE_U64, .a = 7, .x = 8 });
    test_emit(code, (struct nub_insn){ .opcode = NUB_OP_JUMP, .target = 0 });
}

static void
test_deadline(gconstpointer data)
{
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };

    endless(&code);
    struct nub_call c = { .struct_size = sizeof c,
                          .gas = NUB_GAS_MAX,
                          .flags = NUB_CALL_COMMIT,
                          .instance = test_put_program(local, &code, 4096) };
    for (unsigned ms = 0; ms < 20; ms += 5) {
        uint64_t before = now_ns();
        c.deadline_ns = before + ms * 1000000;
        struct nub_outcome outcome = call(local, &c, NUB_ERR_TIMED_OUT);
        g_assert_true(nub_hash_is_zero(&outcome.successor));
        g_assert_cmpuint(now_ns() - before, <, 2000000000);
    }
    const uint32_t cancelled = 1;
    c.deadline_ns = 0;
    c.cancel = &cancelled;
    call(local, &c, NUB_ERR_CANCELLED);
    nub_local_free(local);
}

/* Ended at any moment, a call leaves a kernel that answers the next one as if nothing had been. */
static void
test_many_deadlines(gconstpointer data)
{
    unsigned n = g_test_thorough() ? 100000 : 300;
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 }, add = { .size = 0 };
    unsigned timed_out = 0;

    endless(&code);
    counting(&add);
    struct nub_hash running = test_put_program(local, &code, 16 * 4096);
    struct nub_hash adding = test_put_program(local, &add, 16 * 4096);
    for (unsigned i = 0; i < n; i++) {
        struct nub_outcome outcome = { .struct_size = sizeof outcome };
        struct nub_call c = { .struct_size = sizeof c,
                              .gas = (uint64_t)g_test_rand_int_range(1000, 3000000),
                              .flags = NUB_CALL_COMMIT,
                              .instance = running,
                              .deadline_ns =
                                  now_ns() + (uint64_t)g_test_rand_int_range(0, 200000) };
        int32_t status = nub_local_invoke(local, &c, &outcome, NULL);
        timed_out += status == NUB_ERR_TIMED_OUT;
        if (status == NUB_OK)
            g_assert_cmpuint(outcome.result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
        g_assert_true(nub_hash_is_zero(&outcome.successor));
        g_assert_cmpuint(test_invoke(local, &adding, i % 15 * 4096, i).return_value, ==, i);
    }
    g_assert_cmpuint(timed_out, >, 0);
    nub_local_free(local);
}

static void *
interrupt_soon(void *session)
{
    g_usleep(3000);
    nub_local_session_interrupt(session);
    return NULL;
}

static void
test_interrupt(gconstpointer data)
{
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };

    endless(&code);
    struct nub_hash instance = test_put_program(local, &code, 4096);
    for (unsigned i = 0; i < 10; i++) {
        void *session = test_session(local, &instance, 0, 0);
        struct nub_result result;
        uint64_t value;
        pthread_t thread;
        nub_local_session_set_gas(session, NUB_GAS_MAX, NULL);
        g_assert_cmpint(pthread_create(&thread, NULL, interrupt_soon, session), ==, 0);
        g_assert_cmpint(nub_local_session_run(session, &result, NULL), ==, NUB_ERR_CANCELLED);
        g_assert_cmpint(nub_local_session_read(session, 8, &value, 8, NULL), ==, NUB_ERR_CANCELLED);
        pthread_join(thread, NULL);
        nub_local_session_close(session);
    }
    nub_local_free(local);
}

/* Gas in slices does not show: a session (in slices) and a pure call (not) end alike. */
static void
test_slices(gconstpointer data)
{
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };
    uint32_t model = 0;

    for (unsigned i = 0; i < 60; i++) /* a block of several charges' worth */
        test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_DIV_U_64, .a = 7, .b = 8, .d = 7 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ADD_IMM_64, .a = 7, .b = 9, .x = 1 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_ADD_IMM_64, .a = 9, .b = 9, .x = 1 });
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_JUMP, .target = 0 });
    struct nub_hash instance = test_put_program(local, &code, 0);
    for (model = NUB_GAS_PIPELINE; model <= NUB_GAS_INSTRUCTION; model++) {
        struct nub_failure failure = { .struct_size = sizeof failure };
        struct nub_call c = { .struct_size = sizeof c,
                              .gas = 5000123,
                              .gas_model = model,
                              .args = { 5, 1 },
                              .instance = instance };
        struct nub_outcome outcome = call(local, &c, NUB_OK);
        struct nub_session_args args = { .struct_size = sizeof args,
                                         .gas = c.gas,
                                         .gas_model = model,
                                         .args = { 5, 1 },
                                         .instance = instance };
        void *session;
        struct nub_result result;
        g_assert_cmpint(nub_local_session_open(local, &args, &session, &failure), ==, NUB_OK);
        g_assert_cmpint(nub_local_session_run(session, &result, NULL), ==, NUB_OK);
        nub_local_session_close(session);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
        g_assert_cmpmem(&result, sizeof result, &outcome.result, sizeof result);
    }
    nub_local_free(local);
}

/* ---- many ------------------------------------------------------------------------------------ */

static void
test_many_calls(gconstpointer data)
{
    const struct test_mode *mode = data;
    unsigned n = mode->threaded ? 100000 : 20000;
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };
    uint64_t before = 0;

    counting(&code);
    struct nub_hash instance = test_put_program(local, &code, 64 * 4096);
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpuint(test_invoke(local, &instance, i % 63 * 4096, i).return_value, ==, i);
        if (i == n / 10)
            before = nub_test_resident();
    }
    /* sanitizers and valgrind keep freed memory for a while */
    if (!NUB_TEST_INSTRUMENTED)
        g_assert_cmpuint(nub_test_resident(), <=, before + (512u << 10));
    nub_local_free(local);
}

/* A million caps put and dropped again: nothing of them is left. */
static void
test_many_puts(gconstpointer data)
{
    const struct test_mode *mode = data;
    /* how programs run makes no difference here: once is enough */
    unsigned n = mode == &test_modes[0] && !NUB_TEST_INSTRUMENTED ? 1000000 : 20000;
    struct nub_local *local = test_local_new(data);
    uint8_t wire[1 + sizeof(struct nub_hash)] = { NUB_CAP_TYPE };
    uint64_t before = 0;

    for (unsigned i = 0; i < n; i++) {
        struct nub_hash hash;
        memcpy(wire + 1, &i, sizeof i);
        g_assert_cmpint(
            nub_local_put_cap(local, (struct nub_slice){ wire, sizeof wire }, &hash, NULL), ==,
            NUB_OK);
        g_assert_cmpint(nub_local_drop_cap(local, &hash, NULL), ==, NUB_OK);
        g_assert_cmpint(nub_local_drop_cap(local, &hash, NULL), ==, NUB_ERR_NOT_FOUND);
        if (i == n / 10)
            before = nub_test_resident();
    }
    if (!NUB_TEST_INSTRUMENTED)
        g_assert_cmpuint(nub_test_resident(), <=, before + (512u << 10));
    nub_local_free(local);
}

struct worker {
    struct nub_local *local;
    struct nub_hash shared;
    unsigned number;
};

static void *
work(void *data)
{
    struct worker *worker = data;
    struct test_code code = { .size = 0 };

    /* a program of this thread's own, put and dropped all the time, and one that all share */
    test_emit(&code, (struct nub_insn){ .opcode = NUB_OP_LOAD_IMM, .a = 11, .x = worker->number });
    counting(&code);
    for (unsigned i = 0; i < 300; i++) {
        uint64_t address = (worker->number * 300 + i) % 60 * 4096;
        g_assert_cmpuint(test_invoke(worker->local, &worker->shared, address, i).return_value, ==,
                         i);
        struct test_image image = { .code = code.code,
                                    .code_size = code.size,
                                    .bitmask = code.mask };
        struct nub_hash hash = test_put_image(worker->local, &image);
        struct nub_hash own = test_put_instance(worker->local, &hash, 65536, NULL, 0);
        g_assert_cmpuint(test_invoke(worker->local, &own, 4092, i).return_value, ==, i);
        void *session = test_session(worker->local, &own, 8192, i);
        struct nub_result result;
        g_assert_cmpint(nub_local_drop_cap(worker->local, &own, NULL), ==, NUB_OK);
        g_assert_cmpint(nub_local_drop_cap(worker->local, &hash, NULL), ==, NUB_OK);
        g_assert_cmpint(nub_local_session_run(session, &result, NULL), ==, NUB_OK);
        g_assert_cmpuint(result.return_value, ==, i);
        nub_local_session_close(session);
    }
    return NULL;
}

static void
test_threads(gconstpointer data)
{
    enum { N_THREADS = 6 };
    struct nub_local *local = test_local_new(data);
    struct test_code code = { .size = 0 };
    struct worker workers[N_THREADS];
    pthread_t threads[N_THREADS];

    counting(&code);
    struct nub_hash shared = test_put_program(local, &code, 64 * 4096);
    for (unsigned i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){ .local = local, .shared = shared, .number = i };
        g_assert_cmpint(pthread_create(&threads[i], NULL, work, &workers[i]), ==, 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    nub_local_free(local);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(gconstpointer data);
    } tests[] = {
        { "a callback continues, finishes, fails, pauses, looks into memory", test_hosts },
        { "a price that does not fit is out of gas at the ecalli", test_price },
        { "a deadline and a cancel end a call and change nothing", test_deadline },
        { "calls that are ended at any moment change nothing", test_many_deadlines },
        { "an interrupted session can only be closed", test_interrupt },
        { "gas in slices does not show", test_slices },
        { "many calls leave memory where it was", test_many_calls },
        { "many puts and drops leave memory where it was", test_many_puts },
        { "several threads put, call and drop", test_threads },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned m = 0; m < G_N_ELEMENTS(test_modes); m++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
            g_autofree char *path =
                g_strdup_printf("/local/calls/%s/%s", test_modes[m].name, tests[i].path);
            g_test_add_data_func(path, &test_modes[m], tests[i].test);
        }
    }
    return g_test_run();
}
