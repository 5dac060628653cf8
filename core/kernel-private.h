/* kernel-private.h - making kernels and sessions; how their files call a backend */
#ifndef NUB_KERNEL_PRIVATE_H
#define NUB_KERNEL_PRIVATE_H

#include "counters-private.h"
#include "engine-private.h"
#include "error-private.h"

#include <nub/kernel.h>

struct _NubKernel {
    GObject parent_instance;

    NubEngine *engine; /* (owned) */
    const struct nub_backend_ops *ops; /* of the engine */
    void *backend;                     /* of the engine */
    gboolean log_calls;
    NubCounters *counters; /* (owned) */
    NubStore *store;      /* (owned) (nullable): what follows is for it alone */
    GMutex lock;
    GHashTable *supplied; /* (mutex lock): hashes that core put into the backend from the store */
    GMutex head_lock;     /* held from reading the backend's head until it is stored */
};

/** Counts a call that was given `gas`; `status` says whether it came to the exit in `result`. */
static inline void
nub_kernel_count_call(NubKernel *self, int32_t status, const NubResult *result, guint64 gas)
{
    if (G_LIKELY(status == NUB_OK))
        nub_counters_add_exit(self->counters, result, gas);
    else
        nub_counters_add(self->counters, NUB_COUNTER_FAILED, 1);
}

/** Takes over the engine. */
NubKernel *nub_kernel_new(NubEngine *engine);

/** put_cap without writing through. */
gboolean nub_kernel_put_in_memory(NubKernel *self, GBytes *wire, NubHash *hash, GError **error);
/** TRUE for NUB_OK; else sets `error`, prefixed with the backend and `function`. Logs when asked to. */
gboolean nub_kernel_check(const NubKernel *self, const char *function, int32_t status, const struct nub_failure *failure, GError **error);
/** Sets NOT_SUPPORTED, naming the function, and returns FALSE. */
gboolean nub_kernel_lacks(const NubKernel *self, const char *function, GError **error);
/** Bytes that a backend gave away, without copying them: they keep the kernel open until released. */
GBytes *nub_bytes_take(GObject *owner, const struct nub_bytes *bytes);

/* ---- kernel-store.c, kernel-save.c: without a store these do nothing and succeed ----------- */

/** Opens the kernel's head in the store and goes on from it. */
gboolean nub_kernel_attach_store(NubKernel *self, NubStore *store, GError **error);
/** When nothing calls any more. `head` is the configuration's. */
void nub_kernel_detach_store(NubKernel *self, const char *head);
/**
 * After a call that failed: when it misses a capability that the store has, puts that into the
 * backend, empties `failure` and returns TRUE: call again. `supplied` is NULL before the first call.
 */
gboolean nub_kernel_supply(NubKernel *self, int32_t status, struct nub_failure *failure, GHashTable **supplied);
/** Puts a stored capability into a backend that does not hold it. */
void nub_kernel_supply_hash(NubKernel *self, const NubHash *hash);
/** A caller has dropped what was supplied: it is the caller's put that went. */
void nub_kernel_forget_supplied(NubKernel *self, const NubHash *hash);
/** Drops whatever was supplied. */
void nub_kernel_drop_supplied(NubKernel *self);
/** Stores what was put; on failure the put is taken back. `wire` NULL: as the backend has it. */
gboolean nub_kernel_save_wire(NubKernel *self, GBytes *wire, const NubHash *hash, GError **error);
gboolean nub_kernel_save_caps(NubKernel *self, NubCap *const *caps, guint n_caps, GError **error);
/**
 * Keeps what a commit starts from in the backend until its successor is stored: an advancing one may take its last
 * hold. Answers whether it is held; release() wants that back.
 */
gboolean nub_kernel_hold(NubKernel *self, const NubHash *base);
void nub_kernel_release(NubKernel *self, const NubHash *base, gboolean held);
/** Stores what a run of `base` has committed; on failure the commit is taken back. */
gboolean nub_kernel_save_successor(NubKernel *self, const NubHash *base, const NubHash *successor, gboolean advanced, GError **error);
/** Stores the head after it was set. */
gboolean nub_kernel_save_head(NubKernel *self, GError **error);
/** set_state_root in the backend alone. */
gboolean nub_kernel_restore_head(NubKernel *self, const NubHash *root, GError **error);

/* ---- call.c ------------------------------------------------------------------------------ */

/** A call as the ABI wants it, borrowing from `self`. */
void nub_call_fill(const NubCall *self, struct nub_call *call);
/** Whether the pure call does the same. */
gboolean nub_call_is_pure(const NubCall *self);
/** Takes over the output in `outcome`. `wanted`: whether one was asked for. */
NubOutcome *nub_outcome_new(NubKernel *kernel, const struct nub_outcome *outcome, gboolean wanted);

/* ---- host.c ------------------------------------------------------------------------------ */

/** The table as the ABI wants it; from now on it cannot be changed. Borrowed. NULL gives NULL. */
const struct nub_host_table *nub_host_table_freeze(NubHostTable *self);

/* ---- session.c --------------------------------------------------------------------------- */

NubSession *nub_session_new(NubKernel *kernel, const struct nub_session_args *args, GError **error);

/* ---- cancel.c ---------------------------------------------------------------------------- */

/** A GCancellable as a word that becomes nonzero. */
typedef struct {
    GCancellable *cancellable; /* (nullable) */
    gulong handler;
    uint32_t word; /* (atomic) */
} NubCancel;

/** FALSE, with `error` set, when it is cancelled already. */
gboolean nub_cancel_begin(NubCancel *self, GCancellable *cancellable, GError **error);
void nub_cancel_end(NubCancel *self);

#endif
