/* jit-pairs.c - what two neighbours become together, and which upper halves nobody will look at
 *
 * A pair is emitted together only if neither can exit, so that no one can see the state between
 * them; every register is written as the two would have. Read jit-rules.def for the effects.
 */
#include "jit-private.h"

/* ---- upper halves -------------------------------------------------------------------------- */

/* how far to look: what overwrites a value usually follows soon, and looking must stay cheap */
#define FAR_ENOUGH 6

static bool
has_field(const struct nub_insn *insn, uint32_t fields, uint8_t reg)
{
    return ((fields & NUB_FIELD_A) && insn->a == reg) ||
           ((fields & NUB_FIELD_B) && insn->b == reg) || ((fields & NUB_FIELD_D) && insn->d == reg);
}

/* a conditional move may leave its destination as it was */
static bool
keeps_destination(uint8_t opcode)
{
    return opcode == NUB_OP_CMOV_IZ || opcode == NUB_OP_CMOV_NZ || opcode == NUB_OP_CMOV_IZ_IMM ||
           opcode == NUB_OP_CMOV_NZ_IMM;
}

/* An instruction that may exit looks at everything. */
bool
nub_jit_upper_is_dead(const struct nub_insn *following, const struct nub_insn *end, uint8_t reg)
{
    if (end - following > FAR_ENOUGH)
        end = following + FAR_ENOUGH;
    for (const struct nub_insn *insn = following; insn < end; insn++) {
        const struct nub_isa_entry *isa = &nub_isa[insn->opcode];
        uint32_t info = nub_jit_info[insn->opcode];
        if (info & NUB_JIT_BARRIER || !(info & NUB_JIT_KNOWN))
            return false;
        if (!(info & NUB_JIT_LOW_ONLY) && has_field(insn, isa->sources, reg))
            return false;
        if (has_field(insn, isa->dst, reg))
            return !keeps_destination(insn->opcode);
    }
    return false;
}

/* ---- pairs --------------------------------------------------------------------------------- */

/* x << 32 >> k is a move of the low half and a shift of what is left */
static bool
narrow(struct nub_jit *jit, const struct nub_insn *first, const struct nub_insn *second,
       bool is_signed)
{
    unsigned dst = nub_jit_r(first->a), count = second->x & 63;

    if ((first->x & 63) != 32 || second->a != first->a || second->b != first->a)
        return false;
    if (is_signed)
        nub_x64_rr(&jit->x, NUB_X64_OP_MOVSXD, NUB_X64_64, dst, nub_jit_r(first->b));
    else
        nub_x64_mov(&jit->x, NUB_X64_32, dst, nub_jit_r(first->b));
    if (count > 32)
        nub_x64_shift_imm(&jit->x, is_signed ? NUB_X64_SAR : NUB_X64_SHR, NUB_X64_64, dst,
                          count - 32);
    else if (count < 32)
        nub_x64_shift_imm(&jit->x, NUB_X64_SHL, NUB_X64_64, dst, 32 - count);
    return true;
}

/* (x << 1, 2 or 3) + y, the shifted value being overwritten: an address */
static bool
scale_and_add(struct nub_jit *jit, const struct nub_insn *first, const struct nub_insn *second)
{
    unsigned scale = first->x & 63;
    uint8_t shifted = first->a, other = second->a == shifted ? second->b : second->a;

    if (scale < 1 || scale > 3 || second->d != shifted || other == shifted ||
        (second->a != shifted && second->b != shifted))
        return false;
    nub_x64_lea_index(&jit->x, NUB_X64_64, nub_jit_r(shifted), nub_jit_r(other),
                      nub_jit_r(first->b), scale);
    return true;
}

/* both halves of a product from one multiplication */
static bool
mul_both(struct nub_jit *jit, const struct nub_insn *low, const struct nub_insn *high,
         const struct nub_insn *first)
{
    bool same =
        (low->a == high->a && low->b == high->b) || (low->a == high->b && low->b == high->a);

    if (!jit->bmi || !same || low->d == high->d || first->d == first->a || first->d == first->b)
        return false;
    nub_jit_mul_wide(jit, nub_jit_r(high->d), nub_jit_r(low->d), nub_jit_r(low->a),
                     nub_jit_r(low->b));
    return true;
}

/* a sum and whether it wrapped: it is below a summand exactly if there was a carry */
static bool
add_with_carry_out(struct nub_jit *jit, const struct nub_insn *add, const struct nub_insn *set)
{
    if (set->a != add->d || set->b == add->d || (set->b != add->a && set->b != add->b) ||
        set->d == add->d)
        return false;
    nub_jit_add_with_carry_out(jit, nub_jit_r(add->d), nub_jit_r(set->d), nub_jit_r(add->a),
                               nub_jit_r(add->b));
    return true;
}

bool
nub_jit_pair(struct nub_jit *jit, const struct nub_insn *first, const struct nub_insn *second)
{
    switch (first->opcode << 8 | second->opcode) {
    case NUB_OP_SHLO_L_IMM_64 << 8 | NUB_OP_SHLO_R_IMM_64:
        return narrow(jit, first, second, false);
    case NUB_OP_SHLO_L_IMM_64 << 8 | NUB_OP_SHAR_R_IMM_64:
        return narrow(jit, first, second, true);
    case NUB_OP_SHLO_L_IMM_64 << 8 | NUB_OP_ADD_64:
        return scale_and_add(jit, first, second);
    case NUB_OP_MUL_64 << 8 | NUB_OP_MUL_UPPER_U_U:
        return mul_both(jit, first, second, first);
    case NUB_OP_MUL_UPPER_U_U << 8 | NUB_OP_MUL_64:
        return mul_both(jit, second, first, first);
    case NUB_OP_ADD_64 << 8 | NUB_OP_SET_LT_U:
        return add_with_carry_out(jit, first, second);
    default:
        return false;
    }
}
