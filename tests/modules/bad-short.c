/* struct nub_plugin ends before its last member. */
#include "good.h"

static const struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = offsetof(struct nub_plugin, ops),
    .name = (const char *)8,
};
NUB_PLUGIN_DEFINE(bad_short, plugin)
