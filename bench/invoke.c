/* invoke.c - what a call costs that does nothing: bench-invoke [--module FILE] [--option
 * NAME=VALUE]...
 *
 * The empty program is `jump_ind phi0` with phi0 = the halt address. Also: a program that reads and
 * writes one page of memory, and put_cap_with_hash of what is present.
 */
#include "bench.h"
#include <stdio.h>
#include <string.h>

struct call {
    struct bench_backend *opened;
    struct nub_invoke_args args;
    struct nub_result result;
    struct nub_hash hash;
    struct nub_slice wire;
};

static void
invoke(void *ctx)
{
    struct call *call = ctx;

    call->opened->ops.invoke_cached(call->opened->backend, &call->args, &call->result, NULL);
}

static void
put_with_hash(void *ctx)
{
    struct call *call = ctx;

    call->opened->ops.put_cap_with_hash(call->opened->backend, &call->hash, call->wire, NULL);
}

static double
time_invoke(struct bench_backend *opened, const char *code, uint32_t size, uint32_t mask,
            uint64_t mem_size)
{
    uint8_t bits[4] = { (uint8_t)mask, (uint8_t)(mask >> 8), 0, 0 };
    struct call call = { .opened = opened,
                         .args = { .struct_size = sizeof call.args, .gas = 1000 } };

    call.args.instance = bench_put_code(opened, (struct nub_slice){ (const uint8_t *)code, size },
                                        (struct nub_slice){ bits, (size + 7) / 8 }, mem_size);
    double ns = bench_time(invoke, &call, 10000, 101);
    if (call.result.exit_reason != NUB_EXIT_HALT)
        bench_check(NUB_ERR_SYSTEM, NULL, "the program did not halt");
    return ns;
}

int
main(int argc, char **argv)
{
    struct bench_args args;
    struct bench_backend opened;
    uint8_t wire[NUB_TYPE_WIRE_SIZE];
    const struct nub_hash some = { { 1 } };
    struct call put = { .opened = &opened, .wire = { wire, sizeof wire } };

    bench_parse(&args, argc, argv, "nub-local.so");
    bench_open(&opened, &args, NULL, 0);
    printf("%s\n", opened.plugin->summary);
    printf("invoke_cached, empty program          %8.1f ns\n",
           time_invoke(&opened, "\x32\x00", 2, 1, 0));
    /* store_ind_u64 phi7, [phi8 + 8]; load_ind_u64 phi9, [phi8 + 8]; jump_ind phi0 */
    printf("invoke_cached, one page read, written %8.1f ns\n",
           time_invoke(&opened, "\x7b\x87\x08\x82\x89\x08\x32\x00", 8, 0x49, 4096));
    nub_type_encode(wire, &some);
    put.hash = bench_put(&opened, wire, sizeof wire);
    if (opened.ops.put_cap_with_hash)
        printf("put_cap_with_hash, present            %8.1f ns\n",
               bench_time(put_with_hash, &put, 10000, 101));
    bench_close(&opened);
    return 0;
}
