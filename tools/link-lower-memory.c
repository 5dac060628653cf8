/* link-lower-memory.c - loads, stores, and atomics on a machine with one thread
 *
 * An address that is known becomes absolute; a sum of a register and a constant goes into the
 * offset; a load of data that cannot change becomes the constant. An atomic is a load, an operation
 * and a store; store-conditional always succeeds.
 */
#include "link-lower.h"

struct access {
    uint8_t absolute, indirect;         /* loads, and stores of a register */
    uint8_t absolute_imm, indirect_imm; /* stores of a constant */
    uint8_t size;
    bool is_signed;
};

static const struct access accesses[RV_N_OPS] = {
    [RV_LB] = { NUB_OP_LOAD_I8, NUB_OP_LOAD_IND_I8, 0, 0, 1, true },
    [RV_LH] = { NUB_OP_LOAD_I16, NUB_OP_LOAD_IND_I16, 0, 0, 2, true },
    [RV_LW] = { NUB_OP_LOAD_I32, NUB_OP_LOAD_IND_I32, 0, 0, 4, true },
    [RV_LD] = { NUB_OP_LOAD_U64, NUB_OP_LOAD_IND_U64, 0, 0, 8, false },
    [RV_LBU] = { NUB_OP_LOAD_U8, NUB_OP_LOAD_IND_U8, 0, 0, 1, false },
    [RV_LHU] = { NUB_OP_LOAD_U16, NUB_OP_LOAD_IND_U16, 0, 0, 2, false },
    [RV_LWU] = { NUB_OP_LOAD_U32, NUB_OP_LOAD_IND_U32, 0, 0, 4, false },
    [RV_SB] = { NUB_OP_STORE_U8, NUB_OP_STORE_IND_U8, NUB_OP_STORE_IMM_U8, NUB_OP_STORE_IMM_IND_U8,
                1, true },
    [RV_SH] = { NUB_OP_STORE_U16, NUB_OP_STORE_IND_U16, NUB_OP_STORE_IMM_U16,
                NUB_OP_STORE_IMM_IND_U16, 2, true },
    [RV_SW] = { NUB_OP_STORE_U32, NUB_OP_STORE_IND_U32, NUB_OP_STORE_IMM_U32,
                NUB_OP_STORE_IMM_IND_U32, 4, true },
    [RV_SD] = { NUB_OP_STORE_U64, NUB_OP_STORE_IND_U64, NUB_OP_STORE_IMM_U64,
                NUB_OP_STORE_IMM_IND_U64, 8, false },
};

struct place {
    bool absolute;
    uint8_t base;
    uint64_t x; /* a sign-extended 32-bit number: addresses are taken modulo 2^32 */
};

static struct place
place_of(const struct lower *l, uint8_t rs1, int64_t imm)
{
    struct operand base = lower_operand(l, rs1);
    uint64_t x = (uint64_t)imm;

    if (base.is_constant)
        return (struct place){ true, 0, (uint64_t)(int64_t)(int32_t)(base.k + x) };
    const struct link_op *made = lower_made_by(l, base.reg);
    if (made && made->opcode == NUB_OP_ADD_IMM_64) {
        base.reg = made->b;
        x += made->x;
    }
    return (struct place){ false, base.reg, (uint64_t)(int64_t)(int32_t)x };
}

static uint64_t
extend(uint64_t value, unsigned size, bool is_signed)
{
    unsigned unused = 64 - 8 * size;

    return is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

static void
load(struct lower *l, const struct access *access, uint8_t d, struct place from)
{
    uint64_t k;

    if (from.absolute && link_memory_constant(l->link, (uint32_t)from.x, access->size, &k))
        lower_put_constant(l, d, extend(k, access->size, access->is_signed));
    else if (from.absolute)
        lower_emit(l, (struct link_op){ .opcode = access->absolute, .a = d, .x = from.x });
    else
        lower_rri(l, access->indirect, d, from.base, from.x);
}

static void
store(struct lower *l, const struct access *access, struct operand value, struct place to)
{
    uint64_t k =
        extend(value.k << (64 - 8 * access->size) >> (64 - 8 * access->size), access->size, true);

    if (value.is_constant && fits_32(k)) {
        uint8_t opcode = to.absolute ? access->absolute_imm : access->indirect_imm;
        struct link_op op = { .opcode = opcode, .a = to.base, .x = to.x, .y = k };
        lower_emit(l, op);
    } else if (to.absolute) {
        lower_emit(l, (struct link_op){ .opcode = access->absolute, .a = value.reg, .x = to.x });
    } else {
        lower_rri(l, access->indirect, value.reg, to.base, to.x);
    }
}

void
lower_load(struct lower *l, const struct rv_insn *rv)
{
    /* a load into x0 is there for its effect: it may fault */
    uint8_t d = rv->rd ? link_reg(rv->rd) : lower_scratch(l);

    load(l, &accesses[rv->op], d, place_of(l, rv->rs1, rv->imm));
}

void
lower_store(struct lower *l, const struct rv_insn *rv)
{
    store(l, &accesses[rv->op], lower_operand(l, rv->rs2), place_of(l, rv->rs1, rv->imm));
}

/* ---- atomics --------------------------------------------------------------------------------- */

/* by operation; 32-bit compares work on sign-extended numbers, unsigned ones too: order is kept */
static uint8_t
atomic_op(unsigned op)
{
    switch (op) {
    case RV_AMOADD:
        return NUB_OP_ADD_64;
    case RV_AMOXOR:
        return NUB_OP_XOR;
    case RV_AMOAND:
        return NUB_OP_AND;
    case RV_AMOOR:
        return NUB_OP_OR;
    case RV_AMOMIN:
        return NUB_OP_MIN;
    case RV_AMOMAX:
        return NUB_OP_MAX;
    case RV_AMOMINU:
        return NUB_OP_MIN_U;
    default:
        return NUB_OP_MAX_U;
    }
}

static void
lower_store_conditional(struct lower *l, const struct rv_insn *rv)
{
    const struct access *access = &accesses[rv->wide ? RV_SD : RV_SW];

    store(l, access, lower_operand(l, rv->rs2), place_of(l, rv->rs1, 0));
    if (rv->rd)
        lower_put_constant(l, link_reg(rv->rd), 0);
}

void
lower_atomic(struct lower *l, const struct rv_insn *rv)
{
    const struct access *load_as = &accesses[rv->wide ? RV_LD : RV_LW];
    const struct access *store_as = &accesses[rv->wide ? RV_SD : RV_SW];
    struct operand value = lower_operand(l, rv->rs2);

    if (rv->op == RV_SC) {
        lower_store_conditional(l, rv);
        return;
    }
    struct place at = place_of(l, rv->rs1, 0);
    if (!at.absolute)
        l->busy |= (uint16_t)(1u << at.base);
    bool direct = rv->rd && rv->rd != rv->rs1 && rv->rd != rv->rs2 &&
                  (at.absolute || at.base != link_reg(rv->rd));
    uint8_t old = direct || (rv->op == RV_LR && rv->rd) ? link_reg(rv->rd) : lower_scratch(l);
    load(l, load_as, old, at);
    if (rv->op == RV_LR)
        return;
    if (rv->op != RV_AMOSWAP) {
        uint8_t new = lower_scratch(l), operand = lower_reg(l, value);
        bool compares = rv->op >= RV_AMOMIN;
        if (compares && !rv->wide) {
            lower_rri(l, NUB_OP_ADD_IMM_32, new, operand, 0);
            operand = new;
        }
        lower_rrr(l, atomic_op(rv->op), new, old, operand);
        value = (struct operand){ .has_reg = true, .reg = new };
    }
    store(l, store_as, value, at);
    if (rv->rd && old != link_reg(rv->rd))
        lower_rr(l, NUB_OP_MOVE_REG, link_reg(rv->rd), old);
}
