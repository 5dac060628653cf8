/* idle.c - what is kept between calls: bench-idle [--module FILE] [--option NAME=VALUE]...
 * [KERNEL.nub]
 *
 * Instances that were called once and wait, programs of their own or one program for all; and
 * sessions that wait at a host call with three pages touched. Resident memory of the process for
 * each, measured over many. With KERNEL.nub also the growth for one call of that bundle.
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_INSTANCES 2000u
#define N_SESSIONS  10000u
#define MEMORY      (16u * NUB_PAGE_SIZE)

/* store phi8 to three pages, ecall, halt */
static const uint8_t code[] = { 0x7B, 0x78, 0x00, 0x7B, 0x78, 0x00, 0x10,
                                0x7B, 0x78, 0x00, 0x20, 0x03, 0x32, 0x00 };
static const uint32_t starts[] = { 0, 3, 7, 11, 12 };

static double
resident(void)
{
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2)
        bench_check(NUB_ERR_SYSTEM, NULL, "/proc/self/statm");
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static uint64_t
mappings(void)
{
    uint64_t n = 0;
    int c;
    FILE *file = fopen("/proc/self/maps", "r");

    while (file && (c = getc(file)) != EOF)
        n += c == '\n';
    if (file)
        fclose(file);
    return n;
}

/* A program with `padding` bytes of data that make it another one for each number. */
static struct nub_hash
put_program(struct bench_backend *opened, uint32_t number)
{
    uint8_t bytes[sizeof code + 10] = { 0 }, mask[4] = { 0 };

    memcpy(bytes, code, sizeof code);
    bytes[sizeof code] = 0x14; /* load_imm_64, never reached */
    memcpy(bytes + sizeof code + 2, &number, sizeof number);
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        mask[starts[i] / 8] |= (uint8_t)(1u << starts[i] % 8);
    mask[sizeof code / 8] |= (uint8_t)(1u << sizeof code % 8);
    return bench_put_code(opened, (struct nub_slice){ bytes, sizeof bytes },
                          (struct nub_slice){ mask, (sizeof bytes + 7) / 8 }, MEMORY);
}

static void
measure_instances(struct bench_backend *opened)
{
    const uint64_t args[4] = { 0, 7 };

    put_program(opened, UINT32_MAX);
    double before = resident();
    for (uint32_t i = 0; i < N_INSTANCES; i++) {
        struct nub_hash instance = put_program(opened, i);
        if (bench_invoke(opened, &instance, args, 1000).exit_reason != NUB_EXIT_ECALL)
            bench_check(NUB_ERR_SYSTEM, NULL, "the program did not stop where it should");
    }
    printf("idle instance, program of its own   %10.1f KiB\n",
           (resident() - before) / N_INSTANCES / 1024);
}

static void
measure_sessions(struct bench_backend *opened)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_session_args args = { .struct_size = sizeof args, .args = { 0, 7 }, .gas = 1000 };
    void **sessions = calloc(N_SESSIONS, sizeof *sessions);
    struct nub_result result;

    args.instance = put_program(opened, UINT32_MAX - 1);
    double before = resident();
    for (uint32_t i = 0; i < N_SESSIONS; i++) {
        bench_check(opened->ops.session_open(opened->backend, &args, &sessions[i], &failure),
                    &failure, "session_open");
        bench_check(opened->ops.session_run(sessions[i], &result, &failure), &failure,
                    "session_run");
    }
    printf(
        "paused session, three pages touched %10.1f KiB beyond its pages, %llu mappings in all\n",
        (resident() - before) / N_SESSIONS / 1024 - 12, (unsigned long long)mappings());
    for (uint32_t i = 0; i < N_SESSIONS; i++)
        opened->ops.session_close(sessions[i]);
    free(sessions);
}

int
main(int argc, char **argv)
{
    struct bench_args args;
    struct bench_backend opened;

    bench_parse(&args, argc, argv, "nub-local.so");
    bench_open(&opened, &args, NULL, 0);
    for (uint32_t i = 0; i < args.n_rest; i++) {
        const uint64_t one[4] = { 1, 1 };
        struct nub_hash instance = bench_put_bundle(&opened, args.rest[i]);
        double before = resident();
        bench_invoke(&opened, &instance, one, NUB_GAS_MAX);
        printf("%s: one call grew memory by %.1f KiB\n", args.rest[i],
               (resident() - before) / 1024);
    }
    measure_instances(&opened);
    if (opened.ops.session_open)
        measure_sessions(&opened);
    bench_close(&opened);
    return 0;
}
