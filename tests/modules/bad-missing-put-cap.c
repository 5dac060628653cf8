/* A mandatory function is missing. */
#include "good.h"

static const struct nub_backend_ops ops = {
    .struct_size = sizeof(struct nub_backend_ops),
    .create = good_create,
    .destroy = good_destroy,
    .invoke_cached = good_invoke_cached,
    .state_root = good_state_root,
};
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(bad_missing_put_cap, plugin)
