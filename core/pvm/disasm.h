/* disasm.h - one instruction as text, in the syntax of docs/assembly.md */
#ifndef NUB_PVM_DISASM_H
#define NUB_PVM_DISASM_H

#include "program.h"
#include <stddef.h>

/**
 * Writes an instruction as text, NUL-terminated, cut at `size`; returns the length of the whole text.
 * Operands: destination, first source, second source or immediate, target (as a number).
 */
size_t nub_insn_format(char *text, size_t size, const struct nub_insn *insn);

#endif
