/* asm-insn.c - the statement of an instruction: mnemonic and operands
 *
 * The operands of an instruction are those that core/pvm/disasm.h lists, so that what is written
 * there can be read here.
 */
#include "asm-private.h"

#include "disasm.h"

static const char *
nth_mnemonic(gconstpointer ctx, guint i)
{
    (void)ctx;
    return nub_isa[i].mnemonic;
}

guint32
asm_find_label(struct asm_image *image, const char *name)
{
    gpointer found = g_hash_table_lookup(image->label_index, name);
    struct asm_label label = { .name = name };

    if (found)
        return GPOINTER_TO_UINT(found) - 1;
    g_array_append_val(image->code.labels, label);
    g_hash_table_insert(image->label_index, (gpointer)name,
                        GUINT_TO_POINTER(image->code.labels->len));
    return image->code.labels->len - 1;
}

void
asm_use_address(struct asm_image *image, const struct asm_value *value)
{
    guint32 label = asm_find_label(image, value->symbol);

    if (asm_label(&image->code, label)->used.line == 0)
        asm_label(&image->code, label)->used = value->place;
    g_array_append_val(image->address_uses, label);
}

gboolean
asm_extend(guint64 value, gboolean is_address, guint64 *extended)
{
    *extended = value;
    if (is_address && value <= G_MAXUINT32)
        *extended = (guint64)(gint64)(gint32)value;
    return nub_insn_value_size(*extended) <= 4;
}

/* whether an immediate counts modulo 2^32, so that 0x80000000 and above may be written plainly */
static gboolean
counts_modulo_32(guint8 opcode, char operand)
{
    switch (opcode) {
    case NUB_OP_ECALLI:
    case NUB_OP_JUMP_IND:
        return TRUE;
    case NUB_OP_STORE_IMM_U32:
    case NUB_OP_STORE_IMM_IND_U32:
    case NUB_OP_LOAD_IMM_JUMP_IND:
        return operand == 'Y';
    default:
        return FALSE;
    }
}

/* `:n` after an immediate or a target */
static gboolean
read_width(struct asm_state *state, guint8 *size, gboolean *is_fixed)
{
    guint64 number;

    *is_fixed = asm_accept(state, ':');
    if (!*is_fixed)
        return TRUE;
    if (!asm_read_number(state, "the number of bytes", 4, &number))
        return FALSE;
    *size = (guint8)number;
    return TRUE;
}

static gboolean
check_width(struct asm_state *state, struct asm_place place, guint64 value, guint8 size)
{
    guint32 need = nub_insn_value_size(value);

    return need <= size || asm_fail(state, place, "the value needs %u bytes, not %u", need, size);
}

static gboolean
read_immediate(struct asm_state *state, struct asm_image *image, struct asm_item *item,
               char operand, gboolean is_address)
{
    guint64 *field = operand == 'X' ? &item->insn.x : &item->insn.y;
    guint8 *size = operand == 'X' ? &item->x_size : &item->y_size;
    struct asm_value value;
    gboolean is_fixed;

    if (!asm_read_value(state, &value))
        return FALSE;
    struct asm_place width_place = asm_here(state);
    if (!read_width(state, size, &is_fixed))
        return FALSE;
    is_address |= counts_modulo_32(item->insn.opcode, operand);
    if (value.symbol) {
        struct asm_fixup fixup = { .at = image->code.items->len,
                                   .operand = operand,
                                   .is_address = is_address,
                                   .value = value };
        if (is_fixed)
            return asm_fail(state, width_place, "an address has no width of its own choosing");
        g_array_append_val(image->fixups, fixup);
        if (value.is_code_address)
            asm_use_address(image, &value);
        return TRUE;
    }
    if (nub_isa[item->insn.opcode].arg_class == NUB_ARG_RX) {
        *field = value.number;
        return !is_fixed ||
               asm_fail(state, width_place, "the immediate of load_imm_64 always has 8 bytes");
    }
    if (!asm_extend(value.number, is_address, field))
        return asm_fail(state, value.place,
                        "0x%" G_GINT64_MODIFIER
                        "x is no 32-bit value: immediates are -0x80000000 ... 0x7fffffff "
                        "(load_imm_64 takes any)",
                        value.number);
    return !is_fixed || check_width(state, width_place, *field, *size);
}

/* "[base + X]" or "[X]" */
static gboolean
read_memory(struct asm_state *state, struct asm_image *image, struct asm_item *item, guint8 *base)
{
    gboolean has_offset = TRUE, is_fixed = FALSE;

    if (!asm_expect(state, '['))
        return FALSE;
    if (base) {
        if (!asm_read_register(state, base))
            return FALSE;
        /* the sign stays: "- 8" is a sum of its own */
        const struct asm_token *token = asm_peek(state);
        has_offset = token->kind == ASM_PUNCT && (token->number == '+' || token->number == '-');
        if (has_offset && token->number == '+')
            asm_next(state);
    }
    if (has_offset && !read_immediate(state, image, item, 'X', TRUE))
        return FALSE;
    if (!has_offset && !read_width(state, &item->x_size, &is_fixed))
        return FALSE;
    return asm_expect(state, ']');
}

static gboolean
read_offset(struct asm_state *state, struct asm_image *image, struct asm_item *item)
{
    struct asm_target target;
    gboolean is_fixed;

    if (!asm_read_target(state, image, &target) || !read_width(state, &item->y_size, &is_fixed))
        return FALSE;
    item->label = target.label;
    item->insn.target = target.number;
    item->y_is_fixed = is_fixed;
    return TRUE;
}

static gboolean
read_operand(struct asm_state *state, struct asm_image *image, struct asm_item *item, char operand)
{
    switch (operand) {
    case 'A':
        return asm_read_register(state, &item->insn.a);
    case 'B':
        return asm_read_register(state, &item->insn.b);
    case 'D':
        return asm_read_register(state, &item->insn.d);
    case 'M':
        return read_memory(state, image, item, NULL);
    case 'a':
        return read_memory(state, image, item, &item->insn.a);
    case 'b':
        return read_memory(state, image, item, &item->insn.b);
    case 'T':
        return read_offset(state, image, item);
    default:
        return read_immediate(state, image, item, operand, FALSE);
    }
}

gboolean
asm_read_insn(struct asm_state *state, struct asm_image *image, const char *mnemonic,
              struct asm_place place)
{
    int opcode = nub_isa_find(mnemonic);
    struct asm_item item = {
        .kind = ASM_INSN, .label = ASM_NO_LABEL, .line = place.line, .column = place.column
    };

    if (opcode < 0) {
        g_autofree char *hint = asm_suggest(mnemonic, 256, nth_mnemonic, NULL);
        return asm_fail(state, place, "unknown instruction '%s'%s", mnemonic, hint);
    }
    item.insn.opcode = (guint8)opcode;
    const char *operands = nub_insn_operands(item.insn.opcode);
    for (guint i = 0; operands[i] != '\0'; i++) {
        /* "jump_ind ra" is short for "jump_ind ra, 0" */
        if (opcode == NUB_OP_JUMP_IND && i == 1 && asm_peek(state)->kind == ASM_END)
            break;
        if (i > 0 && !asm_expect(state, ','))
            return FALSE;
        if (!read_operand(state, image, &item, operands[i]))
            return FALSE;
    }
    if (!asm_expect_end(state))
        return FALSE;
    g_array_append_val(image->code.items, item);
    return TRUE;
}
