/* mem.h - the four mem functions, the only libc that freestanding code asks for
 *
 * Hosted builds take them from libc; the guest kernel brings its own.
 */
#ifndef NUB_MODEL_MEM_H
#define NUB_MODEL_MEM_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t size);
void *memmove(void *dst, const void *src, size_t size);
void *memset(void *dst, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif
