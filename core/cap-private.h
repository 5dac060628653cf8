/* cap-private.h - NubCap for the files that make and read one */
#ifndef NUB_CAP_PRIVATE_H
#define NUB_CAP_PRIVATE_H

#include "cap.h"

#include <nub/cap.h>

/** The decoded form; points into the wire form. */
const struct nub_cap *nub_cap_view(NubCap *self);

/**
 * As nub_cap_new_from_wire(), for bytes that a backend has just hashed itself: `hash` is taken as theirs, so that
 * a commit to a large instance does not hash it twice.
 */
NubCap *nub_cap_new_hashed(GBytes *wire, const NubHash *hash, GError **error);

/** Takes over `wire` (from g_try_malloc) and checks it. */
NubCap *nub_cap_new_take(uint8_t *wire, gsize size, GError **error);

/** Memory for a wire form; NULL with INVALID_ARGUMENT above 2^32 - 1 bytes, or NO_MEMORY. */
uint8_t *nub_cap_alloc_wire(guint64 size, GError **error);

#endif
