/* sha256.h - SHA-256 (FIPS 180-4), shaped for merkle trees
 *
 * The work of nub is hashing 64-byte nodes to 32-byte parents, many at a time; that form has its
 * own entry, which interleaves two nodes where the CPU has SHA-NI.
 */
#ifndef NUB_MODEL_SHA256_H
#define NUB_MODEL_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum nub_sha256_path { NUB_SHA256_AUTO = 0, NUB_SHA256_PORTABLE = 1, NUB_SHA256_SHANI = 2 };

/** Digest of any byte string. */
void nub_sha256(uint8_t digest[32], const void *data, size_t size);

/**
 * Digests of `n` nodes of 64 bytes each, to `n` x 32 bytes. `parents` may be equal to `nodes`
 * (in place), else they must not overlap.
 */
void nub_sha256_nodes(uint8_t *parents, const uint8_t *nodes, size_t n);

/** The path in use; AUTO never. Chosen by CPUID at first use. */
enum nub_sha256_path nub_sha256_current(void);
/** For tests and benchmarks: takes this path from now on (AUTO: chooses again at next use); 0 when the CPU lacks it. */
int nub_sha256_select(enum nub_sha256_path path);

#endif
