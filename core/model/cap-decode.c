/* cap-decode.c - from wire bytes to views, strictly
 *
 * The only place where the bytes of a capability are judged: every rule of caps.md 1 and 2 that
 * one capability alone can break is checked here, once, so that readers of a view check nothing.
 * Never copies bytes, never looks at another capability, takes time linear in the wire form.
 */
#include "cap.h"
#include "bytes.h"
#include "cap-wire.h"
#include "paged.h"

/* The bytes of one field, and where they began: messages and offsets come from here. */
struct decoder {
    const uint8_t *wire;
    struct nub_failure *failure;
};

#define BAD(d, at, ...)                                                                            \
    nub_fail_at((d)->failure, NUB_ERR_BAD_ENCODING, (uint64_t)((at) - (d)->wire), __VA_ARGS__)

static const char *const kind_names[] = {
    [NUB_CAP_INSTANCE] = "Instance", [NUB_CAP_IMAGE] = "Image", [NUB_CAP_DATA] = "Data",
    [NUB_CAP_CNODE] = "CNode",       [NUB_CAP_TYPE] = "Type",
};

#define N_KINDS (sizeof kind_names / sizeof kind_names[0])

const char *
nub_cap_kind_name(enum nub_cap_kind kind)
{
    return (size_t)kind < N_KINDS ? kind_names[kind] : "unknown kind";
}

/* ---- containers and lists ------------------------------------------------------------------ */

/* A field of variable size: its name, and where its offset lies in the fixed part. */
struct field {
    const char *name;
    uint32_t position;
};

/* Splits a container into its `n` fields of variable size, given in the order of the schema. */
static enum nub_status
split_fields(const struct decoder *d, struct nub_slice value, uint32_t fixed,
             const struct field *fields, unsigned n, struct nub_slice *out)
{
    uint64_t previous = fixed;

    if (value.size < fixed)
        return BAD(d, value.data, "%s: %U bytes are less than its fixed part of %u",
                   kind_names[d->wire[0]], value.size, fixed);
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *at = value.data + fields[i].position;
        uint64_t offset = nub_le32(at);

        if (i == 0 ? offset != fixed : offset < previous)
            return BAD(d, at, "%s: offset %U is not allowed", fields[i].name, offset);
        if (offset > value.size)
            return BAD(d, at, "%s: offset %U is beyond the end", fields[i].name, offset);
        out[i].data = value.data + offset;
        if (i > 0)
            out[i - 1].size = offset - previous;
        previous = offset;
    }
    out[n - 1].size = value.size - previous;
    return NUB_OK;
}

/* A list whose items all have `item_size` bytes. */
static enum nub_status
fixed_list(const struct decoder *d, const char *name, struct nub_slice list, uint32_t item_size,
           uint32_t limit, uint32_t *n)
{
    if (list.size % item_size)
        return BAD(d, list.data, "%s: %U bytes are no multiple of %u", name, list.size, item_size);
    if (list.size / item_size > limit)
        return BAD(d, list.data, "%s: %U items are more than %u", name, list.size / item_size,
                   limit);
    *n = (uint32_t)(list.size / item_size);
    return NUB_OK;
}

static struct nub_slice
list_item(struct nub_slice list, uint32_t n, uint32_t i)
{
    const uint8_t *offset = list.data + (uint64_t)i * NUB_WIRE_OFFSET_SIZE;
    uint64_t from = nub_le32(offset);
    uint64_t to = i + 1 < n ? nub_le32(offset + NUB_WIRE_OFFSET_SIZE) : list.size;
    struct nub_slice item = { list.data + from, to - from };

    return item;
}

/* A list whose items vary in size: judges all its offsets. */
static enum nub_status
variable_list(const struct decoder *d, const char *name, struct nub_slice list, uint32_t limit,
              uint32_t *n)
{
    uint64_t previous;

    *n = 0;
    if (list.size == 0)
        return NUB_OK;
    if (list.size < NUB_WIRE_OFFSET_SIZE)
        return BAD(d, list.data, "%s: offsets are cut", name);
    previous = nub_le32(list.data);
    if (previous == 0 || previous % NUB_WIRE_OFFSET_SIZE || previous > list.size)
        return BAD(d, list.data, "%s: first offset %U is not allowed", name, previous);
    if (previous / NUB_WIRE_OFFSET_SIZE > limit)
        return BAD(d, list.data, "%s: %U items are more than %u", name,
                   previous / NUB_WIRE_OFFSET_SIZE, limit);
    *n = (uint32_t)(previous / NUB_WIRE_OFFSET_SIZE);
    for (uint32_t i = 1; i < *n; i++) {
        const uint8_t *at = list.data + (uint64_t)i * NUB_WIRE_OFFSET_SIZE;
        uint64_t offset = nub_le32(at);

        if (offset < previous || offset > list.size)
            return BAD(d, at, "%s[%u]: offset %U is not allowed", name, i, offset);
        previous = offset;
    }
    return NUB_OK;
}

static enum nub_status
slot_list(const struct decoder *d, const char *name, struct nub_slice list, uint32_t limit,
          uint64_t slot_end, struct nub_slots *slots)
{
    enum nub_status status = fixed_list(d, name, list, NUB_WIRE_SLOT_ENTRY_SIZE, limit, &slots->n);

    if (status)
        return status;
    slots->entries = list.data;
    for (uint32_t i = 0; i < slots->n; i++) {
        const uint8_t *entry = list.data + (uint64_t)i * NUB_WIRE_SLOT_ENTRY_SIZE;
        uint32_t slot = nub_le32(entry);

        if (i > 0 && slot <= nub_le32(entry - NUB_WIRE_SLOT_ENTRY_SIZE))
            return BAD(d, entry, "%s[%u].slot: %u does not come after slot %u", name, i, slot,
                       nub_le32(entry - NUB_WIRE_SLOT_ENTRY_SIZE));
        if (slot >= slot_end)
            return BAD(d, entry, "%s[%u].slot: %u is not below %U", name, i, slot, slot_end);
        if (nub_hash_is_zero((const struct nub_hash *)(entry + NUB_WIRE_SLOT_ENTRY_CAP)))
            return BAD(d, entry + NUB_WIRE_SLOT_ENTRY_CAP, "%s[%u].cap: is zero", name, i);
    }
    return NUB_OK;
}

static bool
is_pages(uint64_t x)
{
    return x % NUB_PAGE_SIZE == 0;
}

/* ---- Image --------------------------------------------------------------------------------- */

static enum nub_status
decode_code(const struct decoder *d, struct nub_slice code, struct nub_slice bitmask)
{
    uint64_t want = (code.size + 7) / 8;

    if (code.size > NUB_MAX_CODE)
        return BAD(d, code.data, "Image.code: %U bytes are more than %u", code.size, NUB_MAX_CODE);
    if (bitmask.size != want)
        return BAD(d, bitmask.data, "Image.bitmask: %U bytes where %U bytes of code need %U",
                   bitmask.size, code.size, want);
    if (code.size % 8 && bitmask.data[want - 1] >> code.size % 8)
        return BAD(d, bitmask.data + want - 1, "Image.bitmask: bits beyond the code are set");
    return NUB_OK;
}

static enum nub_status
decode_mapping(const struct decoder *d, struct nub_slice item, uint32_t i, uint64_t *end)
{
    const uint8_t *at = item.data;
    uint64_t start, size, n_source;

    if (item.size < NUB_WIRE_MAPPING_FIXED)
        return BAD(d, at, "Image.mappings[%u]: %U bytes are less than its fixed part of %u", i,
                   item.size, NUB_WIRE_MAPPING_FIXED);
    start = nub_le64(at + NUB_WIRE_MAPPING_START);
    size = nub_le64(at + NUB_WIRE_MAPPING_SIZE);
    if (nub_le32(at + NUB_WIRE_MAPPING_SOURCE) != NUB_WIRE_MAPPING_FIXED)
        return BAD(d, at + NUB_WIRE_MAPPING_SOURCE,
                   "Image.mappings[%u].source: offset %u is not allowed", i,
                   nub_le32(at + NUB_WIRE_MAPPING_SOURCE));
    if (!is_pages(start))
        return BAD(d, at, "Image.mappings[%u].start: %X is not a multiple of 4096", i, start);
    if (!is_pages(size) || size == 0)
        return BAD(d, at + NUB_WIRE_MAPPING_SIZE,
                   "Image.mappings[%u].size: %X is not a positive multiple of 4096", i, size);
    if (start >= NUB_ADDRESS_SPACE || size > NUB_ADDRESS_SPACE - start)
        return BAD(d, at, "Image.mappings[%u]: start %X and size %X pass 2^32", i, start, size);
    if (start < *end)
        return BAD(d, at, "Image.mappings[%u].start: %X lies before the end of the one before, %X",
                   i, start, *end);
    n_source = (item.size - NUB_WIRE_MAPPING_FIXED) / 4;
    if (item.size % 4 || n_source > NUB_MAX_SOURCE)
        return BAD(d, at + NUB_WIRE_MAPPING_FIXED,
                   "Image.mappings[%u].source: %U bytes are no list of at most %u slots", i,
                   item.size - NUB_WIRE_MAPPING_FIXED, NUB_MAX_SOURCE);
    *end = start + size;
    return NUB_OK;
}

static enum nub_status
decode_mappings(const struct decoder *d, struct nub_slice list, struct nub_image *image)
{
    enum nub_status status =
        variable_list(d, "Image.mappings", list, NUB_MAX_MAPPINGS, &image->n_mappings);
    uint64_t end = 0;

    image->mappings = list;
    for (uint32_t i = 0; !status && i < image->n_mappings; i++)
        status = decode_mapping(d, list_item(list, image->n_mappings, i), i, &end);
    return status;
}

static enum nub_status
decode_yield_marker(const struct decoder *d, struct nub_slice field, struct nub_image *image)
{
    if (field.size == 0)
        return BAD(d, field.data, "Image.yield_marker_slot: has no selector");
    image->has_yield_marker = field.data[0] != 0;
    if (field.data[0] > 1)
        return BAD(d, field.data, "Image.yield_marker_slot: selector %u is not 0 or 1",
                   (uint32_t)field.data[0]);
    if (field.size != (image->has_yield_marker ? 5 : 1))
        return BAD(d, field.data, "Image.yield_marker_slot: %U bytes for selector %u", field.size,
                   (uint32_t)field.data[0]);
    image->yield_marker_slot = image->has_yield_marker ? nub_le32(field.data + 1) : 0;
    return NUB_OK;
}

static enum nub_status
decode_image(const struct decoder *d, struct nub_slice value, struct nub_image *image)
{
    enum { CODE, BITMASK, JUMP_TABLE, ENDPOINTS, MAPPINGS, PINNED, INITIAL, YIELD, N_FIELDS };
    static const struct field fields[N_FIELDS] = {
        [CODE] = { "Image.code", NUB_WIRE_IMAGE_CODE },
        [BITMASK] = { "Image.bitmask", NUB_WIRE_IMAGE_BITMASK },
        [JUMP_TABLE] = { "Image.jump_table", NUB_WIRE_IMAGE_JUMP_TABLE },
        [ENDPOINTS] = { "Image.endpoints", NUB_WIRE_IMAGE_ENDPOINTS },
        [MAPPINGS] = { "Image.mappings", NUB_WIRE_IMAGE_MAPPINGS },
        [PINNED] = { "Image.pinned", NUB_WIRE_IMAGE_PINNED },
        [INITIAL] = { "Image.initial", NUB_WIRE_IMAGE_INITIAL },
        [YIELD] = { "Image.yield_marker_slot", NUB_WIRE_IMAGE_YIELD_MARKER },
    };
    const uint64_t any_slot = UINT64_C(1) << 32;
    struct nub_slice f[N_FIELDS];
    enum nub_status status = split_fields(d, value, NUB_WIRE_IMAGE_FIXED, fields, N_FIELDS, f);

    if (status)
        return status;
    image->isa = nub_le32(value.data + NUB_WIRE_IMAGE_ISA);
    image->code = f[CODE];
    image->bitmask = f[BITMASK];
    image->jump_table = f[JUMP_TABLE].data;
    image->endpoints = f[ENDPOINTS].data;
    if ((status = decode_code(d, f[CODE], f[BITMASK])) ||
        (status = fixed_list(d, "Image.jump_table", f[JUMP_TABLE], 4, NUB_MAX_JUMP_TABLE,
                             &image->n_jump)) ||
        (status = fixed_list(d, "Image.endpoints", f[ENDPOINTS], NUB_WIRE_ENDPOINT_SIZE,
                             NUB_MAX_ENDPOINTS, &image->n_endpoints)) ||
        (status = decode_mappings(d, f[MAPPINGS], image)) ||
        (status =
             slot_list(d, "Image.pinned", f[PINNED], NUB_MAX_SLOTS, any_slot, &image->pinned)) ||
        (status =
             slot_list(d, "Image.initial", f[INITIAL], NUB_MAX_SLOTS, any_slot, &image->initial)))
        return status;
    return decode_yield_marker(d, f[YIELD], image);
}

/* ---- Instance ------------------------------------------------------------------------------ */

static enum nub_status
decode_overlay(const struct decoder *d, struct nub_slice item, uint32_t i, uint64_t *end)
{
    const uint8_t *at = item.data;
    uint64_t start, size;

    if (item.size < NUB_WIRE_OVERLAY_FIXED)
        return BAD(d, at, "Instance.overlays[%u]: %U bytes are less than its fixed part of %u", i,
                   item.size, NUB_WIRE_OVERLAY_FIXED);
    start = nub_le32(at + NUB_WIRE_OVERLAY_START);
    size = item.size - NUB_WIRE_OVERLAY_FIXED;
    if (nub_le32(at + NUB_WIRE_OVERLAY_BYTES) != NUB_WIRE_OVERLAY_FIXED)
        return BAD(d, at + NUB_WIRE_OVERLAY_BYTES,
                   "Instance.overlays[%u].bytes: offset %u is not allowed", i,
                   nub_le32(at + NUB_WIRE_OVERLAY_BYTES));
    if (!is_pages(start))
        return BAD(d, at, "Instance.overlays[%u].start: %X is not a multiple of 4096", i, start);
    if (!is_pages(size) || size == 0)
        return BAD(d, at + NUB_WIRE_OVERLAY_FIXED,
                   "Instance.overlays[%u].bytes: %U bytes are not one page or more", i, size);
    if (size > NUB_ADDRESS_SPACE - start)
        return BAD(d, at, "Instance.overlays[%u]: start %X and %U bytes pass 2^32", i, start, size);
    if (i > 0 && start <= *end)
        return BAD(d, at,
                   "Instance.overlays[%u].start: %X does not leave a page after the one before, "
                   "which ends at %X",
                   i, start, *end);
    *end = start + size;
    return NUB_OK;
}

static enum nub_status
decode_phase(const struct decoder *d, const uint8_t *value, const struct nub_instance *instance)
{
    bool paused = instance->phase == 1;

    if (instance->phase > 1)
        return BAD(d, value + NUB_WIRE_INSTANCE_PHASE, "Instance.phase: %u is not 0 or 1",
                   (uint32_t)instance->phase);
    if (instance->pc > (paused ? UINT32_MAX : 0))
        return BAD(d, value + NUB_WIRE_INSTANCE_PC, "Instance.pc: %X is not allowed in phase %u",
                   instance->pc, (uint32_t)instance->phase);
    if (instance->gas_remaining > (paused ? (uint64_t)NUB_GAS_MAX : 0))
        return BAD(d, value + NUB_WIRE_INSTANCE_GAS_REMAINING,
                   "Instance.gas_remaining: %U is not allowed in phase %u", instance->gas_remaining,
                   (uint32_t)instance->phase);
    return NUB_OK;
}

static enum nub_status
decode_instance(const struct decoder *d, struct nub_slice value, struct nub_instance *instance)
{
    static const struct field field = { "Instance.overlays", NUB_WIRE_INSTANCE_OVERLAYS };
    const uint8_t *v = value.data;
    uint64_t end = 0;
    enum nub_status status =
        split_fields(d, value, NUB_WIRE_INSTANCE_FIXED, &field, 1, &instance->overlays);

    if (status)
        return status;
    instance->paged = NULL;
    instance->image_chain = (const struct nub_hash *)(v + NUB_WIRE_INSTANCE_IMAGE_CHAIN);
    instance->image = (const struct nub_hash *)(v + NUB_WIRE_INSTANCE_IMAGE);
    instance->root_cnode = (const struct nub_hash *)(v + NUB_WIRE_INSTANCE_ROOT_CNODE);
    instance->mem_size = nub_le64(v + NUB_WIRE_INSTANCE_MEM_SIZE);
    for (unsigned i = 0; i < NUB_N_REGS; i++)
        instance->regs[i] = nub_le64(v + NUB_WIRE_INSTANCE_REGS + 8 * i);
    instance->pc = nub_le64(v + NUB_WIRE_INSTANCE_PC);
    instance->gas_remaining = nub_le64(v + NUB_WIRE_INSTANCE_GAS_REMAINING);
    instance->phase = v[NUB_WIRE_INSTANCE_PHASE];

    if (!is_pages(instance->mem_size) || instance->mem_size > NUB_ADDRESS_SPACE)
        return BAD(d, v + NUB_WIRE_INSTANCE_MEM_SIZE,
                   "Instance.mem_size: %X is not a multiple of 4096 up to 2^32",
                   instance->mem_size);
    if ((status = decode_phase(d, v, instance)) ||
        (status = variable_list(d, field.name, instance->overlays, NUB_MAX_OVERLAYS,
                                &instance->n_overlays)))
        return status;
    for (uint32_t i = 0; !status && i < instance->n_overlays; i++)
        status = decode_overlay(d, list_item(instance->overlays, instance->n_overlays, i), i, &end);
    return status;
}

/* ---- the others ---------------------------------------------------------------------------- */

static enum nub_status
decode_data(const struct decoder *d, struct nub_slice value, struct nub_slice *content)
{
    static const struct field field = { "Data.content", NUB_WIRE_DATA_CONTENT };
    enum nub_status status = split_fields(d, value, NUB_WIRE_DATA_FIXED, &field, 1, content);

    if (!status && !is_pages(content->size))
        return BAD(d, content->data, "Data.content: %U bytes are not whole pages of 4096",
                   content->size);
    return status;
}

static enum nub_status
decode_cnode(const struct decoder *d, struct nub_slice value, struct nub_cnode *cnode)
{
    static const struct field field = { "CNode.entries", NUB_WIRE_CNODE_ENTRIES };
    struct nub_slice entries;
    enum nub_status status = split_fields(d, value, NUB_WIRE_CNODE_FIXED, &field, 1, &entries);

    if (status)
        return status;
    cnode->size_log = value.data[NUB_WIRE_CNODE_SIZE_LOG];
    if (cnode->size_log > NUB_MAX_SIZE_LOG)
        return BAD(d, value.data, "CNode.size_log: %u is more than %u", (uint32_t)cnode->size_log,
                   NUB_MAX_SIZE_LOG);
    return slot_list(d, field.name, entries, NUB_MAX_CNODE, UINT64_C(1) << cnode->size_log,
                     &cnode->entries);
}

static enum nub_status
decode_type(const struct decoder *d, struct nub_slice value, const struct nub_hash **image_chain)
{
    if (value.size != sizeof **image_chain)
        return BAD(d, value.data, "Type.image_chain: %U bytes are not 32", value.size);
    *image_chain = (const struct nub_hash *)value.data;
    return NUB_OK;
}

enum nub_status
nub_cap_decode(struct nub_cap *cap, struct nub_slice wire, struct nub_failure *failure)
{
    const struct decoder decoder = { wire.data, failure }, *d = &decoder;
    struct nub_slice value;

    if (wire.size == 0)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, 0, "capability: is empty");
    if (wire.size > UINT32_MAX)
        return BAD(d, wire.data, "capability: %U bytes are not shorter than 2^32", wire.size);
    value.data = wire.data + NUB_WIRE_SELECTOR_SIZE;
    value.size = wire.size - NUB_WIRE_SELECTOR_SIZE;
    cap->wire = wire;
    cap->kind = (enum nub_cap_kind)wire.data[0];
    switch (wire.data[0]) {
    case NUB_CAP_INSTANCE:
        return decode_instance(d, value, &cap->u.instance);
    case NUB_CAP_IMAGE:
        return decode_image(d, value, &cap->u.image);
    case NUB_CAP_DATA:
        return decode_data(d, value, &cap->u.data);
    case NUB_CAP_CNODE:
        return decode_cnode(d, value, &cap->u.cnode);
    case NUB_CAP_TYPE:
        return decode_type(d, value, &cap->u.type);
    default:
        return BAD(d, wire.data, "capability: selector %u is none of 0 to 4",
                   (uint32_t)wire.data[0]);
    }
}

/* ---- reading views -------------------------------------------------------------------------- */

uint32_t
nub_slots_at(const struct nub_slots *slots, uint32_t i, struct nub_hash *hash)
{
    const uint8_t *entry = slots->entries + (uint64_t)i * NUB_WIRE_SLOT_ENTRY_SIZE;

    memcpy(hash, entry + NUB_WIRE_SLOT_ENTRY_CAP, sizeof *hash);
    return nub_le32(entry + NUB_WIRE_SLOT_ENTRY_SLOT);
}

bool
nub_slots_find(const struct nub_slots *slots, uint32_t slot, struct nub_hash *hash)
{
    uint32_t low = 0, high = slots->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t found = nub_slots_at(slots, middle, hash);

        if (found == slot)
            return true;
        if (found < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

void
nub_image_endpoint(const struct nub_image *image, uint32_t i, struct nub_endpoint *endpoint)
{
    const uint8_t *p = image->endpoints + (uint64_t)i * NUB_WIRE_ENDPOINT_SIZE;

    endpoint->entry_pc = nub_le64(p + NUB_WIRE_ENDPOINT_ENTRY_PC);
    endpoint->stack_top = nub_le64(p + NUB_WIRE_ENDPOINT_STACK_TOP);
    endpoint->arg_cnode_slot = nub_le32(p + NUB_WIRE_ENDPOINT_ARG_CNODE_SLOT);
    endpoint->arg_cnode_size = p[NUB_WIRE_ENDPOINT_ARG_CNODE_SIZE];
    for (unsigned r = 0; r < NUB_N_REGS; r++)
        endpoint->initial_regs[r] = nub_le64(p + NUB_WIRE_ENDPOINT_INITIAL_REGS + 8 * r);
}

void
nub_image_mapping(const struct nub_image *image, uint32_t i, struct nub_mapping *mapping)
{
    struct nub_slice item = list_item(image->mappings, image->n_mappings, i);

    mapping->start = nub_le64(item.data + NUB_WIRE_MAPPING_START);
    mapping->size = nub_le64(item.data + NUB_WIRE_MAPPING_SIZE);
    mapping->n_source = (uint32_t)(item.size - NUB_WIRE_MAPPING_FIXED) / 4;
    for (uint32_t s = 0; s < mapping->n_source; s++)
        mapping->source[s] = nub_le32(item.data + NUB_WIRE_MAPPING_FIXED + 4 * s);
}

void
nub_instance_overlay(const struct nub_instance *instance, uint32_t i, struct nub_overlay *overlay)
{
    struct nub_slice item;

    if (instance->paged) {
        nub_paged_overlay(instance->paged, i, overlay);
        return;
    }
    item = list_item(instance->overlays, instance->n_overlays, i);
    overlay->start = nub_le32(item.data + NUB_WIRE_OVERLAY_START);
    overlay->bytes.data = item.data + NUB_WIRE_OVERLAY_FIXED;
    overlay->bytes.size = item.size - NUB_WIRE_OVERLAY_FIXED;
}

bool
nub_instance_next_piece(const struct nub_instance *instance, uint32_t *cursor,
                        struct nub_overlay *piece)
{
    if (instance->paged)
        return nub_paged_next_piece(instance->paged, cursor, piece);
    if (*cursor == instance->n_overlays)
        return false;
    nub_instance_overlay(instance, (*cursor)++, piece);
    return true;
}

static bool
each_slot(const struct nub_slots *slots, bool (*each)(void *ctx, const struct nub_hash *hash),
          void *ctx)
{
    struct nub_hash hash;

    for (uint32_t i = 0; i < slots->n; i++) {
        nub_slots_at(slots, i, &hash);
        if (!each(ctx, &hash))
            return false;
    }
    return true;
}

bool
nub_cap_each_reference(const struct nub_cap *cap,
                       bool (*each)(void *ctx, const struct nub_hash *hash), void *ctx)
{
    const struct nub_hash *image, *root_cnode;

    switch (cap->kind) {
    case NUB_CAP_INSTANCE:
        image = cap->u.instance.image;
        root_cnode = cap->u.instance.root_cnode;
        return (nub_hash_is_zero(image) || each(ctx, image)) &&
               (nub_hash_is_zero(root_cnode) || each(ctx, root_cnode));
    case NUB_CAP_IMAGE:
        return each_slot(&cap->u.image.pinned, each, ctx) &&
               each_slot(&cap->u.image.initial, each, ctx);
    case NUB_CAP_CNODE:
        return each_slot(&cap->u.cnode.entries, each, ctx);
    case NUB_CAP_DATA:
    case NUB_CAP_TYPE:
        break;
    }
    return true;
}
