/* cli-test.c - running the built `nub` from a test */
#include "cli-test.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder;

const char *
nub_test_folder(void)
{
    if (!folder) {
        folder = g_dir_make_tmp(NULL, NULL);
        g_assert_nonnull(folder);
    }
    return folder;
}

/* A folder of a test has folders with files, and no deeper ones. */
static void
remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        if (g_file_test(inner, G_FILE_TEST_IS_DIR))
            remove_folder(inner);
        else
            g_remove(inner);
    }
    g_rmdir(path);
}

void
nub_test_folder_remove(void)
{
    if (folder)
        remove_folder(folder);
    g_clear_pointer(&folder, g_free);
}

void
nub_test_write(const char *name, const void *data, gssize size)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), name, NULL);
    g_autoptr(GError) error = NULL;

    g_file_set_contents(path, data, size, &error);
    g_assert_no_error(error);
}

/* The command's own environment: no configuration of whoever runs the tests. */
static char **
clean_environment(void)
{
    static const char *const unset[] = { "NUB_CONFIG", "NUB_PLUGIN_PATH", "NUB_BACKENDS_SELECT",
                                         "NUB_BACKENDS_DISABLE", "G_MESSAGES_DEBUG" };
    char **env = g_get_environ();

    for (guint i = 0; i < G_N_ELEMENTS(unset); i++)
        env = g_environ_unsetenv(env, unset[i]);
    env = g_environ_setenv(env, "XDG_CONFIG_HOME", nub_test_folder(), TRUE);
    return g_environ_setenv(env, "LC_ALL", "C.UTF-8", TRUE);
}

static char **
command_words(const char *rest)
{
    g_autofree char *line = g_strdup_printf("%s %s", NUB_COMMAND, rest);
    g_autoptr(GError) error = NULL;
    char **argv = NULL;

    g_shell_parse_argv(line, NULL, &argv, &error);
    g_assert_no_error(error);
    return argv;
}

NubRan *
nub_ran(const char *command_line, ...)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) env = clean_environment();
    NubRan *ran = g_new0(NubRan, 1);
    va_list args;
    int status;

    va_start(args, command_line);
    g_autofree char *rest = g_strdup_vprintf(command_line, args);
    va_end(args);
    g_auto(GStrv) argv = command_words(rest);
    g_spawn_sync(nub_test_folder(), argv, env, G_SPAWN_DEFAULT, NULL, NULL, &ran->out, &ran->err,
                 &status, &error);
    g_assert_no_error(error);
    ran->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

/* What is written to the other end of a terminal until nobody has it open any more. */
static char *
read_terminal(int master)
{
    GString *text = g_string_new(NULL);
    char buffer[512];
    gssize n;

    while ((n = read(master, buffer, sizeof buffer)) > 0)
        g_string_append_len(text, buffer, n);
    return g_string_free(text, FALSE);
}

NubRan *
nub_ran_on_terminal(const char *command_line, ...)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) env = clean_environment();
    NubRan *ran = g_new0(NubRan, 1);
    int master, terminal, status;
    va_list args;
    GPid pid;

    va_start(args, command_line);
    g_autofree char *rest = g_strdup_vprintf(command_line, args);
    va_end(args);
    g_auto(GStrv) argv = command_words(rest);
    g_assert_cmpint(openpty(&master, &terminal, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(fcntl(master, F_SETFD, FD_CLOEXEC), ==, 0);
    g_spawn_async_with_fds(nub_test_folder(), argv, env,
                           G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, &pid,
                           -1, -1, terminal, &error);
    g_assert_no_error(error);
    close(terminal);
    ran->err = read_terminal(master);
    ran->out = g_strdup("");
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    close(master);
    ran->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

void
nub_ran_free(NubRan *ran)
{
    g_free(ran->out);
    g_free(ran->err);
    g_free(ran);
}

void
nub_assert_code(const NubRan *ran, int code)
{
    if (ran->code != code)
        g_error("exit code %d, expected %d\nstdout: %s\nstderr: %s", ran->code, code, ran->out,
                ran->err);
}

void
nub_assert_err(const NubRan *ran, const char *text)
{
    if (!strstr(ran->err, text))
        g_error("stderr has no '%s': %s", text, ran->err);
}

void
nub_assert_out(const NubRan *ran, const char *text)
{
    if (!strstr(ran->out, text))
        g_error("stdout has no '%s': %s", text, ran->out);
}

JsonNode *
nub_ran_json(const NubRan *ran)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_from_string(ran->out, &error);

    g_assert_no_error(error);
    g_assert_nonnull(node);
    return node;
}

void
nub_test_bundle(const char *name, const guint8 *code, gsize size, const guint8 *mask, NubHash *root)
{
    g_autoptr(NubImageBuilder) builder = nub_image_builder_new(code, size, mask, (size + 7) / 8);
    g_autoptr(GError) error = NULL;
    NubHash hash;

    nub_image_builder_add_endpoint(builder, 0, NULL);
    g_autoptr(NubCap) image = nub_image_builder_build(builder, &error);
    g_assert_no_error(error);
    nub_cap_get_hash(image, &hash);
    g_autoptr(NubCap) instance = nub_cap_new_instance(&hash);
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    nub_bundle_add(bundle, image);
    nub_bundle_add(bundle, instance);
    g_autofree char *path = g_build_filename(nub_test_folder(), name, NULL);
    nub_bundle_save(bundle, path, &error);
    g_assert_no_error(error);
    nub_cap_get_hash(instance, root);
}
