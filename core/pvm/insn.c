/* insn.c - one instruction between bytes and fields
 *
 * Decoding reads through the extended code of pvm.md 2.1 (zeros past the end) and never fails;
 * what is strange about an instruction shows when it is executed. Encoding writes the shortest
 * form only: the assembler has its own way to spell other forms. Read pvm.md 2.2 and 4.
 */
#include "program.h"

#define OFFSET_CLASSES (1u << NUB_ARG_O | 1u << NUB_ARG_RIO | 1u << NUB_ARG_RRO)
/* opcode, two bytes of registers and lengths, two immediates; load_imm_64 needs no more */
#define WINDOW 16u

static inline uint8_t
reg(uint8_t nibble)
{
    return nibble < NUB_N_REGS ? nibble : NUB_N_REGS - 1;
}

static inline uint32_t
at_most_4(uint32_t n)
{
    return n < 4 ? n : 4;
}

/* what `skip` argument bytes leave for an immediate after `used` of them: 0..4 */
static inline uint32_t
left_of(uint32_t skip, uint32_t used)
{
    return skip > used ? at_most_4(skip - used) : 0;
}

/* n = 0..4 bytes, sign-extended; two shifts each way because a shift by 64 has no meaning */
static inline uint64_t
immediate(const uint8_t *p, uint32_t n)
{
    uint32_t unused = 32 - 8 * n;

    return (uint64_t)((int64_t)((uint64_t)nub_le32(p) << 32 << unused) >> 32 >> unused);
}

/* the two-immediate classes: `length` says how long X is, Y has what the skip leaves */
static inline uint64_t
two_immediates(struct nub_insn *insn, const uint8_t *p, uint32_t header, uint8_t length,
               uint32_t skip)
{
    uint32_t x_size = at_most_4(length & 7);

    insn->x = immediate(p + header, x_size);
    return immediate(p + header + x_size, left_of(skip, x_size + header - 1));
}

static inline void
decode_fields(struct nub_insn *insn, const uint8_t *p, uint32_t skip)
{
    uint8_t low = reg(p[1] & 15), high = reg(p[1] >> 4);

    switch ((enum nub_arg_class)nub_isa[p[0]].arg_class) {
    case NUB_ARG_N:
        break;
    case NUB_ARG_I:
        insn->x = immediate(p + 1, at_most_4(skip));
        break;
    case NUB_ARG_RX:
        insn->a = low;
        insn->x = nub_le64(p + 2);
        break;
    case NUB_ARG_II:
        insn->y = two_immediates(insn, p, 2, p[1], skip);
        break;
    case NUB_ARG_O:
        insn->target = insn->pc + immediate(p + 1, at_most_4(skip));
        break;
    case NUB_ARG_RI:
        insn->a = low;
        insn->x = immediate(p + 2, left_of(skip, 1));
        break;
    case NUB_ARG_RII:
        insn->a = low;
        insn->y = two_immediates(insn, p, 2, p[1] >> 4, skip);
        break;
    case NUB_ARG_RIO:
        insn->a = low;
        insn->target = insn->pc + two_immediates(insn, p, 2, p[1] >> 4, skip);
        break;
    case NUB_ARG_RR:
        insn->d = low;
        insn->a = high;
        break;
    case NUB_ARG_RRI:
        insn->a = low;
        insn->b = high;
        insn->x = immediate(p + 2, left_of(skip, 1));
        break;
    case NUB_ARG_RRO:
        insn->a = low;
        insn->b = high;
        insn->target = insn->pc + immediate(p + 2, left_of(skip, 1));
        break;
    case NUB_ARG_RRII:
        insn->a = low;
        insn->b = high;
        insn->y = two_immediates(insn, p, 3, p[2], skip);
        break;
    case NUB_ARG_RRR:
        insn->a = low;
        insn->b = high;
        insn->d = reg(p[2]);
        break;
    }
}

void
nub_insn_decode(struct nub_insn *insn, const struct nub_program *program, uint32_t pc)
{
    uint32_t skip = nub_program_skip(program, pc);
    uint32_t left = program->code_size - pc;

    *insn = (struct nub_insn){ .pc = pc, .opcode = program->code[pc], .next = pc + 1 + skip };
    if (left >= WINDOW) {
        decode_fields(insn, program->code + pc, skip);
    } else {
        uint8_t window[WINDOW] = { 0 };
        memcpy(window, program->code + pc, left);
        decode_fields(insn, window, skip);
    }
}

/* ---- encoding ------------------------------------------------------------------------------ */

/* where the encoder stands; `ok` goes when a value cannot be written */
struct writer {
    uint8_t *bytes;
    uint32_t n;
    bool ok;
};

static void
put_byte(struct writer *writer, uint32_t byte)
{
    writer->bytes[writer->n++] = (uint8_t)byte;
}

uint32_t
nub_insn_value_size(uint64_t value)
{
    uint32_t n = 0;

    if (value == 0)
        return 0;
    for (n = 1; n <= 4; n++)
        if ((uint64_t)((int64_t)(value << (64 - 8 * n)) >> (64 - 8 * n)) == value)
            break;
    return n;
}

/* returns how many bytes it took */
static uint32_t
put_value(struct writer *writer, uint64_t value, uint32_t min_size)
{
    uint32_t size = nub_insn_value_size(value);

    if (size > 4) {
        writer->ok = false;
        return 0;
    }
    if (size < min_size)
        size = min_size;
    for (uint32_t i = 0; i < size; i++)
        put_byte(writer, (uint32_t)(value >> (8 * i)));
    return size;
}

/* the length of X goes into a byte before it: at `bytes[length_at]`, shifted */
static void
put_counted(struct writer *writer, uint32_t length_at, uint32_t shift, uint64_t x,
            uint32_t min_size)
{
    uint32_t size = put_value(writer, x, min_size);

    writer->bytes[length_at] |= (uint8_t)(size << shift);
}

uint32_t
nub_insn_encode_sized(uint8_t bytes[NUB_MAX_INSN_SIZE], const struct nub_insn *insn,
                      uint32_t min_x_size, uint32_t min_y_size)
{
    struct writer writer = { bytes, 0, true };
    uint64_t offset = insn->target - insn->pc;

    if (insn->a >= NUB_N_REGS || insn->b >= NUB_N_REGS || insn->d >= NUB_N_REGS || min_x_size > 4 ||
        min_y_size > 4)
        return 0;
    put_byte(&writer, insn->opcode);
    switch ((enum nub_arg_class)nub_isa[insn->opcode].arg_class) {
    case NUB_ARG_N:
        break;
    case NUB_ARG_I:
        put_value(&writer, insn->x, min_x_size);
        break;
    case NUB_ARG_RX:
        put_byte(&writer, insn->a);
        nub_put_le64(bytes + writer.n, insn->x);
        writer.n += 8;
        break;
    case NUB_ARG_II:
        put_byte(&writer, 0);
        put_counted(&writer, 1, 0, insn->x, min_x_size);
        put_value(&writer, insn->y, min_y_size);
        break;
    case NUB_ARG_O:
        put_value(&writer, offset, min_y_size);
        break;
    case NUB_ARG_RI:
        put_byte(&writer, insn->a);
        put_value(&writer, insn->x, min_x_size);
        break;
    case NUB_ARG_RII:
        put_byte(&writer, insn->a);
        put_counted(&writer, 1, 4, insn->x, min_x_size);
        put_value(&writer, insn->y, min_y_size);
        break;
    case NUB_ARG_RIO:
        put_byte(&writer, insn->a);
        put_counted(&writer, 1, 4, insn->x, min_x_size);
        put_value(&writer, offset, min_y_size);
        break;
    case NUB_ARG_RR:
        put_byte(&writer, (uint32_t)insn->a << 4 | insn->d);
        break;
    case NUB_ARG_RRI:
        put_byte(&writer, (uint32_t)insn->b << 4 | insn->a);
        put_value(&writer, insn->x, min_x_size);
        break;
    case NUB_ARG_RRO:
        put_byte(&writer, (uint32_t)insn->b << 4 | insn->a);
        put_value(&writer, offset, min_y_size);
        break;
    case NUB_ARG_RRII:
        put_byte(&writer, (uint32_t)insn->b << 4 | insn->a);
        put_byte(&writer, 0);
        put_counted(&writer, 2, 0, insn->x, min_x_size);
        put_value(&writer, insn->y, min_y_size);
        break;
    case NUB_ARG_RRR:
        put_byte(&writer, (uint32_t)insn->b << 4 | insn->a);
        put_byte(&writer, insn->d);
        break;
    }
    return writer.ok ? writer.n : 0;
}

uint32_t
nub_insn_encode(uint8_t bytes[NUB_MAX_INSN_SIZE], const struct nub_insn *insn,
                uint32_t min_offset_size)
{
    bool has_offset = OFFSET_CLASSES >> nub_isa[insn->opcode].arg_class & 1;

    return nub_insn_encode_sized(bytes, insn, 0,
                                 has_offset || min_offset_size > 4 ? min_offset_size : 0);
}
