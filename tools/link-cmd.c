/* link-cmd.c - `nub link`: the linker of link.h behind a command line */
#include "link-cmd.h"

#include "debug.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

static struct {
    char *output;
    char **exports;
    char *stack_size, *heap_size;
    gboolean stats;
} values;

static void
print_json(const char *output, const NubLinkOutput *linked, gsize size)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    NubHash root;

    memcpy(&root, linked->instance, sizeof root);
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "file", output);
    nub_cli_json_u64(builder, "size", size);
    nub_cli_json_hash(builder, "root", &root);
    json_builder_set_member_name(builder, "endpoints");
    json_builder_begin_array(builder);
    for (char **name = linked->endpoints; *name; name++)
        json_builder_add_string_value(builder, *name);
    json_builder_end_array(builder);
    nub_cli_json_u32(builder, "riscv_instructions", linked->stats.riscv_insns);
    nub_cli_json_u32(builder, "riscv_bytes", linked->stats.riscv_bytes);
    nub_cli_json_u32(builder, "instructions", linked->stats.insns);
    nub_cli_json_u32(builder, "code_bytes", linked->stats.code_bytes);
    nub_cli_json_u32(builder, "jump_entries", linked->stats.jump_entries);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static void
print_stats(const char *output, const NubLinkOutput *linked)
{
    const NubLinkStats *s = &linked->stats;

    printf("%s: %u instructions in %u bytes, from %u of RISC-V in %u bytes (%.2f code bytes each); "
           "%u jump-table entries\n",
           output, s->insns, s->code_bytes, s->riscv_insns, s->riscv_bytes,
           s->riscv_insns ? (double)s->code_bytes / s->riscv_insns : 0.0, s->jump_entries);
    for (guint i = 0; linked->endpoints[i]; i++)
        printf("  endpoint %u: %s\n", i, linked->endpoints[i]);
}

static int
report_problems(const char *name, const GPtrArray *messages)
{
    for (guint i = 0; i < messages->len; i++)
        nub_cli_fail("%s: %s", name, (const char *)messages->pdata[i]);
    return NUB_CLI_FAILED;
}

/* names and lines go beside the bundle, outside every hash */
static bool
write_debug(const char *output, GBytes *debug)
{
    g_autofree char *file = nub_debug_file_name(output);
    gsize size;
    const void *text = g_bytes_get_data(debug, &size);

    return nub_cli_write(file, text, size);
}

static void
show_progress(const char *step, guint n_done, guint n_steps)
{
    g_autofree char *what = g_strdup_printf("link: %s", step);

    nub_progress_show(what, n_done, n_steps);
}

int
nub_link_command(const char *name, GBytes *elf, const NubLinkOptions *options, const char *output,
                 bool stats)
{
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_auto(NubLinkOutput) linked = { 0 };
    gsize size;
    const guint8 *bytes = g_bytes_get_data(elf, &size);

    NubLinkOptions shown = *options;
    shown.progress = show_progress;
    bool is_linked = nub_link_elf(bytes, size, &shown, &linked, messages);
    nub_progress_clear();
    if (!is_linked)
        return report_problems(name, messages);
    const void *bundle = g_bytes_get_data(linked.bundle, &size);
    if (!nub_cli_write(output, bundle, size))
        return NUB_CLI_HOST;
    if (strcmp(output, "-") != 0 && !write_debug(output, linked.debug))
        return NUB_CLI_HOST;
    if (nub_cli_values.json)
        print_json(output, &linked, size);
    else if (stats)
        print_stats(output, &linked);
    return NUB_CLI_OK;
}

static int
run(char **args)
{
    NubLinkOptions options = { .exports = (const char *const *)values.exports };

    if ((values.stack_size &&
         !nub_cli_parse_u64("--stack-size", values.stack_size, false, &options.stack_size)) ||
        (values.heap_size &&
         !nub_cli_parse_u64("--heap-size", values.heap_size, false, &options.heap_size)))
        return NUB_CLI_USAGE;
    g_autoptr(GBytes) elf = nub_cli_read(args[0]);
    if (!elf)
        return NUB_CLI_HOST;
    g_autofree char *output =
        values.output ? g_strdup(values.output) : g_strconcat(args[0], ".nub", NULL);
    return nub_link_command(args[0], elf, &options, output, values.stats);
}

static const GOptionEntry options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output,
      "Where to write (default: IN.elf.nub)", "OUT" },
    { "export", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &values.exports,
      "An endpoint (default: what the file exports)", "NAME" },
    { "stack-size", 0, 0, G_OPTION_ARG_STRING, &values.stack_size,
      "Bytes of stack (default: the program's choice, or 256 KiB)", "N" },
    { "heap-size", 0, 0, G_OPTION_ARG_STRING, &values.heap_size,
      "Bytes of heap (default: the program's choice, or 1 MiB)", "N" },
    { "stats", 0, 0, G_OPTION_ARG_NONE, &values.stats, "Say what came out", NULL },
    { NULL }
};

const struct nub_cli_command nub_command_link = {
    .name = "link",
    .arguments = "IN.elf",
    .summary = "Turn a RISC-V ELF file into a bundle",
    .description =
        "IN.elf is what ld.lld-19 --emit-relocs makes of objects for rv64e: static, not\n"
        "position-independent. docs/toolchain.md has the flags; 'nub cc' does it all.",
    .shared = NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
