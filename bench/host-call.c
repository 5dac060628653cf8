/* host-call.c - what a host call costs: bench-host-call [--module FILE] [--option NAME=VALUE]...
 *
 * A loop of calls to a callback, against the same loop with a `fallthrough` in the place of the
 * `ecalli`: the difference is the way out and back. The callback does nothing, or reads or writes
 * memory that the program has written. Loops take turns, so that all see the same machine; each
 * takes some ten milliseconds, whatever a call costs. A backend that counts its requests to a
 * guest says how many a call took.
 */
#include "bench.h"
#include <stdio.h>
#include <string.h>

#define ROUNDS   11
#define FEW      1000u
#define ROUND_NS 20000000.0
#define MOST     1000000u
#define MEMORY   (32u * NUB_PAGE_SIZE)
#define LARGE    (64u << 10)

/* One kind of call. */
struct row {
    const char *name;
    uint32_t size; /* bytes that the callback moves */
    bool write;
    bool silent; /* no call */
    /* while it runs */
    bool touched;
    double turns, ns[ROUNDS], requests;
};

static uint8_t bytes[LARGE];

static uint32_t
callback(void *ctx, struct nub_host_call *call)
{
    struct row *row = ctx;
    int32_t status = NUB_OK;

    if (row->size == 0)
        return NUB_HOST_CONTINUE;
    if (!row->touched) { /* pages of the machine's own, as those that a program works on */
        row->touched = true;
        status = call->write(call->machine, 0, bytes, LARGE, NULL);
    } else if (row->write) {
        status = call->write(call->machine, 0, bytes, row->size, NULL);
    } else {
        status = call->read(call->machine, 0, bytes, row->size, NULL);
    }
    return status == NUB_OK ? NUB_HOST_CONTINUE : NUB_HOST_FAIL;
}

/* Nanoseconds per turn of a loop of `turns`. */
static double
time_once(struct bench_backend *opened, const struct nub_hash instance[2], struct row *row,
          uint64_t turns)
{
    const struct nub_host_entry entry = { .number = 1, .price = 1, .call = callback, .ctx = row };
    const struct nub_host_table hosts = { .struct_size = sizeof hosts,
                                          .n_entries = 1,
                                          .entries = &entry };
    struct nub_call call = { .struct_size = sizeof call,
                             .instance = instance[row->silent],
                             .gas = NUB_GAS_MAX,
                             .args = { turns },
                             .hosts = &hosts };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };

    row->touched = false;
    uint64_t before = bench_now_ns();
    bench_check(opened->ops.invoke(opened->backend, &call, &outcome, &failure), &failure, "invoke");
    double ns = (double)(bench_now_ns() - before);
    if (outcome.result.exit_reason != NUB_EXIT_HALT)
        bench_check(NUB_ERR_SYSTEM, NULL, "the loop did not halt");
    return ns / (double)turns;
}

static void
add_requests(void *ctx, const char *name, uint64_t value)
{
    if (strcmp(name, "nub_guest_requests_total") == 0)
        *(double *)ctx = (double)value;
}

/* What the backend has asked of a guest so far; below 0: there is none. */
static double
requests(struct bench_backend *opened)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    double n = -1;

    if (opened->ops.stats)
        bench_check(opened->ops.stats(opened->backend, add_requests, &n, &failure), &failure,
                    "stats");
    return n;
}

int
main(int argc, char **argv)
{
    /* ecalli 1 | two fallthroughs; add_imm_64 phi7 -= 1; branch_ne_imm phi7, 0, back; jump_ind phi0
     */
    static const uint8_t code[2][11] = {
        { 0x0A, 0x01, 0x95, 0x77, 0xFF, 0x52, 0x07, 0xFB, 0x01, 0x32, 0x00 },
        { 0x01, 0x00, 0x95, 0x77, 0xFF, 0x52, 0x07, 0xFB, 0x01, 0x32, 0x00 },
    };
    static const uint8_t mask[2] = { 0x25, 0x03 };
    struct row rows[] = {
        { .name = "no call", .silent = true },
        { .name = "does nothing" },
        { .name = "reads 64 bytes", .size = 64 },
        { .name = "writes 64 bytes", .size = 64, .write = true },
        { .name = "reads 64 KiB", .size = LARGE },
        { .name = "writes 64 KiB", .size = LARGE, .write = true },
    };
    const uint32_t n_rows = sizeof rows / sizeof rows[0];
    struct bench_args args;
    struct bench_backend opened;
    struct nub_hash instance[2];

    bench_parse(&args, argc, argv, "nub-local.so");
    bench_open(&opened, &args, NULL, 0);
    for (int i = 0; i < 2; i++)
        instance[i] = bench_put_code(&opened, (struct nub_slice){ code[i], sizeof code[i] },
                                     (struct nub_slice){ mask, sizeof mask }, MEMORY);
    for (struct row *row = rows; row < rows + n_rows; row++) {
        time_once(&opened, instance, row, 10);
        double turns = ROUND_NS / time_once(&opened, instance, row, FEW);
        row->turns = turns < MOST ? 1 + turns : MOST;
        row->requests = requests(&opened);
        time_once(&opened, instance, row, FEW);
        row->requests = (requests(&opened) - row->requests) / FEW;
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (struct row *row = rows; row < rows + n_rows; row++)
            row->ns[i] = time_once(&opened, instance, row, (uint64_t)row->turns);
    }
    double without = bench_median(rows[0].ns, ROUNDS);
    printf("a turn without a call %.1f ns\n", without);
    for (struct row *row = rows + 1; row < rows + n_rows; row++) {
        printf("host call that %-16s %9.1f ns", row->name, bench_median(row->ns, ROUNDS) - without);
        if (row->requests > 0)
            printf(", %.2f round trips", row->requests);
        printf("\n");
    }
    bench_close(&opened);
    return 0;
}
