/* examples.c - guest programs against the same source compiled natively by clang-19 -O2
 *
 * bench-examples [BACKEND...] times each program on each backend (default: local, jit, kvm; those
 * that open), all in one process and interleaved, so that a busy machine slows both sides alike. It
 * prints the native time, each backend's factor over it, and geometric means: of the nine kernels
 * that peers are known for, and of all programs. Results that differ end it with an error.
 */
#include <nub/nub.h>
#include <gmodule.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 9, MAX_BACKENDS = 8 };
#define GAS G_GUINT64_CONSTANT(1000000000000000)

struct program {
    const char *name;
    gboolean is_peer_kernel;
};

static const struct program programs[] = {
    { "fib", TRUE },      { "sieve", TRUE },   { "isort", TRUE },    { "keccak", TRUE },
    { "blake2b", TRUE },  { "modexp", TRUE },  { "matmul", TRUE },   { "memcpy", TRUE },
    { "bytecopy", TRUE }, { "sha256", FALSE }, { "ed25519", FALSE }, { "poseidon", FALSE },
    { "lz", FALSE },      { "vm", FALSE },
};

typedef guint64 (*run_function)(guint64 times, guint64 seed);

struct bench {
    const char *names[MAX_BACKENDS];
    NubKernel *kernels[MAX_BACKENDS];
    guint n;
    double log_sum[MAX_BACKENDS], peer_log_sum[MAX_BACKENDS];
};

static double
seconds(void)
{
    return (double)g_get_monotonic_time() * 1e-6;
}

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, compare_doubles);
    return times[ROUNDS / 2];
}

static NubKernel *
open_backend(const char *name)
{
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("nub-bench-XXXXXX.yaml", &path, &error);
    g_autofree char *config = g_strdup_printf(
        "version: 1\nplugin-path: [ %s ]\nbackends:\n  - { name: %s, module: nub-%s }\n",
        NUB_MODULES, name, name);

    if (fd < 0 || !g_close(fd, NULL) || !g_file_set_contents(path, config, -1, &error))
        return NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_file(path, &error);
    NubKernel *kernel = registry ? nub_registry_open(registry, name, &error) : NULL;
    if (!kernel)
        printf("%s does not open: %s\n", name, error->message);
    remove(path);
    return kernel;
}

static guint64
call(NubKernel *kernel, const NubHash *instance, guint64 times)
{
    const guint64 args[4] = { times, 1, 0, 0 };
    g_autoptr(GError) error = NULL;
    NubResult result;

    if (!nub_kernel_invoke_cached(kernel, instance, 0, args, GAS, &result, &error) ||
        result.exit_reason != NUB_EXIT_HALT) {
        fprintf(stderr, "%s\n", error ? error->message : "the program did not halt");
        exit(1);
    }
    return result.return_value;
}

/* repetitions that take at least 2 ms natively */
static guint64
calibrate(run_function native)
{
    for (guint64 times = 1;; times *= 2) {
        double start = seconds();
        native(times, 1);
        if (seconds() - start > 2e-3)
            return times;
    }
}

/* The first run after everything compiled or pre-decoded was forgotten, microseconds. */
static double
time_cold(NubKernel *kernel, const NubHash *instance)
{
    double times[ROUNDS];

    for (guint round = 0; round < ROUNDS; round++) {
        if (!nub_kernel_evict(kernel, NULL))
            return NAN;
        double start = seconds();
        call(kernel, instance, 1);
        times[round] = (seconds() - start) * 1e6;
    }
    return median(times);
}

static void
time_program(struct bench *bench, const struct program *program)
{
    g_autofree char *object = g_strdup_printf("%s/%s.so", NUB_KERNELS, program->name);
    g_autofree char *file = g_strdup_printf("%s/%s.nub", NUB_KERNELS, program->name);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubBundle) bundle = nub_bundle_load(file, &error);
    GModule *module = g_module_open(object, G_MODULE_BIND_LOCAL);
    gpointer symbol;
    double times[MAX_BACKENDS + 1][ROUNDS];
    NubHash instance;

    if (!bundle || !module || !g_module_symbol(module, "run", &symbol)) {
        fprintf(stderr, "%s: build the target nub-kernels first\n", program->name);
        exit(1);
    }
    run_function native = (run_function)symbol;
    guint64 n = calibrate(native), want = native(n, 1);
    for (guint b = 0; b < bench->n; b++)
        if (!nub_kernel_put_bundle(bench->kernels[b], bundle, &instance, &error) ||
            call(bench->kernels[b], &instance, n) != want) {
            fprintf(stderr, "%s on %s: another result than natively\n", program->name,
                    bench->names[b]);
            exit(1);
        }
    for (guint round = 0; round < ROUNDS; round++) {
        double start = seconds();
        native(n, 1);
        times[0][round] = seconds() - start;
        for (guint b = 0; b < bench->n; b++) {
            start = seconds();
            call(bench->kernels[b], &instance, n);
            times[b + 1][round] = seconds() - start;
        }
    }
    double base = median(times[0]);
    printf("%-10s %10.2f", program->name, base / (double)n * 1e6);
    for (guint b = 0; b < bench->n; b++) {
        double factor = median(times[b + 1]) / base;
        bench->log_sum[b] += log(factor);
        bench->peer_log_sum[b] += program->is_peer_kernel ? log(factor) : 0;
        printf(" %9.2f", factor);
    }
    for (guint b = 0; b < bench->n; b++)
        printf(" %12.1f", time_cold(bench->kernels[b], &instance));
    printf("\n");
    g_module_close(module);
}

static void
print_means(const struct bench *bench)
{
    guint n_peer = 0;

    for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
        n_peer += programs[i].is_peer_kernel;
    printf("%-21s", "mean of nine kernels");
    for (guint b = 0; b < bench->n; b++)
        printf(" %9.2f", exp(bench->peer_log_sum[b] / n_peer));
    printf("\n%-21s", "mean of all");
    for (guint b = 0; b < bench->n; b++)
        printf(" %9.2f", exp(bench->log_sum[b] / G_N_ELEMENTS(programs)));
    printf("\n");
}

int
main(int argc, char **argv)
{
    static const char *const defaults[] = { "local", "jit", "kvm" };
    const char *const *names = argc > 1 ? (const char *const *)argv + 1 : defaults;
    guint n = argc > 1 ? (guint)argc - 1 : G_N_ELEMENTS(defaults);
    struct bench bench = { .n = 0 };

    for (guint i = 0; i < n && bench.n < MAX_BACKENDS; i++) {
        NubKernel *kernel = open_backend(names[i]);
        if (!kernel)
            continue;
        bench.kernels[bench.n] = kernel;
        bench.names[bench.n++] = names[i];
    }
    printf("%-10s %10s", "program", "native us");
    for (guint b = 0; b < bench.n; b++)
        printf(" %9s", bench.names[b]);
    for (guint b = 0; b < bench.n; b++)
        printf(" %7s cold", bench.names[b]);
    printf("   (times the native time; cold: one run after evict, us; medians of %d)\n", ROUNDS);
    for (guint i = 0; i < G_N_ELEMENTS(programs); i++)
        time_program(&bench, &programs[i]);
    print_means(&bench);
    for (guint b = 0; b < bench.n; b++)
        g_object_unref(bench.kernels[b]);
    return bench.n ? 0 : 1;
}
