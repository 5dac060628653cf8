/* runner.h - the seam for modules that run programs in the host process by other means
 *
 * Directory, windows, sessions, calls and commits are the same for all of them: they make the static
 * library nub_hosted. A module that brings a runner (plugins/jit: the compiler) sets nub_local.runner
 * when it creates a backend; without one the interpreters run.
 */
#ifndef NUB_LOCAL_RUNNER_H
#define NUB_LOCAL_RUNNER_H

#include "interp.h"

struct nub_runner {
    /**
     * Runs from machine->pc to an exit, or until a charge does not fit into machine->gas (which
     * looks like OutOfGas; run.c knows better). The memory is entered. What the program has stored
     * must be marked in window->written when this returns. NUB_STOP_ELSEWHERE: the plain
     * interpreter shall go on from here to the exit.
     */
    enum nub_stop (*run)(struct nub_machine *machine);

    /** Releases code->native. No run uses it; the caller holds nub_local.lock. */
    void (*forget)(struct nub_local *local, struct nub_code *code);
};

#endif
