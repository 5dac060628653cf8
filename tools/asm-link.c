/* asm-link.c - symbols, jump tables, slots and code of the images of a text
 *
 * What a text left open is decided here: which entry an address gets, which slot a capability,
 * which byte an instruction. Then code is laid out and every label that is jumped to is held to be
 * a block start. Capabilities become bytes in asm-emit.c.
 */
#include "asm-private.h"

#include "bytes.h"

#include <string.h>

/* ---- symbols ------------------------------------------------------------------------------- */

struct asm_cap *
asm_find_cap(const struct asm_state *state, const struct asm_cap_ref *ref)
{
    return ref->name ? g_hash_table_lookup(state->cap_names, ref->name) : NULL;
}

gboolean
asm_fail_unknown_cap(struct asm_state *state, const struct asm_cap_ref *ref)
{
    g_autofree char *hint = asm_suggest_key(ref->name, state->cap_names);

    return asm_fail(state, ref->place, "no capability has the name '%s'%s", ref->name, hint);
}

/* the cap that a slot list gives for a slot */
static const struct asm_cap *
cap_in_slot(const struct asm_state *state, const GArray *slots, guint32 slot)
{
    for (guint i = 0; i < slots->len; i++) {
        const struct asm_slot *entry = &g_array_index(slots, struct asm_slot, i);
        if (entry->slot == slot)
            return asm_find_cap(state, &entry->cap);
    }
    return NULL;
}

/* where an image maps a Data: the first mapping whose path is its slot alone */
static gboolean
address_of_data(const struct asm_state *state, const struct asm_image *image,
                const struct asm_cap *data, guint64 *address)
{
    for (guint i = 0; i < image->mappings->len; i++) {
        const struct nub_mapping *mapping =
            &g_array_index(image->mappings, struct asm_mapping, i).mapping;
        if (mapping->n_source != 1)
            continue;
        const struct asm_cap *cap = cap_in_slot(state, image->pinned, mapping->source[0]);
        if (!cap)
            cap = cap_in_slot(state, image->initial, mapping->source[0]);
        if (cap != data)
            continue;
        *address = mapping->start;
        return TRUE;
    }
    return FALSE;
}

static gboolean
fail_unknown_symbol(struct asm_state *state, const struct asm_image *image,
                    const struct asm_value *value)
{
    const char *name = value->symbol;

    if (image && g_hash_table_contains(image->label_index, name))
        return asm_fail(state, value->place,
                        "'%s' is a label in code; write @%s for its address in a register", name,
                        name);
    g_autofree char *hint = asm_suggest_key(name, state->data_labels);
    return asm_fail(state, value->place, "unknown symbol '%s'%s", name, hint);
}

/* the value of a number with a symbol; `image` may be NULL when the text has none */
gboolean
asm_evaluate(struct asm_state *state, const struct asm_image *image, const struct asm_value *value,
             guint64 *number)
{
    const struct asm_data_label *label = g_hash_table_lookup(state->data_labels, value->symbol);
    guint64 address = 0;

    if (value->is_code_address) {
        gpointer index = image ? g_hash_table_lookup(image->label_index, value->symbol) : NULL;
        gpointer entry = index ? g_hash_table_lookup(image->address_of, index) : NULL;
        if (!entry)
            return asm_fail(state, value->place, "no code label '%s' in the image", value->symbol);
        *number = value->number + 2 * (guint64)GPOINTER_TO_UINT(entry);
        return TRUE;
    }
    if (!label)
        return fail_unknown_symbol(state, image, value);
    if (!image || !address_of_data(state, image, label->data, &address))
        return asm_fail(state, value->place,
                        "the data '%s' is mapped nowhere: add \".map ADDRESS, pinned %s\" (or "
                        "initial) to the image",
                        label->data->name, label->data->name);
    *number = value->number + address + label->offset;
    return TRUE;
}

/* ---- images -------------------------------------------------------------------------------- */

/* for suggestions: NULL leaves a label out */
static const char *
nth_defined_label(gconstpointer ctx, guint i)
{
    const struct asm_label *label = asm_label(ctx, i);

    return label->is_defined ? label->name : NULL;
}

static gboolean
check_labels(struct asm_state *state, const struct asm_image *image)
{
    for (guint i = 0; i < image->code.labels->len; i++) {
        const struct asm_label *label = asm_label(&image->code, i);
        if (label->is_defined)
            continue;
        g_autofree char *hint =
            asm_suggest(label->name, image->code.labels->len, nth_defined_label, &image->code);
        return asm_fail(state, label->used, "unknown label '%s'%s", label->name, hint);
    }
    return TRUE;
}

static gboolean
check_block_starts(struct asm_state *state, const struct asm_image *image,
                   const struct nub_program *program)
{
    for (guint i = 0; i < image->code.labels->len; i++) {
        const struct asm_label *label = asm_label(&image->code, i);
        guint32 at = asm_label_at(&image->code, i);
        if (label->used.line == 0 || nub_program_is_block_start(program, at))
            continue;
        if (at >= program->code_size)
            return asm_fail(state, label->defined,
                            "nothing follows the label '%s', which line %u jumps to", label->name,
                            label->used.line);
        if (!nub_program_is_start(program, at) || !nub_isa[program->code[at]].mnemonic)
            return asm_fail(state, label->defined,
                            "no known instruction stands at the label '%s', which line %u jumps to",
                            label->name, label->used.line);
        return asm_fail(state, label->defined,
                        "line %u jumps to '%s', but the instruction before the label does not end "
                        "a block: write `fallthrough` before it",
                        label->used.line, label->name);
    }
    return TRUE;
}

static void
append_entry(struct asm_image *image, guint32 value)
{
    guint8 bytes[4];

    nub_put_le32(bytes, value);
    g_byte_array_append(image->table_bytes, bytes, sizeof bytes);
}

/* entries that .jump_table lists, then one for each @label that has none; labels stay open */
static void
collect_jump_table(struct asm_image *image)
{
    for (guint i = 0; i < image->jump_table->len; i++) {
        guint32 label = g_array_index(image->jump_table, struct asm_target, i).label;
        gpointer key = GUINT_TO_POINTER(label + 1);
        if (label != ASM_NO_LABEL && !g_hash_table_contains(image->address_of, key))
            g_hash_table_insert(image->address_of, key, GUINT_TO_POINTER(i + 1));
    }
    for (guint i = 0; i < image->address_uses->len; i++) {
        guint32 label = g_array_index(image->address_uses, guint32, i);
        gpointer key = GUINT_TO_POINTER(label + 1);
        if (g_hash_table_contains(image->address_of, key))
            continue;
        struct asm_target target = { .label = label };
        g_array_append_val(image->jump_table, target);
        g_hash_table_insert(image->address_of, key, GUINT_TO_POINTER(image->jump_table->len));
    }
}

guint64
asm_resolve_target(const struct asm_image *image, const struct asm_target *target)
{
    return target->label == ASM_NO_LABEL ? target->number
                                         : asm_label_at(&image->code, target->label);
}

static gboolean
has_slot(const GArray *slots, guint32 slot)
{
    for (guint i = 0; i < slots->len; i++)
        if (g_array_index(slots, struct asm_slot, i).slot == slot)
            return TRUE;
    return FALSE;
}

/* the slot in which a list has a capability, a new one if it has it not */
static guint32
slot_for(struct asm_image *image, GArray *slots, const struct asm_cap_ref *ref)
{
    struct asm_slot slot = { .cap = *ref };

    for (guint i = 0; i < slots->len; i++) {
        const struct asm_slot *entry = &g_array_index(slots, struct asm_slot, i);
        if (entry->cap.name == ref->name && nub_hash_equal(&entry->cap.hash, &ref->hash))
            return entry->slot;
    }
    while (has_slot(image->pinned, slot.slot) || has_slot(image->initial, slot.slot))
        slot.slot++;
    g_array_append_val(slots, slot);
    return slot.slot;
}

static gboolean
resolve_mappings(struct asm_state *state, struct asm_image *image)
{
    for (guint i = 0; i < image->mappings->len; i++) {
        struct asm_mapping *mapping = &g_array_index(image->mappings, struct asm_mapping, i);
        if (mapping->source == ASM_SOURCE_PATH)
            continue;
        const struct asm_cap *cap = asm_find_cap(state, &mapping->cap);
        if (!cap && mapping->cap.name)
            return asm_fail_unknown_cap(state, &mapping->cap);
        if (cap && cap->kind != NUB_CAP_DATA)
            return asm_fail(state, mapping->cap.place, "'%s' is no data but %s", cap->name,
                            nub_cap_kind_name(cap->kind));
        if (!mapping->has_size && !cap)
            return asm_fail(state, mapping->place,
                            "the size of a capability named by its hash is unknown: write it");
        if (!mapping->has_size)
            mapping->mapping.size =
                nub_data_wire_size(cap->u.data.bytes->len) - nub_data_wire_size(0);
        mapping->mapping.n_source = 1;
        mapping->mapping.source[0] =
            slot_for(image, mapping->source == ASM_SOURCE_PINNED ? image->pinned : image->initial,
                     &mapping->cap);
    }
    return TRUE;
}

static gboolean
apply_fixups(struct asm_state *state, struct asm_image *image)
{
    for (guint i = 0; i < image->fixups->len; i++) {
        const struct asm_fixup *fixup = &g_array_index(image->fixups, struct asm_fixup, i);
        struct nub_insn *insn = &asm_item(&image->code, fixup->at)->insn;
        guint64 number;
        if (!asm_evaluate(state, image, &fixup->value, &number))
            return FALSE;
        if (nub_isa[insn->opcode].arg_class == NUB_ARG_RX) {
            insn->x = number;
        } else if (!asm_extend(number, fixup->is_address,
                               fixup->operand == 'X' ? &insn->x : &insn->y)) {
            return asm_fail(state, fixup->value.place,
                            "'%s' is 0x%" G_GINT64_MODIFIER
                            "x here, above 0x7fffffff: use load_imm_64",
                            fixup->value.symbol, number);
        }
    }
    return TRUE;
}

gboolean
asm_link_image(struct asm_state *state, struct asm_image *image)
{
    guint32 bad = 0;

    collect_jump_table(image);
    if (!resolve_mappings(state, image) || !apply_fixups(state, image) ||
        !check_labels(state, image))
        return FALSE;
    asm_layout(&image->code);
    if (!asm_encode(&image->code, image->code_bytes, image->mask_bytes, &bad)) {
        const struct asm_item *item = asm_item(&image->code, bad);
        return asm_fail(state, (struct asm_place){ item->line, item->column },
                        "the target is too far away for the bytes of its offset");
    }
    for (guint i = 0; i < image->jump_table->len; i++)
        append_entry(image, (guint32)asm_resolve_target(
                                image, &g_array_index(image->jump_table, struct asm_target, i)));
    const struct nub_program program = { .code = image->code_bytes->data,
                                         .code_size = image->code_bytes->len,
                                         .mask = image->mask_bytes->data };
    return check_block_starts(state, image, &program);
}
