/* test-stdarg.c - sdk/include/stdarg.h finds unnamed arguments wherever the stack is
 *
 * Native code is the reference; every level of optimisation, which makes frames of its own.
 */
#include "link-test.h"

#include <gmodule.h>
#include <glib/gstdio.h>

enum { CALLERS = 8 };

static void
test_variadic(gconstpointer level)
{
    g_autofree char *source = NULL;
    guint64 (*native)(guint64) = NULL;
    gpointer symbol;

    if (!link_test_has_tools())
        return;
    g_assert_true(g_file_get_contents(NUB_SOURCE_DIR "/tests/sdk/variadic.c", &source, NULL, NULL));
    g_autofree char *path = link_test_compile_native(source, "-O1");
    GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
    g_unlink(path);
    g_assert_nonnull(module);
    g_assert_true(g_module_symbol(module, "call", &symbol));
    native = (guint64(*)(guint64))symbol;
    g_autoptr(GBytes) elf = link_test_compile("variadic.c", source, level);
    g_autoptr(LinkProgram) program = link_test_load(elf);
    for (guint64 which = 0; which < CALLERS; which++)
        g_assert_cmpuint(link_test_call(program, 0, which, 0, 0, 0), ==, native(which));
    g_module_close(module);
}

int
main(int argc, char **argv)
{
    static const char *const levels[] = { "-O0", "-O1", "-O2", "-O3", "-Os" };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
        g_autofree char *path = g_strdup_printf("/sdk/stdarg/agrees-with-native-at%s", levels[i]);
        g_test_add_data_func(path, levels[i], test_variadic);
    }
    return g_test_run();
}
