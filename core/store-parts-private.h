/* store-parts-private.h - what a store keeps: records, their parts, and what a transaction writes
 *
 * An Instance that has pages of its own is kept as an outline and parts (core/model/outline.h), so
 * that the successor of a run shares with its base whatever the run did not touch. Everything else,
 * and everything in a store module without parts, is kept in wire form. Nobody outside the files of
 * the store knows the difference.
 */
#ifndef NUB_STORE_PARTS_PRIVATE_H
#define NUB_STORE_PARTS_PRIVATE_H

#include "outline.h"
#include "store-private.h"

/* ---- store-read.c: out of the store, checked against names --------------------------------- */

/** What is stored under a hash: a capability in wire form, or the outline of an Instance. */
typedef struct {
    GBytes *record;             /* (owned) */
    NubCap *cap;                /* (owned) (nullable): NULL for an outline */
    struct nub_outline outline; /* points into the record */
} NubStored;

/** Says of which capability an error is. */
void nub_store_prefix_hash(GError **error, const NubHash *hash);
gboolean nub_stored_load(NubStored *self, NubStore *store, const NubHash *hash, GError **error);
void nub_stored_clear(NubStored *self);
/** The capability; its pages are missing when it is an outline. */
const struct nub_cap *nub_stored_view(const NubStored *self);
/** The capability, whole. */
NubCap *nub_stored_assemble(const NubStored *self, NubStore *store, const NubHash *hash, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubStored, nub_stored_clear)

/** The children of a node over `n_pages` pages; answers how many there are, 0 with `error` set. */
guint nub_store_read_node(NubStore *self, const NubHash *root, unsigned level, guint32 n_pages, NubHash children[NUB_TREE_FANOUT], GError **error);

/** Who walks over the parts of an Instance. */
typedef struct {
    gpointer ctx;
    /** (nullable): each part; FALSE: do not go on below it */
    gboolean (*enter)(gpointer ctx, const NubHash *root, unsigned level);
    /** (nullable): the bytes of each page, ascending */
    void (*page)(gpointer ctx, const guint8 *bytes);
} NubPartVisitor;

gboolean nub_store_walk_run(NubStore *self, const struct nub_outline_run *run, const NubPartVisitor *visitor, GError **error);
gboolean nub_store_walk_parts(NubStore *self, const struct nub_outline *outline, const NubPartVisitor *visitor, GError **error);

/* ---- store-batch.c: what one transaction writes -------------------------------------------- */

typedef struct {
    NubStore *store;
    GArray *caps, *parts; /* struct nub_store_cap, pointing into what follows */
    GPtrArray *owners;    /* (owned) NubCap */
    GPtrArray *blocks;    /* (owned) memory */
} NubStoreBatch;

void nub_store_batch_init(NubStoreBatch *self, NubStore *store);
void nub_store_batch_clear(NubStoreBatch *self);
/** A copy that lives as long as the batch. */
const guint8 *nub_store_batch_keep(NubStoreBatch *self, const void *bytes, gsize size);
/** HASH_MISMATCH when the capability of an Instance has another hash than it says. */
gboolean nub_store_batch_add(NubStoreBatch *self, NubCap *cap, GError **error);
/** Parts; zeros are left out. The page's bytes live as long as the batch. */
void nub_store_batch_add_page(NubStoreBatch *self, const NubHash *root, const guint8 *bytes);
void nub_store_batch_add_node(NubStoreBatch *self, const NubHash *root, unsigned level, const NubHash *children, guint n);
/** `name` may be NULL. */
gboolean nub_store_batch_write(NubStoreBatch *self, const struct nub_store_name *name, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubStoreBatch, nub_store_batch_clear)

/* ---- store-tree.c: an Instance made of another --------------------------------------------- */

/** A page that is not as in the base. */
typedef struct {
    guint32 page;
    const guint8 *bytes; /* NULL: no overlay any more. Lives as long as the batch */
    NubHash root;
} NubPageEdit;

/**
 * Adds to a batch the Instance that has `header` (its wire form without overlays) and the pages of `base` (NULL:
 * none) with the edits, sorted by page. HASH_MISMATCH when that is not the Instance of this hash.
 */
gboolean nub_store_batch_add_edited(NubStoreBatch *self, const NubHash *hash, const guint8 header[NUB_INSTANCE_BARE_SIZE], const struct nub_outline *base, const NubPageEdit *edits, guint n_edits, GError **error);

#endif
