/* variadic.c - unnamed arguments of every shape, from frames of every depth: the same natively and
 * in a guest */
#include <nub-guest.h>
#include <stdarg.h>

#define NOINLINE __attribute__((noinline)) static

struct by_address {
    uint64_t w[3];
};

struct pair {
    uint64_t w[2];
};

NOINLINE uint64_t
sum(va_list list, int n)
{
    uint64_t s = 0;

    for (int i = 0; i < n; i++) {
        s *= 31;
        switch (i % 5) {
        case 0:
            s += (uint64_t)va_arg(list, int);
            break;
        case 1:
            s += (uint64_t)va_arg(list, long double);
            break;
        case 2:
            s += (uint64_t)va_arg(list, __int128);
            break;
        case 3:
            s += va_arg(list, struct by_address).w[2];
            break;
        default:
            s += va_arg(list, struct pair).w[1];
            break;
        }
    }
    return s;
}

NOINLINE uint64_t
twice(int n, ...)
{
    va_list list, again;

    va_start(list, n);
    va_copy(again, list);
    uint64_t s = sum(list, n) + sum(again, n);
    va_end(again);
    va_end(list);
    return s;
}

NOINLINE uint64_t
after_two(int n, int named, ...)
{
    va_list list;

    va_start(list, named);
    uint64_t s = sum(list, n);
    va_end(list);
    return s;
}

/* nothing unnamed is in a register */
NOINLINE uint64_t
after_seven(int n, int b, int c, int d, int e, int f, int named, ...)
{
    va_list list;

    va_start(list, named);
    uint64_t s = sum(list, n);
    va_end(list);
    return s + (uint64_t)(b + c + d + e + f);
}

#define FIVE                                                                                       \
    1, 2.0L, (__int128)3, (struct by_address){ { 4, 5, 6 } }, (struct pair)                        \
    {                                                                                              \
        {                                                                                          \
            7, 8                                                                                   \
        }                                                                                          \
    }

/* callers whose frames differ by a slot; clang aligns those that pass a long double on the stack,
 * not these */
#define CALLER(name, slots, call)                                                                  \
    NOINLINE uint64_t name(uint64_t x)                                                             \
    {                                                                                              \
        volatile uint64_t room[slots];                                                             \
        for (int i = 0; i < (slots); i++)                                                          \
            room[i] = x;                                                                           \
        return (call) + 0 * room[slots - 1];                                                       \
    }
CALLER(one, 1, twice(2, 1, 2.0L))
CALLER(two, 2, twice(2, 1, 2.0L))
CALLER(three, 3, twice(3, 1, 2.0L, (__int128)3))
CALLER(four, 4, twice(3, 1, 2.0L, (__int128)3))
CALLER(five, 1, after_two(2, 0, 1, 2.0L) + after_two(5, 0, FIVE) * 3)
CALLER(six, 2, after_two(2, 0, 1, 2.0L) + after_two(5, 0, FIVE) * 3)
CALLER(seven, 1, twice(10, FIVE, FIVE) + after_seven(5, 0, 0, 0, 0, 0, 0, FIVE) * 3)
CALLER(eight, 2, twice(10, FIVE, FIVE) + after_seven(5, 0, 0, 0, 0, 0, 0, FIVE) * 3)

NUB_EXPORT uint64_t
call(uint64_t which)
{
    static uint64_t (*const callers[])(
        uint64_t) = { one, two, three, four, five, six, seven, eight };

    return which < 8 ? callers[which](which) : 0;
}
