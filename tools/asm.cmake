# The assembler and the disassembler, behind asm.h.
pkg_check_modules(NUB_ASM_GLIB REQUIRED IMPORTED_TARGET glib-2.0)

add_library(nub_asm STATIC
    asm.c
    asm-data.c
    asm-disasm.c
    asm-disasm-code.c
    asm-emit.c
    asm-fields.c
    asm-insn.c
    asm-layout.c
    asm-lex.c
    asm-link.c
    asm-operand.c
    asm-sections.c)
target_include_directories(nub_asm PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(nub_asm PUBLIC PkgConfig::NUB_ASM_GLIB PRIVATE nub_pvm nub_flags)
