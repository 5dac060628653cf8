/* test-config.c - every mistake in a configuration is named with its place
 *
 * A fixture in config/ breaks a good file in one way; its first line has the code and the whole
 * message. Good configurations are read through registries over the modules of tests/modules.
 */
#include "core-test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static const struct {
    const char *name;
    NubConfigError code;
} codes[] = {
    { "READ", NUB_CONFIG_ERROR_READ },
    { "SYNTAX", NUB_CONFIG_ERROR_SYNTAX },
    { "UNKNOWN_KEY", NUB_CONFIG_ERROR_UNKNOWN_KEY },
    { "DUPLICATE", NUB_CONFIG_ERROR_DUPLICATE },
    { "TYPE", NUB_CONFIG_ERROR_TYPE },
    { "VALUE", NUB_CONFIG_ERROR_VALUE },
    { "MISSING", NUB_CONFIG_ERROR_MISSING },
};

/* "# CODE message": the first line of a fixture. */
static char *
expected(const char *fixture, NubConfigError *code)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_auto(GStrv) words = NULL;

    g_assert_true(g_file_get_contents(fixture, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", 2);
    words = g_strsplit(lines[0], " ", 3);
    g_assert_cmpstr(words[0], ==, "#");
    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (strcmp(codes[i].name, words[1]) == 0) {
            *code = codes[i].code;
            return g_strdup(words[2]);
        }
    }
    g_error("%s: no code %s", fixture, words[1]);
}

static void
test_rejects(gconstpointer fixture)
{
    NubConfigError code = 0;
    g_autofree char *message = expected(fixture, &code);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_file(fixture, &error);

    g_assert_null(registry);
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_error(error, NUB_CONFIG_ERROR, (int)code);

    /* Every entry point has a NULL test. */
    g_assert_null(nub_registry_new_from_file(fixture, NULL));
}

static void
test_missing_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_file("no-such-file.yaml", &error);

    g_assert_null(registry);
    g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_READ);
    g_assert_nonnull(strstr(error->message, "no-such-file.yaml"));
}

static void
test_too_large(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill((1 << 20) + 1, ' ');
    g_autoptr(NubRegistry) registry = nub_registry_new_from_data(text, NULL, &error);

    g_assert_null(registry);
    g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_SYNTAX);
}

/* What is written, and what is in effect: the middle of `nub config show`. */
static void
test_everything_given(void)
{
    static const char yaml[] = "version: 1\n"
                               "default: two\n"
                               "plugin-path: [ " NUB_TEST_MODULES ", sub dir ]\n"
                               "gas: polkavm\n"
                               "mem-cycles: 7\n"
                               "x-anything: { may: [ stand, here ] }\n"
                               "backends:\n"
                               "  - name: one\n"
                               "    module: echo\n"
                               "    x-owner: runtime team\n"
                               "    options: { greeting: \"a \\\"b\\\": c\", x-note: ignored }\n"
                               "  - name: two\n"
                               "    module: " NUB_TEST_MODULES "/good.so\n"
                               "    priority: -3\n"
                               "    auto: false\n"
                               "    enabled: true\n"
                               "    required: false\n"
                               "    log-calls: true\n"
                               "    head: ledger\n";
    static const char want[] = "# data\n"
                               "version: 1\n"
                               "default: two\n"
                               "plugin-path:\n"
                               "  - " NUB_TEST_MODULES "\n"
                               "  - \"/base/sub dir\"\n"
                               "gas: polkavm\n"
                               "mem-cycles: 7\n"
                               "backends:\n"
                               "  # data:8:5\n"
                               "  - name: one\n"
                               "    module: echo\n"
                               "    priority: 0\n"
                               "    auto: true\n"
                               "    enabled: true\n"
                               "    required: true\n"
                               "    log-calls: false\n"
                               "    head: one\n"
                               "    options:\n"
                               "      greeting: \"a \\\"b\\\": c\"\n"
                               "  # data:12:5\n"
                               "  - name: two\n"
                               "    module: " NUB_TEST_MODULES "/good.so\n"
                               "    priority: -3\n"
                               "    auto: false\n"
                               "    enabled: true\n"
                               "    required: false\n"
                               "    log-calls: true\n"
                               "    head: ledger\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_data(yaml, "/base", &error);
    g_autofree char *text = NULL;

    g_assert_no_error(error);
    text = nub_registry_dup_config(registry);
    g_assert_cmpstr(text, ==, want);
}

/* The text without its comments, which say where things came from. */
static char *
without_comments(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *kept = g_string_new(NULL);

    for (char **line = lines; *line; line++)
        if (!strstr(*line, "#"))
            g_string_append_printf(kept, "%s\n", *line);
    return g_string_free(kept, FALSE);
}

static void
test_text_reads_back(void)
{
    static const char backends[] =
        "{ name: b, module: echo, options: { greeting: '\\ \"x\" ~ é', count: 9 } },\n"
        "{ name: a, module: echo, priority: 4, options: { greeting: '- y', wait: 4ms } }";
    g_autoptr(NubRegistry) first = nub_test_registry(backends, NULL);
    g_autofree char *first_text = nub_registry_dup_config(first);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) second = nub_registry_new_from_data(first_text, NULL, &error);
    g_autofree char *second_text = NULL;
    g_autofree char *a = NULL;
    g_autofree char *b = NULL;

    g_assert_no_error(error);
    second_text = nub_registry_dup_config(second);
    a = without_comments(first_text);
    b = without_comments(second_text);
    g_assert_cmpstr(a, ==, b);
}

static void
test_keys_are_listed(void)
{
    gsize n_keys = 0;
    const NubConfigKey *keys = nub_config_list_keys(&n_keys);
    gboolean seen_name = FALSE;

    g_assert_cmpuint(n_keys, >=, 17);
    for (gsize i = 0; i < n_keys; i++) {
        g_assert_nonnull(keys[i].name);
        g_assert_nonnull(keys[i].type);
        g_assert_true(keys[i].summary && *keys[i].summary);
        seen_name |= strcmp(keys[i].name, "backends[].name") == 0;
    }
    g_assert_true(seen_name);
    g_assert_true(keys == nub_config_list_keys(&n_keys));
}

/* docs/config.md has a row for each key, made of the same words. */
static void
test_keys_are_documented(void)
{
    g_autofree char *page = NULL;
    gsize n_keys = 0;
    const NubConfigKey *keys = nub_config_list_keys(&n_keys);

    g_assert_true(g_file_get_contents(NUB_SOURCE_DIR "/docs/config.md", &page, NULL, NULL));
    for (gsize i = 0; i < n_keys; i++) {
        const char *tick = keys[i].default_value ? "`" : "";
        g_autofree char *row = g_strdup_printf(
            "| `%s` | %s | %s%s%s | %s |\n", keys[i].name, keys[i].type, tick,
            keys[i].default_value ? keys[i].default_value : "", tick, keys[i].summary);
        if (!strstr(page, row))
            g_error("docs/config.md has no row %s", row);
    }
}

/* ---- the default configuration ----------------------------------------------------------- */

typedef struct {
    char *dir;
    char *file;
    char *drop_ins;
} Fixture;

static void
set_up(Fixture *self, gconstpointer data)
{
    (void)data;
    self->dir = g_dir_make_tmp("nub-config-XXXXXX", NULL);
    self->file = g_build_filename(self->dir, "nub.yaml", NULL);
    self->drop_ins = g_build_filename(self->dir, "nub.d", NULL);
    g_assert_cmpint(g_mkdir(self->drop_ins, 0700), ==, 0);
    g_setenv("NUB_CONFIG", self->file, TRUE);
    g_setenv("NUB_PLUGIN_PATH", NUB_TEST_MODULES, TRUE);
    g_unsetenv("NUB_BACKENDS_SELECT");
    g_unsetenv("NUB_BACKENDS_DISABLE");
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    nub_test_remove_folder(self->dir);
    g_free(self->dir);
    g_free(self->file);
    g_free(self->drop_ins);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

#define MAIN_FILE "version: 1\nbackends:\n  - { name: one, module: echo, priority: 1 }\n"

static void
test_drop_ins_add_backends(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autofree char *place = g_build_filename(self->drop_ins, "20-b.yaml:2:15", NULL);

    (void)data;
    write_file(self->dir, "nub.yaml", MAIN_FILE);
    write_file(self->drop_ins, "10-a.yaml",
               "version: 1\nbackends: [ { name: two, module: good } ]\n");
    write_file(self->drop_ins, "20-b.yaml",
               "version: 1\nbackends:   [ { name: three, module: newer } ]\n");
    write_file(self->drop_ins, "README", "not: yaml: at all");
    registry = nub_registry_new_default(&error);
    g_assert_no_error(error);
    list = nub_registry_list_backends(registry);
    g_assert_cmpuint(list->len, ==, 3);
    g_assert_cmpstr(nub_backend_info_get_name(list->pdata[0]), ==, "one");
    g_assert_cmpstr(nub_backend_info_get_name(list->pdata[1]), ==, "three");
    g_assert_cmpstr(nub_backend_info_get_source(list->pdata[1]), ==, place);
    g_assert_cmpstr(nub_backend_info_get_name(list->pdata[2]), ==, "two");
}

static void
test_drop_in_must_not(Fixture *self, gconstpointer data)
{
    static const struct {
        const char *text;
        NubConfigError code;
        const char *message;
    } rows[] = {
        { "version: 1\ngas: polkavm\n", NUB_CONFIG_ERROR_UNKNOWN_KEY,
          "a.yaml:2:1: 'gas' is not allowed in a drop-in, which only adds backends" },
        { "version: 1\nbackends: [ { name: one, module: good } ]\n", NUB_CONFIG_ERROR_DUPLICATE,
          "nub.yaml:3:5" },
        { "backends: []\n", NUB_CONFIG_ERROR_MISSING, "a.yaml:1:1: 'version' is missing" },
    };

    (void)data;
    write_file(self->dir, "nub.yaml", MAIN_FILE);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        write_file(self->drop_ins, "a.yaml", rows[i].text);
        g_assert_null(nub_registry_new_default(&error));
        g_assert_error(error, NUB_CONFIG_ERROR, (int)rows[i].code);
        g_assert_nonnull(strstr(error->message, rows[i].message));
    }
}

static void
test_explicit_file_is_alone(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;

    (void)data;
    write_file(self->dir, "nub.yaml", MAIN_FILE);
    write_file(self->drop_ins, "a.yaml", "nonsense");
    /* NUB_PLUGIN_PATH is not looked at either, so the module is not found. */
    registry = nub_registry_new_from_file(self->file, &error);
    g_assert_null(registry);
    g_assert_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_NOT_FOUND);
}

static void
test_environment_turns_off(Fixture *self, gconstpointer data)
{
    static const struct {
        const char *variable;
        const char *value;
        NubBackendState one, two;
        const char *reason; /* of the one that is off */
    } rows[] = {
        { "NUB_BACKENDS_DISABLE", "t*", NUB_BACKEND_STATE_LOADED, NUB_BACKEND_STATE_DISABLED,
          "by NUB_BACKENDS_DISABLE=t*" },
        { "NUB_BACKENDS_DISABLE", "x, one", NUB_BACKEND_STATE_DISABLED, NUB_BACKEND_STATE_LOADED,
          "by NUB_BACKENDS_DISABLE=x, one" },
        { "NUB_BACKENDS_SELECT", "two", NUB_BACKEND_STATE_DISABLED, NUB_BACKEND_STATE_LOADED,
          "by NUB_BACKENDS_SELECT=two" },
    };

    (void)data;
    write_file(self->dir, "nub.yaml",
               "version: 1\nbackends:\n  - { name: one, module: echo, priority: 1 }\n"
               "  - { name: two, module: good }\n");
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubRegistry) registry = NULL;
        g_autoptr(GPtrArray) list = NULL;
        NubBackendInfo *off;
        g_setenv(rows[i].variable, rows[i].value, TRUE);
        registry = nub_registry_new_default(&error);
        g_unsetenv(rows[i].variable);
        g_assert_no_error(error);
        list = nub_registry_list_backends(registry);
        g_assert_cmpint(nub_backend_info_get_state(list->pdata[0]), ==, rows[i].one);
        g_assert_cmpint(nub_backend_info_get_state(list->pdata[1]), ==, rows[i].two);
        off = list->pdata[rows[i].two == NUB_BACKEND_STATE_DISABLED];
        g_assert_cmpstr(nub_backend_info_get_reason(off), ==, rows[i].reason);
        g_assert_null(nub_registry_open(registry, nub_backend_info_get_name(off), &error));
        g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND);
    }
}

static void
test_named_file_must_exist(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)self;
    (void)data;
    g_assert_null(nub_registry_new_default(&error));
    g_assert_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_READ);
}

/* ---- more rights than the user ------------------------------------------------------------ */

enum {
    CHILD_IGNORED = 40,
    CHILD_OBEYED = 41,
    CHILD_NOT_SECURE = 42,
    CHILD_NOT_LOADED = 127 /* the dynamic loader's */
};

/* Run as a program whose effective user is another: does it listen to NUB_CONFIG? */
static int
secure_child(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;

    if (!getauxval(AT_SECURE))
        return CHILD_NOT_SECURE;
    registry = nub_registry_new_default(&error);
    /* Either way it is the built-in configuration; modules of a build tree are not for it, too. */
    return registry || strstr(error->message, "built-in configuration") ? CHILD_IGNORED
                                                                        : CHILD_OBEYED;
}

static void
test_more_rights(Fixture *self, gconstpointer data)
{
    g_autofree char *copy = g_build_filename(self->dir, "child", NULL);
    g_autofree char *content = NULL;
    g_autoptr(GSubprocess) child = NULL;
    g_autoptr(GError) error = NULL;
    gsize size = 0;

    (void)data;
    if (getuid() != 0) {
        g_test_skip("only root can make a program that runs as another user");
        return;
    }
    g_assert_true(g_file_get_contents("/proc/self/exe", &content, &size, NULL));
    g_assert_true(g_file_set_contents(copy, content, (gssize)size, NULL));
    g_assert_cmpint(chown(copy, 65534, 65534), ==, 0);
    g_assert_cmpint(g_chmod(copy, 04755), ==, 0);
    child =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error, copy, "--secure-child", NULL);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_wait(child, NULL, &error));
    g_assert_true(g_subprocess_get_if_exited(child));
    if (g_subprocess_get_exit_status(child) == CHILD_NOT_SECURE)
        g_test_skip("set-user-ID programs do not work in this file system");
    else if (g_subprocess_get_exit_status(child) == CHILD_NOT_LOADED)
        g_test_skip("another user cannot read the libnub of this build tree");
    else
        g_assert_cmpint(g_subprocess_get_exit_status(child), ==, CHILD_IGNORED);
}

static void
add_fixtures(void)
{
    g_autoptr(GDir) dir = g_dir_open(".", 0, NULL);
    const char *name;
    guint n = 0;

    while ((name = g_dir_read_name(dir))) {
        g_autofree char *stem = g_strndup(name, strlen(name) - strlen(".yaml"));
        g_autofree char *path = g_strdup_printf("/core/config/rejects/%s", stem);
        g_test_add_data_func_full(path, g_strdup(name), test_rejects, g_free);
        n++;
    }
    g_assert_cmpuint(n, >=, 40);
}

#define DEFAULT_TEST(name, func)                                                                   \
    g_test_add("/core/config/default/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--secure-child") == 0)
        _exit(secure_child()); /* not through a sanitizer, which cannot work in such a process */
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(g_chdir(NUB_TEST_CONFIGS), ==, 0);
    add_fixtures();
    g_test_add_func("/core/config/rejects/missing-file", test_missing_file);
    g_test_add_func("/core/config/rejects/too-large", test_too_large);
    g_test_add_func("/core/config/everything-given-is-in-effect", test_everything_given);
    g_test_add_func("/core/config/text-reads-back-as-the-same", test_text_reads_back);
    g_test_add_func("/core/config/keys-are-listed", test_keys_are_listed);
    g_test_add_func("/core/config/keys-are-documented", test_keys_are_documented);
    DEFAULT_TEST("drop-ins-add-backends", test_drop_ins_add_backends);
    DEFAULT_TEST("drop-in-must-not", test_drop_in_must_not);
    DEFAULT_TEST("explicit-file-is-alone", test_explicit_file_is_alone);
    DEFAULT_TEST("environment-turns-off", test_environment_turns_off);
    DEFAULT_TEST("named-file-must-exist", test_named_file_must_exist);
    DEFAULT_TEST("more-rights-than-the-user", test_more_rights);
    return g_test_run();
}
