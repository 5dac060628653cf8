/* backends.c - `nub backends`: what became of every configured backend, and why
 *
 * A backend is created when it is opened, so each is opened here: that is how "kvm does not run
 * on this machine" gets its reason.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static gboolean with_options;

/* Opens what can be opened; the kernels keep the state visible. */
static GPtrArray *
open_all(NubRegistry *registry)
{
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);
    GPtrArray *kernels = g_ptr_array_new_with_free_func(g_object_unref);

    for (guint i = 0; i < infos->len; i++) {
        if (nub_backend_info_get_state(infos->pdata[i]) != NUB_BACKEND_STATE_LOADED)
            continue;
        NubKernel *kernel =
            nub_registry_open(registry, nub_backend_info_get_name(infos->pdata[i]), NULL);
        if (kernel)
            g_ptr_array_add(kernels, kernel);
    }
    return kernels;
}

static void
print_option_keys(NubBackendInfo *info)
{
    gsize n;
    const NubConfigKey *options = nub_backend_info_list_options(info, &n);

    for (gsize i = 0; i < n; i++) {
        const char *value = nub_backend_info_get_option(info, options[i].name);
        printf("    %s: %s (%s", options[i].name, value ? value : "-", options[i].type);
        if (options[i].default_value)
            printf("; default %s", options[i].default_value);
        printf(")\n        %s\n", options[i].summary);
    }
}

static void
print_text(GPtrArray *infos)
{
    guint width = 0;

    for (guint i = 0; i < infos->len; i++)
        width = MAX(width, (guint)strlen(nub_backend_info_get_name(infos->pdata[i])));
    for (guint i = 0; i < infos->len; i++) {
        NubBackendInfo *info = infos->pdata[i];
        const char *reason = nub_backend_info_get_reason(info);
        const char *summary = nub_backend_info_get_summary(info);
        printf("%-*s  %-11s priority %d%s, %s: %s\n", (int)width, nub_backend_info_get_name(info),
               nub_backend_state_to_string(nub_backend_info_get_state(info)),
               nub_backend_info_get_priority(info),
               nub_backend_info_is_automatic(info) ? "" : " (by name only)",
               nub_backend_info_get_module(info), summary ? summary : "not loaded");
        if (reason)
            printf("%*s  %s\n", (int)width, "", reason);
        if (with_options)
            print_option_keys(info);
    }
}

static void
add_options(JsonBuilder *builder, NubBackendInfo *info)
{
    gsize n;
    const NubConfigKey *options = nub_backend_info_list_options(info, &n);

    json_builder_set_member_name(builder, "options");
    json_builder_begin_array(builder);
    for (gsize i = 0; i < n; i++) {
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "name", options[i].name);
        nub_cli_json_string(builder, "type", options[i].type);
        nub_cli_json_string(builder, "default", options[i].default_value);
        nub_cli_json_string(builder, "value", nub_backend_info_get_option(info, options[i].name));
        nub_cli_json_string(builder, "summary", options[i].summary);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
print_json(GPtrArray *infos)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_array(builder);
    for (guint i = 0; i < infos->len; i++) {
        NubBackendInfo *info = infos->pdata[i];
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "name", nub_backend_info_get_name(info));
        nub_cli_json_string(builder, "state",
                            nub_backend_state_to_string(nub_backend_info_get_state(info)));
        nub_cli_json_string(builder, "reason", nub_backend_info_get_reason(info));
        json_builder_set_member_name(builder, "priority");
        json_builder_add_int_value(builder, nub_backend_info_get_priority(info));
        nub_cli_json_bool(builder, "required", nub_backend_info_is_required(info));
        nub_cli_json_bool(builder, "automatic", nub_backend_info_is_automatic(info));
        nub_cli_json_string(builder, "module", nub_backend_info_get_module(info));
        nub_cli_json_string(builder, "path", nub_backend_info_get_path(info));
        nub_cli_json_string(builder, "version", nub_backend_info_get_version(info));
        nub_cli_json_string(builder, "summary", nub_backend_info_get_summary(info));
        nub_cli_json_string(builder, "source", nub_backend_info_get_source(info));
        add_options(builder, info);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    nub_cli_json_print(builder);
}

static int
run(char **args)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();

    (void)args;
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(GPtrArray) kernels = open_all(registry);
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);
    (nub_cli_values.json ? print_json : print_text)(infos);
    return kernels->len ? NUB_CLI_OK : NUB_CLI_FAILED;
}

static const GOptionEntry options[] = {
    { "options", 'o', 0, G_OPTION_ARG_NONE, &with_options,
      "List the options of each module: value in effect, type, default (JSON always has them)",
      NULL },
    { NULL }
};

const struct nub_cli_command nub_command_backends = {
    .name = "backends",
    .summary = "Say for each configured backend what happened and why",
    .description = "Opens every backend that is not disabled. Exit code 1: none opens.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .run = run,
};
