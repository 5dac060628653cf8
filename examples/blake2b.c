/* blake2b.c - BLAKE2b-256 of 1 KiB: additions, rotations, a 16-word state */
#include "example.h"
#include "blake2b.h"

static uint8_t message[1024];

static uint64_t
example(uint64_t seed)
{
    uint8_t digest[32];
    uint64_t result;

    for (unsigned i = 0; i < 8; i++)
        message[i] = (uint8_t)(seed >> (8 * i));
    blake2b(digest, 32, message, sizeof message);
    __builtin_memcpy(&result, digest, sizeof result);
    return result;
}
