/* kernel-store.c - a kernel over a store: opening one, and taking from it
 *
 * Writing through is in kernel-save.c. What a backend does not hold and the store does is put into
 * the backend when the backend says that it misses it, so that this works with every backend; one
 * that uses fetch_cap itself never says so. See docs/decisions/0031.
 */
#define G_LOG_DOMAIN "nub-store"
#include "kernel-private.h"

#include "failure.h"

/* ---- taking from the store --------------------------------------------------------------- */

/* The capability that a backend says it misses, or NULL. */
static const NubHash *
missed(const NubKernel *self, int32_t status, const struct nub_failure *failure)
{
    if (!self->store || (status != NUB_ERR_NOT_FOUND && status != NUB_ERR_NOT_PUBLISHED &&
                         status != NUB_ERR_IMAGE_MISSING))
        return NULL;
    return nub_hash_is_none(&failure->hash) ? NULL : &failure->hash;
}

/* One put is core's. Another thread may have been faster. */
static void
remember_supplied(NubKernel *self, const NubHash *hash)
{
    gboolean first;

    g_mutex_lock(&self->lock);
    first = g_hash_table_add(self->supplied, nub_hash_copy(hash));
    g_mutex_unlock(&self->lock);
    if (!first && self->ops->drop_cap)
        self->ops->drop_cap(self->backend, hash, NULL);
}

/* Puts one into the backend; else `missing` is what the backend misses for it, zero for nothing. */
static gboolean
put_supplied(NubKernel *self, NubCap *cap, NubHash *missing)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_slice wire;
    const NubHash *hash;
    gsize size = 0;
    NubHash put;
    int32_t status;

    wire.data = g_bytes_get_data(nub_cap_get_wire(cap), &size);
    wire.size = size;
    status = self->ops->put_cap(self->backend, wire, &put, &failure);
    if (status == NUB_OK) {
        remember_supplied(self, &put);
        return TRUE;
    }
    hash = missed(self, status, &failure);
    *missing = hash ? *hash : (NubHash){ { 0 } };
    return FALSE;
}

/*
 * Puts a stored capability into the backend, and before it what it mentions and the backend misses.
 * No capability is put twice: a backend that still misses one then is beyond help, and `error` is
 * not set.
 */
static gboolean
put_from_store(NubKernel *self, const NubHash *root, GError **error)
{
    g_autoptr(GPtrArray) path = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    g_autoptr(GHashTable) seen = nub_hash_set_new();
    NubHash next = *root;

    for (;;) {
        NubCap *cap = NULL;
        if (!nub_hash_is_none(&next) && g_hash_table_add(seen, nub_hash_copy(&next)))
            cap = nub_store_get_cap(self->store, &next, error);
        if (!cap)
            return FALSE;
        g_ptr_array_add(path, cap);
        while (path->len && put_supplied(self, path->pdata[path->len - 1], &next))
            g_ptr_array_set_size(path, (int)path->len - 1);
        if (!path->len)
            return TRUE;
    }
}

/* What is stored and cannot be had is not just missing: the store's reason is the one to tell. */
static void
say_why(NubKernel *self, int32_t status, struct nub_failure *failure, const GError *error)
{
    const NubHash hash = failure->hash;
    gboolean present = FALSE;

    if (error && nub_store_contains(self->store, &hash, &present, NULL) && present)
        nub_fail_hash(failure, (enum nub_status)status, &hash, "%s", error->message);
}

gboolean
nub_kernel_supply(NubKernel *self, int32_t status, struct nub_failure *failure,
                  GHashTable **supplied)
{
    const NubHash *hash = missed(self, status, failure);
    g_autoptr(GError) error = NULL;

    if (!hash)
        return FALSE;
    if (!*supplied)
        *supplied = nub_hash_set_new();
    /* A backend that misses what it was given does not get it again. */
    if (!g_hash_table_add(*supplied, nub_hash_copy(hash)))
        return FALSE;
    if (put_from_store(self, hash, &error)) {
        *failure = (struct nub_failure)NUB_FAILURE_INIT;
        return TRUE;
    }
    say_why(self, status, failure, error);
    return FALSE;
}

void
nub_kernel_supply_hash(NubKernel *self, const NubHash *hash)
{
    uint32_t present = 0;

    if (self->store && self->ops->contains &&
        self->ops->contains(self->backend, hash, &present, NULL) == NUB_OK && !present)
        put_from_store(self, hash, NULL);
}

void
nub_kernel_forget_supplied(NubKernel *self, const NubHash *hash)
{
    if (!self->store)
        return;
    g_mutex_lock(&self->lock);
    g_hash_table_remove(self->supplied, hash);
    g_mutex_unlock(&self->lock);
}

void
nub_kernel_drop_supplied(NubKernel *self)
{
    g_autoptr(GHashTable) supplied = NULL;
    GHashTableIter iter;
    gpointer hash;

    if (!self->store || !self->ops->drop_cap)
        return;
    g_mutex_lock(&self->lock);
    supplied = g_steal_pointer(&self->supplied);
    self->supplied = nub_hash_set_new();
    g_mutex_unlock(&self->lock);
    g_hash_table_iter_init(&iter, supplied);
    while (g_hash_table_iter_next(&iter, &hash, NULL))
        self->ops->drop_cap(self->backend, hash, NULL);
}

/* ---- opening ----------------------------------------------------------------------------- */

gboolean
nub_kernel_attach_store(NubKernel *self, NubStore *store, GError **error)
{
    static const char *const needed[] = { "get_cap", "set_state_root" };
    const NubBackendConfig *config = self->engine->backend->config;
    NubHash head;

    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++)
        if (!nub_kernel_supports(self, needed[i])) {
            nub_kernel_lacks(self, needed[i], error);
            g_prefix_error(error, "a store is configured: ");
            return FALSE;
        }
    if (!nub_store_take_head(store, config->head, self, error))
        return FALSE;
    self->store = g_object_ref(store);
    self->supplied = nub_hash_set_new();
    if (!nub_store_get_name(store, config->head, &head, error))
        return FALSE;
    return nub_hash_is_none(&head) || nub_kernel_restore_head(self, &head, error);
}

void
nub_kernel_detach_store(NubKernel *self, const char *head)
{
    if (!self->store)
        return;
    nub_store_release_head(self->store, head);
    g_clear_object(&self->store);
    g_clear_pointer(&self->supplied, g_hash_table_unref);
}
