/* kernel-save.c - writing through: what a kernel's calls change is stored before they return
 *
 * The head moves in the transaction that brings what it names. A successor is stored by what has
 * changed since its base, where backend and store can do that, else whole. If storing fails the
 * call fails, and what it did in memory is taken back.
 */
#define G_LOG_DOMAIN "nub-store"
#include "kernel-private.h"
#include "store-parts-private.h"

#include "cap-private.h"
#include "ssz.h"
#include <string.h>

/* ---- transactions ------------------------------------------------------------------------ */

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

/* One transaction in the making. */
typedef struct {
    NubKernel *kernel;
    NubStoreBatch batch;
    GHashTable *added; /* hashes */
} NubSaving;

static gboolean
is_saved(NubSaving *self, const NubHash *hash, gboolean *saved, GError **error)
{
    *saved = g_hash_table_contains(self->added, hash);
    return *saved || nub_store_contains(self->kernel->store, hash, saved, error);
}

/* What a capability mentions and the store lacks, as the backend has it. */
static gboolean
pend_references(NubSaving *self, NubCap *cap, GPtrArray *pending, GError **error)
{
    g_autoptr(GPtrArray) references = nub_cap_list_references(cap);

    for (guint i = 0; i < references->len; i++) {
        const NubHash *hash = references->pdata[i];
        gboolean saved = FALSE;
        NubCap *referent;
        if (!is_saved(self, hash, &saved, error))
            return FALSE;
        if (saved)
            continue;
        referent = get_from_backend(self->kernel, hash, error);
        if (!referent)
            return FALSE;
        g_ptr_array_add(pending, referent);
    }
    return TRUE;
}

/* Adds what is pending and whatever it reaches that the store lacks: a collection may have removed
 * what only this process still held. */
static gboolean
add_pending(NubSaving *self, GPtrArray *pending, GError **error)
{
    while (pending->len) {
        g_autoptr(NubCap) cap = g_ptr_array_steal_index_fast(pending, pending->len - 1);
        gboolean saved = FALSE;
        NubHash hash;
        nub_cap_get_hash(cap, &hash);
        if (!is_saved(self, &hash, &saved, error))
            return FALSE;
        if (saved)
            continue;
        g_hash_table_add(self->added, nub_hash_copy(&hash));
        if (!nub_store_batch_add(&self->batch, cap, error) ||
            !pend_references(self, cap, pending, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
add_cap(NubSaving *self, NubCap *cap, GError **error)
{
    g_autoptr(GPtrArray) pending = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);

    g_ptr_array_add(pending, nub_cap_ref(cap));
    return add_pending(self, pending, error);
}

/* A capability that the backend has and perhaps not the store. */
static gboolean
add_hash(NubSaving *self, const NubHash *hash, GError **error)
{
    g_autoptr(NubCap) cap = NULL;
    gboolean saved = FALSE;

    if (!is_saved(self, hash, &saved, error))
        return FALSE;
    if (saved)
        return TRUE;
    cap = get_from_backend(self->kernel, hash, error);
    return cap && add_cap(self, cap, error);
}

/* Begins a transaction; until it is ended, no collection runs. The head lock is taken after, never
 * before: a collection that waits keeps later ones from beginning. */
static void
saving_begin(NubSaving *self, NubKernel *kernel)
{
    self->kernel = kernel;
    self->added = nub_hash_set_new();
    nub_store_batch_init(&self->batch, kernel->store);
    g_rw_lock_reader_lock(&kernel->store->gc_lock);
}

/* Writes what was added, with the head if it is given, unless something has failed before. */
static gboolean
saving_end(NubSaving *self, gboolean sound, const NubHash *head, GError **error)
{
    struct nub_store_name name = { .name = self->kernel->engine->backend->config->head };

    if (head)
        name.hash = *head;
    sound = sound && nub_store_batch_write(&self->batch, head ? &name : NULL, error);
    g_rw_lock_reader_unlock(&self->kernel->store->gc_lock);
    nub_store_batch_clear(&self->batch);
    g_hash_table_unref(self->added);
    return sound;
}

/* ---- successors -------------------------------------------------------------------------- */

/* What get_changes of a backend says. */
typedef struct {
    NubStoreBatch *batch;
    GArray *edits; /* NubPageEdit */
    guint8 header[NUB_INSTANCE_BARE_SIZE];
    gboolean has_header;
    const char *wrong; /* what it should not have said */
} NubToldChanges;

static void
hear_header(void *ctx, struct nub_slice wire)
{
    NubToldChanges *self = ctx;

    if (self->has_header || wire.size != sizeof self->header) {
        self->wrong = "a header that is none";
        return;
    }
    memcpy(self->header, wire.data, sizeof self->header);
    self->has_header = TRUE;
}

static void
hear_page(void *ctx, uint32_t address, const uint8_t *bytes)
{
    NubToldChanges *self = ctx;
    const NubPageEdit *last =
        self->edits->len ? &g_array_index(self->edits, NubPageEdit, self->edits->len - 1) : NULL;
    NubPageEdit edit = { .page = address / NUB_PAGE_SIZE };

    if (address % NUB_PAGE_SIZE || (last && edit.page <= last->page))
        self->wrong = "a page out of order";
    if (self->wrong)
        return;
    if (bytes) {
        edit.bytes = nub_store_batch_keep(self->batch, bytes, NUB_PAGE_SIZE);
        nub_ssz_page_root(&edit.root, edit.bytes);
    }
    g_array_append_val(self->edits, edit);
}

/* Adds the successor as its base with what the backend says has changed; that this is what has the
 * successor's hash is checked. */
static gboolean
add_changed(NubSaving *self, const NubStored *base, const NubHash *hash, NubToldChanges *told,
            GError **error)
{
    g_autoptr(GPtrArray) pending = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    g_autoptr(GBytes) header = g_bytes_new(told->header, sizeof told->header);
    g_autoptr(NubCap) bare = NULL;

    if (told->wrong || !told->has_header) {
        nub_error_set_hash(error, NUB_ERROR_BAD_ENCODING, hash, "%s: get_changes: %s",
                           nub_kernel_get_name(self->kernel),
                           told->wrong ? told->wrong : "no header");
        return FALSE;
    }
    if (!nub_store_batch_add_edited(
            &self->batch, hash, told->header, base->cap ? NULL : &base->outline,
            (const NubPageEdit *)(gpointer)told->edits->data, told->edits->len, error)) {
        g_prefix_error(error, "%s: get_changes: ", nub_kernel_get_name(self->kernel));
        return FALSE;
    }
    g_hash_table_add(self->added, nub_hash_copy(hash));
    bare = nub_cap_new_from_wire(header, error);
    return bare && pend_references(self, bare, pending, error) && add_pending(self, pending, error);
}

/* Whether a stored Instance is one that a successor can be made from. */
static gboolean
has_outline(const NubStored *self)
{
    const struct nub_cap *view = nub_stored_view(self);

    return !self->cap || (view->kind == NUB_CAP_INSTANCE && view->u.instance.n_overlays == 0);
}

/*
 * Adds a successor by what has changed since its base. `*done` stays FALSE where that cannot be
 * done: it must be had whole then.
 */
static gboolean
add_by_changes(NubSaving *self, const NubHash *base, const NubHash *hash, gboolean *done,
               GError **error)
{
    NubKernel *kernel = self->kernel;
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GArray) edits = NULL;
    g_auto(NubStored) stored = { 0 };
    NubToldChanges told = { .batch = &self->batch };
    struct nub_changes changes = {
        .struct_size = sizeof changes, .ctx = &told, .header = hear_header, .page = hear_page
    };
    int32_t status;

    if (!kernel->ops->get_changes || !kernel->store->ops->get_part)
        return TRUE;
    if (!nub_store_contains(kernel->store, base, done, error))
        return FALSE;
    if (!*done) /* collected */
        return TRUE;
    *done = FALSE;
    if (!nub_stored_load(&stored, kernel->store, base, error))
        return FALSE;
    if (!has_outline(&stored))
        return TRUE;
    told.edits = edits = g_array_new(FALSE, FALSE, sizeof(NubPageEdit));
    status = kernel->ops->get_changes(kernel->backend, base, hash, &changes, &failure);
    if (status == NUB_ERR_NOT_SUPPORTED || status == NUB_ERR_NOT_FOUND)
        return TRUE; /* a backend around one that cannot; a base that was dropped */
    *done = TRUE;
    return nub_kernel_check(kernel, "get_changes", status, &failure, error) &&
           add_changed(self, &stored, hash, &told, error);
}

gboolean
nub_kernel_hold(NubKernel *self, const NubHash *base)
{
    const struct nub_slice unread = { NULL, 0 };

    return self->store && self->store->ops->get_part && self->ops->get_changes &&
           self->ops->put_cap_with_hash && self->ops->drop_cap &&
           self->ops->put_cap_with_hash(self->backend, base, unread, NULL) == NUB_OK;
}

void
nub_kernel_release(NubKernel *self, const NubHash *base, gboolean held)
{
    if (held)
        self->ops->drop_cap(self->backend, base, NULL);
}

static gboolean
add_successor(NubSaving *self, const NubHash *base, const NubHash *hash, GError **error)
{
    gboolean done = FALSE;

    if (!nub_store_contains(self->kernel->store, hash, &done, error))
        return FALSE;
    return (done || add_by_changes(self, base, hash, &done, error)) &&
           (done || add_hash(self, hash, error));
}

/* ---- what has been put, set or committed ------------------------------------------------- */

gboolean
nub_kernel_save_caps(NubKernel *self, NubCap *const *caps, guint n_caps, GError **error)
{
    NubSaving saving;
    gboolean sound = TRUE;

    if (!self->store)
        return TRUE;
    saving_begin(&saving, self);
    for (guint i = 0; i < n_caps && sound; i++)
        sound = add_cap(&saving, caps[i], error);
    return saving_end(&saving, sound, NULL, error);
}

static gboolean
save_wire(NubKernel *self, GBytes *wire, const NubHash *hash, GError **error)
{
    g_autoptr(NubCap) cap = NULL;
    gboolean present = FALSE;

    if (!nub_store_contains(self->store, hash, &present, error))
        return FALSE;
    if (present)
        return TRUE;
    cap = wire ? nub_cap_new_hashed(wire, hash, error) : get_from_backend(self, hash, error);
    return cap && nub_kernel_save_caps(self, &cap, 1, error);
}

gboolean
nub_kernel_save_wire(NubKernel *self, GBytes *wire, const NubHash *hash, GError **error)
{
    if (!self->store || save_wire(self, wire, hash, error))
        return TRUE;
    if (self->ops->drop_cap)
        self->ops->drop_cap(self->backend, hash, NULL);
    return FALSE;
}

/*
 * Ends a transaction with the head as the backend has it now, and what it names: perhaps not what
 * the call that is being finished has made of it, but always one that the backend has had, and
 * never an older one than what is stored. With the head lock.
 */
static gboolean
save_head_inlock(NubSaving *saving, gboolean sound, GError **error)
{
    NubKernel *self = saving->kernel;
    struct nub_failure failure = NUB_FAILURE_INIT;
    NubHash root = { { 0 } };

    if (sound) {
        int32_t status = self->ops->state_root(self->backend, &root, &failure);
        sound = nub_kernel_check(self, "state_root", status, &failure, error) &&
                (nub_hash_is_none(&root) || add_hash(saving, &root, error));
    }
    return saving_end(saving, sound, &root, error);
}

gboolean
nub_kernel_save_head(NubKernel *self, GError **error)
{
    g_autoptr(GMutexLocker) locker = NULL;
    NubSaving saving;

    if (!self->store)
        return TRUE;
    saving_begin(&saving, self);
    locker = g_mutex_locker_new(&self->head_lock);
    return save_head_inlock(&saving, TRUE, error);
}

/* Takes back, in memory, a commit that could not be stored. A head that has gone on since is that
 * of a call whose own storing is to come. */
static void
undo_commit(NubKernel *self, const NubHash *successor, gboolean advanced)
{
    NubHash root, stored;

    if (advanced && self->ops->state_root(self->backend, &root, NULL) == NUB_OK &&
        nub_hash_equals(&root, successor) &&
        nub_store_get_name(self->store, self->engine->backend->config->head, &stored, NULL))
        self->ops->set_state_root(self->backend, &stored, NULL);
    if (self->ops->drop_cap)
        self->ops->drop_cap(self->backend, successor, NULL);
}

gboolean
nub_kernel_save_successor(NubKernel *self, const NubHash *base, const NubHash *successor,
                          gboolean advanced, GError **error)
{
    NubSaving saving;
    gboolean sound;

    if (!self->store || nub_hash_is_none(successor))
        return TRUE;
    saving_begin(&saving, self);
    sound = add_successor(&saving, base, successor, error);
    g_mutex_lock(&self->head_lock);
    sound = advanced ? save_head_inlock(&saving, sound, error)
                     : saving_end(&saving, sound, NULL, error);
    if (!sound)
        undo_commit(self, successor, advanced);
    g_mutex_unlock(&self->head_lock);
    return sound;
}
