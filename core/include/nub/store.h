/* nub/store.h - the store: capabilities and heads that outlive the process
 *
 * A registry opens the store that its configuration names once, and every kernel of the registry
 * writes through to it: what is put or committed is stored before the call returns, and the head
 * moves with it. A capability that a kernel does not hold is taken from the store. This is the
 * store itself, for tools. Errors are of %NUB_ERROR; a call that fails has changed nothing. All
 * functions may be called from any thread.
 */
#ifndef NUB_STORE_H
#define NUB_STORE_H

#include <gio/gio.h>
#include <nub/bundle.h>

G_BEGIN_DECLS

#define NUB_TYPE_STORE (nub_store_get_type())

/**
 * NubStore:
 *
 * An opened store. Got from nub_registry_get_store().
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(NubStore, nub_store, NUB, STORE, GObject)

/**
 * nub_store_contains:
 * @self: a store
 * @hash: of a capability
 * @present: (out): whether it is stored
 * @error: in %NUB_ERROR
 *
 * Asks whether a capability is stored.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_contains(NubStore *self, const NubHash *hash, gboolean *present, GError **error);

/**
 * nub_store_get_cap:
 * @self: a store
 * @hash: of a capability
 * @error: %NUB_ERROR_NOT_FOUND; %NUB_ERROR_BAD_ENCODING and %NUB_ERROR_HASH_MISMATCH when the store is damaged
 *
 * What comes out of the store is checked against its name.
 *
 * Returns: (transfer full): the capability, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_store_get_cap(NubStore *self, const NubHash *hash, GError **error);

/**
 * nub_store_describe_cap:
 * @self: a store
 * @hash: of a capability
 * @kind: (out) (optional): its kind
 * @size: (out) (optional): bytes of its wire form
 * @error: as nub_store_get_cap()
 *
 * Checks what it reads against the name, and reads no pages of an Instance.
 *
 * Returns: %TRUE, or %FALSE with @error set. Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_describe_cap(NubStore *self, const NubHash *hash, NubCapKind *kind, guint64 *size, GError **error);

/**
 * nub_store_put_cap:
 * @self: a store
 * @cap: what to keep
 * @error: %NUB_ERROR_NOT_FOUND names the first referent that is not stored
 *
 * Stores a capability.
 *
 * Returns: %TRUE when it is on disk, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_put_cap(NubStore *self, NubCap *cap, GError **error);

/**
 * nub_store_list_caps:
 * @self: a store
 * @error: in %NUB_ERROR
 *
 * Lists what is stored.
 *
 * Returns: (transfer container) (element-type NubHash): the names of all capabilities, sorted; they belong to
 *   the array. %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GPtrArray *nub_store_list_caps(NubStore *self, GError **error);

/**
 * nub_store_list_names:
 * @self: a store
 * @error: in %NUB_ERROR
 *
 * Names are the heads of kernels, and whatever else is kept by nub_store_set_name().
 *
 * Returns: (transfer full) (array zero-terminated=1): the names, sorted; %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
char **nub_store_list_names(NubStore *self, GError **error);

/**
 * nub_store_get_name:
 * @self: a store
 * @name: a name
 * @hash: (out caller-allocates): what it names; zero: nothing
 * @error: in %NUB_ERROR
 *
 * Looks a name up.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_get_name(NubStore *self, const char *name, NubHash *hash, GError **error);

/**
 * nub_store_set_name:
 * @self: a store
 * @name: a name, 1 to 255 bytes
 * @hash: (nullable): of a stored capability; %NULL or zero: forget the name
 * @error: %NUB_ERROR_NOT_FOUND; %NUB_ERROR_CONFLICT while a kernel is open that has this head
 *
 * Gives a stored capability a name, which keeps it and all that it reaches.
 *
 * Returns: %TRUE when it is on disk, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_set_name(NubStore *self, const char *name, const NubHash *hash, GError **error);

/**
 * nub_store_gc:
 * @self: a store
 * @cancellable: (nullable): before anything is removed
 * @n_removed: (out) (optional): how many capabilities went
 * @error: in %NUB_ERROR, or %G_IO_ERROR_CANCELLED
 *
 * Removes what no name reaches. Kernels that are open keep what they hold in memory, and store it
 * again when something that is stored comes to mention it.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_gc(NubStore *self, GCancellable *cancellable, guint64 *n_removed, GError **error);

/**
 * nub_store_verify:
 * @self: a store
 * @cancellable: (nullable): between two capabilities
 * @n_caps: (out) (optional): how many were checked
 * @error: the first that is wrong: %NUB_ERROR_BAD_ENCODING, %NUB_ERROR_HASH_MISMATCH, or
 *   %NUB_ERROR_NOT_FOUND for a mention or a name of something that is not there; %G_IO_ERROR_CANCELLED
 *
 * Reads everything and checks it: encodings, hashes, mentions, names.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_verify(NubStore *self, GCancellable *cancellable, guint64 *n_caps, GError **error);

/**
 * NubProgressFunc:
 * @n_done: how many capabilities are done
 * @n_all: of how many
 * @user_data: what was passed with the function
 *
 * Says how far long work is.
 *
 * Since: 0.1
 */
typedef void (*NubProgressFunc)(guint64 n_done, guint64 n_all, gpointer user_data);

/**
 * nub_store_verify_with_progress:
 * @self: a store
 * @cancellable: (nullable): between two capabilities
 * @progress: (scope call) (nullable): called after each capability, in this thread
 * @user_data: for @progress
 * @n_caps: (out) (optional): how many were checked
 * @error: as nub_store_verify()
 *
 * As nub_store_verify(), for a store that takes its time.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_verify_with_progress(NubStore *self, GCancellable *cancellable, NubProgressFunc progress, gpointer user_data, guint64 *n_caps, GError **error);

/**
 * nub_store_export:
 * @self: a store
 * @root: of a stored capability
 * @error: in %NUB_ERROR
 *
 * Makes a bundle of a stored capability.
 *
 * Returns: (transfer full): @root and everything it reaches, referents first; %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBundle *nub_store_export(NubStore *self, const NubHash *root, GError **error);

/**
 * nub_store_import:
 * @self: a store
 * @bundle: what to keep, referents first
 * @error: %NUB_ERROR_NOT_FOUND names a referent that is neither stored nor earlier in @bundle
 *
 * Stores every capability of a bundle or, on any error, none.
 *
 * Returns: %TRUE when all is on disk, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_store_import(NubStore *self, NubBundle *bundle, GError **error);

G_END_DECLS

#endif
