/* bundle.h - the .nub file format (caps.md 5), as bytes
 *
 * "NUBCAPS1" and then List[List[uint8, 2^32], 2^20]: capabilities in wire form, referents first.
 */
#ifndef NUB_MODEL_BUNDLE_H
#define NUB_MODEL_BUNDLE_H

#include "failure.h"
#include <nub/plugin.h>

struct nub_bundle {
    struct nub_slice body; /* after the magic */
    uint32_t n_caps;       /* at least 1 */
};

/** Checks magic and offsets, not the capabilities themselves. BAD_ENCODING. */
enum nub_status nub_bundle_decode(struct nub_bundle *bundle, struct nub_slice file, struct nub_failure *failure);
/** The wire form of the i-th capability. */
struct nub_slice nub_bundle_cap(const struct nub_bundle *bundle, uint32_t i);
uint64_t nub_bundle_size(const struct nub_slice *caps, uint32_t n_caps);
void nub_bundle_encode(uint8_t *file, const struct nub_slice *caps, uint32_t n_caps);

#endif
