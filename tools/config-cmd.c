/* config-cmd.c - `nub config show`, `check` and `keys` */
#include "cli.h"

#include <stdio.h>

/* ---- show ---------------------------------------------------------------------------------- */

static int
run_show(char **args)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();

    (void)args;
    if (!registry)
        return NUB_CLI_HOST;
    g_autofree char *yaml = nub_registry_dup_config(registry);
    g_autofree char *source = nub_registry_dup_source(registry);
    if (!nub_cli_values.json) {
        printf("# from %s\n%s", source, yaml);
        return NUB_CLI_OK;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "source", source);
    nub_cli_json_string(builder, "yaml", yaml);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
    return NUB_CLI_OK;
}

const struct nub_cli_command nub_command_config_show = {
    .name = "config show",
    .summary = "Print the configuration as it is in effect",
    .description =
        "Defaults are filled in and drop-ins are merged; the output is YAML that can be\n"
        "read again.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .run = run_show,
};

/* ---- check --------------------------------------------------------------------------------- */

/* What a good configuration still says: backends that will not be there. */
static void
print_backends(NubRegistry *registry)
{
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);

    for (guint i = 0; i < infos->len; i++) {
        const char *reason = nub_backend_info_get_reason(infos->pdata[i]);
        printf("  %s: %s%s%s\n", nub_backend_info_get_name(infos->pdata[i]),
               nub_backend_state_to_string(nub_backend_info_get_state(infos->pdata[i])),
               reason ? ", " : "", reason ? reason : "");
    }
}

static int
run_check(char **args)
{
    const char *file = args[0] ? args[0] : nub_cli_values.config;
    g_autoptr(GError) error = NULL;

    if (args[0] && nub_cli_values.config)
        return nub_cli_usage("give FILE or --config, not both");
    g_autoptr(NubRegistry) registry =
        file ? nub_registry_new_from_file(file, &error) : nub_registry_new_default(&error);
    g_autofree char *source = registry ? nub_registry_dup_source(registry) : g_strdup(file);
    if (nub_cli_values.json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "source", source);
        nub_cli_json_bool(builder, "ok", registry != NULL);
        nub_cli_json_string(builder, "error", error ? error->message : NULL);
        json_builder_end_object(builder);
        nub_cli_json_print(builder);
    } else if (registry) {
        printf("%s: good\n", source);
        print_backends(registry);
    } else {
        nub_cli_fail("%s", error->message);
    }
    return registry ? NUB_CLI_OK : NUB_CLI_FAILED;
}

const struct nub_cli_command nub_command_config_check = {
    .name = "config check",
    .arguments = "[FILE]",
    .summary = "Check a configuration, and that its required modules load",
    .description =
        "Without FILE and --config: the default configuration. Exit code 1: it is wrong.\n"
        "No backend is opened; 'nub backends' does that.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .max_args = 1,
    .run = run_check,
};

/* ---- keys ---------------------------------------------------------------------------------- */

static void
print_keys_json(const NubConfigKey *keys, gsize n)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (gsize i = 0; i < n; i++) {
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "name", keys[i].name);
        nub_cli_json_string(builder, "type", keys[i].type);
        nub_cli_json_string(builder, "default", keys[i].default_value);
        nub_cli_json_string(builder, "summary", keys[i].summary);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    nub_cli_json_print(builder);
}

static int
run_keys(char **args)
{
    gsize n;
    const NubConfigKey *keys = nub_config_list_keys(&n);

    (void)args;
    if (nub_cli_values.json) {
        print_keys_json(keys, n);
        return NUB_CLI_OK;
    }
    for (gsize i = 0; i < n; i++) {
        printf("%s: %s", keys[i].name, keys[i].type);
        if (keys[i].default_value)
            printf(" (default: %s)", keys[i].default_value);
        printf("\n    %s\n", keys[i].summary);
    }
    return NUB_CLI_OK;
}

const struct nub_cli_command nub_command_config_keys = {
    .name = "config keys",
    .summary = "List every key that a configuration may have",
    .description = "The options of a backend are its module's: 'nub backends --options'.",
    .shared = NUB_CLI_JSON,
    .run = run_keys,
};
