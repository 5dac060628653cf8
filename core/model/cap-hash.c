/* cap-hash.c - the hash of each kind: its SSZ hash_tree_root, mixed with its selector
 *
 * Reads decoded views only, so nothing can be wrong here; allocates nothing. The shapes of the
 * trees are those of the schemas in caps.md 2, recomputable with any SSZ library.
 */
#include "cap.h"
#include "bytes.h"
#include "cap-wire.h"
#include "paged.h"
#include "sha256.h"
#include "ssz.h"

/* Depths of trees in chunks: log2 of the limit of a list, in chunks of 32 bytes. */
enum depth {
    DEPTH_BYTES = 27,      /* List[uint8, 2^32] */
    DEPTH_CODE = 23,       /* List[uint8, 2^28] */
    DEPTH_BITMASK = 20,    /* List[uint8, 2^25] */
    DEPTH_JUMP_TABLE = 21, /* List[uint32, 2^24] */
    DEPTH_ENDPOINTS = 6,
    DEPTH_MAPPINGS = 8,
    DEPTH_SLOTS = 8,
    DEPTH_OVERLAYS = 19,
    DEPTH_CNODE = 16,
    DEPTH_DENSE = 5, /* up to here slots are taken together */
    DEPTH_REGS = 2,  /* Vector[uint64, 13] */
    DEPTH_CONTAINER_9 = 4,
    DEPTH_CONTAINER_5 = 3,
    DEPTH_CONTAINER_3 = 2
};

/* A number as a chunk. */
static void
number_chunk(struct nub_hash *chunk, uint64_t x)
{
    memset(chunk, 0, sizeof *chunk);
    nub_put_le64(chunk->bytes, x);
}

static void
pair_root(struct nub_hash *root, const struct nub_hash pair[2])
{
    nub_sha256_nodes(root->bytes, pair[0].bytes, 1);
}

static void
byte_list_root(struct nub_hash *root, const uint8_t *bytes, uint64_t size, uint64_t length,
               enum depth depth)
{
    nub_ssz_bytes_root(root, bytes, size, depth);
    nub_ssz_mix_in_length(root, length);
}

static void
slot_entry_root(struct nub_hash *root, const struct nub_slots *slots, uint32_t i)
{
    struct nub_hash fields[2];

    number_chunk(&fields[0], nub_slots_at(slots, i, &fields[1]));
    pair_root(root, fields);
}

static void
slots_root(struct nub_hash *root, const struct nub_slots *slots)
{
    struct nub_ssz_fold fold;
    struct nub_hash item;

    nub_ssz_fold_init(&fold, 0);
    for (uint32_t i = 0; i < slots->n; i++) {
        slot_entry_root(&item, slots, i);
        nub_ssz_fold_add(&fold, &item);
    }
    nub_ssz_fold_finish(root, &fold, DEPTH_SLOTS);
    nub_ssz_mix_in_length(root, slots->n);
}

static void
endpoints_root(struct nub_hash *root, const struct nub_image *image)
{
    struct nub_hash item, fields[5];
    struct nub_ssz_fold fold;

    nub_ssz_fold_init(&fold, 0);
    for (uint32_t i = 0; i < image->n_endpoints; i++) {
        const uint8_t *wire = image->endpoints + (uint64_t)i * NUB_WIRE_ENDPOINT_SIZE;
        struct nub_endpoint endpoint;

        nub_image_endpoint(image, i, &endpoint);
        number_chunk(&fields[0], endpoint.entry_pc);
        number_chunk(&fields[1], endpoint.stack_top);
        number_chunk(&fields[2], endpoint.arg_cnode_slot);
        number_chunk(&fields[3], endpoint.arg_cnode_size);
        nub_ssz_bytes_root(&fields[4], wire + NUB_WIRE_ENDPOINT_INITIAL_REGS, 8 * NUB_N_REGS,
                           DEPTH_REGS);
        nub_ssz_nodes_root(&item, fields, 5, 0, DEPTH_CONTAINER_5);
        nub_ssz_fold_add(&fold, &item);
    }
    nub_ssz_fold_finish(root, &fold, DEPTH_ENDPOINTS);
    nub_ssz_mix_in_length(root, image->n_endpoints);
}

static void
mappings_root(struct nub_hash *root, const struct nub_image *image)
{
    struct nub_hash item, fields[3];
    struct nub_ssz_fold fold;

    nub_ssz_fold_init(&fold, 0);
    for (uint32_t i = 0; i < image->n_mappings; i++) {
        struct nub_mapping mapping;

        nub_image_mapping(image, i, &mapping);
        number_chunk(&fields[0], mapping.start);
        number_chunk(&fields[1], mapping.size);
        memset(&fields[2], 0, sizeof fields[2]); /* eight slots are one chunk */
        for (uint32_t s = 0; s < mapping.n_source; s++)
            nub_put_le32(fields[2].bytes + 4 * s, mapping.source[s]);
        nub_ssz_mix_in_length(&fields[2], mapping.n_source);
        nub_ssz_nodes_root(&item, fields, 3, 0, DEPTH_CONTAINER_3);
        nub_ssz_fold_add(&fold, &item);
    }
    nub_ssz_fold_finish(root, &fold, DEPTH_MAPPINGS);
    nub_ssz_mix_in_length(root, image->n_mappings);
}

static void
image_root(struct nub_hash *root, const struct nub_image *image)
{
    struct nub_hash fields[9];

    number_chunk(&fields[0], image->isa);
    byte_list_root(&fields[1], image->code.data, image->code.size, image->code.size, DEPTH_CODE);
    byte_list_root(&fields[2], image->bitmask.data, image->bitmask.size, image->bitmask.size,
                   DEPTH_BITMASK);
    byte_list_root(&fields[3], image->jump_table, 4 * (uint64_t)image->n_jump, image->n_jump,
                   DEPTH_JUMP_TABLE);
    endpoints_root(&fields[4], image);
    mappings_root(&fields[5], image);
    slots_root(&fields[6], &image->pinned);
    slots_root(&fields[7], &image->initial);
    number_chunk(&fields[8], image->yield_marker_slot);
    nub_ssz_mix_in_selector(&fields[8], image->has_yield_marker);
    nub_ssz_nodes_root(root, fields, 9, 0, DEPTH_CONTAINER_9);
}

void
nub_overlay_root(struct nub_hash *root, uint32_t page, uint32_t n_pages,
                 const struct nub_hash *pages, unsigned depth)
{
    struct nub_hash fields[2];

    number_chunk(&fields[0], (uint64_t)page * NUB_PAGE_SIZE);
    nub_ssz_nodes_root(&fields[1], pages, 1, depth, DEPTH_BYTES);
    nub_ssz_mix_in_length(&fields[1], (uint64_t)n_pages * NUB_PAGE_SIZE);
    pair_root(root, fields);
}

static void
overlay_root(struct nub_hash *root, const struct nub_instance *instance, uint32_t i)
{
    struct nub_overlay overlay;
    struct nub_hash fields[2];

    nub_instance_overlay(instance, i, &overlay);
    number_chunk(&fields[0], overlay.start);
    byte_list_root(&fields[1], overlay.bytes.data, overlay.bytes.size, overlay.bytes.size,
                   DEPTH_BYTES);
    pair_root(root, fields);
}

static void
overlays_root(struct nub_hash *root, const struct nub_instance *instance)
{
    struct nub_ssz_fold fold;
    struct nub_hash item;

    if (instance->paged) {
        nub_paged_root(root, instance->paged);
        return;
    }
    nub_ssz_fold_init(&fold, 0);
    for (uint32_t i = 0; i < instance->n_overlays; i++) {
        overlay_root(&item, instance, i);
        nub_ssz_fold_add(&fold, &item);
    }
    nub_ssz_fold_finish(root, &fold, DEPTH_OVERLAYS);
    nub_ssz_mix_in_length(root, instance->n_overlays);
}

void
nub_instance_root(struct nub_hash *root, const struct nub_instance *instance,
                  const struct nub_hash *overlays)
{
    struct nub_hash fields[9];
    uint8_t regs[8 * NUB_N_REGS];

    for (unsigned r = 0; r < NUB_N_REGS; r++)
        nub_put_le64(regs + 8 * r, instance->regs[r]);
    fields[0] = *instance->image_chain;
    fields[1] = *instance->image;
    fields[2] = *instance->root_cnode;
    fields[3] = *overlays;
    number_chunk(&fields[4], instance->mem_size);
    nub_ssz_bytes_root(&fields[5], regs, sizeof regs, DEPTH_REGS);
    number_chunk(&fields[6], instance->pc);
    number_chunk(&fields[7], instance->gas_remaining);
    number_chunk(&fields[8], instance->phase);
    nub_ssz_nodes_root(root, fields, 9, 0, DEPTH_CONTAINER_9);
    nub_ssz_mix_in_selector(root, NUB_CAP_INSTANCE);
}

/* The first entry of `slots` in [from, to) whose slot is not below `slot`. */
static uint32_t
first_not_below(const struct nub_slots *slots, uint32_t from, uint32_t to, uint32_t slot)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;

        if (nub_le32(slots->entries + (uint64_t)middle * NUB_WIRE_SLOT_ENTRY_SIZE) < slot)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* Slots [from, from + 2^depth), all of them in use: a level is one call. */
static void
dense_root(struct nub_hash *root, const struct nub_slots *slots, uint32_t from, unsigned depth)
{
    struct nub_hash leaves[1u << DEPTH_DENSE];

    for (uint32_t i = 0; i < 1u << depth; i++)
        nub_slots_at(slots, from + i, &leaves[i]);
    nub_ssz_nodes_root(root, leaves, UINT64_C(1) << depth, 0, depth);
}

/* Root of the subtree of 2^depth slots at `first`, which holds the entries [from, to). Work is
 * proportional to entries, not to slots. The recursion is at most DEPTH_CNODE deep. */
static void
sparse_root(struct nub_hash *root, const struct nub_slots *slots, uint32_t from, uint32_t to,
            uint32_t first, unsigned depth)
{
    struct nub_hash children[2];
    uint32_t split;

    if (from == to) {
        *root = *nub_ssz_zero_hash(depth);
        return;
    }
    if (depth <= DEPTH_DENSE && to - from == 1u << depth) {
        dense_root(root, slots, from, depth);
        return;
    }
    split = first_not_below(slots, from, to, first + (1u << (depth - 1)));
    sparse_root(&children[0], slots, from, split, first, depth - 1);
    sparse_root(&children[1], slots, split, to, first + (1u << (depth - 1)), depth - 1);
    pair_root(root, children);
}

static void
cnode_root(struct nub_hash *root, const struct nub_cnode *cnode)
{
    struct nub_hash fields[2];

    number_chunk(&fields[0], cnode->size_log);
    sparse_root(&fields[1], &cnode->entries, 0, cnode->entries.n, 0, DEPTH_CNODE);
    pair_root(root, fields);
}

void
nub_cap_hash(struct nub_hash *hash, const struct nub_cap *cap)
{
    switch (cap->kind) {
    case NUB_CAP_INSTANCE:
        overlays_root(hash, &cap->u.instance);
        nub_instance_root(hash, &cap->u.instance, hash);
        return; /* the selector is in it already */
    case NUB_CAP_IMAGE:
        image_root(hash, &cap->u.image);
        break;
    case NUB_CAP_DATA: /* a container of one field has the root of the field */
        byte_list_root(hash, cap->u.data.data, cap->u.data.size, cap->u.data.size, DEPTH_BYTES);
        break;
    case NUB_CAP_CNODE:
        cnode_root(hash, &cap->u.cnode);
        break;
    case NUB_CAP_TYPE:
        *hash = *cap->u.type;
        break;
    }
    nub_ssz_mix_in_selector(hash, (uint8_t)cap->kind);
}
