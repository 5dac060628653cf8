/* session.c - sessions: a live machine that the host drives
 *
 * One call through the backend's table per function. The lock lets an interrupt from another
 * thread meet a close; runs do not hold it. See <nub/session.h>.
 */
#include "kernel-private.h"

struct _NubSession {
    GObject parent_instance;

    NubKernel *kernel; /* (owned) */
    const struct nub_backend_ops *ops;
    GMutex lock;
    NubHash instance; /* that it was opened on */
    guint64 gas;      /* what the next run starts with, as the user's thread knows it */
    void *session; /* the backend's; NULL: closed. Written under the lock, by the user's thread */
};

G_DEFINE_FINAL_TYPE(NubSession, nub_session, G_TYPE_OBJECT)

static void
nub_session_init(NubSession *self)
{
    g_mutex_init(&self->lock);
}

static void
nub_session_finalize(GObject *object)
{
    NubSession *self = NUB_SESSION(object);

    nub_session_close(self);
    g_clear_object(&self->kernel);
    g_mutex_clear(&self->lock);
    G_OBJECT_CLASS(nub_session_parent_class)->finalize(object);
}

static void
nub_session_class_init(NubSessionClass *class)
{
    G_OBJECT_CLASS(class)->finalize = nub_session_finalize;
}

NubSession *
nub_session_new(NubKernel *kernel, const struct nub_session_args *args, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GHashTable) supplied = NULL;
    void *session = NULL;
    NubSession *self;
    int32_t status;

    if (!kernel->ops->session_open) {
        nub_kernel_lacks(kernel, "session_open", error);
        return NULL;
    }
    do {
        status = kernel->ops->session_open(kernel->backend, args, &session, &failure);
    } while (status != NUB_OK && nub_kernel_supply(kernel, status, &failure, &supplied));
    if (!nub_kernel_check(kernel, "session_open", status, &failure, error))
        return NULL;
    self = g_object_new(NUB_TYPE_SESSION, NULL);
    self->kernel = g_object_ref(kernel);
    self->ops = kernel->ops;
    self->session = session;
    self->instance = args->instance;
    self->gas = args->gas;
    return self;
}

static gboolean
is_open(const NubSession *self, GError **error)
{
    if (self->session)
        return TRUE;
    g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT, "%s: the session is closed",
                nub_kernel_get_name(self->kernel));
    return FALSE;
}

void
nub_session_close(NubSession *self)
{
    g_return_if_fail(NUB_IS_SESSION(self));
    g_mutex_lock(&self->lock);
    if (self->session)
        self->ops->session_close(self->session);
    self->session = NULL;
    g_mutex_unlock(&self->lock);
}

void
nub_session_interrupt(NubSession *self)
{
    g_return_if_fail(NUB_IS_SESSION(self));
    g_mutex_lock(&self->lock);
    if (self->session && self->ops->session_interrupt)
        self->ops->session_interrupt(self->session);
    g_mutex_unlock(&self->lock);
}

/* ---- running ----------------------------------------------------------------------------- */

static void
on_cancelled(GCancellable *cancellable, gpointer data)
{
    (void)cancellable;
    nub_session_interrupt(data);
}

gboolean
nub_session_run(NubSession *self, GCancellable *cancellable, NubResult *result, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    gulong handler = 0;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && result, FALSE);
    if (!is_open(self, error) || g_cancellable_set_error_if_cancelled(cancellable, error))
        return FALSE;
    if (cancellable)
        handler = g_cancellable_connect(cancellable, G_CALLBACK(on_cancelled), self, NULL);
    status = self->ops->session_run(self->session, result, &failure);
    if (handler)
        g_cancellable_disconnect(cancellable, handler);
    nub_kernel_count_call(self->kernel, status, result, self->gas);
    if (status == NUB_OK)
        self->gas = result->gas_remaining;
    return nub_kernel_check(self->kernel, "session_run", status, &failure, error);
}

static void
run_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    NubResult result;

    (void)data;
    if (nub_session_run(source, cancellable, &result, &error))
        g_task_return_pointer(task, nub_result_copy(&result), (GDestroyNotify)nub_result_free);
    else
        g_task_return_error(task, error);
}

void
nub_session_run_async(NubSession *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                      gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(NUB_IS_SESSION(self));
    task = g_task_new(self, cancellable, callback, user_data);
    g_task_set_source_tag(task, nub_session_run_async);
    g_task_set_check_cancellable(task, FALSE); /* a run that came to its exit counts */
    g_task_run_in_thread(task, run_in_thread);
}

gboolean
nub_session_run_finish(NubSession *self, GAsyncResult *async_result, NubResult *result,
                       GError **error)
{
    g_autoptr(NubResult) answer = NULL;

    g_return_val_if_fail(g_task_is_valid(async_result, self) && result, FALSE);
    answer = g_task_propagate_pointer(G_TASK(async_result), error);
    if (answer)
        *result = *answer;
    return answer != NULL;
}

/* ---- registers, pc, gas ------------------------------------------------------------------ */

gboolean
nub_session_get_regs(NubSession *self, guint64 *regs, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && regs, FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_get_regs(self->session, regs, &failure);
    return nub_kernel_check(self->kernel, "session_get_regs", status, &failure, error);
}

guint64 *
nub_session_dup_regs(NubSession *self, GError **error)
{
    g_autofree guint64 *regs = g_new(guint64, NUB_N_REGS);

    return nub_session_get_regs(self, regs, error) ? g_steal_pointer(&regs) : NULL;
}

gboolean
nub_session_set_regs(NubSession *self, const guint64 *regs, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && regs, FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_set_regs(self->session, regs, &failure);
    return nub_kernel_check(self->kernel, "session_set_regs", status, &failure, error);
}

gboolean
nub_session_get_reg(NubSession *self, guint reg, guint64 *value, GError **error)
{
    guint64 regs[NUB_N_REGS];

    g_return_val_if_fail(NUB_IS_SESSION(self) && reg < NUB_N_REGS && value, FALSE);
    if (!nub_session_get_regs(self, regs, error))
        return FALSE;
    *value = regs[reg];
    return TRUE;
}

gboolean
nub_session_set_reg(NubSession *self, guint reg, guint64 value, GError **error)
{
    guint64 regs[NUB_N_REGS];

    g_return_val_if_fail(NUB_IS_SESSION(self) && reg < NUB_N_REGS, FALSE);
    if (!nub_session_get_regs(self, regs, error))
        return FALSE;
    regs[reg] = value;
    return nub_session_set_regs(self, regs, error);
}

gboolean
nub_session_get_pc(NubSession *self, guint32 *pc, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && pc, FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_get_pc(self->session, pc, &failure);
    return nub_kernel_check(self->kernel, "session_get_pc", status, &failure, error);
}

gboolean
nub_session_set_pc(NubSession *self, guint32 pc, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self), FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_set_pc(self->session, pc, &failure);
    return nub_kernel_check(self->kernel, "session_set_pc", status, &failure, error);
}

gboolean
nub_session_get_gas(NubSession *self, guint64 *gas, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    uint64_t answer = 0;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && gas, FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_get_gas(self->session, &answer, &failure);
    if (!nub_kernel_check(self->kernel, "session_get_gas", status, &failure, error))
        return FALSE;
    *gas = answer;
    return TRUE;
}

gboolean
nub_session_set_gas(NubSession *self, guint64 gas, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self), FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_set_gas(self->session, gas, &failure);
    if (!nub_kernel_check(self->kernel, "session_set_gas", status, &failure, error))
        return FALSE;
    self->gas = gas;
    return TRUE;
}

/* ---- memory ------------------------------------------------------------------------------ */

GBytes *
nub_session_read(NubSession *self, guint64 address, gsize size, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autofree guint8 *data = NULL;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self), NULL);
    if (!is_open(self, error))
        return NULL;
    if (address > G_GUINT64_CONSTANT(1) << 32 || size > (G_GUINT64_CONSTANT(1) << 32) - address) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "%s: session_read: a range that ends beyond 2^32",
                    nub_kernel_get_name(self->kernel));
        return NULL;
    }
    data = g_try_malloc(MAX(size, 1));
    if (!data) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_NO_MEMORY,
                    "%s: session_read: no memory for %" G_GSIZE_FORMAT " bytes",
                    nub_kernel_get_name(self->kernel), size);
        return NULL;
    }
    status = self->ops->session_read(self->session, address, data, size, &failure);
    if (!nub_kernel_check(self->kernel, "session_read", status, &failure, error))
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&data), size);
}

gboolean
nub_session_write(NubSession *self, guint64 address, const guint8 *data, gsize size, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && (data || !size), FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_write(self->session, address, data, size, &failure);
    return nub_kernel_check(self->kernel, "session_write", status, &failure, error);
}

gboolean
nub_session_map(NubSession *self, guint64 address, guint64 size, NubMapAccess access,
                GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self), FALSE);
    if (!is_open(self, error))
        return FALSE;
    status = self->ops->session_map(self->session, address, size, (uint32_t)access, &failure);
    return nub_kernel_check(self->kernel, "session_map", status, &failure, error);
}

gboolean
nub_session_commit(NubSession *self, gboolean advance, NubHash *successor, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    gboolean held, done;
    int32_t status;

    g_return_val_if_fail(NUB_IS_SESSION(self) && successor, FALSE);
    if (!is_open(self, error))
        return FALSE;
    if (!self->ops->session_commit)
        return nub_kernel_lacks(self->kernel, "session_commit", error);
    held = nub_kernel_hold(self->kernel, &self->instance);
    status = self->ops->session_commit(self->session, advance != FALSE, successor, &failure);
    done = nub_kernel_check(self->kernel, "session_commit", status, &failure, error) &&
           nub_kernel_save_successor(self->kernel, &self->instance, successor, advance, error);
    nub_kernel_release(self->kernel, &self->instance, held);
    return done;
}
