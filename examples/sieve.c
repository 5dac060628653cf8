/* sieve.c - the primes below 100,000: byte stores with a stride */
#include "example.h"

#define LIMIT 100000u

static uint8_t composite[LIMIT];

static uint64_t
example(uint64_t seed)
{
    uint64_t sum = seed;

    for (uint32_t i = 0; i < LIMIT; i++)
        composite[i] = 0;
    for (uint32_t i = 2; i < LIMIT; i++) {
        if (composite[i])
            continue;
        sum += i;
        for (uint64_t j = (uint64_t)i * i; j < LIMIT; j += i)
            composite[j] = 1;
    }
    return sum;
}
