/* model-test.h - helpers that the tests of core/model share */
#ifndef NUB_MODEL_TEST_H
#define NUB_MODEL_TEST_H

#include "alloc.h"
#include "cap.h"
#include <glib.h>

/** A failure that has been set up as callers must. */
#define NUB_TEST_FAILURE { .struct_size = sizeof(struct nub_failure) }

/** Lower-case hex to bytes; g_error on anything else. */
GByteArray *nub_test_unhex(const char *hex);
struct nub_hash nub_test_unhex_hash(const char *hex);
char *nub_test_hex(const void *bytes, gsize size);
struct nub_slice nub_test_slice(const GByteArray *bytes);

/**
 * An allocator that counts what is live, fails the `fail_at`-th call (1 = the first; 0 = never),
 * and scribbles over what is freed.
 */
struct nub_test_alloc {
    struct nub_alloc alloc;
    guint64 live_bytes;
    guint64 live_blocks;
    guint64 calls;
    guint64 fail_at;
};
void nub_test_alloc_init(struct nub_test_alloc *test, gboolean with_blobs);

/** A small capability as a test makes it; free with g_free. Mentions may be NULL. */
struct nub_test_cap {
    guint8 wire[2048];
    struct nub_slice slice;
    struct nub_hash hash;
};
struct nub_test_cap *nub_test_new_type(guint64 number);
struct nub_test_cap *nub_test_new_cnode(guint first_slot, const struct nub_hash *const *mentions, guint n);
struct nub_test_cap *nub_test_new_image(const struct nub_hash *pinned, const struct nub_hash *initial);
struct nub_test_cap *nub_test_new_instance(const struct nub_hash *image, const struct nub_hash *root_cnode, guint64 reg);

/** encode(decode(x)): what the encoders make of a view. */
GByteArray *nub_test_encode_again(const struct nub_cap *cap);
/** The wire form decodes, has this hash, and is what encoding it again gives. */
void nub_test_check_cap(const GByteArray *wire, const char *hash_hex);
void nub_test_check_cap_hex(const char *wire_hex, const char *hash_hex);

#define nub_test_assert_hash(a, b)                               \
    g_assert_cmpmem((a)->bytes, 32, (b)->bytes, 32)

#endif
