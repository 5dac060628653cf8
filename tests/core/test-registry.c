/* test-registry.c - opening: the default, auto and its reasons, sharing, options, wrapping, reload
 */
#include "core-test.h"

#include <glib/gstdio.h>
#include <string.h>

/* The lines that backends log, while a test listens. */
static GMutex lines_lock;
static GPtrArray *lines; /* (mutex lines_lock) */

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    const char *backend = NULL, *message = NULL;

    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "NUB_BACKEND") == 0)
            backend = fields[i].value;
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            message = fields[i].value;
    }
    if (!backend)
        return g_log_writer_default(level, fields, n_fields, data);
    g_mutex_lock(&lines_lock);
    g_ptr_array_add(lines, g_strdup_printf("[%s] %s", backend, message));
    g_mutex_unlock(&lines_lock);
    return G_LOG_WRITER_HANDLED;
}

static void
forget_lines(void)
{
    g_ptr_array_set_size(lines, 0);
}

static const char *
line(guint i)
{
    return i < lines->len ? lines->pdata[i] : "(no such line)";
}

/* ---- opening ----------------------------------------------------------------------------- */

static void
test_open_is_shared(void)
{
    g_autoptr(NubRegistry) registry = nub_test_registry("{ name: e, module: echo }", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubKernel) first = nub_registry_open(registry, NULL, &error);
    g_autoptr(NubKernel) second = nub_registry_open(registry, "e", &error);
    g_autoptr(NubKernel) own = NULL;
    g_autoptr(GPtrArray) list = NULL;

    g_assert_no_error(error);
    g_assert_true(first == second);
    g_assert_cmpstr(nub_kernel_get_name(first), ==, "e");
    own = nub_registry_open_private(registry, NULL, NUB_GAS_INSTRUCTION, 9, &error);
    g_assert_no_error(error);
    g_assert_true(own != first);
    g_assert_cmpint(nub_kernel_get_gas_model(first), ==, NUB_GAS_PIPELINE);
    g_assert_cmpuint(nub_kernel_get_mem_cycles(first), ==, 25);
    g_assert_cmpint(nub_kernel_get_gas_model(own), ==, NUB_GAS_INSTRUCTION);
    g_assert_cmpuint(nub_kernel_get_mem_cycles(own), ==, 9);

    list = nub_registry_list_backends(registry);
    g_assert_cmpint(nub_backend_info_get_state(list->pdata[0]), ==, NUB_BACKEND_STATE_OPEN);
    g_clear_pointer(&list, g_ptr_array_unref);
    g_clear_object(&first);
    g_clear_object(&second);
    list = nub_registry_list_backends(registry);
    g_assert_cmpint(nub_backend_info_get_state(list->pdata[0]), ==, NUB_BACKEND_STATE_LOADED);
    g_assert_null(nub_registry_open_private(registry, NULL, NUB_GAS_DEFAULT, 128, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);
}

static void
test_kernel_outlives_registry(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    NubHash root;

    g_assert_true(nub_kernel_state_root(kernel, &root, NULL));
}

static void
test_unknown_name(void)
{
    g_autoptr(NubRegistry) registry = nub_test_registry("{ name: echo, module: echo }", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(nub_registry_open(registry, "ecoh", &error));
    g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND);
    g_assert_cmpstr(error->message, ==,
                    "data: no backend 'ecoh' is configured (did you mean 'echo'?)");
    g_assert_null(nub_registry_open(registry, "ecoh", NULL));
}

static void
test_auto_takes_the_first_that_opens(void)
{
    g_autoptr(NubRegistry) registry =
        nub_test_registry("{ name: c, module: echo },\n{ name: a, module: refuse, priority: 9 },\n"
                          "{ name: b, module: echo, priority: 20, auto: false },\n"
                          "{ name: d, module: echo, priority: 30, enabled: false }",
                          NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, NULL, &error);
    g_autoptr(NubKernel) by_name = NULL;
    g_autoptr(GPtrArray) list = nub_registry_list_backends(registry);

    g_assert_no_error(error);
    g_assert_cmpstr(nub_kernel_get_name(kernel), ==, "c");
    g_assert_cmpuint(list->len, ==, 4);
    g_assert_cmpstr(nub_backend_info_get_name(list->pdata[0]), ==, "d");
    g_assert_cmpint(nub_backend_info_get_state(list->pdata[0]), ==, NUB_BACKEND_STATE_DISABLED);
    g_assert_cmpstr(nub_backend_info_get_reason(list->pdata[0]), ==, "by data:7:1");
    g_assert_cmpstr(nub_backend_info_get_name(list->pdata[1]), ==, "b");
    g_assert_false(nub_backend_info_is_automatic(list->pdata[1]));
    g_assert_cmpint(nub_backend_info_get_state(list->pdata[2]), ==, NUB_BACKEND_STATE_FAILED);
    g_assert_cmpstr(nub_backend_info_get_reason(list->pdata[2]), ==,
                    "a: create: /dev/nothing: no such device");
    by_name = nub_registry_open(registry, "b", &error);
    g_assert_no_error(error);
}

static void
test_auto_keeps_every_reason(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_test_registry(
        "{ name: a, module: refuse },\n{ name: b, module: refuse, priority: -1 },\n"
        "{ name: c, module: echo, enabled: false },\n{ name: d, module: echo, auto: false }",
        &error);

    g_assert_no_error(error);
    g_assert_null(nub_registry_open(registry, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_UNAVAILABLE);
    g_assert_cmpstr(error->message, ==,
                    "data: no backend opens: a: create: /dev/nothing: no such device; "
                    "backend 'c' is disabled by data:6:1; "
                    "b: create: /dev/nothing: no such device");
    g_clear_error(&error);
    g_assert_null(nub_registry_open(registry, "a", &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_UNAVAILABLE);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
    (void)source;
    *(GAsyncResult **)data = g_object_ref(result);
}

static void
test_open_async(void)
{
    static const char *const names[] = { "a", "b" };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(NubRegistry) registry =
            nub_test_registry("{ name: a, module: echo }, { name: b, module: refuse }", NULL);
        g_autoptr(GAsyncResult) result = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(NubKernel) kernel = NULL;
        nub_registry_open_async(registry, names[i], NULL, on_done, &result);
        while (!result)
            g_main_context_iteration(NULL, TRUE);
        kernel = nub_registry_open_finish(registry, result, &error);
        g_assert_true((kernel != NULL) == (i == 0));
        g_assert_true((error == NULL) == (i == 0));
    }
}

static gpointer
open_in_thread(gpointer registry)
{
    return nub_registry_open(registry, NULL, NULL);
}

static void
test_open_from_many_threads(void)
{
    g_autoptr(NubRegistry) registry = nub_test_registry("{ name: e, module: echo }", NULL);
    GThread *threads[8];
    NubKernel *kernels[G_N_ELEMENTS(threads)];

    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("open", open_in_thread, registry);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        kernels[i] = g_thread_join(threads[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_assert_nonnull(kernels[i]);
        g_assert_true(kernels[i] == kernels[0]);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_object_unref(kernels[i]);
}

/* ---- options ----------------------------------------------------------------------------- */

static void
test_options_are_normalised(void)
{
    static const struct {
        const char *options;
        const char *want;
    } rows[] = {
        { "", "loud=false count=3 max-bytes=1048576 wait=300000 mode=plain" },
        { "greeting: 'hello, world', loud: true, count: 0, max-bytes: 2GiB, wait: 5s, mode: fancy",
          "greeting=hello, world loud=true count=0 max-bytes=2147483648 wait=5000000000 "
          "mode=fancy" },
        { "max-bytes: 18446744073709551615, wait: 0ns",
          "loud=false count=3 max-bytes=18446744073709551615 wait=0 mode=plain" },
        { "max-bytes: 17179869183GiB, wait: 7ms, greeting: ''",
          "greeting= loud=false count=3 max-bytes=18446744072635809792 wait=7000000 mode=plain" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *want =
            g_strdup_printf("[echo] echo: created with gas 1 cycles 25 fetch no %s", rows[i].want);
        g_autoptr(NubKernel) kernel = NULL;
        forget_lines();
        kernel = nub_test_kernel("echo", rows[i].options);
        g_assert_cmpstr(line(0), ==, want);
    }
}

static void
test_options_refused(void)
{
    static const struct {
        const char *options;
        const char *message;
    } rows[] = {
        { "cuont: 3", "data:4:41: backend 'e': unknown option 'cuont' (did you mean 'count'?)" },
        { "entirely-else: 3", "data:4:41: backend 'e': unknown option 'entirely-else'; there are "
                              "greeting, loud, count, "
                              "max-bytes, wait, mode" },
        { "loud: yes", "data:4:47: backend 'e': option 'loud': expected true or false, not 'yes'" },
        { "count: -1", "data:4:48: backend 'e': option 'count': expected a number, not '-1'" },
        { "count: 18446744073709551616",
          "data:4:48: backend 'e': option 'count': expected a number, not '18446744073709551616'" },
        { "max-bytes: 1MB",
          "data:4:52: backend 'e': option 'max-bytes': expected a size such as 64MiB, not '1MB'" },
        { "max-bytes: 17179869184GiB", "data:4:52: backend 'e': option 'max-bytes': expected a "
                                       "size such as 64MiB, not '17179869184GiB'" },
        { "wait: 5", "data:4:47: backend 'e': option 'wait': expected a duration such as 300us, "
                     "not '5'" },
        { "mode: plain|fancy", "data:4:47: backend 'e': option 'mode': expected one of plain, "
                               "fancy, not 'plain|fancy'" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *backends =
            g_strdup_printf("{ name: e, module: echo, options: {     %s } }", rows[i].options);
        g_autoptr(GError) error = NULL;
        g_assert_null(nub_test_registry(backends, &error));
        g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_OPTION);
        g_assert_cmpstr(error->message, ==, rows[i].message);
        g_assert_null(nub_test_registry(backends, NULL));
    }
}

static void
test_options_are_listed(void)
{
    g_autoptr(NubRegistry) registry = nub_test_registry("{ name: e, module: echo }", NULL);
    g_autoptr(GPtrArray) list = nub_registry_list_backends(registry);
    gsize n = 0;
    const NubConfigKey *options = nub_backend_info_list_options(list->pdata[0], &n);

    g_assert_cmpuint(n, ==, 6);
    g_assert_cmpstr(options[0].name, ==, "greeting");
    g_assert_null(options[0].default_value);
    g_assert_cmpstr(options[5].name, ==, "mode");
    g_assert_cmpstr(options[5].type, ==, "one of plain, fancy");
    g_assert_cmpstr(options[5].default_value, ==, "plain");
    g_assert_cmpstr(nub_backend_info_get_version(list->pdata[0]), ==, "1.2");
}

static void
test_options_in_effect(void)
{
    g_autoptr(NubRegistry) registry = nub_test_registry(
        "{ name: e, module: echo, options: { greeting: hello, max-bytes: 2KiB } }", NULL);
    g_autoptr(GPtrArray) list = nub_registry_list_backends(registry);

    g_assert_cmpstr(nub_backend_info_get_option(list->pdata[0], "greeting"), ==, "hello");
    g_assert_cmpstr(nub_backend_info_get_option(list->pdata[0], "max-bytes"), ==, "2KiB");
    g_assert_cmpstr(nub_backend_info_get_option(list->pdata[0], "mode"), ==, "plain");
    g_assert_null(nub_backend_info_get_option(list->pdata[0], "there-is-none"));
}

/* ---- wrapping ---------------------------------------------------------------------------- */

static void
test_wrapped_backend(void)
{
    g_autoptr(NubRegistry) registry = nub_test_registry(
        "{ name: w, module: wrap, priority: 1 },\n{ name: echo, module: echo }", NULL);
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(GError) error = NULL;
    NubKernel *kernel = nub_registry_open(registry, NULL, &error);
    const guint64 args[4] = { 1, 2, 3, 4 };
    NubHash instance, root;
    NubResult result;

    g_assert_no_error(error);
    g_assert_cmpstr(nub_kernel_get_name(kernel), ==, "w");
    g_assert_true(nub_kernel_put_bundle(kernel, bundle, &instance, &error));
    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, args, 7, &result, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(result.return_value, ==, 10);
    g_assert_cmpuint(result.gas_remaining, ==, 6);

    /* After create the door is shut. */
    g_assert_false(nub_kernel_state_root(kernel, &root, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT);

    forget_lines();
    g_object_unref(kernel);
    g_assert_cmpstr(line(0), ==, "[w] w: destroyed before what it wraps");
    g_assert_cmpstr(line(1), ==, "[echo] echo: destroyed");
}

static void
test_wrapping_fails(void)
{
    static const struct {
        const char *backends;
        NubError code;
        const char *message;
    } rows[] = {
        { "{ name: w, module: wrap, options: { inner: w } }", NUB_ERROR_INVALID_ARGUMENT,
          "w: create: open_backend: a circle: w -> w" },
        { "{ name: w, module: wrap, options: { inner: v } }, { name: v, module: wrap, priority: "
          "-1, "
          "options: { inner: w } }",
          NUB_ERROR_INVALID_ARGUMENT, "w: create: v: create: open_backend: a circle: w -> v -> w" },
        { "{ name: w, module: wrap, options: { inner: nobody } }", NUB_ERROR_NOT_FOUND,
          "w: create: data: no backend 'nobody' is configured" },
        { "{ name: w, module: wrap, options: { inner: r } }, { name: r, module: refuse }",
          NUB_ERROR_UNAVAILABLE, "w: create: r: create: /dev/nothing: no such device" },
        { "{ name: w, module: wrap, options: { inner: r } }, { name: r, module: echo, enabled: "
          "false }",
          NUB_ERROR_NOT_FOUND, "w: create: backend 'r' is disabled by data:4:51" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubRegistry) registry = nub_test_registry(rows[i].backends, &error);
        g_assert_no_error(error);
        g_assert_null(nub_registry_open(registry, "w", &error));
        g_assert_cmpstr(error->message, ==, rows[i].message);
        g_assert_error(error, NUB_ERROR, (int)rows[i].code);
    }
}

/* ---- reload ------------------------------------------------------------------------------ */

static void
write_config(const char *path, const char *backends)
{
    g_autofree char *yaml = g_strdup_printf("version: 1\nplugin-path: [ %s ]\nbackends: [ %s ]\n",
                                            NUB_TEST_MODULES, backends);

    g_assert_true(g_file_set_contents(path, yaml, -1, NULL));
}

static void
test_reload(void)
{
    g_autofree char *dir = g_dir_make_tmp("nub-registry-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "nub.yaml", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubKernel) same = NULL;
    g_autoptr(NubKernel) changed = NULL;
    g_autoptr(NubKernel) same_after = NULL;
    g_autoptr(NubKernel) changed_after = NULL;
    NubHash root;

    write_config(path, "{ name: a, module: echo }, { name: b, module: echo }");
    registry = nub_registry_new_from_file(path, &error);
    g_assert_no_error(error);
    same = nub_registry_open(registry, "a", &error);
    changed = nub_registry_open(registry, "b", &error);

    /* A file that is wrong changes nothing. */
    write_config(path, "{ name: a, module: echo, colour: red }");
    g_assert_false(nub_registry_reload(registry, &error));
    g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_UNKNOWN_KEY);
    g_clear_error(&error);
    same_after = nub_registry_open(registry, "a", &error);
    g_assert_true(same_after == same);
    g_clear_object(&same_after);

    write_config(path,
                 "{ name: c, module: good }, { name: b, module: echo, options: { count: 4 } }, "
                 "{ name: a, module: echo, priority: 5 }");
    g_assert_true(nub_registry_reload(registry, &error));
    same_after = nub_registry_open(registry, "a", &error);
    changed_after = nub_registry_open(registry, "b", &error);
    g_assert_no_error(error);
    g_assert_true(same_after == same);
    g_assert_true(changed_after != changed);
    g_assert_true(nub_kernel_state_root(changed, &root, NULL));

    write_config(path, "{ name: a, module: echo, priority: 5 }");
    g_assert_true(nub_registry_reload(registry, &error));
    g_assert_null(nub_registry_open(registry, "b", &error));
    g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND);
    g_assert_true(nub_kernel_state_root(changed_after, &root, NULL));
    g_unlink(path);
    g_rmdir(dir);
}

static gpointer
reload_again_and_again(gpointer data)
{
    for (guint i = 0; i < 200; i++)
        g_assert_true(nub_registry_reload(data, NULL));
    return NULL;
}

/* Whoever opens and calls while the configuration is read again notices nothing. */
static void
test_reload_under_load(void)
{
    g_autoptr(NubRegistry) registry =
        nub_test_registry("{ name: a, module: echo }, { name: b, module: echo }", NULL);
    GThread *thread = g_thread_new("reload", reload_again_and_again, registry);

    for (guint i = 0; i < 500; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubKernel) kernel = nub_registry_open(registry, i & 1 ? "a" : "b", &error);
        g_autoptr(GPtrArray) list = nub_registry_list_backends(registry);
        NubHash root;
        g_assert_no_error(error);
        g_assert_cmpuint(list->len, ==, 2);
        g_assert_true(nub_kernel_state_root(kernel, &root, &error));
    }
    g_thread_join(thread);
}

/* What callers of test_backends_come_and_go share. */
typedef struct {
    NubRegistry *registry;
    NubBundle *bundle;
    const char *name; /* of the backend that this thread calls */
    const int *over;  /* (atomic) */
    guint calls;
    guint absences; /* times that there was no such backend */
} Caller;

static void
call_once(Caller *self, NubKernel *kernel)
{
    const guint64 args[4] = { 1, 2, 3, 4 };
    g_autoptr(GError) error = NULL;
    NubHash instance;
    NubResult result;

    g_assert_true(nub_kernel_put_bundle(kernel, self->bundle, &instance, &error));
    g_assert_no_error(error);
    for (guint i = 0; i < 20; i++) {
        g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, args, 7, &result, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(result.return_value, ==, 10);
        self->calls++;
    }
}

static gpointer
call_until_over(gpointer data)
{
    Caller *self = data;

    while (!g_atomic_int_get(self->over)) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubKernel) kernel = nub_registry_open(self->registry, self->name, &error);
        if (kernel) {
            call_once(self, kernel);
            continue;
        }
        g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND);
        self->absences++;
    }
    return NULL;
}

/* One stays, one is restarted with other options, one is added and removed: no call fails. */
static void
test_backends_come_and_go(void)
{
    static const char *const names[] = { "stays", "restarts", "comes-and-goes", NULL };
    static const char *const odd = "{ name: stays, module: echo, priority: 9 }, { name: restarts, "
                                   "module: echo, options: { count: 1 } }";
    static const char *const even =
        "{ name: comes-and-goes, module: echo }, { name: stays, module: echo, priority: 9 }, "
        "{ name: restarts, module: echo, options: { count: 2 } }";
    g_autofree char *dir = g_dir_make_tmp("nub-registry-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "nub.yaml", NULL);
    g_autoptr(NubBundle) bundle = nub_test_small_bundle();
    g_autoptr(NubRegistry) registry = NULL;
    Caller callers[G_N_ELEMENTS(names)]; /* NULL: whichever is the default */
    GThread *threads[G_N_ELEMENTS(names)];
    int over = 0;

    write_config(path, even);
    registry = nub_registry_new_from_file(path, NULL);
    g_assert_nonnull(registry);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        callers[i] = (Caller){ registry, bundle, names[i], &over, 0, 0 };
        threads[i] = g_thread_new("call", call_until_over, &callers[i]);
    }
    for (guint i = 0; i < 200; i++) {
        g_autoptr(GError) error = NULL;
        write_config(path, i & 1 ? even : odd);
        g_assert_true(nub_registry_reload(registry, &error));
        g_assert_no_error(error);
        g_usleep(1000);
    }
    g_atomic_int_set(&over, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_thread_join(threads[i]);
        g_assert_cmpuint(callers[i].calls, >, 0);
        g_assert_true(callers[i].absences == 0 || g_strcmp0(names[i], "comes-and-goes") == 0);
    }
    g_unlink(path);
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    lines = g_ptr_array_new_with_free_func(g_free);
    g_log_set_writer_func(write_log, NULL, NULL);
    g_test_add_func("/core/registry/open-is-shared", test_open_is_shared);
    g_test_add_func("/core/registry/kernel-outlives-registry", test_kernel_outlives_registry);
    g_test_add_func("/core/registry/unknown-name", test_unknown_name);
    g_test_add_func("/core/registry/auto-takes-the-first-that-opens",
                    test_auto_takes_the_first_that_opens);
    g_test_add_func("/core/registry/auto-keeps-every-reason", test_auto_keeps_every_reason);
    g_test_add_func("/core/registry/open-in-the-background", test_open_async);
    g_test_add_func("/core/registry/open-from-many-threads", test_open_from_many_threads);
    g_test_add_func("/core/registry/options-are-normalised", test_options_are_normalised);
    g_test_add_func("/core/registry/options-refused", test_options_refused);
    g_test_add_func("/core/registry/options-are-listed", test_options_are_listed);
    g_test_add_func("/core/registry/options-in-effect", test_options_in_effect);
    g_test_add_func("/core/registry/wrapped-backend", test_wrapped_backend);
    g_test_add_func("/core/registry/wrapping-fails", test_wrapping_fails);
    g_test_add_func("/core/registry/reload", test_reload);
    g_test_add_func("/core/registry/reload-under-load", test_reload_under_load);
    g_test_add_func("/core/registry/backends-come-and-go-under-load", test_backends_come_and_go);
    return g_test_run();
}
