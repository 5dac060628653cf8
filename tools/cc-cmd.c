/* cc-cmd.c - `nub cc`: C sources to a bundle in one step
 *
 * Takes the compiler's own spelling of options (-O2, -DX=1, -Iinclude), so the words are not parsed
 * by GOption: what is not ours goes to the compiler as it is.
 */
#include "cc.h"
#include "link-cmd.h"

#include <string.h>

struct words {
    GPtrArray *inputs, *flags, *exports;
    char *output, *elf, *stack_size, *heap_size;
    gboolean libc, stats;
};

static struct words values; /* for the help; parse() fills in one of its own */

static const GOptionEntry options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output, "Where to write (default: a.nub)",
      "OUT" },
    { "export", 'e', 0, G_OPTION_ARG_STRING, &values.exports,
      "An endpoint (default: the functions marked NUB_EXPORT, and main)", "NAME" },
    { "libc", 0, 0, G_OPTION_ARG_NONE, &values.libc,
      "With the C library (newlib): stdio, malloc, math ...", NULL },
    { "stack-size", 0, 0, G_OPTION_ARG_STRING, &values.stack_size, "Bytes of stack", "N" },
    { "heap-size", 0, 0, G_OPTION_ARG_STRING, &values.heap_size, "Bytes of heap", "N" },
    { "elf", 0, 0, G_OPTION_ARG_FILENAME, &values.elf, "Also keep the ELF file", "FILE" },
    { "stats", 0, 0, G_OPTION_ARG_NONE, &values.stats, "Say what came out", NULL },
    { NULL }
};

static const GOptionEntry *
find_option(const char *word, gsize name_size)
{
    for (const GOptionEntry *o = options; o->long_name; o++) {
        if (g_str_has_prefix(word, "--") && strlen(o->long_name) == name_size - 2 &&
            strncmp(o->long_name, word + 2, name_size - 2) == 0)
            return o;
        if (o->short_name && word[0] == '-' && word[1] == o->short_name && name_size == 2)
            return o;
    }
    return NULL;
}

static void *
place_of(struct words *w, const GOptionEntry *option)
{
    return (char *)w + ((char *)option->arg_data - (char *)&values);
}

/* the value of an option of ours, which may follow after '=' or as the next word */
static void
take_option(struct words *w, const GOptionEntry *option, const char *value)
{
    if (option->arg_data == &values.exports)
        g_ptr_array_add(w->exports, (gpointer)value);
    else if (option->arg == G_OPTION_ARG_NONE)
        *(gboolean *)place_of(w, option) = TRUE;
    else
        *(char **)place_of(w, option) = (char *)value;
}

/* compiler options whose value may be a word of its own */
static bool
wants_word(const char *word)
{
    static const char *const flags[] = { "-I",       "-D",      "-U",    "-include",
                                         "-isystem", "-Xclang", "-mllvm" };

    for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
        if (strcmp(word, flags[i]) == 0)
            return true;
    return false;
}

/* `--json` is taken here too: it is shared by the commands */
static bool
take_flag(struct words *w, char ***args)
{
    char *word = **args;

    if (strcmp(word, "--json") == 0) {
        nub_cli_values.json = TRUE;
        return true;
    }
    if (g_str_has_prefix(word, "--")) {
        nub_cli_usage("unknown option '%s'", word);
        return false;
    }
    g_ptr_array_add(w->flags, word);
    if (wants_word(word)) {
        if (!(*args)[1]) {
            nub_cli_usage("%s wants a value", word);
            return false;
        }
        g_ptr_array_add(w->flags, *++*args);
    }
    return true;
}

static bool
parse(struct words *w, char **args)
{
    for (; *args; args++) {
        const char *equals = strchr(*args, '=');
        gsize name_size = equals ? (gsize)(equals - *args) : strlen(*args);
        const GOptionEntry *option = find_option(*args, name_size);
        if (**args != '-') {
            g_ptr_array_add(w->inputs, *args);
        } else if (!option) {
            if (!take_flag(w, &args))
                return false;
        } else if (option->arg == G_OPTION_ARG_NONE) {
            take_option(w, option, NULL);
        } else if (equals) {
            take_option(w, option, equals + 1);
        } else if (!args[1]) {
            nub_cli_usage("%s wants a value", *args);
            return false;
        } else {
            take_option(w, option, *++args);
        }
    }
    if (w->inputs->len == 0)
        nub_cli_usage("what to compile is missing: FILE...");
    g_ptr_array_add(w->inputs, NULL);
    g_ptr_array_add(w->flags, NULL);
    g_ptr_array_add(w->exports, NULL);
    return w->inputs->len > 1;
}

static int
build(const struct words *w)
{
    NubLinkOptions link = { .exports = w->exports->len > 1 ? (const char *const *)w->exports->pdata
                                                           : NULL };
    NubCcOptions cc = { .inputs = (const char *const *)w->inputs->pdata,
                        .flags = (const char *const *)w->flags->pdata,
                        .exports = link.exports,
                        .libc = w->libc };
    GError *error = NULL;
    gsize size;

    if ((w->stack_size &&
         !nub_cli_parse_u64("--stack-size", w->stack_size, false, &link.stack_size)) ||
        (w->heap_size && !nub_cli_parse_u64("--heap-size", w->heap_size, false, &link.heap_size)))
        return NUB_CLI_USAGE;
    g_autoptr(GBytes) elf = nub_cc_build(&cc, &error);
    if (!elf) {
        bool failed = g_error_matches(error, NUB_CC_ERROR, NUB_CC_ERROR_FAILED);
        nub_cli_fail_error(error);
        return failed ? NUB_CLI_FAILED : NUB_CLI_HOST;
    }
    const void *bytes = g_bytes_get_data(elf, &size);
    if (w->elf && !nub_cli_write(w->elf, bytes, size))
        return NUB_CLI_HOST;
    return nub_link_command(w->inputs->pdata[0], elf, &link, w->output ? w->output : "a.nub",
                            w->stats);
}

static int
run(char **args)
{
    struct words w = { .inputs = g_ptr_array_new(),
                       .flags = g_ptr_array_new(),
                       .exports = g_ptr_array_new() };
    int status = parse(&w, args) ? build(&w) : NUB_CLI_USAGE;

    g_ptr_array_unref(w.inputs);
    g_ptr_array_unref(w.flags);
    g_ptr_array_unref(w.exports);
    return status;
}

const struct nub_cli_command nub_command_cc = {
    .name = "cc",
    .arguments = "[-O2] [-DNAME=VALUE] [-IDIR] FILE...",
    .summary = "Compile C sources into a bundle",
    .description =
        "FILE is a C or assembly source, an object or an archive. Other options go to the\n"
        "compiler: clang-19 with the flags of docs/toolchain.md; ld.lld-19 links. Programs are\n"
        "freestanding, with the headers of the SDK alone, unless --libc is given.",
    .shared = NUB_CLI_JSON,
    .options = options,
    .raw = true,
    .min_args = 1,
    .max_args = G_MAXUINT,
    .run = run,
};
