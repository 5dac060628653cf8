/* test-runtime.c - the SDK's 128-bit and floating-point functions against this machine's own, bit
 * for bit
 *
 * sdk/rt is compiled natively with a prefix on every name. NaNs are compared as NaNs: which of them
 * an operation makes is the machine's choice. Then the same functions run as a guest program.
 */
#include "link-test.h"
#include "rt.h"

#include <math.h>
#include <string.h>

float rt__addsf3(float, float), rt__subsf3(float, float), rt__mulsf3(float, float),
    rt__divsf3(float, float);
double rt__adddf3(double, double), rt__subdf3(double, double), rt__muldf3(double, double),
    rt__divdf3(double, double);
int rt__eqsf2(float, float), rt__ltsf2(float, float), rt__lesf2(float, float),
    rt__gtsf2(float, float), rt__gesf2(float, float), rt__unordsf2(float, float);
int rt__eqdf2(double, double), rt__ltdf2(double, double), rt__ledf2(double, double),
    rt__gtdf2(double, double), rt__gedf2(double, double), rt__unorddf2(double, double);
int32_t rt__fixsfsi(float), rt__fixdfsi(double);
int64_t rt__fixsfdi(float), rt__fixdfdi(double);
uint64_t rt__fixunssfdi(float), rt__fixunsdfdi(double);
float rt__floatdisf(int64_t), rt__floatundisf(uint64_t), rt__floatsisf(int32_t),
    rt__truncdfsf2(double);
double rt__floatdidf(int64_t), rt__floatundidf(uint64_t), rt__floatunsidf(uint32_t),
    rt__extendsfdf2(float);
uint128 rt__udivti3(uint128, uint128), rt__umodti3(uint128, uint128), rt__lshrti3(uint128, int);
int128 rt__divti3(int128, int128), rt__modti3(int128, int128), rt__multi3(int128, int128),
    rt__ashlti3(int128, int), rt__ashrti3(int128, int), rt__muloti4(int128, int128, int *);
float rt__powisf2(float, int);
double rt__powidf2(double, int);

static guint64 state = 88172645463325252ull;

static guint64
random_bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dull;
}

/* near to the edges more often than not: exponents close to each other, few bits, special values */
static double
random_double(void)
{
    static const guint64 special[] = {
        0, 1ull << 63,         0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
        1, 0x000fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x3ff0000000000000
    };
    guint64 bits = random_bits();
    double x;

    if (bits % 16 == 0)
        bits = special[bits / 16 % G_N_ELEMENTS(special)];
    else if (bits % 4 == 0)
        bits = (bits & 0x800fffffffffffff) | (1000 + bits / 16 % 60) << 52;
    else if (bits % 4 == 1)
        bits &= ~0ull << (random_bits() % 52);
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float
random_float(void)
{
    static const guint32 special[] = { 0, 1u << 31,   0x7f800000, 0xff800000, 0x7fc00000,
                                       1, 0x007fffff, 0x00800000, 0x7f7fffff, 0x3f800000 };
    guint32 bits = (guint32)random_bits();
    float x;

    if (bits % 16 == 0)
        bits = special[bits / 16 % G_N_ELEMENTS(special)];
    else if (bits % 4 == 0)
        bits = (bits & 0x807fffff) | (110 + bits / 16 % 30) << 23;
    else if (bits % 4 == 1)
        bits &= ~0u << (random_bits() % 23);
    memcpy(&x, &bits, sizeof x);
    return x;
}

#define ASSERT_SAME(got, want)                                                                     \
    do {                                                                                           \
        typeof(want) g_ = (got), w_ = (want);                                                      \
        if (memcmp(&g_, &w_, sizeof g_) != 0 && !(isnan((double)g_) && isnan((double)w_)))         \
            g_error("%s: %a instead of %a, of %a and %a", #got, (double)g_, (double)w_, (double)a, \
                    (double)b);                                                                    \
    } while (0)

static void
test_float(void)
{
    for (unsigned i = 0; i < 1000000; i++) {
        float a = random_float(), b = random_float();
        ASSERT_SAME(rt__addsf3(a, b), a + b);
        ASSERT_SAME(rt__subsf3(a, b), a - b);
        ASSERT_SAME(rt__mulsf3(a, b), a * b);
        ASSERT_SAME(rt__divsf3(a, b), a / b);
        g_assert_true((rt__eqsf2(a, b) == 0) == (a == b) && (rt__ltsf2(a, b) < 0) == (a < b));
        g_assert_true((rt__lesf2(a, b) <= 0) == (a <= b) && (rt__gtsf2(a, b) > 0) == (a > b));
        g_assert_true((rt__gesf2(a, b) >= 0) == (a >= b) &&
                      !rt__unordsf2(a, b) == !isunordered(a, b));
        ASSERT_SAME(rt__extendsfdf2(a), (double)a);
        ASSERT_SAME(rt__powisf2(a, (int)(i % 64) - 32), __builtin_powif(a, (int)(i % 64) - 32));
        if (fabsf(a) < 2e9f)
            g_assert_cmpint(rt__fixsfsi(a), ==, (int32_t)a);
        if (fabsf(a) < 9e18f)
            g_assert_cmpint(rt__fixsfdi(a), ==, (int64_t)a);
        if (a >= 0 && a < 1.8e19f)
            g_assert_cmpuint(rt__fixunssfdi(a), ==, (uint64_t)a);
    }
}

static void
test_double(void)
{
    for (unsigned i = 0; i < 1000000; i++) {
        double a = random_double(), b = random_double();
        ASSERT_SAME(rt__adddf3(a, b), a + b);
        ASSERT_SAME(rt__subdf3(a, b), a - b);
        ASSERT_SAME(rt__muldf3(a, b), a * b);
        ASSERT_SAME(rt__divdf3(a, b), a / b);
        g_assert_true((rt__eqdf2(a, b) == 0) == (a == b) && (rt__ltdf2(a, b) < 0) == (a < b));
        g_assert_true((rt__ledf2(a, b) <= 0) == (a <= b) && (rt__gtdf2(a, b) > 0) == (a > b));
        g_assert_true((rt__gedf2(a, b) >= 0) == (a >= b) &&
                      !rt__unorddf2(a, b) == !isunordered(a, b));
        ASSERT_SAME(rt__truncdfsf2(a), (float)a);
        ASSERT_SAME(rt__powidf2(a, (int)(i % 64) - 32), __builtin_powi(a, (int)(i % 64) - 32));
        if (fabs(a) < 2e9)
            g_assert_cmpint(rt__fixdfsi(a), ==, (int32_t)a);
        if (fabs(a) < 9e18)
            g_assert_cmpint(rt__fixdfdi(a), ==, (int64_t)a);
        if (a >= 0 && a < 1.8e19)
            g_assert_cmpuint(rt__fixunsdfdi(a), ==, (uint64_t)a);
    }
}

static void
test_from_integers(void)
{
    for (unsigned i = 0; i < 1000000; i++) {
        guint64 a = random_bits() >> (random_bits() % 64), b = 0;
        ASSERT_SAME(rt__floatdisf((int64_t)a), (float)(int64_t)a);
        ASSERT_SAME(rt__floatundisf(a), (float)a);
        ASSERT_SAME(rt__floatsisf((int32_t)a), (float)(int32_t)a);
        ASSERT_SAME(rt__floatdidf((int64_t)a), (double)(int64_t)a);
        ASSERT_SAME(rt__floatundidf(a), (double)a);
        ASSERT_SAME(rt__floatunsidf((uint32_t)a), (double)(uint32_t)a);
    }
}

/* any size; sometimes with runs of ones and zeros, where a guessed digit of a quotient is too high
 */
static uint128
random_wide(void)
{
    uint128 x = (uint128)random_bits() << 64 | random_bits();

    x >>= random_bits() % 128;
    switch (random_bits() % 8) {
    case 0:
        return x | (uint128)~0ull << (random_bits() % 64);
    case 1:
        return (uint128)-1 << random_bits() % 128 ^ x >> random_bits() % 128;
    case 2:
        return (uint128)1 << random_bits() % 128;
    case 3:
        return -x;
    default:
        return x;
    }
}

static void
test_int128(void)
{
    for (unsigned i = 0; i < 1000000; i++) {
        uint128 a = random_wide(), b = random_wide();
        int n = (int)(random_bits() % 128);
        int128 sa = (int128)a, sb = (int128)b, product;
        int overflow;
        g_assert_true(rt__multi3(sa, sb) == (int128)(a * b));
        g_assert_true(rt__muloti4(sa, sb, &overflow) == (int128)(a * b));
        g_assert_cmpint(overflow, ==, __builtin_mul_overflow(sa, sb, &product));
        g_assert_true(rt__ashlti3(sa, n) == (int128)(a << n));
        g_assert_true(rt__ashrti3(sa, n) == sa >> n && rt__lshrti3(a, n) == a >> n);
        if (b == 0)
            continue;
        g_assert_true(rt__udivti3(a, b) == a / b && rt__umodti3(a, b) == a % b);
        if (sb != -1)
            g_assert_true(rt__divti3(sa, sb) == sa / sb && rt__modti3(sa, sb) == sa % sb);
    }
}

/* the same arithmetic, compiled for the guest: it reaches the runtime by the compiler's own calls
 */
static void
test_in_a_guest(void)
{
    static const char source[] =
        "#include <nub-guest.h>\n"
        "union d { uint64_t u; double d; };\n"
        "NUB_EXPORT uint64_t f(uint64_t x, uint64_t y, uint64_t op) {\n"
        "  union d a = { x }, b = { y }, r = { 0 };\n"
        "  unsigned __int128 w = (unsigned __int128)x << 64 | y;\n"
        "  switch (op) {\n"
        "  case 0: r.d = a.d + b.d; break;\n  case 1: r.d = a.d * b.d; break;\n"
        "  case 2: r.d = a.d / b.d; break;\n  case 3: return (a.d < b.d) + 2 * (a.d == b.d) + 4 * "
        "(a.d >= b.d);\n"
        "  case 4: r.d = (double)x - (double)(float)a.d; break;\n"
        "  case 5: return (uint64_t)(w / (x ^ 0x123456789)) ^ (uint64_t)(w % (y | 1));\n"
        "  case 6: return (uint64_t)(w >> (x & 127)) + (uint64_t)(w * w >> 64);\n"
        "  } return r.u; }\n";
    union d {
        guint64 u;
        double d;
    };

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("f.c", source, "-O1");
    g_autoptr(LinkProgram) program = link_test_load(elf);
    for (unsigned i = 0; i < 7000; i++) {
        union d a = { .d = random_double() }, b = { .d = random_double() }, want = { 0 }, got;
        uint128 w = (uint128)a.u << 64 | b.u;
        switch (i % 7) {
        case 0:
            want.d = a.d + b.d;
            break;
        case 1:
            want.d = a.d * b.d;
            break;
        case 2:
            want.d = a.d / b.d;
            break;
        case 3:
            want.u = (guint64)((a.d < b.d) + 2 * (a.d == b.d) + 4 * (a.d >= b.d));
            break;
        case 4:
            want.d = (double)a.u - (double)(float)a.d;
            break;
        case 5:
            want.u = (guint64)(w / (a.u ^ 0x123456789)) ^ (guint64)(w % (b.u | 1));
            break;
        case 6:
            want.u = (guint64)(w >> (a.u & 127)) + (guint64)(w * w >> 64);
            break;
        }
        got.u = link_test_call(program, 0, a.u, b.u, i % 7, 0);
        if (got.u != want.u && !(isnan(got.d) && isnan(want.d)))
            g_error("operation %u of %a and %a: %a instead of %a", i % 7, a.d, b.d, got.d, want.d);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdk/runtime/float-is-bit-exact", test_float);
    g_test_add_func("/sdk/runtime/double-is-bit-exact", test_double);
    g_test_add_func("/sdk/runtime/conversions-from-integers-are-bit-exact", test_from_integers);
    g_test_add_func("/sdk/runtime/int128-is-exact", test_int128);
    g_test_add_func("/sdk/runtime/a-guest-computes-the-same", test_in_a_guest);
    return g_test_run();
}
