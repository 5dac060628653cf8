/* soft-float.c - binary32: what a compiler calls for `float` */
#include "rt.h"

#define FLOAT    float
#define FORMAT   sf
#define BITS     uint32_t
#define FRACTION 23
#define EXPONENT 8
#include "soft-float.inc"

static uint32_t
sf_subtract(uint32_t a, uint32_t b)
{
    return sf_add(a, IS_NAN(b) ? b : b ^ SIGN);
}

RESULT2(__addsf3, sf_add)
RESULT2(__subsf3, sf_subtract)
RESULT2(__mulsf3, sf_multiply)
RESULT2(__divsf3, sf_divide)
COMPARE(__eqsf2, 1)
COMPARE(__nesf2, 1)
COMPARE(__ltsf2, 1)
COMPARE(__lesf2, 1)
COMPARE(__gtsf2, -1)
COMPARE(__gesf2, -1)
TO_INTEGER(__fixsfsi, int32_t, sf_to_signed, INT32_MAX)
TO_INTEGER(__fixsfdi, int64_t, sf_to_signed, INT64_MAX)
TO_INTEGER(__fixunssfsi, uint32_t, sf_to_unsigned, UINT32_MAX)
TO_INTEGER(__fixunssfdi, uint64_t, sf_to_unsigned, UINT64_MAX)
FROM_INTEGER(__floatsisf, int32_t, sf_from_i64(x))
FROM_INTEGER(__floatdisf, int64_t, sf_from_i64(x))
FROM_INTEGER(__floatunsisf, uint32_t, sf_from_u64(0, x))
FROM_INTEGER(__floatundisf, uint64_t, sf_from_u64(0, x))

int RT(__unordsf2)(float a, float b);
float RT(__negsf2)(float a);

int
RT(__unordsf2)(float a, float b)
{
    return IS_NAN(sf_bits(a)) || IS_NAN(sf_bits(b));
}

float
RT(__negsf2)(float a)
{
    return sf_float(sf_bits(a) ^ SIGN);
}
