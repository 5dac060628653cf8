/* test-docs.c - runs the examples of docs/cli.md, docs/conformance.md and docs/recording.md
 *
 * A line of a ```console block that begins with "$ nub " is run; the lines that follow it must be
 * what is printed, standard error last, with "[exit N]" after them when the exit code is not 0.
 * Only times are not compared.
 */
#include "cli-test.h"

#include <string.h>

static gboolean
is_time(const char *line)
{
    return g_str_has_prefix(line, "time     ") || strstr(line, "\"time_ns\"");
}

static void
assert_same_text(const char *command, const char *got, const char *expected)
{
    g_auto(GStrv) got_lines = g_strsplit(got, "\n", -1);
    g_auto(GStrv) expected_lines = g_strsplit(expected, "\n", -1);
    guint n = g_strv_length(got_lines);

    if (n != g_strv_length(expected_lines))
        g_error("$ %s\nprints\n%s\nand the page says\n%s", command, got, expected);
    for (guint i = 0; i < n; i++)
        if (!(is_time(got_lines[i]) && is_time(expected_lines[i])) &&
            strcmp(got_lines[i], expected_lines[i]) != 0)
            g_error("$ %s\nprints\n%s\nand the page says\n%s", command, got_lines[i],
                    expected_lines[i]);
}

static void
run_example(const char *command, const char *expected)
{
    g_autoptr(NubRan) ran = nub_ran("%s", command + strlen("nub "));
    g_autofree char *exit = ran->code ? g_strdup_printf("[exit %d]\n", ran->code) : g_strdup("");
    g_autofree char *got = g_strconcat(ran->out, ran->err, exit, NULL);

    assert_same_text(command, got, expected);
}

/* Returns how many examples the page has. */
static guint
run_examples(char **lines)
{
    g_autoptr(GString) output = g_string_new(NULL);
    const char *command = NULL;
    gboolean inside = FALSE;
    guint n = 0;

    for (; *lines; lines++) {
        gboolean ends = inside && g_str_has_prefix(*lines, "```");
        gboolean begins = inside && g_str_has_prefix(*lines, "$ nub ");
        if ((ends || begins) && command) {
            run_example(command, output->str);
            n++;
        }
        if (ends || begins) {
            command = begins ? *lines + 2 : NULL;
            g_string_truncate(output, 0);
        } else if (inside) {
            g_string_append_printf(output, "%s\n", *lines);
        }
        inside = (inside && !ends) || strcmp(*lines, "```console") == 0;
    }
    return n;
}

static void
test_page(gconstpointer name)
{
    g_autofree char *file = g_build_filename(NUB_SOURCE_DIR, "docs", name, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(run_examples(lines), >, 0);
}

/* A file of docs/examples, where the commands run. */
static void
copy_example(const char *name)
{
    g_autofree char *example = g_build_filename(NUB_SOURCE_DIR, "docs", "examples", name, NULL);
    g_autofree char *text = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(example, &text, &size, NULL));
    nub_test_write(name, text, (gssize)size);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    copy_example("gcd.s");
    copy_example("pause.s");
    nub_test_write("store.yaml",
                   "version: 1\nstore: { module: nub-store-lmdb, options: { path: store } }\n"
                   "backends:\n  - { name: local, module: nub-local }\n",
                   -1);
    nub_test_write("record.yaml",
                   "version: 1\nbackends:\n"
                   "  - { name: local, module: nub-local, priority: 1 }\n"
                   "  - { name: recorded, module: nub-record, options: { backend: local, file: "
                   "calls.nubrec } }\n",
                   -1);
    nub_test_write("wrong.yaml", "version: 1\nbackend: []\n", -1);
    g_test_add_data_func("/tools/docs/the-examples-of-cli-are-true", "cli.md", test_page);
    g_test_add_data_func("/tools/docs/the-examples-of-conformance-are-true", "conformance.md",
                         test_page);
    g_test_add_data_func("/tools/docs/the-examples-of-recording-are-true", "recording.md",
                         test_page);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
