/* Another version of the ABI; what follows the first eight bytes must not be touched. */
#include "good.h"

static const struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION + 1,
    .struct_size = sizeof(struct nub_plugin),
    .name = (const char *)8,
    .ops = (const struct nub_backend_ops *)8,
};
NUB_PLUGIN_DEFINE(bad_abi, plugin)
