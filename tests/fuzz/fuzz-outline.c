/* fuzz-outline.c - any bytes as what a store gives back: an outline, a page or a node
 *
 * The first byte says which, and of how many children; then the root that the part must have, then
 * the record. An outline that decodes has a wire form that decodes, with the same overlays, and is
 * what encoding it again gives. A part that decodes has the root, and its record is the only one.
 */
#include "fuzz.h"
#include "bytes.h"
#include "outline.h"
#include "ssz.h"
#include <glib.h>
#include <string.h>

#define MOST (1u << 20) /* the largest wire form that is laid down */

static void
check_wire(const struct nub_outline *outline)
{
    g_autofree guint8 *wire = g_malloc0(outline->wire_size);
    struct nub_outline_run run;
    struct nub_overlay overlay;
    struct nub_cap cap;

    nub_outline_wire(wire, outline);
    FUZZ_CHECK(nub_cap_decode(&cap, (struct nub_slice){ wire, outline->wire_size }, NULL) ==
               NUB_OK);
    FUZZ_CHECK(cap.u.instance.n_overlays == outline->n_runs);
    for (uint32_t i = 0; i < outline->n_runs; i++) {
        nub_outline_run(outline, i, &run);
        nub_instance_overlay(&cap.u.instance, i, &overlay);
        FUZZ_CHECK(overlay.start == run.page * NUB_PAGE_SIZE);
        FUZZ_CHECK(overlay.bytes.size == (uint64_t)run.n_pages * NUB_PAGE_SIZE);
    }
}

static void
check_outline(struct nub_slice record)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    g_autofree struct nub_outline_run *runs = NULL;
    g_autofree guint8 *again = NULL;
    struct nub_outline outline;
    struct nub_hash hash;

    if (nub_outline_decode(&outline, record, &failure)) {
        FUZZ_CHECK(failure.code == NUB_ERR_BAD_ENCODING || failure.code == NUB_ERR_NOT_SUPPORTED);
        FUZZ_CHECK(strlen(failure.message) > 0);
        return;
    }
    FUZZ_CHECK(nub_is_outline(record));
    nub_outline_hash(&hash, &outline);
    runs = g_new(struct nub_outline_run, outline.n_runs);
    for (uint32_t i = 0; i < outline.n_runs; i++)
        nub_outline_run(&outline, i, &runs[i]);
    FUZZ_CHECK(nub_outline_size(outline.n_runs) == record.size);
    again = g_malloc(record.size);
    nub_outline_encode(again, outline.header.wire.data, runs, outline.n_runs);
    FUZZ_CHECK(memcmp(again, record.data, record.size) == 0);
    if (outline.wire_size <= MOST)
        check_wire(&outline);
}

static void
check_page(const struct nub_hash *root, struct nub_slice record)
{
    guint8 page[NUB_PAGE_SIZE];
    struct nub_hash found;

    if (nub_part_decode_page(page, record, root, NULL))
        return;
    nub_ssz_page_root(&found, page);
    FUZZ_CHECK(nub_hash_equal(&found, root));
    FUZZ_CHECK(nub_part_page_size(page) == record.size);
    FUZZ_CHECK(!nub_part_is_zero(root, 0));
}

static void
check_node(const struct nub_hash *root, uint32_t n, unsigned level, struct nub_slice record)
{
    struct nub_hash children[NUB_TREE_FANOUT], found;

    if (nub_part_decode_node(children, n, level, record, root, NULL))
        return;
    nub_page_tree_node_root(&found, children, n, level);
    FUZZ_CHECK(nub_hash_equal(&found, root));
    FUZZ_CHECK(nub_part_n_children(children, n, level) * sizeof *children == record.size);
}

/* The record under the root that it has, so that what comes after the comparison is reached, too.
 */
static void
check_under_its_root(uint32_t n, unsigned level, struct nub_slice record)
{
    struct nub_hash children[NUB_TREE_FANOUT] = { { { 0 } } }, root;
    guint8 page[NUB_PAGE_SIZE] = { 0 };

    for (uint32_t i = 0; i < n; i++)
        children[i] = *nub_ssz_zero_hash(NUB_SSZ_PAGE_DEPTH + (level - 1) * NUB_TREE_FANOUT_LOG);
    if (record.size <= sizeof page) {
        memcpy(page, record.data, record.size);
        nub_ssz_page_root(&root, page);
        check_page(&root, record);
    }
    if (record.size <= n * sizeof *children) {
        memcpy(children, record.data, record.size);
        nub_page_tree_node_root(&root, children, n, level);
        check_node(&root, n, level, record);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nub_slice record = { data, size };
    struct nub_hash root;
    uint32_t n;
    unsigned level;

    check_outline(record);
    if (size <= 1 + sizeof root)
        return 0;
    n = data[0] % NUB_TREE_FANOUT + 1;
    level = data[0] / NUB_TREE_FANOUT % 5 + 1;
    memcpy(&root, data + 1, sizeof root);
    record = (struct nub_slice){ data + 1 + sizeof root, size - 1 - sizeof root };
    check_page(&root, record);
    check_node(&root, n, level, record);
    check_under_its_root(n, level, record);
    return 0;
}
