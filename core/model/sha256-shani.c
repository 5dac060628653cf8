/* sha256-shani.c - SHA-256 with the SHA extensions of x86-64
 *
 * sha256rnds2 waits for its own result, so one message at a time leaves the unit idle half of
 * the time; nodes are hashed two at a time, which is what the registers hold without spilling.
 * Only compiler built-ins that gcc and clang share: <immintrin.h> pulls in libc. Called only
 * after nub_sha256_shani_present(); see sha256.c.
 */
#include "sha256-private.h"

#if defined(__x86_64__)
#include <cpuid.h>

#define SHANI       __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE      static inline __attribute__((always_inline)) SHANI
#define LANES       2
#define BLOCK_SIZE  64
#define DIGEST_SIZE 32

typedef uint32_t u32x4 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef char i8x16 __attribute__((vector_size(16)));
typedef uint32_t u32x4_unaligned __attribute__((vector_size(16), aligned(1), may_alias));

/* The state in the order that sha256rnds2 wants it (lane 0 first: F E B A and H G D C), and
 * the last sixteen words of the message schedule. */
struct lane {
    u32x4 abef, cdgh;
    u32x4 w[4];
};

int
nub_sha256_shani_present(void)
{
    const unsigned ssse3 = 1u << 9, sse41 = 1u << 19, sha = 1u << 29;
    unsigned eax, ebx, ecx, edx;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & ssse3) || !(ecx & sse41))
        return 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & sha);
}

INLINE u32x4
load(const void *p)
{
    return *(const u32x4_unaligned *)p;
}

INLINE void
store(void *p, u32x4 x)
{
    *(u32x4_unaligned *)p = x;
}

/* Big-endian words to native ones and back. */
INLINE u32x4
swap_bytes(u32x4 x)
{
    const i8x16 order = { 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12 };

    return (u32x4)__builtin_ia32_pshufb128((i8x16)x, order);
}

INLINE void
four_rounds(struct lane *lane, u32x4 kw)
{
    u32x4 upper = __builtin_shufflevector(kw, kw, 2, 3, 2, 3);

    lane->cdgh = (u32x4)__builtin_ia32_sha256rnds2((i32x4)lane->cdgh, (i32x4)lane->abef, (i32x4)kw);
    lane->abef =
        (u32x4)__builtin_ia32_sha256rnds2((i32x4)lane->abef, (i32x4)lane->cdgh, (i32x4)upper);
}

/* Replaces the oldest four schedule words, w[i], by the next four. */
INLINE void
extend(struct lane *lane, unsigned i)
{
    u32x4 *w = lane->w;
    u32x4 seven_back = __builtin_shufflevector(w[(i + 2) % 4], w[(i + 3) % 4], 1, 2, 3, 4);
    u32x4 sum = (u32x4)__builtin_ia32_sha256msg1((i32x4)w[i], (i32x4)w[(i + 1) % 4]) + seven_back;

    w[i] = (u32x4)__builtin_ia32_sha256msg2((i32x4)sum, (i32x4)w[(i + 3) % 4]);
}

/* Loops over lanes and rounds are written out: as loops, gcc 12 keeps the lanes in memory. */

INLINE void
step(struct lane *lanes, unsigned n, unsigned i, const uint32_t *k, int first)
{
    u32x4 ki = load(k + 4 * i);

    if (!first)
        extend(&lanes[0], i);
    four_rounds(&lanes[0], lanes[0].w[i] + ki);
    if (n > 1) {
        if (!first)
            extend(&lanes[1], i);
        four_rounds(&lanes[1], lanes[1].w[i] + ki);
    }
}

INLINE void
sixteen_rounds(struct lane *lanes, unsigned n, const uint32_t *k, int first)
{
    step(lanes, n, 0, k, first);
    step(lanes, n, 1, k, first);
    step(lanes, n, 2, k, first);
    step(lanes, n, 3, k, first);
}

INLINE void
load_block(struct lane *lane, const uint8_t *block)
{
    lane->w[0] = swap_bytes(load(block));
    lane->w[1] = swap_bytes(load(block + 16));
    lane->w[2] = swap_bytes(load(block + 32));
    lane->w[3] = swap_bytes(load(block + 48));
}

INLINE void
add_state(struct lane *lane, const struct lane *before)
{
    lane->abef += before->abef;
    lane->cdgh += before->cdgh;
}

/* One block of each of `n` lanes, 1 or 2; the blocks lie one after the other. */
INLINE void
compress(struct lane *lanes, unsigned n, const uint8_t *blocks)
{
    struct lane before[LANES] = { lanes[0], lanes[n - 1] };

    load_block(&lanes[0], blocks);
    if (n > 1)
        load_block(&lanes[1], blocks + BLOCK_SIZE);
    sixteen_rounds(lanes, n, nub_sha256_k, 1);
    sixteen_rounds(lanes, n, nub_sha256_k + 16, 0);
    sixteen_rounds(lanes, n, nub_sha256_k + 32, 0);
    sixteen_rounds(lanes, n, nub_sha256_k + 48, 0);
    add_state(&lanes[0], &before[0]);
    if (n > 1)
        add_state(&lanes[1], &before[1]);
}

INLINE void
four_padding_rounds(struct lane *lanes, unsigned n, const uint32_t *kw)
{
    four_rounds(&lanes[0], load(kw));
    if (n > 1)
        four_rounds(&lanes[1], load(kw));
}

INLINE void
sixteen_padding_rounds(struct lane *lanes, unsigned n, const uint32_t *kw)
{
    four_padding_rounds(lanes, n, kw);
    four_padding_rounds(lanes, n, kw + 4);
    four_padding_rounds(lanes, n, kw + 8);
    four_padding_rounds(lanes, n, kw + 12);
}

/* The block that pads a node: no schedule to compute. */
INLINE void
compress_padding(struct lane *lanes, unsigned n)
{
    struct lane before[LANES] = { lanes[0], lanes[n - 1] };

    sixteen_padding_rounds(lanes, n, nub_sha256_node_padding);
    sixteen_padding_rounds(lanes, n, nub_sha256_node_padding + 16);
    sixteen_padding_rounds(lanes, n, nub_sha256_node_padding + 32);
    sixteen_padding_rounds(lanes, n, nub_sha256_node_padding + 48);
    add_state(&lanes[0], &before[0]);
    if (n > 1)
        add_state(&lanes[1], &before[1]);
}

INLINE void
lane_load(struct lane *lane, const uint32_t state[8])
{
    u32x4 abcd = load(state), efgh = load(state + 4);

    lane->abef = __builtin_shufflevector(abcd, efgh, 5, 4, 1, 0);
    lane->cdgh = __builtin_shufflevector(abcd, efgh, 7, 6, 3, 2);
}

INLINE u32x4
lane_abcd(const struct lane *lane)
{
    return __builtin_shufflevector(lane->abef, lane->cdgh, 3, 2, 7, 6);
}

INLINE u32x4
lane_efgh(const struct lane *lane)
{
    return __builtin_shufflevector(lane->abef, lane->cdgh, 1, 0, 5, 4);
}

SHANI void
nub_sha256_shani_blocks(uint32_t state[8], const uint8_t *blocks, size_t n)
{
    struct lane lane;

    lane_load(&lane, state);
    for (; n; n--, blocks += BLOCK_SIZE)
        compress(&lane, 1, blocks);
    store(state, lane_abcd(&lane));
    store(state + 4, lane_efgh(&lane));
}

INLINE void
store_digest(uint8_t *digest, const struct lane *lane)
{
    store(digest, swap_bytes(lane_abcd(lane)));
    store(digest + 16, swap_bytes(lane_efgh(lane)));
}

INLINE void
hash_nodes(uint8_t *parents, const uint8_t *nodes, unsigned n)
{
    struct lane lanes[LANES];

    lane_load(&lanes[0], nub_sha256_init);
    lanes[n - 1] = lanes[0];
    compress(lanes, n, nodes);
    compress_padding(lanes, n);
    store_digest(parents, &lanes[0]);
    if (n > 1)
        store_digest(parents + DIGEST_SIZE, &lanes[1]);
}

SHANI void
nub_sha256_shani_nodes(uint8_t *parents, const uint8_t *nodes, size_t n)
{
    for (; n >= LANES; n -= LANES, nodes += LANES * BLOCK_SIZE, parents += LANES * DIGEST_SIZE)
        hash_nodes(parents, nodes, LANES);
    for (; n; n--, nodes += BLOCK_SIZE, parents += DIGEST_SIZE)
        hash_nodes(parents, nodes, 1);
}

#endif
