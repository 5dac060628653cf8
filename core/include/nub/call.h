/* nub/call.h - the full form of a call, and what it answers
 *
 * A #NubCall is filled in by setters and given to nub_kernel_invoke(), nub_kernel_resume() or
 * nub_kernel_open_session_for_call(). It may be used again and, once nobody changes it, from
 * several threads. A #NubOutcome is immutable. Both are refcounted.
 */
#ifndef NUB_CALL_H
#define NUB_CALL_H

#include <nub/host.h>

G_BEGIN_DECLS

/**
 * NubCall:
 *
 * What to call and how. Refcounted.
 *
 * Since: 0.1
 */
typedef struct _NubCall NubCall;

/**
 * NubOutcome:
 *
 * What a full call answers. Refcounted.
 *
 * Since: 0.1
 */
typedef struct _NubOutcome NubOutcome;

/**
 * NubOutputState:
 * @NUB_OUTPUT_STATE_NONE: there is an output, or the program had no occasion to give one
 * @NUB_OUTPUT_STATE_UNREADABLE: it named memory that it does not have
 * @NUB_OUTPUT_STATE_TOO_LONG: it named more than was allowed
 *
 * Why an output is empty.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_OUTPUT_STATE_NONE = 0,
    NUB_OUTPUT_STATE_UNREADABLE = 1,
    NUB_OUTPUT_STATE_TOO_LONG = 2
} NubOutputState;

#define NUB_TYPE_CALL (nub_call_get_type())
#define NUB_TYPE_OUTCOME (nub_outcome_get_type())

/**
 * NUB_CALL_DEFAULT_MAX_OUTPUT:
 *
 * The usual bound for nub_call_set_want_output(): 2^24 bytes.
 *
 * Since: 0.1
 */
#define NUB_CALL_DEFAULT_MAX_OUTPUT G_GUINT64_CONSTANT(16777216)

NUB_AVAILABLE_IN_0_1
GType nub_call_get_type(void);

/**
 * nub_call_new:
 * @instance: hash of a published Instance
 *
 * A call of endpoint 0 with zero arguments and no gas.
 *
 * Returns: (transfer full): a call.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCall *nub_call_new(const NubHash *instance);

/**
 * nub_call_ref:
 * @self: a call
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCall *nub_call_ref(NubCall *self);

/**
 * nub_call_unref:
 * @self: (transfer full): a call
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_unref(NubCall *self);

/**
 * nub_call_set_instance:
 * @self: a call
 * @instance: hash of a published Instance
 *
 * Says what is called.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_instance(NubCall *self, const NubHash *instance);

/**
 * nub_call_set_endpoint:
 * @self: a call
 * @endpoint: index into the image's endpoints; not used by resume
 *
 * Says where it begins.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_endpoint(NubCall *self, guint32 endpoint);

/**
 * nub_call_set_args:
 * @self: a call
 * @args: (array fixed-size=4) (nullable): laid into registers 7 to 10; not used by resume. %NULL: zeros
 *
 * Gives the arguments.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_args(NubCall *self, const guint64 *args);

/**
 * nub_call_set_gas:
 * @self: a call
 * @gas: upper bound; more than 2^63 - 1 is cut to that
 *
 * Gives the gas; without it there is none.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_gas(NubCall *self, guint64 gas);

/**
 * nub_call_set_gas_model:
 * @self: a call
 * @gas_model: how gas is charged; %NUB_GAS_DEFAULT: as the kernel does
 * @mem_cycles: cost of a memory access, 1 to 127; 0: as the kernel
 *
 * Charges gas in another way than the kernel does.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_gas_model(NubCall *self, NubGasModel gas_model, guint32 mem_cycles);

/**
 * nub_call_set_input:
 * @self: a call
 * @input: (nullable): bytes that the program finds at the address in register 7, their length in
 *   register 8; may be empty. %NULL: none, registers 7 and 8 are arguments
 *
 * Gives the program bytes to read.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_input(NubCall *self, GBytes *input);

/**
 * nub_call_set_want_output:
 * @self: a call
 * @want: whether the bytes that registers 7 and 8 name at Halt are wanted
 * @max_output: at most so many, such as %NUB_CALL_DEFAULT_MAX_OUTPUT; 0 allows the empty output alone
 *
 * Asks for the bytes that the program leaves.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_want_output(NubCall *self, gboolean want, guint64 max_output);

/**
 * nub_call_set_commit:
 * @self: a call
 * @commit: whether the successor is put
 *
 * Asks for what the instance became, as a published capability.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_commit(NubCall *self, gboolean commit);

/**
 * nub_call_set_advance:
 * @self: a call
 * @advance: whether the head moves to the successor; needs commit
 *
 * Moves the head with the call.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_advance(NubCall *self, gboolean advance);

/**
 * nub_call_set_expected_head:
 * @self: a call
 * @head: (nullable): what the head must be before the run, perhaps zero, else %NUB_ERROR_CONFLICT; %NULL: anything
 *
 * Guards the call against a head that somebody else moved.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_expected_head(NubCall *self, const NubHash *head);

/**
 * nub_call_set_regs:
 * @self: a call
 * @regs: (array fixed-size=13) (nullable): resume with these registers; %NULL: with the stored ones
 *
 * Answers a host call by hand: a paused instance goes on with other registers.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_regs(NubCall *self, const guint64 *regs);

/**
 * nub_call_set_deadline:
 * @self: a call
 * @deadline: when the call is to be given up, in microseconds of g_get_monotonic_time(); 0: never
 *
 * A call that is given up fails with %G_IO_ERROR_TIMED_OUT and has changed nothing.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_deadline(NubCall *self, gint64 deadline);

/**
 * nub_call_set_host_table:
 * @self: a call
 * @table: (nullable): callbacks for host calls; a reference is taken
 *
 * Gives the host functions that the program can call.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_call_set_host_table(NubCall *self, NubHostTable *table);

/* ---- what it answers --------------------------------------------------------------------- */

NUB_AVAILABLE_IN_0_1
GType nub_outcome_get_type(void);

/**
 * nub_outcome_ref:
 * @self: an outcome
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubOutcome *nub_outcome_ref(NubOutcome *self);

/**
 * nub_outcome_unref:
 * @self: (transfer full): an outcome
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_outcome_unref(NubOutcome *self);

/**
 * nub_outcome_get_result:
 * @self: an outcome
 * @result: (out caller-allocates): how the run ended
 *
 * Reads how the run ended.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_outcome_get_result(NubOutcome *self, NubResult *result);

/**
 * nub_outcome_get_successor:
 * @self: an outcome
 * @successor: (out caller-allocates): hash of the Instance that was put; zero: none
 *
 * Reads what the instance became.
 *
 * Returns: %TRUE when one was put.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_outcome_get_successor(NubOutcome *self, NubHash *successor);

/**
 * nub_outcome_get_output:
 * @self: an outcome
 *
 * Gives the bytes that the program left.
 *
 * Returns: (transfer none) (nullable): the output, perhaps empty; %NULL when none was asked for.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GBytes *nub_outcome_get_output(NubOutcome *self);

/**
 * nub_outcome_get_output_state:
 * @self: an outcome
 *
 * Says whether the output is all that was asked for.
 *
 * Returns: why an output is empty.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubOutputState nub_outcome_get_output_state(NubOutcome *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubCall, nub_call_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubOutcome, nub_outcome_unref)

G_END_DECLS

#endif
