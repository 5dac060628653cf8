/* link-entries.c - which functions are the endpoints of the image
 *
 * Defined functions with GLOBAL binding and DEFAULT visibility, or exactly those that --export
 * names. `main` comes first and is entered through crt0's _start where that is linked in; the
 * others follow by name, bytewise.
 */
#include "link-private.h"
#include <string.h>

enum { MAX_ENDPOINTS = 64 };

static bool
is_function(const struct link *link, const struct link_symbol *s)
{
    if (s->undefined || s->section == LINK_NO_SECTION || s->name[0] == 0)
        return false;
    const struct link_section *section =
        &g_array_index(link->elf.sections, struct link_section, s->section);
    return (section->flags & LINK_ALLOC) && (section->flags & LINK_EXEC) &&
           link_flow_half(link, s->value) && s->type == STT_FUNC;
}

/* a linker makes hidden symbols local, and `main` is as hidden as the compiler is told to */
static bool
is_exported(const struct link_symbol *s)
{
    return (s->bind == STB_GLOBAL && s->visibility == STV_DEFAULT) || strcmp(s->name, "main") == 0;
}

static gint
compare_entries(gconstpointer a, gconstpointer b, gpointer data)
{
    const GArray *symbols = data;
    const char *x = g_array_index(symbols, struct link_symbol, *(const guint32 *)a).name;
    const char *y = g_array_index(symbols, struct link_symbol, *(const guint32 *)b).name;
    bool x_main = strcmp(x, "main") == 0, y_main = strcmp(y, "main") == 0;

    if (x_main != y_main)
        return x_main ? -1 : 1;
    return strcmp(x, y);
}

/* the functions that could have been meant */
static char *
list_candidates(const struct link *link)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < link->elf.symbols->len && names->len < 2 * MAX_ENDPOINTS; i++) {
        const struct link_symbol *s = &g_array_index(link->elf.symbols, struct link_symbol, i);
        if (is_function(link, s))
            g_ptr_array_add(names, (gpointer)s->name);
    }
    if (names->len == 0)
        return g_strdup("the file has no functions");
    g_ptr_array_add(names, NULL);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    return g_strconcat("candidates: ", list, NULL);
}

/* a global function before a local one; two local ones of the same name cannot be told apart */
static void
add_named(struct link *link, const char *name)
{
    guint32 found = LINK_NONE;
    unsigned locals = 0;

    for (guint32 i = 0; i < link->elf.symbols->len; i++) {
        const struct link_symbol *s = &g_array_index(link->elf.symbols, struct link_symbol, i);
        if (!is_function(link, s) || strcmp(s->name, name) != 0)
            continue;
        if (s->bind == STB_GLOBAL || found == LINK_NONE)
            found = i;
        locals += s->bind != STB_GLOBAL;
    }
    if (found == LINK_NONE) {
        g_autofree char *candidates = list_candidates(link);
        link_error(link, "no function '%s' to export; %s", name, candidates);
    } else if (locals > 1) {
        link_error(link, "'%s' is the name of %u static functions: export another", name, locals);
    } else {
        g_array_append_val(link->entries, found);
    }
}

static void
add_exported(struct link *link)
{
    for (guint32 i = 0; i < link->elf.symbols->len; i++) {
        const struct link_symbol *s = &g_array_index(link->elf.symbols, struct link_symbol, i);
        if (is_function(link, s) && is_exported(s))
            g_array_append_val(link->entries, i);
    }
}

static void
drop_doubles(struct link *link)
{
    for (guint i = 1; i < link->entries->len;) {
        if (compare_entries(&g_array_index(link->entries, guint32, i - 1),
                            &g_array_index(link->entries, guint32, i), link->elf.symbols) == 0)
            g_array_remove_index(link->entries, i);
        else
            i++;
    }
}

bool
link_flow_entries(struct link *link)
{
    guint before = link->n_errors;
    const char *const *exports = link->options->exports;

    if (exports)
        for (; *exports; exports++)
            add_named(link, *exports);
    else
        add_exported(link);
    g_array_sort_with_data(link->entries, compare_entries, link->elf.symbols);
    drop_doubles(link);
    if (link->n_errors == before && link->entries->len == 0) {
        g_autofree char *candidates = list_candidates(link);
        link_error(link,
                   "no endpoint: mark a function with NUB_EXPORT or name it with --export; %s",
                   candidates);
    }
    if (link->entries->len > MAX_ENDPOINTS) {
        g_autofree char *candidates = list_candidates(link);
        link_error(link, "%u endpoints, at most %u are possible: choose with --export; %s",
                   link->entries->len, MAX_ENDPOINTS, candidates);
    }
    for (guint i = 0; i < link->entries->len; i++) {
        const struct link_symbol *s = &g_array_index(link->elf.symbols, struct link_symbol,
                                                     g_array_index(link->entries, guint32, i));
        const struct link_symbol *start =
            strcmp(s->name, "main") == 0 ? link_elf_symbol(&link->elf, "_start") : NULL;
        uint64_t address = start && link_flow_half(link, start->value) ? start->value : s->value;
        g_array_append_val(link->entry_addresses, address);
    }
    return link->n_errors == before;
}
