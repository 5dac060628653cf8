/* link-rv.h - RISC-V instructions: rv64emac with Zba, Zbb, Zbs and Zicond, decoded
 *
 * Register-register and register-immediate forms share an operation (`addi` is RV_ADD with
 * has_imm), compressed forms are expanded; what is left is what the lowering has to know.
 */
#ifndef NUB_TOOLS_LINK_RV_H
#define NUB_TOOLS_LINK_RV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rv_op {
    RV_ILLEGAL,
    /* two operands: rs1 and rs2, or rs1 and imm when has_imm */
    RV_ADD, RV_SUB, RV_SLL, RV_SRL, RV_SRA, RV_SLT, RV_SLTU, RV_XOR, RV_OR, RV_AND,
    RV_ADDW, RV_SUBW, RV_SLLW, RV_SRLW, RV_SRAW,
    RV_MUL, RV_MULH, RV_MULHSU, RV_MULHU, RV_DIV, RV_DIVU, RV_REM, RV_REMU,
    RV_MULW, RV_DIVW, RV_DIVUW, RV_REMW, RV_REMUW,
    RV_ANDN, RV_ORN, RV_XNOR, RV_MAX, RV_MAXU, RV_MIN, RV_MINU,
    RV_ROL, RV_ROR, RV_ROLW, RV_RORW,
    RV_SH1ADD, RV_SH2ADD, RV_SH3ADD, RV_ADDUW, RV_SH1ADDUW, RV_SH2ADDUW, RV_SH3ADDUW, RV_SLLUW,
    RV_BCLR, RV_BEXT, RV_BINV, RV_BSET, RV_CZERO_EQZ, RV_CZERO_NEZ,
    /* one operand: rs1 */
    RV_CLZ, RV_CLZW, RV_CTZ, RV_CTZW, RV_CPOP, RV_CPOPW, RV_SEXTB, RV_SEXTH, RV_ZEXTH, RV_ORCB, RV_REV8,
    /* rd = imm; rd = pc + imm */
    RV_LUI, RV_AUIPC,
    /* rd = [rs1 + imm]; [rs1 + imm] = rs2 */
    RV_LB, RV_LH, RV_LW, RV_LD, RV_LBU, RV_LHU, RV_LWU, RV_SB, RV_SH, RV_SW, RV_SD,
    /* to pc + imm; jalr: to rs1 + imm */
    RV_BEQ, RV_BNE, RV_BLT, RV_BGE, RV_BLTU, RV_BGEU, RV_JAL, RV_JALR,
    /* [rs1], rs2; `wide`: 64 bits */
    RV_LR, RV_SC, RV_AMOSWAP, RV_AMOADD, RV_AMOXOR, RV_AMOAND, RV_AMOOR, RV_AMOMIN, RV_AMOMAX, RV_AMOMINU, RV_AMOMAXU,
    RV_FENCE, RV_ECALL, RV_EBREAK,
    /* the two halves of a host call (sdk/nub-guest.h): imm is the upper 20, the lower 12 bits */
    RV_HOSTCALL_HI, RV_HOSTCALL_LO,
    /* made by link-select.c: rd = rs3 != 0 ? rs1 : rs2; and nothing at all */
    RV_SELECT, RV_NOTHING,
    /* decoded only to say what they are */
    RV_FENCE_I, RV_CSR, RV_FLOAT, RV_VECTOR,
    RV_N_OPS
};

struct rv_insn {
    uint8_t op;   /* enum rv_op */
    uint8_t size; /* 2 or 4; 0: not even that many bytes. A call pair that was joined: 8 */
    uint8_t rd, rs1, rs2;
    uint8_t rs3; /* of RV_SELECT alone */
    bool has_imm;
    bool wide;
    int64_t imm;
};

/** Decodes what is at `bytes`, of which `left` are there. What it does not know is RV_ILLEGAL. */
void rv_decode(struct rv_insn *insn, const uint8_t *bytes, size_t left);
/** Bits of the registers x0..x31 that the instruction reads, x0 left out. */
uint32_t rv_reads(const struct rv_insn *insn);
/** Whether it writes rd. */
bool rv_writes(const struct rv_insn *insn);
/** "lui", "amoadd": for messages. */
const char *rv_name(const struct rv_insn *insn);

#endif
