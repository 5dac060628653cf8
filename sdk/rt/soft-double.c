/* soft-double.c - binary64: what a compiler calls for `double`, and conversions to and from `float`
 */
#include "rt.h"

#define FLOAT    double
#define FORMAT   df
#define BITS     uint64_t
#define FRACTION 52
#define EXPONENT 11
#include "soft-float.inc"

static uint64_t
df_subtract(uint64_t a, uint64_t b)
{
    return df_add(a, IS_NAN(b) ? b : b ^ SIGN);
}

RESULT2(__adddf3, df_add)
RESULT2(__subdf3, df_subtract)
RESULT2(__muldf3, df_multiply)
RESULT2(__divdf3, df_divide)
COMPARE(__eqdf2, 1)
COMPARE(__nedf2, 1)
COMPARE(__ltdf2, 1)
COMPARE(__ledf2, 1)
COMPARE(__gtdf2, -1)
COMPARE(__gedf2, -1)
TO_INTEGER(__fixdfsi, int32_t, df_to_signed, INT32_MAX)
TO_INTEGER(__fixdfdi, int64_t, df_to_signed, INT64_MAX)
TO_INTEGER(__fixunsdfsi, uint32_t, df_to_unsigned, UINT32_MAX)
TO_INTEGER(__fixunsdfdi, uint64_t, df_to_unsigned, UINT64_MAX)
FROM_INTEGER(__floatsidf, int32_t, df_from_i64(x))
FROM_INTEGER(__floatdidf, int64_t, df_from_i64(x))
FROM_INTEGER(__floatunsidf, uint32_t, df_from_u64(0, x))
FROM_INTEGER(__floatundidf, uint64_t, df_from_u64(0, x))

int RT(__unorddf2)(double a, double b);
double RT(__negdf2)(double a);
double RT(__extendsfdf2)(float a);
float RT(__truncdfsf2)(double a);

int
RT(__unorddf2)(double a, double b)
{
    return IS_NAN(df_bits(a)) || IS_NAN(df_bits(b));
}

double
RT(__negdf2)(double a)
{
    return df_float(df_bits(a) ^ SIGN);
}

double
RT(__extendsfdf2)(float a)
{
    uint32_t x;

    __builtin_memcpy(&x, &a, sizeof x);
    uint64_t sign = (uint64_t)(x >> 31) << 63, fraction = x & 0x7fffff;
    int exponent = (int)(x >> 23) & 255;
    if (exponent == 255)
        return df_float(fraction ? NAN_BITS : sign | INFINITY_BITS);
    if (exponent == 0 && fraction == 0)
        return df_float(sign);
    /* the float's last bit has the weight 2^(exponent - 127 - 23) */
    uint64_t sig = exponent ? fraction | 0x800000 : fraction;
    int scale = (exponent ? exponent : 1) - 127 - 23 + df_bias + FRACTION + 3;
    return df_float(df_normalize(sign, scale, sig));
}

float
RT(__truncdfsf2)(double a)
{
    uint64_t x = df_bits(a), fraction = x & (IMPLICIT - 1);
    uint32_t sign = (uint32_t)(x >> 63) << 31, result;
    int exponent = (int)(x >> FRACTION & df_max_exponent) - df_bias + 127;

    if (IS_NAN(x)) {
        result = 0x7fc00000;
    } else if (exponent >= 255) {
        result = sign | 0x7f800000;
    } else {
        /* 24 bits of significand and three below them; a double's subnormals are zero here */
        uint64_t sig = (fraction | IMPLICIT) >> 26 | ((fraction & 0x3ffffff) != 0);
        if (exponent <= 0) {
            sig = MAGNITUDE(x) < IMPLICIT ? 0 : df_shift_sticky(sig, 1 - exponent);
            exponent = 1;
        }
        uint64_t lost = sig & 7;
        sig >>= 3;
        sig += lost > 4 || (lost == 4 && (sig & 1));
        result = sign | (uint32_t)(((uint64_t)(exponent - 1) << 23) + sig);
    }
    float f;
    __builtin_memcpy(&f, &result, sizeof f);
    return f;
}
