/* interp.h - the machine that interpreters run, and the two of them
 *
 * An interpreter starts at `pc` with a charge due (pvm.md 7.2) and runs to an exit. It may also
 * stop because a charge did not fit into `gas`; whether that is OutOfGas or the end of a slice is
 * the caller's business (run.c).
 */
#ifndef NUB_LOCAL_INTERP_H
#define NUB_LOCAL_INTERP_H

#include "memory.h"
#include "programs.h"

enum nub_stop {
    NUB_STOP_EXIT = 0,   /* reason and arg are set */
    NUB_STOP_NO_MEMORY,  /* the host has no memory for a page: nothing of the instruction happened */
    NUB_STOP_HOST_FAILED, /* a callback failed the call */
    NUB_STOP_BLOCK,      /* at a place where a charge is due */
    NUB_STOP_ELSEWHERE   /* the plain interpreter must go on from here */
};

/** Where a machine is when it is not in an interpreter: all there is of pvm.md 1. */
struct nub_machine {
    uint64_t regs[NUB_N_REGS];
    uint64_t gas;
    uint32_t pc;
    uint32_t reason; /* enum nub_exit_reason, of the last run */
    uint32_t arg;
    struct nub_code *code;
    struct nub_memory *memory;
    uint64_t rest; /* gas that is kept back while a slice runs (run.c) */
    /* what may end the run, or answer its host calls; NULL: nothing */
    const struct nub_give_up *give_up;
    const struct nub_host_table *hosts;
    bool answered; /* the exit is what a callback made of its host call */
    bool finished; /* ... an end as Halt */
    /* between the two interpreters, and inside of them */
    bool paid; /* nothing is due at pc: it is inside a block that was charged */
    enum nub_stop stop;
    enum nub_touch touch;
    uint64_t value;
    const struct nub_block *const *dynamic; /* of the program; entries are atomic */
    uint32_t n_dynamic;
};

/** The access that an instruction with a memory operand makes. */
struct nub_access_of {
    uint32_t ea;
    unsigned size;
    bool store;
};
struct nub_access_of nub_access_of(const struct nub_insn *insn, const uint64_t regs[NUB_N_REGS]);

/** Runs one instruction after the other, straight from pvm.md. With `to_block` it stops where a charge is due after the first. */
enum nub_stop nub_interp_switch(struct nub_machine *machine, bool to_block);
/** Runs pre-decoded blocks. Starts at an instruction that a block can start with. */
enum nub_stop nub_interp_threaded(struct nub_machine *machine, enum nub_engine_kind kind);

/** What became of a host call. */
enum nub_answer {
    NUB_ANSWER_GO_ON, /* on behind the ecalli */
    NUB_ANSWER_EXIT,  /* reason and arg are set, and `answered` */
    NUB_ANSWER_FAIL,  /* the call fails */
    NUB_ANSWER_NONE   /* nobody was asked: it is time to give up */
};
/** The answer, and what is left of the gas at hand: two registers. */
struct nub_answered {
    uint64_t gas;
    enum nub_answer answer;
};
/** Asks machine->hosts, which there is, for the host call that the machine stands behind; `gas` is what it has at hand, whatever machine->gas says. */
struct nub_answered nub_answer_host_call(struct nub_machine *machine, uint64_t gas);

/** When a run has to be given up. */
struct nub_give_up {
    const uint32_t *flag;  /* NULL, or becomes nonzero */
    uint64_t deadline_ns;  /* CLOCK_MONOTONIC; 0: none */
};

/** Whether it is time: CANCELLED, TIMED_OUT. */
enum nub_status nub_given_up(const struct nub_give_up *give_up, struct nub_failure *failure);
/** The same, for who asks often. */
static inline bool
nub_is_given_up(const struct nub_give_up *give_up)
{
    if (!give_up->deadline_ns)
        return give_up->flag && __atomic_load_n(give_up->flag, __ATOMIC_RELAXED);
    return nub_given_up(give_up, NULL) != NUB_OK;
}
/** Runs to an exit. NO_MEMORY, CANCELLED, TIMED_OUT, HOST_CALL_FAILED. */
enum nub_status nub_run(struct nub_machine *machine, struct nub_failure *failure);

/** What is neither state nor given: for a machine that was not zeroed, on the path of pure calls. */
static inline void
nub_machine_init(struct nub_machine *machine)
{
    machine->rest = 0;
    machine->give_up = NULL;
    machine->hosts = NULL;
    machine->answered = machine->finished = machine->paid = false;
}

static inline void
nub_machine_result(const struct nub_machine *machine, struct nub_result *result)
{
    *result = (struct nub_result){ .exit_reason = machine->reason,
                                   .exit_arg = machine->arg,
                                   .return_value = machine->regs[7],
                                   .gas_remaining = machine->gas };
}

#endif
