/* run-where.h - names and lines for `nub run`, from the side file of the bundle (debug.h) */
#ifndef NUB_TOOLS_RUN_WHERE_H
#define NUB_TOOLS_RUN_WHERE_H

#include "cli-call.h"
#include "debug.h"
#include "tape.h"

/** Replaces a name given as --endpoint by its number, what is no name stays as it is; returns enum nub_cli_exit. */
int nub_run_where_endpoint(const char *file);

/**
 * After a run that did not halt: "permute (keccak.c:12)", or why that is not known; NULL where nothing
 * is to be said. The run is repeated in a session, which can say its program counter, and `tape` (NULL: there
 * was no host) played to it: nothing is written or read again. `debug` may be NULL. Free with g_free().
 */
char *nub_run_where(const NubDebug *debug, NubKernel *kernel, const NubCliRequest *request, struct tape *tape, const NubResult *result);

#endif
