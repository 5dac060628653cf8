/* store.c - `nub store ...`: looking into the configured store, and moving capabilities in and out
 *
 * Works on the store itself; no backend is opened. Where a hash is wanted a name will do: the head
 * of a backend, or one given by `nub store name`.
 */
#include "capfile.h"
#include "cli.h"
#include "progress.h"

#include <stdio.h>
#include <string.h>

static struct {
    char *output, *name;
    gboolean details, forget;
} values;

/* ---- the store, and what names something in it --------------------------------------------- */

/* The store of the configuration; NULL with a message. The registry keeps it open. */
static NubStore *
open_store(NubRegistry **registry)
{
    NubStore *store = NULL;

    *registry = nub_cli_registry();
    if (!*registry)
        return NULL;
    store = nub_registry_get_store(*registry);
    if (!store) {
        g_autofree char *source = nub_registry_dup_source(*registry);
        nub_cli_fail("%s: no store is configured", source);
    }
    return store;
}

/* Gives what was stored the name of --name. */
static int
keep(NubStore *store, const NubHash *hash)
{
    GError *error = NULL;

    if (!values.name || nub_store_set_name(store, values.name, hash, &error))
        return NUB_CLI_OK;
    return nub_cli_fail_error(error);
}

static int
tell_stored(const NubHash *hash, const char *file, guint n_caps)
{
    g_autofree char *hex = nub_hash_to_string(hash);

    if (!nub_cli_values.json) {
        printf("%s  %s\n", hex, file);
        return NUB_CLI_OK;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "file", file);
    nub_cli_json_hash(builder, "hash", hash);
    nub_cli_json_u32(builder, "n_caps", n_caps);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
    return NUB_CLI_OK;
}

/* ---- ls ------------------------------------------------------------------------------------ */

static int
list_names(NubStore *store, JsonBuilder *builder)
{
    GError *error = NULL;
    g_auto(GStrv) names = nub_store_list_names(store, &error);

    if (!names)
        return nub_cli_fail_error(error);
    for (char **name = names; *name; name++) {
        NubHash hash;
        if (!nub_store_get_name(store, *name, &hash, &error))
            return nub_cli_fail_error(error);
        g_autofree char *hex = nub_hash_to_string(&hash);
        if (!builder) {
            printf("%s  name %s\n", hex, *name);
            continue;
        }
        json_builder_begin_object(builder);
        nub_cli_json_string(builder, "name", *name);
        nub_cli_json_hash(builder, "hash", &hash);
        json_builder_end_object(builder);
    }
    return NUB_CLI_OK;
}

static int
list_cap(NubStore *store, const NubHash *hash, JsonBuilder *builder)
{
    g_autofree char *hex = nub_hash_to_string(hash);
    const char *kind_name = NULL;
    GError *error = NULL;
    NubCapKind kind;
    guint64 size = 0;

    if (values.details) {
        if (!nub_store_describe_cap(store, hash, &kind, &size, &error))
            return nub_cli_fail_error(error);
        kind_name = nub_cap_kind_to_string(kind);
    }
    if (builder) {
        json_builder_begin_object(builder);
        nub_cli_json_hash(builder, "hash", hash);
        if (kind_name) {
            nub_cli_json_string(builder, "kind", kind_name);
            nub_cli_json_u64(builder, "size", size);
        }
        json_builder_end_object(builder);
    } else if (kind_name) {
        printf("%s  %s %" G_GUINT64_FORMAT "\n", hex, kind_name, size);
    } else {
        printf("%s\n", hex);
    }
    return NUB_CLI_OK;
}

static int
list_caps(NubStore *store, JsonBuilder *builder)
{
    GError *error = NULL;
    g_autoptr(GPtrArray) hashes = nub_store_list_caps(store, &error);
    int status = NUB_CLI_OK;

    if (!hashes)
        return nub_cli_fail_error(error);
    for (guint i = 0; i < hashes->len && status == NUB_CLI_OK; i++)
        status = list_cap(store, hashes->pdata[i], builder);
    return status;
}

static int
run_ls(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubStore) store = open_store(&registry);

    (void)args;
    if (!store)
        return NUB_CLI_HOST;
    if (!nub_cli_values.json) {
        int status = list_names(store, NULL);
        return status == NUB_CLI_OK ? list_caps(store, NULL) : status;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "names");
    json_builder_begin_array(builder);
    int status = list_names(store, builder);
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "caps");
    json_builder_begin_array(builder);
    if (status == NUB_CLI_OK)
        status = list_caps(store, builder);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    if (status == NUB_CLI_OK)
        nub_cli_json_print(builder);
    return status;
}

/* ---- get, put, export, import -------------------------------------------------------------- */

static int
write_bytes(GBytes *bytes, const NubHash *hash, const char *suffix, guint n_caps)
{
    g_autofree char *hex = nub_hash_to_string(hash);
    g_autofree char *file =
        values.output ? g_strdup(values.output) : g_strconcat(hex, suffix, NULL);
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);

    if (!nub_cli_write(file, data, size))
        return NUB_CLI_HOST;
    return strcmp(file, "-") == 0 ? NUB_CLI_OK : tell_stored(hash, file, n_caps);
}

static int
run_get(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubStore) store = open_store(&registry);
    GError *error = NULL;
    NubHash hash;

    if (!store)
        return NUB_CLI_HOST;
    int status = nub_cli_resolve(store, args[0], &hash);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubCap) cap = nub_store_get_cap(store, &hash, &error);
    return cap ? write_bytes(nub_cap_get_wire(cap), &hash, ".cap", 1) : nub_cli_fail_error(error);
}

static int
run_export(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubStore) store = open_store(&registry);
    GError *error = NULL;
    NubHash hash;

    if (!store)
        return NUB_CLI_HOST;
    int status = nub_cli_resolve(store, args[0], &hash);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubBundle) bundle = nub_store_export(store, &hash, &error);
    g_autoptr(GBytes) bytes = bundle ? nub_bundle_to_bytes(bundle, &error) : NULL;
    if (!bytes)
        return nub_cli_fail_error(error);
    return write_bytes(bytes, &hash, ".nub", nub_bundle_get_n_caps(bundle));
}

/* A capability or a bundle: both `put` and `import` take either. */
static int
run_put(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubCapFile) file = nub_cap_file_load(args[0]);
    g_autoptr(NubStore) store = file ? open_store(&registry) : NULL;
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    GError *error = NULL;
    NubHash root;

    if (!store)
        return NUB_CLI_HOST;
    for (guint i = 0; i < file->caps->len; i++)
        nub_bundle_add(bundle, file->caps->pdata[i]);
    if (!nub_store_import(store, bundle, &error)) {
        g_prefix_error(&error, "%s: ", args[0]);
        return nub_cli_fail_error(error);
    }
    nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    int status = keep(store, &root);
    return status == NUB_CLI_OK ? tell_stored(&root, args[0], file->caps->len) : status;
}

/* ---- names --------------------------------------------------------------------------------- */

static int
run_name(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    NubHash hash;
    GError *error = NULL;

    if (values.forget == (args[1] != NULL))
        return nub_cli_usage("give HASH or --forget");
    g_autoptr(NubStore) store = open_store(&registry);
    if (!store)
        return NUB_CLI_HOST;
    int status = args[1] ? nub_cli_resolve(store, args[1], &hash) : NUB_CLI_OK;
    if (status != NUB_CLI_OK)
        return status;
    if (!nub_store_set_name(store, args[0], args[1] ? &hash : NULL, &error))
        return nub_cli_fail_error(error);
    return NUB_CLI_OK;
}

/* ---- verify, gc ---------------------------------------------------------------------------- */

static int
tell_count(const char *name, const char *text, guint64 n)
{
    if (!nub_cli_values.json) {
        printf("%" G_GUINT64_FORMAT " %s %s\n", n, n == 1 ? "capability" : "capabilities", text);
        return NUB_CLI_OK;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_u64(builder, name, n);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
    return NUB_CLI_OK;
}

static void
show_progress(guint64 n_done, guint64 n_caps, gpointer user_data)
{
    (void)user_data;
    nub_progress_show("verify", n_done, n_caps);
}

static int
run_verify(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubStore) store = open_store(&registry);
    GError *error = NULL;
    guint64 n = 0;

    (void)args;
    if (!store)
        return NUB_CLI_HOST;
    bool is_sound = nub_store_verify_with_progress(store, NULL, show_progress, NULL, &n, &error);
    nub_progress_clear();
    if (is_sound)
        return tell_count("verified", "verified", n);
    nub_cli_fail_error(error);
    return NUB_CLI_FAILED;
}

static int
run_gc(char **args)
{
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubStore) store = open_store(&registry);
    GError *error = NULL;
    guint64 n = 0;

    (void)args;
    if (!store)
        return NUB_CLI_HOST;
    return nub_store_gc(store, NULL, &n, &error) ? tell_count("removed", "removed", n)
                                                 : nub_cli_fail_error(error);
}

/* ---- the commands -------------------------------------------------------------------------- */

static const GOptionEntry ls_options[] = { { "details", 'd', 0, G_OPTION_ARG_NONE, &values.details,
                                             "Read each capability: kind and size", NULL },
                                           { NULL } };

static const GOptionEntry out_options[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &values.output,
      "Where to write (default: the hash and a suffix)", "FILE" },
    { NULL }
};

static const GOptionEntry put_options[] = { { "name", 'n', 0, G_OPTION_ARG_STRING, &values.name,
                                              "Give it this name, so that 'store gc' keeps it",
                                              "NAME" },
                                            { NULL } };

static const GOptionEntry name_options[] = {
    { "forget", 'f', 0, G_OPTION_ARG_NONE, &values.forget, "Forget the name", NULL }, { NULL }
};

#define SHARED (NUB_CLI_CONFIG | NUB_CLI_JSON)

const struct nub_cli_command nub_command_store_ls = {
    .name = "store ls",
    .summary = "List the names and capabilities of the store",
    .shared = SHARED,
    .options = ls_options,
    .run = run_ls,
};

const struct nub_cli_command nub_command_store_get = {
    .name = "store get",
    .arguments = "HASH",
    .summary = "Write one capability of the store to a file",
    .description = "HASH may also be a name: a backend's head, or one given by 'nub store name'.",
    .shared = SHARED,
    .options = out_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_get,
};

const struct nub_cli_command nub_command_store_put = {
    .name = "store put",
    .arguments = "FILE",
    .summary = "Store a capability, or all of a bundle",
    .description = "What it mentions must be stored already or come earlier in the bundle.",
    .shared = SHARED,
    .options = put_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_put,
};

const struct nub_cli_command nub_command_store_name = {
    .name = "store name",
    .arguments = "NAME [HASH]",
    .summary = "Name a capability of the store, so that 'store gc' keeps it",
    .shared = NUB_CLI_CONFIG,
    .options = name_options,
    .min_args = 1,
    .max_args = 2,
    .run = run_name,
};

const struct nub_cli_command nub_command_store_verify = {
    .name = "store verify",
    .summary = "Read the whole store and check it: encodings, hashes, mentions, names",
    .description = "Exit code 1: something is wrong; the message names the first.",
    .shared = SHARED,
    .run = run_verify,
};

const struct nub_cli_command nub_command_store_gc = {
    .name = "store gc",
    .summary = "Remove what no head and no name reaches",
    .shared = SHARED,
    .run = run_gc,
};

const struct nub_cli_command nub_command_store_export = {
    .name = "store export",
    .arguments = "HASH",
    .summary = "Write a capability and all it reaches as a bundle",
    .description = "HASH may also be a name.",
    .shared = SHARED,
    .options = out_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_export,
};

const struct nub_cli_command nub_command_store_import = {
    .name = "store import",
    .arguments = "FILE.nub",
    .summary = "Store all of a bundle or, on any error, none",
    .shared = SHARED,
    .options = put_options,
    .min_args = 1,
    .max_args = 1,
    .run = run_put,
};
