/* disasm.c - one instruction as text
 *
 * Writes what the assembler reads (docs/assembly.md). The operands of a class are one format
 * string, so that reader and writer can share it. Labels, data and odd encodings are the
 * business of the tool: here are no names but those of instructions and registers.
 */
#include "disasm.h"

struct text {
    char *out;
    size_t size;
    size_t length; /* of the whole text, also where it is cut */
};

static void
put_char(struct text *text, char c)
{
    if (text->length + 1 < text->size)
        text->out[text->length] = c;
    text->length++;
}

static void
put_text(struct text *text, const char *string)
{
    while (*string)
        put_char(text, *string++);
}

static void
put_number(struct text *text, uint64_t value, uint32_t base)
{
    char digits[20];
    uint32_t n = 0;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0)
        put_char(text, digits[--n]);
}

/* small numbers are decimal, others hexadecimal, negative ones have a sign */
static void
put_value(struct text *text, uint64_t value)
{
    if (value >> 63) {
        put_char(text, '-');
        value = -value;
    }
    if (value >= 0x1000)
        put_text(text, "0x");
    put_number(text, value, value >= 0x1000 ? 16 : 10);
}

/* "[sp - 8]", "[sp]" */
static void
put_address(struct text *text, const char *base, uint64_t offset)
{
    put_char(text, '[');
    put_text(text, base);
    if (offset != 0) {
        put_text(text, offset >> 63 ? " - " : " + ");
        put_value(text, offset >> 63 ? -offset : offset);
    }
    put_char(text, ']');
}

const char *
nub_insn_operands(uint8_t opcode)
{
    const struct nub_isa_entry *entry = &nub_isa[opcode];
    bool is_memory = entry->unit == NUB_UNIT_LOAD || entry->unit == NUB_UNIT_STORE;

    switch ((enum nub_arg_class)entry->arg_class) {
    case NUB_ARG_N:
        return "";
    case NUB_ARG_I:
        return "X";
    case NUB_ARG_RX:
        return "AX";
    case NUB_ARG_II:
        return "MY";
    case NUB_ARG_O:
        return "T";
    case NUB_ARG_RI:
        return is_memory ? "AM" : "AX";
    case NUB_ARG_RII:
        return "aY";
    case NUB_ARG_RIO:
        return "AXT";
    case NUB_ARG_RR:
        return "DA";
    case NUB_ARG_RRI:
        return is_memory ? "Ab" : "ABX";
    case NUB_ARG_RRO:
        return "ABT";
    case NUB_ARG_RRII:
        return "AXBY";
    case NUB_ARG_RRR:
        return "DAB";
    }
    return "";
}

static void
put_operand(struct text *text, const struct nub_insn *insn, char operand)
{
    switch (operand) {
    case 'A':
        put_text(text, nub_reg_names[insn->a]);
        break;
    case 'B':
        put_text(text, nub_reg_names[insn->b]);
        break;
    case 'D':
        put_text(text, nub_reg_names[insn->d]);
        break;
    case 'X':
        put_value(text, insn->x);
        break;
    case 'Y':
        put_value(text, insn->y);
        break;
    case 'T':
        put_value(text, insn->target);
        break;
    case 'M': /* an absolute address */
        put_char(text, '[');
        put_value(text, insn->x);
        put_char(text, ']');
        break;
    case 'a':
        put_address(text, nub_reg_names[insn->a], insn->x);
        break;
    case 'b':
        put_address(text, nub_reg_names[insn->b], insn->x);
        break;
    }
}

size_t
nub_insn_format(char *out, size_t size, const struct nub_insn *insn)
{
    struct text text = { out, size, 0 };
    const char *separator = " ";

    if (nub_isa[insn->opcode].mnemonic) {
        put_text(&text, nub_isa[insn->opcode].mnemonic);
    } else {
        put_text(&text, "unknown ");
        put_number(&text, insn->opcode, 10);
    }
    for (const char *operand = nub_insn_operands(insn->opcode); *operand; operand++) {
        put_text(&text, separator);
        put_operand(&text, insn, *operand);
        separator = ", ";
    }
    if (size > 0)
        out[text.length < size ? text.length : size - 1] = '\0';
    return text.length;
}
