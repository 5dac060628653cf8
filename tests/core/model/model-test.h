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

#define nub_test_assert_hash(a, b)                               \
    g_assert_cmpmem((a)->bytes, 32, (b)->bytes, 32)

#endif
