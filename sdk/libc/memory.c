/* memory.c - what newlib's malloc lacks
 *
 * Its calloc (of 3.3.0) does not see that count * size has no room and hands out a smaller block;
 * its aligned_alloc is made of a posix_memalign that it leaves to systems.
 */
#include <errno.h>
#include <malloc.h>
#include <reent.h>
#include <stdlib.h>
#include <string.h>

void *
_calloc_r(struct _reent *reent, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        reent->_errno = ENOMEM;
        return NULL;
    }
    void *block = _malloc_r(reent, bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

int
posix_memalign(void **block, size_t alignment, size_t size)
{
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void *aligned = memalign(alignment, size);
    if (!aligned)
        return ENOMEM;
    *block = aligned;
    return 0;
}
