/* call.c - NubCall and NubOutcome: the structs of <nub/plugin.h> with owners
 *
 * Nothing is judged here: which combinations are allowed is the backend's to say (caps.md 4.2), so
 * that every way into it gives the same errors in the same order.
 */
#include "kernel-private.h"

#include <string.h>

struct _NubCall {
    struct nub_call abi; /* complete but for input and hosts */
    GBytes *input;       /* (nullable) */
    NubHostTable *hosts; /* (nullable) */
};

struct _NubOutcome {
    NubResult result;
    NubHash successor;
    guint32 output_flag;
    GBytes *output; /* (nullable) */
};

G_DEFINE_BOXED_TYPE(NubCall, nub_call, nub_call_ref, nub_call_unref)
G_DEFINE_BOXED_TYPE(NubOutcome, nub_outcome, nub_outcome_ref, nub_outcome_unref)

NubCall *
nub_call_new(const NubHash *instance)
{
    NubCall *self;

    g_return_val_if_fail(instance, NULL);
    self = g_atomic_rc_box_new0(NubCall);
    self->abi.struct_size = sizeof self->abi;
    self->abi.instance = *instance;
    return self;
}

NubCall *
nub_call_ref(NubCall *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
call_clear(gpointer data)
{
    NubCall *self = data;

    g_clear_pointer(&self->input, g_bytes_unref);
    g_clear_pointer(&self->hosts, nub_host_table_unref);
}

void
nub_call_unref(NubCall *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, call_clear);
}

static void
set_flag(NubCall *self, guint32 flag, gboolean on)
{
    if (on)
        self->abi.flags |= flag;
    else
        self->abi.flags &= ~flag;
}

void
nub_call_set_instance(NubCall *self, const NubHash *instance)
{
    g_return_if_fail(self && instance);
    self->abi.instance = *instance;
}

void
nub_call_set_endpoint(NubCall *self, guint32 endpoint)
{
    g_return_if_fail(self);
    self->abi.endpoint = endpoint;
}

void
nub_call_set_args(NubCall *self, const guint64 *args)
{
    g_return_if_fail(self);
    if (args)
        memcpy(self->abi.args, args, sizeof self->abi.args);
    else
        memset(self->abi.args, 0, sizeof self->abi.args);
}

void
nub_call_set_gas(NubCall *self, guint64 gas)
{
    g_return_if_fail(self);
    self->abi.gas = gas;
}

void
nub_call_set_gas_model(NubCall *self, NubGasModel gas_model, guint32 mem_cycles)
{
    g_return_if_fail(self);
    self->abi.gas_model = gas_model;
    self->abi.mem_cycles = mem_cycles;
}

void
nub_call_set_input(NubCall *self, GBytes *input)
{
    g_return_if_fail(self);
    if (input)
        g_bytes_ref(input);
    g_clear_pointer(&self->input, g_bytes_unref);
    self->input = input;
    set_flag(self, NUB_CALL_INPUT, input != NULL);
}

void
nub_call_set_want_output(NubCall *self, gboolean want, guint64 max_output)
{
    g_return_if_fail(self);
    set_flag(self, NUB_CALL_OUTPUT, want);
    self->abi.max_output = max_output;
}

void
nub_call_set_commit(NubCall *self, gboolean commit)
{
    g_return_if_fail(self);
    set_flag(self, NUB_CALL_COMMIT, commit);
}

void
nub_call_set_advance(NubCall *self, gboolean advance)
{
    g_return_if_fail(self);
    set_flag(self, NUB_CALL_ADVANCE, advance);
}

void
nub_call_set_expected_head(NubCall *self, const NubHash *head)
{
    g_return_if_fail(self);
    set_flag(self, NUB_CALL_EXPECTED_HEAD, head != NULL);
    self->abi.expected_head = head ? *head : (NubHash){ { 0 } };
}

void
nub_call_set_regs(NubCall *self, const guint64 *regs)
{
    g_return_if_fail(self);
    set_flag(self, NUB_CALL_REGS, regs != NULL);
    if (regs)
        memcpy(self->abi.regs, regs, sizeof self->abi.regs);
}

void
nub_call_set_deadline(NubCall *self, gint64 deadline)
{
    g_return_if_fail(self && deadline >= 0);
    self->abi.deadline_ns = (uint64_t)MIN(deadline, G_MAXINT64 / 1000) * 1000;
}

void
nub_call_set_host_table(NubCall *self, NubHostTable *table)
{
    g_return_if_fail(self);
    if (table)
        nub_host_table_ref(table);
    g_clear_pointer(&self->hosts, nub_host_table_unref);
    self->hosts = table;
}

void
nub_call_fill(const NubCall *self, struct nub_call *call)
{
    *call = self->abi;
    if (self->input) {
        gsize size = 0;
        call->input.data = g_bytes_get_data(self->input, &size);
        call->input.size = size;
    }
    call->hosts = nub_host_table_freeze(self->hosts);
}

gboolean
nub_call_is_pure(const NubCall *self)
{
    return self->abi.flags == 0 && self->abi.gas_model == NUB_GAS_DEFAULT &&
           self->abi.mem_cycles == 0 && self->abi.deadline_ns == 0 && !self->hosts;
}

/* ---- the outcome ------------------------------------------------------------------------- */

NubOutcome *
nub_outcome_new(NubKernel *kernel, const struct nub_outcome *outcome, gboolean wanted)
{
    NubOutcome *self = g_atomic_rc_box_new0(NubOutcome);
    GBytes *output = nub_bytes_take(G_OBJECT(kernel), &outcome->output);

    self->result = outcome->result;
    self->successor = outcome->successor;
    self->output_flag = outcome->output_flag;
    if (wanted)
        self->output = output;
    else
        g_bytes_unref(output);
    return self;
}

NubOutcome *
nub_outcome_ref(NubOutcome *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
outcome_clear(gpointer data)
{
    NubOutcome *self = data;

    g_clear_pointer(&self->output, g_bytes_unref);
}

void
nub_outcome_unref(NubOutcome *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, outcome_clear);
}

void
nub_outcome_get_result(NubOutcome *self, NubResult *result)
{
    g_return_if_fail(self && result);
    *result = self->result;
}

gboolean
nub_outcome_get_successor(NubOutcome *self, NubHash *successor)
{
    g_return_val_if_fail(self && successor, FALSE);
    *successor = self->successor;
    return !nub_hash_is_none(successor);
}

GBytes *
nub_outcome_get_output(NubOutcome *self)
{
    g_return_val_if_fail(self, NULL);
    return self->output;
}

NubOutputState
nub_outcome_get_output_state(NubOutcome *self)
{
    g_return_val_if_fail(self, NUB_OUTPUT_STATE_NONE);
    return (NubOutputState)self->output_flag;
}
