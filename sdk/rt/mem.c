/* mem.c - the functions that a compiler calls without being told to
 *
 * Whole words where eight bytes are left: this machine has no alignment rule.
 */
#include <stddef.h>
#include <stdint.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

void *
memcpy(void *restrict to, const void *restrict from, size_t size)
{
    char *t = to;
    const char *f = from;

    for (; size >= 32; size -= 32, t += 32, f += 32) {
        word a = ((const word *)f)[0], b = ((const word *)f)[1];
        word c = ((const word *)f)[2], d = ((const word *)f)[3];
        ((word *)t)[0] = a;
        ((word *)t)[1] = b;
        ((word *)t)[2] = c;
        ((word *)t)[3] = d;
    }
    for (; size >= 8; size -= 8, t += 8, f += 8)
        *(word *)t = *(const word *)f;
    for (; size; size--)
        *t++ = *f++;
    return to;
}

void *
memmove(void *to, const void *from, size_t size)
{
    char *t = to;
    const char *f = from;

    if ((uintptr_t)t - (uintptr_t)f >= size) {
        for (; size >= 8; size -= 8, t += 8, f += 8)
            *(word *)t = *(const word *)f;
        for (; size; size--)
            *t++ = *f++;
    } else {
        for (; size >= 8; size -= 8)
            *(word *)(t + size - 8) = *(const word *)(f + size - 8);
        for (; size; size--)
            t[size - 1] = f[size - 1];
    }
    return to;
}

void *
memset(void *to, int byte, size_t size)
{
    char *t = to;
    word pattern = (uint8_t)byte * 0x0101010101010101ull;

    for (; size >= 8; size -= 8, t += 8)
        *(word *)t = pattern;
    for (; size; size--)
        *t++ = (char)byte;
    return to;
}

int
memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;

    for (; size >= 8 && *(const word *)x == *(const word *)y; size -= 8, x += 8, y += 8)
        ;
    for (; size; size--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}
