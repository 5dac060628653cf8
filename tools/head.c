/* head.c - `nub head`: the state root of a kernel, and moving it
 *
 * Heads stay where a store is configured; without one a fresh kernel has none.
 */
#include "cli.h"

#include <stdio.h>

static struct {
    char *backend, *set;
} values;

static int
set_head(NubKernel *kernel, NubStore *store)
{
    GError *error = NULL;
    NubHash root;
    int status = nub_cli_resolve(store, values.set, &root);

    if (status != NUB_CLI_OK)
        return status;
    return nub_kernel_set_state_root(kernel, &root, &error) ? NUB_CLI_OK
                                                            : nub_cli_fail_error(error);
}

static int
print_head(NubKernel *kernel)
{
    GError *error = NULL;
    NubHash root;

    if (!nub_kernel_state_root(kernel, &root, &error))
        return nub_cli_fail_error(error);
    g_autofree char *hex = nub_hash_to_string(&root);
    if (!nub_cli_values.json) {
        printf("%s  %s\n", hex, nub_kernel_get_name(kernel));
        return NUB_CLI_OK;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "backend", nub_kernel_get_name(kernel));
    nub_cli_json_hash(builder, "head", nub_hash_is_none(&root) ? NULL : &root);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
    return NUB_CLI_OK;
}

static int
run(char **args)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    GError *error = NULL;

    (void)args;
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, values.backend, &error);
    if (!kernel)
        return nub_cli_fail_error(error);
    g_autoptr(NubStore) store = nub_registry_get_store(registry);
    int status = values.set ? set_head(kernel, store) : NUB_CLI_OK;
    return status == NUB_CLI_OK ? print_head(kernel) : status;
}

static const GOptionEntry options[] = { { "backend", 'b', 0, G_OPTION_ARG_STRING, &values.backend,
                                          "The backend (default: the configuration's)", "NAME" },
                                        { "set", 's', 0, G_OPTION_ARG_STRING, &values.set,
                                          "Move the head to this instance, by its hash or by its "
                                          "name in the store (zeros: to none)",
                                          "HASH" },
                                        { NULL } };

const struct nub_cli_command nub_command_head = {
    .name = "head",
    .summary = "Print the state root of a backend's kernel, or move it",
    .description = "Moving the head back is rollback. Heads stay where a store is configured.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .run = run,
};
