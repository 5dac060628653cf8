/* fib.c - a million Fibonacci additions: the bare loop */
#include "example.h"

static uint64_t
example(uint64_t seed)
{
    uint64_t a = seed, b = 1;

    for (uint32_t i = 0; i < 1000000; i++) {
        uint64_t next = a + b;
        a = b;
        b = next;
    }
    return a;
}
