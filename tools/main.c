/* main.c - the `nub` command: finds the subcommand, reads its options, runs it
 *
 * Knows no subcommand by name: they are in commands.c. Exit codes: enum nub_cli_exit.
 */
#include "cli.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

/* For commands that read the command line themselves, as compilers do. */
static int
run_raw(const struct nub_cli_command *command, char **argv)
{
    g_auto(GStrv) words = argv;
    g_autofree char *program = g_strdup_printf("nub %s", command->name);

    g_set_prgname(program);
    for (char **word = words + 1; *word; word++)
        if (strcmp(*word, "--help") == 0 || strcmp(*word, "-h") == 0)
            return nub_cli_help(command);
    return command->run(words + 1);
}

/* Parses what follows the command's name and runs it. */
static int
run_command(const struct nub_cli_command *command, char **argv)
{
    if (command->raw)
        return run_raw(command, argv);
    gboolean help = FALSE;
    g_autoptr(GOptionContext) context = nub_cli_context(command, &help);
    g_autofree char *program = g_strdup_printf("nub %s", command->name);
    g_autoptr(GError) error = NULL;

    g_set_prgname(program);
    if (!g_option_context_parse_strv(context, &argv, &error)) {
        int status = nub_cli_usage("%s", error->message);
        g_strfreev(argv);
        return status;
    }
    g_auto(GStrv) parsed = argv;
    char **args = parsed + 1;
    if (*args && strcmp(*args, "--") == 0)
        args++;
    guint n = g_strv_length(args);
    if (help)
        return nub_cli_help(command);
    if (n < command->min_args)
        return nub_cli_usage("%.*s is missing", (int)strcspn(command->arguments, " ["),
                             command->arguments);
    if (n > command->max_args)
        return nub_cli_usage("unexpected argument '%s'", args[command->max_args]);
    return command->run(args);
}

/* The first word of two-word commands: "config". */
static bool
is_group(const char *word)
{
    g_autofree char *prefix = g_strconcat(word, " ", NULL);

    for (guint i = 0; nub_cli_commands[i]; i++)
        if (g_str_has_prefix(nub_cli_commands[i]->name, prefix))
            return true;
    return false;
}

static int
unknown_command(const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; nub_cli_commands[i]; i++)
        g_ptr_array_add(names, (gpointer)nub_cli_commands[i]->name);
    g_ptr_array_add(names, NULL);
    const char *nearest = nub_cli_nearest(name, (const char *const *)names->pdata);
    if (nearest)
        return nub_cli_usage("unknown command '%s' (did you mean '%s'?)", name, nearest);
    return nub_cli_usage("unknown command '%s'", name);
}

/* argv[0] and what follows the command's name, as a new vector. */
static char **
rest_of(char **argv, int skip)
{
    GPtrArray *rest = g_ptr_array_new();

    g_ptr_array_add(rest, g_strdup(argv[0]));
    for (char **arg = argv + 1 + skip; *arg; arg++)
        g_ptr_array_add(rest, g_strdup(*arg));
    g_ptr_array_add(rest, NULL);
    return (char **)g_ptr_array_free(rest, FALSE);
}

static int
dispatch(char **argv)
{
    const char *first = argv[1];

    if (!first || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        int status = nub_command_help.run(argv + (first ? 2 : 1));
        return first ? status : NUB_CLI_USAGE;
    }
    if (strcmp(first, "--version") == 0) {
        printf("nub %s\n", nub_version_string());
        return NUB_CLI_OK;
    }
    if (*first == '-')
        return nub_cli_usage("unknown option '%s'", first);
    const struct nub_cli_command *command = nub_cli_find(first);
    if (command)
        return run_command(command, rest_of(argv, 1));
    if (!is_group(first))
        return unknown_command(first);
    if (!argv[2] || *argv[2] == '-') {
        char *args[] = { argv[1], NULL };
        int status = nub_command_help.run(args);
        return argv[2] && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)
                   ? status
                   : NUB_CLI_USAGE;
    }
    g_autofree char *both = g_strdup_printf("%s %s", first, argv[2]);
    command = nub_cli_find(both);
    return command ? run_command(command, rest_of(argv, 2)) : unknown_command(both);
}

int
main(int argc, char **argv)
{
    (void)argc;
    setlocale(LC_CTYPE, "");
    g_set_prgname("nub");
    int status = dispatch(argv);
    /* What did not reach its reader was not printed. */
    if (fflush(stdout) != 0 || ferror(stdout))
        return nub_cli_fail("standard output: %s", g_strerror(errno));
    return status;
}
