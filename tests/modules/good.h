/* good.h - a plugin with nothing wrong; each file of this folder breaks it in one way
 *
 * Its backend refuses every call: these modules are for the loader, which calls nothing.
 */
#ifndef NUB_TEST_GOOD_H
#define NUB_TEST_GOOD_H

#include <nub/plugin.h>
#include <stddef.h>

static inline int32_t
good_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    static int state;

    (void)args;
    (void)failure;
    *backend = &state;
    return NUB_OK;
}

static inline void
good_destroy(void *backend)
{
    (void)backend;
}

static inline int32_t
good_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
             struct nub_failure *failure)
{
    (void)backend;
    (void)wire;
    (void)hash;
    (void)failure;
    return NUB_ERR_NOT_SUPPORTED;
}

static inline int32_t
good_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                   struct nub_failure *failure)
{
    (void)backend;
    (void)args;
    (void)result;
    (void)failure;
    return NUB_ERR_NOT_SUPPORTED;
}

static inline int32_t
good_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    (void)backend;
    (void)root;
    (void)failure;
    return NUB_ERR_NOT_SUPPORTED;
}

/* Initialisers: a file writes them out and overrides one member. */
#define GOOD_OPS                                                                                   \
    .struct_size = sizeof(struct nub_backend_ops), .create = good_create,                          \
    .destroy = good_destroy, .put_cap = good_put_cap, .invoke_cached = good_invoke_cached,         \
    .state_root = good_state_root

#define GOOD_PLUGIN                                                                                \
    .abi_version = NUB_ABI_VERSION, .struct_size = sizeof(struct nub_plugin), .name = "good",      \
    .version = "1", .summary = "A module with nothing wrong.", .ops = &ops

#endif
