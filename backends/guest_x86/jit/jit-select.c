/* jit-select.c - which emitter makes an instruction, with what parameters
 *
 * One line an opcode in `rules`; the switch below gives each kind of rule its operands in the
 * roles of pvm.md 4. Also the pairs that are worth one thought: what the code of two neighbours is
 * when they are emitted together.
 */
#include "jit-private.h"

enum kind {
    K_UNKNOWN,
    K_TRAP,
    K_FALLTHROUGH,
    K_ECALL,
    K_ECALLI,
    K_LOAD_IMM,
    K_STORE_IMM,
    K_STORE_IMM_IND,
    K_JUMP,
    K_JUMP_IND,
    K_LOAD_IMM_JUMP,
    K_LOAD_IMM_JUMP_IND,
    K_BRANCH,
    K_BRANCH_IMM,
    K_LOAD,
    K_LOAD_IND,
    K_STORE,
    K_STORE_IND,
    K_MOVE,
    K_UNARY,
    K_COUNT_ZEROS,
    K_BSWAP,
    K_ALU,
    K_ALU_IMM,
    K_NEG_ADD,
    K_MUL,
    K_MUL_IMM,
    K_MUL_UPPER,
    K_DIVIDE,
    K_SHIFT,
    K_SHIFT_IMM,
    K_SHIFT_ALT,
    K_SET,
    K_SET_IMM,
    K_CMOV,
    K_CMOV_IMM,
    K_SELECT,
    K_AND_INV,
    K_OR_INV,
    K_XNOR
};

/* how an instruction deals with the upper halves of registers */
enum upper {
    FULL = 0,   /* may look at all 64 bits of its sources */
    LOW = 1,    /* its result depends on the low halves of its sources only, and is no exit */
    BARRIER = 2 /* may exit: every register must be right before it */
};

/* K_UNARY */
enum unary { UNARY_POPCNT, UNARY_MOVSX8, UNARY_MOVSX16, UNARY_MOVZX16 };

struct rule {
    uint8_t kind;
    uint8_t op;    /* x64 operation, condition, bytes or load kind */
    uint8_t width; /* enum nub_x64_width, or a second parameter */
    uint8_t upper;
};

static const struct rule rules[256] = {
#define RULE(name, kind, op, width, upper) [NUB_OP_##name] = { K_##kind, op, width, upper },
#include "jit-rules.def"
};

uint32_t
nub_jit_max_bytes(uint8_t opcode)
{
    /* measured over all operands by the tests, which hold these figures */
    static const uint8_t bytes[] = {
#define BYTES(kind, most) [K_##kind] = most,
        BYTES(UNKNOWN, 23) BYTES(TRAP, 23) BYTES(FALLTHROUGH, 0) BYTES(ECALL, 23) BYTES(ECALLI, 31)
            BYTES(LOAD_IMM, 10) BYTES(STORE_IMM, 15) BYTES(STORE_IMM_IND, 15) BYTES(JUMP, 23)
                BYTES(JUMP_IND, 62) BYTES(LOAD_IMM_JUMP, 33) BYTES(LOAD_IMM_JUMP_IND, 72)
                    BYTES(BRANCH, 32) BYTES(BRANCH_IMM, 36) BYTES(LOAD, 12) BYTES(LOAD_IND, 12)
                        BYTES(STORE, 12) BYTES(STORE_IND, 12) BYTES(MOVE, 3) BYTES(UNARY, 5)
                            BYTES(COUNT_ZEROS, 18) BYTES(BSWAP, 6) BYTES(ALU, 9) BYTES(ALU_IMM, 13)
                                BYTES(NEG_ADD, 16) BYTES(MUL, 10) BYTES(MUL_IMM, 10)
                                    BYTES(MUL_UPPER, 36) BYTES(DIVIDE, 72) BYTES(SHIFT, 22)
                                        BYTES(SHIFT_IMM, 10) BYTES(SHIFT_ALT, 30) BYTES(SET, 14)
                                            BYTES(SET_IMM, 18) BYTES(CMOV, 7) BYTES(CMOV_IMM, 17)
                                                BYTES(SELECT, 10) BYTES(AND_INV, 12)
                                                    BYTES(OR_INV, 9) BYTES(XNOR, 9)
#undef BYTES
    };

    return bytes[rules[opcode].kind];
}

bool
nub_jit_can_fault(uint8_t opcode)
{
    uint8_t kind = rules[opcode].kind;

    return kind == K_STORE_IMM || kind == K_STORE_IMM_IND ||
           (kind >= K_LOAD && kind <= K_STORE_IND);
}

bool
nub_jit_falls_through(uint8_t opcode)
{
    uint8_t kind = rules[opcode].kind;

    return kind == K_FALLTHROUGH || kind == K_BRANCH || kind == K_BRANCH_IMM;
}

/* ---- one instruction ----------------------------------------------------------------------- */

static void
emit_branch_imm(struct nub_jit *jit, const struct nub_insn *insn, enum nub_x64_cond cond,
                unsigned zero_flag_of)
{
    unsigned a = nub_jit_r(insn->a);
    bool is_set = insn->x == 0 && zero_flag_of == a && (cond == NUB_X64_E || cond == NUB_X64_NE);

    if (!is_set)
        nub_jit_compare_imm(jit, a, insn->x);
    nub_jit_branch(jit, insn->pc, cond, insn->target);
}

static void
emit_control(struct nub_jit *jit, const struct nub_insn *insn, const struct rule *rule,
             unsigned zero_flag_of)
{
    switch (rule->kind) {
    case K_TRAP:
        nub_jit_exit(jit, jit->out->exit_trap, insn->pc);
        break;
    case K_ECALL:
        nub_jit_exit(jit, jit->out->exit_ecall, insn->next);
        break;
    case K_ECALLI:
        nub_jit_host_call(jit, insn);
        break;
    case K_FALLTHROUGH:
        break;
    case K_LOAD_IMM_JUMP:
        nub_jit_load_imm(jit, nub_jit_r(insn->a), insn->x);
        nub_jit_jump(jit, insn->pc, insn->target);
        break;
    case K_JUMP:
        nub_jit_jump(jit, insn->pc, insn->target);
        break;
    case K_JUMP_IND:
        nub_jit_jump_ind(jit, insn);
        break;
    case K_LOAD_IMM_JUMP_IND:
        nub_jit_load_imm_jump_ind(jit, insn);
        break;
    case K_BRANCH:
        nub_jit_compare(jit, nub_jit_r(insn->a), nub_jit_r(insn->b));
        nub_jit_branch(jit, insn->pc, rule->op, insn->target);
        break;
    case K_BRANCH_IMM:
        emit_branch_imm(jit, insn, rule->op, zero_flag_of);
        break;
    default:
        nub_jit_exit(jit, jit->out->exit_panic, insn->pc);
        break;
    }
}

static void
emit_memory(struct nub_jit *jit, const struct nub_insn *insn, const struct rule *rule)
{
    unsigned a = nub_jit_r(insn->a), b = nub_jit_r(insn->b);

    switch (rule->kind) {
    case K_LOAD:
        nub_jit_load(jit, insn->pc, rule->op, a, NUB_X64_NO_REG, insn->x);
        break;
    case K_LOAD_IND:
        nub_jit_load(jit, insn->pc, rule->op, a, b, insn->x);
        break;
    case K_STORE:
        nub_jit_store(jit, insn->pc, rule->op, a, NUB_X64_NO_REG, insn->x);
        break;
    case K_STORE_IND:
        nub_jit_store(jit, insn->pc, rule->op, a, b, insn->x);
        break;
    case K_STORE_IMM:
        nub_jit_store_imm(jit, insn->pc, rule->op, insn->y, NUB_X64_NO_REG, insn->x);
        break;
    default:
        nub_jit_store_imm(jit, insn->pc, rule->op, insn->y, a, insn->x);
        break;
    }
}

/* one register in, one out */
static void
emit_rr(struct nub_jit *jit, const struct nub_insn *insn, const struct rule *rule)
{
    static const uint32_t unary[] = { [UNARY_POPCNT] = NUB_X64_OP_POPCNT,
                                      [UNARY_MOVSX8] = NUB_X64_OP_MOVSX8,
                                      [UNARY_MOVSX16] = NUB_X64_OP_MOVSX16,
                                      [UNARY_MOVZX16] = NUB_X64_OP_MOVZX16 };
    unsigned dst = nub_jit_r(insn->d), src = nub_jit_r(insn->a);

    switch (rule->kind) {
    case K_MOVE:
        nub_jit_move(jit, dst, src);
        break;
    case K_UNARY:
        nub_x64_rr(&jit->x, unary[rule->op], rule->width, dst, src);
        break;
    case K_COUNT_ZEROS:
        nub_jit_count_zeros(jit, rule->op, rule->width, dst, src);
        break;
    default:
        nub_jit_move(jit, dst, src);
        nub_x64_bswap(&jit->x, dst);
        break;
    }
}

static void
emit_rri(struct nub_jit *jit, const struct nub_insn *insn, const struct rule *rule)
{
    unsigned dst = nub_jit_r(insn->a), src = nub_jit_r(insn->b);

    switch (rule->kind) {
    case K_LOAD_IMM:
        nub_jit_load_imm(jit, dst, insn->x);
        break;
    case K_ALU_IMM:
        nub_jit_alu_imm(jit, rule->op, rule->width, dst, src, insn->x);
        break;
    case K_NEG_ADD:
        nub_jit_neg_add(jit, rule->width, dst, src, insn->x);
        break;
    case K_MUL_IMM:
        nub_x64_imul_imm(&jit->x, rule->width, dst, src, (int32_t)insn->x);
        nub_jit_extend(jit, rule->width, dst);
        break;
    case K_SHIFT_IMM:
        nub_jit_shift_imm(jit, rule->op, rule->width, dst, src, insn->x);
        break;
    case K_SHIFT_ALT:
        nub_jit_shift_alt(jit, rule->op, rule->width, dst, insn->x, src);
        break;
    case K_SET_IMM:
        nub_jit_set_imm(jit, rule->op, dst, src, insn->x);
        break;
    default:
        nub_jit_cmov_imm(jit, rule->op, dst, insn->x, src);
        break;
    }
}

static void
emit_rrr(struct nub_jit *jit, const struct nub_insn *insn, const struct rule *rule)
{
    unsigned dst = nub_jit_r(insn->d), a = nub_jit_r(insn->a), b = nub_jit_r(insn->b);

    switch (rule->kind) {
    case K_ALU:
        nub_jit_alu(jit, rule->op, rule->width, dst, a, b);
        break;
    case K_MUL:
        nub_jit_mul(jit, rule->width, dst, a, b);
        break;
    case K_MUL_UPPER:
        nub_jit_mul_upper(jit, rule->op, dst, a, b);
        break;
    case K_DIVIDE:
        nub_jit_divide(jit, rule->op, rule->width, dst, a, b);
        break;
    case K_SHIFT:
        nub_jit_shift(jit, rule->op, rule->width, dst, a, b);
        break;
    case K_SET:
        nub_jit_set(jit, rule->op, dst, a, b);
        break;
    case K_CMOV:
        nub_jit_cmov(jit, rule->op, dst, a, b);
        break;
    case K_SELECT:
        nub_jit_select(jit, rule->op, rule->width, dst, a, b);
        break;
    case K_AND_INV:
        nub_jit_and_inv(jit, dst, a, b);
        break;
    case K_OR_INV:
        nub_jit_or_inv(jit, dst, a, b);
        break;
    default:
        nub_jit_xnor(jit, dst, a, b);
        break;
    }
}

uint32_t
nub_jit_emit(struct nub_jit *jit, const struct nub_insn *insn, uint32_t n)
{
    const struct rule *rule = &rules[insn->opcode];
    unsigned zero_flag_of = jit->zero_flag_of;

    (void)n;
    jit->zero_flag_of = NUB_X64_NO_REG;
    switch (rule->kind) {
    case K_LOAD:
    case K_LOAD_IND:
    case K_STORE:
    case K_STORE_IND:
    case K_STORE_IMM:
    case K_STORE_IMM_IND:
        emit_memory(jit, insn, rule);
        break;
    case K_MOVE:
    case K_UNARY:
    case K_COUNT_ZEROS:
    case K_BSWAP:
        emit_rr(jit, insn, rule);
        break;
    case K_LOAD_IMM:
    case K_ALU_IMM:
    case K_NEG_ADD:
    case K_MUL_IMM:
    case K_SHIFT_IMM:
    case K_SHIFT_ALT:
    case K_SET_IMM:
    case K_CMOV_IMM:
        emit_rri(jit, insn, rule);
        break;
    case K_ALU:
    case K_MUL:
    case K_MUL_UPPER:
    case K_DIVIDE:
    case K_SHIFT:
    case K_SET:
    case K_CMOV:
    case K_SELECT:
    case K_AND_INV:
    case K_OR_INV:
    case K_XNOR:
        emit_rrr(jit, insn, rule);
        break;
    default:
        emit_control(jit, insn, rule, zero_flag_of);
        break;
    }
    return 1;
}
