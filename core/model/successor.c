/* successor.c - which pages of a run are overlays of its successor, and the entry made of them
 *
 * In wire form: walks the pages that can be overlays - those of the base and those that were
 * written - in order of address, twice: once to know the size, once to lay them down. With shared
 * pages: walks what was written only, once it is known that the base has no overlay that the rule
 * would drop. Changes nothing in the directory. The rule it keeps: equal memory gives equal
 * hashes whatever the path (caps.md 4.2).
 */
#include "successor.h"
#include "bytes.h"
#include "cap-wire.h"
#include "directory-private.h"
#include "ssz.h"

/* Steps through the candidates, ascending; a written page stands for the base's at its place. */
struct walk {
    const struct nub_successor *successor;
    bool written_only;
    uint32_t next_written;
    uint32_t next_piece;
    struct nub_overlay piece; /* what is left of the current one; empty: take the next */
};

static bool
base_page(struct walk *walk, struct nub_run_page *page)
{
    const struct nub_instance *base = &walk->successor->base->cap.u.instance;

    if (walk->written_only)
        return false;
    if (walk->piece.bytes.size == 0 &&
        !nub_instance_next_piece(base, &walk->next_piece, &walk->piece))
        return false;
    page->address = walk->piece.start;
    page->bytes = walk->piece.bytes.data;
    return true;
}

static void
skip_base_page(struct walk *walk)
{
    walk->piece.start += NUB_PAGE_SIZE;
    walk->piece.bytes.data += NUB_PAGE_SIZE;
    walk->piece.bytes.size -= NUB_PAGE_SIZE;
}

static bool
next_candidate(struct walk *walk, struct nub_run_page *page)
{
    const struct nub_successor *successor = walk->successor;
    bool in_base = base_page(walk, page);

    if (walk->next_written < successor->n_written) {
        const struct nub_run_page *written = &successor->written[walk->next_written];

        if (!in_base || written->address <= page->address) {
            if (in_base && written->address == page->address)
                skip_base_page(walk);
            *page = *written;
            walk->next_written++;
            return true;
        }
    }
    if (in_base)
        skip_base_page(walk);
    return in_base;
}

static const uint8_t zero_page[NUB_PAGE_SIZE];

/* Whether a page has to be in an overlay. */
static bool
is_state(const struct nub_successor *successor, const struct nub_run_page *page)
{
    const uint8_t *bytes = page->bytes ? page->bytes : zero_page, *given = NULL;

    switch (successor->given(successor->given_ctx, page->address, &given)) {
    case NUB_GIVEN_NOTHING:
        return true;
    case NUB_GIVEN_READ_WRITE:
        given = given ? given : zero_page;
        return bytes != given && memcmp(bytes, given, NUB_PAGE_SIZE) != 0;
    case NUB_GIVEN_READ_ONLY:
        break;
    }
    return false;
}

/* All of the successor but its pages. */
static void
header(struct nub_instance_spec *spec, const struct nub_successor *successor)
{
    nub_instance_spec(spec, &successor->base->cap.u.instance);
    memset(spec->regs, 0, sizeof spec->regs);
    spec->pc = spec->gas_remaining = 0;
    spec->phase = successor->phase;
    if (successor->phase) {
        memcpy(spec->regs, successor->regs, sizeof spec->regs);
        spec->pc = successor->pc;
        spec->gas_remaining = successor->gas_remaining;
    }
}

/* ---- in wire form -------------------------------------------------------------------------- */

static bool
next_page(struct walk *walk, struct nub_run_page *page)
{
    while (next_candidate(walk, page))
        if (is_state(walk->successor, page))
            return true;
    return false;
}

struct totals {
    uint32_t overlays;
    uint64_t pages;
};

static struct totals
count(const struct nub_successor *successor)
{
    struct walk walk = { .successor = successor };
    struct totals totals = { 0, 0 };
    struct nub_run_page page;
    uint64_t end = UINT64_MAX;

    while (next_page(&walk, &page)) {
        totals.pages++;
        totals.overlays += page.address != end;
        end = (uint64_t)page.address + NUB_PAGE_SIZE;
    }
    return totals;
}

/* Lays down the list of overlays: offsets first, then each with its pages. */
static void
put_overlays(uint8_t *list, const struct nub_successor *successor, uint32_t n_overlays)
{
    struct walk walk = { .successor = successor };
    uint32_t offset = n_overlays * NUB_WIRE_OFFSET_SIZE, i = 0;
    struct nub_run_page page;
    uint64_t end = UINT64_MAX;

    while (next_page(&walk, &page)) {
        if (page.address != end) {
            nub_put_le32(list + (uint64_t)i++ * NUB_WIRE_OFFSET_SIZE, offset);
            nub_put_le32(list + offset + NUB_WIRE_OVERLAY_START, page.address);
            nub_put_le32(list + offset + NUB_WIRE_OVERLAY_BYTES, NUB_WIRE_OVERLAY_FIXED);
            offset += NUB_WIRE_OVERLAY_FIXED;
        }
        memcpy(list + offset, page.bytes ? page.bytes : zero_page, NUB_PAGE_SIZE);
        offset += NUB_PAGE_SIZE;
        end = (uint64_t)page.address + NUB_PAGE_SIZE;
    }
}

static enum nub_status
no_memory(struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NO_MEMORY, "successor: no memory for its pages");
}

static enum nub_status
too_large(uint64_t size, struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NO_SPACE,
                    "successor: a wire form of %U bytes is not shorter than 2^32", size);
}

static enum nub_status
prepare_wire(struct nub_dir_entry **prepared, const struct nub_dir *dir,
             const struct nub_successor *successor, struct nub_failure *failure)
{
    struct totals totals = count(successor);
    struct nub_instance_spec spec;
    struct nub_dir_entry *entry;
    enum nub_status status;
    uint64_t fixed, size;
    uint8_t *wire;

    header(&spec, successor);
    fixed = nub_instance_wire_size(&spec);
    size = fixed + totals.pages * NUB_PAGE_SIZE +
           (uint64_t)totals.overlays * (NUB_WIRE_OFFSET_SIZE + NUB_WIRE_OVERLAY_FIXED);
    if (size > UINT32_MAX)
        return too_large(size, failure);
    fixed += (uint64_t)totals.overlays * NUB_WIRE_OFFSET_SIZE; /* where the first overlay begins */
    entry = nub_dir_prepare_blob(
        dir, size, totals.overlays ? (size_t)fixed + NUB_WIRE_OVERLAY_FIXED : 0, &wire);
    if (!entry)
        return no_memory(failure);
    nub_instance_encode(wire, &spec);
    put_overlays(wire + nub_instance_wire_size(&spec), successor, totals.overlays);
    status = nub_dir_prepare_finish(entry, NULL, failure);
    if (status)
        nub_dir_discard(dir, entry);
    else
        *prepared = entry;
    return status;
}

/* ---- with shared pages ---------------------------------------------------------------------- */

/* The edits that make the successor's pages of the base's. */
struct edits {
    const struct nub_alloc *alloc;
    struct nub_page_edit *list;
    uint32_t n, capacity;
};

static bool
add_edit(struct edits *edits, uint32_t page, const uint8_t *bytes)
{
    uint32_t capacity = edits->capacity ? edits->capacity * 2 : 8;
    struct nub_page_edit *edit;

    if (edits->n == edits->capacity) {
        edit = edits->alloc->realloc(edits->alloc->ctx, edits->list, edits->capacity * sizeof *edit,
                                     capacity * sizeof *edit);
        if (!edit)
            return false;
        edits->list = edit;
        edits->capacity = capacity;
    }
    edit = &edits->list[edits->n++];
    edit->page = page;
    edit->bytes = bytes;
    if (bytes)
        nub_ssz_page_root(&edit->root, bytes);
    return true;
}

/* Remembers that no overlay of an Instance is one that the rule would drop. */
static void
set_canonical(const struct nub_paged *paged)
{
    __atomic_store_n((int32_t *)&paged->canonical, 1, __ATOMIC_RELAXED);
}

static bool
find_edits(struct edits *edits, struct walk *walk)
{
    const struct nub_paged *base = walk->successor->base->cap.u.instance.paged;
    bool canonical = base != NULL;
    struct nub_run_page page;

    while (next_candidate(walk, &page)) {
        const uint8_t *bytes = page.bytes ? page.bytes : zero_page;
        const uint8_t *old = base ? nub_paged_find(base, page.address / NUB_PAGE_SIZE) : NULL;
        struct nub_run_page old_page = { page.address, old };

        if (old && canonical && !walk->written_only)
            canonical = is_state(walk->successor, &old_page);
        if (is_state(walk->successor, &page)) {
            if (old && (old == bytes || memcmp(old, bytes, NUB_PAGE_SIZE) == 0))
                continue;
        } else {
            if (!old)
                continue;
            bytes = NULL;
        }
        if (!add_edit(edits, page.address / NUB_PAGE_SIZE, bytes))
            return false;
        if (walk->successor->changed)
            walk->successor->changed(walk->successor->changed_ctx, page.address, !bytes);
    }
    if (canonical)
        set_canonical(base);
    return true;
}

static void
free_edits(struct edits *edits)
{
    nub_free(edits->alloc, edits->list, edits->capacity * sizeof *edits->list);
}

static enum nub_status
prepare_shared(struct nub_dir_entry **prepared, const struct nub_dir *dir,
               const struct nub_successor *successor, struct nub_failure *failure)
{
    const struct nub_paged *base = successor->base->cap.u.instance.paged;
    bool canonical = base && __atomic_load_n(&base->canonical, __ATOMIC_RELAXED);
    struct walk walk = { .successor = successor, .written_only = canonical };
    struct edits edits = { .alloc = dir->alloc };
    struct nub_paged *paged = NULL;
    struct nub_instance_spec spec;
    uint64_t size;

    if (find_edits(&edits, &walk))
        paged = nub_paged_new(dir->alloc, base, edits.list, edits.n);
    free_edits(&edits);
    if (!paged)
        return no_memory(failure);
    set_canonical(paged);
    header(&spec, successor);
    size = nub_instance_wire_size(&spec) + nub_paged_wire_size(paged);
    if (size > UINT32_MAX) {
        nub_paged_free(dir->alloc, paged);
        return too_large(size, failure);
    }
    *prepared = nub_dir_prepare_paged(dir, &spec, paged, NULL);
    return *prepared ? NUB_OK : no_memory(failure);
}

enum nub_status
nub_successor_prepare(struct nub_dir_entry **prepared, const struct nub_dir *dir,
                      const struct nub_successor *successor, struct nub_failure *failure)
{
    return dir->options.share_pages ? prepare_shared(prepared, dir, successor, failure)
                                    : prepare_wire(prepared, dir, successor, failure);
}

/* ---- in a replica ---------------------------------------------------------------------------- */

struct nub_dir_entry *
nub_successor_copy(const struct nub_dir *dir, const struct nub_successor_copy *copy)
{
    struct nub_successor state = { .base = copy->base,
                                   .phase = copy->phase,
                                   .pc = copy->pc,
                                   .gas_remaining = copy->gas_remaining };
    size_t size = copy->n_changes * sizeof(struct nub_page_edit);
    struct nub_page_edit *edits = size ? nub_alloc(dir->alloc, size) : NULL;
    struct nub_instance_spec spec;
    struct nub_paged *paged;

    if (size && !edits)
        return NULL;
    for (uint32_t i = 0; i < copy->n_changes; i++)
        edits[i] = (struct nub_page_edit){ .page = copy->changes[i].address / NUB_PAGE_SIZE,
                                           .bytes = copy->changes[i].bytes };
    paged = nub_paged_copy(dir->alloc, copy->base->cap.u.instance.paged, edits, copy->n_changes);
    nub_free(dir->alloc, edits, size);
    if (!paged)
        return NULL;
    memcpy(state.regs, copy->regs, sizeof state.regs);
    header(&spec, &state);
    return nub_dir_prepare_paged(dir, &spec, paged, &copy->hash);
}
