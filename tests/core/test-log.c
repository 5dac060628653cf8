/* test-log.c - lines of backends reach GLib's log with the backend's name, at the right level */
#include "core-test.h"

#include <string.h>

typedef struct {
    GLogLevelFlags level;
    char *domain;
    char *backend;
    char *priority;
    char *message;
} Line;

static GArray *lines;

static char *
field(const GLogField *fields, gsize n_fields, const char *key)
{
    for (gsize i = 0; i < n_fields; i++)
        if (strcmp(fields[i].key, key) == 0)
            return g_strdup(fields[i].value);
    return NULL;
}

static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    Line line = { level, field(fields, n_fields, "GLIB_DOMAIN"),
                  field(fields, n_fields, "NUB_BACKEND"), field(fields, n_fields, "PRIORITY"),
                  field(fields, n_fields, "MESSAGE") };

    (void)data;
    g_array_append_val(lines, line);
    return G_LOG_WRITER_HANDLED;
}

static void
clear_line(gpointer data)
{
    Line *line = data;

    g_free(line->domain);
    g_free(line->backend);
    g_free(line->priority);
    g_free(line->message);
}

static const Line *
find_line(const char *message)
{
    for (guint i = 0; i < lines->len; i++) {
        const Line *line = &g_array_index(lines, Line, i);
        if (strcmp(line->message, message) == 0)
            return line;
    }
    return NULL;
}

static void
test_backend_line(void)
{
    g_autoptr(NubKernel) kernel = nub_test_kernel("echo", "");
    const Line *line;

    g_clear_object(&kernel);
    line = find_line("echo: destroyed");
    g_assert_nonnull(line);
    g_assert_cmpint(line->level, ==, G_LOG_LEVEL_INFO);
    g_assert_cmpstr(line->domain, ==, "nub-backend");
    g_assert_cmpstr(line->backend, ==, "echo");
    g_assert_cmpstr(line->priority, ==, "6");
}

static void
test_log_calls(void)
{
    g_autoptr(NubRegistry) registry =
        nub_test_registry("{ name: e, module: echo, log-calls: true }", NULL);
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, NULL, NULL);
    const Line *line;
    NubHash hash = { { 1 } };
    NubResult result;

    g_assert_true(nub_kernel_state_root(kernel, &hash, NULL));
    line = find_line("e: state_root: OK");
    g_assert_nonnull(line);
    g_assert_cmpstr(line->domain, ==, "nub-calls");
    g_assert_cmpint(line->level, ==, G_LOG_LEVEL_MESSAGE);
    g_assert_false(nub_kernel_invoke_cached(kernel, &hash, 0, NULL, 0, &result, NULL));
    g_assert_nonnull(find_line("e: invoke_cached: NOT_PUBLISHED"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    lines = g_array_new(FALSE, FALSE, sizeof(Line));
    g_array_set_clear_func(lines, clear_line);
    g_log_set_writer_func(write_log, NULL, NULL);
    g_test_add_func("/core/log/line-of-a-backend", test_backend_line);
    g_test_add_func("/core/log/calls", test_log_calls);
    return g_test_run();
}
