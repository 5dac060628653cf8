/* soft-double.c - binary64: what a compiler calls for `double`, and what makes one of other numbers
 */
#include "significand-64.h"

#define FLOAT    double
#define FORMAT   df
#define BITS     uint64_t
#define FRACTION 52
#define EXPONENT 11
#include "soft-float.inc"

DEFINE(double, RT(__extendsfdf2), (float x), df_float(df_from_parts(parts_of_float(x))))
DEFINE(double, RT(__trunctfdf2), (quad x), df_float(df_from_parts(parts_of_quad(x))))
