/* disassemble.h - machine code back to text, by a library that knows nothing of ours */
#ifndef NUB_TEST_DISASSEMBLE_H
#define NUB_TEST_DISASSEMBLE_H

#include <stddef.h>
#include <stdint.h>

/** The one instruction at `code`, as capstone writes it ("mov rax, rcx"), and its size; 0 and an empty text: none. */
size_t nub_test_disassemble(char text[160], const uint8_t *code, size_t size, uint64_t address);

#endif
