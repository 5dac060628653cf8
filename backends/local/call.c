/* call.c - invoke_cached, invoke and resume (caps.md 4.1 - 4.3)
 *
 * A call holds its instance, runs on a machine of its own and judges what is judged after a run.
 * All errors come in the order of caps.md 4.2. A call that fails has changed nothing: the only
 * thing a call ever changes is the directory, in nub_commit(), as its last step but the output's
 * copy.
 */
#include "commit.h"
#include "interp.h"
#include "local-private.h"
#include <string.h>

#define INPUT_END ((uint64_t)NUB_INPUT_ADDRESS + NUB_INPUT_MAX)

static uint64_t
cut_gas(uint64_t gas)
{
    return gas < NUB_GAS_MAX ? gas : NUB_GAS_MAX;
}

static void
start_at_endpoint(struct nub_machine *machine, const struct nub_held *held, uint32_t endpoint,
                  const uint64_t args[4])
{
    const struct nub_entry *entry = &held->resolved->entries[endpoint];

    memcpy(machine->regs, entry->regs, sizeof machine->regs);
    memcpy(machine->regs + 7, args, 4 * sizeof *args);
    machine->pc = entry->pc;
    machine->code = held->code;
}

int32_t
nub_local_invoke_cached(void *backend, const struct nub_invoke_args *args,
                        struct nub_result *result, struct nub_failure *failure)
{
    struct nub_local *local = backend;
    struct nub_target target = { .instance = args->instance, .endpoint = args->endpoint };
    struct nub_held held;
    struct nub_memory memory;
    struct nub_machine machine;

    enum nub_status status = nub_hold(local, &target, &held, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    nub_memory_init(&memory, local, &held.resolved->plan);
    memory.eager |= held.often;
    start_at_endpoint(&machine, &held, args->endpoint, args->args);
    machine.gas = cut_gas(args->gas);
    machine.memory = &memory;
    nub_machine_init(&machine);
    status = nub_run(&machine, failure);
    if (status == NUB_OK)
        nub_machine_result(&machine, result);
    nub_memory_clear(&memory);
    nub_release(local, &held);
    return (int32_t)status;
}

/* ---- the full call --------------------------------------------------------------------------- */

static bool
has_input_zone_page(const struct nub_memplan *plan)
{
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        const struct nub_region *region = &plan->regions[i];
        if (region->start < INPUT_END && region->start + region->size > NUB_INPUT_ADDRESS)
            return true;
    }
    return false;
}

static enum nub_status
lay_input(struct nub_machine *machine, const struct nub_call *call, const struct nub_held *held,
          struct nub_failure *failure)
{
    if (!(call->flags & NUB_CALL_INPUT))
        return NUB_OK;
    if (has_input_zone_page(&held->resolved->plan))
        return nub_fail_hash(failure, NUB_ERR_INPUT_REFUSED, &call->instance,
                             "instance %h: has pages in the input zone", &call->instance);
    machine->regs[7] = NUB_INPUT_ADDRESS;
    machine->regs[8] = call->input.size;
    return nub_memory_map_input(machine->memory, call->input, failure);
}

static void
start_where_paused(struct nub_machine *machine, const struct nub_held *held,
                   const struct nub_call *call)
{
    const struct nub_instance *instance = &held->entry->cap.u.instance;

    memcpy(machine->regs, call->flags & NUB_CALL_REGS ? call->regs : instance->regs,
           sizeof machine->regs);
    machine->pc = (uint32_t)instance->pc;
    machine->code = held->code;
}

/* ---- output ---------------------------------------------------------------------------------- */

static void
release_output(struct nub_bytes *bytes)
{
    struct nub_local *local = bytes->ctx;

    nub_free(&local->alloc, (void *)(uintptr_t)bytes->data, bytes->size);
    *bytes = (struct nub_bytes){ .data = NULL };
}

/* Judged in the order of caps.md 4.2: phi7, the sum, max_output, pages. */
static uint32_t
judge_output(const struct nub_machine *machine, uint64_t max_output)
{
    uint64_t address = machine->regs[7], size = machine->regs[8], failing;

    if (size == 0)
        return NUB_OUTPUT_NONE;
    if (address >= NUB_MEMORY_END || size > NUB_MEMORY_END - address)
        return NUB_OUTPUT_UNREADABLE;
    if (size > max_output)
        return NUB_OUTPUT_TOO_LONG;
    if (!nub_memory_range_allows(machine->memory, address, size, NUB_PAGE_RO, &failing))
        return NUB_OUTPUT_UNREADABLE;
    return NUB_OUTPUT_NONE;
}

static enum nub_status
read_output(const struct nub_call *call, struct nub_machine *machine, struct nub_outcome *outcome,
            struct nub_failure *failure)
{
    struct nub_local *local = machine->memory->local;
    uint64_t size = machine->regs[8];

    outcome->output_flag = judge_output(machine, call->max_output);
    if (outcome->output_flag != NUB_OUTPUT_NONE || size == 0)
        return NUB_OK;
    uint8_t *bytes = nub_alloc(&local->alloc, size);
    if (!bytes)
        return nub_local_no_memory(failure);
    enum nub_status status =
        nub_memory_read(machine->memory, machine->regs[7], bytes, size, failure);
    if (status != NUB_OK) {
        nub_free(&local->alloc, bytes, size);
        return status;
    }
    outcome->output =
        (struct nub_bytes){ .data = bytes, .size = size, .release = release_output, .ctx = local };
    return NUB_OK;
}

/* ---- putting it together --------------------------------------------------------------------- */

static enum nub_status
run_and_commit(const struct nub_call *call, struct nub_machine *machine,
               const struct nub_held *held, struct nub_outcome *outcome,
               struct nub_failure *failure)
{
    struct nub_give_up give_up = { .flag = call->cancel, .deadline_ns = call->deadline_ns };

    machine->give_up = call->cancel || call->deadline_ns ? &give_up : NULL;
    machine->hosts = call->hosts;
    enum nub_status status = nub_run(machine, failure);
    if (status != NUB_OK)
        return status;
    nub_machine_result(machine, &outcome->result);
    if ((call->flags & NUB_CALL_OUTPUT) && machine->reason == NUB_EXIT_HALT && !machine->finished)
        status = read_output(call, machine, outcome, failure);
    if (status == NUB_OK && (call->flags & NUB_CALL_COMMIT)) {
        struct nub_commit commit = {
            .machine = machine,
            .held = held,
            .advance = call->flags & NUB_CALL_ADVANCE,
            .expected_head = call->flags & NUB_CALL_EXPECTED_HEAD ? &call->expected_head : NULL,
        };
        status = nub_commit(&commit, &outcome->successor, failure);
    }
    if (status != NUB_OK && outcome->output.release)
        outcome->output.release(&outcome->output);
    return status;
}

static enum nub_status
call_held(const struct nub_call *call, bool resume, const struct nub_held *held,
          struct nub_local *local, struct nub_outcome *outcome, struct nub_failure *failure)
{
    struct nub_memory memory;
    struct nub_machine machine = { .gas = cut_gas(call->gas), .memory = &memory };

    nub_memory_init(&memory, local, &held->resolved->plan);
    memory.eager |= held->often;
    if (resume)
        start_where_paused(&machine, held, call);
    else
        start_at_endpoint(&machine, held, call->endpoint, call->args);
    enum nub_status status = lay_input(&machine, call, held, failure);
    if (status == NUB_OK && (call->flags & NUB_CALL_EXPECTED_HEAD))
        status = nub_judge_head(local, &call->expected_head, failure);
    if (status == NUB_OK)
        status = run_and_commit(call, &machine, held, outcome, failure);
    nub_memory_clear(&memory);
    return status;
}

static int32_t
full_call(struct nub_local *local, const struct nub_call *given, bool resume,
          struct nub_outcome *outcome, struct nub_failure *failure)
{
    struct nub_call call = { .struct_size =
                                 0 }; /* members that the caller does not know are zero */
    struct nub_outcome answer = { .struct_size = outcome->struct_size };
    struct nub_held held;

    memcpy(&call, given, given->struct_size < sizeof call ? given->struct_size : sizeof call);
    struct nub_target target = { .instance = call.instance,
                                 .endpoint = call.endpoint,
                                 .gas_model = call.gas_model,
                                 .mem_cycles = call.mem_cycles,
                                 .resume = resume };
    enum nub_status status = nub_judge_call(&call, resume, failure);
    if (status == NUB_OK)
        status = nub_hold(local, &target, &held, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    status = call_held(&call, resume, &held, local, &answer, failure);
    nub_release(local, &held);
    if (status == NUB_OK)
        *outcome = answer;
    return (int32_t)status;
}

int32_t
nub_local_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
                 struct nub_failure *failure)
{
    return full_call(backend, call, false, outcome, failure);
}

int32_t
nub_local_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
                 struct nub_failure *failure)
{
    return full_call(backend, call, true, outcome, failure);
}
