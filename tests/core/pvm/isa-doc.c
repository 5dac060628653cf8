/* isa-doc.c - docs/isa.md from isa.def
 *
 * `isa-doc --check FILE` fails when the file is not what isa.def says, `isa-doc --write FILE` makes
 * it so (the target `isa-doc` does that). There is one list of instructions; this is its print.
 */
#include "disasm.h"
#include <glib.h>
#include <stdio.h>
#include <string.h>

static const char *const effects[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, terminator, slots, overlapping, rule, latency,     \
                 kind, unit, dst, sources, effect)                                                 \
    [number] = effect,
#include "isa.def"
};

static const char intro[] =
    "# The instructions of byte-PVM\n"
    "\n"
    "Generated from `core/pvm/isa.def` by the target `isa-doc`; the test `core.pvm.isa-doc` holds\n"
    "them together. How programs are written is in [assembly.md](assembly.md).\n"
    "\n"
    "There are 13 registers of 64 bits: `ra`, `sp`, `t0`, `t1`, `t2`, `s0`, `s1`, `a0` ... `a5`\n"
    "(`r0` ... `r12`). In the tables `A`, `B`, `D` are the register operands of an instruction "
    "and,\n"
    "as values, what they hold before it; `X`, `Y` are immediates, sign-extended to 64 bits from "
    "at\n"
    "most 32 (64 in class RX); `T` is a target in the code. Memory is in brackets, addresses "
    "count\n"
    "modulo 2^32.\n"
    "\n"
    "Effects are C on `uint64_t` values. `u32(x)` is the low half, `s32(x)` the low half with its\n"
    "sign, `s64(x)` the value with its sign, `sx8`, `sx16`, `sx32` sign-extend, `sar32`, `sar64`\n"
    "shift right arithmetically, `rol`, `ror` rotate, `popcnt64`, `clz`, `ctz` count 1 bits, "
    "leading\n"
    "and trailing 0 bits (the full width for 0), `bswap64` reverses the bytes, `mulh_uu`, "
    "`mulh_ss`,\n"
    "`mulh_su` give the upper half of a product. `LDn(a)` and `STn(a, v)` load and store n bits,\n"
    "little-endian; an access that is not allowed exits PageFault and has no effect. `JUMP(T)` "
    "goes to\n"
    "a block start or exits Panic, `BRANCH(T, c)` does so if c holds, `DJUMP(v)` goes where the "
    "jump\n"
    "table entry for the address v leads, and exits Halt at 0xFFFF0000.\n"
    "\n"
    "*ends* marks the instructions that end a basic block: what follows them can be jumped to, "
    "and\n"
    "gas is charged anew. *slots* and *latency* are what gas counts: decode slots (`1/2 any`: one\n"
    "when the destination is also a source; `2/3 D=A`: two when it is the first source) and "
    "cycles\n"
    "(`mem`: the setting `mem-cycles`; `br`: 20, or 1 where an end of the branch is cheap). *unit* "
    "is\n"
    "used by the gas model `polkavm`.\n";

static const char *const class_titles[] = { "No operands",
                                            "One immediate",
                                            "Register and 64-bit immediate",
                                            "Store an immediate at an address",
                                            "Target",
                                            "Register and immediate, or memory at an address",
                                            "Store an immediate at a register",
                                            "Register, immediate and target",
                                            "Two registers",
                                            "Two registers and immediate, or memory at a register",
                                            "Two registers and target",
                                            "Two registers and two immediates",
                                            "Three registers" };

static void
put_operand(GString *text, char operand)
{
    switch (operand) {
    case 'M':
        g_string_append(text, "[X]");
        break;
    case 'a':
        g_string_append(text, "[A + X]");
        break;
    case 'b':
        g_string_append(text, "[B + X]");
        break;
    default:
        g_string_append_c(text, operand);
    }
}

static void
put_slots(GString *text, const struct nub_isa_entry *entry)
{
    if (entry->slots == entry->slots_overlap)
        g_string_append_printf(text, "%u", entry->slots);
    else
        g_string_append_printf(text, "%u/%u %s", entry->slots_overlap, entry->slots,
                               entry->overlap == NUB_OVERLAP_ANY ? "any" : "D=A");
}

static void
put_latency(GString *text, const struct nub_isa_entry *entry)
{
    if (entry->latency_kind == NUB_LATENCY_MEM)
        g_string_append(text, "mem");
    else if (entry->latency_kind == NUB_LATENCY_BRANCH)
        g_string_append(text, "br");
    else
        g_string_append_printf(text, "%u", entry->latency);
}

static void
put_row(GString *text, guint number)
{
    static const char *const units[] = { "", "ALU", "2 ALU", "LOAD", "STORE", "MUL", "DIV" };
    const struct nub_isa_entry *entry = &nub_isa[number];
    g_auto(GStrv) parts = g_strsplit(effects[number], "|", -1); /* a bar would end the cell */
    g_autofree char *effect = g_strjoinv("\\|", parts);
    const char *separator = " ";

    g_string_append_printf(text, "| %u | `%s", number, entry->mnemonic);
    for (const char *operand = nub_insn_operands((guint8)number); *operand; operand++) {
        g_string_append(text, separator);
        put_operand(text, *operand);
        separator = ", ";
    }
    g_string_append_printf(text, "` | `%s` | %s | ", effect, entry->is_terminator ? "ends" : "");
    put_slots(text, entry);
    g_string_append(text, " | ");
    put_latency(text, entry);
    g_string_append_printf(text, " | %s |\n", units[entry->unit]);
}

static char *
make_text(void)
{
    GString *text = g_string_new(intro);

    for (guint class = NUB_ARG_N; class <= NUB_ARG_RRR; class ++) {
        g_string_append_printf(text,
                               "\n## %s (class %s)\n\n"
                               "| number | text | effect | | slots | latency | unit |\n"
                               "|---|---|---|---|---|---|---|\n",
                               class_titles[class], nub_arg_class_name(class));
        for (guint number = 0; number < 256; number++)
            if (nub_isa[number].mnemonic && nub_isa[number].arg_class == class)
                put_row(text, number);
    }
    return g_string_free(text, FALSE);
}

int
main(int argc, char **argv)
{
    g_autofree char *text = make_text(), *found = NULL;
    g_autoptr(GError) error = NULL;

    if (argc != 3 || (strcmp(argv[1], "--check") != 0 && strcmp(argv[1], "--write") != 0)) {
        fprintf(stderr, "usage: isa-doc --check|--write FILE\n");
        return 2;
    }
    if (strcmp(argv[1], "--write") == 0)
        g_file_set_contents(argv[2], text, -1, &error);
    else
        g_file_get_contents(argv[2], &found, NULL, &error);
    if (error) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    if (found && strcmp(found, text) != 0) {
        fprintf(stderr, "%s is not what isa.def says; build the target isa-doc\n", argv[2]);
        return 1;
    }
    return 0;
}
