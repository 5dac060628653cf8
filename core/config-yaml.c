/* config-yaml.c - YAML as a tree with positions
 *
 * The only file that sees libyaml. It takes the small part of YAML that a configuration needs and
 * refuses the rest with file:line:column. It knows no key of nub's: meaning is config.c's.
 */
#define G_LOG_DOMAIN "nub-config"
#include "config-yaml-private.h"

#include <string.h>
#include <yaml.h>

#define MAX_DEPTH 16
#define MAX_SIZE  (1u << 20)

typedef struct {
    yaml_parser_t yaml;
    yaml_event_t event; /* the one that is being looked at */
    gboolean has_event;
    const char *file;
} NubYamlParser;

void
nub_config_error_at(GError **error, NubConfigError code, const NubPlace *place, const char *format,
                    ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, NUB_CONFIG_ERROR, (int)code, "%s:%u:%u: %s", place->file, place->line,
                place->column, message);
}

void
nub_yaml_free(NubYaml *self)
{
    if (!self)
        return;
    g_free(self->text);
    if (self->items)
        g_ptr_array_unref(self->items);
    g_free(self);
}

static NubPlace
place_of(const NubYamlParser *parser, yaml_mark_t mark)
{
    return (NubPlace){ parser->file, (guint)mark.line + 1, (guint)mark.column + 1 };
}

static void
parser_clear(NubYamlParser *self)
{
    if (self->has_event)
        yaml_event_delete(&self->event);
    yaml_parser_delete(&self->yaml);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubYamlParser, parser_clear)

/* libyaml has no position for bytes that it cannot read as text, only an offset. */
static void
set_problem(const NubYamlParser *self, GError **error)
{
    const yaml_parser_t *yaml = &self->yaml;
    NubPlace place = place_of(self, yaml->problem_mark);

    if (yaml->error == YAML_READER_ERROR)
        g_set_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_SYNTAX, "%s: byte %zu: %s",
                    self->file, yaml->problem_offset, yaml->problem);
    else if (yaml->context)
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &place, "%s %s", yaml->problem,
                            yaml->context);
    else
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &place, "%s",
                            yaml->problem ? yaml->problem : "not YAML");
}

static gboolean
next_event(NubYamlParser *self, GError **error)
{
    if (self->has_event)
        yaml_event_delete(&self->event);
    self->has_event = yaml_parser_parse(&self->yaml, &self->event) != 0;
    if (!self->has_event)
        set_problem(self, error);
    return self->has_event;
}

static NubYaml *parse_node(NubYamlParser *self, guint depth, GError **error);

static NubYaml *
node_new(const NubYamlParser *parser, NubYamlKind kind)
{
    NubYaml *node = g_new0(NubYaml, 1);

    node->kind = kind;
    node->place = place_of(parser, parser->event.start_mark);
    if (kind != NUB_YAML_SCALAR)
        node->items = g_ptr_array_new_with_free_func((GDestroyNotify)nub_yaml_free);
    return node;
}

static NubYaml *
parse_scalar(NubYamlParser *self, GError **error)
{
    g_autoptr(NubYaml) node = node_new(self, NUB_YAML_SCALAR);
    const char *text = (const char *)self->event.data.scalar.value;
    gsize length = self->event.data.scalar.length;

    if (strlen(text) != length) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &node->place, "text with a zero byte");
        return NULL;
    }
    node->text = g_strndup(text, length);
    node->quoted = self->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return g_steal_pointer(&node);
}

static NubYaml *
parse_list(NubYamlParser *self, guint depth, GError **error)
{
    g_autoptr(NubYaml) node = node_new(self, NUB_YAML_LIST);

    for (;;) {
        NubYaml *item;
        if (!next_event(self, error))
            return NULL;
        if (self->event.type == YAML_SEQUENCE_END_EVENT)
            return g_steal_pointer(&node);
        item = parse_node(self, depth + 1, error);
        if (!item)
            return NULL;
        g_ptr_array_add(node->items, item);
    }
}

/* `seen` has the keys so far: text -> NubYaml. */
static gboolean
check_key(GHashTable *seen, NubYaml *key, GError **error)
{
    const NubYaml *first;

    if (key->kind != NUB_YAML_SCALAR) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &key->place, "a key must be a word");
        return FALSE;
    }
    first = g_hash_table_lookup(seen, key->text);
    if (first) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_DUPLICATE, &key->place,
                            "duplicate key '%s', first given in line %u", key->text,
                            first->place.line);
        return FALSE;
    }
    g_hash_table_insert(seen, key->text, key);
    return TRUE;
}

static NubYaml *
parse_map(NubYamlParser *self, guint depth, GError **error)
{
    g_autoptr(NubYaml) node = node_new(self, NUB_YAML_MAP);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (;;) {
        NubYaml *key, *value;
        if (!next_event(self, error))
            return NULL;
        if (self->event.type == YAML_MAPPING_END_EVENT)
            return g_steal_pointer(&node);
        key = parse_node(self, depth + 1, error);
        if (!key)
            return NULL;
        g_ptr_array_add(node->items, key);
        if (!check_key(seen, key, error) || !next_event(self, error))
            return NULL;
        value = parse_node(self, depth + 1, error);
        if (!value)
            return NULL;
        g_ptr_array_add(node->items, value);
    }
}

/* What YAML has and a configuration does not use: NULL, or the name for it. */
static const char *
refused_feature(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return "aliases";
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor ? "anchors" : event->data.scalar.tag ? "tags" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor ? "anchors"
               : event->data.sequence_start.tag  ? "tags"
                                                 : NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor ? "anchors"
               : event->data.mapping_start.tag  ? "tags"
                                                : NULL;
    default:
        return NULL;
    }
}

static NubYaml *
parse_node(NubYamlParser *self, guint depth, GError **error)
{
    NubPlace place = place_of(self, self->event.start_mark);
    const char *refused = refused_feature(&self->event);

    if (refused) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &place,
                            "%s are not used in a configuration", refused);
        return NULL;
    }
    if (depth > MAX_DEPTH) {
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &place,
                            "nested more than %d levels deep", MAX_DEPTH);
        return NULL;
    }
    switch (self->event.type) {
    case YAML_SCALAR_EVENT:
        return parse_scalar(self, error);
    case YAML_SEQUENCE_START_EVENT:
        return parse_list(self, depth, error);
    case YAML_MAPPING_START_EVENT:
        return parse_map(self, depth, error);
    default:
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &place, "a value was expected here");
        return NULL;
    }
}

/* The events around the one document that there must be. */
static NubYaml *
parse_stream(NubYamlParser *self, GError **error)
{
    g_autoptr(NubYaml) root = NULL;
    NubPlace place;

    if (!next_event(self, error) || !next_event(self, error)) /* start of stream; of document */
        return NULL;
    if (self->event.type == YAML_STREAM_END_EVENT) {
        place = (NubPlace){ self->file, 1, 1 };
        nub_config_error_at(error, NUB_CONFIG_ERROR_MISSING, &place, "empty: no configuration");
        return NULL;
    }
    if (!next_event(self, error))
        return NULL;
    root = parse_node(self, 0, error);
    if (!root || !next_event(self, error) || !next_event(self, error)) /* end of document */
        return NULL;
    if (self->event.type != YAML_STREAM_END_EVENT) {
        place = place_of(self, self->event.start_mark);
        nub_config_error_at(error, NUB_CONFIG_ERROR_SYNTAX, &place, "a second document begins");
        return NULL;
    }
    return g_steal_pointer(&root);
}

NubYaml *
nub_yaml_parse(const char *file, const char *text, gsize size, GError **error)
{
    g_auto(NubYamlParser) parser = { .file = file };

    if (size > MAX_SIZE) {
        g_set_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_SYNTAX,
                    "%s: %" G_GSIZE_FORMAT " bytes are too many for a configuration", file, size);
        return NULL;
    }
    if (!yaml_parser_initialize(&parser.yaml)) {
        g_set_error(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_READ, "%s: out of memory", file);
        return NULL;
    }
    yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser.yaml, (const unsigned char *)text, size);
    return parse_stream(&parser, error);
}

char *
nub_yaml_quote(const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
    g_autoptr(GString) quoted = NULL;

    /* A dash at the front would be a list, or the start of a document. */
    if (*text && *text != '-' && strspn(text, plain) == strlen(text))
        return g_strdup(text);
    quoted = g_string_new("\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            g_string_append_printf(quoted, "\\%c", *c);
        else if ((guchar)*c < 0x20 || *c == 0x7f)
            g_string_append_printf(quoted, "\\x%02x", (guchar)*c);
        else
            g_string_append_c(quoted, *c);
    }
    g_string_append_c(quoted, '"');
    return g_string_free(g_steal_pointer(&quoted), FALSE);
}
