/* store-batch.c - what one transaction writes
 *
 * Collects records and parts with whatever they point to; nothing is written before the end, and
 * then all of it or nothing. What is stored already may be added again: the module skips it.
 */
#define G_LOG_DOMAIN "nub-store"
#include "store-parts-private.h"

#include "cap-private.h"
#include "ssz.h"

void
nub_store_batch_init(NubStoreBatch *self, NubStore *store)
{
    self->store = store;
    self->caps = g_array_new(FALSE, FALSE, sizeof(struct nub_store_cap));
    self->parts = g_array_new(FALSE, FALSE, sizeof(struct nub_store_cap));
    self->owners = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    self->blocks = g_ptr_array_new_with_free_func(g_free);
}

void
nub_store_batch_clear(NubStoreBatch *self)
{
    g_array_unref(self->caps);
    g_array_unref(self->parts);
    g_ptr_array_unref(self->owners);
    g_ptr_array_unref(self->blocks);
}

const guint8 *
nub_store_batch_keep(NubStoreBatch *self, const void *bytes, gsize size)
{
    guint8 *copy = g_memdup2(bytes, size);

    g_ptr_array_add(self->blocks, copy);
    return copy;
}

static void
add_part(NubStoreBatch *self, const NubHash *root, unsigned level, const void *bytes, gsize size)
{
    struct nub_store_cap part = { .wire = { bytes, size } };

    nub_part_name(&part.hash, root, level);
    g_array_append_val(self->parts, part);
}

void
nub_store_batch_add_page(NubStoreBatch *self, const NubHash *root, const guint8 *bytes)
{
    if (!nub_part_is_zero(root, 0))
        add_part(self, root, 0, bytes, nub_part_page_size(bytes));
}

void
nub_store_batch_add_node(NubStoreBatch *self, const NubHash *root, unsigned level,
                         const NubHash *children, guint n)
{
    gsize size = nub_part_n_children(children, n, level) * sizeof *children;

    if (!nub_part_is_zero(root, level))
        add_part(self, root, level, nub_store_batch_keep(self, children, size), size);
}

/* Every page of an Instance. */
static GArray *
list_pages(const struct nub_instance *instance)
{
    GArray *edits = g_array_new(FALSE, FALSE, sizeof(NubPageEdit));

    for (uint32_t i = 0; i < instance->n_overlays; i++) {
        struct nub_overlay overlay;
        nub_instance_overlay(instance, i, &overlay);
        for (uint64_t at = 0; at < overlay.bytes.size; at += NUB_PAGE_SIZE) {
            NubPageEdit edit = { .page = (guint32)((overlay.start + at) / NUB_PAGE_SIZE),
                                 .bytes = overlay.bytes.data + at };
            nub_ssz_page_root(&edit.root, edit.bytes);
            g_array_append_val(edits, edit);
        }
    }
    return edits;
}

gboolean
nub_store_batch_add(NubStoreBatch *self, NubCap *cap, GError **error)
{
    const struct nub_cap *view = nub_cap_view(cap);
    struct nub_store_cap record = { .wire = view->wire };

    nub_cap_get_hash(cap, &record.hash);
    g_ptr_array_add(self->owners, nub_cap_ref(cap));
    if (self->store->ops->get_part && view->kind == NUB_CAP_INSTANCE &&
        view->u.instance.n_overlays > 0) {
        g_autoptr(GArray) edits = list_pages(&view->u.instance);
        guint8 header[NUB_INSTANCE_BARE_SIZE];
        struct nub_instance_spec spec;
        nub_instance_spec(&spec, &view->u.instance);
        nub_instance_encode(header, &spec);
        if (nub_store_batch_add_edited(self, &record.hash, header, NULL,
                                       (const NubPageEdit *)(gpointer)edits->data, edits->len,
                                       error))
            return TRUE;
        nub_store_prefix_hash(error, &record.hash);
        return FALSE;
    }
    g_array_append_val(self->caps, record);
    return TRUE;
}

gboolean
nub_store_batch_write(NubStoreBatch *self, const struct nub_store_name *name, GError **error)
{
    const struct nub_store_batch batch = {
        .struct_size = sizeof batch,
        .n_caps = self->caps->len,
        .caps = (const struct nub_store_cap *)(gpointer)self->caps->data,
        .n_names = name != NULL,
        .names = name,
        .n_parts = self->parts->len,
        .parts = (const struct nub_store_cap *)(gpointer)self->parts->data,
    };

    if (!batch.n_caps && !batch.n_names)
        return TRUE;
    return nub_store_write(self->store, &batch, error);
}
