/* module-options.c - what a configuration says about a module's options, judged by the module's
 * table
 *
 * A wrong option is an error of the file at its file:line:column, with the near miss; it is never
 * ignored and never replaced by the default. What a value looks like is option.c's.
 */
#include "loader-private.h"

#include "option-private.h"
#include "suggest-private.h"
#include <string.h>

/* Where no name is near the one that was given. */
static char *
list_options(const NubModule *self)
{
    g_autoptr(GString) text = g_string_new(self->n_options ? "; there are " : "; it has none");

    for (gsize i = 0; i < self->n_options; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", self->options[i].name);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
unknown_option(const NubModule *self, const NubConfigOption *option, const char *who,
               GError **error)
{
    NubSuggestion suggestion = NUB_SUGGESTION_INIT(option->name);
    g_autofree char *hint = NULL;

    for (gsize i = 0; i < self->n_options; i++)
        nub_suggestion_offer(&suggestion, self->options[i].name);
    hint = suggestion.best ? nub_suggestion_text(&suggestion) : list_options(self);
    nub_config_error_at(error, NUB_CONFIG_ERROR_OPTION, &option->name_place,
                        "%s: unknown option '%s'%s", who, option->name, hint);
    return FALSE;
}

static const NubConfigOption *
find_given(const GPtrArray *options, const char *name)
{
    for (guint i = 0; options && i < options->len; i++) {
        const NubConfigOption *option = options->pdata[i];
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

static gboolean
bad_value(const struct nub_option_desc *desc, const NubConfigOption *given, const char *who,
          GError **error)
{
    g_autofree char *type = nub_option_describe_type(desc);

    nub_config_error_at(error, NUB_CONFIG_ERROR_OPTION, &given->value_place,
                        "%s: option '%s': expected %s, not '%s'", who, desc->name, type,
                        given->value);
    return FALSE;
}

gboolean
nub_module_resolve_options(const NubModule *self, const GPtrArray *given, const char *who,
                           GArray *options, GPtrArray *values, GError **error)
{
    for (guint i = 0; given && i < given->len; i++) {
        const NubConfigOption *option = given->pdata[i];
        if (!nub_options_find(self->options, self->n_options, option->name))
            return unknown_option(self, option, who, error);
    }
    for (gsize i = 0; i < self->n_options; i++) {
        const struct nub_option_desc *desc = &self->options[i];
        const NubConfigOption *own = find_given(given, desc->name);
        struct nub_option option = { .name = desc->name };
        char *value;
        if (!own && !desc->default_value)
            continue;
        /* Defaults were judged when the module was loaded. */
        value = nub_option_normalise(desc, own ? own->value : desc->default_value);
        if (!value)
            return bad_value(desc, own, who, error);
        g_ptr_array_add(values, value);
        option.value = value;
        g_array_append_val(options, option);
    }
    return TRUE;
}

void
nub_module_list_options(const NubModule *self, GArray *keys, GPtrArray *texts)
{
    for (gsize i = 0; i < self->n_options; i++) {
        const struct nub_option_desc *desc = &self->options[i];
        char *type = nub_option_describe_type(desc);
        NubConfigKey key = { desc->name, type, desc->default_value, desc->summary };
        g_ptr_array_add(texts, type);
        g_array_append_val(keys, key);
    }
}
