/* conform-json.h - a strict reader of JSON whose integers are exact from 0 to 2^64 - 1
 *
 * For vector files: every value knows its line and column, an object with the same key twice, a
 * fraction, an exponent or a sign is an error, nesting is bounded. Why json-glib does not do:
 * docs/decisions/0050-own-json-reader.md.
 */
#ifndef NUB_TOOLS_CONFORM_JSON_H
#define NUB_TOOLS_CONFORM_JSON_H

#include <glib.h>
#include <stdbool.h>

enum nub_json_type {
    NUB_JSON_NULL,
    NUB_JSON_BOOL,
    NUB_JSON_INTEGER,
    NUB_JSON_STRING,
    NUB_JSON_ARRAY,
    NUB_JSON_OBJECT
};

/** A value. Owned by its document. */
struct nub_json {
    enum nub_json_type type;
    guint line, column; /* where it begins, from 1 */
    const char *key;    /* of a member of an object, else NULL */
    const struct nub_json *parent, *next;
    union {
        bool boolean;
        guint64 integer;
        const char *string; /* UTF-8 without NUL */
        const struct nub_json *first;
    } u;
    guint n; /* children */
};

/** What a file holds. */
typedef struct {
    char *file; /* for messages */
    const struct nub_json *root;
    GPtrArray *owned;
} NubJsonDoc;

#define NUB_JSON_ERROR (nub_json_error_quark())
GQuark nub_json_error_quark(void);
enum nub_json_error {
    NUB_JSON_ERROR_SYNTAX, /* not JSON, or JSON that vectors do not use */
    NUB_JSON_ERROR_CONTENT /* a field is missing, unknown, of another type or out of range */
};

/** Parses `size` bytes. `file` is what messages begin with: "file:line:column: ...". */
NubJsonDoc *nub_json_parse(const char *file, const char *text, gsize size, GError **error);
/** Reads a file of at most 16 MiB. Errors of the file system are in G_FILE_ERROR. */
NubJsonDoc *nub_json_load(const char *file, GError **error);
void nub_json_doc_free(NubJsonDoc *doc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubJsonDoc, nub_json_doc_free)

/** The member, or NULL. */
const struct nub_json *nub_json_find(const struct nub_json *object, const char *key);
const char *nub_json_type_name(enum nub_json_type type);

/**
 * Typed reading of members. Each returns false with an error that names place and field when the
 * member is absent or not what is asked for; once `error` is set by an earlier call of the same
 * reader, everything fails. So a whole struct is read with one test at the end.
 */
struct nub_json_reader {
    const NubJsonDoc *doc;
    GError *error;
};

bool nub_json_fail(struct nub_json_reader *reader, const struct nub_json *at, const char *format, ...) G_GNUC_PRINTF(3, 4);
/** True if `object` is an object whose keys are all in the NULL-terminated list. */
bool nub_json_check_keys(struct nub_json_reader *reader, const struct nub_json *object, const char *const *keys);
const struct nub_json *nub_json_get(struct nub_json_reader *reader, const struct nub_json *object, const char *key, enum nub_json_type type);
/** An integer, at most `max`. */
guint64 nub_json_get_uint(struct nub_json_reader *reader, const struct nub_json *object, const char *key, guint64 max);
const char *nub_json_get_string(struct nub_json_reader *reader, const struct nub_json *object, const char *key);
bool nub_json_get_bool(struct nub_json_reader *reader, const struct nub_json *object, const char *key);
/** The elements of an array of exactly `n` integers. */
bool nub_json_get_uints(struct nub_json_reader *reader, const struct nub_json *object, const char *key, guint64 *values, guint n);
/** An array of integers 0..255. */
GBytes *nub_json_get_byte_array(struct nub_json_reader *reader, const struct nub_json *object, const char *key);
/** A decimal string, 0 ... 2^64 - 1, and an array of exactly `n` of them. */
guint64 nub_json_get_decimal(struct nub_json_reader *reader, const struct nub_json *object, const char *key);
bool nub_json_get_decimals(struct nub_json_reader *reader, const struct nub_json *object, const char *key, guint64 *values, guint n);
/** A string of lower-case hex digits. */
GBytes *nub_json_get_hex(struct nub_json_reader *reader, const struct nub_json *object, const char *key);
/** The same, exactly `size` bytes, to `bytes`. */
bool nub_json_get_hex_exact(struct nub_json_reader *reader, const struct nub_json *object, const char *key, guint8 *bytes, gsize size);

#endif
