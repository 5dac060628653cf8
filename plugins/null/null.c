/* null.c - the smallest legal backend: a directory that has no room
 *
 * Copy this folder to begin a backend of your own; docs/writing-a-backend.md goes on from here.
 * It has the five mandatory functions and nothing else: every put is refused with NO_SPACE, so
 * nothing is ever published and the head stays "none". Each function shows a rule of the ABI.
 */
#include <nub/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct null_backend {
    const struct nub_host *host; /* valid until destroy returns */
};

/* Fills in the caller's failure and returns the status: `return fail(...)`. It may be NULL, or a
 * smaller struct of an older host, which must not be written beyond its end. */
static int32_t
fail(struct nub_failure *failure, int32_t status, const char *message)
{
    if (failure && failure->struct_size >= sizeof *failure) {
        failure->code = status;
        snprintf(failure->message, sizeof failure->message, "%s", message);
    }
    return status;
}

static int32_t
null_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    struct null_backend *self = calloc(1, sizeof *self);

    if (!self)
        return fail(failure, NUB_ERR_NO_MEMORY, "null: out of memory");
    self->host = args->host;
    *backend = self;
    return NUB_OK;
}

static void
null_destroy(void *backend)
{
    free(backend);
}

/* A real backend decodes and hashes `wire` here, and answers NUB_OK with the capability's name. */
static int32_t
null_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
             struct nub_failure *failure)
{
    (void)backend;
    (void)hash;
    if (wire.size == 0 || wire.data[0] > 4)
        return fail(failure, NUB_ERR_BAD_ENCODING, "null: no kind of capability");
    return fail(failure, NUB_ERR_NO_SPACE, "null: the directory has no room for a capability");
}

/* Nothing can be published, so nothing can be found. The error names the capability it is about. */
static int32_t
null_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                   struct nub_failure *failure)
{
    (void)backend;
    (void)result;
    int32_t status = fail(failure, NUB_ERR_NOT_PUBLISHED, "null: the instance is not published");
    if (failure && failure->struct_size >= sizeof *failure)
        failure->hash = args->instance;
    return status;
}

static int32_t
null_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    (void)backend;
    (void)failure;
    memset(root, 0, sizeof *root);
    return NUB_OK;
}

static const struct nub_backend_ops null_ops = {
    .struct_size = sizeof null_ops,
    .create = null_create,
    .destroy = null_destroy,
    .put_cap = null_put_cap,
    .invoke_cached = null_invoke_cached,
    .state_root = null_state_root,
};

static const struct nub_plugin null_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof null_plugin,
    .name = "null",
    .version = "0.1.0",
    .summary = "The smallest legal backend: refuses every capability; a template to copy",
    .ops = &null_ops,
};

NUB_PLUGIN_DEFINE(null, null_plugin)
