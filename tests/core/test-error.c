/* test-error.c - values and errors: hashes as text, names of codes, what an error names */
#include "core-test.h"

#include <string.h>

static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";

static void
test_hash_text(void)
{
    g_autofree char *upper = g_ascii_strup(hex, -1);
    g_autofree char *prefixed = g_strconcat("0x", hex, NULL);
    const char *const good[] = { hex, upper, prefixed };
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *text = NULL;
        NubHash hash;
        g_assert_true(nub_hash_from_string(good[i], &hash, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(hash.bytes[0], ==, 0);
        g_assert_cmpuint(hash.bytes[31], ==, 0xff);
        text = nub_hash_to_string(&hash);
        g_assert_cmpstr(text, ==, hex);
    }
}

static void
test_hash_text_refused(void)
{
    g_autofree char *with_g = g_strdup(hex);
    g_autofree char *longer = g_strconcat(hex, "0", NULL);
    const char *bad[] = { "", "0x", hex + 1, longer, with_g, "0x0x" };

    with_g[63] = 'g';
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        NubHash hash = { { 7 } };
        g_autoptr(GError) error = NULL;
        g_assert_false(nub_hash_from_string(bad[i], &hash, &error));
        g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
        g_assert_true(g_str_has_prefix(error->message, "'"));
        g_assert_cmpuint(hash.bytes[0], ==, 7);
        g_assert_false(nub_hash_from_string(bad[i], &hash, NULL));
    }
}

static void
test_hash_as_key(void)
{
    g_autoptr(GHashTable) table = g_hash_table_new(nub_hash_bucket, nub_hash_equals);
    NubHash a = { { 1 } }, b = { { 2 } }, none = { { 0 } };
    g_autoptr(NubHash) copy = nub_hash_copy(&a);

    g_hash_table_insert(table, &a, &a);
    g_hash_table_insert(table, &b, &b);
    g_assert_true(g_hash_table_lookup(table, copy) == &a);
    g_assert_true(g_hash_table_lookup(table, &b) == &b);
    g_assert_null(g_hash_table_lookup(table, &none));
    g_assert_cmpint(nub_hash_compare(&a, &b), <, 0);
    g_assert_cmpint(nub_hash_compare(copy, &a), ==, 0);
    g_assert_true(nub_hash_is_none(&none));
    g_assert_false(nub_hash_is_none(&b));
}

static void
test_names(void)
{
    g_assert_cmpstr(nub_error_to_string(NUB_ERROR_BAD_ENCODING), ==, "BAD_ENCODING");
    g_assert_cmpstr(nub_error_to_string(NUB_ERROR_SYSTEM), ==, "SYSTEM");
    g_assert_cmpstr(nub_error_to_string((NubError)0), ==, "UNKNOWN");
    g_assert_cmpstr(nub_error_to_string((NubError)9999), ==, "UNKNOWN");
    g_assert_cmpstr(nub_exit_reason_to_string(NUB_EXIT_HALT), ==, "halt");
    g_assert_cmpstr(nub_exit_reason_to_string(5), ==, "unknown");
    g_assert_cmpstr(nub_exit_reason_to_string(NUB_EXIT_TRAP), ==, "trap");
    g_assert_cmpstr(nub_exit_reason_to_string(8), ==, "unknown");
    g_assert_cmpstr(nub_backend_state_to_string(NUB_BACKEND_STATE_FAILED), ==, "failed");
}

/* An error keeps what it names when it is copied and prefixed. */
static void
test_error_names_hash(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) copy = NULL;
    NubHash image, named;
    guint64 address = 1;

    g_assert_false(nub_kernel_put_cap(kernel, nub_bundle_get_root(bundle), NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    copy = g_error_copy(error);
    g_prefix_error(&copy, "while testing: ");
    nub_cap_get_hash(nub_bundle_get_cap(bundle, 0), &image);
    g_assert_true(nub_error_get_hash(copy, &named));
    g_assert_true(nub_hash_equals(&named, &image));
    g_assert_false(nub_error_get_address(copy, &address));
    g_assert_cmpuint(address, ==, 0);
}

static void
test_error_names_address(void)
{
    static const guint8 wire[] = { 2, 4, 0, 0, 0, 1, 2, 3 };
    g_autoptr(GBytes) bytes = g_bytes_new_static(wire, sizeof wire);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = nub_cap_new_from_wire(bytes, &error);
    guint64 address = 0;
    NubHash hash;

    g_assert_null(cap);
    g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
    g_assert_true(nub_error_get_address(error, &address));
    g_assert_cmpuint(address, <=, sizeof wire);
    g_assert_false(nub_error_get_hash(error, &hash));
}

static void
test_other_domains_name_nothing(void)
{
    g_autoptr(GError) error = g_error_new(NUB_LOAD_ERROR, NUB_LOAD_ERROR_OPEN, "x");
    guint64 address;
    NubHash hash;

    g_assert_false(nub_error_get_hash(error, &hash));
    g_assert_true(nub_hash_is_none(&hash));
    g_assert_false(nub_error_get_address(error, &address));
}

/* docs/errors.md has a row for each status, made of the same words. */
static void
test_errors_are_documented(void)
{
    g_autofree char *page = NULL;

    g_assert_true(g_file_get_contents(NUB_SOURCE_DIR "/docs/errors.md", &page, NULL, NULL));
#define NUB_STATUS(name, number, text)                                                             \
    g_assert_nonnull(strstr(page, "| `" #name "` | " #number " | " text " |\n"));
#include <nub/status.def>
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/value/hash-as-text", test_hash_text);
    g_test_add_func("/core/value/hash-as-text-refused", test_hash_text_refused);
    g_test_add_func("/core/value/hash-as-key", test_hash_as_key);
    g_test_add_func("/core/error/names", test_names);
    g_test_add_func("/core/error/documented", test_errors_are_documented);
    g_test_add_func("/core/error/names-a-capability", test_error_names_hash);
    g_test_add_func("/core/error/names-an-address", test_error_names_address);
    g_test_add_func("/core/error/other-domains-name-nothing", test_other_domains_name_nothing);
    return g_test_run();
}
