/* kernel-private.h - making kernels and sessions; how their files call a backend */
#ifndef NUB_KERNEL_PRIVATE_H
#define NUB_KERNEL_PRIVATE_H

#include "engine-private.h"
#include "error-private.h"

#include <nub/kernel.h>

struct _NubKernel {
    GObject parent_instance;

    NubEngine *engine; /* (owned) */
    const struct nub_backend_ops *ops; /* of the engine */
    void *backend;                     /* of the engine */
    gboolean log_calls;
};

/** Takes over the engine. */
NubKernel *nub_kernel_new(NubEngine *engine);

/** TRUE for NUB_OK; else sets `error`, prefixed with the backend and `function`. Logs when asked to. */
gboolean nub_kernel_check(const NubKernel *self, const char *function, int32_t status, const struct nub_failure *failure, GError **error);
/** Sets NOT_SUPPORTED, naming the function, and returns FALSE. */
gboolean nub_kernel_lacks(const NubKernel *self, const char *function, GError **error);
/** Bytes that a backend gave away, without copying them: they keep the kernel open until released. */
GBytes *nub_bytes_take(NubKernel *kernel, const struct nub_bytes *bytes);

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
