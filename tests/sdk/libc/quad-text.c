/* quad-text.c - long double to and from text: printf's %Lf, %Le, %Lg and %La, strtold and scanf */
#define _GNU_SOURCE 1
#include <float.h>
#include <inttypes.h>
#include <stdlib.h>
#include "quad.h"

static char text[5100 + 200];

static void
formats(void)
{
    static const uint64_t values[][2] = {
        { 0, 0 },
        { 0x8000000000000000, 0 },
        { 0x3fff000000000000, 0 },                  /* 1 */
        { 0x3ffe000000000000, 0 },                  /* 0.5 */
        { 0xbfff800000000000, 0 },                  /* -1.5 */
        { 0x3ffb999999999999, 0x999999999999999a }, /* 0.1 */
        { 0x3ffd555555555555, 0x5555555555555555 }, /* 1/3 */
        { 0x4000921fb54442d1, 0x8469898cc51701b8 }, /* pi */
        { 0x7ffeffffffffffff, 0xffffffffffffffff }, /* the largest */
        { 0x0001000000000000, 0 },                  /* the smallest normal one */
        { 0, 1 },                                   /* the smallest */
        { 0x7fff000000000000, 0 },
        { 0xffff000000000000, 0 },
        { 0x7fff800000000000, 0 },
        { 0x4076343fe5ee7e7c, 0x8a3fbd34b6a5ab0b }, /* about 1e36 */
        { 0x3ff1a36e2eb1c432, 0xca57a786c226809d }, /* 0.0001 */
        { 0x40c6ffffffffffff, 0xffffffffffffffff }, /* whole numbers of many digits */
        { 0x3f8e000000000000, 0x0000000000000001 },
    };

    static const char *const formats[] = {
        "%" LONG "f",      "%.0" LONG "f",    "%#.0" LONG "f", "%.50" LONG "f", "%+12.3" LONG "f",
        "%020.2" LONG "f", "%-12.1" LONG "f", "%" LONG "e",    "%.0" LONG "e",  "%.35" LONG "e",
        "%.100" LONG "e",  "%" LONG "E",      "%" LONG "g",    "%.36" LONG "g", "%#" LONG "g",
        "%.3" LONG "g",    "%" LONG "G",      "%" LONG "a",    "%" LONG "A",    "%.3" LONG "a",
        "%.0" LONG "a",    "%.27" LONG "a",
    };

    for (size_t i = 0; i < COUNT(values); i++) {
        quad x = quad_of(values[i][0], values[i][1]);
        int subnormal = !(values[i][0] & 0x7fff000000000000) && values[i][1];
        for (size_t k = 0; k < COUNT(formats); k++) {
            /* how a subnormal's first hexadecimal digit is chosen is up to the library */
            if (subnormal && strpbrk(formats[k], "aA"))
                continue;
            quad_print(text, sizeof text, formats[k], x);
            printf("%s|", text);
        }
        putchar('\n');
    }
}

/* with as many digits as a quad needs or with fewer or more, and what comes back from them */
static void
round_trips(void)
{
    static const char *const formats[] = { "%.*" LONG "e", "%.*" LONG "g", "%.*" LONG "f",
                                           "%" LONG "a" };
    uint64_t hash = 0xcbf29ce484222325;
    unsigned lost = 0;

    for (unsigned i = 0; i < 120; i++) {
        quad x = random_quad();
        unsigned kind = i % 4;
        int enough = i % 8 < 4, digits = enough ? 36 : (int)(random_bits() % 45);
        int length = kind == 3 ? quad_print(text, sizeof text, formats[kind], x)
                               : quad_print(text, sizeof text, formats[kind], digits, x);
        char *end;
        quad y = quad_from_text(text, &end);
        if (kind != 3) /* see above */
            mix(&hash, text, (size_t)length);
        mix(&hash, &y, sizeof y);
        if (end != text + length)
            printf("%s: stopped at %s\n", text, end);
        lost += ((enough && kind < 2) || kind == 3) && x != y;
    }
    printf("%u lost, %016" PRIx64 "\n", lost, hash);
}

static void
from_text(void)
{
    static const char *const texts[] = {
        "0",
        "-0",
        " 12.5xyz",
        "1e5000",
        "-1e5000",
        "1e-5000",
        "6.5e-4966",
        "3.2e-4966",
        "3.3e-4966",
        "inf",
        "-infinity",
        "0x1.8p3",
        "0x1p-16494",
        "0x1.8p-16495",
        "0x1.ffffffffffffffffffffffffffff8p0",
        "0x1.00000000000000000000000000008p0",
        "0x1.00000000000000000000000000018p0",
        "1.18973149535723176508575932662800702e4932",
        "1.18973149535723176508575932662800708e4932",
        "3.36210314311209350626267781732175260e-4932",
        "10384593717069655257060992658440193",
        "5192296858534827628530496329220096.5",
        "5192296858534827628530496329220097.5",
        "5192296858534827628530496329220096."
        "500000000000000000000000000000000000000000000000000000000000000001",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        char *end;
        quad x = quad_from_text(texts[i], &end);
        uint64_t words[2];
        memcpy(words, &x, sizeof words);
        printf("%s: %016" PRIx64 ":%016" PRIx64 " %d\n", texts[i], words[1], words[0],
               (int)(end - texts[i]));
    }
}

/* the guest's scanf and printf with several arguments; libquadmath has no scanf */
static void
mixed(void)
{
#ifdef __riscv
    long double a = 0, b = 0;
    double d = 0;
    int n = sscanf("1.25 1.875e-1 7.5", "%Lf %La %lf", &a, &b, &d);

    printf("%d %Lg %Lg %g %s\n", n, a, b, d, "after");
    printf("%d %Lf %s %5.1Lf %d\n", 1, a, "between", b, 2);
#else
    printf("3 1.25 0.1875 7.5 after\n");
    printf("1 1.250000 between   0.2 2\n");
#endif
}

int
main(void)
{
    formats();
    round_trips();
    from_text();
    mixed();
    return 0;
}
