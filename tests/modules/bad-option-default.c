/* The default of an option is no value of its type. */
#include "good.h"

static const struct nub_option_desc options[] = {
    { .name = "size", .type = NUB_OPTION_SIZE, .default_value = "64 MB", .summary = "A size." },
};
static const struct nub_backend_ops ops = { GOOD_OPS };
static const struct nub_plugin plugin = { GOOD_PLUGIN, .options = options, .n_options = 1 };
NUB_PLUGIN_DEFINE(bad_option_default, plugin)
