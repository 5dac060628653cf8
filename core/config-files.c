/* config-files.c - which file is the configuration, and which file is a module
 *
 * Explicit path: exactly that file. Default: $NUB_CONFIG, else the user's, else the system's, else
 * what is built in (config/builtin.yaml); the first that exists, no merging, except that files in
 * nub.d beside it may add backends. A program with more rights than its user ignores environment
 * and user file (AT_SECURE). Modules are found without the dynamic linker's search. See
 * docs/config.md and docs/env.md.
 */
#define _GNU_SOURCE  /* dladdr */
#define G_LOG_DOMAIN "nub-config"
#include "config-private.h"

#include "builtin-config.h"
#include <dlfcn.h>
#include <string.h>
#include <sys/auxv.h>

#define DROP_IN_DIR   "nub.d"
#define MODULE_SUFFIX ".so"
/* The build system leaves this in the root of a build tree; an installed libnub never sees one. */
#define BUILD_TREE_MARK "nub-build-tree"

static gboolean
runs_with_more_rights(void)
{
    return getauxval(AT_SECURE) != 0;
}

static char *
read_text(const char *path, gsize *size, GError **error)
{
    g_autoptr(GError) cause = NULL;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, size, &cause))
        g_set_error_literal(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_READ, cause->message);
    return text;
}

static char *
absolute_dir_of(const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);

    return g_canonicalize_filename(dir, NULL);
}

static gboolean
read_main_file(NubConfig *config, const char *path, GError **error)
{
    gsize size = 0;
    g_autofree char *text = read_text(path, &size, error);
    g_autofree char *dir = absolute_dir_of(path);

    return text && nub_config_read_main(config, path, text, size, dir, error);
}

NubConfig *
nub_config_new_from_file(const char *path, GError **error)
{
    g_autoptr(NubConfig) config = nub_config_new(path);

    if (!read_main_file(config, path, error) || !nub_config_check(config, error))
        return NULL;
    return g_steal_pointer(&config);
}

NubConfig *
nub_config_new_from_data(const char *yaml, const char *base_dir, GError **error)
{
    g_autoptr(NubConfig) config = nub_config_new("data");
    g_autofree char *dir = g_canonicalize_filename(base_dir ? base_dir : ".", NULL);

    if (!nub_config_read_main(config, "data", yaml, strlen(yaml), dir, error) ||
        !nub_config_check(config, error))
        return NULL;
    return g_steal_pointer(&config);
}

/* ---- the default configuration ----------------------------------------------------------- */

/* A variable that is set to something, unless the program must not listen to its user. */
static const char *
user_variable(const char *name)
{
    const char *value = runs_with_more_rights() ? NULL : g_getenv(name);

    return value && *value ? value : NULL;
}

static char *
find_default_file(void)
{
    const char *chosen = user_variable("NUB_CONFIG");
    g_autofree char *path = NULL;

    if (chosen)
        return g_strdup(chosen);
    if (!runs_with_more_rights()) {
        path = g_build_filename(g_get_user_config_dir(), "nub", "nub.yaml", NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&path);
        g_free(path);
    }
    path = g_build_filename(NUB_SYSCONFDIR, "nub", "nub.yaml", NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS) ? g_steal_pointer(&path) : NULL;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the drop-ins in `dir`, sorted; an absent directory has none. */
static GPtrArray *
list_drop_ins(const char *dir, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) cause = NULL;
    g_autoptr(GDir) handle = g_dir_open(dir, 0, &cause);
    const char *name;

    if (!handle && !g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        g_set_error_literal(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_READ, cause->message);
        return NULL;
    }
    while (handle && (name = g_dir_read_name(handle)))
        if (g_str_has_suffix(name, ".yaml") && *name != '.')
            g_ptr_array_add(names, g_build_filename(dir, name, NULL));
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

static gboolean
read_drop_ins(NubConfig *config, const char *dir, GError **error)
{
    g_autoptr(GPtrArray) paths = list_drop_ins(dir, error);

    if (!paths)
        return FALSE;
    for (guint i = 0; i < paths->len; i++) {
        const char *path = paths->pdata[i];
        gsize size = 0;
        g_autofree char *text = read_text(path, &size, error);
        g_autofree char *base_dir = absolute_dir_of(path);
        if (!text || !nub_config_read_drop_in(config, path, text, size, base_dir, error))
            return FALSE;
    }
    return TRUE;
}

static void
read_environment(NubEnvironment *env)
{
    const char *path = user_variable("NUB_PLUGIN_PATH");

    env->plugin_path = g_strsplit(path ? path : "", G_SEARCHPATH_SEPARATOR_S, -1);
    for (char **dir = env->plugin_path; *dir; dir++) {
        char *absolute = g_canonicalize_filename(*dir, NULL);
        g_free(*dir);
        *dir = absolute;
    }
    if (!path)
        g_clear_pointer(&env->plugin_path, g_strfreev);
    env->select = g_strdup(user_variable("NUB_BACKENDS_SELECT"));
    env->disable = g_strdup(user_variable("NUB_BACKENDS_DISABLE"));
}

NubConfig *
nub_config_new_default(GError **error)
{
    g_autofree char *path = find_default_file();
    g_autoptr(NubConfig) config = nub_config_new(path ? path : "built-in configuration");
    g_autofree char *dir = NULL;
    g_autofree char *drop_ins = NULL;

    config->built_in = path == NULL;
    dir = path ? absolute_dir_of(path) : g_build_filename(NUB_SYSCONFDIR, "nub", NULL);
    if (path && !read_main_file(config, path, error))
        return NULL;
    if (!path && !nub_config_read_main(config, config->source, builtin_config,
                                       strlen(builtin_config), dir, error))
        return NULL;
    drop_ins = g_build_filename(dir, DROP_IN_DIR, NULL);
    if (!read_drop_ins(config, drop_ins, error) || !nub_config_check(config, error))
        return NULL;
    read_environment(&config->env);
    return g_steal_pointer(&config);
}

/* ---- modules ----------------------------------------------------------------------------- */

/*
 * Where nub's own modules are, seen from this library: <libdir>/nub/1 when installed, or modules/
 * of the build tree. NULL: the library cannot say where it is.
 */
static char *
own_module_dir(void)
{
    Dl_info info;
    g_autofree char *path = NULL;
    g_autofree char *dir = NULL;
    g_autofree char *above = NULL;
    g_autofree char *mark = NULL;

    if (!dladdr(builtin_config, &info) || !info.dli_fname)
        return NULL;
    path = g_canonicalize_filename(info.dli_fname, NULL);
    dir = g_path_get_dirname(path);
    above = g_path_get_dirname(dir);
    mark = g_build_filename(above, BUILD_TREE_MARK, NULL);
    if (!runs_with_more_rights() && g_file_test(mark, G_FILE_TEST_EXISTS))
        return g_build_filename(above, "modules", NULL);
    return g_build_filename(dir, "nub", G_STRINGIFY(NUB_MODULE_ABI), NULL);
}

static char *
with_suffix(const char *module)
{
    return g_str_has_suffix(module, MODULE_SUFFIX) ? g_strdup(module)
                                                   : g_strconcat(module, MODULE_SUFFIX, NULL);
}

/* The directories for bare names, in order. (element-type filename) */
static GPtrArray *
search_path(const NubConfig *self)
{
    GPtrArray *dirs = g_ptr_array_new_with_free_func(g_free);
    char *own = own_module_dir();

    for (char **dir = self->env.plugin_path; dir && *dir; dir++)
        g_ptr_array_add(dirs, g_strdup(*dir));
    for (guint i = 0; i < self->plugin_path->len; i++)
        g_ptr_array_add(dirs, g_strdup(self->plugin_path->pdata[i]));
    if (own)
        g_ptr_array_add(dirs, own);
    return dirs;
}

char *
nub_config_find_module(const NubConfig *self, const char *module, const char *base_dir,
                       GError **error)
{
    g_autofree char *file = with_suffix(module);
    g_autoptr(GPtrArray) dirs = NULL;
    g_autoptr(GString) tried = NULL;

    if (strchr(module, '/')) {
        g_autofree char *path = g_canonicalize_filename(file, base_dir);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&path);
        g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_NOT_FOUND, "module '%s': no file %s",
                    module, path);
        return NULL;
    }
    dirs = search_path(self);
    tried = g_string_new(NULL);
    for (guint i = 0; i < dirs->len; i++) {
        g_autofree char *path = g_build_filename(dirs->pdata[i], file, NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS))
            return g_steal_pointer(&path);
        g_string_append_printf(tried, "%s%s", i ? ", " : "", (char *)dirs->pdata[i]);
    }
    g_set_error(error, NUB_LOAD_ERROR, NUB_LOAD_ERROR_NOT_FOUND, "module '%s': no %s in %s", module,
                file, tried->str);
    return NULL;
}

static gboolean
matches_any(const char *globs, const char *name)
{
    g_auto(GStrv) patterns = g_strsplit(globs, ",", -1);

    for (char **pattern = patterns; *pattern; pattern++)
        if (g_pattern_match_simple(g_strstrip(*pattern), name))
            return TRUE;
    return FALSE;
}

char *
nub_config_turned_off(const NubConfig *self, const char *name)
{
    if (self->env.disable && matches_any(self->env.disable, name))
        return g_strdup_printf("by NUB_BACKENDS_DISABLE=%s", self->env.disable);
    if (self->env.select && !matches_any(self->env.select, name))
        return g_strdup_printf("by NUB_BACKENDS_SELECT=%s", self->env.select);
    return NULL;
}
