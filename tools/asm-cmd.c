/* asm-cmd.c - `nub asm` and `nub disasm`: the assembler of asm.h behind a command line */
#include "cli.h"

#include "asm.h"
#include "debug.h"

#include <stdio.h>
#include <string.h>

static struct {
    char *output;
    gboolean program;
} values;

/* "dir/sum.s" -> "dir/sum.nub" */
static char *
with_suffix(const char *file, const char *suffix)
{
    const char *dot = strrchr(file, '.');
    const char *slash = strrchr(file, '/');
    gsize stem =
        dot && dot > file && (!slash || dot > slash + 1) ? (gsize)(dot - file) : strlen(file);

    return g_strdup_printf("%.*s%s", (int)stem, file, suffix);
}

static void
print_assembled(const char *file, const NubAsmOutput *assembled, gsize size)
{
    g_autoptr(NubBundle) bundle = nub_bundle_new_from_bytes(assembled->bundle, NULL);
    NubHash root = { { 0 } };

    if (bundle)
        nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    if (!nub_cli_values.json)
        return;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "file", file);
    nub_cli_json_u64(builder, "size", size);
    nub_cli_json_u32(builder, "n_caps", assembled->n_caps);
    nub_cli_json_hash(builder, "root", &root);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static int
run_asm(char **args)
{
    g_autoptr(GBytes) text = nub_cli_read(args[0]);
    g_auto(NubAsmOutput) assembled = { 0 };
    GError *error = NULL;
    gsize size;

    if (!text)
        return NUB_CLI_HOST;
    const char *bytes = g_bytes_get_data(text, &size);
    if (!nub_asm_assemble(args[0], bytes ? bytes : "", size, &assembled, &error))
        return nub_cli_fail_error(error);
    GBytes *result = values.program ? assembled.program : assembled.bundle;
    if (!result)
        return nub_cli_fail("%s: the text has no code, so there is no program", args[0]);
    g_autofree char *file = values.output ? g_strdup(values.output)
                                          : with_suffix(args[0], values.program ? ".pvm" : ".nub");
    const void *data = g_bytes_get_data(result, &size);
    if (!nub_cli_write(file, data, size))
        return NUB_CLI_HOST;
    print_assembled(file, &assembled, size);
    return NUB_CLI_OK;
}

/* names and lines as comments, where the bundle has a side file */
static char *
annotate(const char *file, GBytes *bytes, char *text)
{
    g_autoptr(NubBundle) bundle = nub_bundle_new_from_bytes(bytes, NULL);
    NubHash root;

    if (!bundle)
        return text;
    nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    g_autoptr(NubDebug) debug = nub_debug_load(file, &root);
    if (!debug)
        return text;
    char *annotated = nub_debug_annotate(debug, text);
    g_free(text);
    return annotated;
}

static int
run_disasm(char **args)
{
    g_autoptr(GBytes) bytes = nub_cli_read(args[0]);
    GError *error = NULL;
    gsize size;

    if (!bytes)
        return NUB_CLI_HOST;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    g_autofree char *text = values.program ? nub_disasm_program(data, size, &error)
                                           : nub_disasm_any(data, size, &error);
    if (!text) {
        g_prefix_error(&error, "%s: ", args[0]);
        return nub_cli_fail_error(error);
    }
    text = annotate(args[0], bytes, g_steal_pointer(&text));
    return nub_cli_write(values.output ? values.output : "-", text, strlen(text)) ? NUB_CLI_OK
                                                                                  : NUB_CLI_HOST;
}

static const GOptionEntry asm_options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output,
      "Where to write (default: FILE with another suffix)", "OUT" },
    { "program", 'p', 0, G_OPTION_ARG_NONE, &values.program,
      "Write the bare program blob instead of a bundle", NULL },
    { NULL }
};

static const GOptionEntry disasm_options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output,
      "Where to write (default: standard output)", "OUT" },
    { "program", 'p', 0, G_OPTION_ARG_NONE, &values.program,
      "Take FILE for a program blob without looking at it first", NULL },
    { NULL }
};

const struct nub_cli_command nub_command_asm = {
    .name = "asm",
    .arguments = "FILE.s",
    .summary = "Assemble a text into a bundle",
    .description = "The syntax is in docs/assembly.md. Without -o the result is FILE.nub, or\n"
                   "FILE.pvm with --program. FILE may be - for standard input.",
    .shared = NUB_CLI_JSON,
    .options = asm_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_asm,
};

const struct nub_cli_command nub_command_disasm = {
    .name = "disasm",
    .arguments = "FILE",
    .summary = "Turn a bundle, a capability or a program blob into text",
    .description = "The text assembles to the same bytes again. Where FILE.nubdbg is beside "
                   "FILE.nub, comments\n"
                   "say which function and line a label stands in.",
    .options = disasm_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_disasm,
};
