/* changes.c - a backend around another one that says what has changed as its option tells it to
 *
 * For core's writing through: what a backend says in get_changes is checked, and where it cannot
 * say anything the successor is stored whole.
 */
#include "failure.h"
#include <nub/plugin.h>
#include <stdlib.h>
#include <string.h>

struct changes {
    struct nub_backend_ref inner;
    const char *mode; /* the option's, which lives as long as the backend */
    const struct nub_host *host;
    uint32_t asked, fetched;
};

static int32_t
changes_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    struct changes *self = calloc(1, sizeof *self);
    int32_t status;

    if (!self)
        return NUB_ERR_NO_MEMORY;
    self->mode = args->options[0].value;
    self->host = args->host;
    status = args->host->open_backend(args->host->ctx, "inner", &self->inner, failure);
    if (status != NUB_OK) {
        free(self);
        return status;
    }
    *backend = self;
    return NUB_OK;
}

static void
changes_destroy(void *backend)
{
    free(backend);
}

#define FORWARD(name, params, args)                                                                \
    static int32_t changes_##name params                                                           \
    {                                                                                              \
        struct changes *self = backend;                                                            \
        return self->inner.ops->name args;                                                         \
    }

FORWARD(put_cap,
        (void *backend, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure),
        (self->inner.backend, wire, hash, failure))
FORWARD(put_cap_with_hash,
        (void *backend, const struct nub_hash *hash, struct nub_slice wire,
         struct nub_failure *failure),
        (self->inner.backend, hash, wire, failure))
FORWARD(invoke_cached,
        (void *backend, const struct nub_invoke_args *args, struct nub_result *result,
         struct nub_failure *failure),
        (self->inner.backend, args, result, failure))
FORWARD(state_root, (void *backend, struct nub_hash *root, struct nub_failure *failure),
        (self->inner.backend, root, failure))
FORWARD(contains,
        (void *backend, const struct nub_hash *hash, uint32_t *present,
         struct nub_failure *failure),
        (self->inner.backend, hash, present, failure))
FORWARD(drop_cap, (void *backend, const struct nub_hash *hash, struct nub_failure *failure),
        (self->inner.backend, hash, failure))
FORWARD(invoke,
        (void *backend, const struct nub_call *call, struct nub_outcome *outcome,
         struct nub_failure *failure),
        (self->inner.backend, call, outcome, failure))
FORWARD(set_state_root, (void *backend, const struct nub_hash *root, struct nub_failure *failure),
        (self->inner.backend, root, failure))

/* Asks the store itself for what the inner one has not. */
static int32_t
changes_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire,
                struct nub_failure *failure)
{
    struct changes *self = backend;
    int32_t status = self->inner.ops->get_cap(self->inner.backend, hash, wire, failure);

    if (status != NUB_ERR_NOT_FOUND || strcmp(self->mode, "fetching") != 0)
        return status;
    self->fetched++;
    return self->host->fetch_cap(self->host->ctx, hash, wire, failure);
}

/* ---- what it says --------------------------------------------------------------------------- */

struct liar {
    const char *mode;
    const struct nub_changes *to;
};

static void
say_header(void *ctx, struct nub_slice wire)
{
    const struct liar *liar = ctx;
    uint8_t other[512];

    if (strcmp(liar->mode, "no-header") == 0)
        return;
    if (strcmp(liar->mode, "short-header") == 0)
        wire.size--;
    if (strcmp(liar->mode, "other-header") == 0) {
        memcpy(other, wire.data, wire.size);
        other[1] ^= 1; /* the image chain */
        wire.data = other;
    }
    liar->to->header(liar->to->ctx, wire);
}

static void
say_page(void *ctx, uint32_t address, const uint8_t *bytes)
{
    const struct liar *liar = ctx;
    uint8_t other[NUB_PAGE_SIZE] = { 0 };

    if (strcmp(liar->mode, "no-page") == 0)
        return;
    if (strcmp(liar->mode, "crooked") == 0)
        address++;
    if (strcmp(liar->mode, "twice") == 0)
        liar->to->page(liar->to->ctx, address, bytes);
    if (strcmp(liar->mode, "gone") == 0)
        bytes = NULL;
    if (strcmp(liar->mode, "other-page") == 0 && bytes) {
        memcpy(other, bytes, sizeof other);
        other[77] ^= 1;
        bytes = other;
    }
    liar->to->page(liar->to->ctx, address, bytes);
    if (strcmp(liar->mode, "more") == 0)
        liar->to->page(liar->to->ctx, 0xfffff000, other);
}

static int32_t
changes_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
                    const struct nub_changes *changes, struct nub_failure *failure)
{
    struct changes *self = backend;
    struct liar liar = { self->mode, changes };
    const struct nub_changes lies = {
        .struct_size = sizeof lies, .ctx = &liar, .header = say_header, .page = say_page
    };

    self->asked++;
    if (strcmp(self->mode, "unable") == 0)
        return nub_fail(failure, NUB_ERR_NOT_SUPPORTED, "get_changes: not here");
    if (strcmp(self->mode, "lost") == 0)
        return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, base, "cap %h: not found", base);
    return self->inner.ops->get_changes(self->inner.backend, base, hash, &lies, failure);
}

static int32_t
changes_stats(void *backend, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx,
              struct nub_failure *failure)
{
    const struct changes *self = backend;

    (void)failure;
    each(ctx, "changes_asked_total", self->asked);
    each(ctx, "changes_fetched_total", self->fetched);
    return NUB_OK;
}

static const struct nub_option_desc changes_options[] = {
    { .name = "mode",
      .type = NUB_OPTION_CHOICE,
      .default_value = "honest",
      .choices = "honest|no-header|short-header|other-header|no-page|crooked|twice|gone|other-page|"
                 "more|unable|lost|fetching",
      .summary = "What it says." },
};

static const struct nub_backend_ops changes_ops = {
    .struct_size = sizeof changes_ops,
    .create = changes_create,
    .destroy = changes_destroy,
    .put_cap = changes_put_cap,
    .invoke_cached = changes_invoke_cached,
    .state_root = changes_state_root,
    .put_cap_with_hash = changes_put_cap_with_hash,
    .contains = changes_contains,
    .get_cap = changes_get_cap,
    .drop_cap = changes_drop_cap,
    .invoke = changes_invoke,
    .set_state_root = changes_set_state_root,
    .stats = changes_stats,
    .get_changes = changes_get_changes,
};

static const struct nub_plugin changes_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof changes_plugin,
    .name = "changes",
    .version = "1",
    .summary = "Says what has changed as it is told to.",
    .options = changes_options,
    .n_options = 1,
    .ops = &changes_ops,
};
NUB_PLUGIN_DEFINE(changes, changes_plugin)
