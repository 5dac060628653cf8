/* kernel.h - the frame of a benchmark kernel
 *
 * A kernel is one small computation, `kernel(seed)`; the endpoint repeats it so that the time of one
 * can be told from the time of many. Built natively the same file is a program that prints the result.
 */
#ifndef NUB_BENCH_KERNEL_H
#define NUB_BENCH_KERNEL_H

#include <nub-guest.h>

static uint64_t kernel(uint64_t seed);

/** Runs the kernel `times` times, each on the result of the one before. */
NUB_EXPORT uint64_t
run(uint64_t times, uint64_t seed)
{
    for (uint64_t i = 0; i < times; i++)
        seed = kernel(seed);
    return seed;
}

#endif
