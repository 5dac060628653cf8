/* engine.c - creates a backend, and offers it what <nub/plugin.h> promises of the host
 *
 * A backend may open others by name while it is created (plugins that wrap); those are its own,
 * nobody else sees them, and they go after it. A circle is refused: the chain of backends that are
 * being created is walked. No lock is held while a backend runs.
 */
#include "engine-private.h"

#include "error-private.h"
#include "failure.h"
#include "log-private.h"
#include <string.h>

static void
host_log(void *ctx, uint32_t level, const char *message)
{
    const NubEngine *self = ctx;

    nub_log_backend(self->backend->config->name, level, message);
}

/* "a -> b -> a": the chain of creations that ends at `self`, and the name that closes it. */
static char *
describe_circle(const NubEngine *self, const char *name)
{
    g_autofree char *chain = g_strdup(name);

    for (const NubEngine *engine = self; engine; engine = engine->outer) {
        char *longer = g_strdup_printf("%s -> %s", engine->backend->config->name, chain);
        g_free(chain);
        chain = longer;
    }
    return g_steal_pointer(&chain);
}

static gboolean
is_being_created(const NubEngine *self, const char *name)
{
    for (const NubEngine *engine = self; engine; engine = engine->outer)
        if (strcmp(engine->backend->config->name, name) == 0)
            return TRUE;
    return FALSE;
}

static int32_t
host_open_backend(void *ctx, const char *name, struct nub_backend_ref *out,
                  struct nub_failure *failure)
{
    NubEngine *self = ctx;
    g_autoptr(GError) error = NULL;
    NubBackend *backend;
    NubEngine *inner = NULL;

    if (!self->creating)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "open_backend: only during create");
    if (!name || !out)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "open_backend: NULL");
    if (is_being_created(self, name)) {
        g_autofree char *circle = describe_circle(self, name);
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "open_backend: a circle: %s", circle);
    }
    backend = nub_backend_set_find(self->set, name, &error);
    if (backend)
        inner = nub_engine_new(self->set, backend, self->gas_model, self->mem_cycles, self->store,
                               self, &error);
    if (!inner)
        return nub_fail(failure, nub_error_to_status(error), "%s", error->message);
    g_ptr_array_add(self->wrapped, inner);
    *out = (struct nub_backend_ref){ .ops = inner->ops, .backend = inner->self };
    return NUB_OK;
}

static int32_t
host_fetch_cap(void *ctx, const struct nub_hash *hash, struct nub_bytes *wire,
               struct nub_failure *failure)
{
    NubEngine *self = ctx;

    return nub_store_fetch(self->store, hash, wire, failure);
}

NubEngine *
nub_engine_new(NubBackendSet *set, NubBackend *backend, guint32 gas_model, guint32 mem_cycles,
               NubStore *store, NubEngine *outer, GError **error)
{
    NubEngine *self = g_new0(NubEngine, 1);
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_create_args args;
    int32_t status;

    self->backend = nub_backend_ref(backend);
    self->ops = &backend->module->ops;
    self->set = nub_backend_set_ref(set);
    self->store = store ? g_object_ref(store) : NULL;
    self->outer = outer;
    self->wrapped = g_ptr_array_new_with_free_func((GDestroyNotify)nub_engine_free);
    self->gas_model = gas_model;
    self->mem_cycles = mem_cycles;
    self->host = (struct nub_host){
        .struct_size = sizeof self->host,
        .ctx = self,
        .log = host_log,
        .open_backend = host_open_backend,
        .fetch_cap = store ? host_fetch_cap : NULL,
    };
    args = (struct nub_create_args){
        .struct_size = sizeof args,
        .gas_model = gas_model,
        .mem_cycles = mem_cycles,
        .n_options = backend->options->len,
        .options = (const struct nub_option *)(gpointer)backend->options->data,
        .host = &self->host,
        .name = backend->config->name,
    };
    self->creating = TRUE;
    status = self->ops->create(&args, &self->self, &failure);
    self->creating = FALSE;
    self->outer = NULL;
    if (status != NUB_OK) {
        self->ops = NULL; /* there is nothing to destroy */
        nub_error_set_failure(error, backend->config->name, "create", status, &failure);
        nub_engine_free(self);
        return NULL;
    }
    return self;
}

void
nub_engine_free(NubEngine *self)
{
    if (self->ops)
        self->ops->destroy(self->self);
    while (self->wrapped->len) /* last opened, first closed */
        g_ptr_array_remove_index(self->wrapped, self->wrapped->len - 1);
    g_ptr_array_unref(self->wrapped);
    g_clear_object(&self->store);
    nub_backend_set_unref(self->set);
    nub_backend_unref(self->backend);
    g_free(self);
}
