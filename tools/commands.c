/* commands.c - the one table of subcommands
 *
 * Dispatch, `nub help`, completion and manual pages are made from it and from nothing else.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct nub_cli_command *const nub_cli_commands[] = {
    &nub_command_run,
    &nub_command_invoke,
    &nub_command_head,
    &nub_command_store_ls,
    &nub_command_store_get,
    &nub_command_store_put,
    &nub_command_store_name,
    &nub_command_store_export,
    &nub_command_store_import,
    &nub_command_store_verify,
    &nub_command_store_gc,
    &nub_command_asm,
    &nub_command_disasm,
    &nub_command_cc,
    &nub_command_link,
    &nub_command_prof,
    &nub_command_debug,
    &nub_command_trace,
    &nub_command_pack,
    &nub_command_hash,
    &nub_command_inspect,
    &nub_command_backends,
    &nub_command_stats,
    &nub_command_config_show,
    &nub_command_config_check,
    &nub_command_config_keys,
    &nub_command_conform,
    &nub_command_replay,
    &nub_command_bisect,
    &nub_command_completion,
    &nub_command_manual,
    &nub_command_help,
    NULL,
};
/* clang-format on */

struct nub_cli_values nub_cli_values;

/* In the order of the bits of enum nub_cli_shared. */
static const GOptionEntry shared[] = {
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &nub_cli_values.config,
      "The configuration (default: the one that the library finds)", "FILE" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &nub_cli_values.json, "Print JSON", NULL },
};

const struct nub_cli_command *
nub_cli_find(const char *name)
{
    for (guint i = 0; nub_cli_commands[i]; i++)
        if (strcmp(nub_cli_commands[i]->name, name) == 0)
            return nub_cli_commands[i];
    return NULL;
}

GOptionEntry *
nub_cli_entries(const struct nub_cli_command *command)
{
    static const GOptionEntry end = { NULL };
    GArray *entries = g_array_new(FALSE, FALSE, sizeof(GOptionEntry));

    for (const GOptionEntry *entry = command->options; entry && entry->long_name; entry++)
        g_array_append_val(entries, *entry);
    for (guint i = 0; i < G_N_ELEMENTS(shared); i++)
        if (command->shared & 1u << i)
            g_array_append_val(entries, shared[i]);
    g_array_append_val(entries, end);
    return (GOptionEntry *)(void *)g_array_free(entries, FALSE);
}

GOptionContext *
nub_cli_context(const struct nub_cli_command *command, gboolean *help)
{
    const GOptionEntry help_entry[] = {
        { "help", 'h', 0, G_OPTION_ARG_NONE, help, "Show this help", NULL }, { NULL }
    };
    g_autofree GOptionEntry *entries = nub_cli_entries(command);
    GOptionContext *context = g_option_context_new(command->arguments);

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_main_entries(context, help_entry, NULL);
    g_option_context_set_summary(context, command->summary);
    g_option_context_set_description(context, command->description);
    return context;
}

int
nub_cli_help(const struct nub_cli_command *command)
{
    gboolean help;
    g_autoptr(GOptionContext) context = nub_cli_context(command, &help);
    g_autofree char *program = g_strdup_printf("nub %s", command->name);

    g_set_prgname(program);
    g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
    fputs(text, stdout);
    return NUB_CLI_OK;
}
