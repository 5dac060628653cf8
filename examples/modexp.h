/* modexp.h - 256-bit modular powers by Montgomery multiplication (odd moduli above 2^192) */
#ifndef NUB_EXAMPLES_MODEXP_H
#define NUB_EXAMPLES_MODEXP_H

#include <stdint.h>

/** Four words, the least significant first. */
struct u256 {
    uint64_t w[4];
};

__extension__ typedef unsigned __int128 u256_wide;

/** a - b; returns the borrow. */
static inline uint64_t
u256_subtract(struct u256 *result, struct u256 a, struct u256 b)
{
    uint64_t borrow = 0;

    for (unsigned i = 0; i < 4; i++) {
        u256_wide difference = (u256_wide)a.w[i] - b.w[i] - borrow;
        result->w[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow;
}

/** a * 2 mod m, for a < m. */
static inline struct u256
u256_double(struct u256 a, struct u256 m)
{
    uint64_t carry = a.w[3] >> 63;
    struct u256 twice, reduced;

    for (unsigned i = 3; i > 0; i--)
        twice.w[i] = a.w[i] << 1 | a.w[i - 1] >> 63;
    twice.w[0] = a.w[0] << 1;
    uint64_t borrow = u256_subtract(&reduced, twice, m);
    return carry || !borrow ? reduced : twice;
}

/** a * b / 2^256 mod m; `inverse` is -1 / m mod 2^64. */
static inline struct u256
u256_montgomery(struct u256 a, struct u256 b, struct u256 m, uint64_t inverse)
{
    uint64_t t[6] = { 0 };

    for (unsigned i = 0; i < 4; i++) {
        uint64_t carry = 0;
        for (unsigned j = 0; j < 4; j++) {
            u256_wide sum = (u256_wide)a.w[j] * b.w[i] + t[j] + carry;
            t[j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        u256_wide top = (u256_wide)t[4] + carry;
        t[4] = (uint64_t)top;
        t[5] = (uint64_t)(top >> 64);
        uint64_t factor = t[0] * inverse;
        u256_wide first = (u256_wide)factor * m.w[0] + t[0];
        carry = (uint64_t)(first >> 64);
        for (unsigned j = 1; j < 4; j++) {
            u256_wide sum = (u256_wide)factor * m.w[j] + t[j] + carry;
            t[j - 1] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        top = (u256_wide)t[4] + carry;
        t[3] = (uint64_t)top;
        t[4] = t[5] + (uint64_t)(top >> 64);
    }
    struct u256 result = { { t[0], t[1], t[2], t[3] } }, reduced;
    uint64_t borrow = u256_subtract(&reduced, result, m);
    return t[4] || !borrow ? reduced : result;
}

/** base ^ exponent mod m, for base < m. */
static inline struct u256
u256_pow(struct u256 base, uint64_t exponent, struct u256 m)
{
    uint64_t inverse = 1;
    struct u256 one = { { 1, 0, 0, 0 } };

    for (unsigned i = 0; i < 6; i++) /* Newton: the number of right bits doubles */
        inverse *= 2 - m.w[0] * inverse;
    inverse = -inverse;
    for (unsigned i = 0; i < 256; i++)
        one = u256_double(one, m); /* 2^256 mod m: 1 in Montgomery form */
    struct u256 square = one;
    for (unsigned i = 0; i < 256; i++)
        square = u256_double(square, m); /* 2^512 mod m */
    struct u256 x = u256_montgomery(base, square, m, inverse), result = one;
    for (unsigned i = 64; i-- > 0;) {
        result = u256_montgomery(result, result, m, inverse);
        if (exponent >> i & 1)
            result = u256_montgomery(result, x, m, inverse);
    }
    return u256_montgomery(result, (struct u256){ { 1, 0, 0, 0 } }, m, inverse);
}

#endif
