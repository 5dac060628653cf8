/* heap.c - the guest's memory: pages, small blocks, and where capabilities lie
 *
 * The first touch of a page costs more than anything else here, so freed runs are used again before
 * fresh ones: they are in lower bins. Sizes come back at free (struct nub_alloc), so a block has
 * no header. Never asks anyone for more memory. */
#include "heap.h"
#include "mem.h"

#define NONE       UINT32_MAX
#define SLAB_PAGES 4u
#define SLAB_BYTES (SLAB_PAGES * HEAP_PAGE)
#define NO_BLOCK   UINT16_MAX
#define BIN_TRIES  64u

enum heap_kind { KIND_OTHER = 0, KIND_FREE = 1, KIND_USED = 2, KIND_SLAB = 3, KIND_SLAB_REST = 4 };

static const uint16_t class_sizes[HEAP_CLASSES] = { 16,  32,  64,  96,   128,  192,
                                                    256, 384, 512, 1024, 1536, 2048 };

static unsigned
log2_floor(uint64_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

static uint32_t
index_of(const struct heap *heap, const void *block)
{
    return (uint32_t)(((uintptr_t)block - (uintptr_t)heap->base) / HEAP_PAGE);
}

static void *
address_of(const struct heap *heap, uint32_t page)
{
    return heap->base + (uint64_t)page * HEAP_PAGE;
}

/* ---- lists ------------------------------------------------------------------------------- */

static void
list_add(struct heap *heap, uint32_t *list, uint32_t page)
{
    heap->pages[page].prev = NONE;
    heap->pages[page].next = *list;
    if (*list != NONE)
        heap->pages[*list].prev = page;
    *list = page;
}

static void
list_remove(struct heap *heap, uint32_t *list, uint32_t page)
{
    struct heap_page *p = &heap->pages[page];

    if (p->prev == NONE)
        *list = p->next;
    else
        heap->pages[p->prev].next = p->next;
    if (p->next != NONE)
        heap->pages[p->next].prev = p->prev;
}

/* ---- runs of pages ----------------------------------------------------------------------- */

static void
add_run(struct heap *heap, uint32_t page, uint32_t count)
{
    heap->pages[page].kind = KIND_FREE;
    heap->pages[page].count = count;
    heap->pages[page + count - 1].kind = KIND_FREE;
    heap->pages[page + count - 1].count = count;
    list_add(heap, &heap->bins[log2_floor(count)], page);
    heap->fragments++;
    heap->free_pages += count;
}

static void
remove_run(struct heap *heap, uint32_t page)
{
    uint32_t count = heap->pages[page].count;

    list_remove(heap, &heap->bins[log2_floor(count)], page);
    heap->pages[page].kind = KIND_OTHER;
    heap->pages[page + count - 1].kind = KIND_OTHER;
    heap->fragments--;
    heap->free_pages -= count;
}

/* A run of at least n pages. The bin of n itself holds shorter ones, too: a bounded look. */
static uint32_t
find_run(const struct heap *heap, uint64_t n)
{
    unsigned bin = log2_floor(n);
    uint32_t page = heap->bins[bin];

    for (unsigned i = 0; page != NONE && i < BIN_TRIES; i++, page = heap->pages[page].next) {
        if (heap->pages[page].count >= n)
            return page;
    }
    for (bin++; bin < HEAP_BINS; bin++) {
        if (heap->bins[bin] != NONE)
            return heap->bins[bin];
    }
    return NONE;
}

static uint32_t
take_run(struct heap *heap, uint64_t n)
{
    uint32_t page = n > 0 && n < heap->n_pages ? find_run(heap, n) : NONE;
    uint32_t count;

    if (page == NONE)
        return NONE;
    count = heap->pages[page].count;
    remove_run(heap, page);
    if (count > n)
        add_run(heap, page + (uint32_t)n, count - (uint32_t)n);
    heap->pages[page].kind = KIND_USED;
    heap->pages[page].count = (uint32_t)n;
    return page;
}

/* Joins what is given back with what is free around it. */
static void
give_run(struct heap *heap, uint32_t page, uint32_t count)
{
    uint32_t after = page + count;

    heap->pages[page].kind = KIND_OTHER;
    if (after < heap->n_pages && heap->pages[after].kind == KIND_FREE) {
        count += heap->pages[after].count;
        remove_run(heap, after);
    }
    if (page > 0 && heap->pages[page - 1].kind == KIND_FREE) {
        uint32_t before = heap->pages[page - 1].count;
        remove_run(heap, page - before);
        page -= before;
        count += before;
    }
    add_run(heap, page, count);
}

void *
heap_pages(struct heap *heap, uint64_t n)
{
    uint32_t page = take_run(heap, n);

    if (page == NONE)
        return NULL;
    heap->allocations++;
    heap->allocated_bytes += n * HEAP_PAGE;
    return address_of(heap, page);
}

void
heap_pages_free(struct heap *heap, void *run, uint64_t n)
{
    heap->allocations--;
    heap->allocated_bytes -= n * HEAP_PAGE;
    give_run(heap, index_of(heap, run), (uint32_t)n);
}

void
heap_pages_trim(struct heap *heap, void *run, uint64_t old_n, uint64_t n)
{
    if (n >= old_n)
        return;
    heap->allocated_bytes -= (old_n - n) * HEAP_PAGE;
    heap->pages[index_of(heap, run)].count = (uint32_t)n;
    give_run(heap, index_of(heap, run) + (uint32_t)n, (uint32_t)(old_n - n));
}

void
heap_init(struct heap *heap, uint8_t *base, uint64_t size)
{
    uint64_t table;

    memset(heap, 0, sizeof *heap);
    heap->base = base;
    heap->n_pages = (uint32_t)(size / HEAP_PAGE);
    heap->pages = (struct heap_page *)base;
    for (unsigned i = 0; i < HEAP_BINS; i++)
        heap->bins[i] = NONE;
    for (unsigned i = 0; i < HEAP_CLASSES; i++)
        heap->slabs[i] = NONE;
    /* Fresh memory is zero, which is KIND_OTHER: nothing to write for pages in the middle. */
    table = (heap->n_pages * sizeof *heap->pages + HEAP_PAGE - 1) / HEAP_PAGE;
    add_run(heap, (uint32_t)table, heap->n_pages - (uint32_t)table);
}

/* ---- small blocks ------------------------------------------------------------------------ */

static unsigned
class_of(size_t size)
{
    unsigned class = 0;

    while (class_sizes[class] < size)
        class ++;
    return class;
}

static uint16_t *
block_at(const struct heap *heap, uint32_t slab, uint16_t at)
{
    return (uint16_t *)((uint8_t *)address_of(heap, slab) + at * 16u);
}

static bool
add_slab(struct heap *heap, unsigned class)
{
    uint32_t slab = take_run(heap, SLAB_PAGES);
    uint32_t blocks = SLAB_BYTES / class_sizes[class];

    if (slab == NONE)
        return false;
    for (uint32_t i = 1; i < SLAB_PAGES; i++) {
        heap->pages[slab + i].kind = KIND_SLAB_REST;
        heap->pages[slab + i].next = slab;
    }
    heap->pages[slab].kind = KIND_SLAB;
    heap->pages[slab].class = (uint8_t) class;
    heap->pages[slab].count = 0;
    heap->pages[slab].free_at = 0;
    for (uint32_t i = 0; i < blocks; i++) {
        uint16_t at = (uint16_t)(i * class_sizes[class] / 16);
        *block_at(heap, slab, at) =
            i + 1 < blocks ? (uint16_t)(at + class_sizes[class] / 16) : NO_BLOCK;
    }
    list_add(heap, &heap->slabs[class], slab);
    heap->free_small += (uint64_t)blocks * class_sizes[class];
    return true;
}

static void *
small_new(struct heap *heap, size_t size)
{
    unsigned class = class_of(size);
    uint32_t slab;
    struct heap_page *page;
    uint16_t *block;

    if (heap->slabs[class] == NONE && !add_slab(heap, class))
        return NULL;
    slab = heap->slabs[class];
    page = &heap->pages[slab];
    block = block_at(heap, slab, page->free_at);
    page->free_at = *block;
    page->count++;
    if (page->free_at == NO_BLOCK)
        list_remove(heap, &heap->slabs[class], slab);
    heap->allocations++;
    heap->allocated_bytes += size;
    heap->free_small -= class_sizes[class];
    return block;
}

static void
small_free(struct heap *heap, void *block, size_t size)
{
    uint32_t slab = index_of(heap, block);
    struct heap_page *page;
    unsigned class;

    if (heap->pages[slab].kind == KIND_SLAB_REST)
        slab = heap->pages[slab].next;
    page = &heap->pages[slab];
    class = page->class;
    if (page->free_at == NO_BLOCK)
        list_add(heap, &heap->slabs[class], slab);
    *(uint16_t *)block = page->free_at;
    page->free_at = (uint16_t)(((uintptr_t)block - (uintptr_t)address_of(heap, slab)) / 16);
    page->count--;
    heap->allocations--;
    heap->allocated_bytes -= size;
    heap->free_small += class_sizes[class];
    if (page->count > 0)
        return;
    list_remove(heap, &heap->slabs[class], slab);
    heap->free_small -= (uint64_t)(SLAB_BYTES / class_sizes[class]) * class_sizes[class];
    for (uint32_t i = 1; i < SLAB_PAGES; i++)
        heap->pages[slab + i].kind = KIND_OTHER;
    give_run(heap, slab, SLAB_PAGES);
}

/* ---- struct nub_alloc -------------------------------------------------------------------- */

static bool
is_small(size_t size)
{
    return size <= class_sizes[HEAP_CLASSES - 1];
}

static uint64_t
pages_of(size_t size)
{
    return (size + HEAP_PAGE - 1) / HEAP_PAGE;
}

/* Pages count whole; the caller's size is what is counted as allocated. */
static void *
block_new(struct heap *heap, size_t size)
{
    return is_small(size) ? small_new(heap, size) : heap_pages(heap, pages_of(size));
}

static void
block_free(struct heap *heap, void *block, size_t size)
{
    if (is_small(size))
        small_free(heap, block, size);
    else
        heap_pages_free(heap, block, pages_of(size));
}

void *
heap_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    struct heap *heap = ctx;
    void *fresh;

    if (new_size == 0) {
        if (block)
            block_free(heap, block, old_size);
        return NULL;
    }
    if (block && !is_small(old_size) && !is_small(new_size) &&
        pages_of(old_size) == pages_of(new_size))
        return block;
    fresh = block_new(heap, new_size);
    if (!fresh || !block)
        return fresh;
    memcpy(fresh, block, old_size < new_size ? old_size : new_size);
    block_free(heap, block, old_size);
    return fresh;
}

/* Content of whole pages begins at a page; what is before it goes to the end of the page before. */
static bool
wants_pages(size_t size, size_t lead)
{
    return size >= lead && size - lead >= HEAP_PAGE;
}

static size_t
blob_gap(size_t lead)
{
    return (HEAP_PAGE - lead % HEAP_PAGE) % HEAP_PAGE;
}

uint8_t *
heap_blob_new(void *ctx, size_t size, size_t lead)
{
    struct heap *heap = ctx;
    uint8_t *run;

    if (!wants_pages(size, lead))
        return block_new(heap, size);
    run = heap_pages(heap, pages_of(size + blob_gap(lead)));
    return run ? run + blob_gap(lead) : NULL;
}

void
heap_blob_free(void *ctx, uint8_t *blob, size_t size, size_t lead)
{
    struct heap *heap = ctx;

    if (!wants_pages(size, lead))
        block_free(heap, blob, size);
    else
        heap_pages_free(heap, blob - blob_gap(lead), pages_of(size + blob_gap(lead)));
}

uint64_t
heap_available(const struct heap *heap)
{
    return heap->free_pages * HEAP_PAGE + heap->free_small;
}
