/* text.c - printf and scanf with every conversion, flag and width, and floats to and from text */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include "common.h"

static void
integers(void)
{
    static const char *const formats[] = {
        "%d",       "%5d|", "%-5d|", "%05d", "%+d",  "% d", "%.3d", "%8.3d|",
        "%-+8.3d|", "%u",   "%o",    "%#o",  "%x",   "%#X", "%08x", "%#10x|",
        "%hhd",     "%hu",  "%i",    "%.0d", "%.0x", "%c",  "%3c|", "%-3c|"
    };
    static const int values[] = { 0, 1, -1, 42, 65, 255, -12345, INT_MAX, INT_MIN };
    static const char *const wide[] = { "%lld", "%+lld", "%020lld", "%-22lld|",
                                        "%llx", "%#llo", "%llu",    "%.19lld" };
    static const long long wide_values[] = { 0, -1, 1234567890123456789, LLONG_MAX, LLONG_MIN };

    for (size_t i = 0; i < COUNT(formats); i++) {
        for (size_t j = 0; j < COUNT(values); j++) {
            if (strchr(formats[i], 'c') && values[j] != 65)
                continue;
            printf(formats[i], values[j]);
            putchar(' ');
        }
        putchar('\n');
    }
    for (size_t i = 0; i < COUNT(wide); i++) {
        for (size_t j = 0; j < COUNT(wide_values); j++) {
            printf(wide[i], wide_values[j]);
            putchar(' ');
        }
        putchar('\n');
    }
    printf("%ld %lu %zu %td %jd %" PRIu64 " %" PRIx8 "\n", LONG_MIN, ULONG_MAX, sizeof(int),
           (ptrdiff_t)-7, INTMAX_MAX, UINT64_MAX, (uint8_t)200);
    printf("%*d|%-*d|%.*d|%*d|%%\n", 6, 42, 6, 42, 4, 42, -5, 42);
    printf("%2$s %1$d %2$.2s %1$05d\n", 77, "positions");
}

static void
strings(void)
{
    char small[8];
    int written = -1, length;

    printf("%s|%10s|%-10s|%.3s|%10.3s|%-10.3s|%.0s|\n", "words", "words", "words", "words", "words",
           "words", "words");
    printf("%d%n characters\n", 12345, &written);
    printf("%d\n", written);
    length = snprintf(small, sizeof small, "%s", "longer than that");
    printf("%d '%s'\n", length, small);
    length = snprintf(NULL, 0, "%d-%s-%g", 12, "ab", 0.5);
    printf("%d\n", length);
    length = snprintf(small, 1, "%d", 7);
    printf("%d '%s'\n", length, small);
    length = sprintf(small, "%x", 0xabcdef);
    printf("%d '%s'\n", length, small);
}

static void
floats(void)
{
    static const double values[] = { 0.0,      -0.0,      1.0,         -1.0,  0.1,      0.5,
                                     1.5,      2.5,       0.05,        1e10,  1e21,     123456.0,
                                     99999.25, 1e-5,      0.000123456, 1e100, 1e308,    DBL_MAX,
                                     DBL_MIN,  5e-324,    1.0 / 3,     M_PI,  INFINITY, -INFINITY,
                                     0.375,    9.9999995, 1e15,        1e16,  1e17,     4e-310,
                                     100.0,    0.0001 };
    static const char *const formats[] = {
        "%f",    "%.0f", "%#.0f", "%.1f", "%.2f", "%10.3f|", "%-10.3f|", "%+.1f", "%010.2f", "% f",
        "%e",    "%.0e", "%.15e", "%E",   "%g",   "%G",      "%#g",      "%.3g",  "%.17g",   "%.0g",
        "%12g|", "%a",   "%A",    "%.1a", "%.0a", "%20a|",   "%.60f",    "%.40g", "%F"
    };

    for (size_t i = 0; i < COUNT(formats); i++) {
        for (size_t j = 0; j < COUNT(values); j++) {
            /* how a subnormal's first hexadecimal digit is chosen is up to the library */
            if (strpbrk(formats[i], "aA") && fabs(values[j]) < DBL_MIN && values[j] != 0)
                continue;
            printf(formats[i], values[j]);
            putchar(' ');
        }
        putchar('\n');
    }
    printf("%f %F %g %5.1f|\n", NAN, NAN, NAN, NAN);
}

/* each number as text, its bits from text again */
static void
round_trips(void)
{
    static const char *const formats[] = { "%.17g", "%.16e", "%a", "%.3f", "%g" };
    uint64_t hash = 0xcbf29ce484222325;
    char text[400];
    unsigned lost = 0;

    for (unsigned i = 0; i < 5000; i++) {
        double x = random_double();
        const char *format = formats[i % COUNT(formats)];
        int length = snprintf(text, sizeof text, format, x);
        char *end;
        double y = strtod(text, &end);
        if (!(strchr(format, 'a') && fabs(x) < DBL_MIN)) /* see above */
            mix(&hash, text, (size_t)length);
        mix(&hash, &y, sizeof y);
        if (end != text + length)
            printf("%s: stopped at %s\n", text, end);
        lost += i % COUNT(formats) < 3 && x != y;
        float f = strtof(text, NULL);
        mix(&hash, &f, sizeof f);
    }
    printf("round trips: %u lost, %016" PRIx64 "\n", lost, hash);
}

static void
from_text(void)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "  12.5xyz",
        "1e400",
        "-1e400",
        "1e-400",
        "4.9e-324",
        "2.4e-324",
        "2.5e-324",
        "inf",
        "-INFINITY",
        "nan",
        "0x1.8p3",
        "0x.8p-1074",
        "0x1p-1075",
        "0x1.00000000000008p0",
        "0x1.00000000000018p0",
        ".",
        "e5",
        "1e",
        "1e+",
        "+.5e1",
        "9007199254740993",
        "9007199254740993.00000000000000000000000000000001",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "2.2250738585072011e-308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649"
        "017977587207096330286416692887910946555547851940402630657488671505820681908902000708383"
        "676273854845817711531764475730270069855571366959622842914819860834936475292719074168444"
        "365510704342711559699508093042880",
        "",
        "-",
        "0x",
        "0x.p1",
        "1_000"
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        char *end;
        errno = 0;
        double x = strtod(texts[i], &end);
        /* whether an inexact subnormal is out of range differs; newlib says nothing of a
         * hexadecimal zero */
        int ranged = errno == ERANGE && (isinf(x) || (x == 0 && !strchr(texts[i], 'x')));
        printf("%.20s: %016" PRIx64 " %d %d", texts[i], isnan(x) ? 1 : bits_of_double(x),
               (int)(end - texts[i]), ranged);
        printf(" %a\n", isinf(strtof(texts[i], NULL)) ? 1e300 : strtof(texts[i], NULL) * 1.0);
    }
}

static int
scan(const char *text, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    int n = vsscanf(text, format, list);
    va_end(list);
    return n;
}

static void
scanning(void)
{
    int i = -1, j = -1, n = -1;
    unsigned u = 0, v = 0;
    long long wide = 0;
    short s = 0;
    signed char c = 0;
    double d = 0, e = 0;
    float f = 0;
    char word[20] = "", set[20] = "", letters[4] = "";

    printf("%d", scan(" 42 -7", "%d%d", &i, &j));
    printf(" %d %d\n", i, j);
    printf("%d", scan("0x1f 077 12", "%i%i%n%i", &i, &j, &n, &u));
    printf(" %d %d %d %u\n", i, j, n, u);
    printf("%d", scan("ff 17 99", "%x %o %u", &u, &v, &i));
    printf(" %u %u %d\n", u, v, i);
    printf("%d", scan("-9223372036854775808 -129 300", "%lld %hhd %hd", &wide, &c, &s));
    printf(" %lld %d %d\n", wide, c, s);
    printf("%d", scan("3.25e2 -.5 +1e-2", "%lf %f %lg", &d, &f, &e));
    printf(" %g %g %g\n", d, f, e);
    printf("%d", scan("word [a-c]abcabcd xyz", "%s [a-c]%[a-c]%3c", word, set, letters));
    printf(" %s %s %.3s\n", word, set, letters);
    printf("%d", scan("12345", "%2d%3d", &i, &j));
    printf(" %d %d\n", i, j);
    printf("%d", scan("7 skipped 8", "%d %*s %d", &i, &j));
    printf(" %d %d\n", i, j);
    printf("%d %d %d %d\n", scan("", "%d", &i), scan("x", "%d", &i), scan("5,", "%d,%d", &i, &j),
           scan("100%", "%d%%", &i));
    printf("%d", scan("a:b", "%[^:]:%s", word, set));
    printf(" %s %s\n", word, set);
    printf("%d", scan("inf nan", "%lf %lf", &d, &e));
    printf(" %d %d\n", isinf(d) != 0, isnan(e) != 0);
}

int
main(void)
{
    integers();
    strings();
    floats();
    round_trips();
    from_text();
    scanning();
    return 0;
}
