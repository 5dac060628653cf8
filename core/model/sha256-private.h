/* sha256-private.h - the two implementations behind sha256.h
 *
 * A node is 64 bytes, exactly one block; what follows it in the padded message is the same
 * second block for every node, so its message schedule is a constant.
 */
#ifndef NUB_MODEL_SHA256_PRIVATE_H
#define NUB_MODEL_SHA256_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

/** FIPS 180-4's round constants. */
extern const uint32_t nub_sha256_k[64];
/** Round constant + message schedule of the block that pads a message of 64 bytes. */
extern const uint32_t nub_sha256_node_padding[64];
/** The initial state. */
extern const uint32_t nub_sha256_init[8];

#if defined(__x86_64__)
/** Whether this CPU has SHA-NI and the SSE levels that go with it. */
int nub_sha256_shani_present(void);
void nub_sha256_shani_blocks(uint32_t state[8], const uint8_t *blocks, size_t n);
void nub_sha256_shani_nodes(uint8_t *parents, const uint8_t *nodes, size_t n);
#endif

#endif
