/* An option is declared twice. */
#include "good.h"

static const struct nub_option_desc options[] = {
    { .name = "size", .type = NUB_OPTION_SIZE, .summary = "A size." },
    { .name = "size", .type = NUB_OPTION_UINT, .summary = "Another." },
};
static const struct nub_backend_ops ops = { GOOD_OPS };
static const struct nub_plugin plugin = { GOOD_PLUGIN, .options = options, .n_options = 2 };
NUB_PLUGIN_DEFINE(bad_option_twice, plugin)
