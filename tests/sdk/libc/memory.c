/* memory.c - malloc, calloc, realloc, aligned_alloc and free: blocks keep what is in them, and an
 * end is said
 *
 * With an argument, the heap is of that many bytes and nobody else's: it is used up, given back and
 * used again.
 */
#include <errno.h>
#include <stdlib.h>
#include "common.h"

struct block {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
};

static unsigned errors;

static void
check(const struct block *b)
{
    for (size_t i = 0; i < b->size; i++)
        errors += b->bytes[i] != (unsigned char)(b->mark + i);
}

static void
fill(struct block *b, size_t from)
{
    for (size_t i = from; i < b->size; i++)
        b->bytes[i] = (unsigned char)(b->mark + i);
}

/* of all sizes up to 4 KiB, most of them small; 200 at a time */
static void
stress(void)
{
    static struct block blocks[200];

    for (unsigned i = 0; i < 15000; i++) {
        struct block *b = &blocks[random_bits() % COUNT(blocks)];
        size_t size = random_bits() % (random_bits() % 8 ? 100 : 4096) + 1;
        check(b);
        switch (random_bits() % 4) {
        case 0:
            free(b->bytes);
            *b = (struct block){ .bytes = malloc(size), .size = size, .mark = (unsigned char)i };
            fill(b, 0);
            break;
        case 1:
            free(b->bytes);
            *b = (struct block){ .bytes = calloc(size, 1), .size = size, .mark = 0 };
            for (size_t k = 0; k < size; k++)
                errors += b->bytes[k] != 0;
            fill(b, 0);
            break;
        case 2: {
            size_t kept = b->size < size ? b->size : size;
            b->bytes = realloc(b->bytes, size);
            b->size = size;
            fill(b, kept);
            break;
        }
        case 3:
            free(b->bytes);
            *b = (struct block){ 0 };
            break;
        }
        errors += (uintptr_t)b->bytes % 16 != 0;
    }
    for (size_t i = 0; i < COUNT(blocks); i++) {
        check(&blocks[i]);
        free(blocks[i].bytes);
    }
}

static void
no_memory(void)
{
    void *volatile kept = malloc(100);
    size_t volatile most = SIZE_MAX, half = SIZE_MAX / 2 + 1; /* not for the compiler to see */

    errno = 0;
    printf("%d", malloc(most - 64) == NULL && errno == ENOMEM);
    errno = 0;
    printf("%d", calloc(half, 2) == NULL && errno == ENOMEM);
    errno = 0;
    printf("%d", realloc(kept, half) == NULL && errno == ENOMEM);
    printf("%d\n", kept != NULL);
    free(kept);
    free(NULL);
}

/* how many blocks there is room for */
static unsigned
exhaust(size_t size)
{
    unsigned count = 0;
    void **first = NULL, **next;

    errno = 0;
    while ((next = malloc(size))) {
        memset(next, (int)count, size);
        *next = first;
        first = next;
        count++;
    }
    errors += errno != ENOMEM;
    for (; first; first = next) {
        next = *first;
        free(first);
    }
    return count;
}

static void
use_up(size_t heap)
{
    unsigned before = exhaust(1000), small = exhaust(16), after = exhaust(1000);

    /* the library's own blocks take a little; what was given back is there again, in any size */
    if (before < heap / 1000 * 9 / 10 || small < heap / 32 * 9 / 10 || after != before)
        printf("of %zu bytes: %u, %u and %u blocks\n", heap, before, small, after);
    void *volatile most = malloc(heap / 2); /* in one piece; a stream's buffer stands somewhere */
    errors += most == NULL;
    free(most);
}

int
main(int argc, char **argv)
{
    stress();
    no_memory();
    if (argc > 1)
        use_up(strtoul(argv[1], NULL, 10));
    void *aligned = aligned_alloc(256, 512);
    errors += !aligned || (uintptr_t)aligned % 256 != 0;
    free(aligned);
    printf("%u errors\n", errors);
    return errors != 0;
}
