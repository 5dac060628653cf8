/* error.c - the error domains, and how a status of the plugin ABI becomes a GError
 *
 * The only place that knows both worlds. Nothing here decides whether something is an error; it
 * carries over what a backend or the model said, with the capability or address that it named.
 * See <nub/error.h> and docs/errors.md.
 */
#include "error-private.h"

#include "failure.h"
#include <gio/gio.h>

typedef struct {
    NubHash hash; /* zero: none */
    guint64 address;
} NubErrorPrivate;

static void
nub_error_private_init(NubErrorPrivate *self)
{
    *self = (NubErrorPrivate){ 0 };
}

static void
nub_error_private_copy(const NubErrorPrivate *from, NubErrorPrivate *to)
{
    *to = *from;
}

static void
nub_error_private_clear(NubErrorPrivate *self)
{
    (void)self;
}

G_DEFINE_EXTENDED_ERROR(NubError, nub_error)
G_DEFINE_QUARK(nub - config - error - quark, nub_config_error)
G_DEFINE_QUARK(nub - load - error - quark, nub_load_error)

/* Whether an error with this code names an address: zero is one, too. */
static gboolean
names_address(int code)
{
    return code == NUB_ERROR_NOT_MAPPED || code == NUB_ERROR_ALREADY_MAPPED ||
           code == NUB_ERROR_BAD_ENCODING;
}

gboolean
nub_error_get_hash(const GError *error, NubHash *hash)
{
    g_return_val_if_fail(error && hash, FALSE);

    *hash = (NubHash){ { 0 } };
    if (error->domain == NUB_ERROR)
        *hash = nub_error_get_private(error)->hash;
    return !nub_hash_is_none(hash);
}

gboolean
nub_error_get_address(const GError *error, guint64 *address)
{
    g_return_val_if_fail(error && address, FALSE);

    *address = 0;
    if (error->domain != NUB_ERROR || !names_address(error->code))
        return FALSE;
    *address = nub_error_get_private(error)->address;
    return TRUE;
}

enum nub_status
nub_error_to_status(const GError *error)
{
    if (error->domain == NUB_ERROR)
        return (enum nub_status)error->code;
    if (g_error_matches(error, NUB_CONFIG_ERROR, NUB_CONFIG_ERROR_NO_BACKEND))
        return NUB_ERR_NOT_FOUND;
    return NUB_ERR_UNAVAILABLE;
}

const char *
nub_error_to_string(NubError code)
{
    return code ? nub_status_name((int32_t)code) : "UNKNOWN";
}

/* What a backend wrote, as UTF-8 that ends; or the sentence that the status has. */
static char *
failure_text(int32_t status, const struct nub_failure *failure)
{
    if (failure && failure->message[0]) {
        gsize length = strnlen(failure->message, sizeof failure->message);
        return g_utf8_make_valid(failure->message, (gssize)length);
    }
    if (nub_status_from_name(nub_status_name(status)) != status)
        return g_strdup_printf("status %d, which is none of nub's", status);
    return g_strdup(nub_status_text(status));
}

void
nub_error_set_failure(GError **error, const char *backend, const char *function, int32_t status,
                      const struct nub_failure *failure)
{
    g_autofree char *text = failure_text(status, failure);
    g_autofree char *message = NULL;

    if (!error)
        return;
    if (backend && function)
        message = g_strdup_printf("%s: %s: %s", backend, function, text);
    else if (backend || function)
        message = g_strdup_printf("%s: %s", backend ? backend : function, text);
    else
        message = g_steal_pointer(&text);

    if (status == NUB_ERR_CANCELLED) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, message);
    } else if (status == NUB_ERR_TIMED_OUT) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, message);
    } else {
        gboolean known = nub_status_from_name(nub_status_name(status)) == status;
        g_set_error_literal(error, NUB_ERROR, known ? status : NUB_ERROR_SYSTEM, message);
        if (failure) {
            NubErrorPrivate *named = nub_error_get_private(*error);
            named->hash = failure->hash;
            named->address = failure->address;
        }
    }
}

void
nub_error_set_hash(GError **error, NubError code, const NubHash *hash, const char *format, ...)
{
    va_list args;

    if (!error)
        return;
    va_start(args, format);
    *error = g_error_new_valist(NUB_ERROR, (int)code, format, args);
    va_end(args);
    nub_error_get_private(*error)->hash = *hash;
}
