/* link.c - how long nub link takes for a megabyte of code: bench-link
 *
 * The program is assembly written here: functions of 20 instructions with a branch, a call, a table
 * of their addresses. Prints the median of seven links; docs/toolchain.md promises 2 s for 1 MiB.
 */
#include "cc.h"
#include "link.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 14000, ROUNDS = 7 };

static char *
write_program(void)
{
    GString *text = g_string_new(".section .text.run,\"axR\",@progbits\n.option norvc\n");

    for (unsigned i = 0; i < FUNCTIONS; i++) {
        g_string_append_printf(text, ".globl f%u\n.type f%u, @function\nf%u:\n", i, i, i);
        g_string_append_printf(
            text,
            "addi sp, sp, -16\nsd ra, 8(sp)\nlui a4, %%hi(table)\n"
            "ld a5, %%lo(table)(a4)\nsltu a3, a0, a5\nbnez a3, 1f\n"
            "sh3add a0, a1, a0\nxor a0, a0, a2\ncall f%u\n1:\nli a5, %u\n"
            "mul a0, a0, a5\nlui a4, %u\naddi a4, a4, 77\nand a0, a0, a4\n"
            "srli a3, a0, 7\nadd a0, a0, a3\nld ra, 8(sp)\naddi sp, sp, 16\nret\n"
            ".size f%u, . - f%u\n",
            (i * 7 + 1) % FUNCTIONS, i, i % 1000 + 1, i, i);
    }
    g_string_append(text, ".section .rodata\n.p2align 3\ntable:\n");
    for (unsigned i = 0; i < FUNCTIONS; i++)
        g_string_append_printf(text, ".quad f%u\n", i);
    return g_string_free(text, FALSE);
}

static GBytes *
build(GError **error)
{
    g_autofree char *directory = g_dir_make_tmp("nub-bench-XXXXXX", error);
    g_autofree char *source = directory ? g_build_filename(directory, "big.s", NULL) : NULL;
    g_autofree char *text = write_program();
    const char *const inputs[] = { source, NULL };
    NubCcOptions options = { .inputs = inputs };
    GBytes *elf = NULL;

    if (source && g_file_set_contents(source, text, -1, error))
        elf = nub_cc_build(&options, error);
    if (directory) {
        g_unlink(source);
        g_rmdir(directory);
    }
    return elf;
}

static int
compare(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

    return (x > y) - (x < y);
}

int
main(void)
{
    static const char *const exports[] = { "f0", NULL };
    NubLinkOptions options = { .exports = exports };
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) elf = build(&error);
    gint64 times[ROUNDS];
    NubLinkStats stats = { 0 };
    gsize size;

    if (!elf) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    const guint8 *bytes = g_bytes_get_data(elf, &size);
    for (unsigned i = 0; i < ROUNDS; i++) {
        g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
        g_auto(NubLinkOutput) output = { 0 };
        gint64 start = g_get_monotonic_time();
        if (!nub_link_elf(bytes, size, &options, &output, messages)) {
            fprintf(stderr, "%s\n", (const char *)messages->pdata[0]);
            return 1;
        }
        times[i] = g_get_monotonic_time() - start;
        stats = output.stats;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    printf("nub link: %u RISC-V instructions, %u bytes: %.3f s (median of %d), %.0f ns an "
           "instruction\n",
           stats.riscv_insns, stats.riscv_bytes, (double)times[ROUNDS / 2] * 1e-6, ROUNDS,
           (double)times[ROUNDS / 2] * 1e3 / stats.riscv_insns);
    return 0;
}
