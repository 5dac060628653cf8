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

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum nub_status
nub_given_up(const struct nub_give_up *give_up, struct nub_failure *failure)
{
    if (give_up->flag && __atomic_load_n(give_up->flag, __ATOMIC_RELAXED))
        return nub_fail(failure, NUB_ERR_CANCELLED, "run: cancelled");
    if (give_up->deadline_ns && now_ns() >= give_up->deadline_ns)
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

/* As run_threaded(), but when the beginning of a run is over it may get a window. */
static enum nub_stop
run_threaded_from_short(struct nub_machine *machine)
{
    uint64_t most = machine->memory->local->options.short_run;
    uint64_t rest = machine->gas > most ? machine->gas - most : 0;

    machine->gas -= rest;
    enum nub_stop stop = run_threaded(machine, false);
    machine->gas += rest;
    if (stop == NUB_STOP_EXIT && machine->reason == NUB_EXIT_OUT_OF_GAS && rest > 0)
        stop = run_threaded(machine, true);
    return stop;
}

/* Runs until an exit or until the gas at hand does not suffice. */
static enum nub_stop
run_on(struct nub_machine *machine)
{
    const struct nub_memory *memory = machine->memory;
    const struct nub_local_options *options = &memory->local->options;
    enum nub_stop stop = NUB_STOP_ELSEWHERE;

    if (options->runner && !machine->paid) {
        stop = options->runner->run(machine);
        if (stop != NUB_STOP_ELSEWHERE)
            return stop;
    }
    if (options->runner || !options->threaded)
        return nub_interp_switch(machine, false);
    if (memory->guard && !memory->eager && !memory->window)
        return run_threaded_from_short(machine);
    return run_threaded(machine, false);
}

static enum nub_status
run_in_slices(struct nub_machine *machine, const struct nub_give_up *give_up,
              struct nub_failure *failure)
{
    uint64_t slice = SLICE, rest = machine->gas;

    machine->gas = 0;
    for (;;) {
        enum nub_status status = nub_given_up(give_up, failure);
        uint64_t total = machine->gas + rest;
        uint64_t given = total < slice ? total : slice;
        if (status != NUB_OK) {
            machine->gas = total;
            return status;
        }
        machine->gas = given;
        rest = total - given;
        enum nub_stop stop = run_on(machine);
        if (stop == NUB_STOP_EXIT && machine->reason == NUB_EXIT_OUT_OF_GAS && rest > 0) {
            /* a block may cost more than a slice */
            slice = machine->gas == given ? slice * 2 : SLICE;
            continue;
        }
        machine->gas += rest;
        return stop == NUB_STOP_EXIT ? NUB_OK : nub_local_no_memory(failure);
    }
}

enum nub_status
nub_run(struct nub_machine *machine, const struct nub_give_up *give_up, struct nub_failure *failure)
{
    if (give_up)
        return run_in_slices(machine, give_up, failure);
    return run_on(machine) == NUB_STOP_EXIT ? NUB_OK : nub_local_no_memory(failure);
}
