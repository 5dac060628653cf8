/* soft-quad.c - binary128: what a compiler calls for `long double`, and what makes one of narrower
 * numbers */
#include "significand-128.h"

#define FLOAT    quad
#define FORMAT   tf
#define BITS     uint128
#define FRACTION 112
#define EXPONENT 15
#include "soft-float.inc"

DEFINE(quad, RT(__extendsftf2), (float x), tf_float(tf_from_parts(parts_of_float(x))))
DEFINE(quad, RT(__extenddftf2), (double x), tf_float(tf_from_parts(parts_of_double(x))))
