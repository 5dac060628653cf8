/* memplan.c - what is mapped where in the memory of an instance
 *
 * Two steps: every mapping of the image is resolved to the bytes behind it, which is where
 * MEMORY_INVALID comes from; then overlays, mappings and the pages below mem_size are laid over
 * each other in order of address. Takes caps that have been decoded: sizes, order, alignment and
 * overlaps are judged there and not again. Maps nothing itself. Read caps.md 2.2 and 2.3.
 */
#include "memplan.h"

#include "bytes.h"

#define END_OF_MEMORY (1ull << 32)

/* ---- where a path leads -------------------------------------------------------------------- */

struct resolver {
    const struct nub_image *image;
    nub_cap_lookup_fn lookup;
    void *ctx;
    struct nub_failure *failure;
};

static enum nub_status
fail_at_cap(const struct resolver *resolver, const struct nub_hash *hash, uint32_t mapping,
            const char *what, const struct nub_cap *cap)
{
    return nub_fail_hash(resolver->failure, NUB_ERR_MEMORY_INVALID, hash, "mapping %u: %s %s (%h)",
                         mapping, what, cap ? nub_cap_kind_name(cap->kind) : "missing capability",
                         hash);
}

/* the slot of a CNode; false: empty or beyond its size */
static bool
cnode_slot(const struct nub_cnode *cnode, uint32_t slot, struct nub_hash *hash)
{
    return slot >> cnode->size_log == 0 && nub_slots_find(&cnode->entries, slot, hash);
}

/* follows the path of a mapping to its Data; a path that ends at nothing gives zero pages */
static enum nub_status
resolve_content(const struct resolver *resolver, uint32_t index, const struct nub_mapping *mapping,
                struct nub_hash *hash, struct nub_slice *content)
{
    const struct nub_cap *cap = resolver->lookup(resolver->ctx, hash);

    for (uint32_t step = 1; step < mapping->n_source; step++) {
        if (!cap || cap->kind != NUB_CAP_CNODE)
            return fail_at_cap(resolver, hash, index, "its path goes on from a", cap);
        if (!cnode_slot(&cap->u.cnode, mapping->source[step], hash))
            return NUB_OK;
        cap = resolver->lookup(resolver->ctx, hash);
    }
    if (!cap || cap->kind != NUB_CAP_DATA)
        return fail_at_cap(resolver, hash, index, "its path ends at a", cap);
    *content = cap->u.data;
    if (content->size > mapping->size)
        content->size = mapping->size;
    return NUB_OK;
}

static enum nub_status
resolve(const struct resolver *resolver, uint32_t index, struct nub_region *region)
{
    struct nub_mapping mapping;
    struct nub_hash hash;

    nub_image_mapping(resolver->image, index, &mapping);
    *region = (struct nub_region){ .start = mapping.start,
                                   .size = mapping.size,
                                   .access = NUB_ACCESS_READ_WRITE,
                                   .origin = NUB_REGION_MAPPING };
    if (mapping.n_source == 0)
        return NUB_OK;
    if (nub_slots_find(&resolver->image->pinned, mapping.source[0], &hash))
        region->access = NUB_ACCESS_READ_ONLY;
    else if (!nub_slots_find(&resolver->image->initial, mapping.source[0], &hash))
        return NUB_OK;
    return resolve_content(resolver, index, &mapping, &hash, &region->content);
}

/* ---- laying regions over each other -------------------------------------------------------- */

/* Writes regions in order of address; with `regions` NULL it only counts them. */
struct layers {
    const struct nub_region *mappings; /* resolved, sorted */
    uint32_t n_mappings;
    uint32_t next_mapping; /* the first that does not end before `at` */
    uint64_t mem_size;
    uint64_t at; /* everything below is written */
    struct nub_region *regions;
    uint32_t n_regions;
};

static void
put_region(struct layers *layers, struct nub_region region)
{
    if (layers->regions)
        layers->regions[layers->n_regions] = region;
    layers->n_regions++;
}

static uint64_t
end_of(const struct nub_region *region)
{
    return region->start + region->size;
}

/* the mapping that holds `at` or is the next above; NULL: none */
static const struct nub_region *
mapping_from(struct layers *layers, uint64_t at)
{
    while (layers->next_mapping < layers->n_mappings &&
           end_of(&layers->mappings[layers->next_mapping]) <= at)
        layers->next_mapping++;
    if (layers->next_mapping == layers->n_mappings)
        return NULL;
    return &layers->mappings[layers->next_mapping];
}

static struct nub_region
part_of(const struct nub_region *mapping, uint64_t start, uint64_t end)
{
    struct nub_region part = *mapping;
    uint64_t skipped = start - mapping->start;

    part.start = start;
    part.size = end - start;
    if (skipped >= part.content.size)
        part.content = (struct nub_slice){ NULL, 0 };
    else
        part.content =
            (struct nub_slice){ part.content.data + skipped, part.content.size - skipped };
    if (part.content.size > part.size)
        part.content.size = part.size;
    return part;
}

/* what image and mem_size give, from layers->at up to `end` */
static void
put_base(struct layers *layers, uint64_t end)
{
    while (layers->at < end) {
        const struct nub_region *mapping = mapping_from(layers, layers->at);
        uint64_t next = end;
        if (mapping && mapping->start <= layers->at) {
            if (end_of(mapping) < next)
                next = end_of(mapping);
            put_region(layers, part_of(mapping, layers->at, next));
        } else {
            if (mapping && mapping->start < next)
                next = mapping->start;
            uint64_t below = next < layers->mem_size ? next : layers->mem_size;
            if (layers->at < below)
                put_region(layers, (struct nub_region){ .start = layers->at,
                                                        .size = below - layers->at,
                                                        .access = NUB_ACCESS_READ_WRITE,
                                                        .origin = NUB_REGION_BELOW });
        }
        layers->at = next;
    }
}

static void
lay(struct layers *layers, const struct nub_instance *instance, uint32_t n_overlays)
{
    layers->next_mapping = 0;
    layers->at = 0;
    layers->n_regions = 0;
    struct nub_overlay piece; /* an overlay, or the part of it whose bytes lie together */
    uint32_t cursor = 0;
    while (n_overlays > 0 && nub_instance_next_piece(instance, &cursor, &piece)) {
        put_base(layers, piece.start);
        put_region(layers, (struct nub_region){ .start = piece.start,
                                                .size = piece.bytes.size,
                                                .content = piece.bytes,
                                                .access = NUB_ACCESS_READ_WRITE,
                                                .origin = NUB_REGION_OVERLAY });
        layers->at = piece.start + piece.bytes.size;
    }
    put_base(layers, END_OF_MEMORY);
}

/* both lists are sorted: one pass */
static enum nub_status
check_overlays(struct layers *layers, const struct nub_instance *instance, uint32_t n_overlays,
               const struct nub_hash *instance_hash, struct nub_failure *failure)
{
    for (uint32_t i = 0; i < n_overlays; i++) {
        struct nub_overlay overlay;
        nub_instance_overlay(instance, i, &overlay);
        const struct nub_region *mapping = mapping_from(layers, overlay.start);
        for (; mapping && mapping->start < overlay.start + overlay.bytes.size;
             mapping = mapping_from(layers, end_of(mapping)))
            if (mapping->access == NUB_ACCESS_READ_ONLY)
                return nub_fail_hash(failure, NUB_ERR_MEMORY_INVALID, instance_hash,
                                     "overlay %u at %x lies on the read-only mapping at %X", i,
                                     overlay.start, mapping->start);
    }
    return NUB_OK;
}

/* ---- the plan ------------------------------------------------------------------------------ */

static enum nub_status
lay_into_plan(struct nub_memplan *plan, const struct nub_alloc *alloc, struct layers *layers,
              const struct nub_instance *instance, uint32_t n_overlays, struct nub_failure *failure)
{
    lay(layers, instance, n_overlays);
    if (layers->n_regions == 0)
        return NUB_OK;
    plan->regions = nub_alloc(alloc, layers->n_regions * sizeof *plan->regions);
    if (!plan->regions)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "no memory for a plan of %u regions",
                        layers->n_regions);
    plan->capacity = layers->n_regions;
    layers->regions = plan->regions;
    lay(layers, instance, n_overlays);
    plan->n_regions = layers->n_regions;
    return NUB_OK;
}

enum nub_status
nub_memplan_build(struct nub_memplan *plan, const struct nub_alloc *alloc,
                  const struct nub_image *image, const struct nub_instance *instance,
                  const struct nub_hash *instance_hash, bool with_overlays,
                  nub_cap_lookup_fn lookup, void *ctx, struct nub_failure *failure)
{
    const struct resolver resolver = { image, lookup, ctx, failure };
    uint32_t n_overlays = instance && with_overlays ? instance->n_overlays : 0;
    size_t mappings_size = image->n_mappings * sizeof(struct nub_region);
    struct nub_region *mappings = mappings_size ? nub_alloc(alloc, mappings_size) : NULL;
    enum nub_status status = NUB_OK;

    *plan = (struct nub_memplan){ 0 };
    if (mappings_size && !mappings)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "no memory for %u mappings", image->n_mappings);
    for (uint32_t i = 0; i < image->n_mappings && status == NUB_OK; i++)
        status = resolve(&resolver, i, &mappings[i]);

    struct layers layers = { .mappings = mappings,
                             .n_mappings = image->n_mappings,
                             .mem_size = instance ? instance->mem_size : 0 };
    if (status == NUB_OK)
        status = check_overlays(&layers, instance, n_overlays, instance_hash, failure);
    if (status == NUB_OK)
        status = lay_into_plan(plan, alloc, &layers, instance, n_overlays, failure);
    nub_free(alloc, mappings, mappings_size);
    return status;
}

void
nub_memplan_clear(struct nub_memplan *plan, const struct nub_alloc *alloc)
{
    nub_free(alloc, plan->regions, plan->capacity * sizeof *plan->regions);
    *plan = (struct nub_memplan){ 0 };
}

const struct nub_region *
nub_memplan_find(const struct nub_memplan *plan, uint64_t address)
{
    uint32_t low = 0, high = plan->n_regions;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct nub_region *region = &plan->regions[middle];
        if (address < region->start)
            high = middle;
        else if (address >= end_of(region))
            low = middle + 1;
        else
            return region;
    }
    return NULL;
}
