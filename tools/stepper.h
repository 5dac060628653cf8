/* stepper.h - a call that goes one instruction at a time, on any backend, with the gas of any model
 *
 * Steps are runs of a session in the gas model `instruction` with a gas of 1, so every backend can make
 * them; gas is counted here, from the costs of the blocks in the model asked for (pvm.md 7).
 */
#ifndef NUB_TOOLS_STEPPER_H
#define NUB_TOOLS_STEPPER_H

#include <nub/nub.h>
#include <stdbool.h>

#include "program.h"

/** The program of an instance: a view of `image`, which it keeps. */
typedef struct {
    NubCap *image;
    struct nub_program program;
} NubProgram;

/** Finds the program of an instance that `kernel` has; false with @error. */
bool nub_program_find(NubProgram *program, NubKernel *kernel, const NubHash *instance, GError **error);
void nub_program_clear(NubProgram *program);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubProgram, nub_program_clear)

/** A machine that stands between two instructions. */
typedef struct {
    NubSession *session;
    const struct nub_program *program;
    guint32 model, mem_cycles; /* never NUB_GAS_DEFAULT, 0 */
    guint64 gas;               /* left, in that model */
    guint32 pc;
    guint64 regs[NUB_N_REGS];
    bool charge_due;    /* before the next instruction: pvm.md 7.2 */
    GHashTable *costs;  /* pc + 1 to the cost of its block */
} NubStepper;

/** What one step did. */
typedef struct {
    guint32 pc;           /* where it began */
    struct nub_insn insn; /* what was there; a trap past the end */
    bool begins_block;    /* in the models that charge by block, a charge was due */
    bool ran;             /* false: it ended for want of gas, or for there being no instruction */
    guint8 stored;        /* bytes that were written, 0 to 8 */
    guint32 address;      /* where to */
    guint64 value;        /* what memory holds there now */
    bool ended;           /* `result` says how; its gas is that of the stepper's model */
    NubResult result;
} NubStep;

/**
 * A stepper for `call` with `input` (NULL: none), in whose name gas is counted: `gas`, `model` and `mem_cycles` count here and
 * those of `call` are overwritten. `program` must outlive it. False with @error.
 */
bool nub_stepper_open(NubStepper *stepper, NubKernel *kernel, NubCall *call, GBytes *input, const struct nub_program *program, guint32 model, guint32 mem_cycles, guint64 gas, GError **error);
void nub_stepper_clear(NubStepper *stepper);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubStepper, nub_stepper_clear)

/** One instruction; false with @error. Not to be called again after a step that `ended`. */
bool nub_stepper_step(NubStepper *stepper, NubStep *step, GError **error);

#endif
