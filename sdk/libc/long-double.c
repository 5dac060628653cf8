/* long-double.c - binary128 as text: what newlib's printf, scanf and strtold ask for
 *
 * newlib's own ldtoa.c knows 42 digits and its strtorx.c the x87's format only. Here a number is
 * written with as many digits as are asked for, each of them right, and read by newlib's strtodg,
 * which serves any format. What is a double as well is newlib's own business.
 */
#include <string.h>

#include "mprec.h"

#include "gdtoa.h"

#define FRACTION 112
#define BIAS     16383

/* 10^9 in 30 bits: a digit times a word, and a carry, is less than 2^64 */
#define BASE 1000000000u
/* of the largest fraction there is: (2^113 - 1) * 5^16494 */
#define MOST_DIGITS 1290

struct number {
    unsigned count;
    unsigned digits[MOST_DIGITS]; /* the last one first */
};

__extension__ typedef unsigned __int128 uint128;

char *_dtoa_r(struct _reent *reent, double x, int mode, int digits, int *point, int *sign,
              char **end);
char *_ldtoa_r(struct _reent *reent, long double x, int mode, int digits, int *point, int *sign,
               char **end);
int _ldcheck(long double *x);
long double frexpl(long double x, int *exponent);

static uint128
bits_of(long double x)
{
    uint128 bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static long double
from_bits(uint128 bits)
{
    long double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static void
multiply(struct number *n, unsigned factor)
{
    unsigned long long carry = 0;

    for (unsigned i = 0; i < n->count; i++) {
        carry += (unsigned long long)n->digits[i] * factor;
        n->digits[i] = (unsigned)(carry % BASE);
        carry /= BASE;
    }
    for (; carry; carry /= BASE)
        n->digits[n->count++] = (unsigned)(carry % BASE);
}

/* |x|, finite and not 0, is n / 10^places; the result is `places` */
static int
to_decimal(struct number *n, long double x)
{
    uint128 bits = bits_of(x) << 1 >> 1, significand = bits & (((uint128)1 << FRACTION) - 1);
    int exponent = (int)(bits >> FRACTION);

    if (exponent)
        significand |= (uint128)1 << FRACTION;
    else
        exponent = 1;
    exponent -= BIAS + FRACTION;
    for (; exponent < 0 && !(significand & 1); exponent++)
        significand >>= 1;
    for (n->count = 0; significand; significand /= BASE)
        n->digits[n->count++] = (unsigned)(significand % BASE);
    int places = exponent < 0 ? -exponent : 0;
    for (int left = exponent; left > 0; left -= 31)
        multiply(n, 1u << (left < 31 ? left : 31));
    for (int left = places; left > 0; left -= 13) { /* x / 2 = x * 5 / 10 */
        unsigned factor = 1;
        for (int i = 0; i < 13 && i < left; i++)
            factor *= 5;
        multiply(n, factor);
    }
    return places;
}

/* the digits of n as characters; how many */
static int
spell(const struct number *n, char *text)
{
    int length = 0;

    for (unsigned i = n->count; i-- > 0;)
        for (unsigned unit = BASE / 10; unit; unit /= 10)
            if (length || n->digits[i] / unit)
                text[length++] = (char)('0' + n->digits[i] / unit % 10);
    return length;
}

/* to `keep` of them, the nearest, of two the even one; whether a digit more came in front */
static int
round_to(char *text, int length, int keep)
{
    int rest = 0;

    if (keep >= length)
        return 0;
    for (int i = keep + 1; i < length && !rest; i++)
        rest = text[i] != '0';
    int odd = keep > 0 && (text[keep - 1] & 1);
    if (text[keep] < '5' || (text[keep] == '5' && !rest && !odd))
        return 0;
    for (int i = keep; i-- > 0; text[i] = '0')
        if (++text[i] <= '9')
            return 0;
    text[0] = '1'; /* all of them were 9, or there was none */
    return 1;
}

/* the memory of dtoa's last result becomes that of the next one, as in newlib's own */
static char *
new_result(struct _reent *reent, size_t size)
{
    int k = 0;

    _REENT_CHECK_MP(reent);
    if (_REENT_MP_RESULT(reent)) {
        _REENT_MP_RESULT(reent)->_k = _REENT_MP_RESULT_K(reent);
        _REENT_MP_RESULT(reent)->_maxwds = 1 << _REENT_MP_RESULT_K(reent);
        Bfree(reent, _REENT_MP_RESULT(reent));
    }
    while ((sizeof(__ULong) << k) < size)
        k++;
    _REENT_MP_RESULT_K(reent) = k;
    _REENT_MP_RESULT(reent) = eBalloc(reent, k);
    return (char *)_REENT_MP_RESULT(reent);
}

/* dtoa.c says what the arguments mean. Mode 2: `digits` in all; 3: `digits` after the point */
char *
_ldtoa_r(struct _reent *reent, long double x, int mode, int digits, int *point, int *sign,
         char **end)
{
    struct number n;

    if (x != x || (double)x == x)
        return _dtoa_r(reent, (double)x, mode, digits, point, sign, end);
    *sign = (int)(bits_of(x) >> 127);
    *point = -to_decimal(&n, x);
    int room = (int)n.count * 9, keep;
    char *text = new_result(reent, (size_t)room + (size_t)digits + 2);
    int length = spell(&n, text);
    *point += length;
    keep = mode == 3 ? *point + digits : digits > 0 ? digits : 1;
    if (keep < 0) {
        length = 0;
    } else if (round_to(text, length, keep)) {
        ++*point;
        length = keep ? keep : 1;
    } else if (keep < length) {
        length = keep;
    }
    while (length && text[length - 1] == '0')
        length--;
    if (length == 0)
        *point = -digits;
    text[length] = '\0';
    if (end)
        *end = text + length;
    return text;
}

/* what printf has to know before: 1 for a NaN, 2 for an infinity */
int
_ldcheck(long double *x)
{
    return __builtin_isnan(*x) ? 1 : __builtin_isinf(*x) ? 2 : 0;
}

/* for printf's %La */
long double
frexpl(long double x, int *exponent)
{
    uint128 bits = bits_of(x), field = (uint128)(2 * BIAS + 1) << FRACTION;
    int scale = 0;

    *exponent = 0;
    if (x == 0 || (bits & field) == field)
        return x;
    if ((bits & field) == 0) {
        scale = FRACTION + 1;
        bits = bits_of(x * 0x1p113L);
    }
    *exponent = (int)((bits & field) >> FRACTION) - (BIAS - 1) - scale;
    return from_bits((bits & ~field) | (uint128)(BIAS - 1) << FRACTION);
}

/* strtold. newlib asks for rounding toward zero where there is no x87; there is one way of rounding
 * here */
int
_strtorx_l(struct _reent *reent, const char *text, char **end, int rounding, void *result,
           locale_t locale)
{
    FPI format = { FRACTION + 1, 1 - BIAS - FRACTION, BIAS - FRACTION, FPI_Round_near, 0 };
    __ULong words[4] = { 0 };
    uint128 bits = 0;
    Long exponent;
    int kind = _strtodg_l(reent, text, end, &format, &exponent, words, locale);

    (void)rounding;
    switch (kind & STRTOG_Retmask) {
    case STRTOG_Normal:
    case STRTOG_Denormal:
        for (int i = 4; i-- > 0;)
            bits = bits << 32 | words[i];
        /* the implicit bit counts one up */
        bits += (uint128)(exponent - format.emin) << FRACTION;
        break;
    case STRTOG_Infinite:
        bits = (uint128)(2 * BIAS + 1) << FRACTION;
        break;
    case STRTOG_NaN:
    case STRTOG_NaNbits:
        bits = (uint128)(4 * BIAS + 3) << (FRACTION - 1);
        break;
    }
    bits |= (uint128) !!(kind & STRTOG_Neg) << 127;
    memcpy(result, &bits, sizeof bits);
    return kind;
}
