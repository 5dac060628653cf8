/* keccak-private.h - Keccak-256 (padding 0x01, as Ethereum uses it), for the standard host calls */
#ifndef NUB_KECCAK_PRIVATE_H
#define NUB_KECCAK_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

void nub_keccak_256(uint8_t digest[32], const uint8_t *data, size_t size);

#endif
