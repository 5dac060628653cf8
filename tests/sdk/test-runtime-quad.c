/* test-runtime-quad.c - the SDK's `long double` (binary128) against libgcc's __float128, bit for
 * bit
 *
 * sdk/rt is compiled natively with a prefix on every name. NaNs are compared as NaNs. Every pair of
 * a table of edges, then random operands; conversions with every other type; then the same
 * operators, compiled for the guest.
 */
#include "link-test.h"
#include "rt.h"

#include <string.h>

quad rt__addtf3(quad, quad), rt__subtf3(quad, quad), rt__multf3(quad, quad), rt__divtf3(quad, quad),
    rt__negtf2(quad), rt__powitf2(quad, int);
int rt__eqtf2(quad, quad), rt__netf2(quad, quad), rt__lttf2(quad, quad), rt__letf2(quad, quad),
    rt__gttf2(quad, quad), rt__getf2(quad, quad), rt__unordtf2(quad, quad);
#define TO_INTEGERS(format, type)                                                                  \
    int32_t rt__fix##format##si(type);                                                             \
    int64_t rt__fix##format##di(type);                                                             \
    int128 rt__fix##format##ti(type);                                                              \
    uint32_t rt__fixuns##format##si(type);                                                         \
    uint64_t rt__fixuns##format##di(type);                                                         \
    uint128 rt__fixuns##format##ti(type);
TO_INTEGERS(sf, float)
TO_INTEGERS(df, double)
TO_INTEGERS(tf, quad)
quad rt__floatsitf(int32_t), rt__floatditf(int64_t), rt__floattitf(int128),
    rt__floatunsitf(uint32_t), rt__floatunditf(uint64_t), rt__floatuntitf(uint128);
double rt__floattidf(int128), rt__floatuntidf(uint128), rt__trunctfdf2(quad);
float rt__floattisf(int128), rt__floatuntisf(uint128), rt__trunctfsf2(quad);
quad rt__extendsftf2(float), rt__extenddftf2(double);
quad __powitf2(quad, int); /* libgcc's */

static guint64 state = 88172645463325252ull;

static guint64
random_bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dull;
}

static uint128
wide(guint64 high, guint64 low)
{
    return (uint128)high << 64 | low;
}

static quad
quad_of(uint128 bits)
{
    quad x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint128
bits_of(quad x)
{
    uint128 bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#define BIAS          16383
#define TOP(exponent) ((guint64)(exponent) << 48)

/* magnitudes: zero, the ends of the subnormal and the normal range, 1, infinity, a NaN, and what
 * lies at the limits of every type that a quad becomes */
static const struct {
    guint64 high, low;
} edges[] = {
    { 0, 0 },
    { 0, 1 },
    { 0, 2 },
    { 0, 3 },
    { 0, ~0ull },
    { 1, 0 },
    { TOP(1) - 1, ~0ull },
    { TOP(1), 0 },
    { TOP(1), 1 },
    { TOP(2), 0 },
    { TOP(114), 0 },
    { TOP(BIAS - 114), 1 },
    { TOP(BIAS - 113), 0 },
    { TOP(BIAS - 1), 0 },
    { TOP(BIAS) - 1, ~0ull },
    { TOP(BIAS), 0 },
    { TOP(BIAS), 1 },
    { TOP(BIAS) + (1ull << 47), 0 },
    { TOP(BIAS + 1), 0 },
    { TOP(BIAS + 30) | 0xfffffffe0000, 0 },
    { TOP(BIAS + 31), 0 },
    { TOP(BIAS + 31) | 0xffffffff0000, 0 },
    { TOP(BIAS + 62) | 0xffffffffffff, 0xfffc000000000000 },
    { TOP(BIAS + 63), 0 },
    { TOP(BIAS + 63) | 0xffffffffffff, 0xfffe000000000000 },
    { TOP(BIAS + 112), 1 },
    { TOP(BIAS + 113), 1 },
    { TOP(BIAS + 126) | 0xffffffffffff, ~0ull },
    { TOP(BIAS + 127), 0 },
    { TOP(BIAS + 127) | 0xffffffffffff, ~0ull },
    { TOP(BIAS - 149), 0 },                      /* float: the smallest, */
    { TOP(BIAS - 150), 0 },                      /* half of it, */
    { TOP(BIAS - 150), 1 },                      /* a bit more, */
    { TOP(BIAS - 127) | 0xffffffffffff, ~0ull }, /* near the smallest normal one, */
    { TOP(BIAS + 127) | 0xfffffe000000, 0 },     /* the largest, */
    { TOP(BIAS + 127) | 0xfffffeffffff, ~0ull }, /* rounded to it, */
    { TOP(BIAS + 127) | 0xffffff000000, 0 },     /* halfway to infinity */
    { TOP(BIAS - 1074), 0 },                     /* double: the same */
    { TOP(BIAS - 1075), 0 },
    { TOP(BIAS - 1075), 1 },
    { TOP(BIAS - 1023) | 0xffffffffffff, ~0ull },
    { TOP(BIAS + 1023) | 0xffffffffffff, 0xf000000000000000 },
    { TOP(BIAS + 1023) | 0xffffffffffff, 0xf7ffffffffffffff },
    { TOP(BIAS + 1023) | 0xffffffffffff, 0xf800000000000000 },
    { TOP(BIAS), 0x0800000000000000 }, /* ties of double */
    { TOP(BIAS), 0x1800000000000000 },
    { TOP(BIAS) | 0x1000000, 0 }, /* and of float */
    { TOP(BIAS) | 0x3000000, 0 },
    { TOP(32766) | 0xffffffffffff, ~0ull },
    { TOP(32767), 0 },
    { TOP(32767) | 1ull << 47, 0 },
};

static quad
edge(guint i)
{
    return quad_of(wide(edges[i / 2].high | (guint64)(i % 2) << 63, edges[i / 2].low));
}

/* near to the edges more often than not: exponents close to each other, few bits, subnormals */
static quad
random_quad(void)
{
    guint64 high = random_bits(), low = random_bits(), choice = random_bits();
    uint128 bits = wide(high, low);

    switch (choice % 8) {
    case 0:
        return edge((guint)(choice / 8 % (2 * G_N_ELEMENTS(edges))));
    case 1:
    case 2: /* around 1 */
        bits = wide((high & 0x8000ffffffffffff) | TOP(BIAS - 120 + choice / 8 % 240), low);
        break;
    case 3: /* few bits, at the top */
        bits &= ~(uint128)0 << choice / 8 % 112;
        break;
    case 4: /* runs of ones and of zeros */
        bits ^= (uint128)(int128)(choice & 8 ? -1 : 0) >> (16 + choice / 16 % 112);
        break;
    case 5: /* subnormal, and products that become so */
        bits =
            wide((high & 0x8000ffffffffffff) | TOP(choice & 8 ? 0 : 8100 + choice / 16 % 200), low);
        bits = choice & 8 ? bits & (wide(1ull << 63, 0) | (((uint128)1 << choice / 16 % 113) - 1))
                          : bits;
        break;
    }
    return quad_of(bits);
}

static gboolean
same(quad a, quad b)
{
    return bits_of(a) == bits_of(b) || (a != a && b != b);
}

static void
fail(const char *what, quad a, quad b)
{
    uint128 x = bits_of(a), y = bits_of(b);

    g_error("%s of %016" G_GINT64_MODIFIER "x:%016" G_GINT64_MODIFIER "x and %016" G_GINT64_MODIFIER
            "x:%016" G_GINT64_MODIFIER "x",
            what, (guint64)(x >> 64), (guint64)x, (guint64)(y >> 64), (guint64)y);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(#condition, a, b);                                                                \
    } while (0)

static void
check_arithmetic(quad a, quad b)
{
    CHECK(same(rt__addtf3(a, b), a + b));
    CHECK(same(rt__subtf3(a, b), a - b));
    CHECK(same(rt__multf3(a, b), a * b));
    CHECK(same(rt__divtf3(a, b), a / b));
    CHECK(bits_of(rt__negtf2(a)) == (bits_of(a) ^ (uint128)1 << 127));
    CHECK((rt__eqtf2(a, b) == 0) == (a == b));
    CHECK((rt__netf2(a, b) != 0) == (a != b));
    CHECK((rt__lttf2(a, b) < 0) == (a < b));
    CHECK((rt__letf2(a, b) <= 0) == (a <= b));
    CHECK((rt__gttf2(a, b) > 0) == (a > b));
    CHECK((rt__getf2(a, b) >= 0) == (a >= b));
    CHECK(!rt__unordtf2(a, b) == !__builtin_isunordered(a, b));
}

/* what lies outside an integer's range is undefined natively; here it is the nearest one, and 0 for
 * a NaN */
#define CHECK_INTEGER(function, x, type, least, most)                                              \
    CHECK(function(x) == ((x) != (x)             ? 0                                               \
                          : (x) <= (quad)(least) ? (least)                                         \
                          : (x) >= (quad)(most)  ? (most)                                          \
                                                 : (type)(x)))
#define CHECK_INTEGERS(format, x)                                                                  \
    CHECK_INTEGER(rt__fix##format##si, x, int32_t, INT32_MIN, INT32_MAX);                          \
    CHECK_INTEGER(rt__fix##format##di, x, int64_t, INT64_MIN, INT64_MAX);                          \
    CHECK_INTEGER(rt__fix##format##ti, x, int128, -(int128)((uint128)-1 / 2) - 1,                  \
                  (int128)((uint128)-1 / 2));                                                      \
    CHECK_INTEGER(rt__fixuns##format##si, x, uint32_t, 0, UINT32_MAX);                             \
    CHECK_INTEGER(rt__fixuns##format##di, x, uint64_t, 0, UINT64_MAX);                             \
    CHECK_INTEGER(rt__fixuns##format##ti, x, uint128, (uint128)0, (uint128)-1)

static void
check_conversions(quad a)
{
    quad b = 0;
    float f = (float)a;
    double d = (double)a;

    CHECK(same(rt__trunctfsf2(a), f) && same(rt__trunctfdf2(a), d)); /* the sign of a zero, too */
    CHECK(same(rt__extendsftf2(f), (quad)f) && same(rt__extenddftf2(d), (quad)d));
    CHECK_INTEGERS(sf, f);
    CHECK_INTEGERS(df, d);
    CHECK_INTEGERS(tf, a);
}

static void
check_from_integer(uint128 x)
{
    quad a = quad_of(x), b = 0;

    CHECK(same(rt__floatuntitf(x), (quad)x) && same(rt__floattitf((int128)x), (quad)(int128)x));
    CHECK(same(rt__floatunditf((uint64_t)x), (quad)(uint64_t)x));
    CHECK(same(rt__floatditf((int64_t)x), (quad)(int64_t)x));
    CHECK(same(rt__floatunsitf((uint32_t)x), (quad)(uint32_t)x));
    CHECK(same(rt__floatsitf((int32_t)x), (quad)(int32_t)x));
    CHECK(rt__floatuntidf(x) == (double)x && rt__floattidf((int128)x) == (double)(int128)x);
    CHECK(rt__floatuntisf(x) == (float)x && rt__floattisf((int128)x) == (float)(int128)x);
}

static void
test_edges(void)
{
    for (guint i = 0; i < 2 * G_N_ELEMENTS(edges); i++) {
        check_conversions(edge(i));
        for (guint j = 0; j < 2 * G_N_ELEMENTS(edges); j++)
            check_arithmetic(edge(i), edge(j));
    }
}

static void
test_random(void)
{
    for (guint i = 0; i < 500000; i++)
        check_arithmetic(random_quad(), random_quad());
}

static void
test_conversions(void)
{
    for (guint i = 0; i < 500000; i++) {
        quad a = random_quad();
        int to = (int)(random_bits() %
                       3); /* the exponents that matter for float and for integers, too */
        if (to)
            a = quad_of((bits_of(a) & ~wide(TOP(32767), 0)) |
                        wide(TOP(BIAS - 152 + (int)(random_bits() % 304)), 0));
        check_conversions(a);
        uint128 x = wide(random_bits(), random_bits()) >> random_bits() % 128;
        check_from_integer(random_bits() % 4 ? x : ~x);
    }
}

static void
test_powers(void)
{
    for (guint i = 0; i < 20000; i++) {
        quad a = random_quad(), b = 0;
        int n = (int)(random_bits() % 41) - 20;
        CHECK(same(rt__powitf2(a, n), __powitf2(a, n)));
    }
}

/* the same operators, compiled for the guest and natively; a quad is a union of two words */
#define OPERATORS(result, a, b, small, operation)                                                  \
    switch (operation) {                                                                           \
    case 0:                                                                                        \
        result.q = a.q + b;                                                                        \
        break;                                                                                     \
    case 1:                                                                                        \
        result.q = b - a.q;                                                                        \
        break;                                                                                     \
    case 2:                                                                                        \
        result.q = a.q * b;                                                                        \
        break;                                                                                     \
    case 3:                                                                                        \
        result.q = b / a.q;                                                                        \
        break;                                                                                     \
    case 4:                                                                                        \
        result.u[0] = (a.q < b) + 2 * (a.q == b) + 4 * (a.q >= b) + 8 * (a.q != a.q);              \
        break;                                                                                     \
    case 5:                                                                                        \
        result.q = (quad)(double)a.q + (float)b;                                                   \
        break;                                                                                     \
    case 6:                                                                                        \
        result.q = (quad)(__int128)(b * 1099511627776) - a.q;                                      \
        break;                                                                                     \
    case 7:                                                                                        \
        result.q = (quad)((unsigned __int128)small * small) / 7;                                   \
        break;                                                                                     \
    }
#define TEXT_(...) #__VA_ARGS__
#define TEXT(...)  TEXT_(__VA_ARGS__)

static void
test_in_a_guest(void)
{
    static const char source[] =
        "#include <nub-guest.h>\n"
        "typedef long double quad;\n"
        "NUB_EXPORT uint64_t f(uint64_t low, uint64_t high, uint64_t small, uint64_t op) {\n"
        "  union { uint64_t u[2]; quad q; } a = { { low, high } }, r = { { 0, 0 } };\n"
        "  quad b = (quad)(int64_t)small / 3;\n" TEXT(
            OPERATORS(r, a, b, small, op / 2)) "  return r.u[op % 2]; }\n";
    union {
        guint64 u[2];
        quad q;
    } a, want, got;

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("f.c", source, "-O1");
    g_autoptr(LinkProgram) program = link_test_load(elf);
    for (guint i = 0; i < 8000; i++) {
        guint64 small = random_bits() >> random_bits() % 64;
        quad b = (quad)(gint64)small / 3;
        a.q = random_quad();
        want.q = 0;
        OPERATORS(want, a, b, small, i % 8)
        for (guint word = 0; word < 2; word++)
            got.u[word] = link_test_call(program, 0, a.u[0], a.u[1], small, i % 8 * 2 + word);
        if (i % 8 == 4 ? got.u[0] != want.u[0] : !same(got.q, want.q))
            fail("an operator in a guest", a.q, b);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdk/runtime/quad/every-pair-of-edges-is-bit-exact", test_edges);
    g_test_add_func("/sdk/runtime/quad/arithmetic-is-bit-exact", test_random);
    g_test_add_func("/sdk/runtime/quad/conversions-are-bit-exact", test_conversions);
    g_test_add_func("/sdk/runtime/quad/powers-are-bit-exact", test_powers);
    g_test_add_func("/sdk/runtime/quad/a-guest-computes-the-same", test_in_a_guest);
    return g_test_run();
}
