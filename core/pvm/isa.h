/* isa.h - the instruction set of byte-PVM, from the one list in isa.def
 *
 * Everything that knows opcodes (decoder, interpreters, JIT, gas, assembler, docs) expands
 * isa.def or asks the table here. Source: pvm.md 3.1, 4, 5, 7.4.
 */
#ifndef NUB_PVM_ISA_H
#define NUB_PVM_ISA_H

#include <nub/types.h>
#include <stdbool.h>

/** Argument formats (pvm.md 4). */
enum nub_arg_class {
    NUB_ARG_N, NUB_ARG_I, NUB_ARG_RX, NUB_ARG_II, NUB_ARG_O, NUB_ARG_RI, NUB_ARG_RII,
    NUB_ARG_RIO, NUB_ARG_RR, NUB_ARG_RRI, NUB_ARG_RRO, NUB_ARG_RRII, NUB_ARG_RRR
};

/** Opcode numbers: NUB_OP_TRAP, NUB_OP_LOAD_IMM, ... (the mnemonic in capitals). */
enum nub_opcode {
#define NUB_INSN(number, NAME, ...) NUB_OP_##NAME = number,
#include "isa.def"
};

enum nub_latency_kind { NUB_LATENCY_FIXED, NUB_LATENCY_MEM, NUB_LATENCY_BRANCH };
enum nub_overlap { NUB_OVERLAP_NONE, NUB_OVERLAP_ANY, NUB_OVERLAP_D_EQ_A, NUB_OVERLAP_MOVE };
enum nub_unit { NUB_UNIT_NONE, NUB_UNIT_ALU, NUB_UNIT_ALU2, NUB_UNIT_LOAD, NUB_UNIT_STORE, NUB_UNIT_MUL, NUB_UNIT_DIV };
/** Bits of the register fields of an instruction. */
enum nub_field { NUB_FIELD_NONE = 0, NUB_FIELD_A = 1, NUB_FIELD_B = 2, NUB_FIELD_AB = 3, NUB_FIELD_D = 4 };

struct nub_isa_entry {
    const char *mnemonic; /* NULL: unknown opcode */
    uint8_t arg_class;    /* enum nub_arg_class */
    bool is_terminator;
    uint8_t slots;         /* decode slots without overlap */
    uint8_t slots_overlap; /* with overlap */
    uint8_t latency;
    uint8_t latency_kind;
    uint8_t overlap;
    uint8_t unit;
    uint8_t dst;     /* enum nub_field: the register that it writes; a terminator's has no part in gas */
    uint8_t sources; /* bits of enum nub_field: what gas waits for, not the fallback of a conditional move */
};

/** By opcode number; unknown opcodes have mnemonic NULL and the cost entry of "all others". */
extern const struct nub_isa_entry nub_isa[256];

/** "N", "I", "RX", ...; NULL for another number. */
const char *nub_arg_class_name(uint32_t arg_class);
/** The opcode with this mnemonic, or -1. */
int nub_isa_find(const char *mnemonic);
/** "ra", "sp", "t0", ... for phi0 ... phi12. */
extern const char *const nub_reg_names[NUB_N_REGS];

#endif
