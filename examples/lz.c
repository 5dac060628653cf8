/* lz.c - an LZ77 compressor and its inverse, on text that repeats itself
 *
 * A token is a byte: 0..127 says how many literals follow, 128..255 a match of 4..131 bytes whose
 * distance follows in two bytes. The result is the compressed size and a checksum, 0 if the text
 * did not come back.
 */
#include "example.h"

enum { TEXT = 32768, HASHES = 4096, MIN_MATCH = 4, MAX_MATCH = 131, MAX_LITERALS = 127 };

static uint8_t text[TEXT], packed[TEXT + TEXT / 64], unpacked[TEXT];
static uint16_t heads[HASHES]; /* where a four-byte string was seen last, plus 1 */

static void
write_text(uint64_t seed)
{
    static const char words[8][8] = { "capable",  "kernel ", "micro ", "instant",
                                      "gas and ", "pages ",  "the ",   "of\n" };
    unsigned at = 0;

    while (at < TEXT) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        const char *word = words[seed >> 61];
        for (unsigned i = 0; i < 8 && word[i] && at < TEXT; i++)
            text[at++] = (uint8_t)word[i];
    }
}

static unsigned
hash_at(unsigned at)
{
    uint32_t word;

    __builtin_memcpy(&word, text + at, 4);
    return word * 2654435761u >> 20;
}

static unsigned
match_length(unsigned from, unsigned at)
{
    unsigned n = 0;

    while (n < MAX_MATCH && at + n < TEXT && text[from + n] == text[at + n])
        n++;
    return n;
}

static unsigned
put_literals(unsigned out, unsigned from, unsigned to)
{
    while (from < to) {
        unsigned n = to - from < MAX_LITERALS ? to - from : MAX_LITERALS;
        packed[out++] = (uint8_t)n;
        for (unsigned i = 0; i < n; i++)
            packed[out++] = text[from++];
    }
    return out;
}

static unsigned
compress(void)
{
    unsigned out = 0, literals = 0, at = 0;

    __builtin_memset(heads, 0, sizeof heads);
    while (at + MIN_MATCH <= TEXT) {
        unsigned hash = hash_at(at), from = heads[hash];
        heads[hash] = (uint16_t)(at + 1);
        unsigned n = from ? match_length(from - 1, at) : 0;
        if (n < MIN_MATCH) {
            at++;
            continue;
        }
        out = put_literals(out, literals, at);
        unsigned distance = at - (from - 1);
        packed[out++] = (uint8_t)(128 + n - MIN_MATCH);
        packed[out++] = (uint8_t)distance;
        packed[out++] = (uint8_t)(distance >> 8);
        at += n;
        literals = at;
    }
    return put_literals(out, literals, TEXT);
}

static unsigned
decompress(unsigned size)
{
    unsigned out = 0;

    for (unsigned in = 0; in < size;) {
        unsigned token = packed[in++];
        if (token < 128) {
            for (; token; token--)
                unpacked[out++] = packed[in++];
            continue;
        }
        unsigned distance = packed[in] | (unsigned)packed[in + 1] << 8;
        in += 2;
        for (unsigned n = token - 128 + MIN_MATCH; n; n--, out++)
            unpacked[out] = unpacked[out - distance];
    }
    return out;
}

static uint64_t
example(uint64_t seed)
{
    uint64_t sum = 0;

    write_text(seed);
    unsigned size = compress();
    if (decompress(size) != TEXT || __builtin_memcmp(text, unpacked, TEXT) != 0)
        return 0;
    for (unsigned i = 0; i < size; i++)
        sum = sum * 31 + packed[i];
    return sum << 16 | size;
}
