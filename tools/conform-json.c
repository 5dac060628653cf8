/* conform-json.c - the strict JSON reader: text to a tree of values
 *
 * One pass over text that g_utf8_validate() has accepted; nesting is bounded, so that hostile
 * files cannot exhaust the stack. It never guesses: what vectors do not use (fractions, signs,
 * the same key twice) is an error with its place. Typed access is in conform-json-get.c.
 */
#include "conform-json.h"

#include <string.h>

#define MAX_DEPTH     32
#define MAX_FILE_SIZE (16u << 20)

G_DEFINE_QUARK(nub - json - error - quark, nub_json_error)

struct parser {
    NubJsonDoc *doc;
    const char *p, *end;
    const char *line_start;
    guint line;
    guint depth;
    GError **error;
};

static bool parse_value(struct parser *parser, struct nub_json *value);

static guint
column(const struct parser *parser)
{
    return (guint)(parser->p - parser->line_start) + 1;
}

G_GNUC_PRINTF(2, 3)
static bool
syntax_error(struct parser *parser, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(parser->error, NUB_JSON_ERROR, NUB_JSON_ERROR_SYNTAX, "%s:%u:%u: %s",
                parser->doc->file, parser->line, column(parser), what);
    return false;
}

static void
skip_space(struct parser *parser)
{
    for (; parser->p < parser->end; parser->p++) {
        if (*parser->p == '\n') {
            parser->line++;
            parser->line_start = parser->p + 1;
        } else if (*parser->p != ' ' && *parser->p != '\t' && *parser->p != '\r') {
            return;
        }
    }
}

static bool
next_is(struct parser *parser, char c)
{
    return parser->p < parser->end && *parser->p == c;
}

static bool
accept(struct parser *parser, char c)
{
    skip_space(parser);
    if (!next_is(parser, c))
        return false;
    parser->p++;
    return true;
}

static struct nub_json *
new_value(struct parser *parser, const struct nub_json *parent)
{
    struct nub_json *value = g_new0(struct nub_json, 1);

    value->parent = parent;
    g_ptr_array_add(parser->doc->owned, value);
    return value;
}

/* Four hex digits after \u; -1 with an error when there are not four. */
static gint32
parse_hex4(struct parser *parser)
{
    gint32 unit = 0;

    for (guint i = 0; i < 4; i++, parser->p++) {
        if (parser->p >= parser->end || !g_ascii_isxdigit(*parser->p)) {
            syntax_error(parser, "\\u wants four hex digits");
            return -1;
        }
        unit = unit << 4 | g_ascii_xdigit_value(*parser->p);
    }
    return unit;
}

static bool
parse_unicode_escape(struct parser *parser, GString *out)
{
    gint32 unit = parse_hex4(parser);

    if (unit < 0)
        return false;
    if (unit >= 0xd800 && unit < 0xdc00) {
        if (parser->end - parser->p < 2 || parser->p[0] != '\\' || parser->p[1] != 'u')
            return syntax_error(parser, "half a surrogate pair");
        parser->p += 2;
        gint32 low = parse_hex4(parser);
        if (low < 0)
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return syntax_error(parser, "half a surrogate pair");
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return syntax_error(parser, "a character that text cannot have");
    g_string_append_unichar(out, (gunichar)unit);
    return true;
}

static bool
parse_escape(struct parser *parser, GString *out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";

    parser->p++;
    if (parser->p >= parser->end)
        return syntax_error(parser, "the string has no end");
    char c = *parser->p++;
    if (c == 'u')
        return parse_unicode_escape(parser, out);
    const char *name = memchr(names, c, sizeof names - 1);
    if (!name)
        return syntax_error(parser, "unknown escape");
    g_string_append_c(out, values[name - names]);
    return true;
}

static const char *
parse_string(struct parser *parser)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!accept(parser, '"')) {
        syntax_error(parser, "expected a string");
        return NULL;
    }
    while (!next_is(parser, '"')) {
        if (parser->p >= parser->end || (guchar)*parser->p < 0x20) {
            syntax_error(parser, "the string has no end");
            return NULL;
        }
        if (*parser->p != '\\')
            g_string_append_c(out, *parser->p++);
        else if (!parse_escape(parser, out))
            return NULL;
    }
    parser->p++;
    char *string = g_string_free(g_steal_pointer(&out), FALSE);
    g_ptr_array_add(parser->doc->owned, string);
    return string;
}

static bool
parse_integer(struct parser *parser, struct nub_json *value)
{
    const char *start = parser->p;
    guint64 x = 0;

    value->type = NUB_JSON_INTEGER;
    for (; parser->p < parser->end && g_ascii_isdigit(*parser->p); parser->p++) {
        guint digit = (guint)(*parser->p - '0');
        if (x > (G_MAXUINT64 - digit) / 10)
            return syntax_error(parser, "the number is above 2^64 - 1");
        x = x * 10 + digit;
    }
    if (parser->p - start > 1 && *start == '0')
        return syntax_error(parser, "a number does not begin with 0");
    if (parser->p < parser->end && strchr(".eE", *parser->p))
        return syntax_error(parser, "vectors have no fractions and no exponents");
    value->u.integer = x;
    return true;
}

static bool
parse_word(struct parser *parser, struct nub_json *value)
{
    static const struct {
        const char *word;
        enum nub_json_type type;
        bool boolean;
    } words[] = { { "true", NUB_JSON_BOOL, true },
                  { "false", NUB_JSON_BOOL, false },
                  { "null", NUB_JSON_NULL, false } };

    for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize length = strlen(words[i].word);
        if ((gsize)(parser->end - parser->p) >= length &&
            memcmp(parser->p, words[i].word, length) == 0) {
            value->type = words[i].type;
            value->u.boolean = words[i].boolean;
            parser->p += length;
            return true;
        }
    }
    return syntax_error(parser, "%s",
                        next_is(parser, '-')       ? "vectors have no negative numbers"
                        : parser->p >= parser->end ? "the text ends here"
                                                   : "expected a value");
}

/* `key` becomes the member's name. A linear look for the same key would be quadratic. */
static bool
parse_key(struct parser *parser, GHashTable *keys, const char **key)
{
    *key = parse_string(parser);
    if (!*key)
        return false;
    if (!g_hash_table_add(keys, (gpointer)*key))
        return syntax_error(parser, "the key \"%s\" is there twice", *key);
    if (!accept(parser, ':'))
        return syntax_error(parser, "expected ':'");
    return true;
}

/* An array, or, with `keys`, an object. The opening bracket is read. */
static bool
parse_children(struct parser *parser, struct nub_json *value, char close, GHashTable *keys)
{
    const struct nub_json **link = &value->u.first;

    if (accept(parser, close))
        return true;
    do {
        const char *key = NULL;
        if (keys && !parse_key(parser, keys, &key))
            return false;
        struct nub_json *child = new_value(parser, value);
        child->key = key;
        if (!parse_value(parser, child))
            return false;
        *link = child;
        link = &child->next;
        value->n++;
    } while (accept(parser, ','));
    return accept(parser, close) || syntax_error(parser, "expected ',' or '%c'", close);
}

static bool
parse_container(struct parser *parser, struct nub_json *value)
{
    bool is_object = *parser->p++ == '{';
    g_autoptr(GHashTable) keys = is_object ? g_hash_table_new(g_str_hash, g_str_equal) : NULL;

    value->type = is_object ? NUB_JSON_OBJECT : NUB_JSON_ARRAY;
    if (++parser->depth > MAX_DEPTH)
        return syntax_error(parser, "nested deeper than %u", MAX_DEPTH);
    if (!parse_children(parser, value, is_object ? '}' : ']', keys))
        return false;
    parser->depth--;
    return true;
}

static bool
parse_value(struct parser *parser, struct nub_json *value)
{
    skip_space(parser);
    value->line = parser->line;
    value->column = column(parser);
    if (next_is(parser, '{') || next_is(parser, '['))
        return parse_container(parser, value);
    if (parser->p < parser->end && g_ascii_isdigit(*parser->p))
        return parse_integer(parser, value);
    if (next_is(parser, '"')) {
        value->type = NUB_JSON_STRING;
        value->u.string = parse_string(parser);
        return value->u.string != NULL;
    }
    return parse_word(parser, value);
}

NubJsonDoc *
nub_json_parse(const char *file, const char *text, gsize size, GError **error)
{
    g_autoptr(NubJsonDoc) doc = g_new0(NubJsonDoc, 1);
    struct parser parser = { .doc = doc, .p = text, .line_start = text, .line = 1, .error = error };

    doc->file = g_strdup(file);
    doc->owned = g_ptr_array_new_with_free_func(g_free);
    parser.end = text + size;
    if (!g_utf8_validate_len(text, size, NULL)) {
        g_set_error(error, NUB_JSON_ERROR, NUB_JSON_ERROR_SYNTAX, "%s: the file is no UTF-8 text",
                    file);
        return NULL;
    }
    struct nub_json *root = new_value(&parser, NULL);
    if (!parse_value(&parser, root))
        return NULL;
    skip_space(&parser);
    if (parser.p < parser.end) {
        syntax_error(&parser, "something follows the value");
        return NULL;
    }
    doc->root = root;
    return g_steal_pointer(&doc);
}

NubJsonDoc *
nub_json_load(const char *file, GError **error)
{
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!g_file_get_contents(file, &text, &size, error))
        return NULL;
    if (size > MAX_FILE_SIZE) {
        g_set_error(error, NUB_JSON_ERROR, NUB_JSON_ERROR_SYNTAX,
                    "%s: the file is longer than %u bytes", file, MAX_FILE_SIZE);
        return NULL;
    }
    return nub_json_parse(file, text, size, error);
}

void
nub_json_doc_free(NubJsonDoc *doc)
{
    g_ptr_array_unref(doc->owned);
    g_free(doc->file);
    g_free(doc);
}
