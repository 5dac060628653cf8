/* asm.h - the assembler and the disassembler of byte-PVM
 *
 * Text in the syntax of docs/assembly.md becomes a bundle file (caps.md 5) or a program blob
 * (pvm.md 2.5), and back. The disassembler's text assembles to the same bytes, for every valid
 * bundle and every valid program.
 *
 * Errors are %NUB_ASM_ERROR; what is wrong with a text begins with NAME:LINE:COLUMN.
 */
#ifndef NUB_TOOLS_ASM_H
#define NUB_TOOLS_ASM_H

#include <glib.h>

G_BEGIN_DECLS

#define NUB_ASM_ERROR (nub_asm_error_quark())
GQuark nub_asm_error_quark(void);

/** What NUB_ASM_ERROR says. */
typedef enum {
    NUB_ASM_ERROR_TEXT,  /* the text is wrong: "sum.s:3:5: unknown instruction 'ad_64' (...)" */
    NUB_ASM_ERROR_BYTES, /* the bytes are no bundle, no capability or no program */
} NubAsmError;

/** What a text becomes. */
typedef struct {
    GBytes *bundle;  /* the bundle file: every capability, referents first */
    GBytes *program; /* the program blob of the last image; NULL when the text has none */
    guint n_caps;    /* capabilities in the bundle */
} NubAsmOutput;

/**
 * Assembles @size bytes of @text; @name is what messages call it. @output needs
 * nub_asm_output_clear() after success.
 */
gboolean nub_asm_assemble(const char *name, const char *text, gsize size, NubAsmOutput *output, GError **error);
void nub_asm_output_clear(NubAsmOutput *output);

/** A bundle file as text, NULL when it is none. Free with g_free(). */
char *nub_disasm_bundle(const guint8 *file, gsize size, GError **error);
/** A single capability in wire form as the text of a bundle that holds nothing else. */
char *nub_disasm_cap(const guint8 *wire, gsize size, GError **error);
/** A program blob as text. */
char *nub_disasm_program(const guint8 *blob, gsize size, GError **error);
/** Whichever of bundle, capability and program blob the bytes are, tried in this order. */
char *nub_disasm_any(const guint8 *bytes, gsize size, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubAsmOutput, nub_asm_output_clear)

G_END_DECLS

#endif
