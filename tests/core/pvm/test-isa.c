/* test-isa.c - isa.def against the table that pvm.md was checked with (tests/vectors/opcodes.tsv)
 */
#include "isa.h"
#include <glib.h>

static const char *
fields_text(guint8 fields)
{
    static const char *const texts[] = { "-", "A", "B", "A,B", "D" };

    g_assert_cmpuint(fields, <, G_N_ELEMENTS(texts));
    return texts[fields];
}

/* one row of the table, as isa.def has it */
static char *
row_text(guint number)
{
    static const char *const overlaps[] = { "none", "any", "d_eq_a", "move" };
    static const char *const kinds[] = { "fixed", "mem", "branch" };
    static const char *const units[] = { "-", "ALU", "ALU2", "LOAD", "STORE", "MUL", "DIV" };
    const struct nub_isa_entry *entry = &nub_isa[number];

    /* the destination of a terminator has no part in gas */
    return g_strdup_printf("%u\t%s\t%s\t%d\t%u\t%u\t%u\t%s\t%s\t%s\t%s\t%s", number,
                           entry->mnemonic, nub_arg_class_name(entry->arg_class),
                           entry->is_terminator, entry->slots, entry->latency, entry->slots_overlap,
                           overlaps[entry->overlap], kinds[entry->latency_kind], units[entry->unit],
                           entry->is_terminator ? "-" : fields_text(entry->dst),
                           fields_text(entry->sources));
}

static void
test_table(void)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    guint n_rows = 0;

    g_file_get_contents(NUB_SOURCE_DIR "/tests/vectors/opcodes.tsv", &text, NULL, &error);
    g_assert_no_error(error);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);
    for (char **line = lines + 1; *line; line++, n_rows++) {
        guint number = (guint)g_ascii_strtoull(*line, NULL, 10);
        g_autofree char *row = row_text(number);
        g_assert_cmpstr(row, ==, *line);
    }
    g_assert_cmpuint(n_rows, ==, 140);
    for (guint number = 0; number < 256; number++)
        n_rows -= nub_isa[number].mnemonic != NULL;
    g_assert_cmpuint(n_rows, ==, 0);
}

static void
test_unknown(void)
{
    guint n = 0;

    for (guint number = 0; number < 256; number++) {
        const struct nub_isa_entry *entry = &nub_isa[number];
        if (entry->mnemonic)
            continue;
        n++;
        g_assert_cmpuint(entry->arg_class, ==, NUB_ARG_N);
        g_assert_false(entry->is_terminator);
        g_assert_cmpuint(entry->latency, ==, 2);
        g_assert_cmpuint(entry->slots, ==, 1);
    }
    g_assert_cmpuint(n, ==, 116);
}

static void
test_written_register(void)
{
    g_assert_cmpuint(nub_isa[NUB_OP_LOAD_IMM_JUMP].dst, ==, NUB_FIELD_A);
    g_assert_cmpuint(nub_isa[NUB_OP_LOAD_IMM_JUMP_IND].dst, ==, NUB_FIELD_A);
}

static void
test_find(void)
{
    for (int number = 0; number < 256; number++)
        if (nub_isa[number].mnemonic)
            g_assert_cmpint(nub_isa_find(nub_isa[number].mnemonic), ==, number);
    g_assert_cmpint(nub_isa_find("add_6"), ==, -1);
    g_assert_cmpint(nub_isa_find("add_644"), ==, -1);
    g_assert_cmpint(nub_isa_find(""), ==, -1);
    g_assert_null(nub_arg_class_name(NUB_ARG_RRR + 1));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pvm/isa/the-table-is-that-of-the-specification", test_table);
    g_test_add_func("/core/pvm/isa/116-numbers-are-unknown", test_unknown);
    g_test_add_func("/core/pvm/isa/jumps-that-load-name-the-register-they-write",
                    test_written_register);
    g_test_add_func("/core/pvm/isa/a-mnemonic-finds-its-number", test_find);
    return g_test_run();
}
