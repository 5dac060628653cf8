/* backend.c - configured backends: find each one's module, load it, check its options
 *
 * A module that cannot be loaded is an error when the backend is required, and a reason that is
 * kept otherwise. A wrong option is an error always: the file is wrong then, not the machine.
 * Nothing is created here (engine.c). See docs/config.md.
 */
#define G_LOG_DOMAIN "nub-load"
#include "backend-private.h"

#include "suggest-private.h"
#include <string.h>

static void
backend_clear(gpointer data)
{
    NubBackend *self = data;

    nub_config_unref(self->owner);
    g_free(self->path);
    g_ptr_array_unref(self->option_values);
    g_array_unref(self->options);
    g_array_unref(self->option_keys);
    g_clear_error(&self->unavailable);
    g_free(self->disabled);
    g_mutex_clear(&self->open_lock);
    g_mutex_clear(&self->lock);
    g_weak_ref_clear(&self->kernel);
    g_free(self->failure);
}

NubBackend *
nub_backend_ref(NubBackend *self)
{
    return g_atomic_rc_box_acquire(self);
}

void
nub_backend_unref(NubBackend *self)
{
    g_atomic_rc_box_release_full(self, backend_clear);
}

static NubBackend *
backend_new(NubConfig *owner, const NubBackendConfig *config)
{
    NubBackend *self = g_atomic_rc_box_new0(NubBackend);

    self->owner = nub_config_ref(owner);
    self->config = config;
    self->option_values = g_ptr_array_new_with_free_func(g_free);
    self->options = g_array_new(FALSE, FALSE, sizeof(struct nub_option));
    self->option_keys = g_array_new(FALSE, FALSE, sizeof(NubConfigKey));
    g_mutex_init(&self->open_lock);
    g_mutex_init(&self->lock);
    g_weak_ref_init(&self->kernel, NULL);
    return self;
}

void
nub_backend_set_failure(NubBackend *self, const GError *failure)
{
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&self->lock);

    g_free(self->failure);
    self->failure = failure ? g_strdup(failure->message) : NULL;
}

/* ---- loading ----------------------------------------------------------------------------- */

static gboolean
load_module(NubBackend *self, GError **error)
{
    const NubBackendConfig *config = self->config;

    self->path = nub_config_find_module(self->owner, config->module, config->base_dir, error);
    if (!self->path)
        return FALSE;
    self->module = nub_module_load(self->path, error);
    if (self->module && !self->module->is_backend) {
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_INCOMPLETE,
                    "%s: is a store, not a backend", self->path);
        self->module = NULL;
    }
    return self->module != NULL;
}

static gboolean
set_options(NubBackend *self, GError **error)
{
    g_autofree char *who = g_strdup_printf("backend '%s'", self->config->name);

    nub_module_list_options(self->module, self->option_keys, self->option_values);
    return nub_module_resolve_options(self->module, self->config->options, who, self->options,
                                      self->option_values, error);
}

/* Fills in a new backend; FALSE: the registry cannot be made. */
static gboolean
load_backend(NubBackend *self, GError **error)
{
    const NubBackendConfig *config = self->config;
    const NubPlace *place = &config->place;
    g_autoptr(GError) cause = NULL;

    if (!config->enabled)
        self->disabled = g_strdup_printf("by %s:%u:%u", place->file, place->line, place->column);
    else
        self->disabled = nub_config_turned_off(self->owner, config->name);
    if (self->disabled) {
        self->state = NUB_BACKEND_STATE_DISABLED;
        g_info("backend '%s' is disabled %s", config->name, self->disabled);
        return TRUE;
    }
    if (load_module(self, &cause)) {
        self->state = NUB_BACKEND_STATE_LOADED;
        return set_options(self, error);
    }
    g_prefix_error(&cause, "%s:%u:%u: backend '%s': ", place->file, place->line, place->column,
                   config->name);
    if (config->required) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return FALSE;
    }
    /* Nobody asked for the built-in ones, so that their absence is no reason to warn. */
    if (self->owner->built_in)
        g_info("%s", cause->message);
    else
        g_warning("%s", cause->message);
    self->state = NUB_BACKEND_STATE_UNAVAILABLE;
    self->unavailable = g_steal_pointer(&cause);
    return TRUE;
}

/* ---- the set ----------------------------------------------------------------------------- */

static int
compare_priority(gconstpointer a, gconstpointer b)
{
    const NubBackendConfig *x = (*(const NubBackend *const *)a)->config;
    const NubBackendConfig *y = (*(const NubBackend *const *)b)->config;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Whether a kernel of `before` is what opening `after` would create. */
static gboolean
creates_the_same(const NubBackend *before, const NubBackend *after)
{
    if (strcmp(before->config->name, after->config->name) != 0 || !after->module ||
        before->module != after->module || before->options->len != after->options->len ||
        before->config->log_calls != after->config->log_calls ||
        strcmp(before->config->head, after->config->head) != 0 ||
        before->owner->gas_model != after->owner->gas_model ||
        before->owner->mem_cycles != after->owner->mem_cycles)
        return FALSE;
    for (guint i = 0; i < after->options->len; i++) {
        const struct nub_option *x = &g_array_index(before->options, struct nub_option, i);
        const struct nub_option *y = &g_array_index(after->options, struct nub_option, i);
        if (strcmp(x->name, y->name) != 0 || strcmp(x->value, y->value) != 0)
            return FALSE;
    }
    return TRUE;
}

static void
take_over_kernel(NubBackend *self, const NubBackendSet *before)
{
    for (guint i = 0; i < before->backends->len; i++) {
        NubBackend *other = before->backends->pdata[i];
        if (creates_the_same(other, self)) {
            g_autoptr(NubKernel) kernel = g_weak_ref_get(&other->kernel);
            g_weak_ref_set(&self->kernel, kernel);
        }
    }
}

NubBackendSet *
nub_backend_set_new(NubConfig *config, const NubBackendSet *before, GError **error)
{
    g_autoptr(NubBackendSet) self = g_atomic_rc_box_new0(NubBackendSet);

    self->config = nub_config_ref(config);
    self->backends = g_ptr_array_new_with_free_func((GDestroyNotify)nub_backend_unref);
    for (guint i = 0; i < config->backends->len; i++) {
        NubBackend *backend = backend_new(config, config->backends->pdata[i]);
        g_ptr_array_add(self->backends, backend);
        if (!load_backend(backend, error))
            return NULL;
        if (before)
            take_over_kernel(backend, before);
    }
    g_ptr_array_sort(self->backends, compare_priority);
    return g_steal_pointer(&self);
}

NubBackendSet *
nub_backend_set_ref(NubBackendSet *self)
{
    return g_atomic_rc_box_acquire(self);
}

static void
set_clear(gpointer data)
{
    NubBackendSet *self = data;

    g_ptr_array_unref(self->backends);
    nub_config_unref(self->config);
}

void
nub_backend_set_unref(NubBackendSet *self)
{
    g_atomic_rc_box_release_full(self, set_clear);
}

NubBackend *
nub_backend_set_find(const NubBackendSet *self, const char *name, GError **error)
{
    NubSuggestion suggestion = NUB_SUGGESTION_INIT(name);
    g_autofree char *hint = NULL;

    for (guint i = 0; i < self->backends->len; i++) {
        NubBackend *backend = self->backends->pdata[i];
        nub_suggestion_offer(&suggestion, backend->config->name);
        if (strcmp(backend->config->name, name) != 0)
            continue;
        if (backend->state == NUB_BACKEND_STATE_LOADED)
            return backend;
        if (backend->unavailable)
            g_propagate_error(error, g_error_copy(backend->unavailable));
        else
            g_set_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND,
                        "backend '%s' is disabled %s", name, backend->disabled);
        return NULL;
    }
    hint = nub_suggestion_text(&suggestion);
    g_set_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND,
                "%s: no backend '%s' is configured%s", self->config->source, name, hint);
    return NULL;
}
