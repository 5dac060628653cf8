/* heap.h - the guest's memory: pages, small blocks, and where capabilities lie
 *
 * Runs of pages come from lists by size, small blocks from slabs of one size class each; all is
 * counted. Knows nothing of the guest: tests run it on the host. Not thread-safe.
 */
#ifndef NUB_GUEST_HEAP_H
#define NUB_GUEST_HEAP_H

#include "alloc.h"
#include <stdbool.h>

#define HEAP_PAGE    4096u
#define HEAP_CLASSES 12u
#define HEAP_BINS    32u

/** One page; kept beside the pages, so that a free page need not be touched. */
struct heap_page {
    uint32_t count;   /* first and last page of a run: its length; a slab: blocks in use */
    uint32_t next;    /* within a list; a later page of a slab: its first page */
    uint32_t prev;
    uint16_t free_at; /* a slab: the first free block, in units of 16 bytes */
    uint8_t kind;     /* enum heap_kind, private */
    uint8_t class;
};

struct heap {
    uint8_t *base; /* page 0 */
    uint32_t n_pages;
    struct heap_page *pages;
    uint32_t bins[HEAP_BINS];      /* free runs of 2^i pages and more */
    uint32_t slabs[HEAP_CLASSES];  /* with a free block */
    uint64_t allocated_bytes;
    uint64_t allocations;
    uint64_t fragments; /* free runs */
    uint64_t free_pages;
    uint64_t free_small; /* bytes free in slabs */
};

/** `base` is page-aligned, `size` a multiple of pages below 2^44. The first pages hold the list of pages. */
void heap_init(struct heap *heap, uint8_t *base, uint64_t size);

/** A run of pages, not cleared; NULL: none. */
void *heap_pages(struct heap *heap, uint64_t n);
void heap_pages_free(struct heap *heap, void *run, uint64_t n);
/** Gives back all pages of a run but the first `n`. */
void heap_pages_trim(struct heap *heap, void *run, uint64_t old_n, uint64_t n);

/** The hooks of struct nub_alloc; ctx is the heap. */
void *heap_realloc(void *heap, void *block, size_t old_size, size_t new_size);
uint8_t *heap_blob_new(void *heap, size_t size, size_t lead);
void heap_blob_free(void *heap, uint8_t *blob, size_t size, size_t lead);

/** Bytes that could be had, in pieces. */
uint64_t heap_available(const struct heap *heap);

#endif
