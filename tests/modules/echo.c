/* echo.c - a small honest backend with the mandatory functions only
 *
 * It keeps capabilities in core/model's directory and "runs" an instance by adding up its four
 * arguments, so that a test of core knows every result without an interpreter. It has options of
 * every type and reports what it was created with in one line to the log.
 */
#include "directory.h"
#include "failure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct echo {
    pthread_mutex_t lock;
    struct nub_dir *dir;
    const struct nub_host *host;
};

static void *
echo_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size)
        return realloc(block, new_size);
    free(block);
    return NULL;
}

static const struct nub_alloc echo_alloc = { .realloc = echo_realloc };

static void
report(const struct nub_create_args *args)
{
    char line[512];
    int length = snprintf(line, sizeof line, "created with gas %u cycles %u fetch %s",
                          args->gas_model, args->mem_cycles, args->host->fetch_cap ? "yes" : "no");

    for (uint32_t i = 0; i < args->n_options && length < (int)sizeof line; i++)
        length += snprintf(line + length, sizeof line - (size_t)length, " %s=%s",
                           args->options[i].name, args->options[i].value);
    args->host->log(args->host->ctx, NUB_LOG_INFO, line);
}

static int32_t
echo_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    struct nub_dir_options options = { 0 };
    struct echo *self = calloc(1, sizeof *self);

    if (!self)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "no memory");
    for (uint32_t i = 0; i < args->n_options; i++)
        if (strcmp(args->options[i].name, "max-bytes") == 0)
            options.max_bytes = strtoull(args->options[i].value, NULL, 10);
    self->dir = nub_dir_new(&echo_alloc, &options);
    if (!self->dir) {
        free(self);
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "no memory");
    }
    pthread_mutex_init(&self->lock, NULL);
    self->host = args->host;
    report(args);
    *backend = self;
    return NUB_OK;
}

static void
echo_destroy(void *backend)
{
    struct echo *self = backend;

    self->host->log(self->host->ctx, NUB_LOG_INFO, "destroyed");
    nub_dir_free(self->dir);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static int32_t
echo_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
             struct nub_failure *failure)
{
    struct echo *self = backend;
    int32_t status;

    pthread_mutex_lock(&self->lock);
    status = nub_dir_put(self->dir, wire, hash, failure);
    pthread_mutex_unlock(&self->lock);
    return status;
}

static int32_t
echo_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                   struct nub_failure *failure)
{
    struct echo *self = backend;
    int present;

    pthread_mutex_lock(&self->lock);
    present = nub_dir_contains(self->dir, &args->instance);
    pthread_mutex_unlock(&self->lock);
    if (!present)
        return nub_fail_hash(failure, NUB_ERR_NOT_PUBLISHED, &args->instance, "not published");
    *result = (struct nub_result){
        .exit_reason = args->gas ? NUB_EXIT_HALT : NUB_EXIT_OUT_OF_GAS,
        .return_value = args->args[0] + args->args[1] + args->args[2] + args->args[3],
        .gas_remaining = args->gas ? args->gas - 1 : 0,
    };
    return NUB_OK;
}

static int32_t
echo_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct echo *self = backend;

    (void)failure;
    pthread_mutex_lock(&self->lock);
    *root = *nub_dir_head(self->dir);
    pthread_mutex_unlock(&self->lock);
    return NUB_OK;
}

static const struct nub_option_desc echo_options[] = {
    { .name = "greeting", .type = NUB_OPTION_STRING, .summary = "Any text." },
    { .name = "loud", .type = NUB_OPTION_BOOL, .default_value = "false", .summary = "A switch." },
    { .name = "count", .type = NUB_OPTION_UINT, .default_value = "3", .summary = "A number." },
    { .name = "max-bytes",
      .type = NUB_OPTION_SIZE,
      .default_value = "1MiB",
      .summary = "Limit of the directory; 0: none." },
    { .name = "wait",
      .type = NUB_OPTION_DURATION,
      .default_value = "300us",
      .summary = "A duration." },
    { .name = "mode",
      .type = NUB_OPTION_CHOICE,
      .default_value = "plain",
      .choices = "plain|fancy",
      .summary = "A choice." },
};

static const struct nub_backend_ops echo_ops = {
    .struct_size = sizeof echo_ops,
    .create = echo_create,
    .destroy = echo_destroy,
    .put_cap = echo_put_cap,
    .invoke_cached = echo_invoke_cached,
    .state_root = echo_state_root,
};

static const struct nub_plugin echo_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof echo_plugin,
    .name = "echo",
    .version = "1.2",
    .summary = "Adds up its arguments.",
    .options = echo_options,
    .n_options = sizeof echo_options / sizeof echo_options[0],
    .ops = &echo_ops,
};
NUB_PLUGIN_DEFINE(echo, echo_plugin)
