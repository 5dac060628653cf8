/* bench.c - loading a module, publishing programs, taking medians */
#include "bench.h"
#include "bundle.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
usage(const char *command)
{
    fprintf(stderr, "usage: %s [--module FILE] [--option NAME=VALUE]... [ARGUMENT]...\n", command);
    exit(2);
}

void
bench_parse(struct bench_args *args, int argc, char **argv, const char *module)
{
    *args = (struct bench_args){ .module = module };
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--module") == 0 && has_value) {
            args->module = argv[++i];
        } else if (strcmp(argv[i], "--option") == 0 && has_value && args->n_options < 8) {
            char *equals = strchr(argv[++i], '=');
            if (!equals)
                usage(argv[0]);
            *equals = '\0';
            args->options[args->n_options++] =
                (struct nub_option){ .name = argv[i], .value = equals + 1 };
        } else if (args->n_rest < 16) {
            args->rest[args->n_rest++] = argv[i];
        } else {
            usage(argv[0]);
        }
    }
}

void
bench_check(int32_t status, const struct nub_failure *failure, const char *what)
{
    if (status == NUB_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, failure ? failure->message : "failed");
    exit(1);
}

static void
on_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    if (level <= NUB_LOG_WARNING)
        fprintf(stderr, "%s\n", message);
}

void
bench_open(struct bench_backend *opened, const struct bench_args *args,
           const struct nub_option *more, uint32_t n_more)
{
    static const struct nub_host host = { .struct_size = sizeof host, .log = on_log };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_option options[16];
    uint32_t n = 0;

    char path[1024];
    snprintf(path, sizeof path, strchr(args->module, '/') ? "%s" : NUB_MODULE_DIR "/%s",
             args->module);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    nub_plugin_entry_fn entry = NULL;
    if (handle)
        *(void **)&entry = dlsym(handle, NUB_PLUGIN_ENTRY);
    if (!entry || (opened->plugin = entry())->abi_version != NUB_ABI_VERSION) {
        fprintf(stderr, "%s: %s\n", path, entry ? "another ABI version" : dlerror());
        exit(1);
    }
    memset(&opened->ops, 0, sizeof opened->ops);
    uint32_t size = opened->plugin->ops->struct_size;
    memcpy(&opened->ops, opened->plugin->ops,
           size < sizeof opened->ops ? size : sizeof opened->ops);
    for (uint32_t i = 0; i < args->n_options; i++)
        options[n++] = args->options[i];
    for (uint32_t i = 0; i < n_more && n < 16; i++)
        options[n++] = more[i];
    struct nub_create_args create = { .struct_size = sizeof create,
                                      .gas_model = NUB_GAS_PIPELINE,
                                      .mem_cycles = 25,
                                      .n_options = n,
                                      .options = options,
                                      .host = &host,
                                      .name = "bench" };
    bench_check(opened->ops.create(&create, &opened->backend, &failure), &failure, path);
}

void
bench_close(struct bench_backend *opened)
{
    opened->ops.destroy(opened->backend);
}

struct nub_hash
bench_put(struct bench_backend *opened, const uint8_t *wire, uint64_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_hash hash;

    bench_check(
        opened->ops.put_cap(opened->backend, (struct nub_slice){ wire, size }, &hash, &failure),
        &failure, "put_cap");
    return hash;
}

struct nub_hash
bench_put_code(struct bench_backend *opened, struct nub_slice code, struct nub_slice bitmask,
               uint64_t mem_size)
{
    struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    struct nub_image_spec image = {
        .code = code, .bitmask = bitmask, .endpoints = &endpoint, .n_endpoints = 1
    };
    uint64_t size = nub_image_wire_size(&image);
    uint8_t *wire = malloc(size);

    nub_image_encode(wire, &image);
    struct nub_instance_spec instance = { .image = bench_put(opened, wire, size),
                                          .mem_size = mem_size };
    free(wire);
    size = nub_instance_wire_size(&instance);
    wire = malloc(size);
    nub_instance_encode(wire, &instance);
    struct nub_hash hash = bench_put(opened, wire, size);
    free(wire);
    return hash;
}

struct nub_hash
bench_put_bundle(struct bench_backend *opened, const char *path)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_bundle bundle;
    struct nub_hash hash = { { 0 } };

    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    uint64_t size = (uint64_t)ftell(file);
    uint8_t *bytes = malloc(size);
    rewind(file);
    if (fread(bytes, 1, size, file) != size) {
        perror(path);
        exit(1);
    }
    fclose(file);
    bench_check(nub_bundle_decode(&bundle, (struct nub_slice){ bytes, size }, &failure), &failure,
                path);
    for (uint32_t i = 0; i < bundle.n_caps; i++) {
        struct nub_slice cap = nub_bundle_cap(&bundle, i);
        hash = bench_put(opened, cap.data, cap.size);
    }
    free(bytes);
    return hash;
}

struct nub_result
bench_invoke(struct bench_backend *opened, const struct nub_hash *instance, const uint64_t args[4],
             uint64_t gas)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_invoke_args call = { .struct_size = sizeof call, .instance = *instance, .gas = gas };
    struct nub_result result;

    memcpy(call.args, args, sizeof call.args);
    bench_check(opened->ops.invoke_cached(opened->backend, &call, &result, &failure), &failure,
                "invoke_cached");
    return result;
}

uint64_t
bench_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

double
bench_median(double *values, uint32_t n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double
bench_time(void (*call)(void *ctx), void *ctx, uint32_t calls, uint32_t rounds)
{
    double *times = calloc(rounds, sizeof *times);

    for (uint32_t round = 0; round < rounds; round++) {
        uint64_t before = bench_now_ns();
        for (uint32_t i = 0; i < calls; i++)
            call(ctx);
        times[round] = (double)(bench_now_ns() - before) / calls;
    }
    double median = bench_median(times, rounds);
    free(times);
    return median;
}
