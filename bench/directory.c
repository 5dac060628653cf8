/* directory.c - what the directory and commits cost, without a machine around them
 *
 * put_cap_with_hash of a present capability under an uncontended lock; commits of one page into
 * instances of 64 KiB and 64 MiB, with the old page and the neighbourhood varied; memory after a
 * million puts and drops. Times are medians; sizes are compared in turns of the same run.
 */
#include "bytes.h"
#include "directory.h"
#include "successor.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS     101
#define FIRST_PAGE 16u

static void *
allocate(void *ctx, void *block, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

static const struct nub_alloc heap = { .realloc = allocate };

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

static void
check(enum nub_status status)
{
    if (status) {
        fprintf(stderr, "bench-directory: status %d\n", status);
        exit(1);
    }
}

/* ---- put_cap_with_hash -------------------------------------------------------------------------
 */

static void
put_types(struct nub_dir *dir, struct nub_hash *hashes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct nub_hash chain = { { 1 } };
        uint8_t wire[NUB_TYPE_WIRE_SIZE];

        nub_put_le32(chain.bytes + 4, i);
        nub_type_encode(wire, &chain);
        check(nub_dir_put(dir, (struct nub_slice){ wire, sizeof wire }, &hashes[i], NULL));
    }
}

static void
bench_present(uint32_t n)
{
    const struct nub_dir_options options = { .seed = { 1, 2 } };
    struct nub_dir *dir = nub_dir_new(&heap, &options);
    struct nub_hash *hashes = malloc(n * sizeof *hashes);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const uint32_t puts = 100000;
    double times[ROUNDS];

    put_types(dir, hashes, n);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();

        for (uint32_t i = 0; i < puts; i++) {
            pthread_mutex_lock(&lock);
            check(nub_dir_put_with_hash(dir, &hashes[i % n], (struct nub_slice){ NULL, 0 }, NULL));
            pthread_mutex_unlock(&lock);
        }
        times[round] = (now() - start) / puts;
    }
    printf("put_cap_with_hash, present, one of %7u, with the lock: %6.1f ns\n", n, median(times));
    free(hashes);
    nub_dir_free(dir);
}

/* ---- commits -----------------------------------------------------------------------------------
 */

struct setting {
    struct nub_dir *dir;
    struct nub_dir_entry *base;
    uint32_t n_pages;
};

static enum nub_given
given(void *ctx, uint32_t address, const uint8_t **bytes)
{
    (void)ctx;
    (void)address;
    (void)bytes;
    return NUB_GIVEN_NOTHING;
}

/* No page but [from, from + 1) of the run at FIRST_PAGE is given by the image: the split. */
static enum nub_given
given_there(void *ctx, uint32_t address, const uint8_t **bytes)
{
    (void)bytes;
    return address == *(const uint32_t *)ctx ? NUB_GIVEN_READ_WRITE : NUB_GIVEN_NOTHING;
}

static void
set_up(struct setting *setting, uint32_t n_pages)
{
    const struct nub_dir_options options = { .seed = { 1, 2 }, .share_pages = true };
    uint8_t *content = malloc((size_t)n_pages * NUB_PAGE_SIZE), *wire;
    struct nub_overlay overlay = { FIRST_PAGE * NUB_PAGE_SIZE,
                                   { content, (uint64_t)n_pages * NUB_PAGE_SIZE } };
    struct nub_instance_spec spec = { .overlays = &overlay, .n_overlays = 1 };
    uint64_t size = nub_instance_wire_size(&spec);
    struct nub_hash hash;

    for (size_t i = 0; i < (size_t)n_pages * NUB_PAGE_SIZE; i++)
        content[i] = (uint8_t)(i * 2654435761u >> 15 | 1);
    wire = malloc(size);
    nub_instance_encode(wire, &spec);
    setting->dir = nub_dir_new(&heap, &options);
    setting->n_pages = n_pages;
    check(nub_dir_put(setting->dir, (struct nub_slice){ wire, size }, &hash, NULL));
    setting->base = nub_dir_find(setting->dir, &hash);
    nub_dir_pin(setting->dir, setting->base);
    free(wire);
    free(content);
}

static double
commit(struct setting *setting, uint32_t page, const uint8_t *bytes, nub_given_fn fn)
{
    struct nub_run_page written = { page * NUB_PAGE_SIZE, bytes };
    uint32_t address = written.address;
    struct nub_successor successor = { .base = setting->base,
                                       .written = &written,
                                       .n_written = 1,
                                       .given = fn,
                                       .given_ctx = &address };
    struct nub_dir_entry *made;
    struct nub_hash hash;
    double start = now(), end;

    check(nub_successor_prepare(&made, setting->dir, &successor, NULL));
    hash = made->hash;
    check(nub_dir_put_successor(setting->dir, made, NULL));
    end = now();
    check(nub_dir_drop(setting->dir, &hash, NULL));
    return end - start;
}

static void
bench_commits(void)
{
    static uint8_t page[NUB_PAGE_SIZE];
    const struct {
        const char *name;
        int at; /* page of the run; negative: from its end */
        const uint8_t *bytes;
        nub_given_fn given;
    } rows[] = {
        { "rewrite an inner page", 5, page, given },
        { "append a page", -1, page, given },
        { "prepend a page", 0, page, given },
        { "split the run", 7, NULL, given_there },
    };
    struct setting small, large;

    set_up(&small, 16);
    set_up(&large, 16384);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double times[2][ROUNDS];

        for (int round = 0; round < ROUNDS; round++) {
            struct setting *settings[2] = { &small, &large };

            for (int s = 0; s < 2; s++) {
                uint32_t at = rows[i].at < 0    ? FIRST_PAGE + settings[s]->n_pages
                              : rows[i].at == 0 ? FIRST_PAGE - 1
                                                : FIRST_PAGE + (uint32_t)rows[i].at;

                memset(page, round + 1, sizeof page);
                times[s][round] = commit(settings[s], at, rows[i].bytes, rows[i].given);
            }
        }
        printf("commit, %-22s 64 KiB %8.1f us, 64 MiB %8.1f us, ratio %5.2f\n", rows[i].name,
               median(times[0]) / 1e3, median(times[1]) / 1e3,
               times[1][ROUNDS / 2] / times[0][ROUNDS / 2]);
    }
    nub_dir_unpin(small.dir, small.base);
    nub_dir_unpin(large.dir, large.base);
    nub_dir_free(small.dir);
    nub_dir_free(large.dir);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static double
resident_mib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long total = 0, resident = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void
bench_memory(void)
{
    const struct nub_dir_options options = { .seed = { 1, 2 } };
    struct nub_dir *dir = nub_dir_new(&heap, &options);
    double before = 0;

    for (uint32_t i = 0; i < 1000000; i++) {
        struct nub_hash chain = { { 2 } }, hash;
        uint8_t wire[NUB_TYPE_WIRE_SIZE];

        nub_put_le32(chain.bytes + 4, i);
        nub_type_encode(wire, &chain);
        check(nub_dir_put(dir, (struct nub_slice){ wire, sizeof wire }, &hash, NULL));
        check(nub_dir_drop(dir, &hash, NULL));
        if (i == 1000)
            before = resident_mib();
    }
    printf("10^6 puts and drops: resident %.1f MiB before, %.1f MiB after\n", before,
           resident_mib());
    nub_dir_free(dir);
}

int
main(void)
{
    bench_memory();
    for (uint32_t n = 1; n <= 1000000; n *= 100)
        bench_present(n);
    bench_commits();
    return 0;
}
