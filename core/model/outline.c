/* outline.c - outlines and parts: their bytes, their roots, and the checks of both
 *
 * Strict: one Instance has one outline, one page or node one record. See outline.h.
 */
#include "outline.h"
#include "bytes.h"
#include "cap-wire.h"
#include "ssz.h"

#define RUN_PAGE       0u
#define RUN_N_PAGES    4u
#define RUN_ROOT       8u
#define DEPTH_OVERLAYS 19u
#define N_PAGES        (1u << 20)                    /* of the address space */
#define RUNS           (1u + NUB_INSTANCE_BARE_SIZE) /* where they begin */

_Static_assert(NUB_OUTLINE_GAP == NUB_WIRE_OVERLAY_FIXED, "the two say the same");

/* ---- outlines ------------------------------------------------------------------------------ */

void
nub_outline_run(const struct nub_outline *outline, uint32_t i, struct nub_outline_run *run)
{
    const uint8_t *bytes = outline->runs + (uint64_t)i * NUB_OUTLINE_RUN_SIZE;

    run->page = nub_le32(bytes + RUN_PAGE);
    run->n_pages = nub_le32(bytes + RUN_N_PAGES);
    memcpy(&run->root, bytes + RUN_ROOT, sizeof run->root);
}

/* Sorted, not adjacent, within the address space; adds up what they are in wire form. */
static enum nub_status
check_runs(struct nub_outline *outline, struct nub_failure *failure)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < outline->n_runs; i++) {
        uint64_t at = RUNS + (uint64_t)i * NUB_OUTLINE_RUN_SIZE;
        struct nub_outline_run run;

        nub_outline_run(outline, i, &run);
        if (run.n_pages == 0 || run.n_pages > N_PAGES || run.page > N_PAGES - run.n_pages)
            return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, at,
                               "outline.runs[%u]: %u pages from page %u on", i, run.n_pages,
                               run.page);
        if (i > 0 && run.page <= end)
            return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, at,
                               "outline.runs[%u]: page %u is not beyond the run before", i,
                               run.page);
        end = (uint64_t)run.page + run.n_pages;
        outline->wire_size +=
            NUB_WIRE_OFFSET_SIZE + NUB_WIRE_OVERLAY_FIXED + (uint64_t)run.n_pages * NUB_PAGE_SIZE;
    }
    if (outline->wire_size > UINT32_MAX)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING,
                        "outline: a wire form of %U bytes is not shorter than 2^32",
                        outline->wire_size);
    return NUB_OK;
}

enum nub_status
nub_outline_decode(struct nub_outline *outline, struct nub_slice record,
                   struct nub_failure *failure)
{
    struct nub_slice header;

    if (record.size > 0 && record.data[0] != NUB_OUTLINE_FORMAT)
        return nub_fail(failure, NUB_ERR_NOT_SUPPORTED,
                        "outline: format %u is not known: damage, or a later nub wrote it",
                        (uint32_t)record.data[0]);
    /* One overlay at least: what has none is kept in wire form. */
    if (record.size <= RUNS || (record.size - RUNS) % NUB_OUTLINE_RUN_SIZE != 0 ||
        (record.size - RUNS) / NUB_OUTLINE_RUN_SIZE > NUB_MAX_OVERLAYS)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "outline: %U bytes are no whole runs",
                        record.size);
    header = (struct nub_slice){ record.data + 1, NUB_INSTANCE_BARE_SIZE };
    if (nub_cap_decode(&outline->header, header, failure))
        return NUB_ERR_BAD_ENCODING;
    if (outline->header.kind != NUB_CAP_INSTANCE || outline->header.u.instance.n_overlays != 0)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, 1, "outline.header: no bare Instance");
    outline->runs = record.data + RUNS;
    outline->n_runs = (uint32_t)((record.size - RUNS) / NUB_OUTLINE_RUN_SIZE);
    outline->wire_size = NUB_INSTANCE_BARE_SIZE;
    return check_runs(outline, failure);
}

void
nub_outline_hash(struct nub_hash *hash, const struct nub_outline *outline)
{
    struct nub_ssz_fold fold;
    struct nub_outline_run run;
    struct nub_hash overlay;

    nub_ssz_fold_init(&fold, 0);
    for (uint32_t i = 0; i < outline->n_runs; i++) {
        nub_outline_run(outline, i, &run);
        nub_overlay_root(&overlay, run.page, run.n_pages, &run.root,
                         NUB_SSZ_PAGE_DEPTH +
                             nub_page_tree_height(run.n_pages) * NUB_TREE_FANOUT_LOG);
        nub_ssz_fold_add(&fold, &overlay);
    }
    nub_ssz_fold_finish(&overlay, &fold, DEPTH_OVERLAYS);
    nub_ssz_mix_in_length(&overlay, outline->n_runs);
    nub_instance_root(hash, &outline->header.u.instance, &overlay);
}

uint64_t
nub_outline_wire(uint8_t *wire, const struct nub_outline *outline)
{
    uint8_t *list = wire + NUB_INSTANCE_BARE_SIZE;
    uint32_t offset = outline->n_runs * NUB_WIRE_OFFSET_SIZE;
    struct nub_outline_run run;

    memcpy(wire, outline->header.wire.data, NUB_INSTANCE_BARE_SIZE);
    for (uint32_t i = 0; i < outline->n_runs; i++) {
        nub_outline_run(outline, i, &run);
        nub_put_le32(list + (uint64_t)i * NUB_WIRE_OFFSET_SIZE, offset);
        nub_put_le32(list + offset + NUB_WIRE_OVERLAY_START, run.page * NUB_PAGE_SIZE);
        nub_put_le32(list + offset + NUB_WIRE_OVERLAY_BYTES, NUB_WIRE_OVERLAY_FIXED);
        offset += NUB_WIRE_OVERLAY_FIXED + run.n_pages * NUB_PAGE_SIZE;
    }
    return NUB_INSTANCE_BARE_SIZE + (uint64_t)outline->n_runs * NUB_WIRE_OFFSET_SIZE +
           NUB_OUTLINE_GAP;
}

uint64_t
nub_outline_size(uint32_t n_runs)
{
    return RUNS + (uint64_t)n_runs * NUB_OUTLINE_RUN_SIZE;
}

void
nub_outline_encode(uint8_t *record, const uint8_t header[NUB_INSTANCE_BARE_SIZE],
                   const struct nub_outline_run *runs, uint32_t n_runs)
{
    record[0] = NUB_OUTLINE_FORMAT;
    memcpy(record + 1, header, NUB_INSTANCE_BARE_SIZE);
    for (uint32_t i = 0; i < n_runs; i++) {
        uint8_t *bytes = record + RUNS + (uint64_t)i * NUB_OUTLINE_RUN_SIZE;

        nub_put_le32(bytes + RUN_PAGE, runs[i].page);
        nub_put_le32(bytes + RUN_N_PAGES, runs[i].n_pages);
        memcpy(bytes + RUN_ROOT, &runs[i].root, sizeof runs[i].root);
    }
}

/* ---- parts --------------------------------------------------------------------------------- */

void
nub_part_name(struct nub_hash *name, const struct nub_hash *root, unsigned level)
{
    *name = *root;
    nub_ssz_mix_in_selector(name, (uint8_t)level);
}

static const struct nub_hash *
zeros(unsigned level)
{
    return nub_ssz_zero_hash(NUB_SSZ_PAGE_DEPTH + level * NUB_TREE_FANOUT_LOG);
}

bool
nub_part_is_zero(const struct nub_hash *root, unsigned level)
{
    return nub_hash_equal(root, zeros(level));
}

uint32_t
nub_part_n_children(const struct nub_hash *children, uint32_t n, unsigned level)
{
    while (n > 0 && nub_hash_equal(&children[n - 1], zeros(level - 1)))
        n--;
    return n;
}

uint32_t
nub_part_page_size(const uint8_t page[NUB_PAGE_SIZE])
{
    uint32_t size = NUB_PAGE_SIZE;

    while (size > 0 && page[size - 1] == 0)
        size--;
    return size;
}

static enum nub_status
other_root(struct nub_failure *failure, const char *what, const struct nub_hash *root)
{
    return nub_fail_hash(failure, NUB_ERR_HASH_MISMATCH, root, "%s %h: the bytes have another root",
                         what, root);
}

enum nub_status
nub_part_decode_page(uint8_t page[NUB_PAGE_SIZE], struct nub_slice record,
                     const struct nub_hash *root, struct nub_failure *failure)
{
    struct nub_hash found;

    if (record.size == 0 || record.size > NUB_PAGE_SIZE || record.data[record.size - 1] == 0)
        return nub_fail_hash(failure, NUB_ERR_BAD_ENCODING, root,
                             "page %h: a record of %U bytes, perhaps with zeros at its end", root,
                             record.size);
    memcpy(page, record.data, record.size);
    memset(page + record.size, 0, NUB_PAGE_SIZE - record.size);
    nub_ssz_page_root(&found, page);
    return nub_hash_equal(&found, root) ? NUB_OK : other_root(failure, "page", root);
}

enum nub_status
nub_part_decode_node(struct nub_hash children[NUB_TREE_FANOUT], uint32_t n, unsigned level,
                     struct nub_slice record, const struct nub_hash *root,
                     struct nub_failure *failure)
{
    uint64_t n_there = record.size / sizeof *children;
    struct nub_hash found;

    if (record.size % sizeof *children != 0 || n_there == 0 || n_there > n)
        return nub_fail_hash(failure, NUB_ERR_BAD_ENCODING, root,
                             "node %h: a record of %U bytes for %u children", root, record.size, n);
    memcpy(children, record.data, record.size);
    if (nub_part_n_children(children, (uint32_t)n_there, level) != n_there)
        return nub_fail_hash(failure, NUB_ERR_BAD_ENCODING, root, "node %h: zeros at its end",
                             root);
    for (uint64_t i = n_there; i < n; i++)
        children[i] = *zeros(level - 1);
    nub_page_tree_node_root(&found, children, n, level);
    return nub_hash_equal(&found, root) ? NUB_OK : other_root(failure, "node", root);
}
