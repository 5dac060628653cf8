/* run-where.h - names and lines for `nub run`, from the side file of the bundle (debug.h) */
#ifndef NUB_TOOLS_RUN_WHERE_H
#define NUB_TOOLS_RUN_WHERE_H

#include "cli-call.h"

/** Replaces a name given as --endpoint by its number; what is no name stays as it is. */
void nub_run_where_endpoint(const char *file);
/**
 * Prints where a run that did not halt has stopped: "where    permute (keccak.c:12)". Nothing is printed without a side
 * file. The run is repeated in a session, which can say its program counter, and must end the same way.
 */
void nub_run_where_print(NubKernel *kernel, const char *file, const NubHash *root, const NubCliRequest *request, const NubResult *result);

#endif
