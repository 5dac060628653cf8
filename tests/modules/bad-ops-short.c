/* The table of functions ends before the mandatory ones do. */
#include "good.h"

static const struct nub_backend_ops ops = {
    .struct_size = offsetof(struct nub_backend_ops, state_root),
    .create = good_create,
    .destroy = good_destroy,
    .put_cap = good_put_cap,
    .invoke_cached = good_invoke_cached,
    .state_root = good_state_root,
};
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(bad_ops_short, plugin)
