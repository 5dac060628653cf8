/* bytecopy.c - 256 KiB moved byte by byte */
#include "../../examples/example.h"

#define BYTES 262144

static uint8_t from[BYTES], to[BYTES];

static uint64_t
example(uint64_t seed)
{
    from[seed % BYTES] = (uint8_t)seed;
#pragma clang loop vectorize(disable)
    for (unsigned i = 0; i < BYTES; i++) {
        to[i] = from[i];
        __asm__ volatile("" ::: "memory"); /* not to be replaced by a library call */
    }
    return seed * 6364136223846793005ull + to[seed % BYTES] + to[(seed >> 20) % BYTES] + 1;
}
