/* commit.c - the successor of a run, put into the book (caps.md 4.2, 4.3)
 *
 * The guest says which pages are the machine's own; their bytes are copied out and then looked at.
 * What becomes an overlay, and the hash, is core/model's (successor.h), so a guest can lie about
 * what its memory holds but not about what that is called. Told the name and which pages changed,
 * it makes the same of what it holds. */
#include "kvm-private.h"
#include "judge.h"
#include "successor.h"
#include <stdlib.h>
#include <string.h>

struct gathering {
    struct nub_page_copy *copies;
    uint32_t n_copies;
    struct nub_run_page *pages; /* what the successor is made of */
    uint64_t n;
    struct nub_memplan given; /* what image and mem_size give */
    struct nub_guest_change *changes;
    uint32_t n_changes, change_capacity;
    bool incomplete; /* no memory for a change: the guest is not told */
};

static bool
has_read_only(const struct nub_machine *machine)
{
    for (uint32_t i = 0; i < machine->n_mapped; i++) {
        if (machine->mapped[i].access == NUB_ACCESS_READ_ONLY)
            return true;
    }
    return false;
}

static const uint8_t *
copy_of(const struct gathering *g, uint32_t address)
{
    uint32_t low = 0, high = g->n_copies;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (g->copies[mid].address == address)
            return g->copies[mid].bytes;
        if (g->copies[mid].address < address)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static int
compare_pages(const void *left, const void *right)
{
    const struct nub_run_page *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

/* The machine's own pages that the host did not map, then all that it mapped read-write. */
static enum nub_status
gather(struct gathering *g, struct nub_machine *machine, struct nub_failure *failure)
{
    enum nub_status status = nub_machine_pages(machine, &g->copies, &g->n_copies, failure);
    uint64_t most = g->n_copies;

    if (status)
        return status;
    for (uint32_t i = 0; i < machine->n_mapped; i++)
        most += machine->mapped[i].size / NUB_PAGE_SIZE;
    g->pages = malloc((most + 1) * sizeof *g->pages);
    if (!g->pages)
        return nub_kvm_no_memory(failure);
    for (uint32_t i = 0; i < g->n_copies; i++) {
        if (!nub_machine_mapped_at(machine, g->copies[i].address))
            g->pages[g->n++] = (struct nub_run_page){ g->copies[i].address, g->copies[i].bytes };
    }
    for (uint32_t i = 0; i < machine->n_mapped; i++) {
        const struct nub_mapped *mapped = &machine->mapped[i];
        if (mapped->access != NUB_ACCESS_READ_WRITE)
            continue;
        for (uint64_t at = mapped->start; at < mapped->start + mapped->size; at += NUB_PAGE_SIZE)
            g->pages[g->n++] = (struct nub_run_page){ (uint32_t)at, copy_of(g, (uint32_t)at) };
    }
    qsort(g->pages, g->n, sizeof *g->pages, compare_pages);
    return NUB_OK;
}

static enum nub_given
given(void *ctx, uint32_t address, const uint8_t **bytes)
{
    const struct gathering *g = ctx;
    const struct nub_region *region = nub_memplan_find(&g->given, address);
    uint64_t offset;

    if (!region)
        return NUB_GIVEN_NOTHING;
    offset = address - region->start;
    *bytes = offset < region->content.size ? region->content.data + offset : NULL;
    return region->access == NUB_ACCESS_READ_WRITE ? NUB_GIVEN_READ_WRITE : NUB_GIVEN_READ_ONLY;
}

/* Notes what the guest needs to know to make the successor, too. */
static void
changed(void *ctx, uint32_t address, bool dropped)
{
    struct gathering *g = ctx;
    uint32_t capacity = g->change_capacity ? g->change_capacity * 2 : 16;

    if (g->n_changes == g->change_capacity) {
        struct nub_guest_change *changes = realloc(g->changes, capacity * sizeof *changes);
        if (!changes) {
            g->incomplete = true;
            return;
        }
        g->changes = changes;
        g->change_capacity = capacity;
    }
    g->changes[g->n_changes++] = (struct nub_guest_change){ address, dropped };
}

static enum nub_status
prepare(struct gathering *g, struct nub_machine *machine, struct nub_dir_entry **prepared,
        struct nub_failure *failure)
{
    struct nub_successor successor = { .base = machine->entry,
                                       .written = g->pages,
                                       .n_written = (uint32_t)g->n,
                                       .given = given,
                                       .given_ctx = g,
                                       .phase = machine->reason != NUB_EXIT_HALT,
                                       .pc = machine->pc,
                                       .gas_remaining = machine->gas,
                                       .changed = changed,
                                       .changed_ctx = g };

    memcpy(successor.regs, machine->regs, sizeof successor.regs);
    return nub_successor_prepare(prepared, machine->kvm->book, &successor, failure);
}

/* Puts the successor and moves the head, or changes nothing. Uses `prepared` up; the entry is
 * pinned. */
static enum nub_status
put(const struct nub_commit *commit, struct nub_dir_entry *prepared, struct nub_dir_entry **entry,
    struct nub_failure *failure)
{
    struct nub_kvm *kvm = commit->machine->kvm;
    struct nub_hash hash = prepared->hash;
    NUB_LOCKED(&kvm->book_lock);
    enum nub_status status;

    if (commit->expected_head &&
        memcmp(nub_dir_head(kvm->book), commit->expected_head, sizeof hash) != 0) {
        nub_dir_discard(kvm->book, prepared);
        return nub_fail_hash(failure, NUB_ERR_CONFLICT, nub_dir_head(kvm->book),
                             "head %h: not the expected one", nub_dir_head(kvm->book));
    }
    status = nub_dir_put_successor(kvm->book, prepared, failure);
    if (!status && commit->advance) {
        status = nub_dir_set_head(kvm->book, &hash, failure);
        if (status)
            nub_dir_drop(kvm->book, &hash, NULL);
    }
    if (!status) {
        *entry = nub_dir_find(kvm->book, &hash);
        nub_dir_pin(kvm->book, *entry);
    }
    return status;
}

static void
derive(const struct nub_commit *commit, const struct gathering *g, struct nub_dir_entry *entry)
{
    const struct nub_derivation derivation = { .successor = entry,
                                               .changes = g->changes,
                                               .n_changes = g->n_changes,
                                               .last = !commit->session };

    if (g->incomplete)
        nub_book_unpin(commit->machine->kvm, entry);
    else
        nub_residence_derive(commit->machine, &derivation);
}

enum nub_status
nub_commit(const struct nub_commit *commit, struct nub_hash *successor, struct nub_failure *failure)
{
    struct nub_machine *machine = commit->machine;
    const struct nub_hash *instance = &machine->instance;
    struct nub_dir_entry *prepared, *entry = NULL;
    struct gathering g = { 0 };
    enum nub_status status;

    memset(successor, 0, sizeof *successor);
    if (!nub_exit_has_successor(commit->machine->reason, commit->session))
        return NUB_OK;
    if (machine->reason != NUB_EXIT_HALT && has_read_only(machine))
        return nub_fail_hash(
            failure, NUB_ERR_NOT_SUPPORTED, instance,
            "instance %h: cannot be paused while a read-only page of the host is mapped", instance);
    status = gather(&g, machine, failure);
    if (!status)
        status = nub_machine_plan(machine, false, &g.given, failure);
    if (!status)
        status = prepare(&g, machine, &prepared, failure);
    if (!status)
        status = put(commit, prepared, &entry, failure);
    if (!status) {
        *successor = entry->hash;
        nub_count(&machine->kvm->commits, 1);
        derive(commit, &g, entry);
    }
    nub_memplan_clear(&g.given, &machine->kvm->alloc);
    free(g.changes);
    free(g.pages);
    free(g.copies);
    return status;
}
