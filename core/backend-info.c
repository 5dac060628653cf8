/* backend-info.c - what a registry knows about a backend, as an immutable snapshot
 *
 * For people who ask why: `nub backends` prints these. It holds a reference to the backend it
 * describes, and copies only what can change. See <nub/registry.h>.
 */
#include "backend-private.h"

#include <string.h>

struct _NubBackendInfo {
    NubBackend *backend; /* (owned) */
    NubBackendState state;
    char *reason; /* (nullable) */
    char *source;
};

G_DEFINE_BOXED_TYPE(NubBackendInfo, nub_backend_info, nub_backend_info_ref, nub_backend_info_unref)

NubBackendInfo *
nub_backend_describe(NubBackend *backend)
{
    NubBackendInfo *self = g_atomic_rc_box_new0(NubBackendInfo);
    g_autoptr(NubKernel) kernel = g_weak_ref_get(&backend->kernel);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&backend->lock);
    const NubPlace *place = &backend->config->place;

    self->backend = nub_backend_ref(backend);
    self->state = backend->state;
    if (backend->state == NUB_BACKEND_STATE_DISABLED) {
        self->reason = g_strdup(backend->disabled);
    } else if (backend->state == NUB_BACKEND_STATE_UNAVAILABLE) {
        self->reason = g_strdup(backend->unavailable->message);
    } else if (kernel) {
        self->state = NUB_BACKEND_STATE_OPEN;
    } else if (backend->failure) {
        self->state = NUB_BACKEND_STATE_FAILED;
        self->reason = g_strdup(backend->failure);
    }
    self->source = g_strdup_printf("%s:%u:%u", place->file, place->line, place->column);
    return self;
}

NubBackendInfo *
nub_backend_info_ref(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
info_clear(gpointer data)
{
    NubBackendInfo *self = data;

    nub_backend_unref(self->backend);
    g_free(self->reason);
    g_free(self->source);
}

void
nub_backend_info_unref(NubBackendInfo *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, info_clear);
}

const char *
nub_backend_info_get_name(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->backend->config->name;
}

const char *
nub_backend_info_get_module(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->backend->config->module;
}

const char *
nub_backend_info_get_path(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->backend->module ? self->backend->module->path : NULL;
}

const char *
nub_backend_info_get_version(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->backend->module ? self->backend->module->version : NULL;
}

const char *
nub_backend_info_get_summary(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->backend->module ? self->backend->module->summary : NULL;
}

const char *
nub_backend_info_get_source(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->source;
}

NubBackendState
nub_backend_info_get_state(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NUB_BACKEND_STATE_FAILED);
    return self->state;
}

const char *
nub_backend_info_get_reason(NubBackendInfo *self)
{
    g_return_val_if_fail(self, NULL);
    return self->reason;
}

gint32
nub_backend_info_get_priority(NubBackendInfo *self)
{
    g_return_val_if_fail(self, 0);
    return (gint32)self->backend->config->priority;
}

gboolean
nub_backend_info_is_required(NubBackendInfo *self)
{
    g_return_val_if_fail(self, FALSE);
    return self->backend->config->required;
}

gboolean
nub_backend_info_is_automatic(NubBackendInfo *self)
{
    g_return_val_if_fail(self, FALSE);
    return self->backend->config->automatic;
}

const NubConfigKey *
nub_backend_info_list_options(NubBackendInfo *self, gsize *n_options)
{
    g_return_val_if_fail(self && n_options, NULL);
    *n_options = self->backend->option_keys->len;
    return *n_options ? (const NubConfigKey *)(gpointer)self->backend->option_keys->data : NULL;
}

const char *
nub_backend_info_get_option(NubBackendInfo *self, const char *name)
{
    const GPtrArray *given;
    const GArray *keys;

    g_return_val_if_fail(self && name, NULL);
    given = self->backend->config->options;
    keys = self->backend->option_keys;
    for (guint i = 0; given && i < given->len; i++) {
        const NubConfigOption *option = given->pdata[i];
        if (strcmp(option->name, name) == 0)
            return option->value;
    }
    for (guint i = 0; i < keys->len; i++) {
        const NubConfigKey *key = &g_array_index(keys, NubConfigKey, i);
        if (strcmp(key->name, name) == 0)
            return key->default_value;
    }
    return NULL;
}

const char *
nub_backend_state_to_string(NubBackendState state)
{
    static const char *const names[] = {
        [NUB_BACKEND_STATE_LOADED] = "loaded",     [NUB_BACKEND_STATE_OPEN] = "open",
        [NUB_BACKEND_STATE_DISABLED] = "disabled", [NUB_BACKEND_STATE_UNAVAILABLE] = "unavailable",
        [NUB_BACKEND_STATE_FAILED] = "failed",
    };

    g_return_val_if_fail((guint)state < G_N_ELEMENTS(names), NULL);
    return names[state];
}
