/* stats.c - `nub stats`: the counters of backends as OpenMetrics text
 *
 * Every backend that opens, or one. The kernel counts calls, gas and puts of every backend; what
 * else is counted is the backend's own business. A name that ends in _total is a counter, any other
 * a gauge. The text is what a scraper takes: families together, each with its HELP and TYPE.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static char *backend;

/* What the names mean, by family: a counter's without _total. */
static const struct {
    const char *family;
    const char *help;
} helps[] = {
    { "nub_calls", "Calls made, runs of sessions included" },
    { "nub_calls_failed", "Calls that came to no exit" },
    { "nub_caps", "Capabilities held" },
    { "nub_caps_bytes", "Bytes of capabilities held" },
    { "nub_code_bytes", "Bytes of pre-decoded or compiled code kept" },
    { "nub_code_hits", "Runs that found their program decoded or compiled" },
    { "nub_code_misses", "Runs whose program had to be decoded or compiled first" },
    { "nub_commits", "Successors put" },
    { "nub_exits", "Calls that came to an exit, by its reason" },
    { "nub_gas_used", "Gas that calls used up" },
    { "nub_guest_caps", "Capabilities that the guest holds" },
    { "nub_guest_caps_bytes", "Bytes of capabilities that the guest holds" },
    { "nub_guest_code_bytes", "Bytes of compiled code in the guest" },
    { "nub_guest_compiled", "Programs compiled in the guest" },
    { "nub_guest_faults", "Page faults handled by the guest" },
    { "nub_guest_restarts", "Guests that were lost and built again" },
    { "nub_guest_runs", "Runs in the guest" },
    { "nub_guest_sheds", "Times the guest was emptied for want of room" },
    { "nub_guest_switches", "Changes from one program's window to another's in the guest" },
    { "nub_guest_uploaded_bytes", "Bytes of capabilities given to the guest" },
    { "nub_guest_derived", "Successors that the guest made itself" },
    { "nub_guest_uploads", "Capabilities given to the guest" },
    { "nub_guest_windows", "Memory windows in the guest" },
    { "nub_put_bytes", "Bytes of capabilities put" },
    { "nub_puts", "Capabilities put" },
    { "nub_sessions", "Sessions opened" },
    { "nub_windows", "Memory windows kept" },
};

/* One value of one backend. */
struct sample {
    char *family;
    char *labels; /* those beside the backend's, each with a comma before it */
    const char *backend;
    guint64 value;
    bool is_counter;
};

static void
sample_clear(gpointer data)
{
    struct sample *sample = data;

    g_free(sample->family);
    g_free(sample->labels);
}

/* `name` is a metric's name, perhaps with labels: a_total{b="c"}. */
static struct sample
sample_new(const char *name, const char *backend_name, guint64 value)
{
    gsize length = strcspn(name, "{"), n_labels = strlen(name + length);
    g_autofree char *metric = g_strndup(name, length);
    bool is_counter = g_str_has_suffix(metric, "_total");

    return (struct sample){
        .family = g_strndup(metric, length - (is_counter ? strlen("_total") : 0)),
        .labels = n_labels < 2 ? g_strdup("")
                               : g_strdup_printf(",%.*s", (int)n_labels - 2, name + length + 1),
        .backend = backend_name,
        .value = value,
        .is_counter = is_counter,
    };
}

static bool
add_samples(GArray *samples, NubKernel *kernel)
{
    GError *error = NULL;
    g_autoptr(GVariant) stats = nub_kernel_stats(kernel, &error);
    GVariantIter iter;
    const char *name;
    guint64 value;

    if (!stats) {
        nub_cli_fail_error(error);
        return false;
    }
    g_variant_iter_init(&iter, stats);
    while (g_variant_iter_next(&iter, "{&st}", &name, &value)) {
        struct sample sample = sample_new(name, nub_kernel_get_name(kernel), value);
        g_array_append_val(samples, sample);
    }
    return true;
}

/* By family first, so that a metric's samples come together as OpenMetrics wants them. */
static int
compare_samples(gconstpointer a, gconstpointer b)
{
    const struct sample *x = a, *y = b;
    int order = strcmp(x->family, y->family);

    order = order ? order : (int)x->is_counter - (int)y->is_counter;
    order = order ? order : strcmp(x->backend, y->backend);
    return order ? order : strcmp(x->labels, y->labels);
}

static void
print_head(const struct sample *sample)
{
    const char *help = "Counted by the backend";

    for (gsize i = 0; i < G_N_ELEMENTS(helps); i++)
        if (strcmp(helps[i].family, sample->family) == 0)
            help = helps[i].help;
    printf("# HELP %s %s\n# TYPE %s %s\n", sample->family, help, sample->family,
           sample->is_counter ? "counter" : "gauge");
}

static void
print_samples(const GArray *samples)
{
    const char *last = "";

    for (guint i = 0; i < samples->len; i++) {
        const struct sample *sample = &g_array_index(samples, struct sample, i);
        if (strcmp(sample->family, last) != 0)
            print_head(sample);
        printf("%s%s{backend=\"%s\"%s} %" G_GUINT64_FORMAT "\n", sample->family,
               sample->is_counter ? "_total" : "", sample->backend, sample->labels, sample->value);
        last = sample->family;
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
