/* insn.c - one instruction between bytes and fields
 *
 * Decoding reads through the extended code of pvm.md 2.1 (zeros past the end) and never fails;
 * what is strange about an instruction shows when it is executed. Encoding writes the shortest
 * form only: the assembler has its own way to spell other forms. Read pvm.md 2.2 and 4.
 */
#include "program.h"

#include <stddef.h>

#define OFFSET_CLASSES (1u << NUB_ARG_O | 1u << NUB_ARG_RIO | 1u << NUB_ARG_RRO)
/* opcode, two bytes of registers and lengths, two immediates; load_imm_64 needs no more */
#define WINDOW 16u
/* here and above, 16 bytes of code and 32 bits of mask can be read without a thought */
#define NEAR_END 48u

/* ---- decoding ------------------------------------------------------------------------------ */

/*
 * An argument class as numbers, so that decoding needs no switch over it: opcodes come in no order
 * that a processor could predict. Registers are the nibbles of the second byte, low and high, and
 * the third byte: they become the bytes behind the opcode in struct nub_insn. X begins at `x_at`;
 * what remains of the skip is for Y, which is an offset in the classes that have a target.
 */
enum { KNOWN = 1, INNER = 2 /* no terminator */ };
struct layout {
    uint32_t straight; /* of low, high, third as a, b, d: those that the class has */
    uint32_t crossed;  /* likewise of high as a and low as d */
    uint8_t x_at;
    uint8_t extent; /* plus the skip: place in extents[] of X, or where X has a length, of both */
    uint8_t length_shift, length_mask; /* of the field that says how long X is */
    bool is_long;                      /* has more than an X of four bytes */
    bool has_target, is_wide;
    uint8_t kind; /* KNOWN, INNER */
};

#define A   0x0000FF00u
#define AB  0x00FFFF00u
#define ABD 0xFFFFFF00u
#define AD  0xFF00FF00u
/* the extents[] of an immediate that takes what remains of the skip from `x_at` on */
#define REST(x_at_)    .x_at = x_at_, .extent = NO_BYTES + 1 - (x_at_)
#define COUNTED(shift) .is_long = true, .length_shift = shift, .length_mask = 7

/* clang-format off */
#define LAYOUT_N    .x_at = 1
#define LAYOUT_I    REST(1)
#define LAYOUT_RX   .straight = A, .x_at = 2, .is_long = true, .is_wide = true
#define LAYOUT_II   REST(2), COUNTED(0)
#define LAYOUT_O    REST(1), .is_long = true, .has_target = true
#define LAYOUT_RI   .straight = A, REST(2)
#define LAYOUT_RII  .straight = A, REST(2), COUNTED(4)
#define LAYOUT_RIO  .straight = A, REST(2), COUNTED(4), .has_target = true
#define LAYOUT_RR   .crossed = AD, .x_at = 2
#define LAYOUT_RRI  .straight = AB, REST(2)
#define LAYOUT_RRO  .straight = AB, REST(2), .is_long = true, .has_target = true
#define LAYOUT_RRII .straight = AB, REST(3), COUNTED(8)
#define LAYOUT_RRR  .straight = ABD, .x_at = 3
/* clang-format on */

/* how many bytes an immediate has, as what to do with the four that are there: n at NO_BYTES + n,
 * none below and four above */
enum { NO_BYTES = 32 };
static const struct {
    uint32_t bits, sign;
} extents[NO_BYTES + NUB_MAX_SKIP + 1] = {
    [NO_BYTES + 1] = { 0xFF, 0x80 },
    [NO_BYTES + 2] = { 0xFFFF, 0x8000 },
    [NO_BYTES + 3] = { 0xFFFFFF, 0x800000 },
    [NO_BYTES + 4 ... NO_BYTES + NUB_MAX_SKIP] = { 0xFFFFFFFF, 0x80000000 },
};

/* unknown opcodes are all zeros: class N too */
static const struct layout layouts[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, terminator, ...)                                   \
    [number] = { LAYOUT_##class, .kind = KNOWN | ((terminator) ? 0 : INNER) },
#include "isa.def"
};

#undef A
#undef AB
#undef ABD
#undef AD

/* by the byte that holds them: two register numbers, low nibble first, each at most 12 */
#define CUT(n)  ((n) < NUB_N_REGS ? (n) : NUB_N_REGS - 1)
#define PAIR(n) (uint16_t)(CUT((n)&15) | CUT((n) >> 4) << 8)
#define FOUR(n) PAIR(n), PAIR((n) + 1), PAIR((n) + 2), PAIR((n) + 3)
#define ROW(n)  FOUR(n), FOUR((n) + 4), FOUR((n) + 8), FOUR((n) + 12)
#define ROWS(n) ROW(n), ROW((n) + 16), ROW((n) + 32), ROW((n) + 48)
static const uint16_t register_pairs[256] = { ROWS(0), ROWS(64), ROWS(128), ROWS(192) };

static inline uint32_t
at_most(uint32_t n, uint32_t max)
{
    return n < max ? n : max;
}

/* the immediate whose four bytes, if it has so many, are the low half of `bytes` */
static inline uint64_t
immediate(uint64_t bytes, uint32_t extent)
{
    return ((bytes & extents[extent].bits) ^ extents[extent].sign) - extents[extent].sign;
}

/* a class that has a second immediate, a target or a wide X: `insn` has the rest already */
static inline void
decode_long(struct nub_insn *insn, const struct layout *layout, const uint8_t *p, uint32_t skip)
{
    uint32_t x_size = at_most(nub_le16(p + 1) >> layout->length_shift & layout->length_mask, 4);
    uint32_t rest = skip + layout->extent - x_size;
    uint64_t y = immediate(nub_le32(p + layout->x_at + x_size), rest);

    if (layout->is_wide) {
        insn->x = nub_le64(p + 2);
        return;
    }
    insn->x = immediate(nub_le32(p + layout->x_at), NO_BYTES + x_size);
    if (layout->has_target)
        insn->target = insn->pc + y;
    else
        insn->y = y;
}

/* returns what kind of instruction it is */
static inline __attribute__((always_inline)) unsigned
decode_fields(struct nub_insn *insn, const uint8_t *p, uint32_t pc, uint32_t skip)
{
    uint64_t bytes = nub_le64(p);
    const struct layout *layout = &layouts[bytes & 0xFF];
    uint32_t pair = register_pairs[bytes >> 8 & 0xFF];
    uint32_t third = at_most(bytes >> 16 & 0xFF, NUB_N_REGS - 1);
    uint32_t fields = (pair << 8 | third << 24) & layout->straight;

    fields |= (pair | pair << 24) & layout->crossed;
    insn->pc = pc;
    nub_put_le32(&insn->opcode, fields | (bytes & 0xFF)); /* and a, b, d */
    insn->next = pc + 1 + skip;
    insn->x = immediate(bytes >> 8 * layout->x_at, skip + layout->extent);
    insn->y = 0;
    insn->target = 0;
    /* mostly terminators: who decodes a block asks for its end anyway, and that is guessed once */
    if (layout->is_long)
        decode_long(insn, layout, p, skip);
    return layout->kind;
}

_Static_assert(offsetof(struct nub_insn, a) == offsetof(struct nub_insn, opcode) + 1 &&
                   offsetof(struct nub_insn, b) == offsetof(struct nub_insn, opcode) + 2 &&
                   offsetof(struct nub_insn, d) == offsetof(struct nub_insn, opcode) + 3,
               "opcode and registers are one word");

/* the same where reading on would lead beyond code or mask */
static __attribute__((noinline)) unsigned
decode_near_end(struct nub_insn *insn, const struct nub_program *program, uint32_t pc)
{
    uint8_t window[WINDOW] = { 0 };
    uint32_t left = program->code_size - pc;

    memcpy(window, program->code + pc, left < WINDOW ? left : WINDOW);
    return decode_fields(insn, window, pc, nub_program_skip(program, pc));
}

static inline __attribute__((always_inline)) unsigned
decode(struct nub_insn *insn, const struct nub_program *program, uint32_t pc)
{
    if (program->code_size - pc < NEAR_END)
        return decode_near_end(insn, program, pc);
    uint32_t next = pc + 1;
    uint32_t mask = nub_le32(program->mask + (next >> 3)) >> (next & 7);
    uint32_t skip = (uint32_t)__builtin_ctz(mask | 1u << NUB_MAX_SKIP);
    return decode_fields(insn, program->code + pc, pc, skip);
}

void
nub_insn_decode(struct nub_insn *insn, const struct nub_program *program, uint32_t pc)
{
    decode(insn, program, pc);
}

uint32_t
nub_insn_decode_run(struct nub_insn *insns, uint32_t max, const struct nub_program *program,
                    uint32_t pc, uint32_t limit, bool one_block)
{
    unsigned behind = one_block ? INNER : KNOWN;
    uint32_t n = 0;
    bool goes_on;

    do {
        struct nub_insn *insn = &insns[n++];
        goes_on = decode(insn, program, pc) & behind;
        /* a skip that was cut may lead to where no instruction starts */
        goes_on &= insn->next < limit && insn->next - pc <= NUB_MAX_SKIP;
        pc = insn->next;
    } while (goes_on && n < max);
    return n;
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
