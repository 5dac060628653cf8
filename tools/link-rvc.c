/* link-rvc.c - the compressed forms (extension C, RV64), expanded
 *
 * A 16-bit form is named by its quadrant (low two bits) and funct3 (high three). The
 * floating-point ones are named as such; hints and reserved encodings are illegal here, but for
 * those whose expansion does nothing.
 */
#include "link-rv-private.h"

enum { RA = 1, SP = 2 };

/* bits high..low of the half */
static uint32_t
field(uint32_t half, unsigned high, unsigned low)
{
    return half >> low & ((1u << (high - low + 1)) - 1);
}

static void
set(struct rv_insn *insn, enum rv_op op, uint32_t rd, uint32_t rs1, uint32_t rs2)
{
    insn->op = (uint8_t)op;
    insn->rd = (uint8_t)rd;
    insn->rs1 = (uint8_t)rs1;
    insn->rs2 = (uint8_t)rs2;
}

static void
set_imm(struct rv_insn *insn, enum rv_op op, uint32_t rd, uint32_t rs1, int64_t imm)
{
    set(insn, op, rd, rs1, 0);
    insn->has_imm = true;
    insn->imm = imm;
}

static void
set_memory(struct rv_insn *insn, enum rv_op op, uint32_t rd, uint32_t rs1, uint32_t rs2,
           uint32_t offset)
{
    set(insn, op, rd, rs1, rs2);
    insn->imm = offset;
}

static void
decode_quadrant_0(struct rv_insn *insn, uint32_t h)
{
    uint32_t low = 8 + field(h, 4, 2), base = 8 + field(h, 9, 7);
    uint32_t word = field(h, 12, 10) << 3 | field(h, 6, 6) << 2 | field(h, 5, 5) << 6;
    uint32_t twice = field(h, 12, 10) << 3 | field(h, 6, 5) << 6;

    switch (field(h, 15, 13)) {
    case 0: {
        uint32_t imm = field(h, 12, 11) << 4 | field(h, 10, 7) << 6 | field(h, 6, 6) << 2 |
                       field(h, 5, 5) << 3;
        if (imm)
            set_imm(insn, RV_ADD, low, SP, imm);
        else if (h == 0) /* the defined illegal instruction: what `unimp` becomes */
            set(insn, RV_EBREAK, 0, 0, 0);
        break;
    }
    case 2:
        set_memory(insn, RV_LW, low, base, 0, word);
        break;
    case 3:
        set_memory(insn, RV_LD, low, base, 0, twice);
        break;
    case 6:
        set_memory(insn, RV_SW, 0, base, low, word);
        break;
    case 7:
        set_memory(insn, RV_SD, 0, base, low, twice);
        break;
    case 1:
    case 5:
        set(insn, RV_FLOAT, 0, 0, 0);
        break;
    default:
        break;
    }
}

/* quadrant 1, funct3 4: shifts, andi and the register forms */
static void
decode_arithmetic(struct rv_insn *insn, uint32_t h)
{
    static const uint8_t ops[2][4] = { { RV_SUB, RV_XOR, RV_OR, RV_AND },
                                       { RV_SUBW, RV_ADDW, RV_ILLEGAL, RV_ILLEGAL } };
    uint32_t rd = 8 + field(h, 9, 7), shift = field(h, 12, 12) << 5 | field(h, 6, 2);

    switch (field(h, 11, 10)) {
    case 0:
        set_imm(insn, RV_SRL, rd, rd, shift);
        break;
    case 1:
        set_imm(insn, RV_SRA, rd, rd, shift);
        break;
    case 2:
        set_imm(insn, RV_AND, rd, rd, rv_bits_signed(shift, 6));
        break;
    default:
        set(insn, ops[field(h, 12, 12)][field(h, 6, 5)], rd, rd, 8 + field(h, 4, 2));
        break;
    }
}

static void
decode_lui_or_sp(struct rv_insn *insn, uint32_t h)
{
    uint32_t rd = field(h, 11, 7);
    int64_t imm = rv_bits_signed(field(h, 12, 12) << 5 | field(h, 6, 2), 6);
    int64_t sp_imm =
        rv_bits_signed(field(h, 12, 12) << 9 | field(h, 6, 6) << 4 | field(h, 5, 5) << 6 |
                           field(h, 4, 3) << 7 | field(h, 2, 2) << 5,
                       10);

    if (imm == 0)
        return; /* reserved */
    if (rd == SP) {
        set_imm(insn, RV_ADD, SP, SP, sp_imm);
    } else {
        set(insn, RV_LUI, rd, 0, 0);
        insn->imm = imm * 4096;
    }
}

static void
decode_quadrant_1(struct rv_insn *insn, uint32_t h)
{
    uint32_t rd = field(h, 11, 7);
    int64_t imm = rv_bits_signed(field(h, 12, 12) << 5 | field(h, 6, 2), 6);

    switch (field(h, 15, 13)) {
    case 0:
        set_imm(insn, RV_ADD, rd, rd, imm);
        break;
    case 1:
        if (rd != 0)
            set_imm(insn, RV_ADDW, rd, rd, imm);
        break;
    case 2:
        set_imm(insn, RV_ADD, rd, 0, imm);
        break;
    case 3:
        decode_lui_or_sp(insn, h);
        break;
    case 4:
        decode_arithmetic(insn, h);
        break;
    case 5:
        set(insn, RV_JAL, 0, 0, 0);
        insn->imm =
            rv_bits_signed(field(h, 12, 12) << 11 | field(h, 11, 11) << 4 | field(h, 10, 9) << 8 |
                               field(h, 8, 8) << 10 | field(h, 7, 7) << 6 | field(h, 6, 6) << 7 |
                               field(h, 5, 3) << 1 | field(h, 2, 2) << 5,
                           12);
        break;
    default:
        set(insn, field(h, 13, 13) ? RV_BNE : RV_BEQ, 0, 8 + field(h, 9, 7), 0);
        insn->imm =
            rv_bits_signed(field(h, 12, 12) << 8 | field(h, 11, 10) << 3 | field(h, 6, 5) << 6 |
                               field(h, 4, 3) << 1 | field(h, 2, 2) << 5,
                           9);
        break;
    }
}

/* quadrant 2, funct3 4: jumps, moves and adds */
static void
decode_jump_or_add(struct rv_insn *insn, uint32_t h)
{
    uint32_t rd = field(h, 11, 7), rs2 = field(h, 6, 2);
    bool high = field(h, 12, 12);

    if (rs2)
        set(insn, RV_ADD, rd, high ? rd : 0, rs2);
    else if (rd)
        set(insn, RV_JALR, high ? RA : 0, rd, 0);
    else if (high)
        set(insn, RV_EBREAK, 0, 0, 0);
}

static void
decode_quadrant_2(struct rv_insn *insn, uint32_t h)
{
    uint32_t rd = field(h, 11, 7), rs2 = field(h, 6, 2);

    switch (field(h, 15, 13)) {
    case 0:
        set_imm(insn, RV_SLL, rd, rd, field(h, 12, 12) << 5 | rs2);
        break;
    case 2:
        if (rd)
            set_memory(insn, RV_LW, rd, SP, 0,
                       field(h, 12, 12) << 5 | field(h, 6, 4) << 2 | field(h, 3, 2) << 6);
        break;
    case 3:
        if (rd)
            set_memory(insn, RV_LD, rd, SP, 0,
                       field(h, 12, 12) << 5 | field(h, 6, 5) << 3 | field(h, 4, 2) << 6);
        break;
    case 4:
        decode_jump_or_add(insn, h);
        break;
    case 6:
        set_memory(insn, RV_SW, 0, SP, rs2, field(h, 12, 9) << 2 | field(h, 8, 7) << 6);
        break;
    case 7:
        set_memory(insn, RV_SD, 0, SP, rs2, field(h, 12, 10) << 3 | field(h, 9, 7) << 6);
        break;
    default:
        set(insn, RV_FLOAT, 0, 0, 0);
        break;
    }
}

void
rv_decode_compressed(struct rv_insn *insn, uint32_t half)
{
    switch (half & 3) {
    case 0:
        decode_quadrant_0(insn, half);
        break;
    case 1:
        decode_quadrant_1(insn, half);
        break;
    default:
        decode_quadrant_2(insn, half);
        break;
    }
}
