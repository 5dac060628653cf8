/* hosts.c - host tables: callbacks answer the program's calls (caps.md 4.6)
 *
 * How a call is answered is core/pvm/hostcall.c's; here is how a callback reaches this machine, and
 * that it sees all of the gas while the run goes on in slices of it.
 */
#include "hostcall.h"
#include "interp.h"
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

/* What is left goes to the rest first: the slice ends where it would have, or earlier. */
static uint64_t
split_gas(struct nub_machine *m, uint64_t left)
{
    if (__builtin_expect(left < m->rest, 0))
        m->rest = left;
    return left - m->rest;
}

struct nub_answered
nub_answer_host_call(struct nub_machine *m, uint64_t gas)
{
    struct nub_host_call call = { .struct_size = sizeof call,
                                  .number = m->arg,
                                  .regs = m->regs,
                                  .gas = gas + m->rest,
                                  .machine = m,
                                  .read = read_memory,
                                  .write = write_memory };
    enum nub_host_answer answer;
    uint64_t left;

    if (m->give_up && nub_is_given_up(m->give_up))
        return (struct nub_answered){ gas, NUB_ANSWER_NONE };
    answer = nub_host_ask(m->hosts, &call, &left);
    gas = split_gas(m, left);
    if (answer == NUB_HOST_ANSWER_GO_ON)
        return (struct nub_answered){ gas, NUB_ANSWER_GO_ON };
    if (answer == NUB_HOST_ANSWER_FAILED)
        return (struct nub_answered){ gas, NUB_ANSWER_FAIL };
    nub_host_end(answer, &call, &m->code->program,
                 &(struct nub_host_end){ &m->pc, &m->reason, &m->arg, &m->finished });
    m->answered = true;
    return (struct nub_answered){ gas, NUB_ANSWER_EXIT };
}
