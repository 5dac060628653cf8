/* test-docs.c - every assembler listing in docs/assembly.md assembles */
#include "asm.h"

#include <string.h>

static void
test_listings(void)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    guint n = 0;

    g_file_get_contents(NUB_SOURCE_DIR "/docs/assembly.md", &text, NULL, &error);
    g_assert_no_error(error);
    g_auto(GStrv) parts = g_strsplit(text, "```asm\n", -1);
    for (; parts[n + 1]; n++) {
        g_auto(NubAsmOutput) output = { 0 };
        char *end = strstr(parts[n + 1], "```");
        g_assert_nonnull(end);
        nub_asm_assemble("assembly.md", parts[n + 1], (gsize)(end - parts[n + 1]), &output, &error);
        g_assert_no_error(error);
        g_assert_nonnull(output.program);
    }
    g_assert_cmpuint(n, ==, 4);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/asm/docs/every-listing-assembles", test_listings);
    return g_test_run();
}
