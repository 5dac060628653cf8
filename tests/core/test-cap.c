/* test-cap.c - capabilities made from parts: what the builders sort, and what the decoder refuses
 *
 * Hashes and wire forms against an independent implementation are core/model's tests; here it is
 * that parts arrive where they belong and that mistakes come back with the field's name.
 */
#include "core-test.h"

#include <string.h>

static NubHash
hash_of(NubCap *cap)
{
    NubHash hash;

    nub_cap_get_hash(cap, &hash);
    return hash;
}

static void
assert_round_trip(NubCap *cap, NubCapKind kind)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) again = nub_cap_new_from_wire(nub_cap_get_wire(cap), &error);
    NubHash a = hash_of(cap), b;

    g_assert_no_error(error);
    b = hash_of(again);
    g_assert_true(nub_hash_equals(&a, &b));
    g_assert_cmpint(nub_cap_get_kind(cap), ==, kind);
}

static void
test_data(void)
{
    static const struct {
        gsize size, padded;
    } rows[] = { { 0, 0 }, { 1, 4096 }, { 4096, 4096 }, { 4097, 8192 } };
    g_autofree guint8 *content = g_malloc(8192);

    memset(content, 0xab, 8192);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubCap) cap = nub_cap_new_data(content, rows[i].size, &error);
        g_autoptr(GBytes) back = NULL;
        const guint8 *bytes;
        gsize size = 0;
        g_assert_no_error(error);
        assert_round_trip(cap, NUB_CAP_KIND_DATA);
        back = nub_cap_dup_content(cap);
        bytes = g_bytes_get_data(back, &size);
        g_assert_cmpuint(size, ==, rows[i].padded);
        for (gsize j = 0; j < size; j++)
            g_assert_cmpuint(bytes[j], ==, j < rows[i].size ? 0xab : 0);
    }
}

static void
test_data_too_large(void)
{
    static const guint8 byte;
    g_autoptr(GError) error = NULL;

    /* The size is judged before the content is touched. */
    g_assert_null(nub_cap_new_data(&byte, G_GUINT64_CONSTANT(1) << 32, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_null(nub_cap_new_data(&byte, G_MAXSIZE, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
}

static void
test_type(void)
{
    NubHash chain = { { 1, 2, 3 } };
    g_autoptr(NubCap) cap = nub_cap_new_type(&chain);
    g_autoptr(GPtrArray) references = nub_cap_list_references(cap);

    assert_round_trip(cap, NUB_CAP_KIND_TYPE);
    g_assert_cmpuint(references->len, ==, 0);
    g_assert_null(nub_cap_dup_content(cap));
}

static void
test_cnode_is_sorted(void)
{
    const NubSlot slots[] = { { 3, { { 3 } } }, { 0, { { 1 } } }, { 255, { { 9 } } } };
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = nub_cap_new_cnode(8, slots, G_N_ELEMENTS(slots), &error);
    g_autofree NubSlot *back = NULL;
    g_autoptr(GPtrArray) references = NULL;
    gsize n = 0;

    g_assert_no_error(error);
    assert_round_trip(cap, NUB_CAP_KIND_CNODE);
    back = nub_cap_list_slots(cap, &n);
    g_assert_cmpuint(n, ==, 3);
    g_assert_cmpuint(back[0].slot, ==, 0);
    g_assert_cmpuint(back[0].cap.bytes[0], ==, 1);
    g_assert_cmpuint(back[1].slot, ==, 3);
    g_assert_cmpuint(back[2].slot, ==, 255);
    references = nub_cap_list_references(cap);
    g_assert_cmpuint(references->len, ==, 3);
    g_assert_cmpuint(((NubHash *)references->pdata[1])->bytes[0], ==, 3);
}

static void
test_cnode_refused(void)
{
    static const struct {
        guint8 size_log;
        gsize n;
        NubSlot slots[2];
    } rows[] = {
        { 17, 0, { { 0, { { 0 } } } } },                  /* too large */
        { 1, 1, { { 2, { { 1 } } } } },                   /* beyond the table */
        { 4, 1, { { 2, { { 0 } } } } },                   /* holds nothing */
        { 4, 2, { { 2, { { 1 } } }, { 2, { { 1 } } } } }, /* twice */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(nub_cap_new_cnode(rows[i].size_log, rows[i].slots, rows[i].n, &error));
        g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
        g_assert_nonnull(strstr(error->message, "CNode"));
        g_assert_null(nub_cap_new_cnode(rows[i].size_log, rows[i].slots, rows[i].n, NULL));
    }
}

static NubImageBuilder *
image_builder(void)
{
    static const guint8 code[] = { 0x32, 0x00 }, bitmask[] = { 0x01 };

    return nub_image_builder_new(code, sizeof code, bitmask, sizeof bitmask);
}

static void
test_image(void)
{
    g_autoptr(NubImageBuilder) builder = image_builder();
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = NULL;
    g_autoptr(GBytes) code = NULL;
    g_autoptr(GPtrArray) references = NULL;
    const NubHash one = { { 1 } }, two = { { 2 } };
    const guint32 path[] = { 5 }, targets[] = { 0, 0 };

    g_assert_cmpuint(nub_image_builder_add_endpoint(builder, 0, NULL), ==, 0);
    g_assert_cmpuint(nub_image_builder_add_endpoint(builder, 0, NULL), ==, 1);
    nub_image_builder_set_jump_table(builder, targets, 2);
    nub_image_builder_add_mapping(builder, 0x20000, 0x1000, path, 1);
    nub_image_builder_add_mapping(builder, 0x10000, 0x1000, NULL, 0);
    nub_image_builder_add_pinned(builder, 9, &two);
    nub_image_builder_add_pinned(builder, 5, &one);
    nub_image_builder_add_initial(builder, 1, &two);
    cap = nub_image_builder_build(builder, &error);
    g_assert_no_error(error);
    assert_round_trip(cap, NUB_CAP_KIND_IMAGE);
    g_assert_cmpuint(nub_cap_get_n_endpoints(cap), ==, 2);
    code = nub_cap_dup_content(cap);
    g_assert_cmpuint(g_bytes_get_size(code), ==, 2);
    references = nub_cap_list_references(cap);
    g_assert_cmpuint(references->len, ==, 3);
    g_assert_cmpuint(((NubHash *)references->pdata[0])->bytes[0], ==, 1);
    g_assert_cmpuint(((NubHash *)references->pdata[1])->bytes[0], ==, 2);
}

static void
test_image_refused(void)
{
    g_autoptr(NubImageBuilder) builder = image_builder();
    g_autoptr(GError) error = NULL;

    nub_image_builder_add_mapping(builder, 0x10001, 0x1000, NULL, 0);
    g_assert_null(nub_image_builder_build(builder, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
    g_assert_nonnull(strstr(error->message, "mappings"));
    g_assert_null(nub_image_builder_build(builder, NULL));
}

static void
test_instance(void)
{
    const NubHash image = { { 7 } }, chain = { { 8 } }, root = { { 9 } };
    const guint64 regs[NUB_N_REGS] = { 1, 2, 3 };
    g_autofree guint8 *page = g_malloc0(4096);
    g_autoptr(GBytes) bytes = g_bytes_new_static(page, 4096);
    g_autoptr(NubInstanceBuilder) builder = nub_instance_builder_new(&image);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) joined = NULL;
    g_autoptr(NubCap) whole = NULL;
    g_autofree guint8 *pages = g_malloc0(8192);
    g_autoptr(GBytes) two_pages = g_bytes_new_static(pages, 8192);
    NubHash got, a, b;

    nub_instance_builder_set_image_chain(builder, &chain);
    nub_instance_builder_set_root_cnode(builder, &root);
    nub_instance_builder_set_mem_size(builder, 0x4000);
    nub_instance_builder_set_regs(builder, regs);
    nub_instance_builder_set_paused(builder, 2, 1000);
    nub_instance_builder_add_overlay(builder, 0x2000, bytes);
    nub_instance_builder_add_overlay(builder, 0x1000, bytes);
    joined = nub_instance_builder_build(builder, &error);
    g_assert_no_error(error);
    assert_round_trip(joined, NUB_CAP_KIND_INSTANCE);
    g_assert_true(nub_cap_is_paused(joined));
    g_assert_true(nub_cap_get_image(joined, &got));
    g_assert_true(nub_hash_equals(&got, &image));

    /* Two neighbours are the same as one of twice the size. */
    g_clear_pointer(&builder, nub_instance_builder_unref);
    builder = nub_instance_builder_new(&image);
    nub_instance_builder_set_image_chain(builder, &chain);
    nub_instance_builder_set_root_cnode(builder, &root);
    nub_instance_builder_set_mem_size(builder, 0x4000);
    nub_instance_builder_set_regs(builder, regs);
    nub_instance_builder_set_paused(builder, 2, 1000);
    nub_instance_builder_add_overlay(builder, 0x1000, two_pages);
    whole = nub_instance_builder_build(builder, &error);
    g_assert_no_error(error);
    a = hash_of(joined);
    b = hash_of(whole);
    g_assert_true(nub_hash_equals(&a, &b));
}

static void
test_instance_refused(void)
{
    const NubHash image = { { 7 } };
    g_autofree guint8 *page = g_malloc0(4096);
    g_autoptr(GBytes) bytes = g_bytes_new_static(page, 4096);
    g_autoptr(GBytes) part = g_bytes_new_static(page, 100);
    g_autoptr(NubInstanceBuilder) overlap = nub_instance_builder_new(&image);
    g_autoptr(NubInstanceBuilder) partial = nub_instance_builder_new(&image);
    g_autoptr(NubInstanceBuilder) odd = nub_instance_builder_new(&image);
    NubInstanceBuilder *const builders[] = { overlap, partial, odd };

    nub_instance_builder_add_overlay(overlap, 0x1000, bytes);
    nub_instance_builder_add_overlay(overlap, 0x1000, bytes);
    nub_instance_builder_add_overlay(partial, 0x1000, part);
    nub_instance_builder_set_mem_size(odd, 4095);
    for (gsize i = 0; i < G_N_ELEMENTS(builders); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(nub_instance_builder_build(builders[i], &error));
        g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
        g_assert_nonnull(strstr(error->message, "Instance"));
    }
}

static void
test_kind_names(void)
{
    static const char *const names[] = { "Instance", "Image", "Data", "CNode", "Type" };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpstr(nub_cap_kind_to_string((NubCapKind)i), ==, names[i]);
}

static gpointer
hash_in_thread(gpointer cap)
{
    NubHash hash = hash_of(cap);

    return nub_hash_to_string(&hash);
}

static void
test_hash_from_many_threads(void)
{
    g_autofree guint8 *content = g_malloc0(1 << 20);
    g_autoptr(NubCap) cap = nub_cap_new_data(content, 1 << 20, NULL);
    GThread *threads[4];
    g_autofree char *first = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("hash", hash_in_thread, cap);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
        char *text = g_thread_join(threads[i]);
        if (first)
            g_assert_cmpstr(text, ==, first);
        g_free(first);
        first = text;
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/cap/data-is-padded-to-pages", test_data);
    g_test_add_func("/core/cap/data-too-large", test_data_too_large);
    g_test_add_func("/core/cap/type", test_type);
    g_test_add_func("/core/cap/cnode-is-sorted", test_cnode_is_sorted);
    g_test_add_func("/core/cap/cnode-refused", test_cnode_refused);
    g_test_add_func("/core/cap/image-is-sorted", test_image);
    g_test_add_func("/core/cap/image-refused", test_image_refused);
    g_test_add_func("/core/cap/instance-joins-neighbours", test_instance);
    g_test_add_func("/core/cap/instance-refused", test_instance_refused);
    g_test_add_func("/core/cap/kind-names", test_kind_names);
    g_test_add_func("/core/cap/hash-from-many-threads", test_hash_from_many_threads);
    return g_test_run();
}
