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
static void
split_gas(struct nub_machine *m, uint64_t rest)
{
    m->rest = m->gas < rest ? m->gas : rest;
    m->gas -= m->rest;
}

enum nub_answer
nub_answer_host_call(struct nub_machine *m)
{
    const struct nub_host_stop stop = { .regs = m->regs,
                                        .gas = &m->gas,
                                        .pc = &m->pc,
                                        .reason = &m->reason,
                                        .arg = &m->arg,
                                        .program = &m->code->program,
                                        .machine = m,
                                        .read = read_memory,
                                        .write = write_memory };
    uint64_t rest = m->rest;

    if (m->give_up && nub_given_up(m->give_up, NULL) != NUB_OK)
        return NUB_ANSWER_NONE;
    m->gas += rest;
    enum nub_host_answer answer = nub_host_ask(m->hosts, &stop, &m->finished);
    split_gas(m, rest);
    switch (answer) {
    case NUB_HOST_ANSWER_GO_ON:
        return NUB_ANSWER_GO_ON;
    case NUB_HOST_ANSWER_END:
        m->answered = true;
        return NUB_ANSWER_EXIT;
    case NUB_HOST_ANSWER_FAILED:
        break;
    }
    return NUB_ANSWER_FAIL;
}
