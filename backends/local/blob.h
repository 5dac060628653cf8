/* blob.h - capability bytes that can be mapped into windows
 *
 * Large blobs lie in a file without a name; a window maps their pages privately instead of copying
 * them. Small blobs are ordinary memory.
 */
#ifndef NUB_LOCAL_BLOB_H
#define NUB_LOCAL_BLOB_H

#include <nub/plugin.h>
#include <stdbool.h>
#include <stddef.h>

struct nub_alloc;

/** For struct nub_alloc; `ctx` is not looked at. */
uint8_t *nub_blob_new(void *ctx, size_t size, size_t lead);
void nub_blob_free(void *ctx, uint8_t *blob, size_t size, size_t lead);
/**
 * Maps `content` privately over `to`, copy on write. False when its bytes do not lie in a file at a
 * page's beginning; then nothing has changed, and the caller copies.
 */
bool nub_blob_map(uint8_t *to, struct nub_slice content, int protection);

#endif
