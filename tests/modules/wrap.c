/* wrap.c - a backend that opens another one and hands every call on to it
 *
 * For open_backend: names that do not exist, circles, the order of destruction, and that the door
 * is shut after create.
 */
#include <nub/plugin.h>
#include <stdlib.h>
#include <string.h>

struct wrap {
    const struct nub_host *host;
    struct nub_backend_ref inner;
    char name[40]; /* of the inner one */
};

static int32_t
wrap_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    struct wrap *self = calloc(1, sizeof *self);
    int32_t status;

    if (!self)
        return NUB_ERR_NO_MEMORY;
    self->host = args->host;
    strncpy(self->name, args->options[0].value, sizeof self->name - 1);
    status = args->host->open_backend(args->host->ctx, self->name, &self->inner, failure);
    if (status != NUB_OK) {
        free(self);
        return status;
    }
    *backend = self;
    return NUB_OK;
}

static void
wrap_destroy(void *backend)
{
    struct wrap *self = backend;
    struct nub_hash root;

    /* What it wraps is still alive. */
    if (self->inner.ops->state_root(self->inner.backend, &root, NULL) == NUB_OK)
        self->host->log(self->host->ctx, NUB_LOG_INFO, "destroyed before what it wraps");
    free(self);
}

static int32_t
wrap_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
             struct nub_failure *failure)
{
    struct wrap *self = backend;

    return self->inner.ops->put_cap(self->inner.backend, wire, hash, failure);
}

static int32_t
wrap_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                   struct nub_failure *failure)
{
    struct wrap *self = backend;

    return self->inner.ops->invoke_cached(self->inner.backend, args, result, failure);
}

/* Tries the door that is shut: the failure is what a test wants to see. */
static int32_t
wrap_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct wrap *self = backend;
    struct nub_backend_ref late;

    (void)root;
    return self->host->open_backend(self->host->ctx, self->name, &late, failure);
}

static const struct nub_option_desc wrap_options[] = {
    { .name = "inner",
      .type = NUB_OPTION_STRING,
      .default_value = "echo",
      .summary = "A backend." },
};

static const struct nub_backend_ops wrap_ops = {
    .struct_size = sizeof wrap_ops,
    .create = wrap_create,
    .destroy = wrap_destroy,
    .put_cap = wrap_put_cap,
    .invoke_cached = wrap_invoke_cached,
    .state_root = wrap_state_root,
};

static const struct nub_plugin wrap_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof wrap_plugin,
    .name = "wrap",
    .version = "1",
    .summary = "Hands every call on to another backend.",
    .options = wrap_options,
    .n_options = 1,
    .ops = &wrap_ops,
};
NUB_PLUGIN_DEFINE(wrap, wrap_plugin)
