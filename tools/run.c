/* run.c - `nub run`: publishes a bundle on a fresh kernel, invokes its root, says what came of it
 *
 * With --backend all it runs on every backend that opens and compares everything that they must
 * agree on. Nothing is stored: each kernel is private to this command.
 */
#include "cli.h"
#include "run-host.h"

#include "gas.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct {
    char *backend, *endpoint, *gas, *gas_model, *mem_cycles, *input, *output, *host;
    char **args;
} values;

/* What the command line asks for. */
struct request {
    guint32 endpoint;
    guint64 args[4];
    guint64 gas;
    NubGasModel gas_model;
    guint32 mem_cycles; /* 0: as configured */
    GBytes *input;      /* NULL: none */
    char **words;       /* argument bytes for the host */
};

/* What one backend made of it. */
struct run {
    const char *backend;
    NubKernel *kernel;
    NubHostTable *hosts; /* NULL: none */
    NubResult result;
    GBytes *output; /* NULL: not asked for */
    NubOutputState output_state;
    guint64 time_ns;
};

static void
run_clear(gpointer data)
{
    struct run *run = data;

    g_clear_object(&run->kernel);
    g_clear_pointer(&run->hosts, nub_host_table_unref);
    g_clear_pointer(&run->output, g_bytes_unref);
}

static bool
read_request(struct request *request)
{
    guint n = values.args ? g_strv_length(values.args) : 0;

    request->gas = G_GUINT64_CONSTANT(1000000000);
    if (values.endpoint && !nub_cli_parse_u32("--endpoint", values.endpoint, &request->endpoint))
        return false;
    if (values.gas && !nub_cli_parse_u64("--gas", values.gas, false, &request->gas))
        return false;
    request->gas = MIN(request->gas, (guint64)NUB_GAS_MAX);
    if (values.gas_model) {
        int model = nub_gas_model_from_name(values.gas_model);
        if (model < 0) {
            nub_cli_usage("--gas-model: '%s' is none of pipeline, polkavm, instruction",
                          values.gas_model);
            return false;
        }
        request->gas_model = (NubGasModel)model;
    }
    if (values.mem_cycles) {
        if (!nub_cli_parse_u32("--mem-cycles", values.mem_cycles, &request->mem_cycles))
            return false;
        if (request->mem_cycles < 1 || request->mem_cycles > NUB_MEM_CYCLES_MAX) {
            nub_cli_usage("--mem-cycles: '%s' is not in 1..127", values.mem_cycles);
            return false;
        }
    }
    if (n > G_N_ELEMENTS(request->args)) {
        nub_cli_usage("--arg: a program takes at most four arguments, not %u", n);
        return false;
    }
    if (values.host && strcmp(values.host, "standard") != 0 && strcmp(values.host, "none") != 0) {
        nub_cli_usage("--host: '%s' is none of standard, none", values.host);
        return false;
    }
    for (guint i = 0; i < n; i++)
        if (!nub_cli_parse_u64("--arg", values.args[i], true, &request->args[i]))
            return false;
    return true;
}

static guint64
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (guint64)now.tv_sec * 1000000000u + (guint64)now.tv_nsec;
}

/* ---- running ------------------------------------------------------------------------------- */

/* Host calls, input and output need the full call; without them the pure call will do. */
static bool
invoke(const struct request *request, const NubHash *root, struct run *run, GError **error)
{
    guint64 start = now_ns();

    if (!request->input && !values.output && !run->hosts) {
        bool ok = nub_kernel_invoke_cached(run->kernel, root, request->endpoint, request->args,
                                           request->gas, &run->result, error);
        run->time_ns = now_ns() - start;
        return ok;
    }
    g_autoptr(NubCall) call = nub_call_new(root);
    nub_call_set_endpoint(call, request->endpoint);
    nub_call_set_args(call, request->args);
    nub_call_set_gas(call, request->gas);
    nub_call_set_input(call, request->input);
    nub_call_set_host_table(call, run->hosts);
    nub_call_set_want_output(call, values.output != NULL, NUB_CALL_DEFAULT_MAX_OUTPUT);
    start = now_ns();
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(run->kernel, call, NULL, error);
    run->time_ns = now_ns() - start;
    if (!outcome)
        return false;
    nub_outcome_get_result(outcome, &run->result);
    if (values.output) {
        run->output = g_bytes_ref(nub_outcome_get_output(outcome));
        run->output_state = nub_outcome_get_output_state(outcome);
    }
    return true;
}

static bool
run_on(const struct request *request, const char *file, NubBundle *bundle, struct run *run)
{
    NubHash root;
    GError *error = NULL;

    run->backend = nub_kernel_get_name(run->kernel);
    if (nub_kernel_put_bundle(run->kernel, bundle, &root, &error) &&
        invoke(request, &root, run, &error))
        return true;
    g_prefix_error(&error, "%s: ", file);
    nub_cli_fail_error(error);
    return false;
}

/* The first run is heard; a backend without the full call runs without a host. */
static bool
give_host(const struct request *request, struct run *run, bool first)
{
    if (g_strcmp0(values.host, "none") == 0 || !nub_kernel_supports(run->kernel, "invoke"))
        return true;
    run->hosts = nub_run_host_table(first ? NUB_RUN_HOST_STANDARD : NUB_RUN_HOST_SILENT,
                                    request->words, nub_cli_values.json);
    return run->hosts != NULL;
}

/* The kernels to run on: the named one, or each that opens. False with a message. */
static bool
open_kernels(NubRegistry *registry, const struct request *request, GArray *runs)
{
    bool all = g_strcmp0(values.backend, "all") == 0;
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);

    for (guint i = 0; i < (all ? infos->len : 1); i++) {
        const char *name = all ? nub_backend_info_get_name(infos->pdata[i]) : values.backend;
        g_autoptr(GError) error = NULL;
        struct run run = { 0 };
        if (all && nub_backend_info_get_state(infos->pdata[i]) == NUB_BACKEND_STATE_DISABLED)
            continue;
        run.kernel = nub_registry_open_private(registry, name, request->gas_model,
                                               request->mem_cycles, &error);
        if (run.kernel) {
            bool ok = give_host(request, &run, runs->len == 0);
            g_array_append_val(runs, run);
            if (!ok)
                return false;
        } else if (all)
            fprintf(stderr, "nub run: left out: %s\n", error->message);
        else
            nub_cli_fail("%s", error->message);
    }
    if (all && runs->len == 0)
        nub_cli_fail("no backend opens");
    return runs->len > 0;
}

/* The first thing in which two runs differ, or NULL. */
static const char *
difference(const struct run *a, const struct run *b)
{
    return a->result.exit_reason != b->result.exit_reason       ? "exit_reason"
           : a->result.exit_arg != b->result.exit_arg           ? "exit_arg"
           : a->result.return_value != b->result.return_value   ? "return_value"
           : a->result.gas_remaining != b->result.gas_remaining ? "gas_remaining"
           : a->output_state != b->output_state                 ? "output_flag"
           : a->output && !g_bytes_equal(a->output, b->output)  ? "output"
                                                                : NULL;
}

/* ---- printing ------------------------------------------------------------------------------ */

static void
print_run(const struct request *request, const struct run *run)
{
    const NubResult *result = &run->result;

    printf("backend  %s\nexit     %s", run->backend,
           nub_exit_reason_to_string(result->exit_reason));
    if (result->exit_reason == NUB_EXIT_PAGE_FAULT)
        printf(" at 0x%x", result->exit_arg);
    if (result->exit_reason == NUB_EXIT_HOST_CALL)
        printf(" %u", result->exit_arg);
    printf("\nvalue    %" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER "x)\n", result->return_value,
           result->return_value);
    printf("gas      %" G_GUINT64_FORMAT " used, %" G_GUINT64_FORMAT " left\n",
           request->gas - result->gas_remaining, result->gas_remaining);
    printf("time     %" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " us\n", run->time_ns / 1000,
           run->time_ns % 1000 / 100);
    if (run->output)
        printf("output   %" G_GSIZE_FORMAT " bytes%s\n", g_bytes_get_size(run->output),
               run->output_state == NUB_OUTPUT_STATE_UNREADABLE ? " (unreadable)"
               : run->output_state == NUB_OUTPUT_STATE_TOO_LONG ? " (too long)"
                                                                : "");
}

static void
add_run(JsonBuilder *builder, const struct request *request, const struct run *run)
{
    static const char *const flags[] = { "none", "unreadable", "too_long" };
    const NubResult *result = &run->result;

    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "backend", run->backend);
    nub_cli_json_string(builder, "exit_reason", nub_exit_reason_to_string(result->exit_reason));
    nub_cli_json_u32(builder, "exit_arg", result->exit_arg);
    nub_cli_json_u64(builder, "return_value", result->return_value);
    nub_cli_json_u64(builder, "gas_remaining", result->gas_remaining);
    nub_cli_json_u64(builder, "gas_used", request->gas - result->gas_remaining);
    nub_cli_json_u64(builder, "time_ns", run->time_ns);
    nub_cli_json_hash(builder, "successor", NULL);
    if (run->output) {
        nub_cli_json_u64(builder, "output_size", g_bytes_get_size(run->output));
        nub_cli_json_string(builder, "output_flag", flags[run->output_state]);
    }
    json_builder_end_object(builder);
}

static void
print_json(const struct request *request, const GArray *runs, bool all, bool equal)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    if (all) {
        json_builder_begin_object(builder);
        nub_cli_json_bool(builder, "equal", equal);
        json_builder_set_member_name(builder, "runs");
        json_builder_begin_array(builder);
    }
    for (guint i = 0; i < runs->len; i++)
        add_run(builder, request, &g_array_index(runs, struct run, i));
    if (all) {
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
    nub_cli_json_print(builder);
}

static void
print_text(const struct request *request, const GArray *runs, bool all, bool equal)
{
    for (guint i = 0; i < runs->len; i++) {
        if (i)
            putchar('\n');
        print_run(request, &g_array_index(runs, struct run, i));
    }
    if (all)
        printf("\n%u %s, %s\n", runs->len, runs->len == 1 ? "backend" : "backends",
               equal ? "all equal" : "NOT equal");
}

/* Compares each run with the first, and says on stderr in what they differ. */
static bool
compare(const GArray *runs)
{
    const struct run *first = &g_array_index(runs, struct run, 0);
    bool equal = true;

    for (guint i = 1; i < runs->len; i++) {
        const struct run *other = &g_array_index(runs, struct run, i);
        const char *what = difference(first, other);
        if (!what)
            continue;
        equal = false;
        fprintf(stderr, "nub run: %s and %s differ in %s\n", first->backend, other->backend, what);
    }
    return equal;
}

static int
finish(const struct request *request, const GArray *runs)
{
    bool all = g_strcmp0(values.backend, "all") == 0;
    bool good = compare(runs);

    (nub_cli_values.json ? print_json : print_text)(request, runs, all, good);
    for (guint i = 0; i < runs->len; i++)
        good &= g_array_index(runs, struct run, i).result.exit_reason == NUB_EXIT_HALT;
    if (values.output) {
        gsize size;
        const void *data = g_bytes_get_data(g_array_index(runs, struct run, 0).output, &size);
        if (!nub_cli_write(values.output, data ? data : "", size))
            return NUB_CLI_HOST;
    }
    return good ? NUB_CLI_OK : NUB_CLI_FAILED;
}

static int
run(char **args)
{
    struct request request = { 0 };
    g_autoptr(GBytes) input = NULL;
    g_autoptr(GArray) runs = g_array_new(FALSE, TRUE, sizeof(struct run));

    g_array_set_clear_func(runs, run_clear);
    if (!read_request(&request))
        return NUB_CLI_USAGE;
    if (values.input && !(input = nub_cli_read(values.input)))
        return NUB_CLI_HOST;
    request.input = input;
    request.words = args + 1;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(args[0]);
    if (!bundle)
        return NUB_CLI_HOST;
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    if (!registry || !open_kernels(registry, &request, runs))
        return NUB_CLI_HOST;
    for (guint i = 0; i < runs->len; i++)
        if (!run_on(&request, args[0], bundle, &g_array_index(runs, struct run, i)))
            return NUB_CLI_HOST;
    return finish(&request, runs);
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &values.backend,
      "The backend, or 'all' (default: the configuration's)", "NAME" },
    { "endpoint", 'e', 0, G_OPTION_ARG_STRING, &values.endpoint, "The endpoint (default: 0)", "N" },
    { "arg", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &values.args,
      "An argument: decimal, negative or 0x; at most four", "V" },
    { "gas", 'g', 0, G_OPTION_ARG_STRING, &values.gas, "The gas (default: 1000000000)", "N" },
    { "gas-model", 'm', 0, G_OPTION_ARG_STRING, &values.gas_model,
      "pipeline, polkavm or instruction (default: the configuration's)", "M" },
    { "mem-cycles", 0, 0, G_OPTION_ARG_STRING, &values.mem_cycles,
      "Latency of loads in the gas models, 1..127 (default: the configuration's)", "N" },
    { "host", 0, 0, G_OPTION_ARG_STRING, &values.host,
      "standard: the program may write, read, log and hash (default); none", "KIND" },
    { "input", 'i', 0, G_OPTION_ARG_FILENAME, &values.input,
      "Bytes that the program finds at the address in register 7", "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output,
      "Where to write the bytes that registers 7 and 8 name at the end", "FILE" },
    { NULL }
};

const struct nub_cli_command nub_command_run = {
    .name = "run",
    .arguments = "FILE.nub [WORD...]",
    .summary = "Invoke the root of a bundle and print how it ended",
    .description =
        "The program reaches stdin, stdout and stderr through the standard host calls, and the "
        "WORDs as\n"
        "its argument bytes; with --json its stdout goes to stderr.\n"
        "With '--backend all' it runs on every backend that opens; any difference is a failure.\n"
        "Exit codes: 0 the program halted, 1 it ended otherwise or two backends differ, 2 wrong\n"
        "usage, 3 the host side failed.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 64,
    .run = run,
};
