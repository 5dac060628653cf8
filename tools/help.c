/* help.c - `nub help`: the list of commands, or one command's --help */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static void
print_list(const char *prefix)
{
    guint width = 0;

    for (guint i = 0; nub_cli_commands[i]; i++)
        width = MAX(width, (guint)strlen(nub_cli_commands[i]->name));
    for (guint i = 0; nub_cli_commands[i]; i++)
        if (g_str_has_prefix(nub_cli_commands[i]->name, prefix))
            printf("  %-*s  %s\n", (int)width, nub_cli_commands[i]->name,
                   nub_cli_commands[i]->summary);
}

static int
run(char **args)
{
    if (!args[0]) {
        puts("Usage:\n  nub COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:");
        print_list("");
        puts("\n'nub COMMAND --help' explains a command, 'nub --version' says which nub this is.\n"
             "Exit codes: 0 done (the program halted), 1 the program ended otherwise or a check\n"
             "failed, 2 wrong usage, 3 it could not be done.");
        return NUB_CLI_OK;
    }
    g_autofree char *name = g_strjoinv(" ", args);
    const struct nub_cli_command *command = nub_cli_find(name);
    if (command)
        return nub_cli_help(command);
    g_autofree char *prefix = g_strconcat(name, " ", NULL);
    for (guint i = 0; nub_cli_commands[i]; i++)
        if (g_str_has_prefix(nub_cli_commands[i]->name, prefix)) {
            printf("Usage:\n  nub %s COMMAND [OPTION...]\n\nCommands:\n", name);
            print_list(prefix);
            return NUB_CLI_OK;
        }
    return nub_cli_usage("unknown command '%s'", name);
}

const struct nub_cli_command nub_command_help = {
    .name = "help",
    .arguments = "[COMMAND...]",
    .summary = "List the commands, or explain one",
    .max_args = 2,
    .run = run,
};
