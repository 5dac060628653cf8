/* fuzz.h - what a fuzz target is: one function, driven by libFuzzer or by fuzz-smoke.c */
#ifndef NUB_FUZZ_H
#define NUB_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** Never reads beyond `size`; ends the process (FUZZ_CHECK) when a promise is broken. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition) \
    do {                      \
        if (!(condition))     \
            __builtin_trap(); \
    } while (0)

#endif
