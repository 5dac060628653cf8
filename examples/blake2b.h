/* blake2b.h - BLAKE2b without a key (RFC 7693) */
#ifndef NUB_EXAMPLES_BLAKE2B_H
#define NUB_EXAMPLES_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t blake2b_iv[8] = { 0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                        0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                        0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 };
static const uint8_t blake2b_sigma[10][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
    { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
    { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
    { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
    { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

static inline void
blake2b_mix(uint64_t v[16], unsigned a, unsigned b, unsigned c, unsigned d, uint64_t x, uint64_t y)
{
    v[a] += v[b] + x;
    v[d] = (v[d] ^ v[a]) >> 32 | (v[d] ^ v[a]) << 32;
    v[c] += v[d];
    v[b] = (v[b] ^ v[c]) >> 24 | (v[b] ^ v[c]) << 40;
    v[a] += v[b] + y;
    v[d] = (v[d] ^ v[a]) >> 16 | (v[d] ^ v[a]) << 48;
    v[c] += v[d];
    v[b] = (v[b] ^ v[c]) >> 63 | (v[b] ^ v[c]) << 1;
}

static inline void
blake2b_compress(uint64_t h[8], const uint8_t *block, uint64_t count, int is_last)
{
    uint64_t m[16], v[16];

    __builtin_memcpy(m, block, sizeof m);
    for (unsigned i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = blake2b_iv[i];
    }
    v[12] ^= count;
    v[14] ^= is_last ? ~0ull : 0;
#pragma clang loop unroll(full)
    for (unsigned i = 0; i < 12; i++) {
        const uint8_t *s = blake2b_sigma[i % 10];
        blake2b_mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
        blake2b_mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
        blake2b_mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
        blake2b_mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
        blake2b_mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
        blake2b_mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
        blake2b_mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
        blake2b_mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

static inline void
blake2b(uint8_t *digest, size_t digest_size, const uint8_t *message, size_t size)
{
    uint64_t h[8], count = 0;
    uint8_t last[128] = { 0 };

    for (unsigned i = 0; i < 8; i++)
        h[i] = blake2b_iv[i];
    h[0] ^= 0x01010000 ^ digest_size;
    for (; size > 128; size -= 128, message += 128)
        blake2b_compress(h, message, count += 128, 0);
    __builtin_memcpy(last, message, size);
    blake2b_compress(h, last, count + size, 1);
    __builtin_memcpy(digest, h, digest_size);
}

#endif
