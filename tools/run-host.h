/* run-host.h - the host that `nub run` gives to a program */
#ifndef NUB_TOOLS_RUN_HOST_H
#define NUB_TOOLS_RUN_HOST_H

#include "tape.h"

#include <nub/nub.h>
#include <stdbool.h>

/**
 * The standard host calls on this process's streams. `words` (NULL-terminated, may be NULL) become the
 * argument bytes, each followed by a NUL. With `json` the program's stdout is stderr: stdout is for
 * the JSON.
 */
NubHostTable *nub_run_host_table(char **words, bool json);
/**
 * A tape in front of that table, which must outlive it: it keeps what the first run was answered, for
 * others that must not write or read again. NULL: no memory. A program with more traffic than 256 MiB
 * makes the tape full.
 */
struct tape *nub_run_host_tape(NubHostTable *real);

#endif
