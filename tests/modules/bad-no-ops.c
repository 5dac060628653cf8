/* No table of functions at all. */
#include <nub/plugin.h>

static const struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof(struct nub_plugin),
    .name = "bad-no-ops",
    .version = "1",
};
NUB_PLUGIN_DEFINE(bad_no_ops, plugin)
