/* example.h - the frame of an example: one computation, `example(seed)`, that can be repeated
 *
 * The endpoint run(times, seed) feeds each result into the next repetition; `nub run` without
 * arguments does it once with seed 0. Built natively the same file is a program that prints the result:
 * `NAME [TIMES [SEED]]`. Both must agree.
 */
#ifndef NUB_EXAMPLES_EXAMPLE_H
#define NUB_EXAMPLES_EXAMPLE_H

#include <nub-guest.h>

static uint64_t example(uint64_t seed);

NUB_EXPORT uint64_t
run(uint64_t times, uint64_t seed)
{
    do
        seed = example(seed);
    while (times-- > 1);
    return seed;
}

#ifndef __riscv
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    uint64_t times = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;

    printf("%llu\n", (unsigned long long)run(times, seed));
    return 0;
}
#endif

#endif
