/* test-guest-programs.c - unmodified programs on the C library, built by the target
 * nub-third-party, on every backend that opens
 *
 * Lua runs a script that it reads from stdin; libsodium runs its own tests. What they write through
 * the standard host calls must be what a native Lua wrote, and what libsodium's authors expect.
 */
#include "guest-run.h"

#include <string.h>

/* a program of nub-third-party; without it the running test is skipped, visibly */
static GBytes *
guest_program(const char *name, const char *package)
{
    g_autofree char *file = g_strconcat(name, ".elf", NULL);
    g_autofree char *path = guest_file(file, package);
    g_autoptr(GError) error = NULL;
    char *bytes;
    gsize size;

    if (!path)
        return NULL;
    g_file_get_contents(path, &bytes, &size, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(bytes, size);
}

struct expected {
    const char *input, *text;
    GBytes *arguments;
};

static void
run(const LinkProgram *program, const char *backend, gpointer data)
{
    const struct expected *expected = data;
    g_autoptr(GuestRun) got = guest_run(program, expected->input, expected->arguments);

    g_test_message("on %s", backend);
    g_assert_cmpuint(got->result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(got->result.return_value, ==, 0);
    g_assert_cmpstr(got->out, ==, expected->text);
}

static void
run_everywhere(GBytes *elf, const char *input, GBytes *arguments, const char *text)
{
    struct expected expected = { input, text, arguments };

    guest_each_backend(elf, run, &expected);
}

static char *
contents(const char *path)
{
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

static void
test_lua(void)
{
    g_autoptr(GBytes) elf = guest_program("lua", "lua5.4");

    if (!elf)
        return;
    g_autofree char *expected = contents(NUB_SOURCE_DIR "/tests/sdk/scripts/tour.expected");
    g_autoptr(GBytes) arguments = g_bytes_new_static("-", 2); /* a script from stdin */
    run_everywhere(elf, NUB_SOURCE_DIR "/tests/sdk/scripts/tour.lua", arguments, expected);
}

static void
test_sodium(gconstpointer data)
{
    const char *name = data;
    g_autofree char *program = g_strconcat("sodium-", name, NULL);
    g_autoptr(GBytes) elf = guest_program(program, "libsodium");

    if (!elf)
        return;
    g_autofree char *sources = guest_sources("libsodium");
    g_autofree char *path = g_strdup_printf("%s/test/default/%s.exp", sources, name);
    g_autofree char *results = contents(path);
    g_autofree char *expected = g_strconcat(results, "--- SUCCESS ---\n", NULL);
    run_everywhere(elf, "/dev/null", NULL, expected);
}

int
main(int argc, char **argv)
{
    static const char *const sodium[] = {
        "aead_xchacha20poly1305",
        "auth",
        "box",
        "generichash",
        "hash",
        "kdf",
        "onetimeauth",
        "scalarmult",
        "secretbox",
        "secretbox_easy",
        "shorthash",
        "sign",
        "stream",
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdk/guest-programs/lua/writes-what-native-lua-writes", test_lua);
    for (guint i = 0; i < G_N_ELEMENTS(sodium); i++) {
        g_autofree char *path =
            g_strconcat("/sdk/guest-programs/libsodium/passes-its-own-", sodium[i], NULL);
        g_test_add_data_func(path, sodium[i], test_sodium);
    }
    return guest_test_run();
}
