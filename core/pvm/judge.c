/* judge.c - the rules of calls that depend on no backend
 *
 * One place for what each of them must answer alike, to the word. Nothing here looks at a
 * directory or at memory.
 */
#include "judge.h"
#include "failure.h"
#include "gas.h"

enum nub_status
nub_judge_gas_setting(uint32_t gas_model, uint32_t mem_cycles, struct nub_failure *failure)
{
    if (gas_model != NUB_GAS_DEFAULT && !nub_gas_model_name(gas_model))
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "gas model %u: no such model",
                        gas_model);
    if (mem_cycles > NUB_MEM_CYCLES_MAX)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "mem_cycles %u: more than %u",
                        mem_cycles, NUB_MEM_CYCLES_MAX);
    return NUB_OK;
}

enum nub_status
nub_judge_call(const struct nub_call *call, bool resume, struct nub_failure *failure)
{
    const uint32_t known = NUB_CALL_INPUT | NUB_CALL_OUTPUT | NUB_CALL_COMMIT | NUB_CALL_ADVANCE |
                           NUB_CALL_EXPECTED_HEAD | NUB_CALL_REGS;
    enum nub_status status;

    if (call->flags & ~known)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "call: unknown flags %x",
                        call->flags & ~known);
    if ((call->flags & NUB_CALL_ADVANCE) && !(call->flags & NUB_CALL_COMMIT))
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "call: advance without commit");
    if (call->flags & (resume ? NUB_CALL_INPUT : NUB_CALL_REGS))
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        resume ? "call: resume takes no input" : "call: invoke takes no registers");
    status = nub_judge_gas_setting(call->gas_model, call->mem_cycles, failure);
    if (status == NUB_OK && (call->flags & NUB_CALL_INPUT) && call->input.size > NUB_INPUT_MAX)
        status = nub_fail(failure, NUB_ERR_INPUT_TOO_LONG, "input: %U bytes, at most %u",
                          call->input.size, NUB_INPUT_MAX);
    return status;
}

bool
nub_exit_has_successor(uint32_t exit_reason, bool session)
{
    switch (exit_reason) {
    case NUB_EXIT_HALT:
    case NUB_EXIT_HOST_CALL:
    case NUB_EXIT_ECALL:
        return true;
    case NUB_EXIT_OUT_OF_GAS:
    case NUB_EXIT_PAGE_FAULT:
        return session;
    default:
        return false;
    }
}
