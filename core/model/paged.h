/* paged.h - an Instance's overlays as shared, counted pages with cached roots (private to core/model)
 *
 * Bytes and roots are kept apart. `pieces` say where the bytes of each page lie: neighbours in
 * slabs that instances share. `runs` are the overlays, each with the tree of its page roots. A
 * successor takes over every piece and every node that its run did not touch, so making it costs
 * what was touched, the number of pieces (bounded: see paged.c) and of overlays.
 */
#ifndef NUB_MODEL_PAGED_H
#define NUB_MODEL_PAGED_H

#include "alloc.h"
#include "cap.h"
#include "page-tree.h"

/** Pages that lie together: a copy of some, or all of a wire form as it came. */
struct nub_slab {
    uint64_t refs; /* atomic */
    uint8_t *blob;
    size_t size, lead; /* of the blob */
};

/** Neighbouring pages of the address space that are neighbours in a slab. */
struct nub_piece {
    uint32_t page;
    uint32_t n_pages;
    const uint8_t *bytes;
    struct nub_slab *slab;
};

/** An overlay. */
struct nub_page_run {
    uint32_t page;
    uint32_t n_pages;
    struct nub_page_tree *tree; /* NULL in a replica */
    struct nub_hash root;       /* of the Overlay; not set in a replica */
};

struct nub_paged {
    struct nub_piece *pieces; /* sorted */
    struct nub_page_run *runs; /* sorted; never adjacent */
    uint32_t n_pieces, piece_capacity;
    uint32_t n_runs, run_capacity;
    uint64_t shared_bytes; /* slabs and nodes that were made for this one: it adds them to what is kept */
    int32_t canonical;     /* atomic; 1: no page is what image and mem_size give anyway */
};

/** A page that is not as in the base. */
struct nub_page_edit {
    uint32_t page;
    const uint8_t *bytes; /* NULL: no overlay any more */
    struct nub_hash root; /* of the page */
};

/** `base` (NULL: no overlays) with the edits, sorted by page. NULL: no memory. */
struct nub_paged *nub_paged_new(const struct nub_alloc *alloc, const struct nub_paged *base, const struct nub_page_edit *edits, uint32_t n_edits);
/** The overlays of a wire form. NULL: no memory. */
struct nub_paged *nub_paged_from_wire(const struct nub_alloc *alloc, const struct nub_instance *instance);
/** nub_paged_new() for a replica, which takes names as given and so keeps no roots: `base` is one, too. The roots of `edits` are not looked at. */
struct nub_paged *nub_paged_copy(const struct nub_alloc *alloc, const struct nub_paged *base, const struct nub_page_edit *edits, uint32_t n_edits);
/** The overlays of a wire form that lies in `blob`, for a replica: takes the blob over and copies nothing. NULL: no memory, and the blob is still the caller's. */
struct nub_paged *nub_paged_adopt(const struct nub_alloc *alloc, const struct nub_instance *instance, uint8_t *blob, size_t size, size_t lead);
/** Gives everything up; returns how many of the shared bytes went with it. */
uint64_t nub_paged_free(const struct nub_alloc *alloc, struct nub_paged *paged);
/** What it keeps beside shared bytes. */
uint64_t nub_paged_own_bytes(const struct nub_paged *paged);

/** Root of the list of overlays, mixed with its length. Not of a replica. */
void nub_paged_root(struct nub_hash *root, const struct nub_paged *paged);
/** The bytes of a page, or NULL. */
const uint8_t *nub_paged_find(const struct nub_paged *paged, uint32_t page);
/** The root of a page that is there; NULL: it was not made. */
const struct nub_hash *nub_paged_page_root(const struct nub_paged *paged, uint32_t page);
/** nub_instance_overlay() and nub_instance_next_piece() of such an Instance. */
void nub_paged_overlay(const struct nub_paged *paged, uint32_t i, struct nub_overlay *overlay);
bool nub_paged_next_piece(const struct nub_paged *paged, uint32_t *cursor, struct nub_overlay *piece);
/** The list of overlays in wire form: its size, and writing it. */
uint64_t nub_paged_wire_size(const struct nub_paged *paged);
void nub_paged_encode(uint8_t *list, const struct nub_paged *paged);

#endif
