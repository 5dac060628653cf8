/* guest-run.c - programs on the C library, run with streams and arguments */
#include "guest-run.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static guint found;

/* where nub-third-party works; another place for the test of what happens when it cannot */
static char *
third_party(const char *name)
{
    const char *place = g_getenv("NUB_TEST_THIRD_PARTY");

    return g_build_filename(place ? place : NUB_BUILD_DIR "/third-party", name, NULL);
}

static void
skip(const char *path, const char *package)
{
    const char *const packages[] = { "newlib", package };
    g_autoptr(GString) reason = g_string_new(path);

    g_string_append(reason, " is not there: ");
    for (guint i = 0; i < G_N_ELEMENTS(packages); i++) {
        g_autofree char *name = g_strconcat(packages[i], ".missing", NULL);
        g_autofree char *file = third_party(name);
        g_autofree char *why = NULL;
        if (!g_file_get_contents(file, &why, NULL, NULL))
            continue;
        g_string_append_printf(reason, "no sources of %s: %s", packages[i], g_strchomp(why));
        g_test_skip(reason->str);
        return;
    }
    g_string_append(reason, "build the target nub-third-party");
    g_test_skip(reason->str);
}

static char *
find(const char *name, GFileTest kind, const char *package)
{
    g_autofree char *path = third_party(name);

    if (g_file_test(path, kind)) {
        found++;
        return g_steal_pointer(&path);
    }
    skip(path, package);
    return NULL;
}

char *
guest_file(const char *name, const char *package)
{
    g_autofree char *path = g_strconcat("guest/", name, NULL);

    return find(path, G_FILE_TEST_IS_REGULAR, package);
}

char *
guest_sources(const char *package)
{
    return find(package, G_FILE_TEST_IS_DIR, package);
}

int
guest_test_run(void)
{
    int status = g_test_run();

    return status == 0 && !found ? 77 : status;
}

static int
new_file(char **path)
{
    g_autoptr(GError) error = NULL;
    int file = g_file_open_tmp("nub-test-XXXXXX.out", path, &error);

    g_assert_no_error(error);
    return file;
}

static char *
take(int file, char *path, gsize *size)
{
    g_autoptr(GError) error = NULL;
    char *text;

    g_close(file, NULL);
    g_file_get_contents(path, &text, size, &error);
    g_assert_no_error(error);
    g_unlink(path);
    g_free(path);
    return text;
}

GuestRun *
guest_run(const LinkProgram *program, const char *input, GBytes *arguments)
{
    g_autoptr(GError) error = NULL;
    GuestRun *run = g_new0(GuestRun, 1);
    char *out_path, *err_path;
    int out = new_file(&out_path), err = new_file(&err_path);
    int in = open(input, O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(in, >=, 0);
    g_autoptr(NubHostTable) hosts = nub_host_table_new();
    nub_host_table_add_standard(hosts, in, out, err, arguments);
    g_autoptr(NubCall) call = nub_call_new(&program->instance);
    nub_call_set_gas(call, G_GUINT64_CONSTANT(1000000000000));
    nub_call_set_host_table(call, hosts);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(program->kernel, call, NULL, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &run->result);
    run->out = take(out, out_path, &run->out_size);
    run->err = take(err, err_path, NULL);
    g_close(in, NULL);
    return run;
}

void
guest_run_free(GuestRun *run)
{
    g_free(run->out);
    g_free(run->err);
    g_free(run);
}

void
guest_each_backend(GBytes *elf, GuestEach each, gpointer data)
{
    static const char *const backends[] = { "local", "jit", "kvm" };

    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        g_autoptr(LinkProgram) program = link_test_load_on(elf, backends[i]);
        if (program)
            each(program, backends[i], data);
        else
            g_test_message("%s does not open", backends[i]);
    }
}
