/* pvm-test.h - programs for the tests of core/pvm: written down, and random ones */
#ifndef NUB_PVM_TEST_H
#define NUB_PVM_TEST_H

#include "program.h"
#include <glib.h>

/** A program that owns its bytes. */
typedef struct {
    struct nub_program program;
    GByteArray *code, *mask, *jump_table;
} PvmTestProgram;

/** From hexadecimal as in pvm.md: "33 07 05 / 00", an instruction starting at the first byte and after each "/". */
void pvm_test_program_from_text(PvmTestProgram *self, const char *text);
/** Instructions that the encoder wrote, mostly, with odd ones in between. */
void pvm_test_program_random_code(PvmTestProgram *self, GRand *rand, guint32 size);
/** Any bytes, any mask (`density` of 256 bytes start an instruction), any table. */
void pvm_test_program_random_bytes(PvmTestProgram *self, GRand *rand, guint32 size, guint32 density);
void pvm_test_program_clear(PvmTestProgram *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PvmTestProgram, pvm_test_program_clear)

/** A random instruction in its canonical form: fields that its class lacks are 0. */
void pvm_test_random_insn(struct nub_insn *insn, GRand *rand, guint32 pc);
/** "33 07 05" as bytes. */
GByteArray *pvm_test_bytes(const char *hex);

#endif
