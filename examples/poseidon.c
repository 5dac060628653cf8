/* poseidon.c - a sponge permutation over the Goldilocks field, shaped like Poseidon
 *
 * Width 12, x^7 as S-box, 8 full and 22 partial rounds, a circulant matrix of small numbers. The
 * round constants come from SplitMix64, so digests are not those of any published instance.
 */
#include "example.h"

enum { WIDTH = 12, FULL_ROUNDS = 8, PARTIAL_ROUNDS = 22 };
#define PRIME 0xffffffff00000001ull

__extension__ typedef unsigned __int128 wide;

static const uint8_t row[WIDTH] = { 17, 15, 41, 16, 2, 28, 13, 13, 39, 18, 34, 20 };
static uint64_t constants[FULL_ROUNDS + PARTIAL_ROUNDS][WIDTH];

/* 2^64 = 2^32 - 1 and 2^96 = -1, modulo the prime */
static inline uint64_t
reduce(wide x)
{
    uint64_t low = (uint64_t)x, high = (uint64_t)(x >> 64);
    uint64_t top = high >> 32, middle = high & 0xffffffff;
    uint64_t a = low - top;

    if (low < top)
        a -= 0xffffffff;
    uint64_t b = middle * 0xffffffff, sum = a + b;
    if (sum < b)
        sum += 0xffffffff;
    return sum >= PRIME ? sum - PRIME : sum;
}

static inline uint64_t
power_7(uint64_t x)
{
    uint64_t x2 = reduce((wide)x * x), x4 = reduce((wide)x2 * x2), x3 = reduce((wide)x2 * x);

    return reduce((wide)x4 * x3);
}

static void
mix(uint64_t state[WIDTH])
{
    uint64_t mixed[WIDTH];

    for (unsigned i = 0; i < WIDTH; i++) {
        wide sum = 0;
        for (unsigned j = 0; j < WIDTH; j++)
            sum += (wide)state[j] * row[(j + WIDTH - i) % WIDTH];
        mixed[i] = reduce(sum);
    }
    for (unsigned i = 0; i < WIDTH; i++)
        state[i] = mixed[i];
}

static void
permute(uint64_t state[WIDTH])
{
    for (unsigned round = 0; round < FULL_ROUNDS + PARTIAL_ROUNDS; round++) {
        unsigned is_full = round < FULL_ROUNDS / 2 || round >= FULL_ROUNDS / 2 + PARTIAL_ROUNDS;
        for (unsigned i = 0; i < WIDTH; i++)
            state[i] = reduce((wide)state[i] + constants[round][i]);
        for (unsigned i = 0; i < (is_full ? WIDTH : 1); i++)
            state[i] = power_7(state[i]);
        mix(state);
    }
}

static uint64_t
example(uint64_t seed)
{
    uint64_t state[WIDTH] = { 0 }, random = 0x6e7562;

    for (unsigned i = 0; i < (FULL_ROUNDS + PARTIAL_ROUNDS) * WIDTH; i++) {
        uint64_t z = random += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        constants[i / WIDTH][i % WIDTH] = (z ^ z >> 31) % PRIME;
    }
    for (unsigned block = 0; block < 16; block++) {
        for (unsigned i = 0; i < 8; i++)
            state[i] = (seed + block * 8 + i) % PRIME;
        permute(state);
    }
    return state[0];
}
