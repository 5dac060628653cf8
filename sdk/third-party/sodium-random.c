/* sodium-random.c - what libsodium gets in place of a system's randomness: a fixed sequence
 *
 * For its tests only. A guest has no randomness unless the host offers it.
 */
#include <sodium.h>

static unsigned char seed[randombytes_SEEDBYTES];

static const char *
name(void)
{
    return "nub-fixed";
}

static void
fill(void *const bytes, const size_t size)
{
    randombytes_buf_deterministic(bytes, size, seed);
    sodium_increment(seed, sizeof seed);
}

static uint32_t
word(void)
{
    uint32_t value;

    fill(&value, sizeof value);
    return value;
}

/* before main: sodium_init asks for randomness first of all */
__attribute__((constructor)) static void
install(void)
{
    static randombytes_implementation fixed = {
        .implementation_name = name,
        .random = word,
        .buf = fill,
    };

    randombytes_set_implementation(&fixed);
}
