/* test-heap.c - the guest's heap, run on the host against a plain list of what is allocated */
#include "heap.h"
#include <glib.h>
#include <string.h>

#define SIZE ((size_t)4 << 20)

struct block {
    uint8_t *bytes;
    size_t size, lead;
    enum { SMALL, BLOB, PAGES } kind;
    uint8_t fill;
};

static struct heap heap;
static uint8_t *memory;

static void
begin(void)
{
    memory = g_aligned_alloc0(1, SIZE, 4096);
    heap_init(&heap, memory, SIZE);
}

static void
end(void)
{
    g_aligned_free(memory);
}

static void
check(const struct block *block)
{
    g_assert_true(block->bytes >= memory && block->bytes + block->size <= memory + SIZE);
    for (size_t i = 0; i < block->size; i++)
        g_assert_cmpuint(block->bytes[i], ==, block->fill);
}

static bool
allocate(struct block *block)
{
    block->kind = (unsigned)g_test_rand_int_range(0, 3);
    block->size = (size_t)1 << g_test_rand_int_range(0, 20);
    block->size += (size_t)g_test_rand_int_range(0, (int)block->size);
    block->lead = 0;
    if (block->kind == PAGES) {
        block->size = (block->size + 4095) & ~(size_t)4095;
        block->bytes = heap_pages(&heap, block->size / 4096);
        g_assert_cmpuint((uintptr_t)block->bytes % 4096, ==, 0);
    } else if (block->kind == BLOB) {
        block->lead = (size_t)g_test_rand_int_range(0, 300);
        block->bytes = heap_blob_new(&heap, block->size, block->lead);
        if (block->bytes && block->size >= block->lead + 4096)
            g_assert_cmpuint((uintptr_t)(block->bytes + block->lead) % 4096, ==, 0);
    } else {
        block->bytes = heap_realloc(&heap, NULL, 0, block->size);
        g_assert_cmpuint((uintptr_t)block->bytes % 16, ==, 0);
    }
    if (!block->bytes)
        return false;
    block->fill = (uint8_t)g_test_rand_int();
    memset(block->bytes, block->fill, block->size);
    return true;
}

static void
release(struct block *block)
{
    check(block);
    if (block->kind == PAGES)
        heap_pages_free(&heap, block->bytes, block->size / 4096);
    else if (block->kind == BLOB)
        heap_blob_free(&heap, block->bytes, block->size, block->lead);
    else
        heap_realloc(&heap, block->bytes, block->size, 0);
    block->bytes = NULL;
}

/* Random allocations, checked to keep their bytes; at the end everything is one piece again. */
static void
test_model(void)
{
    struct block blocks[64] = { 0 };
    uint64_t available, live = 0;
    unsigned refused = 0;

    begin();
    available = heap_available(&heap);
    for (unsigned i = 0; i < 20000; i++) {
        struct block *block = &blocks[g_test_rand_int_range(0, G_N_ELEMENTS(blocks))];
        if (block->bytes) {
            release(block);
            live--;
        } else if (allocate(block)) {
            live++;
        } else {
            refused++;
        }
        g_assert_cmpuint(heap.allocations, ==, live);
        g_assert_cmpuint(heap_available(&heap), <=, available);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++) {
        if (blocks[i].bytes)
            release(&blocks[i]);
    }
    g_test_message("%u of 20000 did not fit", refused);
    g_assert_cmpuint(refused, >, 0);
    g_assert_cmpuint(heap.allocations, ==, 0);
    g_assert_cmpuint(heap.allocated_bytes, ==, 0);
    g_assert_cmpuint(heap.fragments, ==, 1);
    g_assert_cmpuint(heap_available(&heap), ==, available);
    end();
}

static void
test_realloc(void)
{
    uint8_t *block;

    begin();
    block = heap_realloc(&heap, NULL, 0, 10);
    memcpy(block, "0123456789", 10);
    for (size_t size = 10; size < 100000; size = size * 3 / 2) {
        block = heap_realloc(&heap, block, size, size * 3 / 2);
        g_assert_cmpmem(block, 10, "0123456789", 10);
    }
    end();
}

static void
test_trim(void)
{
    uint64_t available;
    void *run;

    begin();
    available = heap_available(&heap);
    run = heap_pages(&heap, 100);
    heap_pages_trim(&heap, run, 100, 3);
    g_assert_cmpuint(heap_available(&heap), ==, available - 3 * 4096);
    heap_pages_free(&heap, run, 3);
    g_assert_cmpuint(heap_available(&heap), ==, available);
    g_assert_cmpuint(heap.fragments, ==, 1);
    end();
}

/* What cannot be had is refused, and refusing changes nothing. */
static void
test_refusals(void)
{
    static const uint64_t pages[] = { 0,          SIZE / 4096,       SIZE / 4096 + 1,
                                      UINT32_MAX, (uint64_t)1 << 40, UINT64_MAX };

    begin();
    for (gsize i = 0; i < G_N_ELEMENTS(pages); i++)
        g_assert_null(heap_pages(&heap, pages[i]));
    g_assert_null(heap_realloc(&heap, NULL, 0, SIZE));
    g_assert_null(heap_blob_new(&heap, SIZE_MAX - 5000, 5));
    g_assert_cmpuint(heap.allocations, ==, 0);
    end();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/guest/heap/keeps-what-is-written-and-comes-together-again", test_model);
    g_test_add_func("/guest/heap/a-block-grows-with-its-bytes", test_realloc);
    g_test_add_func("/guest/heap/a-run-is-trimmed", test_trim);
    g_test_add_func("/guest/heap/what-cannot-be-had-is-refused", test_refusals);
    return g_test_run();
}
