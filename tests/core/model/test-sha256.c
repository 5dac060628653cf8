/* test-sha256.c - every path of SHA-256 against GChecksum */
#include "sha256.h"
#include "model-test.h"
#include <string.h>

static void
want_digest(guint8 digest[32], const guint8 *data, gsize size)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = 32;

    g_checksum_update(checksum, data, (gssize)size);
    g_checksum_get_digest(checksum, digest, &length);
}

static guint8 *
random_bytes(gsize size)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(64);
    guint8 *bytes = g_malloc(size);

    for (gsize i = 0; i < size; i++)
        bytes[i] = (guint8)g_rand_int(rand);
    return bytes;
}

/* False, and a skip that is seen, when this CPU lacks the path. */
static gboolean
select_path(gconstpointer path)
{
    if (nub_sha256_select(GPOINTER_TO_INT(path))) {
        g_assert_cmpint(nub_sha256_current(), ==, GPOINTER_TO_INT(path));
        return TRUE;
    }
    g_test_skip("this CPU has no SHA extensions");
    return FALSE;
}

static void
test_known(gconstpointer path)
{
    /* FIPS 180-4's examples */
    static const struct {
        const char *message, *digest;
    } rows[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };

    if (!select_path(path))
        return;
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *hex = NULL;
        guint8 digest[32];

        nub_sha256(digest, rows[i].message, strlen(rows[i].message));
        hex = nub_test_hex(digest, sizeof digest);
        g_assert_cmpstr(hex, ==, rows[i].digest);
    }
}

static void
test_sizes(gconstpointer path)
{
    g_autofree guint8 *bytes = random_bytes(5000);

    if (!select_path(path))
        return;
    for (gsize size = 0; size < 5000; size += size < 300 ? 1 : 97) {
        guint8 digest[32], want[32];
        guint offset = size % 17; /* unaligned as well */

        if (offset + size > 5000)
            break;
        nub_sha256(digest, bytes + offset, size);
        want_digest(want, bytes + offset, size);
        g_assert_cmpmem(digest, 32, want, 32);
    }
}

static void
test_nodes(gconstpointer path)
{
    const gsize max = 67;
    g_autofree guint8 *nodes = random_bytes(64 * max + 1);
    g_autofree guint8 *want = g_malloc(32 * max);
    g_autofree guint8 *parents = g_malloc(32 * max);
    g_autofree guint8 *copy = g_malloc(64 * max + 1);

    if (!select_path(path))
        return;
    for (guint offset = 0; offset < 2; offset++) {
        for (gsize i = 0; i < max; i++)
            want_digest(want + 32 * i, nodes + offset + 64 * i, 64);
        for (gsize n = 0; n <= max; n++) {
            memset(parents, 0xee, 32 * max);
            nub_sha256_nodes(parents, nodes + offset, n);
            g_assert_cmpmem(parents, 32 * n, want, 32 * n);
            for (gsize i = 32 * n; i < 32 * max; i++)
                g_assert_cmpint(parents[i], ==, 0xee);

            memcpy(copy, nodes, 64 * max + 1);
            nub_sha256_nodes(copy + offset, copy + offset, n);
            g_assert_cmpmem(copy + offset, 32 * n, want, 32 * n);
            g_assert_cmpmem(copy + offset + 64 * n, 64 * (max - n), nodes + offset + 64 * n,
                            64 * (max - n));
        }
    }
}

/* A message of more than 2^29 bytes: its bit count needs more than 32 bits. */
static void
test_long(gconstpointer path)
{
    const gsize size = (G_GUINT64_CONSTANT(1) << 29) + 5;
    g_autofree guint8 *zeros = NULL;
    guint8 digest[32], want[32];

    if (!g_test_perf()) {
        g_test_skip("half a GiB to hash: only with -m perf");
        return;
    }
    if (!select_path(path))
        return;
    zeros = g_malloc0(size);
    nub_sha256(digest, zeros, size);
    want_digest(want, zeros, size);
    g_assert_cmpmem(digest, 32, want, 32);
}

static gpointer
hash_in_thread(gpointer data)
{
    guint8 digest[32];

    for (guint i = 0; i < 1000; i++) {
        nub_sha256(digest, "abc", 3);
        g_assert_cmpint(nub_sha256_current(), !=, NUB_SHA256_AUTO);
        g_assert_cmpmem(digest, 32, data, 32);
    }
    return NULL;
}

static void
test_first_use_in_threads(void)
{
    GThread *threads[4];
    guint8 want[32];

    want_digest(want, (const guint8 *)"abc", 3);
    g_assert_true(nub_sha256_select(NUB_SHA256_AUTO));
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("hash", hash_in_thread, want);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum nub_sha256_path path;
    } paths[] = { { "portable", NUB_SHA256_PORTABLE }, { "sha-ni", NUB_SHA256_SHANI } };
    static const struct {
        const char *name;
        GTestDataFunc test;
    } tests[] = {
        { "known-answers", test_known },
        { "every-size-as-gchecksum", test_sizes },
        { "any-number-of-nodes-in-place-and-not", test_nodes },
        { "long-message-counts-its-bits", test_long },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint p = 0; p < G_N_ELEMENTS(paths); p++)
        for (guint t = 0; t < G_N_ELEMENTS(tests); t++) {
            g_autofree char *name =
                g_strdup_printf("/model/sha256/%s/%s", paths[p].name, tests[t].name);

            g_test_add_data_func(name, GINT_TO_POINTER(paths[p].path), tests[t].test);
        }
    g_test_add_func("/model/sha256/threads-agree-on-the-path-at-first-use",
                    test_first_use_in_threads);
    return g_test_run();
}
