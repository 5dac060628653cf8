/* test-debug.c - the side file: what the linker writes, the reader understands; damaged ones are
 * none */
#include "link-test.h"
#include "debug.h"

#include <string.h>

static const char good[] =
    "nub-debug 1\n"
    "instance 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
    "endpoint 0 main\nendpoint 1 other\n"
    "function 0 main\nfile 3 a b.c\nline 0 3 10\nline 6 3 11\n"
    "function 20 other\nline 24 3 40\n";

static void
test_reads(void)
{
    g_autoptr(NubDebug) debug = nub_debug_parse(good, strlen(good));
    NubDebugPlace place;
    guint32 index;

    g_assert_nonnull(debug);
    g_assert_true(nub_debug_find_endpoint(debug, "other", &index));
    g_assert_cmpuint(index, ==, 1);
    g_assert_false(nub_debug_find_endpoint(debug, "third", &index));
    g_assert_cmphex(nub_debug_get_instance(debug)->bytes[1], ==, 0x11);
    g_assert_true(nub_debug_find_place(debug, 7, &place));
    g_autofree char *text = nub_debug_describe(&place);
    g_assert_cmpstr(text, ==, "main (a b.c:11)");
    g_assert_true(nub_debug_find_place(debug, 21, &place)); /* before the function's first line */
    g_assert_cmpstr(place.function, ==, "other");
    g_assert_null(place.file);
}

static void
test_refuses(void)
{
    static const char *const bad[] = {
        "",
        "nub-debug 2\n",
        "nub-debug 1\ninstance 00\n",
        "nub-debug 1\nfunction x main\n",
        "nub-debug 1\nfunction 5\n",
        "nub-debug 1\nfunction 5 \n",
        "nub-debug 1\nfunction 5 a\nfunction 4 b\n",
        "nub-debug 1\nline 0 3 10\n", /* a file that nobody has named */
        "nub-debug 1\nendpoint 1 a\n",
        "nub-debug 1\nfile 0 a\nfile 0 b\n",
        "nub-debug 1\nfunction 4294967296 a\n",
        "nub-debug 1\nfunction 1 a", /* cut off */
        "nub-debug 1\nwhat 1 a\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(nub_debug_parse(bad[i], strlen(bad[i])));
    for (gsize n = 0; n < strlen(good); n++) {
        NubDebug *debug = nub_debug_parse(good, n);
        g_assert_true(!debug || good[n - 1] == '\n');
        nub_debug_free(debug);
    }
}

static void
test_round_trip(void)
{
    static const char source[] = "#include <nub-guest.h>\n"
                                 "static __attribute__((noinline)) int inner(int x)\n"
                                 "{\n"
                                 "    return x * x;\n"
                                 "}\n"
                                 "NUB_EXPORT int outer(int x)\n"
                                 "{\n"
                                 "    return inner(x) + 1;\n"
                                 "}\n";
    g_auto(NubLinkOutput) output = { 0 };
    gboolean found_inner = FALSE, found_outer = FALSE;
    NubDebugPlace place;
    gsize size;

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("places.c", source, "-O1");
    link_test_link(elf, &output);
    const char *text = g_bytes_get_data(output.debug, &size);
    g_autoptr(NubDebug) debug = nub_debug_parse(text, size);
    g_assert_nonnull(debug);
    g_assert_cmpmem(nub_debug_get_instance(debug), 32, output.instance, 32);
    for (guint32 pc = 0; pc < output.stats.code_bytes; pc++) {
        if (!nub_debug_find_place(debug, pc, &place) || !place.file)
            continue;
        g_assert_true(g_str_has_suffix(place.file, "places.c"));
        found_inner |= g_strcmp0(place.function, "inner") == 0 && place.line == 4;
        found_outer |= g_strcmp0(place.function, "outer") == 0 && place.line == 8;
    }
    g_assert_true(found_inner && found_outer);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/debug/says-where-a-program-counter-is", test_reads);
    g_test_add_func("/tools/debug/takes-no-damaged-file", test_refuses);
    g_test_add_func("/tools/debug/the-linker-writes-what-the-reader-reads", test_round_trip);
    return g_test_run();
}
