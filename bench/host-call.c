/* host-call.c - what a host call costs: bench-host-call [--module FILE] [--option NAME=VALUE]...
 *
 * A loop of calls to a callback that does nothing, against the same loop with a `fallthrough` in
 * the place of the `ecalli`: the difference is the way out and back. A loop takes some ten
 * milliseconds, whatever a call costs.
 */
#include "bench.h"
#include <stdio.h>

#define ROUNDS   11
#define FEW      1000u
#define ROUND_NS 20000000.0
#define MOST     1000000u

static uint32_t
nothing(void *ctx, struct nub_host_call *call)
{
    (void)ctx;
    (void)call;
    return NUB_HOST_CONTINUE;
}

/* Nanoseconds per turn of a loop of `turns`. */
static double
time_once(struct bench_backend *opened, struct nub_call *call, uint64_t turns)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };

    call->args[0] = turns;
    uint64_t before = bench_now_ns();
    bench_check(opened->ops.invoke(opened->backend, call, &outcome, &failure), &failure, "invoke");
    double ns = (double)(bench_now_ns() - before);
    if (outcome.result.exit_reason != NUB_EXIT_HALT)
        bench_check(NUB_ERR_SYSTEM, NULL, "the loop did not halt");
    return ns / (double)turns;
}

static double
time_loop(struct bench_backend *opened, const uint8_t *code, const struct nub_host_table *hosts)
{
    uint8_t mask[2] = { 0x25, 0x03 };
    struct nub_call call = { .struct_size = sizeof call, .gas = NUB_GAS_MAX, .hosts = hosts };
    double values[ROUNDS];

    call.instance =
        bench_put_code(opened, (struct nub_slice){ code, 11 }, (struct nub_slice){ mask, 2 }, 0);
    time_once(opened, &call, 1);
    double turns = ROUND_NS / time_once(opened, &call, FEW);
    for (int i = 0; i < ROUNDS; i++)
        values[i] = time_once(opened, &call, turns < MOST ? 1 + (uint64_t)turns : MOST);
    return bench_median(values, ROUNDS);
}

int
main(int argc, char **argv)
{
    /* ecalli 1 | two fallthroughs; add_imm_64 phi7 -= 1; branch_ne_imm phi7, 0, back; jump_ind phi0
     */
    static const uint8_t calling[] = { 0x0A, 0x01, 0x95, 0x77, 0xFF, 0x52,
                                       0x07, 0xFB, 0x01, 0x32, 0x00 };
    static const uint8_t silent[] = { 0x01, 0x00, 0x95, 0x77, 0xFF, 0x52,
                                      0x07, 0xFB, 0x01, 0x32, 0x00 };
    const struct nub_host_entry entry = { .number = 1, .price = 1, .call = nothing };
    const struct nub_host_table hosts = { .struct_size = sizeof hosts,
                                          .n_entries = 1,
                                          .entries = &entry };
    struct bench_args args;
    struct bench_backend opened;

    bench_parse(&args, argc, argv, "nub-local.so");
    bench_open(&opened, &args, NULL, 0);
    double with = time_loop(&opened, calling, &hosts);
    double without = time_loop(&opened, silent, &hosts);
    printf("host call %8.1f ns (a turn with one %.1f, without %.1f)\n", with - without, with,
           without);
    bench_close(&opened);
    return 0;
}
