/* nub/value.h - the two plain values: the hash that names a capability, and the result of a run
 *
 * They are the structs of <nub/types.h>, so that they cross every layer without being copied into
 * another form: declare them on the stack. The boxed types are for language bindings.
 */
#ifndef NUB_VALUE_H
#define NUB_VALUE_H

#include <glib-object.h>
#include <nub/types.h>
#include <nub/version.h>

G_BEGIN_DECLS

/**
 * NubHash:
 *
 * The name of a capability: 32 bytes, its SSZ hash tree root. All zero means "no capability".
 *
 * Since: 0.1
 */
typedef struct nub_hash NubHash;

/**
 * NubResult:
 *
 * How a run ended: 24 bytes, the same on every backend. `exit_reason` is a #NubExitReason,
 * `exit_arg` its argument (the page of a page fault, the number of a host call), `return_value`
 * register 7 and `gas_remaining` what was left of the gas.
 *
 * Since: 0.1
 */
typedef struct nub_result NubResult;

/**
 * NubExitReason:
 * @NUB_EXIT_HALT: the program returned
 * @NUB_EXIT_PANIC: no such instruction, or a control transfer that is not allowed
 * @NUB_EXIT_OUT_OF_GAS: the next charge did not fit
 * @NUB_EXIT_PAGE_FAULT: `exit_arg` is the address of the page
 * @NUB_EXIT_HOST_CALL: `exit_arg` is the number given to `ecalli`
 * @NUB_EXIT_ECALL: `ecall`
 * @NUB_EXIT_TRAP: `trap`, or the end of the code
 *
 * Why a run ended. Every value is an outcome of the program, none is an error of the host.
 *
 * Since: 0.1
 */
#ifndef __GI_SCANNER__ /* it gets the members from a header made for it (core/introspection.cmake) */
typedef enum nub_exit_reason NubExitReason;
#endif

/**
 * NubGasModel:
 * @NUB_GAS_DEFAULT: the model of the kernel
 * @NUB_GAS_PIPELINE: a cost per basic block, one pass
 * @NUB_GAS_POLKAVM: a cost per basic block, simulated cycle by cycle
 * @NUB_GAS_INSTRUCTION: 1 per instruction
 *
 * How gas is charged.
 *
 * Since: 0.1
 */
#ifndef __GI_SCANNER__ /* it gets the members from a header made for it (core/introspection.cmake) */
typedef enum nub_gas_model NubGasModel;
#endif

#define NUB_TYPE_HASH (nub_hash_get_type())
#define NUB_TYPE_RESULT (nub_result_get_type())

NUB_AVAILABLE_IN_0_1
GType nub_hash_get_type(void);
NUB_AVAILABLE_IN_0_1
GType nub_result_get_type(void);

/**
 * nub_hash_copy:
 * @self: a hash
 *
 * Copies a hash to the heap. In C, assign the struct instead.
 *
 * Returns: (transfer full): free it with nub_hash_free().
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubHash *nub_hash_copy(const NubHash *self);

/**
 * nub_hash_free:
 * @self: a hash made by nub_hash_copy()
 *
 * Frees a hash.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_hash_free(NubHash *self);

/**
 * nub_hash_to_string:
 * @self: a hash
 *
 * Writes a hash as text.
 *
 * Returns: (transfer full): 64 lower-case hex digits.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
char *nub_hash_to_string(const NubHash *self);

/**
 * nub_hash_from_string:
 * @text: 64 hex digits of either case, perhaps after "0x"
 * @hash: (out caller-allocates): the hash; left alone on failure
 * @error: %NUB_ERROR_INVALID_ARGUMENT
 *
 * Reads a hash from text.
 *
 * Returns: %TRUE, or %FALSE with @error set when @text is anything else.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_hash_from_string(const char *text, NubHash *hash, GError **error);

/**
 * nub_hash_is_none:
 * @self: a hash
 *
 * Asks whether it names nothing.
 *
 * Returns: %TRUE for 32 zero bytes, which mean "no capability".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_hash_is_none(const NubHash *self);

/**
 * nub_hash_compare:
 * @a: (type NubHash): a hash
 * @b: (type NubHash): a hash
 *
 * Orders hashes as byte strings. A #GCompareFunc.
 *
 * Returns: below, at or above zero.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
int nub_hash_compare(gconstpointer a, gconstpointer b);

/**
 * nub_hash_equals:
 * @a: (type NubHash): a hash
 * @b: (type NubHash): a hash
 *
 * A #GEqualFunc for a #GHashTable with hashes as keys.
 *
 * Returns: %TRUE when they are equal.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_hash_equals(gconstpointer a, gconstpointer b);

/**
 * nub_hash_bucket:
 * @self: (type NubHash): a hash
 *
 * A #GHashFunc for a #GHashTable with hashes as keys.
 *
 * Returns: 32 bits of the hash.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint nub_hash_bucket(gconstpointer self);

/**
 * nub_result_copy:
 * @self: a result
 *
 * Copies a result to the heap. In C, assign the struct instead.
 *
 * Returns: (transfer full): free it with nub_result_free().
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubResult *nub_result_copy(const NubResult *self);

/**
 * nub_result_free:
 * @self: a result made by nub_result_copy()
 *
 * Frees a result.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_result_free(NubResult *self);

/**
 * nub_exit_reason_to_string:
 * @reason: the `exit_reason` of a #NubResult
 *
 * Names an exit reason for people.
 *
 * Returns: (transfer none): "halt", "panic", "out-of-gas", "page-fault", "host-call", "ecall", "trap", or
 *   "unknown".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_exit_reason_to_string(guint32 reason);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubHash, nub_hash_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubResult, nub_result_free)

G_END_DECLS

#endif
