/* jit-exec.c - memory that is either writable or executable, never both
 *
 * Code is written to fresh pages, which then become read-only and executable; a tail's page goes
 * back and forth. No mapping is writable and executable at any time, nor does any page have two
 * mappings.
 */
#include "jit-plugin.h"
#include <sys/mman.h>

static uint64_t
whole_pages(uint64_t size)
{
    return (size + NUB_PAGE_SIZE - 1) & ~(uint64_t)(NUB_PAGE_SIZE - 1);
}

uint8_t *
nub_jit_exec_new(uint64_t size)
{
    void *text = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return text == MAP_FAILED ? NULL : text;
}

bool
nub_jit_exec_finish(uint8_t *text, uint64_t size, uint64_t used, uint64_t *kept)
{
    *kept = whole_pages(used);
    if (whole_pages(size) > *kept)
        munmap(text + *kept, whole_pages(size) - *kept);
    return mprotect(text, *kept, PROT_READ | PROT_EXEC) == 0;
}

bool
nub_jit_exec_reopen(uint8_t *text, uint64_t size)
{
    return mprotect(text, whole_pages(size), PROT_READ | PROT_WRITE) == 0;
}

void
nub_jit_exec_free(uint8_t *text, uint64_t size)
{
    if (text)
        munmap(text, whole_pages(size));
}
