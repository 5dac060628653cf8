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
    FALLS = NUB_JIT_BARRIER | NUB_JIT_FALLS,
    PAIRS = NUB_JIT_PAIRS
};

#define RULE(name, most, effect, ...)                                                              \
    _Static_assert((most) <= NUB_JIT_INSN_MOST, "room for " #name);
#include "jit-rules.def"

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

static inline __attribute__((always_inline)) void
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

/* neighbours become one only where nothing happens between them: not if each is charged */
void
nub_jit_emit(struct nub_jit *jit, const struct nub_insn *insns, uint32_t n)
{
    const struct nub_insn *end = insns + n;

    for (const struct nub_insn *insn = insns; insn < end; insn++) {
        uint32_t info = nub_jit_info[insn->opcode];
        if (!nub_jit_has_room(jit, NUB_JIT_INSN_ROOM))
            return;
        jit->at = insn;
        jit->at_end = end;
        if (jit->per_insn) {
            nub_jit_charge_gas(jit, PC, 1, true);
            jit->at_end = insn + 1;
        }
        if ((info & NUB_JIT_PAIRS) && insn + 1 < jit->at_end && nub_jit_pair(jit, insn, insn + 1)) {
            insn++;
            continue;
        }
        emit_one(jit, insn);
        if ((info & NUB_JIT_ENDS_BLOCK) && !jit->one_block)
            nub_jit_behind_terminator(jit, insn);
    }
}
