/* test-loader.c - each defective module of tests/modules is refused with its reason, and no other
 */
#include "core-test.h"

#include <glib/gstdio.h>
#include <string.h>

#define M NUB_TEST_MODULES "/"

typedef struct {
    const char *module;
    NubLoadError code;
    const char *reason; /* after "place: backend 'x': " */
} Defect;

static const Defect defects[] = {
    { "bad-abi", NUB_LOAD_ERROR_VERSION,
      M "bad-abi.so: speaks version 2 of the plugin ABI, and this nub version 1" },
    { "bad-short", NUB_LOAD_ERROR_TOO_SHORT,
      M "bad-short.so: struct nub_plugin has 48 bytes, at least 56 are needed" },
    { "bad-ops-short", NUB_LOAD_ERROR_TOO_SHORT,
      M "bad-ops-short.so: struct nub_backend_ops has 40 bytes, at least 48 are needed" },
    { "bad-no-entry", NUB_LOAD_ERROR_NO_ENTRY,
      M "bad-no-entry.so: does not export nub_plugin_entry, so it is no module of nub" },
    { "bad-null", NUB_LOAD_ERROR_NO_ENTRY, M "bad-null.so: nub_plugin_entry answers NULL" },
    { "bad-missing-put-cap", NUB_LOAD_ERROR_INCOMPLETE,
      M "bad-missing-put-cap.so: missing mandatory function put_cap" },
    { "bad-no-ops", NUB_LOAD_ERROR_INCOMPLETE, M "bad-no-ops.so: missing the table of functions" },
    { "bad-no-name", NUB_LOAD_ERROR_INCOMPLETE, M "bad-no-name.so: missing its name" },
    { "bad-half-session", NUB_LOAD_ERROR_INCOMPLETE,
      M "bad-half-session.so: missing function session_run, which belongs to session_open" },
    { "bad-option-default", NUB_LOAD_ERROR_INVALID,
      M "bad-option-default.so: option 'size': its default '64 MB' is no value of its type" },
    { "bad-option-twice", NUB_LOAD_ERROR_INVALID,
      M "bad-option-twice.so: option 'size' is declared twice" },
    { "bad-option-table", NUB_LOAD_ERROR_INVALID,
      M "bad-option-table.so: declares options, but has no table of them" },
    { "bad-link", NUB_LOAD_ERROR_OPEN, M "bad-link.so: " },
    { "no-such-module", NUB_LOAD_ERROR_NOT_FOUND,
      "module 'no-such-module': no no-such-module.so in " NUB_TEST_MODULES },
    { "./no-such-module", NUB_LOAD_ERROR_NOT_FOUND, "module './no-such-module': no file /" },
};

static void
test_refuses(gconstpointer data)
{
    const Defect *defect = data;
    g_autofree char *backends = g_strdup_printf("{ name: x, module: %s }", defect->module);
    g_autofree char *want = g_strconcat("data:4:1: backend 'x': ", defect->reason, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_test_registry(backends, &error);

    g_assert_null(registry);
    g_assert_error(error, NUB_LOAD_ERROR, (int)defect->code);
    g_assert_true(g_str_has_prefix(error->message, want));
}

/* Not required: the registry is made, and the reason is kept. */
static void
test_keeps_reason(gconstpointer data)
{
    const Defect *defect = data;
    g_autofree char *backends = g_strdup_printf(
        "{ name: x, module: %s, required: false }, { name: good, module: good }", defect->module);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(GPtrArray) list = NULL;

    g_test_expect_message("nub-load", G_LOG_LEVEL_WARNING, "*backend 'x'*");
    registry = nub_test_registry(backends, &error);
    g_test_assert_expected_messages();
    g_assert_no_error(error);
    list = nub_registry_list_backends(registry);
    g_assert_cmpint(nub_backend_info_get_state(list->pdata[1]), ==, NUB_BACKEND_STATE_UNAVAILABLE);
    g_assert_nonnull(strstr(nub_backend_info_get_reason(list->pdata[1]), defect->reason));
    g_assert_null(nub_backend_info_get_path(list->pdata[1]));
    g_assert_null(nub_registry_open(registry, "x", &error));
    g_assert_error(error, NUB_LOAD_ERROR, (int)defect->code);
}

/* A later module's further members are left alone, an earlier one's absent members are absent. */
static void
test_other_ages(void)
{
    static const char *const modules[] = { "newer", "older", "good" };

    for (gsize i = 0; i < G_N_ELEMENTS(modules); i++) {
        g_autoptr(NubKernel) kernel = nub_test_kernel(modules[i], "");
        g_autoptr(GError) error = NULL;
        g_assert_true(nub_kernel_supports(kernel, "state_root"));
        g_assert_false(nub_kernel_supports(kernel, "put_cap_with_hash"));
        g_assert_false(nub_kernel_supports(kernel, "not_invented_yet"));
        g_assert_false(nub_kernel_evict(kernel, &error));
        g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED);
    }
}

static void
test_relative_path(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(GPtrArray) list = NULL;

    registry = nub_registry_new_from_data(
        "version: 1\nbackends: [ { name: a, module: ./good.so }, { name: b, module: ./good } ]",
        NUB_TEST_MODULES, &error);
    g_assert_no_error(error);
    list = nub_registry_list_backends(registry);
    for (guint i = 0; i < list->len; i++) {
        g_assert_cmpstr(nub_backend_info_get_path(list->pdata[i]), ==, M "good.so");
        g_assert_cmpstr(nub_backend_info_get_version(list->pdata[i]), ==, "1");
        g_assert_cmpstr(nub_backend_info_get_summary(list->pdata[i]), ==,
                        "A module with nothing wrong.");
    }
}

static void
test_first_directory_wins(void)
{
    g_autofree char *dir = g_dir_make_tmp("nub-loader-XXXXXX", NULL);
    g_autofree char *copy = g_build_filename(dir, "echo.so", NULL);
    g_autofree char *content = NULL;
    g_autofree char *yaml = g_strdup_printf(
        "version: 1\nplugin-path: [ %s, %s ]\nbackends: [ { name: e, module: echo } ]", dir,
        NUB_TEST_MODULES);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(GPtrArray) list = NULL;
    gsize size = 0;

    g_assert_true(g_file_get_contents(M "echo.so", &content, &size, NULL));
    g_assert_true(g_file_set_contents(copy, content, (gssize)size, NULL));
    registry = nub_registry_new_from_data(yaml, NULL, &error);
    g_assert_no_error(error);
    list = nub_registry_list_backends(registry);
    g_assert_cmpstr(nub_backend_info_get_path(list->pdata[0]), ==, copy);
    g_unlink(copy);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(defects); i++) {
        g_autofree char *name = g_path_get_basename(defects[i].module);
        g_autofree char *refuses = g_strdup_printf("/core/loader/refuses/%zu-%s", i, name);
        g_autofree char *keeps = g_strdup_printf("/core/loader/keeps-reason/%zu-%s", i, name);
        g_test_add_data_func(refuses, &defects[i], test_refuses);
        g_test_add_data_func(keeps, &defects[i], test_keeps_reason);
    }
    g_test_add_func("/core/loader/other-ages-are-understood", test_other_ages);
    g_test_add_func("/core/loader/relative-path", test_relative_path);
    g_test_add_func("/core/loader/first-directory-wins", test_first_directory_wins);
    return g_test_run();
}
