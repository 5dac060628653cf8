/* link-lower-alu.c - arithmetic of two operands
 *
 * Constants are folded where both sides are known; otherwise the immediate form is taken where
 * there is one (with the sides swapped, or the operation turned into another, if that helps), and
 * three registers where there is none. Zba's shift-and-add and zero-extending forms have no
 * counterpart and become two or three instructions.
 */
#include "link-lower.h"

/* per operation: the three-register form, the one with an immediate on the right and on the left */
struct alu {
    uint8_t rrr, right, left;
    bool commutes;
};

static const struct alu alus[RV_N_OPS] = {
    [RV_ADD] = { NUB_OP_ADD_64, NUB_OP_ADD_IMM_64, 0, true },
    [RV_SUB] = { NUB_OP_SUB_64, 0, NUB_OP_NEG_ADD_IMM_64, false },
    [RV_SLL] = { NUB_OP_SHLO_L_64, NUB_OP_SHLO_L_IMM_64, NUB_OP_SHLO_L_IMM_ALT_64, false },
    [RV_SRL] = { NUB_OP_SHLO_R_64, NUB_OP_SHLO_R_IMM_64, NUB_OP_SHLO_R_IMM_ALT_64, false },
    [RV_SRA] = { NUB_OP_SHAR_R_64, NUB_OP_SHAR_R_IMM_64, NUB_OP_SHAR_R_IMM_ALT_64, false },
    [RV_SLT] = { NUB_OP_SET_LT_S, NUB_OP_SET_LT_S_IMM, NUB_OP_SET_GT_S_IMM, false },
    [RV_SLTU] = { NUB_OP_SET_LT_U, NUB_OP_SET_LT_U_IMM, NUB_OP_SET_GT_U_IMM, false },
    [RV_XOR] = { NUB_OP_XOR, NUB_OP_XOR_IMM, 0, true },
    [RV_OR] = { NUB_OP_OR, NUB_OP_OR_IMM, 0, true },
    [RV_AND] = { NUB_OP_AND, NUB_OP_AND_IMM, 0, true },
    [RV_ADDW] = { NUB_OP_ADD_32, NUB_OP_ADD_IMM_32, 0, true },
    [RV_SUBW] = { NUB_OP_SUB_32, 0, NUB_OP_NEG_ADD_IMM_32, false },
    [RV_SLLW] = { NUB_OP_SHLO_L_32, NUB_OP_SHLO_L_IMM_32, NUB_OP_SHLO_L_IMM_ALT_32, false },
    [RV_SRLW] = { NUB_OP_SHLO_R_32, NUB_OP_SHLO_R_IMM_32, NUB_OP_SHLO_R_IMM_ALT_32, false },
    [RV_SRAW] = { NUB_OP_SHAR_R_32, NUB_OP_SHAR_R_IMM_32, NUB_OP_SHAR_R_IMM_ALT_32, false },
    [RV_MUL] = { NUB_OP_MUL_64, NUB_OP_MUL_IMM_64, 0, true },
    [RV_MULH] = { NUB_OP_MUL_UPPER_S_S, 0, 0, true },
    [RV_MULHSU] = { NUB_OP_MUL_UPPER_S_U, 0, 0, false },
    [RV_MULHU] = { NUB_OP_MUL_UPPER_U_U, 0, 0, true },
    [RV_DIV] = { NUB_OP_DIV_S_64, 0, 0, false },
    [RV_DIVU] = { NUB_OP_DIV_U_64, 0, 0, false },
    [RV_REM] = { NUB_OP_REM_S_64, 0, 0, false },
    [RV_REMU] = { NUB_OP_REM_U_64, 0, 0, false },
    [RV_MULW] = { NUB_OP_MUL_32, NUB_OP_MUL_IMM_32, 0, true },
    [RV_DIVW] = { NUB_OP_DIV_S_32, 0, 0, false },
    [RV_DIVUW] = { NUB_OP_DIV_U_32, 0, 0, false },
    [RV_REMW] = { NUB_OP_REM_S_32, 0, 0, false },
    [RV_REMUW] = { NUB_OP_REM_U_32, 0, 0, false },
    [RV_ANDN] = { NUB_OP_AND_INV, 0, 0, false },
    [RV_ORN] = { NUB_OP_OR_INV, 0, 0, false },
    [RV_XNOR] = { NUB_OP_XNOR, 0, 0, true },
    [RV_MAX] = { NUB_OP_MAX, 0, 0, true },
    [RV_MAXU] = { NUB_OP_MAX_U, 0, 0, true },
    [RV_MIN] = { NUB_OP_MIN, 0, 0, true },
    [RV_MINU] = { NUB_OP_MIN_U, 0, 0, true },
    [RV_ROL] = { NUB_OP_ROT_L_64, 0, 0, false },
    [RV_ROR] = { NUB_OP_ROT_R_64, NUB_OP_ROT_R_64_IMM, NUB_OP_ROT_R_64_IMM_ALT, false },
    [RV_ROLW] = { NUB_OP_ROT_L_32, 0, 0, false },
    [RV_RORW] = { NUB_OP_ROT_R_32, NUB_OP_ROT_R_32_IMM, NUB_OP_ROT_R_32_IMM_ALT, false },
};

static uint64_t
sign_32(uint64_t x)
{
    return (uint64_t)(int64_t)(int32_t)x;
}

bool
lower_fold(unsigned op, uint64_t a, uint64_t b, uint64_t *k)
{
    switch (op) {
    case RV_ADD:
        *k = a + b;
        return true;
    case RV_SUB:
        *k = a - b;
        return true;
    case RV_SLL:
        *k = a << (b & 63);
        return true;
    case RV_SRL:
        *k = a >> (b & 63);
        return true;
    case RV_SRA:
        *k = (uint64_t)((int64_t)a >> (b & 63));
        return true;
    case RV_SLT:
        *k = (int64_t)a < (int64_t)b;
        return true;
    case RV_SLTU:
        *k = a < b;
        return true;
    case RV_XOR:
        *k = a ^ b;
        return true;
    case RV_OR:
        *k = a | b;
        return true;
    case RV_AND:
        *k = a & b;
        return true;
    case RV_ADDW:
        *k = sign_32(a + b);
        return true;
    case RV_SUBW:
        *k = sign_32(a - b);
        return true;
    case RV_SLLW:
        *k = sign_32((uint64_t)(uint32_t)a << (b & 31));
        return true;
    case RV_SRLW:
        *k = sign_32((uint32_t)a >> (b & 31));
        return true;
    case RV_SRAW:
        *k = (uint64_t)(int64_t)((int32_t)a >> (b & 31));
        return true;
    case RV_MUL:
        *k = a * b;
        return true;
    case RV_MULW:
        *k = sign_32(a * b);
        return true;
    case RV_ROR:
        *k = b & 63 ? a >> (b & 63) | a << (64 - (b & 63)) : a;
        return true;
    case RV_SH1ADD:
        *k = (a << 1) + b;
        return true;
    case RV_SH2ADD:
        *k = (a << 2) + b;
        return true;
    case RV_SH3ADD:
        *k = (a << 3) + b;
        return true;
    case RV_ADDUW:
        *k = (uint32_t)a + b;
        return true;
    case RV_SLLUW:
        *k = (uint64_t)(uint32_t)a << (b & 63);
        return true;
    default:
        return false;
    }
}

/* with a constant on the right: the operation that has an immediate form for it */
static void
turn(unsigned *op, uint64_t *k)
{
    switch (*op) {
    case RV_SUB:
        *op = RV_ADD;
        *k = -*k;
        break;
    case RV_SUBW:
        *op = RV_ADDW;
        *k = sign_32(-*k);
        break;
    case RV_ANDN:
        *op = RV_AND;
        *k = ~*k;
        break;
    case RV_ORN:
        *op = RV_OR;
        *k = ~*k;
        break;
    case RV_XNOR:
        *op = RV_XOR;
        *k = ~*k;
        break;
    case RV_ROL:
        *op = RV_ROR;
        *k = -*k & 63;
        break;
    case RV_ROLW:
        *op = RV_RORW;
        *k = -*k & 31;
        break;
    case RV_MUL:
        if (*k && !(*k & (*k - 1))) {
            *op = RV_SLL;
            *k = (uint64_t)__builtin_ctzll(*k);
        }
        break;
    default:
        break;
    }
}

/* x op k == x */
static bool
changes_nothing(unsigned op, uint64_t k)
{
    switch (op) {
    case RV_ADD:
    case RV_OR:
    case RV_XOR:
        return k == 0;
    case RV_SLL:
    case RV_SRL:
    case RV_SRA:
    case RV_ROR:
        return (k & 63) == 0;
    case RV_AND:
        return k == ~0ull;
    default:
        return false;
    }
}

/* an addition to what was an addition starts from the same base */
static bool
add_to_sum(struct lower *l, uint8_t d, uint8_t s, uint64_t k)
{
    const struct link_op *made = lower_made_by(l, s);
    GArray *ops = l->link->ops;
    struct link_op *last =
        ops->len > l->block->ir ? &g_array_index(ops, struct link_op, ops->len - 1) : NULL;

    if (d == s && last && last->opcode == NUB_OP_ADD_IMM_64 && last->a == d && last->b == d &&
        fits_32(last->x + k)) {
        last->x += k; /* one step for two in place */
        return true;
    }

    if (!made || made->opcode != NUB_OP_ADD_IMM_64 || !fits_32(made->x + k))
        return false;
    if (made->x + k == 0)
        lower_rr(l, NUB_OP_MOVE_REG, d, made->b);
    else
        lower_rri(l, NUB_OP_ADD_IMM_64, d, made->b, made->x + k);
    return true;
}

static bool
with_constant_right(struct lower *l, unsigned op, uint8_t d, uint8_t s, uint64_t k)
{
    turn(&op, &k);
    if (changes_nothing(op, k)) {
        if (d != s)
            lower_rr(l, NUB_OP_MOVE_REG, d, s);
        return true;
    }
    if ((op == RV_AND || op == RV_MUL || op == RV_MULW) && k == 0) {
        lower_put_constant(l, d, 0);
        return true;
    }
    if (op == RV_AND && k == 0xffff) {
        lower_rr(l, NUB_OP_ZERO_EXTEND_16, d, s);
        return true;
    }
    if (!alus[op].right || !fits_32(k))
        return false;
    if (op != RV_ADD || !add_to_sum(l, d, s, k))
        lower_rri(l, alus[op].right, d, s, k);
    return true;
}

/* a constant without a register: into the destination if the other side does not need it */
static uint8_t
reg_for(struct lower *l, struct operand from, uint8_t d, struct operand other)
{
    if (from.has_reg || (other.has_reg && other.reg == d))
        return lower_reg(l, from);
    lower_put_constant(l, d, from.k);
    return d;
}

/* ---- Zba ------------------------------------------------------------------------------------- */

/* d = (the low 32 bits of s) << shift */
static void
zero_extend(struct lower *l, uint8_t d, uint8_t s, unsigned shift)
{
    if (shift >= 32) {
        lower_rri(l, NUB_OP_SHLO_L_IMM_64, d, s, shift);
        return;
    }
    lower_rri(l, NUB_OP_SHLO_L_IMM_64, d, s, 32);
    lower_rri(l, NUB_OP_SHLO_R_IMM_64, d, d, 32 - shift);
}

static void
shifted(struct lower *l, uint8_t d, uint8_t s, unsigned shift, bool low_word)
{
    if (low_word)
        zero_extend(l, d, s, shift);
    else
        lower_rri(l, NUB_OP_SHLO_L_IMM_64, d, s, shift);
}

static void
shift_and_add(struct lower *l, uint8_t d, struct operand a, struct operand b, unsigned shift,
              bool low_word)
{
    if (a.is_constant) {
        uint64_t k = (low_word ? (uint32_t)a.k : a.k) << shift;
        if (b.is_constant)
            lower_put_constant(l, d, k + b.k);
        else if (!with_constant_right(l, RV_ADD, d, b.reg, k))
            lower_rrr(l, NUB_OP_ADD_64, d, lower_reg(l, lower_constant_operand(k)), b.reg);
        return;
    }
    if (b.is_constant && (fits_32(b.k) || !b.has_reg)) {
        shifted(l, d, a.reg, shift, low_word);
        with_constant_right(l, RV_ADD, d, d, b.k);
        return;
    }
    if (a.reg == b.reg && !low_word) {
        lower_rri(l, NUB_OP_MUL_IMM_64, d, a.reg, (1u << shift) + 1);
        return;
    }
    if (d == b.reg && shift == 1 && !low_word) {
        lower_rrr(l, NUB_OP_ADD_64, d, b.reg, a.reg);
        lower_rrr(l, NUB_OP_ADD_64, d, d, a.reg);
        return;
    }
    bool a_is_free = a.reg != b.reg && !(l->live >> a.reg & 1);
    uint8_t t = d != b.reg ? d : a_is_free ? a.reg : lower_scratch(l);
    shifted(l, t, a.reg, shift, low_word);
    lower_rrr(l, NUB_OP_ADD_64, d, t, b.reg);
}

static bool
lower_zba(struct lower *l, unsigned op, uint8_t d, struct operand a, struct operand b)
{
    switch (op) {
    case RV_SH1ADD:
    case RV_SH2ADD:
    case RV_SH3ADD:
        shift_and_add(l, d, a, b, op - RV_SH1ADD + 1, false);
        return true;
    case RV_ADDUW:
        if (b.is_constant && b.k == 0 && !a.is_constant)
            zero_extend(l, d, a.reg, 0);
        else
            shift_and_add(l, d, a, b, 0, true);
        return true;
    case RV_SH1ADDUW:
    case RV_SH2ADDUW:
    case RV_SH3ADDUW:
        shift_and_add(l, d, a, b, op - RV_SH1ADDUW + 1, true);
        return true;
    case RV_SLLUW:
        zero_extend(l, d, lower_reg(l, a), b.k & 63);
        return true;
    default:
        return false;
    }
}

void
lower_two_operands(struct lower *l, const struct link_insn *insn)
{
    unsigned op = insn->rv.op;
    uint8_t d = link_reg(insn->rv.rd);
    struct operand a = lower_operand(l, insn->rv.rs1), b = lower_operand(l, insn->rv.rs2);
    uint64_t k;

    if (insn->part == LINK_PART_CODE_LO)
        b = lower_constant_operand(0); /* the high part is the whole address */
    else if (insn->rv.has_imm)
        b = lower_constant_operand((uint64_t)insn->rv.imm);
    if (a.is_constant && b.is_constant && lower_fold(op, a.k, b.k, &k)) {
        lower_put_constant(l, d, k);
        return;
    }
    if (lower_zba(l, op, d, a, b))
        return;
    if (alus[op].commutes && a.is_constant && !b.is_constant) {
        struct operand swap = a;
        a = b;
        b = swap;
    }
    if (b.is_constant && a.has_reg && with_constant_right(l, op, d, a.reg, b.k))
        return;
    if (a.is_constant && b.has_reg && alus[op].left && fits_32(a.k)) {
        lower_rri(l, alus[op].left, d, b.reg, a.k);
        return;
    }
    uint8_t left = reg_for(l, a, d, b);
    uint8_t right = b.has_reg ? b.reg : left == d ? lower_reg(l, b) : reg_for(l, b, d, a);
    lower_rrr(l, alus[op].rrr, d, left, right);
}
