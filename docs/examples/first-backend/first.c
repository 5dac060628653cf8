/* first.c - a backend of one's own: what docs/writing-a-backend.md arrives at
 *
 * It passes calls on to another backend and logs those that use more gas than its option says.
 */
#include <nub/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct first {
    struct nub_backend_ref inner;
    const struct nub_host *host;
    uint64_t log_gas;
};

static int32_t
fail(struct nub_failure *failure, int32_t status, const char *message)
{
    if (failure && failure->struct_size >= sizeof *failure) {
        failure->code = status;
        snprintf(failure->message, sizeof failure->message, "%s", message);
    }
    return status;
}

static const char *
option(const struct nub_create_args *args, const char *name)
{
    for (uint32_t i = 0; i < args->n_options; i++)
        if (strcmp(args->options[i].name, name) == 0)
            return args->options[i].value;
    return NULL;
}

static int32_t
first_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    const char *inner = option(args, "backend"), *log_gas = option(args, "log-gas");
    struct first *self = calloc(1, sizeof *self);
    int32_t status;

    if (!self)
        return fail(failure, NUB_ERR_NO_MEMORY, "first: out of memory");
    self->host = args->host;
    self->log_gas =
        strtoull(log_gas, NULL, 10); /* there is a default, and the host has checked it */
    status = args->host->open_backend(args->host->ctx, inner, &self->inner, failure);
    if (status != NUB_OK) {
        free(self);
        return status;
    }
    *backend = self;
    return NUB_OK;
}

static void
first_destroy(void *backend)
{
    free(backend);
}

static int32_t
first_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
              struct nub_failure *failure)
{
    struct first *self = backend;

    return self->inner.ops->put_cap(self->inner.backend, wire, hash, failure);
}

static int32_t
first_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                    struct nub_failure *failure)
{
    struct first *self = backend;
    int32_t status = self->inner.ops->invoke_cached(self->inner.backend, args, result, failure);
    uint64_t gas = args->gas < NUB_GAS_MAX ? args->gas : NUB_GAS_MAX;

    if (status == NUB_OK && gas - result->gas_remaining > self->log_gas)
        self->host->log(self->host->ctx, NUB_LOG_WARNING, "a call used more gas than log-gas");
    return status;
}

static int32_t
first_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct first *self = backend;

    return self->inner.ops->state_root(self->inner.backend, root, failure);
}

static const struct nub_option_desc first_options[] = {
    { "backend", NUB_OPTION_STRING, 0, "local", NULL, "The backend that calls are passed on to" },
    { "log-gas", NUB_OPTION_UINT, 0, "1000000", NULL, "A call that uses more gas is logged" },
};

static const struct nub_backend_ops first_ops = {
    .struct_size = sizeof first_ops,
    .create = first_create,
    .destroy = first_destroy,
    .put_cap = first_put_cap,
    .invoke_cached = first_invoke_cached,
    .state_root = first_state_root,
};

static const struct nub_plugin first_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof first_plugin,
    .name = "first",
    .version = "0.1.0",
    .summary = "Passes calls on and logs those that use much gas",
    .options = first_options,
    .n_options = sizeof first_options / sizeof first_options[0],
    .ops = &first_ops,
};

NUB_PLUGIN_DEFINE(first, first_plugin)
