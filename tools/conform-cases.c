/* conform-cases.c - conformance cases from folders of vector files, and how a case speaks */
#include "conform.h"

#include <string.h>

enum nub_verdict
nub_conform_say(enum nub_verdict verdict, char **message, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_free(*message);
    *message = g_strdup_vprintf(format, args);
    va_end(args);
    return verdict;
}

enum nub_verdict
nub_conform_lacks(char **message, const char *function)
{
    return nub_conform_say(NUB_SKIPPED, message, "the backend has no %s", function);
}

enum nub_verdict
nub_conform_unexpected(char **message, const char *what, GError *error)
{
    if (error->domain == NUB_ERROR)
        nub_conform_say(NUB_FAILED, message, "%s: %s: %s", what, nub_error_to_string(error->code),
                        error->message);
    else
        nub_conform_say(NUB_FAILED, message, "%s: %s", what, error->message);
    g_error_free(error);
    return NUB_FAILED;
}

/* A file that is no vector fails: a check that cannot be read must not look like one that holds. */
static enum nub_verdict
run_vector(const struct nub_conform_case *self, const struct nub_conform_target *target,
           char **message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubJsonDoc) doc = nub_json_load(self->file, &error);

    if (doc && nub_program_vector_recognise(doc)) {
        g_autoptr(NubProgramVector) vector = nub_program_vector_read(doc, &error);
        if (vector)
            return nub_conform_program(target, vector, message);
    } else if (doc && nub_caps_vector_recognise(doc)) {
        g_autoptr(NubCapsVector) vector = nub_caps_vector_read(doc, &error);
        if (vector)
            return nub_conform_caps(target, vector, message);
    } else if (doc) {
        return nub_conform_say(NUB_FAILED, message, "%s: neither a program vector nor a scenario",
                               self->file);
    }
    return nub_conform_say(NUB_FAILED, message, "%s", error->message);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
nub_conform_add_vectors(GArray *cases, const char *dir, const char *prefix, GError **error)
{
    g_autoptr(GDir) folder = g_dir_open(dir, 0, error);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    if (!folder)
        return false;
    while ((name = g_dir_read_name(folder)))
        if (g_str_has_suffix(name, ".json"))
            g_ptr_array_add(names, g_strdup(name));
    if (names->len == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s: no *.json in this folder", dir);
        return false;
    }
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        name = names->pdata[i];
        struct nub_conform_case new_case = { .run = run_vector };
        new_case.name =
            g_strdup_printf("%s%.*s", prefix, (int)(strlen(name) - strlen(".json")), name);
        new_case.file = g_build_filename(dir, name, NULL);
        g_array_append_val(cases, new_case);
    }
    return true;
}

void
nub_conform_case_clear(gpointer data)
{
    struct nub_conform_case *self = data;

    g_free(self->name);
    g_free(self->file);
    g_free(self->message);
}
