/* debug.c - reads the side file of a bundle
 *
 * The file may be anything: what is not exactly of the form in debug.h makes it no side file.
 */
#include "debug.h"

#include <string.h>

struct function {
    guint32 pc;
    const char *name;
};

struct line {
    guint32 pc, file, line;
};

struct nub_debug {
    char *text; /* cut into lines; names point into it */
    NubHash instance;
    GPtrArray *endpoints; /* names, by index */
    GArray *functions;    /* struct function, by pc */
    GArray *lines;        /* struct line, by pc */
    GHashTable *files;    /* index to name */
};

/* a decimal number and the blank after it; false if that is not what stands there */
static bool
take_number(char **at, guint32 *number)
{
    guint64 value;
    char *blank = strchr(*at, ' ');

    if (blank)
        *blank = 0;
    if (!g_ascii_string_to_unsigned(*at, 10, 0, G_MAXUINT32, &value, NULL))
        return false;
    *number = (guint32)value;
    *at = blank ? blank + 1 : *at + strlen(*at);
    return true;
}

static bool
take_hash(const char *text, NubHash *hash)
{
    if (strlen(text) != 2 * sizeof hash->bytes)
        return false;
    for (guint i = 0; i < sizeof hash->bytes; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]), low = g_ascii_xdigit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash->bytes[i] = (guint8)(high << 4 | low);
    }
    return true;
}

static bool
take_function(NubDebug *debug, char *rest)
{
    struct function function;

    if (!take_number(&rest, &function.pc) || *rest == 0)
        return false;
    function.name = rest;
    if (debug->functions->len > 0 &&
        g_array_index(debug->functions, struct function, debug->functions->len - 1).pc >
            function.pc)
        return false;
    g_array_append_val(debug->functions, function);
    return true;
}

static bool
take_line(NubDebug *debug, char *rest)
{
    struct line line;

    if (!take_number(&rest, &line.pc) || !take_number(&rest, &line.file) ||
        !take_number(&rest, &line.line) ||
        !g_hash_table_contains(debug->files, GUINT_TO_POINTER(line.file)))
        return false;
    if (debug->lines->len > 0 &&
        g_array_index(debug->lines, struct line, debug->lines->len - 1).pc > line.pc)
        return false;
    g_array_append_val(debug->lines, line);
    return true;
}

static bool
take_fact(NubDebug *debug, char *text)
{
    char *rest = strchr(text, ' ');
    guint32 number;

    if (!rest)
        return false;
    *rest++ = 0;
    if (strcmp(text, "function") == 0)
        return take_function(debug, rest);
    if (strcmp(text, "line") == 0)
        return take_line(debug, rest);
    if (strcmp(text, "instance") == 0)
        return take_hash(rest, &debug->instance);
    if (!take_number(&rest, &number) || *rest == 0)
        return false;
    if (strcmp(text, "file") == 0)
        return g_hash_table_insert(debug->files, GUINT_TO_POINTER(number), rest);
    if (strcmp(text, "endpoint") != 0 || number != debug->endpoints->len)
        return false;
    g_ptr_array_add(debug->endpoints, rest);
    return true;
}

NubDebug *
nub_debug_parse(const char *text, gsize size)
{
    static const char magic[] = "nub-debug 1\n";
    NubDebug *debug;

    if (size < strlen(magic) || memcmp(text, magic, strlen(magic)) != 0 || memchr(text, 0, size))
        return NULL;
    debug = g_new0(NubDebug, 1);
    debug->text = g_strndup(text, size);
    debug->endpoints = g_ptr_array_new();
    debug->functions = g_array_new(FALSE, FALSE, sizeof(struct function));
    debug->lines = g_array_new(FALSE, FALSE, sizeof(struct line));
    debug->files = g_hash_table_new(NULL, NULL);
    for (char *at = debug->text + strlen(magic), *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        if (end)
            *end = 0;
        if (!end || !take_fact(debug, at)) {
            nub_debug_free(debug);
            return NULL;
        }
    }
    return debug;
}

char *
nub_debug_file_name(const char *bundle)
{
    if (g_str_has_suffix(bundle, ".nub"))
        return g_strconcat(bundle, "dbg", NULL);
    return g_strconcat(bundle, ".nubdbg", NULL);
}

NubDebug *
nub_debug_load(const char *bundle, const NubHash *root)
{
    g_autofree char *file = nub_debug_file_name(bundle);
    g_autofree char *text = NULL;
    gsize size;

    if (!g_file_get_contents(file, &text, &size, NULL))
        return NULL;
    g_autoptr(NubDebug) debug = nub_debug_parse(text, size);
    if (!debug || memcmp(&debug->instance, root, sizeof *root) != 0)
        return NULL;
    return g_steal_pointer(&debug);
}

void
nub_debug_free(NubDebug *debug)
{
    if (!debug)
        return;
    g_ptr_array_unref(debug->endpoints);
    g_array_unref(debug->functions);
    g_array_unref(debug->lines);
    g_hash_table_unref(debug->files);
    g_free(debug->text);
    g_free(debug);
}

const NubHash *
nub_debug_get_instance(const NubDebug *debug)
{
    return &debug->instance;
}

bool
nub_debug_find_endpoint(const NubDebug *debug, const char *name, guint32 *index)
{
    for (guint i = 0; i < debug->endpoints->len; i++) {
        if (strcmp(debug->endpoints->pdata[i], name) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

char *
nub_debug_list_endpoints(const NubDebug *debug)
{
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < debug->endpoints->len; i++)
        g_string_append_printf(names, "%s%s", i ? ", " : "",
                               (const char *)debug->endpoints->pdata[i]);
    return g_string_free(names, FALSE);
}

/* the last element whose pc, its first member, is at most this one; NULL: none */
static const void *
last_at(const GArray *array, guint size, guint32 pc)
{
    guint low = 0, high = array->len;

    while (low < high) {
        guint middle = (low + high) / 2;
        if (*(const guint32 *)(const void *)(array->data + (gsize)middle * size) <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? array->data + (gsize)(low - 1) * size : NULL;
}

bool
nub_debug_find_place(const NubDebug *debug, guint32 pc, NubDebugPlace *place)
{
    const struct function *function = last_at(debug->functions, sizeof *function, pc);
    const struct line *line = last_at(debug->lines, sizeof *line, pc);

    *place = (NubDebugPlace){ 0 };
    if (function && strcmp(function->name, "?") != 0)
        place->function = function->name;
    if (line && function && line->pc >= function->pc && line->line) {
        place->file = g_hash_table_lookup(debug->files, GUINT_TO_POINTER(line->file));
        place->line = line->line;
    }
    return place->function || place->file;
}

bool
nub_debug_get_function(const NubDebug *debug, guint index, guint32 *pc, const char **name)
{
    if (index >= debug->functions->len)
        return false;
    const struct function *function = &g_array_index(debug->functions, struct function, index);
    *pc = function->pc;
    *name = function->name;
    return true;
}

bool
nub_debug_get_line(const NubDebug *debug, guint index, guint32 *pc, const char **file,
                   guint32 *line)
{
    if (index >= debug->lines->len)
        return false;
    const struct line *entry = &g_array_index(debug->lines, struct line, index);
    *pc = entry->pc;
    *file = g_hash_table_lookup(debug->files, GUINT_TO_POINTER(entry->file));
    *line = entry->line;
    return true;
}

char *
nub_debug_describe(const NubDebugPlace *place)
{
    const char *function = place->function ? place->function : "?";

    if (!place->file)
        return g_strdup(function);
    return g_strdup_printf("%s (%s:%u)", function, place->file, place->line);
}

/* the pc of a line "L123:"; false for all others */
static bool
label_pc(const char *line, guint32 *pc)
{
    gsize size = strlen(line);
    guint64 value;

    if (size < 3 || line[0] != 'L' || line[size - 1] != ':')
        return false;
    g_autofree char *digits = g_strndup(line + 1, size - 2);
    if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT32, &value, NULL))
        return false;
    *pc = (guint32)value;
    return true;
}

char *
nub_debug_annotate(const NubDebug *debug, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *before = NULL;
    GString *out = g_string_new(NULL);

    for (char **line = lines; *line; line++) {
        NubDebugPlace place;
        guint32 pc;
        g_string_append(out, *line);
        if (label_pc(*line, &pc) && nub_debug_find_place(debug, pc, &place)) {
            g_autofree char *here = nub_debug_describe(&place);
            if (g_strcmp0(here, before) != 0)
                g_string_append_printf(out, " ; %s", here);
            g_free(before);
            before = g_steal_pointer(&here);
        }
        if (line[1])
            g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}
