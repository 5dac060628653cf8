/* test-guest-programs.c - unmodified programs on the C library, built by the target
 * nub-third-party, on every backend that opens
 *
 * Lua runs a script that it reads from stdin; libsodium runs its own tests. What they write through
 * the standard host calls must be what a native Lua wrote, and what libsodium's authors expect.
 */
#include "link-test.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define GUEST NUB_BUILD_DIR "/third-party/guest/"

/* a program of nub-third-party; without it the running test is skipped, visibly */
static GBytes *
guest_program(const char *name)
{
    g_autofree char *path = g_strconcat(GUEST, name, ".elf", NULL);
    char *bytes;
    gsize size;

    if (g_file_get_contents(path, &bytes, &size, NULL))
        return g_bytes_new_take(bytes, size);
    g_autofree char *reason =
        g_strdup_printf("%s is not there: build the target nub-third-party", path);
    g_test_skip(reason);
    return NULL;
}

/* what the program wrote; its exit status must be 0 */
static char *
run(const LinkProgram *program, const char *input, GBytes *arguments)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int out = g_file_open_tmp("nub-test-XXXXXX.out", &path, &error);
    int in = open(input, O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    NubResult result;

    g_assert_no_error(error);
    g_assert_cmpint(in, >=, 0);
    g_autoptr(NubHostTable) hosts = nub_host_table_new();
    nub_host_table_add_standard(hosts, in, out, STDERR_FILENO, arguments);
    g_autoptr(NubCall) call = nub_call_new(&program->instance);
    nub_call_set_gas(call, G_GUINT64_CONSTANT(1000000000000));
    nub_call_set_host_table(call, hosts);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(program->kernel, call, NULL, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, 0);
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    g_close(in, NULL);
    g_close(out, NULL);
    g_unlink(path);
    return text;
}

static void
run_everywhere(GBytes *elf, const char *input, GBytes *arguments, const char *expected)
{
    static const char *const backends[] = { "local", "jit", "kvm" };

    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        g_autoptr(LinkProgram) program = link_test_load_on(elf, backends[i]);
        if (!program) {
            g_test_message("%s does not open", backends[i]);
            continue;
        }
        g_autofree char *text = run(program, input, arguments);
        g_assert_cmpstr(text, ==, expected);
    }
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
    g_autoptr(GBytes) elf = guest_program("lua");

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
    g_autoptr(GBytes) elf = guest_program(program);

    if (!elf)
        return;
    g_autofree char *path =
        g_strdup_printf(NUB_BUILD_DIR "/third-party/libsodium/test/default/%s.exp", name);
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
    g_test_add_func("/sdk/guest-programs/lua-writes-what-native-lua-writes", test_lua);
    for (guint i = 0; i < G_N_ELEMENTS(sodium); i++) {
        g_autofree char *path =
            g_strconcat("/sdk/guest-programs/libsodium-passes-its-own-test/", sodium[i], NULL);
        g_test_add_data_func(path, sodium[i], test_sodium);
    }
    return g_test_run();
}
