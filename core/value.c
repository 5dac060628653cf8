/* value.c - the boxed types of the plain values: NubHash and NubResult
 *
 * C code passes the structs around; bindings need copy and free. See <nub/value.h>.
 */
#include <nub/error.h>
#include <nub/value.h>
#include <string.h>

G_DEFINE_BOXED_TYPE(NubHash, nub_hash, nub_hash_copy, nub_hash_free)
G_DEFINE_BOXED_TYPE(NubResult, nub_result, nub_result_copy, nub_result_free)

G_STATIC_ASSERT(sizeof(NubHash) == 32);
G_STATIC_ASSERT(sizeof(NubResult) == 24);

NubHash *
nub_hash_copy(const NubHash *self)
{
    g_return_val_if_fail(self, NULL);
    return g_memdup2(self, sizeof *self);
}

void
nub_hash_free(NubHash *self)
{
    g_free(self);
}

char *
nub_hash_to_string(const NubHash *self)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * sizeof self->bytes + 1];

    g_return_val_if_fail(self, NULL);
    for (gsize i = 0; i < sizeof self->bytes; i++) {
        text[2 * i] = digits[self->bytes[i] >> 4];
        text[2 * i + 1] = digits[self->bytes[i] & 15];
    }
    text[sizeof text - 1] = '\0';
    return g_strdup(text);
}

gboolean
nub_hash_from_string(const char *text, NubHash *hash, GError **error)
{
    NubHash parsed;
    const char *digits;

    g_return_val_if_fail(text && hash, FALSE);
    digits = g_str_has_prefix(text, "0x") ? text + 2 : text;
    if (strlen(digits) != 2 * sizeof parsed.bytes) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "'%s': a hash has 64 hex digits, not %" G_GSIZE_FORMAT, text, strlen(digits));
        return FALSE;
    }
    for (gsize i = 0; i < sizeof parsed.bytes; i++) {
        int high = g_ascii_xdigit_value(digits[2 * i]);
        int low = g_ascii_xdigit_value(digits[2 * i + 1]);
        if (high < 0 || low < 0) {
            g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                        "'%s': a hash has hex digits only", text);
            return FALSE;
        }
        parsed.bytes[i] = (guint8)(high << 4 | low);
    }
    *hash = parsed;
    return TRUE;
}

gboolean
nub_hash_is_none(const NubHash *self)
{
    static const NubHash none;

    g_return_val_if_fail(self, TRUE);
    return memcmp(self, &none, sizeof none) == 0;
}

int
nub_hash_compare(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(NubHash));
}

gboolean
nub_hash_equals(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(NubHash)) == 0;
}

guint
nub_hash_bucket(gconstpointer self)
{
    const NubHash *hash = self;
    guint bucket;

    /* Hashes are uniform: any four bytes will do. */
    memcpy(&bucket, hash->bytes, sizeof bucket);
    return bucket;
}

NubResult *
nub_result_copy(const NubResult *self)
{
    g_return_val_if_fail(self, NULL);
    return g_memdup2(self, sizeof *self);
}

void
nub_result_free(NubResult *self)
{
    g_free(self);
}

const char *
nub_exit_reason_to_string(guint32 reason)
{
    static const char *const names[] = {
        [NUB_EXIT_HALT] = "halt",
        [NUB_EXIT_PANIC] = "panic",
        [NUB_EXIT_OUT_OF_GAS] = "out-of-gas",
        [NUB_EXIT_PAGE_FAULT] = "page-fault",
        [NUB_EXIT_HOST_CALL] = "host-call",
        [NUB_EXIT_ECALL] = "ecall",
        [NUB_EXIT_TRAP] = "trap",
    };

    return reason < G_N_ELEMENTS(names) && names[reason] ? names[reason] : "unknown";
}

const char *
nub_version_string(void)
{
    return G_STRINGIFY(NUB_MAJOR_VERSION) "." G_STRINGIFY(NUB_MINOR_VERSION) "." G_STRINGIFY(
        NUB_MICRO_VERSION);
}
