/* memory.c - what is mapped in an address space, and every access that is not the fast one
 *
 * The judge of access states: the plan first, then the pages that the host added. Says which page
 * a fault reports (pvm.md 6.2). Touches bytes only through pages.c or the window, and checks a
 * whole range before it touches the first byte.
 */
#include "local-private.h"
#include <string.h>

void
nub_memory_init(struct nub_memory *memory, struct nub_local *local, const struct nub_memplan *plan)
{
    *memory = (struct nub_memory){ .local = local,
                                   .plan = plan,
                                   .guard = local->options.guard,
                                   .eager = local->options.short_run == 0 };
}

void
nub_memory_clear(struct nub_memory *memory)
{
    nub_window_give(memory);
    if (memory->pages)
        nub_pages_free(memory);
    nub_free(&memory->local->alloc, memory->host, memory->host_capacity * sizeof *memory->host);
    memory->host = NULL;
    memory->n_host = memory->host_capacity = 0;
}

/* the first host range that ends after `page`; n_host if there is none */
static uint32_t
host_after(const struct nub_memory *memory, uint32_t page)
{
    uint32_t low = 0, high = memory->n_host;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct nub_host_range *range = &memory->host[middle];
        if (range->page + range->n_pages <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum nub_page_access
nub_memory_access(const struct nub_memory *memory, uint32_t page)
{
    const struct nub_region *region =
        nub_memplan_find(memory->plan, (uint64_t)page << NUB_PAGE_SHIFT);

    if (region)
        return region->access == NUB_ACCESS_READ_WRITE ? NUB_PAGE_RW : NUB_PAGE_RO;
    uint32_t i = host_after(memory, page);
    if (i < memory->n_host && memory->host[i].page <= page)
        return memory->host[i].access;
    return NUB_PAGE_NONE;
}

/* The access that holds for `page` and the pages after it up to `*end` (exclusive). */
static enum nub_page_access
access_run(const struct nub_memory *memory, uint32_t page, uint32_t *end)
{
    uint64_t address = (uint64_t)page << NUB_PAGE_SHIFT;
    const struct nub_region *region = nub_memplan_find(memory->plan, address);

    if (region) {
        *end = (uint32_t)((region->start + region->size) >> NUB_PAGE_SHIFT);
        return region->access == NUB_ACCESS_READ_WRITE ? NUB_PAGE_RW : NUB_PAGE_RO;
    }
    uint32_t i = host_after(memory, page);
    if (i < memory->n_host && memory->host[i].page <= page) {
        *end = memory->host[i].page + memory->host[i].n_pages;
        return memory->host[i].access;
    }
    *end = page + 1;
    return NUB_PAGE_NONE;
}

bool
nub_memory_range_allows(const struct nub_memory *memory, uint64_t address, uint64_t size,
                        enum nub_page_access access, uint64_t *failing)
{
    if (size == 0)
        return true;
    uint32_t page = (uint32_t)(address >> NUB_PAGE_SHIFT);
    uint32_t last = (uint32_t)((address + size - 1) >> NUB_PAGE_SHIFT);

    while (page <= last) {
        uint32_t end;
        if (access_run(memory, page, &end) < access) {
            *failing = (uint64_t)page << NUB_PAGE_SHIFT;
            return false;
        }
        page = end;
    }
    return true;
}

bool
nub_memory_allows(const struct nub_memory *memory, uint32_t ea, unsigned size, bool store)
{
    uint64_t failing;

    return (uint64_t)ea + size <= NUB_MEMORY_END &&
           nub_memory_range_allows(memory, ea, size, store ? NUB_PAGE_RW : NUB_PAGE_RO, &failing);
}

uint32_t
nub_memory_fault(const struct nub_memory *memory, uint32_t ea, unsigned size, bool store)
{
    uint64_t failing = NUB_MEMORY_END - NUB_PAGE_SIZE;

    if ((uint64_t)ea + size <= NUB_MEMORY_END)
        nub_memory_range_allows(memory, ea, size, store ? NUB_PAGE_RW : NUB_PAGE_RO, &failing);
    return (uint32_t)failing;
}

/* ---- bytes of mapped pages ------------------------------------------------------------------- */

const uint8_t *
nub_memory_page(struct nub_memory *memory, uint32_t page)
{
    if (memory->window)
        return nub_window_page(memory->window, page);
    return nub_pages_ready(memory) ? nub_pages_get(memory, page) : NULL;
}

const uint8_t *
nub_memory_peek(const struct nub_memory *memory, uint32_t page)
{
    if (memory->window)
        return nub_window_page(memory->window, page);
    return memory->pages ? nub_pages_entry(memory->pages, page)->rd : NULL;
}

/* A page that the host or the program may write. Made private for all pages of a range before the
 * first byte is written, so that running out of memory leaves no half of a write. */
static uint8_t *
page_to_write(struct nub_memory *memory, uint32_t page)
{
    if (memory->window)
        return nub_window_page_to_write(memory, page);
    return nub_pages_ready(memory) ? nub_pages_own(memory, page) : NULL;
}

static size_t
piece_of(uint64_t address, uint64_t left)
{
    uint64_t in_page = NUB_PAGE_SIZE - (address & (NUB_PAGE_SIZE - 1));

    return (size_t)(left < in_page ? left : in_page);
}

static bool
copy_out(struct nub_memory *memory, uint64_t address, uint8_t *data, uint64_t size)
{
    while (size > 0) {
        size_t piece = piece_of(address, size);
        const uint8_t *page = nub_memory_page(memory, (uint32_t)(address >> NUB_PAGE_SHIFT));
        if (!page)
            return false;
        memcpy(data, page + (address & (NUB_PAGE_SIZE - 1)), piece);
        data += piece;
        address += piece;
        size -= piece;
    }
    return true;
}

static bool
copy_in(struct nub_memory *memory, uint64_t address, const uint8_t *data, uint64_t size)
{
    uint64_t first = address >> NUB_PAGE_SHIFT;
    uint64_t end = (address + size + NUB_PAGE_SIZE - 1) >> NUB_PAGE_SHIFT;

    for (uint64_t page = first; page < end; page++) {
        if (!page_to_write(memory, (uint32_t)page))
            return false;
    }
    while (size > 0) {
        size_t piece = piece_of(address, size);
        uint8_t *page = page_to_write(memory, (uint32_t)(address >> NUB_PAGE_SHIFT));
        memcpy(page + (address & (NUB_PAGE_SIZE - 1)), data, piece);
        data += piece;
        address += piece;
        size -= piece;
    }
    bool sealed = true;
    for (uint64_t page = first; memory->window && page < end; page++)
        sealed &= nub_window_seal(memory, (uint32_t)page);
    return sealed;
}

bool
nub_memory_each_private(struct nub_memory *memory, nub_page_fn each, void *ctx)
{
    if (memory->window)
        return nub_window_each_private(memory, each, ctx);
    const struct nub_pages *pages = memory->pages;
    for (uint32_t i = 0; pages && i < pages->n_own; i++) {
        if (!each(ctx, pages->own[i].page, pages->own[i].bytes))
            return false;
    }
    return true;
}

enum nub_touch
nub_memory_load(struct nub_memory *memory, uint32_t ea, unsigned size, uint64_t *value)
{
    uint8_t bytes[8] = { 0 };

    if (!nub_memory_allows(memory, ea, size, false))
        return NUB_TOUCH_FAULT;
    if (!copy_out(memory, ea, bytes, size))
        return NUB_TOUCH_NO_MEMORY;
    *value = nub_le64(bytes);
    return NUB_TOUCH_OK;
}

enum nub_touch
nub_memory_store(struct nub_memory *memory, uint32_t ea, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    if (!nub_memory_allows(memory, ea, size, true))
        return NUB_TOUCH_FAULT;
    nub_put_le64(bytes, value);
    return copy_in(memory, ea, bytes, size) ? NUB_TOUCH_OK : NUB_TOUCH_NO_MEMORY;
}

/* ---- the host -------------------------------------------------------------------------------- */

static enum nub_status
judge_range(const struct nub_memory *memory, uint64_t address, uint64_t size,
            struct nub_failure *failure)
{
    uint64_t failing;

    if (address > NUB_MEMORY_END || size > NUB_MEMORY_END - address)
        return nub_fail_at(failure, NUB_ERR_INVALID_ARGUMENT, address,
                           "memory: %U bytes at %X end beyond 2^32", size, address);
    if (!nub_memory_range_allows(memory, address, size, NUB_PAGE_RO, &failing))
        return nub_fail_at(failure, NUB_ERR_NOT_MAPPED, failing, "memory: page %X is not mapped",
                           failing);
    return NUB_OK;
}

enum nub_status
nub_memory_read(struct nub_memory *memory, uint64_t address, void *data, uint64_t size,
                struct nub_failure *failure)
{
    enum nub_status status = judge_range(memory, address, size, failure);

    if (status == NUB_OK && !copy_out(memory, address, data, size))
        status = nub_local_no_memory(failure);
    return status;
}

enum nub_status
nub_memory_write(struct nub_memory *memory, uint64_t address, const void *data, uint64_t size,
                 struct nub_failure *failure)
{
    enum nub_status status = judge_range(memory, address, size, failure);

    if (status == NUB_OK && size > 0 && !copy_in(memory, address, data, size))
        status = nub_local_no_memory(failure);
    return status;
}

/* the first mapped page of a range, or `end` */
static uint64_t
first_mapped(const struct nub_memory *memory, uint64_t page, uint64_t end)
{
    const struct nub_memplan *plan = memory->plan;
    uint64_t first = end;
    uint32_t low = 0, high = plan->n_regions;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct nub_region *region = &plan->regions[middle];
        if ((region->start + region->size) >> NUB_PAGE_SHIFT <= page)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < plan->n_regions && plan->regions[low].start >> NUB_PAGE_SHIFT < first)
        first = plan->regions[low].start >> NUB_PAGE_SHIFT;
    uint32_t i = host_after(memory, (uint32_t)page);
    if (i < memory->n_host && memory->host[i].page < first)
        first = memory->host[i].page;
    return first < page ? page : first;
}

static enum nub_status
add_host_range(struct nub_memory *memory, struct nub_host_range range, struct nub_failure *failure)
{
    if (memory->n_host == memory->host_capacity) {
        const struct nub_alloc *alloc = &memory->local->alloc;
        uint32_t capacity = memory->host_capacity ? memory->host_capacity * 2 : 4;
        struct nub_host_range *host =
            alloc->realloc(alloc->ctx, memory->host, memory->host_capacity * sizeof *host,
                           capacity * sizeof *host);
        if (!host)
            return nub_local_no_memory(failure);
        memory->host = host;
        memory->host_capacity = capacity;
    }
    if (memory->window && !nub_window_map(memory->window, &range))
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "memory: the system maps no more pages");
    uint32_t at = host_after(memory, range.page);
    memmove(memory->host + at + 1, memory->host + at, (memory->n_host - at) * sizeof range);
    memory->host[at] = range;
    memory->n_host++;
    return NUB_OK;
}

enum nub_status
nub_memory_map(struct nub_memory *memory, uint64_t address, uint64_t size,
               enum nub_page_access access, struct nub_failure *failure)
{
    if (address > NUB_MEMORY_END || size > NUB_MEMORY_END - address)
        return nub_fail_at(failure, NUB_ERR_INVALID_ARGUMENT, address,
                           "map: %U bytes at %X end beyond 2^32", size, address);
    if (size == 0 || (address | size) % NUB_PAGE_SIZE != 0)
        return nub_fail_at(failure, NUB_ERR_INVALID_ARGUMENT, address,
                           "map: %U bytes at %X are no whole pages", size, address);
    uint64_t page = address >> NUB_PAGE_SHIFT, end = page + (size >> NUB_PAGE_SHIFT);
    uint64_t mapped = first_mapped(memory, page, end);
    if (mapped < end)
        return nub_fail_at(failure, NUB_ERR_ALREADY_MAPPED, mapped << NUB_PAGE_SHIFT,
                           "map: page %X is mapped already", mapped << NUB_PAGE_SHIFT);
    struct nub_host_range range = { .page = (uint32_t)page,
                                    .n_pages = (uint32_t)(end - page),
                                    .access = (uint8_t)access };
    return add_host_range(memory, range, failure);
}

enum nub_status
nub_memory_map_input(struct nub_memory *memory, struct nub_slice input, struct nub_failure *failure)
{
    uint64_t pages = (input.size + NUB_PAGE_SIZE - 1) >> NUB_PAGE_SHIFT;
    struct nub_host_range range = { .page = NUB_INPUT_ADDRESS >> NUB_PAGE_SHIFT,
                                    .n_pages = (uint32_t)pages,
                                    .access = NUB_PAGE_RO,
                                    .input = true };

    if (pages == 0)
        return NUB_OK;
    enum nub_status status = add_host_range(memory, range, failure);
    if (status == NUB_OK)
        status = nub_memory_write(memory, NUB_INPUT_ADDRESS, input.data, input.size, failure);
    return status;
}

bool
nub_memory_has_host_read_only(const struct nub_memory *memory)
{
    for (uint32_t i = 0; i < memory->n_host; i++) {
        if (memory->host[i].access == NUB_PAGE_RO)
            return true;
    }
    return false;
}
