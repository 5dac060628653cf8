/* test-kernel.c - the kernel over the local backend, and over one that has the least a backend may
 *
 * That results are right is conformance's business; here it is that every call reaches the
 * backend, that every error comes back with what it names, and that core composes what it can.
 */
#include "program-test.h"

#include <string.h>

static void
test_publish_and_invoke(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    const guint64 args[4] = { 42, 1, 2, 3 };
    g_autoptr(GError) error = NULL;
    NubResult result;

    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, args, 1000, &result, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, 42);
    g_assert_cmpuint(result.gas_remaining, ==, 999);
    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, NULL, 0, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
}

/* An image of an instruction set that nobody knows can be published, and says so when it is to run.
 */
static void
test_an_unknown_instruction_set(void)
{
    static const guint8 code[] = { 0x32, 0x00 }, bitmask[] = { 0x01 };
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubImageBuilder) builder =
        nub_image_builder_new(code, sizeof code, bitmask, sizeof bitmask);
    g_autoptr(GError) error = NULL;
    NubHash plain_hash, hash, instance, named;
    NubResult result;

    nub_image_builder_add_endpoint(builder, 0, NULL);
    g_autoptr(NubCap) plain = nub_image_builder_build(builder, &error);
    nub_image_builder_set_isa(builder, 7);
    g_autoptr(NubCap) image = nub_image_builder_build(builder, &error);
    g_assert_no_error(error);
    nub_cap_get_hash(plain, &plain_hash);
    g_assert_true(nub_kernel_put_cap(kernel, image, &hash, &error));
    g_assert_false(nub_hash_equals(&hash, &plain_hash));
    g_autoptr(NubCap) cap = nub_cap_new_instance(&hash);
    g_assert_true(nub_kernel_put_cap(kernel, cap, &instance, &error));
    g_assert_no_error(error);
    g_assert_false(nub_kernel_invoke_cached(kernel, &instance, 0, NULL, 1000, &result, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_UNSUPPORTED_ISA);
    g_assert_true(nub_error_get_hash(error, &named));
    g_assert_true(nub_hash_equals(&named, &hash));
}

static void
test_counts(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    NubCap *image = nub_bundle_get_cap(bundle, 0);
    g_autoptr(NubCap) back = NULL;
    g_autoptr(GError) error = NULL;
    NubHash hash, named, put;
    gboolean present = TRUE;
    guint64 count = 9;

    nub_cap_get_hash(image, &hash);
    g_assert_true(nub_kernel_contains(kernel, &hash, &present, &error));
    g_assert_false(present);
    g_assert_true(nub_kernel_refcount(kernel, &hash, &count, &error));
    g_assert_cmpuint(count, ==, 0);
    g_assert_null(nub_kernel_get_cap(kernel, &hash, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    g_assert_true(nub_error_get_hash(error, &named) && nub_hash_equals(&named, &hash));
    g_clear_error(&error);

    g_assert_true(nub_kernel_put_cap(kernel, image, &put, &error));
    g_assert_true(nub_hash_equals(&put, &hash));
    g_assert_true(nub_kernel_put_cap_with_hash(kernel, &hash, image, &error));
    g_assert_true(nub_kernel_put_cap(kernel, nub_bundle_get_root(bundle), NULL, &error));
    g_assert_true(nub_kernel_refcount(kernel, &hash, &count, &error));
    g_assert_cmpuint(count, ==, 3); /* two puts, one mention */
    back = nub_kernel_get_cap(kernel, &hash, &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(nub_cap_get_wire(back), nub_cap_get_wire(image)));

    g_assert_true(nub_kernel_drop_cap(kernel, &hash, &error));
    g_assert_true(nub_kernel_drop_cap(kernel, &hash, &error));
    g_assert_false(nub_kernel_drop_cap(kernel, &hash, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_HELD);
    g_clear_error(&error);
    nub_cap_get_hash(nub_bundle_get_root(bundle), &put);
    g_assert_true(nub_kernel_drop_cap(kernel, &put, &error));
    g_assert_true(nub_kernel_contains(kernel, &hash, &present, &error));
    g_assert_false(present); /* the mention was the last that held it */
    g_assert_false(nub_kernel_drop_cap(kernel, &hash, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
}

/* The same on a backend with the function, and on one for which core composes it. */
static void
test_put_with_hash(gconstpointer module)
{
    g_autoptr(NubKernel) kernel = module ? nub_test_kernel(module, "") : nub_test_local();
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    NubCap *image = nub_bundle_get_cap(bundle, 0), *instance = nub_bundle_get_root(bundle);
    g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
    g_autoptr(GError) error = NULL;
    NubHash image_hash, instance_hash, named;

    nub_cap_get_hash(image, &image_hash);
    nub_cap_get_hash(instance, &instance_hash);
    g_assert_false(nub_kernel_put_wire_with_hash(kernel, &image_hash, garbage, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
    g_clear_error(&error);
    g_assert_false(nub_kernel_put_cap_with_hash(kernel, &image_hash, instance, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_HASH_MISMATCH);
    g_assert_true(nub_error_get_hash(error, &named) && nub_hash_equals(&named, &image_hash));
    g_clear_error(&error);
    g_assert_false(nub_kernel_put_cap_with_hash(kernel, &instance_hash, instance, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    g_assert_true(nub_error_get_hash(error, &named) && nub_hash_equals(&named, &image_hash));
    g_clear_error(&error);
    g_assert_true(nub_kernel_put_cap_with_hash(kernel, &image_hash, image, &error));
    g_assert_true(nub_kernel_put_cap_with_hash(kernel, &instance_hash, instance, &error));
    g_assert_no_error(error);
    if (!module) {
        /* What is present is not read. */
        g_assert_true(nub_kernel_put_wire_with_hash(kernel, &image_hash, garbage, &error));
        g_assert_no_error(error);
    }
}

static void
test_bad_wire(gconstpointer module)
{
    g_autoptr(NubKernel) kernel = module ? nub_test_kernel(module, "") : nub_test_local();
    static const guint8 bytes[] = { 9, 0, 0 };
    g_autoptr(GError) error = NULL;

    for (gsize n = 0; n <= sizeof bytes; n++) {
        g_autoptr(GBytes) wire = g_bytes_new(bytes, n);
        g_assert_false(nub_kernel_put_wire(kernel, wire, NULL, &error));
        g_assert_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING);
        g_clear_error(&error);
        g_assert_false(nub_kernel_put_wire(kernel, wire, NULL, NULL));
    }
}

static void
test_directory_full(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "max-bytes: 64KiB");
    g_autofree guint8 *content = g_malloc0(128 * 1024);
    g_autoptr(NubCap) large = nub_cap_new_data(content, 128 * 1024, NULL);
    g_autoptr(NubCap) small = nub_cap_new_data(content, 4096, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(nub_kernel_put_cap(kernel, large, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NO_SPACE);
    g_assert_true(nub_kernel_put_cap(kernel, small, NULL, NULL));
}

/* On any error of a bundle nothing of it stays. */
static void
test_bundle_all_or_nothing(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(NubBundle) whole = nub_test_small_bundle();
    g_autoptr(NubBundle) broken = nub_bundle_new();
    g_autoptr(NubCap) data = nub_cap_new_data((const guint8 *)"x", 1, NULL);
    g_autoptr(GError) error = NULL;
    gboolean present = TRUE;
    NubHash hash, named, image;

    nub_bundle_add(broken, data);
    nub_bundle_add(broken, data);
    nub_bundle_add(broken, nub_bundle_get_root(whole)); /* its image is not there */
    g_assert_false(nub_kernel_put_bundle(kernel, broken, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    g_assert_true(g_str_has_prefix(error->message, "capability 3 of 3: local: put_cap: "));
    nub_cap_get_hash(nub_bundle_get_cap(whole, 0), &image);
    g_assert_true(nub_error_get_hash(error, &named) && nub_hash_equals(&named, &image));
    nub_cap_get_hash(data, &hash);
    g_assert_true(nub_kernel_contains(kernel, &hash, &present, NULL));
    g_assert_false(present);
}

static void
test_absent_functions(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    NubHash hash = { { 1 } };
    g_autoptr(NubCall) call = nub_call_new(&hash);
    gboolean present;
    guint64 count;
    NubHeapStats stats;
    GError *errors[9] = { NULL };
    static const char *const names[] = { "contains",       "get_cap",      "drop_cap",
                                         "refcount",       "invoke",       "resume",
                                         "set_state_root", "session_open", "heap_stats" };

    nub_call_set_commit(call, TRUE);
    g_assert_false(nub_kernel_contains(kernel, &hash, &present, &errors[0]));
    g_assert_null(nub_kernel_get_cap(kernel, &hash, &errors[1]));
    g_assert_false(nub_kernel_drop_cap(kernel, &hash, &errors[2]));
    g_assert_false(nub_kernel_refcount(kernel, &hash, &count, &errors[3]));
    g_assert_null(nub_kernel_invoke(kernel, call, NULL, &errors[4]));
    g_assert_null(nub_kernel_resume(kernel, call, NULL, &errors[5]));
    g_assert_false(nub_kernel_set_state_root(kernel, &hash, &errors[6]));
    g_assert_null(nub_kernel_open_session_for_call(kernel, call, &errors[7]));
    g_assert_false(nub_kernel_heap_stats(kernel, &stats, &errors[8]));
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *want = g_strdup_printf("echo: the backend has no function %s", names[i]);
        g_assert_error(errors[i], NUB_ERROR, NUB_ERROR_NOT_SUPPORTED);
        g_assert_cmpstr(errors[i]->message, ==, want);
        g_assert_false(nub_kernel_supports(kernel, names[i]));
        g_error_free(errors[i]);
    }
}

/* A full call that asks for nothing more is made through invoke_cached. */
static void
test_composed_invoke(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    g_autoptr(NubCall) call = NULL;
    const guint64 args[4] = { 5, 6, 7, 8 };
    NubHash instance, successor;
    NubResult result;

    g_assert_true(nub_kernel_put_bundle(kernel, bundle, &instance, &error));
    call = nub_call_new(&instance);
    nub_call_set_args(call, args);
    nub_call_set_gas(call, 10);
    outcome = nub_kernel_invoke(kernel, call, cancellable, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.return_value, ==, 26);
    g_assert_false(nub_outcome_get_successor(outcome, &successor));
    g_assert_null(nub_outcome_get_output(outcome));
    g_cancellable_cancel(cancellable);
    g_assert_null(nub_kernel_invoke(kernel, call, cancellable, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_invoke_errors(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    g_autoptr(NubCap) data = nub_cap_new_data((const guint8 *)"x", 1, NULL);
    NubHash data_hash, named;
    NubHash nobody = { { 1 } };
    const struct {
        const NubHash *instance;
        guint32 endpoint;
        NubError code;
        const NubHash *names; /* NULL: not looked at */
    } rows[] = {
        { &nobody, 0, NUB_ERROR_NOT_PUBLISHED, &nobody },
        { &data_hash, 0, NUB_ERROR_NOT_AN_INSTANCE, &data_hash },
        { &instance, 1, NUB_ERROR_ENDPOINT_RANGE, NULL },
    };

    g_assert_true(nub_kernel_put_cap(kernel, data, &data_hash, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        NubResult result;
        g_assert_false(nub_kernel_invoke_cached(kernel, rows[i].instance, rows[i].endpoint, NULL, 1,
                                                &result, &error));
        g_assert_error(error, NUB_ERROR, (int)rows[i].code);
        g_assert_true(g_str_has_prefix(error->message, "local: invoke_cached: "));
        if (rows[i].names)
            g_assert_true(nub_error_get_hash(error, &named) &&
                          nub_hash_equals(&named, rows[i].names));
        g_assert_false(nub_kernel_invoke_cached(kernel, rows[i].instance, rows[i].endpoint, NULL, 1,
                                                &result, NULL));
    }
}

static void
test_figures(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) stats = NULL;
    NubHeapStats heap;

    g_assert_false(nub_kernel_heap_stats(kernel, &heap, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED);
    g_clear_error(&error);
    g_assert_true(nub_kernel_supports(kernel, "stats"));
    stats = nub_kernel_stats(kernel, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(g_variant_get_type_string(stats), ==, "a{st}");
    g_assert_true(nub_kernel_evict(kernel, &error));
    g_assert_no_error(error);
}

/* What `name` counts; there is no such counter: the test fails. */
static guint64
counted(NubKernel *kernel, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) stats = nub_kernel_stats(kernel, &error);
    guint64 value = 0;

    g_assert_no_error(error);
    g_assert_true(g_variant_lookup(stats, name, "t", &value));
    return value;
}

static void
test_calls_are_counted(void)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = nub_test_publish(kernel, &nub_test_returns), nobody = { { 1 } };
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(NubOutcome) outcome = NULL;
    g_autoptr(NubSession) session = NULL;
    NubResult result;

    for (guint64 gas = 0; gas < 5; gas++) /* of which it needs 1 */
        g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, NULL, gas, &result, NULL));
    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, NULL, G_MAXUINT64, &result, NULL));
    g_assert_false(nub_kernel_invoke_cached(kernel, &nobody, 0, NULL, 9, &result, NULL));
    nub_call_set_gas(call, 10);
    outcome = nub_kernel_invoke(kernel, call, NULL, NULL);
    g_assert_nonnull(outcome);
    session = nub_kernel_open_session(kernel, &instance, 0, NULL, 10, NULL);
    g_assert_true(nub_session_run(session, NULL, &result, NULL));
    g_assert_true(nub_session_set_pc(session, 0, NULL));
    g_assert_true(nub_session_run(session, NULL, &result, NULL));
    g_assert_cmpuint(counted(kernel, "nub_calls_total"), ==, 10);
    g_assert_cmpuint(counted(kernel, "nub_calls_failed_total"), ==, 1);
    g_assert_cmpuint(counted(kernel, "nub_exits_total{reason=\"halt\"}"), ==, 8);
    g_assert_cmpuint(counted(kernel, "nub_exits_total{reason=\"out-of-gas\"}"), ==, 1);
    g_assert_cmpuint(counted(kernel, "nub_exits_total{reason=\"trap\"}"), ==, 0);
    g_assert_cmpuint(counted(kernel, "nub_gas_used_total"), ==, 8);
    g_assert_cmpuint(counted(kernel, "nub_code_misses_total"), ==, 1);
    g_assert_cmpuint(counted(kernel, "nub_code_hits_total"), ==, 7);
}

/* On a backend that counts nothing itself. */
static void
test_puts_are_counted(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
    gsize size = g_bytes_get_size(nub_cap_get_wire(nub_bundle_get_cap(bundle, 0))) +
                 g_bytes_get_size(nub_cap_get_wire(nub_bundle_get_cap(bundle, 1)));

    g_assert_cmpuint(counted(kernel, "nub_puts_total"), ==, 0);
    g_assert_true(nub_kernel_put_bundle(kernel, bundle, NULL, NULL));
    g_assert_false(nub_kernel_put_wire(kernel, garbage, NULL, NULL));
    g_assert_cmpuint(counted(kernel, "nub_puts_total"), ==, 2);
    g_assert_cmpuint(counted(kernel, "nub_put_bytes_total"), ==, size);
}

typedef struct {
    NubKernel *kernel;
    NubHash instance;
} Shared;

static gpointer
call_often(gpointer data)
{
    Shared *shared = data;
    NubResult result;

    for (guint i = 0; i < 2000; i++)
        g_assert_true(nub_kernel_invoke_cached(shared->kernel, &shared->instance, 0, NULL, 10,
                                               &result, NULL));
    return NULL;
}

/* More threads at once than there are lanes, and more after them: no call is lost. */
static void
test_no_call_is_lost_in_counting(void)
{
    Shared shared = { .kernel = nub_test_kernel("echo", "") };
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    GThread *threads[40];

    g_assert_true(nub_kernel_put_bundle(shared.kernel, bundle, &shared.instance, NULL));
    for (guint round = 0; round < 2; round++) {
        for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
            threads[i] = g_thread_new("call", call_often, &shared);
        for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
            g_thread_join(threads[i]);
    }
    g_assert_cmpuint(counted(shared.kernel, "nub_calls_total"), ==, 2 * 40 * 2000);
    g_object_unref(shared.kernel);
}

static gpointer
work(gpointer data)
{
    Shared *shared = data;
    g_autofree guint8 *content = g_malloc0(4096);

    for (guint i = 0; i < 300; i++) {
        g_autoptr(NubCap) cap = NULL;
        const guint64 args[4] = { i };
        NubHash hash;
        NubResult result;
        memcpy(content, &i, sizeof i);
        cap = nub_cap_new_data(content, 4096, NULL);
        g_assert_true(nub_kernel_put_cap(shared->kernel, cap, &hash, NULL));
        g_assert_true(nub_kernel_invoke_cached(shared->kernel, &shared->instance, 0, args, 10,
                                               &result, NULL));
        g_assert_cmpuint(result.return_value, ==, i);
        g_assert_true(nub_kernel_drop_cap(shared->kernel, &hash, NULL));
    }
    return NULL;
}

static void
test_many_threads(void)
{
    Shared shared = { .kernel = nub_test_local() };
    GThread *threads[4];

    shared.instance = nub_test_publish(shared.kernel, &nub_test_returns);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("work", work, &shared);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_object_unref(shared.kernel);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/kernel/publish-and-invoke", test_publish_and_invoke);
    g_test_add_func("/core/kernel/an-unknown-instruction-set", test_an_unknown_instruction_set);
    g_test_add_func("/core/kernel/counts-and-drops", test_counts);
    g_test_add_data_func("/core/kernel/put-with-hash/local", NULL, test_put_with_hash);
    g_test_add_data_func("/core/kernel/put-with-hash/composed", "echo", test_put_with_hash);
    g_test_add_data_func("/core/kernel/bad-wire/local", NULL, test_bad_wire);
    g_test_add_data_func("/core/kernel/bad-wire/echo", "echo", test_bad_wire);
    g_test_add_func("/core/kernel/directory-full", test_directory_full);
    g_test_add_func("/core/kernel/bundle-is-all-or-nothing", test_bundle_all_or_nothing);
    g_test_add_func("/core/kernel/absent-functions-are-named", test_absent_functions);
    g_test_add_func("/core/kernel/composed-invoke", test_composed_invoke);
    g_test_add_func("/core/kernel/invoke-errors-name-the-capability", test_invoke_errors);
    g_test_add_func("/core/kernel/figures", test_figures);
    g_test_add_func("/core/kernel/calls-are-counted", test_calls_are_counted);
    g_test_add_func("/core/kernel/puts-are-counted", test_puts_are_counted);
    g_test_add_func("/core/kernel/no-call-is-lost-in-counting", test_no_call_is_lost_in_counting);
    g_test_add_func("/core/kernel/many-threads", test_many_threads);
    return g_test_run();
}
