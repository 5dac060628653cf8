/* add.c - the smallest program in C: one endpoint that adds its two arguments */
#include <nub-guest.h>

NUB_EXPORT uint64_t
add(uint64_t a, uint64_t b)
{
    return a + b;
}
