/* nub/kernel.h - the kernel: one opened backend behind one handle
 *
 * Publish capabilities, invoke an Instance by its hash, get a result that is the same to the bit
 * whatever ran it. All functions may be called from any thread, and several at once. Errors are of
 * %NUB_ERROR unless said otherwise; a call that fails has changed nothing. What the backend lacks
 * answers %NUB_ERROR_NOT_SUPPORTED and names the function.
 */
#ifndef NUB_KERNEL_H
#define NUB_KERNEL_H

#include <gio/gio.h>
#include <nub/bundle.h>
#include <nub/call.h>
#include <nub/session.h>

G_BEGIN_DECLS

#define NUB_TYPE_KERNEL (nub_kernel_get_type())

/**
 * NubKernel:
 *
 * An opened backend. Made by nub_registry_open(); closed with the last reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(NubKernel, nub_kernel, NUB, KERNEL, GObject)

/**
 * NubHeapStats:
 * @allocated_bytes: bytes in use
 * @allocations: live allocations
 * @fragments: free pieces
 * @available: bytes that are free
 *
 * The heap of a guest.
 *
 * Since: 0.1
 */
typedef struct _NubHeapStats NubHeapStats;
struct _NubHeapStats {
    guint64 allocated_bytes;
    guint64 allocations;
    guint64 fragments;
    guint64 available;
};

/**
 * nub_kernel_get_name:
 * @self: a kernel
 *
 * Says which backend it is.
 *
 * Returns: (transfer none): the name of its backend in the configuration.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_kernel_get_name(NubKernel *self);

/**
 * nub_kernel_get_gas_model:
 * @self: a kernel
 *
 * Says how it charges gas: as the configuration has it, or as it was asked for when it was opened.
 *
 * Returns: how gas is charged; never %NUB_GAS_DEFAULT.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubGasModel nub_kernel_get_gas_model(NubKernel *self);

/**
 * nub_kernel_get_mem_cycles:
 * @self: a kernel
 *
 * Says what it charges for a memory access, in the gas models that count it.
 *
 * Returns: the cost of a memory access in the gas models.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint32 nub_kernel_get_mem_cycles(NubKernel *self);

/**
 * nub_kernel_supports:
 * @self: a kernel
 * @function: a function of the plugin ABI, such as "session_open"
 *
 * Asks for a function that a backend may lack.
 *
 * Returns: whether the backend has it.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_supports(NubKernel *self, const char *function);

/* ---- capabilities ------------------------------------------------------------------------ */

/**
 * nub_kernel_put_cap:
 * @self: a kernel
 * @cap: what to publish
 * @hash: (out caller-allocates) (optional): its name
 * @error: %NUB_ERROR_NOT_FOUND names the first referent that is missing; %NUB_ERROR_NO_SPACE
 *
 * Publishes a capability, or adds one put to one that is there.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_put_cap(NubKernel *self, NubCap *cap, NubHash *hash, GError **error);

/**
 * nub_kernel_put_cap_with_hash:
 * @self: a kernel
 * @hash: the name that it is said to have
 * @cap: what to publish
 * @error: %NUB_ERROR_HASH_MISMATCH, then as nub_kernel_put_cap()
 *
 * As nub_kernel_put_cap(), but when @hash is present @cap is neither read nor hashed.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_put_cap_with_hash(NubKernel *self, const NubHash *hash, NubCap *cap, GError **error);

/**
 * nub_kernel_put_wire:
 * @self: a kernel
 * @wire: the wire form, which the backend checks
 * @hash: (out caller-allocates) (optional): the name of the capability
 * @error: %NUB_ERROR_BAD_ENCODING, then as nub_kernel_put_cap()
 *
 * Publishes a capability from bytes of any origin, without making a #NubCap first.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_put_wire(NubKernel *self, GBytes *wire, NubHash *hash, GError **error);

/**
 * nub_kernel_put_wire_with_hash:
 * @self: a kernel
 * @hash: the name that it is said to have
 * @wire: the wire form, which the backend checks unless @hash is present
 * @error: %NUB_ERROR_BAD_ENCODING, then as nub_kernel_put_cap_with_hash()
 *
 * As nub_kernel_put_wire(), but when @hash is present @wire is not read.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_put_wire_with_hash(NubKernel *self, const NubHash *hash, GBytes *wire, GError **error);

/**
 * nub_kernel_put_bundle:
 * @self: a kernel
 * @bundle: what to publish, referents first
 * @root: (out caller-allocates) (optional): the name of the last capability
 * @error: as nub_kernel_put_cap()
 *
 * Puts every capability of a bundle or, on any error, none.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_put_bundle(NubKernel *self, NubBundle *bundle, NubHash *root, GError **error);

/**
 * nub_kernel_contains:
 * @self: a kernel
 * @hash: of a capability
 * @present: (out): whether the kernel has it
 * @error: in %NUB_ERROR
 *
 * Asks whether a capability is published.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_contains(NubKernel *self, const NubHash *hash, gboolean *present, GError **error);

/**
 * nub_kernel_get_cap:
 * @self: a kernel
 * @hash: of a capability
 * @error: %NUB_ERROR_NOT_FOUND
 *
 * Gives a capability back.
 *
 * Returns: (transfer full): the capability, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_kernel_get_cap(NubKernel *self, const NubHash *hash, GError **error);

/**
 * nub_kernel_drop_cap:
 * @self: a kernel
 * @hash: of a capability
 * @error: %NUB_ERROR_NOT_FOUND, %NUB_ERROR_NOT_HELD
 *
 * Takes back one put. A capability that nobody put and nothing mentions goes, and with it what
 * only it mentioned.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_drop_cap(NubKernel *self, const NubHash *hash, GError **error);

/**
 * nub_kernel_refcount:
 * @self: a kernel
 * @hash: of a capability
 * @count: (out): puts and mentions; 0 for one that is absent
 * @error: in %NUB_ERROR
 *
 * Counts what keeps a capability.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_refcount(NubKernel *self, const NubHash *hash, guint64 *count, GError **error);

/* ---- invoking ---------------------------------------------------------------------------- */

/**
 * nub_kernel_invoke_cached:
 * @self: a kernel
 * @instance: hash of a published Instance
 * @endpoint: index into the image's endpoints
 * @args: (array fixed-size=4) (nullable): laid into registers 7 to 10; %NULL: zeros
 * @gas: upper bound on gas; the result says how much was left
 * @result: (out caller-allocates): how the run ended
 * @error: host-side failure only, in the %NUB_ERROR domain
 *
 * Runs the instance to an exit. Out of gas, traps and faults are results, not errors. Nothing
 * published changes.
 *
 * Returns: %TRUE with @result filled in, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_invoke_cached(NubKernel *self, const NubHash *instance, guint32 endpoint, const guint64 *args, guint64 gas, NubResult *result, GError **error);

/**
 * nub_kernel_invoke:
 * @self: a kernel
 * @call: what to call and how
 * @cancellable: (nullable): ends the call, which then has changed nothing
 * @error: in %NUB_ERROR; %G_IO_ERROR_CANCELLED, %G_IO_ERROR_TIMED_OUT
 *
 * Runs an idle instance: input, output, commit, advance, deadline, host calls.
 *
 * Returns: (transfer full): what came of it, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubOutcome *nub_kernel_invoke(NubKernel *self, NubCall *call, GCancellable *cancellable, GError **error);

/**
 * nub_kernel_resume:
 * @self: a kernel
 * @call: what to call and how
 * @cancellable: (nullable): ends the call, which then has changed nothing
 * @error: as nub_kernel_invoke(), and %NUB_ERROR_NOT_PAUSED
 *
 * Runs a paused instance on from where it stopped.
 *
 * Returns: (transfer full): what came of it, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubOutcome *nub_kernel_resume(NubKernel *self, NubCall *call, GCancellable *cancellable, GError **error);

/**
 * nub_kernel_open_session:
 * @self: a kernel
 * @instance: hash of a published Instance; a paused one is opened in its stored state
 * @endpoint: index into the image's endpoints; not used by a paused instance
 * @args: (array fixed-size=4) (nullable): laid into registers 7 to 10; not used by a paused instance
 * @gas: for the first run
 * @error: in %NUB_ERROR
 *
 * Opens a session: a run that the caller steps, reads and writes.
 *
 * Returns: (transfer full): a session, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubSession *nub_kernel_open_session(NubKernel *self, const NubHash *instance, guint32 endpoint, const guint64 *args, guint64 gas, GError **error);

/**
 * nub_kernel_open_session_for_call:
 * @self: a kernel
 * @call: its instance, endpoint, arguments, gas, gas model and memory cycles are used
 * @error: in %NUB_ERROR
 *
 * As nub_kernel_open_session(), with the gas model of a call.
 *
 * Returns: (transfer full): a session, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubSession *nub_kernel_open_session_for_call(NubKernel *self, NubCall *call, GError **error);

/* ---- the head ---------------------------------------------------------------------------- */

/**
 * nub_kernel_state_root:
 * @self: a kernel
 * @root: (out caller-allocates): hash of the head; zero: none
 * @error: in %NUB_ERROR
 *
 * Reads the head: the hash that the last call with advance moved to.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_state_root(NubKernel *self, NubHash *root, GError **error);

/**
 * nub_kernel_set_state_root:
 * @self: a kernel
 * @root: hash of a published Instance, or zero for none
 * @error: %NUB_ERROR_NOT_FOUND, %NUB_ERROR_NOT_AN_INSTANCE
 *
 * Moves the head, which is also how to roll back.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_set_state_root(NubKernel *self, const NubHash *root, GError **error);

/* ---- operation --------------------------------------------------------------------------- */

/**
 * nub_kernel_heap_stats:
 * @self: a kernel
 * @stats: (out caller-allocates): the heap of its guest
 * @error: %NUB_ERROR_NOT_SUPPORTED: there is no guest
 *
 * Reads the state of the guest's heap.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_heap_stats(NubKernel *self, NubHeapStats *stats, GError **error);

/**
 * nub_kernel_stats:
 * @self: a kernel
 * @error: in %NUB_ERROR
 *
 * Counters by their OpenMetrics names, some with labels, as `nub_exits_total{reason="halt"}`. Of
 * every backend there are, counted by the kernel since it was opened: nub_calls_total (sessions'
 * runs are calls), nub_calls_failed_total (those that came to no exit), nub_exits_total by reason,
 * nub_gas_used_total, nub_puts_total and nub_put_bytes_total. The backend adds what it counts; a
 * name that ends in _total is a counter, any other a gauge.
 *
 * Returns: (transfer full): of type `a{st}`, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GVariant *nub_kernel_stats(NubKernel *self, GError **error);

/**
 * nub_kernels_to_openmetrics:
 * @kernels: (array length=n_kernels): whose counters are wanted
 * @n_kernels: how many
 * @error: as nub_kernel_stats()
 *
 * The counters of nub_kernel_stats() as OpenMetrics text, for a program that answers a scraper: each
 * with the label `backend`, which is nub_kernel_get_name(). Those of kernels of one name are added.
 *
 * Returns: (transfer full): the text, which ends with `# EOF`, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
char *nub_kernels_to_openmetrics(NubKernel *const *kernels, gsize n_kernels, GError **error);

/**
 * nub_kernel_evict:
 * @self: a kernel
 * @error: in %NUB_ERROR
 *
 * Makes the backend forget compiled and decoded code, so that a benchmark can start cold.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_evict(NubKernel *self, GError **error);

/* ---- in the background ------------------------------------------------------------------- */

/**
 * nub_kernel_put_bundle_async:
 * @self: a kernel
 * @bundle: as nub_kernel_put_bundle(); nobody may change it until @callback was called
 * @cancellable: (nullable): between two capabilities
 * @callback: (scope async): called in the thread-default main context of the caller
 * @user_data: for @callback
 *
 * Publishes a bundle in a thread of its own.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_kernel_put_bundle_async(NubKernel *self, NubBundle *bundle, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * nub_kernel_put_bundle_finish:
 * @self: a kernel
 * @result: what @callback got
 * @root: (out caller-allocates) (optional): the name of the last capability
 * @error: as nub_kernel_put_bundle(), or %G_IO_ERROR_CANCELLED
 *
 * Says how nub_kernel_put_bundle_async() went.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_kernel_put_bundle_finish(NubKernel *self, GAsyncResult *result, NubHash *root, GError **error);

/**
 * nub_kernel_invoke_async:
 * @self: a kernel
 * @call: as nub_kernel_invoke(); nobody may change it until @callback was called
 * @cancellable: (nullable): ends the call
 * @callback: (scope async): called in the thread-default main context of the caller
 * @user_data: for @callback
 *
 * Runs an idle instance in a thread of its own.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_kernel_invoke_async(NubKernel *self, NubCall *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * nub_kernel_invoke_finish:
 * @self: a kernel
 * @result: what @callback got
 * @error: as nub_kernel_invoke()
 *
 * Says how nub_kernel_invoke_async() went.
 *
 * Returns: (transfer full): what came of it, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubOutcome *nub_kernel_invoke_finish(NubKernel *self, GAsyncResult *result, GError **error);

/**
 * nub_kernel_resume_async:
 * @self: a kernel
 * @call: as nub_kernel_resume(); nobody may change it until @callback was called
 * @cancellable: (nullable): ends the call
 * @callback: (scope async): called in the thread-default main context of the caller
 * @user_data: for @callback
 *
 * Runs a paused instance on in a thread of its own.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_kernel_resume_async(NubKernel *self, NubCall *call, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * nub_kernel_resume_finish:
 * @self: a kernel
 * @result: what @callback got
 * @error: as nub_kernel_resume()
 *
 * Says how nub_kernel_resume_async() went.
 *
 * Returns: (transfer full): what came of it, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubOutcome *nub_kernel_resume_finish(NubKernel *self, GAsyncResult *result, GError **error);

G_END_DECLS

#endif
