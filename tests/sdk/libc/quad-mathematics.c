/* quad-mathematics.c - the long double functions of math.h, as mathematics.c shows the others */
#define _GNU_SOURCE 1
#include <inttypes.h>
#include "quad.h"

static void
line(const char *name, quad x, quad y, quad result)
{
    uint64_t a[2], b[2], r[2] = { 0, 0x7fff800000000000 };

    memcpy(a, &x, sizeof a);
    memcpy(b, &y, sizeof b);
    if (result == result)
        memcpy(r, &result, sizeof r);
    printf("%sl %016" PRIx64 "%016" PRIx64 " %016" PRIx64 "%016" PRIx64 ": q %016" PRIx64
           "%016" PRIx64 "\n",
           name, a[1], a[0], b[1], b[0], r[1], r[0]);
}

static const struct {
    const char *name;
    quad (*function)(quad);
    int low, high;
} functions[] = {
    { "acos", Q(acos), -1, 1 },       { "asin", Q(asin), -1, 1 },
    { "atan", Q(atan), -50, 50 },     { "cos", Q(cos), -100, 100 },
    { "sin", Q(sin), -100, 100 },     { "tan", Q(tan), -100, 100 },
    { "cbrt", Q(cbrt), -1000, 1000 }, { "exp2", Q(exp2), -50, 50 },
    { "sqrt", Q(sqrt), 0, 1000 },     { "fabs", Q(fabs), -10, 10 },
    { "ceil", Q(ceil), -999, 999 },   { "floor", Q(floor), -999, 999 },
    { "trunc", Q(trunc), -999, 999 }, { "round", Q(round), -999, 999 },
    { "rint", Q(rint), -999, 999 },   { "nearbyint", Q(nearbyint), -9, 9 },
    { "logb", Q(logb), -999, 999 },
};

static const struct {
    const char *name;
    quad (*function)(quad, quad);
} pairs[] = {
    { "atan2", Q(atan2) }, { "copysign", Q(copysign) },   { "fdim", Q(fdim) },
    { "fmax", Q(fmax) },   { "fmin", Q(fmin) },           { "fmod", Q(fmod) },
    { "hypot", Q(hypot) }, { "nextafter", Q(nextafter) }, { "remainder", Q(remainder) },
};

static quad
between(quad low, quad high)
{
    return low + (high - low) * (quad)random_bits() / 18446744073709551616.0;
}

static quad
edge(unsigned i)
{
    static const uint64_t edges[][2] = {
        { 0, 0 },
        { 0x3fff000000000000, 0 },
        { 0x3ffe000000000000, 0 },
        { 0x3fff800000000000, 0 },
        { 0x4002400000000000, 0 },
        { 0, 1 },
        { 0x7fff000000000000, 0 },
        { 0x7fff800000000000, 0 },
        { 0x7ffeffffffffffff, ~0ull },
        { 0x406effffffffffff, ~0ull },
        { 0x3ffdffffffffffff, ~0ull },
    };

    return quad_of(edges[i / 2 % COUNT(edges)][0] | (uint64_t)(i % 2) << 63,
                   edges[i / 2 % COUNT(edges)][1]);
}
#define EDGES 22

int
main(void)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        for (unsigned k = 0; k < EDGES + 150; k++) {
            quad x = k < EDGES ? edge(k) : between(functions[i].low, functions[i].high);
            line(functions[i].name, x, 0, functions[i].function(x));
        }
    for (size_t i = 0; i < COUNT(pairs); i++)
        for (unsigned k = 0; k < EDGES * EDGES + 150; k++) {
            quad x = k < EDGES * EDGES ? edge(k / EDGES) : between(-1000, 1000);
            quad y = k < EDGES * EDGES ? edge(k % EDGES) : between(-1000, 1000);
            line(pairs[i].name, x, y, pairs[i].function(x, y));
        }
    for (unsigned k = 0; k < 200; k++) {
        quad x = random_quad(), y = random_quad(), z = random_quad(), whole;
        int exponent, scale = (int)(random_bits() % 33000) - 16500;
        line("fma", x, y, Q(fma)(x, y, z));
        line("ldexp", x, scale, Q(ldexp)(x, scale));
        line("scalbln", x, scale, Q(scalbln)(x, scale));
        line("frexp", x, 0, Q(frexp)(x, &exponent));
        line("frexp-exponent", x, 0, exponent);
        line("modf", x, 0, Q(modf)(x, &whole));
        line("modf-whole", x, 0, whole);
        line("ilogb", x, 0, Q(ilogb)(x));
        quad small = between(-1000000, 1000000);
        line("lround", small, 0, Q(lround)(small));
        line("llrint", small, 0, Q(llrint)(small));
    }
    return 0;
}
