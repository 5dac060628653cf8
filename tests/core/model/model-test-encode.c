/* model-test-encode.c - a decoded capability encoded once more, from what its view says */
#include "model-test.h"
#include "bytes.h"
#include <string.h>

static GByteArray *
encode_image(const struct nub_image *image)
{
    g_autofree uint32_t *jump = g_new0(uint32_t, image->n_jump + 1);
    g_autofree struct nub_endpoint *endpoints = g_new0(struct nub_endpoint, 64);
    g_autofree struct nub_mapping *mappings = g_new0(struct nub_mapping, 256);
    g_autofree struct nub_slot_entry *pinned = g_new0(struct nub_slot_entry, 256);
    g_autofree struct nub_slot_entry *initial = g_new0(struct nub_slot_entry, 256);
    struct nub_image_spec spec = {
        .isa = image->isa,
        .code = image->code,
        .bitmask = image->bitmask,
        .jump_table = jump,
        .n_jump = image->n_jump,
        .endpoints = endpoints,
        .n_endpoints = image->n_endpoints,
        .mappings = mappings,
        .n_mappings = image->n_mappings,
        .pinned = pinned,
        .n_pinned = image->pinned.n,
        .initial = initial,
        .n_initial = image->initial.n,
        .has_yield_marker = image->has_yield_marker,
        .yield_marker_slot = image->yield_marker_slot,
    };
    GByteArray *wire = g_byte_array_new();

    for (uint32_t i = 0; i < image->n_jump; i++)
        jump[i] = nub_le32(image->jump_table + 4 * (gsize)i);
    for (uint32_t i = 0; i < image->n_endpoints; i++)
        nub_image_endpoint(image, i, &endpoints[i]);
    for (uint32_t i = 0; i < image->n_mappings; i++)
        nub_image_mapping(image, i, &mappings[i]);
    for (uint32_t i = 0; i < image->pinned.n; i++)
        pinned[i].slot = nub_slots_at(&image->pinned, i, &pinned[i].cap);
    for (uint32_t i = 0; i < image->initial.n; i++)
        initial[i].slot = nub_slots_at(&image->initial, i, &initial[i].cap);
    g_byte_array_set_size(wire, nub_image_wire_size(&spec));
    nub_image_encode(wire->data, &spec);
    return wire;
}

static GByteArray *
encode_instance(const struct nub_instance *instance)
{
    g_autofree struct nub_overlay *overlays = g_new0(struct nub_overlay, instance->n_overlays + 1);
    struct nub_instance_spec spec = {
        .image_chain = *instance->image_chain,
        .image = *instance->image,
        .root_cnode = *instance->root_cnode,
        .overlays = overlays,
        .n_overlays = instance->n_overlays,
        .mem_size = instance->mem_size,
        .pc = instance->pc,
        .gas_remaining = instance->gas_remaining,
        .phase = instance->phase,
    };
    GByteArray *wire = g_byte_array_new();

    memcpy(spec.regs, instance->regs, sizeof spec.regs);
    for (uint32_t i = 0; i < instance->n_overlays; i++)
        nub_instance_overlay(instance, i, &overlays[i]);
    g_byte_array_set_size(wire, nub_instance_wire_size(&spec));
    nub_instance_encode(wire->data, &spec);
    return wire;
}

static GByteArray *
encode_cnode(const struct nub_cnode *cnode)
{
    g_autofree struct nub_slot_entry *entries = g_new0(struct nub_slot_entry, cnode->entries.n + 1);
    GByteArray *wire = g_byte_array_new();

    for (uint32_t i = 0; i < cnode->entries.n; i++)
        entries[i].slot = nub_slots_at(&cnode->entries, i, &entries[i].cap);
    g_byte_array_set_size(wire, nub_cnode_wire_size(cnode->entries.n));
    nub_cnode_encode(wire->data, cnode->size_log, entries, cnode->entries.n);
    return wire;
}

GByteArray *
nub_test_encode_again(const struct nub_cap *cap)
{
    GByteArray *wire;

    switch (cap->kind) {
    case NUB_CAP_INSTANCE:
        return encode_instance(&cap->u.instance);
    case NUB_CAP_IMAGE:
        return encode_image(&cap->u.image);
    case NUB_CAP_CNODE:
        return encode_cnode(&cap->u.cnode);
    case NUB_CAP_DATA:
        wire = g_byte_array_new();
        g_byte_array_set_size(wire, nub_data_wire_size(cap->u.data.size));
        nub_data_encode(wire->data, cap->u.data);
        return wire;
    case NUB_CAP_TYPE:
    default:
        wire = g_byte_array_new();
        g_byte_array_set_size(wire, NUB_TYPE_WIRE_SIZE);
        nub_type_encode(wire->data, cap->u.type);
        return wire;
    }
}

void
nub_test_check_cap(const GByteArray *wire, const char *hash_hex)
{
    g_autoptr(GByteArray) again = NULL;
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_hash hash, want = nub_test_unhex_hash(hash_hex);
    struct nub_cap cap;

    if (nub_cap_decode(&cap, nub_test_slice(wire), &failure))
        g_error("valid capability %s is refused: %s", hash_hex, failure.message);
    g_assert_cmpint(cap.kind, ==, wire->data[0]);
    nub_cap_hash(&hash, &cap);
    nub_test_assert_hash(&hash, &want);
    again = nub_test_encode_again(&cap);
    g_assert_cmpmem(again->data, again->len, wire->data, wire->len);
}

void
nub_test_check_cap_hex(const char *wire_hex, const char *hash_hex)
{
    g_autoptr(GByteArray) wire = nub_test_unhex(wire_hex);

    nub_test_check_cap(wire, hash_hex);
}
