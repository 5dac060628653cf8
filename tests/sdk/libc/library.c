/* library.c - string.h, ctype.h, stdlib.h, and of time.h what needs no clock */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include "common.h"

/* lengths and positions around words: what a loop over words of eight bytes gets wrong */
static void
memory_functions(void)
{
    unsigned char a[96], b[96];
    uint64_t hash = 0xcbf29ce484222325;

    for (unsigned i = 0; i < 6000; i++) {
        size_t from = random_bits() % 16, to = random_bits() % 16, size = random_bits() % 65;
        for (size_t k = 0; k < sizeof a; k++)
            a[k] = b[k] = (unsigned char)(random_bits() % 4);
        switch (i % 4) {
        case 0:
            memcpy(a + to, b + from, size);
            break;
        case 1:
            memmove(a + to, a + from, size);
            break;
        case 2:
            memset(a + to, (int)(from * 77), size);
            break;
        case 3: {
            int order = memcmp(a + to, b + from, size);
            const unsigned char *found = memchr(a + to, 3, size);
            ptrdiff_t at = found ? found - a : -1;
            order = (order > 0) - (order < 0);
            mix(&hash, &order, sizeof order);
            mix(&hash, &at, sizeof at);
        }
        }
        mix(&hash, a, sizeof a);
    }
    printf("memory: %016" PRIx64 "\n", hash);
}

static void
mix_position(uint64_t *hash, const char *text, const char *found)
{
    ptrdiff_t at = found ? found - text : -1;

    mix(hash, &at, sizeof at);
}

static void
string_functions(void)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (unsigned i = 0; i < 6000; i++) {
        char buffer[128] = "", text[48] = "", other[12] = "";
        size_t start = random_bits() % 8, size = random_bits() % 30, few = random_bits() % 4;
        char *t = text + start;
        for (size_t k = 0; k < size; k++)
            t[k] = (char)('a' + random_bits() % 3);
        for (size_t k = 0; k < few; k++)
            other[k] = (char)('a' + random_bits() % 4);
        size_t n[] = { strlen(t), strnlen(t, 10), strspn(t, other), strcspn(t, other) };
        int order[] = { strcmp(t, other), strncmp(t, other, 2), strcoll(t, other) };
        for (size_t k = 0; k < COUNT(order); k++)
            order[k] = (order[k] > 0) - (order[k] < 0);
        mix(&hash, n, sizeof n);
        mix(&hash, order, sizeof order);
        mix_position(&hash, t, strchr(t, 'b'));
        mix_position(&hash, t, strrchr(t, 'b'));
        mix_position(&hash, t, strpbrk(t, other));
        mix_position(&hash, t, strstr(t, other));
        mix_position(&hash, t, strchr(t, '\0'));
        strcpy(buffer, t);
        strcat(buffer, other);
        strncat(buffer, t, 5);
        strncpy(buffer + 100, t, 20);
        mix(&hash, buffer, sizeof buffer);
        for (char *rest = t, *token; (token = strtok_r(rest, "b", &rest));)
            mix(&hash, token, strlen(token) + 1);
        mix(&hash, text, sizeof text);
    }
    char list[] = "/usr/bin::/bin:";
    for (char *token = strtok(list, ":"); token; token = strtok(NULL, ":"))
        printf("<%s> ", token);
    char *copy = strdup("copied");
    printf("strings: %016" PRIx64 " %s %s\n", hash, copy, strerror(0) ? "strerror" : "");
    free(copy);
}

static void
characters(void)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (int c = -1; c < 256; c++) {
        int is[] = { !!isalnum(c), !!isalpha(c),  !!isblank(c), !!iscntrl(c), !!isdigit(c),
                     !!isgraph(c), !!islower(c),  !!isprint(c), !!ispunct(c), !!isspace(c),
                     !!isupper(c), !!isxdigit(c), tolower(c),   toupper(c) };
        mix(&hash, is, sizeof is);
    }
    printf("characters: %016" PRIx64 "\n", hash);
}

static void
integers_from_text(void)
{
    static const char *const texts[] = { "0",
                                         "  -17tail",
                                         "+5",
                                         "0x1F",
                                         "077",
                                         "08",
                                         "z",
                                         "zz",
                                         "",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "-9223372036854775808",
                                         "-9223372036854775809",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "-1",
                                         "99999999999999999999999",
                                         "- 1",
                                         "2147483648" };
    static const int bases[] = { 0, 2, 8, 10, 16, 36 };

    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t j = 0; j < COUNT(bases); j++) {
            char *end;
            errno = 0;
            long a = strtol(texts[i], &end, bases[j]);
            int e = errno == ERANGE;
            errno = 0;
            unsigned long b = strtoul(texts[i], NULL, bases[j]);
            printf("%ld/%lu/%d/%d%d ", a, b, (int)(end - texts[i]), e, errno == ERANGE);
        }
        printf("%lld %d\n", strtoll(texts[i], NULL, 10), i < 10 ? atoi(texts[i]) : 0);
    }
    div_t d = div(-17, 5);
    ldiv_t l = ldiv(-170000000000, 7);
    printf("%d %d %ld %ld %d %ld %lld\n", d.quot, d.rem, l.quot, l.rem, abs(-3), labs(-4L),
           llabs(-5LL));
}

static int
by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
sorting(void)
{
    static uint32_t numbers[20000];
    const char *names[] = { "pear", "apple", "fig", "quince", "date", "cherry", "banana" };
    unsigned wrong = 0;

    for (unsigned kind = 0; kind < 4; kind++) { /* any, few different ones, in order, backwards */
        uint64_t before = 0, after = 0;
        for (size_t i = 0; i < COUNT(numbers); i++) {
            numbers[i] = kind == 0   ? (uint32_t)random_bits()
                         : kind == 1 ? (uint32_t)(random_bits() % 10)
                         : kind == 2 ? (uint32_t)i
                                     : (uint32_t)(COUNT(numbers) - i);
            before += numbers[i];
        }
        qsort(numbers, COUNT(numbers), sizeof numbers[0], by_value);
        for (size_t i = 0; i < COUNT(numbers); i++) {
            wrong += i && numbers[i - 1] > numbers[i];
            after += numbers[i];
        }
        wrong += before != after;
    }
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t key = (uint32_t)(random_bits() % 25000);
        const uint32_t *found = bsearch(&key, numbers, COUNT(numbers), sizeof numbers[0], by_value);
        wrong += found ? *found != key : key >= 1 && key <= COUNT(numbers);
    }
    qsort(names, COUNT(names), sizeof names[0], by_name);
    for (size_t i = 0; i < COUNT(names); i++)
        printf("%s ", names[i]);
    printf("sorting: %u wrong\n", wrong);
}

/* calendars, without asking what time it is */
static void
calendar(void)
{
    static const time_t times[] = { 0, 951782400, 1709164800, 4102444799, -1, 2147483648 };

    for (size_t i = 0; i < COUNT(times); i++) {
        char text[100];
        struct tm *tm = gmtime(&times[i]), copy = *tm;
        strftime(text, sizeof text,
                 "%Y-%m-%d %H:%M:%S %j %a %A %b %B %y %I %p %U %W %w %C %e %D %T %R %n%%", tm);
        printf("%s %d %ld\n", text, tm->tm_yday, (long)mktime(&copy));
    }
    struct tm tm = {
        .tm_year = 124, .tm_mon = 13, .tm_mday = -3, .tm_hour = 30, .tm_min = 75, .tm_sec = -1
    };
    printf("%ld ", (long)mktime(&tm));
    printf("%s", asctime(&tm));
    printf("%.1f\n", difftime(100, 40));
}

int
main(void)
{
    memory_functions();
    string_functions();
    characters();
    integers_from_text();
    sorting();
    calendar();
    return 0;
}
