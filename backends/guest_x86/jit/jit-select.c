/* jit-select.c - which emitter makes an instruction, with what parameters
 *
 * One line an opcode in `rules`; the switch below gives each kind of rule its operands in the
 * roles of pvm.md 4. Also the pairs that are worth one thought: what the code of two neighbours is
 * when they are emitted together.
 */
#include "jit-private.h"

enum kind {
    K_UNKNOWN, /* what the table holds for opcodes without a line */
    K_LOAD,
    K_LOAD_IND,
    K_STORE,
    K_STORE_IND,
    K_STORE_IMM,
    K_STORE_IMM_IND,
    K_TRAP,
    K_FALLTHROUGH,
    K_ECALL,
    K_ECALLI,
    K_JUMP,
    K_JUMP_IND,
    K_LOAD_IMM_JUMP,
    K_LOAD_IMM_JUMP_IND,
    K_BRANCH,
    K_BRANCH_IMM,
    K_LOAD_IMM,
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
    K_XNOR,
};

/* how an instruction deals with the upper halves of registers */
enum upper {
    FULL = 0,   /* may look at all 64 bits of its sources */
    LOW = 1,    /* its result depends on the low halves of its sources only, and is no exit */
    BARRIER = 2 /* may exit: every register must be right before it */
};

/* K_UNARY */
enum unary { UNARY_POPCNT, UNARY_MOVSX8, UNARY_MOVSX16, UNARY_MOVZX16 };

/* the most bytes that an instruction of a kind takes; tests try all operands */
enum most {
    MOST_TRAP = 23,
    MOST_FALLTHROUGH = 0,
    MOST_ECALL = 23,
    MOST_ECALLI = 31,
    MOST_LOAD_IMM = 10,
    MOST_STORE_IMM = 16,
    MOST_STORE_IMM_IND = 15,
    MOST_JUMP = 23,
    MOST_JUMP_IND = 62,
    MOST_LOAD_IMM_JUMP = 33,
    MOST_LOAD_IMM_JUMP_IND = 72,
    MOST_BRANCH = 32,
    MOST_BRANCH_IMM = 36,
    MOST_LOAD = 12,
    MOST_LOAD_IND = 12,
    MOST_STORE = 12,
    MOST_STORE_IND = 12,
    MOST_MOVE = 3,
    MOST_UNARY = 5,
    MOST_COUNT_ZEROS = 18,
    MOST_BSWAP = 6,
    MOST_ALU = 9,
    MOST_ALU_IMM = 13,
    MOST_NEG_ADD = 16,
    MOST_MUL = 10,
    MOST_MUL_IMM = 10,
    MOST_MUL_UPPER = 36,
    MOST_DIVIDE = 72,
    MOST_SHIFT = 22,
    MOST_SHIFT_IMM = 10,
    MOST_SHIFT_ALT = 30,
    MOST_SET = 14,
    MOST_SET_IMM = 18,
    MOST_CMOV = 7,
    MOST_CMOV_IMM = 17,
    MOST_SELECT = 10,
    MOST_AND_INV = 12,
    MOST_OR_INV = 9,
    MOST_XNOR = 9
};

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

/* jit-rules.def says how many bytes, isa.def what a terminator is: joined by enumerators */
enum {
#define RULE(name, kind, op, width, upper)                                                         \
    INFO_##name = MOST_##kind | (K_##kind <= K_STORE_IMM_IND ? NUB_JIT_FAULTS : 0),
#include "jit-rules.def"
};

const uint16_t nub_jit_info[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, terminator, ...)                                   \
    [number] = INFO_##NAME | NUB_JIT_KNOWN | (terminator ? NUB_JIT_ENDS_BLOCK : 0),
#include "isa.def"
};

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
