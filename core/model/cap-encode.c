/* cap-encode.c - writing wire forms
 *
 * Lays down what it is given and judges nothing: the rules live in cap-decode.c alone, and who
 * encodes what strangers say decodes the result. Sizes are computed first, so that the caller
 * brings the one buffer that is needed.
 */
#include "cap.h"
#include "bytes.h"
#include "cap-wire.h"

/* A position in the variable part of a container. */
struct writer {
    uint8_t *value;  /* what offsets are relative to */
    uint32_t offset; /* of the next byte of the variable part */
};

/* Points the field at `position` to the next byte of the variable part, and returns that byte. */
static uint8_t *
begin_field(struct writer *w, uint32_t position)
{
    nub_put_le32(w->value + position, w->offset);
    return w->value + w->offset;
}

static void
put_field(struct writer *w, uint32_t position, struct nub_slice bytes)
{
    uint8_t *at = begin_field(w, position);

    if (bytes.size)
        memcpy(at, bytes.data, bytes.size);
    w->offset += (uint32_t)bytes.size;
}

static uint32_t
put_slots(uint8_t *at, const struct nub_slot_entry *entries, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, at += NUB_WIRE_SLOT_ENTRY_SIZE) {
        nub_put_le32(at + NUB_WIRE_SLOT_ENTRY_SLOT, entries[i].slot);
        memcpy(at + NUB_WIRE_SLOT_ENTRY_CAP, &entries[i].cap, sizeof entries[i].cap);
    }
    return n * NUB_WIRE_SLOT_ENTRY_SIZE;
}

/* ---- Data ---------------------------------------------------------------------------------- */

_Static_assert(NUB_DATA_WIRE_HEADER == NUB_WIRE_SELECTOR_SIZE + NUB_WIRE_DATA_FIXED, "cap.h");

static uint64_t
whole_pages(uint64_t size)
{
    return (size + NUB_PAGE_SIZE - 1) / NUB_PAGE_SIZE * NUB_PAGE_SIZE;
}

uint64_t
nub_data_wire_size(uint64_t content_size)
{
    return NUB_DATA_WIRE_HEADER + whole_pages(content_size);
}

void
nub_data_encode(uint8_t *wire, struct nub_slice content)
{
    uint64_t padding = whole_pages(content.size) - content.size;

    wire[0] = NUB_CAP_DATA;
    nub_put_le32(wire + NUB_WIRE_SELECTOR_SIZE, NUB_WIRE_DATA_FIXED);
    if (content.size)
        memcpy(wire + NUB_DATA_WIRE_HEADER, content.data, content.size);
    memset(wire + NUB_DATA_WIRE_HEADER + content.size, 0, padding);
}

/* ---- Image --------------------------------------------------------------------------------- */

static uint64_t
mapping_size(const struct nub_mapping *mapping)
{
    return NUB_WIRE_MAPPING_FIXED + 4 * (uint64_t)mapping->n_source;
}

uint64_t
nub_image_wire_size(const struct nub_image_spec *spec)
{
    uint64_t size = NUB_WIRE_SELECTOR_SIZE + NUB_WIRE_IMAGE_FIXED;

    size += spec->code.size + spec->bitmask.size + 4 * (uint64_t)spec->n_jump;
    size += (uint64_t)spec->n_endpoints * NUB_WIRE_ENDPOINT_SIZE;
    for (uint32_t i = 0; i < spec->n_mappings; i++)
        size += NUB_WIRE_OFFSET_SIZE + mapping_size(&spec->mappings[i]);
    size += ((uint64_t)spec->n_pinned + spec->n_initial) * NUB_WIRE_SLOT_ENTRY_SIZE;
    return size + (spec->has_yield_marker ? 5 : 1);
}

static void
put_endpoint(uint8_t *at, const struct nub_endpoint *endpoint)
{
    nub_put_le64(at + NUB_WIRE_ENDPOINT_ENTRY_PC, endpoint->entry_pc);
    nub_put_le64(at + NUB_WIRE_ENDPOINT_STACK_TOP, endpoint->stack_top);
    nub_put_le32(at + NUB_WIRE_ENDPOINT_ARG_CNODE_SLOT, endpoint->arg_cnode_slot);
    at[NUB_WIRE_ENDPOINT_ARG_CNODE_SIZE] = endpoint->arg_cnode_size;
    for (unsigned r = 0; r < NUB_N_REGS; r++)
        nub_put_le64(at + NUB_WIRE_ENDPOINT_INITIAL_REGS + 8 * r, endpoint->initial_regs[r]);
}

static uint32_t
put_mappings(uint8_t *list, const struct nub_mapping *mappings, uint32_t n)
{
    uint32_t offset = n * NUB_WIRE_OFFSET_SIZE;

    for (uint32_t i = 0; i < n; i++) {
        uint8_t *at = list + offset;

        nub_put_le32(list + NUB_WIRE_OFFSET_SIZE * i, offset);
        nub_put_le64(at + NUB_WIRE_MAPPING_START, mappings[i].start);
        nub_put_le64(at + NUB_WIRE_MAPPING_SIZE, mappings[i].size);
        nub_put_le32(at + NUB_WIRE_MAPPING_SOURCE, NUB_WIRE_MAPPING_FIXED);
        for (uint32_t s = 0; s < mappings[i].n_source; s++)
            nub_put_le32(at + NUB_WIRE_MAPPING_FIXED + 4 * s, mappings[i].source[s]);
        offset += (uint32_t)mapping_size(&mappings[i]);
    }
    return offset;
}

void
nub_image_encode(uint8_t *wire, const struct nub_image_spec *spec)
{
    struct writer w = { wire + NUB_WIRE_SELECTOR_SIZE, NUB_WIRE_IMAGE_FIXED };
    uint8_t *at;

    wire[0] = NUB_CAP_IMAGE;
    nub_put_le32(w.value + NUB_WIRE_IMAGE_ISA, spec->isa);
    put_field(&w, NUB_WIRE_IMAGE_CODE, spec->code);
    put_field(&w, NUB_WIRE_IMAGE_BITMASK, spec->bitmask);
    at = begin_field(&w, NUB_WIRE_IMAGE_JUMP_TABLE);
    for (uint32_t i = 0; i < spec->n_jump; i++)
        nub_put_le32(at + 4 * (uint64_t)i, spec->jump_table[i]);
    w.offset += 4 * spec->n_jump;
    at = begin_field(&w, NUB_WIRE_IMAGE_ENDPOINTS);
    for (uint32_t i = 0; i < spec->n_endpoints; i++)
        put_endpoint(at + (uint64_t)i * NUB_WIRE_ENDPOINT_SIZE, &spec->endpoints[i]);
    w.offset += spec->n_endpoints * NUB_WIRE_ENDPOINT_SIZE;
    at = begin_field(&w, NUB_WIRE_IMAGE_MAPPINGS);
    w.offset += put_mappings(at, spec->mappings, spec->n_mappings);
    at = begin_field(&w, NUB_WIRE_IMAGE_PINNED);
    w.offset += put_slots(at, spec->pinned, spec->n_pinned);
    at = begin_field(&w, NUB_WIRE_IMAGE_INITIAL);
    w.offset += put_slots(at, spec->initial, spec->n_initial);
    at = begin_field(&w, NUB_WIRE_IMAGE_YIELD_MARKER);
    at[0] = spec->has_yield_marker;
    if (spec->has_yield_marker)
        nub_put_le32(at + 1, spec->yield_marker_slot);
}

/* ---- Instance ------------------------------------------------------------------------------ */

void
nub_instance_spec(struct nub_instance_spec *spec, const struct nub_instance *instance)
{
    memset(spec, 0, sizeof *spec);
    spec->image_chain = *instance->image_chain;
    spec->image = *instance->image;
    spec->root_cnode = *instance->root_cnode;
    spec->mem_size = instance->mem_size;
    memcpy(spec->regs, instance->regs, sizeof spec->regs);
    spec->pc = instance->pc;
    spec->gas_remaining = instance->gas_remaining;
    spec->phase = instance->phase;
}

_Static_assert(NUB_INSTANCE_BARE_SIZE == NUB_WIRE_SELECTOR_SIZE + NUB_WIRE_INSTANCE_FIXED,
               "the two say the same");

uint64_t
nub_instance_wire_size(const struct nub_instance_spec *spec)
{
    uint64_t size = NUB_INSTANCE_BARE_SIZE;

    for (uint32_t i = 0; i < spec->n_overlays; i++)
        size += NUB_WIRE_OFFSET_SIZE + NUB_WIRE_OVERLAY_FIXED + spec->overlays[i].bytes.size;
    return size;
}

void
nub_instance_encode(uint8_t *wire, const struct nub_instance_spec *spec)
{
    uint8_t *value = wire + NUB_WIRE_SELECTOR_SIZE;
    uint8_t *list = value + NUB_WIRE_INSTANCE_FIXED;
    uint32_t offset = spec->n_overlays * NUB_WIRE_OFFSET_SIZE;

    wire[0] = NUB_CAP_INSTANCE;
    memcpy(value + NUB_WIRE_INSTANCE_IMAGE_CHAIN, &spec->image_chain, sizeof spec->image_chain);
    memcpy(value + NUB_WIRE_INSTANCE_IMAGE, &spec->image, sizeof spec->image);
    memcpy(value + NUB_WIRE_INSTANCE_ROOT_CNODE, &spec->root_cnode, sizeof spec->root_cnode);
    nub_put_le32(value + NUB_WIRE_INSTANCE_OVERLAYS, NUB_WIRE_INSTANCE_FIXED);
    nub_put_le64(value + NUB_WIRE_INSTANCE_MEM_SIZE, spec->mem_size);
    for (unsigned r = 0; r < NUB_N_REGS; r++)
        nub_put_le64(value + NUB_WIRE_INSTANCE_REGS + 8 * r, spec->regs[r]);
    nub_put_le64(value + NUB_WIRE_INSTANCE_PC, spec->pc);
    nub_put_le64(value + NUB_WIRE_INSTANCE_GAS_REMAINING, spec->gas_remaining);
    value[NUB_WIRE_INSTANCE_PHASE] = spec->phase;
    for (uint32_t i = 0; i < spec->n_overlays; i++) {
        const struct nub_overlay *overlay = &spec->overlays[i];
        uint8_t *at = list + offset;

        nub_put_le32(list + NUB_WIRE_OFFSET_SIZE * (uint64_t)i, offset);
        nub_put_le32(at + NUB_WIRE_OVERLAY_START, overlay->start);
        nub_put_le32(at + NUB_WIRE_OVERLAY_BYTES, NUB_WIRE_OVERLAY_FIXED);
        if (overlay->bytes.size)
            memcpy(at + NUB_WIRE_OVERLAY_FIXED, overlay->bytes.data, overlay->bytes.size);
        offset += (uint32_t)(NUB_WIRE_OVERLAY_FIXED + overlay->bytes.size);
    }
}

/* ---- CNode and Type ------------------------------------------------------------------------ */

uint64_t
nub_cnode_wire_size(uint32_t n_entries)
{
    return NUB_WIRE_SELECTOR_SIZE + NUB_WIRE_CNODE_FIXED +
           (uint64_t)n_entries * NUB_WIRE_SLOT_ENTRY_SIZE;
}

void
nub_cnode_encode(uint8_t *wire, uint8_t size_log, const struct nub_slot_entry *entries,
                 uint32_t n_entries)
{
    uint8_t *value = wire + NUB_WIRE_SELECTOR_SIZE;

    wire[0] = NUB_CAP_CNODE;
    value[NUB_WIRE_CNODE_SIZE_LOG] = size_log;
    nub_put_le32(value + NUB_WIRE_CNODE_ENTRIES, NUB_WIRE_CNODE_FIXED);
    put_slots(value + NUB_WIRE_CNODE_FIXED, entries, n_entries);
}

void
nub_type_encode(uint8_t *wire, const struct nub_hash *image_chain)
{
    wire[0] = NUB_CAP_TYPE;
    memcpy(wire + NUB_WIRE_SELECTOR_SIZE, image_chain, sizeof *image_chain);
}
