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
nub_interp_threaded(struct nub_machine *machine)
{
    struct nub_code *code = machine->code;
    struct nub_local *local = machine->memory->local;

    /* a run that found no window is not what this backend's code was made for */
    if (machine->paid || machine->memory->guard != local->options.guard)
        return NUB_STOP_ELSEWHERE;
    const struct nub_block *block = nub_block_at(local, code, machine->pc);
    if (!block)
        return NUB_STOP_ELSEWHERE;
    machine->dynamic = __atomic_load_n(&code->blocks.dynamic, __ATOMIC_ACQUIRE);
    machine->n_dynamic = machine->dynamic ? code->program.n_jump : 0;
    code->blocks.engine->enter(machine, block);
    return machine->stop;
}

/* Runs until an exit or until the gas at hand does not suffice. */
static enum nub_stop
run_on(struct nub_machine *machine)
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
    while (stop == NUB_STOP_ELSEWHERE || stop == NUB_STOP_BLOCK) {
        stop = nub_interp_threaded(machine);
        if (stop == NUB_STOP_ELSEWHERE)
            stop = nub_interp_switch(machine, true);
    }
    return stop;
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
