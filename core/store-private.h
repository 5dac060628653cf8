/* store-private.h - the store of a registry: what outlives the process */
#ifndef NUB_STORE_PRIVATE_H
#define NUB_STORE_PRIVATE_H

#include "config-private.h"

#include <nub/plugin.h>

typedef struct _NubStore NubStore;

/** Opens the store that a configuration names; call it only when there is one. */
NubStore *nub_store_open(NubConfig *config, GError **error);
NubStore *nub_store_ref(NubStore *self);
void nub_store_unref(NubStore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubStore, nub_store_unref)

/** What nub_host.fetch_cap promises. Any thread. */
int32_t nub_store_fetch(NubStore *self, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);

#endif
