/* link.c - the order of the linker's work, and its messages
 *
 * Each step checks everything it can before the next begins, so that one run lists every problem of
 * its kind. Nothing is left behind on failure. The map of the rooms is in link-private.h.
 */
#include "link-private.h"

#define MAX_MESSAGES 1000u

static void
add_message(struct link *link, char *message)
{
    link->n_errors++;
    if (link->n_errors <= MAX_MESSAGES)
        g_ptr_array_add(link->messages, g_utf8_make_valid(message, -1));
    g_free(message);
}

void
link_error(struct link *link, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_message(link, g_strdup_vprintf(format, args));
    va_end(args);
}

void
link_error_at(struct link *link, uint64_t address, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    if (!link->lines)
        link->lines = link_lines_read(&link->elf);
    const struct link_symbol *function = link_flow_function(link, address);
    const struct link_line *line = link_lines_find(link->lines, address);
    GString *text = g_string_new(NULL);
    if (line)
        g_string_append_printf(text, "%s:%u: ", (const char *)link->lines->files->pdata[line->file],
                               line->line);
    if (function)
        g_string_append_printf(text, "in '%s' ", function->name);
    g_string_append_printf(text, "at 0x%" G_GINT64_MODIFIER "x: %s", address, what);
    add_message(link, g_string_free(text, FALSE));
}

static void
clear_region(gpointer region)
{
    g_byte_array_unref(((struct link_region *)region)->content);
}

static void
clear_text(gpointer text)
{
    g_free(((struct link_text *)text)->halves);
}

static void
link_init(struct link *link, const NubLinkOptions *options, GPtrArray *messages)
{
    static const NubLinkOptions defaults;

    *link = (struct link){
        .options = options ? options : &defaults,
        .messages = messages,
        .regions = g_array_new(FALSE, FALSE, sizeof(struct link_region)),
        .functions = g_array_new(FALSE, FALSE, sizeof(guint32)),
        .texts = g_array_new(FALSE, FALSE, sizeof(struct link_text)),
        .insns = g_array_new(FALSE, FALSE, sizeof(struct link_insn)),
        .blocks = g_array_new(FALSE, FALSE, sizeof(struct link_block)),
        .ops = g_array_new(FALSE, FALSE, sizeof(struct link_op)),
        .jumps = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
        .entries = g_array_new(FALSE, FALSE, sizeof(guint32)),
        .entry_addresses = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
        .code = g_byte_array_new(),
        .mask = g_byte_array_new(),
    };
    g_array_set_clear_func(link->regions, clear_region);
    g_array_set_clear_func(link->texts, clear_text);
}

static void
link_clear(struct link *link)
{
    GArray *const arrays[] = { link->regions, link->functions, link->texts,
                               link->insns,   link->blocks,    link->ops,
                               link->jumps,   link->entries,   link->entry_addresses };

    for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
        g_array_unref(arrays[i]);
    g_byte_array_unref(link->code);
    g_byte_array_unref(link->mask);
    g_clear_pointer(&link->lines, link_lines_free);
    link_elf_clear(&link->elf);
}

static bool
improve(struct link *link)
{
    link_ops_improve(link);
    return true;
}

/* What is done between reading the file and laying out the bundle. */
static bool
run_steps(struct link *link)
{
    static const struct {
        const char *name;
        bool (*run)(struct link *link);
    } steps[] = {
        { "gather memory", link_memory_gather },
        { "trace", link_flow_trace },
        { "find blocks", link_flow_blocks },
        { "finish memory", link_memory_finish },
        { "lower", link_lower },
        { "improve", improve },
        { "emit", link_code_emit },
    };

    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        if (link->options->progress)
            link->options->progress(steps[i].name, i, G_N_ELEMENTS(steps));
        if (!steps[i].run(link))
            return false;
    }
    return true;
}

gboolean
nub_link_elf(const guint8 *elf, gsize size, const NubLinkOptions *options, NubLinkOutput *output,
             GPtrArray *messages)
{
    struct link link;

    *output = (NubLinkOutput){ 0 };
    link_init(&link, options, messages);
    bool done = link_elf_read(&link, elf, size) && run_steps(&link) && link_layout(&link, output);
    if (done)
        output->debug = link_debug_write(&link, output);
    if (link.n_errors > MAX_MESSAGES)
        g_ptr_array_add(messages,
                        g_strdup_printf("and %u more problems", link.n_errors - MAX_MESSAGES));
    link_clear(&link);
    return done;
}

void
nub_link_output_clear(NubLinkOutput *output)
{
    g_clear_pointer(&output->bundle, g_bytes_unref);
    g_clear_pointer(&output->debug, g_bytes_unref);
    g_clear_pointer(&output->endpoints, g_strfreev);
}
