/* stats.c - `nub stats`: the counters of backends as OpenMetrics text
 *
 * Every backend that opens, or one. What there is to be counted before anything has run is little:
 * what the store holds, what opening cost; `nub run --stats` has the counters of a run, and a
 * program that embeds nub those of its kernels. The text is made by libnub.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static char *backend;

static int
run(char **args)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    g_autoptr(GPtrArray) kernels = g_ptr_array_new_with_free_func(g_object_unref);

    (void)args;
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);
    for (guint i = 0; i < (backend ? 1 : infos->len); i++) {
        const char *name = backend ? backend : nub_backend_info_get_name(infos->pdata[i]);
        g_autoptr(GError) error = NULL;
        NubKernel *kernel = nub_registry_open(registry, name, &error);
        if (kernel)
            g_ptr_array_add(kernels, kernel);
        else if (backend)
            return nub_cli_fail("%s", error->message);
    }
    return nub_cli_write_stats("-", kernels);
}

static const GOptionEntry options[] = { { "backend", 'b', 0, G_OPTION_ARG_STRING, &backend,
                                          "This backend only (default: every one that opens)",
                                          "NAME" },
                                        { NULL } };

const struct nub_cli_command nub_command_stats = {
    .name = "stats",
    .summary = "Print the counters of newly opened backends as OpenMetrics text",
    .description =
        "Says which counters there are and what a store holds. The counters of a run are written\n"
        "by 'nub run --stats FILE' and 'nub invoke --stats FILE'.",
    .shared = NUB_CLI_CONFIG,
    .options = options,
    .run = run,
};
