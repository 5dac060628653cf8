/* test-paged.c - sets of shared pages under random edits, against sets made from scratch
 *
 * Every set must have the root and the wire form that its contents give, whatever it was made
 * from, and what all sets together keep must be what their counts say.
 */
#include "paged.h"
#include "bytes.h"
#include "model-test.h"
#include "ssz.h"
#include <string.h>

#define SPACE 1500u /* pages that the test looks at */
#define FIRST 1000u /* number of the first */
#define FILLS 5u

static guint8 fills[FILLS][NUB_PAGE_SIZE];
static struct nub_hash fill_roots[FILLS];

/* Page -> fill, or -1 where there is no overlay. */
struct contents {
    gint8 fill[SPACE];
};

struct edits {
    struct nub_page_edit list[SPACE];
    guint n;
};

static void
add_edit(struct edits *edits, guint page, gint fill)
{
    struct nub_page_edit *edit = &edits->list[edits->n++];

    edit->page = FIRST + page;
    edit->bytes = fill < 0 ? NULL : fills[fill];
    if (fill >= 0)
        edit->root = fill_roots[fill];
}

static struct nub_paged *
from_scratch(const struct nub_alloc *alloc, const struct contents *contents)
{
    g_autofree struct edits *edits = g_new0(struct edits, 1);

    for (guint p = 0; p < SPACE; p++)
        if (contents->fill[p] >= 0)
            add_edit(edits, p, contents->fill[p]);
    return nub_paged_new(alloc, NULL, edits->list, edits->n);
}

static GByteArray *
encode(const struct nub_paged *paged)
{
    GByteArray *list = g_byte_array_new();

    g_byte_array_set_size(list, nub_paged_wire_size(paged));
    nub_paged_encode(list->data, paged);
    return list;
}

static void
check_pieces(const struct nub_paged *paged, const struct contents *contents)
{
    struct nub_overlay piece;
    uint32_t cursor = 0, at = 0, pages = 0;

    while (nub_paged_next_piece(paged, &cursor, &piece)) {
        g_assert_cmpuint(piece.start / NUB_PAGE_SIZE, >=, FIRST + at);
        for (gsize i = 0; i < piece.bytes.size / NUB_PAGE_SIZE; i++, pages++) {
            at = piece.start / NUB_PAGE_SIZE + i - FIRST;
            g_assert_cmpint(contents->fill[at], >=, 0);
            g_assert_cmpmem(piece.bytes.data + i * NUB_PAGE_SIZE, NUB_PAGE_SIZE,
                            fills[contents->fill[at]], NUB_PAGE_SIZE);
        }
        at++;
    }
    for (guint p = 0; p < SPACE; p++) {
        const uint8_t *found = nub_paged_find(paged, FIRST + p);

        g_assert_cmpint(found != NULL, ==, contents->fill[p] >= 0);
        pages -= found != NULL;
    }
    g_assert_cmpuint(pages, ==, 0);
    /* the bound of paged.c */
    g_assert_cmpuint(paged->n_pieces, <=, paged->n_runs + 64 + SPACE / 16);
}

static void
check(const struct nub_alloc *alloc, const struct nub_paged *paged, const struct contents *contents)
{
    struct nub_paged *want = from_scratch(alloc, contents);
    g_autoptr(GByteArray) wire = encode(paged), want_wire = encode(want);
    struct nub_hash root, want_root;

    nub_paged_root(&root, paged);
    nub_paged_root(&want_root, want);
    nub_test_assert_hash(&root, &want_root);
    g_assert_cmpmem(wire->data, wire->len, want_wire->data, want_wire->len);
    check_pieces(paged, contents);
    nub_paged_free(alloc, want);
}

/* The same as an Instance: what cap-hash.c says, which knows nothing of shared pages. */
static void
check_as_instance(const struct nub_alloc *alloc, const struct nub_paged *paged)
{
    g_autofree struct nub_overlay *overlays = g_new0(struct nub_overlay, paged->n_runs + 1);
    struct nub_instance_spec spec = { .overlays = overlays, .n_overlays = paged->n_runs };
    g_autoptr(GByteArray) list = encode(paged);
    g_autofree guint8 *wire = NULL;
    struct nub_hash want, root, overlays_root;
    struct nub_paged *again;
    struct nub_cap cap;

    for (guint i = 0; i < paged->n_runs; i++) {
        gsize from = nub_le32(list->data + 4 * i) + 8;
        gsize to = i + 1 < paged->n_runs ? nub_le32(list->data + 4 * i + 4) : list->len;

        nub_paged_overlay(paged, i, &overlays[i]);
        g_assert_cmpuint(overlays[i].bytes.size, ==, to - from);
        if (overlays[i].bytes.data)
            g_assert_cmpmem(overlays[i].bytes.data, overlays[i].bytes.size, list->data + from,
                            to - from);
        overlays[i].bytes.data = list->data + from;
    }
    wire = g_malloc(nub_instance_wire_size(&spec));
    nub_instance_encode(wire, &spec);
    g_assert_cmpint(
        nub_cap_decode(&cap, (struct nub_slice){ wire, nub_instance_wire_size(&spec) }, NULL), ==,
        NUB_OK);
    nub_cap_hash(&want, &cap);
    nub_paged_root(&overlays_root, paged);
    nub_instance_root(&root, &cap.u.instance, &overlays_root);
    nub_test_assert_hash(&root, &want);
    again = nub_paged_from_wire(alloc, &cap.u.instance);
    nub_paged_root(&root, again);
    nub_test_assert_hash(&root, &overlays_root);
    nub_paged_free(alloc, again);
}

/* Edits one stretch: sets pages, removes them, or both. */
static void
random_edits(struct contents *contents, struct edits *edits, GRand *rand)
{
    guint kind = g_rand_int_range(rand, 0, 4);
    guint from = g_rand_int_range(rand, 0, SPACE), step = g_rand_int_range(rand, 1, 4);
    guint length = 1u << g_rand_int_range(rand, 0, 11), to = MIN(SPACE, from + length);

    edits->n = 0;
    if (kind < 2)
        to = MIN(to, from + 3); /* most runs touch little */
    for (guint p = from; p < to; p += kind == 3 ? step : 1) {
        gboolean remove = kind == 2 ? TRUE : kind == 3 && g_rand_boolean(rand);
        gint fill = remove ? -1 : g_rand_int_range(rand, 0, FILLS);

        if (fill < 0 && contents->fill[p] < 0)
            continue;
        contents->fill[p] = (gint8)fill;
        add_edit(edits, p, fill);
    }
}

static void
test_random_edits(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);
    g_autofree struct edits *edits = g_new0(struct edits, 1);
    struct contents contents;
    struct nub_test_alloc test;
    struct nub_paged *old = NULL, *older = NULL;
    guint64 shared = 0, own = 0;

    nub_test_alloc_init(&test, TRUE);
    memset(contents.fill, -1, sizeof contents.fill);
    for (guint step = 0; step < 400; step++) {
        struct nub_paged *paged;

        random_edits(&contents, edits, rand);
        paged = nub_paged_new(&test.alloc, old, edits->list, edits->n);
        shared += paged->shared_bytes;
        own += nub_paged_own_bytes(paged);
        if (older) {
            own -= nub_paged_own_bytes(older);
            shared -= nub_paged_free(&test.alloc, older);
        }
        g_assert_cmpuint(test.live_bytes, ==, shared + own);
        if (step % 8 == 0)
            check(&test.alloc, paged, &contents);
        if (step % 80 == 0)
            check_as_instance(&test.alloc, paged);
        older = old;
        old = paged;
    }
    nub_paged_free(&test.alloc, older);
    nub_paged_free(&test.alloc, old);
    g_assert_cmpuint(test.live_blocks, ==, 0);
}

/* The wire form of an Instance with these overlays, as a blob of `alloc`. */
static uint8_t *
encode_instance(const struct nub_alloc *alloc, const struct nub_paged *paged, struct nub_cap *cap,
                gsize *size, gsize *lead)
{
    struct nub_instance_spec spec = { .n_overlays = 0 };
    g_autoptr(GByteArray) list = encode(paged);
    gsize fixed = nub_instance_wire_size(&spec);
    uint8_t *blob;

    *size = fixed + list->len;
    *lead = paged->n_runs ? fixed + paged->n_runs * 4 + 8 : 0;
    blob = alloc->blob_new(alloc->ctx, *size, *lead);
    nub_instance_encode(blob, &spec);
    memcpy(blob + fixed, list->data, list->len);
    g_assert_cmpint(nub_cap_decode(cap, (struct nub_slice){ blob, *size }, NULL), ==, NUB_OK);
    return blob;
}

/* A replica that begins with a wire form, in place, and follows by edits: the same bytes, no roots.
 */
static void
test_replica(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(14);
    g_autofree struct edits *edits = g_new0(struct edits, 1);
    struct contents contents;
    struct nub_test_alloc test;
    struct nub_paged *first, *replica;
    guint64 shared, own;
    struct nub_cap cap;
    gsize size, lead;

    nub_test_alloc_init(&test, TRUE);
    for (guint p = 0; p < SPACE; p++)
        contents.fill[p] = p % 90 < 60 ? (gint8)(p % FILLS) : -1;
    first = from_scratch(&test.alloc, &contents);
    uint8_t *blob = encode_instance(&test.alloc, first, &cap, &size, &lead);
    nub_paged_free(&test.alloc, first);
    replica = nub_paged_adopt(&test.alloc, &cap.u.instance, blob, size, lead);
    g_assert_true(nub_paged_find(replica, FIRST) == blob + lead);
    shared = replica->shared_bytes;
    own = nub_paged_own_bytes(replica);
    g_assert_cmpuint(test.live_bytes, ==, shared + own);
    for (guint step = 0; step < 300; step++) {
        struct nub_paged *next;

        random_edits(&contents, edits, rand);
        for (guint i = 0; i < edits->n; i++)
            memset(&edits->list[i].root, 0xee, sizeof edits->list[i].root);
        next = nub_paged_copy(&test.alloc, replica, edits->list, edits->n);
        shared += next->shared_bytes - nub_paged_free(&test.alloc, replica);
        replica = next;
        g_assert_cmpuint(test.live_bytes, ==, shared + nub_paged_own_bytes(replica));
        if (step % 8 == 0) {
            struct nub_paged *want = from_scratch(&test.alloc, &contents);
            g_autoptr(GByteArray) wire = encode(replica), want_wire = encode(want);

            g_assert_cmpmem(wire->data, wire->len, want_wire->data, want_wire->len);
            check_pieces(replica, &contents);
            nub_paged_free(&test.alloc, want);
        }
    }
    nub_paged_free(&test.alloc, replica);
    g_assert_cmpuint(test.live_blocks, ==, 0);
}

/* Until it succeeds the blob stays the caller's. */
static void
test_adopt_no_memory(void)
{
    struct contents contents;
    gboolean failed = TRUE;

    for (guint p = 0; p < SPACE; p++)
        contents.fill[p] = p % 50 < 30 ? (gint8)(p % FILLS) : -1;
    for (guint64 n = 1; failed; n++) {
        struct nub_test_alloc test;
        struct nub_paged *first, *replica;
        struct nub_cap cap;
        gsize size, lead;

        nub_test_alloc_init(&test, TRUE);
        first = from_scratch(&test.alloc, &contents);
        uint8_t *blob = encode_instance(&test.alloc, first, &cap, &size, &lead);
        nub_paged_free(&test.alloc, first);
        test.calls = 0;
        test.fail_at = n;
        replica = nub_paged_adopt(&test.alloc, &cap.u.instance, blob, size, lead);
        failed = test.calls >= n;
        test.fail_at = 0;
        g_assert_cmpint(replica == NULL, ==, failed);
        if (replica)
            nub_paged_free(&test.alloc, replica);
        else
            test.alloc.blob_free(test.alloc.ctx, blob, size, lead);
        g_assert_cmpuint(test.live_blocks, ==, 0);
        g_assert_cmpuint(n, <, 100);
    }
}

/* Named shapes: how the new run lies to the old one decides what can be shared. */
static void
test_shapes(void)
{
    static const struct {
        const char *name;
        guint from, to; /* the base's run */
        guint at, n;    /* the edit */
        gint fill;
        guint runs;
        guint64 most; /* bytes that may be made */
    } rows[] = {
        { "rewrite one inner page", 100, 1124, 500, 1, 1, 1, 4096 + 3000 },
        { "rewrite the first", 100, 1124, 100, 1, 1, 1, 4096 + 3000 },
        { "rewrite the last", 100, 1124, 1123, 1, 1, 1, 4096 + 3000 },
        { "append", 100, 1124, 1124, 1, 1, 1, 4096 + 3000 },
        { "shorten", 100, 1124, 1123, 1, -1, 1, 3000 },
        { "apart", 100, 1124, 1200, 1, 1, 2, 4096 + 3000 },
        /* pages move in their tree: the nodes are made again, the pages are not copied */
        { "prepend", 100, 1124, 99, 1, 1, 1, 4096 + 64 * 600 + 3000 },
        { "split", 100, 1124, 400, 1, -1, 2, 64 * 600 + 3000 },
        { "remove all", 100, 1124, 100, 1024, -1, 0, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree struct edits *edits = g_new0(struct edits, 1);
        struct nub_paged *base, *paged;
        struct nub_test_alloc test;
        struct contents contents;

        nub_test_alloc_init(&test, TRUE);
        memset(contents.fill, -1, sizeof contents.fill);
        for (guint p = rows[i].from; p < rows[i].to; p++)
            contents.fill[p] = (gint8)(p % FILLS);
        base = from_scratch(&test.alloc, &contents);
        for (guint p = rows[i].at; p < rows[i].at + rows[i].n; p++) {
            contents.fill[p] = (gint8)rows[i].fill;
            add_edit(edits, p, rows[i].fill);
        }
        paged = nub_paged_new(&test.alloc, base, edits->list, edits->n);
        g_test_message("%s: %u runs, %u pieces, %" G_GUINT64_FORMAT " bytes made", rows[i].name,
                       paged->n_runs, paged->n_pieces, paged->shared_bytes);
        g_assert_cmpuint(paged->n_runs, ==, rows[i].runs);
        g_assert_cmpuint(paged->shared_bytes, <=, rows[i].most);
        check(&test.alloc, paged, &contents);
        nub_paged_free(&test.alloc, base);
        check(&test.alloc, paged, &contents);
        nub_paged_free(&test.alloc, paged);
        g_assert_cmpuint(test.live_blocks, ==, 0);
    }
}

/* Every page rewritten alone, one after the other in a scattered order. */
static void
test_compaction(void)
{
    struct nub_paged *paged;
    struct nub_test_alloc test;
    struct contents contents;
    guint most = 0;

    nub_test_alloc_init(&test, TRUE);
    memset(contents.fill, 0, sizeof contents.fill);
    paged = from_scratch(&test.alloc, &contents);
    for (guint i = 0; i < SPACE; i++) {
        struct edits *edits = g_new0(struct edits, 1);
        struct nub_paged *next;
        guint p = i * 7 % SPACE;

        contents.fill[p] = 1;
        add_edit(edits, p, 1);
        next = nub_paged_new(&test.alloc, paged, edits->list, 1);
        nub_paged_free(&test.alloc, paged);
        paged = next;
        most = MAX(most, paged->n_pieces);
        g_assert_cmpuint(test.live_bytes, <, 2 * SPACE * NUB_PAGE_SIZE);
        g_free(edits);
    }
    g_assert_cmpuint(most, >, 100);
    check(&test.alloc, paged, &contents);
    nub_paged_free(&test.alloc, paged);
    g_assert_cmpuint(test.live_blocks, ==, 0);
}

static void
test_no_memory(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    struct contents contents;
    guint failures = 0;

    for (guint p = 0; p < SPACE; p++)
        contents.fill[p] = p % 50 < 30 ? (gint8)(p % FILLS) : -1;
    for (guint64 n = 1, failed = 1; failed; n++) {
        g_autofree struct edits *edits = g_new0(struct edits, 1);
        struct contents copy = contents;
        struct nub_test_alloc test;
        struct nub_paged *base, *paged;

        nub_test_alloc_init(&test, TRUE);
        base = from_scratch(&test.alloc, &copy);
        for (guint p = 0; p < 400; p += 3) {
            gint fill = p % 2 || copy.fill[p] < 0 ? (gint)(p % FILLS) : -1;

            copy.fill[p] = (gint8)fill;
            add_edit(edits, p, fill);
        }
        test.calls = 0;
        test.fail_at = n;
        paged = nub_paged_new(&test.alloc, base, edits->list, edits->n);
        failed = test.calls >= n;
        g_assert_cmpint(paged == NULL, ==, failed);
        failures += paged == NULL;
        test.fail_at = 0;
        nub_paged_free(&test.alloc, paged);
        if (n % 16 == 0)
            check(&test.alloc, base, &contents);
        nub_paged_free(&test.alloc, base);
        g_assert_cmpuint(test.live_blocks, ==, 0);
    }
    g_assert_cmpuint(failures, >, 50);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < FILLS; i++) {
        for (guint at = 0; at < NUB_PAGE_SIZE; at++)
            fills[i][at] = (guint8)(i * (at / 40 + 1));
        nub_ssz_page_root(&fill_roots[i], fills[i]);
    }
    g_test_add_func("/model/paged/random-edits-give-what-their-contents-say", test_random_edits);
    g_test_add_func("/model/paged/a-replica-follows-in-place", test_replica);
    g_test_add_func("/model/paged/what-cannot-be-adopted-is-still-the-callers",
                    test_adopt_no_memory);
    g_test_add_func("/model/paged/what-is-not-touched-is-shared", test_shapes);
    g_test_add_func("/model/paged/many-small-changes-are-copied-together", test_compaction);
    g_test_add_func("/model/paged/each-failing-allocation-leaves-nothing-half-done",
                    test_no_memory);
    return g_test_run();
}
