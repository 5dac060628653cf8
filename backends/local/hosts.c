/* hosts.c - host tables: the run goes on through callbacks (caps.md 4.6)
 *
 * A callback sees registers, gas and memory of the machine and may change them; it never sees the
 * machine itself. The price is taken before it is asked.
 */
#include "hosts.h"
#include "local-private.h"

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

static int32_t
read_memory(void *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure)
{
    struct nub_machine *m = machine;

    return (int32_t)nub_memory_read(m->memory, address, data, size, failure);
}

static int32_t
write_memory(void *machine, uint64_t address, const void *data, uint64_t size,
             struct nub_failure *failure)
{
    struct nub_machine *m = machine;

    return (int32_t)nub_memory_write(m->memory, address, data, size, failure);
}

/* The ecalli that ended just before `pc`: the nearest instruction start below. */
static uint32_t
ecalli_before(const struct nub_program *program, uint32_t pc)
{
    do
        pc--;
    while (!nub_program_is_start(program, pc));
    return pc;
}

enum answer { GO_ON, END, FAIL };

static enum answer
ask(struct nub_machine *m, const struct nub_host_entry *entry, bool *finished)
{
    if (m->gas < entry->price) {
        m->reason = NUB_EXIT_OUT_OF_GAS;
        m->arg = 0;
        m->pc = ecalli_before(&m->code->program, m->pc);
        return END;
    }
    m->gas -= entry->price;
    struct nub_host_call call = { .struct_size = sizeof call,
                                  .number = m->arg,
                                  .regs = m->regs,
                                  .gas = m->gas,
                                  .machine = m,
                                  .read = read_memory,
                                  .write = write_memory };
    uint32_t verdict = entry->call(entry->ctx, &call);
    if (call.gas < m->gas)
        m->gas = call.gas;
    switch (verdict) {
    case NUB_HOST_CONTINUE:
        return GO_ON;
    case NUB_HOST_FINISH:
        m->reason = NUB_EXIT_HALT;
        m->arg = 0;
        m->regs[7] = call.finish_value;
        *finished = true;
        return END;
    case NUB_HOST_PAUSE:
        return END;
    default:
        return FAIL;
    }
}

enum nub_status
nub_run_with_hosts(struct nub_machine *machine, const struct nub_host_table *hosts,
                   const struct nub_give_up *give_up, bool *finished, struct nub_failure *failure)
{
    for (;;) {
        enum nub_status status = nub_run(machine, give_up, failure);
        if (status != NUB_OK || machine->reason != NUB_EXIT_HOST_CALL)
            return status;
        const struct nub_host_entry *entry = find(hosts, machine->arg);
        if (!entry)
            return NUB_OK;
        switch (ask(machine, entry, finished)) {
        case GO_ON:
            break;
        case END:
            return NUB_OK;
        case FAIL:
            return nub_fail(failure, NUB_ERR_HOST_CALL_FAILED, "host call %u: failed",
                            machine->arg);
        }
    }
}
