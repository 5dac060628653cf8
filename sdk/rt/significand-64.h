/* significand-64.h - what soft-float.inc asks of the type of its significands, for those of one word
 *
 * significand-128.h says the same of two words.
 */
#include "wide.h"

typedef uint64_t significand;

static inline int
leading_zeros(significand x)
{
    return __builtin_clzll(x);
}

/* the upper word of a * b, its last bit sticky */
static inline significand
product(significand a, significand b)
{
    uint128 whole = (uint128)a * b;

    return (uint64_t)(whole >> 64) | ((uint64_t)whole != 0);
}

/* a / b with `bits` more bits below the point, the last one sticky: as many at once as there is room for above b */
static inline significand
quotient(significand a, significand b, int bits, int room)
{
    significand digits = a / b, rest = a % b;

    while (bits > 0) {
        int n = bits < room ? bits : room;
        digits = digits << n | (rest << n) / b;
        rest = (rest << n) % b;
        bits -= n;
    }
    return digits | (rest != 0);
}

/* x without the bits that have no room, whose number goes to *scale; the last one sticky */
static inline significand
fit(uint128 x, int *scale)
{
    uint64_t high = high_of(x), low = low_of(x);

    *scale = high ? 64 - __builtin_clzll(high) : 0;
    return high ? (uint64_t)(x >> *scale) | (x << (128 - *scale) != 0) : low;
}
