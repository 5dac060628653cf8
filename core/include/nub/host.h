/* nub/host.h - host tables: C functions that a program reaches with `ecalli`
 *
 * With a table most embedders never write a session loop: the backend calls back, in the thread
 * that runs the call, and goes on. The table is refcounted; fill it first, then use it from any
 * number of threads (nub_host_table_add() after its first use is an error of the programmer).
 */
#ifndef NUB_HOST_H
#define NUB_HOST_H

#include <nub/error.h>

G_BEGIN_DECLS

/**
 * NubHostTable:
 *
 * Callbacks by the number of the host call. Refcounted.
 *
 * Since: 0.1
 */
typedef struct _NubHostTable NubHostTable;

/**
 * NubHostCall:
 *
 * A host call in flight. It belongs to the callback that it was given to and ends with it.
 *
 * Since: 0.1
 */
typedef struct nub_host_call NubHostCall;

/**
 * NubHostVerdict:
 * @NUB_HOST_VERDICT_CONTINUE: go on after the `ecalli`
 * @NUB_HOST_VERDICT_FINISH: end the run as Halt with the value of nub_host_call_set_finish_value()
 * @NUB_HOST_VERDICT_FAIL: the call fails with %NUB_ERROR_HOST_CALL_FAILED and changes nothing
 * @NUB_HOST_VERDICT_PAUSE: end the run as HostCall, as if there were no callback
 * @NUB_HOST_VERDICT_OUT_OF_GAS: what the callback itself charges does not fit: the run ends as OutOfGas
 *   before the `ecalli`, with the gas that it had there; the callback has changed nothing
 *
 * What a callback answers.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_HOST_VERDICT_CONTINUE = 0,
    NUB_HOST_VERDICT_FINISH = 1,
    NUB_HOST_VERDICT_FAIL = 2,
    NUB_HOST_VERDICT_PAUSE = 3,
    NUB_HOST_VERDICT_OUT_OF_GAS = 4
} NubHostVerdict;

/**
 * NubHostFunc:
 * @call: (transfer none): the call: registers, gas, memory
 * @user_data: what was given to nub_host_table_add()
 *
 * A host function. It runs in the thread of the invocation and may run in several at once.
 *
 * Returns: what is to happen next.
 * Since: 0.1
 */
typedef NubHostVerdict (*NubHostFunc)(NubHostCall *call, gpointer user_data);

#define NUB_TYPE_HOST_TABLE (nub_host_table_get_type())

NUB_AVAILABLE_IN_0_1
GType nub_host_table_get_type(void);

/**
 * nub_host_table_new:
 *
 * Makes a table to be filled.
 *
 * Returns: (transfer full): an empty table.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubHostTable *nub_host_table_new(void);

/**
 * nub_host_table_ref:
 * @self: a table
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubHostTable *nub_host_table_ref(NubHostTable *self);

/**
 * nub_host_table_unref:
 * @self: (transfer full): a table; with the last reference every destroy notify is called
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_host_table_unref(NubHostTable *self);

/**
 * nub_host_table_add:
 * @self: a table that was not used yet
 * @number: of the `ecalli`; replaces the callback that had it
 * @price: gas that is taken before the callback
 * @func: (scope notified) (closure user_data) (destroy destroy): the callback
 * @user_data: for @func
 * @destroy: (nullable): frees @user_data
 *
 * Adds a host function.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_host_table_add(NubHostTable *self, guint32 number, guint64 price, NubHostFunc func, gpointer user_data, GDestroyNotify destroy);

/**
 * nub_host_table_call:
 * @self: a table
 * @call: a host call
 *
 * Asks the callback that the table has for the number of @call: for a callback of another table that
 * stands before this one, to count, to log or to record. The price is not taken.
 *
 * Returns: what the callback answers; %NUB_HOST_VERDICT_PAUSE where there is none. Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubHostVerdict nub_host_table_call(NubHostTable *self, NubHostCall *call);

/**
 * nub_host_call_get_number:
 * @self: a host call
 *
 * Says which host call it is.
 *
 * Returns: the number given to `ecalli`.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint32 nub_host_call_get_number(NubHostCall *self);

/**
 * nub_host_call_get_reg:
 * @self: a host call
 * @reg: 0 to 12
 *
 * Reads a register: arguments are in 7 to 12.
 *
 * Returns: the register.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint64 nub_host_call_get_reg(NubHostCall *self, guint reg);

/**
 * nub_host_call_set_reg:
 * @self: a host call
 * @reg: 0 to 12
 * @value: what the program finds there
 *
 * Writes a register: the answer goes to 7.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_host_call_set_reg(NubHostCall *self, guint reg, guint64 value);

/**
 * nub_host_call_get_gas:
 * @self: a host call
 *
 * Reads the gas.
 *
 * Returns: the gas that is left, the price of this call being taken already.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint64 nub_host_call_get_gas(NubHostCall *self);

/**
 * nub_host_call_charge:
 * @self: a host call
 * @gas: how much to take, for work that depends on the arguments
 *
 * Takes gas beyond the price of the call.
 *
 * Returns: %FALSE, with nothing taken, when less than @gas is left.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_host_call_charge(NubHostCall *self, guint64 gas);

/**
 * nub_host_call_set_finish_value:
 * @self: a host call
 * @value: register 7 of the Halt that %NUB_HOST_VERDICT_FINISH makes
 *
 * Sets what the call ends with.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_host_call_set_finish_value(NubHostCall *self, guint64 value);

/**
 * nub_host_call_read: (skip)
 * @self: a host call
 * @address: in the program's memory
 * @data: (out caller-allocates) (array length=size): receives the bytes
 * @size: how many
 * @error: %NUB_ERROR_NOT_MAPPED, which names the page; %NUB_ERROR_INVALID_ARGUMENT beyond 2^32
 *
 * Copies bytes out of the program's memory: all of them or none.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_host_call_read(NubHostCall *self, guint64 address, guint8 *data, gsize size, GError **error);

/**
 * nub_host_call_read_bytes: (rename-to nub_host_call_read)
 * @self: a host call
 * @address: in the program's memory
 * @size: how many bytes
 * @error: as nub_host_call_read()
 *
 * Copies bytes of the program's memory.
 *
 * Returns: (transfer full): a copy of the bytes, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GBytes *nub_host_call_read_bytes(NubHostCall *self, guint64 address, gsize size, GError **error);

/**
 * nub_host_call_write:
 * @self: a host call
 * @address: in the program's memory
 * @data: (array length=size): the bytes
 * @size: how many
 * @error: as nub_host_call_read()
 *
 * Copies bytes into the program's memory: all of them or none.
 *
 * Returns: %TRUE, or %FALSE with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_host_call_write(NubHostCall *self, guint64 address, const guint8 *data, gsize size, GError **error);

/* The numbers of the standard host calls; docs/host-calls.md says what each does. (The block for the
 * scanner is made from the list: core/introspection.cmake.) */
typedef enum {
#define NUB_HOST_CALL_LINE(NAME, number, text, price, price_per_block, arguments, result) NUB_HOST_CALL_##NAME = number,
#include <nub/host-calls.def>
} NubHostCallNumber;

/**
 * nub_host_table_add_standard:
 * @self: a host table that no call uses yet
 * @input: a file descriptor for `read`, -1: none
 * @output: a file descriptor for `write` to stdout, -1: none
 * @errors: a file descriptor for `write` to stderr, -1: none
 * @arguments: (nullable): the argument bytes; %NULL: none
 *
 * Adds the standard host calls: exit, write, read, arguments, log, keccak_256 and sha_256. The
 * descriptors are borrowed and must stay open as long as the table is used. `log` goes to GLib's
 * log, domain "nub-guest".
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_host_table_add_standard(NubHostTable *self, gint input, gint output, gint errors, GBytes *arguments);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubHostTable, nub_host_table_unref)

G_END_DECLS

#endif
