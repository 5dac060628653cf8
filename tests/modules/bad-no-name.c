/* It does not say what it is called. */
#include "good.h"

static const struct nub_backend_ops ops = { GOOD_OPS };
static const struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof(struct nub_plugin),
    .version = "1",
    .ops = &ops,
};
NUB_PLUGIN_DEFINE(bad_no_name, plugin)
