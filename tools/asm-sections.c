/* asm-sections.c - the capabilities of a text and the directives that fill them in
 *
 * One table names every directive and where it may stand. Here a text is only written down;
 * symbols, hashes and what one capability says about another are the linker's.
 */
#include "asm-private.h"

#include <string.h>

/* ---- capabilities -------------------------------------------------------------------------- */

static GArray *
new_array(gsize size)
{
    return g_array_new(FALSE, TRUE, (guint)size);
}

static void
init_image(struct asm_image *image)
{
    asm_code_init(&image->code);
    image->label_index = g_hash_table_new(g_str_hash, g_str_equal);
    image->address_of = g_hash_table_new(NULL, NULL);
    image->fixups = new_array(sizeof(struct asm_fixup));
    image->jump_table = new_array(sizeof(struct asm_target));
    image->address_uses = new_array(sizeof(guint32));
    image->endpoints = new_array(sizeof(struct asm_endpoint));
    image->mappings = new_array(sizeof(struct asm_mapping));
    image->pinned = new_array(sizeof(struct asm_slot));
    image->initial = new_array(sizeof(struct asm_slot));
    image->code_bytes = g_byte_array_new();
    image->mask_bytes = g_byte_array_new();
    image->table_bytes = g_byte_array_new();
    image->blob_entry_size = ASM_SMALLEST_ENTRY;
}

static void
clear_image(struct asm_image *image)
{
    asm_code_clear(&image->code);
    g_hash_table_unref(image->label_index);
    g_hash_table_unref(image->address_of);
    g_array_unref(image->fixups);
    g_array_unref(image->jump_table);
    g_array_unref(image->address_uses);
    g_array_unref(image->endpoints);
    g_array_unref(image->mappings);
    g_array_unref(image->pinned);
    g_array_unref(image->initial);
    g_byte_array_unref(image->code_bytes);
    g_byte_array_unref(image->mask_bytes);
    g_byte_array_unref(image->table_bytes);
}

static void
clear_blob(struct asm_blob *blob)
{
    g_byte_array_unref(blob->bytes);
    g_array_unref(blob->fixups);
}

void
asm_cap_free(gpointer data)
{
    struct asm_cap *cap = data;

    g_clear_pointer(&cap->wire, g_byte_array_unref);
    switch (cap->kind) {
    case NUB_CAP_IMAGE:
        clear_image(&cap->u.image);
        break;
    case NUB_CAP_DATA:
        clear_blob(&cap->u.data);
        break;
    case NUB_CAP_CNODE:
        g_array_unref(cap->u.cnode.slots);
        break;
    case NUB_CAP_INSTANCE:
        for (guint i = 0; i < cap->u.instance.overlays->len; i++)
            clear_blob(&g_array_index(cap->u.instance.overlays, struct asm_overlay, i).blob);
        g_array_unref(cap->u.instance.overlays);
        break;
    case NUB_CAP_TYPE:
        break;
    }
    g_free(cap);
}

/* "image", "image2", ...: the first that is free */
static const char *
make_name(struct asm_state *state, enum nub_cap_kind kind)
{
    g_autofree char *base = g_ascii_strdown(nub_cap_kind_name(kind), -1);

    for (guint i = 1;; i++) {
        g_autofree char *name = i == 1 ? g_strdup(base) : g_strdup_printf("%s%u", base, i);
        if (!g_hash_table_contains(state->cap_names, name))
            return g_string_chunk_insert_const(state->names, name);
    }
}

struct asm_cap *
asm_begin_cap(struct asm_state *state, enum nub_cap_kind kind, const char *name,
              struct asm_place place)
{
    struct asm_cap *cap = g_new0(struct asm_cap, 1);

    cap->kind = kind;
    cap->name = name ? name : make_name(state, kind);
    cap->place = place;
    cap->image_cap = state->image;
    switch (kind) {
    case NUB_CAP_IMAGE:
        init_image(&cap->u.image);
        state->image = cap->image_cap = cap;
        break;
    case NUB_CAP_DATA:
        asm_blob_init(&cap->u.data);
        break;
    case NUB_CAP_CNODE:
        cap->u.cnode.slots = new_array(sizeof(struct asm_slot));
        break;
    case NUB_CAP_INSTANCE:
        cap->u.instance.overlays = new_array(sizeof(struct asm_overlay));
        break;
    case NUB_CAP_TYPE:
        break;
    }
    g_ptr_array_add(state->caps, cap);
    g_hash_table_insert(state->cap_names, (gpointer)cap->name, cap);
    state->section = cap;
    state->blob = kind == NUB_CAP_DATA ? &cap->u.data : NULL;
    return cap;
}

struct asm_image *
asm_current_image(struct asm_state *state)
{
    struct asm_place statement = { state->line,
                                   g_array_index(state->tokens, struct asm_token, 0).column };

    if (!state->image)
        asm_begin_cap(state, NUB_CAP_IMAGE, NULL, statement);
    if (!state->section)
        state->section = state->image;
    return &state->image->u.image;
}

/* reads a name if there is one, and begins a capability with it */
static struct asm_cap *
begin(struct asm_state *state, enum nub_cap_kind kind)
{
    struct asm_place place = asm_here(state);
    const char *name = NULL;

    if (asm_peek(state)->kind == ASM_NAME &&
        (!asm_read_name(state, "a name", &name) || !asm_check_new_name(state, name, place)))
        return NULL;
    return asm_begin_cap(state, kind, name, place);
}

static gboolean
begin_image(struct asm_state *state)
{
    return begin(state, NUB_CAP_IMAGE) != NULL;
}

static gboolean
begin_code(struct asm_state *state)
{
    asm_current_image(state);
    state->section = state->image;
    state->blob = NULL;
    return TRUE;
}

static gboolean
begin_data(struct asm_state *state)
{
    struct asm_place place = asm_here(state);

    if (asm_peek(state)->kind != ASM_NAME)
        return asm_fail_here(state, "expected a name for the data here");
    struct asm_cap *cap = begin(state, NUB_CAP_DATA);
    if (!cap)
        return FALSE;
    struct asm_data_label *label = g_new0(struct asm_data_label, 1);
    *label = (struct asm_data_label){ .data = cap, .place = place };
    g_hash_table_insert(state->data_labels, (gpointer)cap->name, label);
    return TRUE;
}

static gboolean
begin_cnode(struct asm_state *state)
{
    struct asm_cap *cap = begin(state, NUB_CAP_CNODE);
    guint64 size_log;

    if (!cap || !asm_expect(state, ',') ||
        !asm_read_number(state, "the size (its logarithm)", 16, &size_log))
        return FALSE;
    cap->u.cnode.size_log = (guint8)size_log;
    return TRUE;
}

static gboolean
begin_type(struct asm_state *state)
{
    struct asm_cap *cap = begin(state, NUB_CAP_TYPE);

    return cap && asm_expect(state, ',') && asm_read_cap(state, &cap->u.type);
}

static gboolean
begin_instance(struct asm_state *state)
{
    struct asm_cap *cap = begin(state, NUB_CAP_INSTANCE);

    if (!cap)
        return FALSE;
    if (asm_accept(state, ','))
        return asm_read_cap(state, &cap->u.instance.image);
    if (!state->image)
        return asm_fail_here(
            state, "there is no image before this instance: write its name after a comma");
    cap->u.instance.image = (struct asm_cap_ref){ .name = state->image->name, .place = cap->place };
    return TRUE;
}

static gboolean
read_no_instance(struct asm_state *state)
{
    state->no_instance = true;
    return TRUE;
}

static gboolean
read_equ(struct asm_state *state)
{
    struct asm_place place = asm_here(state);
    const char *constant;
    guint64 *value = g_new0(guint64, 1);

    if (!asm_read_name(state, "a name", &constant) || !asm_check_new_name(state, constant, place) ||
        !asm_expect(state, ',') || !asm_read_number(state, "the constant", G_MAXUINT64, value)) {
        g_free(value);
        return FALSE;
    }
    g_hash_table_insert(state->constants, (gpointer)constant, value);
    return TRUE;
}

/* ---- images -------------------------------------------------------------------------------- */

static gboolean
read_isa(struct asm_state *state)
{
    guint64 number;

    if (!asm_read_number(state, "the instruction set", G_MAXUINT32, &number))
        return FALSE;
    asm_current_image(state)->isa = (guint32)number;
    return TRUE;
}

static gboolean
read_yield_marker(struct asm_state *state)
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

static gboolean
read_pinned(struct asm_state *state)
{
    return read_slot(state, asm_current_image(state)->pinned);
}

static gboolean
read_initial(struct asm_state *state)
{
    return read_slot(state, asm_current_image(state)->initial);
}

static gboolean
read_cnode_slot(struct asm_state *state)
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
static gboolean
read_map(struct asm_state *state)
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

static gboolean
read_endpoint(struct asm_state *state)
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

static gboolean
read_jump_table(struct asm_state *state)
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

static gboolean
read_entry_size(struct asm_state *state)
{
    guint64 size;

    if (!asm_read_number(state, "the size", 4, &size))
        return FALSE;
    asm_current_image(state)->blob_entry_size = (guint32)size;
    return TRUE;
}

/* .insn and .u8 in code */
static gboolean
read_raw(struct asm_state *state)
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

static gboolean
read_mem_size(struct asm_state *state)
{
    return asm_read_number(state, "the size", G_MAXUINT64,
                           &state->section->u.instance.fields.mem_size);
}

static gboolean
read_regs(struct asm_state *state)
{
    do {
        if (!read_assignment(state, NULL, 0, state->section->u.instance.fields.regs, NULL))
            return FALSE;
    } while (asm_accept(state, ','));
    return TRUE;
}

static gboolean
read_paused(struct asm_state *state)
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

static gboolean
read_image_chain(struct asm_state *state)
{
    return asm_read_cap(state, &state->section->u.instance.image_chain);
}

static gboolean
read_root_cnode(struct asm_state *state)
{
    return asm_read_cap(state, &state->section->u.instance.root_cnode);
}

static gboolean
begin_overlay(struct asm_state *state)
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

/* ---- the table ----------------------------------------------------------------------------- */

enum section { IN_IMAGE = 1, IN_DATA = 2, IN_CNODE = 4, IN_INSTANCE = 8, ANYWHERE = 16 };

static const struct directive {
    const char *name;
    guint sections;
    gboolean (*read)(struct asm_state *state);
} directives[] = {
    { ".image", ANYWHERE, begin_image },
    { ".code", ANYWHERE, begin_code },
    { ".data", ANYWHERE, begin_data },
    { ".cnode", ANYWHERE, begin_cnode },
    { ".type", ANYWHERE, begin_type },
    { ".instance", ANYWHERE, begin_instance },
    { ".no_instance", ANYWHERE, read_no_instance },
    { ".equ", ANYWHERE, read_equ },
    { ".endpoint", IN_IMAGE, read_endpoint },
    { ".map", IN_IMAGE, read_map },
    { ".pinned", IN_IMAGE, read_pinned },
    { ".initial", IN_IMAGE, read_initial },
    { ".jump_table", IN_IMAGE, read_jump_table },
    { ".entry_size", IN_IMAGE, read_entry_size },
    { ".isa", IN_IMAGE, read_isa },
    { ".yield_marker", IN_IMAGE, read_yield_marker },
    { ".insn", IN_IMAGE, read_raw },
    { ".u8", IN_IMAGE, read_raw },
    { ".u8", IN_DATA, asm_read_integers },
    { ".u16", IN_DATA, asm_read_integers },
    { ".u32", IN_DATA, asm_read_integers },
    { ".u64", IN_DATA, asm_read_integers },
    { ".ascii", IN_DATA, asm_read_text },
    { ".asciz", IN_DATA, asm_read_text },
    { ".hex", IN_DATA, asm_read_hex },
    { ".zero", IN_DATA, asm_read_zeros },
    { ".align", IN_DATA, asm_read_align },
    { ".slot", IN_CNODE, read_cnode_slot },
    { ".mem_size", IN_INSTANCE, read_mem_size },
    { ".regs", IN_INSTANCE, read_regs },
    { ".paused", IN_INSTANCE, read_paused },
    { ".image_chain", IN_INSTANCE, read_image_chain },
    { ".root_cnode", IN_INSTANCE, read_root_cnode },
    { ".overlay", IN_INSTANCE, begin_overlay },
};

static guint
current_sections(const struct asm_state *state)
{
    guint here = ANYWHERE | (state->blob ? IN_DATA : 0);

    if (!state->section)
        return here | IN_IMAGE;
    switch (state->section->kind) {
    case NUB_CAP_IMAGE:
        return here | IN_IMAGE;
    case NUB_CAP_CNODE:
        return here | IN_CNODE;
    case NUB_CAP_INSTANCE:
        return here | IN_INSTANCE;
    default:
        return here;
    }
}

static const char *
section_names(guint sections)
{
    return sections & IN_IMAGE      ? "an image (.image, .code)"
           : sections & IN_CNODE    ? "a cnode (.cnode)"
           : sections & IN_INSTANCE ? "an instance (.instance)"
                                    : "data (.data, .overlay)";
}

static const char *
nth_directive(gconstpointer ctx, guint i)
{
    (void)ctx;
    return directives[i].name;
}

gboolean
asm_read_directive(struct asm_state *state, const char *name, struct asm_place place)
{
    const struct directive *elsewhere = NULL;

    state->directive = name;
    for (guint i = 0; i < G_N_ELEMENTS(directives); i++) {
        if (strcmp(directives[i].name, name) != 0)
            continue;
        if (directives[i].sections & current_sections(state))
            return directives[i].read(state) && asm_expect_end(state);
        elsewhere = &directives[i];
    }
    if (elsewhere)
        return asm_fail(state, place, "'%s' belongs into %s", name,
                        section_names(elsewhere->sections));
    g_autofree char *hint = asm_suggest(name, G_N_ELEMENTS(directives), nth_directive, NULL);
    return asm_fail(state, place, "unknown directive '%s'%s", name, hint);
}
