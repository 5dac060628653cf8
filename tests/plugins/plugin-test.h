/* plugin-test.h - configurations over the modules of this build tree, and over those with one fault */
#ifndef NUB_PLUGIN_TEST_H
#define NUB_PLUGIN_TEST_H

#include "program-test.h"
#include <glib/gstdio.h>

/** A registry over `backends` (a YAML flow list without its brackets). */
static inline NubRegistry *
nub_plugin_registry(const char *backends)
{
    g_autofree char *yaml =
        g_strdup_printf("version: 1\nplugin-path: [ %s, %s ]\nbackends: [\n%s\n]\n",
                        NUB_BUILD_DIR "/modules", NUB_TEST_MODULES, backends);
    g_autoptr(GError) error = NULL;
    NubRegistry *registry = nub_registry_new_from_data(yaml, NULL, &error);

    g_assert_no_error(error);
    return registry;
}

static inline NubKernel *
nub_plugin_kernel(const char *backends, const char *name)
{
    g_autoptr(NubRegistry) registry = nub_plugin_registry(backends);
    g_autoptr(GError) error = NULL;
    NubKernel *kernel = nub_registry_open(registry, name, &error);

    g_assert_no_error(error);
    return kernel;
}

/** An empty folder; remove it with nub_plugin_folder_remove(). */
static inline char *
nub_plugin_folder(void)
{
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("nub-plugins-XXXXXX", &error);

    g_assert_no_error(error);
    return folder;
}

static inline void
nub_plugin_folder_remove(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            nub_plugin_folder_remove(path);
        else
            g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

#endif
