/* backend-private.h - configured backends and their modules; what is created from them */
#ifndef NUB_BACKEND_PRIVATE_H
#define NUB_BACKEND_PRIVATE_H

#include "config-private.h"
#include "loader-private.h"

#include <nub/registry.h>

/** A configured backend. Immutable but for what `lock` guards. Refcounted. */
typedef struct {
    NubConfig *owner; /* (owned): keeps `config` alive */
    const NubBackendConfig *config;
    const NubModule *module;    /* NULL unless `state` is LOADED */
    char *path;                 /* of the module (nullable) */
    GPtrArray *option_values;   /* the strings that `options` points to */
    GArray *options;            /* of struct nub_option: what create gets */
    GArray *option_keys;        /* of NubConfigKey: what the module declares */
    NubBackendState state;      /* LOADED, DISABLED or UNAVAILABLE */
    GError *unavailable;        /* UNAVAILABLE: why (nullable) */
    char *disabled;             /* DISABLED: by what (nullable) */
    GMutex open_lock;           /* held while the shared kernel is created */
    GMutex lock;
    GWeakRef kernel;            /* the shared kernel while anyone holds it */
    char *failure;              /* (mutex lock) why the last creation failed (nullable) */
} NubBackend;

NubBackend *nub_backend_ref(NubBackend *self);
void nub_backend_unref(NubBackend *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubBackend, nub_backend_unref)

/** Remembers how creating went; NULL: it went well. */
void nub_backend_set_failure(NubBackend *self, const GError *failure);
NubBackendInfo *nub_backend_describe(NubBackend *self);

/** All backends of a configuration, by priority. Immutable, refcounted. */
typedef struct {
    NubConfig *config;   /* (owned) */
    GPtrArray *backends; /* (element-type NubBackend) */
} NubBackendSet;

/**
 * Loads the modules that `config` names. `before` (nullable) is the set that this one replaces: open
 * kernels of backends that did not change go on as theirs.
 */
NubBackendSet *nub_backend_set_new(NubConfig *config, const NubBackendSet *before, GError **error);
NubBackendSet *nub_backend_set_ref(NubBackendSet *self);
void nub_backend_set_unref(NubBackendSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubBackendSet, nub_backend_set_unref)

/** The backend with this name if it can be opened; else NULL and the reason. (transfer none) */
NubBackend *nub_backend_set_find(const NubBackendSet *self, const char *name, GError **error);

#endif
