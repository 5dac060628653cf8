/* registry.c - the registry: which backends there are, and the kernels opened from them
 *
 * Everything that a configuration says lives in an immutable set (backend.c); reloading makes a new
 * one and swaps it in, so that whoever is opening a backend goes on with the set it began with. The
 * lock guards that pointer only and is never held while a module runs. See <nub/registry.h>.
 */
#include "backend-private.h"
#include "kernel-private.h"

#include <string.h>

typedef enum { SOURCE_FILE, SOURCE_DATA, SOURCE_DEFAULT } NubSource;

struct _NubRegistry {
    GObject parent_instance;

    NubSource source;
    char *text;     /* SOURCE_FILE: the path; SOURCE_DATA: the configuration */
    char *base_dir; /* SOURCE_DATA (nullable) */
    GMutex lock;
    NubBackendSet *set; /* (mutex lock) (owned) */
    NubStore *store;    /* (mutex lock) (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE(NubRegistry, nub_registry, G_TYPE_OBJECT)

/* What opening needs, with references of its own. */
typedef struct {
    NubBackendSet *set;
    NubStore *store; /* (nullable) */
} NubView;

static void
view_clear(NubView *view)
{
    g_clear_pointer(&view->set, nub_backend_set_unref);
    g_clear_object(&view->store);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubView, view_clear)

static NubView
registry_view(NubRegistry *self)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&self->lock);

    return (NubView){ self->set ? nub_backend_set_ref(self->set) : NULL,
                      self->store ? g_object_ref(self->store) : NULL };
}

static void
nub_registry_init(NubRegistry *self)
{
    g_mutex_init(&self->lock);
}

static void
nub_registry_finalize(GObject *object)
{
    NubRegistry *self = NUB_REGISTRY(object);

    g_clear_pointer(&self->set, nub_backend_set_unref);
    g_clear_object(&self->store);
    g_free(self->text);
    g_free(self->base_dir);
    g_mutex_clear(&self->lock);
    G_OBJECT_CLASS(nub_registry_parent_class)->finalize(object);
}

static void
nub_registry_class_init(NubRegistryClass *class)
{
    G_OBJECT_CLASS(class)->finalize = nub_registry_finalize;
}

/* ---- reading a configuration ------------------------------------------------------------- */

static NubConfig *
read_config(const NubRegistry *self, GError **error)
{
    switch (self->source) {
    case SOURCE_FILE:
        return nub_config_new_from_file(self->text, error);
    case SOURCE_DATA:
        return nub_config_new_from_data(self->text, self->base_dir, error);
    default:
        return nub_config_new_default(error);
    }
}

gboolean
nub_registry_reload(NubRegistry *self, GError **error)
{
    g_autoptr(NubConfig) config = NULL;
    g_autoptr(NubBackendSet) set = NULL;
    g_autoptr(NubStore) store = NULL;
    g_auto(NubView) before = { 0 };

    g_return_val_if_fail(NUB_IS_REGISTRY(self), FALSE);
    config = read_config(self, error);
    if (!config)
        return FALSE;
    before = registry_view(self);
    set = nub_backend_set_new(config, before.set, error);
    if (!set)
        return FALSE;
    if (config->store) {
        store = nub_store_open(config, error);
        if (!store)
            return FALSE;
    }
    g_mutex_lock(&self->lock);
    g_clear_pointer(&self->set, nub_backend_set_unref);
    g_clear_object(&self->store);
    self->set = g_steal_pointer(&set);
    self->store = g_steal_pointer(&store);
    g_mutex_unlock(&self->lock);
    return TRUE;
}

static NubRegistry *
registry_new(NubSource source, const char *text, const char *base_dir, GError **error)
{
    g_autoptr(NubRegistry) self = g_object_new(NUB_TYPE_REGISTRY, NULL);

    self->source = source;
    self->text = g_strdup(text);
    self->base_dir = g_strdup(base_dir);
    return nub_registry_reload(self, error) ? g_steal_pointer(&self) : NULL;
}

NubRegistry *
nub_registry_new_from_file(const char *path, GError **error)
{
    g_return_val_if_fail(path, NULL);
    return registry_new(SOURCE_FILE, path, NULL, error);
}

NubRegistry *
nub_registry_new_from_data(const char *yaml, const char *base_dir, GError **error)
{
    g_return_val_if_fail(yaml, NULL);
    return registry_new(SOURCE_DATA, yaml, base_dir, error);
}

NubRegistry *
nub_registry_new_default(GError **error)
{
    return registry_new(SOURCE_DEFAULT, NULL, NULL, error);
}

/* ---- opening ----------------------------------------------------------------------------- */

/* How a backend is to be opened. */
typedef struct {
    const NubView *view;
    gboolean is_private;
    guint32 gas_model;  /* 0: as configured */
    guint32 mem_cycles; /* 0: as configured */
} NubOpening;

static NubKernel *
create_kernel(const NubOpening *opening, NubBackend *backend, GError **error)
{
    const NubConfig *config = opening->view->set->config;
    guint32 gas_model = opening->gas_model ? opening->gas_model : (guint32)config->gas_model;
    guint32 mem_cycles = opening->mem_cycles ? opening->mem_cycles : (guint32)config->mem_cycles;
    NubStore *store = opening->is_private ? NULL : opening->view->store;
    g_autoptr(GError) failure = NULL;
    NubEngine *engine =
        nub_engine_new(opening->view->set, backend, gas_model, mem_cycles, store, NULL, &failure);

    g_autoptr(NubKernel) kernel = engine ? nub_kernel_new(engine) : NULL;

    if (kernel && store && !nub_kernel_attach_store(kernel, store, &failure))
        g_clear_object(&kernel);
    nub_backend_set_failure(backend, failure);
    if (!kernel)
        g_propagate_error(error, g_steal_pointer(&failure));
    return g_steal_pointer(&kernel);
}

static NubKernel *
open_backend(const NubOpening *opening, NubBackend *backend, GError **error)
{
    g_autoptr(GMutexLocker) locker = NULL;
    NubKernel *kernel;

    if (opening->is_private)
        return create_kernel(opening, backend, error);
    locker = g_mutex_locker_new(&backend->open_lock);
    kernel = g_weak_ref_get(&backend->kernel);
    if (!kernel) {
        kernel = create_kernel(opening, backend, error);
        g_weak_ref_set(&backend->kernel, kernel);
    }
    return kernel;
}

/* The first that opens, by priority; every reason is kept. */
static NubKernel *
open_automatic(const NubOpening *opening, GError **error)
{
    const NubBackendSet *set = opening->view->set;
    g_autoptr(GString) reasons = g_string_new(NULL);

    for (guint i = 0; i < set->backends->len; i++) {
        NubBackend *backend = set->backends->pdata[i];
        g_autoptr(GError) reason = NULL;
        NubKernel *kernel = NULL;
        if (!backend->config->automatic)
            continue;
        if (nub_backend_set_find(set, backend->config->name, &reason))
            kernel = open_backend(opening, backend, &reason);
        if (kernel)
            return kernel;
        g_info("%s does not open: %s", backend->config->name, reason->message);
        g_string_append_printf(reasons, "%s%s", reasons->len ? "; " : "", reason->message);
    }
    g_set_error(error, NUB_ERROR, NUB_ERROR_UNAVAILABLE, "%s: no backend opens: %s",
                set->config->source, reasons->len ? reasons->str : "auto may pick none");
    return NULL;
}

static NubKernel *
open_named(NubOpening *opening, const char *name, GError **error)
{
    const NubBackendSet *set = opening->view->set;
    NubBackend *backend;

    if (!name)
        name = set->config->default_backend;
    if (strcmp(name, "auto") == 0)
        return open_automatic(opening, error);
    backend = nub_backend_set_find(set, name, error);
    return backend ? open_backend(opening, backend, error) : NULL;
}

NubKernel *
nub_registry_open(NubRegistry *self, const char *name, GError **error)
{
    g_auto(NubView) view = { 0 };
    NubOpening opening = { .view = &view };

    g_return_val_if_fail(NUB_IS_REGISTRY(self), NULL);
    view = registry_view(self);
    return open_named(&opening, name, error);
}

NubKernel *
nub_registry_open_private(NubRegistry *self, const char *name, NubGasModel gas_model,
                          guint32 mem_cycles, GError **error)
{
    g_auto(NubView) view = { 0 };
    NubOpening opening = { &view, TRUE, gas_model, mem_cycles };

    g_return_val_if_fail(NUB_IS_REGISTRY(self), NULL);
    if (gas_model > NUB_GAS_INSTRUCTION || mem_cycles > 127) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "gas model %d with %u memory cycles: there is no such thing", (int)gas_model,
                    mem_cycles);
        return NULL;
    }
    view = registry_view(self);
    return open_named(&opening, name, error);
}

static void
open_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    GError *error = NULL;
    NubKernel *kernel = nub_registry_open(source, data, &error);

    (void)cancellable; /* the task looks at it before it answers */
    if (kernel)
        g_task_return_pointer(task, kernel, g_object_unref);
    else
        g_task_return_error(task, error);
}

void
nub_registry_open_async(NubRegistry *self, const char *name, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(NUB_IS_REGISTRY(self));
    task = g_task_new(self, cancellable, callback, user_data);
    g_task_set_source_tag(task, nub_registry_open_async);
    g_task_set_task_data(task, g_strdup(name), g_free);
    g_task_set_return_on_cancel(task, TRUE);
    g_task_run_in_thread(task, open_in_thread);
}

NubKernel *
nub_registry_open_finish(NubRegistry *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), NULL);
    return g_task_propagate_pointer(G_TASK(result), error);
}

/* ---- asking ------------------------------------------------------------------------------ */

GPtrArray *
nub_registry_list_backends(NubRegistry *self)
{
    g_auto(NubView) view = { 0 };
    GPtrArray *list;

    g_return_val_if_fail(NUB_IS_REGISTRY(self), NULL);
    view = registry_view(self);
    list = g_ptr_array_new_with_free_func((GDestroyNotify)nub_backend_info_unref);
    for (guint i = 0; i < view.set->backends->len; i++)
        g_ptr_array_add(list, nub_backend_describe(view.set->backends->pdata[i]));
    return list;
}

NubStore *
nub_registry_get_store(NubRegistry *self)
{
    g_auto(NubView) view = { 0 };

    g_return_val_if_fail(NUB_IS_REGISTRY(self), NULL);
    view = registry_view(self);
    return g_steal_pointer(&view.store);
}

char *
nub_registry_dup_config(NubRegistry *self)
{
    g_auto(NubView) view = { 0 };

    g_return_val_if_fail(NUB_IS_REGISTRY(self), NULL);
    view = registry_view(self);
    return nub_config_to_text(view.set->config);
}

char *
nub_registry_dup_source(NubRegistry *self)
{
    g_auto(NubView) view = { 0 };

    g_return_val_if_fail(NUB_IS_REGISTRY(self), NULL);
    view = registry_view(self);
    return g_strdup(view.set->config->source);
}
