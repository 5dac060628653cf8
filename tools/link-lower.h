/* link-lower.h - shared by the files that lower RISC-V to byte-PVM, one instruction at a time
 *
 * While a block is lowered, what each register holds is remembered: a constant, or the operation
 * that made it together with the versions of that operation's sources. A register's version
 * changes at each write, so a remembered operation may be used again as long as the versions fit.
 */
#ifndef NUB_TOOLS_LINK_LOWER_H
#define NUB_TOOLS_LINK_LOWER_H

#include "link-private.h"

enum { PVM_RA = 0, PVM_SP = 1, MAX_SPILLS = 3 };

enum link_value_kind { VALUE_UNKNOWN, VALUE_CONSTANT, VALUE_OP };

struct link_value {
    uint8_t kind;
    bool on_entry;     /* of CONSTANT: true of the source program; here a scratch use may have undone it */
    uint64_t k;        /* of CONSTANT */
    struct link_op op; /* of OP */
    uint32_t version_a, version_b;
};

struct lower {
    struct link *link;
    uint32_t insn;                 /* the one being lowered */
    const struct link_block *block;
    uint16_t live;                 /* after it */
    uint16_t busy;                 /* registers that it reads or writes, and scratch ones given out */
    uint8_t spilled[MAX_SPILLS];
    unsigned n_spilled;
    struct link_value values[NUB_N_REGS];
    uint32_t versions[NUB_N_REGS];
};

/** A source: a constant, a register, or a register that is known to hold a constant. */
struct operand {
    bool is_constant, has_reg;
    uint64_t k;
    uint8_t reg;
};

static inline bool
fits_32(uint64_t k)
{
    return (uint64_t)(int64_t)(int32_t)k == k;
}

/** The source x0..x15. */
struct operand lower_operand(const struct lower *l, uint8_t x);
struct operand lower_constant_operand(uint64_t k);
/** Appends an operation and remembers its result. */
void lower_emit(struct lower *l, struct link_op op);
void lower_rrr(struct lower *l, uint8_t opcode, uint8_t d, uint8_t a, uint8_t b);
void lower_rri(struct lower *l, uint8_t opcode, uint8_t d, uint8_t s, uint64_t x);
void lower_rr(struct lower *l, uint8_t opcode, uint8_t d, uint8_t s);
void lower_put_constant(struct lower *l, uint8_t d, uint64_t k);
void lower_move(struct lower *l, uint8_t d, struct operand from);
/** A register that nobody needs until the end of this instruction. */
uint8_t lower_scratch(struct lower *l);
/** A register that holds the operand, a scratch one if need be. */
uint8_t lower_reg(struct lower *l, struct operand from);
/** The operation that made what `reg` holds, if its sources still hold what they held; or NULL. */
const struct link_op *lower_made_by(const struct lower *l, uint8_t reg);

/** The result of an RV_x operation that constants are built with; false: leave it to the machine. */
bool lower_fold(unsigned op, uint64_t a, uint64_t b, uint64_t *k);

/* each lowers one kind of instruction; rd is not x0 */
void lower_two_operands(struct lower *l, const struct link_insn *insn);     /* link-lower-alu.c */
void lower_one_operand(struct lower *l, const struct rv_insn *rv);         /* link-lower-bits.c */
void lower_bits(struct lower *l, const struct rv_insn *rv);                /* link-lower-bits.c */
void lower_select(struct lower *l, const struct rv_insn *rv);              /* link-lower-bits.c */
void lower_load(struct lower *l, const struct rv_insn *rv);                /* link-lower-memory.c; rd may be x0 */
void lower_store(struct lower *l, const struct rv_insn *rv);               /* link-lower-memory.c */
void lower_atomic(struct lower *l, const struct rv_insn *rv);              /* link-lower-memory.c; rd may be x0 */
void lower_branch(struct lower *l, const struct link_insn *insn);          /* link-lower-jump.c */
void lower_jump(struct lower *l, const struct link_insn *insn);            /* link-lower-jump.c */

#endif
