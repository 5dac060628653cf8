/* store.c - what a commit costs through the store: bench-store [--dir DIR] [--backend NAME]
 *
 * An instance whose pages are one overlay, over a kernel with the LMDB store: each call changes 8
 * bytes, commits and advances, and has been stored when it returns. 64 KiB against 64 MiB, without
 * and with waiting for the disk. Bytes are those that this process gives to write calls. `whole` is
 * what a store of whole instances would do for each commit: it puts one that shares nothing.
 */
#include <nub/nub.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE   4096u
#define START  0x40000u
#define ROUNDS 41

/* load_ind_u64 phi9, [phi7]; add_64 phi9 = phi9 + phi8; store_ind_u64 phi9, [phi7]; jump_ind phi0
 */
static const guint8 code[] = { 0x82, 0x79, 0x00, 0xC8, 0x89, 0x09, 0x7B, 0x79, 0x00, 0x32, 0x00 };
static const guint8 mask[] = { 0x49, 0x02 };

typedef struct {
    double us, bytes; /* medians of a commit */
    double whole_us, whole_bytes;
} Cost;

static void
check(gboolean done, GError *error, const char *what)
{
    if (done)
        return;
    fprintf(stderr, "bench-store: %s: %s\n", what, error ? error->message : "failed");
    exit(1);
}

/* Bytes that this process has given to write calls. */
static double
written(void)
{
    g_autofree char *io = NULL;
    const char *line;

    check(g_file_get_contents("/proc/self/io", &io, NULL, NULL), NULL, "/proc/self/io");
    line = strstr(io, "wchar: ");
    check(line != NULL, NULL, "/proc/self/io");
    return g_ascii_strtod(line + strlen("wchar: "), NULL);
}

static int
compare(const void *left, const void *right)
{
    const double *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static double
median(double *values, gsize n)
{
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

static NubCap *
make_instance(const NubHash *image, guint n_pages, guint seed)
{
    guint8 *bytes = g_malloc((gsize)n_pages * PAGE);
    g_autoptr(GBytes) content = g_bytes_new_take(bytes, (gsize)n_pages * PAGE);
    g_autoptr(NubInstanceBuilder) builder = nub_instance_builder_new(image);
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    NubCap *cap;

    for (gsize i = 0; i < (gsize)n_pages * PAGE / 4; i++) {
        guint32 word = g_rand_int(random) | 1;
        memcpy(bytes + 4 * i, &word, sizeof word);
    }
    nub_instance_builder_add_overlay(builder, START, content);
    cap = nub_instance_builder_build(builder, &error);
    check(cap != NULL, error, "instance");
    return cap;
}

/* Changes a page of the head; the successor is the new head. */
static NubHash
step(NubKernel *kernel, const NubHash *head, guint64 address)
{
    g_autoptr(NubCall) call = nub_call_new(head);
    g_autoptr(NubOutcome) outcome = NULL;
    g_autoptr(GError) error = NULL;
    const guint64 args[4] = { address, 3 };
    NubHash successor;

    nub_call_set_args(call, args);
    nub_call_set_gas(call, 100000);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    check(outcome != NULL, error, "invoke");
    check(nub_outcome_get_successor(outcome, &successor), NULL, "no successor");
    nub_kernel_drop_cap(kernel, &successor, NULL); /* the head holds it */
    return successor;
}

static void
measure_whole(NubStore *store, const NubHash *image, guint n_pages, Cost *cost)
{
    double us[3], bytes[3];

    for (guint i = 0; i < G_N_ELEMENTS(us); i++) {
        g_autoptr(NubCap) cap = make_instance(image, n_pages, 100 + i);
        g_autoptr(GError) error = NULL;
        double before = written();
        gint64 start = g_get_monotonic_time();
        check(nub_store_put_cap(store, cap, &error), error, "put");
        us[i] = (double)(g_get_monotonic_time() - start);
        bytes[i] = written() - before;
    }
    cost->whole_us = median(us, G_N_ELEMENTS(us));
    cost->whole_bytes = median(bytes, G_N_ELEMENTS(bytes));
}

static Cost
measure(const char *dir, const char *backend, gboolean sync, guint n_pages)
{
    g_autofree char *yaml = g_strdup_printf(
        "version: 1\n"
        "store: { module: nub-store-lmdb, options: { path: %s/%s-%u, sync: %s } }\n"
        "backends: [ { name: %s, module: nub-%s } ]\n",
        dir, sync ? "sync" : "async", n_pages, sync ? "true" : "false", backend, backend);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_data(yaml, NULL, &error);
    g_autoptr(NubKernel) kernel = registry ? nub_registry_open(registry, NULL, &error) : NULL;
    g_autoptr(NubStore) store = NULL;
    g_autoptr(NubImageBuilder) builder = NULL;
    g_autoptr(NubCap) image = NULL;
    g_autoptr(NubCap) cap = NULL;
    double us[ROUNDS], bytes[ROUNDS];
    NubHash hash, head;
    Cost cost;

    check(kernel != NULL, error, "open");
    store = nub_registry_get_store(registry);
    builder = nub_image_builder_new(code, sizeof code, mask, sizeof mask);
    nub_image_builder_add_endpoint(builder, 0, NULL);
    image = nub_image_builder_build(builder, &error);
    check(image && nub_kernel_put_cap(kernel, image, &hash, &error), error, "image");
    cap = make_instance(&hash, n_pages, 1);
    check(nub_kernel_put_cap(kernel, cap, &head, &error), error, "put");
    for (guint i = 0; i < 3; i++)
        head = step(kernel, &head, START + 8);
    for (guint i = 0; i < ROUNDS; i++) {
        double before = written();
        gint64 start = g_get_monotonic_time();
        head = step(kernel, &head, START + (guint64)((i * 7 + 3) % n_pages) * PAGE + 8);
        us[i] = (double)(g_get_monotonic_time() - start);
        bytes[i] = written() - before;
    }
    cost.us = median(us, ROUNDS);
    cost.bytes = median(bytes, ROUNDS);
    measure_whole(store, &hash, n_pages, &cost);
    return cost;
}

static void
report(const char *dir, const char *backend, gboolean sync)
{
    Cost small = measure(dir, backend, sync, 16), large = measure(dir, backend, sync, 16384);

    printf("%-9s %12.0f %12.0f %8.2f %12.1f %12.1f %8.2f   %12.0f us, %.0f KiB\n",
           sync ? "durable" : "no sync", small.us, large.us, large.us / small.us,
           small.bytes / 1024, large.bytes / 1024, large.bytes / small.bytes, large.whole_us,
           large.whole_bytes / 1024);
}

int
main(int argc, char **argv)
{
    g_autofree char *parent = NULL, *backend = NULL, *dir = NULL;
    const GOptionEntry entries[] = {
        { "dir", 0, 0, G_OPTION_ARG_FILENAME, &parent, "Where the stores are made", "DIR" },
        { "backend", 0, 0, G_OPTION_ARG_STRING, &backend, "local, jit or kvm", "NAME" },
        { NULL }
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    check(g_option_context_parse(context, &argc, &argv, &error), error, "usage");
    dir = g_build_filename(parent ? parent : g_get_tmp_dir(), "nub-bench-store-XXXXXX", NULL);
    check(g_mkdtemp(dir) != NULL, NULL, dir);
    printf("%-9s %12s %12s %8s %12s %12s %8s   %s\n", "one page", "64 KiB, us", "64 MiB, us",
           "ratio", "written, KiB", "64 MiB, KiB", "ratio", "64 MiB, whole");
    report(dir, backend ? backend : "local", FALSE);
    report(dir, backend ? backend : "local", TRUE);
    g_autofree char *remove = g_strdup_printf("rm -rf '%s'", dir);
    return system(remove) != 0;
}
