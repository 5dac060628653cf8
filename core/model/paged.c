/* paged.c - making, sharing and giving up the pages of Instances
 *
 * A new set of pages is its base's with edits: pieces are cut around what changed, changed pages
 * are copied into slabs of their own. Many small changes would leave many pieces, and slabs of
 * which little is in use; so slabs are small, and beyond a bound all pages are copied together
 * again, which is rare enough not to count. Never touches the directory.
 */
#include "paged.h"
#include "bytes.h"
#include "cap-wire.h"
#include "sha256.h"
#include "ssz.h"

#define SLAB_PAGES     256u /* at most: what a single page in use can keep alive */
#define PIECES_ALWAYS  64u  /* this many pieces are never too many, ... */
#define PAGES_A_PIECE  16u  /* ... nor is one for so many pages */
#define DEPTH_OVERLAYS 19u

static const uint8_t *
page_of(const uint8_t *bytes, uint32_t n)
{
    return bytes + (size_t)n * NUB_PAGE_SIZE;
}

/* ---- slabs --------------------------------------------------------------------------------- */

/* Takes the blob over; NULL: no memory, and it is still the caller's. */
static struct nub_slab *
slab_around(const struct nub_alloc *alloc, uint8_t *blob, size_t size, size_t lead)
{
    struct nub_slab *slab = nub_alloc(alloc, sizeof *slab);

    if (slab)
        *slab = (struct nub_slab){ .refs = 1, .blob = blob, .size = size, .lead = lead };
    return slab;
}

static void
blob_free(const struct nub_alloc *alloc, uint8_t *blob, size_t size, size_t lead)
{
    if (alloc->blob_new)
        alloc->blob_free(alloc->ctx, blob, size, lead);
    else
        nub_free(alloc, blob, size);
}

static struct nub_slab *
slab_new(const struct nub_alloc *alloc, uint32_t n_pages)
{
    size_t size = (size_t)n_pages * NUB_PAGE_SIZE;
    uint8_t *blob = alloc->blob_new ? alloc->blob_new(alloc->ctx, size, 0) : nub_alloc(alloc, size);
    struct nub_slab *slab = blob ? slab_around(alloc, blob, size, 0) : NULL;

    if (blob && !slab)
        blob_free(alloc, blob, size, 0);
    return slab;
}

static uint64_t
slab_size(const struct nub_slab *slab)
{
    return sizeof *slab + slab->size;
}

static uint64_t
slab_free(const struct nub_alloc *alloc, struct nub_slab *slab)
{
    uint64_t gone = slab_size(slab);

    if (__atomic_sub_fetch(&slab->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return 0;
    blob_free(alloc, slab->blob, slab->size, slab->lead);
    nub_free(alloc, slab, sizeof *slab);
    return gone;
}

/* ---- pieces -------------------------------------------------------------------------------- */

/* Makes room for one more item of an array. */
static bool
grow(const struct nub_alloc *alloc, void **items, uint32_t n, uint32_t *capacity, size_t item_size)
{
    uint32_t more = *capacity ? *capacity * 2 : 4;
    void *moved;

    if (n < *capacity)
        return true;
    moved = alloc->realloc(alloc->ctx, *items, *capacity * item_size, more * item_size);
    if (!moved)
        return false;
    *items = moved;
    *capacity = more;
    return true;
}

/* Takes over the caller's reference to the slab, also on failure. */
static bool
add_piece(const struct nub_alloc *alloc, struct nub_paged *paged, struct nub_piece piece)
{
    struct nub_piece *last = paged->n_pieces ? &paged->pieces[paged->n_pieces - 1] : NULL;

    if (last && last->slab == piece.slab && last->page + last->n_pages == piece.page &&
        page_of(last->bytes, last->n_pages) == piece.bytes) {
        last->n_pages += piece.n_pages;
        slab_free(alloc, piece.slab); /* one reference is enough */
        return true;
    }
    if (!grow(alloc, (void **)&paged->pieces, paged->n_pieces, &paged->piece_capacity,
              sizeof piece)) {
        paged->shared_bytes -= slab_free(alloc, piece.slab);
        return false;
    }
    paged->pieces[paged->n_pieces++] = piece;
    return true;
}

/* Pages [from, to) of a piece of the base. */
static bool
share_piece(const struct nub_alloc *alloc, struct nub_paged *paged, const struct nub_piece *piece,
            uint32_t from, uint32_t to)
{
    struct nub_piece part = { from, to - from, page_of(piece->bytes, from - piece->page),
                              piece->slab };

    if (from >= to)
        return true;
    __atomic_add_fetch(&piece->slab->refs, 1, __ATOMIC_RELAXED);
    return add_piece(alloc, paged, part);
}

/* Copies edits that follow each other into a slab of their own; `*n` is how many. */
static bool
copy_edits(const struct nub_alloc *alloc, struct nub_paged *paged,
           const struct nub_page_edit *edits, uint32_t n_edits, uint32_t *n)
{
    struct nub_piece piece = { .page = edits[0].page };

    for (*n = 1; *n < n_edits && *n < SLAB_PAGES; ++*n)
        if (!edits[*n].bytes || edits[*n].page != edits[0].page + *n)
            break;
    piece.n_pages = *n;
    piece.slab = slab_new(alloc, *n);
    if (!piece.slab)
        return false;
    for (uint32_t i = 0; i < *n; i++)
        memcpy(piece.slab->blob + (size_t)i * NUB_PAGE_SIZE, edits[i].bytes, NUB_PAGE_SIZE);
    piece.bytes = piece.slab->blob;
    paged->shared_bytes += slab_size(piece.slab);
    return add_piece(alloc, paged, piece);
}

/* Where the merging of pieces and edits stands. */
struct merge {
    const struct nub_alloc *alloc;
    struct nub_paged *paged;
    const struct nub_page_edit *edits;
    uint32_t n_edits;
    uint32_t next; /* edit */
    uint64_t done; /* pages below are settled */
};

/* Settles the edits below page `end`, and more if a slab of them reaches further. */
static bool
merge_edits(struct merge *merge, uint64_t end)
{
    while (merge->next < merge->n_edits && merge->edits[merge->next].page < end) {
        const struct nub_page_edit *edit = &merge->edits[merge->next];
        uint32_t n = 1;

        if (edit->bytes &&
            !copy_edits(merge->alloc, merge->paged, edit, merge->n_edits - merge->next, &n))
            return false;
        merge->next += n;
        merge->done = (uint64_t)edit->page + n;
    }
    return true;
}

static bool
merge_piece(struct merge *merge, const struct nub_piece *piece)
{
    uint64_t end = (uint64_t)piece->page + piece->n_pages;

    if (!merge_edits(merge, piece->page))
        return false;
    if (merge->done < piece->page)
        merge->done = piece->page;
    while (merge->done < end) {
        uint64_t to = end;

        if (merge->next < merge->n_edits && merge->edits[merge->next].page < end)
            to = merge->edits[merge->next].page;
        if (!share_piece(merge->alloc, merge->paged, piece, (uint32_t)merge->done, (uint32_t)to))
            return false;
        merge->done = to;
        if (to < end && !merge_edits(merge, to + 1))
            return false;
    }
    return true;
}

static bool
merge_pieces(struct merge *merge, const struct nub_paged *base)
{
    for (uint32_t i = 0; base && i < base->n_pieces; i++)
        if (!merge_piece(merge, &base->pieces[i]))
            return false;
    return merge_edits(merge, UINT64_MAX);
}

static uint64_t
count_pages(const struct nub_paged *paged)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < paged->n_pieces; i++)
        n += paged->pieces[i].n_pages;
    return n;
}

static uint64_t
free_pieces(const struct nub_alloc *alloc, struct nub_paged *paged)
{
    uint64_t gone = 0;

    for (uint32_t i = 0; i < paged->n_pieces; i++)
        gone += slab_free(alloc, paged->pieces[i].slab);
    nub_free(alloc, paged->pieces, paged->piece_capacity * sizeof *paged->pieces);
    paged->pieces = NULL;
    paged->n_pieces = paged->piece_capacity = 0;
    return gone;
}

/* Copies neighbouring pages from piece `*i` on, `*skip` pages into it, into one slab. */
static bool
copy_together(const struct nub_alloc *alloc, const struct nub_paged *from, struct nub_paged *to,
              uint32_t *i, uint32_t *skip)
{
    struct nub_piece piece = { .page = from->pieces[*i].page + *skip };
    uint32_t n = 0, at = 0, last = *i, rest = *skip;

    for (uint32_t k = *i, s = *skip; k < from->n_pieces && n < SLAB_PAGES; k++, s = 0) {
        if (from->pieces[k].page + s != piece.page + n)
            break;
        n += from->pieces[k].n_pages - s;
    }
    n = n < SLAB_PAGES ? n : SLAB_PAGES;
    piece.n_pages = n;
    piece.slab = slab_new(alloc, n);
    if (!piece.slab)
        return false;
    while (at < n) {
        uint32_t here = from->pieces[last].n_pages - rest;

        here = here < n - at ? here : n - at;
        memcpy(piece.slab->blob + (size_t)at * NUB_PAGE_SIZE,
               page_of(from->pieces[last].bytes, rest), (size_t)here * NUB_PAGE_SIZE);
        at += here;
        rest += here;
        if (rest == from->pieces[last].n_pages) {
            last++;
            rest = 0;
        }
    }
    *i = last;
    *skip = rest;
    piece.bytes = piece.slab->blob;
    to->shared_bytes += slab_size(piece.slab);
    return add_piece(alloc, to, piece);
}

/* Too many pieces: copies the pages together. */
static bool
compact(const struct nub_alloc *alloc, struct nub_paged *paged)
{
    struct nub_paged together = { .shared_bytes = paged->shared_bytes };
    uint32_t i = 0, skip = 0;

    if (paged->n_pieces <= PIECES_ALWAYS ||
        paged->n_pieces <= paged->n_runs + PIECES_ALWAYS + count_pages(paged) / PAGES_A_PIECE)
        return true;
    while (i < paged->n_pieces)
        if (!copy_together(alloc, paged, &together, &i, &skip)) {
            free_pieces(alloc, &together);
            return false;
        }
    /* what goes here was made for this set of pages: nobody else has seen it, or it is the base's
     */
    paged->shared_bytes = together.shared_bytes - free_pieces(alloc, paged);
    paged->pieces = together.pieces;
    paged->n_pieces = together.n_pieces;
    paged->piece_capacity = together.piece_capacity;
    return true;
}

/* ---- runs ---------------------------------------------------------------------------------- */

/* The run that holds a page, or NULL. */
static const struct nub_page_run *
find_run(const struct nub_paged *paged, uint32_t page)
{
    uint32_t low = 0, high = paged ? paged->n_runs : 0;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct nub_page_run *run = &paged->runs[middle];

        if (page < run->page)
            high = middle;
        else if (page - run->page >= run->n_pages)
            low = middle + 1;
        else
            return run;
    }
    return NULL;
}

/* What the tree of one run is made from. */
struct run_source {
    const struct nub_paged *base;
    const struct nub_page_edit *edits;
    uint32_t n_edits;
    bool rooted;
    uint32_t page; /* the run's first */
};

static uint32_t
first_edit(const struct run_source *source, uint64_t page)
{
    uint32_t low = 0, high = source->n_edits;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (source->edits[middle].page < page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int
is_same(void *ctx, uint32_t first, uint32_t n)
{
    const struct run_source *source = ctx;
    uint32_t i = first_edit(source, (uint64_t)source->page + first);

    return i == source->n_edits || source->edits[i].page >= (uint64_t)source->page + first + n;
}

const struct nub_hash *
nub_paged_page_root(const struct nub_paged *paged, uint32_t page)
{
    const struct nub_page_run *run = find_run(paged, page);

    return run->tree ? nub_page_tree_page(run->tree, page - run->page) : NULL;
}

static void
page_root(void *ctx, uint32_t i, struct nub_hash *root)
{
    const struct run_source *source = ctx;
    uint32_t page = source->page + i, edit = first_edit(source, page);

    if (edit < source->n_edits && source->edits[edit].page == page)
        *root = source->edits[edit].root;
    else
        *root = *nub_paged_page_root(source->base, page);
}

static void
overlay_root(struct nub_page_run *run)
{
    nub_overlay_root(&run->root, run->page, run->n_pages, &run->tree->root,
                     nub_page_tree_depth(run->tree));
}

static bool
make_roots(const struct nub_alloc *alloc, struct nub_paged *paged, struct run_source *from,
           struct nub_page_run *run)
{
    const struct nub_page_run *like = find_run(from->base, run->page);
    struct nub_tree_source source = {
        .alloc = alloc, .n = run->n_pages, .same = is_same, .page_root = page_root, .ctx = from
    };

    from->page = run->page;
    if (like && like->page == run->page) {
        source.like = like->tree;
        source.n_like = like->n_pages;
    }
    run->tree = nub_page_tree_new(&source);
    if (!run->tree)
        return false;
    paged->shared_bytes += source.made;
    if (run->tree == source.like && run->n_pages == source.n_like)
        run->root = like->root;
    else
        overlay_root(run);
    return true;
}

static bool
add_run(const struct nub_alloc *alloc, struct nub_paged *paged, struct run_source *from,
        uint32_t page, uint32_t n_pages)
{
    struct nub_page_run run = { .page = page, .n_pages = n_pages };

    if (!grow(alloc, (void **)&paged->runs, paged->n_runs, &paged->run_capacity, sizeof run) ||
        (from->rooted && !make_roots(alloc, paged, from, &run)))
        return false;
    paged->runs[paged->n_runs++] = run;
    return true;
}

static bool
add_runs(const struct nub_alloc *alloc, struct nub_paged *paged, struct run_source *source)
{
    for (uint32_t i = 0; i < paged->n_pieces;) {
        uint32_t page = paged->pieces[i].page, n = 0;

        while (i < paged->n_pieces && paged->pieces[i].page == page + n)
            n += paged->pieces[i++].n_pages;
        if (!add_run(alloc, paged, source, page, n))
            return false;
    }
    return true;
}

void
nub_paged_root(struct nub_hash *root, const struct nub_paged *paged)
{
    struct nub_ssz_fold fold;

    nub_ssz_fold_init(&fold, 0);
    for (uint32_t i = 0; i < paged->n_runs; i++)
        nub_ssz_fold_add(&fold, &paged->runs[i].root);
    nub_ssz_fold_finish(root, &fold, DEPTH_OVERLAYS);
    nub_ssz_mix_in_length(root, paged->n_runs);
}

/* ---- sets of pages ------------------------------------------------------------------------- */

uint64_t
nub_paged_free(const struct nub_alloc *alloc, struct nub_paged *paged)
{
    uint64_t gone;

    if (!paged)
        return 0;
    gone = free_pieces(alloc, paged);
    for (uint32_t i = 0; i < paged->n_runs; i++)
        gone += nub_page_tree_free(alloc, paged->runs[i].tree);
    nub_free(alloc, paged->runs, paged->run_capacity * sizeof *paged->runs);
    nub_free(alloc, paged, sizeof *paged);
    return gone;
}

uint64_t
nub_paged_own_bytes(const struct nub_paged *paged)
{
    return sizeof *paged + paged->piece_capacity * sizeof *paged->pieces +
           paged->run_capacity * sizeof *paged->runs;
}

static struct nub_paged *
paged_alloc(const struct nub_alloc *alloc)
{
    struct nub_paged *paged = nub_alloc(alloc, sizeof *paged);

    if (paged)
        memset(paged, 0, sizeof *paged);
    return paged;
}

static struct nub_paged *
edited(const struct nub_alloc *alloc, const struct nub_paged *base,
       const struct nub_page_edit *edits, uint32_t n_edits, bool rooted)
{
    struct nub_paged *paged = paged_alloc(alloc);
    struct merge merge = { alloc, paged, edits, n_edits, 0, 0 };
    struct run_source source = { base, edits, n_edits, rooted, 0 };

    if (!paged)
        return NULL;
    if (!merge_pieces(&merge, base) || !add_runs(alloc, paged, &source) || !compact(alloc, paged)) {
        nub_paged_free(alloc, paged);
        return NULL;
    }
    return paged;
}

struct nub_paged *
nub_paged_new(const struct nub_alloc *alloc, const struct nub_paged *base,
              const struct nub_page_edit *edits, uint32_t n_edits)
{
    return edited(alloc, base, edits, n_edits, true);
}

struct nub_paged *
nub_paged_copy(const struct nub_alloc *alloc, const struct nub_paged *base,
               const struct nub_page_edit *edits, uint32_t n_edits)
{
    return edited(alloc, base, edits, n_edits, false);
}

/* The pieces of a wire form in a slab. */
static bool
add_overlays(const struct nub_alloc *alloc, struct nub_paged *paged,
             const struct nub_instance *instance, struct nub_slab *slab)
{
    struct run_source source = { .rooted = false };
    struct nub_overlay overlay;

    for (uint32_t i = 0; i < instance->n_overlays; i++) {
        nub_instance_overlay(instance, i, &overlay);
        struct nub_piece piece = { overlay.start / NUB_PAGE_SIZE,
                                   (uint32_t)(overlay.bytes.size / NUB_PAGE_SIZE),
                                   overlay.bytes.data, slab };
        __atomic_add_fetch(&slab->refs, 1, __ATOMIC_RELAXED);
        if (!add_piece(alloc, paged, piece))
            return false;
    }
    return add_runs(alloc, paged, &source);
}

struct nub_paged *
nub_paged_adopt(const struct nub_alloc *alloc, const struct nub_instance *instance, uint8_t *blob,
                size_t size, size_t lead)
{
    struct nub_paged *paged = paged_alloc(alloc);
    struct nub_slab *slab = paged ? slab_around(alloc, blob, size, lead) : NULL;

    if (slab && add_overlays(alloc, paged, instance, slab)) {
        paged->shared_bytes = slab_size(slab);
        slab_free(alloc, slab); /* the pieces have it now */
        return paged;
    }
    nub_paged_free(alloc, paged);
    nub_free(alloc, slab, sizeof *slab);
    return NULL;
}

struct nub_paged *
nub_paged_from_wire(const struct nub_alloc *alloc, const struct nub_instance *instance)
{
    struct nub_page_edit *edits = NULL;
    struct nub_paged *paged;
    struct nub_overlay overlay;
    uint32_t n_pages = 0, n = 0;

    for (uint32_t i = 0; i < instance->n_overlays; i++) {
        nub_instance_overlay(instance, i, &overlay);
        n_pages += (uint32_t)(overlay.bytes.size / NUB_PAGE_SIZE);
    }
    if (n_pages && !(edits = nub_alloc(alloc, n_pages * sizeof *edits)))
        return NULL;
    for (uint32_t i = 0; i < instance->n_overlays; i++) {
        nub_instance_overlay(instance, i, &overlay);
        for (uint64_t at = 0; at < overlay.bytes.size; at += NUB_PAGE_SIZE, n++) {
            edits[n].page = (uint32_t)((overlay.start + at) / NUB_PAGE_SIZE);
            edits[n].bytes = overlay.bytes.data + at;
            nub_ssz_page_root(&edits[n].root, edits[n].bytes);
        }
    }
    paged = nub_paged_new(alloc, NULL, edits, n);
    nub_free(alloc, edits, n_pages * sizeof *edits);
    return paged;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The piece that holds a page; n_pieces: none. */
static uint32_t
find_piece(const struct nub_paged *paged, uint32_t page)
{
    uint32_t low = 0, high = paged->n_pieces;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct nub_piece *piece = &paged->pieces[middle];

        if (page < piece->page)
            high = middle;
        else if (page - piece->page >= piece->n_pages)
            low = middle + 1;
        else
            return middle;
    }
    return paged->n_pieces;
}

const uint8_t *
nub_paged_find(const struct nub_paged *paged, uint32_t page)
{
    uint32_t i = find_piece(paged, page);

    return i < paged->n_pieces ? page_of(paged->pieces[i].bytes, page - paged->pieces[i].page)
                               : NULL;
}

bool
nub_paged_next_piece(const struct nub_paged *paged, uint32_t *cursor, struct nub_overlay *piece)
{
    const struct nub_piece *pieces = paged->pieces;
    uint32_t i = *cursor, n;

    if (i == paged->n_pieces)
        return false;
    n = pieces[i].n_pages;
    /* slabs that were made one after the other often lie so, too */
    for (++*cursor; *cursor < paged->n_pieces; ++*cursor) {
        const struct nub_piece *next = &pieces[*cursor];

        if (next->page != pieces[i].page + n || next->bytes != page_of(pieces[i].bytes, n))
            break;
        n += next->n_pages;
    }
    piece->start = pieces[i].page * NUB_PAGE_SIZE;
    piece->bytes.data = pieces[i].bytes;
    piece->bytes.size = (uint64_t)n * NUB_PAGE_SIZE;
    return true;
}

void
nub_paged_overlay(const struct nub_paged *paged, uint32_t i, struct nub_overlay *overlay)
{
    const struct nub_page_run *run = &paged->runs[i];
    uint32_t cursor = find_piece(paged, run->page);
    struct nub_overlay piece;

    nub_paged_next_piece(paged, &cursor, &piece);
    overlay->start = run->page * NUB_PAGE_SIZE;
    overlay->bytes.size = (uint64_t)run->n_pages * NUB_PAGE_SIZE;
    overlay->bytes.data = piece.bytes.size == overlay->bytes.size ? piece.bytes.data : NULL;
}

uint64_t
nub_paged_wire_size(const struct nub_paged *paged)
{
    return (uint64_t)paged->n_runs * (NUB_WIRE_OFFSET_SIZE + NUB_WIRE_OVERLAY_FIXED) +
           count_pages(paged) * NUB_PAGE_SIZE;
}

void
nub_paged_encode(uint8_t *list, const struct nub_paged *paged)
{
    uint32_t offset = paged->n_runs * NUB_WIRE_OFFSET_SIZE, run = 0;

    for (uint32_t i = 0; i < paged->n_pieces; i++) {
        const struct nub_piece *piece = &paged->pieces[i];

        if (run < paged->n_runs && paged->runs[run].page == piece->page) {
            nub_put_le32(list + (uint64_t)run++ * NUB_WIRE_OFFSET_SIZE, offset);
            nub_put_le32(list + offset + NUB_WIRE_OVERLAY_START, piece->page * NUB_PAGE_SIZE);
            nub_put_le32(list + offset + NUB_WIRE_OVERLAY_BYTES, NUB_WIRE_OVERLAY_FIXED);
            offset += NUB_WIRE_OVERLAY_FIXED;
        }
        memcpy(list + offset, piece->bytes, (size_t)piece->n_pages * NUB_PAGE_SIZE);
        offset += piece->n_pages * NUB_PAGE_SIZE;
    }
}
