/* hostcall.h - one host call of a run, answered from a table (caps.md 4.6)
 *
 * Shared by every backend that keeps its machines in this process: finds the callback, takes the
 * price, asks, and turns the answer into how the run goes on or ends. Runs nothing itself.
 */
#ifndef NUB_PVM_HOSTCALL_H
#define NUB_PVM_HOSTCALL_H

#include "program.h"

enum nub_host_answer {
    NUB_HOST_ANSWER_GO_ON = 0,  /* run on from where it is */
    NUB_HOST_ANSWER_EXIT,       /* there is no callback, or it paused: the run ends as HostCall */
    NUB_HOST_ANSWER_FINISHED,   /* ... as Halt */
    NUB_HOST_ANSWER_OUT_OF_GAS, /* ... as OutOfGas, before the ecalli */
    NUB_HOST_ANSWER_FAILED      /* the call fails: HOST_CALL_FAILED */
};

/** The callback of a number, or NULL: in any table. */
const struct nub_host_entry *nub_host_search(const struct nub_host_table *hosts, uint32_t number);
/** What a verdict of a callback means. */
enum nub_host_answer nub_host_answer_of(uint32_t verdict);

/* Most tables have no gaps: then a number is at its distance from the first. */
static inline const struct nub_host_entry *
nub_host_find(const struct nub_host_table *hosts, uint32_t number)
{
    uint32_t guess;

    if (!hosts || hosts->n_entries == 0)
        return NULL;
    guess = number - hosts->entries[0].number;
    if (guess < hosts->n_entries && hosts->entries[guess].number == number)
        return &hosts->entries[guess];
    return nub_host_search(hosts, number);
}

/**
 * Answers one host call. `call` comes with the number, the registers, all of the gas, and how the
 * machine's memory is reached; `*left` becomes what is left of the gas. In the header because a
 * call takes less time than two trips of the gas through memory: the usual way keeps it in a register.
 */
static inline enum nub_host_answer
nub_host_ask(const struct nub_host_table *hosts, struct nub_host_call *call, uint64_t *left)
{
    const struct nub_host_entry *entry = nub_host_find(hosts, call->number);
    const uint64_t before = call->gas;
    uint64_t after;
    uint32_t verdict;

    *left = before;
    if (!entry)
        return NUB_HOST_ANSWER_EXIT;
    if (before < entry->price)
        return NUB_HOST_ANSWER_OUT_OF_GAS;
    call->gas = after = before - entry->price;
    verdict = entry->call(entry->ctx, call);
    if (verdict == NUB_HOST_OUT_OF_GAS)
        return NUB_HOST_ANSWER_OUT_OF_GAS;
    if (__builtin_expect(call->gas < after, 0)) {
        after = call->gas;
        __asm__("" : "+r"(after)); /* a branch, which does not wait for call->gas */
    }
    *left = after;
    return verdict == NUB_HOST_CONTINUE ? NUB_HOST_ANSWER_GO_ON : nub_host_answer_of(verdict);
}

/** How a machine says that its run has ended. */
struct nub_host_end {
    uint32_t *pc;     /* behind the ecalli */
    uint32_t *reason; /* HostCall */
    uint32_t *arg;    /* the number */
    bool *finished;   /* a callback has ended the run as Halt: there is no output */
};

/** Makes of it what an answer other than GO_ON says; changes phi7 of a run that is finished. */
void nub_host_end(enum nub_host_answer answer, const struct nub_host_call *call, const struct nub_program *program, const struct nub_host_end *end);

#endif
