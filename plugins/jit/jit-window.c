/* jit-window.c - the window of a run: the gs base, and which of its pages were written
 *
 * The interpreters mark each store; compiled code cannot afford that. So after a run the system is
 * asked which pages of the window have private bytes (/proc/self/pagemap), and those that differ
 * from what the plan gives are marked. From Linux 6.7 on it lists them; before, it is asked about
 * each page that may be written; where it cannot be asked, all of these are compared.
 */
#include "jit-plugin.h"
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1u << 1)
#endif

static struct {
    bool has_instructions; /* rdgsbase, wrgsbase */
    int pagemap;           /* of this process; -1: cannot be read */
    uint64_t forks;        /* this process is the child of so many */
} machine;

static void
open_pagemap(void)
{
    machine.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

/* the file goes on showing the parent's pages */
static void
after_fork(void)
{
    if (machine.pagemap >= 0)
        close(machine.pagemap);
    open_pagemap();
    machine.forks++;
}

static void
look_around(void)
{
    machine.has_instructions = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;
    open_pagemap();
    pthread_atfork(NULL, NULL, after_fork);
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

/* PAGEMAP_SCAN of Linux 6.7: headers may be older. */
struct scan_arg {
    uint64_t size, flags;
    uint64_t start, end, walk_end;
    uint64_t vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct scan_region {
    uint64_t start, end, categories;
};
#define SCAN         _IOWR('f', 16, struct scan_arg)
#define SCAN_FILE    (1u << 2)
#define SCAN_PRESENT (1u << 3)
#define SCAN_SWAPPED (1u << 4)
#define SCAN_AT_ONCE 64u

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
mark_if_changed(struct nub_memory *memory, uint32_t page)
{
    struct nub_window *window = memory->window;
    const uint8_t *given = NULL;

    if (window->written[page])
        return;
    if (nub_memplan_find(memory->plan, (uint64_t)page << NUB_PAGE_SHIFT))
        given = nub_plan_bytes(memory->plan, page);
    window->written[page] =
        memcmp(nub_window_page(window, page), given ? given : nub_zero_page, NUB_PAGE_SIZE) != 0;
}

/* a private page that may be written */
static void
note(struct nub_memory *memory, uint32_t page)
{
    struct nub_window_notes *notes = &memory->window->notes;

    if (notes->n < NUB_NOTED_PAGES)
        notes->pages[notes->n] = page;
    notes->n++;
    mark_if_changed(memory, page);
}

/* Costs what there is, not what may be. False: this system does not list pages. */
static bool
scan_list(struct nub_memory *memory)
{
    const uint64_t base = (uint64_t)(uintptr_t)nub_window_page(memory->window, 0);
    struct scan_region regions[SCAN_AT_ONCE];
    struct scan_arg arg = { .size = sizeof arg,
                            .walk_end = base,
                            .end = base + NUB_MEMORY_END,
                            .vec = (uint64_t)(uintptr_t)regions,
                            .vec_len = SCAN_AT_ONCE,
                            .category_inverted = SCAN_FILE,
                            .category_mask = SCAN_FILE,
                            .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
                            .return_mask = SCAN_PRESENT | SCAN_SWAPPED };

    while (arg.walk_end < arg.end) {
        arg.start = arg.walk_end;
        int n = ioctl(machine.pagemap, SCAN, &arg);
        if (n < 0 || arg.walk_end <= arg.start)
            return false;
        for (int i = 0; i < n; i++) {
            for (uint64_t at = regions[i].start; at < regions[i].end; at += NUB_PAGE_SIZE) {
                uint32_t page = (uint32_t)((at - base) >> NUB_PAGE_SHIFT);
                if (nub_memory_access(memory, page) == NUB_PAGE_RW)
                    note(memory, page);
            }
        }
    }
    return true;
}

static void
scan_range(struct nub_memory *memory, uint32_t page, uint32_t n)
{
    uint64_t entries[AT_ONCE];

    while (n > 0) {
        uint32_t count = n < AT_ONCE ? n : AT_ONCE;
        ask(nub_window_page(memory->window, page), count, entries);
        for (uint32_t i = 0; i < count; i++) {
            if (!(entries[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) || (entries[i] & PAGEMAP_FILE))
                continue;
            note(memory, page + i);
        }
        page += count;
        n -= count;
    }
}

static void
scan(struct nub_memory *memory)
{
    const struct nub_memplan *plan = memory->plan;

    memory->window->notes.n = 0;
    if (scan_list(memory))
        return;
    memory->window->notes.n = 0;
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        const struct nub_region *region = &plan->regions[i];
        if (region->access == NUB_ACCESS_READ_WRITE)
            scan_range(memory, (uint32_t)(region->start >> NUB_PAGE_SHIFT),
                       (uint32_t)(region->size >> NUB_PAGE_SHIFT));
    }
    for (uint32_t i = 0; i < memory->n_host; i++)
        if (memory->host[i].access == NUB_PAGE_RW)
            scan_range(memory, memory->host[i].page, memory->host[i].n_pages);
}

/* a number that no other thread has or will have, nor this one after a fork */
static uint64_t
this_thread(void)
{
    static uint64_t last;
    static __thread uint64_t own, forks;

    if (own == 0 || forks != machine.forks) {
        own = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
        forks = machine.forks;
    }
    return own;
}

static uint64_t
page_faults(void)
{
    struct rusage usage = { .ru_minflt = 0 };

    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

/*
 * A page becomes private by a page fault of the thread that runs. So as long as one thread uses the
 * window and has no fault, the private pages are those that it found the last time.
 */
void
nub_jit_window_mark(struct nub_memory *memory)
{
    struct nub_window_notes *notes = &memory->window->notes;
    uint64_t thread = this_thread(), faults = page_faults();
    bool known = notes->thread == thread && notes->faults == faults &&
                 notes->plan == memory->plan && notes->n <= NUB_NOTED_PAGES && memory->n_host == 0;

    if (!known) {
        *notes = (struct nub_window_notes){ thread, faults, memory->plan, 0, { 0 } };
        scan(memory);
        return;
    }
    for (uint32_t i = 0; i < notes->n; i++)
        if (nub_memory_access(memory, notes->pages[i]) == NUB_PAGE_RW)
            mark_if_changed(memory, notes->pages[i]);
}
