/* test-examples.c - each example gives its known result: natively, and on every backend that opens
 */
#include "link-test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct example {
    const char *name;
    guint64 result; /* of one run with seed 0; published test vectors are checked inside */
};

static const struct example examples[] = {
    { "fib", G_GUINT64_CONSTANT(14197223477820724411) },
    { "sieve", G_GUINT64_CONSTANT(454396537) },
    { "isort", G_GUINT64_CONSTANT(568397311476336810) },
    { "matmul", G_GUINT64_CONSTANT(2115678741148366208) },
    { "keccak", G_GUINT64_CONSTANT(13586014346018935989) },
    { "blake2b", G_GUINT64_CONSTANT(17503696684800900660) },
    { "sha256", G_GUINT64_CONSTANT(6877206743488004208) },
    { "ed25519", G_GUINT64_CONSTANT(3) },
    { "modexp", G_GUINT64_CONSTANT(60453936864644614) },
    { "poseidon", G_GUINT64_CONSTANT(15944154737105729660) },
    { "lz", G_GUINT64_CONSTANT(15339454582575346275) },
    { "vm", G_GUINT64_CONSTANT(12537009537240) },
};

static guint64
run_natively(const char *path)
{
    g_autofree char *program = g_strdup_printf("%s/nub-example-%d", g_get_tmp_dir(), (int)getpid());
    g_autofree char *compile = g_strdup_printf("clang-19 -w -O2 -I %s/sdk/include %s -o %s",
                                               NUB_SOURCE_DIR, path, program);
    g_autoptr(GError) error = NULL;
    g_autofree char *out = NULL;
    int status;

    g_spawn_command_line_sync(compile, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    g_spawn_command_line_sync(program, &out, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    g_unlink(program);
    return g_ascii_strtoull(out, NULL, 10);
}

static void
test_example(gconstpointer data)
{
    static const char *const backends[] = { "local", "jit", "kvm" };
    const struct example *example = data;
    g_autofree char *path = g_strdup_printf("%s/examples/%s.c", NUB_SOURCE_DIR, example->name);

    if (!link_test_has_tools())
        return;
    g_assert_cmpuint(run_natively(path), ==, example->result);
    const char *const inputs[] = { path, NULL };
    NubCcOptions options = { .inputs = inputs };
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) elf = nub_cc_build(&options, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        g_autoptr(LinkProgram) program = link_test_load_on(elf, backends[i]);
        if (program)
            g_assert_cmpuint(link_test_call(program, 0, 1, 0, 0, 0), ==, example->result);
        else
            g_test_message("%s does not open", backends[i]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path =
            g_strconcat("/sdk/examples/agree-with-native-everywhere/", examples[i].name, NULL);
        g_test_add_data_func(path, &examples[i], test_example);
    }
    return g_test_run();
}
