/* mathematics.c - math.h: one line for each result, "function argument argument: bits"
 *
 * The test compares the lines with those of the native library: exactly where the standard says
 * what a result is, else by the distance of the bits.
 */
#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include "common.h"

/* arguments: the edges, then random ones of a range in which the function does something */
static const double edges[] = { 0.0,
                                -0.0,
                                1,
                                -1,
                                0.5,
                                -0.5,
                                1.5,
                                2.5,
                                2,
                                10,
                                100,
                                1e10,
                                1e-10,
                                5e-324,
                                2.2250738585072014e-308,
                                1.7976931348623157e308,
                                4503599627370495.5,
                                9007199254740994,
                                0.49999999999999994,
                                -INFINITY,
                                INFINITY,
                                NAN };

static double
between(double low, double high)
{
    return low + (high - low) * ((double)(random_bits() >> 11) * 0x1p-53);
}

static void
line(const char *name, double x, double y, double result)
{
    printf("%s %016" PRIx64 " %016" PRIx64 ": d %016" PRIx64 "\n", name, bits_of_double(x),
           bits_of_double(y), isnan(result) ? 0x7ff8000000000000 : bits_of_double(result));
}

static void
line_float(const char *name, float x, float y, float result)
{
    uint32_t bits;

    memcpy(&bits, &result, sizeof bits);
    printf("%sf %016" PRIx64 " %016" PRIx64 ": f %08" PRIx32 "\n", name, bits_of_double(x),
           bits_of_double(y), isnan(result) ? 0x7fc00000 : bits);
}

static const struct {
    const char *name;
    double (*function)(double);
    float (*function_float)(float);
    double low, high;
} functions[] = {
    { "acos", acos, acosf, -1, 1 },
    { "asin", asin, asinf, -1, 1 },
    { "atan", atan, atanf, -50, 50 },
    { "cos", cos, cosf, -100, 100 },
    { "sin", sin, sinf, -100, 100 },
    { "tan", tan, tanf, -100, 100 },
    { "cosh", cosh, coshf, -20, 20 },
    { "sinh", sinh, sinhf, -20, 20 },
    { "tanh", tanh, tanhf, -5, 5 },
    { "acosh", acosh, acoshf, 1, 100 },
    { "asinh", asinh, asinhf, -50, 50 },
    { "atanh", atanh, atanhf, -1, 1 },
    { "exp", exp, expf, -50, 50 },
    { "exp2", exp2, exp2f, -50, 50 },
    { "expm1", expm1, expm1f, -5, 5 },
    { "log", log, logf, 0, 1000 },
    { "log10", log10, log10f, 0, 1000 },
    { "log1p", log1p, log1pf, -1, 10 },
    { "log2", log2, log2f, 0, 1000 },
    { "logb", logb, logbf, -1e9, 1e9 },
    { "cbrt", cbrt, cbrtf, -1e6, 1e6 },
    { "sqrt", sqrt, sqrtf, 0, 1e6 },
    { "fabs", fabs, fabsf, -10, 10 },
    { "ceil", ceil, ceilf, -1000, 1000 },
    { "floor", floor, floorf, -99, 99 },
    { "trunc", trunc, truncf, -99, 99 },
    { "round", round, roundf, -99, 99 },
    { "rint", rint, rintf, -99, 99 },
    { "nearbyint", nearbyint, nearbyintf, -99, 99 },
    { "erf", erf, erff, -3, 3 },
    { "erfc", erfc, erfcf, -3, 10 },
    { "tgamma", tgamma, tgammaf, 0, 30 },
    { "lgamma", lgamma, lgammaf, 2.5, 300 },
    { "j0", j0, j0f, 0, 2 },
    { "j1", j1, j1f, 0, 3 },
};

static const struct {
    const char *name;
    double (*function)(double, double);
    float (*function_float)(float, float);
    double low, high;
} pairs[] = {
    { "atan2", atan2, atan2f, -10, 10 },
    { "copysign", copysign, copysignf, -9, 9 },
    { "fdim", fdim, fdimf, -9, 9 },
    { "fmax", fmax, fmaxf, -9, 9 },
    { "fmin", fmin, fminf, -9, 9 },
    { "fmod", fmod, fmodf, -1000, 1000 },
    { "hypot", hypot, hypotf, -1000, 1000 },
    { "nextafter", nextafter, nextafterf, -9, 9 },
    { "pow", pow, powf, 0, 20 },
    { "remainder", remainder, remainderf, -1000, 1000 },
};

static void
of_one(void)
{
    for (size_t i = 0; i < COUNT(functions); i++)
        for (size_t k = 0; k < COUNT(edges) + 150; k++) {
            double x = k < COUNT(edges) ? edges[k] : between(functions[i].low, functions[i].high);
            line(functions[i].name, x, 0, functions[i].function(x));
            if (k < COUNT(edges) && (float)x != x)
                continue;
            line_float(functions[i].name, (float)x, 0, functions[i].function_float((float)x));
        }
}

static void
of_two(void)
{
    for (size_t i = 0; i < COUNT(pairs); i++) {
        for (size_t k = 0; k < COUNT(edges) * COUNT(edges); k++)
            line(pairs[i].name, edges[k / COUNT(edges)], edges[k % COUNT(edges)],
                 pairs[i].function(edges[k / COUNT(edges)], edges[k % COUNT(edges)]));
        for (unsigned k = 0; k < 150; k++) {
            double x = between(pairs[i].low, pairs[i].high),
                   y = between(pairs[i].low, pairs[i].high);
            line(pairs[i].name, x, y, pairs[i].function(x, y));
            line_float(pairs[i].name, (float)x, (float)y,
                       pairs[i].function_float((float)x, (float)y));
        }
    }
}

static void
others(void)
{
    for (unsigned k = 0; k < 400; k++) {
        double x = random_double(), y = random_double(), z = random_double(), whole;
        int exponent, quotient;
        int scale = (int)(random_bits() % 2200) - 1100;
        line("fma", x, y, fma(x, y, z));
        line("ldexp", x, scale, ldexp(x, scale));
        line("scalbn", x, scale, scalbn(x, scale));
        line("frexp", x, 0, frexp(x, &exponent));
        line("frexp-exponent", x, 0, x != 0 ? exponent : 0);
        line("modf", x, 0, modf(x, &whole));
        line("modf-whole", x, 0, whole);
        line("ilogb", x, 0, x != 0 ? ilogb(x) : 0);
        double small = between(-1e6, 1e6), step = between(0.1, 10);
        line("remquo", small, step, remquo(small, step, &quotient));
        line("remquo-low", small, step, quotient & 7);
        line("lround", small, 0, (double)lround(small));
        line("llrint", small, 0, (double)llrint(small));
        int class = fpclassify(x);
        line("fpclassify", x, 0,
             class == FP_NORMAL      ? 1
             : class == FP_SUBNORMAL ? 2
             : class == FP_ZERO      ? 3
                                     : 4);
        line("signbit", x, 0, signbit(x) != 0);
    }
}

/* a guest rounds to nearest and says so */
static void
rounding(void)
{
#ifdef __riscv
    int up = fesetround(FE_UPWARD) == 0;
#else
    int up = 0;
#endif
    line("fesetround", up, fegetround() == FE_TONEAREST, fesetround(FE_TONEAREST));
}

int
main(void)
{
    rounding();
    of_one();
    of_two();
    others();
    return 0;
}
