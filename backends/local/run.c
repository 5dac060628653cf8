/* run.c - one run to its exit
 *
 * Chooses the interpreter and hands the machine from one to the other. A run that may have to be
 * given up gets its gas in slices: what a charge does not find in the slice is looked for in the
 * rest, so slices never show, and between two of them the flag and the clock are looked at.
 */
#include "interp.h"
#include "local-private.h"
#include "runner.h"
#include <time.h>

/* A few milliseconds of work at the most. */
#define SLICE ((uint64_t)1 << 20)

/* The clock that only moves with the timer's ticks costs a fifth of the exact one and is never
 * further behind it than this. */
#define TICK_NS 50000000u

static uint64_t
now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool
has_passed(uint64_t deadline_ns)
{
    return now_ns(CLOCK_MONOTONIC_COARSE) + TICK_NS >= deadline_ns &&
           now_ns(CLOCK_MONOTONIC) >= deadline_ns;
}

enum nub_status
nub_given_up(const struct nub_give_up *give_up, struct nub_failure *failure)
{
    if (give_up->flag && __atomic_load_n(give_up->flag, __ATOMIC_RELAXED))
        return nub_fail(failure, NUB_ERR_CANCELLED, "run: cancelled");
    if (give_up->deadline_ns && has_passed(give_up->deadline_ns))
        return nub_fail(failure, NUB_ERR_TIMED_OUT, "run: the deadline passed");
    return NUB_OK;
}

enum nub_stop
nub_interp_threaded(struct nub_machine *machine, enum nub_engine_kind kind)
{
    struct nub_code *code = machine->code;

    if (machine->paid)
        return NUB_STOP_ELSEWHERE;
    const struct nub_block *block = nub_block_at(machine->memory->local, code, kind, machine->pc);
    if (!block)
        return NUB_STOP_ELSEWHERE;
    machine->dynamic = __atomic_load_n(&code->blocks[kind].dynamic, __ATOMIC_ACQUIRE);
    machine->n_dynamic = machine->dynamic ? code->program.n_jump : 0;
    code->blocks[kind].engine->enter(machine, block);
    return machine->stop;
}

/* Which engine goes on from here. A window costs system calls and page faults, the page table
 * costs a test at each access: so a window is taken when it is there already, for an instance
 * that is called again and again, and when a run gets long. Code that has never touched memory
 * runs over the window in which everything faults. */
static enum nub_engine_kind
choose_engine(struct nub_machine *machine, bool long_run)
{
    struct nub_memory *memory = machine->memory;

    if (memory->window)
        return NUB_ENGINE_GUARD;
    if (!memory->guard)
        return NUB_ENGINE_CHECKED;
    if (!__atomic_load_n(&machine->code->touches_memory, __ATOMIC_RELAXED))
        return NUB_ENGINE_GUARD;
    if ((memory->eager || long_run) && nub_window_take(memory))
        return NUB_ENGINE_GUARD;
    return NUB_ENGINE_CHECKED;
}

static enum nub_stop
run_threaded(struct nub_machine *machine, bool long_run)
{
    enum nub_stop stop = NUB_STOP_ELSEWHERE;

    while (stop == NUB_STOP_ELSEWHERE || stop == NUB_STOP_BLOCK) {
        stop = nub_interp_threaded(machine, choose_engine(machine, long_run));
        if (stop == NUB_STOP_ELSEWHERE)
            stop = nub_interp_switch(machine, true);
    }
    return stop;
}

/* Runs until an exit or until the gas at hand does not suffice. */
static enum nub_stop
run_on(struct nub_machine *machine, bool long_run)
{
    const struct nub_local_options *options = &machine->memory->local->options;
    enum nub_stop stop = NUB_STOP_ELSEWHERE;

    if (options->runner && !machine->paid) {
        stop = options->runner->run(machine);
        if (stop != NUB_STOP_ELSEWHERE)
            return stop;
    }
    if (options->runner || !options->threaded)
        return nub_interp_switch(machine, false);
    return run_threaded(machine, long_run);
}

/* Keeps back what is beyond `most`. */
static void
hold_back(struct nub_machine *machine, uint64_t most)
{
    uint64_t held = machine->gas > most ? machine->gas - most : 0;

    machine->gas -= held;
    machine->rest += held;
}

/* Whether a run stopped for want of gas that is only held back. */
static bool
wants_more(const struct nub_machine *machine, enum nub_stop stop)
{
    return stop == NUB_STOP_EXIT && machine->reason == NUB_EXIT_OUT_OF_GAS && !machine->answered &&
           machine->rest > 0;
}

/* The first slice may be short, because it decides whether a run gets a window. */
static uint64_t
first_slice(const struct nub_machine *machine, uint64_t most)
{
    const struct nub_memory *memory = machine->memory;
    const struct nub_local_options *options = &memory->local->options;
    bool decides =
        memory->guard && !memory->eager && !memory->window && options->threaded && !options->runner;

    return decides && options->short_run < most ? options->short_run : most;
}

/* Runs to an exit, in slices. All gas is at hand again afterwards. */
static enum nub_status
run_to_exit(struct nub_machine *machine, enum nub_stop *stop, struct nub_failure *failure)
{
    uint64_t most = machine->give_up ? SLICE : UINT64_MAX, slice = first_slice(machine, most);
    bool again = true;

    for (bool long_run = false; again; long_run = true) {
        enum nub_status status =
            machine->give_up ? nub_given_up(machine->give_up, failure) : NUB_OK;
        if (status != NUB_OK)
            return status;
        hold_back(machine, slice);
        uint64_t given = machine->gas;
        *stop = run_on(machine, long_run);
        again = wants_more(machine, *stop);
        /* a block may cost more than a slice */
        slice = again && machine->gas == given && slice >= most ? slice * 2 : most;
        machine->gas += machine->rest;
        machine->rest = 0;
    }
    return NUB_OK;
}

/* The plain interpreter leaves at a host call; so does a run that is to be given up. */
static bool
wants_answer(const struct nub_machine *machine, enum nub_stop stop)
{
    return stop == NUB_STOP_EXIT && machine->reason == NUB_EXIT_HOST_CALL && machine->hosts &&
           !machine->answered;
}

/* What became of the host call that a run left with, if it did. */
static enum nub_answer
answer(struct nub_machine *machine, enum nub_stop stop)
{
    struct nub_answered answered;

    if (!wants_answer(machine, stop))
        return NUB_ANSWER_EXIT;
    answered = nub_answer_host_call(machine, machine->gas);
    machine->gas = answered.gas;
    return answered.answer;
}

enum nub_status
nub_run(struct nub_machine *machine, struct nub_failure *failure)
{
    enum nub_answer answered = NUB_ANSWER_GO_ON;
    enum nub_stop stop = NUB_STOP_EXIT;

    while (answered == NUB_ANSWER_GO_ON) {
        enum nub_status status = run_to_exit(machine, &stop, failure);
        if (status != NUB_OK)
            return status;
        answered = answer(machine, stop);
    }
    if (answered == NUB_ANSWER_NONE)
        return nub_given_up(machine->give_up, failure);
    if (answered == NUB_ANSWER_FAIL || stop == NUB_STOP_HOST_FAILED)
        return nub_fail(failure, NUB_ERR_HOST_CALL_FAILED, "host call %u: failed", machine->arg);
    return stop == NUB_STOP_EXIT ? NUB_OK : nub_local_no_memory(failure);
}
