/* fuzz-smoke.c - drives a fuzz target without libFuzzer: its corpus, then mutations of it
 *
 * `smoke-NAME CORPUS [MUTATIONS]`. The seed is fixed: the same inputs on every machine. Not a
 * search, only a check that the target and what it tests still hold; ./dev fuzz searches.
 */
#include "fuzz.h"
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define SEED 20261122

/* A copy of exactly its size, so that a sanitizer sees a read beyond it. */
static void
run(const guint8 *bytes, gsize size)
{
    g_autofree guint8 *copy = g_memdup2(bytes, size);

    LLVMFuzzerTestOneInput(copy, size);
}

static guint32
interesting(GRand *rand)
{
    static const guint32 numbers[] = {
        0, 1, 4, 5, 0x7f, 0x80, 0xff, 0x1000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
    };

    return g_rand_boolean(rand) ? numbers[g_rand_int_range(rand, 0, G_N_ELEMENTS(numbers))]
                                : g_rand_int(rand) >> g_rand_int_range(rand, 0, 32);
}

static void
mutate(GByteArray *bytes, GRand *rand)
{
    gsize at = bytes->len ? g_rand_int_range(rand, 0, bytes->len) : 0;
    guint32 number = GUINT32_TO_LE(interesting(rand));
    gsize most = 1u << g_rand_int_range(rand, 0, 7), n = MIN(bytes->len - at, most);
    g_autofree guint8 *piece = NULL;

    switch (g_rand_int_range(rand, 0, 6)) {
    case 0: /* a byte */
        if (bytes->len)
            bytes->data[at] = (guint8)number;
        break;
    case 1: /* a number, perhaps an offset */
        if (bytes->len - at >= 4)
            memcpy(bytes->data + at, &number, 4);
        break;
    case 2: /* cut */
        g_byte_array_set_size(bytes, at);
        break;
    case 3: /* a piece missing */
        g_byte_array_remove_range(bytes, at, n);
        break;
    case 4: /* a piece once more, at the end */
        piece = g_memdup2(bytes->data + at, n);
        g_byte_array_append(bytes, piece, n);
        break;
    default: /* one bit */
        if (bytes->len)
            bytes->data[at] ^= 1 << (number & 7);
        break;
    }
}

static GPtrArray *
load_corpus(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    GPtrArray *corpus = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *name;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir)))
        g_ptr_array_add(names, (gpointer)g_intern_string(name));
    g_ptr_array_sort(names, (GCompareFunc)(void (*)(void))g_strcmp0);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *file = g_build_filename(path, names->pdata[i], NULL);
        char *contents;
        gsize size;

        g_file_get_contents(file, &contents, &size, &error);
        g_assert_no_error(error);
        g_ptr_array_add(corpus, g_byte_array_new_take((guint8 *)contents, size));
    }
    return corpus;
}

int
main(int argc, char **argv)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(SEED);
    g_autoptr(GPtrArray) corpus = NULL;
    guint mutations = argc > 2 ? (guint)atoi(argv[2]) : 0;

    if (argc < 2) {
        g_printerr("usage: %s CORPUS [MUTATIONS]\n", argv[0]);
        return 2;
    }
    corpus = load_corpus(argv[1]);
    g_assert_cmpuint(corpus->len, >, 0);
    run(NULL, 0);
    for (guint i = 0; i < corpus->len; i++) {
        const GByteArray *seed = corpus->pdata[i];

        run(seed->data, seed->len);
    }
    for (guint i = 0; i < mutations; i++) {
        const GByteArray *seed = corpus->pdata[g_rand_int_range(rand, 0, corpus->len)];
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        g_byte_array_append(bytes, seed->data, seed->len);
        for (gint n = g_rand_int_range(rand, 1, 6); n > 0; n--)
            mutate(bytes, rand);
        run(bytes->data, bytes->len);
    }
    g_print("%u seeds and %u mutations\n", corpus->len, mutations);
    return 0;
}
