/* model-test.c - helpers that the tests of core/model share */
#include "model-test.h"
#include "bytes.h"
#include <string.h>

GByteArray *
nub_test_unhex(const char *hex)
{
    gsize size = strlen(hex) / 2;
    GByteArray *bytes = g_byte_array_sized_new(size);

    g_byte_array_set_size(bytes, size);
    g_assert_cmpuint(strlen(hex) % 2, ==, 0);
    for (gsize i = 0; i < size; i++) {
        g_assert_true(g_ascii_isxdigit(hex[2 * i]) && g_ascii_isxdigit(hex[2 * i + 1]));
        bytes->data[i] =
            g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]);
    }
    return bytes;
}

struct nub_hash
nub_test_unhex_hash(const char *hex)
{
    g_autoptr(GByteArray) bytes = nub_test_unhex(hex);
    struct nub_hash hash;

    g_assert_cmpuint(bytes->len, ==, sizeof hash);
    memcpy(&hash, bytes->data, sizeof hash);
    return hash;
}

char *
nub_test_hex(const void *bytes, gsize size)
{
    GString *hex = g_string_sized_new(2 * size);

    for (gsize i = 0; i < size; i++)
        g_string_append_printf(hex, "%02x", ((const guint8 *)bytes)[i]);
    return g_string_free(hex, FALSE);
}

struct nub_slice
nub_test_slice(const GByteArray *bytes)
{
    struct nub_slice slice = { bytes->data, bytes->len };

    return slice;
}

static gboolean
may_allocate(struct nub_test_alloc *test)
{
    return ++test->calls != test->fail_at;
}

static void *
test_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    struct nub_test_alloc *test = ctx;
    void *moved = NULL;

    if (new_size > 0) {
        if (!may_allocate(test))
            return NULL;
        moved = g_malloc(new_size); /* always moves, so that stale pointers are found */
        memset(moved, 0xa5, new_size);
        if (block)
            memcpy(moved, block, MIN(old_size, new_size));
        test->live_bytes += new_size;
        test->live_blocks++;
    }
    if (block) {
        g_assert_cmpuint(test->live_bytes, >=, old_size);
        test->live_bytes -= old_size;
        test->live_blocks--;
        memset(block, 0xdd, old_size);
        g_free(block);
    }
    return moved;
}

static gboolean
has_pages(size_t size, size_t lead)
{
    return size >= lead + NUB_PAGE_SIZE;
}

/* A blob keeps where its block began in the 16 bytes before it. */
static uint8_t *
test_blob_new(void *ctx, size_t size, size_t lead)
{
    struct nub_test_alloc *test = ctx;
    uint8_t *block, *blob;

    if (!may_allocate(test))
        return NULL;
    block = g_malloc(size + 16 + (has_pages(size, lead) ? NUB_PAGE_SIZE : 0));
    blob = block + 16;
    while (has_pages(size, lead) && ((guintptr)blob + lead) % NUB_PAGE_SIZE)
        blob++;
    memcpy(blob - sizeof block, &block, sizeof block);
    test->live_bytes += size;
    test->live_blocks++;
    return blob;
}

static void
test_blob_free(void *ctx, uint8_t *blob, size_t size, size_t lead)
{
    struct nub_test_alloc *test = ctx;
    uint8_t *block;

    if (has_pages(size, lead))
        g_assert_cmpuint(((guintptr)blob + lead) % NUB_PAGE_SIZE, ==, 0);
    memcpy(&block, blob - sizeof block, sizeof block);
    memset(blob, 0xdd, size);
    test->live_bytes -= size;
    test->live_blocks--;
    g_free(block);
}

void
nub_test_alloc_init(struct nub_test_alloc *test, gboolean with_blobs)
{
    memset(test, 0, sizeof *test);
    test->alloc.ctx = test;
    test->alloc.realloc = test_realloc;
    if (with_blobs) {
        test->alloc.blob_new = test_blob_new;
        test->alloc.blob_free = test_blob_free;
    }
}

/* ---- capabilities -------------------------------------------------------------------------- */

static void
finish(struct nub_test_cap *made, gsize size)
{
    struct nub_cap cap;

    g_assert_cmpuint(size, <=, sizeof made->wire);
    made->slice.data = made->wire;
    made->slice.size = size;
    g_assert_cmpint(nub_cap_decode(&cap, made->slice, NULL), ==, NUB_OK);
    nub_cap_hash(&made->hash, &cap);
}

struct nub_test_cap *
nub_test_new_type(guint64 number)
{
    struct nub_test_cap *made = g_new0(struct nub_test_cap, 1);
    struct nub_hash chain = { { 1 } };

    nub_put_le64(chain.bytes + 8, number);
    nub_type_encode(made->wire, &chain);
    finish(made, NUB_TYPE_WIRE_SIZE);
    return made;
}

struct nub_test_cap *
nub_test_new_cnode(guint first_slot, const struct nub_hash *const *mentions, guint n)
{
    struct nub_test_cap *made = g_new0(struct nub_test_cap, 1);
    struct nub_slot_entry entries[50];

    g_assert_cmpuint(n, <=, G_N_ELEMENTS(entries));
    for (guint i = 0; i < n; i++) {
        entries[i].slot = first_slot + i;
        entries[i].cap = *mentions[i];
    }
    nub_cnode_encode(made->wire, 6, entries, n);
    finish(made, nub_cnode_wire_size(n));
    return made;
}

struct nub_test_cap *
nub_test_new_image(const struct nub_hash *pinned, const struct nub_hash *initial)
{
    struct nub_test_cap *made = g_new0(struct nub_test_cap, 1);
    struct nub_slot_entry a = { 5, { { 0 } } }, b = { 5, { { 0 } } };
    struct nub_image_spec spec = { .pinned = &a, .initial = &b };

    if (pinned) {
        a.cap = *pinned;
        spec.n_pinned = 1;
    }
    if (initial) {
        b.cap = *initial;
        spec.n_initial = 1;
    }
    nub_image_encode(made->wire, &spec);
    finish(made, nub_image_wire_size(&spec));
    return made;
}

struct nub_test_cap *
nub_test_new_instance(const struct nub_hash *image, const struct nub_hash *root_cnode, guint64 reg)
{
    struct nub_test_cap *made = g_new0(struct nub_test_cap, 1);
    struct nub_instance_spec spec = { .regs = { reg } };

    if (image)
        spec.image = *image;
    if (root_cnode)
        spec.root_cnode = *root_cnode;
    nub_instance_encode(made->wire, &spec);
    finish(made, nub_instance_wire_size(&spec));
    return made;
}
