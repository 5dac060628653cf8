/* compiled.h - a compiled program with everything that it needed, for the tests of the compiler */
#ifndef NUB_TEST_COMPILED_H
#define NUB_TEST_COMPILED_H

#include "jit.h"

struct nub_compiled {
    struct nub_jit_sizes sizes;
    struct nub_jit_code code;
    uint8_t *text, *tables, *work;
};

/** Where the code is placed. */
#define NUB_TEST_ADDRESS 0x10000u

/** Compiles into buffers of the measured sizes, and checks that nothing beyond them was written. */
void nub_test_compile(struct nub_compiled *c, const struct nub_program *program, uint32_t gas_model, uint32_t addressing, uint32_t features);
void nub_test_release(struct nub_compiled *c);

/** So many bytes 0xEE behind a buffer show that they were not written to. */
#define NUB_TEST_GUARD 64
void nub_test_assert_guarded(const uint8_t *block, uint64_t size);

#endif
