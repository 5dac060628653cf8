/* test-ssz.c - roots against a tree that is built leaf by leaf, the plain way */
#include "ssz.h"
#include "model-test.h"
#include "sha256.h"
#include <string.h>

static struct nub_hash
parent(const struct nub_hash *left, const struct nub_hash *right)
{
    struct nub_hash pair[2] = { *left, *right }, root;

    nub_sha256(root.bytes, pair, sizeof pair);
    return root;
}

/* Root of a tree of `depth` over `leaves`; `zero` is what stands where there is none. */
static struct nub_hash
plain_root(const struct nub_hash *leaves, gsize n, unsigned depth, struct nub_hash zero)
{
    g_autofree struct nub_hash *nodes = g_new0(struct nub_hash, n + 2);

    memcpy(nodes, leaves, n * sizeof *nodes);
    for (; depth; depth--) {
        if (n % 2)
            nodes[n++] = zero;
        for (gsize i = 0; i < n / 2; i++)
            nodes[i] = parent(&nodes[2 * i], &nodes[2 * i + 1]);
        n /= 2;
        zero = parent(&zero, &zero);
    }
    return n ? nodes[0] : zero;
}

static const struct nub_hash zero_chunk;

static guint8 *
random_bytes(gsize size, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    guint8 *bytes = g_malloc(size + 32);

    memset(bytes, 0, size + 32);
    for (gsize i = 0; i < size; i++)
        bytes[i] = (guint8)g_rand_int(rand);
    return bytes;
}

static void
test_zero_hashes(void)
{
    struct nub_hash zero = zero_chunk;

    for (unsigned depth = 0; depth <= NUB_SSZ_MAX_DEPTH; depth++) {
        nub_test_assert_hash(nub_ssz_zero_hash(depth), &zero);
        zero = parent(&zero, &zero);
    }
}

static void
test_bytes(void)
{
    static const gsize sizes[] = { 0,       1,        31,       32,      33,     64,
                                   65,      104,      1000,     4095,    4096,   4097,
                                   8192,    12288,    131071,   131072,  131073, 135168,
                                   0x40001, 0x3ff000, 0x400000, 0x401000 };
    static const unsigned depths[] = { 2, 7, 8, 12, 17, 20, 27, 32 };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree guint8 *bytes = random_bytes(sizes[i], i);
        gsize chunks = (sizes[i] + 31) / 32;

        for (guint d = 0; d < G_N_ELEMENTS(depths); d++) {
            struct nub_hash root, want;

            if (chunks > (gsize)1 << depths[d])
                continue;
            nub_ssz_bytes_root(&root, bytes, sizes[i], depths[d]);
            want = plain_root((const struct nub_hash *)bytes, chunks, depths[d], zero_chunk);
            nub_test_assert_hash(&root, &want);
        }
    }
}

static void
test_pages(void)
{
    const guint n = 9;
    g_autofree guint8 *bytes = random_bytes(n * NUB_PAGE_SIZE, 1);
    struct nub_hash roots[9], want;

    memset(bytes + 3 * NUB_PAGE_SIZE, 0, NUB_PAGE_SIZE);
    memset(bytes + 5 * NUB_PAGE_SIZE, 0, NUB_PAGE_SIZE - 1); /* only the last byte is not zero */
    bytes[6 * NUB_PAGE_SIZE - 1] = 1;
    nub_ssz_page_roots(roots, bytes, n);
    for (guint i = 0; i < n; i++) {
        want = plain_root((const struct nub_hash *)(bytes + i * NUB_PAGE_SIZE), 128,
                          NUB_SSZ_PAGE_DEPTH, zero_chunk);
        nub_test_assert_hash(&roots[i], &want);
    }
    nub_test_assert_hash(&roots[3], nub_ssz_zero_hash(NUB_SSZ_PAGE_DEPTH));

    /* page roots are subtrees of the whole */
    nub_ssz_bytes_root(&want, bytes, n * NUB_PAGE_SIZE, 27);
    nub_ssz_nodes_root(&roots[0], roots, n, NUB_SSZ_PAGE_DEPTH, 27);
    nub_test_assert_hash(&roots[0], &want);
}

static void
test_nodes(void)
{
    static const guint counts[] = { 0, 1, 2, 3, 31, 32, 33, 63, 64, 1023, 1024, 1025, 2048, 32768 };
    static const struct {
        unsigned leaf_depth, depth;
    } shapes[] = { { 0, 0 },  { 0, 1 },  { 0, 4 },  { 0, 5 }, { 0, 6 },  { 0, 10 },
                   { 0, 11 }, { 0, 15 }, { 0, 19 }, { 7, 7 }, { 7, 27 }, { 3, 32 } };
    g_autofree struct nub_hash *nodes = (struct nub_hash *)random_bytes(32768 * 32, 2);

    for (guint s = 0; s < G_N_ELEMENTS(shapes); s++)
        for (guint c = 0; c < G_N_ELEMENTS(counts); c++) {
            unsigned levels = shapes[s].depth - shapes[s].leaf_depth;
            struct nub_hash root, want;

            if (counts[c] > (guint64)1 << levels)
                continue;
            nub_ssz_nodes_root(&root, nodes, counts[c], shapes[s].leaf_depth, shapes[s].depth);
            want = plain_root(nodes, counts[c], levels, *nub_ssz_zero_hash(shapes[s].leaf_depth));
            nub_test_assert_hash(&root, &want);
        }
}

static void
test_mix_in(void)
{
    static const guint64 lengths[] = { 0, 1, 255, 0x1122334455667788, G_MAXUINT64 };

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        struct nub_hash root = { { 1, 2, 3 } }, number = { { 0 } }, want;
        guint64 le = GUINT64_TO_LE(lengths[i]);

        memcpy(number.bytes, &le, sizeof le);
        want = parent(&root, &number);
        nub_ssz_mix_in_length(&root, lengths[i]);
        nub_test_assert_hash(&root, &want);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/ssz/zero-hashes-are-hashes-of-zeros", test_zero_hashes);
    g_test_add_func("/model/ssz/byte-strings-of-any-size-and-depth", test_bytes);
    g_test_add_func("/model/ssz/pages-are-subtrees", test_pages);
    g_test_add_func("/model/ssz/lists-of-roots-of-any-number-and-depth", test_nodes);
    g_test_add_func("/model/ssz/lengths-are-mixed-in", test_mix_in);
    return g_test_run();
}
