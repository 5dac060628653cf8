/* hostcall.c - one host call of a run, answered from a table; see hostcall.h
 *
 * A callback sees registers, gas and memory of the machine and may change them; it never sees the
 * machine itself. The price is taken before it is asked.
 */
#include "hostcall.h"

static const struct nub_host_entry *
find(const struct nub_host_table *hosts, uint32_t number)
{
    uint32_t low = 0, high = hosts ? hosts->n_entries : 0;

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

/*
 * A price that does not fit: the run ends before the ecalli, with the gas that it had there (the
 * block of the ecalli is paid). The ecalli is the nearest instruction start below pc.
 */
static enum nub_host_answer
out_of_gas(const struct nub_host_stop *stop, uint64_t gas)
{
    *stop->gas = gas;
    *stop->reason = NUB_EXIT_OUT_OF_GAS;
    *stop->arg = 0;
    do
        --*stop->pc;
    while (*stop->pc > 0 && !nub_program_is_start(stop->program, *stop->pc));
    return NUB_HOST_ANSWER_END;
}

enum nub_host_answer
nub_host_ask(const struct nub_host_table *hosts, const struct nub_host_stop *stop, bool *finished)
{
    const struct nub_host_entry *entry = find(hosts, *stop->arg);
    uint64_t gas = *stop->gas;

    if (!entry)
        return NUB_HOST_ANSWER_END;
    if (gas < entry->price)
        return out_of_gas(stop, gas);
    struct nub_host_call call = { .struct_size = sizeof call,
                                  .number = *stop->arg,
                                  .regs = stop->regs,
                                  .gas = gas - entry->price,
                                  .machine = stop->machine,
                                  .read = stop->read,
                                  .write = stop->write };
    *stop->gas = call.gas;
    uint32_t verdict = entry->call(entry->ctx, &call);
    if (call.gas < *stop->gas)
        *stop->gas = call.gas;
    switch (verdict) {
    case NUB_HOST_CONTINUE:
        return NUB_HOST_ANSWER_GO_ON;
    case NUB_HOST_FINISH:
        *stop->reason = NUB_EXIT_HALT;
        *stop->arg = 0;
        stop->regs[7] = call.finish_value;
        *finished = true;
        return NUB_HOST_ANSWER_END;
    case NUB_HOST_PAUSE:
        return NUB_HOST_ANSWER_END;
    case NUB_HOST_OUT_OF_GAS:
        return out_of_gas(stop, gas);
    default:
        return NUB_HOST_ANSWER_FAILED;
    }
}
