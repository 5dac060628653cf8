/* keccak.c - Keccak-256, for the standard host calls; source: the Keccak reference, version 3.0
 *
 * The lanes of the state are a[x + 5 * y]. rho and pi are done together by walking the one cycle
 * that pi makes of the 24 lanes other than (0, 0).
 */
#include "keccak-private.h"

#include <glib.h>
#include <string.h>

#define RATE 136u /* bytes a permutation: 1600 - 2 * 256 bits */

/* Where pi sends each lane of the cycle, and by how much rho rotates it on the way. */
static const guint8 pi_lane[24] = { 10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                    15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1 };
static const guint8 rho_bits[24] = { 1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                     27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44 };

/* The constants of iota, from the reference's shift register x^8 + x^6 + x^5 + x^4 + 1. */
static guint64
round_constant(guint8 *lfsr)
{
    guint64 constant = 0;

    for (guint j = 0; j < 7; j++) {
        if (*lfsr & 1)
            constant |= G_GUINT64_CONSTANT(1) << ((1u << j) - 1);
        *lfsr = (guint8)(*lfsr << 1 ^ (*lfsr & 0x80 ? 0x71 : 0));
    }
    return constant;
}

static inline guint64
rotate(guint64 x, guint n)
{
    return x << n | x >> (64 - n);
}

static void
permute(guint64 a[25])
{
    guint8 lfsr = 1;

    for (guint round = 0; round < 24; round++) {
        guint64 c[5], lane = a[1];

        for (guint x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (guint x = 0; x < 5; x++)
            for (guint y = 0; y < 25; y += 5)
                a[x + y] ^= c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
        lane = a[1];
        for (guint i = 0; i < 24; i++) {
            guint64 next = a[pi_lane[i]];
            a[pi_lane[i]] = rotate(lane, rho_bits[i]);
            lane = next;
        }
        for (guint y = 0; y < 25; y += 5) {
            memcpy(c, a + y, sizeof c);
            for (guint x = 0; x < 5; x++)
                a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        a[0] ^= round_constant(&lfsr);
    }
}

static void
absorb(guint64 a[25], const uint8_t block[RATE])
{
    for (guint i = 0; i < RATE / 8; i++) {
        guint64 word;
        memcpy(&word, block + 8 * i, 8);
        a[i] ^= GUINT64_FROM_LE(word);
    }
    permute(a);
}

void
nub_keccak_256(uint8_t digest[32], const uint8_t *data, size_t size)
{
    guint64 a[25] = { 0 };
    uint8_t last[RATE] = { 0 };

    for (; size >= RATE; data += RATE, size -= RATE)
        absorb(a, data);
    if (size)
        memcpy(last, data, size);
    last[size] = 0x01;
    last[RATE - 1] |= 0x80;
    absorb(a, last);
    for (guint i = 0; i < 4; i++) {
        guint64 word = GUINT64_TO_LE(a[i]);
        memcpy(digest + 8 * i, &word, 8);
    }
}
