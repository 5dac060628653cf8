/* debug-elf.h - a symbol file for gdb, made from the side file of a bundle */
#ifndef NUB_TOOLS_DEBUG_ELF_H
#define NUB_TOOLS_DEBUG_ELF_H

#include "debug.h"
#include "program.h"

/** An ELF file (EM_RISCV): code, symbols and lines at NUB_GDB_CODE + pc, and how to find callers. */
GByteArray *nub_debug_elf(const NubDebug *debug, const struct nub_program *program, const char *name);

#endif
