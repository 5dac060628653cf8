/* trace-diff.c - the first difference between two traces
 *
 * Traces of the same call are equal, byte for byte, whichever backend ran it, so the first line
 * that differs is where the machines part. Must name what differs in it: a reader should not have
 * to count digits. Format: docs/trace.md.
 */
#include "trace-diff.h"

#include "cli.h"

#include <stdio.h>
#include <string.h>

/* A trace in lines; NULL with a message. */
static char **
read_trace(const char *file)
{
    g_autoptr(GBytes) bytes = nub_cli_read(file);
    gsize size;

    if (!bytes)
        return NULL;
    const char *data = g_bytes_get_data(bytes, &size);
    g_autofree char *text = g_strndup(data ? data : "", size);
    char **lines = g_strsplit(text, "\n", -1);
    if (g_strcmp0(lines[0], NUB_TRACE_MAGIC) == 0)
        return lines;
    nub_cli_fail("%s: not a trace: its first line is not '" NUB_TRACE_MAGIC "'", file);
    g_strfreev(lines);
    return NULL;
}

/* "a0" of "a0=0x1"; a word without '=' is its own name */
static gsize
name_length(const char *word)
{
    return strcspn(word, "=");
}

/* The word of `words` with the name of `word`, or NULL. */
static const char *
find_word(char **words, const char *word)
{
    gsize length = name_length(word);

    for (; *words; words++)
        if (name_length(*words) == length && strncmp(*words, word, length) == 0)
            return *words;
    return NULL;
}

/* The names of words of `a` that `b` has otherwise or, with `absent`, not at all. */
static void
add_names(GString *names, char **a, char **b, bool absent)
{
    for (; *a; a++) {
        const char *other = find_word(b, *a);
        if (absent ? other != NULL : !other || strcmp(*a, other) == 0)
            continue;
        if (names->len)
            g_string_append(names, ", ");
        g_string_append_len(names, *a, (gssize)name_length(*a));
    }
}

/* What differs between two lines, in their own words. */
static char *
describe(const char *a, const char *b)
{
    g_auto(GStrv) words_a = g_strsplit(a, " ", -1);
    g_auto(GStrv) words_b = g_strsplit(b, " ", -1);
    GString *names = g_string_new(NULL);

    if (g_strcmp0(words_a[0], words_b[0]) != 0) {
        g_string_assign(names, "where control went");
    } else {
        add_names(names, words_a, words_b, false);
        add_names(names, words_a, words_b, true);
        add_names(names, words_b, words_a, true);
        if (names->len == 0)
            g_string_assign(names, "the order of writes");
    }
    return g_string_free(names, FALSE);
}

static int
print_difference(const char *const files[2], char **const lines[2], guint at)
{
    static const char ends[] = "(the trace ends)";
    const char *a = lines[0][at] ? lines[0][at] : ends;
    const char *b = lines[1][at] ? lines[1][at] : ends;
    g_autofree char *what = describe(a, b);

    printf("line %u differs: %s\n", at + 1, what);
    if (at > 0)
        printf("after  %s\n", lines[0][at - 1]);
    printf("  %s\n    %s\n  %s\n    %s\n", files[0], a, files[1], b);
    return NUB_CLI_FAILED;
}

int
nub_trace_diff(const char *file_a, const char *file_b)
{
    const char *const files[2] = { file_a, file_b };
    g_auto(GStrv) a = read_trace(file_a);
    g_auto(GStrv) b = a ? read_trace(file_b) : NULL;

    if (!b)
        return NUB_CLI_HOST;
    for (guint i = 0; a[i] || b[i]; i++)
        if (g_strcmp0(a[i], b[i]) != 0)
            return print_difference(files, (char **const[2]){ a, b }, i);
    printf("equal\n");
    return NUB_CLI_OK;
}
