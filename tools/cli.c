/* cli.c - messages, numbers, files and JSON for the subcommands
 *
 * Errors go to stderr and name the thing first; only main() ends the process.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- messages ------------------------------------------------------------------------------ */

static void
complain(const char *format, va_list args)
{
    g_autofree char *message = g_strdup_vprintf(format, args);

    fflush(stdout);
    fprintf(stderr, "%s: %s\n", g_get_prgname(), message);
}

int
nub_cli_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    return NUB_CLI_HOST;
}

int
nub_cli_usage(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    fprintf(stderr, "Try '%s --help'.\n", g_get_prgname());
    return NUB_CLI_USAGE;
}

int
nub_cli_fail_error(GError *error)
{
    nub_cli_fail("%s", error->message);
    g_error_free(error);
    return NUB_CLI_HOST;
}

/* Levenshtein distance, two rows. Words are short. */
static guint
distance(const char *a, const char *b)
{
    gsize n = strlen(b);
    g_autofree guint *row = g_new(guint, n + 1);

    for (gsize j = 0; j <= n; j++)
        row[j] = (guint)j;
    for (gsize i = 0; a[i]; i++) {
        guint diagonal = row[0];
        row[0] = (guint)i + 1;
        for (gsize j = 0; j < n; j++) {
            guint replaced = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(replaced, MIN(row[j], row[j + 1]) + 1);
        }
    }
    return row[n];
}

const char *
nub_cli_nearest(const char *word, const char *const *candidates)
{
    guint best = MAX(2, (guint)strlen(word) / 3) + 1;
    const char *nearest = NULL;

    for (; *candidates; candidates++) {
        guint d = distance(word, *candidates);
        if (d < best) {
            best = d;
            nearest = *candidates;
        }
    }
    return nearest;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The magnitude: decimal or 0x, at least one digit, nothing else. */
static bool
parse_magnitude(const char *text, guint64 *value, bool *overflow)
{
    guint base = 10;
    guint64 x = 0;

    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return false;
    for (; *text; text++) {
        int digit = g_ascii_xdigit_value(*text);
        if (digit < 0 || (guint)digit >= base)
            return false;
        if (x > (G_MAXUINT64 - (guint)digit) / base)
            *overflow = true;
        x = x * base + (guint)digit;
    }
    *value = x;
    return true;
}

bool
nub_cli_parse_u64(const char *what, const char *text, bool signed_ok, guint64 *value)
{
    bool negative = signed_ok && *text == '-', overflow = false;

    if (!parse_magnitude(text + negative, value, &overflow)) {
        nub_cli_usage("%s: '%s' is not a number (%s)", what, text,
                      signed_ok ? "decimal, negative or 0x" : "decimal or 0x");
        return false;
    }
    if (overflow || (negative && *value > G_GUINT64_CONSTANT(1) << 63)) {
        nub_cli_usage("%s: '%s' does not fit 64 bits", what, text);
        return false;
    }
    if (negative)
        *value = -*value;
    return true;
}

bool
nub_cli_parse_u32(const char *what, const char *text, guint32 *value)
{
    guint64 x;

    if (!nub_cli_parse_u64(what, text, false, &x))
        return false;
    if (x > G_MAXUINT32) {
        nub_cli_usage("%s: '%s' does not fit 32 bits", what, text);
        return false;
    }
    *value = (guint32)x;
    return true;
}

/* ---- files --------------------------------------------------------------------------------- */

static GBytes *
read_stream(FILE *stream)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint8 chunk[65536];
    gsize n;

    while ((n = fread(chunk, 1, sizeof chunk, stream)) > 0)
        g_byte_array_append(bytes, chunk, (guint)n);
    if (ferror(stream))
        return NULL;
    return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

GBytes *
nub_cli_read(const char *file)
{
    bool is_stdin = strcmp(file, "-") == 0;
    FILE *stream = is_stdin ? stdin : fopen(file, "rbe");
    GBytes *bytes = stream ? read_stream(stream) : NULL;

    if (!bytes)
        nub_cli_fail("%s: %s", is_stdin ? "standard input" : file, g_strerror(errno));
    if (stream && !is_stdin)
        fclose(stream);
    return bytes;
}

bool
nub_cli_write(const char *file, const void *data, gsize size)
{
    g_autoptr(GError) error = NULL;

    if (strcmp(file, "-") == 0)
        return fwrite(data, 1, size, stdout) == size;
    if (!g_file_set_contents_full(file, data, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0666,
                                  &error)) {
        nub_cli_fail("%s: cannot be written: %s", file, error->message);
        return false;
    }
    return true;
}

int
nub_cli_write_stats(const char *file, const GPtrArray *kernels)
{
    GError *error = NULL;
    g_autofree char *text =
        nub_kernels_to_openmetrics((NubKernel **)kernels->pdata, kernels->len, &error);

    if (!text)
        return nub_cli_fail_error(error);
    return nub_cli_write(file, text, strlen(text)) ? NUB_CLI_OK : NUB_CLI_HOST;
}

/* ---- the library ---------------------------------------------------------------------------- */

NubRegistry *
nub_cli_registry(void)
{
    GError *error = NULL;
    NubRegistry *registry = nub_cli_values.config
                                ? nub_registry_new_from_file(nub_cli_values.config, &error)
                                : nub_registry_new_default(&error);

    if (!registry)
        nub_cli_fail_error(error);
    return registry;
}

int
nub_cli_resolve(NubStore *store, const char *text, NubHash *hash)
{
    GError *error = NULL;

    if (nub_hash_from_string(text, hash, store ? NULL : &error))
        return NUB_CLI_OK;
    if (!store) {
        int status = nub_cli_usage("%s", error->message);
        g_error_free(error);
        return status;
    }
    if (!nub_store_get_name(store, text, hash, &error))
        return nub_cli_fail_error(error);
    if (nub_hash_is_none(hash))
        return nub_cli_fail("'%s' is neither a hash nor a name in the store", text);
    return NUB_CLI_OK;
}

NubBundle *
nub_cli_bundle(const char *file)
{
    g_autoptr(GBytes) bytes = nub_cli_read(file);
    GError *error = NULL;

    if (!bytes)
        return NULL;
    NubBundle *bundle = nub_bundle_new_from_bytes(bytes, &error);
    if (!bundle) {
        g_prefix_error(&error, "%s: ", file);
        nub_cli_fail_error(error);
    }
    return bundle;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

void
nub_cli_json_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

void
nub_cli_json_u32(JsonBuilder *builder, const char *name, guint32 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
nub_cli_json_u64(JsonBuilder *builder, const char *name, guint64 value)
{
    char text[24];

    g_snprintf(text, sizeof text, "%" G_GUINT64_FORMAT, value);
    nub_cli_json_string(builder, name, text);
}

void
nub_cli_json_hash(JsonBuilder *builder, const char *name, const NubHash *hash)
{
    g_autofree char *hex = hash ? nub_hash_to_string(hash) : NULL;

    json_builder_set_member_name(builder, name);
    if (hex)
        json_builder_add_string_value(builder, hex);
    else
        json_builder_add_null_value(builder);
}

void
nub_cli_json_bool(JsonBuilder *builder, const char *name, bool value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

void
nub_cli_json_print(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autoptr(JsonGenerator) generator = json_generator_new();

    json_generator_set_root(generator, root);
    json_generator_set_pretty(generator, TRUE);
    g_autofree char *text = json_generator_to_data(generator, NULL);
    puts(text);
}
