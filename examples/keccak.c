/* keccak.c - Keccak-256 of 1 KiB: 25 words of state, more than there are registers */
#include "example.h"
#include "keccak.h"

static uint8_t message[1024];

static uint64_t
example(uint64_t seed)
{
    uint8_t digest[32];
    uint64_t result;

    for (unsigned i = 0; i < 8; i++)
        message[i] = (uint8_t)(seed >> (8 * i));
    keccak256(digest, message, sizeof message);
    __builtin_memcpy(&result, digest, sizeof result);
    return result;
}
