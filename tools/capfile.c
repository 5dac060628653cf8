/* capfile.c - a file with one capability or a bundle of them
 *
 * A bundle begins with its magic, a capability with a selector from 0 to 4: they cannot be mixed
 * up. Everything is checked on loading, as a kernel would, except that referents are there.
 */
#include "capfile.h"

#include "cli.h"

#include <string.h>

#define MAGIC "NUBCAPS1"

static bool
take_bundle(NubCapFile *self, GBytes *bytes, GError **error)
{
    g_autoptr(NubBundle) bundle = nub_bundle_new_from_bytes(bytes, error);

    if (!bundle)
        return false;
    self->is_bundle = true;
    for (guint i = 0; i < nub_bundle_get_n_caps(bundle); i++)
        g_ptr_array_add(self->caps, nub_cap_ref(nub_bundle_get_cap(bundle, i)));
    return true;
}

static bool
take_cap(NubCapFile *self, GBytes *bytes, GError **error)
{
    NubCap *cap = nub_cap_new_from_wire(bytes, error);

    if (cap)
        g_ptr_array_add(self->caps, cap);
    return cap != NULL;
}

NubCapFile *
nub_cap_file_load(const char *file)
{
    g_autoptr(GBytes) bytes = nub_cli_read(file);
    g_autoptr(NubCapFile) self = g_new0(NubCapFile, 1);
    GError *error = NULL;

    self->caps = g_ptr_array_new_with_free_func((GDestroyNotify)nub_cap_unref);
    if (!bytes)
        return NULL;
    const guint8 *data = g_bytes_get_data(bytes, &self->size);
    bool is_bundle = self->size >= strlen(MAGIC) && data && memcmp(data, MAGIC, strlen(MAGIC)) == 0;
    if (self->size && data[0] > NUB_CAP_KIND_TYPE && !is_bundle) {
        nub_cli_fail("%s: neither a bundle nor a capability", file);
        return NULL;
    }
    if (!(is_bundle ? take_bundle : take_cap)(self, bytes, &error)) {
        g_prefix_error(&error, "%s: ", file);
        nub_cli_fail_error(error);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
nub_cap_file_free(NubCapFile *self)
{
    g_ptr_array_unref(self->caps);
    g_free(self);
}
