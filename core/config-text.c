/* config-text.c - a configuration as YAML again, with every default filled in
 *
 * What `nub config show` prints. Reading the text gives the same configuration (a test holds that),
 * so it starts a file of one's own. See <nub/registry.h>.
 */
#define G_LOG_DOMAIN "nub-config"
#include "config-private.h"

#include <string.h>

static void
add_pair(GString *text, const char *indent, const char *key, const char *value)
{
    g_autofree char *quoted = nub_yaml_quote(value);

    g_string_append_printf(text, "%s%s: %s\n", indent, key, quoted);
}

static void
add_options(GString *text, const char *indent, const GPtrArray *options)
{
    if (!options || !options->len)
        return;
    g_string_append_printf(text, "%soptions:\n", indent);
    for (guint i = 0; i < options->len; i++) {
        const NubConfigOption *option = options->pdata[i];
        g_autofree char *name = nub_yaml_quote(option->name);
        g_autofree char *value = nub_yaml_quote(option->value);
        g_string_append_printf(text, "%s  %s: %s\n", indent, name, value);
    }
}

static const char *
bool_text(gboolean value)
{
    return value ? "true" : "false";
}

/* A relative path means something else elsewhere, so it is written out. */
static void
add_module(GString *text, const char *module, const char *base_dir)
{
    g_autofree char *path =
        strchr(module, '/') ? g_canonicalize_filename(module, base_dir) : g_strdup(module);

    add_pair(text, "    ", "module", path);
}

static void
add_backend(GString *text, const NubBackendConfig *backend)
{
    g_string_append_printf(text, "  # %s:%u:%u\n  - name: %s\n", backend->place.file,
                           backend->place.line, backend->place.column, backend->name);
    add_module(text, backend->module, backend->base_dir);
    g_string_append_printf(text, "    priority: %" G_GINT64_FORMAT "\n", backend->priority);
    add_pair(text, "    ", "auto", bool_text(backend->automatic));
    add_pair(text, "    ", "enabled", bool_text(backend->enabled));
    add_pair(text, "    ", "required", bool_text(backend->required));
    add_pair(text, "    ", "log-calls", bool_text(backend->log_calls));
    add_pair(text, "    ", "head", backend->head);
    add_options(text, "    ", backend->options);
}

char *
nub_config_to_text(const NubConfig *self)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "# %s\nversion: %" G_GINT64_FORMAT "\n", self->source,
                           self->version);
    add_pair(text, "", "default", self->default_backend);
    if (self->plugin_path->len)
        g_string_append(text, "plugin-path:\n");
    for (guint i = 0; i < self->plugin_path->len; i++) {
        g_autofree char *dir = nub_yaml_quote(self->plugin_path->pdata[i]);
        g_string_append_printf(text, "  - %s\n", dir);
    }
    add_pair(text, "", "gas", nub_config_gas_name(self->gas_model));
    g_string_append_printf(text, "mem-cycles: %" G_GINT64_FORMAT "\n", self->mem_cycles);
    if (self->store) {
        g_string_append(text, "store:\n");
        add_module(text, self->store->module, self->store->base_dir);
        add_options(text, "    ", self->store->options);
    }
    g_string_append(text, "backends:\n");
    for (guint i = 0; i < self->backends->len; i++)
        add_backend(text, self->backends->pdata[i]);
    return g_string_free(text, FALSE);
}
