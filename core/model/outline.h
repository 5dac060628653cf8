/* outline.h - how a store keeps an Instance: an outline, and parts that Instances share
 *
 * The outline is what an Instance has beside its pages, with the root of each overlay's pages. The
 * parts are the pages and the inner nodes of the trees over them (page-tree.h): level 0 is a page,
 * level L a node. A part is named as a capability is: its root, mixed with its level, so that the
 * bytes of a page cannot pass for a node. Everything here checks bytes that come from a disk against
 * the root that they must have, and follows no number that it has not checked.
 */
#ifndef NUB_MODEL_OUTLINE_H
#define NUB_MODEL_OUTLINE_H

#include "cap.h"
#include "page-tree.h"

/** The first byte of an outline of this format; a wire form begins with its selector, 0..4. */
#define NUB_OUTLINE_FORMAT 0x81u
#define NUB_OUTLINE_RUN_SIZE 40u

/** An overlay. */
struct nub_outline_run {
    uint32_t page;
    uint32_t n_pages;
    struct nub_hash root; /* of the tree of its pages */
};

/** A decoded outline: a view of the record. */
struct nub_outline {
    struct nub_cap header; /* the Instance, as if it had no overlays */
    const uint8_t *runs;   /* nub_outline_run() */
    uint32_t n_runs;
    uint64_t wire_size; /* of the Instance, below 2^32 */
};

static inline bool
nub_is_outline(struct nub_slice record)
{
    return record.size > 0 && record.data[0] >= 0x80;
}

/** BAD_ENCODING; NOT_SUPPORTED for the format of a later nub. Does not compare the hash. */
enum nub_status nub_outline_decode(struct nub_outline *outline, struct nub_slice record, struct nub_failure *failure);
void nub_outline_run(const struct nub_outline *outline, uint32_t i, struct nub_outline_run *run);
/** The cap hash of the Instance. */
void nub_outline_hash(struct nub_hash *hash, const struct nub_outline *outline);
/** Lays down the wire form, wire_size bytes, but for the pages, which are the caller's to fill in: those of the first overlay begin at the offset that it answers, each overlay's NUB_OUTLINE_GAP behind those before. */
uint64_t nub_outline_wire(uint8_t *wire, const struct nub_outline *outline);
#define NUB_OUTLINE_GAP 8u

/** The record: its size, and writing it. `header` is the wire form without overlays. */
uint64_t nub_outline_size(uint32_t n_runs);
void nub_outline_encode(uint8_t *record, const uint8_t header[NUB_INSTANCE_BARE_SIZE], const struct nub_outline_run *runs, uint32_t n_runs);

/** What a part is called in a store. */
void nub_part_name(struct nub_hash *name, const struct nub_hash *root, unsigned level);
/** Whether it is the root of zeros: such a part has no record. */
bool nub_part_is_zero(const struct nub_hash *root, unsigned level);
/** The record of a page is the page without the zeros at its end; this is its size. */
uint32_t nub_part_page_size(const uint8_t page[NUB_PAGE_SIZE]);
/** The record of a node is the roots of its children, one after the other, without the roots of zeros at its end; this is how many. */
uint32_t nub_part_n_children(const struct nub_hash *children, uint32_t n, unsigned level);
/** HASH_MISMATCH, BAD_ENCODING. */
enum nub_status nub_part_decode_page(uint8_t page[NUB_PAGE_SIZE], struct nub_slice record, const struct nub_hash *root, struct nub_failure *failure);
/** The `n` children of a node at a level, at least 1. HASH_MISMATCH, BAD_ENCODING. */
enum nub_status nub_part_decode_node(struct nub_hash children[NUB_TREE_FANOUT], uint32_t n, unsigned level, struct nub_slice record, const struct nub_hash *root, struct nub_failure *failure);

#endif
