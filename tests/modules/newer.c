/* Made for a later nub: its structs are longer than ours. */
#include "good.h"

struct later_ops {
    struct nub_backend_ops ops;
    void (*not_invented_yet)(void);
};

struct later_plugin {
    struct nub_plugin plugin;
    const void *not_invented_yet;
};

static const struct later_ops later_ops = {
    .ops = { .struct_size = sizeof(struct later_ops),
             .create = good_create,
             .destroy = good_destroy,
             .put_cap = good_put_cap,
             .invoke_cached = good_invoke_cached,
             .state_root = good_state_root },
    .not_invented_yet = (void (*)(void))good_destroy,
};

static const struct later_plugin later = {
    .plugin = { .abi_version = NUB_ABI_VERSION,
                .struct_size = sizeof(struct later_plugin),
                .name = "newer",
                .version = "9",
                .summary = "A module made for a later nub.",
                .ops = &later_ops.ops },
    .not_invented_yet = "",
};

NUB_PLUGIN_EXPORT const struct nub_plugin *nub_plugin_entry(void);
NUB_PLUGIN_EXPORT const struct nub_plugin *
nub_plugin_entry(void)
{
    return &later.plugin;
}
