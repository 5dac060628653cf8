/* run.c - one run of a program to its exit, and the call that is nothing but that
 *
 * Gas is given in slices, so that a run of any length can be stopped: out of gas at the end of a
 * slice is as if it had not happened. Runs without the kernel lock; everything else happens under
 * it. */
#include "guest.h"
#include "failure.h"
#include "mem.h"

/* The first slice lasts some ten microseconds, the longest a few milliseconds: how soon a run stops
 * is in proportion to how long it has run. */
#define FIRST_SLICE (1ull << 16)
#define LAST_SLICE  (1ull << 22)

/* Enters the code at machine->state.pc with the gas that is in the state. */
static void
run_once(struct guest_context *context, struct guest_machine *machine)
{
    struct nub_jit_state *state = &machine->state;
    struct nub_jit_tail tail;

    machine->tail = NULL;
    switch (nub_jit_start(&machine->code->jit, state)) {
    case NUB_JIT_EXITED:
        return;
    case NUB_JIT_IN_BLOCK:
        nub_jit_tail(&tail, &machine->code->jit, state->pc, context->tail_code);
        state->target = NUB_GUEST_EXEC + guest_physical(context->tail_code);
        machine->tail = &tail;
        break;
    case NUB_JIT_AT_BLOCK:
        break;
    }
    context->machine = machine;
    ((nub_jit_enter_fn)machine->code->address)(state);
    context->machine = NULL;
    machine->tail = NULL;
}

/* True when the host wanted an end. */
static bool
run_slices(struct guest_context *context, struct guest_machine *machine)
{
    const struct nub_mailbox *mailbox = guest_mailbox(context->lane);
    struct nub_jit_state *state = &machine->state;
    uint64_t budget = state->gas, slice = FIRST_SLICE;

    for (;;) {
        uint64_t given = budget < slice ? budget : slice;
        bool all = given == budget;

        state->gas = given;
        run_once(context, machine);
        /* One block may cost more than any slice. */
        if (slice < LAST_SLICE || (state->gas == given && slice < NUB_GAS_MAX))
            slice *= 2;
        budget = budget - given + state->gas;
        state->gas = budget;
        if (machine->failed || state->exit_reason != NUB_EXIT_OUT_OF_GAS || all)
            return false;
        guest_beat(context);
        if (__atomic_load_n(&mailbox->stop, __ATOMIC_ACQUIRE))
            return true;
    }
}

enum nub_status
guest_run(struct guest_context *context, struct guest_machine *machine, bool *stopped,
          struct nub_failure *failure)
{
    machine->failed = NUB_OK;
    machine->state.code = machine->code->address;
    machine->state.dispatch = machine->code->jit.dispatch;
    guest_window_enter(context, machine->window);
    guest.stats.runs++;
    machine->window->in_use = true;
    guest_unlock();
    *stopped = run_slices(context, machine);
    guest_lock();
    machine->window->in_use = false;
    if (machine->failed)
        return nub_fail(failure, machine->failed, "guest memory is full");
    return NUB_OK;
}

static int32_t
invoke(struct guest_context *context, struct guest_instance *instance,
       const struct nub_packet_invoke *packet, struct guest_machine *machine,
       struct nub_failure *failure)
{
    const struct guest_endpoint *endpoint = &instance->endpoints[packet->endpoint];
    struct nub_jit_state *state = &machine->state;
    enum nub_status status;
    bool stopped = false;

    memcpy(state->regs, endpoint->regs, sizeof state->regs);
    memcpy(&state->regs[7], packet->args, sizeof packet->args);
    state->pc = endpoint->pc;
    state->gas = packet->gas < NUB_GAS_MAX ? packet->gas : NUB_GAS_MAX;
    nub_dir_pin(guest.dir, instance->entry);
    status = guest_run(context, machine, &stopped, failure);
    if (machine->window->n_own > 0)
        context->dirty = machine->window;
    if (!status && stopped)
        status = nub_fail(failure, NUB_ERR_CANCELLED, "the call was cancelled");
    nub_dir_unpin(guest.dir, instance->entry);
    return status;
}

int32_t
guest_answer_invoke(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_invoke *packet = (const void *)mailbox->packet;
    const struct nub_guest_boot *boot = guest_boot();
    struct nub_result *result = (void *)mailbox->packet;
    const struct guest_target target = { &packet->instance, packet->endpoint, false };
    struct guest_instance *instance;
    struct guest_machine machine;
    enum nub_status status = guest_resolve(&instance, &target, &mailbox->failure);

    if (!status)
        status = guest_code_hold(&machine.code, instance->image, boot->gas_model, boot->mem_cycles,
                                 &mailbox->failure);
    if (status)
        return status;
    machine.window = guest_window_of(context, instance);
    if (machine.window)
        status = invoke(context, instance, packet, &machine, &mailbox->failure);
    else
        status = nub_fail(&mailbox->failure, NUB_ERR_NO_MEMORY, "guest memory is full");
    guest_code_release(machine.code);
    if (status)
        return status;
    *result = (struct nub_result){ .exit_reason = machine.state.exit_reason,
                                   .exit_arg = machine.state.exit_arg,
                                   .return_value = machine.state.regs[7],
                                   .gas_remaining = machine.state.gas };
    mailbox->reply_size = sizeof *result;
    return NUB_OK;
}
