/* program.c - what test-gdb.c debugs; it names these lines */
#include <nub-guest.h>

static volatile uint64_t total = 7;

__attribute__((noinline)) static uint64_t
square(uint64_t x)
{
    total += x;
    return x * x;
}

__attribute__((noinline)) static uint64_t
sum(uint64_t n)
{
    uint64_t s = 0;
    for (uint64_t i = 1; i <= n; i++)
        s += square(i);
    return s;
}

NUB_EXPORT uint64_t
start(uint64_t n)
{
    uint64_t s = sum(n);
    return s + total; /* line 26 */
}

NUB_EXPORT uint64_t
spin(void)
{
    for (;;)
        total++;
}
