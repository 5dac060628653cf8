/* store-walk.c - walks over a store: what it lists, what names reach, what is wrong with it
 *
 * Everything is iterative, as a chain of capabilities may be a million long. Collecting holds the
 * lock that writers share, so that what it has found unreachable stays so until it is gone; other
 * processes are not kept out. See <nub/store.h>.
 */
#include "store-parts-private.h"

#include "cap-private.h"
#include "error-private.h"
#include <string.h>

GHashTable *
nub_hash_set_new(void)
{
    return g_hash_table_new_full(nub_hash_bucket, nub_hash_equals, (GDestroyNotify)nub_hash_free,
                                 NULL);
}

/* ---- listing ----------------------------------------------------------------------------- */

static uint32_t
add_hash(void *ctx, const struct nub_hash *hash, uint64_t size)
{
    (void)size;
    g_ptr_array_add(ctx, nub_hash_copy(hash));
    return 1;
}

GPtrArray *
nub_store_list_caps(NubStore *self, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GPtrArray) hashes = NULL;
    int32_t status;

    g_return_val_if_fail(NUB_IS_STORE(self), NULL);
    hashes = g_ptr_array_new_with_free_func((GDestroyNotify)nub_hash_free);
    status = self->ops->each_cap(self->store, add_hash, hashes, &failure);
    return nub_store_check(self, "each_cap", status, &failure, error) ? g_steal_pointer(&hashes)
                                                                      : NULL;
}

static uint32_t
add_name(void *ctx, const char *name, const struct nub_hash *hash)
{
    (void)hash;
    g_strv_builder_add(ctx, name);
    return 1;
}

char **
nub_store_list_names(NubStore *self, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GStrvBuilder) names = NULL;
    int32_t status;

    g_return_val_if_fail(NUB_IS_STORE(self), NULL);
    names = g_strv_builder_new();
    status = self->ops->each_name(self->store, add_name, names, &failure);
    return nub_store_check(self, "each_name", status, &failure, error) ? g_strv_builder_end(names)
                                                                       : NULL;
}

static uint32_t
add_named(void *ctx, const char *name, const struct nub_hash *hash)
{
    (void)name;
    g_ptr_array_add(ctx, nub_hash_copy(hash));
    return 1;
}

/* What the names name, once per name. */
static GPtrArray *
list_named(NubStore *self, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GPtrArray) hashes = g_ptr_array_new_with_free_func((GDestroyNotify)nub_hash_free);
    int32_t status = self->ops->each_name(self->store, add_named, hashes, &failure);

    return nub_store_check(self, "each_name", status, &failure, error) ? g_steal_pointer(&hashes)
                                                                       : NULL;
}

/* ---- collecting -------------------------------------------------------------------------- */

/* Parts and capabilities that were seen. Parts that Instances share are walked over once. */
typedef struct {
    GHashTable *caps, *parts;
} NubSeen;

static void
seen_init(NubSeen *self)
{
    self->caps = nub_hash_set_new();
    self->parts = nub_hash_set_new();
}

static void
seen_clear(NubSeen *self)
{
    g_hash_table_unref(self->caps);
    g_hash_table_unref(self->parts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubSeen, seen_clear)

static gboolean
see_part(gpointer ctx, const NubHash *root, unsigned level)
{
    NubSeen *seen = ctx;
    NubHash name;

    nub_part_name(&name, root, level);
    return !g_hash_table_contains(seen->parts, &name) &&
           g_hash_table_add(seen->parts, nub_hash_copy(&name));
}

static bool
add_reference(void *ctx, const struct nub_hash *hash)
{
    g_ptr_array_add(ctx, nub_hash_copy(hash));
    return true;
}

/* Adds to `seen` whatever the hashes in `pending` reach; empties `pending`. Reads no page. */
static gboolean
reach(NubStore *self, GPtrArray *pending, NubSeen *seen, GCancellable *cancellable, GError **error)
{
    const NubPartVisitor visitor = { .ctx = seen, .enter = see_part };

    while (pending->len) {
        g_autoptr(NubHash) hash = g_ptr_array_steal_index_fast(pending, pending->len - 1);
        g_auto(NubStored) stored = { 0 };
        if (g_cancellable_set_error_if_cancelled(cancellable, error))
            return FALSE;
        if (g_hash_table_contains(seen->caps, hash))
            continue;
        if (!nub_stored_load(&stored, self, hash, error))
            return FALSE;
        if (!stored.cap && !nub_store_walk_parts(self, &stored.outline, &visitor, error)) {
            nub_store_prefix_hash(error, hash);
            return FALSE;
        }
        nub_cap_each_reference(nub_stored_view(&stored), add_reference, pending);
        g_hash_table_add(seen->caps, g_steal_pointer(&hash));
    }
    return TRUE;
}

/* What was not seen. */
typedef struct {
    GHashTable *seen;
    GArray *unseen; /* NubHash */
} NubRest;

static uint32_t
add_unseen(void *ctx, const struct nub_hash *hash, uint64_t size)
{
    NubRest *rest = ctx;

    (void)size;
    if (!g_hash_table_contains(rest->seen, hash))
        g_array_append_vals(rest->unseen, hash, 1);
    return 1;
}

static gboolean
list_unseen(NubStore *self, const NubSeen *seen, GArray *caps, GArray *parts, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    NubRest rest = { seen->caps, caps };
    int32_t status = self->ops->each_cap(self->store, add_unseen, &rest, &failure);

    if (!nub_store_check(self, "each_cap", status, &failure, error))
        return FALSE;
    if (!self->ops->each_part)
        return TRUE;
    rest = (NubRest){ seen->parts, parts };
    status = self->ops->each_part(self->store, add_unseen, &rest, &failure);
    return nub_store_check(self, "each_part", status, &failure, error);
}

static gboolean
collect(NubStore *self, GCancellable *cancellable, guint64 *n_removed, GError **error)
{
    g_auto(NubSeen) seen = { 0 };
    g_autoptr(GPtrArray) pending = list_named(self, error);
    g_autoptr(GArray) caps = g_array_new(FALSE, FALSE, sizeof(NubHash));
    g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(NubHash));
    struct nub_store_batch batch = { .struct_size = sizeof batch };

    seen_init(&seen);
    if (!pending || !reach(self, pending, &seen, cancellable, error) ||
        !list_unseen(self, &seen, caps, parts, error))
        return FALSE;
    batch.n_removed = caps->len;
    batch.removed = (const struct nub_hash *)(gpointer)caps->data;
    batch.n_removed_parts = parts->len;
    batch.removed_parts = (const struct nub_hash *)(gpointer)parts->data;
    if (n_removed)
        *n_removed = caps->len;
    return (!caps->len && !parts->len) || nub_store_write(self, &batch, error);
}

gboolean
nub_store_gc(NubStore *self, GCancellable *cancellable, guint64 *n_removed, GError **error)
{
    gboolean done;

    g_return_val_if_fail(NUB_IS_STORE(self), FALSE);
    g_rw_lock_writer_lock(&self->gc_lock);
    done = collect(self, cancellable, n_removed, error);
    g_rw_lock_writer_unlock(&self->gc_lock);
    return done;
}

/* ---- verifying --------------------------------------------------------------------------- */

static gboolean
must_contain(NubStore *self, const NubHash *hash, const char *what, GError **error)
{
    g_autofree char *text = nub_hash_to_string(hash);
    gboolean present = FALSE;

    if (!nub_store_contains(self, hash, &present, error))
        return FALSE;
    if (!present)
        nub_error_set_hash(error, NUB_ERROR_NOT_FOUND, hash, "store: %s %s, which is absent", what,
                           text);
    return present;
}

/* Reading a page checks it. */
static void
ignore_page(gpointer ctx, const guint8 *bytes)
{
    (void)ctx;
    (void)bytes;
}

static gboolean
verify_cap(NubStore *self, const NubHash *hash, NubSeen *seen, GError **error)
{
    const NubPartVisitor visitor = { .ctx = seen, .enter = see_part, .page = ignore_page };
    g_autoptr(GPtrArray) references = g_ptr_array_new_with_free_func((GDestroyNotify)nub_hash_free);
    g_autofree char *text = nub_hash_to_string(hash);
    g_autofree char *what = g_strdup_printf("%s mentions", text);
    g_auto(NubStored) stored = { 0 };

    if (!nub_stored_load(&stored, self, hash, error))
        return FALSE;
    if (!stored.cap && !nub_store_walk_parts(self, &stored.outline, &visitor, error)) {
        nub_store_prefix_hash(error, hash);
        return FALSE;
    }
    nub_cap_each_reference(nub_stored_view(&stored), add_reference, references);
    for (guint i = 0; i < references->len; i++)
        if (!must_contain(self, references->pdata[i], what, error))
            return FALSE;
    return TRUE;
}

gboolean
nub_store_verify(NubStore *self, GCancellable *cancellable, guint64 *n_caps, GError **error)
{
    return nub_store_verify_with_progress(self, cancellable, NULL, NULL, n_caps, error);
}

gboolean
nub_store_verify_with_progress(NubStore *self, GCancellable *cancellable, NubProgressFunc progress,
                               gpointer user_data, guint64 *n_caps, GError **error)
{
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) named = NULL;
    g_auto(NubSeen) seen = { 0 };

    g_return_val_if_fail(NUB_IS_STORE(self), FALSE);
    seen_init(&seen);
    all = nub_store_list_caps(self, error);
    if (!all)
        return FALSE;
    for (guint i = 0; i < all->len; i++) {
        if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
            !verify_cap(self, all->pdata[i], &seen, error))
            return FALSE;
        if (progress)
            progress(i + 1, all->len, user_data);
    }
    named = list_named(self, error);
    if (!named)
        return FALSE;
    for (guint i = 0; i < named->len; i++)
        if (!must_contain(self, named->pdata[i], "a name names", error))
            return FALSE;
    if (n_caps)
        *n_caps = all->len;
    return TRUE;
}

/* ---- bundles ----------------------------------------------------------------------------- */

/* A capability on the way down: its mentions come before it. */
typedef struct {
    NubCap *cap;
    GPtrArray *references;
    guint next;
} NubStep;

static void
step_clear(gpointer data)
{
    NubStep *step = data;

    nub_cap_unref(step->cap);
    g_ptr_array_unref(step->references);
}

static gboolean
descend(NubStore *self, GArray *path, GHashTable *seen, const NubHash *hash, GError **error)
{
    NubStep step = { .cap = nub_store_get_cap(self, hash, error) };

    if (!step.cap)
        return FALSE;
    step.references = nub_cap_list_references(step.cap);
    g_hash_table_add(seen, nub_hash_copy(hash));
    g_array_append_val(path, step);
    return TRUE;
}

NubBundle *
nub_store_export(NubStore *self, const NubHash *root, GError **error)
{
    g_autoptr(NubBundle) bundle = NULL;
    g_autoptr(GHashTable) seen = NULL;
    g_autoptr(GArray) path = NULL;

    g_return_val_if_fail(NUB_IS_STORE(self) && root, NULL);
    bundle = nub_bundle_new();
    seen = nub_hash_set_new();
    path = g_array_new(FALSE, FALSE, sizeof(NubStep));
    g_array_set_clear_func(path, step_clear);
    if (!descend(self, path, seen, root, error))
        return NULL;
    while (path->len) {
        NubStep *step = &g_array_index(path, NubStep, path->len - 1);
        if (step->next == step->references->len) {
            nub_bundle_add(bundle, step->cap);
            g_array_set_size(path, path->len - 1);
            continue;
        }
        const NubHash *hash = step->references->pdata[step->next++];
        if (!g_hash_table_contains(seen, hash) && !descend(self, path, seen, hash, error))
            return NULL;
    }
    return g_steal_pointer(&bundle);
}

/* Every mention is earlier in the bundle or stored already. */
static gboolean
check_import(NubStore *self, NubBundle *bundle, NubStoreBatch *batch, GError **error)
{
    g_autoptr(GHashTable) seen = nub_hash_set_new();

    for (guint i = 0; i < nub_bundle_get_n_caps(bundle); i++) {
        NubCap *cap = nub_bundle_get_cap(bundle, i);
        g_autoptr(GPtrArray) references = nub_cap_list_references(cap);
        NubHash hash;
        for (guint j = 0; j < references->len; j++)
            if (!g_hash_table_contains(seen, references->pdata[j]) &&
                !must_contain(self, references->pdata[j], "import: something mentions", error))
                return FALSE;
        nub_cap_get_hash(cap, &hash);
        if (!g_hash_table_contains(seen, &hash)) {
            g_hash_table_add(seen, nub_hash_copy(&hash));
            if (!nub_store_batch_add(batch, cap, error))
                return FALSE;
        }
    }
    return TRUE;
}

gboolean
nub_store_import(NubStore *self, NubBundle *bundle, GError **error)
{
    g_auto(NubStoreBatch) batch = { 0 };
    gboolean done;

    g_return_val_if_fail(NUB_IS_STORE(self) && bundle, FALSE);
    nub_store_batch_init(&batch, self);
    g_rw_lock_reader_lock(&self->gc_lock);
    done = check_import(self, bundle, &batch, error) && nub_store_batch_write(&batch, NULL, error);
    g_rw_lock_reader_unlock(&self->gc_lock);
    return done;
}
