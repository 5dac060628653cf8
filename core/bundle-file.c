/* bundle-file.c - bundles: reading, checking and writing .nub files
 *
 * The format is core/model/bundle.h's; here it gets files, owners and GErrors. A bundle that was
 * read has only valid capabilities. A file is copied into memory rather than mapped: somebody else
 * may shorten it. See <nub/bundle.h>.
 */
#include "bundle.h"

#include "error-private.h"
#include <nub/bundle.h>

struct _NubBundle {
    GPtrArray *caps; /* (element-type NubCap) */
};

G_DEFINE_BOXED_TYPE(NubBundle, nub_bundle, nub_bundle_ref, nub_bundle_unref)

NubBundle *
nub_bundle_new(void)
{
    NubBundle *self = g_atomic_rc_box_new0(NubBundle);

    self->caps = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    return self;
}

NubBundle *
nub_bundle_ref(NubBundle *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
bundle_clear(gpointer data)
{
    NubBundle *self = data;

    g_ptr_array_unref(self->caps);
}

void
nub_bundle_unref(NubBundle *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, bundle_clear);
}

void
nub_bundle_add(NubBundle *self, NubCap *cap)
{
    g_return_if_fail(self && cap);
    g_ptr_array_add(self->caps, nub_cap_ref(cap));
}

guint
nub_bundle_get_n_caps(NubBundle *self)
{
    g_return_val_if_fail(self, 0);
    return self->caps->len;
}

NubCap *
nub_bundle_get_cap(NubBundle *self, guint index)
{
    g_return_val_if_fail(self, NULL);
    return index < self->caps->len ? self->caps->pdata[index] : NULL;
}

NubCap *
nub_bundle_get_root(NubBundle *self)
{
    g_return_val_if_fail(self, NULL);
    return self->caps->len ? self->caps->pdata[self->caps->len - 1] : NULL;
}

NubBundle *
nub_bundle_new_from_bytes(GBytes *file, GError **error)
{
    g_autoptr(NubBundle) self = NULL;
    struct nub_failure failure = NUB_FAILURE_INIT;
    struct nub_bundle bundle;
    gsize size = 0;
    const uint8_t *data;
    enum nub_status status;

    g_return_val_if_fail(file, NULL);
    data = g_bytes_get_data(file, &size);
    status = nub_bundle_decode(&bundle, (struct nub_slice){ data, size }, &failure);
    if (status != NUB_OK) {
        nub_error_set_failure(error, NULL, NULL, status, &failure);
        return NULL;
    }
    self = nub_bundle_new();
    for (uint32_t i = 0; i < bundle.n_caps; i++) {
        struct nub_slice wire = nub_bundle_cap(&bundle, i);
        g_autoptr(GBytes) bytes = NULL;
        NubCap *cap;
        bytes = wire.size ? g_bytes_new_from_bytes(file, (gsize)(wire.data - data), wire.size)
                          : g_bytes_new(NULL, 0);
        cap = nub_cap_new_from_wire(bytes, error);
        if (!cap) {
            g_prefix_error(error, "capability %u of %u: ", i + 1, bundle.n_caps);
            return NULL;
        }
        g_ptr_array_add(self->caps, cap);
    }
    return g_steal_pointer(&self);
}

NubBundle *
nub_bundle_load(const char *path, GError **error)
{
    g_autoptr(GBytes) file = NULL;
    g_autoptr(NubBundle) self = NULL;
    char *content = NULL;
    gsize size = 0;

    g_return_val_if_fail(path, NULL);
    if (!g_file_get_contents(path, &content, &size, error))
        return NULL;
    file = g_bytes_new_take(content, size);
    self = nub_bundle_new_from_bytes(file, error);
    if (!self)
        g_prefix_error(error, "%s: ", path);
    return g_steal_pointer(&self);
}

GBytes *
nub_bundle_to_bytes(NubBundle *self, GError **error)
{
    g_autofree struct nub_slice *slices = NULL;
    uint64_t size;
    uint8_t *file;

    g_return_val_if_fail(self, NULL);
    if (!self->caps->len || self->caps->len > 1u << 20) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "a bundle has 1 to 2^20 capabilities, not %u", self->caps->len);
        return NULL;
    }
    slices = g_new(struct nub_slice, self->caps->len);
    for (guint i = 0; i < self->caps->len; i++) {
        gsize wire_size = 0;
        slices[i].data = g_bytes_get_data(nub_cap_get_wire(self->caps->pdata[i]), &wire_size);
        slices[i].size = wire_size;
    }
    size = nub_bundle_size(slices, self->caps->len);
    if (size > G_MAXUINT32) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "%" G_GUINT64_FORMAT " bytes are more than a bundle can have", size);
        return NULL;
    }
    file = g_try_malloc(size);
    if (!file) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_NO_MEMORY,
                    "no memory for a bundle of %" G_GUINT64_FORMAT " bytes", size);
        return NULL;
    }
    nub_bundle_encode(file, slices, self->caps->len);
    return g_bytes_new_take(file, size);
}

gboolean
nub_bundle_save(NubBundle *self, const char *path, GError **error)
{
    g_autoptr(GBytes) file = NULL;
    const char *content;
    gsize size = 0;

    g_return_val_if_fail(self && path, FALSE);
    file = nub_bundle_to_bytes(self, error);
    if (!file)
        return FALSE;
    content = g_bytes_get_data(file, &size);
    return g_file_set_contents(path, content, (gssize)size, error);
}
