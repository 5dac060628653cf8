/* ed25519.c - verification of an Ed25519 signature (RFC 8032, test 2), and that a changed one fails
 *
 * Straightforward rather than fast: one complete addition formula for everything, in extended
 * coordinates. Not in constant time; there is nothing secret in a verification.
 */
#include "example.h"
#include "sha512.h"

__extension__ typedef unsigned __int128 wide;

enum { LIMB_BITS = 51 };
#define LIMB_MASK ((1ull << LIMB_BITS) - 1)

/* a number modulo 2^255 - 19: five limbs of 51 bits and a little */
struct field {
    uint64_t v[5];
};

/* a point of the curve: x = X/Z, y = Y/Z, T = XY/Z */
struct point {
    struct field x, y, z, t;
};

static const struct field one = { { 1, 0, 0, 0, 0 } };
static const struct field curve_d = { { 0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029,
                                        0x739c663a03cbb, 0x52036cee2b6ff } };
static const struct field curve_2d = { { 0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052,
                                         0x6738cc7407977, 0x2406d9dc56dff } };
static const struct field root_of_minus_1 = { { 0x61b274a0ea0b0, 0xd5a5fc8f189d, 0x7ef5e9cbd0c60,
                                                0x78595a6804c9e, 0x2b8324804fc1d } };
static const struct field base_x = { { 0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d,
                                       0x1ff60527118fe, 0x216936d3cd6e5 } };
static const struct field base_y = { { 0x6666666666658, 0x4cccccccccccc, 0x1999999999999,
                                       0x3333333333333, 0x6666666666666 } };

/* the order of the base point */
static const uint64_t order[4] = { 0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0x0,
                                   0x1000000000000000 };

static const uint8_t public_key[32] = { 0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a,
                                        0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
                                        0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c,
                                        0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c };
static const uint8_t signature[64] = {
    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
    0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
    0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
    0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00
};
static const uint8_t message[1] = { 0x72 };

static struct field
carry(struct field a)
{
    for (unsigned i = 0; i < 4; i++) {
        a.v[i + 1] += a.v[i] >> LIMB_BITS;
        a.v[i] &= LIMB_MASK;
    }
    a.v[0] += 19 * (a.v[4] >> LIMB_BITS);
    a.v[4] &= LIMB_MASK;
    return a;
}

static struct field
add(struct field a, struct field b)
{
    for (unsigned i = 0; i < 5; i++)
        a.v[i] += b.v[i];
    return carry(a);
}

static struct field
subtract(struct field a, struct field b)
{
    a.v[0] += 0x1fffffffffffb4; /* 4 p, so that no limb is negative */
    for (unsigned i = 1; i < 5; i++)
        a.v[i] += 0x1ffffffffffffc;
    for (unsigned i = 0; i < 5; i++)
        a.v[i] -= b.v[i];
    return carry(a);
}

static struct field
multiply(struct field a, struct field b)
{
    wide t[5] = { 0 };
    struct field r;
    uint64_t over = 0;

    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < 5; j++)
            t[(i + j) % 5] += (wide)a.v[i] * (i + j < 5 ? b.v[j] : 19 * b.v[j]);
    for (unsigned i = 0; i < 5; i++) {
        t[i] += over;
        r.v[i] = (uint64_t)t[i] & LIMB_MASK;
        over = (uint64_t)(t[i] >> LIMB_BITS);
    }
    r.v[0] += 19 * over;
    return carry(r);
}

/* a to the power 2^n - c, for small c: all the powers that are needed are p - 2 and (p - 5) / 8 */
static struct field
power(struct field a, unsigned n, unsigned c)
{
    struct field r = one;

    for (unsigned i = n; i-- > 0;) {
        r = multiply(r, r);
        if (i >= 8 || (-c >> i & 1))
            r = multiply(r, a);
    }
    return r;
}

static void
to_bytes(uint8_t bytes[32], struct field a)
{
    uint64_t words[4];

    a = carry(carry(a));
    uint64_t q = (a.v[0] + 19) >> LIMB_BITS; /* 1 if a >= p */
    for (unsigned i = 1; i < 5; i++)
        q = (a.v[i] + q) >> LIMB_BITS;
    a.v[0] += 19 * q;
    for (unsigned i = 0; i < 4; i++) {
        a.v[i + 1] += a.v[i] >> LIMB_BITS;
        a.v[i] &= LIMB_MASK;
    }
    a.v[4] &= LIMB_MASK;
    words[0] = a.v[0] | a.v[1] << 51;
    words[1] = a.v[1] >> 13 | a.v[2] << 38;
    words[2] = a.v[2] >> 26 | a.v[3] << 25;
    words[3] = a.v[3] >> 39 | a.v[4] << 12;
    __builtin_memcpy(bytes, words, 32);
}

static struct field
from_bytes(const uint8_t bytes[32])
{
    uint64_t w[4];

    __builtin_memcpy(w, bytes, 32);
    return (struct field){ { w[0] & LIMB_MASK, (w[0] >> 51 | w[1] << 13) & LIMB_MASK,
                             (w[1] >> 38 | w[2] << 26) & LIMB_MASK,
                             (w[2] >> 25 | w[3] << 39) & LIMB_MASK, w[3] >> 12 & LIMB_MASK } };
}

static int
is_equal(struct field a, struct field b)
{
    uint8_t x[32], y[32];

    to_bytes(x, a);
    to_bytes(y, b);
    return __builtin_memcmp(x, y, 32) == 0;
}

/* complete: right for doubling and for the neutral point as well */
static struct point
add_points(const struct point *p, const struct point *q)
{
    struct field a = multiply(subtract(p->y, p->x), subtract(q->y, q->x));
    struct field b = multiply(add(p->y, p->x), add(q->y, q->x));
    struct field c = multiply(multiply(p->t, curve_2d), q->t);
    struct field d = multiply(add(p->z, p->z), q->z);
    struct field e = subtract(b, a), f = subtract(d, c), g = add(d, c), h = add(b, a);

    return (struct point){ multiply(e, f), multiply(g, h), multiply(f, g), multiply(e, h) };
}

/* the point with this y and sign of x; 0 if there is none */
static int
decompress(struct point *p, const uint8_t bytes[32])
{
    struct field y = from_bytes(bytes), yy = multiply(y, y);
    struct field u = subtract(yy, one), v = add(multiply(curve_d, yy), one);
    struct field v3 = multiply(multiply(v, v), v);
    struct field v7 = multiply(multiply(v3, v3), v);
    struct field x = multiply(multiply(u, v3), power(multiply(u, v7), 252, 3));
    struct field check = multiply(v, multiply(x, x));
    uint8_t x_bytes[32];

    if (!is_equal(check, u)) {
        x = multiply(x, root_of_minus_1);
        if (!is_equal(multiply(v, multiply(x, x)), u))
            return 0;
    }
    to_bytes(x_bytes, x);
    if ((x_bytes[0] & 1) != bytes[31] >> 7)
        x = subtract((struct field){ { 0 } }, x);
    *p = (struct point){ x, y, one, multiply(x, y) };
    return 1;
}

/* ---- scalars ----------------------------------------------------------------------------------
 */

/* a - order in place if a >= order (or if there was a carry out of a); whether it was */
static int
reduce_once(uint64_t a[4], uint64_t carried)
{
    uint64_t difference[4], borrow = 0;

    for (unsigned i = 0; i < 4; i++) {
        wide t = (wide)a[i] - order[i] - borrow;
        difference[i] = (uint64_t)t;
        borrow = (uint64_t)(t >> 64) & 1;
    }
    if (borrow && !carried)
        return 0;
    __builtin_memcpy(a, difference, sizeof difference);
    return 1;
}

static void
reduce_512(uint64_t scalar[4], const uint8_t digest[64])
{
    uint64_t words[8];

    __builtin_memcpy(words, digest, 64);
    for (unsigned i = 0; i < 4; i++)
        scalar[i] = 0;
    for (unsigned bit = 512; bit-- > 0;) {
        uint64_t carried = scalar[3] >> 63;
        for (unsigned i = 3; i > 0; i--)
            scalar[i] = scalar[i] << 1 | scalar[i - 1] >> 63;
        scalar[0] = scalar[0] << 1 | (words[bit / 64] >> (bit % 64) & 1);
        reduce_once(scalar, carried);
    }
}

static int
verify(const uint8_t sig[64], const uint8_t key[32], const uint8_t *text, uint64_t size)
{
    struct point a, base = { base_x, base_y, one, multiply(base_x, base_y) };
    struct point sum = { { { 0 } }, one, one, { { 0 } } };
    struct sha512 hash;
    uint64_t s[4], h[4];
    uint8_t digest[64], encoded[32];

    __builtin_memcpy(s, sig + 32, 32);
    uint64_t judged[4] = { s[0], s[1], s[2], s[3] };
    if (reduce_once(judged, 0) || !decompress(&a, key))
        return 0;
    a.x = subtract((struct field){ { 0 } }, a.x);
    a.t = subtract((struct field){ { 0 } }, a.t);
    sha512_begin(&hash);
    sha512_add(&hash, sig, 32);
    sha512_add(&hash, key, 32);
    sha512_add(&hash, text, size);
    sha512_end(&hash, digest);
    reduce_512(h, digest);
    for (unsigned bit = 256; bit-- > 0;) { /* s * base - h * a */
        sum = add_points(&sum, &sum);
        if (s[bit / 64] >> (bit % 64) & 1)
            sum = add_points(&sum, &base);
        if (h[bit / 64] >> (bit % 64) & 1)
            sum = add_points(&sum, &a);
    }
    struct field inverse = power(sum.z, 255, 21);
    struct field x = multiply(sum.x, inverse);
    uint8_t x_bytes[32];
    to_bytes(encoded, multiply(sum.y, inverse));
    to_bytes(x_bytes, x);
    encoded[31] |= (uint8_t)(x_bytes[0] << 7);
    return __builtin_memcmp(encoded, sig, 32) == 0;
}

/* bit 0: the signature is good; bit 1: with one bit changed it is not */
static uint64_t
example(uint64_t seed)
{
    uint8_t changed[64];

    __builtin_memcpy(changed, signature, 64);
    changed[seed % 32] ^= 4;
    return (uint64_t)verify(signature, public_key, message, sizeof message) |
           (uint64_t)!verify(changed, public_key, message, sizeof message) << 1;
}
