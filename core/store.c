/* store.c - the store of a registry: one module, opened once, used by every kernel
 *
 * A module keeps bytes by hash and hashes by name and judges nothing; here is what must be judged:
 * what comes out is checked against its name, what goes in has its referents, and a head belongs to
 * one open kernel. Reading records is in store-read.c, making them in store-batch.c and
 * store-tree.c, walks over the whole store in store-walk.c, writing through in kernel-store.c. See
 * <nub/store.h>.
 */
#define G_LOG_DOMAIN "nub-store"
#include "store-parts-private.h"

#include "error-private.h"
#include "failure.h"
#include "kernel-private.h"
#include "log-private.h"
#include <string.h>

G_DEFINE_FINAL_TYPE(NubStore, nub_store, G_TYPE_OBJECT)

/* Who has a head. The kernel is gone for a moment before it gives the head back. */
typedef struct {
    char *backend;
    GWeakRef kernel;
} NubHolder;

static void
holder_free(gpointer data)
{
    NubHolder *holder = data;

    g_free(holder->backend);
    g_weak_ref_clear(&holder->kernel);
    g_free(holder);
}

static void
nub_store_init(NubStore *self)
{
    g_mutex_init(&self->lock);
    g_rw_lock_init(&self->gc_lock);
    g_cond_init(&self->head_released);
    self->heads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, holder_free);
    self->option_values = g_ptr_array_new_with_free_func(g_free);
    self->options = g_array_new(FALSE, FALSE, sizeof(struct nub_option));
}

static void
nub_store_finalize(GObject *object)
{
    NubStore *self = NUB_STORE(object);

    if (self->store)
        self->ops->destroy(self->store);
    g_hash_table_unref(self->heads);
    g_ptr_array_unref(self->option_values);
    g_array_unref(self->options);
    g_mutex_clear(&self->lock);
    g_rw_lock_clear(&self->gc_lock);
    g_cond_clear(&self->head_released);
    G_OBJECT_CLASS(nub_store_parent_class)->finalize(object);
}

static void
nub_store_class_init(NubStoreClass *class)
{
    G_OBJECT_CLASS(class)->finalize = nub_store_finalize;
}

static void
host_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    nub_log_backend("store", level, message);
}

gboolean
nub_store_check(NubStore *self, const char *function, int32_t status,
                const struct nub_failure *failure, GError **error)
{
    (void)self;
    if (G_LIKELY(status == NUB_OK))
        return TRUE;
    nub_error_set_failure(error, "store", function, status, failure);
    return FALSE;
}

/* ---- opening ----------------------------------------------------------------------------- */

static const NubModule *
load_module(const NubConfig *config, GError **error)
{
    const NubStoreConfig *store = config->store;
    g_autofree char *path = nub_config_find_module(config, store->module, store->base_dir, error);
    const NubModule *module = path ? nub_module_load(path, error) : NULL;

    if (module && !module->is_store) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE, "%s: is no store", path);
        return NULL;
    }
    return module;
}

static gboolean
create(NubStore *self, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_store_args args;
    int32_t status;

    self->host = (struct nub_host){ .struct_size = sizeof self->host, .log = host_log };
    args = (struct nub_store_args){
        .struct_size = sizeof args,
        .n_options = self->options->len,
        .options = (const struct nub_option *)(gpointer)self->options->data,
        .host = &self->host,
    };
    status = self->ops->create(&args, &self->store, &failure);
    if (status != NUB_OK)
        self->store = NULL;
    return nub_store_check(self, "create", status, &failure, error);
}

/* What makes two stores one: the module and every option. */
static char *
identity(const NubModule *module, const GArray *options)
{
    GString *text = g_string_new(module->path);

    for (guint i = 0; i < options->len; i++) {
        const struct nub_option *option = &g_array_index(options, struct nub_option, i);
        g_string_append_printf(text, "\n%s=%s", option->name, option->value);
    }
    return g_string_free(text, FALSE);
}

static NubStore *
store_new(const NubModule *module, const NubConfig *config, GError **error)
{
    g_autoptr(NubStore) self = g_object_new(NUB_TYPE_STORE, NULL);

    self->ops = &module->store_ops;
    if (!nub_module_resolve_options(module, config->store->options, "store", self->options,
                                    self->option_values, error))
        return NULL;
    return g_steal_pointer(&self);
}

NubStore *
nub_store_open(const NubConfig *config, GError **error)
{
    static GMutex lock;
    static GHashTable *stores; /* (mutex lock) identity -> GWeakRef, for the life of the process */
    g_autoptr(GMutexLocker) locker = NULL;
    const NubPlace *place = &config->store->place;
    const NubModule *module = load_module(config, error);
    g_autoptr(NubStore) self = NULL;
    g_autofree char *key = NULL;
    GWeakRef *known;
    NubStore *open;

    if (!module) {
        g_prefix_error(error, "%s:%u:%u: store: ", place->file, place->line, place->column);
        return NULL;
    }
    self = store_new(module, config, error);
    if (!self)
        return NULL;
    key = identity(module, self->options);
    locker = g_mutex_locker_new(&lock);
    if (!stores)
        stores = g_hash_table_new(g_str_hash, g_str_equal);
    known = g_hash_table_lookup(stores, key);
    open = known ? g_weak_ref_get(known) : NULL;
    if (open)
        return open;
    if (!create(self, error))
        return NULL;
    if (!known) {
        known = g_new(GWeakRef, 1);
        g_weak_ref_init(known, NULL);
        g_hash_table_insert(stores, g_steal_pointer(&key), known);
    }
    g_weak_ref_set(known, self);
    return g_steal_pointer(&self);
}

/* ---- heads ------------------------------------------------------------------------------- */

/* The kernel that has the head; waits for one that is on its way out. Called and left with the
 * lock. */
static NubKernel *
wait_for_holder_inlock(NubStore *self, const char *head)
{
    NubHolder *holder;

    while ((holder = g_hash_table_lookup(self->heads, head))) {
        NubKernel *kernel = g_weak_ref_get(&holder->kernel);
        if (kernel)
            return kernel;
        g_cond_wait(&self->head_released, &self->lock);
    }
    return NULL;
}

gboolean
nub_store_take_head(NubStore *self, const char *head, NubKernel *kernel, GError **error)
{
    g_autoptr(NubKernel) other = NULL; /* let go of after the lock: it may be the last reference */
    NubHolder *holder;

    g_mutex_lock(&self->lock);
    other = wait_for_holder_inlock(self, head);
    if (!other) {
        holder = g_new0(NubHolder, 1);
        holder->backend = g_strdup(nub_kernel_get_name(kernel));
        g_weak_ref_init(&holder->kernel, kernel);
        g_hash_table_insert(self->heads, g_strdup(head), holder);
    }
    g_mutex_unlock(&self->lock);
    if (other)
        g_set_error(error, NUB_ERROR, NUB_ERROR_CONFLICT,
                    "%s: the head '%s' is in use by the open backend '%s'",
                    nub_kernel_get_name(kernel), head, nub_kernel_get_name(other));
    return other == NULL;
}

void
nub_store_release_head(NubStore *self, const char *head)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&self->lock);

    g_hash_table_remove(self->heads, head);
    g_cond_broadcast(&self->head_released);
}

gboolean
nub_store_get_name(NubStore *self, const char *name, NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_STORE(self) && name && hash, FALSE);
    status = self->ops->get_name(self->store, name, hash, &failure);
    return nub_store_check(self, "get_name", status, &failure, error);
}

/* With the lock, and with that against collections: what is named must not go meanwhile. */
static gboolean
set_name_inlock(NubStore *self, const char *name, const NubHash *hash, GError **error)
{
    struct nub_store_name entry = { .name = name };
    struct nub_store_batch batch = { .struct_size = sizeof batch, .n_names = 1, .names = &entry };
    gboolean present = TRUE;

    if (g_hash_table_contains(self->heads, name)) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_CONFLICT,
                    "store: the head '%s' is in use by the open backend '%s'", name,
                    ((NubHolder *)g_hash_table_lookup(self->heads, name))->backend);
        return FALSE;
    }
    if (hash && !nub_hash_is_none(hash)) {
        entry.hash = *hash;
        if (!nub_store_contains(self, hash, &present, error))
            return FALSE;
    }
    if (!present) {
        nub_error_set_hash(error, NUB_ERROR_NOT_FOUND, hash,
                           "store: what '%s' is to name is absent", name);
        return FALSE;
    }
    return nub_store_write(self, &batch, error);
}

gboolean
nub_store_set_name(NubStore *self, const char *name, const NubHash *hash, GError **error)
{
    gboolean done;

    g_return_val_if_fail(NUB_IS_STORE(self) && name, FALSE);
    g_rw_lock_reader_lock(&self->gc_lock);
    g_mutex_lock(&self->lock);
    done = set_name_inlock(self, name, hash, error);
    g_mutex_unlock(&self->lock);
    g_rw_lock_reader_unlock(&self->gc_lock);
    return done;
}

/* ---- capabilities ------------------------------------------------------------------------ */

static void
release_wire(struct nub_bytes *bytes)
{
    g_bytes_unref(bytes->ctx);
}

/* Gives away the wire form of an Instance that is kept in parts. */
static int32_t
assemble(NubStore *self, const struct nub_hash *hash, struct nub_bytes *wire,
         struct nub_failure *failure)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = nub_store_get_cap(self, hash, &error);
    GBytes *bytes;
    gsize size = 0;

    if (!cap)
        return nub_fail_hash(failure, nub_error_to_status(error), hash, "%s", error->message);
    bytes = g_bytes_ref(nub_cap_get_wire(cap));
    wire->data = g_bytes_get_data(bytes, &size);
    wire->size = size;
    wire->release = release_wire;
    wire->ctx = bytes;
    return NUB_OK;
}

int32_t
nub_store_fetch(NubStore *self, const struct nub_hash *hash, struct nub_bytes *wire,
                struct nub_failure *failure)
{
    int32_t status = self->ops->get(self->store, hash, wire, failure);

    if (status != NUB_OK || !nub_is_outline((struct nub_slice){ wire->data, wire->size }))
        return status;
    if (wire->release)
        wire->release(wire);
    *wire = (struct nub_bytes){ .data = NULL };
    return assemble(self, hash, wire, failure);
}

gboolean
nub_store_contains(NubStore *self, const NubHash *hash, gboolean *present, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    uint32_t answer = 0;
    int32_t status;

    g_return_val_if_fail(NUB_IS_STORE(self) && hash && present, FALSE);
    status = self->ops->contains(self->store, hash, &answer, &failure);
    *present = answer != 0;
    return nub_store_check(self, "contains", status, &failure, error);
}

NubCap *
nub_store_get_cap(NubStore *self, const NubHash *hash, GError **error)
{
    g_auto(NubStored) stored = { 0 };

    g_return_val_if_fail(NUB_IS_STORE(self) && hash, NULL);
    if (!nub_stored_load(&stored, self, hash, error))
        return NULL;
    return nub_stored_assemble(&stored, self, hash, error);
}

gboolean
nub_store_describe_cap(NubStore *self, const NubHash *hash, NubCapKind *kind, guint64 *size,
                       GError **error)
{
    g_auto(NubStored) stored = { 0 };
    const struct nub_cap *view;

    g_return_val_if_fail(NUB_IS_STORE(self) && hash, FALSE);
    if (!nub_stored_load(&stored, self, hash, error))
        return FALSE;
    view = nub_stored_view(&stored);
    if (kind)
        *kind = (NubCapKind)view->kind;
    if (size)
        *size = stored.cap ? view->wire.size : stored.outline.wire_size;
    return TRUE;
}

gboolean
nub_store_write(NubStore *self, const struct nub_store_batch *batch, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status = self->ops->write(self->store, batch, &failure);

    return nub_store_check(self, "write", status, &failure, error);
}

gboolean
nub_store_put_cap(NubStore *self, NubCap *cap, GError **error)
{
    g_autoptr(NubBundle) bundle = NULL;

    g_return_val_if_fail(NUB_IS_STORE(self) && cap, FALSE);
    bundle = nub_bundle_new();
    nub_bundle_add(bundle, cap);
    return nub_store_import(self, bundle, error);
}
