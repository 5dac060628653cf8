/* test-call.c - the full call: commit, head, output, host tables, cancelling, deadlines, background
 */
#include "program-test.h"

#include <string.h>

static void
test_commit_and_advance(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_stores);
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    const guint64 args[4] = { 0x5a };
    NubHash successor, root, none = { { 0 } };
    gboolean present = FALSE;

    nub_call_set_args(call, args);
    nub_call_set_gas(call, 100);
    nub_call_set_advance(call, TRUE);
    g_assert_null(nub_kernel_invoke(kernel, call, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);

    nub_call_set_commit(call, TRUE);
    nub_call_set_expected_head(call, &none);
    outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_outcome_get_successor(outcome, &successor));
    g_assert_false(nub_hash_equals(&successor, &instance));
    g_assert_true(nub_kernel_contains(kernel, &successor, &present, NULL) && present);
    g_assert_true(nub_kernel_state_root(kernel, &root, NULL));
    g_assert_true(nub_hash_equals(&root, &successor));

    /* The head is no longer none. */
    g_assert_null(nub_kernel_invoke(kernel, call, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_CONFLICT);
    g_clear_error(&error);
    g_assert_true(nub_kernel_set_state_root(kernel, &none, &error));
    g_assert_true(nub_kernel_state_root(kernel, &root, NULL));
    g_assert_true(nub_hash_is_none(&root));
    g_assert_true(nub_kernel_set_state_root(kernel, &instance, &error));
    g_assert_no_error(error);
}

static void
test_input_and_output(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(GBytes) input = g_bytes_new_static("hello", 5);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    g_autoptr(NubOutcome) too_long = NULL;

    /* It returns with registers 7 and 8 as they were: the input is the output. */
    nub_call_set_gas(call, 100);
    nub_call_set_input(call, input);
    nub_call_set_want_output(call, TRUE, NUB_CALL_DEFAULT_MAX_OUTPUT);
    outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(nub_outcome_get_output(outcome));
    g_assert_true(g_bytes_equal(nub_outcome_get_output(outcome), input));
    g_assert_cmpint(nub_outcome_get_output_state(outcome), ==, NUB_OUTPUT_STATE_NONE);

    nub_call_set_want_output(call, TRUE, 4);
    too_long = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_bytes_get_size(nub_outcome_get_output(too_long)), ==, 0);
    g_assert_cmpint(nub_outcome_get_output_state(too_long), ==, NUB_OUTPUT_STATE_TOO_LONG);
}

/* ---- cancelling and deadlines ------------------------------------------------------------ */

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    (void)source;
    *(GAsyncResult **)data = g_object_ref(result);
}

static gpointer
cancel_soon(gpointer cancellable)
{
    g_usleep(20000);
    g_cancellable_cancel(cancellable);
    return NULL;
}

static NubCall *
endless_call(NubKernel *kernel)
{
    NubHash instance = nub_test_publish(kernel, &nub_test_loops);
    NubCall *call = nub_call_new(&instance);

    nub_call_set_gas(call, G_MAXINT64);
    return call;
}

static void
test_cancel(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubCall) call = endless_call(kernel);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    GThread *thread = g_thread_new("cancel", cancel_soon, cancellable);

    g_assert_null(nub_kernel_invoke(kernel, call, cancellable, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_thread_join(thread);
    g_clear_error(&error);

    /* Cancelled before it began. */
    g_assert_null(nub_kernel_invoke(kernel, call, cancellable, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Cancelled at any moment, also after the end: never another error, and the kernel goes on. */
static void
test_cancel_at_random(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_stores), root;
    g_autoptr(NubCall) loops = endless_call(kernel);
    g_autoptr(NubCall) commits = nub_call_new(&instance);
    g_autoptr(GRand) random = g_rand_new_with_seed(20261122);

    nub_call_set_gas(commits, 100);
    nub_call_set_commit(commits, TRUE);
    nub_call_set_advance(commits, TRUE);
    for (guint i = 0; i < 1000; i++) {
        NubCall *call = i & 1 ? loops : commits;
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        g_autoptr(GAsyncResult) result = NULL;
        g_autoptr(NubOutcome) outcome = NULL;
        g_autoptr(GError) error = NULL;
        nub_kernel_invoke_async(kernel, call, cancellable, on_done, &result);
        for (gint32 n = g_rand_int_range(random, 0, 200); n; n--)
            g_main_context_iteration(NULL, FALSE);
        g_cancellable_cancel(cancellable);
        while (!result)
            g_main_context_iteration(NULL, TRUE);
        outcome = nub_kernel_invoke_finish(kernel, result, &error);
        g_assert_true(call == commits || !outcome);
        if (!outcome)
            g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
        g_assert_true(nub_kernel_state_root(kernel, &root, NULL));
        g_assert_true(!outcome || !nub_hash_is_none(&root));
    }
}

static void
test_deadline(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubCall) call = endless_call(kernel);
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_call_set_deadline(call, g_get_monotonic_time() + 20000);
    g_assert_null(nub_kernel_invoke(kernel, call, NULL, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, NULL, 9, &result, NULL));
}

static void
test_in_the_background(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    g_autoptr(NubCall) returns = nub_call_new(&instance);
    g_autoptr(NubCall) loops = endless_call(kernel);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GAsyncResult) returned = NULL;
    g_autoptr(GAsyncResult) cancelled = NULL;
    g_autoptr(GAsyncResult) resumed = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_call_set_gas(returns, 10);
    nub_kernel_invoke_async(kernel, loops, cancellable, on_done, &cancelled);
    nub_kernel_invoke_async(kernel, returns, NULL, on_done, &returned);
    nub_kernel_resume_async(kernel, returns, NULL, on_done, &resumed);
    while (!returned || !resumed)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(cancelled);
    outcome = nub_kernel_invoke_finish(kernel, returned, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.gas_remaining, ==, 9);
    g_assert_null(nub_kernel_resume_finish(kernel, resumed, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_PAUSED);
    g_clear_error(&error);

    g_cancellable_cancel(cancellable);
    while (!cancelled)
        g_main_context_iteration(NULL, TRUE);
    g_assert_null(nub_kernel_invoke_finish(kernel, cancelled, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* ---- host tables ------------------------------------------------------------------------- */

typedef struct {
    NubHostVerdict verdict;
    guint calls;
    guint destroyed;
} Host;

static NubHostVerdict
host_function(NubHostCall *call, gpointer user_data)
{
    Host *host = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = NULL;
    guint8 back = 0;
    guint64 address = 0;

    host->calls++;
    g_assert_cmpuint(nub_host_call_get_number(call), ==, 5);
    g_assert_cmpuint(nub_host_call_get_reg(call, 0), ==, NUB_HALT_ADDRESS);
    g_assert_true(nub_host_call_write(call, 0x10000, (const guint8 *)"\x77", 1, &error));
    g_assert_true(nub_host_call_read(call, 0x10000, &back, 1, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(back, ==, 0x77);
    g_assert_null(nub_host_call_read_bytes(call, 0x10fff, 2, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_MAPPED);
    g_assert_true(nub_error_get_address(error, &address));
    g_assert_cmpuint(address, ==, 0x11000);
    g_clear_error(&error);
    g_assert_null(nub_host_call_read_bytes(call, 0x10000, G_MAXSIZE, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
    g_assert_false(nub_host_call_charge(call, nub_host_call_get_gas(call) + 1));
    g_assert_true(nub_host_call_charge(call, 3));
    nub_host_call_set_reg(call, 7, 1234);
    nub_host_call_set_finish_value(call, 4321);
    return host->verdict;
}

static void
host_destroyed(gpointer data)
{
    ((Host *)data)->destroyed++;
}

static void
test_host_table(void)
{
    static const struct {
        NubHostVerdict verdict;
        guint32 exit_reason;
        guint64 return_value;
    } rows[] = {
        { NUB_HOST_VERDICT_CONTINUE, NUB_EXIT_HALT, 1234 },
        { NUB_HOST_VERDICT_FINISH, NUB_EXIT_HALT, 4321 },
        { NUB_HOST_VERDICT_PAUSE, NUB_EXIT_HOST_CALL, 1234 },
    };
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_calls_host);

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        Host host = { .verdict = rows[i].verdict };
        NubHostTable *table = nub_host_table_new();
        NubCall *call = nub_call_new(&instance);
        g_autoptr(NubOutcome) outcome = NULL;
        g_autoptr(GError) error = NULL;
        NubResult result;
        nub_host_table_add(table, 5, 10, host_function, &host, host_destroyed);
        nub_call_set_host_table(call, table);
        nub_host_table_unref(table);
        nub_call_set_gas(call, 100);
        outcome = nub_kernel_invoke(kernel, call, NULL, &error);
        g_assert_no_error(error);
        nub_outcome_get_result(outcome, &result);
        g_assert_cmpuint(result.exit_reason, ==, rows[i].exit_reason);
        g_assert_cmpuint(result.return_value, ==, rows[i].return_value);
        g_assert_cmpuint(host.calls, ==, 1);
        g_assert_cmpuint(host.destroyed, ==, 0);
        nub_call_unref(call);
        g_assert_cmpuint(host.destroyed, ==, 1);
    }
}

static NubHostVerdict
ask_another(NubHostCall *call, gpointer table)
{
    return nub_host_table_call(table, call);
}

/* A table may stand before another; what that has no callback for pauses. */
static void
test_host_table_before_another(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_calls_host);
    Host host = { .verdict = NUB_HOST_VERDICT_FINISH };

    for (guint known = 0; known <= 1; known++) {
        g_autoptr(NubHostTable) behind = nub_host_table_new(), front = nub_host_table_new();
        g_autoptr(NubCall) call = nub_call_new(&instance);
        g_autoptr(GError) error = NULL;
        NubResult result;
        nub_host_table_add(behind, known ? 5 : 6, 99, host_function, &host, NULL);
        nub_host_table_add(front, 5, 10, ask_another, behind, NULL);
        nub_call_set_host_table(call, front);
        nub_call_set_gas(call, 150);
        g_autoptr(NubOutcome) outcome = nub_kernel_invoke(kernel, call, NULL, &error);
        g_assert_no_error(error);
        nub_outcome_get_result(outcome, &result);
        g_assert_cmpuint(result.exit_reason, ==, known ? NUB_EXIT_HALT : NUB_EXIT_HOST_CALL);
        g_assert_cmpuint(host.calls, ==, known);
    }
}

static void
test_host_fails(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_calls_host);
    g_autoptr(NubHostTable) table = nub_host_table_new();
    g_autoptr(NubCall) call = nub_call_new(&instance);
    Host host = { .verdict = NUB_HOST_VERDICT_FAIL }, replaced = { 0 };
    g_autoptr(GError) error = NULL;

    nub_host_table_add(table, 5, 0, host_function, &replaced, host_destroyed);
    nub_host_table_add(table, 5, 0, host_function, &host, NULL);
    g_assert_cmpuint(replaced.destroyed, ==, 1);
    nub_host_table_add(table, 1, 0, host_function, &host, NULL);
    nub_call_set_host_table(call, table);
    nub_call_set_gas(call, 100);
    g_assert_null(nub_kernel_invoke(kernel, call, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_HOST_CALL_FAILED);
    g_assert_cmpuint(host.calls, ==, 1);
    nub_call_set_host_table(call, NULL);
    g_assert_nonnull(call);
}

static void
test_resume(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_calls_host), paused;
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(NubOutcome) stopped = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    g_autoptr(NubCap) cap = NULL;
    g_autoptr(GError) error = NULL;
    const guint64 regs[NUB_N_REGS] = { [0] = NUB_HALT_ADDRESS, [7] = 88 };
    NubResult result;

    nub_call_set_gas(call, 100);
    nub_call_set_commit(call, TRUE);
    stopped = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_outcome_get_successor(stopped, &paused));
    cap = nub_kernel_get_cap(kernel, &paused, &error);
    g_assert_true(nub_cap_is_paused(cap));
    nub_call_set_instance(call, &paused);
    nub_call_set_regs(call, regs);
    outcome = nub_kernel_resume(kernel, call, NULL, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, 88);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/call/commit-and-advance", test_commit_and_advance);
    g_test_add_func("/core/call/input-and-output", test_input_and_output);
    g_test_add_func("/core/call/cancel", test_cancel);
    g_test_add_func("/core/call/cancel-at-random", test_cancel_at_random);
    g_test_add_func("/core/call/deadline", test_deadline);
    g_test_add_func("/core/call/in-the-background", test_in_the_background);
    g_test_add_func("/core/call/resume", test_resume);
    g_test_add_func("/core/host/verdicts", test_host_table);
    g_test_add_func("/core/host/a-table-before-another", test_host_table_before_another);
    g_test_add_func("/core/host/failing", test_host_fails);
    return g_test_run();
}
