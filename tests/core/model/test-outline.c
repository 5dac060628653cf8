/* test-outline.c - outlines and parts: one record for one Instance, page and node, and its hash */
#include "outline.h"
#include "bytes.h"
#include "model-test.h"
#include "paged.h"
#include "ssz.h"
#include <string.h>

#define HEADER 1u
#define RUNS   (HEADER + NUB_INSTANCE_BARE_SIZE)

/* An outline of runs of random pages, with the wire form that it stands for. */
struct made {
    GByteArray *wire;
    GByteArray *record;
    struct nub_cap cap;
};

static void
make(struct made *made, GRand *random, const struct nub_outline_run *shape, guint n)
{
    g_autofree struct nub_overlay *overlays = g_new0(struct nub_overlay, n + 1);
    g_autofree struct nub_outline_run *runs = g_memdup2(shape, n * sizeof *runs);
    struct nub_instance_spec spec = { .overlays = overlays, .n_overlays = n, .mem_size = 8192 };
    guint8 header[NUB_INSTANCE_BARE_SIZE];
    struct nub_test_alloc test;
    struct nub_paged *paged;

    nub_test_alloc_init(&test, FALSE);
    for (guint i = 0; i < n; i++) {
        gsize size = (gsize)runs[i].n_pages * NUB_PAGE_SIZE;
        guint8 *bytes = g_malloc(size);
        for (gsize at = 0; at < size; at += 64)
            memset(bytes + at, (guint8)g_rand_int(random), 64);
        overlays[i] = (struct nub_overlay){ runs[i].page * NUB_PAGE_SIZE, { bytes, size } };
    }
    made->wire = g_byte_array_new();
    g_byte_array_set_size(made->wire, nub_instance_wire_size(&spec));
    nub_instance_encode(made->wire->data, &spec);
    g_assert_cmpint(
        nub_cap_decode(&made->cap, (struct nub_slice){ made->wire->data, made->wire->len }, NULL),
        ==, NUB_OK);
    paged = nub_paged_from_wire(&test.alloc, &made->cap.u.instance);
    for (guint i = 0; i < n; i++) {
        runs[i].root = paged->runs[i].tree->root;
        g_free((guint8 *)overlays[i].bytes.data);
    }
    nub_paged_free(&test.alloc, paged);
    spec.n_overlays = 0;
    nub_instance_encode(header, &spec);
    made->record = g_byte_array_new();
    g_byte_array_set_size(made->record, nub_outline_size(n));
    nub_outline_encode(made->record->data, header, runs, n);
}

static void
unmake(struct made *made)
{
    g_byte_array_unref(made->wire);
    g_byte_array_unref(made->record);
}

static enum nub_status
decode(struct nub_outline *outline, const GByteArray *record)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    enum nub_status status =
        nub_outline_decode(outline, (struct nub_slice){ record->data, record->len }, &failure);

    g_assert_cmpint(failure.code, ==, (int)status);
    return status;
}

/* The outline has the hash of the Instance, and its wire form but for the pages. */
static void
test_stands_for_the_instance(void)
{
    static const struct nub_outline_run shapes[] = {
        { .page = 0, .n_pages = 1 },      { .page = 2, .n_pages = 16 },
        { .page = 19, .n_pages = 17 },    { .page = 100, .n_pages = 256 },
        { .page = 1000, .n_pages = 300 }, { .page = (1 << 20) - 1, .n_pages = 1 },
    };
    g_autoptr(GRand) random = g_rand_new_with_seed(1);

    for (guint n = 1; n <= G_N_ELEMENTS(shapes); n++) {
        struct nub_hash hash, want;
        struct nub_outline outline;
        g_autofree guint8 *wire = NULL;
        struct made made;
        guint64 at;
        make(&made, random, shapes, n);
        g_assert_cmpint(decode(&outline, made.record), ==, NUB_OK);
        g_assert_cmpuint(outline.wire_size, ==, made.wire->len);
        nub_outline_hash(&hash, &outline);
        nub_cap_hash(&want, &made.cap);
        nub_test_assert_hash(&hash, &want);
        wire = g_malloc0(outline.wire_size);
        at = nub_outline_wire(wire, &outline);
        for (guint i = 0; i < n; i++) {
            gsize size = (gsize)shapes[i].n_pages * NUB_PAGE_SIZE;
            memcpy(wire + at, made.wire->data + at, size);
            at += size + NUB_OUTLINE_GAP;
        }
        g_assert_cmpmem(wire, outline.wire_size, made.wire->data, made.wire->len);
        unmake(&made);
    }
}

static void
test_strict(void)
{
    static const struct nub_outline_run shape[] = { { .page = 4, .n_pages = 2 },
                                                    { .page = 8, .n_pages = 3 } };
    static const struct {
        guint at;
        guint32 value;
        enum nub_status status;
    } rows[] = {
        { RUNS, 5, NUB_OK },
        { RUNS, 6, NUB_ERR_BAD_ENCODING },              /* adjacent */
        { RUNS, 9, NUB_ERR_BAD_ENCODING },              /* not sorted */
        { RUNS + 4, 0, NUB_ERR_BAD_ENCODING },          /* empty */
        { RUNS + 4, 0xffffffff, NUB_ERR_BAD_ENCODING }, /* beyond the address space */
        { RUNS + 40, 0xfffff, NUB_ERR_BAD_ENCODING },   /* the same */
        { RUNS + 40 + 4, 0xffff8, NUB_OK },
        { RUNS + 40 + 4, 0xffff9, NUB_ERR_BAD_ENCODING },
        { 0, 0x82, NUB_ERR_NOT_SUPPORTED },          /* a later format */
        { HEADER, 2, NUB_ERR_BAD_ENCODING },         /* no Instance */
        { HEADER + 97, 1000, NUB_ERR_BAD_ENCODING }, /* the offset of the overlays */
    };
    g_autoptr(GRand) random = g_rand_new_with_seed(2);
    struct nub_outline outline;
    struct made made;

    make(&made, random, shape, 2);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) record = g_byte_array_new();
        g_byte_array_append(record, made.record->data, made.record->len);
        if (rows[i].at <= HEADER)
            record->data[rows[i].at] = (guint8)rows[i].value;
        else
            nub_put_le32(record->data + rows[i].at, rows[i].value);
        g_assert_cmpint(decode(&outline, record), ==, rows[i].status);
    }
    for (guint size = 0; size < made.record->len; size++) {
        g_autoptr(GByteArray) record = g_byte_array_new();
        g_byte_array_append(record, made.record->data, size);
        g_assert_cmpint(decode(&outline, record), ==,
                        size == RUNS + NUB_OUTLINE_RUN_SIZE ? NUB_OK : NUB_ERR_BAD_ENCODING);
    }
    /* every page there is: no wire form is as long */
    g_byte_array_set_size(made.record, RUNS + NUB_OUTLINE_RUN_SIZE);
    nub_put_le32(made.record->data + RUNS, 0);
    nub_put_le32(made.record->data + RUNS + 4, 1 << 20);
    g_assert_cmpint(decode(&outline, made.record), ==, NUB_ERR_BAD_ENCODING);
    unmake(&made);
}

static void
test_pages(void)
{
    guint8 page[NUB_PAGE_SIZE] = { 1, 2, 3 }, back[NUB_PAGE_SIZE];
    struct nub_slice record = { page, 3 };
    struct nub_hash root, zeros;

    nub_ssz_page_root(&root, page);
    g_assert_cmpuint(nub_part_page_size(page), ==, 3);
    g_assert_cmpint(nub_part_decode_page(back, record, &root, NULL), ==, NUB_OK);
    g_assert_cmpmem(back, sizeof back, page, sizeof page);
    record.size = 4; /* a zero at its end */
    g_assert_cmpint(nub_part_decode_page(back, record, &root, NULL), ==, NUB_ERR_BAD_ENCODING);
    record.size = 0;
    g_assert_cmpint(nub_part_decode_page(back, record, &root, NULL), ==, NUB_ERR_BAD_ENCODING);
    record.size = 2;
    g_assert_cmpint(nub_part_decode_page(back, record, &root, NULL), ==, NUB_ERR_HASH_MISMATCH);
    record.size = NUB_PAGE_SIZE + 1;
    g_assert_cmpint(nub_part_decode_page(back, record, &root, NULL), ==, NUB_ERR_BAD_ENCODING);
    memset(page, 0, sizeof page);
    g_assert_cmpuint(nub_part_page_size(page), ==, 0);
    nub_ssz_page_root(&zeros, page);
    g_assert_true(nub_part_is_zero(&zeros, 0));
    g_assert_false(nub_part_is_zero(&zeros, 1));
    g_assert_false(nub_part_is_zero(&root, 0));
}

/* Runs of 2 and 3 pages, of which the third is zeros, have one root: and one record. */
static void
test_nodes(void)
{
    struct nub_hash children[3] = { { { 1 } }, { { 2 } } }, back[NUB_TREE_FANOUT], root, longer;
    struct nub_slice record = { children[0].bytes, 2 * sizeof *children };

    children[2] = *nub_ssz_zero_hash(NUB_SSZ_PAGE_DEPTH);
    nub_page_tree_node_root(&root, children, 2, 1);
    nub_page_tree_node_root(&longer, children, 3, 1);
    nub_test_assert_hash(&root, &longer);
    g_assert_cmpuint(nub_part_n_children(children, 3, 1), ==, 2);
    for (guint n = 2; n <= 3; n++) {
        g_assert_cmpint(nub_part_decode_node(back, n, 1, record, &root, NULL), ==, NUB_OK);
        g_assert_cmpmem(back, n * sizeof *back, children, n * sizeof *children);
    }
    g_assert_cmpint(nub_part_decode_node(back, 1, 1, record, &root, NULL), ==,
                    NUB_ERR_BAD_ENCODING);
    g_assert_cmpint(nub_part_decode_node(back, 2, 2, record, &root, NULL), ==,
                    NUB_ERR_HASH_MISMATCH);
    record.size = 3 * sizeof *children;
    g_assert_cmpint(nub_part_decode_node(back, 3, 1, record, &root, NULL), ==,
                    NUB_ERR_BAD_ENCODING);
    record.size = sizeof *children;
    g_assert_cmpint(nub_part_decode_node(back, 2, 1, record, &root, NULL), ==,
                    NUB_ERR_HASH_MISMATCH);
    record.size = 33;
    g_assert_cmpint(nub_part_decode_node(back, 2, 1, record, &root, NULL), ==,
                    NUB_ERR_BAD_ENCODING);
}

/* The bytes of a page may be what the roots below a node are: their roots agree, their names not.
 */
static void
test_names_tell_levels_apart(void)
{
    struct nub_hash pages[NUB_TREE_FANOUT], root, name, other;

    for (guint i = 0; i < G_N_ELEMENTS(pages); i++)
        memset(&pages[i], (int)i + 1, sizeof pages[i]);
    nub_page_tree_node_root(&root, pages, NUB_TREE_FANOUT, 1);
    nub_part_name(&name, &root, 0);
    nub_part_name(&other, &root, 1);
    g_assert_cmpint(memcmp(&name, &other, sizeof name), !=, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/outline/stands-for-the-instance", test_stands_for_the_instance);
    g_test_add_func("/model/outline/strict", test_strict);
    g_test_add_func("/model/outline/pages", test_pages);
    g_test_add_func("/model/outline/nodes", test_nodes);
    g_test_add_func("/model/outline/names-tell-levels-apart", test_names_tell_levels_apart);
    return g_test_run();
}
