/* int128.c - 128-bit integers: shifts, products, quotients
 *
 * Division goes by 64-bit digits where it can (Knuth's algorithm D with one or two digits).
 */
#include "wide.h"

uint128 RT(__udivmodti4)(uint128 a, uint128 b, uint128 *remainder);
uint128 RT(__udivti3)(uint128 a, uint128 b);
uint128 RT(__umodti3)(uint128 a, uint128 b);
int128 RT(__divti3)(int128 a, int128 b);
int128 RT(__modti3)(int128 a, int128 b);
int128 RT(__multi3)(int128 a, int128 b);
int128 RT(__muloti4)(int128 a, int128 b, int *overflow);
int128 RT(__ashlti3)(int128 a, int n);
int128 RT(__ashrti3)(int128 a, int n);
uint128 RT(__lshrti3)(uint128 a, int n);

uint128
RT(__udivmodti4)(uint128 a, uint128 b, uint128 *remainder)
{
    uint64_t a1 = high_of(a), a0 = low_of(a), b1 = high_of(b), b0 = low_of(b), rest;

    if (b1 == 0) {
        uint64_t q1 = a1 / b0;
        uint64_t q0 = divide_wide(a1 % b0, a0, b0, &rest);
        if (remainder)
            *remainder = rest;
        return join(q1, q0);
    }
    /* the quotient is one digit */
    unsigned shift = (unsigned)__builtin_clzll(b1);
    uint128 left = a >> (64 - shift);
    uint64_t quotient = divide_digit(&left, a0 << shift, b << shift);
    if (remainder)
        *remainder = left >> shift;
    return quotient;
}

uint128
RT(__udivti3)(uint128 a, uint128 b)
{
    return RT(__udivmodti4)(a, b, 0);
}

uint128
RT(__umodti3)(uint128 a, uint128 b)
{
    uint128 rest;

    RT(__udivmodti4)(a, b, &rest);
    return rest;
}

static inline uint128
magnitude(int128 x)
{
    return x < 0 ? -(uint128)x : (uint128)x;
}

int128
RT(__divti3)(int128 a, int128 b)
{
    uint128 q = RT(__udivmodti4)(magnitude(a), magnitude(b), 0);

    return (int128)((a < 0) != (b < 0) ? -q : q);
}

int128
RT(__modti3)(int128 a, int128 b)
{
    uint128 rest;

    RT(__udivmodti4)(magnitude(a), magnitude(b), &rest);
    return (int128)(a < 0 ? -rest : rest);
}

/* by 32-bit digits: a 64-bit one would be a product of 128 bits again */
int128
RT(__multi3)(int128 a, int128 b)
{
    uint64_t x = low_of((uint128)a), y = low_of((uint128)b);
    uint64_t x0 = x & 0xffffffff, x1 = x >> 32, y0 = y & 0xffffffff, y1 = y >> 32;
    uint64_t middle = x1 * y0 + (x0 * y0 >> 32), other = x0 * y1 + (middle & 0xffffffff);
    uint64_t high = x1 * y1 + (middle >> 32) + (other >> 32);

    high += x * high_of((uint128)b) + high_of((uint128)a) * y;
    return (int128)join(high, x * y);
}

/* the product, and whether it had no room */
int128
RT(__muloti4)(int128 a, int128 b, int *overflow)
{
    uint128 x = magnitude(a), y = magnitude(b), limit = ((uint128)1 << 127) - ((a < 0) == (b < 0));
    uint128 low = (uint128)low_of(x) * low_of(y);
    uint128 high = (uint128)high_of(x) * low_of(y) + (uint128)low_of(x) * high_of(y) + high_of(low);
    uint128 product = join(low_of(high), low_of(low));

    *overflow = (high_of(x) && high_of(y)) || high_of(high) || product > limit;
    return (int128)((a < 0) != (b < 0) ? -product : product);
}

int128
RT(__ashlti3)(int128 a, int n)
{
    uint64_t low = low_of((uint128)a), high = high_of((uint128)a);

    if (n & 64)
        return (int128)join(low << (n & 63), 0);
    return n & 63 ? (int128)join(high << n | low >> (64 - n), low << n) : a;
}

uint128
RT(__lshrti3)(uint128 a, int n)
{
    uint64_t low = low_of(a), high = high_of(a);

    if (n & 64)
        return join(0, high >> (n & 63));
    return n & 63 ? join(high >> n, low >> n | high << (64 - n)) : a;
}

int128
RT(__ashrti3)(int128 a, int n)
{
    uint64_t low = low_of((uint128)a);
    int64_t high = (int64_t)high_of((uint128)a);

    if (n & 64)
        return (int128)join((uint64_t)(high >> 63), (uint64_t)(high >> (n & 63)));
    return n & 63 ? (int128)join((uint64_t)(high >> n), low >> n | (uint64_t)high << (64 - n)) : a;
}
