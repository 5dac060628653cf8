/* test-programs.c - random C programs give the native result at every optimisation level
 *
 * Each level has a program of its own; the native side is compiled at -O1.
 */
#include "link-test.h"
#include "program-generator.h"

#include <gmodule.h>
#include <glib/gstdio.h>

enum { FUNCTIONS = 16, CALLS = 250 };

typedef guint64 (*function)(guint64, guint64, guint64, guint64);

struct native {
    GModule *module;
    function functions[FUNCTIONS];
};

static void
load_native(struct native *native, const char *source, const char *flags)
{
    g_autofree char *path = link_test_compile_native(source, flags);

    native->module = g_module_open(path, G_MODULE_BIND_LOCAL);
    g_assert_nonnull(native->module);
    g_unlink(path);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        g_autofree char *name = g_strdup_printf("f%u", i);
        gpointer symbol = NULL;
        g_assert_true(g_module_symbol(native->module, name, &symbol));
        native->functions[i] = (function)symbol;
    }
}

static guint64
random_argument(GRand *random)
{
    guint64 x = (guint64)g_rand_int(random) << 32 | g_rand_int(random);

    return x >> g_rand_int_range(random, 0, 64);
}

static void
compare(const LinkProgram *program, const struct native *native, const char *level, GRand *random)
{
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        g_autofree char *name = g_strdup_printf("f%u", i);
        guint32 endpoint = link_test_endpoint(program, name);
        for (unsigned call = 0; call < CALLS; call++) {
            guint64 a[4];
            for (unsigned k = 0; k < 4; k++)
                a[k] = random_argument(random);
            guint64 want = native->functions[i](a[0], a[1], a[2], a[3]);
            guint64 got = link_test_call(program, endpoint, a[0], a[1], a[2], a[3]);
            if (got != want)
                g_error("%s at %s of (0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER
                        "x, 0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER
                        "x): 0x%" G_GINT64_MODIFIER "x instead of 0x%" G_GINT64_MODIFIER "x",
                        name, level, a[0], a[1], a[2], a[3], got, want);
        }
    }
}

static void
test_level(gconstpointer data)
{
    const char *level = data;
    guint32 seed = g_str_hash(level);
    g_autofree char *source = program_generate(seed, FUNCTIONS);
    struct native native;
    GRand *random = g_rand_new_with_seed(seed);

    if (!link_test_has_tools()) {
        g_rand_free(random);
        return;
    }
    load_native(&native, source, "-O1 -fwrapv");
    g_autofree char *flags = g_strconcat(level, " -w -fwrapv", NULL);
    g_autoptr(GBytes) elf = link_test_compile("program.c", source, flags);
    g_autoptr(LinkProgram) program = link_test_load(elf);
    compare(program, &native, level, random);
    g_test_message("%s: %u RISC-V instructions became %u, %.2f code bytes for each", level,
                   program->stats.riscv_insns, program->stats.insns,
                   (double)program->stats.code_bytes / program->stats.riscv_insns);
    g_module_close(native.module);
    g_rand_free(random);
}

/* the assembler leaves no relocation at the inner calls */
static void
test_resolved_calls(void)
{
    static const char source[] =
        "#include <nub-guest.h>\n"
        "__attribute__((noinline)) static uint64_t walk(uint64_t n, uint64_t m) {\n"
        "  return n < 2 ? m : walk(n - 1, m + n) * 3 + walk(n - 2, m ^ n); }\n"
        "NUB_EXPORT uint64_t f(uint64_t n) { return walk(n, 7); }\n";

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("walk.c", source, "-O1");
    g_autoptr(LinkProgram) program = link_test_load(elf);
    /* walk(3, 7) = walk(2, 10) * 3 + walk(1, 4); walk(2, 10) = walk(1, 12) * 3 + walk(0, 8) */
    g_assert_cmpuint(link_test_call(program, 0, 3, 0, 0, 0), ==, (12 * 3 + 8) * 3 + 4);
}

int
main(int argc, char **argv)
{
    static const char *const levels[] = { "-O0", "-O1", "-O2", "-O3", "-Os" };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(levels); i++) {
        g_autofree char *path =
            g_strdup_printf("/tools/link/programs/agree-with-native-at%s", levels[i]);
        g_test_add_data_func(path, levels[i], test_level);
    }
    g_test_add_func("/tools/link/programs/a-static-function-calls-itself", test_resolved_calls);
    return g_test_run();
}
