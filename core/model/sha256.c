/* sha256.c - SHA-256: the portable path, and which path is taken
 *
 * The choice is made by CPUID at first use and kept in one word: threads that race to make it
 * come to the same answer. Works the same in a guest; no libc. Never adds an answer of its own:
 * every path must give what FIPS 180-4 says, tests/core/model/test-sha256.c compares them.
 */
#include "sha256.h"
#include "mem.h"
#include "sha256-private.h"

#define BLOCK_SIZE 64u

const uint32_t nub_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

const uint32_t nub_sha256_node_padding[64] = {
    0xc28a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf374,
    0x649b69c1, 0xf0fe4786, 0x0fe1edc6, 0x240cf254, 0x4fe9346f, 0x6cc984be, 0x61b9411e, 0x16f988fa,
    0xf2c65152, 0xa88e5a6d, 0xb019fc65, 0xb9d99ec7, 0x9a1231c3, 0xe70eeaa0, 0xfdb1232b, 0xc7353eb0,
    0x3069bad5, 0xcb976d5f, 0x5a0f118f, 0xdc1eeefd, 0x0a35b689, 0xde0b7a04, 0x58f4ca9d, 0xe15d5b16,
    0x007f3e86, 0x37088980, 0xa507ea32, 0x6fab9537, 0x17406110, 0x0d8cd6f1, 0xcdaa3b6d, 0xc0bbbe37,
    0x83613bda, 0xdb48a363, 0x0b02e931, 0x6fd15ca7, 0x521afaca, 0x31338431, 0x6ed41a95, 0x6d437890,
    0xc39c91f2, 0x9eccabbd, 0xb5c9a0e6, 0x532fb63c, 0xd2c741c6, 0x07237ea3, 0xa4954b68, 0x4c191d76,
};

const uint32_t nub_sha256_init[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t
rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t
load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static void
store_be32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)(x >> 24);
    p[1] = (uint8_t)(x >> 16);
    p[2] = (uint8_t)(x >> 8);
    p[3] = (uint8_t)x;
}

static void
store_digest(uint8_t digest[32], const uint32_t state[8])
{
    for (unsigned i = 0; i < 8; i++)
        store_be32(digest + 4 * i, state[i]);
}

/* The 64 rounds, given round constant + schedule word of each. */
static void
rounds(uint32_t state[8], const uint32_t kw[64])
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

    for (unsigned t = 0; t < 64; t++) {
        uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kw[t];
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));

        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
}

static void
portable_blocks(uint32_t state[8], const uint8_t *blocks, size_t n)
{
    uint32_t w[64], kw[64];

    for (; n; n--, blocks += BLOCK_SIZE) {
        for (unsigned t = 0; t < 16; t++)
            w[t] = load_be32(blocks + 4 * t);
        for (unsigned t = 16; t < 64; t++) {
            uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
            uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;

            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        for (unsigned t = 0; t < 64; t++)
            kw[t] = w[t] + nub_sha256_k[t];
        rounds(state, kw);
    }
}

static void
portable_nodes(uint8_t *parents, const uint8_t *nodes, size_t n)
{
    for (; n; n--, nodes += BLOCK_SIZE, parents += 32) {
        uint32_t state[8];

        memcpy(state, nub_sha256_init, sizeof state);
        portable_blocks(state, nodes, 1);
        rounds(state, nub_sha256_node_padding);
        store_digest(parents, state);
    }
}

/* enum nub_sha256_path; AUTO until the first use. */
static int32_t chosen_path;

static int
shani_present(void)
{
#if defined(__x86_64__)
    return nub_sha256_shani_present();
#else
    return 0;
#endif
}

enum nub_sha256_path
nub_sha256_current(void)
{
    int32_t path = __atomic_load_n(&chosen_path, __ATOMIC_RELAXED);

    if (path == NUB_SHA256_AUTO) {
        path = shani_present() ? NUB_SHA256_SHANI : NUB_SHA256_PORTABLE;
        __atomic_store_n(&chosen_path, path, __ATOMIC_RELAXED);
    }
    return (enum nub_sha256_path)path;
}

int
nub_sha256_select(enum nub_sha256_path path)
{
    if (path == NUB_SHA256_SHANI && !shani_present())
        return 0;
    __atomic_store_n(&chosen_path, (int32_t)path, __ATOMIC_RELAXED);
    return 1;
}

static void
hash_blocks(uint32_t state[8], const uint8_t *blocks, size_t n)
{
#if defined(__x86_64__)
    if (nub_sha256_current() == NUB_SHA256_SHANI) {
        nub_sha256_shani_blocks(state, blocks, n);
        return;
    }
#endif
    portable_blocks(state, blocks, n);
}

void
nub_sha256_nodes(uint8_t *parents, const uint8_t *nodes, size_t n)
{
#if defined(__x86_64__)
    if (nub_sha256_current() == NUB_SHA256_SHANI) {
        nub_sha256_shani_nodes(parents, nodes, n);
        return;
    }
#endif
    portable_nodes(parents, nodes, n);
}

void
nub_sha256(uint8_t digest[32], const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t whole = size / BLOCK_SIZE, rest = size % BLOCK_SIZE;
    size_t n_last = rest < BLOCK_SIZE - 8 ? 1 : 2; /* 0x80 and the bit count need 9 bytes */
    uint8_t last[2 * BLOCK_SIZE] = { 0 };
    uint32_t state[8];

    memcpy(state, nub_sha256_init, sizeof state);
    if (whole)
        hash_blocks(state, bytes, whole);
    if (rest)
        memcpy(last, bytes + whole * BLOCK_SIZE, rest);
    last[rest] = 0x80;
    store_be32(last + n_last * BLOCK_SIZE - 8, (uint32_t)((uint64_t)size >> 29));
    store_be32(last + n_last * BLOCK_SIZE - 4, (uint32_t)((uint64_t)size << 3));
    hash_blocks(state, last, n_last);
    store_digest(digest, state);
}
