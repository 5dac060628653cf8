/* cap-build.c - making capabilities from parts
 *
 * A builder collects and sorts; it judges nothing. What it makes goes through the same strict
 * decoder as bytes from anywhere (cap-boxed.c), so that there is one list of rules and one set of
 * messages. See <nub/cap.h>.
 */
#include "cap-private.h"

#include <string.h>

/* ---- Data, Type, CNode ------------------------------------------------------------------- */

NubCap *
nub_cap_new_data(const guint8 *content, gsize size, GError **error)
{
    guint64 wire_size;
    uint8_t *wire;

    g_return_val_if_fail(content || !size, NULL);
    wire_size = size > G_MAXUINT32 ? size : nub_data_wire_size(size);
    wire = nub_cap_alloc_wire(wire_size, error);
    if (!wire)
        return NULL;
    nub_data_encode(wire, (struct nub_slice){ content, size });
    return nub_cap_new_take(wire, wire_size, error);
}

/* For the kinds that cannot be wrong. */
static NubCap *
take_valid(uint8_t *wire, gsize size)
{
    g_autoptr(GError) error = NULL;
    NubCap *cap = nub_cap_new_take(wire, size, &error);

    if (!cap)
        g_critical("made an invalid capability: %s", error->message);
    return cap;
}

NubCap *
nub_cap_new_type(const NubHash *image_chain)
{
    uint8_t *wire;

    g_return_val_if_fail(image_chain, NULL);
    wire = g_malloc(NUB_TYPE_WIRE_SIZE);
    nub_type_encode(wire, image_chain);
    return take_valid(wire, NUB_TYPE_WIRE_SIZE);
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
    guint32 x = ((const struct nub_slot_entry *)a)->slot;
    guint32 y = ((const struct nub_slot_entry *)b)->slot;

    return x < y ? -1 : x > y;
}

static void
sort_entries(GArray *entries)
{
    g_array_sort(entries, compare_entries);
}

NubCap *
nub_cap_new_cnode(guint8 size_log, const NubSlot *slots, gsize n_slots, GError **error)
{
    g_autoptr(GArray) entries = NULL;
    uint64_t size;
    uint8_t *wire;

    g_return_val_if_fail(slots || !n_slots, NULL);
    if (n_slots > 65536) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING,
                    "CNodeWire.entries: %" G_GSIZE_FORMAT " slots, at most 65536", n_slots);
        return NULL;
    }
    entries = g_array_sized_new(FALSE, FALSE, sizeof(struct nub_slot_entry), (guint)n_slots);
    for (gsize i = 0; i < n_slots; i++) {
        struct nub_slot_entry entry = { slots[i].slot, slots[i].cap };
        g_array_append_val(entries, entry);
    }
    sort_entries(entries);
    size = nub_cnode_wire_size(entries->len);
    wire = nub_cap_alloc_wire(size, error);
    if (!wire)
        return NULL;
    nub_cnode_encode(wire, size_log, (const struct nub_slot_entry *)(gpointer)entries->data,
                     entries->len);
    return nub_cap_new_take(wire, size, error);
}

/* ---- Image ------------------------------------------------------------------------------- */

struct _NubImageBuilder {
    guint32 isa;
    GByteArray *code;
    GByteArray *bitmask;
    GArray *jump_table; /* of uint32_t */
    GArray *endpoints;  /* of struct nub_endpoint */
    GArray *mappings;   /* of struct nub_mapping */
    GArray *pinned;     /* of struct nub_slot_entry */
    GArray *initial;    /* of struct nub_slot_entry */
};

G_DEFINE_BOXED_TYPE(NubImageBuilder, nub_image_builder, nub_image_builder_ref,
                    nub_image_builder_unref)

NubImageBuilder *
nub_image_builder_new(const guint8 *code, gsize code_size, const guint8 *bitmask,
                      gsize bitmask_size)
{
    NubImageBuilder *self;

    g_return_val_if_fail((code || !code_size) && (bitmask || !bitmask_size), NULL);
    g_return_val_if_fail(code_size <= G_MAXUINT32 && bitmask_size <= G_MAXUINT32, NULL);
    self = g_atomic_rc_box_new0(NubImageBuilder);
    self->code = g_byte_array_append(g_byte_array_new(), code, (guint)code_size);
    self->bitmask = g_byte_array_append(g_byte_array_new(), bitmask, (guint)bitmask_size);
    self->jump_table = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    self->endpoints = g_array_new(FALSE, FALSE, sizeof(struct nub_endpoint));
    self->mappings = g_array_new(FALSE, FALSE, sizeof(struct nub_mapping));
    self->pinned = g_array_new(FALSE, FALSE, sizeof(struct nub_slot_entry));
    self->initial = g_array_new(FALSE, FALSE, sizeof(struct nub_slot_entry));
    return self;
}

NubImageBuilder *
nub_image_builder_ref(NubImageBuilder *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
image_builder_clear(gpointer data)
{
    NubImageBuilder *self = data;

    g_byte_array_unref(self->code);
    g_byte_array_unref(self->bitmask);
    g_array_unref(self->jump_table);
    g_array_unref(self->endpoints);
    g_array_unref(self->mappings);
    g_array_unref(self->pinned);
    g_array_unref(self->initial);
}

void
nub_image_builder_unref(NubImageBuilder *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, image_builder_clear);
}

void
nub_image_builder_set_isa(NubImageBuilder *self, guint32 isa)
{
    g_return_if_fail(self);
    self->isa = isa;
}

void
nub_image_builder_set_jump_table(NubImageBuilder *self, const guint32 *targets, gsize n_targets)
{
    g_return_if_fail(self && (targets || !n_targets) && n_targets <= G_MAXUINT32);
    g_array_set_size(self->jump_table, 0);
    if (n_targets)
        g_array_append_vals(self->jump_table, targets, (guint)n_targets);
}

guint32
nub_image_builder_add_endpoint(NubImageBuilder *self, guint64 entry_pc, const guint64 *initial_regs)
{
    struct nub_endpoint endpoint = { .entry_pc = entry_pc };

    g_return_val_if_fail(self, 0);
    if (initial_regs)
        memcpy(endpoint.initial_regs, initial_regs, sizeof endpoint.initial_regs);
    else
        endpoint.initial_regs[0] = NUB_HALT_ADDRESS;
    endpoint.stack_top = endpoint.initial_regs[1];
    g_array_append_val(self->endpoints, endpoint);
    return self->endpoints->len - 1;
}

void
nub_image_builder_add_mapping(NubImageBuilder *self, guint64 start, guint64 size,
                              const guint32 *source, gsize n_source)
{
    struct nub_mapping mapping = { .start = start, .size = size };

    g_return_if_fail(self && (source || !n_source) && n_source <= NUB_MAX_SOURCE);
    mapping.n_source = (uint32_t)n_source;
    for (gsize i = 0; i < n_source; i++)
        mapping.source[i] = source[i];
    g_array_append_val(self->mappings, mapping);
}

static void
add_slot(GArray *slots, guint32 slot, const NubHash *cap)
{
    struct nub_slot_entry entry = { slot, *cap };

    g_array_append_val(slots, entry);
}

void
nub_image_builder_add_pinned(NubImageBuilder *self, guint32 slot, const NubHash *cap)
{
    g_return_if_fail(self && cap);
    add_slot(self->pinned, slot, cap);
}

void
nub_image_builder_add_initial(NubImageBuilder *self, guint32 slot, const NubHash *cap)
{
    g_return_if_fail(self && cap);
    add_slot(self->initial, slot, cap);
}

static int
compare_mappings(gconstpointer a, gconstpointer b)
{
    guint64 x = ((const struct nub_mapping *)a)->start;
    guint64 y = ((const struct nub_mapping *)b)->start;

    return x < y ? -1 : x > y;
}

NubCap *
nub_image_builder_build(NubImageBuilder *self, GError **error)
{
    struct nub_image_spec spec;
    uint64_t size;
    uint8_t *wire;

    g_return_val_if_fail(self, NULL);
    g_array_sort(self->mappings, compare_mappings);
    sort_entries(self->pinned);
    sort_entries(self->initial);
    spec = (struct nub_image_spec){
        .isa = self->isa,
        .code = { self->code->data, self->code->len },
        .bitmask = { self->bitmask->data, self->bitmask->len },
        .jump_table = (const uint32_t *)(gpointer)self->jump_table->data,
        .n_jump = self->jump_table->len,
        .endpoints = (const struct nub_endpoint *)(gpointer)self->endpoints->data,
        .n_endpoints = self->endpoints->len,
        .mappings = (const struct nub_mapping *)(gpointer)self->mappings->data,
        .n_mappings = self->mappings->len,
        .pinned = (const struct nub_slot_entry *)(gpointer)self->pinned->data,
        .n_pinned = self->pinned->len,
        .initial = (const struct nub_slot_entry *)(gpointer)self->initial->data,
        .n_initial = self->initial->len,
    };
    size = nub_image_wire_size(&spec);
    wire = nub_cap_alloc_wire(size, error);
    if (!wire)
        return NULL;
    nub_image_encode(wire, &spec);
    return nub_cap_new_take(wire, size, error);
}
