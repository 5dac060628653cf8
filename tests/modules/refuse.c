/* Loads and cannot be created: a machine without what it needs. */
#include "good.h"

#include <string.h>

static int32_t
create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    (void)backend;
    args->host->log(args->host->ctx, NUB_LOG_INFO, "looked for a device");
    if (failure) {
        failure->code = NUB_ERR_UNAVAILABLE;
        strcpy(failure->message, "/dev/nothing: no such device");
    }
    return NUB_ERR_UNAVAILABLE;
}

static void
destroy(void *backend)
{
    /* Nothing was created, so that this is never called. */
    *(volatile int *)backend = 0;
}

static const struct nub_backend_ops ops = {
    .struct_size = sizeof(struct nub_backend_ops),
    .create = create,
    .destroy = destroy,
    .put_cap = good_put_cap,
    .invoke_cached = good_invoke_cached,
    .state_root = good_state_root,
};
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(refuse, plugin)
