/* significand-128.h - what soft-float.inc asks of the type of its significands, for those of two words
 *
 * significand-64.h says the same of one word.
 */
#include "wide.h"

typedef uint128 significand;

static inline int
leading_zeros(significand x)
{
    return high_of(x) ? __builtin_clzll(high_of(x)) : 64 + __builtin_clzll(low_of(x));
}

/* the upper two words of a * b, the last bit sticky */
static inline significand
product(significand a, significand b)
{
    uint128 low = (uint128)low_of(a) * low_of(b);
    uint128 middle = (uint128)high_of(a) * low_of(b) + high_of(low);
    uint128 other = (uint128)low_of(a) * high_of(b) + low_of(middle);
    uint128 high = (uint128)high_of(a) * high_of(b) + high_of(middle) + high_of(other);

    return high | ((low_of(other) | low_of(low)) != 0);
}

/* a / b with `bits` more bits below the point, the last one sticky: two digits of a word, b moved to the top */
static inline significand
quotient(significand a, significand b, int bits, int room)
{
    uint128 divisor = b << room, rest = a << (bits + room - 128);
    uint64_t high = divide_digit(&rest, 0, divisor), low = divide_digit(&rest, 0, divisor);

    return join(high, low) | (rest != 0);
}

/* x without the bits that have no room: there is room for all */
static inline significand
fit(uint128 x, int *scale)
{
    *scale = 0;
    return x;
}
