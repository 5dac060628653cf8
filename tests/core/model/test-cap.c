/* test-cap.c - reading views, and the limits that no file of vectors can hold */
#include "bytes.h"
#include "cap.h"
#include "cap-wire.h"
#include "model-test.h"
#include <string.h>
#include <sys/mman.h>

static void
assert_bad(struct nub_slice wire, const char *message)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_cap cap;

    g_assert_cmpint(nub_cap_decode(&cap, wire, &failure), ==, NUB_ERR_BAD_ENCODING);
    g_assert_cmpstr(failure.message, ==, message);
}

/* An Image of zeros, mapped but not touched, whose variable fields have these sizes. */
static void
assert_bad_image(guint64 code, guint64 bitmask, guint64 jump_table, const char *message)
{
    guint64 size = 1 + NUB_WIRE_IMAGE_FIXED + code + bitmask + jump_table + 1;
    uint8_t *wire = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    guint32 offset = NUB_WIRE_IMAGE_FIXED;
    guint64 sizes[] = { code, bitmask, jump_table, 0, 0, 0, 0, 0 };

    g_assert_true(wire != MAP_FAILED);
    wire[0] = NUB_CAP_IMAGE;
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        nub_put_le32(wire + 1 + NUB_WIRE_IMAGE_CODE + 4 * i, offset);
        offset += (guint32)sizes[i];
    }
    assert_bad((struct nub_slice){ wire, size }, message);
    munmap(wire, size);
}

static void
test_limits(void)
{
    guint8 byte = NUB_CAP_DATA;

    assert_bad((struct nub_slice){ &byte, G_GUINT64_CONSTANT(1) << 32 },
               "capability: 4294967296 bytes are not shorter than 2^32");
    assert_bad_image((1 << 28) + 1, (1 << 25) + 1, 0,
                     "Image.code: 268435457 bytes are more than 268435456");
    assert_bad_image(0, 0, 4 * ((1 << 24) + 1),
                     "Image.jump_table: 16777217 items are more than 16777216");
}

static void
test_kind_names(void)
{
    g_assert_cmpstr(nub_cap_kind_name(NUB_CAP_INSTANCE), ==, "Instance");
    g_assert_cmpstr(nub_cap_kind_name(NUB_CAP_TYPE), ==, "Type");
    g_assert_cmpstr(nub_cap_kind_name((enum nub_cap_kind)77), ==, "unknown kind");
}

static void
test_slots(void)
{
    struct nub_slot_entry entries[100];
    g_autofree guint8 *wire = g_malloc(nub_cnode_wire_size(G_N_ELEMENTS(entries)));
    struct nub_slice slice = { wire, nub_cnode_wire_size(G_N_ELEMENTS(entries)) };
    struct nub_hash hash;
    struct nub_cap cap;

    for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
        entries[i].slot = 3 + i * 7;
        memset(&entries[i].cap, (int)i + 1, sizeof entries[i].cap);
    }
    nub_cnode_encode(wire, 16, entries, G_N_ELEMENTS(entries));
    g_assert_cmpint(nub_cap_decode(&cap, slice, NULL), ==, NUB_OK);
    for (guint slot = 0; slot < 800; slot++) {
        gboolean there = slot >= 3 && (slot - 3) % 7 == 0 && (slot - 3) / 7 < 100;

        g_assert_cmpint(nub_slots_find(&cap.u.cnode.entries, slot, &hash), ==, there);
        if (there)
            nub_test_assert_hash(&hash, &entries[(slot - 3) / 7].cap);
    }
    for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
        g_assert_cmpuint(nub_slots_at(&cap.u.cnode.entries, i, &hash), ==, entries[i].slot);
        nub_test_assert_hash(&hash, &entries[i].cap);
    }
    cap.u.cnode.entries.n = 0;
    g_assert_false(nub_slots_find(&cap.u.cnode.entries, 3, &hash));
}

struct visits {
    guint n, stop_after;
    struct nub_hash hashes[16];
};

static bool
visit(void *ctx, const struct nub_hash *hash)
{
    struct visits *visits = ctx;

    visits->hashes[visits->n++] = *hash;
    return visits->n != visits->stop_after;
}

static void
test_references(void)
{
    struct nub_hash a = { { 1 } }, b = { { 2 } };
    const struct nub_hash *both[] = { &a, &b, &a };
    g_autofree struct nub_test_cap *image = nub_test_new_image(&b, &a);
    g_autofree struct nub_test_cap *instance = nub_test_new_instance(&a, &b, 0);
    g_autofree struct nub_test_cap *half = nub_test_new_instance(NULL, &b, 0);
    g_autofree struct nub_test_cap *none = nub_test_new_instance(NULL, NULL, 0);
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(4, both, 3);
    g_autofree struct nub_test_cap *type = nub_test_new_type(1);
    const struct {
        const struct nub_test_cap *cap;
        const char *order;
    } rows[] = { { image, "ba" }, { instance, "ab" }, { half, "b" },
                 { none, "" },    { cnode, "aba" },   { type, "" } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint want = strlen(rows[i].order);
        struct visits visits = { 0 };
        struct nub_cap cap;

        g_assert_cmpint(nub_cap_decode(&cap, rows[i].cap->slice, NULL), ==, NUB_OK);
        g_assert_true(nub_cap_each_reference(&cap, visit, &visits));
        g_assert_cmpuint(visits.n, ==, want);
        for (guint k = 0; k < want; k++)
            nub_test_assert_hash(&visits.hashes[k], rows[i].order[k] == 'a' ? &a : &b);
        for (guint stop = 1; stop <= want; stop++) {
            visits = (struct visits){ .stop_after = stop };
            g_assert_false(nub_cap_each_reference(&cap, visit, &visits));
            g_assert_cmpuint(visits.n, ==, stop);
        }
    }
}

static void
test_data_is_padded(void)
{
    static const gsize sizes[] = { 0, 1, 4095, 4096, 4097 };

    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree guint8 *content = g_malloc(sizes[i] + 1);
        guint64 size = nub_data_wire_size(sizes[i]);
        g_autofree guint8 *wire = g_malloc(size);
        struct nub_cap cap;

        memset(content, 0x5a, sizes[i]);
        memset(wire, 0xee, size);
        nub_data_encode(wire, (struct nub_slice){ content, sizes[i] });
        g_assert_cmpint(nub_cap_decode(&cap, (struct nub_slice){ wire, size }, NULL), ==, NUB_OK);
        g_assert_cmpuint(cap.u.data.size, ==, (sizes[i] + 4095) / 4096 * 4096);
        g_assert_cmpmem(cap.u.data.data, sizes[i], content, sizes[i]);
        for (gsize at = sizes[i]; at < cap.u.data.size; at++)
            g_assert_cmpint(cap.u.data.data[at], ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/cap/limits-above-a-megabyte", test_limits);
    g_test_add_func("/model/cap/kinds-have-names", test_kind_names);
    g_test_add_func("/model/cap/slots-are-found-by-number", test_slots);
    g_test_add_func("/model/cap/mentions-come-in-field-order", test_references);
    g_test_add_func("/model/cap/data-is-padded-to-pages", test_data_is_padded);
    return g_test_run();
}
