/* asm.c - from text to a bundle, line by line
 *
 * The public face of the assembler: reads the text into capabilities, hands them to the linker.
 * The first error ends the work. Must never print or exit: the command does that.
 * The syntax is in docs/assembly.md.
 */
#include "asm-private.h"

#include <string.h>

static void
begin_state(struct asm_state *state, const char *name, GError **error)
{
    static const struct {
        const char *name;
        guint64 value;
    } constants[] = { { "HALT_ADDRESS", NUB_HALT_ADDRESS },
                      { "INPUT_ADDRESS", 0xFEFF0000 },
                      { "PAGE_SIZE", NUB_PAGE_SIZE } };

    *state = (struct asm_state){ .name = name, .error = error };
    state->names = g_string_chunk_new(4096);
    state->caps = g_ptr_array_new_with_free_func(asm_cap_free);
    state->cap_names = g_hash_table_new(g_str_hash, g_str_equal);
    state->constants = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    state->data_labels = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    state->tokens = g_array_new(FALSE, TRUE, sizeof(struct asm_token));
    for (guint i = 0; i < G_N_ELEMENTS(constants); i++)
        g_hash_table_insert(state->constants, (gpointer)constants[i].name,
                            g_memdup2(&constants[i].value, sizeof(guint64)));
}

static void
end_state(struct asm_state *state)
{
    g_array_unref(state->tokens);
    g_hash_table_unref(state->data_labels);
    g_hash_table_unref(state->constants);
    g_hash_table_unref(state->cap_names);
    g_ptr_array_unref(state->caps);
    g_string_chunk_free(state->names);
}

/* what stands for a number already */
static gboolean
check_new_symbol(struct asm_state *state, const char *name, struct asm_place place)
{
    const struct asm_data_label *label = g_hash_table_lookup(state->data_labels, name);

    if (label)
        return asm_fail(state, place, "'%s' is a label in data already (line %u)", name,
                        label->place.line);
    if (g_hash_table_contains(state->constants, name))
        return asm_fail(state, place, "'%s' is a constant already", name);
    return TRUE;
}

gboolean
asm_check_new_name(struct asm_state *state, const char *name, struct asm_place place)
{
    const struct asm_cap *cap = g_hash_table_lookup(state->cap_names, name);

    if (cap)
        return asm_fail(state, place, "'%s' is the name of a capability already (line %u)", name,
                        cap->place.line);
    return check_new_symbol(state, name, place);
}

static gboolean
define_data_label(struct asm_state *state, const char *name, struct asm_place place)
{
    struct asm_data_label *label;

    if (state->section->kind != NUB_CAP_DATA)
        return asm_fail(state, place, "labels belong into code and data");
    if (!asm_check_new_name(state, name, place))
        return FALSE;
    label = g_new0(struct asm_data_label, 1);
    *label = (struct asm_data_label){ state->section, state->blob->bytes->len, place };
    g_hash_table_insert(state->data_labels, (gpointer)name, label);
    return TRUE;
}

static gboolean
define_label(struct asm_state *state, const char *name, struct asm_place place)
{
    if (state->section && state->section->kind != NUB_CAP_IMAGE)
        return define_data_label(state, name, place);
    /* an image may have the name of one of its labels: they are never asked for in one place */
    if (!check_new_symbol(state, name, place))
        return FALSE;
    struct asm_image *image = asm_current_image(state);
    struct asm_label *label = asm_label(&image->code, asm_find_label(image, name));
    if (label->is_defined)
        return asm_fail(state, place, "the label '%s' is defined already (line %u)", name,
                        label->defined.line);
    label->is_defined = true;
    label->defined = place;
    label->item = image->code.items->len;
    return TRUE;
}

static gboolean
read_statement(struct asm_state *state)
{
    struct asm_place place = asm_here(state);
    const char *name;

    if (asm_peek(state)->kind == ASM_END)
        return TRUE;
    if (!asm_read_name(state, "a label, an instruction or a directive", &name))
        return FALSE;
    if (asm_accept(state, ':'))
        return (name[0] != '.' || asm_fail(state, place, "a label does not begin with '.'")) &&
               define_label(state, name, place) && read_statement(state);
    if (name[0] == '.')
        return asm_read_directive(state, name, place);
    if (state->section && state->section->kind != NUB_CAP_IMAGE)
        return asm_fail(state, place, "instructions belong into code: write .code before them");
    return asm_read_insn(state, asm_current_image(state), name, place);
}

static gboolean
read_lines(struct asm_state *state, const char *text, gsize size)
{
    const char *end = text + size;

    while (text < end) {
        const char *newline = memchr(text, '\n', (gsize)(end - text));
        const char *line_end = newline ? newline : end;
        state->line++;
        if (!asm_lex_line(state, text, (gsize)(line_end - text)) || !read_statement(state))
            return FALSE;
        text = newline ? newline + 1 : end;
    }
    return TRUE;
}

gboolean
nub_asm_assemble(const char *name, const char *text, gsize size, NubAsmOutput *output,
                 GError **error)
{
    g_autoptr(GError) local_error = NULL;
    struct asm_state state;

    g_return_val_if_fail(name != NULL && (text != NULL || size == 0) && output != NULL, FALSE);
    begin_state(&state, name, &local_error);
    *output = (NubAsmOutput){ 0 };
    gboolean ok = read_lines(&state, text, size) && asm_emit(&state, output);
    end_state(&state);
    if (!ok)
        g_propagate_error(error, g_steal_pointer(&local_error));
    return ok;
}

void
nub_asm_output_clear(NubAsmOutput *output)
{
    g_clear_pointer(&output->bundle, g_bytes_unref);
    g_clear_pointer(&output->program, g_bytes_unref);
    output->n_caps = 0;
}
