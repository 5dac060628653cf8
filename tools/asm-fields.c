/* asm-fields.c - directives that fill in an image, a cnode or an instance
 *
 * They write down what the text says. Whether a list is sorted, a mapping a page or a slot taken
 * twice is judged once, when core/model decodes the result.
 */
#include "asm-private.h"

#include <string.h>

/* ---- images -------------------------------------------------------------------------------- */

gboolean
asm_read_isa(struct asm_state *state)
{
    guint64 number;

    if (!asm_read_number(state, "the instruction set", G_MAXUINT32, &number))
        return FALSE;
    asm_current_image(state)->isa = (guint32)number;
    return TRUE;
}

gboolean
asm_read_yield_marker(struct asm_state *state)
{
    struct asm_image *image = asm_current_image(state);
    guint64 slot;

    if (!asm_read_number(state, "the slot", G_MAXUINT32, &slot))
        return FALSE;
    image->has_yield_marker = true;
    image->yield_marker = (guint32)slot;
    return TRUE;
}

static gboolean
read_slot(struct asm_state *state, GArray *slots)
{
    struct asm_slot slot = { 0 };
    guint64 number;

    if (!asm_read_number(state, "the slot", G_MAXUINT32, &number) || !asm_expect(state, ',') ||
        !asm_read_cap(state, &slot.cap))
        return FALSE;
    slot.slot = (guint32)number;
    g_array_append_val(slots, slot);
    return TRUE;
}

gboolean
asm_read_pinned(struct asm_state *state)
{
    return read_slot(state, asm_current_image(state)->pinned);
}

gboolean
asm_read_initial(struct asm_state *state)
{
    return read_slot(state, asm_current_image(state)->initial);
}

gboolean
asm_read_cnode_slot(struct asm_state *state)
{
    return read_slot(state, state->section->u.cnode.slots);
}

static gboolean
read_path(struct asm_state *state, struct nub_mapping *mapping)
{
    do {
        guint64 slot;
        if (mapping->n_source == NUB_MAX_SOURCE)
            return asm_fail_here(state, "a path has at most %u slots", NUB_MAX_SOURCE);
        if (!asm_read_number(state, "the slot", G_MAXUINT32, &slot))
            return FALSE;
        mapping->source[mapping->n_source++] = (guint32)slot;
    } while (asm_accept(state, '/'));
    return TRUE;
}

/* ".map START, SIZE", ".map START, [SIZE,] pinned CAP", ".map START, SIZE, path 1/2" */
gboolean
asm_read_map(struct asm_state *state)
{
    struct asm_image *image = asm_current_image(state);
    struct asm_mapping mapping = { .place = asm_here(state) };
    gboolean has_source = TRUE;

    if (!asm_read_number(state, "the start", G_MAXUINT64, &mapping.mapping.start) ||
        !asm_expect(state, ','))
        return FALSE;
    const struct asm_token *token = asm_peek(state);
    if (token->kind != ASM_NAME || g_hash_table_contains(state->constants, token->text)) {
        mapping.has_size = true;
        if (!asm_read_number(state, "the size", G_MAXUINT64, &mapping.mapping.size))
            return FALSE;
        has_source = asm_accept(state, ',');
    }
    if (has_source && asm_accept_name(state, "pinned"))
        mapping.source = ASM_SOURCE_PINNED;
    else if (has_source && asm_accept_name(state, "initial"))
        mapping.source = ASM_SOURCE_INITIAL;
    else if (has_source && (!mapping.has_size || !asm_accept_name(state, "path")))
        return asm_fail_here(state, "expected 'pinned NAME', 'initial NAME'%s here",
                             mapping.has_size ? " or 'path SLOT/SLOT...'" : " or a size");
    if (has_source && (mapping.source == ASM_SOURCE_PATH ? !read_path(state, &mapping.mapping)
                                                         : !asm_read_cap(state, &mapping.cap)))
        return FALSE;
    g_array_append_val(image->mappings, mapping);
    return TRUE;
}

/* "name=value" after an endpoint or in .regs; `fields` says what names other than registers mean */
struct field {
    const char *name;
    guint64 max;
};

static gboolean
fail_unknown_field(struct asm_state *state, const char *name, const struct field *fields,
                   guint n_fields)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < n_fields; i++)
        g_string_append_printf(names, "%s%s", i == 0 ? "" : ", ", fields[i].name);
    if (n_fields == 0)
        return asm_fail_here(state, "'%s' is no register", name);
    return asm_fail_here(state, "'%s' is neither a register nor one of %s", name, names->str);
}

static gboolean
read_assignment(struct asm_state *state, const struct field *fields, guint n_fields,
                guint64 regs[NUB_N_REGS], guint64 *values)
{
    const struct asm_token *token = asm_peek(state);
    gint reg = token->kind == ASM_NAME ? asm_register(token->text) : -1;
    guint i = 0;

    if (token->kind != ASM_NAME)
        return asm_fail_here(state, "expected 'register=value' here");
    while (reg < 0 && i < n_fields && strcmp(fields[i].name, token->text) != 0)
        i++;
    if (reg < 0 && i == n_fields)
        return fail_unknown_field(state, token->text, fields, n_fields);
    asm_next(state);
    return asm_expect(state, '=') &&
           asm_read_number(state, "the value", reg < 0 ? fields[i].max : G_MAXUINT64,
                           reg < 0 ? &values[i] : &regs[reg]);
}

gboolean
asm_read_endpoint(struct asm_state *state)
{
    static const struct field fields[] = { { "stack_top", G_MAXUINT64 },
                                           { "arg_cnode_slot", G_MAXUINT32 },
                                           { "arg_cnode_size", G_MAXUINT8 } };
    struct asm_image *image = asm_current_image(state);
    struct asm_endpoint endpoint = { 0 };
    guint64 values[G_N_ELEMENTS(fields)] = { 0 };

    if (!asm_read_target(state, image, &endpoint.entry))
        return FALSE;
    while (asm_accept(state, ','))
        if (!read_assignment(state, fields, G_N_ELEMENTS(fields), endpoint.fields.initial_regs,
                             values))
            return FALSE;
    endpoint.fields.stack_top = values[0];
    endpoint.fields.arg_cnode_slot = (guint32)values[1];
    endpoint.fields.arg_cnode_size = (guint8)values[2];
    g_array_append_val(image->endpoints, endpoint);
    return TRUE;
}

gboolean
asm_read_jump_table(struct asm_state *state)
{
    struct asm_image *image = asm_current_image(state);

    do {
        struct asm_target target;
        if (!asm_read_target(state, image, &target))
            return FALSE;
        if (target.number > G_MAXUINT32)
            return asm_fail(state, target.place, "an entry has at most 32 bits");
        g_array_append_val(image->jump_table, target);
    } while (asm_accept(state, ','));
    return TRUE;
}

gboolean
asm_read_entry_size(struct asm_state *state)
{
    guint64 size;

    if (!asm_read_number(state, "the size", 4, &size))
        return FALSE;
    asm_current_image(state)->blob_entry_size = (guint32)size;
    return TRUE;
}

/* .insn and .u8 in code */
gboolean
asm_read_raw(struct asm_state *state)
{
    struct asm_code *code = &asm_current_image(state)->code;
    gboolean is_insn = g_str_equal(state->directive, ".insn");
    struct asm_place place = asm_here(state);
    struct asm_item item = { .kind = is_insn ? ASM_RAW_INSN : ASM_RAW_BYTES,
                             .label = ASM_NO_LABEL,
                             .line = place.line,
                             .column = place.column,
                             .bytes = code->bytes->len };

    if (!is_insn && code->items->len > 0 && asm_item(code, code->items->len - 1)->kind == ASM_INSN)
        return asm_fail(state, place,
                        "these bytes would become arguments of the instruction before them; "
                        "begin an instruction of your own with .insn");
    do {
        guint64 byte;
        if (!asm_read_number(state, "the byte", G_MAXUINT8, &byte))
            return FALSE;
        g_byte_array_append(code->bytes, &(guint8){ (guint8)byte }, 1);
    } while (asm_accept(state, ','));
    item.size = code->bytes->len - item.bytes;
    g_array_append_val(code->items, item);
    return TRUE;
}

/* ---- instances ----------------------------------------------------------------------------- */

gboolean
asm_read_mem_size(struct asm_state *state)
{
    return asm_read_number(state, "the size", G_MAXUINT64,
                           &state->section->u.instance.fields.mem_size);
}

gboolean
asm_read_regs(struct asm_state *state)
{
    do {
        if (!read_assignment(state, NULL, 0, state->section->u.instance.fields.regs, NULL))
            return FALSE;
    } while (asm_accept(state, ','));
    return TRUE;
}

gboolean
asm_read_paused(struct asm_state *state)
{
    static const struct field fields[] = { { "pc", G_MAXUINT32 }, { "gas", G_MAXINT64 } };
    struct nub_instance_spec *spec = &state->section->u.instance.fields;
    guint64 values[G_N_ELEMENTS(fields)] = { 0 };

    do {
        if (!read_assignment(state, fields, G_N_ELEMENTS(fields), spec->regs, values))
            return FALSE;
    } while (asm_accept(state, ','));
    spec->phase = 1;
    spec->pc = values[0];
    spec->gas_remaining = values[1];
    return TRUE;
}

gboolean
asm_read_image_chain(struct asm_state *state)
{
    return asm_read_cap(state, &state->section->u.instance.image_chain);
}

gboolean
asm_read_root_cnode(struct asm_state *state)
{
    return asm_read_cap(state, &state->section->u.instance.root_cnode);
}

gboolean
asm_begin_overlay(struct asm_state *state)
{
    GArray *overlays = state->section->u.instance.overlays;
    struct asm_overlay overlay = { .place = asm_here(state) };
    guint64 start;

    if (!asm_read_number(state, "the start", G_MAXUINT32, &start))
        return FALSE;
    overlay.start = (guint32)start;
    asm_blob_init(&overlay.blob);
    g_array_append_val(overlays, overlay);
    state->blob = &g_array_index(overlays, struct asm_overlay, overlays->len - 1).blob;
    return TRUE;
}
