/* hash.c - `nub hash`: the name of a capability, or of a bundle's root */
#include "capfile.h"
#include "cli.h"

#include <stdio.h>

static gboolean all;

static void
print_text(const char *file, const NubCapFile *capfile)
{
    for (guint i = all ? 0 : capfile->caps->len - 1; i < capfile->caps->len; i++) {
        NubHash hash;
        nub_cap_get_hash(capfile->caps->pdata[i], &hash);
        g_autofree char *hex = nub_hash_to_string(&hash);
        printf("%s  %s", hex, file);
        if (all && capfile->is_bundle)
            printf("[%u] %s", i, nub_cap_kind_to_string(nub_cap_get_kind(capfile->caps->pdata[i])));
        putchar('\n');
    }
}

static void
print_json(const char *file, const NubCapFile *capfile)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    NubHash hash;

    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "file", file);
    nub_cli_json_string(builder, "type", capfile->is_bundle ? "bundle" : "capability");
    nub_cap_get_hash(capfile->caps->pdata[capfile->caps->len - 1], &hash);
    nub_cli_json_hash(builder, "hash", &hash);
    json_builder_set_member_name(builder, "caps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < capfile->caps->len; i++) {
        NubCap *cap = capfile->caps->pdata[i];
        nub_cap_get_hash(cap, &hash);
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "kind", nub_cap_kind_to_string(nub_cap_get_kind(cap)));
        nub_cli_json_hash(builder, "hash", &hash);
        nub_cli_json_u64(builder, "size", g_bytes_get_size(nub_cap_get_wire(cap)));
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static int
run(char **args)
{
    g_autoptr(NubCapFile) capfile = nub_cap_file_load(args[0]);

    if (!capfile)
        return NUB_CLI_HOST;
    (nub_cli_values.json ? print_json : print_text)(args[0], capfile);
    return NUB_CLI_OK;
}

static const GOptionEntry options[] = { { "all", 'a', 0, G_OPTION_ARG_NONE, &all,
                                          "Every capability of a bundle, not the root alone",
                                          NULL },
                                        { NULL } };

const struct nub_cli_command nub_command_hash = {
    .name = "hash",
    .arguments = "FILE",
    .summary = "Print the hash of a capability or of a bundle's root",
    .shared = NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
