/* core-test.h - what the tests of core share: configurations over the modules of tests/modules */
#ifndef NUB_CORE_TEST_H
#define NUB_CORE_TEST_H

#include <glib/gstdio.h>
#include <nub/nub.h>

/** A registry over `backends` (a YAML flow list without its brackets), with the test modules found. */
static inline NubRegistry *
nub_test_registry(const char *backends, GError **error)
{
    g_autofree char *yaml = g_strdup_printf("version: 1\nplugin-path: [ %s ]\nbackends: [\n%s\n]\n",
                                            NUB_TEST_MODULES, backends);

    return nub_registry_new_from_data(yaml, NULL, error);
}

/** A kernel over a test module; `options` as a YAML flow mapping without its braces. */
static inline NubKernel *
nub_test_kernel(const char *module, const char *options)
{
    g_autofree char *backends =
        g_strdup_printf("{ name: %s, module: %s, options: { %s } }", module, module, options);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_test_registry(backends, &error);
    NubKernel *kernel;

    g_assert_no_error(error);
    kernel = nub_registry_open(registry, NULL, &error);
    g_assert_no_error(error);
    return kernel;
}

/** An Image of one instruction, jump_ind phi0, and its plain Instance. */
static inline NubBundle *
nub_test_small_bundle(void)
{
    static const guint8 code[] = { 0x32, 0x00 }, bitmask[] = { 0x01 };
    g_autoptr(NubImageBuilder) builder =
        nub_image_builder_new(code, sizeof code, bitmask, sizeof bitmask);
    g_autoptr(NubCap) image = NULL;
    g_autoptr(NubCap) instance = NULL;
    NubBundle *bundle = nub_bundle_new();
    NubHash hash;

    nub_image_builder_add_endpoint(builder, 0, NULL);
    image = nub_image_builder_build(builder, NULL);
    g_assert_nonnull(image);
    nub_cap_get_hash(image, &hash);
    instance = nub_cap_new_instance(&hash);
    nub_bundle_add(bundle, image);
    nub_bundle_add(bundle, instance);
    return bundle;
}

/** Removes a folder of a test with all that is in it. */
static inline void
nub_test_remove_folder(const char *dir)
{
    g_autoptr(GDir) handle = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(handle))) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            nub_test_remove_folder(path);
        else
            g_unlink(path);
    }
    g_rmdir(dir);
}

#endif
