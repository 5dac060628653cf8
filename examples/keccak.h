/* keccak.h - Keccak-256 as Ethereum uses it (padding 0x01); source: the Keccak reference, version 3.0 */
#ifndef NUB_EXAMPLES_KECCAK_H
#define NUB_EXAMPLES_KECCAK_H

#include <stddef.h>
#include <stdint.h>

enum { KECCAK_RATE = 136 };

static inline uint64_t
keccak_rotate(uint64_t x, unsigned n)
{
    return n ? x << n | x >> (64 - n) : x;
}

static inline void
keccak_round(uint64_t a[25], uint64_t constant)
{
    static const uint8_t rotations[25] = { 0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                           25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14 };
    uint64_t b[25], c[5], d[5];

    for (unsigned x = 0; x < 5; x++)
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (unsigned x = 0; x < 5; x++)
        d[x] = c[(x + 4) % 5] ^ keccak_rotate(c[(x + 1) % 5], 1);
    for (unsigned x = 0; x < 5; x++)
        for (unsigned y = 0; y < 5; y++)
            b[y + 5 * ((2 * x + 3 * y) % 5)] =
                keccak_rotate(a[x + 5 * y] ^ d[x], rotations[x + 5 * y]);
    for (unsigned y = 0; y < 25; y += 5)
        for (unsigned x = 0; x < 5; x++)
            a[x + y] = b[x + y] ^ (~b[(x + 1) % 5 + y] & b[(x + 2) % 5 + y]);
    a[0] ^= constant;
}

static inline void
keccak_permute(uint64_t a[25])
{
    static const uint64_t constants[24] = {
        0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
        0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
        0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
        0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
        0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
        0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008
    };

    for (unsigned i = 0; i < 24; i++)
        keccak_round(a, constants[i]);
}

static inline void
keccak_absorb(uint64_t a[25], const uint8_t *block)
{
    for (unsigned i = 0; i < KECCAK_RATE / 8; i++) {
        uint64_t word;
        __builtin_memcpy(&word, block + 8 * i, 8);
        a[i] ^= word;
    }
    keccak_permute(a);
}

static inline void
keccak256(uint8_t digest[32], const uint8_t *message, size_t size)
{
    uint64_t a[25] = { 0 };
    uint8_t last[KECCAK_RATE] = { 0 };

    for (; size >= KECCAK_RATE; size -= KECCAK_RATE, message += KECCAK_RATE)
        keccak_absorb(a, message);
    __builtin_memcpy(last, message, size);
    last[size] = 0x01;
    last[KECCAK_RATE - 1] |= 0x80;
    keccak_absorb(a, last);
    __builtin_memcpy(digest, a, 32);
}

#endif
