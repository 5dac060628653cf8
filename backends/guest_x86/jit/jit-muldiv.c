/* jit-muldiv.c - products and quotients, which want rax and rdx
 *
 * rdx holds a PVM register, so it is kept in the frame where an instruction destroys it. x86 faults
 * on division by zero and on overflow; both are tested before. Read pvm.md 5.3.
 */
#include "jit-private.h"

void
nub_jit_mul(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, unsigned b)
{
    if (dst == b) {
        nub_x64_rr(&jit->x, NUB_X64_OP_IMUL, width, dst, a);
    } else {
        if (dst != a)
            nub_x64_mov(&jit->x, NUB_X64_64, dst, a);
        nub_x64_rr(&jit->x, NUB_X64_OP_IMUL, width, dst, b);
    }
    nub_jit_extend(jit, width, dst);
}

void
nub_jit_mul_imm(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, uint64_t imm)
{
    nub_x64_imul_imm(&jit->x, width, dst, a, (int32_t)imm);
    nub_jit_extend(jit, width, dst);
}

static inline void
save_rdx(struct nub_x64 *x)
{
    nub_x64_mem(x, NUB_X64_OP_MOV_STORE, NUB_X64_64, NUB_X64_RDX, NUB_JIT_FRAME,
                NUB_JIT_FRAME_SAVE);
}

/* `reg = rdx as it was` */
static inline void
load_saved(struct nub_x64 *x, unsigned reg)
{
    nub_x64_mem(x, NUB_X64_OP_MOV_LOAD, NUB_X64_64, reg, NUB_JIT_FRAME, NUB_JIT_FRAME_SAVE);
}

/* the result is in rdx; the PVM register there gets its value back, unless it is `dst` */
static void
finish_in_rdx(struct nub_jit *jit, unsigned dst)
{
    if (dst == NUB_X64_RDX)
        return;
    nub_x64_mov(&jit->x, NUB_X64_64, dst, NUB_X64_RDX);
    load_saved(&jit->x, NUB_X64_RDX);
}

/* mulx takes one factor from rdx and leaves it there */
void
nub_jit_mul_wide(struct nub_jit *jit, unsigned high, unsigned low, unsigned a, unsigned b)
{
    bool has_factor = a == NUB_X64_RDX || b == NUB_X64_RDX;
    bool is_result = high == NUB_X64_RDX || low == NUB_X64_RDX;

    if (!has_factor && !is_result)
        save_rdx(&jit->x);
    if (!has_factor)
        nub_x64_mov(&jit->x, NUB_X64_64, NUB_X64_RDX, a);
    nub_x64_mulx(&jit->x, high, low, a == NUB_X64_RDX ? b : has_factor ? a : b);
    if (!has_factor && !is_result)
        load_saved(&jit->x, NUB_X64_RDX);
}

/* high(a * b) with a signed = high(unsigned) - (a < 0 ? b : 0) */
static void
correct_sign_of(struct nub_jit *jit, unsigned a, unsigned b)
{
    if (a == NUB_X64_RDX)
        load_saved(&jit->x, NUB_JIT_SCRATCH);
    else
        nub_x64_mov(&jit->x, NUB_X64_64, NUB_JIT_SCRATCH, a);
    nub_x64_shift_imm(&jit->x, NUB_X64_SAR, NUB_X64_64, NUB_JIT_SCRATCH, 63);
    if (b == NUB_X64_RDX)
        nub_x64_mem(&jit->x, NUB_X64_OP(0, 0, 0x23), NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_FRAME,
                    NUB_JIT_FRAME_SAVE); /* and */
    else
        nub_x64_alu(&jit->x, NUB_X64_AND, NUB_X64_64, NUB_JIT_SCRATCH, b);
    nub_x64_alu(&jit->x, NUB_X64_SUB, NUB_X64_64, NUB_X64_RDX, NUB_JIT_SCRATCH);
}

void
nub_jit_mul_upper(struct nub_jit *jit, enum nub_jit_signs signs, unsigned dst, unsigned a,
                  unsigned b)
{
    if (signs == NUB_JIT_UU && jit->bmi) {
        nub_jit_mul_wide(jit, dst, NUB_JIT_SCRATCH, a, b);
        return;
    }
    if (dst != NUB_X64_RDX || signs == NUB_JIT_SU)
        save_rdx(&jit->x);
    nub_x64_mov(&jit->x, NUB_X64_64, NUB_X64_RAX, a);
    nub_x64_unary(&jit->x, signs == NUB_JIT_SS ? NUB_X64_IMUL : NUB_X64_MUL, NUB_X64_64, b);
    if (signs == NUB_JIT_SU)
        correct_sign_of(jit, a, b);
    finish_in_rdx(jit, dst);
}

/* ---- division ------------------------------------------------------------------------------ */

/* rdx:rax by `b`, which waits in the frame if it was in rdx */
static inline void
divide_rdx_rax(struct nub_x64 *x, bool is_signed, unsigned width, unsigned b)
{
    enum nub_x64_unary op = is_signed ? NUB_X64_IDIV : NUB_X64_DIV;

    if (is_signed)
        nub_x64_put(x, width == NUB_X64_64 ? 0x9948 : 0x99, width == NUB_X64_64 ? 2 : 1); /* cqo */
    else
        nub_x64_zero(x, NUB_X64_RDX);
    if (b == NUB_X64_RDX)
        nub_x64_mem_unary(x, op, width, NUB_JIT_FRAME, NUB_JIT_FRAME_SAVE);
    else
        nub_x64_unary(x, op, width, b);
}

/*
 * The divisor is no special one. Operands that both have empty upper halves, as most do, are
 * divided by the narrow instruction: it takes half the time or less.
 */
static inline void
divide_by_machine(struct nub_x64 *x, unsigned kind, unsigned width, unsigned dst, unsigned a,
                  unsigned b)
{
    unsigned result = kind & NUB_JIT_DIV_REMAINDER ? NUB_X64_RDX : NUB_X64_RAX;
    uint8_t *to_wide, *to_join;

    if (dst != NUB_X64_RDX || b == NUB_X64_RDX)
        save_rdx(x);
    nub_x64_mov(x, width, NUB_X64_RAX, a);
    if (width == NUB_X64_64) {
        nub_x64_alu(x, NUB_X64_OR, NUB_X64_64, NUB_X64_RAX, b);
        nub_x64_shift_imm(x, NUB_X64_SHR, NUB_X64_64, NUB_X64_RAX, 32);
        nub_x64_mov(x, NUB_X64_64, NUB_X64_RAX, a);
        nub_x64_jcc8(x, NUB_X64_NE, 0);
        to_wide = x->at;
        divide_rdx_rax(x, false, NUB_X64_32, b);
        nub_x64_jmp8(x, 0);
        to_join = x->at;
        nub_x64_patch8(to_wide, x->at);
    }
    divide_rdx_rax(x, kind & NUB_JIT_DIV_SIGNED, width, b);
    if (width == NUB_X64_64)
        nub_x64_patch8(to_join, x->at);
    if (width == NUB_X64_32)
        nub_x64_rr(x, NUB_X64_OP_MOVSXD, NUB_X64_64, dst, result);
    else if (dst != result)
        nub_x64_mov(x, NUB_X64_64, dst, result);
    if (dst != NUB_X64_RDX)
        load_saved(x, NUB_X64_RDX);
}

/* `dst = a`, in the 32-bit forms sign-extended; `negate`: -a */
static inline void
take_dividend(struct nub_x64 *x, unsigned width, unsigned dst, unsigned a, bool negate)
{
    if (width == NUB_X64_32 && !negate) {
        nub_x64_rr(x, NUB_X64_OP_MOVSXD, NUB_X64_64, dst, a);
        return;
    }
    if (dst != a)
        nub_x64_mov(x, NUB_X64_64, dst, a);
    if (negate)
        nub_x64_unary(x, NUB_X64_NEG, width, dst);
    if (width == NUB_X64_32)
        nub_x64_rr(x, NUB_X64_OP_MOVSXD, NUB_X64_64, dst, dst);
}

static inline void
divide_by_zero(struct nub_x64 *x, unsigned kind, unsigned width, unsigned dst, unsigned a)
{
    if (kind & NUB_JIT_DIV_REMAINDER)
        take_dividend(x, width, dst, a, false);
    else
        nub_x64_mov_imm(x, dst, UINT64_MAX);
}

/* by -1, where idiv would fault on the smallest dividend */
static inline void
divide_by_minus_one(struct nub_x64 *x, unsigned kind, unsigned width, unsigned dst, unsigned a)
{
    if (kind & NUB_JIT_DIV_REMAINDER)
        nub_x64_zero(x, dst);
    else
        take_dividend(x, width, dst, a, true);
}

void
nub_jit_divide(struct nub_jit *jit, unsigned kind, unsigned width, unsigned dst, unsigned a,
               unsigned b)
{
    struct nub_x64 *x = &jit->x;
    uint8_t *to_special, *to_done, *to_minus_one, *zero_to_done;

    if (kind & NUB_JIT_DIV_SIGNED) { /* b + 1 is 0 or 1 for the divisors -1 and 0 */
        nub_x64_lea(x, width, NUB_JIT_SCRATCH, b, 1);
        nub_x64_alu_imm(x, NUB_X64_CMP, width, NUB_JIT_SCRATCH, 1);
        nub_x64_jcc8(x, NUB_X64_BE, 0);
    } else {
        nub_x64_test(x, width, b, b);
        nub_x64_jcc8(x, NUB_X64_E, 0);
    }
    to_special = x->at;
    divide_by_machine(x, kind, width, dst, a, b);
    nub_x64_jmp8(x, 0);
    to_done = x->at;
    nub_x64_patch8(to_special, x->at);
    if (kind & NUB_JIT_DIV_SIGNED) { /* the flags still are those of the comparison */
        nub_x64_jcc8(x, NUB_X64_NE, 0);
        to_minus_one = x->at;
        divide_by_zero(x, kind, width, dst, a);
        nub_x64_jmp8(x, 0);
        zero_to_done = x->at;
        nub_x64_patch8(to_minus_one, x->at);
        divide_by_minus_one(x, kind, width, dst, a);
        nub_x64_patch8(zero_to_done, x->at);
    } else {
        divide_by_zero(x, kind, width, dst, a);
    }
    nub_x64_patch8(to_done, x->at);
}
