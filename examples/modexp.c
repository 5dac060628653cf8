/* modexp.c - a 256-bit modular power with a 64-bit exponent: wide multiplications and carries */
#include "example.h"
#include "modexp.h"

static uint64_t
example(uint64_t seed)
{
    static const struct u256 modulus = { { 0xffffffff00000001ull, 0x53bda402fffe5bfeull,
                                           0x3339d80809a1d805ull, 0x73eda753299d7d48ull } };
    struct u256 base = { { seed, ~seed, seed * 3, 0x1234567ull } };
    struct u256 power = u256_pow(base, 0xb5297a4d3f84d5b5ull, modulus);

    return power.w[0] ^ power.w[1] ^ power.w[2] ^ power.w[3];
}
