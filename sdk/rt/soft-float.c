/* soft-float.c - binary32: what a compiler calls for `float`, and what makes one of wider numbers
 */
#include "significand-64.h"

#define FLOAT    float
#define FORMAT   sf
#define BITS     uint32_t
#define FRACTION 23
#define EXPONENT 8
#include "soft-float.inc"

DEFINE(float, RT(__truncdfsf2), (double x), sf_float(sf_from_parts(parts_of_double(x))))
DEFINE(float, RT(__trunctfsf2), (quad x), sf_float(sf_from_parts(parts_of_quad(x))))
