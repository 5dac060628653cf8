/* openmetrics.c - the counters of kernels as OpenMetrics text
 *
 * What a scraper takes: the samples of a family together, each family once and with its TYPE, UNIT
 * and HELP, and the EOF line. Names come from nub_kernel_stats(), which lets only metrics' names
 * in; the label `backend` is a name of the configuration. So there is nothing to be escaped.
 */
#include <nub/kernel.h>

#include <string.h>

/* What the names mean that nub's own modules use, by family: a counter's without _total. */
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
    { "nub_differential_calls", "Calls that may be compared" },
    { "nub_differential_compared", "Calls that were compared" },
    { "nub_differential_differences", "Differences between backends" },
    { "nub_exits", "Calls that came to an exit, by its reason" },
    { "nub_gas_used", "Gas that calls used up" },
    { "nub_guest_caps", "Capabilities that the guest holds" },
    { "nub_guest_caps_bytes", "Bytes of capabilities that the guest holds" },
    { "nub_guest_code_bytes", "Bytes of compiled code in the guest" },
    { "nub_guest_compiled", "Programs compiled in the guest" },
    { "nub_guest_derived", "Successors that the guest made itself" },
    { "nub_guest_faults", "Page faults handled by the guest" },
    { "nub_guest_requests", "Requests that the guest was sent, each a round trip" },
    { "nub_guest_restarts", "Guests that were lost and built again" },
    { "nub_guest_runs", "Runs in the guest" },
    { "nub_guest_sheds", "Times the guest was emptied for want of room" },
    { "nub_guest_switches", "Changes from one program's window to another's in the guest" },
    { "nub_guest_uploaded_bytes", "Bytes of capabilities given to the guest" },
    { "nub_guest_uploads", "Capabilities given to the guest" },
    { "nub_guest_windows", "Memory windows in the guest" },
    { "nub_put_bytes", "Bytes of capabilities put" },
    { "nub_puts", "Capabilities put" },
    { "nub_record_frames", "Frames written to the recording" },
    { "nub_sessions", "Sessions opened" },
    { "nub_windows", "Memory windows kept" },
};

/* A family whose name ends so is measured in it. */
static const char *const units[] = { "bytes", "seconds" };

/* One value of one backend. */
struct sample {
    char *family;
    char *labels; /* those beside the backend's, each with a comma before it */
    char *backend;
    guint64 value;
    gboolean is_counter;
};

static void
sample_clear(gpointer data)
{
    struct sample *sample = data;

    g_free(sample->family);
    g_free(sample->labels);
    g_free(sample->backend);
}

/* `name` is a metric's name, perhaps with labels: a_total{b="c"}. */
static struct sample
sample_new(const char *name, const char *backend, guint64 value)
{
    gsize length = strcspn(name, "{"), n_labels = strlen(name + length);
    g_autofree char *metric = g_strndup(name, length);
    gboolean is_counter = g_str_has_suffix(metric, "_total");

    return (struct sample){
        .family = g_strndup(metric, length - (is_counter ? strlen("_total") : 0)),
        .labels = n_labels < 2 ? g_strdup("")
                               : g_strdup_printf(",%.*s", (int)n_labels - 2, name + length + 1),
        .backend = g_strdup(backend),
        .value = value,
        .is_counter = is_counter,
    };
}

static gboolean
add_samples(GArray *samples, NubKernel *kernel, GError **error)
{
    g_autoptr(GVariant) stats = nub_kernel_stats(kernel, error);
    GVariantIter iter;
    const char *name;
    guint64 value;

    if (!stats)
        return FALSE;
    g_variant_iter_init(&iter, stats);
    while (g_variant_iter_next(&iter, "{&st}", &name, &value)) {
        struct sample sample = sample_new(name, nub_kernel_get_name(kernel), value);
        g_array_append_val(samples, sample);
    }
    return TRUE;
}

/* By family first, so that a metric's samples come together; of one name counters before gauges. */
static int
compare_samples(gconstpointer a, gconstpointer b)
{
    const struct sample *x = a, *y = b;
    int order = strcmp(x->family, y->family);

    order = order ? order : y->is_counter - x->is_counter;
    order = order ? order : strcmp(x->backend, y->backend);
    return order ? order : strcmp(x->labels, y->labels);
}

static void
append_head(GString *text, const struct sample *sample)
{
    const char *help = "Counted by the backend", *family = sample->family;

    for (gsize i = 0; i < G_N_ELEMENTS(helps); i++)
        if (strcmp(helps[i].family, family) == 0)
            help = helps[i].help;
    g_string_append_printf(text, "# HELP %s %s\n", family, help);
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        g_autofree char *suffix = g_strconcat("_", units[i], NULL);
        if (g_str_has_suffix(family, suffix))
            g_string_append_printf(text, "# UNIT %s %s\n", family, units[i]);
    }
    g_string_append_printf(text, "# TYPE %s %s\n", family,
                           sample->is_counter ? "counter" : "gauge");
}

/* Two kernels may be of one backend (one shared, others private): their values are added. */
static gboolean
is_same_series(const struct sample *a, const struct sample *b)
{
    return strcmp(a->family, b->family) == 0 && a->is_counter == b->is_counter &&
           strcmp(a->backend, b->backend) == 0 && strcmp(a->labels, b->labels) == 0;
}

static void
append_samples(GString *text, GArray *samples)
{
    const struct sample *head = NULL;

    for (guint i = 0; i < samples->len; i++) {
        struct sample *sample = &g_array_index(samples, struct sample, i);
        struct sample *next = i + 1 < samples->len ? sample + 1 : NULL;
        if (!head || strcmp(sample->family, head->family) != 0) {
            head = sample;
            append_head(text, sample);
        }
        if (next && is_same_series(sample, next))
            next->value += sample->value;
        /* A gauge that has the name of another module's counter cannot be said. */
        else if (sample->is_counter == head->is_counter)
            g_string_append_printf(text, "%s%s{backend=\"%s\"%s} %" G_GUINT64_FORMAT "\n",
                                   sample->family, sample->is_counter ? "_total" : "",
                                   sample->backend, sample->labels, sample->value);
    }
    g_string_append(text, "# EOF\n");
}

char *
nub_kernels_to_openmetrics(NubKernel *const *kernels, gsize n_kernels, GError **error)
{
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(struct sample));
    g_autoptr(GString) text = g_string_new(NULL);

    g_return_val_if_fail(kernels || n_kernels == 0, NULL);
    g_array_set_clear_func(samples, sample_clear);
    for (gsize i = 0; i < n_kernels; i++)
        if (!add_samples(samples, kernels[i], error))
            return NULL;
    g_array_sort(samples, compare_samples);
    append_samples(text, samples);
    return g_string_free(g_steal_pointer(&text), FALSE);
}
