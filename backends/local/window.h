/* window.h - 4 GiB of address space in which a program's pages lie where it sees them
 *
 * Windows are pooled. A window that comes back holds what its plan gives and nothing else, so
 * that the next call of the same instance maps nothing; any other gets it empty. Every store
 * marks its page in `written`: what must be restored, parked or committed is known without asking
 * the system. A store that straddles two pages marks the first one only, so a page counts as
 * written also when the one below it is.
 */
#ifndef NUB_LOCAL_WINDOW_H
#define NUB_LOCAL_WINDOW_H

#include "memory.h"
#include <pthread.h>

/** What a runner that does not mark stores has found out about a window. Zero: nothing. */
#define NUB_NOTED_PAGES 60u
struct nub_window_notes {
    uint64_t thread, faults; /* who looked last, and what its count of page faults was then */
    const struct nub_memplan *plan;
    uint32_t n;
    uint32_t pages[NUB_NOTED_PAGES]; /* private to the process */
};

struct nub_window {
    uint8_t *base;    /* 4 GiB and one page that is never mapped */
    uint8_t *written; /* a byte for each page, right below base, and one before the first */
    const struct nub_memplan *plan; /* (lock; its owner's while it has one) loaded; NULL: nothing is */
    struct nub_memory *owner;       /* (lock) NULL: free */
    bool busy;                      /* (lock) the owner runs */
    bool unusual;                   /* (as plan) holds what the plan does not give: empty it, do not restore it */
    uint64_t last_used;             /* (lock) */
    struct nub_window_notes notes;  /* (as plan) the runner's */
};

struct nub_windows {
    pthread_mutex_t lock;
    struct nub_window **all; /* (lock) */
    uint32_t n, capacity;    /* (lock) */
    uint32_t keep;           /* more than these exist only while they run */
    uint64_t clock;          /* (lock) */
    struct nub_window none;  /* in which every access faults: for runs that touch no memory */
};

/** With `guard` false no window will ever be asked for. SYSTEM, NO_MEMORY, UNAVAILABLE. */
enum nub_status nub_windows_init(struct nub_windows *windows, bool guard, uint32_t keep, struct nub_failure *failure);
void nub_windows_clear(struct nub_local *local);
/** A plan goes away: no window may hold it. */
void nub_windows_forget(struct nub_local *local, const struct nub_memplan *plan);

/** The owner runs or is looked into: its window, if it has one, stays. */
void nub_window_enter(struct nub_memory *memory);
void nub_window_leave(struct nub_memory *memory);
/** Takes a window for an entered memory and moves its private pages there. False: there is none to be had; use pages. */
bool nub_window_take(struct nub_memory *memory);
/** Gives the window back, if there is one, with nothing of the owner's in it. */
void nub_window_give(struct nub_memory *memory);
/**
 * Gives it back as one of the plan of what the memory has become, if it is all that plan gives: the next call
 * goes on there. The caller keeps that plan from going. Else it stays.
 */
void nub_window_pass_on(struct nub_memory *memory, const struct nub_memplan *successor);

/** Maps zeroed pages. False: the system refused. */
bool nub_window_map(struct nub_window *window, const struct nub_host_range *range);
/** Bytes of a mapped page that the host will write, then nub_window_seal(). NULL: the system refused. */
uint8_t *nub_window_page_to_write(struct nub_memory *memory, uint32_t page);
/** A page that the program may only read is read-only again. False: the system refused. */
bool nub_window_seal(struct nub_memory *memory, uint32_t page);
/** The pages that may have been written, in two ascending runs: the plan's, the host's. */
bool nub_window_each_private(struct nub_memory *memory, nub_page_fn each, void *ctx);

static inline const uint8_t *
nub_window_page(const struct nub_window *window, uint32_t page)
{
    return window->base + ((uint64_t)page << NUB_PAGE_SHIFT);
}

/** Whether a page may have been written since the window was loaded. */
static inline bool
nub_window_written(const struct nub_window *window, uint32_t page)
{
    return window->written[page] | window->written[(int64_t)page - 1];
}

#endif
