/* bisect-machine.h - one recorded call as a machine that can be stopped anywhere, on either of two backends
 *
 * A machine is a session that stands where the call begins; it runs to a limit of gas, with the host
 * calls answered from the recording, and is then held against the machine of the other backend.
 */
#ifndef NUB_TOOLS_BISECT_MACHINE_H
#define NUB_TOOLS_BISECT_MACHINE_H

#include "hosted.h"
#include "recording.h"
#include "stepper.h"

/** A call of a recording. */
typedef struct {
    const struct nub_frame *frame; /* invoke_cached, invoke, resume, or session_run */
    const struct nub_frame *open;  /* of a session_run: its session_open; else `frame` */
    GPtrArray *before; /* of a session_run: the frames of its session between the two */
    guint32 model, mem_cycles; /* that it is charged in; never NUB_GAS_DEFAULT, 0 */
} NubBisectCall;

/** One of the two backends, with the call's capabilities in its kernel. */
typedef struct {
    const char *name;
    NubKernel *kernel; /* borrowed */
    const NubBisectCall *call;
    const NubProgram *program; /* the call's */
} NubBisectSide;

typedef struct {
    NubHosted run;
    char *failure; /* what the backend said when it could not go on; NULL: it stands */
} NubBisectMachine;

/** Where two machines differ. */
typedef struct {
    bool failure, exit, pc, gas;
    guint32 regs;        /* bit i: register i */
    guint64 bytes;       /* of memory; 0 where that was not looked at */
    guint64 address;     /* the first of them */
    bool mapping;        /* one has a page there, the other none */
    bool successor;      /* they commit to different Instances, though memory is the same */
} NubBisectDifference;

/** A fresh machine at the beginning of the call. It always stands somewhere; `failure` says when not. */
void nub_bisect_open(NubBisectMachine *machine, const NubBisectSide *side);
/** A machine in the model `instruction` with registers, pc and memory of `from`, a machine of any backend. */
void nub_bisect_open_like(NubBisectMachine *machine, const NubBisectSide *side, NubBisectMachine *from);
/** Runs on to an exit, or until `limit` is charged since the beginning. */
void nub_bisect_run(NubBisectMachine *machine, guint64 limit);
void nub_bisect_clear(NubBisectMachine *machine);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubBisectMachine, nub_bisect_clear)

/** Whether they differ. Memory is looked at when nothing else differs, and always with `whole`. */
bool nub_bisect_differ(NubBisectMachine *a, NubBisectMachine *b, const NubBisectSide *side_a, const NubBisectSide *side_b, bool whole, NubBisectDifference *difference);
/** The 8 bytes at `address` as a number; false where there are none. */
bool nub_bisect_word(NubBisectMachine *machine, guint64 address, guint64 *word);

#endif
