/* commit.c - the successor of a run, put into the directory (caps.md 4.2, 4.3)
 *
 * Says which pages may differ: those that this run wrote and those that the host mapped. Which of
 * them become overlays, and the hash, is core/model's (successor.h). So the cost follows what was
 * touched, not the size of memory. Nothing is changed before the directory takes the successor,
 * and that is the last step.
 */
#include "commit.h"
#include "successor.h"
#include <stdlib.h>
#include <string.h>

struct gathering {
    struct nub_local *local;
    struct nub_memory *memory;
    const struct nub_memplan *given; /* what image and mem_size give */
    struct nub_run_page *pages;
    uint64_t n, capacity;
};

static bool
add(struct gathering *g, uint32_t page, const uint8_t *bytes)
{
    if (g->n == g->capacity) {
        uint64_t capacity = g->capacity ? g->capacity * 2 : 64;
        const struct nub_alloc *alloc = &g->local->alloc;
        struct nub_run_page *pages = alloc->realloc(
            alloc->ctx, g->pages, g->capacity * sizeof *pages, capacity * sizeof *pages);
        if (!pages)
            return false;
        g->pages = pages;
        g->capacity = capacity;
    }
    g->pages[g->n++] = (struct nub_run_page){ .address = page << NUB_PAGE_SHIFT, .bytes = bytes };
    return true;
}

/* A page that was written: of the plan's only, and only where the program may write. */
static bool
add_private(void *ctx, uint32_t page, const uint8_t *bytes)
{
    struct gathering *g = ctx;
    const struct nub_region *region =
        nub_memplan_find(g->memory->plan, (uint64_t)page << NUB_PAGE_SHIFT);

    if (!region || region->access != NUB_ACCESS_READ_WRITE)
        return true;
    return add(g, page, bytes);
}

/* All pages that the host mapped for writing, written or not. */
static bool
add_host(struct gathering *g)
{
    const struct nub_memory *memory = g->memory;

    for (uint32_t i = 0; i < memory->n_host; i++) {
        const struct nub_host_range *range = &memory->host[i];
        for (uint32_t k = 0; range->access == NUB_PAGE_RW && k < range->n_pages; k++) {
            const uint8_t *bytes = nub_memory_peek(memory, range->page + k);
            if (!add(g, range->page + k, bytes))
                return false;
        }
    }
    return true;
}

static int
compare_pages(const void *left, const void *right)
{
    const struct nub_run_page *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

static enum nub_status
gather(struct gathering *g, struct nub_failure *failure)
{
    if (!nub_memory_each_private(g->memory, add_private, g) || !add_host(g))
        return nub_local_no_memory(failure);
    if (g->n > 0)
        qsort(g->pages, g->n, sizeof *g->pages, compare_pages);
    return NUB_OK;
}

static enum nub_given
given(void *ctx, uint32_t address, const uint8_t **bytes)
{
    const struct gathering *g = ctx;
    const struct nub_region *region = nub_memplan_find(g->given, address);

    if (!region)
        return NUB_GIVEN_NOTHING;
    *bytes = nub_plan_bytes(g->given, address >> NUB_PAGE_SHIFT);
    return region->access == NUB_ACCESS_READ_WRITE ? NUB_GIVEN_READ_WRITE : NUB_GIVEN_READ_ONLY;
}

static enum nub_status
prepare(struct gathering *g, const struct nub_commit *commit, struct nub_dir_entry **prepared,
        struct nub_failure *failure)
{
    const struct nub_machine *machine = commit->machine;
    struct nub_successor successor = {
        .base = commit->held->entry,
        .written = g->pages,
        .n_written = (uint32_t)g->n,
        .given = given,
        .given_ctx = g,
        .phase = machine->reason != NUB_EXIT_HALT,
        .pc = machine->pc,
        .gas_remaining = machine->gas,
    };

    memcpy(successor.regs, machine->regs, sizeof successor.regs);
    return nub_successor_prepare(prepared, g->local->dir, &successor, failure);
}

static enum nub_status
judge_head_inlock(struct nub_local *local, const struct nub_hash *expected,
                  struct nub_failure *failure)
{
    const struct nub_hash *head = nub_dir_head(local->dir);

    if (!expected || nub_hash_equal(head, expected))
        return NUB_OK;
    return nub_fail_hash(failure, NUB_ERR_CONFLICT, head, "head %h: not the expected one", head);
}

/* Puts the successor and moves the head, or changes nothing. Uses `prepared` up. */
static enum nub_status
put_inlock(struct nub_local *local, const struct nub_commit *commit, struct nub_dir_entry *prepared,
           struct nub_hash *successor, struct nub_failure *failure)
{
    enum nub_status status = judge_head_inlock(local, commit->expected_head, failure);

    if (status != NUB_OK) {
        nub_dir_discard(local->dir, prepared);
        return status;
    }
    struct nub_hash hash = prepared->hash;
    status = nub_dir_put_successor(local->dir, prepared, failure);
    if (status == NUB_OK && commit->advance) {
        status = nub_dir_set_head(local->dir, &hash, failure);
        if (status != NUB_OK)
            nub_dir_drop(local->dir, &hash, NULL);
    }
    if (status == NUB_OK)
        *successor = hash;
    return status;
}

/* A call is over: its window goes on as the successor's, whose memory it holds. */
static void
pass_window_on_inlock(struct nub_local *local, struct nub_memory *memory,
                      const struct nub_hash *successor)
{
    const struct nub_memplan *plan =
        memory->window ? nub_resolve_plan_inlock(local, nub_dir_find(local->dir, successor)) : NULL;

    if (plan && plan != memory->plan)
        nub_window_pass_on(memory, plan);
}

/* ---- what calls and sessions use ------------------------------------------------------------- */

enum nub_status
nub_judge_head(struct nub_local *local, const struct nub_hash *expected,
               struct nub_failure *failure)
{
    pthread_mutex_lock(&local->lock);
    enum nub_status status = judge_head_inlock(local, expected, failure);
    pthread_mutex_unlock(&local->lock);
    return status;
}

enum nub_status
nub_commit(const struct nub_commit *commit, struct nub_hash *successor, struct nub_failure *failure)
{
    struct nub_memory *memory = commit->machine->memory;
    struct nub_local *local = memory->local;
    const struct nub_hash *instance = &commit->held->entry->hash;
    const struct nub_held *held = commit->held;
    struct gathering g = { .local = local,
                           .memory = memory,
                           .given =
                               nub_resolved_given(held->resolved, &held->entry->cap.u.instance) };
    struct nub_dir_entry *prepared = NULL;

    memset(successor, 0, sizeof *successor);
    if (!nub_exit_has_successor(commit->machine->reason, commit->session))
        return NUB_OK;
    if (commit->machine->reason != NUB_EXIT_HALT && nub_memory_has_host_read_only(memory))
        return nub_fail_hash(failure, NUB_ERR_NOT_SUPPORTED, instance,
                             "instance %h: cannot be paused while a read-only page of the host "
                             "is mapped",
                             instance);
    enum nub_status status = gather(&g, failure);
    if (status == NUB_OK)
        status = prepare(&g, commit, &prepared, failure);
    if (status == NUB_OK) {
        pthread_mutex_lock(&local->lock);
        status = put_inlock(local, commit, prepared, successor, failure);
        if (status == NUB_OK && !commit->session)
            pass_window_on_inlock(local, memory, successor);
        pthread_mutex_unlock(&local->lock);
    }
    if (status == NUB_OK)
        __atomic_add_fetch(&local->stats.commits, 1, __ATOMIC_RELAXED);
    nub_free(&local->alloc, g.pages, g.capacity * sizeof *g.pages);
    return status;
}
