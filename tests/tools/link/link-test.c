/* link-test.c - compile, link and run guest programs from tests
 *
 * Programs run on the interpreter that was built with the tests; no configuration of the machine
 * plays a part.
 */
#include "link-test.h"

#include <glib/gstdio.h>
#include <string.h>

gboolean
link_test_has_tools(void)
{
    g_autofree char *clang = g_find_program_in_path("clang-19");
    g_autofree char *lld = g_find_program_in_path("ld.lld-19");

    if (clang && lld)
        return TRUE;
    g_test_skip("clang-19 and lld-19 are not installed");
    return FALSE;
}

GBytes *
link_test_compile(const char *name, const char *source, const char *flags)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("nub-test-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_auto(GStrv) words = g_strsplit(flags, " ", -1);
    const char *const inputs[] = { path, NULL };
    NubCcOptions options = { .inputs = inputs, .flags = (const char *const *)words };

    g_file_set_contents(path, source, -1, &error);
    g_assert_no_error(error);
    GBytes *elf = nub_cc_build(&options, &error);
    g_assert_no_error(error);
    g_unlink(path);
    g_rmdir(directory);
    return elf;
}

char *
link_test_compile_native(const char *source, const char *flags)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("nub-test-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(directory, "native.c", NULL);
    g_autofree char *object = g_strconcat(directory, ".so", NULL);
    g_autofree char *command =
        g_strdup_printf("clang-19 -w -shared -fPIC %s -I %s/sdk/include %s -o %s", flags,
                        NUB_SOURCE_DIR, path, object);
    int status;

    g_file_set_contents(path, source, -1, &error);
    g_assert_no_error(error);
    g_spawn_command_line_sync(command, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    g_unlink(path);
    g_rmdir(directory);
    return g_steal_pointer(&object);
}

void
link_test_link(GBytes *elf, NubLinkOutput *output)
{
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    gsize size;
    const guint8 *bytes = g_bytes_get_data(elf, &size);
    gboolean done = nub_link_elf(bytes, size, NULL, output, messages);

    for (guint i = 0; i < messages->len; i++)
        g_test_message("%s", (const char *)messages->pdata[i]);
    g_assert_true(done);
}

/* The valgrind tree has options of its own: no window, no faults that are meant. */
#ifndef NUB_TEST_LOCAL_OPTIONS
#define NUB_TEST_LOCAL_OPTIONS "memory: guard"
#endif

/* a kernel of the module in this build tree, or NULL */
static NubKernel *
open_backend(const char *backend)
{
    const char *options = strcmp(backend, "local") == 0 ? NUB_TEST_LOCAL_OPTIONS : "";
    g_autofree char *config =
        g_strdup_printf("version: 1\nplugin-path: [ %s/modules ]\n"
                        "backends:\n  - { name: %s, module: nub-%s, options: { %s } }\n",
                        NUB_BUILD_DIR, backend, backend, options);
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("nub-test-XXXXXX.yaml", &path, &error);

    g_assert_no_error(error);
    g_close(fd, NULL);
    g_file_set_contents(path, config, -1, &error);
    g_assert_no_error(error);
    g_autoptr(NubRegistry) registry = nub_registry_new_from_file(path, NULL);
    g_unlink(path);
    return registry ? nub_registry_open(registry, backend, NULL) : NULL;
}

LinkProgram *
link_test_load_on(GBytes *elf, const char *backend)
{
    NubKernel *kernel = open_backend(backend);
    g_auto(NubLinkOutput) output = { 0 };
    g_autoptr(GError) error = NULL;

    if (!kernel)
        return NULL;
    LinkProgram *program = g_new0(LinkProgram, 1);
    program->kernel = kernel;
    link_test_link(elf, &output);
    g_autoptr(NubBundle) bundle = nub_bundle_new_from_bytes(output.bundle, &error);
    g_assert_no_error(error);
    nub_kernel_put_bundle(program->kernel, bundle, &program->instance, &error);
    g_assert_no_error(error);
    program->endpoints = g_steal_pointer(&output.endpoints);
    program->stats = output.stats;
    return program;
}

LinkProgram *
link_test_load(GBytes *elf)
{
    LinkProgram *program = link_test_load_on(elf, "local");

    g_assert_nonnull(program);
    return program;
}

guint32
link_test_endpoint(const LinkProgram *program, const char *name)
{
    for (guint32 i = 0; program->endpoints[i]; i++)
        if (strcmp(program->endpoints[i], name) == 0)
            return i;
    g_error("no endpoint %s", name);
}

guint64
link_test_call(const LinkProgram *program, guint32 endpoint, guint64 a0, guint64 a1, guint64 a2,
               guint64 a3)
{
    const guint64 args[4] = { a0, a1, a2, a3 };
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_kernel_invoke_cached(program->kernel, &program->instance, endpoint, args,
                             G_GUINT64_CONSTANT(100000000000), &result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    return result.return_value;
}

void
link_test_free(LinkProgram *program)
{
    g_clear_object(&program->kernel);
    g_strfreev(program->endpoints);
    g_free(program);
}
