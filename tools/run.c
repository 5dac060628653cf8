/* run.c - `nub run`: publishes a bundle on a fresh kernel, invokes its root, says what came of it
 *
 * With --backend all it runs on every backend that opens and compares everything that they must
 * agree on. Nothing is stored: each kernel is private to this command.
 */
#include "cli-call.h"
#include "run-host.h"
#include "run-where.h"
#include "tape-hosts.h"

#include <stdio.h>
#include <string.h>

struct run {
    NubKernel *kernel;
    NubCliAnswer answer;
};

/* What the program reaches: the streams in the first run, a tape of that in every other. */
typedef struct {
    NubHostTable *real;
    struct tape *tape;   /* NULL: there is one run only, and nobody asks where it stopped */
    NubHostTable *hosts; /* to call with: the real one, or the tape's; NULL: none */
} Reach;

static void
run_clear(gpointer data)
{
    struct run *run = data;

    nub_cli_answer_clear(&run->answer);
    g_clear_object(&run->kernel);
}

static void
reach_clear(Reach *reach)
{
    g_clear_pointer(&reach->hosts, nub_host_table_unref);
    tape_free(reach->tape);
    g_clear_pointer(&reach->real, nub_host_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reach, reach_clear)

static bool
all_backends(void)
{
    return g_strcmp0(nub_cli_call_values.backend, "all") == 0;
}

/* ---- running ------------------------------------------------------------------------------- */

static bool
reach_open(Reach *reach, const NubCliRequest *request, char **words, bool taped)
{
    if (!request->wants_host)
        return true;
    reach->real = nub_run_host_table(words, nub_cli_values.json);
    if (!taped) {
        reach->hosts = nub_host_table_ref(reach->real);
        return true;
    }
    reach->tape = nub_run_host_tape(reach->real);
    if (reach->tape)
        reach->hosts = nub_tape_hosts(reach->tape);
    else
        nub_cli_fail("out of memory");
    return reach->tape != NULL;
}

/* A backend without the full call runs without a host. */
static bool
takes_hosts(const struct run *run)
{
    return nub_kernel_supports(run->kernel, "invoke");
}

static bool
call_on(const NubCliRequest *request, NubBundle *bundle, const Reach *reach, struct run *run,
        GError **error)
{
    NubHostTable *hosts = takes_hosts(run) ? reach->hosts : NULL;
    NubHash root;

    return nub_kernel_put_bundle(run->kernel, bundle, &root, error) &&
           nub_cli_call(run->kernel, request, &root, hosts, &run->answer, error);
}

static bool
run_first(const NubCliRequest *request, const char *file, NubBundle *bundle, const Reach *reach,
          const NubDebug *debug, struct run *run)
{
    GError *error = NULL;

    if (!call_on(request, bundle, reach, run, &error)) {
        g_prefix_error(&error, "%s: ", file);
        nub_cli_fail_error(error);
        return false;
    }
    run->answer.where = nub_run_where(debug, run->kernel, request,
                                      takes_hosts(run) ? reach->tape : NULL, &run->answer.result);
    return true;
}

/*
 * Everything after the first backend. One that makes other host calls has no answer of its own: it
 * is taken out, and `equal` becomes false.
 */
static bool
run_others(const NubCliRequest *request, const char *file, NubBundle *bundle, const Reach *reach,
           GArray *runs, bool *equal)
{
    for (guint i = 1; i < runs->len; i++) {
        struct run *run = &g_array_index(runs, struct run, i);
        GError *error = NULL;
        if (reach->tape && tape_is_full(reach->tape)) {
            nub_cli_fail("%s: too many host calls to run it on other backends again", file);
            return false;
        }
        if (reach->tape)
            tape_rewind(reach->tape);
        bool ok = call_on(request, bundle, reach, run, &error);
        const char *other = reach->tape && takes_hosts(run) ? tape_difference(reach->tape) : NULL;
        if (!ok && !other) {
            g_prefix_error(&error, "%s: ", file);
            nub_cli_fail_error(error);
            return false;
        }
        g_clear_error(&error);
        if (!other)
            continue;
        *equal = false;
        fprintf(stderr, "nub run: %s and %s differ: %s\n",
                g_array_index(runs, struct run, 0).answer.backend, run->answer.backend, other);
        g_array_remove_index(runs, i--);
    }
    return true;
}

/* Adds a run on the named backend (NULL: the default one). False with a message. */
static bool
open_kernel(NubRegistry *registry, const char *name, const NubCliRequest *request, GArray *runs)
{
    g_autoptr(GError) error = NULL;
    struct run run = { 0 };

    run.kernel =
        nub_registry_open_private(registry, name, request->gas_model, request->mem_cycles, &error);
    if (!run.kernel && all_backends()) {
        fprintf(stderr, "nub run: left out: %s\n", error->message);
        return true;
    }
    if (!run.kernel) {
        nub_cli_fail("%s", error->message);
        return false;
    }
    g_array_append_val(runs, run);
    return true;
}

static bool
open_kernels(NubRegistry *registry, const NubCliRequest *request, GArray *runs)
{
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);

    if (!all_backends())
        return open_kernel(registry, nub_cli_call_values.backend, request, runs);
    for (guint i = 0; i < infos->len; i++)
        if (nub_backend_info_get_state(infos->pdata[i]) != NUB_BACKEND_STATE_DISABLED &&
            !open_kernel(registry, nub_backend_info_get_name(infos->pdata[i]), request, runs))
            return false;
    if (runs->len == 0)
        nub_cli_fail("no backend opens");
    return runs->len > 0;
}

/* The first thing in which two answers differ, or NULL. */
static const char *
difference(const NubCliAnswer *a, const NubCliAnswer *b)
{
    return a->result.exit_reason != b->result.exit_reason       ? "exit_reason"
           : a->result.exit_arg != b->result.exit_arg           ? "exit_arg"
           : a->result.return_value != b->result.return_value   ? "return_value"
           : a->result.gas_remaining != b->result.gas_remaining ? "gas_remaining"
           : a->output_state != b->output_state                 ? "output_flag"
           : a->output && !g_bytes_equal(a->output, b->output)  ? "output"
                                                                : NULL;
}

/* Compares each run with the first, and says on stderr in what they differ. */
static bool
compare(const GArray *runs)
{
    const NubCliAnswer *first = &g_array_index(runs, struct run, 0).answer;
    bool equal = true;

    for (guint i = 1; i < runs->len; i++) {
        const NubCliAnswer *other = &g_array_index(runs, struct run, i).answer;
        const char *what = difference(first, other);
        if (!what)
            continue;
        equal = false;
        fprintf(stderr, "nub run: %s and %s differ in %s\n", first->backend, other->backend, what);
    }
    return equal;
}

/* ---- telling ------------------------------------------------------------------------------- */

static void
print_json(const NubCliRequest *request, const GArray *runs, bool equal)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    if (all_backends()) {
        json_builder_begin_object(builder);
        nub_cli_json_bool(builder, "equal", equal);
        json_builder_set_member_name(builder, "runs");
        json_builder_begin_array(builder);
    }
    for (guint i = 0; i < runs->len; i++)
        nub_cli_answer_add(&g_array_index(runs, struct run, i).answer, request, builder);
    if (all_backends()) {
        json_builder_end_array(builder);
        json_builder_end_object(builder);
    }
    nub_cli_json_print(builder);
}

static void
print_text(const NubCliRequest *request, const GArray *runs, bool equal)
{
    for (guint i = 0; i < runs->len; i++) {
        if (i)
            putchar('\n');
        nub_cli_answer_print(&g_array_index(runs, struct run, i).answer, request);
    }
    if (all_backends())
        printf("\n%u %s, %s\n", runs->len, runs->len == 1 ? "backend" : "backends",
               equal ? "all equal" : "NOT equal");
}

static int
write_stats(const GArray *runs)
{
    g_autoptr(GPtrArray) kernels = g_ptr_array_new();

    if (!nub_cli_call_values.stats)
        return NUB_CLI_OK;
    for (guint i = 0; i < runs->len; i++)
        g_ptr_array_add(kernels, g_array_index(runs, struct run, i).kernel);
    return nub_cli_write_stats(nub_cli_call_values.stats, kernels);
}

static int
finish(const NubCliRequest *request, const GArray *runs, bool equal)
{
    bool good = compare(runs) && equal;

    (nub_cli_values.json ? print_json : print_text)(request, runs, good);
    for (guint i = 0; i < runs->len; i++)
        good &= g_array_index(runs, struct run, i).answer.result.exit_reason == NUB_EXIT_HALT;
    if (!nub_cli_answer_write_output(&g_array_index(runs, struct run, 0).answer) ||
        write_stats(runs) != NUB_CLI_OK)
        return NUB_CLI_HOST;
    return good ? NUB_CLI_OK : NUB_CLI_FAILED;
}

static int
run(char **args)
{
    g_auto(NubCliRequest) request = { 0 };
    g_auto(Reach) reach = { 0 };
    bool equal = true;
    g_autoptr(GArray) runs = g_array_new(FALSE, TRUE, sizeof(struct run));

    int status = nub_run_where_endpoint(args[0]);
    if (status == NUB_CLI_OK)
        status = nub_cli_request_read(&request);

    g_array_set_clear_func(runs, run_clear);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(args[0]);
    if (!bundle)
        return NUB_CLI_HOST;
    request.resume = nub_cap_is_paused(nub_bundle_get_root(bundle));
    if (request.resume && (nub_cli_call_values.endpoint || nub_cli_call_values.args))
        return nub_cli_usage("%s: a paused instance takes no --endpoint and no --arg", args[0]);
    NubHash root;
    nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    g_autoptr(NubDebug) debug = nub_debug_load(args[0], &root);
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    if (!registry || !open_kernels(registry, &request, runs) ||
        !reach_open(&reach, &request, args + 1, debug || runs->len > 1) ||
        !run_first(&request, args[0], bundle, &reach, debug, &g_array_index(runs, struct run, 0)) ||
        !run_others(&request, args[0], bundle, &reach, runs, &equal))
        return NUB_CLI_HOST;
    return finish(&request, runs, equal);
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.backend,
      "The backend, or 'all' (default: the configuration's)", "NAME" },
    NUB_CLI_CALL_OPTIONS,
    { NULL }
};

const struct nub_cli_command nub_command_run = {
    .name = "run",
    .arguments = "FILE.nub [WORD...]",
    .summary = "Invoke the root of a bundle and print how it ended",
    .description =
        "The program reaches stdin, stdout and stderr through the standard host calls, and the\n"
        "WORDs as its argument bytes; with --json its stdout goes to stderr. A paused root is\n"
        "resumed with the gas given.\n"
        "With '--backend all' it runs on every backend that opens; any difference is a failure.\n"
        "Exit codes: 0 the program halted, 1 it ended otherwise or two backends differ, 2 wrong\n"
        "usage, 3 the host side failed.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 64,
    .run = run,
};
