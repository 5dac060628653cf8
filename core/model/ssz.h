/* ssz.h - the parts of SSZ (Simple Serialize) that capabilities need: roots
 *
 * Allocates nothing: trees are folded on the stack, empty subtrees come from a table of zero
 * hashes. No function needs more than 24 KiB of stack, nested calls included. See caps.md 1 and the Ethereum consensus specification for the rules.
 */
#ifndef NUB_MODEL_SSZ_H
#define NUB_MODEL_SSZ_H

#include <nub/types.h>
#include <stddef.h>

/** Depth of the deepest tree here: a byte list of 2^32 bytes has 2^27 chunks. */
#define NUB_SSZ_MAX_DEPTH 32
/** A page is one subtree of this depth (128 chunks), at a page-aligned offset. */
#define NUB_SSZ_PAGE_DEPTH 7

/** Root of a subtree of 2^depth zero chunks. */
const struct nub_hash *nub_ssz_zero_hash(unsigned depth);
/** Root of a tree of depth `depth` over the chunks of `bytes` (the last one zero-padded), zeros after them. */
void nub_ssz_bytes_root(struct nub_hash *root, const uint8_t *bytes, uint64_t size, unsigned depth);
/** Root of one page (depth 7). An all-zero page is recognised without hashing it. */
void nub_ssz_page_root(struct nub_hash *root, const uint8_t page[NUB_PAGE_SIZE]);
/** Roots of `n` pages that lie one after the other. */
void nub_ssz_page_roots(struct nub_hash *roots, const uint8_t *pages, uint64_t n);
/** Root of a tree of depth `depth` whose first leaves are `nodes`, the rest being zero subtrees of depth `leaf_depth`. */
void nub_ssz_nodes_root(struct nub_hash *root, const struct nub_hash *nodes, uint64_t n, unsigned leaf_depth, unsigned depth);
/**
 * A tree that grows from the left, leaf by leaf, for lists whose items are not at hand as an array.
 * groups[g] holds the siblings that wait at height leaf_depth + 5g for the rest of their group.
 */
#define NUB_SSZ_FOLD_GROUP 32
#define NUB_SSZ_FOLD_GROUPS 8 /* one more than NUB_SSZ_MAX_DEPTH needs */
struct nub_ssz_fold {
    unsigned leaf_depth;
    unsigned n[NUB_SSZ_FOLD_GROUPS];
    struct nub_hash groups[NUB_SSZ_FOLD_GROUPS][NUB_SSZ_FOLD_GROUP];
};
void nub_ssz_fold_init(struct nub_ssz_fold *fold, unsigned leaf_depth);
/** The next leaf, a root of depth leaf_depth. */
void nub_ssz_fold_add(struct nub_ssz_fold *fold, const struct nub_hash *leaf);
/** The root at `depth` with zero subtrees to the right; 2^(depth - leaf_depth) leaves at most were added. `fold` is used up. */
void nub_ssz_fold_finish(struct nub_hash *root, struct nub_ssz_fold *fold, unsigned depth);

void nub_ssz_mix_in_length(struct nub_hash *root, uint64_t length);
void nub_ssz_mix_in_selector(struct nub_hash *root, uint8_t selector);

#endif
