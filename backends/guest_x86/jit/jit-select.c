/* jit-select.c - which emitter makes an instruction, and what is known of each
 *
 * jit-rules.def has one line an opcode: the emission is an expression there, so that one switch
 * leads to it and every parameter but the operands is a constant.
 */
#include "jit-private.h"

enum {
    PURE = 0,
    LOW = NUB_JIT_LOW_ONLY,
    ACCESS = NUB_JIT_FAULTS | NUB_JIT_BARRIER,
    LEAVES = NUB_JIT_BARRIER,
    PAIRS = NUB_JIT_PAIRS
};

/* jit-rules.def knows how many bytes, isa.def what a terminator is: joined by enumerators */
enum {
#define RULE(name, most, effect, ...) INFO_##name = (most) | (effect),
#include "jit-rules.def"
};

const uint16_t nub_jit_info[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, terminator, ...)                                   \
    [number] = INFO_##NAME | NUB_JIT_KNOWN | (terminator ? NUB_JIT_ENDS_BLOCK : 0),
#include "isa.def"
};

/* the same for counting: one addition an instruction */
#define CENSUS(info, terminator)                                                                   \
    ((uint64_t)((info)&NUB_JIT_MOST_BYTES) << NUB_JIT_CENSUS_BYTES |                               \
     1ull << NUB_JIT_CENSUS_KNOWN | (uint64_t)(terminator) << NUB_JIT_CENSUS_ENDS |                \
     (uint64_t)(((info)&NUB_JIT_FAULTS) != 0) << NUB_JIT_CENSUS_FAULTS)

const uint64_t nub_jit_census[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, terminator, ...)                                   \
    [number] = CENSUS(INFO_##NAME, terminator),
#include "isa.def"
};

bool
nub_jit_falls_through(uint8_t opcode)
{
    enum nub_arg_class arg_class = nub_isa[opcode].arg_class;

    return opcode == NUB_OP_FALLTHROUGH || opcode == NUB_OP_UNLIKELY || arg_class == NUB_ARG_RRO ||
           (arg_class == NUB_ARG_RIO && opcode != NUB_OP_LOAD_IMM_JUMP);
}

#define A          nub_jit_r(insn->a)
#define B          nub_jit_r(insn->b)
#define D          nub_jit_r(insn->d)
#define X          insn->x
#define Y          insn->y
#define T          insn->target
#define PC         insn->pc
#define NEXT       insn->next
#define NONE       NUB_X64_NO_REG
#define W32        NUB_X64_32
#define W64        NUB_X64_64
#define EXIT(name) jit->out->exit_##name

static void
emit_one(struct nub_jit *jit, const struct nub_insn *insn)
{
    switch (insn->opcode) {
#define RULE(name, most, effect, ...)                                                              \
    case NUB_OP_##name:                                                                            \
        __VA_ARGS__;                                                                               \
        break;
#include "jit-rules.def"
    default:
        nub_jit_exit(jit, EXIT(panic), PC);
        break;
    }
}

uint32_t
nub_jit_emit(struct nub_jit *jit, const struct nub_insn *insn, uint32_t n)
{
    jit->at = insn;
    jit->n_following = n - 1;
    if (n > 1 && (nub_jit_info[insn->opcode] & NUB_JIT_PAIRS) && nub_jit_pair(jit, insn, insn + 1))
        return 2;
    emit_one(jit, insn);
    return 1;
}
