/* link-lower.c - blocks of RISC-V become blocks of byte-PVM
 *
 * The walk over a block and what its parts share: emission, remembered values, scratch registers.
 * What each instruction becomes is in link-lower-*.c. All 13 machine registers are the program's,
 * so a scratch register is one that is dead at that point, or, rarely, one that is saved below the
 * stack pointer meanwhile (nothing lives there: no signals, no red zone).
 */
#include "link-lower.h"
#include <string.h>

struct operand
lower_constant_operand(uint64_t k)
{
    return (struct operand){ .is_constant = true, .k = k };
}

struct operand
lower_operand(const struct lower *l, uint8_t x)
{
    if (x == 0)
        return lower_constant_operand(0);
    uint8_t reg = link_reg(x);
    return (struct operand){
        .is_constant = l->values[reg].kind == VALUE_CONSTANT,
        .has_reg = true,
        .k = l->values[reg].k,
        .reg = reg,
    };
}

/* whether the operation can be told again from its sources: it reads no memory and no old result */
static bool
is_repeatable(const struct link_op *op)
{
    switch (nub_isa[op->opcode].arg_class) {
    case NUB_ARG_RR:
        return true;
    case NUB_ARG_RRI:
        return op->opcode >= NUB_OP_ADD_IMM_32 && op->opcode != NUB_OP_CMOV_IZ_IMM &&
               op->opcode != NUB_OP_CMOV_NZ_IMM;
    case NUB_ARG_RRR:
        return op->opcode != NUB_OP_CMOV_IZ && op->opcode != NUB_OP_CMOV_NZ;
    default:
        return false;
    }
}

void
lower_emit(struct lower *l, struct link_op op)
{
    struct link_value value = { .kind = VALUE_UNKNOWN };
    int d = link_op_writes(&op);

    op.insn = l->insn;
    g_array_append_val(l->link->ops, op);
    if (d < 0)
        return;
    if (op.opcode == NUB_OP_LOAD_IMM || op.opcode == NUB_OP_LOAD_IMM_64) {
        value.kind = VALUE_CONSTANT;
        value.k = op.x;
    } else if (is_repeatable(&op)) {
        value.kind = VALUE_OP;
        value.op = op;
        value.version_a = l->versions[op.a];
        value.version_b = l->versions[op.b];
        /* in class RRI field A is the destination and has no version to keep */
        if (nub_isa[op.opcode].arg_class == NUB_ARG_RRI)
            value.version_a = 0;
    }
    l->versions[d]++;
    l->values[d] = value;
}

const struct link_op *
lower_made_by(const struct lower *l, uint8_t reg)
{
    const struct link_value *value = &l->values[reg];

    if (value->kind != VALUE_OP)
        return NULL;
    uint8_t class = nub_isa[value->op.opcode].arg_class;
    if (class != NUB_ARG_RRI && value->version_a != l->versions[value->op.a])
        return NULL;
    if (class != NUB_ARG_RR && value->version_b != l->versions[value->op.b])
        return NULL;
    return &value->op;
}

void
lower_rrr(struct lower *l, uint8_t opcode, uint8_t d, uint8_t a, uint8_t b)
{
    lower_emit(l, (struct link_op){ .opcode = opcode, .d = d, .a = a, .b = b });
}

void
lower_rri(struct lower *l, uint8_t opcode, uint8_t d, uint8_t s, uint64_t x)
{
    lower_emit(l, (struct link_op){ .opcode = opcode, .a = d, .b = s, .x = x });
}

void
lower_rr(struct lower *l, uint8_t opcode, uint8_t d, uint8_t s)
{
    lower_emit(l, (struct link_op){ .opcode = opcode, .d = d, .a = s });
}

void
lower_put_constant(struct lower *l, uint8_t d, uint64_t k)
{
    uint8_t opcode = fits_32(k) ? NUB_OP_LOAD_IMM : NUB_OP_LOAD_IMM_64;

    /* a register that is written is dead before: only what was put there in this block is there */
    if (l->values[d].kind != VALUE_CONSTANT || l->values[d].on_entry || l->values[d].k != k)
        lower_emit(l, (struct link_op){ .opcode = opcode, .a = d, .x = k });
}

void
lower_move(struct lower *l, uint8_t d, struct operand from)
{
    if (from.is_constant)
        lower_put_constant(l, d, from.k);
    else if (d != from.reg)
        lower_rr(l, NUB_OP_MOVE_REG, d, from.reg);
}

uint8_t
lower_scratch(struct lower *l)
{
    for (unsigned reg = NUB_N_REGS; reg-- > 0;) {
        if (reg != PVM_SP && !((l->live | l->busy) >> reg & 1)) {
            l->busy |= (uint16_t)(1u << reg);
            return (uint8_t)reg;
        }
    }
    for (unsigned reg = NUB_N_REGS; reg-- > 0;) {
        if (reg == PVM_SP || (l->busy >> reg & 1))
            continue;
        g_assert(l->n_spilled < MAX_SPILLS); /* no expansion asks for more */
        l->busy |= (uint16_t)(1u << reg);
        l->spilled[l->n_spilled++] = (uint8_t)reg;
        lower_emit(l, (struct link_op){ .opcode = NUB_OP_STORE_IND_U64,
                                        .a = (uint8_t)reg,
                                        .b = PVM_SP,
                                        .x = -8ull * l->n_spilled });
        return (uint8_t)reg;
    }
    g_return_val_if_reached(0); /* an instruction keeps at most 6 of 13 registers busy */
}

static void
end_scratch(struct lower *l)
{
    for (unsigned i = l->n_spilled; i-- > 0;)
        lower_emit(l, (struct link_op){ .opcode = NUB_OP_LOAD_IND_U64,
                                        .a = l->spilled[i],
                                        .b = PVM_SP,
                                        .x = -8ull * (i + 1) });
    l->n_spilled = 0;
}

uint8_t
lower_reg(struct lower *l, struct operand from)
{
    if (from.has_reg)
        return from.reg;
    uint8_t reg = lower_scratch(l);
    lower_put_constant(l, reg, from.k);
    return reg;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static void
lower_exit(struct lower *l, const struct rv_insn *rv)
{
    struct link_op op = { .opcode = NUB_OP_TRAP };

    if (rv->op == RV_ECALL)
        op.opcode = NUB_OP_ECALL;
    else if (rv->op == RV_HOSTCALL_LO)
        op = (struct link_op){ .opcode = NUB_OP_ECALLI, .x = (uint64_t)rv->imm };
    lower_emit(l, op);
}

static void
lower_insn(struct lower *l, const struct link_insn *insn)
{
    const struct rv_insn *rv = &insn->rv;

    if (rv->op >= RV_BEQ && rv->op <= RV_BGEU)
        lower_branch(l, insn);
    else if (rv->op == RV_JAL || rv->op == RV_JALR)
        lower_jump(l, insn);
    else if (rv->op == RV_ECALL || rv->op == RV_HOSTCALL_LO || rv->op == RV_EBREAK)
        lower_exit(l, rv);
    else if (rv->op >= RV_LR && rv->op <= RV_AMOMAXU)
        lower_atomic(l, rv);
    else if (rv->op >= RV_SB && rv->op <= RV_SD)
        lower_store(l, rv);
    else if (rv->op >= RV_LB && rv->op <= RV_LWU)
        lower_load(l, rv);
    else if (rv->rd == 0)
        return; /* computed for nobody: nop, fence and their kin */
    else if (insn->part == LINK_PART_CODE_HI)
        lower_put_constant(l, link_reg(rv->rd), link_flow_code_address(l->link, insn->code));
    else if (rv->op == RV_LUI)
        lower_put_constant(l, link_reg(rv->rd), (uint64_t)rv->imm);
    else if (rv->op == RV_AUIPC)
        lower_put_constant(l, link_reg(rv->rd), insn->address + (uint64_t)rv->imm);
    else if (rv->op >= RV_CLZ && rv->op <= RV_REV8)
        lower_one_operand(l, rv);
    else if (rv->op >= RV_BCLR && rv->op <= RV_CZERO_NEZ)
        lower_bits(l, rv);
    else if (rv->op == RV_SELECT)
        lower_select(l, rv);
    else
        lower_two_operands(l, insn);
}

static uint16_t
registers_of(const struct rv_insn *rv)
{
    const uint8_t xs[] = { rv->rd, rv->rs1, rv->rs2, rv->rs3 };
    uint16_t mask = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(xs); i++)
        if (xs[i])
            mask |= (uint16_t)(1u << link_reg(xs[i]));
    return mask;
}

/* what is live after each instruction of the block, in `live[0..n)` */
static void
live_after_each(const struct link *link, const struct link_block *block, GArray *live)
{
    uint16_t now = block->live_out;

    g_array_set_size(live, block->n);
    for (guint32 i = block->n; i-- > 0;) {
        const struct rv_insn *rv =
            &g_array_index(link->insns, struct link_insn, block->first + i).rv;
        struct rv_insn reads = { .rs1 = rv->rs1, .rs2 = rv->rs2, .rs3 = rv->rs3 };
        g_array_index(live, uint16_t, i) = now;
        if (rv->rd)
            now &= (uint16_t) ~(1u << link_reg(rv->rd));
        now |= registers_of(&reads);
    }
}

/* how registers were made is known across a branch that was not taken, and nowhere else */
static bool
continues(const struct link *link, guint32 b)
{
    const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);

    if (b == 0 || block->labelled)
        return false;
    const struct link_block *before = &g_array_index(link->blocks, struct link_block, b - 1);
    const struct rv_insn *last =
        &g_array_index(link->insns, struct link_insn, before->first + before->n - 1).rv;
    return before->next == b && last->op >= RV_BEQ && last->op <= RV_BGEU;
}

static void
lower_block(struct lower *l, struct link_block *block, GArray *live)
{
    struct link *link = l->link;

    live_after_each(link, block, live);
    block->ir = link->ops->len;
    l->block = block;
    for (guint32 i = 0; i < block->n; i++) {
        const struct link_insn *insn =
            &g_array_index(link->insns, struct link_insn, block->first + i);
        l->insn = block->first + i;
        l->live = g_array_index(live, uint16_t, i);
        l->busy = registers_of(&insn->rv);
        lower_insn(l, insn);
        end_scratch(l);
    }
    const struct rv_insn *last =
        &g_array_index(link->insns, struct link_insn, block->first + block->n - 1).rv;
    if (block->next == LINK_NONE && last->op != RV_JAL && last->op != RV_JALR &&
        last->op != RV_EBREAK)
        lower_emit(l, (struct link_op){ .opcode = NUB_OP_TRAP }); /* nothing is there to run */
    block->n_ir = link->ops->len - block->ir;
}

static void
begin_values(struct lower *l, const struct link_constants *constants)
{
    memset(l->values, 0, sizeof l->values);
    for (unsigned r = 0; r < NUB_N_REGS; r++)
        if (constants->known >> r & 1)
            l->values[r] = (struct link_value){ .kind = VALUE_CONSTANT,
                                                .on_entry = true,
                                                .k = constants->k[r] };
}

bool
link_lower(struct link *link)
{
    struct lower l = { .link = link };
    g_autoptr(GArray) live = g_array_new(FALSE, FALSE, sizeof(uint16_t));

    link_constants_find(link);
    for (guint32 b = 0; b < link->blocks->len; b++) {
        if (!continues(link, b))
            begin_values(&l, &g_array_index(link->blocks, struct link_block, b).constants);
        lower_block(&l, &g_array_index(link->blocks, struct link_block, b), live);
    }
    return true;
}
