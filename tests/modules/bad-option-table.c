/* Options are counted and not there. */
#include "good.h"

static const struct nub_backend_ops ops = { GOOD_OPS };
static const struct nub_plugin plugin = { GOOD_PLUGIN, .n_options = 3 };
NUB_PLUGIN_DEFINE(bad_option_table, plugin)
