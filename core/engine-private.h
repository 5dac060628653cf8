/* engine-private.h - one created backend, the ones it wraps, and what the host offers to it */
#ifndef NUB_ENGINE_PRIVATE_H
#define NUB_ENGINE_PRIVATE_H

#include "backend-private.h"
#include "store-private.h"

typedef struct _NubEngine NubEngine;
struct _NubEngine {
    NubBackend *backend; /* (owned) */
    const struct nub_backend_ops *ops;
    void *self;           /* what create gave */
    NubBackendSet *set;   /* (owned): where open_backend looks */
    NubStore *store;      /* (owned) (nullable) */
    NubEngine *outer;     /* the one that is creating this one (nullable); valid until it is created */
    GPtrArray *wrapped;   /* (element-type NubEngine): opened by this one */
    gboolean creating;
    guint32 gas_model;
    guint32 mem_cycles;
    struct nub_host host;
};

/** Calls a module's create. `outer` is NULL but for a backend that another one opens. */
NubEngine *nub_engine_new(NubBackendSet *set, NubBackend *backend, guint32 gas_model, guint32 mem_cycles, NubStore *store, NubEngine *outer, GError **error);
/** Destroys it, then what it wraps. */
void nub_engine_free(NubEngine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubEngine, nub_engine_free)

#endif
