/* disassemble.c - capstone in one function */
#include "disassemble.h"
#include <capstone/capstone.h>
#include <glib.h>

size_t
nub_test_disassemble(char text[160], const uint8_t *code, size_t size, uint64_t address)
{
    static csh handle;
    cs_insn *insn = NULL;
    size_t used = 0;

    if (!handle)
        g_assert_cmpint(cs_open(CS_ARCH_X86, CS_MODE_64, &handle), ==, CS_ERR_OK);
    text[0] = '\0';
    if (cs_disasm(handle, code, size, address, 1, &insn) == 1) {
        g_snprintf(text, 160, "%s%s%s", insn->mnemonic, insn->op_str[0] ? " " : "", insn->op_str);
        used = insn->size;
        cs_free(insn, 1);
    }
    return used;
}
