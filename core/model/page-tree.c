/* page-tree.c - building and giving up trees of page roots
 *
 * What is the same in the tree that a new one resembles is shared by counting; only paths to what
 * differs are hashed. Counts are atomic: trees are built while nobody holds the directory's lock.
 */
#include "page-tree.h"
#include "ssz.h"
#include <stdbool.h>

static uint32_t
span(unsigned level)
{
    return nub_page_tree_span(level);
}

unsigned
nub_page_tree_height(uint32_t n)
{
    unsigned level = 1;

    while (span(level) < n)
        level++;
    return level;
}

static uint32_t
min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static size_t
node_size(unsigned level)
{
    const struct nub_page_tree *node = NULL;

    return offsetof(struct nub_page_tree, u) +
           (level == 1 ? sizeof node->u.pages : sizeof node->u.nodes);
}

unsigned
nub_page_tree_depth(const struct nub_page_tree *tree)
{
    return NUB_SSZ_PAGE_DEPTH + tree->level * NUB_TREE_FANOUT_LOG;
}

const struct nub_hash *
nub_page_tree_page(const struct nub_page_tree *tree, uint32_t i)
{
    while (tree->level > 1) {
        uint32_t below = span(tree->level - 1);

        tree = tree->u.nodes[i / below];
        i %= below;
    }
    return &tree->u.pages[i];
}

/* Frees what nobody refers to any more. Recursion ends after five levels. */
uint64_t
nub_page_tree_free(const struct nub_alloc *alloc, struct nub_page_tree *tree)
{
    uint64_t gone;

    if (!tree || __atomic_sub_fetch(&tree->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return 0;
    gone = node_size(tree->level);
    if (tree->level > 1)
        for (uint32_t i = 0; i < tree->n; i++)
            gone += nub_page_tree_free(alloc, tree->u.nodes[i]);
    nub_free(alloc, tree, node_size(tree->level));
    return gone;
}

/* The node of `like` at a level whose first page is `first`, or NULL. */
static struct nub_page_tree *
node_of_like(const struct nub_tree_source *source, unsigned level, uint32_t first)
{
    struct nub_page_tree *node = (struct nub_page_tree *)source->like;

    if (!node || first >= source->n_like || level > node->level)
        return NULL;
    while (node->level > level) {
        uint32_t below = span(node->level - 1);

        node = node->u.nodes[first / below];
        first %= below;
    }
    return node;
}

static struct nub_page_tree *build(struct nub_tree_source *source, unsigned level, uint32_t first);

static bool
fill(struct nub_tree_source *source, struct nub_page_tree *node, uint32_t first, uint32_t pages)
{
    uint32_t below = span(node->level - 1);

    for (uint32_t at = 0; at < pages; at += below, node->n++) {
        if (node->level == 1)
            source->page_root(source->ctx, first + at, &node->u.pages[node->n]);
        else if (!(node->u.nodes[node->n] = build(source, node->level - 1, first + at)))
            return false;
    }
    return true;
}

void
nub_page_tree_node_root(struct nub_hash *root, const struct nub_hash *children, uint32_t n,
                        unsigned level)
{
    unsigned depth = NUB_SSZ_PAGE_DEPTH + level * NUB_TREE_FANOUT_LOG;

    nub_ssz_nodes_root(root, children, n, depth - NUB_TREE_FANOUT_LOG, depth);
}

static void
hash(struct nub_page_tree *node)
{
    struct nub_hash roots[NUB_TREE_FANOUT];

    if (node->level > 1)
        for (uint32_t i = 0; i < node->n; i++)
            roots[i] = node->u.nodes[i]->root;
    nub_page_tree_node_root(&node->root, node->level > 1 ? roots : node->u.pages, node->n,
                            node->level);
}

/* The node of the new tree at a level whose first page is `first`. */
static struct nub_page_tree *
build(struct nub_tree_source *source, unsigned level, uint32_t first)
{
    uint32_t pages = min(span(level), source->n - first);
    struct nub_page_tree *node = node_of_like(source, level, first);

    if (node && pages == min(span(level), source->n_like - first) &&
        source->same(source->ctx, first, pages)) {
        __atomic_add_fetch(&node->refs, 1, __ATOMIC_RELAXED);
        return node;
    }
    node = nub_alloc(source->alloc, node_size(level));
    if (!node)
        return NULL;
    node->refs = 1;
    node->level = level;
    node->n = 0;
    if (!fill(source, node, first, pages)) {
        source->made -= nub_page_tree_free(source->alloc, node) - node_size(level);
        return NULL;
    }
    hash(node);
    source->made += node_size(level);
    return node;
}

struct nub_page_tree *
nub_page_tree_new(struct nub_tree_source *source)
{
    return build(source, nub_page_tree_height(source->n), 0);
}
