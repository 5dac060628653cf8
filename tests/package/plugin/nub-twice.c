/* nub-twice.c - an out-of-tree backend: it opens another one and doubles what programs return
 *
 * It includes <nub/plugin.h> and links nothing of nub's.
 */
#include <nub/plugin.h>
#include <stdlib.h>

struct twice {
    struct nub_backend_ref inner;
};

static int32_t
twice_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    struct twice *self = calloc(1, sizeof *self);
    int32_t status = NUB_ERR_NO_MEMORY;

    if (self)
        status = args->host->open_backend(args->host->ctx, args->options[0].value, &self->inner,
                                          failure);
    if (status != NUB_OK)
        free(self);
    else
        *backend = self;
    return status;
}

static void
twice_destroy(void *backend)
{
    free(backend);
}

static int32_t
twice_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
              struct nub_failure *failure)
{
    struct twice *self = backend;

    return self->inner.ops->put_cap(self->inner.backend, wire, hash, failure);
}

static int32_t
twice_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                    struct nub_failure *failure)
{
    struct twice *self = backend;
    int32_t status = self->inner.ops->invoke_cached(self->inner.backend, args, result, failure);

    if (status == NUB_OK)
        result->return_value *= 2;
    return status;
}

static int32_t
twice_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct twice *self = backend;

    return self->inner.ops->state_root(self->inner.backend, root, failure);
}

static const struct nub_option_desc options[] = {
    { .name = "inner",
      .type = NUB_OPTION_STRING,
      .default_value = "local",
      .summary = "The backend to double." },
};

static const struct nub_backend_ops ops = {
    .struct_size = sizeof ops,
    .create = twice_create,
    .destroy = twice_destroy,
    .put_cap = twice_put_cap,
    .invoke_cached = twice_invoke_cached,
    .state_root = twice_state_root,
};

static const struct nub_plugin plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof plugin,
    .name = "twice",
    .version = "1",
    .summary = "Doubles what programs return.",
    .options = options,
    .n_options = 1,
    .ops = &ops,
};
NUB_PLUGIN_DEFINE(twice, plugin)
