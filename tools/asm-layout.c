/* asm-layout.c - where instructions stand and how long their offsets are
 *
 * The assembler and the disassembler both come through here: that is why the text of the second
 * gives the first the same bytes. Knows no text and reports no errors of its own.
 */
#include "asm-private.h"

/* after this many passes offsets that still grow get four bytes at once */
#define PATIENCE 32

void
asm_code_init(struct asm_code *code)
{
    code->items = g_array_new(FALSE, TRUE, sizeof(struct asm_item));
    code->labels = g_array_new(FALSE, TRUE, sizeof(struct asm_label));
    code->bytes = g_byte_array_new();
    code->size = 0;
}

void
asm_code_clear(struct asm_code *code)
{
    g_clear_pointer(&code->items, g_array_unref);
    g_clear_pointer(&code->labels, g_array_unref);
    g_clear_pointer(&code->bytes, g_byte_array_unref);
}

guint32
asm_label_at(const struct asm_code *code, guint32 label)
{
    guint32 item = asm_label(code, label)->item;

    return item < code->items->len ? asm_item(code, item)->at : code->size;
}

static gboolean
has_offset(const struct asm_item *item)
{
    guint32 arg_class = nub_isa[item->insn.opcode].arg_class;

    return item->kind == ASM_INSN &&
           (arg_class == NUB_ARG_O || arg_class == NUB_ARG_RIO || arg_class == NUB_ARG_RRO);
}

static guint64
target_of(const struct asm_code *code, const struct asm_item *item)
{
    return item->label == ASM_NO_LABEL ? item->insn.target : asm_label_at(code, item->label);
}

/* places every item after the one before; offsets have the sizes that were found so far */
static void
place(struct asm_code *code)
{
    guint8 scratch[NUB_MAX_INSN_SIZE];

    code->size = 0;
    for (guint32 i = 0; i < code->items->len; i++) {
        struct asm_item *item = asm_item(code, i);
        item->at = code->size;
        if (item->kind == ASM_INSN) {
            struct nub_insn insn = item->insn;
            insn.pc = 0;
            insn.target = 0;
            item->size = nub_insn_encode_sized(scratch, &insn, item->x_size, item->y_size);
        }
        code->size += item->size;
    }
}

/* lets offsets that do not fit grow; FALSE when all fit */
static gboolean
grow(struct asm_code *code, gboolean at_once)
{
    gboolean has_grown = FALSE;

    for (guint32 i = 0; i < code->items->len; i++) {
        struct asm_item *item = asm_item(code, i);
        if (!has_offset(item) || item->y_is_fixed)
            continue;
        guint32 need = MIN(nub_insn_value_size(target_of(code, item) - item->at), 4);
        if (need <= item->y_size)
            continue;
        item->y_size = at_once ? 4 : (guint8)need;
        has_grown = TRUE;
    }
    return has_grown;
}

void
asm_layout(struct asm_code *code)
{
    gboolean has_grown = TRUE;

    /* from the smallest sizes upwards: what fits now may not when what lies between has grown */
    for (guint pass = 0; has_grown; pass++) {
        place(code);
        has_grown = grow(code, pass >= PATIENCE);
    }
}

gboolean
asm_encode(const struct asm_code *code, GByteArray *bytes, GByteArray *mask, guint32 *bad)
{
    g_byte_array_set_size(bytes, code->size);
    g_byte_array_set_size(mask, (code->size + 7) / 8);
    if (mask->len > 0)
        memset(mask->data, 0, mask->len);
    for (guint32 i = 0; i < code->items->len; i++) {
        const struct asm_item *item = asm_item(code, i);
        if (item->kind == ASM_INSN) {
            guint8 encoded[NUB_MAX_INSN_SIZE];
            struct nub_insn insn = item->insn;
            insn.pc = item->at;
            insn.target = target_of(code, item);
            *bad = i;
            if (nub_insn_encode_sized(encoded, &insn, item->x_size, item->y_size) != item->size)
                return FALSE;
            memcpy(bytes->data + item->at, encoded, item->size);
        } else if (item->size > 0) {
            memcpy(bytes->data + item->at, code->bytes->data + item->bytes, item->size);
        }
        if (item->kind != ASM_RAW_BYTES)
            mask->data[item->at / 8] |= (guint8)(1 << item->at % 8);
    }
    return TRUE;
}
