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
    uint64_t short_run; /* gas before a run gets a window */
};
#define TEST_N_MODES 5
extern const struct test_mode test_modes[TEST_N_MODES]; /* [0] is the oracle */

/** malloc, and the large blobs of the product. */
extern const struct nub_alloc test_alloc;

struct nub_local *test_local_new(const struct test_mode *mode);
/** A session at endpoint 0 with 10^9 gas; it must open. */
void *test_session(struct nub_local *local, const struct nub_hash *instance, uint64_t a0, uint64_t a1);
/** Puts a capability; it must succeed. */
struct nub_hash test_put_data(struct nub_local *local, const void *bytes, uint64_t size);
struct nub_hash test_put_image(struct nub_local *local, const struct test_image *image);
struct nub_hash test_put_instance(struct nub_local *local, const struct nub_hash *image, uint64_t mem_size, const struct nub_overlay *overlays, uint32_t n_overlays);
/** Code that is written one instruction after the other. */
struct test_code {
    uint8_t code[1024], mask[128];
    uint32_t size;
};
/** Appends an instruction; fields that its class lacks are not looked at. Its pc. */
uint32_t test_emit(struct test_code *code, struct nub_insn insn);
/** An instance of the code, at pc 0, with `mem_size` bytes of memory. */
struct nub_hash test_put_program(struct nub_local *local, const struct test_code *code, uint64_t mem_size);
/** The kernel that tests of both memories and interpreters run on; `windows` of `guard`. */
struct nub_local *test_local_with(const struct test_mode *mode, const struct nub_alloc *alloc, uint32_t windows);
/** Calls endpoint 0 with args and 10^9 gas; the call must succeed. */
struct nub_result test_invoke(struct nub_local *local, const struct nub_hash *instance, uint64_t a0, uint64_t a1);

#endif
