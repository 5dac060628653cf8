/* successor.c - which pages of a run are overlays of its successor, and the entry made of them
 *
 * Walks the pages that can be overlays - those of the base and those that were written - in order
 * of address, twice: once to know the size, once to lay them down. Changes nothing in the
 * directory. The rule it keeps: equal memory gives equal hashes whatever the path (caps.md 4.2).
 */
#include "successor.h"
#include "bytes.h"
#include "cap-wire.h"
#include "directory-private.h"

/* Steps through the candidates, ascending; a written page stands for the base's at its place. */
struct walk {
    const struct nub_successor *successor;
    uint32_t next_written;
    uint32_t next_overlay;
    struct nub_overlay overlay; /* what is left of the current one; empty: take the next */
};

static bool
overlay_page(struct walk *walk, struct nub_run_page *page)
{
    const struct nub_instance *base = &walk->successor->base->cap.u.instance;

    if (walk->overlay.bytes.size == 0) {
        if (walk->next_overlay == base->n_overlays)
            return false;
        nub_instance_overlay(base, walk->next_overlay++, &walk->overlay);
    }
    page->address = walk->overlay.start;
    page->bytes = walk->overlay.bytes.data;
    return true;
}

static void
skip_overlay_page(struct walk *walk)
{
    walk->overlay.start += NUB_PAGE_SIZE;
    walk->overlay.bytes.data += NUB_PAGE_SIZE;
    walk->overlay.bytes.size -= NUB_PAGE_SIZE;
}

static bool
next_candidate(struct walk *walk, struct nub_run_page *page)
{
    const struct nub_successor *successor = walk->successor;
    bool in_overlay = overlay_page(walk, page);

    if (walk->next_written < successor->n_written) {
        const struct nub_run_page *written = &successor->written[walk->next_written];

        if (!in_overlay || written->address <= page->address) {
            if (in_overlay && written->address == page->address)
                skip_overlay_page(walk);
            *page = *written;
            walk->next_written++;
            return true;
        }
    }
    if (in_overlay)
        skip_overlay_page(walk);
    return in_overlay;
}

static const uint8_t zero_page[NUB_PAGE_SIZE];

/* Whether a page has to be in an overlay. */
static bool
is_state(const struct nub_successor *successor, const struct nub_run_page *page)
{
    const uint8_t *bytes = page->bytes ? page->bytes : zero_page, *given = NULL;

    switch (successor->given(successor->given_ctx, page->address, &given)) {
    case NUB_GIVEN_NOTHING:
        return true;
    case NUB_GIVEN_READ_WRITE:
        given = given ? given : zero_page;
        return bytes != given && memcmp(bytes, given, NUB_PAGE_SIZE) != 0;
    case NUB_GIVEN_READ_ONLY:
        break;
    }
    return false;
}

static bool
next_page(struct walk *walk, struct nub_run_page *page)
{
    while (next_candidate(walk, page))
        if (is_state(walk->successor, page))
            return true;
    return false;
}

struct totals {
    uint32_t overlays;
    uint64_t pages;
};

static struct totals
count(const struct nub_successor *successor)
{
    struct walk walk = { .successor = successor };
    struct totals totals = { 0, 0 };
    struct nub_run_page page;
    uint64_t end = UINT64_MAX;

    while (next_page(&walk, &page)) {
        totals.pages++;
        totals.overlays += page.address != end;
        end = (uint64_t)page.address + NUB_PAGE_SIZE;
    }
    return totals;
}

static struct nub_instance_spec
header(const struct nub_successor *successor)
{
    const struct nub_instance *base = &successor->base->cap.u.instance;
    struct nub_instance_spec spec = {
        .image_chain = *base->image_chain,
        .image = *base->image,
        .root_cnode = *base->root_cnode,
        .mem_size = base->mem_size,
        .phase = successor->phase,
    };

    if (successor->phase) {
        memcpy(spec.regs, successor->regs, sizeof spec.regs);
        spec.pc = successor->pc;
        spec.gas_remaining = successor->gas_remaining;
    }
    return spec;
}

/* Lays down the list of overlays: offsets first, then each with its pages. */
static void
put_overlays(uint8_t *list, const struct nub_successor *successor, uint32_t n_overlays)
{
    struct walk walk = { .successor = successor };
    uint32_t offset = n_overlays * NUB_WIRE_OFFSET_SIZE, i = 0;
    struct nub_run_page page;
    uint64_t end = UINT64_MAX;

    while (next_page(&walk, &page)) {
        if (page.address != end) {
            nub_put_le32(list + (uint64_t)i++ * NUB_WIRE_OFFSET_SIZE, offset);
            nub_put_le32(list + offset + NUB_WIRE_OVERLAY_START, page.address);
            nub_put_le32(list + offset + NUB_WIRE_OVERLAY_BYTES, NUB_WIRE_OVERLAY_FIXED);
            offset += NUB_WIRE_OVERLAY_FIXED;
        }
        memcpy(list + offset, page.bytes ? page.bytes : zero_page, NUB_PAGE_SIZE);
        offset += NUB_PAGE_SIZE;
        end = (uint64_t)page.address + NUB_PAGE_SIZE;
    }
}

enum nub_status
nub_successor_prepare(struct nub_dir_entry **prepared, const struct nub_dir *dir,
                      const struct nub_successor *successor, struct nub_failure *failure)
{
    struct nub_instance_spec spec = header(successor);
    struct totals totals = count(successor);
    uint64_t fixed = nub_instance_wire_size(&spec);
    uint64_t size = fixed + totals.pages * NUB_PAGE_SIZE +
                    (uint64_t)totals.overlays * (NUB_WIRE_OFFSET_SIZE + NUB_WIRE_OVERLAY_FIXED);
    size_t lead = fixed + NUB_WIRE_OFFSET_SIZE * (size_t)totals.overlays + NUB_WIRE_OVERLAY_FIXED;
    struct nub_dir_entry *entry;
    enum nub_status status;
    uint8_t *wire;

    if (size > UINT32_MAX)
        return nub_fail(failure, NUB_ERR_NO_SPACE,
                        "successor: a wire form of %U bytes is not shorter than 2^32", size);
    entry = nub_dir_prepare_blob(dir, size, totals.overlays ? lead : 0, &wire);
    if (!entry)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "successor: no memory for %U bytes", size);
    nub_instance_encode(wire, &spec);
    put_overlays(wire + fixed, successor, totals.overlays);
    status = nub_dir_prepare_finish(entry, NULL, failure);
    if (status)
        nub_dir_discard(dir, entry);
    else
        *prepared = entry;
    return status;
}
