/* window.c - the pool of 4 GiB windows
 *
 * Maps and unmaps; never judges an access (memory.c) and never handles a fault (fault.c). A window
 * is given back clean: pages that were written get the plan's bytes again, or, when there are
 * many or the host had mapped some, the whole reservation is made new. Restoring reads the plan,
 * which outlives every window that holds it (nub_windows_forget).
 */
#include "local-private.h"
#include "blob.h"
#include "fault.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* The marks lie below the window, so that one address leads to both; a page more on both sides. */
#define MARKS  ((uint64_t)NUB_N_PAGES + NUB_PAGE_SIZE)
#define WINDOW (NUB_MEMORY_END + NUB_PAGE_SIZE)
/* So many bytes of a plan are copied into fresh pages: cheaper than mappings and their first
 * faults. */
#define COPY_AT_MOST (64u << 10)
/* From here on a window is emptied rather than restored page by page. */
#define RESTORE_AT_MOST 512u

static void
unreserve(struct nub_window *window)
{
    if (window->base)
        munmap(window->base - MARKS, MARKS + WINDOW);
    window->base = window->written = NULL;
}

static bool
make_reservation(struct nub_window *window)
{
    uint8_t *marks =
        mmap(NULL, MARKS + WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (marks == MAP_FAILED)
        return false;
    madvise(marks, MARKS + WINDOW, MADV_NOHUGEPAGE); /* a page touched shall cost a page */
    madvise(marks, MARKS + WINDOW, MADV_DONTDUMP);
    window->base = marks + MARKS;
    window->written = window->base - NUB_N_PAGES;
    if (mprotect(marks, MARKS, PROT_READ | PROT_WRITE) == 0)
        return true;
    unreserve(window);
    return false;
}

enum nub_status
nub_windows_init(struct nub_windows *windows, bool guard, uint32_t keep,
                 struct nub_failure *failure)
{
    *windows = (struct nub_windows){ .keep = keep };
    pthread_mutex_init(&windows->lock, NULL);
    if (!guard)
        return NUB_OK;
    enum nub_status status = nub_fault_install(failure);
    if (status == NUB_OK && !make_reservation(&windows->none))
        status = nub_fail(failure, NUB_ERR_SYSTEM,
                          "memory: guard: cannot reserve 4 GiB of address space (%s); "
                          "use memory: checked",
                          strerror(errno));
    if (status != NUB_OK)
        pthread_mutex_destroy(&windows->lock);
    return status;
}

static void
window_free(struct nub_local *local, struct nub_window *window)
{
    unreserve(window);
    nub_free(&local->alloc, window, sizeof *window);
}

void
nub_windows_clear(struct nub_local *local)
{
    struct nub_windows *windows = &local->windows;

    for (uint32_t i = 0; i < windows->n; i++)
        window_free(local, windows->all[i]);
    nub_free(&local->alloc, windows->all, windows->capacity * sizeof *windows->all);
    unreserve(&windows->none);
    pthread_mutex_destroy(&windows->lock);
}

/* ---- filling and emptying -------------------------------------------------------------------- */

static uint8_t *
at(const struct nub_window *window, uint64_t address)
{
    return window->base + address;
}

/* `*copy`: how many bytes may still be copied. A plan may have a thousand short regions, of which a
 * run touches one. */
static bool
load_region(struct nub_window *window, const struct nub_region *region, uint64_t *copy)
{
    int protection = region->access == NUB_ACCESS_READ_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
    uint64_t content = region->content.size;
    uint8_t *start = at(window, region->start);

    if (content > *copy && nub_blob_map(start, region->content, protection)) {
        return content == region->size ||
               mprotect(start + content, region->size - content, protection) == 0;
    }
    if (content == 0)
        return mprotect(start, region->size, protection) == 0;
    if (mprotect(start, region->size, PROT_READ | PROT_WRITE) != 0)
        return false;
    *copy -= content < *copy ? content : *copy;
    memcpy(start, region->content.data, content);
    return protection & PROT_WRITE || mprotect(start, region->size, protection) == 0;
}

bool
nub_window_map(struct nub_window *window, const struct nub_host_range *range)
{
    uint8_t *start = at(window, (uint64_t)range->page << NUB_PAGE_SHIFT);
    int protection = range->access == NUB_PAGE_RW ? PROT_READ | PROT_WRITE : PROT_READ;

    window->unusual = true;
    return mprotect(start, (uint64_t)range->n_pages << NUB_PAGE_SHIFT, protection) == 0;
}

static void
forget_written(struct nub_window *window)
{
    madvise(window->base - MARKS, MARKS, MADV_DONTNEED);
}

/* Everything goes: a new reservation over the old one. */
static void
empty(struct nub_window *window)
{
    void *again = mmap(window->base, WINDOW, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

    window->plan = NULL;
    window->unusual = again == MAP_FAILED; /* then it is never used again, see choose() */
    if (again != MAP_FAILED)
        madvise(window->base, WINDOW, MADV_NOHUGEPAGE);
    forget_written(window);
}

static bool
load(struct nub_window *window, const struct nub_memory *memory)
{
    uint64_t copy = COPY_AT_MOST;

    for (uint32_t i = 0; i < memory->plan->n_regions; i++) {
        if (!load_region(window, &memory->plan->regions[i], &copy))
            return false;
    }
    return true;
}

/* the pages of a region that may differ from the plan */
static uint32_t
next_written(const struct nub_window *window, uint32_t page, uint32_t end)
{
    while (page < end && !nub_window_written(window, page)) {
        /* eight at a time where nothing was written; behind the last mark the window begins */
        uint64_t eight = 1;
        if (page + 8 <= end)
            memcpy(&eight, window->written + page, sizeof eight);
        page += eight == 0 ? 8 : 1;
    }
    return page;
}

static bool
restore_region(struct nub_window *window, const struct nub_region *region, uint32_t *budget)
{
    uint32_t first = (uint32_t)(region->start >> NUB_PAGE_SHIFT);
    uint32_t end = first + (uint32_t)(region->size >> NUB_PAGE_SHIFT);

    for (uint32_t page = next_written(window, first, end); page < end;
         page = next_written(window, page + 1, end)) {
        uint64_t offset = (uint64_t)(page - first) << NUB_PAGE_SHIFT;
        uint8_t *bytes = at(window, region->start + offset);
        if ((*budget)-- == 0)
            return false;
        if (offset < region->content.size)
            memcpy(bytes, region->content.data + offset, NUB_PAGE_SIZE);
        else
            memset(bytes, 0, NUB_PAGE_SIZE);
    }
    return true;
}

static void
clear_marks(struct nub_window *window, const struct nub_region *region)
{
    uint32_t first = (uint32_t)(region->start >> NUB_PAGE_SHIFT);
    uint32_t n_pages = (uint32_t)(region->size >> NUB_PAGE_SHIFT);
    uint32_t end = first + n_pages;

    for (uint32_t page = next_written(window, first, end); page < end;
         page = next_written(window, page + 1, end))
        window->written[page] = 0;
}

/* Back to what the plan gives. */
static void
restore(struct nub_window *window)
{
    const struct nub_memplan *plan = window->plan;
    uint32_t budget = RESTORE_AT_MOST;
    bool restored = !window->unusual;

    for (uint32_t i = 0; restored && i < plan->n_regions; i++) {
        if (plan->regions[i].access == NUB_ACCESS_READ_WRITE)
            restored = restore_region(window, &plan->regions[i], &budget);
    }
    if (!restored) {
        empty(window);
        return;
    }
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        if (plan->regions[i].access == NUB_ACCESS_READ_WRITE)
            clear_marks(window, &plan->regions[i]);
    }
}

/* ---- private pages --------------------------------------------------------------------------- */

uint8_t *
nub_window_page_to_write(struct nub_memory *memory, uint32_t page)
{
    struct nub_window *window = memory->window;
    uint8_t *bytes = at(window, (uint64_t)page << NUB_PAGE_SHIFT);

    window->written[page] = 1;
    if (nub_memory_access(memory, page) == NUB_PAGE_RW)
        return bytes;
    /* what only the host may write is made writable here and read-only in nub_window_seal() */
    window->unusual = true;
    return mprotect(bytes, NUB_PAGE_SIZE, PROT_READ | PROT_WRITE) == 0 ? bytes : NULL;
}

bool
nub_window_seal(struct nub_memory *memory, uint32_t page)
{
    if (nub_memory_access(memory, page) == NUB_PAGE_RW)
        return true;
    return mprotect(at(memory->window, (uint64_t)page << NUB_PAGE_SHIFT), NUB_PAGE_SIZE,
                    PROT_READ) == 0;
}

static bool
each_private_in(struct nub_memory *memory, uint32_t page, uint32_t end, nub_page_fn each, void *ctx)
{
    for (page = next_written(memory->window, page, end); page < end;
         page = next_written(memory->window, page + 1, end)) {
        if (!each(ctx, page, nub_window_page(memory->window, page)))
            return false;
    }
    return true;
}

bool
nub_window_each_private(struct nub_memory *memory, nub_page_fn each, void *ctx)
{
    const struct nub_memplan *plan = memory->plan;

    for (uint32_t i = 0; i < plan->n_regions; i++) {
        uint32_t first = (uint32_t)(plan->regions[i].start >> NUB_PAGE_SHIFT);
        uint32_t n_pages = (uint32_t)(plan->regions[i].size >> NUB_PAGE_SHIFT);
        if (!each_private_in(memory, first, first + n_pages, each, ctx))
            return false;
    }
    for (uint32_t i = 0; i < memory->n_host; i++) {
        uint32_t first = memory->host[i].page;
        if (!each_private_in(memory, first, first + memory->host[i].n_pages, each, ctx))
            return false;
    }
    return true;
}

static bool
park_page(void *ctx, uint32_t page, const uint8_t *bytes)
{
    struct nub_memory *memory = ctx;
    uint8_t *own = nub_pages_own(memory, page);

    if (own)
        memcpy(own, bytes, NUB_PAGE_SIZE);
    return own != NULL;
}

/* Moves what is private to a memory from its window to its page table. False: no memory. */
static bool
park(struct nub_memory *memory)
{
    if (!nub_pages_ready(memory))
        return false;
    if (nub_window_each_private(memory, park_page, memory))
        return true;
    nub_pages_free(memory);
    return false;
}

/* The opposite. */
static bool
unpark(struct nub_memory *memory)
{
    struct nub_pages *pages = memory->pages;

    for (uint32_t i = 0; pages && i < pages->n_own; i++) {
        uint32_t page = pages->own[i].page;
        uint8_t *to = nub_window_page_to_write(memory, page);
        if (!to)
            return false;
        memcpy(to, pages->own[i].bytes, NUB_PAGE_SIZE);
        if (!nub_window_seal(memory, page))
            return false;
    }
    if (pages)
        nub_pages_free(memory);
    return true;
}

/* ---- the pool -------------------------------------------------------------------------------- */

/* Better is lower; UINT32_MAX: not to be had. The caller holds the lock. */
static uint32_t
rank(const struct nub_window *window, const struct nub_memplan *plan)
{
    if (window->busy)
        return UINT32_MAX;
    if (window->owner)
        return 3; /* of a session that does not run */
    if (window->unusual)
        return UINT32_MAX; /* could not be emptied */
    if (window->plan == plan)
        return 0;
    return window->plan ? 2 : 1;
}

static struct nub_window *
choose_inlock(struct nub_windows *windows, const struct nub_memplan *plan)
{
    struct nub_window *best = NULL;
    uint32_t best_rank = UINT32_MAX;

    for (uint32_t i = 0; i < windows->n; i++) {
        struct nub_window *window = windows->all[i];
        uint32_t r = rank(window, plan);
        if (r < best_rank ||
            (r == best_rank && r != UINT32_MAX && window->last_used < best->last_used)) {
            best = window;
            best_rank = r;
        }
    }
    return best;
}

static struct nub_window *
add_inlock(struct nub_local *local)
{
    struct nub_windows *windows = &local->windows;

    if (windows->n == windows->capacity) {
        uint32_t capacity = windows->capacity ? windows->capacity * 2 : 8;
        struct nub_window **all =
            local->alloc.realloc(local->alloc.ctx, windows->all, windows->capacity * sizeof *all,
                                 capacity * sizeof *all);
        if (!all)
            return NULL;
        windows->all = all;
        windows->capacity = capacity;
    }
    struct nub_window *window = nub_alloc(&local->alloc, sizeof *window);
    if (!window)
        return NULL;
    *window = (struct nub_window){ .busy = false };
    if (!make_reservation(window)) {
        nub_free(&local->alloc, window, sizeof *window);
        return NULL;
    }
    windows->all[windows->n++] = window;
    return window;
}

/* A window for `memory`, marked busy; a session that does not run may lose its own for it. */
static struct nub_window *
obtain(struct nub_memory *memory)
{
    struct nub_local *local = memory->local;
    struct nub_windows *windows = &local->windows;

    pthread_mutex_lock(&windows->lock);
    struct nub_window *window = choose_inlock(windows, memory->plan);
    uint32_t r = window ? rank(window, memory->plan) : UINT32_MAX;
    if (r >= 2 && windows->n < windows->keep) {
        struct nub_window *fresh = add_inlock(local);
        window = fresh ? fresh : window;
    } else if (!window) {
        window = add_inlock(local);
    }
    if (window && window->owner) {
        if (park(window->owner)) {
            __atomic_store_n(&window->owner->window, NULL, __ATOMIC_RELAXED);
            window->unusual = true; /* nothing of the old owner is restored: empty it */
        } else {
            window = add_inlock(local);
        }
    }
    if (window) {
        window->owner = memory;
        window->busy = true;
        window->last_used = ++windows->clock;
    }
    pthread_mutex_unlock(&windows->lock);
    return window;
}

/* The caller has made the window clean. */
static void
put_back(struct nub_local *local, struct nub_window *window)
{
    struct nub_windows *windows = &local->windows;
    bool surplus = false;

    pthread_mutex_lock(&windows->lock);
    window->owner = NULL;
    window->busy = false;
    if (windows->n > windows->keep) {
        surplus = true;
        for (uint32_t i = 0; i < windows->n; i++) {
            if (windows->all[i] == window)
                windows->all[i] = windows->all[--windows->n];
        }
    }
    pthread_mutex_unlock(&windows->lock);
    if (surplus)
        window_free(local, window);
}

/* Makes the window show what the memory maps. False: the system refused. */
static bool
fill(struct nub_window *window, const struct nub_memory *memory)
{
    if (window->plan != memory->plan || window->unusual) {
        if (window->plan || window->unusual)
            empty(window);
        if (window->unusual)
            return false;
        window->plan = memory->plan;
        if (!load(window, memory)) {
            window->unusual = true;
            return false;
        }
    }
    for (uint32_t i = 0; i < memory->n_host; i++) {
        if (!nub_window_map(window, &memory->host[i]))
            return false;
    }
    return true;
}

bool
nub_window_take(struct nub_memory *memory)
{
    struct nub_window *window = obtain(memory);

    if (window) {
        memory->window = window;
        if (fill(window, memory) && unpark(memory))
            return true;
        /* what was private is still in the page table */
        memory->window = NULL;
        empty(window);
        put_back(memory->local, window);
    }
    memory->guard = false;
    return false;
}

void
nub_window_give(struct nub_memory *memory)
{
    /* a thief makes it NULL, nobody makes it anything else behind the owner's back */
    if (!__atomic_load_n(&memory->window, __ATOMIC_RELAXED))
        return;
    nub_window_enter(memory);
    struct nub_window *window = memory->window;
    if (!window)
        return;
    restore(window);
    memory->window = NULL;
    put_back(memory->local, window);
}

/* The bytes that a region gives at an address (NULL: zeros), and how many lie together from there.
 */
static const uint8_t *
given_at(const struct nub_region *region, uint64_t address, uint64_t *size)
{
    uint64_t offset = address - region->start;

    if (offset >= region->content.size) {
        *size = region->size - offset;
        return NULL;
    }
    *size = region->content.size - offset;
    return region->content.data + offset;
}

/* Pages whose bytes move elsewhere must have been written. Each then has a copy in the window if it
 * had none yet: a mark stands for two pages, and what the window maps may go with the old plan. */
static bool
keep_written(struct nub_window *window, uint64_t address, uint64_t size)
{
    for (uint64_t end = address + size; address < end; address += NUB_PAGE_SIZE) {
        volatile uint8_t *bytes = at(window, address);
        if (!nub_window_written(window, (uint32_t)(address >> NUB_PAGE_SHIFT)))
            return false;
        *bytes = *bytes;
    }
    return true;
}

/* Whether the window holds what a region gives, whose plan is the successor's of the window's. */
static bool
holds_region(struct nub_window *window, const struct nub_region *region)
{
    uint64_t address = region->start, end = region->start + region->size;

    while (address < end) {
        const struct nub_region *old = nub_memplan_find(window->plan, address);
        uint64_t size, old_size;
        if (!old || old->access != region->access)
            return false;
        const uint8_t *bytes = given_at(region, address, &size);
        const uint8_t *old_bytes = given_at(old, address, &old_size);
        size = old_size < size ? old_size : size;
        if (bytes != old_bytes &&
            (region->access != NUB_ACCESS_READ_WRITE || !keep_written(window, address, size)))
            return false;
        address += size;
    }
    return true;
}

void
nub_window_pass_on(struct nub_memory *memory, const struct nub_memplan *successor)
{
    struct nub_window *window;

    nub_window_enter(memory);
    window = memory->window;
    if (!window || window->unusual || memory->n_host > 0)
        return;
    for (uint32_t i = 0; i < successor->n_regions; i++) {
        if (!holds_region(window, &successor->regions[i]))
            return;
    }
    for (uint32_t i = 0; i < successor->n_regions; i++) {
        if (successor->regions[i].access == NUB_ACCESS_READ_WRITE)
            clear_marks(window, &successor->regions[i]);
    }
    if (window->notes.plan == window->plan)
        window->notes.plan = successor;
    window->plan = successor;
    memory->window = NULL;
    put_back(memory->local, window);
}

void
nub_window_enter(struct nub_memory *memory)
{
    struct nub_windows *windows = &memory->local->windows;

    if (!__atomic_load_n(&memory->window, __ATOMIC_RELAXED))
        return;
    pthread_mutex_lock(&windows->lock);
    if (memory->window)
        memory->window->busy = true;
    pthread_mutex_unlock(&windows->lock);
}

void
nub_window_leave(struct nub_memory *memory)
{
    struct nub_windows *windows = &memory->local->windows;

    if (!memory->window)
        return;
    pthread_mutex_lock(&windows->lock);
    memory->window->busy = false;
    memory->window->last_used = ++windows->clock;
    pthread_mutex_unlock(&windows->lock);
}

void
nub_windows_forget(struct nub_local *local, const struct nub_memplan *plan)
{
    struct nub_windows *windows = &local->windows;

    pthread_mutex_lock(&windows->lock);
    for (uint32_t i = 0; i < windows->n; i++) {
        struct nub_window *window = windows->all[i];
        if (!window->owner && window->plan == plan)
            empty(window);
    }
    pthread_mutex_unlock(&windows->lock);
}
