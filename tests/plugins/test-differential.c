/* test-differential.c - plugins/differential: equal backends pass unseen, each fault is found
 *
 * The second backend is nub-local with one function replaced (tests/tools/modules/faulty.c). What
 * get_changes tells is compared in between core and the backends, so its test is host to the module
 * itself.
 */
#include "plugin-test.h"
#include <dlfcn.h>
#include <nub/plugin.h>

#define PAIR(other, more)                                                                          \
    "{ name: local, module: nub-local }, { name: other, module: " other " },"                      \
    "{ name: both, module: nub-differential, options: { backends: 'local, other'" more " } }"

static const guint64 no_args[4];

/* What the plugin logged last; g_test_expect_message() does not see structured messages. */
static char *logged;

static GLogWriterOutput
keep_message(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    (void)data;
    for (gsize i = 0; level <= G_LOG_LEVEL_WARNING && i < n_fields; i++)
        if (strcmp(fields[i].key, "MESSAGE") == 0) {
            g_free(logged);
            logged = g_strdup(fields[i].value);
        }
    return G_LOG_WRITER_HANDLED;
}

static void
assert_logged(const char *pattern)
{
    if (!logged || !g_pattern_match_simple(pattern, logged))
        g_error("'%s' was logged, '%s' expected", logged ? logged : "nothing", pattern);
    g_clear_pointer(&logged, g_free);
}

static void
test_equal_backends_pass_unseen(void)
{
    g_autoptr(NubKernel) kernel = nub_plugin_kernel(PAIR("nub-local", ""), "both");
    g_autoptr(GError) error = NULL;
    NubHash instance = nub_test_publish(kernel, &nub_test_returns), root;
    guint64 regs[NUB_N_REGS] = { 0 }, count;
    NubResult result;

    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, no_args, 100, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_true(nub_kernel_refcount(kernel, &instance, &count, &error));
    g_assert_cmpuint(count, ==, 1);
    g_assert_true(nub_kernel_set_state_root(kernel, &instance, &error));
    g_assert_true(nub_kernel_state_root(kernel, &root, &error));
    g_assert_true(nub_hash_equals(&root, &instance));

    g_autoptr(NubSession) session =
        nub_kernel_open_session(kernel, &instance, 0, no_args, 100, &error);
    g_assert_no_error(error);
    regs[0] = NUB_HALT_ADDRESS;
    g_assert_true(nub_session_set_regs(session, regs, &error));
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_true(nub_session_write(session, 0x10000, (const guint8 *)"nub", 3, &error));
    g_autoptr(GBytes) bytes = nub_session_read(session, 0x10000, 3, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), 3, "nub", 3);
}

static void
test_errors_that_agree_are_passed_on(void)
{
    g_autoptr(NubKernel) kernel = nub_plugin_kernel(PAIR("nub-local", ""), "both");
    g_autoptr(GError) error = NULL;
    NubHash absent = { { 1 } }, named;
    NubResult result;

    g_assert_false(nub_kernel_invoke_cached(kernel, &absent, 0, no_args, 100, &result, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_PUBLISHED);
    g_assert_true(nub_error_get_hash(error, &named));
    g_assert_true(nub_hash_equals(&named, &absent));
}

/* What each fault is called when it is met. */
static const struct fault {
    const char *module, *log;
    int step; /* which of the calls below meets it */
} faults[] = {
    { "faulty-hash", "*local and other disagree on put_cap: the hashes differ", 0 },
    { "faulty-call-gas", "*disagree on invoke_cached: gas remaining 81 against 80", 1 },
    { "faulty-naming", "*both say NOT_PUBLISHED but name different capabilities", 2 },
    { "faulty-refcount", "*disagree on refcount: 1 against 2", 3 },
    { "faulty-gas", "*disagree on session_run: gas remaining 81 against 80", 4 },
    { "faulty-register", "*disagree on *: phi12 0x0 against 0x8000000000000000", 4 },
    { "faulty-memory", "*disagree on session_read: the bytes at 0x10000 differ", 5 },
};

/* Makes the calls in order until one fails with DIFFERENCE; returns its number, -1 for none. */
static int
first_difference(NubKernel *kernel)
{
    g_autoptr(NubBundle) bundle = nub_test_program_bundle(&nub_test_returns);
    g_autoptr(NubSession) session = NULL;
    g_autoptr(GBytes) bytes = NULL;
    NubHash instance, absent = { { 1 } };
    NubResult result;
    guint64 count;

    for (int step = 0; step < 6; step++) {
        g_autoptr(GError) error = NULL;
        switch (step) {
        case 0:
            nub_kernel_put_bundle(kernel, bundle, &instance, &error);
            break;
        case 1:
            nub_kernel_invoke_cached(kernel, &instance, 0, no_args, 100, &result, &error);
            break;
        case 2:
            nub_kernel_invoke_cached(kernel, &absent, 0, no_args, 100, &result, &error);
            break;
        case 3:
            nub_kernel_refcount(kernel, &instance, &count, &error);
            break;
        case 4:
            session = nub_kernel_open_session(kernel, &instance, 0, no_args, 100, &error);
            if (session)
                nub_session_run(session, NULL, &result, &error);
            break;
        default:
            bytes = nub_session_read(session, 0x10000, 16, &error);
            break;
        }
        if (error && error->code == NUB_ERROR_DIFFERENCE)
            return step;
    }
    return -1;
}

static void
test_each_fault_is_found(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *backends = g_strdup_printf(
            "{ name: local, module: nub-local }, { name: other, module: %s },"
            "{ name: both, module: nub-differential, options: { backends: 'local, other' } }",
            faults[i].module);
        g_autoptr(NubKernel) kernel = nub_plugin_kernel(backends, "both");

        g_test_message("%s", faults[i].module);
        g_assert_cmpint(first_difference(kernel), ==, faults[i].step);
        assert_logged(faults[i].log);
    }
}

static void
test_a_difference_leaves_a_reproducer(void)
{
    g_autofree char *folder = nub_plugin_folder();
    g_autofree char *backends = g_strdup_printf(
        "{ name: local, module: nub-local }, { name: other, module: faulty-call-gas },"
        "{ name: both, module: nub-differential,"
        "  options: { backends: 'local, other', reproducers: '%s' } }",
        folder);
    g_autoptr(NubKernel) kernel = nub_plugin_kernel(backends, "both");
    g_autoptr(GError) error = NULL;
    NubHash instance = nub_test_publish(kernel, &nub_test_returns), root;
    NubResult result;

    g_assert_false(nub_kernel_invoke_cached(kernel, &instance, 0, no_args, 100, &result, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_DIFFERENCE);
    g_clear_error(&error);
    assert_logged("*disagree on invoke_cached*");

    g_autofree char *hex = nub_hash_to_string(&instance);
    g_autofree char *path = g_strdup_printf("%s/difference-%.16s.nub", folder, hex);
    g_autoptr(NubBundle) bundle = nub_bundle_load(path, &error);
    g_assert_no_error(error);
    g_autoptr(NubKernel) fresh = nub_test_local();
    g_assert_true(nub_kernel_put_bundle(fresh, bundle, &root, &error));
    g_assert_true(nub_hash_equals(&root, &instance));
    nub_plugin_folder_remove(folder);
}

static void
test_sampling_leaves_calls_to_the_reference(void)
{
    g_autoptr(NubKernel) kernel = nub_plugin_kernel(PAIR("faulty-call-gas", ", sample: 3"), "both");
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    NubResult result;

    for (guint i = 0; i < 6; i++) {
        g_autoptr(GError) error = NULL;
        gboolean ok = nub_kernel_invoke_cached(kernel, &instance, 0, no_args, 100, &result, &error);
        g_assert_cmpint(ok, ==, i % 3 != 0);
        if (!ok)
            assert_logged("*disagree on invoke_cached*");
    }
}

/* ---- host calls ------------------------------------------------------------------------------ */

static NubHostVerdict
count_and_answer(NubHostCall *call, gpointer calls)
{
    guint8 bytes[4] = { 1, 2, 3, 4 };

    ++*(guint *)calls;
    nub_host_call_set_reg(call, 7, 1234);
    nub_host_call_set_reg(call, 0, NUB_HALT_ADDRESS);
    g_assert_true(nub_host_call_write(call, 0x10000, bytes, sizeof bytes, NULL));
    return NUB_HOST_VERDICT_CONTINUE;
}

static void
test_callbacks_run_once(void)
{
    g_autoptr(NubKernel) kernel = nub_plugin_kernel(
        "{ name: local, module: nub-local },"
        "{ name: checked, module: nub-local, options: { memory: checked, interpreter: switch } },"
        "{ name: both, module: nub-differential, options: { backends: 'local, checked' } }",
        "both");
    NubHash instance = nub_test_publish(kernel, &nub_test_calls_host), successor;
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(NubHostTable) hosts = nub_host_table_new();
    g_autoptr(GError) error = NULL;
    guint calls = 0;
    NubResult result;

    nub_host_table_add(hosts, 5, 10, count_and_answer, &calls, NULL);
    nub_call_set_host_table(call, hosts);
    nub_call_set_gas(call, 1000);
    nub_call_set_commit(call, TRUE);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(calls, ==, 1);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, 1234);
    g_assert_true(nub_outcome_get_successor(outcome, &successor));
    g_assert_false(nub_hash_equals(&successor, &instance)); /* the page was written on both */
}

/* ---- changes --------------------------------------------------------------------------------- */

/* A backend that tells of changes: a byte of the header, and one of each page; 0: no such page. */
struct teller {
    int32_t status;
    guint8 header, pages[3];
    gboolean downwards;
};

static int32_t
tell(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
     const struct nub_changes *changes, struct nub_failure *failure)
{
    const struct teller *self = backend;
    guint8 page[NUB_PAGE_SIZE] = { 0 };

    (void)base;
    (void)hash;
    (void)failure;
    changes->header(changes->ctx, (struct nub_slice){ &self->header, 1 });
    for (guint i = 0; i < G_N_ELEMENTS(self->pages); i++) {
        guint at = self->downwards ? G_N_ELEMENTS(self->pages) - 1 - i : i;
        page[NUB_PAGE_SIZE - 1] = self->pages[at];
        if (self->pages[at])
            changes->page(changes->ctx, at * NUB_PAGE_SIZE, self->pages[at] == 255 ? NULL : page);
    }
    return self->status;
}

/* What of it was heard, as text. */
static void
hear_header(void *ctx, struct nub_slice wire)
{
    g_string_append_printf(ctx, "header %u;", wire.data[0]);
}

static void
hear_page(void *ctx, uint32_t address, const uint8_t *bytes)
{
    g_string_append_printf(ctx, " 0x%x: %d;", address, bytes ? bytes[NUB_PAGE_SIZE - 1] : -1);
}

static struct nub_backend_ops teller_ops = { .struct_size = sizeof teller_ops,
                                             .get_changes = tell };
static struct nub_backend_ops silent_ops = { .struct_size = sizeof silent_ops };

static int32_t
open_teller(void *ctx, const char *name, struct nub_backend_ref *out, struct nub_failure *failure)
{
    struct teller *tellers = ctx;

    (void)failure;
    *out = (struct nub_backend_ref){ .ops = strcmp(name, "silent") == 0 ? &silent_ops : &teller_ops,
                                     .backend = &tellers[strcmp(name, "first") != 0] };
    return NUB_OK;
}

static void
keep_log(void *ctx, uint32_t level, const char *message)
{
    (void)ctx;
    (void)level;
    g_free(logged);
    logged = g_strdup(message);
}

static const struct nub_plugin *
load_differential(void)
{
    void *module = dlopen(NUB_BUILD_DIR "/modules/nub-differential.so", RTLD_NOW | RTLD_LOCAL);
    void *symbol = module ? dlsym(module, NUB_PLUGIN_ENTRY) : NULL;
    nub_plugin_entry_fn entry;

    g_assert_nonnull(symbol);
    memcpy(&entry, &symbol, sizeof entry);
    return entry();
}

/* Asks a differential over `first` and the other for changes; what was heard goes to `heard`. */
static int32_t
ask_for_changes(struct teller tellers[2], const char *backends, GString *heard,
                struct nub_failure *failure)
{
    const struct nub_plugin *plugin = load_differential();
    const struct nub_option options[] = { { "backends", backends } };
    const struct nub_host host = {
        .struct_size = sizeof host, .ctx = tellers, .log = keep_log, .open_backend = open_teller
    };
    const struct nub_create_args args = {
        .struct_size = sizeof args, .n_options = 1, .options = options, .host = &host
    };
    const struct nub_changes changes = {
        .struct_size = sizeof changes, .ctx = heard, .header = hear_header, .page = hear_page
    };
    const struct nub_hash base = { { 1 } }, hash = { { 2 } };
    void *backend = NULL;
    int32_t status;

    g_string_truncate(heard, 0);
    g_assert_cmpint(plugin->ops->create(&args, &backend, failure), ==, NUB_OK);
    status = plugin->ops->get_changes(backend, &base, &hash, &changes, failure);
    plugin->ops->destroy(backend);
    return status;
}

static void
test_changes_are_compared(void)
{
    static const struct teller honest = { .header = 9, .pages = { 1, 255, 3 } };
    static const struct {
        struct teller other;
        int32_t status;
        const char *message;
    } rows[] = {
        { { .header = 9, .pages = { 1, 255, 3 } }, NUB_OK, NULL },
        { { .header = 8, .pages = { 1, 255, 3 } }, NUB_ERR_DIFFERENCE, "the changes differ" },
        { { .header = 9, .pages = { 1, 255, 4 } }, NUB_ERR_DIFFERENCE, "the changes differ" },
        { { .header = 9, .pages = { 1, 2, 3 } }, NUB_ERR_DIFFERENCE, "the changes differ" },
        { { .header = 9, .pages = { 255, 255, 3 } }, NUB_ERR_DIFFERENCE, "the changes differ" },
        { { .header = 9, .pages = { 1, 0, 3 } }, NUB_ERR_DIFFERENCE, "the changes differ" },
        { { .header = 9, .pages = { 1, 255, 3 }, .downwards = TRUE },
          NUB_ERR_DIFFERENCE,
          "the changes differ" },
        { { .status = NUB_ERR_NOT_FOUND, .header = 9, .pages = { 1, 255, 3 } },
          NUB_ERR_DIFFERENCE,
          "OK against NOT_FOUND" },
        { { .status = NUB_ERR_NO_MEMORY }, NUB_ERR_NO_MEMORY, NULL },
        { { .status = NUB_ERR_NOT_SUPPORTED }, NUB_ERR_NOT_SUPPORTED, NULL },
    };
    g_autoptr(GString) heard = g_string_new(NULL);
    struct nub_failure failure = { .struct_size = sizeof failure };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct teller tellers[2] = { honest, rows[i].other };
        g_autofree char *message =
            g_strdup_printf("first and other disagree on get_changes: %s", rows[i].message);
        g_test_message("row %u", i);
        g_assert_cmpint(ask_for_changes(tellers, "first, other", heard, &failure), ==,
                        rows[i].status);
        g_assert_cmpstr(heard->str, ==, "header 9; 0x0: 1; 0x1000: -1; 0x2000: 3;");
        if (rows[i].message)
            assert_logged(message);
        g_assert_null(logged);
    }
    struct teller agreeing[2] = { { .status = NUB_ERR_NOT_FOUND },
                                  { .status = NUB_ERR_NOT_FOUND } };
    g_assert_cmpint(ask_for_changes(agreeing, "first, other", heard, &failure), ==,
                    NUB_ERR_NOT_FOUND);
    g_assert_cmpint(ask_for_changes(agreeing, "first, silent", heard, &failure), ==,
                    NUB_ERR_NOT_SUPPORTED);
    g_assert_cmpstr(failure.message, ==, "get_changes: backend 'silent' has no such function");
    g_assert_cmpuint(heard->len, ==, 0);
}

static void
test_options_are_judged(void)
{
    static const struct {
        const char *options, *message;
    } rows[] = {
        { "", "*option 'backends' is missing*" },
        { "backends: local", "*'local' names fewer than two backends*" },
        { "backends: 'local, nowhere'", "*nowhere*" },
        { "backends: 'local, both'", "*both*" },
        { "backends: 'local, local', sample: 0", "*option 'sample': 0 compares nothing*" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *backends =
            g_strdup_printf("{ name: local, module: nub-local },"
                            "{ name: both, module: nub-differential, options: { %s } }",
                            rows[i].options);
        g_autoptr(NubRegistry) registry = nub_plugin_registry(backends);
        g_autoptr(GError) error = NULL;
        g_autoptr(NubKernel) kernel = nub_registry_open(registry, "both", &error);

        g_assert_null(kernel);
        g_assert_true(g_pattern_match_simple(rows[i].message, error->message));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL); /* differences are warnings */
    g_log_set_writer_func(keep_message, NULL, NULL);
    g_test_add_func("/plugins/differential/equal-backends-pass-unseen",
                    test_equal_backends_pass_unseen);
    g_test_add_func("/plugins/differential/errors-that-agree-are-passed-on",
                    test_errors_that_agree_are_passed_on);
    g_test_add_func("/plugins/differential/each-fault-is-found", test_each_fault_is_found);
    g_test_add_func("/plugins/differential/a-difference-leaves-a-reproducer",
                    test_a_difference_leaves_a_reproducer);
    g_test_add_func("/plugins/differential/sampling-leaves-calls-to-the-reference",
                    test_sampling_leaves_calls_to_the_reference);
    g_test_add_func("/plugins/differential/callbacks-run-once", test_callbacks_run_once);
    g_test_add_func("/plugins/differential/changes-are-compared", test_changes_are_compared);
    g_test_add_func("/plugins/differential/options-are-judged", test_options_are_judged);
    return g_test_run();
}
