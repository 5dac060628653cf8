/* link-lower-jump.c - branches, jumps, calls and returns
 *
 * A comparison whose result only decides a branch goes into the branch. A call is one
 * instruction: it writes the jump-table address of the place after it and jumps.
 */
#include "link-lower.h"

/* a branch instruction: registers, constant on the right, constant on the left */
struct branch {
    uint8_t rro, right, left;
};

static const struct branch branches[] = {
    [RV_BEQ - RV_BEQ] = { NUB_OP_BRANCH_EQ, NUB_OP_BRANCH_EQ_IMM, NUB_OP_BRANCH_EQ_IMM },
    [RV_BNE - RV_BEQ] = { NUB_OP_BRANCH_NE, NUB_OP_BRANCH_NE_IMM, NUB_OP_BRANCH_NE_IMM },
    [RV_BLT - RV_BEQ] = { NUB_OP_BRANCH_LT_S, NUB_OP_BRANCH_LT_S_IMM, NUB_OP_BRANCH_GT_S_IMM },
    [RV_BGE - RV_BEQ] = { NUB_OP_BRANCH_GE_S, NUB_OP_BRANCH_GE_S_IMM, NUB_OP_BRANCH_LE_S_IMM },
    [RV_BLTU - RV_BEQ] = { NUB_OP_BRANCH_LT_U, NUB_OP_BRANCH_LT_U_IMM, NUB_OP_BRANCH_GT_U_IMM },
    [RV_BGEU - RV_BEQ] = { NUB_OP_BRANCH_GE_U, NUB_OP_BRANCH_GE_U_IMM, NUB_OP_BRANCH_LE_U_IMM },
};

static bool
is_true(unsigned op, uint64_t a, uint64_t b)
{
    switch (op) {
    case RV_BEQ:
        return a == b;
    case RV_BNE:
        return a != b;
    case RV_BLT:
        return (int64_t)a < (int64_t)b;
    case RV_BGE:
        return (int64_t)a >= (int64_t)b;
    case RV_BLTU:
        return a < b;
    default:
        return a >= b;
    }
}

static void
emit_branch(struct lower *l, unsigned op, struct operand a, struct operand b)
{
    const struct branch *form = &branches[op - RV_BEQ];
    struct link_op out = { .block = l->block->taken };

    if (b.is_constant && fits_32(b.k)) {
        out.opcode = form->right;
        out.a = a.reg;
        out.x = b.k;
    } else if (a.is_constant && fits_32(a.k)) {
        out.opcode = form->left;
        out.a = b.reg;
        out.x = a.k;
    } else {
        out.opcode = form->rro;
        out.a = a.reg;
        out.b = b.reg;
    }
    lower_emit(l, out);
}

static struct operand
in_register(uint8_t reg)
{
    return (struct operand){ .has_reg = true, .reg = reg };
}

/* `reg` (not) zero says what a comparison said before: the branch on that comparison */
static bool
branch_on_cause(struct lower *l, uint8_t reg, bool if_zero)
{
    const struct link_op *made = lower_made_by(l, reg);
    struct operand x = lower_constant_operand(made ? made->x : 0);

    if (!made)
        return false;
    struct operand a = in_register(made->a), b = in_register(made->b);
    switch (made->opcode) {
    case NUB_OP_SET_LT_U:
        emit_branch(l, if_zero ? RV_BGEU : RV_BLTU, a, b);
        return true;
    case NUB_OP_SET_LT_S:
        emit_branch(l, if_zero ? RV_BGE : RV_BLT, a, b);
        return true;
    case NUB_OP_SET_LT_U_IMM:
        if (x.k == 1)
            emit_branch(l, if_zero ? RV_BNE : RV_BEQ, b, lower_constant_operand(0));
        else
            emit_branch(l, if_zero ? RV_BGEU : RV_BLTU, b, x);
        return true;
    case NUB_OP_SET_GT_U_IMM:
        if (x.k == 0)
            emit_branch(l, if_zero ? RV_BEQ : RV_BNE, b, x);
        else
            emit_branch(l, if_zero ? RV_BGEU : RV_BLTU, x, b);
        return true;
    case NUB_OP_SET_LT_S_IMM:
        emit_branch(l, if_zero ? RV_BGE : RV_BLT, b, x);
        return true;
    case NUB_OP_SET_GT_S_IMM:
        emit_branch(l, if_zero ? RV_BGE : RV_BLT, x, b);
        return true;
    case NUB_OP_XOR:
    case NUB_OP_SUB_64:
        emit_branch(l, if_zero ? RV_BEQ : RV_BNE, a, b);
        return true;
    case NUB_OP_XOR_IMM:
        emit_branch(l, if_zero ? RV_BEQ : RV_BNE, b, x);
        return true;
    case NUB_OP_ADD_IMM_64:
        if (!fits_32(-x.k))
            return false;
        emit_branch(l, if_zero ? RV_BEQ : RV_BNE, b, lower_constant_operand(-x.k));
        return true;
    default:
        return false;
    }
}

void
lower_branch(struct lower *l, const struct link_insn *insn)
{
    unsigned op = insn->rv.op;
    struct operand a = lower_operand(l, insn->rv.rs1), b = lower_operand(l, insn->rv.rs2);

    if (a.is_constant && b.is_constant) {
        if (is_true(op, a.k, b.k))
            lower_emit(l, (struct link_op){ .opcode = NUB_OP_JUMP, .block = l->block->taken });
        return;
    }
    if ((op == RV_BEQ || op == RV_BNE) && a.is_constant && a.k == 0) {
        struct operand swap = a;
        a = b;
        b = swap;
    }
    if ((op == RV_BEQ || op == RV_BNE) && b.is_constant && b.k == 0 &&
        branch_on_cause(l, a.reg, op == RV_BEQ))
        return;
    emit_branch(l, op, a, b);
}

void
lower_jump(struct lower *l, const struct link_insn *insn)
{
    const struct rv_insn *rv = &insn->rv;
    uint64_t back =
        rv->rd && insn->returns ? link_flow_code_address(l->link, insn->address + rv->size) : 0;
    struct link_op op = { .block = l->block->taken };

    if (rv->op == RV_JAL && rv->rd == 0) {
        op.opcode = NUB_OP_JUMP;
    } else if (rv->op == RV_JAL) {
        op.opcode = NUB_OP_LOAD_IMM_JUMP;
        op.a = link_reg(rv->rd);
        op.x = back;
    } else {
        struct operand to = lower_operand(l, rv->rs1);
        uint64_t offset = insn->part == LINK_PART_CODE_LO ? 0 : (uint64_t)rv->imm;
        op.opcode = rv->rd ? NUB_OP_LOAD_IMM_JUMP_IND : NUB_OP_JUMP_IND;
        op.x = rv->rd ? back : offset;
        op.y = rv->rd ? offset : 0;
        op.a = rv->rd ? link_reg(rv->rd) : lower_reg(l, to);
        if (rv->rd)
            op.b = lower_reg(l, to);
    }
    lower_emit(l, op);
}
