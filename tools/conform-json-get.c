/* conform-json-get.c - typed reading of JSON members, with errors that name place and field
 *
 * The reader remembers its first error and fails from then on, so that callers read a whole
 * struct and test once. Nothing here decides what a vector means: see conform-program-read.c
 * and conform-caps-read.c.
 */
#include "conform-json.h"

#include <string.h>

const char *
nub_json_type_name(enum nub_json_type type)
{
    static const char *const names[] = { "null",     "true or false", "a number",
                                         "a string", "an array",      "an object" };

    return names[type];
}

bool
nub_json_fail(struct nub_json_reader *reader, const struct nub_json *at, const char *format, ...)
{
    va_list args;

    if (reader->error)
        return false;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    reader->error = g_error_new(NUB_JSON_ERROR, NUB_JSON_ERROR_CONTENT, "%s:%u:%u: %s",
                                reader->doc->file, at->line, at->column, what);
    return false;
}

const struct nub_json *
nub_json_find(const struct nub_json *object, const char *key)
{
    if (object->type != NUB_JSON_OBJECT)
        return NULL;
    for (const struct nub_json *member = object->u.first; member; member = member->next)
        if (strcmp(member->key, key) == 0)
            return member;
    return NULL;
}

bool
nub_json_check_keys(struct nub_json_reader *reader, const struct nub_json *object,
                    const char *const *keys)
{
    if (object->type != NUB_JSON_OBJECT)
        return nub_json_fail(reader, object, "expected an object, found %s",
                             nub_json_type_name(object->type));
    for (const struct nub_json *member = object->u.first; member; member = member->next)
        if (!g_strv_contains(keys, member->key))
            return nub_json_fail(reader, member, "unknown field \"%s\"", member->key);
    return !reader->error;
}

const struct nub_json *
nub_json_get(struct nub_json_reader *reader, const struct nub_json *object, const char *key,
             enum nub_json_type type)
{
    const struct nub_json *member = nub_json_find(object, key);

    if (!member)
        nub_json_fail(reader, object, "the field \"%s\" is missing", key);
    else if (member->type != type)
        nub_json_fail(reader, member, "\"%s\": expected %s, found %s", key,
                      nub_json_type_name(type), nub_json_type_name(member->type));
    return reader->error ? NULL : member;
}

/* The name of a value for messages: its own key, or that of the array it is in. */
static const char *
key_of(const struct nub_json *value)
{
    return value->key ? value->key : value->parent && value->parent->key ? value->parent->key : "";
}

static guint64
uint_of(struct nub_json_reader *reader, const struct nub_json *value, guint64 max)
{
    if (value->type != NUB_JSON_INTEGER)
        nub_json_fail(reader, value, "\"%s\": expected a number, found %s", key_of(value),
                      nub_json_type_name(value->type));
    else if (value->u.integer > max)
        nub_json_fail(reader, value,
                      "\"%s\": %" G_GUINT64_FORMAT " is more than %" G_GUINT64_FORMAT,
                      key_of(value), value->u.integer, max);
    return reader->error ? 0 : value->u.integer;
}

guint64
nub_json_get_uint(struct nub_json_reader *reader, const struct nub_json *object, const char *key,
                  guint64 max)
{
    const struct nub_json *member = nub_json_get(reader, object, key, NUB_JSON_INTEGER);

    return member ? uint_of(reader, member, max) : 0;
}

const char *
nub_json_get_string(struct nub_json_reader *reader, const struct nub_json *object, const char *key)
{
    const struct nub_json *member = nub_json_get(reader, object, key, NUB_JSON_STRING);

    return member ? member->u.string : NULL;
}

bool
nub_json_get_bool(struct nub_json_reader *reader, const struct nub_json *object, const char *key)
{
    const struct nub_json *member = nub_json_get(reader, object, key, NUB_JSON_BOOL);

    return member && member->u.boolean;
}

/* An array with exactly `n` elements, or NULL with an error. */
static const struct nub_json *
array_of(struct nub_json_reader *reader, const struct nub_json *object, const char *key, guint n)
{
    const struct nub_json *array = nub_json_get(reader, object, key, NUB_JSON_ARRAY);

    if (array && array->n != n) {
        nub_json_fail(reader, array, "\"%s\": expected %u elements, found %u", key, n, array->n);
        return NULL;
    }
    return array;
}

bool
nub_json_get_uints(struct nub_json_reader *reader, const struct nub_json *object, const char *key,
                   guint64 *values, guint n)
{
    const struct nub_json *array = array_of(reader, object, key, n);

    if (!array)
        return false;
    for (const struct nub_json *value = array->u.first; value; value = value->next)
        *values++ = uint_of(reader, value, G_MAXUINT64);
    return !reader->error;
}

GBytes *
nub_json_get_byte_array(struct nub_json_reader *reader, const struct nub_json *object,
                        const char *key)
{
    const struct nub_json *array = nub_json_get(reader, object, key, NUB_JSON_ARRAY);
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    if (!array)
        return NULL;
    for (const struct nub_json *value = array->u.first; value; value = value->next) {
        guint8 byte = (guint8)uint_of(reader, value, 255);
        g_byte_array_append(bytes, &byte, 1);
    }
    return reader->error ? NULL : g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

static guint64
decimal_of(struct nub_json_reader *reader, const struct nub_json *value)
{
    guint64 x = 0;

    if (value->type != NUB_JSON_STRING || *value->u.string == '\0' ||
        strspn(value->u.string, "0123456789") != strlen(value->u.string) ||
        !g_ascii_string_to_unsigned(value->u.string, 10, 0, G_MAXUINT64, &x, NULL)) {
        nub_json_fail(reader, value, "\"%s\": expected a decimal string below 2^64", key_of(value));
        return 0;
    }
    return x;
}

guint64
nub_json_get_decimal(struct nub_json_reader *reader, const struct nub_json *object, const char *key)
{
    const struct nub_json *member = nub_json_get(reader, object, key, NUB_JSON_STRING);

    return member ? decimal_of(reader, member) : 0;
}

bool
nub_json_get_decimals(struct nub_json_reader *reader, const struct nub_json *object,
                      const char *key, guint64 *values, guint n)
{
    const struct nub_json *array = array_of(reader, object, key, n);

    if (!array)
        return false;
    for (const struct nub_json *value = array->u.first; value; value = value->next)
        *values++ = decimal_of(reader, value);
    return !reader->error;
}

GBytes *
nub_json_get_hex(struct nub_json_reader *reader, const struct nub_json *object, const char *key)
{
    const struct nub_json *member = nub_json_get(reader, object, key, NUB_JSON_STRING);

    if (!member)
        return NULL;
    const char *digits = member->u.string;
    gsize length = strlen(digits);
    if (length % 2 || strspn(digits, "0123456789abcdef") != length) {
        nub_json_fail(reader, member, "\"%s\": expected pairs of lower-case hex digits", key);
        return NULL;
    }
    guint8 *bytes = g_malloc(length / 2);
    for (gsize i = 0; i < length / 2; i++)
        bytes[i] = (guint8)(g_ascii_xdigit_value(digits[2 * i]) << 4 |
                            g_ascii_xdigit_value(digits[2 * i + 1]));
    return g_bytes_new_take(bytes, length / 2);
}

bool
nub_json_get_hex_exact(struct nub_json_reader *reader, const struct nub_json *object,
                       const char *key, guint8 *bytes, gsize size)
{
    g_autoptr(GBytes) hex = nub_json_get_hex(reader, object, key);

    if (!hex)
        return false;
    if (g_bytes_get_size(hex) != size)
        return nub_json_fail(reader, nub_json_find(object, key),
                             "\"%s\": expected %" G_GSIZE_FORMAT " bytes, found %" G_GSIZE_FORMAT,
                             key, size, g_bytes_get_size(hex));
    memcpy(bytes, g_bytes_get_data(hex, NULL), size);
    return true;
}
