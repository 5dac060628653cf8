/* mem.c - the four functions that freestanding code asks for (core/model/mem.h)
 *
 * Hashes and packets are short, pages are long: below 64 bytes eight at a time, above that the
 * string instructions, which this guest's CPUs run at full speed. Nothing here may be compiled
 * into a call of itself: see the flags of this file in CMakeLists.txt. */
#include "mem.h"
#include <stdint.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *
memcpy(void *restrict dst, const void *restrict src, size_t size)
{
    uint8_t *to = dst;
    const uint8_t *from = src;

    if (size >= 64) {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
        return dst;
    }
    for (; size >= 8; size -= 8, to += 8, from += 8)
        *(word *)to = *(const word *)from;
    for (; size > 0; size--)
        *to++ = *from++;
    return dst;
}

void *
memmove(void *dst, const void *src, size_t size)
{
    uint8_t *to = dst;
    const uint8_t *from = src;

    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(dst, src, size);
    while (size-- > 0)
        to[size] = from[size];
    return dst;
}

void *
memset(void *dst, int byte, size_t size)
{
    uint8_t *to = dst;

    if (size >= 64) {
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
        return dst;
    }
    for (; size >= 8; size -= 8, to += 8)
        *(word *)to = 0x0101010101010101u * (uint8_t)byte;
    for (; size > 0; size--)
        *to++ = (uint8_t)byte;
    return dst;
}

int
memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *p = a, *q = b;

    for (; size >= 8; size -= 8, p += 8, q += 8) {
        if (*(const word *)p != *(const word *)q)
            break;
    }
    for (; size > 0; size--, p++, q++) {
        if (*p != *q)
            return *p - *q;
    }
    return 0;
}
