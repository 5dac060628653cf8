/* link-lower-bits.c - one operand, single bits, and conditional moves
 *
 * Zbb's counts and extensions have their counterparts, orc.b is spelt out. Zbs becomes shifts and
 * logic. Zicond's zeroing forms become conditional moves of 0.
 */
#include "link-lower.h"

static const uint8_t one_operand[RV_N_OPS] = {
    [RV_CLZ] = NUB_OP_LEADING_ZERO_BITS_64,  [RV_CLZW] = NUB_OP_LEADING_ZERO_BITS_32,
    [RV_CTZ] = NUB_OP_TRAILING_ZERO_BITS_64, [RV_CTZW] = NUB_OP_TRAILING_ZERO_BITS_32,
    [RV_CPOP] = NUB_OP_COUNT_SET_BITS_64,    [RV_CPOPW] = NUB_OP_COUNT_SET_BITS_32,
    [RV_SEXTB] = NUB_OP_SIGN_EXTEND_8,       [RV_SEXTH] = NUB_OP_SIGN_EXTEND_16,
    [RV_ZEXTH] = NUB_OP_ZERO_EXTEND_16,      [RV_REV8] = NUB_OP_REVERSE_BYTES,
};

/* each byte becomes 0xff unless it is 0: the top bit of (x & 0x7f) + 0x7f | x says so */
static void
lower_orc_b(struct lower *l, uint8_t d, uint8_t s)
{
    uint8_t mask = lower_scratch(l), t = d != s ? d : lower_scratch(l);

    lower_put_constant(l, mask, 0x7f7f7f7f7f7f7f7full);
    lower_rrr(l, NUB_OP_AND, t, s, mask);
    lower_rrr(l, NUB_OP_ADD_64, t, t, mask);
    lower_rrr(l, NUB_OP_OR, t, t, s);
    lower_rrr(l, NUB_OP_AND_INV, t, t, mask);
    lower_rri(l, NUB_OP_SHLO_R_IMM_64, t, t, 7);
    lower_rri(l, NUB_OP_MUL_IMM_64, d, t, 255);
}

void
lower_one_operand(struct lower *l, const struct rv_insn *rv)
{
    uint8_t d = link_reg(rv->rd), s = lower_reg(l, lower_operand(l, rv->rs1));

    if (rv->op == RV_ORCB)
        lower_orc_b(l, d, s);
    else
        lower_rr(l, one_operand[rv->op], d, s);
}

/* ---- single bits ----------------------------------------------------------------------------- */

struct bit_op {
    uint8_t imm, rrr;
};

static const struct bit_op bit_ops[] = {
    [RV_BCLR - RV_BCLR] = { NUB_OP_AND_IMM, NUB_OP_AND_INV },
    [RV_BINV - RV_BCLR] = { NUB_OP_XOR_IMM, NUB_OP_XOR },
    [RV_BSET - RV_BCLR] = { NUB_OP_OR_IMM, NUB_OP_OR },
};

static void
take_bit(struct lower *l, uint8_t d, uint8_t s, struct operand at)
{
    if (!at.is_constant) {
        lower_rrr(l, NUB_OP_SHLO_R_64, d, s, at.reg);
    } else if ((at.k & 63) != 0) {
        lower_rri(l, NUB_OP_SHLO_R_IMM_64, d, s, at.k & 63);
        s = d;
        if ((at.k & 63) == 63)
            return;
    } else {
        lower_rri(l, NUB_OP_AND_IMM, d, s, 1);
        return;
    }
    lower_rri(l, NUB_OP_AND_IMM, d, d, 1);
}

static void
change_bit(struct lower *l, const struct rv_insn *rv, struct operand a, struct operand at)
{
    const struct bit_op *op = &bit_ops[rv->op - RV_BCLR];
    uint8_t d = link_reg(rv->rd);
    uint64_t bit = 1ull << (at.k & 63);
    uint64_t k = rv->op == RV_BCLR ? ~bit : bit;

    if (at.is_constant && a.is_constant) {
        lower_put_constant(l, d,
                           rv->op == RV_BCLR   ? a.k & k
                           : rv->op == RV_BSET ? a.k | k
                                               : a.k ^ k);
        return;
    }
    if (at.is_constant && fits_32(k)) {
        lower_rri(l, op->imm, d, a.reg, k);
        return;
    }
    if (a.is_constant && a.k == 0 && rv->op != RV_BCLR) {
        lower_rri(l, NUB_OP_SHLO_L_IMM_ALT_64, d, at.reg, 1);
        return;
    }
    uint8_t s = lower_reg(l, a);
    uint8_t t = d != s ? d : lower_scratch(l);
    if (at.is_constant)
        lower_put_constant(l, t, bit);
    else
        lower_rri(l, NUB_OP_SHLO_L_IMM_ALT_64, t, at.reg, 1);
    lower_rrr(l, op->rrr, d, s, t);
}

/* ---- conditional moves ----------------------------------------------------------------------- */

/* d = c == 0 ? d : from, or with `if_zero` the other way round */
static void
move_if(struct lower *l, uint8_t d, struct operand from, uint8_t c, bool if_zero)
{
    if (from.is_constant && fits_32(from.k))
        lower_rri(l, if_zero ? NUB_OP_CMOV_IZ_IMM : NUB_OP_CMOV_NZ_IMM, d, c, from.k);
    else
        lower_rrr(l, if_zero ? NUB_OP_CMOV_IZ : NUB_OP_CMOV_NZ, d, from.reg, c);
}

static bool
is_in(struct operand o, uint8_t reg)
{
    return o.has_reg && o.reg == reg;
}

static void
choose(struct lower *l, uint8_t d, struct operand nonzero, struct operand zero, struct operand c)
{
    if (c.is_constant) {
        lower_move(l, d, c.k ? nonzero : zero);
    } else if (is_in(zero, d)) {
        move_if(l, d, nonzero, c.reg, false);
    } else if (is_in(nonzero, d)) {
        move_if(l, d, zero, c.reg, true);
    } else if (c.reg != d) {
        lower_move(l, d, zero);
        move_if(l, d, nonzero, c.reg, false);
    } else if (zero.is_constant && zero.k == 0) {
        move_if(l, d, nonzero, d, false); /* where c is 0, d is */
    } else if (nonzero.is_constant && nonzero.k == 0) {
        lower_rri(l, NUB_OP_SET_LT_U_IMM, d, d, 1);
        move_if(l, d, zero, d, false);
    } else {
        uint8_t t = lower_scratch(l);
        lower_move(l, t, zero);
        move_if(l, t, nonzero, c.reg, false);
        lower_rr(l, NUB_OP_MOVE_REG, d, t);
    }
}

void
lower_select(struct lower *l, const struct rv_insn *rv)
{
    choose(l, link_reg(rv->rd), lower_operand(l, rv->rs1), lower_operand(l, rv->rs2),
           lower_operand(l, rv->rs3));
}

void
lower_bits(struct lower *l, const struct rv_insn *rv)
{
    struct operand a = lower_operand(l, rv->rs1);
    struct operand b =
        rv->has_imm ? lower_constant_operand((uint64_t)rv->imm) : lower_operand(l, rv->rs2);
    struct operand zero = lower_constant_operand(0);

    if (rv->op == RV_CZERO_EQZ)
        choose(l, link_reg(rv->rd), a, zero, b);
    else if (rv->op == RV_CZERO_NEZ)
        choose(l, link_reg(rv->rd), zero, a, b);
    else if (rv->op == RV_BEXT)
        take_bit(l, link_reg(rv->rd), lower_reg(l, a), b);
    else
        change_bit(l, rv, a, b);
}
