/* store-tree.c - the outline and the parts of an Instance, made from those of another
 *
 * The trees of the new Instance are built from the top: a node whose pages are all the base's, in
 * the same place of the same overlay, is taken over by its root without being read; so only paths
 * to what changed are read, hashed and written. An overlay that begins elsewhere than any of the
 * base's has no node in common with it: its nodes are made anew from the roots of pages. core/model
 * does the same in memory (page-tree.h); here nodes are in the store. Pages are visited in
 * ascending order, which makes looking up edits and the base's roots a matter of stepping on.
 */
#define G_LOG_DOMAIN "nub-store"
#include "store-parts-private.h"

#include "cap-private.h"
#include "error-private.h"
#include "ssz.h"
#include <string.h>

#define LEVELS 6 /* a page, and five above it: the whole address space */

/* A node of the base that stands where one of the new tree will. */
typedef struct {
    NubHash root;
    unsigned level;
    guint32 n_pages;
} NubLike;

/* A node of the base that was read last at its level. */
typedef struct {
    guint32 page;    /* its first */
    guint32 n_pages; /* 0: none */
    NubHash children[NUB_TREE_FANOUT];
} NubLastRead;

typedef struct {
    NubStoreBatch *batch;
    const struct nub_outline *base; /* NULL: none */
    const NubPageEdit *edits;
    guint n_edits;
    guint next;                  /* edit */
    guint next_run;              /* of the base */
    struct nub_outline_run old;  /* the base's run that was looked at last */
    NubLastRead last[LEVELS];    /* in `old` */
    struct nub_outline_run *run; /* the one that is made */
} NubTreeMaker;

/* ---- which pages there are ----------------------------------------------------------------- */

static void
add_pages(GArray *runs, guint32 page, guint32 n_pages)
{
    struct nub_outline_run *last =
        runs->len ? &g_array_index(runs, struct nub_outline_run, runs->len - 1) : NULL;
    struct nub_outline_run run = { .page = page, .n_pages = n_pages };

    if (!n_pages)
        return;
    if (last && last->page + last->n_pages == page)
        last->n_pages += n_pages;
    else
        g_array_append_val(runs, run);
}

/* The runs of the new Instance, without roots. */
static GArray *
list_runs(const struct nub_outline *base, const NubPageEdit *edits, guint n_edits)
{
    GArray *runs = g_array_new(FALSE, FALSE, sizeof(struct nub_outline_run));
    guint next = 0;

    for (uint32_t i = 0; base && i < base->n_runs; i++) {
        struct nub_outline_run old;
        guint32 end;
        nub_outline_run(base, i, &old);
        end = old.page + old.n_pages;
        for (; next < n_edits && edits[next].page < end; next++) {
            guint32 page = edits[next].page;
            if (page < old.page) {
                add_pages(runs, page, edits[next].bytes != NULL);
            } else if (!edits[next].bytes) {
                add_pages(runs, old.page, page - old.page);
                old.page = page + 1;
            }
        }
        add_pages(runs, old.page, end - old.page);
    }
    for (; next < n_edits; next++)
        add_pages(runs, edits[next].page, edits[next].bytes != NULL);
    return runs;
}

/* ---- what the base has --------------------------------------------------------------------- */

/* Steps on to the base's run that holds a page, which one does. */
static void
find_old_run(NubTreeMaker *self, guint32 page)
{
    while (self->next_run == 0 || page >= self->old.page + self->old.n_pages) {
        nub_outline_run(self->base, self->next_run++, &self->old);
        for (guint level = 0; level < LEVELS; level++)
            self->last[level].n_pages = 0;
    }
}

/* The root of one of the base's pages; nodes on the way to it stay at hand. */
static gboolean
old_page_root(NubTreeMaker *self, guint32 page, NubHash *root, GError **error)
{
    guint32 in_run, first = 0, n_pages;

    find_old_run(self, page);
    in_run = page - self->old.page;
    *root = self->old.root;
    n_pages = self->old.n_pages;
    for (unsigned level = nub_page_tree_height(n_pages); level > 0; level--) {
        guint32 below = nub_page_tree_span(level - 1), child;
        NubLastRead *last = &self->last[level];
        if (!last->n_pages || last->page != first) {
            last->n_pages = 0;
            if (!nub_store_read_node(self->batch->store, root, level, n_pages, last->children,
                                     error))
                return FALSE;
            last->page = first;
            last->n_pages = n_pages;
        }
        child = (in_run - first) / below;
        *root = last->children[child];
        first += child * below;
        n_pages = MIN(below, n_pages - child * below);
    }
    return TRUE;
}

/* The base's run that begins at a page. */
static gboolean
find_like(const struct nub_outline *base, guint32 page, NubLike *like)
{
    guint low = 0, high = base ? base->n_runs : 0;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        struct nub_outline_run run;
        nub_outline_run(base, middle, &run);
        if (run.page == page) {
            *like = (NubLike){ run.root, nub_page_tree_height(run.n_pages), run.n_pages };
            return TRUE;
        }
        if (run.page < page)
            low = middle + 1;
        else
            high = middle;
    }
    return FALSE;
}

/* ---- trees --------------------------------------------------------------------------------- */

/* Whether no page of [first, first + n) of the run is edited. */
static gboolean
is_untouched(NubTreeMaker *self, guint32 first, guint32 n)
{
    guint32 page = self->run->page + first;

    while (self->next < self->n_edits && self->edits[self->next].page < page)
        self->next++;
    return self->next == self->n_edits || self->edits[self->next].page - page >= n;
}

static gboolean
make_page(NubTreeMaker *self, guint32 page, NubHash *root, GError **error)
{
    const NubPageEdit *edit = self->next < self->n_edits ? &self->edits[self->next] : NULL;

    if (!edit || edit->page != page)
        return old_page_root(self, page, root, error);
    *root = edit->root;
    nub_store_batch_add_page(self->batch, root, edit->bytes);
    return TRUE;
}

/* The node of the new run at a level whose first page is `first`; `like` may be NULL. */
static gboolean
make_node(NubTreeMaker *self, unsigned level, guint32 first, const NubLike *like, NubHash *root,
          GError **error)
{
    guint32 n_pages = MIN(nub_page_tree_span(level), self->run->n_pages - first), below;
    NubHash children[NUB_TREE_FANOUT], old[NUB_TREE_FANOUT];
    guint n = 0, n_old = 0;

    if (is_untouched(self, first, n_pages) && like && like->level == level &&
        like->n_pages == n_pages) {
        *root = like->root;
        return TRUE;
    }
    if (level == 0)
        return make_page(self, self->run->page + first, root, error);
    below = nub_page_tree_span(level - 1);
    if (like && like->level == level) {
        n_old =
            nub_store_read_node(self->batch->store, &like->root, level, like->n_pages, old, error);
        if (!n_old)
            return FALSE;
    }
    for (guint32 at = 0; at < n_pages; at += below, n++) {
        NubLike child = { .level = level - 1 };
        const NubLike *child_like = NULL;
        if (n < n_old) {
            child.root = old[n];
            child.n_pages = MIN(below, like->n_pages - at);
            child_like = &child;
        } else if (n == 0 && like && like->level < level) {
            child_like = like; /* the base's tree is lower */
        }
        if (!make_node(self, level - 1, first + at, child_like, &children[n], error))
            return FALSE;
    }
    nub_page_tree_node_root(root, children, n, level);
    nub_store_batch_add_node(self->batch, root, level, children, n);
    return TRUE;
}

static gboolean
make_run(NubTreeMaker *self, struct nub_outline_run *run, GError **error)
{
    unsigned level = nub_page_tree_height(run->n_pages);
    NubHash children[NUB_TREE_FANOUT];
    NubLike like;
    gboolean is_like = find_like(self->base, run->page, &like);

    self->run = run;
    while (is_like && like.level > level) { /* the base's tree is higher: go down to its first */
        if (!nub_store_read_node(self->batch->store, &like.root, like.level, like.n_pages, children,
                                 error))
            return FALSE;
        like.level--;
        like.root = children[0];
        like.n_pages = MIN(like.n_pages, nub_page_tree_span(like.level));
    }
    return make_node(self, level, 0, is_like ? &like : NULL, &run->root, error);
}

/* ---- the record ---------------------------------------------------------------------------- */

static gboolean
check_hash(const NubHash *real, const NubHash *hash, GError **error)
{
    g_autofree char *text = NULL;

    if (nub_hash_equals(real, hash))
        return TRUE;
    text = nub_hash_to_string(real);
    nub_error_set_hash(error, NUB_ERROR_HASH_MISMATCH, hash, "header and pages give the hash %s",
                       text);
    return FALSE;
}

static gboolean
add_record(NubStoreBatch *self, const NubHash *hash, const guint8 *header, const GArray *runs,
           GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_store_cap entry = { .hash = *hash };
    gsize size = runs->len ? nub_outline_size(runs->len) : NUB_INSTANCE_BARE_SIZE;
    guint8 *record = g_malloc(size);
    struct nub_outline outline;
    struct nub_cap bare;
    enum nub_status status;
    NubHash real;

    g_ptr_array_add(self->blocks, record);
    entry.wire = (struct nub_slice){ record, size };
    if (runs->len) {
        nub_outline_encode(record, header, (const struct nub_outline_run *)(gpointer)runs->data,
                           runs->len);
        status = nub_outline_decode(&outline, entry.wire, &failure);
        if (status == NUB_OK)
            nub_outline_hash(&real, &outline);
    } else {
        memcpy(record, header, size);
        status = nub_cap_decode(&bare, entry.wire, &failure);
        if (status == NUB_OK)
            nub_cap_hash(&real, &bare);
    }
    if (status != NUB_OK) {
        nub_error_set_failure(error, NULL, NULL, status, &failure);
        return FALSE;
    }
    g_array_append_val(self->caps, entry);
    return check_hash(&real, hash, error);
}

gboolean
nub_store_batch_add_edited(NubStoreBatch *self, const NubHash *hash,
                           const guint8 header[NUB_INSTANCE_BARE_SIZE],
                           const struct nub_outline *base, const NubPageEdit *edits, guint n_edits,
                           GError **error)
{
    g_autoptr(GArray) runs = list_runs(base, edits, n_edits);
    NubTreeMaker maker = { .batch = self, .base = base, .edits = edits, .n_edits = n_edits };

    for (guint i = 0; i < runs->len; i++)
        if (!make_run(&maker, &g_array_index(runs, struct nub_outline_run, i), error)) {
            g_prefix_error(error, "store: ");
            return FALSE;
        }
    return add_record(self, hash, header, runs, error);
}
