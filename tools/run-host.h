/* run-host.h - the host that `nub run` gives to a program */
#ifndef NUB_TOOLS_RUN_HOST_H
#define NUB_TOOLS_RUN_HOST_H

#include <nub/nub.h>
#include <stdbool.h>

/** What a program may reach. */
typedef enum {
    NUB_RUN_HOST_STANDARD, /* this process's streams */
    NUB_RUN_HOST_SILENT    /* the same calls with an empty stdin, and output that goes nowhere */
} NubRunHost;

/**
 * The standard host calls. `words` (NULL-terminated, may be NULL) become the argument bytes, each
 * followed by a NUL. With `json` the program's stdout is stderr: stdout is for the JSON. NULL with a
 * message.
 */
NubHostTable *nub_run_host_table(NubRunHost kind, char **words, bool json);

#endif
