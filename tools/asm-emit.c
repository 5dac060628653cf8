/* asm-emit.c - the capabilities of a text become wire forms, a bundle, a program blob
 *
 * Every capability is encoded after those that it names, whatever the order of the text; what comes
 * out is decoded again by core/model, the one judge of what a capability may be.
 */
#include "asm-private.h"

#include "bundle.h"
#include "bytes.h"

#include <string.h>

/* how deep capabilities may name each other against the order of the text */
#define MAX_DEPTH 1000

/* ---- capabilities -------------------------------------------------------------------------- */

static gboolean encode_cap(struct asm_state *state, struct asm_cap *cap, guint depth);

/* the hash of a capability that another names; it is encoded now if it was not yet */
static gboolean
resolve_cap(struct asm_state *state, const struct asm_cap_ref *ref, guint depth,
            struct nub_hash *hash)
{
    struct asm_cap *cap = asm_find_cap(state, ref);

    *hash = ref->hash;
    if (!ref->name)
        return TRUE;
    if (!cap)
        return asm_fail_unknown_cap(state, ref);
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
        if (!asm_evaluate(state, image, &fixup->value, &number))
            return FALSE;
        if (fixup->size < 8 && number >> (8 * fixup->size) != 0)
            return asm_fail(state, fixup->value.place,
                            "0x%" G_GINT64_MODIFIER "x does not fit %u bytes", number, fixup->size);
        nub_put_le64(bytes, number);
        memcpy(blob->bytes->data + fixup->at, bytes, fixup->size);
    }
    return TRUE;
}

/* room for a wire form */
static gboolean
begin_wire(struct asm_state *state, struct asm_cap *cap, guint64 size)
{
    if (size > G_MAXINT32)
        return asm_fail(state, cap->place, "'%s' would have more than 2 GiB", cap->name);
    cap->wire = g_byte_array_new();
    g_byte_array_set_size(cap->wire, (guint)size);
    return TRUE;
}

static gboolean
encode_data(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    GByteArray *bytes = cap->u.data.bytes;

    (void)depth;
    if (!resolve_blob(state, cap, &cap->u.data))
        return FALSE;
    if (!begin_wire(state, cap, nub_data_wire_size(bytes->len)))
        return FALSE;
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
        endpoint->fields.entry_pc = asm_resolve_target(image, &endpoint->entry);
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
    if (!begin_wire(state, cap, nub_image_wire_size(&spec)))
        return FALSE;
    nub_image_encode(cap->wire->data, &spec);
    return TRUE;
}

static gboolean
encode_cnode(struct asm_state *state, struct asm_cap *cap, guint depth)
{
    g_autoptr(GArray) entries = resolve_slots(state, cap->u.cnode.slots, depth);

    if (!entries)
        return FALSE;
    if (!begin_wire(state, cap, nub_cnode_wire_size(entries->len)))
        return FALSE;
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
    if (!begin_wire(state, cap, NUB_TYPE_WIRE_SIZE))
        return FALSE;
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
    if (!begin_wire(state, cap, nub_instance_wire_size(&spec)))
        return FALSE;
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
        if (value->is_code_address)
            asm_use_address(&image_cap->u.image, value);
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
emit_all(struct asm_state *state)
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
        if (cap->kind == NUB_CAP_IMAGE && !asm_link_image(state, &cap->u.image))
            return FALSE;
    }
    for (guint i = 0; i < state->caps->len; i++)
        if (!encode_cap(state, g_ptr_array_index(state->caps, i), 0))
            return FALSE;
    return state->order->len > 0 ||
           asm_fail(state, (struct asm_place){ 1, 1 }, "the text holds no code and no capability");
}

gboolean
asm_emit(struct asm_state *state, NubAsmOutput *output)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    GBytes *program = NULL;

    state->order = order;
    if (!emit_all(state) || (state->image && !make_program(state, state->image, &program)))
        return FALSE;
    output->bundle = make_bundle(order);
    output->program = program;
    output->n_caps = order->len;
    return TRUE;
}
