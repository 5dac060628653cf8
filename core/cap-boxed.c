/* cap-boxed.c - NubCap: wire bytes that have passed every check, with their owner
 *
 * Decoding happens once, when the object is made; the view of core/model points into the bytes, so
 * that readers check nothing again. The hash is computed when it is first wanted: a cap that is
 * only put by its known hash is never hashed here. See <nub/cap.h>; builders are in cap-build.c.
 */
#include "cap-private.h"

#include "error-private.h"
#include <string.h>

struct _NubCap {
    GBytes *wire; /* (owned) */
    struct nub_cap view;
    GMutex lock;
    gboolean hashed; /* (atomic): `hash` is valid. Written under the lock */
    NubHash hash;
};

G_DEFINE_BOXED_TYPE(NubCap, nub_cap, nub_cap_ref, nub_cap_unref)

G_STATIC_ASSERT((int)NUB_CAP_KIND_INSTANCE == (int)NUB_CAP_INSTANCE);
G_STATIC_ASSERT((int)NUB_CAP_KIND_TYPE == (int)NUB_CAP_TYPE);

NubCap *
nub_cap_ref(NubCap *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
cap_clear(gpointer data)
{
    NubCap *self = data;

    g_bytes_unref(self->wire);
    g_mutex_clear(&self->lock);
}

void
nub_cap_unref(NubCap *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, cap_clear);
}

NubCap *
nub_cap_new_from_wire(GBytes *wire, GError **error)
{
    g_autoptr(NubCap) self = NULL;
    struct nub_failure failure = NUB_FAILURE_INIT;
    gsize size = 0;
    const uint8_t *data;
    enum nub_status status;

    g_return_val_if_fail(wire, NULL);
    data = g_bytes_get_data(wire, &size);
    self = g_atomic_rc_box_new0(NubCap);
    g_mutex_init(&self->lock);
    self->wire = g_bytes_ref(wire);
    status = nub_cap_decode(&self->view, (struct nub_slice){ data, size }, &failure);
    if (status == NUB_OK)
        return g_steal_pointer(&self);
    nub_error_set_failure(error, NULL, NULL, status, &failure);
    return NULL;
}

NubCap *
nub_cap_new_hashed(GBytes *wire, const NubHash *hash, GError **error)
{
    NubCap *self = nub_cap_new_from_wire(wire, error);

    if (self) {
        self->hash = *hash;
        self->hashed = TRUE;
    }
    return self;
}

NubCap *
nub_cap_new_take(uint8_t *wire, gsize size, GError **error)
{
    g_autoptr(GBytes) bytes = g_bytes_new_take(wire, size);

    return nub_cap_new_from_wire(bytes, error);
}

uint8_t *
nub_cap_alloc_wire(guint64 size, GError **error)
{
    uint8_t *wire;

    if (size > G_MAXUINT32) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "%" G_GUINT64_FORMAT " bytes are more than a capability can have", size);
        return NULL;
    }
    wire = g_try_malloc(size);
    if (!wire)
        g_set_error(error, NUB_ERROR, NUB_ERROR_NO_MEMORY,
                    "no memory for a capability of %" G_GUINT64_FORMAT " bytes", size);
    return wire;
}

const struct nub_cap *
nub_cap_view(NubCap *self)
{
    return &self->view;
}

NubCapKind
nub_cap_get_kind(NubCap *self)
{
    g_return_val_if_fail(self, NUB_CAP_KIND_DATA);
    return (NubCapKind)self->view.kind;
}

void
nub_cap_get_hash(NubCap *self, NubHash *hash)
{
    g_return_if_fail(self && hash);
    if (!g_atomic_int_get(&self->hashed)) {
        g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&self->lock);
        if (!self->hashed)
            nub_cap_hash(&self->hash, &self->view);
        g_atomic_int_set(&self->hashed, TRUE);
    }
    *hash = self->hash;
}

GBytes *
nub_cap_get_wire(NubCap *self)
{
    g_return_val_if_fail(self, NULL);
    return self->wire;
}

GBytes *
nub_cap_dup_content(NubCap *self)
{
    const uint8_t *begin;
    struct nub_slice content;

    g_return_val_if_fail(self, NULL);
    if (self->view.kind == NUB_CAP_DATA)
        content = self->view.u.data;
    else if (self->view.kind == NUB_CAP_IMAGE)
        content = self->view.u.image.code;
    else
        return NULL;
    if (!content.size)
        return g_bytes_new(NULL, 0);
    begin = g_bytes_get_data(self->wire, NULL);
    return g_bytes_new_from_bytes(self->wire, (gsize)(content.data - begin), content.size);
}

static bool
append_reference(void *ctx, const struct nub_hash *hash)
{
    g_ptr_array_add(ctx, nub_hash_copy(hash));
    return true;
}

GPtrArray *
nub_cap_list_references(NubCap *self)
{
    GPtrArray *hashes;

    g_return_val_if_fail(self, NULL);
    hashes = g_ptr_array_new_with_free_func((GDestroyNotify)nub_hash_free);
    nub_cap_each_reference(&self->view, append_reference, hashes);
    return hashes;
}

NubSlot *
nub_cap_list_slots(NubCap *self, gsize *n_slots)
{
    const struct nub_slots *entries;
    NubSlot *slots;

    g_return_val_if_fail(self && n_slots, NULL);
    *n_slots = 0;
    if (self->view.kind != NUB_CAP_CNODE || !self->view.u.cnode.entries.n)
        return NULL;
    entries = &self->view.u.cnode.entries;
    slots = g_new(NubSlot, entries->n);
    for (uint32_t i = 0; i < entries->n; i++)
        slots[i].slot = nub_slots_at(entries, i, &slots[i].cap);
    *n_slots = entries->n;
    return slots;
}

gboolean
nub_cap_get_image(NubCap *self, NubHash *image)
{
    g_return_val_if_fail(self && image, FALSE);
    *image = (NubHash){ { 0 } };
    if (self->view.kind != NUB_CAP_INSTANCE)
        return FALSE;
    *image = *self->view.u.instance.image;
    return TRUE;
}

gboolean
nub_cap_is_paused(NubCap *self)
{
    g_return_val_if_fail(self, FALSE);
    return self->view.kind == NUB_CAP_INSTANCE && self->view.u.instance.phase == 1;
}

guint32
nub_cap_get_n_endpoints(NubCap *self)
{
    g_return_val_if_fail(self, 0);
    return self->view.kind == NUB_CAP_IMAGE ? self->view.u.image.n_endpoints : 0;
}

const char *
nub_cap_kind_to_string(NubCapKind kind)
{
    return nub_cap_kind_name((enum nub_cap_kind)kind);
}
