/* It needs a symbol that nobody has. */
#include "good.h"

int nub_test_symbol_that_nobody_has(void);

static int32_t
create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    return nub_test_symbol_that_nobody_has() + good_create(args, backend, failure);
}

static const struct nub_backend_ops ops = {
    .struct_size = sizeof(struct nub_backend_ops),
    .create = create,
    .destroy = good_destroy,
    .put_cap = good_put_cap,
    .invoke_cached = good_invoke_cached,
    .state_root = good_state_root,
};
static const struct nub_plugin plugin = { GOOD_PLUGIN };
NUB_PLUGIN_DEFINE(bad_link, plugin)
