/* jit-alu.c - moves, arithmetic, logic, shifts, comparisons into registers
 *
 * Everything here works on machine registers, computes without memory and cannot fault. x86 has two
 * operands where the PVM has three: the cases where the destination is one of the sources
 * come first, then lea or a move. 32-bit results are sign-extended (pvm.md 5.3) by
 * nub_jit_extend().
 */
#include "jit-private.h"

void
nub_jit_move(struct nub_jit *jit, unsigned dst, unsigned src)
{
    if (dst != src)
        nub_x64_mov(&jit->x, NUB_X64_64, dst, src);
}

void
nub_jit_load_imm(struct nub_jit *jit, unsigned dst, uint64_t imm)
{
    if (imm == 0)
        nub_x64_zero(&jit->x, dst);
    else
        nub_x64_mov_imm(&jit->x, dst, imm);
}

static uint8_t
destination_of(const struct nub_insn *insn)
{
    return nub_isa[insn->opcode].dst == NUB_FIELD_D ? insn->d : insn->a;
}

void
nub_jit_extend(struct nub_jit *jit, unsigned width, unsigned dst)
{
    if (width == NUB_X64_32 &&
        !nub_jit_upper_is_dead(jit->at + 1, jit->at_end, destination_of(jit->at)))
        nub_x64_rr(&jit->x, NUB_X64_OP_MOVSXD, NUB_X64_64, dst, dst);
}

static void
sign_extend_from(struct nub_jit *jit, unsigned dst, unsigned src)
{
    nub_x64_rr(&jit->x, NUB_X64_OP_MOVSXD, NUB_X64_64, dst, src);
}

/* ---- add, sub, and, or, xor ---------------------------------------------------------------- */

/* the flags describe the result; a sign extension changes neither them nor whether it is 0 */
static void
finish_with_flags(struct nub_jit *jit, unsigned width, unsigned dst)
{
    nub_jit_extend(jit, width, dst);
    nub_jit_note_flags(jit, dst, NUB_X64_NE);
}

void
nub_jit_alu(struct nub_jit *jit, enum nub_x64_alu op, unsigned width, unsigned dst, unsigned a,
            unsigned b)
{
    if (dst == a) {
        nub_x64_alu(&jit->x, op, width, dst, b);
    } else if (dst == b && op != NUB_X64_SUB) {
        nub_x64_alu(&jit->x, op, width, dst, a);
    } else if (dst == b) { /* a - dst */
        nub_x64_unary(&jit->x, NUB_X64_NEG, width, dst);
        nub_x64_alu(&jit->x, NUB_X64_ADD, width, dst, a);
    } else if (op == NUB_X64_ADD) {
        nub_x64_lea_index(&jit->x, width, dst, a, b, 0);
        nub_jit_extend(jit, width, dst);
        return;
    } else {
        nub_x64_mov(&jit->x, width, dst, a);
        nub_x64_alu(&jit->x, op, width, dst, b);
    }
    finish_with_flags(jit, width, dst);
}

static void
add_imm(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, uint64_t imm)
{
    if (imm == 0 && width == NUB_X64_64) {
        nub_jit_move(jit, dst, a);
    } else if (imm == 0) {
        sign_extend_from(jit, dst, a);
    } else if (dst == a) {
        nub_x64_alu_imm(&jit->x, NUB_X64_ADD, width, dst, (int32_t)imm);
        finish_with_flags(jit, width, dst);
    } else {
        nub_x64_lea(&jit->x, width, dst, a, (int32_t)imm);
        nub_jit_extend(jit, width, dst);
    }
}

void
nub_jit_alu_imm(struct nub_jit *jit, enum nub_x64_alu op, unsigned width, unsigned dst, unsigned a,
                uint64_t imm)
{
    if (op == NUB_X64_ADD) {
        add_imm(jit, width, dst, a, imm);
    } else if (op == NUB_X64_AND && imm == 0xFF) {
        nub_x64_rr(&jit->x, NUB_X64_OP_MOVZX8, NUB_X64_32, dst, a);
    } else if (op == NUB_X64_AND && imm == 0xFFFF) {
        nub_x64_rr(&jit->x, NUB_X64_OP_MOVZX16, NUB_X64_32, dst, a);
    } else if (op == NUB_X64_XOR && imm == UINT64_MAX) {
        nub_jit_move(jit, dst, a);
        nub_x64_unary(&jit->x, NUB_X64_NOT, NUB_X64_64, dst);
    } else {
        /* a mask without sign bit clears the upper half as the 32-bit form does */
        unsigned operation_width = op == NUB_X64_AND && imm >> 31 == 0 ? NUB_X64_32 : width;
        if (dst != a)
            nub_x64_mov(&jit->x, operation_width, dst, a);
        nub_x64_alu_imm(&jit->x, op, operation_width, dst, (int32_t)imm);
        finish_with_flags(jit, width, dst);
    }
}

void
nub_jit_neg_add(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, uint64_t imm)
{
    if (imm == 0 || dst == a) {
        nub_jit_move(jit, dst, a);
        nub_x64_unary(&jit->x, NUB_X64_NEG, width, dst);
        if (imm != 0)
            nub_x64_alu_imm(&jit->x, NUB_X64_ADD, width, dst, (int32_t)imm);
    } else {
        nub_x64_mov_imm(&jit->x, dst, width == NUB_X64_64 ? imm : (uint32_t)imm);
        nub_x64_alu(&jit->x, NUB_X64_SUB, width, dst, a);
    }
    finish_with_flags(jit, width, dst);
}

void
nub_jit_and_inv(struct nub_jit *jit, unsigned dst, unsigned a, unsigned b)
{
    if (jit->bmi) {
        nub_x64_andn(&jit->x, dst, b, a);
        return;
    }
    nub_x64_mov(&jit->x, NUB_X64_64, NUB_JIT_SCRATCH, b);
    nub_x64_unary(&jit->x, NUB_X64_NOT, NUB_X64_64, NUB_JIT_SCRATCH);
    nub_x64_alu(&jit->x, NUB_X64_AND, NUB_X64_64, NUB_JIT_SCRATCH, a);
    nub_x64_mov(&jit->x, NUB_X64_64, dst, NUB_JIT_SCRATCH);
}

void
nub_jit_or_inv(struct nub_jit *jit, unsigned dst, unsigned a, unsigned b)
{
    unsigned inverted = dst == a ? NUB_JIT_SCRATCH : dst;

    nub_jit_move(jit, inverted, b);
    nub_x64_unary(&jit->x, NUB_X64_NOT, NUB_X64_64, inverted);
    nub_x64_alu(&jit->x, NUB_X64_OR, NUB_X64_64, dst, dst == a ? inverted : a);
}

void
nub_jit_xnor(struct nub_jit *jit, unsigned dst, unsigned a, unsigned b)
{
    if (dst != b)
        nub_jit_move(jit, dst, a);
    nub_x64_alu(&jit->x, NUB_X64_XOR, NUB_X64_64, dst, dst == b ? a : b);
    nub_x64_unary(&jit->x, NUB_X64_NOT, NUB_X64_64, dst);
}

/* ---- shifts and rotates -------------------------------------------------------------------- */

static bool
is_rotate(enum nub_x64_shift op)
{
    return op == NUB_X64_ROL || op == NUB_X64_ROR;
}

/* the value is in the scratch register, the count wants to be in cl: rcx waits in the frame */
static void
shift_scratch_by_cl(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst,
                    unsigned count)
{
    struct nub_x64 *x = &jit->x;
    bool keep_rcx = count != NUB_X64_RCX && dst != NUB_X64_RCX;

    if (keep_rcx)
        nub_x64_mem(x, NUB_X64_OP_MOV_STORE, NUB_X64_64, NUB_X64_RCX, NUB_JIT_FRAME,
                    NUB_JIT_FRAME_SAVE);
    if (count != NUB_X64_RCX)
        nub_x64_mov(x, NUB_X64_32, NUB_X64_RCX, count);
    nub_x64_shift_cl(x, op, width, NUB_JIT_SCRATCH);
    if (keep_rcx)
        nub_x64_mem(x, NUB_X64_OP_MOV_LOAD, NUB_X64_64, NUB_X64_RCX, NUB_JIT_FRAME,
                    NUB_JIT_FRAME_SAVE);
    if (width == NUB_X64_32)
        sign_extend_from(jit, dst, NUB_JIT_SCRATCH);
    else
        nub_x64_mov(x, NUB_X64_64, dst, NUB_JIT_SCRATCH);
}

void
nub_jit_shift(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst, unsigned a,
              unsigned count)
{
    if (jit->bmi && !is_rotate(op)) {
        nub_x64_shiftx(&jit->x, op, width, dst, a, count);
        nub_jit_extend(jit, width, dst);
        return;
    }
    nub_x64_mov(&jit->x, width, NUB_JIT_SCRATCH, a);
    shift_scratch_by_cl(jit, op, width, dst, count);
}

void
nub_jit_shift_alt(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst,
                  uint64_t value, unsigned count)
{
    nub_x64_mov_imm(&jit->x, NUB_JIT_SCRATCH, width == NUB_X64_64 ? value : (uint32_t)value);
    if (jit->bmi && !is_rotate(op)) {
        nub_x64_shiftx(&jit->x, op, width, dst, NUB_JIT_SCRATCH, count);
        nub_jit_extend(jit, width, dst);
        return;
    }
    shift_scratch_by_cl(jit, op, width, dst, count);
}

void
nub_jit_shift_imm(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst,
                  unsigned a, uint64_t count)
{
    unsigned n = count & (width == NUB_X64_64 ? 63 : 31);

    if (n == 0 && width == NUB_X64_64) {
        nub_jit_move(jit, dst, a);
    } else if (n == 0) {
        sign_extend_from(jit, dst, a);
    } else if (width == NUB_X64_32 && op == NUB_X64_SAR) { /* of the extended value: in 64 bits */
        sign_extend_from(jit, dst, a);
        nub_x64_shift_imm(&jit->x, op, NUB_X64_64, dst, n);
    } else {
        if (dst != a && op == NUB_X64_ROR && jit->bmi) {
            nub_x64_rorx(&jit->x, width, dst, a, n);
        } else {
            if (dst != a)
                nub_x64_mov(&jit->x, width, dst, a);
            nub_x64_shift_imm(&jit->x, op, width, dst, n);
        }
        if (op != NUB_X64_SHR) /* shifted in from above: bit 31 is 0 */
            nub_jit_extend(jit, width, dst);
    }
}

/* ---- comparisons --------------------------------------------------------------------------- */

/*
 * setcc writes a byte and so waits for whatever its register held before, unless that is known to
 * be 0: it is cleared before the comparison, which must not lose its operands or its flags to that.
 */
static unsigned
clear_for_set(struct nub_jit *jit, unsigned dst, bool is_operand)
{
    unsigned byte = is_operand ? NUB_JIT_SCRATCH : dst;

    nub_x64_zero(&jit->x, byte);
    return byte;
}

static void
finish_set(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned byte)
{
    nub_x64_setcc(&jit->x, cond, byte);
    if (dst != byte)
        nub_x64_mov(&jit->x, NUB_X64_32, dst, byte);
    nub_jit_note_flags(jit, dst, cond);
}

void
nub_jit_set(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned a, unsigned b)
{
    unsigned byte = clear_for_set(jit, dst, dst == a || dst == b);

    nub_jit_compare(jit, a, b);
    finish_set(jit, cond, dst, byte);
}

void
nub_jit_set_imm(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned a, uint64_t imm)
{
    unsigned byte = clear_for_set(jit, dst, dst == a);

    nub_jit_compare_imm(jit, a, imm);
    finish_set(jit, cond, dst, byte);
}

/* a sum and whether it wrapped, the two destinations being different */
void
nub_jit_add_with_carry_out(struct nub_jit *jit, unsigned sum, unsigned carry, unsigned a,
                           unsigned b)
{
    unsigned byte = clear_for_set(jit, carry, carry == a || carry == b);

    if (sum != b)
        nub_jit_move(jit, sum, a);
    nub_x64_alu(&jit->x, NUB_X64_ADD, NUB_X64_64, sum, sum == b ? a : b);
    finish_set(jit, NUB_X64_B, carry, byte);
}

/* `cond` is E or NE: makes the flags say whether `reg` is 0, and returns the condition for that */
enum nub_x64_cond
nub_jit_zero_test(struct nub_jit *jit, enum nub_x64_cond cond, unsigned reg)
{
    if (nub_jit_flags_describe(jit, reg))
        return cond == NUB_X64_NE ? jit->flags_nonzero : jit->flags_nonzero ^ 1u;
    nub_x64_test(&jit->x, NUB_X64_64, reg, reg);
    return cond;
}

void
nub_jit_cmov(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned src, unsigned test)
{
    nub_x64_cmov(&jit->x, nub_jit_zero_test(jit, cond, test), dst, src);
}

void
nub_jit_cmov_imm(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, uint64_t imm,
                 unsigned test)
{
    cond = nub_jit_zero_test(jit, cond, test);
    nub_x64_mov_imm(&jit->x, NUB_JIT_SCRATCH, imm); /* leaves the flags alone */
    nub_x64_cmov(&jit->x, cond, dst, NUB_JIT_SCRATCH);
}

void
nub_jit_select(struct nub_jit *jit, enum nub_x64_cond takes_a, enum nub_x64_cond takes_b,
               unsigned dst, unsigned a, unsigned b)
{
    nub_x64_alu(&jit->x, NUB_X64_CMP, NUB_X64_64, a, b);
    if (dst == b) {
        nub_x64_cmov(&jit->x, takes_a, dst, a);
        return;
    }
    nub_jit_move(jit, dst, a);
    nub_x64_cmov(&jit->x, takes_b, dst, b);
}

/* ---- bits ---------------------------------------------------------------------------------- */

void
nub_jit_reverse_bytes(struct nub_jit *jit, unsigned dst, unsigned src)
{
    nub_jit_move(jit, dst, src);
    nub_x64_bswap(&jit->x, dst);
}

/* bsr and bsf give a bit's number, and nothing useful for 0 */
static void
count_zeros_by_scan(struct nub_jit *jit, bool leading, unsigned width, unsigned dst, unsigned src)
{
    struct nub_x64 *x = &jit->x;
    uint32_t bits = width == NUB_X64_64 ? 64 : 32;
    uint8_t *not_zero;

    nub_x64_rr(x, leading ? NUB_X64_OP_BSR : NUB_X64_OP_BSF, width, NUB_JIT_SCRATCH, src);
    nub_x64_jcc8(x, NUB_X64_NE, 0);
    not_zero = x->at;
    nub_x64_mov_imm32(x, NUB_JIT_SCRATCH, leading ? 2 * bits - 1 : bits);
    nub_x64_patch8(not_zero, x->at);
    if (leading) /* 63 - n is 63 ^ n, and 127 ^ 63 is 64 */
        nub_x64_alu_imm(x, NUB_X64_XOR, NUB_X64_32, NUB_JIT_SCRATCH, (int32_t)bits - 1);
    nub_x64_mov(x, NUB_X64_32, dst, NUB_JIT_SCRATCH);
}

void
nub_jit_count_zeros(struct nub_jit *jit, bool leading, unsigned width, unsigned dst, unsigned src)
{
    if (jit->bmi)
        nub_x64_rr(&jit->x, leading ? NUB_X64_OP_LZCNT : NUB_X64_OP_TZCNT, width, dst, src);
    else
        count_zeros_by_scan(jit, leading, width, dst, src);
}
