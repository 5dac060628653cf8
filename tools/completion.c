/* completion.c - `nub completion`: shell completion, made from the table of subcommands
 *
 * Nothing here names a subcommand or an option: what a word is completed with follows from the
 * entries of commands.c. FILE and DIR in an option's or a command's arguments ask for paths.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* What is expected after an option: a path, another word, or nothing. */
enum operand { OPERAND_NONE, OPERAND_WORD, OPERAND_PATH };

static enum operand
operand_of(const GOptionEntry *entry)
{
    static const char *const paths[] = { "FILE", "DIR", "OUT" };

    if (entry->arg == G_OPTION_ARG_NONE)
        return OPERAND_NONE;
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
        if (g_strcmp0(entry->arg_description, paths[i]) == 0)
            return OPERAND_PATH;
    return OPERAND_WORD;
}

static bool
takes_files(const struct nub_cli_command *command)
{
    return command->arguments && strstr(command->arguments, "FILE");
}

/* Calls `each` for the command's options and --help. */
static void
each_option(const struct nub_cli_command *command, void (*each)(const GOptionEntry *entry))
{
    static const GOptionEntry help = { "help",           'h', 0, G_OPTION_ARG_NONE, NULL,
                                       "Show this help", NULL };
    g_autofree GOptionEntry *entries = nub_cli_entries(command);

    for (const GOptionEntry *entry = entries; entry->long_name; entry++)
        each(entry);
    each(&help);
}

/* The first words of the commands, each once. */
static GPtrArray *
first_words(void)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; nub_cli_commands[i]; i++) {
        const char *name = nub_cli_commands[i]->name;
        g_autofree char *word = g_strndup(name, strcspn(name, " "));
        if (!g_ptr_array_find_with_equal_func(words, word, g_str_equal, NULL))
            g_ptr_array_add(words, g_steal_pointer(&word));
    }
    return words;
}

/* The second words after `first`: "show check keys"; empty when there are none. */
static char *
second_words(const char *first)
{
    g_autofree char *prefix = g_strconcat(first, " ", NULL);
    g_autoptr(GString) words = g_string_new(NULL);

    for (guint i = 0; nub_cli_commands[i]; i++)
        if (g_str_has_prefix(nub_cli_commands[i]->name, prefix))
            g_string_append_printf(words, "%s%s", words->len ? " " : "",
                                   nub_cli_commands[i]->name + strlen(prefix));
    return g_string_free(g_steal_pointer(&words), FALSE);
}

/* ---- bash ---------------------------------------------------------------------------------- */

static void
bash_option(const GOptionEntry *entry)
{
    printf(" --%s", entry->long_name);
    if (entry->short_name)
        printf(" -%c", entry->short_name);
}

static void
bash_path_option(const GOptionEntry *entry)
{
    if (operand_of(entry) == OPERAND_PATH)
        bash_option(entry);
}

static void
bash_word_option(const GOptionEntry *entry)
{
    if (operand_of(entry) == OPERAND_WORD)
        bash_option(entry);
}

static void
print_bash(void)
{
    g_autoptr(GPtrArray) words = first_words();

    puts("# bash completion for nub; made by `nub completion bash`\n"
         "_nub()\n"
         "{\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    local command=${COMP_WORDS[1]} words='' options='' paths='' others='' files='' "
         "is_path=''\n"
         "    COMPREPLY=()");
    fputs("    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=( $(compgen -W '", stdout);
    for (guint i = 0; i < words->len; i++)
        printf("%s ", (const char *)words->pdata[i]);
    puts("--help --version' -- \"$cur\") )\n        return\n    fi\n    case $command in");
    for (guint i = 0; i < words->len; i++) {
        g_autofree char *second = second_words(words->pdata[i]);
        if (*second)
            printf("    %s) words='%s' ;;\n", (const char *)words->pdata[i], second);
    }
    puts("    esac\n"
         "    if [ -n \"$words\" ]; then\n"
         "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
         "            COMPREPLY=( $(compgen -W \"$words --help\" -- \"$cur\") )\n"
         "            return\n"
         "        fi\n"
         "        command=\"$command ${COMP_WORDS[2]}\"\n"
         "    fi\n"
         "    case $command in");
    for (guint i = 0; nub_cli_commands[i]; i++) {
        printf("    '%s')\n        options='", nub_cli_commands[i]->name);
        each_option(nub_cli_commands[i], bash_option);
        fputs("'\n        paths='", stdout);
        each_option(nub_cli_commands[i], bash_path_option);
        fputs("'\n        others='", stdout);
        each_option(nub_cli_commands[i], bash_word_option);
        printf("'\n        files='%s'\n        ;;\n",
               takes_files(nub_cli_commands[i]) ? "yes" : "");
    }
    puts("    esac\n"
         "    case \"$others \" in *\" $prev \"*) return ;; esac\n"
         "    case \"$paths \" in *\" $prev \"*) files=yes cur_is_path=yes ;; *) cur_is_path='' ;; "
         "esac\n"
         "    if [ -z \"$is_path\" ] && [ \"${cur#-}\" != \"$cur\" ]; then\n"
         "        COMPREPLY=( $(compgen -W \"$options\" -- \"$cur\") )\n"
         "    elif [ -n \"$files\" ]; then\n"
         "        compopt -o filenames 2>/dev/null\n"
         "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
         "    fi\n"
         "}\n"
         "complete -F _nub nub");
}

/* ---- zsh ----------------------------------------------------------------------------------- */

/* Text within single quotes within a spec of _arguments. */
static char *
zsh_text(const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (; *text; text++) {
        if (strchr("[]:", *text))
            g_string_append_c(out, '\\');
        if (*text == '\'')
            g_string_append(out, "'\\''");
        else
            g_string_append_c(out, *text);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void
zsh_option(const GOptionEntry *entry)
{
    g_autofree char *text = zsh_text(entry->description);
    const char *operand = operand_of(entry) == OPERAND_PATH   ? ":path:_files"
                          : operand_of(entry) == OPERAND_WORD ? ":value: "
                                                              : "";

    printf("        '*--%s%s[%s]%s' \\\n", entry->long_name, *operand ? "=" : "", text, operand);
    if (entry->short_name)
        printf("        '*-%c[%s]%s' \\\n", entry->short_name, text, operand);
}

static void
print_zsh(void)
{
    g_autoptr(GPtrArray) words = first_words();

    puts("#compdef nub\n"
         "# zsh completion for nub; made by `nub completion zsh`\n"
         "_nub() {\n"
         "    local command=$words[2]\n"
         "    if (( CURRENT == 2 )); then");
    fputs("        compadd --", stdout);
    for (guint i = 0; i < words->len; i++)
        printf(" %s", (const char *)words->pdata[i]);
    puts(" --help --version\n        return\n    fi\n    case $command in");
    for (guint i = 0; i < words->len; i++) {
        g_autofree char *second = second_words(words->pdata[i]);
        if (*second)
            printf("    %s)\n        if (( CURRENT == 3 )); then\n            compadd -- %s\n"
                   "            return\n        fi\n        command=\"$command $words[3]\"\n"
                   "        ;;\n",
                   (const char *)words->pdata[i], second);
    }
    puts("    esac\n    case $command in");
    for (guint i = 0; nub_cli_commands[i]; i++) {
        printf("    '%s')\n        _arguments \\\n", nub_cli_commands[i]->name);
        each_option(nub_cli_commands[i], zsh_option);
        printf("        '%s'\n        ;;\n",
               takes_files(nub_cli_commands[i]) ? "*:file:_files" : "*: : ");
    }
    puts("    esac\n}\n_nub \"$@\"");
}

/* ---- fish ---------------------------------------------------------------------------------- */

static char *
fish_text(const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            g_string_append_c(out, '\\');
        g_string_append_c(out, *text);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static char *fish_condition;

static void
fish_option(const GOptionEntry *entry)
{
    g_autofree char *text = fish_text(entry->description);

    printf("complete -c nub -n '%s' -l %s", fish_condition, entry->long_name);
    if (entry->short_name)
        printf(" -s %c", entry->short_name);
    printf("%s -d '%s'\n",
           operand_of(entry) == OPERAND_PATH   ? " -r -F"
           : operand_of(entry) == OPERAND_WORD ? " -x"
                                               : "",
           text);
}

static void
fish_command(const struct nub_cli_command *command)
{
    const char *space = strchr(command->name, ' ');
    g_autofree char *summary = fish_text(command->summary);
    g_autofree char *first = g_strndup(command->name, strcspn(command->name, " "));

    g_free(fish_condition);
    if (space) {
        printf("complete -c nub -n '__fish_seen_subcommand_from %s' -a %s -d '%s'\n", first,
               space + 1, summary);
        fish_condition = g_strdup_printf("__fish_seen_subcommand_from %s; and "
                                         "__fish_seen_subcommand_from %s",
                                         first, space + 1);
    } else {
        printf("complete -c nub -n __fish_use_subcommand -a %s -d '%s'\n", first, summary);
        fish_condition = g_strdup_printf("__fish_seen_subcommand_from %s", first);
    }
    each_option(command, fish_option);
    if (takes_files(command))
        printf("complete -c nub -n '%s' -F\n", fish_condition);
}

static void
print_fish(void)
{
    g_autoptr(GPtrArray) words = first_words();

    puts("# fish completion for nub; made by `nub completion fish`\n"
         "complete -c nub -f\n"
         "complete -c nub -n __fish_use_subcommand -l version -d 'Say which nub this is'");
    for (guint i = 0; i < words->len; i++) {
        g_autofree char *second = second_words(words->pdata[i]);
        if (*second)
            printf("complete -c nub -n __fish_use_subcommand -a %s\n",
                   (const char *)words->pdata[i]);
    }
    for (guint i = 0; nub_cli_commands[i]; i++)
        fish_command(nub_cli_commands[i]);
    g_clear_pointer(&fish_condition, g_free);
}

/* ---- the command --------------------------------------------------------------------------- */

static int
run(char **args)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

    for (guint i = 0; i < G_N_ELEMENTS(shells); i++)
        if (strcmp(args[0], shells[i].name) == 0) {
            shells[i].print();
            return NUB_CLI_OK;
        }
    return nub_cli_usage("'%s' is none of bash, zsh, fish", args[0]);
}

const struct nub_cli_command nub_command_completion = {
    .name = "completion",
    .arguments = "SHELL",
    .summary = "Print the completion script for bash, zsh or fish",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
