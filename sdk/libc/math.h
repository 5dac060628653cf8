/* math.h - newlib's, and the functions of long double, which it declares only where that is a double
 *
 * They are musl's (third-party/musl.cmake), those whose results have a long double's precision: not
 * there are acosh, asinh, atanh, cosh, erf, exp, expm1, lgamma, log and its kin, pow, sinh, tanh and tgamma.
 */
#ifndef NUB_MATH_H
#define NUB_MATH_H

#include <newlib-math.h>

/* by way of the compiler, which knows every format: newlib's know float and double */
#undef fpclassify
#undef isfinite
#undef isinf
#undef isnan
#undef isnormal
#define fpclassify(x) __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x)
#define isfinite(x) __builtin_isfinite(x)
#define isinf(x) __builtin_isinf_sign(x)
#define isnan(x) __builtin_isnan(x)
#define isnormal(x) __builtin_isnormal(x)

#ifdef __cplusplus
extern "C" {
#endif

long double acosl(long double);
long double asinl(long double);
long double atan2l(long double, long double);
long double atanl(long double);
long double cbrtl(long double);
long double ceill(long double);
long double copysignl(long double, long double);
long double cosl(long double);
long double exp2l(long double);
long double fabsl(long double);
long double fdiml(long double, long double);
long double floorl(long double);
long double fmal(long double, long double, long double);
long double fmaxl(long double, long double);
long double fminl(long double, long double);
long double fmodl(long double, long double);
long double frexpl(long double, int *);
int ilogbl(long double);
long double ldexpl(long double, int);
long long llrintl(long double);
long long llroundl(long double);
long double logbl(long double);
long lrintl(long double);
long lroundl(long double);
long double modfl(long double, long double *);
long double nanl(const char *);
long double nearbyintl(long double);
long double nextafterl(long double, long double);
double nexttoward(double, long double);
float nexttowardf(float, long double);
long double nexttowardl(long double, long double);
long double remainderl(long double, long double);
long double remquol(long double, long double, int *);
long double rintl(long double);
long double roundl(long double);
long double scalblnl(long double, long);
long double scalbnl(long double, int);
long double sinl(long double);
long double tanl(long double);
long double truncl(long double);

#ifdef __cplusplus
}
#endif

#endif
