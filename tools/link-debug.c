/* link-debug.c - writes the side file of a bundle: names and lines, by program counter
 *
 * A text, one fact a line, outside every hash: a bundle is the same with or without it. What each
 * line says is in debug.h, which has the reader.
 */
#include "link-private.h"

struct writer {
    const struct link *link;
    struct link_lines *lines;
    GString *text;
    const struct link_symbol *function; /* the one being listed */
    uint32_t file, line;
    bool *named; /* files that have been listed */
};

static void
write_head(struct writer *w, const NubLinkOutput *output)
{
    g_string_append(w->text, "nub-debug 1\ninstance ");
    for (guint i = 0; i < sizeof output->instance; i++)
        g_string_append_printf(w->text, "%02x", output->instance[i]);
    g_string_append_c(w->text, '\n');
    for (guint i = 0; output->endpoints[i]; i++)
        g_string_append_printf(w->text, "endpoint %u %s\n", i, output->endpoints[i]);
}

/* names come from the ELF file: a line end in one must not become another fact */
static void
write_name(struct writer *w, const char *name)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);

    for (char *c = valid; *c; c++)
        if ((guchar)*c < ' ')
            *c = '?';
    g_string_append_printf(w->text, "%s\n", valid);
}

static void
write_function(struct writer *w, uint32_t pc, uint64_t address)
{
    const struct link_symbol *function = link_flow_function(w->link, address);

    if (function == w->function)
        return;
    w->function = function;
    g_string_append_printf(w->text, "function %u ", pc);
    write_name(w, function ? function->name : "?");
}

static void
write_line(struct writer *w, uint32_t pc, uint64_t address)
{
    const struct link_line *row = link_lines_find(w->lines, address);

    if (!row || (row->file == w->file && row->line == w->line))
        return;
    w->file = row->file;
    w->line = row->line;
    if (!w->named[row->file]) {
        w->named[row->file] = true;
        g_string_append_printf(w->text, "file %u ", row->file);
        write_name(w, w->lines->files->pdata[row->file]);
    }
    g_string_append_printf(w->text, "line %u %u %u\n", pc, row->file, row->line);
}

GBytes *
link_debug_write(struct link *link, const NubLinkOutput *output)
{
    if (!link->lines)
        link->lines = link_lines_read(&link->elf);
    struct writer w = { .link = link,
                        .lines = link->lines,
                        .text = g_string_new(NULL),
                        .file = LINK_NONE,
                        .named = g_new0(bool, link->lines->files->len + 1) };

    write_head(&w, output);
    for (guint32 b = 0; b < link->blocks->len; b++) {
        const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        uint64_t first = g_array_index(link->insns, struct link_insn, block->first).address;
        if (block->n_ir)
            write_function(&w, block->pc, first);
        for (uint32_t i = 0; i < block->n_ir; i++) {
            const struct link_op *op = &g_array_index(link->ops, struct link_op, block->ir + i);
            write_line(&w, op->pc, g_array_index(link->insns, struct link_insn, op->insn).address);
        }
    }
    g_free(w.named);
    return g_string_free_to_bytes(w.text);
}
