/* test-session.c - a session from opening to closing, and what is refused on the way */
#include "program-test.h"

#include <string.h>

static NubSession *
open_session(NubKernel *kernel, const NubTestProgram *program, guint64 gas)
{
    NubHash instance = nub_test_publish(kernel, program);
    const guint64 args[4] = { 0x42 };
    g_autoptr(GError) error = NULL;
    NubSession *session = nub_kernel_open_session(kernel, &instance, 0, args, gas, &error);

    g_assert_no_error(error);
    return session;
}

static void
test_whole_life(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubSession) session = open_session(kernel, &nub_test_stores, 1000);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = NULL;
    guint64 regs[NUB_N_REGS], gas = 0, value = 0;
    guint32 pc = 9;
    NubResult result;
    NubHash successor;
    gboolean present = FALSE;

    g_assert_true(nub_session_get_pc(session, &pc, &error));
    g_assert_cmpuint(pc, ==, 0);
    g_assert_true(nub_session_get_regs(session, regs, &error));
    g_assert_cmpuint(regs[7], ==, 0x42);
    g_assert_true(nub_session_set_reg(session, 7, 0x43, &error));
    g_assert_true(nub_session_get_reg(session, 7, &value, &error));
    g_assert_cmpuint(value, ==, 0x43);
    g_assert_true(nub_session_set_gas(session, 500, &error));
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_true(nub_session_get_gas(session, &gas, &error));
    g_assert_cmpuint(gas, ==, result.gas_remaining);
    g_assert_cmpuint(gas, ==, 498);
    bytes = nub_session_read(session, 0x10000, 2, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "\x43\0", 2);
    g_assert_true(nub_session_commit(session, FALSE, &successor, &error));
    g_assert_no_error(error);
    g_assert_true(nub_kernel_contains(kernel, &successor, &present, NULL) && present);

    /* It goes on unchanged. */
    g_assert_true(nub_session_set_pc(session, 0, &error));
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    nub_session_close(session);
    nub_session_close(session);
}

static void
test_memory_errors(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubSession) session = open_session(kernel, &nub_test_returns, 10);
    g_autoptr(GError) error = NULL;
    guint64 address = 0;

    g_assert_null(nub_session_read(session, 0x10ffe, 4, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_MAPPED);
    g_assert_true(nub_error_get_address(error, &address));
    g_assert_cmpuint(address, ==, 0x11000);
    g_clear_error(&error);
    g_assert_false(nub_session_write(session, 0x20000, (const guint8 *)"x", 1, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_MAPPED);
    g_clear_error(&error);
    g_assert_null(nub_session_read(session, 0xffffffff, 2, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(nub_session_map(session, 0xf000, 0x2000, NUB_MAP_READ_WRITE, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_ALREADY_MAPPED);
    g_assert_true(nub_error_get_address(error, &address));
    g_assert_cmpuint(address, ==, 0x10000);
    g_clear_error(&error);
    g_assert_false(nub_session_map(session, 0xf001, 0x1000, NUB_MAP_READ_WRITE, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_true(nub_session_map(session, 0x20000, 0x1000, NUB_MAP_READ_ONLY, &error));
    g_assert_true(nub_session_write(session, 0x20fff, (const guint8 *)"x", 1, &error));
    g_assert_no_error(error);
}

static void
test_closed(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubSession) session = open_session(kernel, &nub_test_returns, 10);
    guint64 regs[NUB_N_REGS] = { 0 }, value;
    guint32 pc;
    NubResult result;
    NubHash hash;

    nub_session_close(session);
    nub_session_interrupt(session);
    for (guint i = 0; i < 12; i++) {
        g_autoptr(GError) error = NULL;
        const gboolean done[] = {
            i == 0 && nub_session_run(session, NULL, &result, &error),
            i == 1 && nub_session_get_regs(session, regs, &error),
            i == 2 && nub_session_set_regs(session, regs, &error),
            i == 3 && nub_session_get_pc(session, &pc, &error),
            i == 4 && nub_session_set_pc(session, 0, &error),
            i == 5 && nub_session_get_gas(session, &value, &error),
            i == 6 && nub_session_set_gas(session, 0, &error),
            i == 7 && nub_session_read(session, 0, 0, &error) != NULL,
            i == 8 && nub_session_write(session, 0, NULL, 0, &error),
            i == 9 && nub_session_map(session, 0, 4096, NUB_MAP_READ_ONLY, &error),
            i == 10 && nub_session_commit(session, FALSE, &hash, &error),
            i == 11 && nub_session_get_reg(session, 0, &value, &error),
        };
        g_assert_false(done[i]);
        g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
        g_assert_cmpstr(error->message, ==, "local: the session is closed");
    }
}

static gpointer
interrupt_soon(gpointer session)
{
    g_usleep(20000);
    nub_session_interrupt(session);
    return NULL;
}

static void
test_interrupt(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubSession) session = open_session(kernel, &nub_test_loops, G_MAXINT64);
    g_autoptr(GError) error = NULL;
    GThread *thread = g_thread_new("interrupt", interrupt_soon, session);
    NubResult result;

    g_assert_false(nub_session_run(session, NULL, &result, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join(thread);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    (void)source;
    *(GAsyncResult **)data = g_object_ref(result);
}

static void
test_run_in_the_background(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubSession) returns = open_session(kernel, &nub_test_returns, 10);
    g_autoptr(NubSession) loops = open_session(kernel, &nub_test_loops, G_MAXINT64);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GAsyncResult) returned = NULL;
    g_autoptr(GAsyncResult) cancelled = NULL;
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_session_run_async(loops, cancellable, on_done, &cancelled);
    nub_session_run_async(returns, NULL, on_done, &returned);
    while (!returned)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(nub_session_run_finish(returns, returned, &result, &error));
    g_assert_cmpuint(result.return_value, ==, 0x42);
    g_cancellable_cancel(cancellable);
    while (!cancelled)
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(nub_session_run_finish(loops, cancelled, &result, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_gas_model_of_the_session(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_stores);
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(NubSession) by_instruction = NULL;
    g_autoptr(NubSession) by_pipeline = NULL;
    g_autoptr(GError) error = NULL;
    NubResult a, b;

    nub_call_set_gas(call, 1000);
    nub_call_set_gas_model(call, NUB_GAS_PIPELINE, 127);
    by_pipeline = nub_kernel_open_session_for_call(kernel, call, &error);
    nub_call_set_gas_model(call, NUB_GAS_DEFAULT, 0);
    by_instruction = nub_kernel_open_session_for_call(kernel, call, &error);
    g_assert_no_error(error);
    g_assert_true(nub_session_run(by_pipeline, NULL, &a, &error));
    g_assert_true(nub_session_run(by_instruction, NULL, &b, &error));
    g_assert_cmpuint(a.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(b.gas_remaining, ==, 998);
    g_assert_cmpuint(a.gas_remaining, !=, b.gas_remaining);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/session/whole-life", test_whole_life);
    g_test_add_func("/core/session/memory-errors-name-the-page", test_memory_errors);
    g_test_add_func("/core/session/closed-refuses-everything", test_closed);
    g_test_add_func("/core/session/interrupt", test_interrupt);
    g_test_add_func("/core/session/run-in-the-background", test_run_in_the_background);
    g_test_add_func("/core/session/gas-model-of-its-own", test_gas_model_of_the_session);
    return g_test_run();
}
