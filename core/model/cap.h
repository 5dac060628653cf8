/* cap.h - the five capability kinds: views of wire bytes, strict decoding, encoding, hashing
 *
 * A view points into the wire bytes and stays valid as long as they do; nothing is copied. A view
 * made by nub_cap_decode() has passed every check of caps.md 1 and 2, so readers check nothing
 * again. Numbers inside a view are read with bytes.h (the wire is little-endian and unaligned).
 */
#ifndef NUB_MODEL_CAP_H
#define NUB_MODEL_CAP_H

#include "alloc.h"
#include "failure.h"
#include <nub/plugin.h> /* struct nub_slice */
#include <stdbool.h>

enum nub_cap_kind {
    NUB_CAP_INSTANCE = 0,
    NUB_CAP_IMAGE = 1,
    NUB_CAP_DATA = 2,
    NUB_CAP_CNODE = 3,
    NUB_CAP_TYPE = 4
};

/** Isa numbers of an Image. */
#define NUB_ISA_BYTE_PVM 0u
#define NUB_MAX_SOURCE 8u

/** A sorted list of (slot, hash), 36 bytes an entry on the wire. */
struct nub_slots {
    const uint8_t *entries;
    uint32_t n;
};

struct nub_endpoint {
    uint64_t entry_pc;
    uint64_t stack_top;
    uint32_t arg_cnode_slot;
    uint8_t arg_cnode_size;
    uint64_t initial_regs[NUB_N_REGS];
};

struct nub_mapping {
    uint64_t start;
    uint64_t size;
    uint32_t n_source;
    uint32_t source[NUB_MAX_SOURCE];
};

/** A run of pages of an Instance: `bytes` has whole pages. */
struct nub_overlay {
    uint32_t start;
    struct nub_slice bytes;
};

struct nub_image {
    uint32_t isa;
    struct nub_slice code;
    struct nub_slice bitmask; /* ceil(code / 8) bytes */
    const uint8_t *jump_table; /* n_jump little-endian uint32, unaligned */
    uint32_t n_jump;
    const uint8_t *endpoints; /* fixed size each: nub_image_endpoint() */
    uint32_t n_endpoints;
    struct nub_slice mappings; /* variable size each: nub_image_mapping() */
    uint32_t n_mappings;
    struct nub_slots pinned;
    struct nub_slots initial;
    bool has_yield_marker;
    uint32_t yield_marker_slot;
};

struct nub_paged; /* core/model's own */

struct nub_instance {
    const struct nub_hash *image_chain;
    const struct nub_hash *image;
    const struct nub_hash *root_cnode;
    struct nub_slice overlays; /* nub_instance_overlay() */
    uint32_t n_overlays;
    uint64_t mem_size;
    uint64_t regs[NUB_N_REGS];
    uint64_t pc;
    uint64_t gas_remaining;
    uint8_t phase; /* 0 idle, 1 paused */
    const struct nub_paged *paged; /* NULL, or the overlays when they are kept as shared pages */
};

struct nub_cnode {
    uint8_t size_log;
    struct nub_slots entries;
};

/** A decoded capability. */
struct nub_cap {
    enum nub_cap_kind kind;
    struct nub_slice wire;
    union {
        struct nub_instance instance;
        struct nub_image image;
        struct nub_slice data; /* content: whole pages */
        struct nub_cnode cnode;
        const struct nub_hash *type; /* image_chain */
    } u;
};

/** "Instance", "Image", ... */
const char *nub_cap_kind_name(enum nub_cap_kind kind);

/** BAD_ENCODING names the field, with the byte offset as address. */
enum nub_status nub_cap_decode(struct nub_cap *cap, struct nub_slice wire, struct nub_failure *failure);
/** The cap hash. Cannot fail and allocates nothing. */
void nub_cap_hash(struct nub_hash *hash, const struct nub_cap *cap);
/** The cap hash of an Instance whose overlays have the root `overlays` (mixed with their number), whatever its `overlays` field says: for Instances kept in another form than the wire's. */
void nub_instance_root(struct nub_hash *hash, const struct nub_instance *instance, const struct nub_hash *overlays);
/** The root of an Overlay whose pages have the root `pages`, a subtree of depth `depth`. */
void nub_overlay_root(struct nub_hash *root, uint32_t page, uint32_t n_pages, const struct nub_hash *pages, unsigned depth);

uint32_t nub_slots_at(const struct nub_slots *slots, uint32_t i, struct nub_hash *hash);
/** The hash in `slot`, or false. Binary search. */
bool nub_slots_find(const struct nub_slots *slots, uint32_t slot, struct nub_hash *hash);
void nub_image_endpoint(const struct nub_image *image, uint32_t i, struct nub_endpoint *endpoint);
void nub_image_mapping(const struct nub_image *image, uint32_t i, struct nub_mapping *mapping);
/** The i-th overlay. When its pages are shared with other Instances and do not lie together, bytes.data is NULL: use pieces. */
void nub_instance_overlay(const struct nub_instance *instance, uint32_t i, struct nub_overlay *overlay);
/**
 * The overlays as pieces, each of whose bytes lie together: sorted, not overlapping, but perhaps
 * adjacent. `*cursor` begins at 0; false: no more. This is what to map or copy memory from.
 */
bool nub_instance_next_piece(const struct nub_instance *instance, uint32_t *cursor, struct nub_overlay *piece);

/**
 * Calls `each` once per mention of another capability, in field order (caps.md 3), until it
 * returns false. Returns false if it did.
 */
bool nub_cap_each_reference(const struct nub_cap *cap, bool (*each)(void *ctx, const struct nub_hash *hash), void *ctx);

/* ---- encoding ---------------------------------------------------------------------------- */

struct nub_slot_entry {
    uint32_t slot;
    struct nub_hash cap;
};

/** What an Image is made from. Lists may be given in any order: the encoder sorts nothing and checks nothing; decode the result. */
struct nub_image_spec {
    uint32_t isa;
    struct nub_slice code, bitmask;
    const uint32_t *jump_table;
    uint32_t n_jump;
    const struct nub_endpoint *endpoints;
    uint32_t n_endpoints;
    const struct nub_mapping *mappings;
    uint32_t n_mappings;
    const struct nub_slot_entry *pinned, *initial;
    uint32_t n_pinned, n_initial;
    bool has_yield_marker;
    uint32_t yield_marker_slot;
};

struct nub_instance_spec {
    struct nub_hash image_chain, image, root_cnode;
    const struct nub_overlay *overlays;
    uint32_t n_overlays;
    uint64_t mem_size;
    uint64_t regs[NUB_N_REGS];
    uint64_t pc, gas_remaining;
    uint8_t phase;
};

/** The spec of a decoded Instance, without its overlays. */
void nub_instance_spec(struct nub_instance_spec *spec, const struct nub_instance *instance);

/* Each pair: the size of the wire form, and writing it to `wire`, which has that size. */
#define NUB_DATA_WIRE_HEADER 5u /* bytes before the content of a Data: the blob hook's lead */
uint64_t nub_data_wire_size(uint64_t content_size); /* content is padded to whole pages */
void nub_data_encode(uint8_t *wire, struct nub_slice content);
uint64_t nub_image_wire_size(const struct nub_image_spec *spec);
void nub_image_encode(uint8_t *wire, const struct nub_image_spec *spec);
#define NUB_INSTANCE_BARE_SIZE 230u /* the wire form of an Instance without overlays */
uint64_t nub_instance_wire_size(const struct nub_instance_spec *spec);
void nub_instance_encode(uint8_t *wire, const struct nub_instance_spec *spec);
uint64_t nub_cnode_wire_size(uint32_t n_entries);
void nub_cnode_encode(uint8_t *wire, uint8_t size_log, const struct nub_slot_entry *entries, uint32_t n_entries);
#define NUB_TYPE_WIRE_SIZE 33u
void nub_type_encode(uint8_t *wire, const struct nub_hash *image_chain);

#endif
