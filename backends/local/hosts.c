/* hosts.c - host tables: the run goes on through callbacks (caps.md 4.6)
 *
 * How a call is answered is core/pvm/hostcall.c's; here is how a callback reaches this machine.
 */
#include "hosts.h"
#include "hostcall.h"
#include "local-private.h"

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

enum nub_status
nub_run_with_hosts(struct nub_machine *machine, const struct nub_host_table *hosts,
                   const struct nub_give_up *give_up, bool *finished, struct nub_failure *failure)
{
    const struct nub_host_stop stop = { .regs = machine->regs,
                                        .gas = &machine->gas,
                                        .pc = &machine->pc,
                                        .reason = &machine->reason,
                                        .arg = &machine->arg,
                                        .program = &machine->code->program,
                                        .machine = machine,
                                        .read = read_memory,
                                        .write = write_memory };

    for (;;) {
        enum nub_status status = nub_run(machine, give_up, failure);
        if (status != NUB_OK || machine->reason != NUB_EXIT_HOST_CALL)
            return status;
        switch (nub_host_ask(hosts, &stop, finished)) {
        case NUB_HOST_ANSWER_GO_ON:
            break;
        case NUB_HOST_ANSWER_END:
            return NUB_OK;
        case NUB_HOST_ANSWER_FAILED:
            return nub_fail(failure, NUB_ERR_HOST_CALL_FAILED, "host call %u: failed",
                            machine->arg);
        }
    }
}
