/* store-read.c - what comes out of a store: records and parts, each checked against its name
 *
 * A store's files may be damaged or somebody else's, so nothing here is believed: an outline is
 * checked against the hash that was asked for, a part against the root that what mentions it gives.
 * Numbers of pages come from outlines that passed, so that they bound all work and memory.
 */
#define G_LOG_DOMAIN "nub-store"
#include "store-parts-private.h"

#include "cap-private.h"
#include "error-private.h"
#include "kernel-private.h"
#include "ssz.h"
#include <string.h>

void
nub_store_prefix_hash(GError **error, const NubHash *hash)
{
    g_autofree char *text = nub_hash_to_string(hash);

    g_prefix_error(error, "store: %s: ", text);
}

/* ---- records ------------------------------------------------------------------------------- */

static gboolean
has_hash(const NubHash *real, const NubHash *hash, GError **error)
{
    if (nub_hash_equals(real, hash))
        return TRUE;
    nub_error_set_hash(error, NUB_ERROR_HASH_MISMATCH, hash, "the bytes have another hash");
    return FALSE;
}

static gboolean
decode(NubStored *self, const NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_slice record;
    gsize size = 0;
    NubHash real;
    enum nub_status status;

    record.data = g_bytes_get_data(self->record, &size);
    record.size = size;
    if (!nub_is_outline(record)) {
        self->cap = nub_cap_new_from_wire(self->record, error);
        if (!self->cap)
            return FALSE;
        nub_cap_get_hash(self->cap, &real);
        return has_hash(&real, hash, error);
    }
    status = nub_outline_decode(&self->outline, record, &failure);
    if (status != NUB_OK) {
        nub_error_set_failure(error, NULL, NULL, status, &failure);
        return FALSE;
    }
    nub_outline_hash(&real, &self->outline);
    return has_hash(&real, hash, error);
}

gboolean
nub_stored_load(NubStored *self, NubStore *store, const NubHash *hash, GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_bytes bytes = { 0 };
    int32_t status = store->ops->get(store->store, hash, &bytes, &failure);

    memset(self, 0, sizeof *self);
    if (!nub_store_check(store, "get", status, &failure, error))
        return FALSE;
    self->record = nub_bytes_take(G_OBJECT(store), &bytes);
    if (decode(self, hash, error))
        return TRUE;
    nub_store_prefix_hash(error, hash);
    nub_stored_clear(self);
    return FALSE;
}

void
nub_stored_clear(NubStored *self)
{
    g_clear_pointer(&self->cap, nub_cap_unref);
    g_clear_pointer(&self->record, g_bytes_unref);
}

const struct nub_cap *
nub_stored_view(const NubStored *self)
{
    return self->cap ? nub_cap_view(self->cap) : &self->outline.header;
}

/* ---- parts --------------------------------------------------------------------------------- */

/* The record of a part; `release` it. */
static gboolean
get_part(NubStore *self, const NubHash *root, unsigned level, struct nub_bytes *bytes,
         GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    int32_t status;
    NubHash name;

    if (!self->ops->get_part) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED,
                    "the store's module keeps no parts, of which this Instance consists");
        return FALSE;
    }
    nub_part_name(&name, root, level);
    status = self->ops->get_part(self->store, &name, bytes, &failure);
    if (status != NUB_OK)
        nub_error_set_failure(error, NULL, NULL, status, &failure);
    return status == NUB_OK;
}

static gboolean
check_part(struct nub_bytes *bytes, enum nub_status status, const struct nub_failure *failure,
           GError **error)
{
    if (bytes->release)
        bytes->release(bytes);
    if (status != NUB_OK)
        nub_error_set_failure(error, NULL, NULL, status, failure);
    return status == NUB_OK;
}

guint
nub_store_read_node(NubStore *self, const NubHash *root, unsigned level, guint32 n_pages,
                    NubHash children[NUB_TREE_FANOUT], GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_bytes bytes = { 0 };
    guint32 below = nub_page_tree_span(level - 1), n = (n_pages + below - 1) / below;
    enum nub_status status;

    if (nub_part_is_zero(root, level)) {
        for (guint i = 0; i < n; i++)
            children[i] =
                *nub_ssz_zero_hash(NUB_SSZ_PAGE_DEPTH + (level - 1) * NUB_TREE_FANOUT_LOG);
        return n;
    }
    if (!get_part(self, root, level, &bytes, error))
        return 0;
    status = nub_part_decode_node(children, n, level, (struct nub_slice){ bytes.data, bytes.size },
                                  root, &failure);
    return check_part(&bytes, status, &failure, error) ? n : 0;
}

static gboolean
read_page(NubStore *self, const NubHash *root, guint8 page[NUB_PAGE_SIZE], GError **error)
{
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_bytes bytes = { 0 };
    enum nub_status status;

    if (nub_part_is_zero(root, 0)) {
        memset(page, 0, NUB_PAGE_SIZE);
        return TRUE;
    }
    if (!get_part(self, root, 0, &bytes, error))
        return FALSE;
    status =
        nub_part_decode_page(page, (struct nub_slice){ bytes.data, bytes.size }, root, &failure);
    return check_part(&bytes, status, &failure, error);
}

static gboolean
visit_page(NubStore *self, const NubHash *root, const NubPartVisitor *visitor, GError **error)
{
    guint8 page[NUB_PAGE_SIZE];

    if (!visitor->page)
        return TRUE;
    if (!read_page(self, root, page, error))
        return FALSE;
    visitor->page(visitor->ctx, page);
    return TRUE;
}

/* A node over `n_pages` pages. No deeper than a tree is high. */
static gboolean
walk(NubStore *self, const NubHash *root, unsigned level, guint32 n_pages,
     const NubPartVisitor *visitor, GError **error)
{
    NubHash children[NUB_TREE_FANOUT];
    guint32 below;
    guint n;

    if (visitor->enter && !visitor->enter(visitor->ctx, root, level))
        return TRUE;
    if (level == 0)
        return visit_page(self, root, visitor, error);
    n = nub_store_read_node(self, root, level, n_pages, children, error);
    below = nub_page_tree_span(level - 1);
    for (guint i = 0; i < n; i++)
        if (!walk(self, &children[i], level - 1, MIN(below, n_pages - i * below), visitor, error))
            return FALSE;
    return n != 0;
}

gboolean
nub_store_walk_run(NubStore *self, const struct nub_outline_run *run, const NubPartVisitor *visitor,
                   GError **error)
{
    return walk(self, &run->root, nub_page_tree_height(run->n_pages), run->n_pages, visitor, error);
}

gboolean
nub_store_walk_parts(NubStore *self, const struct nub_outline *outline,
                     const NubPartVisitor *visitor, GError **error)
{
    struct nub_outline_run run;

    for (uint32_t i = 0; i < outline->n_runs; i++) {
        nub_outline_run(outline, i, &run);
        if (!nub_store_walk_run(self, &run, visitor, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- whole capabilities -------------------------------------------------------------------- */

static void
copy_page(gpointer ctx, const guint8 *bytes)
{
    guint8 **to = ctx;

    memcpy(*to, bytes, NUB_PAGE_SIZE);
    *to += NUB_PAGE_SIZE;
}

static gboolean
copy_pages(NubStore *store, const struct nub_outline *outline, guint8 *to, GError **error)
{
    const NubPartVisitor visitor = { .ctx = &to, .page = copy_page };
    struct nub_outline_run run;

    for (uint32_t i = 0; i < outline->n_runs; i++, to += NUB_OUTLINE_GAP) {
        nub_outline_run(outline, i, &run);
        if (!nub_store_walk_run(store, &run, &visitor, error))
            return FALSE;
    }
    return TRUE;
}

NubCap *
nub_stored_assemble(const NubStored *self, NubStore *store, const NubHash *hash, GError **error)
{
    g_autoptr(GBytes) bytes = NULL;
    guint8 *wire;

    if (self->cap)
        return nub_cap_ref(self->cap);
    wire = nub_cap_alloc_wire(self->outline.wire_size, error);
    if (!wire)
        return NULL;
    bytes = g_bytes_new_take(wire, self->outline.wire_size);
    if (!copy_pages(store, &self->outline, wire + nub_outline_wire(wire, &self->outline), error)) {
        nub_store_prefix_hash(error, hash);
        return NULL;
    }
    return nub_cap_new_hashed(bytes, hash, error);
}
