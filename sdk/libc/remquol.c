/* remquol.c - the remainder of long doubles to the nearest multiple, and the last bits of that
 *
 * musl's (1.2.3) takes half of its divisor from the dividend in binary128.
 */
#include <math.h>

/* |x| less a multiple of 8|y|, which is exact; then its last three bits one after the other, each
 * difference exact */
long double
remquol(long double x, long double y, int *quotient)
{
    long double rest = fabsl(x), divisor = fabsl(y);
    int bits = 0;

    *quotient = 0;
    if (isnan(x) || isnan(y) || isinf(x) || y == 0)
        return (x * y) / (x * y);
    if (isfinite(divisor * 8))
        rest = fmodl(rest, divisor * 8);
    for (int bit = 4; bit; bit /= 2)
        if (rest >= divisor * (long double)bit) {
            rest -= divisor * (long double)bit;
            bits += bit;
        }
    if (rest * 2 > divisor || (rest * 2 == divisor && bits & 1)) {
        rest -= divisor;
        bits++;
    }
    *quotient = signbit(x) != signbit(y) ? -bits : bits;
    return signbit(x) ? -rest : rest;
}

long double
remainderl(long double x, long double y)
{
    int bits;

    return remquol(x, y, &bits);
}
