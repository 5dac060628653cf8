/* kernel.c - the kernel: capabilities, the head and figures of one opened backend
 *
 * Each function is one call through the backend's table; where the backend lacks one that others
 * can stand for, core composes it, and else answers NOT_SUPPORTED with the function's name. There
 * is no state of its own but counters, and no lock: the ABI makes backends thread-safe. Invocations
 * are in kernel-invoke.c. See <nub/kernel.h>.
 */
#include "kernel-private.h"

#include "failure.h"
#include "log-private.h"
#include <string.h>

G_DEFINE_FINAL_TYPE(NubKernel, nub_kernel, G_TYPE_OBJECT)

static void
nub_kernel_init(NubKernel *self)
{
    self->counters = nub_counters_new();
    g_mutex_init(&self->lock);
    g_mutex_init(&self->head_lock);
}

static void
nub_kernel_finalize(GObject *object)
{
    NubKernel *self = NUB_KERNEL(object);
    g_autofree char *head = g_strdup(self->engine->backend->config->head);

    g_clear_pointer(&self->engine, nub_engine_free);
    nub_kernel_detach_store(self, head);
    nub_counters_free(self->counters);
    g_mutex_clear(&self->lock);
    g_mutex_clear(&self->head_lock);
    G_OBJECT_CLASS(nub_kernel_parent_class)->finalize(object);
}

static void
nub_kernel_class_init(NubKernelClass *class)
{
    G_OBJECT_CLASS(class)->finalize = nub_kernel_finalize;
}

NubKernel *
nub_kernel_new(NubEngine *engine)
{
    NubKernel *self = g_object_new(NUB_TYPE_KERNEL, NULL);

    self->engine = engine;
    self->ops = engine->ops;
    self->backend = engine->self;
    self->log_calls = engine->backend->config->log_calls;
    return self;
}

gboolean
nub_kernel_check(const NubKernel *self, const char *function, int32_t status,
                 const struct nub_failure *failure, GError **error)
{
    if (self->log_calls)
        nub_log_call(self->engine->backend->config->name, function, nub_status_name(status));
    if (G_LIKELY(status == NUB_OK))
        return TRUE;
    nub_error_set_failure(error, self->engine->backend->config->name, function, status, failure);
    return FALSE;
}

gboolean
nub_kernel_lacks(const NubKernel *self, const char *function, GError **error)
{
    g_set_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED, "%s: the backend has no function %s",
                self->engine->backend->config->name, function);
    return FALSE;
}

struct taken_bytes {
    struct nub_bytes bytes;
    GObject *owner; /* (owned): the release function belongs to what it has opened */
};

static void
release_bytes(gpointer data)
{
    struct taken_bytes *taken = data;

    if (taken->bytes.release)
        taken->bytes.release(&taken->bytes);
    g_object_unref(taken->owner);
    g_free(taken);
}

GBytes *
nub_bytes_take(GObject *owner, const struct nub_bytes *bytes)
{
    struct taken_bytes *taken;

    if (bytes->size == 0 && !bytes->release)
        return g_bytes_new(NULL, 0);
    taken = g_new(struct taken_bytes, 1);
    taken->bytes = *bytes;
    taken->owner = g_object_ref(owner);
    return g_bytes_new_with_free_func(bytes->data, bytes->size, release_bytes, taken);
}

static struct nub_slice
slice_of(GBytes *bytes)
{
    gsize size = 0;
    const uint8_t *data = g_bytes_get_data(bytes, &size);

    return (struct nub_slice){ data, size };
}

const char *
nub_kernel_get_name(NubKernel *self)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self), NULL);
    return self->engine->backend->config->name;
}

NubGasModel
nub_kernel_get_gas_model(NubKernel *self)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self), NUB_GAS_DEFAULT);
    return (NubGasModel)self->engine->gas_model;
}

guint32
nub_kernel_get_mem_cycles(NubKernel *self)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self), 0);
    return self->engine->mem_cycles;
}

gboolean
nub_kernel_supports(NubKernel *self, const char *function)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self) && function, FALSE);
    return nub_ops_has(self->ops, function);
}

/* ---- putting ----------------------------------------------------------------------------- */

static void
count_put(NubKernel *self, gsize size)
{
    nub_counters_add(self->counters, NUB_COUNTER_PUTS, 1);
    nub_counters_add(self->counters, NUB_COUNTER_PUT_BYTES, size);
}

gboolean
nub_kernel_put_in_memory(NubKernel *self, GBytes *wire, NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GHashTable) supplied = NULL;
    int32_t status;

    do {
        status = self->ops->put_cap(self->backend, slice_of(wire), hash, &failure);
    } while (status != NUB_OK && nub_kernel_supply(self, status, &failure, &supplied));
    if (!nub_kernel_check(self, "put_cap", status, &failure, error))
        return FALSE;
    count_put(self, g_bytes_get_size(wire));
    return TRUE;
}

gboolean
nub_kernel_put_wire(NubKernel *self, GBytes *wire, NubHash *hash, GError **error)
{
    NubHash put;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && wire, FALSE);
    if (!nub_kernel_put_in_memory(self, wire, &put, error) ||
        !nub_kernel_save_wire(self, wire, &put, error))
        return FALSE;
    if (hash)
        *hash = put;
    return TRUE;
}

gboolean
nub_kernel_put_cap(NubKernel *self, NubCap *cap, NubHash *hash, GError **error)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self) && cap, FALSE);
    return nub_kernel_put_wire(self, nub_cap_get_wire(cap), hash, error);
}

/* What is present is put again by its own bytes; what is given is not looked at. */
static gboolean
put_again(NubKernel *self, const NubHash *hash, gboolean *done, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(NubCap) present = NULL;

    *done = FALSE;
    if (!self->ops->get_cap)
        return TRUE;
    present = nub_kernel_get_cap(self, hash, &reason);
    if (!present) {
        if (g_error_matches(reason, NUB_ERROR, NUB_ERROR_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    *done = TRUE;
    return nub_kernel_put_cap(self, present, NULL, error);
}

/* put_cap_with_hash for a backend that only has put_cap: the hash is checked here. */
static gboolean
compose_put_with_hash(NubKernel *self, const NubHash *hash, GBytes *wire, GError **error)
{
    g_autoptr(NubCap) cap = NULL;
    gboolean done = FALSE;
    NubHash real;

    if (!put_again(self, hash, &done, error))
        return FALSE;
    if (done)
        return TRUE;
    cap = nub_cap_new_from_wire(wire, error);
    if (!cap)
        return FALSE;
    nub_cap_get_hash(cap, &real);
    if (!nub_hash_equals(&real, hash)) {
        g_autofree char *text = nub_hash_to_string(&real);
        nub_error_set_hash(error, NUB_ERROR_HASH_MISMATCH, hash,
                           "%s: put_cap_with_hash: the capability's hash is %s",
                           self->engine->backend->config->name, text);
        return FALSE;
    }
    return nub_kernel_put_cap(self, cap, NULL, error);
}

gboolean
nub_kernel_put_wire_with_hash(NubKernel *self, const NubHash *hash, GBytes *wire, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GHashTable) supplied = NULL;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && hash && wire, FALSE);
    nub_kernel_supply_hash(self, hash);
    if (!self->ops->put_cap_with_hash)
        return compose_put_with_hash(self, hash, wire, error);
    do {
        status = self->ops->put_cap_with_hash(self->backend, hash, slice_of(wire), &failure);
    } while (status != NUB_OK && nub_kernel_supply(self, status, &failure, &supplied));
    if (!nub_kernel_check(self, "put_cap_with_hash", status, &failure, error))
        return FALSE;
    count_put(self, g_bytes_get_size(wire));
    return nub_kernel_save_wire(self, NULL, hash, error); /* `wire` was perhaps never read */
}

gboolean
nub_kernel_put_cap_with_hash(NubKernel *self, const NubHash *hash, NubCap *cap, GError **error)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self) && hash && cap, FALSE);
    return nub_kernel_put_wire_with_hash(self, hash, nub_cap_get_wire(cap), error);
}

/* ---- asking and dropping ----------------------------------------------------------------- */

gboolean
nub_kernel_contains(NubKernel *self, const NubHash *hash, gboolean *present, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    uint32_t answer = 0;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && hash && present, FALSE);
    if (!self->ops->contains) {
        guint64 count = 0;
        if (!self->ops->refcount)
            return nub_kernel_lacks(self, "contains", error);
        if (!nub_kernel_refcount(self, hash, &count, error))
            return FALSE;
        *present = count != 0;
        return TRUE;
    }
    status = self->ops->contains(self->backend, hash, &answer, &failure);
    if (!nub_kernel_check(self, "contains", status, &failure, error))
        return FALSE;
    *present = answer != 0;
    return answer || !self->store || nub_store_contains(self->store, hash, present, error);
}

NubCap *
nub_kernel_get_cap(NubKernel *self, const NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_bytes bytes = { 0 };
    g_autoptr(GBytes) wire = NULL;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && hash, NULL);
    if (!self->ops->get_cap) {
        nub_kernel_lacks(self, "get_cap", error);
        return NULL;
    }
    status = self->ops->get_cap(self->backend, hash, &bytes, &failure);
    if (status == NUB_ERR_NOT_FOUND && self->store)
        return nub_store_get_cap(self->store, hash, error);
    if (!nub_kernel_check(self, "get_cap", status, &failure, error))
        return NULL;
    wire = nub_bytes_take(G_OBJECT(self), &bytes);
    return nub_cap_new_from_wire(wire, error);
}

gboolean
nub_kernel_drop_cap(NubKernel *self, const NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && hash, FALSE);
    if (!self->ops->drop_cap)
        return nub_kernel_lacks(self, "drop_cap", error);
    status = self->ops->drop_cap(self->backend, hash, &failure);
    if (!nub_kernel_check(self, "drop_cap", status, &failure, error))
        return FALSE;
    nub_kernel_forget_supplied(self, hash);
    return TRUE;
}

gboolean
nub_kernel_refcount(NubKernel *self, const NubHash *hash, guint64 *count, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    uint64_t answer = 0;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && hash && count, FALSE);
    if (!self->ops->refcount)
        return nub_kernel_lacks(self, "refcount", error);
    status = self->ops->refcount(self->backend, hash, &answer, &failure);
    if (!nub_kernel_check(self, "refcount", status, &failure, error))
        return FALSE;
    *count = answer;
    return TRUE;
}

/* ---- the head ---------------------------------------------------------------------------- */

gboolean
nub_kernel_state_root(NubKernel *self, NubHash *root, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && root, FALSE);
    status = self->ops->state_root(self->backend, root, &failure);
    return nub_kernel_check(self, "state_root", status, &failure, error);
}

gboolean
nub_kernel_restore_head(NubKernel *self, const NubHash *root, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GHashTable) supplied = NULL;
    int32_t status;

    do {
        status = self->ops->set_state_root(self->backend, root, &failure);
    } while (status != NUB_OK && nub_kernel_supply(self, status, &failure, &supplied));
    return nub_kernel_check(self, "set_state_root", status, &failure, error);
}

gboolean
nub_kernel_set_state_root(NubKernel *self, const NubHash *root, GError **error)
{
    g_return_val_if_fail(NUB_IS_KERNEL(self) && root, FALSE);
    if (!self->ops->set_state_root)
        return nub_kernel_lacks(self, "set_state_root", error);
    return nub_kernel_restore_head(self, root, error) && nub_kernel_save_head(self, error);
}

/* ---- figures ----------------------------------------------------------------------------- */

gboolean
nub_kernel_heap_stats(NubKernel *self, NubHeapStats *stats, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_heap_stats answer = { .struct_size = sizeof answer };
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self) && stats, FALSE);
    if (!self->ops->heap_stats)
        return nub_kernel_lacks(self, "heap_stats", error);
    status = self->ops->heap_stats(self->backend, &answer, &failure);
    if (!nub_kernel_check(self, "heap_stats", status, &failure, error))
        return FALSE;
    *stats = (NubHeapStats){ answer.allocated_bytes, answer.allocations, answer.fragments,
                             answer.available };
    return TRUE;
}

/* One set of counters being put together. */
struct counters {
    GVariantBuilder builder;
    GHashTable *families; /* of those that are in: names without _total and labels */
};

/* FALSE: there was one already. */
static gboolean
add_family(struct counters *self, const char *name)
{
    char *family = g_strndup(name, strcspn(name, "{"));

    if (g_str_has_suffix(family, "_total"))
        family[strlen(family) - strlen("_total")] = '\0';
    return g_hash_table_add(self->families, family);
}

static void
add_own_counter(void *ctx, const char *name, uint64_t value)
{
    struct counters *self = ctx;

    add_family(self, name);
    g_variant_builder_add(&self->builder, "{st}", name, value);
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*, of a length that a module can mean. */
static gboolean
is_metric_name(const char *name)
{
    gsize n = 0;

    if (!name || g_ascii_isdigit(name[0]))
        return FALSE;
    while (n < 256 && (g_ascii_isalnum(name[n]) || name[n] == '_' || name[n] == ':'))
        n++;
    return n > 0 && !name[n];
}

/* What core counts itself, and what was there already, is not taken from a backend. */
static void
add_backend_counter(void *ctx, const char *name, uint64_t value)
{
    struct counters *self = ctx;

    if (is_metric_name(name) && add_family(self, name))
        g_variant_builder_add(&self->builder, "{st}", name, value);
}

GVariant *
nub_kernel_stats(NubKernel *self, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    g_autoptr(GHashTable) families = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct counters counters = { .families = families };
    int32_t status = NUB_OK;

    g_return_val_if_fail(NUB_IS_KERNEL(self), NULL);
    g_variant_builder_init(&counters.builder, G_VARIANT_TYPE("a{st}"));
    nub_counters_each(self->counters, add_own_counter, &counters);
    if (self->ops->stats)
        status = self->ops->stats(self->backend, add_backend_counter, &counters, &failure);
    if (!nub_kernel_check(self, "stats", status, &failure, error)) {
        g_variant_builder_clear(&counters.builder);
        return NULL;
    }
    return g_variant_ref_sink(g_variant_builder_end(&counters.builder));
}

gboolean
nub_kernel_evict(NubKernel *self, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;

    g_return_val_if_fail(NUB_IS_KERNEL(self), FALSE);
    if (!self->ops->evict)
        return nub_kernel_lacks(self, "evict", error);
    nub_kernel_drop_supplied(self);
    status = self->ops->evict(self->backend, &failure);
    return nub_kernel_check(self, "evict", status, &failure, error);
}
