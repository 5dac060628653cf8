/* config.c - from a YAML tree to a checked configuration
 *
 * One table (config-keys.def) says which keys there are, what they hold and what holds when they
 * are absent; this file walks it. Strict: whatever is not understood is an error at its
 * file:line:column, never skipped, except keys that begin with x-. It opens no file and loads no
 * module (config-files.c, registry.c). See docs/config.md.
 */
#define G_LOG_DOMAIN "nub-config"
#include "config-private.h"

#include "suggest-private.h"
#include <nub/types.h>
#include <string.h>

typedef enum { SECTION_top, SECTION_store, SECTION_backend } NubSection;

typedef enum {
    KEY_INT,
    KEY_BOOL,
    KEY_NAME,
    KEY_STRING,
    KEY_GAS,
    KEY_PATHS,
    KEY_OPTIONS,
    KEY_STORE,
    KEY_BACKENDS
} NubKeyType;

typedef struct {
    NubSection section;
    gsize offset; /* of the member in the section's struct */
    NubKeyType type;
    gint64 min, max;
    gboolean required;
    NubConfigKey key;
    const char *word; /* as it is written in the file */
} NubKey;

#define STRUCT_top     struct _NubConfig
#define STRUCT_store   NubStoreConfig
#define STRUCT_backend NubBackendConfig
#define PREFIX_top     ""
#define PREFIX_store   "store."
#define PREFIX_backend "backends[]."

static const NubKey keys_table[] = {
#define NUB_KEY(section, member, name, type, min, max, required, default_value, what, summary)     \
    { SECTION_##section,                                                                           \
      offsetof(STRUCT_##section, member),                                                          \
      KEY_##type,                                                                                  \
      min,                                                                                         \
      max,                                                                                         \
      required,                                                                                    \
      { PREFIX_##section name, what, default_value, summary },                                     \
      name },
#include "config-keys.def"
};

/* What is being read, and into what. */
typedef struct {
    NubConfig *config;
    NubSection section;
    gpointer target; /* the section's struct */
    const char *base_dir;
    gboolean drop_in;
} NubReader;

const NubConfigKey *
nub_config_list_keys(gsize *n_keys)
{
    static NubConfigKey list[G_N_ELEMENTS(keys_table)];
    static gsize filled;

    g_return_val_if_fail(n_keys, NULL);
    if (g_once_init_enter(&filled)) {
        for (gsize i = 0; i < G_N_ELEMENTS(keys_table); i++)
            list[i] = keys_table[i].key;
        g_once_init_leave(&filled, 1);
    }
    *n_keys = G_N_ELEMENTS(keys_table);
    return list;
}

/* ---- scalars ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    gint64 model;
} gas_models[] = {
    { "pipeline", NUB_GAS_PIPELINE },
    { "polkavm", NUB_GAS_POLKAVM },
    { "instruction", NUB_GAS_INSTRUCTION },
};

const char *
nub_config_gas_name(gint64 gas_model)
{
    for (gsize i = 0; i < G_N_ELEMENTS(gas_models); i++)
        if (gas_models[i].model == gas_model)
            return gas_models[i].name;
    return "default";
}

static gboolean
parse_gas(const char *text, gint64 *model)
{
    for (gsize i = 0; i < G_N_ELEMENTS(gas_models); i++) {
        if (strcmp(gas_models[i].name, text) == 0) {
            *model = gas_models[i].model;
            return TRUE;
        }
    }
    return FALSE;
}

/* ^[a-z][a-z0-9-]{0,31}$ */
static gboolean
is_name(const char *text)
{
    gsize length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length >= 1 && length <= 32 && text[length] == '\0' && g_ascii_islower(*text);
}

/* Decimal, with no plus sign, no space and no zero in front. */
static gboolean
parse_int(const NubKey *key, const char *text, gint64 *number)
{
    const char *digits = *text == '-' ? text + 1 : text;

    if (!g_ascii_isdigit(*digits) || (*digits == '0' && digits[1]))
        return FALSE;
    return g_ascii_string_to_signed(text, 10, key->min, key->max, number, NULL);
}

/* One value of a scalar type into its member; FALSE: the text is none. */
static gboolean
set_scalar(const NubKey *key, const char *text, gboolean quoted, gpointer target)
{
    char *member = (char *)target + key->offset;

    switch (key->type) {
    case KEY_INT:
        return !quoted && parse_int(key, text, (gint64 *)(gpointer)member);
    case KEY_GAS:
        return parse_gas(text, (gint64 *)(gpointer)member);
    case KEY_BOOL:
        if (quoted || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
            return FALSE;
        *(gboolean *)(gpointer)member = *text == 't';
        return TRUE;
    case KEY_NAME:
        if (!is_name(text))
            return FALSE;
        break;
    default:
        if (!*text)
            return FALSE;
        break;
    }
    g_free(*(char **)(gpointer)member);
    *(char **)(gpointer)member = g_strdup(text);
    return TRUE;
}

/* ---- what is not a scalar ---------------------------------------------------------------- */

static gboolean read_section(const NubReader *reader, const NubYaml *map, GError **error);

static const char *
describe(const NubYaml *node)
{
    switch (node->kind) {
    case NUB_YAML_LIST:
        return "a list";
    case NUB_YAML_MAP:
        return "a mapping";
    default:
        return *node->text || node->quoted ? "a scalar" : "nothing";
    }
}

static gboolean
expect(const NubYaml *node, NubYamlKind kind, const NubKey *key, GError **error)
{
    if (node->kind == kind && (kind != NUB_YAML_SCALAR || *node->text || node->quoted))
        return TRUE;
    nub_config_error_at(error, NUB_CONFIG_ERROR_TYPE, &node->place, "'%s': expected %s, not %s",
                        key->word, key->key.type, describe(node));
    return FALSE;
}

static gboolean
read_paths(const NubReader *reader, const NubKey *key, const NubYaml *list, GError **error)
{
    GPtrArray **paths = (GPtrArray **)(gpointer)((char *)reader->target + key->offset);

    if (!expect(list, NUB_YAML_LIST, key, error))
        return FALSE;
    for (guint i = 0; i < list->items->len; i++) {
        const NubYaml *item = list->items->pdata[i];
        if (item->kind != NUB_YAML_SCALAR || !*item->text) {
            nub_config_error_at(error, NUB_CONFIG_ERROR_TYPE, &item->place,
                                "'%s': expected a directory, not %s", key->word, describe(item));
            return FALSE;
        }
        g_ptr_array_add(*paths, g_canonicalize_filename(item->text, reader->base_dir));
    }
    return TRUE;
}

static void
option_free(NubConfigOption *option)
{
    g_free(option->name);
    g_free(option->value);
    g_free(option);
}

static gboolean
read_options(const NubReader *reader, const NubKey *key, const NubYaml *map, GError **error)
{
    GPtrArray **options = (GPtrArray **)(gpointer)((char *)reader->target + key->offset);

    if (!expect(map, NUB_YAML_MAP, key, error))
        return FALSE;
    *options = g_ptr_array_new_with_free_func((GDestroyNotify)option_free);
    for (guint i = 0; i < map->items->len; i += 2) {
        const NubYaml *name = map->items->pdata[i], *value = map->items->pdata[i + 1];
        NubConfigOption *option;
        if (value->kind != NUB_YAML_SCALAR || (!*value->text && !value->quoted)) {
            nub_config_error_at(error, NUB_CONFIG_ERROR_TYPE, &value->place,
                                "option '%s': expected a scalar, not %s", name->text,
                                describe(value));
            return FALSE;
        }
        if (g_str_has_prefix(name->text, "x-"))
            continue;
        option = g_new(NubConfigOption, 1);
        *option = (NubConfigOption){ g_strdup(name->text), g_strdup(value->text), name->place,
                                     value->place };
        g_ptr_array_add(*options, option);
    }
    return TRUE;
}

static void
store_free(NubStoreConfig *store)
{
    if (!store)
        return;
    g_free(store->module);
    g_free(store->base_dir);
    g_clear_pointer(&store->options, g_ptr_array_unref);
    g_free(store);
}

static gboolean
read_store(const NubReader *reader, const NubKey *key, const NubYaml *map, GError **error)
{
    NubConfig *config = reader->config;
    NubReader inner = { config, SECTION_store, NULL, reader->base_dir, reader->drop_in };

    if (!expect(map, NUB_YAML_MAP, key, error))
        return FALSE;
    config->store = g_new0(NubStoreConfig, 1);
    config->store->place = map->place;
    config->store->base_dir = g_strdup(reader->base_dir);
    inner.target = config->store;
    return read_section(&inner, map, error);
}

static void
backend_free(NubBackendConfig *backend)
{
    g_free(backend->name);
    g_free(backend->module);
    g_free(backend->head);
    g_free(backend->base_dir);
    g_clear_pointer(&backend->options, g_ptr_array_unref);
    g_free(backend);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubBackendConfig, backend_free)

static const NubBackendConfig *
find_backend(const NubConfig *config, const char *name)
{
    for (guint i = 0; i < config->backends->len; i++) {
        const NubBackendConfig *backend = config->backends->pdata[i];
        if (strcmp(backend->name, name) == 0)
            return backend;
    }
    return NULL;
}

static gboolean
read_backend(const NubReader *reader, const NubYaml *map, GError **error)
{
    g_autoptr(NubBackendConfig) backend = g_new0(NubBackendConfig, 1);
    NubReader inner = { reader->config, SECTION_backend, backend, reader->base_dir,
                        reader->drop_in };
    const NubBackendConfig *first;

    backend->place = map->place;
    backend->base_dir = g_strdup(reader->base_dir);
    if (!read_section(&inner, map, error))
        return FALSE;
    if (strcmp(backend->name, "auto") == 0) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_VALUE, &map->place,
                            "a backend cannot be called 'auto'");
        return FALSE;
    }
    first = find_backend(reader->config, backend->name);
    if (first) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_DUPLICATE, &map->place,
                            "backend '%s' is configured already at %s:%u:%u", backend->name,
                            first->place.file, first->place.line, first->place.column);
        return FALSE;
    }
    if (!backend->head)
        backend->head = g_strdup(backend->name);
    g_ptr_array_add(reader->config->backends, g_steal_pointer(&backend));
    return TRUE;
}

static gboolean
read_backends(const NubReader *reader, const NubKey *key, const NubYaml *list, GError **error)
{
    if (!expect(list, NUB_YAML_LIST, key, error))
        return FALSE;
    for (guint i = 0; i < list->items->len; i++) {
        const NubYaml *item = list->items->pdata[i];
        if (item->kind != NUB_YAML_MAP) {
            nub_config_error_at(error, NUB_CONFIG_ERROR_TYPE, &item->place,
                                "'%s': expected a mapping, not %s", key->word, describe(item));
            return FALSE;
        }
        if (!read_backend(reader, item, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- a mapping --------------------------------------------------------------------------- */

static const NubKey *
find_key(NubSection section, const NubYaml *name, GError **error)
{
    NubSuggestion suggestion = NUB_SUGGESTION_INIT(name->text);
    g_autofree char *hint = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(keys_table); i++) {
        if (keys_table[i].section != section)
            continue;
        if (strcmp(keys_table[i].word, name->text) == 0)
            return &keys_table[i];
        nub_suggestion_offer(&suggestion, keys_table[i].word);
    }
    hint = nub_suggestion_text(&suggestion);
    nub_config_error_at(error, NUB_CONFIG_ERROR_UNKNOWN_KEY, &name->place, "unknown key '%s'%s",
                        name->text, hint);
    return NULL;
}

static gboolean
read_value(const NubReader *reader, const NubKey *key, const NubYaml *value, GError **error)
{
    switch (key->type) {
    case KEY_PATHS:
        return read_paths(reader, key, value, error);
    case KEY_OPTIONS:
        return read_options(reader, key, value, error);
    case KEY_STORE:
        return read_store(reader, key, value, error);
    case KEY_BACKENDS:
        return read_backends(reader, key, value, error);
    default:
        break;
    }
    if (!expect(value, NUB_YAML_SCALAR, key, error))
        return FALSE;
    if (!set_scalar(key, value->text, value->quoted, reader->target)) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_VALUE, &value->place,
                            value->quoted ? "'%s': expected %s, not \"%s\""
                                          : "'%s': expected %s, not '%s'",
                            key->word, key->key.type, value->text);
        return FALSE;
    }
    if (key->offset == offsetof(NubConfig, default_backend) && key->section == SECTION_top)
        reader->config->default_place = value->place;
    return TRUE;
}

static gboolean
set_defaults(const NubReader *reader, const NubYaml *map, const gboolean *given, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(keys_table); i++) {
        const NubKey *key = &keys_table[i];
        if (key->section != reader->section || given[i])
            continue;
        if (key->required) {
            nub_config_error_at(error, NUB_CONFIG_ERROR_MISSING, &map->place, "'%s' is missing",
                                key->word);
            return FALSE;
        }
        /* A drop-in adds to what the main file made of the top: nothing there gets a default. */
        if (key->key.default_value && !(reader->drop_in && reader->section == SECTION_top))
            set_scalar(key, key->key.default_value, FALSE, reader->target);
    }
    return TRUE;
}

static gboolean
read_section(const NubReader *reader, const NubYaml *map, GError **error)
{
    gboolean given[G_N_ELEMENTS(keys_table)] = { FALSE };

    for (guint i = 0; i < map->items->len; i += 2) {
        const NubYaml *name = map->items->pdata[i], *value = map->items->pdata[i + 1];
        const NubKey *key;
        if (g_str_has_prefix(name->text, "x-"))
            continue;
        key = find_key(reader->section, name, error);
        if (!key)
            return FALSE;
        if (reader->drop_in && reader->section == SECTION_top && key->type != KEY_BACKENDS &&
            strcmp(key->word, "version") != 0) {
            nub_config_error_at(error, NUB_CONFIG_ERROR_UNKNOWN_KEY, &name->place,
                                "'%s' is not allowed in a drop-in, which only adds backends",
                                key->word);
            return FALSE;
        }
        if (!read_value(reader, key, value, error))
            return FALSE;
        given[key - keys_table] = TRUE;
    }
    return set_defaults(reader, map, given, error);
}

/* ---- a file ------------------------------------------------------------------------------ */

static gboolean
read_file(NubConfig *self, const char *file, const char *text, gsize size, const char *base_dir,
          gboolean drop_in, GError **error)
{
    const char *kept = g_string_chunk_insert_const(self->files, file);
    g_autoptr(NubYaml) root = nub_yaml_parse(kept, text, size, error);
    NubReader reader = { self, SECTION_top, self, base_dir, drop_in };

    if (!root)
        return FALSE;
    if (root->kind != NUB_YAML_MAP) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_TYPE, &root->place,
                            "a configuration is a mapping, not %s", describe(root));
        return FALSE;
    }
    return read_section(&reader, root, error);
}

gboolean
nub_config_read_main(NubConfig *self, const char *file, const char *text, gsize size,
                     const char *base_dir, GError **error)
{
    return read_file(self, file, text, size, base_dir, FALSE, error);
}

gboolean
nub_config_read_drop_in(NubConfig *self, const char *file, const char *text, gsize size,
                        const char *base_dir, GError **error)
{
    return read_file(self, file, text, size, base_dir, TRUE, error);
}

gboolean
nub_config_check(NubConfig *self, GError **error)
{
    NubSuggestion suggestion = NUB_SUGGESTION_INIT(self->default_backend);
    g_autofree char *hint = NULL;

    if (self->backends->len == 0) {
        NubPlace place = { self->source, 1, 1 };
        nub_config_error_at(error, NUB_CONFIG_ERROR_MISSING, &place, "no backend is configured");
        return FALSE;
    }
    if (strcmp(self->default_backend, "auto") == 0 || find_backend(self, self->default_backend))
        return TRUE;
    for (guint i = 0; i < self->backends->len; i++)
        nub_suggestion_offer(&suggestion, ((NubBackendConfig *)self->backends->pdata[i])->name);
    hint = nub_suggestion_text(&suggestion);
    nub_config_error_at(error, NUB_CONFIG_ERROR_VALUE, &self->default_place,
                        "'default': no backend '%s' is configured%s", self->default_backend, hint);
    return FALSE;
}

NubConfig *
nub_config_new(const char *source)
{
    NubConfig *self = g_atomic_rc_box_new0(NubConfig);

    self->source = g_strdup(source);
    self->files = g_string_chunk_new(256);
    self->plugin_path = g_ptr_array_new_with_free_func(g_free);
    self->backends = g_ptr_array_new_with_free_func((GDestroyNotify)backend_free);
    return self;
}

NubConfig *
nub_config_ref(NubConfig *self)
{
    return g_atomic_rc_box_acquire(self);
}

static void
config_clear(gpointer data)
{
    NubConfig *self = data;

    g_free(self->source);
    g_string_chunk_free(self->files);
    g_free(self->default_backend);
    g_ptr_array_unref(self->plugin_path);
    store_free(self->store);
    g_ptr_array_unref(self->backends);
    g_strfreev(self->env.plugin_path);
    g_free(self->env.select);
    g_free(self->env.disable);
}

void
nub_config_unref(NubConfig *self)
{
    g_atomic_rc_box_release_full(self, config_clear);
}
