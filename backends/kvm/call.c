/* call.c - invoke_cached, invoke and resume (caps.md 4.1 - 4.3)
 *
 * The pure call is one request. The full one opens a machine, runs it through its host table and
 * judges what is judged after a run, errors in the order of caps.md 4.2; only its last step changes
 * anything. */
#include "kvm-private.h"
#include "bytes.h"
#include "judge.h"
#include <stdlib.h>
#include <string.h>

#define END ((uint64_t)1 << 32)

static uint64_t
cut_gas(uint64_t gas)
{
    return gas < NUB_GAS_MAX ? gas : NUB_GAS_MAX;
}

/* ---- the pure call ----------------------------------------------------------------------- */

static enum nub_status
invoke_once(struct nub_kvm *kvm, const struct nub_lane_call *call, uint32_t hint,
            struct nub_failure *failure)
{
    struct nub_lane *lane;
    enum nub_status status = nub_lane_take(kvm, hint, &lane, failure);

    if (status)
        return status;
    status = nub_lane_call(lane, call, failure);
    nub_lane_give(lane);
    return status;
}

int32_t
nub_kvm_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                      struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    const struct nub_packet_invoke packet = { .instance = args->instance,
                                              .endpoint = args->endpoint,
                                              .args = { args->args[0], args->args[1], args->args[2],
                                                        args->args[3] },
                                              .gas = cut_gas(args->gas) };
    struct nub_result reply;
    const struct nub_lane_call call = { .request = NUB_REQUEST_INVOKE_CACHED,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .reply = &reply,
                                        .reply_size = sizeof reply,
                                        .limit_ns = nub_kvm_run_limit(kvm, packet.gas) };
    struct nub_retry retry = { 0 };
    uint32_t lane = 0;
    enum nub_status status = nub_kvm_judge_process(kvm, failure);

    if (!status && !nub_book_lane(kvm, &args->instance, &lane))
        status = nub_fail_hash(failure, NUB_ERR_NOT_PUBLISHED, &args->instance,
                               "instance %h: not published", &args->instance);
    if (status)
        return status;
    do {
        status = invoke_once(kvm, &call, lane, failure);
    } while (status && nub_residence_retry(kvm, &args->instance, &retry, &status, failure));
    if (status)
        return status;
    if (!nub_kvm_is_result(&reply, packet.gas))
        return nub_kvm_corrupt(kvm, "a run ended in a way that does not exist", failure);
    nub_count(&kvm->calls, 1);
    *result = reply;
    return NUB_OK;
}

/* ---- the full call ----------------------------------------------------------------------- */

static enum nub_status
lay_input(struct nub_machine *machine, const struct nub_call *call, struct nub_failure *failure)
{
    uint64_t pages = (call->input.size + NUB_PAGE_SIZE - 1) & ~(uint64_t)(NUB_PAGE_SIZE - 1);
    enum nub_status status;

    machine->regs[7] = NUB_INPUT_ADDRESS;
    machine->regs[8] = call->input.size;
    if (call->input.size == 0)
        return NUB_OK;
    status = nub_machine_map(machine, NUB_INPUT_ADDRESS, pages, NUB_ACCESS_READ_ONLY, failure);
    if (status)
        return status;
    return nub_machine_write(machine, NUB_INPUT_ADDRESS, call->input.data, call->input.size,
                             failure);
}

static void
release_output(struct nub_bytes *bytes)
{
    free((void *)(uintptr_t)bytes->data);
    *bytes = (struct nub_bytes){ .data = NULL };
}

/* Judged in the order of caps.md 4.2: phi7, the sum, max_output, pages. */
static enum nub_status
read_output(struct nub_machine *machine, const struct nub_call *call, struct nub_outcome *outcome,
            struct nub_failure *failure)
{
    uint64_t address = machine->regs[7], size = machine->regs[8];
    enum nub_status status;
    uint8_t *bytes;

    if (size == 0)
        return NUB_OK;
    outcome->output_flag = NUB_OUTPUT_UNREADABLE;
    if (address >= END || size > END - address)
        return NUB_OK;
    if (size > call->max_output) {
        outcome->output_flag = NUB_OUTPUT_TOO_LONG;
        return NUB_OK;
    }
    status = nub_machine_judge_range(machine, address, size, failure);
    if (status)
        return status == NUB_ERR_NOT_MAPPED ? NUB_OK : status;
    outcome->output_flag = NUB_OUTPUT_NONE;
    bytes = malloc(size);
    if (!bytes)
        return nub_kvm_no_memory(failure);
    status = nub_machine_read(machine, address, bytes, size, failure);
    if (status) {
        free(bytes);
        return status;
    }
    outcome->output = (struct nub_bytes){ .data = bytes, .size = size, .release = release_output };
    return NUB_OK;
}

static enum nub_status
run_and_commit(struct nub_machine *machine, const struct nub_call *call,
               struct nub_outcome *outcome, struct nub_failure *failure)
{
    const struct nub_give_up give_up = { .cancel = call->cancel, .deadline_ns = call->deadline_ns };
    const struct nub_commit commit = { .machine = machine,
                                       .advance = (call->flags & NUB_CALL_ADVANCE) != 0,
                                       .expected_head = call->flags & NUB_CALL_EXPECTED_HEAD
                                                            ? &call->expected_head
                                                            : NULL };
    bool finished = false;
    enum nub_status status = nub_run_with_hosts(machine, call->hosts, &give_up, &finished, failure);

    if (status)
        return status;
    nub_machine_result(machine, &outcome->result);
    if ((call->flags & NUB_CALL_OUTPUT) && machine->reason == NUB_EXIT_HALT && !finished)
        status = read_output(machine, call, outcome, failure);
    if (!status && (call->flags & NUB_CALL_COMMIT))
        status = nub_commit(&commit, &outcome->successor, failure);
    if (status && outcome->output.release)
        outcome->output.release(&outcome->output);
    return status;
}

static enum nub_status
set_up(struct nub_machine *machine, const struct nub_call *call, bool resume,
       struct nub_failure *failure)
{
    enum nub_status status = NUB_OK;

    machine->gas = cut_gas(call->gas);
    if (!resume)
        memcpy(machine->regs + 7, call->args, sizeof call->args);
    else if (call->flags & NUB_CALL_REGS)
        memcpy(machine->regs, call->regs, sizeof machine->regs);
    if ((call->flags & NUB_CALL_INPUT) && machine->input_zone)
        return nub_fail_hash(failure, NUB_ERR_INPUT_REFUSED, &call->instance,
                             "instance %h: has pages in the input zone", &call->instance);
    if (call->flags & NUB_CALL_EXPECTED_HEAD)
        status = nub_book_judge_head(machine->kvm, &call->expected_head, failure);
    if (!status && (call->flags & NUB_CALL_INPUT))
        status = lay_input(machine, call, failure);
    return status;
}

static enum nub_status
full_call(struct nub_kvm *kvm, const struct nub_call *call, bool resume,
          struct nub_outcome *outcome, struct nub_failure *failure)
{
    const struct nub_machine_args args = { .instance = call->instance,
                                           .endpoint = call->endpoint,
                                           .resume = resume,
                                           .gas_model = call->gas_model,
                                           .mem_cycles = call->mem_cycles };
    struct nub_outcome answer = { .struct_size = outcome->struct_size };
    struct nub_machine machine;
    enum nub_status status = nub_kvm_judge_process(kvm, failure);

    if (!status)
        status = nub_judge_call(call, resume, failure);
    if (!status)
        status = nub_machine_open(&machine, kvm, &args, failure);
    if (status)
        return status;
    status = set_up(&machine, call, resume, failure);
    if (!status)
        status = run_and_commit(&machine, call, &answer, failure);
    nub_machine_close(&machine);
    if (!status) {
        nub_count(&kvm->calls, 1);
        *outcome = answer;
    }
    return status;
}

int32_t
nub_kvm_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
               struct nub_failure *failure)
{
    return full_call(backend, call, false, outcome, failure);
}

int32_t
nub_kvm_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
               struct nub_failure *failure)
{
    return full_call(backend, call, true, outcome, failure);
}
