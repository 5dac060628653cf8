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
/* here and above, 16 bytes of code and 32 bits of mask can be read without a thought */
#define NEAR_END 48u

/*
 * An argument class as numbers, so that decoding needs no switch over it: opcodes come in no order
 * that a processor could predict. Registers are cut out of the two bytes after the opcode; X begins
 * at `x_at`; what remains of the skip is for Y, which is an offset in the classes that have a
 * target.
 */
struct layout {
    uint8_t a_shift, a_mask, b_mask, d_shift, d_mask;
    uint8_t x_at;
    uint8_t x_max, y_max; /* bytes at most; 0: the class has none */
    uint8_t length_shift; /* of the field that says how long X is, where `has_length` */
    bool has_length, has_target, is_wide;
};

/* clang-format off */
#define TWO_AND_LENGTH(shift) .x_max = 4, .y_max = 4, .has_length = true, .length_shift = shift

#define LAYOUT_N    { .x_at = 1 }
#define LAYOUT_I    { .x_at = 1, .x_max = 4 }
#define LAYOUT_RX   { .a_mask = 15, .x_at = 2, .is_wide = true }
#define LAYOUT_II   { .x_at = 2, TWO_AND_LENGTH(0) }
#define LAYOUT_O    { .x_at = 1, .y_max = 4, .has_target = true }
#define LAYOUT_RI   { .a_mask = 15, .x_at = 2, .x_max = 4 }
#define LAYOUT_RII  { .a_mask = 15, .x_at = 2, TWO_AND_LENGTH(4) }
#define LAYOUT_RIO  { .a_mask = 15, .x_at = 2, TWO_AND_LENGTH(4), .has_target = true }
#define LAYOUT_RR   { .a_shift = 4, .a_mask = 15, .d_mask = 15, .x_at = 2 }
#define LAYOUT_RRI  { .a_mask = 15, .b_mask = 15, .x_at = 2, .x_max = 4 }
#define LAYOUT_RRO  { .a_mask = 15, .b_mask = 15, .x_at = 2, .y_max = 4, .has_target = true }
#define LAYOUT_RRII { .a_mask = 15, .b_mask = 15, .x_at = 3, TWO_AND_LENGTH(8) }
#define LAYOUT_RRR  { .a_mask = 15, .b_mask = 15, .d_shift = 8, .d_mask = 255, .x_at = 3 }
/* clang-format on */

/* unknown opcodes are all zeros: class N too */
static const struct layout layouts[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, ...) [number] = LAYOUT_##class,
#include "isa.def"
};

static inline uint32_t
at_most(uint32_t n, uint32_t max)
{
    return n < max ? n : max;
}

/* a - b, or 0; a compiler that is shown a comparison here makes a branch of it */
static inline uint32_t
left_of(uint32_t a, uint32_t b)
{
    int32_t left = (int32_t)(a - b);

    return (uint32_t)(left & ~(left >> 31));
}

/* likewise */
static inline uint64_t
choose(bool condition, uint64_t a, uint64_t b)
{
    return b ^ ((a ^ b) & -(uint64_t)condition);
}

static inline uint8_t
reg(uint32_t bytes, uint8_t shift, uint8_t mask)
{
    return (uint8_t)at_most(bytes >> shift & mask, NUB_N_REGS - 1);
}

/* n = 0..4 bytes, sign-extended */
static inline uint64_t
immediate(const uint8_t *p, uint32_t n)
{
    static const struct {
        uint32_t bits, sign;
    } sizes[] = {
        { 0, 0 },
        { 0xFF, 0x80 },
        { 0xFFFF, 0x8000 },
        { 0xFFFFFF, 0x800000 },
        { 0xFFFFFFFF, 0x80000000 },
    };

    return (uint64_t)((nub_le32(p) & sizes[n].bits) ^ sizes[n].sign) - sizes[n].sign;
}

static inline void
decode_fields(struct nub_insn *insn, const uint8_t *p, uint32_t pc, uint32_t skip)
{
    const struct layout *layout = &layouts[p[0]];
    uint32_t bytes = nub_le16(p + 1);
    uint32_t left = left_of(skip, layout->x_at - 1u);

    insn->pc = pc;
    insn->opcode = p[0];
    insn->a = reg(bytes, layout->a_shift, layout->a_mask);
    insn->b = reg(bytes, 4, layout->b_mask);
    insn->d = reg(bytes, layout->d_shift, layout->d_mask);
    insn->next = pc + 1 + skip;
    /* mostly terminators go on: who decodes a block asks for its end, and that is guessed once */
    if (layout->y_max == 0) {
        uint64_t x = immediate(p + layout->x_at, at_most(left, layout->x_max));
        insn->x = choose(layout->is_wide, nub_le64(p + 2), x);
        insn->y = 0;
        insn->target = 0;
        return;
    }
    uint32_t length = (uint32_t)choose(layout->has_length, bytes >> layout->length_shift & 7, left);
    uint32_t x_size = at_most(length, layout->x_max);
    uint32_t y_size = at_most(left_of(left, x_size), layout->y_max);
    uint64_t y = immediate(p + layout->x_at + x_size, y_size);
    insn->x = immediate(p + layout->x_at, x_size);
    insn->y = choose(layout->has_target, 0, y);
    insn->target = choose(layout->has_target, pc + y, 0);
}

/* the same where reading on would lead beyond code or mask */
static __attribute__((noinline)) void
decode_near_end(struct nub_insn *insn, const struct nub_program *program, uint32_t pc)
{
    uint8_t window[WINDOW] = { 0 };
    uint32_t left = program->code_size - pc;

    memcpy(window, program->code + pc, left < WINDOW ? left : WINDOW);
    decode_fields(insn, window, pc, nub_program_skip(program, pc));
}

void
nub_insn_decode(struct nub_insn *insn, const struct nub_program *program, uint32_t pc)
{
    if (program->code_size - pc < NEAR_END) {
        decode_near_end(insn, program, pc);
        return;
    }
    uint32_t next = pc + 1;
    uint32_t mask = nub_le32(program->mask + (next >> 3)) >> (next & 7);
    uint32_t skip = (uint32_t)__builtin_ctz(mask | 1u << NUB_MAX_SKIP);
    decode_fields(insn, program->code + pc, pc, skip);
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
