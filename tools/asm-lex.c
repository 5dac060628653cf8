/* asm-lex.c - the words of a line, and what messages say about them
 *
 * Numbers in all their forms, names, strings, hashes, punctuation. Nothing here knows what a
 * statement is.
 */
#include "asm-private.h"

#include <string.h>

/* ---- messages ------------------------------------------------------------------------------ */

GQuark
nub_asm_error_quark(void)
{
    return g_quark_from_static_string("nub-asm-error-quark");
}

static gboolean
fail_va(struct asm_state *state, struct asm_place place, const char *format, va_list args)
{
    g_autofree char *message = g_strdup_vprintf(format, args);

    g_set_error(state->error, NUB_ASM_ERROR, NUB_ASM_ERROR_TEXT, "%s:%u:%u: %s", state->name,
                place.line, place.column, message);
    return FALSE;
}

gboolean
asm_fail(struct asm_state *state, struct asm_place place, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_va(state, place, format, args);
    va_end(args);
    return FALSE;
}

gboolean
asm_fail_here(struct asm_state *state, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail_va(state, asm_here(state), format, args);
    va_end(args);
    return FALSE;
}

/* insertions, deletions, replacements and swaps that lead from a to b; at most 64 letters */
static guint
distance(const char *a, const char *b)
{
    gsize n = strlen(a), m = strlen(b);
    guint rows[3][65] = { { 0 } };

    if (n > 64 || m > 64)
        return G_MAXUINT;
    for (gsize j = 0; j <= m; j++)
        rows[0][j] = (guint)j;
    for (gsize i = 1; i <= n; i++) {
        guint *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (guint)i;
        for (gsize j = 1; j <= m; j++) {
            row[j] = MIN(above[j - 1] + (a[i - 1] != b[j - 1]), MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

char *
asm_suggest(const char *word, guint n, const char *(*next)(gconstpointer ctx, guint i),
            gconstpointer ctx)
{
    guint best = (guint)strlen(word) / 3 + 2;
    const char *nearest = NULL;

    for (guint i = 0; i < n; i++) {
        const char *candidate = next(ctx, i);
        guint d = candidate ? distance(word, candidate) : best;
        if (d < best) {
            best = d;
            nearest = candidate;
        }
    }
    return nearest ? g_strdup_printf(" (did you mean '%s'?)", nearest) : g_strdup("");
}

static const char *
nth_word(gconstpointer ctx, guint i)
{
    return ((const char *const *)ctx)[i];
}

char *
asm_suggest_key(const char *word, GHashTable *table)
{
    guint n = 0;
    g_autofree gpointer *keys = g_hash_table_get_keys_as_array(table, &n);

    return asm_suggest(word, n, nth_word, keys);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static const struct {
    const char *suffix;
    guint shift;
} units[] = { { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 } };

/* 12, 1_000, 0x1F, 0o17, 0b101, 64KiB; `word` is the whole run of letters and digits */
static gboolean
parse_number(const char *word, guint64 *number)
{
    guint base = 10, shift = 0, digits = 0;
    gsize n = strlen(word);
    guint64 value = 0;

    for (guint i = 0; i < G_N_ELEMENTS(units); i++)
        if (g_str_has_suffix(word, units[i].suffix)) {
            shift = units[i].shift;
            n -= strlen(units[i].suffix);
        }
    if (n > 2 && word[0] == '0' && strchr("xob", word[1])) {
        base = word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : 2;
        word += 2;
        n -= 2;
    }
    for (gsize i = 0; i < n; i++) {
        gint digit = g_ascii_xdigit_value(word[i]);
        if (word[i] == '_' && digits > 0)
            continue;
        if (digit < 0 || (guint)digit >= base)
            return FALSE;
        if (!g_uint64_checked_mul(&value, value, base) ||
            !g_uint64_checked_add(&value, value, (guint64)digit))
            return FALSE;
        digits++;
    }
    *number = value << shift;
    return digits > 0 && *number >> shift == value;
}

static gboolean
parse_hash(const char *word, struct nub_hash *hash)
{
    if (strlen(word) != 66 || !g_str_has_prefix(word, "0x"))
        return FALSE;
    for (guint i = 0; i < 32; i++) {
        gint high = g_ascii_xdigit_value(word[2 + 2 * i]);
        gint low = g_ascii_xdigit_value(word[3 + 2 * i]);
        if (high < 0 || low < 0)
            return FALSE;
        hash->bytes[i] = (guint8)(high << 4 | low);
    }
    return TRUE;
}

/* ---- the line ------------------------------------------------------------------------------ */

struct scanner {
    struct asm_state *state;
    const char *line, *at, *end;
};

static gboolean
is_name_start(char c)
{
    return g_ascii_isalpha(c) || c == '_' || c == '.' || c == '$';
}

static gboolean
is_name_part(char c)
{
    return is_name_start(c) || g_ascii_isdigit(c);
}

static gboolean
fail_at(const struct scanner *scanner, const char *at, const char *what)
{
    struct asm_place place = { scanner->state->line, (guint)(at - scanner->line) + 1 };

    return asm_fail(scanner->state, place, "%s", what);
}

/* one character of a string, after a backslash or not */
static gboolean
scan_character(struct scanner *scanner, char *c)
{
    static const char escapes[] = "n\nt\tr\r0\0\\\\\"\"''";
    const char *start = scanner->at;

    *c = *scanner->at++;
    if (*c != '\\')
        return TRUE;
    if (scanner->at == scanner->end)
        return fail_at(scanner, start, "a backslash at the end of the line");
    char escape = *scanner->at++;
    for (guint i = 0; i + 1 < sizeof escapes; i += 2)
        if (escapes[i] == escape) {
            *c = escapes[i + 1];
            return TRUE;
        }
    if (escape == 'x' && scanner->end - scanner->at >= 2) {
        gint high = g_ascii_xdigit_value(scanner->at[0]);
        gint low = g_ascii_xdigit_value(scanner->at[1]);
        scanner->at += 2;
        if (high >= 0 && low >= 0) {
            *c = (char)(high << 4 | low);
            return TRUE;
        }
    }
    return fail_at(scanner, start, "unknown escape; there are \\n \\t \\r \\0 \\\\ \\\" \\' \\xHH");
}

static gboolean
scan_string(struct scanner *scanner, struct asm_token *token)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const char *start = scanner->at++;

    while (scanner->at < scanner->end && *scanner->at != '"') {
        char c;
        if (!scan_character(scanner, &c))
            return FALSE;
        g_string_append_c(text, c);
    }
    if (scanner->at == scanner->end)
        return fail_at(scanner, start, "the string has no end");
    scanner->at++;
    token->kind = ASM_STRING;
    token->length = text->len;
    token->text = g_string_chunk_insert_len(scanner->state->names, text->str, (gssize)text->len);
    return TRUE;
}

static gboolean
scan_character_number(struct scanner *scanner, struct asm_token *token)
{
    const char *start = scanner->at++;
    char c = 0;

    if (scanner->at == scanner->end || !scan_character(scanner, &c))
        return *scanner->state->error ? FALSE : fail_at(scanner, start, "the character is missing");
    if (scanner->at == scanner->end || *scanner->at != '\'')
        return fail_at(scanner, start, "the character has no closing '");
    scanner->at++;
    token->kind = ASM_NUMBER;
    token->number = (guint8)c;
    return TRUE;
}

static gboolean
scan_word(struct scanner *scanner, struct asm_token *token)
{
    const char *start = scanner->at;

    while (scanner->at < scanner->end && is_name_part(*scanner->at))
        scanner->at++;
    g_autofree char *word = g_strndup(start, (gsize)(scanner->at - start));
    if (!g_ascii_isdigit(*word)) {
        token->kind = ASM_NAME;
        token->text = g_string_chunk_insert_const(scanner->state->names, word);
        return TRUE;
    }
    token->kind = ASM_HASH;
    if (parse_hash(word, &token->hash))
        return TRUE;
    token->kind = ASM_NUMBER;
    if (parse_number(word, &token->number))
        return TRUE;
    return fail_at(scanner, start, "no number of at most 64 bits");
}

static gboolean
scan_token(struct scanner *scanner, struct asm_token *token)
{
    char c = *scanner->at;

    token->column = (guint)(scanner->at - scanner->line) + 1;
    if (is_name_part(c))
        return scan_word(scanner, token);
    if (c == '"')
        return scan_string(scanner, token);
    if (c == '\'')
        return scan_character_number(scanner, token);
    if (!strchr(",:[]+-@/=", c) || c == '\0')
        return fail_at(scanner, scanner->at, "unexpected character; a comment begins with ';'");
    token->kind = ASM_PUNCT;
    token->number = (guint8)c;
    scanner->at++;
    return TRUE;
}

gboolean
asm_lex_line(struct asm_state *state, const char *line, gsize size)
{
    struct scanner scanner = { state, line, line, line + size };

    g_array_set_size(state->tokens, 0);
    state->next = 0;
    while (scanner.at < scanner.end && *scanner.at != ';') {
        struct asm_token token = { .kind = ASM_END };
        if (g_ascii_isspace(*scanner.at)) {
            scanner.at++;
            continue;
        }
        if (!scan_token(&scanner, &token))
            return FALSE;
        g_array_append_val(state->tokens, token);
    }
    struct asm_token end = { .kind = ASM_END, .column = (guint)(scanner.at - line) + 1 };
    g_array_append_val(state->tokens, end);
    return TRUE;
}
