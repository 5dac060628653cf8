/* stats.c - `nub stats`: the counters of backends as OpenMetrics text
 *
 * Every backend that opens, or one; what is counted is the backend's own business. A name that ends
 * in _total is a counter, any other a gauge.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static char *backend;

/* One value of one backend. */
struct sample {
    char *name;
    const char *backend;
    guint64 value;
};

static void
sample_clear(gpointer sample)
{
    g_free(((struct sample *)sample)->name);
}

static bool
add_samples(GArray *samples, NubKernel *kernel)
{
    GError *error = NULL;
    g_autoptr(GVariant) stats = nub_kernel_stats(kernel, &error);
    GVariantIter iter;
    const char *name;
    guint64 value;

    if (!stats && g_error_matches(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED)) {
        g_error_free(error);
        return true;
    }
    if (!stats) {
        nub_cli_fail_error(error);
        return false;
    }
    g_variant_iter_init(&iter, stats);
    while (g_variant_iter_next(&iter, "{&st}", &name, &value)) {
        struct sample sample = { g_strdup(name), nub_kernel_get_name(kernel), value };
        g_array_append_val(samples, sample);
    }
    return true;
}

/* By name first, so that a metric's samples come together as OpenMetrics wants them. */
static int
compare_samples(gconstpointer a, gconstpointer b)
{
    const struct sample *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->backend, y->backend);
}

static void
print_samples(const GArray *samples)
{
    const char *last = "";

    for (guint i = 0; i < samples->len; i++) {
        const struct sample *sample = &g_array_index(samples, struct sample, i);
        bool is_counter = g_str_has_suffix(sample->name, "_total");
        gsize family = strlen(sample->name) - (is_counter ? strlen("_total") : 0);
        if (strcmp(sample->name, last) != 0)
            printf("# TYPE %.*s %s\n", (int)family, sample->name, is_counter ? "counter" : "gauge");
        printf("%s{backend=\"%s\"} %" G_GUINT64_FORMAT "\n", sample->name, sample->backend,
               sample->value);
        last = sample->name;
    }
    puts("# EOF");
}

static int
run(char **args)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    g_autoptr(GPtrArray) kernels = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(struct sample));

    (void)args;
    if (!registry)
        return NUB_CLI_HOST;
    g_array_set_clear_func(samples, sample_clear);
    g_autoptr(GPtrArray) infos = nub_registry_list_backends(registry);
    for (guint i = 0; i < (backend ? 1 : infos->len); i++) {
        const char *name = backend ? backend : nub_backend_info_get_name(infos->pdata[i]);
        g_autoptr(GError) error = NULL;
        NubKernel *kernel = nub_registry_open(registry, name, &error);
        if (!kernel && backend)
            return nub_cli_fail("%s", error->message);
        if (!kernel)
            continue;
        g_ptr_array_add(kernels, kernel);
        if (!add_samples(samples, kernel))
            return NUB_CLI_HOST;
    }
    g_array_sort(samples, compare_samples);
    print_samples(samples);
    return NUB_CLI_OK;
}

static const GOptionEntry options[] = { { "backend", 'b', 0, G_OPTION_ARG_STRING, &backend,
                                          "This backend only (default: every one that opens)",
                                          "NAME" },
                                        { NULL } };

const struct nub_cli_command nub_command_stats = {
    .name = "stats",
    .summary = "Print the counters of backends as OpenMetrics text",
    .shared = NUB_CLI_CONFIG,
    .options = options,
    .run = run,
};
