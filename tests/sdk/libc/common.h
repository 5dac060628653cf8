/* common.h - for the programs that run natively and as guests and must write the same
 *
 * Many results become one number: a line per group would say less than a line per value, and a line per
 * value would be megabytes.
 */
#ifndef NUB_TEST_LIBC_COMMON_H
#define NUB_TEST_LIBC_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint64_t state = 88172645463325252u;

static inline uint64_t
random_bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1du;
}

/* all bits alike, or a number that people write */
static inline double
random_double(void)
{
    uint64_t bits = random_bits();
    double x;

    switch (bits % 4) {
    case 0:
        return (double)(int64_t)random_bits() / 1000;
    case 1:
        return (double)(bits / 4 % 2000001) / 1000 - 1000;
    case 2: /* around 1 */
        bits = (bits & 0x800fffffffffffff) | (1023 - 40 + random_bits() % 80) << 52;
        break;
    default: /* finite */
        if (((bits >> 52) & 0x7ff) == 0x7ff)
            bits ^= 1ull << 60;
    }
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* FNV-1a */
static inline void
mix(uint64_t *hash, const void *bytes, size_t size)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ b[i]) * 0x100000001b3u;
}

static inline uint64_t
bits_of_double(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#endif
