/* pack.c - `nub pack`: any file as a Data capability */
#include "cli.h"

#include <stdio.h>

static struct {
    char *output;
    gboolean bundle;
} values;

static void
print_packed(const char *file, const NubHash *hash, gsize content, gsize size)
{
    g_autofree char *hex = nub_hash_to_string(hash);

    if (!nub_cli_values.json) {
        printf("%s  %s\n", hex, file);
        return;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "file", file);
    nub_cli_json_hash(builder, "hash", hash);
    nub_cli_json_u64(builder, "content_size", content);
    nub_cli_json_u64(builder, "size", size);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static int
run(char **args)
{
    g_autoptr(GBytes) content = nub_cli_read(args[0]);
    GError *error = NULL;
    gsize content_size, size;
    NubHash hash;

    if (!content)
        return NUB_CLI_HOST;
    if (!values.output && g_str_equal(args[0], "-"))
        return nub_cli_usage("standard input has no name to derive one from: give -o");
    const guint8 *data = g_bytes_get_data(content, &content_size);
    g_autoptr(NubCap) cap = nub_cap_new_data(data, content_size, &error);
    if (!cap) {
        g_prefix_error(&error, "%s: ", args[0]);
        return nub_cli_fail_error(error);
    }
    g_autoptr(GBytes) bytes = g_bytes_ref(nub_cap_get_wire(cap));
    if (values.bundle) {
        g_autoptr(NubBundle) bundle = nub_bundle_new();
        nub_bundle_add(bundle, cap);
        g_bytes_unref(bytes);
        bytes = nub_bundle_to_bytes(bundle, &error);
        if (!bytes)
            return nub_cli_fail_error(error);
    }
    g_autofree char *file = values.output
                                ? g_strdup(values.output)
                                : g_strconcat(args[0], values.bundle ? ".nub" : ".cap", NULL);
    const void *out = g_bytes_get_data(bytes, &size);
    if (!nub_cli_write(file, out, size))
        return NUB_CLI_HOST;
    nub_cap_get_hash(cap, &hash);
    if (!g_str_equal(file, "-"))
        print_packed(file, &hash, content_size, size);
    return NUB_CLI_OK;
}

static const GOptionEntry options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output,
      "Where to write (default: FILE.cap, FILE.nub with --bundle)", "OUT" },
    { "bundle", 'b', 0, G_OPTION_ARG_NONE, &values.bundle,
      "Write a bundle that holds the capability", NULL },
    { NULL }
};

const struct nub_cli_command nub_command_pack = {
    .name = "pack",
    .arguments = "FILE",
    .summary = "Make a Data capability of a file",
    .description = "The content is padded with zeros to whole pages of 4096 bytes; its length is\n"
                   "not kept. Prints the capability's hash and where it was written.",
    .shared = NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
