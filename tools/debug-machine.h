/* debug-machine.h - a session as the machine that gdb sees */
#ifndef NUB_TOOLS_DEBUG_MACHINE_H
#define NUB_TOOLS_DEBUG_MACHINE_H

#include "debug-gdb.h"
#include "program.h"

#include <nub/nub.h>

typedef struct {
    NubSession *session; /* its gas model is `instruction` */
    struct nub_program program;
    GHashTable *breakpoints; /* set of pcs */
    bool failed;             /* the program panicked or trapped: nothing goes on from there */
} NubDebugMachine;

/** For nub_gdb_serve(), with a NubDebugMachine. */
extern const NubGdbMachine nub_debug_machine;

#endif
