/* link.h - from a RISC-V ELF to a bundle
 *
 * Takes what ld.lld makes of clang's rv64e objects (static, with --emit-relocs) and gives the Data,
 * Image and Instance capabilities of a program as one bundle file (caps.md 5). The same input
 * and options give the same bytes. Nothing here prints or ends the process; every ELF file, hostile ones
 * included, gives either a bundle or a list of messages. docs/toolchain.md is for users.
 */
#ifndef NUB_TOOLS_LINK_H
#define NUB_TOOLS_LINK_H

#include <glib.h>

G_BEGIN_DECLS

/** What a link may be told. All zero: the defaults. */
typedef struct {
    const char *const *exports; /* NULL-terminated names of the endpoints; NULL: what the ELF exports */
    guint64 stack_size;         /* bytes; 0: the symbol __nub_stack_size, else 256 KiB */
    guint64 heap_size;          /* bytes; 0: the symbol __nub_heap_size, else 1 MiB */
    void (*progress)(const char *step, guint n_done, guint n_steps); /* NULL, or called before each step */
} NubLinkOptions;

/** Figures of one link, for people and benchmarks. */
typedef struct {
    guint32 riscv_insns; /* reachable ones */
    guint32 riscv_bytes;
    guint32 insns; /* what they became */
    guint32 code_bytes;
    guint32 blocks;
    guint32 jump_entries;
    guint64 read_only_bytes, read_write_bytes; /* of memory, whole pages, without heap and stack */
} NubLinkStats;

/** What a link gives. */
typedef struct {
    GBytes *bundle;
    GBytes *debug;    /* the side file (debug.h): names and lines */
    char **endpoints; /* names by endpoint number, NULL-terminated */
    guint8 instance[32];
    NubLinkStats stats;
} NubLinkOutput;

/**
 * Links @size bytes of an ELF file. On failure @messages (of g_free()able strings) has every
 * problem found, at least one: "keccak.c:12: in 'permute' at 0x11204: ...". @output needs nub_link_output_clear()
 * after success.
 */
gboolean nub_link_elf(const guint8 *elf, gsize size, const NubLinkOptions *options, NubLinkOutput *output, GPtrArray *messages);
void nub_link_output_clear(NubLinkOutput *output);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubLinkOutput, nub_link_output_clear)

G_END_DECLS

#endif
