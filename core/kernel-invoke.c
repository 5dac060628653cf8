/* kernel-invoke.c - invocations: the pure one, the full one, and those in the background
 *
 * A full call that asks for nothing beyond the pure one goes through invoke_cached where a backend
 * has nothing else. Background calls run in a thread of GLib's pool; their cancelling reaches the
 * backend as the word `cancel` of the call. See <nub/kernel.h>.
 */
#include "kernel-private.h"

#include <string.h>

gboolean
nub_kernel_invoke_cached(NubKernel *self, const NubHash *instance, guint32 endpoint,
                         const guint64 *args, guint64 gas, NubResult *result, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_invoke_args call = { .struct_size = sizeof call, .endpoint = endpoint, .gas = gas };
    g_autoptr(GHashTable) supplied = NULL;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && instance && result, FALSE);
    call.instance = *instance;
    if (args)
        memcpy(call.args, args, sizeof call.args);
    do {
        status = self->ops->invoke_cached(self->backend, &call, result, &failure);
    } while (G_UNLIKELY(status != NUB_OK) && nub_kernel_supply(self, status, &failure, &supplied));
    nub_kernel_count_call(self, status, result, gas);
    return nub_kernel_check(self, "invoke_cached", status, &failure, error);
}

static NubOutcome *
invoke_pure(NubKernel *self, const struct nub_call *call, GError **error)
{
    struct nub_outcome outcome = { .struct_size = sizeof outcome };

    if (!nub_kernel_invoke_cached(self, &call->instance, call->endpoint, call->args, call->gas,
                                  &outcome.result, error))
        return NULL;
    return nub_outcome_new(self, &outcome, FALSE);
}

typedef int32_t (*NubFullCall)(void *backend, const struct nub_call *call,
                               struct nub_outcome *outcome, struct nub_failure *failure);

/* Runs, and stores the successor. */
static gboolean
run_and_save(NubKernel *self, NubFullCall full, const char *function, const struct nub_call *call,
             struct nub_outcome *outcome, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GHashTable) supplied = NULL;
    gboolean held = (call->flags & NUB_CALL_COMMIT) && nub_kernel_hold(self, &call->instance);
    gboolean done;
    int32_t status;

    do {
        status = full(self->backend, call, outcome, &failure);
    } while (status != NUB_OK && nub_kernel_supply(self, status, &failure, &supplied));
    nub_kernel_count_call(self, status, &outcome->result, call->gas);
    done = nub_kernel_check(self, function, status, &failure, error) &&
           nub_kernel_save_successor(self, &call->instance, &outcome->successor,
                                     (call->flags & NUB_CALL_ADVANCE) != 0, error);
    nub_kernel_release(self, &call->instance, held);
    return done;
}

static NubOutcome *
run_full(NubKernel *self, NubFullCall full, const char *function, struct nub_call *call,
         GCancellable *cancellable, GError **error)
{
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    NubCancel cancel;
    gboolean done;

    if (!nub_cancel_begin(&cancel, cancellable, error))
        return NULL;
    call->cancel = cancellable ? &cancel.word : NULL;
    done = run_and_save(self, full, function, call, &outcome, error);
    nub_cancel_end(&cancel);
    if (!done) {
        if (outcome.output.release)
            outcome.output.release(&outcome.output);
        return NULL;
    }
    return nub_outcome_new(self, &outcome, (call->flags & NUB_CALL_OUTPUT) != 0);
}

NubOutcome *
nub_kernel_invoke(NubKernel *self, NubCall *call, GCancellable *cancellable, GError **error)
{
    struct nub_call abi;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && call, NULL);
    nub_call_fill(call, &abi);
    if (self->ops->invoke)
        return run_full(self, self->ops->invoke, "invoke", &abi, cancellable, error);
    if (g_cancellable_set_error_if_cancelled(cancellable, error))
        return NULL;
    if (nub_call_is_pure(call))
        return invoke_pure(self, &abi, error);
    nub_kernel_lacks(self, "invoke", error);
    return NULL;
}

NubOutcome *
nub_kernel_resume(NubKernel *self, NubCall *call, GCancellable *cancellable, GError **error)
{
    struct nub_call abi;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && call, NULL);
    if (!self->ops->resume) {
        nub_kernel_lacks(self, "resume", error);
        return NULL;
    }
    nub_call_fill(call, &abi);
    return run_full(self, self->ops->resume, "resume", &abi, cancellable, error);
}

/* ---- sessions ---------------------------------------------------------------------------- */

NubSession *
nub_kernel_open_session(NubKernel *self, const NubHash *instance, guint32 endpoint,
                        const guint64 *args, guint64 gas, GError **error)
{
    struct nub_session_args open = { .struct_size = sizeof open, .endpoint = endpoint, .gas = gas };

    g_return_val_if_fail(NUB_IS_KERNEL(self) && instance, NULL);
    open.instance = *instance;
    if (args)
        memcpy(open.args, args, sizeof open.args);
    return nub_session_new(self, &open, error);
}

NubSession *
nub_kernel_open_session_for_call(NubKernel *self, NubCall *call, GError **error)
{
    struct nub_session_args open = { .struct_size = sizeof open };
    struct nub_call abi;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && call, NULL);
    nub_call_fill(call, &abi);
    open.endpoint = abi.endpoint;
    open.gas_model = abi.gas_model;
    open.mem_cycles = abi.mem_cycles;
    open.instance = abi.instance;
    memcpy(open.args, abi.args, sizeof open.args);
    open.gas = abi.gas;
    return nub_session_new(self, &open, error);
}

/* ---- in the background ------------------------------------------------------------------- */

typedef NubOutcome *(*NubCallFunc)(NubKernel *self, NubCall *call, GCancellable *cancellable,
                                   GError **error);

static void
run_call(GTask *task, NubCallFunc func, GCancellable *cancellable)
{
    GError *error = NULL;
    NubOutcome *outcome =
        func(g_task_get_source_object(task), g_task_get_task_data(task), cancellable, &error);

    if (outcome)
        g_task_return_pointer(task, outcome, (GDestroyNotify)nub_outcome_unref);
    else
        g_task_return_error(task, error);
}

static void
invoke_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    (void)source;
    (void)data;
    run_call(task, nub_kernel_invoke, cancellable);
}

static void
resume_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    (void)source;
    (void)data;
    run_call(task, nub_kernel_resume, cancellable);
}

/* A call that has ended counts, even when it is cancelled a moment later: its commit is done. */
static void
start_call(NubKernel *self, NubCall *call, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data, gpointer tag, GTaskThreadFunc func)
{
    g_autoptr(GTask) task = g_task_new(self, cancellable, callback, user_data);

    g_task_set_source_tag(task, tag);
    g_task_set_check_cancellable(task, FALSE);
    g_task_set_task_data(task, nub_call_ref(call), (GDestroyNotify)nub_call_unref);
    g_task_run_in_thread(task, func);
}

void
nub_kernel_invoke_async(NubKernel *self, NubCall *call, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(NUB_IS_KERNEL(self) && call);
    start_call(self, call, cancellable, callback, user_data, nub_kernel_invoke_async,
               invoke_in_thread);
}

NubOutcome *
nub_kernel_invoke_finish(NubKernel *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

void
nub_kernel_resume_async(NubKernel *self, NubCall *call, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    g_return_if_fail(NUB_IS_KERNEL(self) && call);
    start_call(self, call, cancellable, callback, user_data, nub_kernel_resume_async,
               resume_in_thread);
}

NubOutcome *
nub_kernel_resume_finish(NubKernel *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}
