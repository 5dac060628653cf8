/* store-private.h - the store of a registry: what core calls of it */
#ifndef NUB_STORE_PRIVATE_H
#define NUB_STORE_PRIVATE_H

#include "loader-private.h"

#include <nub/kernel.h>
#include <nub/store.h>

struct _NubStore {
    GObject parent_instance;

    const struct nub_store_ops *ops;
    void *store; /* the module's; NULL: not created */
    GPtrArray *option_values;
    GArray *options;
    struct nub_host host;
    GMutex lock;
    GRWLock gc_lock;   /* writers of capabilities read it; a collection writes it */
    GHashTable *heads; /* (mutex lock) heads of open kernels: name -> who has it */
    GCond head_released;
};

/** A set of hashes, each in memory of its own. */
GHashTable *nub_hash_set_new(void);

/**
 * Opens the store that a configuration names; call it only when there is one. A store that this process has
 * open already, with the same module and options, is opened once.
 */
NubStore *nub_store_open(const NubConfig *config, GError **error);

/** What nub_host.fetch_cap promises. Any thread. */
int32_t nub_store_fetch(NubStore *self, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);

/** One transaction; what is stored already is not written again. */
gboolean nub_store_write(NubStore *self, const struct nub_store_batch *batch, GError **error);

/**
 * A head belongs to one open kernel at a time. CONFLICT names who has it; a kernel that is just being
 * closed is waited for.
 */
gboolean nub_store_take_head(NubStore *self, const char *head, NubKernel *kernel, GError **error);
void nub_store_release_head(NubStore *self, const char *head);

/** Sets `error` from what a function of the module answered; TRUE for NUB_OK. */
gboolean nub_store_check(NubStore *self, const char *function, int32_t status, const struct nub_failure *failure, GError **error);

#endif
