/* store.c - the store of a registry: opened once, used by every backend */
#define G_LOG_DOMAIN "nub-store"
#include "store-private.h"

#include "failure.h"

struct _NubStore {
    NubConfig *config;
};

NubStore *
nub_store_open(NubConfig *config, GError **error)
{
    nub_config_error_at(error, NUB_CONFIG_ERROR_VALUE, &config->store->place,
                        "'store': not supported yet");
    return NULL;
}

NubStore *
nub_store_ref(NubStore *self)
{
    return g_atomic_rc_box_acquire(self);
}

void
nub_store_unref(NubStore *self)
{
    g_atomic_rc_box_release(self);
}

int32_t
nub_store_fetch(NubStore *self, const struct nub_hash *hash, struct nub_bytes *wire,
                struct nub_failure *failure)
{
    (void)self;
    (void)wire;
    return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "not in the store");
}
