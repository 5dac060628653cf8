/* wide.h - numbers of two words: their halves, and the one step of long division */
#ifndef NUB_WIDE_H
#define NUB_WIDE_H

#include "rt.h"

/* from halves without a shift, which might become a call of itself */
static inline uint128
join(uint64_t high, uint64_t low)
{
    union {
        uint64_t half[2];
        uint128 whole;
    } u = { { low, high } };
    return u.whole;
}

static inline uint64_t
low_of(uint128 x)
{
    return (uint64_t)x;
}

static inline uint64_t
high_of(uint128 x)
{
    union {
        uint128 whole;
        uint64_t half[2];
    } u = { x };
    return u.half[1];
}

/* high:low / b for high < b: two digits of 32 bits, each guessed from the top of b and corrected */
static inline uint64_t
divide_wide(uint64_t high, uint64_t low, uint64_t b, uint64_t *remainder)
{
    unsigned shift = (unsigned)__builtin_clzll(b);
    uint64_t quotient = 0;

    b <<= shift;
    high = shift ? high << shift | low >> (64 - shift) : high;
    low <<= shift;
    for (unsigned digit = 0; digit < 2; digit++) {
        uint64_t next = digit == 0 ? low >> 32 : low & 0xffffffff;
        uint64_t guess = high / (b >> 32), rest = high % (b >> 32);
        while (guess >> 32 || guess * (b & 0xffffffff) > (rest << 32 | next)) {
            guess--;
            rest += b >> 32;
            if (rest >> 32)
                break;
        }
        high = (high << 32 | next) - guess * b;
        quotient = quotient << 32 | guess;
    }
    *remainder = high >> shift;
    return quotient;
}

/* *rest:next / b for *rest < b, b with its top bit set: a digit of 64 bits, guessed from b's upper half; *rest gets
 * what is left */
static inline uint64_t
divide_digit(uint128 *rest, uint64_t next, uint128 b)
{
    uint64_t b1 = high_of(b), b0 = low_of(b), guess = UINT64_MAX, left;
    int exact = 0; /* what is left is more than a word: the guess is not too high */

    if (high_of(*rest) < b1)
        guess = divide_wide(high_of(*rest), low_of(*rest), b1, &left);
    else
        exact = __builtin_add_overflow(low_of(*rest), b1, &left);
    while (!exact && (uint128)guess * b0 > join(left, next)) {
        guess--;
        exact = __builtin_add_overflow(left, b1, &left);
    }
    *rest = join(left, next) - (uint128)guess * b0;
    return guess;
}

#endif
