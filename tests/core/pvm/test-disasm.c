/* test-disasm.c - instructions as text, one of every argument class and every memory form */
#include "disasm.h"
#include "pvm-test.h"

static void
test_format(void)
{
    static const struct {
        const char *code, *text;
    } cases[] = {
        { "00", "trap" },
        { "0A 07", "ecalli 7" },
        { "0A 80", "ecalli -128" },
        { "14 07 EF CD AB 89 67 45 23 01", "load_imm_64 a0, 0x123456789abcdef" },
        { "14 07 00 00 00 00 00 00 00 80", "load_imm_64 a0, -0x8000000000000000" },
        { "1E 04 00 00 02 00 5A", "store_imm_u8 [0x20000], 90" },
        { "28 FE", "jump -2" },
        { "32 00", "jump_ind ra, 0" },
        { "33 07 80", "load_imm a0, -128" },
        { "33 07 00 10", "load_imm a0, 0x1000" },
        { "34 07 FF", "load_u8 a0, [-1]" },
        { "3E 07 10", "store_u64 a0, [16]" },
        { "46 27 34 12 FF", "store_imm_ind_u8 [a0 + 0x1234], -1" },
        { "52 18 00 FA", "branch_ne_imm a1, 0, -6" },
        { "64 1D", "move_reg a5, sp" },
        { "7B 17 F8", "store_ind_u64 a0, [sp - 8]" },
        { "82 87", "load_ind_u64 a0, [a1]" },
        { "95 87 F8", "add_imm_64 a0, a1, -8" },
        { "AA 87 09", "branch_eq a0, a1, 9" },
        { "B4 87 01 09 02", "load_imm_jump_ind a0, 9, a1, 2" },
        { "C8 87 09", "add_64 a2, a0, a1" },
        { "FF 01", "unknown 255" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(PvmTestProgram) test = { 0 };
        struct nub_insn insn;
        char text[64];
        pvm_test_program_from_text(&test, cases[i].code);
        nub_insn_decode(&insn, &test.program, 0);
        g_assert_cmpuint(nub_insn_format(text, sizeof text, &insn), ==, strlen(cases[i].text));
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

static void
test_cut(void)
{
    const struct nub_insn insn = { .opcode = NUB_OP_ADD_64, .a = 1, .b = 2, .d = 3 };
    const char *whole = "add_64 t1, sp, t0";
    char text[32];

    for (gsize size = 0; size <= sizeof text; size++) {
        memset(text, '#', sizeof text);
        g_assert_cmpuint(nub_insn_format(text, size, &insn), ==, strlen(whole));
        if (size == 0) {
            g_assert_cmpint(text[0], ==, '#');
            continue;
        }
        g_autofree char *want = g_strndup(whole, size - 1);
        g_assert_cmpstr(text, ==, want);
    }
}

/* each operand letter stands for something that the class has, and nothing is left out */
static void
test_operands(void)
{
    static const char *const want[] = { "",    "X",  "AX", "MY",  "T",    "A?", "aY",
                                        "AXT", "DA", "A?", "ABT", "AXBY", "DAB" };

    for (guint opcode = 0; opcode < 256; opcode++) {
        const char *operands = nub_insn_operands((guint8)opcode);
        const char *wanted = want[nub_isa[opcode].arg_class];
        if (g_strcmp0(wanted, "A?") != 0) {
            g_assert_cmpstr(operands, ==, wanted);
        } else {
            gboolean is_rri = nub_isa[opcode].arg_class == NUB_ARG_RRI;
            const char *memory = is_rri ? "Ab" : "AM", *plain = is_rri ? "ABX" : "AX";
            gboolean touches_memory = strstr(nub_isa[opcode].mnemonic, "store_") ||
                                      (strstr(nub_isa[opcode].mnemonic, "load_") &&
                                       !strstr(nub_isa[opcode].mnemonic, "load_imm"));
            g_assert_cmpstr(operands, ==, touches_memory ? memory : plain);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pvm/disasm/every-class-has-its-text", test_format);
    g_test_add_func("/core/pvm/disasm/a-text-that-does-not-fit-is-cut", test_cut);
    g_test_add_func("/core/pvm/disasm/operands-follow-the-class", test_operands);
    return g_test_run();
}
