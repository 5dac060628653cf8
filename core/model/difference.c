/* difference.c - comparing the overlays of two Instances, piece by piece
 *
 * Pages that both keep in the same place are the same and are not looked at: a successor has most
 * of its base's. What is kept elsewhere is compared, by roots where both have them, else by bytes.
 */
#include "difference.h"
#include "bytes.h"
#include "paged.h"

/* One of the two: what is left of its piece of pages. */
struct side {
    const struct nub_instance *instance;
    uint32_t cursor;
    struct nub_overlay piece;
    uint64_t start; /* of the piece; beyond every address when there is no more */
};

static void
next_piece(struct side *side)
{
    bool more = nub_instance_next_piece(side->instance, &side->cursor, &side->piece);

    side->start = more ? side->piece.start : UINT64_MAX;
}

static void
skip(struct side *side, uint64_t size)
{
    side->start += size;
    side->piece.bytes.data += size;
    side->piece.bytes.size -= size;
    if (side->piece.bytes.size == 0)
        next_piece(side);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Pages that only one has. */
static void
tell_alone(struct side *side, uint64_t end, bool is_new, const struct nub_changes *changes)
{
    uint64_t size = least(side->piece.bytes.size, end - side->start);

    for (uint64_t at = 0; at < size; at += NUB_PAGE_SIZE)
        changes->page(changes->ctx, (uint32_t)(side->start + at),
                      is_new ? side->piece.bytes.data + at : NULL);
    skip(side, size);
}

static bool
is_same(const struct side *base, const struct side *side, uint64_t at)
{
    const struct nub_paged *old = base->instance->paged, *new = side->instance->paged;
    uint32_t page = (uint32_t)((side->start + at) / NUB_PAGE_SIZE);
    const struct nub_hash *old_root = old ? nub_paged_page_root(old, page) : NULL;
    const struct nub_hash *new_root = new ? nub_paged_page_root(new, page) : NULL;

    if (old_root && new_root)
        return nub_hash_equal(old_root, new_root);
    return memcmp(base->piece.bytes.data + at, side->piece.bytes.data + at, NUB_PAGE_SIZE) == 0;
}

/* Pages that both have, from the same address on. */
static void
tell_both(struct side *base, struct side *side, const struct nub_changes *changes)
{
    uint64_t size = least(base->piece.bytes.size, side->piece.bytes.size);

    if (base->piece.bytes.data != side->piece.bytes.data)
        for (uint64_t at = 0; at < size; at += NUB_PAGE_SIZE)
            if (!is_same(base, side, at))
                changes->page(changes->ctx, (uint32_t)(side->start + at),
                              side->piece.bytes.data + at);
    skip(base, size);
    skip(side, size);
}

static void
tell_header(const struct nub_instance *instance, const struct nub_changes *changes)
{
    struct nub_instance_spec spec;
    uint8_t wire[NUB_INSTANCE_BARE_SIZE];

    nub_instance_spec(&spec, instance);
    nub_instance_encode(wire, &spec);
    changes->header(changes->ctx, (struct nub_slice){ wire, sizeof wire });
}

enum nub_status
nub_dir_entry_changes(const struct nub_dir_entry *base, const struct nub_dir_entry *entry,
                      const struct nub_changes *changes, struct nub_failure *failure)
{
    struct side old = { .instance = &base->cap.u.instance },
                new = { .instance = &entry->cap.u.instance };
    const struct nub_dir_entry *other = base->cap.kind != NUB_CAP_INSTANCE ? base : entry;

    if (other->cap.kind != NUB_CAP_INSTANCE)
        return nub_fail_hash(failure, NUB_ERR_NOT_AN_INSTANCE, &other->hash,
                             "cap %h: not an Instance", &other->hash);
    tell_header(new.instance, changes);
    next_piece(&old);
    next_piece(&new);
    while (old.start != UINT64_MAX || new.start != UINT64_MAX)
        if (old.start < new.start)
            tell_alone(&old, new.start, false, changes);
        else if (new.start < old.start)
            tell_alone(&new, old.start, true, changes);
        else
            tell_both(&old, &new, changes);
    return NUB_OK;
}
