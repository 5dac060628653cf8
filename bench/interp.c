/* interp.c - compiled programs against the same source compiled natively, and the plain interpreter
 *
 * bench-interp [--module FILE] [--option NAME=VALUE]... [--fast-only] [KERNELS]: KERNELS is a
 * folder with NAME.nub and NAME.so; without it that of the target nub-kernels. Each kernel runs
 * many times in one call, so that a call's own cost does not count. Checksums must be equal.
 */
#include "bench.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 7
/* how long one measurement shall take */
#define AIM_NS 20e6
/* repetitions of the run whose checksum is compared */
#define CHECKED_TIMES 3

static const char *const kernels[] = { "fib",    "sieve",  "isort",  "keccak",  "blake2b",
                                       "modexp", "matmul", "memcpy", "bytecopy" };
#define N_KERNELS (sizeof kernels / sizeof kernels[0])

/* Time that this thread had the CPU: other work on the machine counts less. */
static double
cpu_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds of `times` repetitions in one call. */
static double
run(struct bench_backend *opened, const struct nub_hash *instance, uint64_t times,
    uint64_t *checksum)
{
    const uint64_t args[4] = { times, 1 };
    double before = cpu_now_ns();
    struct nub_result result = bench_invoke(opened, instance, args, NUB_GAS_MAX);
    double ns = cpu_now_ns() - before;

    if (result.exit_reason != NUB_EXIT_HALT)
        bench_check(NUB_ERR_SYSTEM, NULL, "the kernel did not halt");
    *checksum = result.return_value;
    return ns;
}

/* The best: what disturbs a run only makes it slower. */
static double
best_of(const double values[ROUNDS])
{
    double best = values[0];

    for (int i = 1; i < ROUNDS; i++)
        best = values[i] < best ? values[i] : best;
    return best;
}

/* How often a kernel runs in one call. */
static uint64_t
find_times(struct bench_backend *opened, const struct nub_hash *instance)
{
    uint64_t times = 1, checksum;

    while (run(opened, instance, times, &checksum) < AIM_NS)
        times *= 2;
    return times;
}

static double
measure_module(struct bench_backend *opened, const char *folder, const char *kernel,
               uint64_t *checksum)
{
    char path[512];
    double values[ROUNDS];

    snprintf(path, sizeof path, "%s/%s.nub", folder, kernel);
    struct nub_hash instance = bench_put_bundle(opened, path);
    uint64_t times = find_times(opened, &instance);
    for (int i = 0; i < ROUNDS; i++)
        values[i] = run(opened, &instance, times, checksum) / (double)times;
    run(opened, &instance, CHECKED_TIMES, checksum);
    return best_of(values);
}

typedef uint64_t (*native_fn)(uint64_t times, uint64_t seed);

static double
run_native(native_fn native, uint64_t times, uint64_t *checksum)
{
    double before = cpu_now_ns();

    *checksum = native(times, 1);
    return cpu_now_ns() - before;
}

static double
measure_native(const char *folder, const char *kernel, uint64_t *checksum)
{
    char path[512];
    double values[ROUNDS];
    uint64_t times = 1;
    native_fn native;

    snprintf(path, sizeof path, "%s/%s.so", folder, kernel);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "run") : NULL;
    if (!symbol)
        bench_check(NUB_ERR_SYSTEM, NULL, dlerror());
    memcpy(&native, &symbol, sizeof native);
    while (run_native(native, times, checksum) < AIM_NS)
        times *= 2;
    for (int i = 0; i < ROUNDS; i++)
        values[i] = run_native(native, times, checksum) / (double)times;
    run_native(native, CHECKED_TIMES, checksum);
    return best_of(values);
}

int
main(int argc, char **argv)
{
    const struct nub_option plain_options[] = { { "interpreter", "switch" } };
    const char *folder = NUB_KERNEL_DIR;
    bool with_plain = true;
    struct bench_args args;
    struct bench_backend fast, plain;
    double sum = 0, sum_plain = 0;

    bench_parse(&args, argc, argv, "nub-local.so");
    for (uint32_t i = 0; i < args.n_rest; i++) {
        if (strcmp(args.rest[i], "--fast-only") == 0)
            with_plain = false;
        else
            folder = args.rest[i];
    }
    bench_open(&fast, &args, NULL, 0);
    if (with_plain)
        bench_open(&plain, &args, plain_options, 1);
    printf("%-10s %12s %12s %8s%s\n", "kernel", "native us", "module us", "factor",
           with_plain ? "   plain us / module us" : "");
    for (size_t i = 0; i < N_KERNELS; i++) {
        uint64_t want, have;
        double native = measure_native(folder, kernels[i], &want);
        double ns = measure_module(&fast, folder, kernels[i], &have);
        printf("%-10s %12.2f %12.2f %8.2f", kernels[i], native / 1e3, ns / 1e3, ns / native);
        sum += log(ns / native);
        if (with_plain) {
            double plain_ns = measure_module(&plain, folder, kernels[i], &have);
            printf("   %8.1f", plain_ns / ns);
            sum_plain += log(plain_ns / ns);
        }
        printf("%s\n", want == have ? "" : "   CHECKSUMS DIFFER");
        if (want != have)
            return 1;
    }
    printf("%-10s %12s %12s %8.2f", "geometric mean", "", "", exp(sum / N_KERNELS));
    if (with_plain)
        printf("   %8.1f", exp(sum_plain / N_KERNELS));
    printf("\n");
    bench_close(&fast);
    if (with_plain)
        bench_close(&plain);
    return 0;
}
