/* asm-link.c - what a text says becomes bytes
 *
 * Images first get their jump tables, slots, symbols and code; then every capability is encoded
 * after those that it names. The result is decoded again by core/model, the one judge of what a
 * capability may be.
 */
#include "asm-private.h"

#include "bundle.h"
#include "bytes.h"

#include <string.h>

/* how deep capabilities may name each other against the order of the text */
#define MAX_DEPTH 1000

/* ---- symbols ------------------------------------------------------------------------------- */

static struct asm_cap *
find_cap(const struct asm_state *state, const struct asm_cap_ref *ref)
{
    return ref->name ? g_hash_table_lookup(state->cap_names, ref->name) : NULL;
}

static gboolean
fail_unknown_cap(struct asm_state *state, const struct asm_cap_ref *ref)
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
            return find_cap(state, &entry->cap);
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
static gboolean
evaluate(struct asm_state *state, const struct asm_image *image, const struct asm_value *value,
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

static guint64
resolve_target(const struct asm_image *image, const struct asm_target *target)
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
        const struct asm_cap *cap = find_cap(state, &mapping->cap);
        if (!cap && mapping->cap.name)
            return fail_unknown_cap(state, &mapping->cap);
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
        if (!evaluate(state, image, &fixup->value, &number))
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

static gboolean
link_image(struct asm_state *state, struct asm_image *image)
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
        append_entry(image, (guint32)resolve_target(
                                image, &g_array_index(image->jump_table, struct asm_target, i)));
    const struct nub_program program = { .code = image->code_bytes->data,
                                         .code_size = image->code_bytes->len,
                                         .mask = image->mask_bytes->data };
    return check_block_starts(state, image, &program);
}

/* ---- capabilities -------------------------------------------------------------------------- */

static gboolean encode_cap(struct asm_state *state, struct asm_cap *cap, guint depth);

/* the hash of a capability that another names; it is encoded now if it was not yet */
static gboolean
resolve_cap(struct asm_state *state, const struct asm_cap_ref *ref, guint depth,
            struct nub_hash *hash)
{
    struct asm_cap *cap = find_cap(state, ref);

    *hash = ref->hash;
    if (!ref->name)
        return TRUE;
    if (!cap)
        return fail_unknown_cap(state, ref);
    if (cap->state == 1)
        return asm_fail(state, ref->place, "'%s' would contain its own hash", ref->name);
    if (depth > MAX_DEPTH)
        return asm_fail(state, ref->place,
                        "more than %u capabilities name one that stands after them", MAX_DEPTH);
    if (!encode_cap(state, cap, depth + 1))
        return FALSE;
    *hash = cap->hash;
    return TRUE;
}

static gint
compare_slots(gconstpointer a, gconstpointer b)
{
    guint32 x = ((const struct nub_slot_entry *)a)->slot;
    guint32 y = ((const struct nub_slot_entry *)b)->slot;

    return x < y ? -1 : x > y;
}

static gint
compare_mappings(gconstpointer a, gconstpointer b)
{
    guint64 x = ((const struct nub_mapping *)a)->start;
    guint64 y = ((const struct nub_mapping *)b)->start;

    return x < y ? -1 : x > y;
}

static gint
compare_overlays(gconstpointer a, gconstpointer b)
{
    guint32 x = ((const struct nub_overlay *)a)->start;
    guint32 y = ((const struct nub_overlay *)b)->start;

    return x < y ? -1 : x > y;
}

static GArray *
resolve_slots(struct asm_state *state, const GArray *slots, guint depth)
{
    g_autoptr(GArray) entries = g_array_new(FALSE, TRUE, sizeof(struct nub_slot_entry));

    for (guint i = 0; i < slots->len; i++) {
        const struct asm_slot *slot = &g_array_index(slots, struct asm_slot, i);
        struct nub_slot_entry entry = { .slot = slot->slot };
        if (!resolve_cap(state, &slot->cap, depth, &entry.cap))
            return NULL;
        g_array_append_val(entries, entry);
    }
    g_array_sort(entries, compare_slots);
    return g_steal_pointer(&entries);
}

static gboolean
resolve_blob(struct asm_state *state, const struct asm_cap *cap, struct asm_blob *blob)
{
    const struct asm_image *image = cap->image_cap       ? &cap->image_cap->u.image
                                    : state->first_image ? &state->first_image->u.image
                                                         : NULL;

    for (guint i = 0; i < blob->fixups->len; i++) {
        const struct asm_fixup *fixup = &g_array_index(blob->fixups, struct asm_fixup, i);
        guint8 bytes[8];
        guint64 number;
        if (!evaluate(state, image, &fixup->value, &number))
            return FALSE;
        if (fixup->size < 8 && number >> (8 * fixup->size) != 0)
            return asm_fail(state, fixup->value.place,
                            "0x%" G_GINT64_MODIFIER "x does not fit %u bytes", number, fixup->size);
        nub_put_le64(bytes, number);
        memcpy(blob->bytes->data + fixup->at, bytes, fixup->size);
    }
    return TRUE;
}

static GByteArray *
new_wire(guint64 size)
{
    GByteArray *wire = g_byte_array_new();

    g_byte_array_set_size(wire, (guint)size);
    return wire;
}

static gboolean
encode_data(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    GByteArray *bytes = cap->u.data.bytes;

    (void)depth;
    if (!resolve_blob(state, cap, &cap->u.data))
        return FALSE;
    cap->wire = new_wire(nub_data_wire_size(bytes->len));
    nub_data_encode(cap->wire->data, (struct nub_slice){ bytes->data, bytes->len });
    return TRUE;
}

static gboolean
encode_image(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    struct asm_image *image = &cap->u.image;
    g_autoptr(GArray) pinned = resolve_slots(state, image->pinned, depth);
    g_autoptr(GArray) initial = pinned ? resolve_slots(state, image->initial, depth) : NULL;
    g_autoptr(GArray) mappings = g_array_new(FALSE, TRUE, sizeof(struct nub_mapping));
    g_autoptr(GArray) endpoints = g_array_new(FALSE, TRUE, sizeof(struct nub_endpoint));
    g_autofree guint32 *table = g_new0(guint32, image->jump_table->len + 1);

    if (!initial)
        return FALSE;
    for (guint i = 0; i < image->mappings->len; i++)
        g_array_append_val(mappings, g_array_index(image->mappings, struct asm_mapping, i).mapping);
    g_array_sort(mappings, compare_mappings);
    for (guint i = 0; i < image->endpoints->len; i++) {
        struct asm_endpoint *endpoint = &g_array_index(image->endpoints, struct asm_endpoint, i);
        endpoint->fields.entry_pc = resolve_target(image, &endpoint->entry);
        g_array_append_val(endpoints, endpoint->fields);
    }
    for (guint i = 0; i < image->jump_table->len; i++)
        table[i] = nub_le32(image->table_bytes->data + 4 * i);
    const struct nub_image_spec spec = {
        .isa = image->isa,
        .code = { image->code_bytes->data, image->code_bytes->len },
        .bitmask = { image->mask_bytes->data, image->mask_bytes->len },
        .jump_table = table,
        .n_jump = image->jump_table->len,
        .endpoints = (const struct nub_endpoint *)(void *)endpoints->data,
        .n_endpoints = endpoints->len,
        .mappings = (const struct nub_mapping *)(void *)mappings->data,
        .n_mappings = mappings->len,
        .pinned = (const struct nub_slot_entry *)(void *)pinned->data,
        .n_pinned = pinned->len,
        .initial = (const struct nub_slot_entry *)(void *)initial->data,
        .n_initial = initial->len,
        .has_yield_marker = image->has_yield_marker,
        .yield_marker_slot = image->yield_marker,
    };
    cap->wire = new_wire(nub_image_wire_size(&spec));
    nub_image_encode(cap->wire->data, &spec);
    return TRUE;
}

static gboolean
encode_cnode(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    g_autoptr(GArray) entries = resolve_slots(state, cap->u.cnode.slots, depth);

    if (!entries)
        return FALSE;
    cap->wire = new_wire(nub_cnode_wire_size(entries->len));
    nub_cnode_encode(cap->wire->data, cap->u.cnode.size_log,
                     (const struct nub_slot_entry *)(void *)entries->data, entries->len);
    return TRUE;
}

static gboolean
encode_type(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    struct nub_hash hash;

    if (!resolve_cap(state, &cap->u.type, depth, &hash))
        return FALSE;
    cap->wire = new_wire(NUB_TYPE_WIRE_SIZE);
    nub_type_encode(cap->wire->data, &hash);
    return TRUE;
}

/* overlays are whole pages */
static void
pad_to_pages(GByteArray *bytes)
{
    guint old = bytes->len, size = (old + NUB_PAGE_SIZE - 1) / NUB_PAGE_SIZE * NUB_PAGE_SIZE;

    g_byte_array_set_size(bytes, size);
    if (size > old)
        memset(bytes->data + old, 0, size - old);
}

static gboolean
encode_instance(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    struct asm_instance *instance = &cap->u.instance;
    struct nub_instance_spec spec = instance->fields;
    g_autoptr(GArray) overlays = g_array_new(FALSE, TRUE, sizeof(struct nub_overlay));

    if (!resolve_cap(state, &instance->image, depth, &spec.image) ||
        !resolve_cap(state, &instance->image_chain, depth, &spec.image_chain) ||
        !resolve_cap(state, &instance->root_cnode, depth, &spec.root_cnode))
        return FALSE;
    for (guint i = 0; i < instance->overlays->len; i++) {
        struct asm_overlay *overlay = &g_array_index(instance->overlays, struct asm_overlay, i);
        if (!resolve_blob(state, cap, &overlay->blob))
            return FALSE;
        pad_to_pages(overlay->blob.bytes);
        struct nub_overlay encoded = { overlay->start,
                                       { overlay->blob.bytes->data, overlay->blob.bytes->len } };
        g_array_append_val(overlays, encoded);
    }
    g_array_sort(overlays, compare_overlays);
    spec.overlays = (const struct nub_overlay *)(void *)overlays->data;
    spec.n_overlays = overlays->len;
    cap->wire = new_wire(nub_instance_wire_size(&spec));
    nub_instance_encode(cap->wire->data, &spec);
    return TRUE;
}

static gboolean
encode_cap(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    static gboolean (*const encoders[])(struct asm_state *, struct asm_cap *, guint) = {
        [NUB_CAP_INSTANCE] = encode_instance, [NUB_CAP_IMAGE] = encode_image,
        [NUB_CAP_DATA] = encode_data,         [NUB_CAP_CNODE] = encode_cnode,
        [NUB_CAP_TYPE] = encode_type,
    };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_cap decoded;

    if (cap->state == 2)
        return TRUE;
    cap->state = 1;
    if (!encoders[cap->kind](state, cap, depth))
        return FALSE;
    if (nub_cap_decode(&decoded, (struct nub_slice){ cap->wire->data, cap->wire->len }, &failure))
        return asm_fail(state, cap->place, "'%s': %s", cap->name, failure.message);
    nub_cap_hash(&cap->hash, &decoded);
    cap->state = 2;
    g_ptr_array_add(state->order, cap);
    return TRUE;
}

/* ---- the output ---------------------------------------------------------------------------- */

static GBytes *
make_bundle(const GPtrArray *order)
{
    g_autofree struct nub_slice *slices = g_new0(struct nub_slice, order->len);

    for (guint i = 0; i < order->len; i++) {
        const struct asm_cap *cap = g_ptr_array_index(order, i);
        slices[i] = (struct nub_slice){ cap->wire->data, cap->wire->len };
    }
    guint64 size = nub_bundle_size(slices, order->len);
    guint8 *file = g_malloc(size);
    nub_bundle_encode(file, slices, order->len);
    return g_bytes_new_take(file, size);
}

static gboolean
make_program(struct asm_state *state, const struct asm_cap *cap, GBytes **blob)
{
    const struct asm_image *image = &cap->u.image;
    const struct nub_program program = { .code = image->code_bytes->data,
                                         .code_size = image->code_bytes->len,
                                         .mask = image->mask_bytes->data,
                                         .jump_table = image->table_bytes->data,
                                         .n_jump = image->jump_table->len,
                                         .jump_width = 4 };
    guint32 width = image->blob_entry_size;
    gboolean is_smallest = width == ASM_SMALLEST_ENTRY;

    for (guint i = 0; i < program.n_jump && !is_smallest; i++)
        if (width < 4 && nub_program_jump_entry(&program, i) >> (8 * width) != 0)
            return asm_fail(state, cap->place, "a jump table entry does not fit %u bytes", width);
    guint64 size =
        is_smallest ? nub_program_blob_size(&program) : nub_program_blob_size_as(&program, width);
    guint8 *bytes = g_malloc(size);
    if (is_smallest)
        nub_program_write_blob(&program, bytes);
    else
        nub_program_write_blob_as(&program, width, bytes);
    *blob = g_bytes_new_take(bytes, size);
    return TRUE;
}

/* a text without instances gets one of its last image */
static void
add_instance(struct asm_state *state)
{
    for (guint i = 0; i < state->caps->len; i++)
        if (((struct asm_cap *)g_ptr_array_index(state->caps, i))->kind == NUB_CAP_INSTANCE)
            return;
    if (!state->image || state->no_instance)
        return;
    struct asm_cap_ref image = { .name = state->image->name, .place = state->image->place };
    asm_begin_cap(state, NUB_CAP_INSTANCE, NULL, state->image->place)->u.instance.image = image;
}

/* @label in data asks for a jump table entry too */
static void
use_addresses(const struct asm_state *state, const struct asm_cap *cap, const struct asm_blob *blob)
{
    struct asm_cap *image_cap = cap->image_cap ? cap->image_cap : state->first_image;

    for (guint i = 0; i < blob->fixups->len && image_cap; i++) {
        const struct asm_value *value = &g_array_index(blob->fixups, struct asm_fixup, i).value;
        struct asm_image *image = &image_cap->u.image;
        if (!value->is_code_address)
            continue;
        guint32 label = asm_find_label(image, value->symbol);
        if (asm_label(&image->code, label)->used.line == 0)
            asm_label(&image->code, label)->used = value->place;
        g_array_append_val(image->address_uses, label);
    }
}

static void
use_addresses_of_cap(const struct asm_state *state, const struct asm_cap *cap)
{
    if (cap->kind == NUB_CAP_DATA)
        use_addresses(state, cap, &cap->u.data);
    if (cap->kind == NUB_CAP_INSTANCE)
        for (guint i = 0; i < cap->u.instance.overlays->len; i++)
            use_addresses(state, cap,
                          &g_array_index(cap->u.instance.overlays, struct asm_overlay, i).blob);
}

static gboolean
link_all(struct asm_state *state)
{
    add_instance(state);
    for (guint i = state->caps->len; i > 0; i--) {
        struct asm_cap *cap = g_ptr_array_index(state->caps, i - 1);
        if (cap->kind == NUB_CAP_IMAGE)
            state->first_image = cap;
    }
    for (guint i = 0; i < state->caps->len; i++)
        use_addresses_of_cap(state, g_ptr_array_index(state->caps, i));
    for (guint i = 0; i < state->caps->len; i++) {
        struct asm_cap *cap = g_ptr_array_index(state->caps, i);
        if (cap->kind == NUB_CAP_IMAGE && !link_image(state, &cap->u.image))
            return FALSE;
    }
    for (guint i = 0; i < state->caps->len; i++)
        if (!encode_cap(state, g_ptr_array_index(state->caps, i), 0))
            return FALSE;
    return state->order->len > 0 ||
           asm_fail(state, (struct asm_place){ 1, 1 }, "the text holds no code and no capability");
}

gboolean
asm_link(struct asm_state *state, NubAsmOutput *output)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    GBytes *program = NULL;

    state->order = order;
    if (!link_all(state) || (state->image && !make_program(state, state->image, &program)))
        return FALSE;
    output->bundle = make_bundle(order);
    output->program = program;
    output->n_caps = order->len;
    return TRUE;
}
