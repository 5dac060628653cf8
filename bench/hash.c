/* hash.c - hashing a large Data against the bare work that is in it
 *
 * A Data of n pages is about 128 n nodes of 64 bytes. Prints the time of nub_cap_hash() on it and
 * of a bare SHA-NI loop that hashes as many nodes over a buffer that stays in the cache, in the
 * same run and in turns, with the ratio of their medians. The bare loop is written here with the
 * compiler's intrinsics and takes the same two lanes: what the CPU gives, without a tree.
 */
#include "cap.h"
#include "sha256.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define SHANI  __attribute__((target("sha,sse4.1")))
#define ROUNDS 15

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static uint32_t padding_kw[64]; /* k + schedule of the block that pads 64 bytes */

static void
init_padding(void)
{
    uint32_t w[64] = { 0x80000000, [15] = 512 };

    for (int t = 16; t < 64; t++) {
        uint32_t a = w[t - 15], b = w[t - 2];
        uint32_t s0 = (a >> 7 | a << 25) ^ (a >> 18 | a << 14) ^ a >> 3;
        uint32_t s1 = (b >> 17 | b << 15) ^ (b >> 19 | b << 13) ^ b >> 10;

        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    for (int t = 0; t < 64; t++)
        padding_kw[t] = k[t] + w[t];
}

struct lane {
    __m128i abef, cdgh, m[4];
};

static inline __attribute__((always_inline)) SHANI void
quarter(struct lane *s, __m128i kw)
{
    s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, kw);
    s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

static inline __attribute__((always_inline)) SHANI void
step(struct lane *s, int i, int t)
{
    __m128i *m = s->m;

    if (t >= 16)
        m[i] =
            _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(m[i], m[(i + 1) & 3]),
                                               _mm_alignr_epi8(m[(i + 3) & 3], m[(i + 2) & 3], 4)),
                                 m[(i + 3) & 3]);
    quarter(s, _mm_add_epi32(m[i], _mm_loadu_si128((const __m128i *)&k[t])));
}

#define FOUR(T)                                                                                    \
    step(&a, 0, T), step(&b, 0, T), step(&a, 1, T + 4), step(&b, 1, T + 4), step(&a, 2, T + 8),    \
        step(&b, 2, T + 8), step(&a, 3, T + 12), step(&b, 3, T + 12)

static SHANI void
bare_pair(uint8_t *out, const uint8_t *in)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i abef = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
    const __m128i cdgh = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
    struct lane a = { abef, cdgh, { cdgh } }, b = a, a1, b1;

    for (int i = 0; i < 4; i++) {
        a.m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)in + i), swap);
        b.m[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)in + 4 + i), swap);
    }
    FOUR(0);
    FOUR(16);
    FOUR(32);
    FOUR(48);
    a.abef = a1.abef = _mm_add_epi32(a.abef, abef);
    a.cdgh = a1.cdgh = _mm_add_epi32(a.cdgh, cdgh);
    b.abef = b1.abef = _mm_add_epi32(b.abef, abef);
    b.cdgh = b1.cdgh = _mm_add_epi32(b.cdgh, cdgh);
    for (int t = 0; t < 64; t += 4) {
        __m128i kw = _mm_loadu_si128((const __m128i *)&padding_kw[t]);

        quarter(&a, kw);
        quarter(&b, kw);
    }
    a.abef = _mm_add_epi32(a.abef, a1.abef);
    a.cdgh = _mm_add_epi32(a.cdgh, a1.cdgh);
    b.abef = _mm_add_epi32(b.abef, b1.abef);
    b.cdgh = _mm_add_epi32(b.cdgh, b1.cdgh);
    /* the words of a digest in another order: the same work as in the right one */
    _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(a.abef, swap));
    _mm_storeu_si128((__m128i *)out + 1, _mm_shuffle_epi8(a.cdgh, swap));
    _mm_storeu_si128((__m128i *)out + 2, _mm_shuffle_epi8(b.abef, swap));
    _mm_storeu_si128((__m128i *)out + 3, _mm_shuffle_epi8(b.cdgh, swap));
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
time_bare(size_t nodes)
{
    static uint8_t in[128 * 64], out[64 * 64];
    double start = now();

    for (size_t i = 0; i < nodes; i += 2)
        bare_pair(out + i % 128 * 32, in + i % 128 * 64);
    memcpy(in, out, 32);
    return now() - start;
}

static double
time_data(const struct nub_cap *cap)
{
    struct nub_hash hash;
    double start = now();

    nub_cap_hash(&hash, cap);
    return now() - start;
}

static void
measure(const uint8_t *wire, size_t pages)
{
    const size_t repeat = pages < 4096 ? 4096 / pages : 1, nodes = 128 * pages * repeat;
    struct nub_slice slice = { wire, nub_data_wire_size(pages * NUB_PAGE_SIZE) };
    double bare[ROUNDS], data[ROUNDS];
    struct nub_cap cap;

    if (nub_cap_decode(&cap, slice, NULL))
        abort();
    for (int round = 0; round < ROUNDS; round++) {
        bare[round] = time_bare(nodes);
        data[round] = 0;
        for (size_t i = 0; i < repeat; i++)
            data[round] += time_data(&cap);
    }
    qsort(bare, ROUNDS, sizeof *bare, compare);
    qsort(data, ROUNDS, sizeof *data, compare);
    printf("hash %8zu KiB: %6.1f ns a node, bare loop %6.1f ns, %5.1f %% of bare, %.2f GB/s\n",
           pages * 4, data[ROUNDS / 2] / (double)nodes * 1e9,
           bare[ROUNDS / 2] / (double)nodes * 1e9, 100 * bare[ROUNDS / 2] / data[ROUNDS / 2],
           (double)(pages * repeat) * NUB_PAGE_SIZE / data[ROUNDS / 2] * 1e-9);
}

int
main(void)
{
    const size_t largest = 16384; /* 64 MiB */
    size_t size = nub_data_wire_size(largest * NUB_PAGE_SIZE);
    uint8_t *wire = malloc(size);

    if (!wire || !nub_sha256_select(NUB_SHA256_SHANI)) {
        puts("hash: this CPU has no SHA extensions; nothing to compare with");
        return 0;
    }
    init_padding();
    nub_data_encode(wire, (struct nub_slice){ NULL, 0 });
    for (size_t i = NUB_DATA_WIRE_HEADER; i < size; i++)
        wire[i] = (uint8_t)(i * 2654435761u >> 13 | 1);
    for (size_t pages = 1; pages <= largest; pages *= 16)
        measure(wire, pages);
    measure(wire, largest);
    free(wire);
    return 0;
}

#else

int
main(void)
{
    puts("hash: no SHA extensions on this architecture; nothing to compare with");
    return 0;
}

#endif
