/* nub/bundle.h - bundle files (.nub): a list of capabilities, referents first
 *
 * The last one is the root, usually the Instance to invoke. nub_kernel_put_bundle() publishes all
 * of them or none. A #NubBundle is refcounted; one thread at a time may add to it, and any number
 * may read it once nobody does.
 */
#ifndef NUB_BUNDLE_H
#define NUB_BUNDLE_H

#include <nub/cap.h>

G_BEGIN_DECLS

/**
 * NubBundle:
 *
 * A list of capabilities. Refcounted.
 *
 * Since: 0.1
 */
typedef struct _NubBundle NubBundle;

#define NUB_TYPE_BUNDLE (nub_bundle_get_type())

NUB_AVAILABLE_IN_0_1
GType nub_bundle_get_type(void);

/**
 * nub_bundle_new:
 *
 * Makes a bundle to be filled, referents first.
 *
 * Returns: (transfer full): an empty bundle.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBundle *nub_bundle_new(void);

/**
 * nub_bundle_new_from_bytes:
 * @file: the content of a bundle file; a reference is kept, nothing is copied
 * @error: %NUB_ERROR_BAD_ENCODING, which names the capability and the field
 *
 * Checks a bundle and every capability in it.
 *
 * Returns: (transfer full): the bundle, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBundle *nub_bundle_new_from_bytes(GBytes *file, GError **error);

/**
 * nub_bundle_load: (constructor)
 * @path: (type filename): a bundle file
 * @error: of %G_FILE_ERROR, or %NUB_ERROR_BAD_ENCODING; both name @path
 *
 * Reads a file and checks it as nub_bundle_new_from_bytes() does.
 *
 * Returns: (transfer full): the bundle, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBundle *nub_bundle_load(const char *path, GError **error);

/**
 * nub_bundle_save:
 * @self: a bundle with at least one capability
 * @path: (type filename): where to write it; an existing file is replaced at once or not at all
 * @error: of %G_FILE_ERROR, or %NUB_ERROR_INVALID_ARGUMENT
 *
 * Writes a bundle to a file.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_bundle_save(NubBundle *self, const char *path, GError **error);

/**
 * nub_bundle_to_bytes:
 * @self: a bundle
 * @error: %NUB_ERROR_INVALID_ARGUMENT: no capability, or more than a bundle can hold
 *
 * Writes a bundle to memory.
 *
 * Returns: (transfer full): the content of a bundle file, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GBytes *nub_bundle_to_bytes(NubBundle *self, GError **error);

/**
 * nub_bundle_ref:
 * @self: a bundle
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBundle *nub_bundle_ref(NubBundle *self);

/**
 * nub_bundle_unref:
 * @self: (transfer full): a bundle
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_bundle_unref(NubBundle *self);

/**
 * nub_bundle_add:
 * @self: a bundle
 * @cap: what to add at the end; a reference is taken
 *
 * What @cap refers to belongs before it. The same capability twice means two puts.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_bundle_add(NubBundle *self, NubCap *cap);

/**
 * nub_bundle_get_n_caps:
 * @self: a bundle
 *
 * Counts its capabilities.
 *
 * Returns: how many capabilities it has.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint nub_bundle_get_n_caps(NubBundle *self);

/**
 * nub_bundle_get_cap:
 * @self: a bundle
 * @index: from 0
 *
 * Gives one of its capabilities.
 *
 * Returns: (transfer none) (nullable): the capability, or %NULL beyond the end.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_bundle_get_cap(NubBundle *self, guint index);

/**
 * nub_bundle_get_root:
 * @self: a bundle
 *
 * Gives the capability that the bundle is about.
 *
 * Returns: (transfer none) (nullable): the last capability, or %NULL when there is none.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_bundle_get_root(NubBundle *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubBundle, nub_bundle_unref)

G_END_DECLS

#endif
