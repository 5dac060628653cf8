/* cli-call.h - a call from the command line: options, the call itself, what came of it
 *
 * Shared by the commands that run programs: `nub run` on private kernels, `nub invoke` on the
 * configured one.
 */
#ifndef NUB_TOOLS_CLI_CALL_H
#define NUB_TOOLS_CLI_CALL_H

#include "cli.h"

/** The options as given; rows for the table of a command are NUB_CLI_CALL_OPTIONS. */
struct nub_cli_call_values {
    char *backend, *endpoint, *gas, *gas_model, *mem_cycles, *input, *output, *host, *stats;
    char **args;
};
extern struct nub_cli_call_values nub_cli_call_values;

/* clang-format off */
#define NUB_CLI_CALL_OPTIONS                                                                       \
    { "endpoint", 'e', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.endpoint,                      \
      "The endpoint (default: 0)", "N" },                                                          \
    { "arg", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &nub_cli_call_values.args,                         \
      "An argument: decimal, negative or 0x; at most four", "V" },                                 \
    { "gas", 'g', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.gas,                                \
      "The gas (default: 1000000000)", "N" },                                                      \
    { "gas-model", 'm', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.gas_model,                    \
      "pipeline, polkavm or instruction (default: the configuration's)", "M" },                    \
    { "mem-cycles", 0, 0, G_OPTION_ARG_STRING, &nub_cli_call_values.mem_cycles,                    \
      "Latency of loads in the gas models, 1..127 (default: the configuration's)", "N" },          \
    { "host", 0, 0, G_OPTION_ARG_STRING, &nub_cli_call_values.host,                                \
      "standard: the program may write, read, log and hash (default); none", "KIND" },             \
    { "input", 'i', 0, G_OPTION_ARG_FILENAME, &nub_cli_call_values.input,                          \
      "Bytes that the program finds at the address in register 7", "FILE" },                       \
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &nub_cli_call_values.output,                        \
      "Where to write the bytes that registers 7 and 8 name at the end", "FILE" },                 \
    { "stats", 0, 0, G_OPTION_ARG_FILENAME, &nub_cli_call_values.stats,                            \
      "Where to write the backend's counters after the call, as OpenMetrics text", "FILE" }
/* clang-format on */

/** What the command line asks for. */
typedef struct {
    guint32 endpoint;
    guint64 args[4];
    guint64 gas;
    NubGasModel gas_model;
    guint32 mem_cycles; /* 0: as configured */
    GBytes *input;      /* NULL: none */
    bool wants_output, wants_host;
    bool commit, advance;
    NubHash *expected_head; /* NULL: anything */
    bool resume;            /* the instance is a paused one */
} NubCliRequest;

/** What one backend made of it. */
typedef struct {
    const char *backend;
    NubResult result;
    GBytes *output; /* NULL: not asked for */
    NubOutputState output_state;
    bool has_successor;
    NubHash successor;
    guint64 time_ns;
    char *where; /* where it has stopped; NULL: not to be said */
} NubCliAnswer;

/** Reads the options; an exit code, NUB_CLI_OK if all is well. */
int nub_cli_request_read(NubCliRequest *request);
void nub_cli_request_clear(NubCliRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubCliRequest, nub_cli_request_clear)

/** Makes the call, in the simplest form that will do; only the call itself is timed. */
bool nub_cli_call(NubKernel *kernel, const NubCliRequest *request, const NubHash *instance, NubHostTable *hosts, NubCliAnswer *answer, GError **error);
void nub_cli_answer_clear(NubCliAnswer *answer);
/** For people, and as the object of docs/cli.md. */
void nub_cli_answer_print(const NubCliAnswer *answer, const NubCliRequest *request);
void nub_cli_answer_add(const NubCliAnswer *answer, const NubCliRequest *request, JsonBuilder *builder);
/** Writes the output where --output says; false with a message. */
bool nub_cli_answer_write_output(const NubCliAnswer *answer);

#endif
