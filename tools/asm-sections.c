/* asm-sections.c - the capabilities of a text, and the table of directives
 *
 * One table names every directive and where it may stand; what they read is in asm-fields.c and
 * asm-data.c. A text is only written down here; symbols, hashes and what one capability says about
 * another come later.
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
    { ".endpoint", IN_IMAGE, asm_read_endpoint },
    { ".map", IN_IMAGE, asm_read_map },
    { ".pinned", IN_IMAGE, asm_read_pinned },
    { ".initial", IN_IMAGE, asm_read_initial },
    { ".jump_table", IN_IMAGE, asm_read_jump_table },
    { ".entry_size", IN_IMAGE, asm_read_entry_size },
    { ".isa", IN_IMAGE, asm_read_isa },
    { ".yield_marker", IN_IMAGE, asm_read_yield_marker },
    { ".insn", IN_IMAGE, asm_read_raw },
    { ".u8", IN_IMAGE, asm_read_raw },
    { ".u8", IN_DATA, asm_read_integers },
    { ".u16", IN_DATA, asm_read_integers },
    { ".u32", IN_DATA, asm_read_integers },
    { ".u64", IN_DATA, asm_read_integers },
    { ".ascii", IN_DATA, asm_read_text },
    { ".asciz", IN_DATA, asm_read_text },
    { ".hex", IN_DATA, asm_read_hex },
    { ".zero", IN_DATA, asm_read_zeros },
    { ".align", IN_DATA, asm_read_align },
    { ".slot", IN_CNODE, asm_read_cnode_slot },
    { ".mem_size", IN_INSTANCE, asm_read_mem_size },
    { ".regs", IN_INSTANCE, asm_read_regs },
    { ".paused", IN_INSTANCE, asm_read_paused },
    { ".image_chain", IN_INSTANCE, asm_read_image_chain },
    { ".root_cnode", IN_INSTANCE, asm_read_root_cnode },
    { ".overlay", IN_INSTANCE, asm_begin_overlay },
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
