/* asm-data.c - directives that put bytes into a Data or an overlay */
#include "asm-private.h"

#include "bytes.h"

/* of one text; a bundle holds less than 2^32 bytes */
#define MAX_DATA (G_GUINT64_CONSTANT(1) << 31)

void
asm_blob_init(struct asm_blob *blob)
{
    blob->bytes = g_byte_array_new();
    blob->fixups = g_array_new(FALSE, TRUE, sizeof(struct asm_fixup));
}

static gboolean
append_zeros(struct asm_state *state, guint64 n)
{
    GByteArray *bytes = state->blob->bytes;
    guint old = bytes->len;

    /* before anything is allocated: a line is enough to ask for it */
    state->n_zeros += n;
    if (state->n_zeros > MAX_DATA - old)
        return asm_fail_here(state, "more than 2 GiB of data");
    g_byte_array_set_size(bytes, old + (guint)n);
    if (n > 0)
        memset(bytes->data + old, 0, n);
    return TRUE;
}

/* whether a number, perhaps negative, fits `size` bytes */
static gboolean
fits(guint64 number, guint size)
{
    gint64 is_signed = (gint64)number;

    return size == 8 || number >> (8 * size) == 0 ||
           (is_signed < 0 && is_signed >= -(G_GINT64_CONSTANT(1) << (8 * size - 1)));
}

gboolean
asm_read_integers(struct asm_state *state)
{
    guint size = (guint)g_ascii_strtoull(state->directive + 2, NULL, 10) / 8; /* ".u32" */

    do {
        struct asm_value value;
        guint8 bytes[8];
        if (!asm_read_value(state, &value))
            return FALSE;
        if (value.symbol) {
            struct asm_fixup fixup = { .at = state->blob->bytes->len,
                                       .size = (guint8)size,
                                       .value = value };
            g_array_append_val(state->blob->fixups, fixup);
        } else if (!fits(value.number, size)) {
            return asm_fail(state, value.place, "0x%" G_GINT64_MODIFIER "x does not fit %u bytes",
                            value.number, size);
        }
        nub_put_le64(bytes, value.number);
        g_byte_array_append(state->blob->bytes, bytes, size);
    } while (asm_accept(state, ','));
    return TRUE;
}

gboolean
asm_read_text(struct asm_state *state)
{
    do {
        if (asm_peek(state)->kind != ASM_STRING)
            return asm_fail_here(state, "expected a string here");
        const struct asm_token *token = asm_next(state);
        /* an interned string ends with a 0 of its own */
        g_byte_array_append(state->blob->bytes, (const guint8 *)token->text,
                            (guint)token->length +
                                (g_str_equal(state->directive, ".asciz") ? 1 : 0));
    } while (asm_accept(state, ','));
    return TRUE;
}

gboolean
asm_read_hex(struct asm_state *state)
{
    const struct asm_token *token = asm_peek(state);
    gint high = -1;

    if (token->kind != ASM_STRING)
        return asm_fail_here(state, "expected a string of hexadecimal digits here");
    for (gsize i = 0; i < token->length; i++) {
        gint digit = g_ascii_xdigit_value(token->text[i]);
        if (token->text[i] == ' ' && high < 0)
            continue;
        if (digit < 0)
            return asm_fail_here(state, "'%c' is no hexadecimal digit", token->text[i]);
        if (high < 0) {
            high = digit;
        } else {
            guint8 byte = (guint8)(high << 4 | digit);
            g_byte_array_append(state->blob->bytes, &byte, 1);
            high = -1;
        }
    }
    if (high >= 0)
        return asm_fail_here(state, "half a byte at the end of the string");
    asm_next(state);
    return TRUE;
}

gboolean
asm_read_zeros(struct asm_state *state)
{
    guint64 n;

    return asm_read_number(state, "the size", MAX_DATA, &n) && append_zeros(state, n);
}

gboolean
asm_read_align(struct asm_state *state)
{
    struct asm_place place = asm_here(state);
    guint64 n;

    if (!asm_read_number(state, "the alignment", NUB_PAGE_SIZE, &n))
        return FALSE;
    if (n == 0 || (n & (n - 1)) != 0)
        return asm_fail(state, place, "the alignment must be a power of two");
    return append_zeros(state, -(guint64)state->blob->bytes->len & (n - 1));
}
