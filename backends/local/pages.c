/* pages.c - an address space as a page table in software
 *
 * Pages enter the table when they are first touched: a run costs what it touches. A page that
 * nobody wrote is the plan's own bytes; the first write makes a private copy. Whether a page may
 * be touched is judged in memory.c, never here.
 */
#include "local-private.h"
#include <string.h>

struct nub_page_entry nub_empty_table[NUB_TABLE_PAGES];
_Alignas(64) const uint8_t nub_zero_page[NUB_PAGE_SIZE];

bool
nub_pages_ready(struct nub_memory *memory)
{
    if (memory->pages)
        return true;
    struct nub_pages *pages = nub_alloc(&memory->local->alloc, sizeof *pages);
    if (!pages)
        return false;
    for (uint32_t i = 0; i < NUB_N_TABLES; i++)
        pages->tables[i] = nub_empty_table;
    pages->own = NULL;
    pages->n_own = pages->own_capacity = 0;
    memory->pages = pages;
    return true;
}

void
nub_pages_drop(struct nub_memory *memory)
{
    const struct nub_alloc *alloc = &memory->local->alloc;
    struct nub_pages *pages = memory->pages;

    if (!pages)
        return;
    for (uint32_t i = 0; i < pages->n_own; i++)
        nub_free(alloc, pages->own[i].bytes, NUB_PAGE_SIZE);
    nub_free(alloc, pages->own, pages->own_capacity * sizeof *pages->own);
    pages->own = NULL;
    pages->n_own = pages->own_capacity = 0;
    for (uint32_t i = 0; i < NUB_N_TABLES; i++) {
        if (pages->tables[i] == nub_empty_table)
            continue;
        nub_free(alloc, pages->tables[i], sizeof nub_empty_table);
        pages->tables[i] = nub_empty_table;
    }
}

void
nub_pages_free(struct nub_memory *memory)
{
    nub_pages_drop(memory);
    nub_free(&memory->local->alloc, memory->pages, sizeof *memory->pages);
    memory->pages = NULL;
}

const uint8_t *
nub_plan_bytes(const struct nub_memplan *plan, uint32_t page)
{
    uint64_t address = (uint64_t)page << NUB_PAGE_SHIFT;
    const struct nub_region *region = nub_memplan_find(plan, address);

    if (!region || address - region->start >= region->content.size)
        return NULL;
    return region->content.data + (address - region->start);
}

/* the entry of a page, in a table of this address space's own */
static struct nub_page_entry *
entry_of(struct nub_memory *memory, uint32_t page)
{
    struct nub_page_entry **table = &memory->pages->tables[page >> NUB_TABLE_SHIFT];

    if (*table == nub_empty_table) {
        struct nub_page_entry *fresh = nub_alloc(&memory->local->alloc, sizeof nub_empty_table);
        if (!fresh)
            return NULL;
        memset(fresh, 0, sizeof nub_empty_table);
        *table = fresh;
    }
    return &(*table)[page & (NUB_TABLE_PAGES - 1)];
}

const uint8_t *
nub_pages_get(struct nub_memory *memory, uint32_t page)
{
    struct nub_page_entry *entry = entry_of(memory, page);

    if (entry && !entry->rd) {
        entry->rd = nub_plan_bytes(memory->plan, page);
        if (!entry->rd)
            entry->rd = nub_zero_page;
    }
    return entry ? entry->rd : NULL;
}

static bool
remember_own(struct nub_memory *memory, uint32_t page, uint8_t *bytes)
{
    struct nub_pages *pages = memory->pages;

    if (pages->n_own == pages->own_capacity) {
        uint32_t capacity = pages->own_capacity ? pages->own_capacity * 2 : 8;
        const struct nub_alloc *alloc = &memory->local->alloc;
        struct nub_own_page *own = alloc->realloc(
            alloc->ctx, pages->own, pages->own_capacity * sizeof *own, capacity * sizeof *own);
        if (!own)
            return false;
        pages->own = own;
        pages->own_capacity = capacity;
    }
    pages->own[pages->n_own++] = (struct nub_own_page){ .bytes = bytes, .page = page };
    return true;
}

uint8_t *
nub_pages_own(struct nub_memory *memory, uint32_t page)
{
    const uint8_t *old = nub_pages_get(memory, page);
    if (!old)
        return NULL;
    struct nub_page_entry *entry = entry_of(memory, page);
    if (entry->wr)
        return entry->wr;

    /* a read-only page that the host wrote to before is private without being writable */
    const uint8_t *given = nub_plan_bytes(memory->plan, page);
    if (old != (given ? given : nub_zero_page))
        return (uint8_t *)(uintptr_t)old;
    uint8_t *own = nub_alloc(&memory->local->alloc, NUB_PAGE_SIZE);
    if (!own)
        return NULL;
    if (!remember_own(memory, page, own)) {
        nub_free(&memory->local->alloc, own, NUB_PAGE_SIZE);
        return NULL;
    }
    memcpy(own, old, NUB_PAGE_SIZE);
    entry->rd = own;
    entry->wr = nub_memory_access(memory, page) == NUB_PAGE_RW ? own : NULL;
    return own;
}
