/* page-tree.h - the roots of a run of pages as a shared, counted tree (private to core/model)
 *
 * Immutable once made: a run that differs in one page shares all but the path to it. Nodes have 16
 * children, so a node at level L is the root of 16^L pages, an SSZ subtree of depth 7 + 4 L, and
 * five levels are the whole address space. Filled from the left.
 */
#ifndef NUB_MODEL_PAGE_TREE_H
#define NUB_MODEL_PAGE_TREE_H

#include "alloc.h"
#include <nub/types.h>

#define NUB_TREE_FANOUT_LOG 4u
#define NUB_TREE_FANOUT     (1u << NUB_TREE_FANOUT_LOG)

/** How many pages a node at a level holds when it is full; level 0 is a page. */
static inline uint32_t
nub_page_tree_span(unsigned level)
{
    return 1u << (level * NUB_TREE_FANOUT_LOG);
}

/** The level of the root of a tree of `n` pages, at least 1: the lowest at which one node holds them. */
unsigned nub_page_tree_height(uint32_t n);
/** The root of a node at a level, at least 1, of which the first `n` children are there. */
void nub_page_tree_node_root(struct nub_hash *root, const struct nub_hash *children, uint32_t n, unsigned level);

struct nub_page_tree {
    uint64_t refs; /* atomic */
    struct nub_hash root;
    uint32_t level; /* 1: `pages` are the roots of pages; above: `nodes` */
    uint32_t n;     /* children, at least 1 */
    union {
        struct nub_page_tree *nodes[NUB_TREE_FANOUT];
        struct nub_hash pages[NUB_TREE_FANOUT];
    } u;
};

/** What a tree is made from: another tree that it may share with, and the roots of pages. */
struct nub_tree_source {
    const struct nub_alloc *alloc;
    const struct nub_page_tree *like; /* NULL: none. Its page i stands where page i will stand */
    uint32_t n_like;                  /* pages of `like` */
    uint32_t n;                       /* pages of the tree to be */
    /** Whether pages [first, first + n) have the roots that `like` has there. */
    int (*same)(void *ctx, uint32_t first, uint32_t n);
    void (*page_root)(void *ctx, uint32_t i, struct nub_hash *root);
    void *ctx;
    uint64_t made; /* bytes of the nodes that were made, not shared */
};

/** A tree of source->n pages, at least 1. NULL: no memory. */
struct nub_page_tree *nub_page_tree_new(struct nub_tree_source *source);
/** Gives up a reference; returns the bytes of the nodes that went. */
uint64_t nub_page_tree_free(const struct nub_alloc *alloc, struct nub_page_tree *tree);
/** The root of page `i`, which is there. */
const struct nub_hash *nub_page_tree_page(const struct nub_page_tree *tree, uint32_t i);
/** Depth of tree->root in chunks. */
unsigned nub_page_tree_depth(const struct nub_page_tree *tree);

#endif
