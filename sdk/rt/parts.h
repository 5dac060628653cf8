/* parts.h - a number of any binary format, taken apart: how one becomes another
 *
 * A significand of 64 bits is exact for all but binary128, which only ever becomes something
 * narrower: there the last bit is sticky.
 */
#ifndef NUB_PARTS_H
#define NUB_PARTS_H

#include "wide.h"

struct parts {
    enum { PARTS_NUMBER, PARTS_ZERO, PARTS_INFINITY, PARTS_NAN } kind;
    int negative;
    int exponent;         /* of the top bit of ... */
    uint64_t significand; /* ... which is set */
};

/* high:low: the format's bits, moved up to the top of 128 */
static inline struct parts
take_apart(uint64_t high, uint64_t low, int exponent_bits)
{
    int largest = (1 << exponent_bits) - 1, exponent = (int)(high << 1 >> (64 - exponent_bits));
    uint64_t fraction = high << (exponent_bits + 1) | low >> (63 - exponent_bits) | (low << (exponent_bits + 1) != 0);
    struct parts p = { .negative = (int)(high >> 63), .exponent = exponent - largest / 2 };

    if (exponent == largest) {
        p.kind = fraction ? PARTS_NAN : PARTS_INFINITY;
    } else if (exponent) {
        p.significand = 1ull << 63 | fraction >> 1 | (fraction & 1);
    } else if (fraction) {
        int zeros = __builtin_clzll(fraction);
        p.significand = fraction << zeros;
        p.exponent -= zeros;
    } else {
        p.kind = PARTS_ZERO;
    }
    return p;
}

static inline struct parts
parts_of_float(float x)
{
    uint32_t bits;

    __builtin_memcpy(&bits, &x, sizeof bits);
    return take_apart((uint64_t)bits << 32, 0, 8);
}

static inline struct parts
parts_of_double(double x)
{
    uint64_t bits;

    __builtin_memcpy(&bits, &x, sizeof bits);
    return take_apart(bits, 0, 11);
}

static inline struct parts
parts_of_quad(quad x)
{
    uint64_t words[2];

    __builtin_memcpy(words, &x, sizeof words);
    return take_apart(words[1], words[0], 15);
}

#endif
