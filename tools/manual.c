/* manual.c - `nub manual`: manual pages in roff, made from the table of subcommands
 *
 * The page of a command is what its --help says, in the form that man(1) wants; nub(1) lists the
 * commands. The build writes and installs them all with --write.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static char *folder;

/* Adds text so that roff takes every character for itself. */
static void
add_text(GString *page, const char *text)
{
    bool at_start = true;

    for (; *text; text++) {
        if (at_start && (*text == '.' || *text == '\''))
            g_string_append(page, "\\&");
        if (*text == '\\')
            g_string_append(page, "\\e");
        else if (*text == '-')
            g_string_append(page, "\\-");
        else
            g_string_append_c(page, *text);
        at_start = *text == '\n';
    }
}

/* "config show" -> "nub-config-show" */
static char *
page_name(const struct nub_cli_command *command)
{
    return g_strdelimit(g_strconcat("nub-", command->name, NULL), " ", '-');
}

static void
add_title(GString *page, const char *name, const char *summary)
{
    g_autofree char *upper = g_ascii_strup(name, -1);

    g_string_append_printf(page, ".TH %s 1 \"\" \"nub %s\" \"User Commands\"\n.SH NAME\n", upper,
                           nub_version_string());
    add_text(page, name);
    g_string_append(page, " \\- ");
    add_text(page, summary);
}

static void
add_option(GString *page, const GOptionEntry *entry)
{
    g_string_append(page, "\n.TP\n");
    if (entry->short_name)
        g_string_append_printf(page, "\\fB\\-%c\\fR, ", entry->short_name);
    g_string_append(page, "\\fB\\-\\-");
    add_text(page, entry->long_name);
    g_string_append(page, "\\fR");
    if (entry->arg != G_OPTION_ARG_NONE)
        g_string_append_printf(page, "=\\fI%s\\fR", entry->arg_description);
    g_string_append_c(page, '\n');
    add_text(page, entry->description);
}

static void
add_exit_codes(GString *page)
{
    g_string_append(page, "\n.SH EXIT STATUS\n"
                          ".TP\n0\nDone; the program halted.\n"
                          ".TP\n1\nThe program ended otherwise, or a check failed.\n"
                          ".TP\n2\nThe command line is wrong.\n"
                          ".TP\n3\nIt could not be done: a file, the configuration, a backend.\n");
}

static GString *
command_page(const struct nub_cli_command *command)
{
    g_autofree char *name = page_name(command);
    g_autofree GOptionEntry *entries = nub_cli_entries(command);
    GString *page = g_string_new(NULL);

    add_title(page, name, command->summary);
    g_string_append_printf(page, "\n.SH SYNOPSIS\n\\fBnub %s\\fR [\\fIOPTION\\fR...]",
                           command->name);
    if (command->arguments)
        g_string_append_printf(page, " %s", command->arguments);
    if (command->description) {
        g_string_append(page, "\n.SH DESCRIPTION\n");
        add_text(page, command->description);
    }
    g_string_append(page, "\n.SH OPTIONS");
    for (const GOptionEntry *entry = entries; entry->long_name; entry++)
        add_option(page, entry);
    g_string_append(page, "\n.TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nShow this help");
    add_exit_codes(page);
    g_string_append(page, ".SH SEE ALSO\n.BR nub (1)\n");
    return page;
}

static GString *
overview_page(void)
{
    GString *page = g_string_new(NULL);

    add_title(page, "nub", "publish, invoke and check metered, isolated, reproducible programs");
    g_string_append(page, "\n.SH SYNOPSIS\n\\fBnub\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] "
                          "[\\fIARGUMENT\\fR...]\n.SH COMMANDS\n");
    for (guint i = 0; nub_cli_commands[i]; i++) {
        g_autofree char *name = page_name(nub_cli_commands[i]);
        g_string_append(page, ".TP\n.BR ");
        add_text(page, name);
        g_string_append(page, " (1)\n");
        add_text(page, nub_cli_commands[i]->summary);
        g_string_append_c(page, '\n');
    }
    add_exit_codes(page);
    return page;
}

static bool
write_page(const char *name, GString *page)
{
    g_autofree char *file = g_strdup_printf("%s/%s.1", folder, name);
    bool ok = nub_cli_write(file, page->str, page->len);

    g_string_free(page, TRUE);
    return ok;
}

static int
write_all(void)
{
    if (!write_page("nub", overview_page()))
        return NUB_CLI_HOST;
    for (guint i = 0; nub_cli_commands[i]; i++) {
        g_autofree char *name = page_name(nub_cli_commands[i]);
        if (!write_page(name, command_page(nub_cli_commands[i])))
            return NUB_CLI_HOST;
    }
    return NUB_CLI_OK;
}

static int
run(char **args)
{
    g_autofree char *name = g_strjoinv(" ", args);
    const struct nub_cli_command *command = nub_cli_find(name);

    if (*args && folder)
        return nub_cli_usage("--write writes every page: '%s' is too much", name);
    if (folder)
        return write_all();
    if (*args && !command)
        return nub_cli_usage("unknown command '%s'", name);
    GString *page = command ? command_page(command) : overview_page();
    fputs(page->str, stdout);
    g_string_free(page, TRUE);
    return NUB_CLI_OK;
}

static const GOptionEntry options[] = { { "write", 'w', 0, G_OPTION_ARG_FILENAME, &folder,
                                          "Write every page to this folder", "DIR" },
                                        { NULL } };

const struct nub_cli_command nub_command_manual = {
    .name = "manual",
    .arguments = "[COMMAND...]",
    .summary = "Print the manual page of a command, or of nub, in roff",
    .description = "To read it: nub manual run | man -l -",
    .options = options,
    .max_args = 2,
    .run = run,
};
