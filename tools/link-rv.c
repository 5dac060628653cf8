/* link-rv.c - RISC-V machine code to struct rv_insn
 *
 * One table for the 32-bit forms; the compressed forms are expanded in link-rvc.c. Nothing is
 * judged here: registers beyond x15, gp, tp and so on are for link-flow.c, which can say where they
 * stand. Source: the RISC-V unprivileged specification, chapters RV64I, M, A, Zba, Zbb, Zbs,
 * Zicond.
 */
#include "link-rv-private.h"

/* where the operands of a 32-bit form are */
enum rv_format { F_R, F_R1, F_I, F_SHIFT6, F_SHIFT5, F_U, F_LOAD, F_S, F_B, F_J, F_AMO, F_NONE };

struct rv_form {
    uint32_t mask, match;
    uint8_t op, format;
};

#define MAJOR              0x0000007fu
#define FUNCT3             0x0000707fu
#define FUNCT7             0xfe00707fu
#define SHIFT6             0xfc00707fu
#define UNARY              0xfff0707fu
#define AMO                0xf800707fu
#define WHOLE              0xffffffffu
#define R(f7, f3, major)   ((uint32_t)(f7) << 25 | (f3) << 12 | (major))
#define R1(f12, f3, major) ((uint32_t)(f12) << 20 | (f3) << 12 | (major))
#define A5(f5, f3)         ((uint32_t)(f5) << 27 | (f3) << 12 | 0x2f)
#define AMO_PAIR(f5, op)                                                                           \
    { AMO, A5(f5, 2), op, F_AMO },                                                                 \
    {                                                                                              \
        AMO, A5(f5, 3), op, F_AMO                                                                  \
    }

static const struct rv_form forms[] = {
    { MAJOR, 0x37, RV_LUI, F_U },
    { MAJOR, 0x17, RV_AUIPC, F_U },
    { MAJOR, 0x6f, RV_JAL, F_J },
    { FUNCT3, 0x67, RV_JALR, F_LOAD },
    { FUNCT3, 0x0063, RV_BEQ, F_B },
    { FUNCT3, 0x1063, RV_BNE, F_B },
    { FUNCT3, 0x4063, RV_BLT, F_B },
    { FUNCT3, 0x5063, RV_BGE, F_B },
    { FUNCT3, 0x6063, RV_BLTU, F_B },
    { FUNCT3, 0x7063, RV_BGEU, F_B },
    { FUNCT3, 0x0003, RV_LB, F_LOAD },
    { FUNCT3, 0x1003, RV_LH, F_LOAD },
    { FUNCT3, 0x2003, RV_LW, F_LOAD },
    { FUNCT3, 0x3003, RV_LD, F_LOAD },
    { FUNCT3, 0x4003, RV_LBU, F_LOAD },
    { FUNCT3, 0x5003, RV_LHU, F_LOAD },
    { FUNCT3, 0x6003, RV_LWU, F_LOAD },
    { FUNCT3, 0x0023, RV_SB, F_S },
    { FUNCT3, 0x1023, RV_SH, F_S },
    { FUNCT3, 0x2023, RV_SW, F_S },
    { FUNCT3, 0x3023, RV_SD, F_S },
    { FUNCT3, 0x0013, RV_ADD, F_I },
    { FUNCT3, 0x2013, RV_SLT, F_I },
    { FUNCT3, 0x3013, RV_SLTU, F_I },
    { FUNCT3, 0x4013, RV_XOR, F_I },
    { FUNCT3, 0x6013, RV_OR, F_I },
    { FUNCT3, 0x7013, RV_AND, F_I },
    { SHIFT6, 0x00001013, RV_SLL, F_SHIFT6 },
    { SHIFT6, 0x00005013, RV_SRL, F_SHIFT6 },
    { SHIFT6, 0x40005013, RV_SRA, F_SHIFT6 },
    { SHIFT6, 0x60005013, RV_ROR, F_SHIFT6 },
    { SHIFT6, 0x48001013, RV_BCLR, F_SHIFT6 },
    { SHIFT6, 0x48005013, RV_BEXT, F_SHIFT6 },
    { SHIFT6, 0x68001013, RV_BINV, F_SHIFT6 },
    { SHIFT6, 0x28001013, RV_BSET, F_SHIFT6 },
    { SHIFT6, 0x0800101b, RV_SLLUW, F_SHIFT6 },
    { UNARY, R1(0x600, 1, 0x13), RV_CLZ, F_R1 },
    { UNARY, R1(0x601, 1, 0x13), RV_CTZ, F_R1 },
    { UNARY, R1(0x602, 1, 0x13), RV_CPOP, F_R1 },
    { UNARY, R1(0x604, 1, 0x13), RV_SEXTB, F_R1 },
    { UNARY, R1(0x605, 1, 0x13), RV_SEXTH, F_R1 },
    { UNARY, R1(0x287, 5, 0x13), RV_ORCB, F_R1 },
    { UNARY, R1(0x6b8, 5, 0x13), RV_REV8, F_R1 },
    { UNARY, R1(0x600, 1, 0x1b), RV_CLZW, F_R1 },
    { UNARY, R1(0x601, 1, 0x1b), RV_CTZW, F_R1 },
    { UNARY, R1(0x602, 1, 0x1b), RV_CPOPW, F_R1 },
    { UNARY, R1(0x080, 4, 0x3b), RV_ZEXTH, F_R1 },
    { FUNCT3, 0x001b, RV_ADDW, F_I },
    { FUNCT7, R(0x00, 1, 0x1b), RV_SLLW, F_SHIFT5 },
    { FUNCT7, R(0x00, 5, 0x1b), RV_SRLW, F_SHIFT5 },
    { FUNCT7, R(0x20, 5, 0x1b), RV_SRAW, F_SHIFT5 },
    { FUNCT7, R(0x30, 5, 0x1b), RV_RORW, F_SHIFT5 },
    { FUNCT7, R(0x00, 0, 0x33), RV_ADD, F_R },
    { FUNCT7, R(0x20, 0, 0x33), RV_SUB, F_R },
    { FUNCT7, R(0x00, 1, 0x33), RV_SLL, F_R },
    { FUNCT7, R(0x00, 2, 0x33), RV_SLT, F_R },
    { FUNCT7, R(0x00, 3, 0x33), RV_SLTU, F_R },
    { FUNCT7, R(0x00, 4, 0x33), RV_XOR, F_R },
    { FUNCT7, R(0x00, 5, 0x33), RV_SRL, F_R },
    { FUNCT7, R(0x20, 5, 0x33), RV_SRA, F_R },
    { FUNCT7, R(0x00, 6, 0x33), RV_OR, F_R },
    { FUNCT7, R(0x00, 7, 0x33), RV_AND, F_R },
    { FUNCT7, R(0x01, 0, 0x33), RV_MUL, F_R },
    { FUNCT7, R(0x01, 1, 0x33), RV_MULH, F_R },
    { FUNCT7, R(0x01, 2, 0x33), RV_MULHSU, F_R },
    { FUNCT7, R(0x01, 3, 0x33), RV_MULHU, F_R },
    { FUNCT7, R(0x01, 4, 0x33), RV_DIV, F_R },
    { FUNCT7, R(0x01, 5, 0x33), RV_DIVU, F_R },
    { FUNCT7, R(0x01, 6, 0x33), RV_REM, F_R },
    { FUNCT7, R(0x01, 7, 0x33), RV_REMU, F_R },
    { FUNCT7, R(0x20, 7, 0x33), RV_ANDN, F_R },
    { FUNCT7, R(0x20, 6, 0x33), RV_ORN, F_R },
    { FUNCT7, R(0x20, 4, 0x33), RV_XNOR, F_R },
    { FUNCT7, R(0x05, 6, 0x33), RV_MAX, F_R },
    { FUNCT7, R(0x05, 7, 0x33), RV_MAXU, F_R },
    { FUNCT7, R(0x05, 4, 0x33), RV_MIN, F_R },
    { FUNCT7, R(0x05, 5, 0x33), RV_MINU, F_R },
    { FUNCT7, R(0x30, 1, 0x33), RV_ROL, F_R },
    { FUNCT7, R(0x30, 5, 0x33), RV_ROR, F_R },
    { FUNCT7, R(0x10, 2, 0x33), RV_SH1ADD, F_R },
    { FUNCT7, R(0x10, 4, 0x33), RV_SH2ADD, F_R },
    { FUNCT7, R(0x10, 6, 0x33), RV_SH3ADD, F_R },
    { FUNCT7, R(0x24, 1, 0x33), RV_BCLR, F_R },
    { FUNCT7, R(0x24, 5, 0x33), RV_BEXT, F_R },
    { FUNCT7, R(0x34, 1, 0x33), RV_BINV, F_R },
    { FUNCT7, R(0x14, 1, 0x33), RV_BSET, F_R },
    { FUNCT7, R(0x07, 5, 0x33), RV_CZERO_EQZ, F_R },
    { FUNCT7, R(0x07, 7, 0x33), RV_CZERO_NEZ, F_R },
    { FUNCT7, R(0x00, 0, 0x3b), RV_ADDW, F_R },
    { FUNCT7, R(0x20, 0, 0x3b), RV_SUBW, F_R },
    { FUNCT7, R(0x00, 1, 0x3b), RV_SLLW, F_R },
    { FUNCT7, R(0x00, 5, 0x3b), RV_SRLW, F_R },
    { FUNCT7, R(0x20, 5, 0x3b), RV_SRAW, F_R },
    { FUNCT7, R(0x01, 0, 0x3b), RV_MULW, F_R },
    { FUNCT7, R(0x01, 4, 0x3b), RV_DIVW, F_R },
    { FUNCT7, R(0x01, 5, 0x3b), RV_DIVUW, F_R },
    { FUNCT7, R(0x01, 6, 0x3b), RV_REMW, F_R },
    { FUNCT7, R(0x01, 7, 0x3b), RV_REMUW, F_R },
    { FUNCT7, R(0x30, 1, 0x3b), RV_ROLW, F_R },
    { FUNCT7, R(0x30, 5, 0x3b), RV_RORW, F_R },
    { FUNCT7, R(0x04, 0, 0x3b), RV_ADDUW, F_R },
    { FUNCT7, R(0x10, 2, 0x3b), RV_SH1ADDUW, F_R },
    { FUNCT7, R(0x10, 4, 0x3b), RV_SH2ADDUW, F_R },
    { FUNCT7, R(0x10, 6, 0x3b), RV_SH3ADDUW, F_R },
    AMO_PAIR(0x02, RV_LR),
    AMO_PAIR(0x03, RV_SC),
    AMO_PAIR(0x01, RV_AMOSWAP),
    AMO_PAIR(0x00, RV_AMOADD),
    AMO_PAIR(0x04, RV_AMOXOR),
    AMO_PAIR(0x0c, RV_AMOAND),
    AMO_PAIR(0x08, RV_AMOOR),
    AMO_PAIR(0x10, RV_AMOMIN),
    AMO_PAIR(0x14, RV_AMOMAX),
    AMO_PAIR(0x18, RV_AMOMINU),
    AMO_PAIR(0x1c, RV_AMOMAXU),
    { FUNCT3, 0x000f, RV_FENCE, F_NONE },
    { FUNCT3, 0x100f, RV_FENCE_I, F_NONE },
    { WHOLE, 0x00000073, RV_ECALL, F_NONE },
    { WHOLE, 0x00100073, RV_EBREAK, F_NONE },
    { WHOLE, 0xc0001073, RV_EBREAK, F_NONE }, /* `unimp`: a write to a read-only CSR */
    { MAJOR, 0x73, RV_CSR, F_NONE },
    { MAJOR, 0x0b, RV_HOSTCALL_HI, F_U },
    { MAJOR, 0x2b, RV_HOSTCALL_LO, F_LOAD },
    { MAJOR, 0x07, RV_FLOAT, F_NONE },
    { MAJOR, 0x27, RV_FLOAT, F_NONE },
    { MAJOR, 0x43, RV_FLOAT, F_NONE },
    { MAJOR, 0x47, RV_FLOAT, F_NONE },
    { MAJOR, 0x4b, RV_FLOAT, F_NONE },
    { MAJOR, 0x4f, RV_FLOAT, F_NONE },
    { MAJOR, 0x53, RV_FLOAT, F_NONE },
    { MAJOR, 0x57, RV_VECTOR, F_NONE },
};

static int64_t
branch_offset(uint32_t w)
{
    return rv_bits_signed(
        (w >> 31) << 12 | (w >> 7 & 1) << 11 | (w >> 25 & 63) << 5 | (w >> 8 & 15) << 1, 13);
}

static int64_t
jump_offset(uint32_t w)
{
    return rv_bits_signed(
        (w >> 31) << 20 | (w >> 12 & 255) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 1023) << 1, 21);
}

/* fields that a form does not have stay 0 */
static void
take_operands(struct rv_insn *insn, enum rv_format format, uint32_t w)
{
    uint8_t rd = w >> 7 & 31, rs1 = w >> 15 & 31, rs2 = w >> 20 & 31;

    insn->rd = format == F_S || format == F_B || format == F_NONE ? 0 : rd;
    insn->rs1 = format == F_U || format == F_J || format == F_NONE ? 0 : rs1;
    insn->rs2 = format == F_R || format == F_S || format == F_B || format == F_AMO ? rs2 : 0;
    insn->has_imm = format == F_I || format == F_SHIFT6 || format == F_SHIFT5;
    insn->wide = format == F_AMO && (w >> 12 & 7) == 3;
    if (format == F_I || format == F_LOAD)
        insn->imm = (int32_t)w >> 20;
    else if (format == F_SHIFT6)
        insn->imm = w >> 20 & 63;
    else if (format == F_SHIFT5)
        insn->imm = rs2;
    else if (format == F_U)
        insn->imm = (int32_t)(w & 0xfffff000);
    else if (format == F_S)
        insn->imm = rv_bits_signed((w >> 25) << 5 | rd, 12);
    else if (format == F_B)
        insn->imm = branch_offset(w);
    else if (format == F_J)
        insn->imm = jump_offset(w);
}

static const struct rv_form *
find_form(uint32_t w)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if ((w & forms[i].mask) == forms[i].match)
            return &forms[i];
    return NULL;
}

void
rv_decode(struct rv_insn *insn, const uint8_t *bytes, size_t left)
{
    *insn = (struct rv_insn){ .op = RV_ILLEGAL };
    if (left < 2)
        return;
    uint32_t low = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    if ((low & 3) != 3) {
        insn->size = 2;
        rv_decode_compressed(insn, low);
        return;
    }
    if (left < 4)
        return;
    uint32_t w = low | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    const struct rv_form *form = find_form(w);
    insn->size = 4;
    if (form) {
        insn->op = form->op;
        take_operands(insn, form->format, w);
    }
}

uint32_t
rv_reads(const struct rv_insn *insn)
{
    return (1u << insn->rs1 | 1u << insn->rs2 | 1u << insn->rs3) & ~1u;
}

bool
rv_writes(const struct rv_insn *insn)
{
    return insn->rd != 0;
}

static const char *const names[RV_N_OPS] = {
    [RV_ILLEGAL] = "unknown",
    [RV_LUI] = "lui",
    [RV_AUIPC] = "auipc",
    [RV_JALR] = "jalr",
    [RV_JAL] = "jal",
    [RV_FENCE_I] = "fence.i",
    [RV_CSR] = "csr",
    [RV_FLOAT] = "floating point",
    [RV_VECTOR] = "vector",
    [RV_HOSTCALL_HI] = "host call",
    [RV_HOSTCALL_LO] = "host call",
};

const char *
rv_name(const struct rv_insn *insn)
{
    return insn->op < RV_N_OPS && names[insn->op] ? names[insn->op] : "instruction";
}
