/* kernel-bundle.c - publishing a bundle: every capability or, on any error, none
 *
 * What can be judged without changing anything is judged first: encodings when the bundle was
 * made, referents here. What fails after that is undone by dropping, last put first.
 */
#include "kernel-private.h"

/* Takes back the first `n` puts. A drop of what was just put cannot fail in an honest backend. */
static void
undo(NubKernel *self, const NubHash *hashes, guint n, GError **error)
{
    if (n && !self->ops->drop_cap)
        g_prefix_error(error, "%u capabilities stay put, as the backend has no drop_cap: ", n);
    while (n-- && self->ops->drop_cap) {
        g_autoptr(GError) failure = NULL;
        if (!nub_kernel_drop_cap(self, &hashes[n], &failure))
            g_prefix_error(error, "(cannot be undone: %s) ", failure->message);
    }
}

/*
 * Without drop_cap there is no way back, so that only a bundle which refers to nothing but itself
 * is begun: then a put can fail for want of space alone.
 */
static gboolean
is_self_contained(NubBundle *bundle)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(nub_hash_bucket, nub_hash_equals,
                                                       (GDestroyNotify)nub_hash_free, NULL);

    for (guint i = 0; i < nub_bundle_get_n_caps(bundle); i++) {
        NubCap *cap = nub_bundle_get_cap(bundle, i);
        g_autoptr(GPtrArray) references = nub_cap_list_references(cap);
        NubHash hash;
        for (guint j = 0; j < references->len; j++)
            if (!g_hash_table_contains(seen, references->pdata[j]))
                return FALSE;
        nub_cap_get_hash(cap, &hash);
        g_hash_table_add(seen, nub_hash_copy(&hash));
    }
    return TRUE;
}

/* One transaction for the whole bundle. */
static gboolean
save_all(NubKernel *self, NubBundle *bundle, guint n_caps, GError **error)
{
    g_autofree NubCap **caps = g_new(NubCap *, n_caps);

    for (guint i = 0; i < n_caps; i++)
        caps[i] = nub_bundle_get_cap(bundle, i);
    return nub_kernel_save_caps(self, caps, n_caps, error);
}

static gboolean
put_all(NubKernel *self, NubBundle *bundle, GCancellable *cancellable, NubHash *root,
        GError **error)
{
    guint n_caps = nub_bundle_get_n_caps(bundle);
    g_autofree NubHash *hashes = g_new(NubHash, MAX(n_caps, 1));

    if (!n_caps) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT, "%s: an empty bundle",
                    nub_kernel_get_name(self));
        return FALSE;
    }
    if (n_caps > 1 && !self->ops->drop_cap && !is_self_contained(bundle))
        return nub_kernel_lacks(self, "drop_cap", error);
    for (guint i = 0; i < n_caps; i++) {
        if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
            !nub_kernel_put_in_memory(self, nub_cap_get_wire(nub_bundle_get_cap(bundle, i)),
                                      &hashes[i], error)) {
            g_prefix_error(error, "capability %u of %u: ", i + 1, n_caps);
            undo(self, hashes, i, error);
            return FALSE;
        }
    }
    if (!save_all(self, bundle, n_caps, error)) {
        undo(self, hashes, n_caps, error);
        return FALSE;
    }
    if (root)
        *root = hashes[n_caps - 1];
    return TRUE;
}

gboolean
nub_kernel_put_bundle(NubKernel *self, NubBundle *bundle, NubHash *root, GError **error)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self) && bundle, FALSE);
    return put_all(self, bundle, NULL, root, error);
}

static void
put_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    NubHash root;

    if (put_all(source, data, cancellable, &root, &error))
        g_task_return_pointer(task, nub_hash_copy(&root), (GDestroyNotify)nub_hash_free);
    else
        g_task_return_error(task, error);
}

void
nub_kernel_put_bundle_async(NubKernel *self, NubBundle *bundle, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(NUB_IS_KERNEL(self) && bundle);
    task = g_task_new(self, cancellable, callback, user_data);
    g_task_set_source_tag(task, nub_kernel_put_bundle_async);
    g_task_set_check_cancellable(task, FALSE); /* what is put is put */
    g_task_set_task_data(task, nub_bundle_ref(bundle), (GDestroyNotify)nub_bundle_unref);
    g_task_run_in_thread(task, put_in_thread);
}

gboolean
nub_kernel_put_bundle_finish(NubKernel *self, GAsyncResult *result, NubHash *root, GError **error)
{
    g_autoptr(NubHash) hash = NULL;

    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    hash = g_task_propagate_pointer(G_TASK(result), error);
    if (hash && root)
        *root = *hash;
    return hash != NULL;
}
