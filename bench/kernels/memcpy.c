/* memcpy.c - 256 KiB moved as 64-bit words, by a loop that stays a loop */
#include "../../examples/example.h"

#define WORDS 32768

static uint64_t from[WORDS], to[WORDS];

static uint64_t
example(uint64_t seed)
{
    uint64_t *restrict t = to;
    const uint64_t *restrict f = from;

    from[seed % WORDS] = seed;
#pragma clang loop vectorize(disable)
    for (unsigned i = 0; i < WORDS; i++) {
        t[i] = f[i];
        __asm__ volatile("" ::: "memory"); /* not to be replaced by a library call */
    }
    return to[seed % WORDS] + to[(seed >> 20) % WORDS] + 1;
}
