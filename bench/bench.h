/* bench.h - what the benchmarks of backends share: a module, caps for it, medians
 *
 * A benchmark sees a backend through <nub/plugin.h> only, so that any module can be measured:
 * every one takes --module FILE and --option NAME=VALUE. Times are medians; what is compared is
 * measured in the same run.
 */
#ifndef NUB_BENCH_H
#define NUB_BENCH_H

#include "cap.h"
#include <nub/plugin.h>
#include <stdbool.h>

/** An opened backend. */
struct bench_backend {
    const struct nub_plugin *plugin;
    struct nub_backend_ops ops; /* members that the module lacks are NULL */
    void *backend;
};

/** What the command line says. */
struct bench_args {
    const char *module;
    struct nub_option options[8];
    uint32_t n_options;
    const char *rest[16]; /* what is no option of all benchmarks */
    uint32_t n_rest;
};

/** Reads --module and --option; ends the process on wrong usage. `module`: the default, a file name in this build tree's modules. */
void bench_parse(struct bench_args *args, int argc, char **argv, const char *module);
/** Opens the module with its defaults and the given options; ends the process when it cannot. */
void bench_open(struct bench_backend *opened, const struct bench_args *args, const struct nub_option *more, uint32_t n_more);
void bench_close(struct bench_backend *opened);

/** Ends the process with a message unless `status` is NUB_OK. */
void bench_check(int32_t status, const struct nub_failure *failure, const char *what);
struct nub_hash bench_put(struct bench_backend *opened, const uint8_t *wire, uint64_t size);
/** Publishes an image with one endpoint at pc 0 (phi0 = the halt address) and an instance of it. */
struct nub_hash bench_put_code(struct bench_backend *opened, struct nub_slice code, struct nub_slice bitmask, uint64_t mem_size);
/** Publishes what is in a bundle; the hash of its root. Ends the process when it cannot. */
struct nub_hash bench_put_bundle(struct bench_backend *opened, const char *path);
struct nub_result bench_invoke(struct bench_backend *opened, const struct nub_hash *instance, const uint64_t args[4], uint64_t gas);

uint64_t bench_now_ns(void);
/** Median of `n` values, which are reordered. */
double bench_median(double *values, uint32_t n);
/** Nanoseconds of one call: the median over `rounds` of the mean over `calls`. */
double bench_time(void (*call)(void *ctx), void *ctx, uint32_t calls, uint32_t rounds);

#endif
