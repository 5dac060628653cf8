/* test-bundle.c - bundle files: written and read back, refused, published all or not at all */
#include "core-test.h"

#include <glib/gstdio.h>
#include <string.h>

static void
test_round_trip(void)
{
    g_autofree char *dir = g_dir_make_tmp("nub-bundle-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "x.nub", NULL);
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(NubBundle) back = NULL;
    g_autoptr(GError) error = NULL;
    NubHash a, b;

    g_assert_true(nub_bundle_save(bundle, path, &error));
    g_assert_no_error(error);
    back = nub_bundle_load(path, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nub_bundle_get_n_caps(back), ==, 2);
    g_assert_null(nub_bundle_get_cap(back, 2));
    nub_cap_get_hash(nub_bundle_get_root(bundle), &a);
    nub_cap_get_hash(nub_bundle_get_root(back), &b);
    g_assert_true(nub_hash_equals(&a, &b));
    g_unlink(path);
    g_rmdir(dir);
}

static void
test_empty(void)
{
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    g_autoptr(GError) error = NULL;

    g_assert_null(nub_bundle_get_root(bundle));
    g_assert_null(nub_bundle_to_bytes(bundle, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(nub_kernel_put_bundle(kernel, bundle, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
}

static void
test_missing_file(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(nub_bundle_load("no-such-file.nub", &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_nonnull(strstr(error->message, "no-such-file.nub"));
}

/* Every prefix, and every single byte changed: refused or a valid bundle, never a crash. */
static void
test_damaged(void)
{
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GBytes) file = nub_bundle_to_bytes(bundle, NULL);
    gsize size = 0;
    const guint8 *bytes = g_bytes_get_data(file, &size);

    for (gsize n = 0; n < size; n++) {
        g_autofree guint8 *cut = g_memdup2(bytes, MAX(n, 1));
        g_autoptr(GBytes) part = g_bytes_new_take(g_steal_pointer(&cut), n);
        g_autoptr(GError) error = NULL;
        g_assert_null(nub_bundle_new_from_bytes(part, &error));
        g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
    }
    for (gsize n = 0; n < size; n++) {
        g_autofree guint8 *copy = g_memdup2(bytes, size);
        g_autoptr(GBytes) changed = NULL;
        g_autoptr(NubBundle) read = NULL;
        g_autoptr(GError) error = NULL;
        copy[n] ^= 0x41;
        changed = g_bytes_new_take(g_steal_pointer(&copy), size);
        read = nub_bundle_new_from_bytes(changed, &error);
        g_assert_true((read != NULL) == (error == NULL));
    }
}

static void
test_bad_cap_is_named(void)
{
    g_autofree char *dir = g_dir_make_tmp("nub-bundle-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "x.nub", NULL);
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GBytes) file = nub_bundle_to_bytes(bundle, NULL);
    g_autofree char *copy = NULL;
    g_autoptr(GError) error = NULL;
    gsize size = g_bytes_get_size(file);

    copy = g_memdup2(g_bytes_get_data(file, NULL), size);
    copy[size - 1] = 9; /* the phase of the Instance */
    g_assert_true(g_file_set_contents(path, copy, (gssize)size, NULL));
    g_assert_null(nub_bundle_load(path, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
    g_assert_true(g_str_has_prefix(error->message, path));
    g_assert_nonnull(strstr(error->message, "capability 2 of 2: Instance"));
    g_unlink(path);
    g_rmdir(dir);
}

/* echo has no drop_cap: what refers to nothing else may be put, the rest is not even begun. */
static void
test_put_without_drop(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    g_autoptr(NubBundle) whole = nub_test_small_bundle();
    g_autoptr(NubBundle) part = nub_bundle_new();
    g_autoptr(NubCap) data = nub_cap_new_data(NULL, 0, NULL);
    g_autoptr(GError) error = NULL;
    NubHash root, want;

    nub_bundle_add(part, data);
    nub_bundle_add(part, nub_bundle_get_root(whole));
    g_assert_false(nub_kernel_put_bundle(kernel, part, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED);
    g_assert_nonnull(strstr(error->message, "drop_cap"));
    g_clear_error(&error);

    g_assert_true(nub_kernel_put_bundle(kernel, whole, &root, &error));
    g_assert_no_error(error);
    nub_cap_get_hash(nub_bundle_get_root(whole), &want);
    g_assert_true(nub_hash_equals(&root, &want));
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    (void)source;
    *(GAsyncResult **)data = g_object_ref(result);
}

static GAsyncResult *
wait_for(GAsyncResult **result)
{
    while (!*result)
        g_main_context_iteration(NULL, TRUE);
    return *result;
}

static void
test_put_async(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    g_autoptr(GAsyncResult) first = NULL;
    g_autoptr(GAsyncResult) second = NULL;
    g_autoptr(GError) error = NULL;
    NubHash root;

    g_cancellable_cancel(cancelled);
    nub_kernel_put_bundle_async(kernel, bundle, cancelled, on_done, &first);
    g_assert_false(nub_kernel_put_bundle_finish(kernel, wait_for(&first), &root, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&error);
    nub_kernel_put_bundle_async(kernel, bundle, NULL, on_done, &second);
    g_assert_true(nub_kernel_put_bundle_finish(kernel, wait_for(&second), &root, &error));
    g_assert_no_error(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/bundle/reads-back", test_round_trip);
    g_test_add_func("/core/bundle/empty-is-refused", test_empty);
    g_test_add_func("/core/bundle/missing-file", test_missing_file);
    g_test_add_func("/core/bundle/damaged-file", test_damaged);
    g_test_add_func("/core/bundle/bad-capability-is-named", test_bad_cap_is_named);
    g_test_add_func("/core/bundle/put-without-drop", test_put_without_drop);
    g_test_add_func("/core/bundle/put-in-the-background", test_put_async);
    return g_test_run();
}
