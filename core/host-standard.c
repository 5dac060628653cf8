/* host-standard.c - the standard host calls: exit, write, read, arguments, log and two hashes
 *
 * Numbers, prices and meaning are in <nub/host-calls.def>. A call judges its arguments and takes
 * its price before it does anything, so that one that does not fit the gas has changed nothing.
 * What a program hands over is hostile: lengths are bounded, and memory is reached through the
 * machine only.
 */
#include <nub/host.h>

#include "keccak-private.h"
#include "sha256.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_LENGTH (G_GUINT64_CONSTANT(1) << 24)
#define MAX_LOG    4096u
#define FAILED     G_MAXUINT64

/* What the calls of one table share. */
typedef struct {
    gatomicrefcount refs;
    int input, output, errors; /* borrowed; -1: none */
    GBytes *arguments;
} Standard;

static void
standard_unref(gpointer data)
{
    Standard *self = data;

    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    g_bytes_unref(self->arguments);
    g_free(self);
}

/* Ends a call with its result in a0. */
static NubHostVerdict
answer(NubHostCall *call, guint64 value)
{
    nub_host_call_set_reg(call, 7, value);
    return NUB_HOST_VERDICT_CONTINUE;
}

/* Ends a call whose access went wrong: for memory that it has not the program is told so; anything
 * else is the host's, and no program may see it. */
static NubHostVerdict
refuse(NubHostCall *call, const GError *error)
{
    if (g_error_matches(error, NUB_ERROR, NUB_ERROR_NOT_MAPPED) ||
        g_error_matches(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT))
        return answer(call, FAILED);
    return NUB_HOST_VERDICT_FAIL;
}

/* Takes the price of `length` bytes; false: it does not fit. */
static gboolean
charge(NubHostCall *call, guint64 length, guint64 price_per_block)
{
    return nub_host_call_charge(call, (length + 63) / 64 * price_per_block);
}

static const guint64 block_price[] = {
#define NUB_HOST_CALL_LINE(NAME, number, text, price, price_per_block, arguments, result)          \
    [number] = price_per_block,
#include <nub/host-calls.def>
};

static NubHostVerdict
host_exit(NubHostCall *call, gpointer data)
{
    (void)data;
    nub_host_call_set_finish_value(call, nub_host_call_get_reg(call, 7));
    return NUB_HOST_VERDICT_FINISH;
}

/* ---- streams --------------------------------------------------------------------------------- */

static gssize
write_all(int fd, const guint8 *bytes, gsize size)
{
    gsize done = 0;

    while (done < size) {
        gssize n = write(fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        done += (gsize)n;
    }
    return (gssize)done;
}

static NubHostVerdict
host_write(NubHostCall *call, gpointer data)
{
    Standard *self = data;
    guint64 stream = nub_host_call_get_reg(call, 7), length = nub_host_call_get_reg(call, 9);
    int fd = stream == 1 ? self->output : stream == 2 ? self->errors : -1;
    g_autoptr(GError) error = NULL;

    if (fd < 0 || length > MAX_LENGTH)
        return answer(call, FAILED);
    if (!charge(call, length, block_price[NUB_HOST_CALL_WRITE]))
        return NUB_HOST_VERDICT_OUT_OF_GAS;
    g_autoptr(GBytes) bytes =
        nub_host_call_read_bytes(call, nub_host_call_get_reg(call, 8), length, &error);
    if (!bytes)
        return refuse(call, error);
    if (write_all(fd, g_bytes_get_data(bytes, NULL), length) < 0)
        return answer(call, FAILED);
    return answer(call, length);
}

static NubHostVerdict
host_read(NubHostCall *call, gpointer data)
{
    Standard *self = data;
    guint64 stream = nub_host_call_get_reg(call, 7), address = nub_host_call_get_reg(call, 8);
    guint64 room = nub_host_call_get_reg(call, 9);
    g_autofree guint8 *bytes = NULL;
    g_autoptr(GError) error = NULL;
    gssize n;

    if (stream != 0 || self->input < 0 || room > MAX_LENGTH)
        return answer(call, FAILED);
    if (!charge(call, room, block_price[NUB_HOST_CALL_READ]))
        return NUB_HOST_VERDICT_OUT_OF_GAS;
    bytes = g_try_malloc(room ? room : 1);
    if (!bytes)
        return NUB_HOST_VERDICT_FAIL;
    /* Nothing is taken from the stream that cannot be handed over: what the host can read it can
     * write. */
    if (!nub_host_call_read(call, address, bytes, room, &error))
        return refuse(call, error);
    do
        n = read(self->input, bytes, room);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return answer(call, FAILED);
    if (!nub_host_call_write(call, address, bytes, (gsize)n, &error))
        return refuse(call, error);
    return answer(call, (guint64)n);
}

static NubHostVerdict
host_arguments(NubHostCall *call, gpointer data)
{
    Standard *self = data;
    guint64 address = nub_host_call_get_reg(call, 7), room = nub_host_call_get_reg(call, 8);
    gsize size;
    const guint8 *bytes = g_bytes_get_data(self->arguments, &size);
    gsize n = MIN(size, room);
    g_autoptr(GError) error = NULL;

    if (!charge(call, n, block_price[NUB_HOST_CALL_ARGUMENTS]))
        return NUB_HOST_VERDICT_OUT_OF_GAS;
    if (n > 0 && !nub_host_call_write(call, address, bytes, n, &error))
        return refuse(call, error);
    return answer(call, size);
}

static NubHostVerdict
host_log(NubHostCall *call, gpointer data)
{
    static const GLogLevelFlags levels[] = { G_LOG_LEVEL_MESSAGE, G_LOG_LEVEL_MESSAGE,
                                             G_LOG_LEVEL_INFO, G_LOG_LEVEL_DEBUG };
    static const char *const names[] = { "error: ", "warning: ", "", "" };
    guint64 level = nub_host_call_get_reg(call, 7), length = nub_host_call_get_reg(call, 9);
    g_autoptr(GError) error = NULL;

    (void)data;
    if (level >= G_N_ELEMENTS(levels) || length > MAX_LOG)
        return answer(call, FAILED);
    if (!charge(call, length, block_price[NUB_HOST_CALL_LOG]))
        return NUB_HOST_VERDICT_OUT_OF_GAS;
    g_autoptr(GBytes) bytes =
        nub_host_call_read_bytes(call, nub_host_call_get_reg(call, 8), length, &error);
    if (!bytes)
        return refuse(call, error);
    /* A program's errors are no errors of this process: GLib may be told to end it for those. */
    g_autofree char *text = g_utf8_make_valid(g_bytes_get_data(bytes, NULL), (gssize)length);
    g_log("nub-guest", levels[level], "%s%s", names[level], text);
    return answer(call, 0);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

static NubHostVerdict
hash(NubHostCall *call, guint64 price_per_block,
     void (*digest_of)(uint8_t digest[32], const uint8_t *data, size_t size))
{
    guint64 length = nub_host_call_get_reg(call, 8), out = nub_host_call_get_reg(call, 9);
    g_autoptr(GError) error = NULL;
    guint8 digest[32];

    if (length > MAX_LENGTH)
        return answer(call, FAILED);
    if (!charge(call, length, price_per_block))
        return NUB_HOST_VERDICT_OUT_OF_GAS;
    g_autoptr(GBytes) bytes =
        nub_host_call_read_bytes(call, nub_host_call_get_reg(call, 7), length, &error);
    if (!bytes)
        return refuse(call, error);
    digest_of(digest, g_bytes_get_data(bytes, NULL), length);
    if (!nub_host_call_write(call, out, digest, sizeof digest, &error))
        return refuse(call, error);
    return answer(call, 0);
}

static NubHostVerdict
host_keccak_256(NubHostCall *call, gpointer data)
{
    (void)data;
    return hash(call, block_price[NUB_HOST_CALL_KECCAK_256], nub_keccak_256);
}

static void
sha_256(uint8_t digest[32], const uint8_t *data, size_t size)
{
    nub_sha256(digest, data, size);
}

static NubHostVerdict
host_sha_256(NubHostCall *call, gpointer data)
{
    (void)data;
    return hash(call, block_price[NUB_HOST_CALL_SHA_256], sha_256);
}

/* ---- the table ------------------------------------------------------------------------------- */

static NubHostFunc
function_of(NubHostCallNumber number)
{
    switch (number) {
    case NUB_HOST_CALL_EXIT:
        return host_exit;
    case NUB_HOST_CALL_WRITE:
        return host_write;
    case NUB_HOST_CALL_READ:
        return host_read;
    case NUB_HOST_CALL_ARGUMENTS:
        return host_arguments;
    case NUB_HOST_CALL_LOG:
        return host_log;
    case NUB_HOST_CALL_KECCAK_256:
        return host_keccak_256;
    case NUB_HOST_CALL_SHA_256:
        return host_sha_256;
    }
    return NULL;
}

void
nub_host_table_add_standard(NubHostTable *self, gint input, gint output, gint errors,
                            GBytes *arguments)
{
    Standard *standard;

    g_return_if_fail(self);
    standard = g_new0(Standard, 1);
    g_atomic_ref_count_init(&standard->refs);
    standard->input = input;
    standard->output = output;
    standard->errors = errors;
    standard->arguments = arguments ? g_bytes_ref(arguments) : g_bytes_new(NULL, 0);
#define NUB_HOST_CALL_LINE(NAME, number, text, price, price_per_block, args, result)               \
    g_atomic_ref_count_inc(&standard->refs);                                                       \
    nub_host_table_add(self, number, price, function_of(NUB_HOST_CALL_##NAME), standard,           \
                       standard_unref);
#include <nub/host-calls.def>
    standard_unref(standard);
}
