/* local-fixture.h - kernels, images and instances for the tests of backends/local */
#ifndef NUB_TEST_LOCAL_FIXTURE_H
#define NUB_TEST_LOCAL_FIXTURE_H

#include "local-private.h"
#include <glib.h>

/** A program, its endpoints (at entry pcs, initial registers zero but for ra = the halt address) and its memory. */
struct test_image {
    const uint8_t *code;
    uint32_t code_size;
    const uint8_t *bitmask; /* NULL: every byte starts an instruction */
    const uint32_t *jump_table;
    uint32_t n_jump;
    const uint64_t *entries;
    uint32_t n_entries; /* 0: one at pc 0 */
    const struct nub_mapping *mappings;
    uint32_t n_mappings;
    const struct nub_slot_entry *pinned, *initial;
    uint32_t n_pinned, n_initial;
};

/** What a combination of options is called in messages. */
struct test_mode {
    const char *name;
    bool guard, threaded;
};
extern const struct test_mode test_modes[4]; /* [0] is the oracle */

/** malloc, and the large blobs of the product. */
extern const struct nub_alloc test_alloc;

struct nub_local *test_local_new(const struct test_mode *mode);
/** Puts a capability; it must succeed. */
struct nub_hash test_put_data(struct nub_local *local, const void *bytes, uint64_t size);
struct nub_hash test_put_image(struct nub_local *local, const struct test_image *image);
struct nub_hash test_put_instance(struct nub_local *local, const struct nub_hash *image, uint64_t mem_size, const struct nub_overlay *overlays, uint32_t n_overlays);
/** An instance of one image with `mem_size` bytes of memory. */
struct nub_hash test_put_program(struct nub_local *local, const void *code, uint32_t size, uint64_t mem_size);
/** Bitmask with a bit at each of `starts`, which ends with the code's size. */
void test_bitmask(uint8_t *mask, const uint32_t *starts, uint32_t n, uint32_t code_size);
/** Calls endpoint 0 with args and 10^9 gas; the call must succeed. */
struct nub_result test_invoke(struct nub_local *local, const struct nub_hash *instance, uint64_t a0, uint64_t a1);

#endif
