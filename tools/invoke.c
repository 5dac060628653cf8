/* invoke.c - `nub invoke`: a call on the configured kernel, with its state
 *
 * Where `nub run` throws its kernel away, this one commits: the successor is put, with a store it
 * stays, and --save writes it and all it needs as a bundle that any other backend can go on with.
 */
#include "cli-call.h"
#include "run-host.h"

#include <string.h>

static struct {
    char *put, *save, *expected_head;
    gboolean commit, advance;
} values;

/* ---- the instance -------------------------------------------------------------------------- */

/* What to call: what was given, or the root of the bundle that --put publishes first. */
static int
find_instance(NubKernel *kernel, NubStore *store, const char *text, NubHash *instance)
{
    GError *error = NULL;

    if (values.put) {
        g_autoptr(NubBundle) bundle = nub_cli_bundle(values.put);
        if (!bundle)
            return NUB_CLI_HOST;
        if (!nub_kernel_put_bundle(kernel, bundle, instance, &error)) {
            g_prefix_error(&error, "%s: ", values.put);
            return nub_cli_fail_error(error);
        }
    }
    return text ? nub_cli_resolve(store, text, instance) : NUB_CLI_OK;
}

/* ---- saving -------------------------------------------------------------------------------- */

/* A capability whose mentions are being followed. */
struct visit {
    NubCap *cap;
    GPtrArray *references; /* NubHash */
    guint next;
};

static bool
enter(NubKernel *kernel, GArray *path, const NubHash *hash, GError **error)
{
    struct visit visit = { .cap = nub_kernel_get_cap(kernel, hash, error) };

    if (!visit.cap)
        return false;
    visit.references = nub_cap_list_references(visit.cap);
    g_array_append_val(path, visit);
    return true;
}

static void
visit_clear(gpointer data)
{
    struct visit *visit = data;

    nub_cap_unref(visit->cap);
    g_ptr_array_unref(visit->references);
}

/* Everything that `root` reaches, referents first: depth first, without recursion. */
static NubBundle *
closure_of(NubKernel *kernel, const NubHash *root, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(nub_hash_bucket, nub_hash_equals,
                                                       (GDestroyNotify)nub_hash_free, NULL);
    g_autoptr(GArray) path = g_array_new(FALSE, FALSE, sizeof(struct visit));
    g_autoptr(NubBundle) bundle = nub_bundle_new();

    g_array_set_clear_func(path, visit_clear);
    if (!enter(kernel, path, root, error))
        return NULL;
    while (path->len) {
        struct visit *visit = &g_array_index(path, struct visit, path->len - 1);
        if (visit->next == visit->references->len) {
            nub_bundle_add(bundle, visit->cap);
            g_array_set_size(path, path->len - 1);
            continue;
        }
        const NubHash *next = visit->references->pdata[visit->next++];
        if (g_hash_table_add(seen, nub_hash_copy(next)) && !enter(kernel, path, next, error))
            return NULL;
    }
    return g_steal_pointer(&bundle);
}

static int
save(NubKernel *kernel, const NubCliAnswer *answer)
{
    GError *error = NULL;

    if (!answer->has_successor)
        return nub_cli_fail("%s: not written: a run that ends with %s has no successor",
                            values.save, nub_exit_reason_to_string(answer->result.exit_reason));
    g_autoptr(NubBundle) bundle = closure_of(kernel, &answer->successor, &error);
    if (!bundle || !nub_bundle_save(bundle, values.save, &error))
        return nub_cli_fail_error(error);
    return NUB_CLI_OK;
}

/* ---- the command --------------------------------------------------------------------------- */

static int
read_request(NubCliRequest *request)
{
    GError *error = NULL;
    int status = nub_cli_request_read(request);

    if (status != NUB_CLI_OK)
        return status;
    request->commit = values.commit || values.save;
    request->advance = values.advance;
    if (request->advance && !request->commit)
        return nub_cli_usage("--advance wants --commit");
    if (!values.expected_head)
        return NUB_CLI_OK;
    request->expected_head = g_new(NubHash, 1);
    if (nub_hash_from_string(values.expected_head, request->expected_head, &error))
        return NUB_CLI_OK;
    status = nub_cli_usage("--expected-head: %s", error->message);
    g_error_free(error);
    return status;
}

static int
write_stats(NubKernel *kernel)
{
    g_autoptr(GPtrArray) kernels = g_ptr_array_new();

    g_ptr_array_add(kernels, kernel);
    return nub_cli_call_values.stats ? nub_cli_write_stats(nub_cli_call_values.stats, kernels)
                                     : NUB_CLI_OK;
}

static int
finish(NubKernel *kernel, const NubCliRequest *request, const NubCliAnswer *answer)
{
    if (nub_cli_values.json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();
        nub_cli_answer_add(answer, request, builder);
        nub_cli_json_print(builder);
    } else {
        nub_cli_answer_print(answer, request);
    }
    if (!nub_cli_answer_write_output(answer) || write_stats(kernel) != NUB_CLI_OK)
        return NUB_CLI_HOST;
    int status = values.save ? save(kernel, answer) : NUB_CLI_OK;
    if (status != NUB_CLI_OK)
        return status;
    return answer->result.exit_reason == NUB_EXIT_HALT ? NUB_CLI_OK : NUB_CLI_FAILED;
}

/* Invokes, and resumes what turns out to be paused: to look first would read all of the instance.
 */
static int
invoke_or_resume(NubKernel *kernel, const NubHash *instance, NubHostTable *hosts,
                 NubCliRequest *request)
{
    NubCliAnswer answer = { 0 };
    GError *error = NULL;
    bool done = nub_cli_call(kernel, request, instance, hosts, &answer, &error);

    if (g_error_matches(error, NUB_ERROR, NUB_ERROR_PAUSED)) {
        g_clear_error(&error);
        if (nub_cli_call_values.endpoint || nub_cli_call_values.args)
            return nub_cli_usage("a paused instance takes no --endpoint and no --arg");
        request->resume = true;
        done = nub_cli_call(kernel, request, instance, hosts, &answer, &error);
    }
    int status = done ? finish(kernel, request, &answer) : nub_cli_fail_error(error);
    nub_cli_answer_clear(&answer);
    return status;
}

static int
invoke(NubKernel *kernel, NubStore *store, char **args, NubCliRequest *request)
{
    g_autoptr(NubHostTable) hosts = NULL;
    NubHash instance;
    bool first_is_instance = !values.put;
    int status = find_instance(kernel, store, first_is_instance ? args[0] : NULL, &instance);

    if (status != NUB_CLI_OK)
        return status;
    if (request->wants_host && nub_kernel_supports(kernel, "invoke"))
        hosts = nub_run_host_table(args + first_is_instance, nub_cli_values.json);
    return invoke_or_resume(kernel, &instance, hosts, request);
}

static int
run(char **args)
{
    g_auto(NubCliRequest) request = { 0 };
    GError *error = NULL;

    if (!values.put && !args[0])
        return nub_cli_usage("HASH or NAME is missing, or --put FILE");
    int status = read_request(&request);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, nub_cli_call_values.backend, &error);
    if (!kernel)
        return nub_cli_fail_error(error);
    g_autoptr(NubStore) store = nub_registry_get_store(registry);
    return invoke(kernel, store, args, &request);
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.backend,
      "The backend (default: the configuration's)", "NAME" },
    { "put", 'p', 0, G_OPTION_ARG_FILENAME, &values.put,
      "Publish this bundle first and call its root instead", "FILE" },
    { "commit", 'c', 0, G_OPTION_ARG_NONE, &values.commit, "Put the successor", NULL },
    { "advance", 0, 0, G_OPTION_ARG_NONE, &values.advance,
      "Move the head to the successor; wants --commit", NULL },
    { "expected-head", 0, 0, G_OPTION_ARG_STRING, &values.expected_head,
      "Fail unless the head is this hash before the run (zeros: none)", "HASH" },
    { "save", 's', 0, G_OPTION_ARG_FILENAME, &values.save,
      "Commit, and write the successor and all it needs as a bundle", "FILE" },
    NUB_CLI_CALL_OPTIONS,
    { NULL }
};

const struct nub_cli_command nub_command_invoke = {
    .name = "invoke",
    .arguments = "[HASH|NAME] [WORD...]",
    .summary = "Invoke or resume an instance by its hash or name, and commit what it became",
    .description = "The instance is one that the kernel has: from the configured store, where NAME "
                   "is the head of\n"
                   "a backend or was given by 'nub store name', or by --put, which then takes its "
                   "place. A paused\n"
                   "instance is resumed with the gas given. What --save writes goes on under any "
                   "backend: with\n"
                   "'nub run', or here with --put.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .max_args = 64,
    .run = run,
};
