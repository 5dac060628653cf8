/* printf-long.h - included before newlib's vfprintf.c, which writes frexp((double)x, e) for want of a frexpl
 *
 * A double has neither the digits nor the range: the cast is taken away and frexpl called.
 */
#include <math.h>

#define NUB_WITHOUT_CAST(type)
#define frexp(x, exponent) frexpl(NUB_WITHOUT_CAST x, exponent)
