/* quad.h - binary128 by one set of names: `long double` in the guest; natively glibc's mathematics of _Float128, and
 * libquadmath's printf and strtold
 */
#ifndef NUB_TEST_LIBC_QUAD_H
#define NUB_TEST_LIBC_QUAD_H

#include "common.h"

__extension__ typedef unsigned __int128 uint128;

#ifdef __riscv
#include <math.h>
#include <stdlib.h>
typedef long double quad;
#define Q(name) name##l
#define quad_from_text strtold
#define quad_print snprintf
#define LONG "L"
#else
#include <math.h>
#include <quadmath.h>
typedef __float128 quad;
#define Q(name) name##f128
#define quad_from_text strtoflt128
#define quad_print quadmath_snprintf
#define LONG "Q"
#endif

static inline quad
quad_of(uint64_t high, uint64_t low)
{
    uint64_t words[2] = { low, high };
    quad x;

    memcpy(&x, words, sizeof x);
    return x;
}

/* finite; all exponents alike, near 1, or a number that people write */
static inline quad
random_quad(void)
{
    uint64_t high = random_bits(), low = random_bits();

    switch (random_bits() % 4) {
    case 0:
        return (quad)(int64_t)high / 1000;
    case 1:
    case 2:
        return quad_of((high & 0x8000ffffffffffff) | (16383 - 60 + random_bits() % 120) << 48, low);
    default:
        return quad_of((high & 0x7fff000000000000) == 0x7fff000000000000 ? high ^ 1ull << 60 : high, low);
    }
}

#endif
