/* nub/registry.h - the registry: a configuration, the modules it names, the kernels opened from it
 *
 * Modules are loaded when the registry is made; a backend is created when it is opened. All
 * functions may be called from any thread.
 */
#ifndef NUB_REGISTRY_H
#define NUB_REGISTRY_H

#include <gio/gio.h>
#include <nub/config.h>
#include <nub/kernel.h>
#include <nub/store.h>

G_BEGIN_DECLS

#define NUB_TYPE_REGISTRY (nub_registry_get_type())
#define NUB_TYPE_BACKEND_INFO (nub_backend_info_get_type())

/**
 * NubRegistry:
 *
 * The backends that a configuration names.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(NubRegistry, nub_registry, NUB, REGISTRY, GObject)

/**
 * NubBackendInfo:
 *
 * What a registry knows about one configured backend: a snapshot, immutable, refcounted.
 *
 * Since: 0.1
 */
typedef struct _NubBackendInfo NubBackendInfo;

/**
 * NubBackendState:
 * @NUB_BACKEND_STATE_LOADED: its module is loaded; it was not opened yet, or not since it was closed
 * @NUB_BACKEND_STATE_OPEN: a kernel over it is alive
 * @NUB_BACKEND_STATE_DISABLED: the configuration or the environment turns it off
 * @NUB_BACKEND_STATE_UNAVAILABLE: its module cannot be loaded, and it is not required
 * @NUB_BACKEND_STATE_FAILED: it could not be created when it was last opened
 *
 * What became of a configured backend.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_BACKEND_STATE_LOADED,
    NUB_BACKEND_STATE_OPEN,
    NUB_BACKEND_STATE_DISABLED,
    NUB_BACKEND_STATE_UNAVAILABLE,
    NUB_BACKEND_STATE_FAILED
} NubBackendState;

/**
 * nub_registry_new_from_file:
 * @path: (type filename): a configuration
 * @error: of %NUB_CONFIG_ERROR, or of %NUB_LOAD_ERROR when a required module does not load
 *
 * Reads exactly this file: no environment variable, no system path but that of nub's own modules.
 *
 * Returns: (transfer full): a registry, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubRegistry *nub_registry_new_from_file(const char *path, GError **error);

/**
 * nub_registry_new_from_data:
 * @yaml: a configuration
 * @base_dir: (type filename) (nullable): what relative paths are relative to; %NULL: the current directory
 * @error: as nub_registry_new_from_file(); positions are those in @yaml
 *
 * Makes a registry of a configuration that is no file.
 *
 * Returns: (transfer full): a registry, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubRegistry *nub_registry_new_from_data(const char *yaml, const char *base_dir, GError **error);

/**
 * nub_registry_new_default:
 * @error: as nub_registry_new_from_file()
 *
 * The one call that looks around: the file is $NUB_CONFIG, else nub/nub.yaml in the user's
 * configuration directory, else that in the system's, else the built-in configuration (kvm where
 * it runs, local everywhere, jit on request). Files in nub.d beside it add backends.
 * $NUB_PLUGIN_PATH, $NUB_BACKENDS_SELECT and $NUB_BACKENDS_DISABLE are obeyed. A program that runs
 * with more rights than its user ignores all these variables and the user's directory.
 *
 * Returns: (transfer full): a registry, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubRegistry *nub_registry_new_default(GError **error);

/**
 * nub_registry_reload:
 * @self: a registry
 * @error: as for the function that made @self
 *
 * Reads the configuration again, from where it came. Open kernels go on as they are; backends
 * whose configuration changed are created anew when they are next opened. On failure everything
 * stays as it was.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_registry_reload(NubRegistry *self, GError **error);

/**
 * nub_registry_open:
 * @self: a registry
 * @name: (nullable): of a backend; %NULL: what the configuration calls the default
 * @error: %NUB_CONFIG_ERROR_NO_BACKEND, of %NUB_LOAD_ERROR, or what the backend's creation gave
 *
 * Opens a backend. It is created at the first open; as long as anyone holds that kernel, further
 * opens give the same one. Where the default is `auto`, backends are tried by priority, and when
 * none opens the error has every reason.
 *
 * Returns: (transfer full): a kernel, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubKernel *nub_registry_open(NubRegistry *self, const char *name, GError **error);

/**
 * nub_registry_open_private:
 * @self: a registry
 * @name: (nullable): as nub_registry_open()
 * @gas_model: how gas is charged; %NUB_GAS_DEFAULT: as configured
 * @mem_cycles: cost of a memory access in the gas models, 1 to 127; 0: as configured
 * @error: as nub_registry_open()
 *
 * Creates a kernel that nobody else gets: its directory is empty and its head is none. It does not
 * use the store.
 *
 * Returns: (transfer full): a kernel, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubKernel *nub_registry_open_private(NubRegistry *self, const char *name, NubGasModel gas_model, guint32 mem_cycles, GError **error);

/**
 * nub_registry_open_async:
 * @self: a registry
 * @name: (nullable): as nub_registry_open()
 * @cancellable: (nullable): a backend that is being created is not interrupted, but the caller no longer waits
 * @callback: (scope async): called in the thread-default main context of the caller
 * @user_data: for @callback
 *
 * Opens a backend in a thread of its own.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_registry_open_async(NubRegistry *self, const char *name, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * nub_registry_open_finish:
 * @self: a registry
 * @result: what @callback got
 * @error: as nub_registry_open(), or %G_IO_ERROR_CANCELLED
 *
 * Says how nub_registry_open_async() went.
 *
 * Returns: (transfer full): a kernel, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubKernel *nub_registry_open_finish(NubRegistry *self, GAsyncResult *result, GError **error);

/**
 * nub_registry_list_backends:
 * @self: a registry
 *
 * Every configured backend, highest priority first, equal ones by name.
 *
 * Returns: (transfer container) (element-type NubBackendInfo): a snapshot.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GPtrArray *nub_registry_list_backends(NubRegistry *self);

/**
 * nub_registry_get_store:
 * @self: a registry
 *
 * Gives the store of the configuration.
 *
 * Returns: (transfer full) (nullable): the store that its kernels write to; %NULL: none is configured.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubStore *nub_registry_get_store(NubRegistry *self);

/**
 * nub_registry_dup_config:
 * @self: a registry
 *
 * The configuration as it is in effect, as YAML that can be read again: defaults are filled in,
 * drop-ins are merged, comments say where each backend comes from.
 *
 * Returns: (transfer full): the text.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
char *nub_registry_dup_config(NubRegistry *self);

/**
 * nub_registry_dup_source:
 * @self: a registry
 *
 * Says where the configuration comes from.
 *
 * Returns: (transfer full): where the configuration comes from: the path of a file, or "built-in configuration".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
char *nub_registry_dup_source(NubRegistry *self);

/* ---- what is known about a backend ------------------------------------------------------ */

NUB_AVAILABLE_IN_0_1
GType nub_backend_info_get_type(void);

/**
 * nub_backend_info_ref:
 * @self: an info
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBackendInfo *nub_backend_info_ref(NubBackendInfo *self);

/**
 * nub_backend_info_unref:
 * @self: (transfer full): an info
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_backend_info_unref(NubBackendInfo *self);

/**
 * nub_backend_info_get_name:
 * @self: an info
 *
 * Says what it is called.
 *
 * Returns: (transfer none): the backend's name in the configuration.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_name(NubBackendInfo *self);

/**
 * nub_backend_info_get_module:
 * @self: an info
 *
 * Says which module it is of.
 *
 * Returns: (transfer none): its module as the configuration names it.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_module(NubBackendInfo *self);

/**
 * nub_backend_info_get_path:
 * @self: an info
 *
 * Says which file its module is.
 *
 * Returns: (transfer none) (nullable) (type filename): the file that was loaded; %NULL: none.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_path(NubBackendInfo *self);

/**
 * nub_backend_info_get_version:
 * @self: an info
 *
 * Says which version its module is.
 *
 * Returns: (transfer none) (nullable): the version that the module gives itself.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_version(NubBackendInfo *self);

/**
 * nub_backend_info_get_summary:
 * @self: an info
 *
 * Says what its module is for.
 *
 * Returns: (transfer none) (nullable): one sentence of the module about itself.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_summary(NubBackendInfo *self);

/**
 * nub_backend_info_get_source:
 * @self: an info
 *
 * Says where to look in the configuration.
 *
 * Returns: (transfer none): where it is configured, as file:line:column.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_source(NubBackendInfo *self);

/**
 * nub_backend_info_get_state:
 * @self: an info
 *
 * Says what became of it.
 *
 * Returns: what became of it.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubBackendState nub_backend_info_get_state(NubBackendInfo *self);

/**
 * nub_backend_info_get_reason:
 * @self: an info
 *
 * Says why it cannot be used.
 *
 * Returns: (transfer none) (nullable): why it is disabled, unavailable or failed.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_reason(NubBackendInfo *self);

/**
 * nub_backend_info_get_priority:
 * @self: an info
 *
 * Says when `default: auto` tries it.
 *
 * Returns: its priority; higher comes first.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gint32 nub_backend_info_get_priority(NubBackendInfo *self);

/**
 * nub_backend_info_is_required:
 * @self: an info
 *
 * Says whether it must be there.
 *
 * Returns: whether a module that does not load is an error of the registry.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_backend_info_is_required(NubBackendInfo *self);

/**
 * nub_backend_info_is_automatic:
 * @self: an info
 *
 * Says whether it is for everyone or by name only.
 *
 * Returns: whether `default: auto` may pick it.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_backend_info_is_automatic(NubBackendInfo *self);

/**
 * nub_backend_info_list_options:
 * @self: an info
 * @n_options: (out): how many
 *
 * Lists what its module can be told; nub_backend_info_get_option() has what it is told.
 *
 * Returns: (array length=n_options) (transfer none) (nullable): the options that the module declares.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const NubConfigKey *nub_backend_info_list_options(NubBackendInfo *self, gsize *n_options);

/**
 * nub_backend_info_get_option:
 * @self: an info
 * @name: of an option that the module declares
 *
 * The value that the backend is created with, as it is written: in the configuration, else in the
 * module's table of defaults.
 *
 * Returns: (transfer none) (nullable): the value; %NULL: it has none.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_info_get_option(NubBackendInfo *self, const char *name);

/**
 * nub_backend_state_to_string:
 * @state: a state
 *
 * Names a state for people.
 *
 * Returns: (transfer none): "loaded", "open", "disabled", "unavailable" or "failed".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_backend_state_to_string(NubBackendState state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubBackendInfo, nub_backend_info_unref)

G_END_DECLS

#endif
