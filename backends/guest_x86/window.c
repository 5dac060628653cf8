/* window.c - the memory that a program sees: guest-virtual [0, 4 GiB) under a root of its own
 *
 * A page is mapped when a program first touches it: straight from the capability if it can only be
 * read, as a copy of the window's own if it can be written. The guest edits its page tables with
 * plain stores; a mapping that appears needs no more, one that changes needs the root reloaded
 * (`stale`), and both cost exits where KVM has no hardware help, so kept windows keep theirs and
 * are cleaned by storing through the view above 4 GiB. Source: caps.md 2, docs/guest.md. */
#include "guest.h"
#include "mem.h"

#define PRESENT    NUB_GUEST_PAGE_PRESENT
#define WRITABLE   0x2ull
#define USER       NUB_GUEST_PAGE_USER
#define ACCESSED   0x20ull
#define DIRTY      0x40ull
#define OWN        NUB_GUEST_PAGE_OWN /* ignored by the CPU: the page is the window's own */
#define NO_EXECUTE (1ull << 63)
#define ADDRESS    NUB_GUEST_PAGE_ADDRESS

/* Unmapped, after it was mapped: KVM keeps what it knows of such a page's table. */
#define TAKEN_AWAY (PRESENT | ACCESSED | NO_EXECUTE)
#define TABLE      (PRESENT | WRITABLE | USER | ACCESSED)
#define READ_ONLY  (PRESENT | USER | ACCESSED | NO_EXECUTE)
#define READ_WRITE (READ_ONLY | WRITABLE | DIRTY)

#define PAGE       4096u
#define END        (1ull << 32)
#define POOL_PAGES ((NUB_GUEST_HEAP - NUB_GUEST_PT_POOL) / PAGE)
#define MAX_AHEAD  32u

/* A page of a window's own costs some 100 ns at each commit, whoever touched it, and touching it
 * anew an exit. So it stays until there are many more of them than runs add. */
#define OWN_ALWAYS  64u
#define OWN_A_WIDTH 8u

/* ---- tables ------------------------------------------------------------------------------ */

/* (lock) The pool of page-table pages. They are never anything else: a page that has once been a
 * table is watched by KVM. */
static uint16_t pool_free[POOL_PAGES];
static uint32_t pool_n_free, pool_used;

static uint64_t
table_new(void)
{
    uint64_t table;

    if (pool_n_free > 0)
        table = NUB_GUEST_PT_POOL + (uint64_t)pool_free[--pool_n_free] * PAGE;
    else if (pool_used < POOL_PAGES)
        return NUB_GUEST_PT_POOL + (uint64_t)pool_used++ * PAGE; /* fresh memory is zero */
    else
        return 0;
    memset(guest_at(table), 0, PAGE);
    return table;
}

static void
table_free(uint64_t table)
{
    pool_free[pool_n_free++] = (uint16_t)((table - NUB_GUEST_PT_POOL) / PAGE);
}

/* The entry that maps a page; NULL: its table does not exist, or could not be made. */
static uint64_t *
entry_of(const struct guest_window *window, uint64_t address, bool make)
{
    uint64_t table = window->root;

    for (unsigned shift = 39;; shift -= 9) {
        uint64_t *entry = (uint64_t *)guest_at(table) + (address >> shift & 511);
        if (shift == 12)
            return entry;
        if (!(*entry & PRESENT)) {
            uint64_t fresh = make ? table_new() : 0;
            if (!fresh)
                return NULL;
            *entry = fresh | TABLE;
        }
        table = *entry & ADDRESS;
    }
}

/* Frees a table of the given level and what hangs on it; of the root only the window's half. */
static void
tables_free(uint64_t table, unsigned level)
{
    const uint64_t *entries = guest_at(table);

    for (unsigned i = 0; level > 1 && i < (level == 4 ? 1 : 512); i++) {
        if (entries[i] & PRESENT)
            tables_free(entries[i] & ADDRESS, level - 1);
    }
    table_free(table);
}

/* ---- what a page is ---------------------------------------------------------------------- */

/* The range that the host mapped there, perhaps in the session before. */
static struct guest_range *
any_range_at(const struct guest_window *window, uint64_t address)
{
    uint32_t low = 0, high = window->n_ranges;

    while (low < high) {
        uint32_t mid = (low + high) / 2;
        struct guest_range *range = &window->ranges[mid];
        if (address < range->start)
            high = mid;
        else if (address >= range->start + range->size)
            low = mid + 1;
        else
            return range;
    }
    return NULL;
}

static const struct guest_range *
range_at(const struct guest_window *window, uint64_t address)
{
    const struct guest_range *range = any_range_at(window, address);

    return range && !range->released ? range : NULL;
}

/* What a page is before the window has one of its own. `run`: how many pages from here are alike.
 */
static void
view_given(const struct guest_window *window, uint64_t address, struct guest_view *view,
           uint64_t *run)
{
    const struct nub_region *region = nub_memplan_find(window->plan, address);
    const struct guest_range *range = region ? NULL : range_at(window, address);

    *view = (struct guest_view){ .mapped = region || range };
    *run = 1;
    if (region) {
        uint64_t offset = address - region->start;
        view->writable = region->access == NUB_ACCESS_READ_WRITE;
        view->bytes = offset < region->content.size ? region->content.data + offset : NULL;
        *run = (region->size - offset) / PAGE;
    } else if (range) {
        view->writable = range->access == NUB_ACCESS_READ_WRITE;
        *run = (range->start + range->size - address) / PAGE;
    }
}

void
guest_window_view(const struct guest_window *window, uint32_t address, struct guest_view *view)
{
    const uint64_t *entry = entry_of(window, address, false);
    uint64_t run;

    view_given(window, address, view, &run);
    if (entry && (*entry & OWN))
        view->bytes = guest_at(*entry & ADDRESS);
}

/* ---- pages ------------------------------------------------------------------------------- */

static bool
remember_own(struct guest_window *window, uint32_t address)
{
    if (window->n_own == window->own_capacity) {
        uint32_t capacity = window->own_capacity ? window->own_capacity * 2 : 16;
        uint32_t *own =
            guest.alloc.realloc(guest.alloc.ctx, window->own, window->own_capacity * sizeof *own,
                                capacity * sizeof *own);
        if (!own)
            return false;
        window->own = own;
        window->own_capacity = capacity;
    }
    window->own[window->n_own++] = address;
    return true;
}

static void
fill(uint8_t *page, const uint8_t *bytes)
{
    if (bytes)
        memcpy(page, bytes, PAGE);
    else
        memset(page, 0, PAGE);
}

/* Gives the window a page of its own where `view` says what it holds. */
static uint8_t *
make_own(struct guest_window *window, uint32_t address, uint64_t *entry,
         const struct guest_view *view)
{
    uint8_t *page = heap_pages(&guest.heap, 1);

    if (!page)
        return NULL;
    if (!remember_own(window, address)) {
        heap_pages_free(&guest.heap, page, 1);
        return NULL;
    }
    fill(page, view->bytes);
    if (*entry & PRESENT)
        window->stale = true;
    *entry = guest_physical(page) | OWN | (view->writable ? READ_WRITE : READ_ONLY);
    return page;
}

uint8_t *
guest_window_own(struct guest_window *window, uint32_t address)
{
    uint64_t *entry = entry_of(window, address, true), run;
    struct guest_view view;

    if (!entry)
        return NULL;
    window->as_planned = false;
    if (*entry & OWN)
        return guest_at(*entry & ADDRESS);
    view_given(window, address, &view, &run);
    return make_own(window, address, entry, &view);
}

/* Maps one page for the program. */
static bool
map_page(struct guest_window *window, uint32_t address, const struct guest_view *view)
{
    uint64_t *entry = entry_of(window, address, true);

    if (!entry)
        return false;
    if (*entry & USER)
        return true;
    if (*entry & PRESENT)
        window->stale = true;
    if (view->writable || ((uint64_t)view->bytes & (PAGE - 1)))
        return make_own(window, address, entry, view) != NULL;
    *entry = (view->bytes ? guest_physical(view->bytes) : guest.zero_page) | READ_ONLY;
    return true;
}

/* A run of touches that goes upwards gets more pages at once each time. */
static uint32_t
pages_ahead(struct guest_window *window, uint32_t address, const struct guest_view *view,
            uint64_t run)
{
    if (address != window->next_fault)
        window->ahead = 1;
    else if (window->ahead < MAX_AHEAD)
        window->ahead *= 2;
    /* What is only read costs nothing to have, and nothing to clean. */
    if (!view->writable && window->ahead < MAX_AHEAD / 2)
        window->ahead = MAX_AHEAD / 2;
    return run < window->ahead ? (uint32_t)run : window->ahead;
}

enum guest_touch
guest_window_touch(struct guest_context *context, struct guest_window *window, uint64_t address,
                   bool store)
{
    uint32_t page = (uint32_t)address & ~(PAGE - 1), n;
    struct guest_view view;
    uint64_t run;

    if (address >= END)
        return GUEST_TOUCH_DENIED;
    view_given(window, page, &view, &run);
    if (!view.mapped || (store && !view.writable))
        return GUEST_TOUCH_DENIED;
    /* The page is there and the CPU does not know: reload what it knows. */
    if (window->last_fault == page && ++window->same_fault > 2)
        nub_guest_set_root(window->root);
    if (window->last_fault != page)
        window->same_fault = 0;
    window->last_fault = page;
    n = pages_ahead(window, page, &view, run);
    guest.stats.faults++;
    for (uint32_t i = 0; i < n; i++) {
        bool first = i == 0;
        if (!first)
            view_given(window, page + i * PAGE, &view, &run);
        while (!map_page(window, page + i * PAGE, &view)) {
            if (!first)
                return GUEST_TOUCH_AGAIN;
            if (!guest_window_reclaim(context))
                return GUEST_TOUCH_NO_MEMORY;
        }
        window->next_fault = page + (i + 1) * PAGE;
    }
    return GUEST_TOUCH_AGAIN;
}

void
guest_window_clean(struct guest_window *window)
{
    struct guest_view view;
    uint64_t run;

    for (uint32_t i = 0; i < window->n_own; i++) {
        const uint64_t *entry = entry_of(window, window->own[i], false);
        if (window->as_planned && (*entry & WRITABLE))
            continue;
        view_given(window, window->own[i], &view, &run);
        fill(guest_at(*entry & ADDRESS), view.bytes);
    }
    window->as_planned = true;
}

/* ---- what the host maps -------------------------------------------------------------------- */

/* The i-th page of its own is no longer mapped. */
static void
take_away(struct guest_window *window, uint32_t i)
{
    uint64_t *entry = entry_of(window, window->own[i], false);

    heap_pages_free(&guest.heap, guest_at(*entry & ADDRESS), 1);
    *entry = guest.zero_page | TAKEN_AWAY;
    window->own[i] = window->own[--window->n_own];
    window->stale = true;
}

/* Takes away the pages of a range that are mapped straight: of one that can only be read, those
 * that nobody has written. */
static void
take_range_away(struct guest_window *window, const struct guest_range *range)
{
    for (uint64_t at = range->start; at < range->start + range->size;) {
        uint64_t *entry = entry_of(window, at, false);

        if (!entry) { /* nor is there a table for the pages after it */
            at = (at | (512 * PAGE - 1)) + 1;
            continue;
        }
        if (*entry & USER) {
            *entry = guest.zero_page | TAKEN_AWAY;
            window->stale = true;
        }
        at += PAGE;
    }
}

/* Takes away what the session before had mapped and this one has not. */
static void
drop_released(struct guest_window *window)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < window->n_own;) {
        const struct guest_range *range = any_range_at(window, window->own[i]);

        if (!range || !range->released) {
            i++;
            continue;
        }
        take_away(window, i);
    }
    for (uint32_t i = 0; i < window->n_ranges; i++) {
        if (!window->ranges[i].released)
            window->ranges[kept++] = window->ranges[i];
        else
            take_range_away(window, &window->ranges[i]);
    }
    window->n_ranges = kept;
    window->n_released = 0;
}

/* The same range mapped again, as a call with input of the same length does each time. */
static bool
map_again(struct guest_window *window, uint64_t start, uint64_t size, uint32_t access)
{
    struct guest_range *range = any_range_at(window, start);

    if (!range || !range->released || range->start != start || range->size != size ||
        range->access != access)
        return false;
    range->released = false;
    window->n_released--;
    return true;
}

bool
guest_window_map(struct guest_window *window, uint64_t start, uint64_t size, uint32_t access)
{
    uint32_t at = 0;

    if (map_again(window, start, size, access))
        return true;
    if (window->n_released > 0)
        drop_released(window);
    if (window->n_ranges == window->ranges_capacity) {
        uint32_t capacity = window->ranges_capacity ? window->ranges_capacity * 2 : 4;
        struct guest_range *ranges = guest.alloc.realloc(guest.alloc.ctx, window->ranges,
                                                         window->ranges_capacity * sizeof *ranges,
                                                         capacity * sizeof *ranges);
        if (!ranges)
            return false;
        window->ranges = ranges;
        window->ranges_capacity = capacity;
    }
    while (at < window->n_ranges && window->ranges[at].start < start)
        at++;
    memmove(&window->ranges[at + 1], &window->ranges[at],
            (window->n_ranges - at) * sizeof window->ranges[0]);
    window->ranges[at] = (struct guest_range){ start, size, access, false };
    window->n_ranges++;
    return true;
}

void
guest_window_release(struct guest_window *window)
{
    for (uint32_t i = 0; i < window->n_ranges; i++)
        window->ranges[i].released = true;
    window->n_released = window->n_ranges;
}

uint64_t
guest_window_own_at(const struct guest_window *window, uint32_t i, bool *writable)
{
    const uint64_t *entry = entry_of(window, window->own[i], false);

    *writable = *entry & WRITABLE;
    return *entry & ADDRESS;
}

/* ---- windows ----------------------------------------------------------------------------- */

struct guest_window *
guest_window_new(struct guest_context *context, const struct nub_memplan *plan)
{
    struct guest_window *window = nub_alloc(&guest.alloc, sizeof *window);

    if (!window)
        return NULL;
    *window = (struct guest_window){
        .lane = context->lane, .plan = plan, .ahead = 1, .next_fault = 1, .last_fault = END
    };
    while (!(window->root = table_new())) {
        if (guest_window_reclaim(context))
            continue;
        nub_free(&guest.alloc, window, sizeof *window);
        return NULL;
    }
    ((uint64_t *)guest_at(window->root))[1] = guest_boot()->kernel_entry;
    guest.stats.windows++;
    return window;
}

void
guest_window_destroy(struct guest_context *context, struct guest_window *window)
{
    if (context->root == window->root) {
        context->root = guest_boot()->root;
        nub_guest_set_root(context->root);
    }
    if (context->dirty == window)
        context->dirty = NULL;
    for (uint32_t i = 0; i < window->n_own; i++) {
        const uint64_t *entry = entry_of(window, window->own[i], false);
        heap_pages_free(&guest.heap, guest_at(*entry & ADDRESS), 1);
    }
    tables_free(window->root, 4);
    nub_free(&guest.alloc, window->own, window->own_capacity * sizeof *window->own);
    nub_free(&guest.alloc, window->ranges, window->ranges_capacity * sizeof *window->ranges);
    nub_free(&guest.alloc, window, sizeof *window);
    guest.stats.windows--;
}

void
guest_window_enter(struct guest_context *context, struct guest_window *window)
{
    window->as_planned = false;
    if (window->n_released > 0)
        drop_released(window);
    if (context->root == window->root && !window->stale)
        return;
    context->root = window->root;
    window->stale = false;
    guest.stats.switches++;
    nub_guest_set_root(window->root);
}

/* ---- from one plan to another -------------------------------------------------------------- */

void
guest_window_refit(struct guest_window *window, const struct nub_memplan *plan)
{
    struct guest_window before = { .plan = window->plan };
    struct guest_view old, now;
    uint64_t run;

    if (window->n_released > 0)
        drop_released(window);
    window->plan = plan;
    for (uint32_t i = 0; i < window->n_own;) {
        view_given(&before, window->own[i], &old, &run);
        view_given(window, window->own[i], &now, &run);
        if (!now.mapped) {
            take_away(window, i);
            continue;
        }
        if (now.bytes != old.bytes)
            fill(guest_at(*entry_of(window, window->own[i], false) & ADDRESS), now.bytes);
        i++;
    }
}

/* Host ranges that have become overlays are the plan's from now on. */
static void
forget_ranges(struct guest_window *window)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < window->n_ranges; i++) {
        if (!nub_memplan_find(window->plan, window->ranges[i].start))
            window->ranges[kept++] = window->ranges[i];
    }
    window->n_ranges = kept;
}

/* Gives up pages that hold what the plan gives, once there are many more than runs add. */
static void
shrink(struct guest_window *window)
{
    if (window->n_own > window->n_before + window->widest)
        window->widest = window->n_own - window->n_before;
    if (window->n_own > OWN_ALWAYS && window->n_own > OWN_A_WIDTH * window->widest) {
        for (uint32_t i = window->n_own; i-- > 0;) {
            if (*entry_of(window, window->own[i], false) & WRITABLE)
                take_away(window, i);
        }
    }
    window->n_before = window->n_own;
}

void
guest_window_follow(struct guest_window *window, const struct nub_memplan *successor)
{
    window->plan = successor;
    window->as_planned = true;
    forget_ranges(window);
    shrink(window);
}
