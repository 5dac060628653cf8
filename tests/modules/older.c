/* Made for the first nub: its table ends with the mandatory functions. What lies behind is not its.
 */
#include "good.h"

static const struct {
    struct nub_backend_ops ops;
} table = {
    .ops = { .struct_size = offsetof(struct nub_backend_ops, put_cap_with_hash),
             .create = good_create,
             .destroy = good_destroy,
             .put_cap = good_put_cap,
             .invoke_cached = good_invoke_cached,
             .state_root = good_state_root,
             .put_cap_with_hash = (nub_put_cap_with_hash_fn)8,
             .evict = (nub_evict_fn)8 },
};

static const struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = offsetof(struct nub_plugin, ops) + sizeof(void *),
    .name = "older",
    .version = "0",
    .ops = &table.ops,
};
NUB_PLUGIN_DEFINE(older, plugin)
