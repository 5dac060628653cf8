/* semantics.h - the helpers of pvm.md 0 that semantics.def speaks in
 *
 * No expression here is undefined in C: shift counts are reduced by the caller, divisions are
 * tested for zero and overflow first. The compiler folds the tests into one instruction where the
 * machine has one.
 */
#ifndef NUB_LOCAL_SEMANTICS_H
#define NUB_LOCAL_SEMANTICS_H

#include <stdint.h>

static inline uint64_t
sx8(uint64_t x)
{
    return (uint64_t)(int64_t)(int8_t)x;
}

static inline uint64_t
sx16(uint64_t x)
{
    return (uint64_t)(int64_t)(int16_t)x;
}

static inline uint64_t
sx32(uint64_t x)
{
    return (uint64_t)(int64_t)(int32_t)x;
}

/* gcc and clang define >> of a negative number as arithmetic */
static inline uint64_t
sar64(uint64_t x, unsigned n)
{
    return (uint64_t)((int64_t)x >> n);
}

static inline uint64_t
sar32(uint64_t x, unsigned n)
{
    return (uint64_t)(int64_t)((int32_t)x >> n);
}

static inline uint64_t
ror64(uint64_t x, unsigned n)
{
    return x >> n | x << (-n & 63);
}

static inline uint64_t
rol64(uint64_t x, unsigned n)
{
    return x << n | x >> (-n & 63);
}

static inline uint32_t
ror32(uint32_t x, unsigned n)
{
    return x >> n | x << (-n & 31);
}

static inline uint32_t
rol32(uint32_t x, unsigned n)
{
    return x << n | x >> (-n & 31);
}

static inline uint64_t
clz64(uint64_t x)
{
    return x ? (uint64_t)__builtin_clzll(x) : 64;
}

static inline uint64_t
clz32(uint32_t x)
{
    return x ? (uint64_t)__builtin_clz(x) : 32;
}

static inline uint64_t
ctz64(uint64_t x)
{
    return x ? (uint64_t)__builtin_ctzll(x) : 64;
}

static inline uint64_t
ctz32(uint32_t x)
{
    return x ? (uint64_t)__builtin_ctz(x) : 32;
}

static inline uint64_t
mulh_uu(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

static inline uint64_t
mulh_ss(uint64_t a, uint64_t b)
{
    return (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
}

static inline uint64_t
mulh_su(uint64_t a, uint64_t b)
{
    return mulh_uu(a, b) - ((int64_t)a < 0 ? b : 0);
}

static inline uint64_t
div_u_32(uint64_t a, uint64_t b)
{
    return (uint32_t)b == 0 ? UINT64_MAX : sx32((uint32_t)a / (uint32_t)b);
}

static inline uint64_t
div_s_32(uint64_t a, uint64_t b)
{
    if ((uint32_t)b == 0)
        return UINT64_MAX;
    if ((int32_t)b == -1)
        return sx32(0 - a);
    return (uint64_t)(int64_t)((int32_t)a / (int32_t)b);
}

static inline uint64_t
rem_u_32(uint64_t a, uint64_t b)
{
    return sx32((uint32_t)b == 0 ? a : (uint32_t)a % (uint32_t)b);
}

static inline uint64_t
rem_s_32(uint64_t a, uint64_t b)
{
    if ((uint32_t)b == 0)
        return sx32(a);
    return (int32_t)b == -1 ? 0 : (uint64_t)(int64_t)((int32_t)a % (int32_t)b);
}

static inline uint64_t
div_u_64(uint64_t a, uint64_t b)
{
    return b == 0 ? UINT64_MAX : a / b;
}

static inline uint64_t
div_s_64(uint64_t a, uint64_t b)
{
    if (b == 0)
        return UINT64_MAX;
    return (int64_t)b == -1 ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
}

static inline uint64_t
rem_u_64(uint64_t a, uint64_t b)
{
    return b == 0 ? a : a % b;
}

static inline uint64_t
rem_s_64(uint64_t a, uint64_t b)
{
    if (b == 0)
        return a;
    return (int64_t)b == -1 ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

#endif
