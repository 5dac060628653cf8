/* Nothing wrong: what every other module of this folder is measured against. */
#include "good.h"

static const struct nub_backend_ops ops = { GOOD_OPS };
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(good, plugin)
