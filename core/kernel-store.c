/* kernel-store.c - a kernel over a store: writing through, taking from it, the head
 *
 * What is put or committed is on disk before the call returns; the head moves in the transaction
 * that brings what it names. What a backend does not hold and the store does is put into the
 * backend when the backend says that it misses it, so that this works with every backend; one that
 * uses fetch_cap itself never says so. If storing fails the call fails, and what it did in memory
 * is taken back. See docs/decisions/0031.
 */
#define G_LOG_DOMAIN "nub-store"
#include "kernel-private.h"

#include "cap-private.h"

#include <string.h>

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
 * No capability is put twice: a backend that still misses one then is beyond help.
 */
static gboolean
put_from_store(NubKernel *self, const NubHash *root)
{
    g_autoptr(GPtrArray) path = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    g_autoptr(GHashTable) seen = nub_hash_set_new();
    NubHash next = *root;

    for (;;) {
        NubCap *cap = NULL;
        if (!nub_hash_is_none(&next) && g_hash_table_add(seen, nub_hash_copy(&next)))
            cap = nub_store_get_cap(self->store, &next, NULL);
        if (!cap)
            return FALSE;
        g_ptr_array_add(path, cap);
        while (path->len && put_supplied(self, path->pdata[path->len - 1], &next))
            g_ptr_array_set_size(path, (int)path->len - 1);
        if (!path->len)
            return TRUE;
    }
}

gboolean
nub_kernel_supply(NubKernel *self, int32_t status, struct nub_failure *failure,
                  GHashTable **supplied)
{
    const NubHash *hash = missed(self, status, failure);

    if (!hash)
        return FALSE;
    if (!*supplied)
        *supplied = nub_hash_set_new();
    /* A backend that misses what it was given does not get it again. */
    if (!g_hash_table_add(*supplied, nub_hash_copy(hash)) || !put_from_store(self, hash))
        return FALSE;
    *failure = (struct nub_failure)NUB_FAILURE_INIT;
    return TRUE;
}

void
nub_kernel_supply_hash(NubKernel *self, const NubHash *hash)
{
    uint32_t present = 0;

    if (self->store && self->ops->contains &&
        self->ops->contains(self->backend, hash, &present, NULL) == NUB_OK && !present)
        put_from_store(self, hash);
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

/* ---- writing through --------------------------------------------------------------------- */

/* A capability that the backend holds, from its memory alone. */
static NubCap *
get_from_backend(NubKernel *self, const NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_bytes bytes = { 0 };
    g_autoptr(GBytes) wire = NULL;
    int32_t status = self->ops->get_cap(self->backend, hash, &bytes, &failure);

    if (!nub_kernel_check(self, "get_cap", status, &failure, error))
        return NULL;
    wire = nub_bytes_take(G_OBJECT(self), &bytes);
    return nub_cap_new_hashed(wire, hash, error);
}

/*
 * Adds a capability to a batch, and whatever it reaches that the store lacks: a collection may have
 * removed what only this process still held. `keep` owns the bytes that the batch points to.
 */
static gboolean
add_closure(NubKernel *self, NubCap *root, GArray *batch, GHashTable *added, GPtrArray *keep,
            GError **error)
{
    g_autoptr(GPtrArray) pending = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);

    g_ptr_array_add(pending, nub_cap_ref(root));
    while (pending->len) {
        NubCap *cap = g_ptr_array_steal_index_fast(pending, pending->len - 1);
        g_autoptr(GPtrArray) references = nub_cap_list_references(cap);
        struct nub_store_cap entry;
        gboolean present = FALSE;
        gsize size = 0;
        g_ptr_array_add(keep, cap);
        nub_cap_get_hash(cap, &entry.hash);
        if (!nub_store_contains(self->store, &entry.hash, &present, error))
            return FALSE;
        if (present || !g_hash_table_add(added, nub_hash_copy(&entry.hash)))
            continue;
        entry.wire.data = g_bytes_get_data(nub_cap_get_wire(cap), &size);
        entry.wire.size = size;
        g_array_append_val(batch, entry);
        for (guint i = 0; i < references->len; i++) {
            const NubHash *hash = references->pdata[i];
            NubCap *referent;
            if (!nub_store_contains(self->store, hash, &present, error))
                return FALSE;
            if (present || g_hash_table_contains(added, hash))
                continue;
            referent = get_from_backend(self, hash, error);
            if (!referent)
                return FALSE;
            g_ptr_array_add(pending, referent);
        }
    }
    return TRUE;
}

/* Stores capabilities and, when `head` is given, the head, in one transaction. */
static gboolean
save(NubKernel *self, NubCap *const *caps, guint n_caps, const NubHash *head, GError **error)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(struct nub_store_cap));
    g_autoptr(GHashTable) added = nub_hash_set_new();
    g_autoptr(GPtrArray) keep = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    struct nub_store_name name = { .name = self->engine->backend->config->head };
    struct nub_store_batch batch = { .struct_size = sizeof batch, .names = &name };
    gboolean done = TRUE;

    g_rw_lock_reader_lock(&self->store->gc_lock);
    for (guint i = 0; i < n_caps && done; i++)
        done = add_closure(self, caps[i], entries, added, keep, error);
    if (head) {
        name.hash = *head;
        batch.n_names = 1;
    }
    batch.n_caps = entries->len;
    batch.caps = (const struct nub_store_cap *)(gpointer)entries->data;
    if (done && (batch.n_caps || batch.n_names))
        done = nub_store_write(self->store, &batch, error);
    g_rw_lock_reader_unlock(&self->store->gc_lock);
    return done;
}

gboolean
nub_kernel_save_caps(NubKernel *self, NubCap *const *caps, guint n_caps, GError **error)
{
    return !self->store || save(self, caps, n_caps, NULL, error);
}

gboolean
nub_kernel_save_wire(NubKernel *self, GBytes *wire, const NubHash *hash, GError **error)
{
    g_autoptr(NubCap) cap = NULL;
    gboolean present = FALSE;

    if (!self->store)
        return TRUE;
    if (nub_store_contains(self->store, hash, &present, error)) {
        if (present)
            return TRUE;
        cap = wire ? nub_cap_new_hashed(wire, hash, error) : get_from_backend(self, hash, error);
        if (cap && save(self, &cap, 1, NULL, error))
            return TRUE;
    }
    if (self->ops->drop_cap)
        self->ops->drop_cap(self->backend, hash, NULL);
    return FALSE;
}

/*
 * The head as the backend has it now, with what it names: perhaps not what the call that is being
 * finished has made of it, but always one that the backend has had, and never an older one than
 * what is stored.
 */
static gboolean
save_head(NubKernel *self, NubCap *successor, GError **error)
{
    g_autoptr(NubCap) named = NULL;
    NubCap *caps[2] = { successor, NULL };
    guint n_caps = successor ? 1 : 0;
    struct nub_failure failure = NUB_FAILURE_INIT;
    gboolean present = FALSE;
    NubHash root, hash = { { 0 } };
    int32_t status = self->ops->state_root(self->backend, &root, &failure);

    if (!nub_kernel_check(self, "state_root", status, &failure, error))
        return FALSE;
    if (successor)
        nub_cap_get_hash(successor, &hash);
    if (nub_hash_is_none(&root) || nub_hash_equals(&root, &hash))
        present = TRUE;
    else if (!nub_store_contains(self->store, &root, &present, error))
        return FALSE;
    if (!present) {
        named = get_from_backend(self, &root, error);
        if (!named)
            return FALSE;
        caps[n_caps++] = named;
    }
    return save(self, caps, n_caps, &root, error);
}

gboolean
nub_kernel_save_head(NubKernel *self, GError **error)
{
    g_autoptr(GMutexLocker) locker = NULL;

    if (!self->store)
        return TRUE;
    locker = g_mutex_locker_new(&self->head_lock);
    return save_head(self, NULL, error);
}

/* Takes back, in memory, a commit that could not be stored. */
static void
undo_commit(NubKernel *self, const NubHash *successor, gboolean advanced)
{
    NubHash stored;

    if (advanced &&
        nub_store_get_name(self->store, self->engine->backend->config->head, &stored, NULL))
        self->ops->set_state_root(self->backend, &stored, NULL);
    if (self->ops->drop_cap)
        self->ops->drop_cap(self->backend, successor, NULL);
}

gboolean
nub_kernel_save_successor(NubKernel *self, const NubHash *successor, gboolean advanced,
                          GError **error)
{
    g_autoptr(NubCap) cap = NULL;
    gboolean done = FALSE;

    if (!self->store || nub_hash_is_none(successor))
        return TRUE;
    cap = get_from_backend(self, successor, error);
    if (cap && !advanced)
        done = save(self, &cap, 1, NULL, error);
    g_mutex_lock(&self->head_lock);
    if (cap && advanced)
        done = save_head(self, cap, error);
    if (!done)
        undo_commit(self, successor, advanced);
    g_mutex_unlock(&self->head_lock);
    return done;
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
