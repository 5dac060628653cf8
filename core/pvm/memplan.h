/* memplan.h - what is mapped where in the memory of an instance (caps.md 2.2, 2.3)
 *
 * Turns image, mem_size and overlays into a sorted list of regions that do not overlap, and
 * judges MEMORY_INVALID. Backends map the regions; commit asks the plan what a page would hold
 * without the run.
 */
#ifndef NUB_PVM_MEMPLAN_H
#define NUB_PVM_MEMPLAN_H

#include "cap.h"

/** Where the bytes of a region come from. */
enum nub_region_origin {
    NUB_REGION_MAPPING, /* a mapping of the image */
    NUB_REGION_OVERLAY, /* the instance's own pages */
    NUB_REGION_BELOW    /* below mem_size */
};

/** `size` bytes at `start` (pages): `content` first, the rest zero. */
struct nub_region {
    uint64_t start;
    uint64_t size;
    struct nub_slice content; /* at most `size` bytes, whole pages; empty: all zero */
    uint8_t access;           /* enum nub_access */
    uint8_t origin;           /* enum nub_region_origin */
};

struct nub_memplan {
    struct nub_region *regions; /* sorted by start; neighbours may touch */
    uint32_t n_regions;
    uint32_t capacity;
};

/** The directory as the plan needs it: the capability, or NULL. */
typedef const struct nub_cap *(*nub_cap_lookup_fn)(void *ctx, const struct nub_hash *hash);

/**
 * Builds the plan. With `instance` NULL or `with_overlays` false the instance's overlays are left
 * out: what image and mem_size give (commit compares with that). MEMORY_INVALID names the cap
 * (or `instance_hash` for an overlay on a read-only page), NO_MEMORY.
 */
enum nub_status nub_memplan_build(struct nub_memplan *plan, const struct nub_alloc *alloc, const struct nub_image *image, const struct nub_instance *instance, const struct nub_hash *instance_hash, bool with_overlays, nub_cap_lookup_fn lookup, void *ctx, struct nub_failure *failure);
void nub_memplan_clear(struct nub_memplan *plan, const struct nub_alloc *alloc);
/** The region that holds the page at `address`, or NULL. Binary search. */
const struct nub_region *nub_memplan_find(const struct nub_memplan *plan, uint64_t address);

#endif
