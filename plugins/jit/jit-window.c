/* jit-window.c - the window of a run: the gs base, and which of its pages were written
 *
 * The interpreters mark each store; compiled code cannot afford that. So after a run the system is
 * asked which pages of the window have private bytes (/proc/self/pagemap), and those that differ
 * from what the plan gives are marked. Where it cannot be asked, all pages that may be written are
 * compared.
 */
#include "jit-plugin.h"
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1u << 1)
#endif

static struct {
    bool has_instructions; /* rdgsbase, wrgsbase */
    int pagemap;           /* -1: cannot be read */
} machine;

static void
look_around(void)
{
    machine.has_instructions = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
    machine.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

enum nub_status
nub_jit_window_init(struct nub_failure *failure)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint64_t base;

    pthread_once(&once, look_around);
    if (!machine.has_instructions && syscall(SYS_arch_prctl, ARCH_GET_GS, &base) != 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "jit: cannot use the gs base (%s)",
                        strerror(errno));
    return NUB_OK;
}

uint64_t
nub_jit_window_select(uint64_t base)
{
    uint64_t before = 0;

    if (machine.has_instructions) {
        __asm__ volatile("rdgsbase %0" : "=r"(before));
        __asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
    } else {
        syscall(SYS_arch_prctl, ARCH_GET_GS, &before);
        syscall(SYS_arch_prctl, ARCH_SET_GS, base);
    }
    return before;
}

/* ---- what was written ---------------------------------------------------------------------- */

#define PAGEMAP_FILE    (1ull << 61) /* the file's own page: not written */
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_PRESENT (1ull << 63)
#define AT_ONCE         512u

/* what the system knows of `n` pages; as if all were written where it says nothing */
static void
ask(const uint8_t *start, uint32_t n, uint64_t entries[AT_ONCE])
{
    off_t offset = (off_t)((uint64_t)(uintptr_t)start / NUB_PAGE_SIZE * sizeof *entries);
    ssize_t size = (ssize_t)(n * sizeof *entries);

    if (machine.pagemap >= 0 && pread(machine.pagemap, entries, (size_t)size, offset) == size)
        return;
    for (uint32_t i = 0; i < n; i++)
        entries[i] = PAGEMAP_PRESENT;
}

static void
mark_if_changed(struct nub_window *window, const struct nub_memplan *plan, uint32_t page)
{
    const uint8_t *given = plan ? nub_plan_bytes(plan, page) : NULL;

    if (window->written[page])
        return;
    window->written[page] =
        memcmp(nub_window_page(window, page), given ? given : nub_zero_page, NUB_PAGE_SIZE) != 0;
}

static void
mark_range(struct nub_window *window, const struct nub_memplan *plan, uint32_t page, uint32_t n)
{
    uint64_t entries[AT_ONCE];

    while (n > 0) {
        uint32_t count = n < AT_ONCE ? n : AT_ONCE;
        ask(nub_window_page(window, page), count, entries);
        for (uint32_t i = 0; i < count; i++)
            if ((entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) && !(entries[i] & PAGEMAP_FILE))
                mark_if_changed(window, plan, page + i);
        page += count;
        n -= count;
    }
}

void
nub_jit_window_mark(struct nub_memory *memory)
{
    const struct nub_memplan *plan = memory->plan;

    for (uint32_t i = 0; i < plan->n_regions; i++) {
        const struct nub_region *region = &plan->regions[i];
        if (region->access == NUB_ACCESS_READ_WRITE)
            mark_range(memory->window, plan, (uint32_t)(region->start >> NUB_PAGE_SHIFT),
                       (uint32_t)(region->size >> NUB_PAGE_SHIFT));
    }
    for (uint32_t i = 0; i < memory->n_host; i++)
        if (memory->host[i].access == NUB_PAGE_RW)
            mark_range(memory->window, NULL, memory->host[i].page, memory->host[i].n_pages);
}
