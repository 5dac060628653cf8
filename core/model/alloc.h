/* alloc.h - the one hook through which freestanding code gets memory
 *
 * Lua's idea: one function. `realloc(ctx, NULL, 0, n)` allocates, `realloc(ctx, p, n, 0)`
 * frees, NULL means "no memory" and leaves the old block as it was. Blocks are aligned to 16.
 *
 * Capability bytes come from `blob_new` instead, so that a backend can keep them where pages can
 * be mapped from: the block is `size` bytes at an address p with (p + lead) a multiple of 4096
 * when `size - lead` is at least a page. The blob hooks may be NULL: `realloc` is used then,
 * and the alignment is not promised.
 */
#ifndef NUB_MODEL_ALLOC_H
#define NUB_MODEL_ALLOC_H

#include <stddef.h>
#include <stdint.h>

struct nub_alloc {
    void *ctx;
    void *(*realloc)(void *ctx, void *block, size_t old_size, size_t new_size);
    uint8_t *(*blob_new)(void *ctx, size_t size, size_t lead);
    void (*blob_free)(void *ctx, uint8_t *blob, size_t size, size_t lead);
};

static inline void *
nub_alloc(const struct nub_alloc *alloc, size_t size)
{
    return alloc->realloc(alloc->ctx, NULL, 0, size);
}

static inline void
nub_free(const struct nub_alloc *alloc, void *block, size_t size)
{
    if (block)
        alloc->realloc(alloc->ctx, block, size, 0);
}

#endif
