/* test-engines.c - generated programs through every engine: no difference is allowed
 *
 * The plain interpreter is the oracle. Engines are modules of the build tree, used through
 * <nub/plugin.h> as libnub would. A difference is shrunk and printed as assembly; its seed repeats
 * it: NUB_DIFFERENTIAL_SEED=n, NUB_DIFFERENTIAL_COUNT=n.
 */
#include "trace.h"
#include <dlfcn.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define DEFAULT_COUNT 6000u /* the rest is for the build that is not slowed down */
#else
#define DEFAULT_COUNT 30000u
#endif
#define KVM_EVERY 200u /* exits of a guest are dear */

struct engine {
    struct nub_trace_engine plugin;
    uint32_t every;
};

static void
print_line(void *ctx, const char *text)
{
    (void)ctx;
    g_test_message("%s", text);
}

static void
ignore_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    (void)level;
    (void)message;
}

/* NULL: the module is not built or cannot run here, which `why` then says */
static const struct nub_backend_ops *
load_ops(const char *module, char **why)
{
    g_autofree char *path = g_strdup_printf("%s/modules/%s.so", NUB_BUILD_DIR, module);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!handle) {
        *why = g_strdup(dlerror());
        return NULL;
    }
    nub_plugin_entry_fn entry = (nub_plugin_entry_fn)(uintptr_t)dlsym(handle, NUB_PLUGIN_ENTRY);
    g_assert_nonnull(entry);
    return entry()->ops;
}

static bool
open_engine(struct engine *engine, const char *module, const struct nub_option *options,
            uint32_t n_options, char **why)
{
    static const struct nub_host host = { .struct_size = sizeof host, .log = ignore_log };
    struct nub_create_args args = { .struct_size = sizeof args,
                                    .gas_model = NUB_GAS_PIPELINE,
                                    .mem_cycles = 25,
                                    .n_options = n_options,
                                    .options = options,
                                    .host = &host,
                                    .name = engine->plugin.name };
    struct nub_failure failure = { .struct_size = sizeof failure };

    engine->plugin.ops = load_ops(module, why);
    if (!engine->plugin.ops)
        return false;
    if (engine->plugin.ops->create(&args, &engine->plugin.backend, &failure) == NUB_OK)
        return true;
    *why = g_strdup(failure.message);
    return false;
}

static void
open_or_fail(struct engine *engine, const char *module, const struct nub_option *options,
             uint32_t n_options)
{
    g_autofree char *why = NULL;

    if (!open_engine(engine, module, options, n_options, &why))
        g_error("%s: %s", module, why);
}

struct pair {
    const struct engine *oracle, *engine;
};

static bool
pair_differs(void *ctx, const struct nub_case *c)
{
    const struct pair *pair = ctx;
    struct nub_trace a, b;

    nub_trace_case(&pair->oracle->plugin, c, &a);
    nub_trace_case(&pair->engine->plugin, c, &b);
    return nub_trace_difference(&a, &b) >= 0;
}

static void
report(const struct engine *oracle, const struct engine *engine, const struct nub_case *found)
{
    struct pair pair = { oracle, engine };
    struct nub_trace_engine plugins[2] = { oracle->plugin, engine->plugin };
    struct nub_trace traces[2];
    struct nub_case c = *found;

    nub_case_shrink(&c, pair_differs, &pair);
    nub_trace_case(&oracle->plugin, &c, &traces[0]);
    nub_trace_case(&engine->plugin, &c, &traces[1]);
    print_line(NULL, "");
    nub_trace_print(plugins, traces, nub_trace_difference(&traces[0], &traces[1]), print_line,
                    NULL);
    nub_case_print(&c, print_line, NULL);
}

static uint64_t
number_from_environment(const char *name, uint64_t fallback)
{
    const char *value = g_getenv(name);

    return value ? g_ascii_strtoull(value, NULL, 10) : fallback;
}

/* how many exits of each kind there were: a generator that only panics would prove nothing */
static void
check_variety(const uint64_t reasons[8], uint64_t runs)
{
    g_test_message(
        "%" G_GUINT64_FORMAT " runs: halt %" G_GUINT64_FORMAT ", panic %" G_GUINT64_FORMAT
        ", out of gas %" G_GUINT64_FORMAT ", page fault %" G_GUINT64_FORMAT
        ", host call %" G_GUINT64_FORMAT ", ecall %" G_GUINT64_FORMAT ", trap %" G_GUINT64_FORMAT,
        runs, reasons[0], reasons[1], reasons[2], reasons[3], reasons[4], reasons[6], reasons[7]);
    for (uint32_t reason = 0; reason < 8; reason++)
        if (reason != 5)
            g_assert_cmpuint(reasons[reason], >, runs / 2000);
}

static void
compare_all(const struct engine *engines, uint32_t n, uint64_t seed, uint64_t count)
{
    const struct nub_case_wish wish = { 0 };
    uint64_t reasons[8] = { 0 }, runs = 0;

    for (uint64_t i = 0; i < count; i++) {
        struct nub_case c;
        struct nub_trace expected, got;
        nub_case_generate(&c, seed + i, &wish);
        nub_trace_case(&engines[0].plugin, &c, &expected);
        g_assert_cmpint(expected.status, ==, NUB_OK);
        runs += expected.n_runs;
        for (uint32_t k = 0; k < expected.n_runs; k++)
            reasons[expected.runs[k].result.exit_reason & 7]++;
        for (uint32_t k = 1; k < n; k++) {
            if (i % engines[k].every != 0)
                continue;
            nub_trace_case(&engines[k].plugin, &c, &got);
            if (nub_trace_difference(&expected, &got) < 0)
                continue;
            report(&engines[0], &engines[k], &c);
            g_test_fail();
            return;
        }
    }
    if (count >= 1000)
        check_variety(reasons, runs);
}

static void
test_engines_agree(void)
{
    static const struct nub_option plain[] = { { "interpreter", "switch" },
                                               { "memory", "checked" } };
    static const struct nub_option checked[] = { { "memory", "checked" } };
    static const struct nub_option baseline[] = { { "cpu", "baseline" } };
    struct engine engines[] = {
        { .plugin.name = "switch" },
        { .plugin.name = "threaded, guard", .every = 1 },
        { .plugin.name = "threaded, checked", .every = 4 },
        { .plugin.name = "jit", .every = 1 },
        { .plugin.name = "jit, baseline", .every = 4 },
        { .plugin.name = "kvm", .every = KVM_EVERY },
    };
    uint32_t n = 3;
    g_autofree char *why = NULL;

    open_or_fail(&engines[0], "nub-local", plain, G_N_ELEMENTS(plain));
    open_or_fail(&engines[1], "nub-local", NULL, 0);
    open_or_fail(&engines[2], "nub-local", checked, G_N_ELEMENTS(checked));
#ifdef NUB_TEST_JIT
    open_or_fail(&engines[n++], "nub-jit", NULL, 0);
    open_or_fail(&engines[n++], "nub-jit", baseline, G_N_ELEMENTS(baseline));
#else
    (void)baseline;
#endif
    engines[n].plugin = (struct nub_trace_engine){ .name = "kvm" };
    engines[n].every = KVM_EVERY;
    if (open_engine(&engines[n], "nub-kvm", NULL, 0, &why))
        n++;
    else if (g_getenv("NUB_REQUIRE_KVM"))
        g_error("kvm: %s", why);
    else
        g_test_message("without kvm: %s", why);

    compare_all(engines, n, number_from_environment("NUB_DIFFERENTIAL_SEED", 1),
                number_from_environment("NUB_DIFFERENTIAL_COUNT", DEFAULT_COUNT));
    for (uint32_t i = 0; i < n; i++)
        engines[i].plugin.ops->destroy(engines[i].plugin.backend);
}

/* ---- the shrinker itself ------------------------------------------------------------------- */

/* stands for an engine that multiplies wrongly when it has divided before */
static bool
divides_then_multiplies(void *ctx, const struct nub_case *c)
{
    struct nub_program program = nub_case_program(c);
    bool divided = false;

    (void)ctx;
    for (uint32_t pc = 0; pc < c->code_size; pc++) {
        if (!nub_program_is_start(&program, pc))
            continue;
        divided |= c->code[pc] == NUB_OP_DIV_U_64;
        if (divided && c->code[pc] == NUB_OP_MUL_64)
            return true;
    }
    return false;
}

static void
test_shrinking_keeps_what_matters(void)
{
    const struct nub_case_wish wish = { 0 };
    uint32_t found = 0;

    for (uint64_t seed = 1; found < 3; seed++) {
        struct nub_case c;
        uint32_t n_insns = 0;
        nub_case_generate(&c, seed, &wish);
        if (!divides_then_multiplies(NULL, &c))
            continue;
        found++;
        nub_case_shrink(&c, divides_then_multiplies, NULL);
        g_assert_true(divides_then_multiplies(NULL, &c));
        for (uint32_t i = 0; i < c.code_size; i++)
            n_insns += c.mask[i / 8] >> (i % 8) & 1;
        g_assert_cmpuint(n_insns, <=, 4);
        g_assert_cmpuint(c.n_pages, ==, 0);
    }
}

static void
test_a_seed_is_a_case(void)
{
    const struct nub_case_wish wish = { 0 };

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct nub_case a, b;
        nub_case_generate(&a, seed, &wish);
        nub_case_generate(&b, seed, &wish);
        g_assert_cmpmem(&a, sizeof a, &b, sizeof b);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/differential/a-seed-is-a-case", test_a_seed_is_a_case);
    g_test_add_func("/differential/shrinking-keeps-what-matters",
                    test_shrinking_keeps_what_matters);
    g_test_add_func("/differential/engines-agree", test_engines_agree);
    return g_test_run();
}
