/* conform-cmd.c - `nub conform`: checks a backend against the specification
 *
 * The built-in set is the folders programs, caps and edge of the installed (or the source tree's)
 * vectors, and the rules of docs/plugin-abi.md. See docs/conformance.md.
 */
#include "cli.h"
#include "conform.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

static struct {
    char *backend, *module, *vectors, *timeout;
    char **only, **options;
    gboolean strict, list, in_process, verbose;
} values;

/* What a module of --module can wrap. */
static const char *const own_backends[] = { "kvm", "local", "jit" };

static const char *const verdict_names[] = { "passed", "failed", "skipped" };

/* ---- which cases --------------------------------------------------------------------------- */

/* The vectors lie in the same place relative to this program, installed or in a build tree. */
static char *
find_vectors(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *bin = self ? g_path_get_dirname(self) : g_strdup(".");
    g_autofree char *path = g_build_filename(bin, NUB_VECTORS_FROM_BIN, NULL);

    return g_canonicalize_filename(path, NULL);
}

static bool
add_built_in(GArray *cases, GError **error)
{
    static const char *const folders[] = { "programs", "caps", "edge" };
    g_autofree char *root = find_vectors();

    nub_conform_add_rules(cases);
    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *dir = g_build_filename(root, folders[i], NULL);
        g_autofree char *prefix = g_strconcat(folders[i], "/", NULL);
        if (!nub_conform_add_vectors(cases, dir, prefix, error))
            return false;
    }
    return true;
}

/* Keeps the cases that match one of the globs of --only. */
static void
select_cases(GArray *cases)
{
    for (guint i = cases->len; i-- > 0;) {
        const char *name = g_array_index(cases, struct nub_conform_case, i).name;
        bool keep = !values.only;
        for (char **glob = values.only; glob && *glob && !keep; glob++)
            keep = g_pattern_match_simple(*glob, name);
        if (!keep)
            g_array_remove_index(cases, i);
    }
}

static GArray *
collect_cases(void)
{
    g_autoptr(GArray) cases = g_array_new(FALSE, TRUE, sizeof(struct nub_conform_case));
    GError *error = NULL;

    g_array_set_clear_func(cases, nub_conform_case_clear);
    if (!(values.vectors ? nub_conform_add_vectors(cases, values.vectors, "", &error)
                         : add_built_in(cases, &error))) {
        nub_cli_fail_error(error);
        return NULL;
    }
    select_cases(cases);
    if (cases->len == 0) {
        nub_cli_fail("no case matches --only");
        return NULL;
    }
    return g_steal_pointer(&cases);
}

/* ---- telling ------------------------------------------------------------------------------- */

static void
tell(const struct nub_conform_case *done, guint n_done, guint n_cases)
{
    if (!nub_cli_values.json && (values.verbose || done->verdict != NUB_PASSED)) {
        nub_progress_clear();
        printf("%-7s %s%s%s\n", verdict_names[done->verdict], done->name, done->message ? ": " : "",
               done->message ? done->message : "");
        fflush(stdout);
    }
    nub_progress_show("conform", n_done, n_cases);
}

static void
print_json(const struct nub_conform_target *target, const GArray *cases, const guint counts[3])
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "backend", target->backend);
    nub_cli_json_string(builder, "module", target->module);
    for (guint i = 0; i < 3; i++)
        nub_cli_json_u32(builder, verdict_names[i], counts[i]);
    json_builder_set_member_name(builder, "cases");
    json_builder_begin_array(builder);
    for (guint i = 0; i < cases->len; i++) {
        const struct nub_conform_case *self = &g_array_index(cases, struct nub_conform_case, i);
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "name", self->name);
        nub_cli_json_string(builder, "verdict", verdict_names[self->verdict]);
        nub_cli_json_string(builder, "message", self->message);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

/* ---- the command --------------------------------------------------------------------------- */

/* Finds the backend and its module without opening it. */
static bool
find_target(NubRegistry *registry, GPtrArray *infos, struct nub_conform_target *target)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < infos->len; i++) {
        NubBackendInfo *info = infos->pdata[i];
        const char *name = nub_backend_info_get_name(info);
        const char *reason = nub_backend_info_get_reason(info);
        g_ptr_array_add(names, (gpointer)name);
        if (strcmp(name, values.backend) != 0)
            continue;
        if (!nub_backend_info_get_path(info)) {
            nub_cli_fail("backend '%s' is %s: %s", name,
                         nub_backend_state_to_string(nub_backend_info_get_state(info)),
                         reason ? reason : "its module is not loaded");
            return false;
        }
        target->registry = registry;
        target->backend = name;
        target->module = nub_backend_info_get_path(info);
        return true;
    }
    g_ptr_array_add(names, NULL);
    const char *near = nub_cli_nearest(values.backend, (const char *const *)names->pdata);
    if (near)
        nub_cli_fail("no backend '%s' is configured (did you mean '%s'?)", values.backend, near);
    else
        nub_cli_fail("no backend '%s' is configured", values.backend);
    return false;
}

static enum nub_verdict
probe(const struct nub_conform_case *self, const struct nub_conform_target *target, char **message)
{
    GError *error = NULL;
    g_autoptr(NubKernel) kernel =
        nub_registry_open_private(target->registry, target->backend, NUB_GAS_DEFAULT, 0, &error);

    (void)self;
    if (kernel)
        return NUB_PASSED;
    *message = g_strdup(error->message);
    g_error_free(error);
    return NUB_FAILED;
}

static void
say_nothing(const struct nub_conform_case *done, guint n_done, guint n_cases)
{
    (void)done;
    (void)n_done;
    (void)n_cases;
}

/* A backend that does not open fails no case: it cannot be checked at all. */
static bool
opens(const struct nub_conform_target *target, guint timeout)
{
    g_autoptr(GArray) cases = g_array_new(FALSE, TRUE, sizeof(struct nub_conform_case));
    struct nub_conform_case first = { .run = probe };

    g_array_set_clear_func(cases, nub_conform_case_clear);
    g_array_append_val(cases, first);
    nub_conform_run(cases, target, timeout, say_nothing);
    const struct nub_conform_case *self = &g_array_index(cases, struct nub_conform_case, 0);
    if (self->verdict != NUB_PASSED)
        nub_cli_fail("backend '%s' does not open: %s", target->backend, self->message);
    return self->verdict == NUB_PASSED;
}

static int
list_cases(const GArray *cases)
{
    for (guint i = 0; i < cases->len; i++)
        puts(g_array_index(cases, struct nub_conform_case, i).name);
    return NUB_CLI_OK;
}

static int
check(const struct nub_conform_target *target, GArray *cases, guint timeout)
{
    guint counts[3] = { 0 };

    nub_conform_run(cases, target, timeout, tell);
    nub_progress_clear();
    for (guint i = 0; i < cases->len; i++)
        counts[g_array_index(cases, struct nub_conform_case, i).verdict]++;
    if (nub_cli_values.json)
        print_json(target, cases, counts);
    else
        printf("%u passed, %u failed, %u skipped\n", counts[NUB_PASSED], counts[NUB_FAILED],
               counts[NUB_SKIPPED]);
    return counts[NUB_FAILED] || (values.strict && counts[NUB_SKIPPED]) ? NUB_CLI_FAILED
                                                                        : NUB_CLI_OK;
}

/* As YAML's double-quoted scalars are read. */
static void
append_quoted(GString *yaml, const char *text)
{
    g_string_append_c(yaml, '"');
    for (const char *c = text; *c; c++)
        if (*c == '"' || *c == '\\')
            g_string_append_printf(yaml, "\\%c", *c);
        else if ((guchar)*c < ' ' || *c == 0x7f)
            g_string_append_printf(yaml, "\\x%02x", (guchar)*c);
        else
            g_string_append_c(yaml, *c);
    g_string_append_c(yaml, '"');
}

/* The options of --option; false: one of them is no NAME=VALUE. */
static bool
append_options(GString *yaml)
{
    if (values.options)
        g_string_append(yaml, "    options:\n");
    for (char **option = values.options; option && *option; option++) {
        const char *equals = strchr(*option, '=');
        if (!equals || equals == *option) {
            nub_cli_usage("--option: expected NAME=VALUE, not '%s'", *option);
            return false;
        }
        g_autofree char *name = g_strndup(*option, (gsize)(equals - *option));
        g_string_append(yaml, "      ");
        append_quoted(yaml, name);
        g_string_append(yaml, ": ");
        append_quoted(yaml, equals + 1);
        g_string_append_c(yaml, '\n');
    }
    return true;
}

/* A configuration with the module of --module, and nub's own backends for it to wrap. NULL with the
 * command's code. */
static NubRegistry *
registry_of_module(int *code)
{
    g_autofree char *path = g_canonicalize_filename(values.module, NULL);
    g_autoptr(GString) yaml = g_string_new("version: 1\nbackends:\n");
    GError *error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(own_backends); i++)
        g_string_append_printf(yaml, "  - { name: %s, module: nub-%s, required: false }\n",
                               own_backends[i], own_backends[i]);
    g_string_append_printf(yaml, "  - name: %s\n    module: ", values.backend);
    append_quoted(yaml, path);
    g_string_append_c(yaml, '\n');
    if (!append_options(yaml)) {
        *code = NUB_CLI_USAGE;
        return NULL;
    }
    NubRegistry *registry = nub_registry_new_from_data(yaml->str, NULL, &error);
    if (!registry)
        *code = nub_cli_fail_error(error);
    return registry;
}

static NubRegistry *
make_registry(int *code)
{
    *code = NUB_CLI_HOST;
    return values.module ? registry_of_module(code) : nub_cli_registry();
}

static int
run(char **args)
{
    struct nub_conform_target target = { 0 };
    guint32 timeout = 60;
    int code;

    (void)args;
    if (values.timeout && !nub_cli_parse_u32("--timeout", values.timeout, &timeout))
        return NUB_CLI_USAGE;
    if (values.module && (values.backend || nub_cli_values.config))
        return nub_cli_usage("--module goes without --backend and --config");
    if (values.options && !values.module)
        return nub_cli_usage(
            "--option goes with --module; a configuration has the backend's options");
    if (!values.list && !values.backend && !values.module)
        return nub_cli_usage("--backend NAME is missing, or --module FILE");
    if (values.module)
        values.backend = g_strdup("module");
    if (timeout == 0)
        return nub_cli_usage("--timeout: 0 seconds are too few");
    g_autoptr(GArray) cases = collect_cases();
    if (!cases)
        return NUB_CLI_HOST;
    if (values.list)
        return list_cases(cases);
    g_autoptr(NubRegistry) registry = make_registry(&code);
    if (!registry)
        return code;
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);
    if (!find_target(registry, infos, &target))
        return NUB_CLI_HOST;
    timeout = values.in_process ? 0 : timeout;
    return opens(&target, timeout) ? check(&target, cases, timeout) : NUB_CLI_HOST;
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &values.backend, "The backend to check", "NAME" },
    { "module", 0, 0, G_OPTION_ARG_FILENAME, &values.module,
      "Check this module instead of a configured backend; it can wrap kvm, local and jit", "FILE" },
    { "option", 0, 0, G_OPTION_ARG_STRING_ARRAY, &values.options,
      "An option for the module of --module; may be repeated", "NAME=VALUE" },
    { "vectors", 0, 0, G_OPTION_ARG_FILENAME, &values.vectors,
      "Run exactly the *.json of this folder instead of the built-in set", "DIR" },
    { "only", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &values.only,
      "Run the cases whose name matches, such as 'caps/commit_*' or 'NP-*'; may be repeated",
      "GLOB" },
    { "strict", 's', 0, G_OPTION_ARG_NONE, &values.strict, "Fail when anything is skipped", NULL },
    { "list", 'l', 0, G_OPTION_ARG_NONE, &values.list, "List the cases and run none", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &values.verbose, "Name the cases that pass, too",
      NULL },
    { "timeout", 't', 0, G_OPTION_ARG_STRING, &values.timeout,
      "How long a case may take (default: 60)", "SECONDS" },
    { "in-process", 0, 0, G_OPTION_ARG_NONE, &values.in_process,
      "No worker process and no time limit: for a debugger", NULL },
    { NULL }
};

const struct nub_cli_command nub_command_conform = {
    .name = "conform",
    .arguments = NULL,
    .summary = "Check a backend against the specification",
    .description =
        "Runs program vectors, capability scenarios, edge cases and the rules of the plugin ABI\n"
        "(docs/plugin-abi.md), each on a fresh kernel. What the backend lacks is skipped and "
        "said.\n"
        "The last line is 'N passed, M failed, K skipped'. Exit code 1: something failed, or with\n"
        "--strict was skipped.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .run = run,
};
