/* bytes.h - little-endian numbers and hashes in byte strings */
#ifndef NUB_MODEL_BYTES_H
#define NUB_MODEL_BYTES_H

#include "mem.h"
#include <nub/types.h>
#include <stdbool.h>

static inline uint16_t
nub_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
nub_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t
nub_le64(const uint8_t *p)
{
    return (uint64_t)nub_le32(p) | (uint64_t)nub_le32(p + 4) << 32;
}

static inline void
nub_put_le32(uint8_t *p, uint32_t x)
{
    p[0] = (uint8_t)x;
    p[1] = (uint8_t)(x >> 8);
    p[2] = (uint8_t)(x >> 16);
    p[3] = (uint8_t)(x >> 24);
}

static inline void
nub_put_le64(uint8_t *p, uint64_t x)
{
    nub_put_le32(p, (uint32_t)x);
    nub_put_le32(p + 4, (uint32_t)(x >> 32));
}

static inline bool
nub_hash_equal(const struct nub_hash *a, const struct nub_hash *b)
{
    /* the built-in is expanded in place in freestanding code, too */
    return __builtin_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool
nub_hash_is_zero(const struct nub_hash *hash)
{
    uint8_t any = 0;
    for (unsigned i = 0; i < sizeof hash->bytes; i++)
        any |= hash->bytes[i];
    return any == 0;
}

#endif
