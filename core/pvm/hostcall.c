/* hostcall.c - one host call of a run, answered from a table; see hostcall.h
 *
 * A callback sees registers, gas and memory of the machine and may change them; it never sees the
 * machine itself. The price is taken before it is asked.
 */
#include "hostcall.h"

const struct nub_host_entry *
nub_host_search(const struct nub_host_table *hosts, uint32_t number)
{
    uint32_t low = 0, high = hosts->n_entries;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hosts->entries[middle].number == number)
            return &hosts->entries[middle];
        if (hosts->entries[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum nub_host_answer
nub_host_answer_of(uint32_t verdict)
{
    switch (verdict) {
    case NUB_HOST_CONTINUE:
        return NUB_HOST_ANSWER_GO_ON;
    case NUB_HOST_FINISH:
        return NUB_HOST_ANSWER_FINISHED;
    case NUB_HOST_PAUSE:
        return NUB_HOST_ANSWER_EXIT;
    case NUB_HOST_OUT_OF_GAS:
        return NUB_HOST_ANSWER_OUT_OF_GAS;
    default:
        return NUB_HOST_ANSWER_FAILED;
    }
}

void
nub_host_end(enum nub_host_answer answer, const struct nub_host_call *call,
             const struct nub_program *program, const struct nub_host_end *end)
{
    switch (answer) {
    case NUB_HOST_ANSWER_GO_ON:
    case NUB_HOST_ANSWER_EXIT:
    case NUB_HOST_ANSWER_FAILED:
        break;
    case NUB_HOST_ANSWER_FINISHED:
        *end->reason = NUB_EXIT_HALT;
        *end->arg = 0;
        *end->finished = true;
        call->regs[7] = call->finish_value;
        break;
    case NUB_HOST_ANSWER_OUT_OF_GAS:
        /* The gas is what it was there (the block of the ecalli is paid). The ecalli is the nearest
         * instruction start below pc. */
        *end->reason = NUB_EXIT_OUT_OF_GAS;
        *end->arg = 0;
        do
            --*end->pc;
        while (*end->pc > 0 && !nub_program_is_start(program, *end->pc));
        break;
    }
}
