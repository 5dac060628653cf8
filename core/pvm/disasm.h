/* disasm.h - one instruction as text, in the syntax of docs/assembly.md */
#ifndef NUB_PVM_DISASM_H
#define NUB_PVM_DISASM_H

#include "program.h"
#include <stddef.h>

/**
 * The operands of an instruction in the order of its text, a letter each: A, B, D registers, X, Y
 * immediates, T target, M the memory at X, a and b the memory at register A or B plus X.
 */
const char *nub_insn_operands(uint8_t opcode);

/**
 * Writes an instruction as text, NUL-terminated, cut at `size`; returns the length of the whole text.
 * Operands: destination, first source, second source or immediate, target (as a number); memory in
 * brackets: "load_ind_u64 a0, [sp - 8]".
 */
size_t nub_insn_format(char *text, size_t size, const struct nub_insn *insn);

#endif
