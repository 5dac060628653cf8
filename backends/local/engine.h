/* engine.h - what runs a program: the seam between the backend and its interpreters or compiler
 *
 * Directory, windows, sessions, calls and commits are the same for every module that runs programs
 * in the host process; they make the static library nub_hosted. A module brings the engine:
 * nub-local the interpreters, nub-jit (plugins/jit) the compiler. An engine is chosen when a
 * backend is created and never changes.
 */
#ifndef NUB_LOCAL_ENGINE_H
#define NUB_LOCAL_ENGINE_H

#include "interp.h"

struct nub_engine {
    const char *name;

    /**
     * Runs from machine->pc, where a charge is due, to an exit or until a charge does not fit
     * into machine->gas (which looks like OutOfGas; run.c knows better). Stores of the program
     * must end up in window->written, at the latest when this returns.
     */
    enum nub_stop (*run)(struct nub_machine *machine);

    /**
     * Releases what the engine keeps in code->compiled and returns how many bytes that were. No
     * run uses it; the caller holds nub_local.lock. NULL: the engine keeps nothing.
     */
    uint64_t (*forget)(struct nub_code *code);
};

#endif
