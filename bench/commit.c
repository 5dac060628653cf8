/* commit.c - what a transition of a large state costs: bench-commit [--module FILE] [--option
 * NAME=VALUE]...
 *
 * An instance whose pages are one overlay; a call changes a page and commits, the next call starts
 * from the successor. 64 MiB against 64 KiB: the cost must follow what was touched. `first` is a
 * call on an instance that was put a moment ago.
 */
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE   ((uint64_t)NUB_PAGE_SIZE)
#define START  (64 * PAGE)
#define ROUNDS 41

struct chain {
    struct bench_backend *opened;
    struct nub_hash instance;
    uint64_t n_pages;
};

/* load_ind_u64 phi9, [phi7]; add_64 phi9 = phi9 + phi8; store_ind_u64 phi9, [phi7]; jump_ind phi0
 */
static const uint8_t code[] = { 0x82, 0x79, 0x00, 0xC8, 0x89, 0x09, 0x7B, 0x79, 0x00, 0x32, 0x00 };

/* Every second page has but one number, which split() makes 0: then the page is what the instance
 * has there without an overlay, and the run of pages falls in two. */
static void
fill_page(uint8_t *bytes, uint64_t page)
{
    const uint64_t minus_three = -3ull;

    if (page % 2 == 0) {
        for (uint64_t i = 0; i < PAGE; i++)
            bytes[i] = (uint8_t)((page * PAGE + i) * 2654435761u >> 13 | 1);
        return;
    }
    memset(bytes, 0, PAGE);
    memcpy(bytes, &minus_three, sizeof minus_three);
}

static void
start_chain(struct chain *chain, struct bench_backend *opened, const struct nub_hash *image,
            uint64_t n_pages)
{
    uint8_t *bytes = malloc(n_pages * PAGE);
    struct nub_overlay overlay = { .start = START, .bytes = { bytes, n_pages * PAGE } };
    /* memory is there beyond the overlay, so that it can grow */
    struct nub_instance_spec spec = {
        .image = *image, .overlays = &overlay, .n_overlays = 1, .mem_size = 128ull << 20
    };

    for (uint64_t i = 0; i < n_pages; i++)
        fill_page(bytes + i * PAGE, i);
    uint64_t size = nub_instance_wire_size(&spec);
    uint8_t *wire = malloc(size);
    nub_instance_encode(wire, &spec);
    *chain = (struct chain){ .opened = opened, .n_pages = n_pages };
    chain->instance = bench_put(opened, wire, size);
    free(wire);
    free(bytes);
}

/* Changes 8 bytes at an address and commits; microseconds. */
static double
step(struct chain *chain, uint64_t address)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    struct nub_call call = { .struct_size = sizeof call,
                             .flags = NUB_CALL_COMMIT,
                             .instance = chain->instance,
                             .args = { address, 3 },
                             .gas = 100000 };
    uint64_t before = bench_now_ns();

    bench_check(chain->opened->ops.invoke(chain->opened->backend, &call, &outcome, &failure),
                &failure, "invoke");
    double us = (double)(bench_now_ns() - before) / 1e3;
    if (outcome.result.exit_reason != NUB_EXIT_HALT)
        bench_check(NUB_ERR_SYSTEM, NULL, "the program did not halt");
    chain->opened->ops.drop_cap(chain->opened->backend, &chain->instance, NULL);
    chain->instance = outcome.successor;
    return us;
}

static double
rewrite(struct chain *chain, uint64_t round)
{
    return step(chain, START + (round * 7 + 3) % chain->n_pages * PAGE + 8);
}

static double
append(struct chain *chain, uint64_t round)
{
    return step(chain, START + (chain->n_pages + round) * PAGE);
}

static double
prepend(struct chain *chain, uint64_t round)
{
    return step(chain, START - (round + 1) * PAGE);
}

static double
split(struct chain *chain, uint64_t round)
{
    return step(chain, START + (2 * round + 1) * PAGE);
}

static double
median_of(struct bench_backend *opened, const struct nub_hash *image, uint64_t n_pages,
          double (*change)(struct chain *chain, uint64_t round), double *first)
{
    uint64_t most = change == split ? n_pages / 2 - 1 : ROUNDS; /* no page is split off twice */
    uint64_t rounds = most < ROUNDS ? most : ROUNDS;
    double values[ROUNDS];
    struct chain chain;

    start_chain(&chain, opened, image, n_pages);
    *first = change(&chain, 0);
    for (uint64_t i = 0; i < rounds; i++)
        values[i] = change(&chain, i + 1);
    opened->ops.drop_cap(opened->backend, &chain.instance, NULL);
    return bench_median(values, (int)rounds);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        double (*change)(struct chain *chain, uint64_t round);
    } changes[] = {
        { "rewrite", rewrite }, { "append", append }, { "prepend", prepend }, { "split", split }
    };
    struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    uint8_t mask[2] = { 0x49, 0x02 };
    struct nub_image_spec spec = { .code = { code, sizeof code },
                                   .bitmask = { mask, sizeof mask },
                                   .endpoints = &endpoint,
                                   .n_endpoints = 1 };
    struct bench_args args;
    struct bench_backend opened;

    bench_parse(&args, argc, argv, "nub-local.so");
    bench_open(&opened, &args, NULL, 0);
    uint64_t size = nub_image_wire_size(&spec);
    uint8_t *wire = malloc(size);
    nub_image_encode(wire, &spec);
    struct nub_hash image = bench_put(&opened, wire, size);
    free(wire);
    printf("%-10s %14s %14s %8s   first calls\n", "one page", "64 KiB, us", "64 MiB, us", "ratio");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        double first_small, first_large;
        double small = median_of(&opened, &image, 16, changes[i].change, &first_small);
        double large = median_of(&opened, &image, 16384, changes[i].change, &first_large);
        printf("%-10s %14.1f %14.1f %8.1f   %.1f, %.1f\n", changes[i].name, small, large,
               large / small, first_small, first_large);
    }
    bench_close(&opened);
    return 0;
}
