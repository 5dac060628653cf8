/* test-x64-emit.c - encodings: golden bytes, and all registers through a disassembler */
#include "disassemble.h"
#include "x64-emit.h"
#include <glib.h>
#include <string.h>

#define ADDRESS 0x1000

/* one function for each line of golden.def, then one row */
#define PASTE(a, b)   a##b
#define EMITTER(line) PASTE(emit_, line)
#define GOLDEN(text, bytes, ...)                                                                   \
    static void EMITTER(__LINE__)(struct nub_x64 * x)                                              \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#include "golden.def"

static const struct {
    const char *text, *bytes;
    void (*emit)(struct nub_x64 *x);
} golden[] = {
#define GOLDEN(text, bytes, ...) { text, bytes, EMITTER(__LINE__) },
#include "golden.def"
};

static void
test_golden(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(golden); i++) {
        uint8_t code[64];
        struct nub_x64 x = { code };
        GString *bytes = g_string_new(NULL);
        char text[160];
        golden[i].emit(&x);
        for (const uint8_t *p = code; p < x.at; p++)
            g_string_append_printf(bytes, "%02x", *p);
        g_assert_cmpstr(bytes->str, ==, golden[i].bytes);
        g_assert_cmpuint(nub_test_disassemble(text, code, (size_t)(x.at - code), ADDRESS), ==,
                         x.at - code);
        g_assert_cmpstr(text, ==, golden[i].text);
        g_string_free(bytes, TRUE);
    }
}

/* ---- all registers ------------------------------------------------------------------------- */

static const char *const names64[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
static const char *const names32[16] = { "eax",  "ecx",  "edx",  "ebx", "esp",  "ebp",
                                         "esi",  "edi",  "r8d",  "r9d", "r10d", "r11d",
                                         "r12d", "r13d", "r14d", "r15d" };
static const char *const names8[16] = {
    "al",  "cl",  "dl",   "bl",   "spl",  "bpl",  "sil",  "dil",
    "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b"
};
static const char *const conditions[16] = { "o", "no", "b", "ae", "e", "ne", "be", "a",
                                            "s", "ns", "p", "np", "l", "ge", "le", "g" };

static const char *
name(unsigned width, unsigned reg)
{
    return width == NUB_X64_64 ? names64[reg] : names32[reg];
}

/* what was emitted to `code` reads as expected and is one instruction */
#define assert_reads(x, code, ...)                                                                 \
    do {                                                                                           \
        g_autofree char *want_ = g_strdup_printf(__VA_ARGS__);                                     \
        char got_[160];                                                                            \
        size_t size_ = nub_test_disassemble(got_, code, (size_t)((x).at - (code)), ADDRESS);       \
        g_assert_cmpstr(got_, ==, want_);                                                          \
        g_assert_cmpuint(size_, ==, (x).at - (code));                                              \
    } while (0)

static void
check_pair(unsigned width, unsigned a, unsigned b)
{
    static const struct {
        enum nub_x64_alu op;
        const char *name;
    } alus[] = { { NUB_X64_ADD, "add" }, { NUB_X64_OR, "or" },   { NUB_X64_AND, "and" },
                 { NUB_X64_SUB, "sub" }, { NUB_X64_XOR, "xor" }, { NUB_X64_CMP, "cmp" } };
    uint8_t code[64];
    struct nub_x64 x;

    for (size_t i = 0; i < G_N_ELEMENTS(alus); i++) {
        x.at = code;
        nub_x64_alu(&x, alus[i].op, width, a, b);
        assert_reads(x, code, "%s %s, %s", alus[i].name, name(width, a), name(width, b));
    }
    x.at = code;
    nub_x64_mov(&x, width, a, b);
    assert_reads(x, code, "mov %s, %s", name(width, a), name(width, b));
    x.at = code;
    nub_x64_rr(&x, NUB_X64_OP_IMUL, width, a, b);
    assert_reads(x, code, "imul %s, %s", name(width, a), name(width, b));
    x.at = code;
    nub_x64_rr(&x, NUB_X64_OP_MOVSXD, NUB_X64_64, a, b);
    assert_reads(x, code, "movsxd %s, %s", names64[a], names32[b]);
    x.at = code;
    nub_x64_rr(&x, NUB_X64_OP_MOVZX8, NUB_X64_32, a, b);
    assert_reads(x, code, "movzx %s, %s", names32[a], names8[b]);
    x.at = code;
    nub_x64_rorx(&x, width, a, b, 9);
    assert_reads(x, code, "rorx %s, %s, 9", name(width, a), name(width, b));
}

static void
check_one(unsigned width, unsigned reg)
{
    static const int32_t immediates[] = { 1, 127, 0x80, 0x7fffffff };
    static const char *const texts[] = { "1", "0x7f", "0x80", "0x7fffffff" };
    uint8_t code[64];
    struct nub_x64 x;

    for (size_t i = 0; i < G_N_ELEMENTS(immediates); i++) {
        x.at = code;
        nub_x64_alu_imm(&x, NUB_X64_XOR, width, reg, immediates[i]);
        assert_reads(x, code, "xor %s, %s", name(width, reg), texts[i]);
        x.at = code;
        nub_x64_imul_imm(&x, width, reg, 15 - reg, immediates[i]);
        assert_reads(x, code, "imul %s, %s, %s", name(width, reg), name(width, 15 - reg), texts[i]);
    }
    for (unsigned cond = 0; cond < 16; cond++) {
        x.at = code;
        nub_x64_setcc(&x, cond, reg);
        assert_reads(x, code, "set%s %s", conditions[cond], names8[reg]);
        x.at = code;
        nub_x64_cmov(&x, cond, reg, 15 - reg);
        assert_reads(x, code, "cmov%s %s, %s", conditions[cond], names64[reg], names64[15 - reg]);
    }
    x.at = code;
    nub_x64_shift_imm(&x, NUB_X64_SHR, width, reg, 3);
    assert_reads(x, code, "shr %s, 3", name(width, reg));
    x.at = code;
    nub_x64_test8_imm(&x, reg, 1);
    assert_reads(x, code, "test %s, 1", names8[reg]);
    x.at = code;
    nub_x64_bswap(&x, reg);
    assert_reads(x, code, "bswap %s", names64[reg]);
}

static void
test_registers(void)
{
    for (unsigned width = 0; width < 2; width++) {
        for (unsigned a = 0; a < 16; a++) {
            check_one(width, a);
            for (unsigned b = 0; b < 16; b++)
                check_pair(width, a, b);
        }
    }
}

static void
test_three_registers(void)
{
    uint8_t code[64];
    struct nub_x64 x;

    for (unsigned i = 0; i < 16 * 16 * 16; i++) {
        unsigned a = i & 15, b = i >> 4 & 15, c = i >> 8;
        x.at = code;
        nub_x64_shiftx(&x, NUB_X64_SHR, NUB_X64_64, a, b, c);
        assert_reads(x, code, "shrx %s, %s, %s", names64[a], names64[b], names64[c]);
        x.at = code;
        nub_x64_andn(&x, a, b, c);
        assert_reads(x, code, "andn %s, %s, %s", names64[a], names64[b], names64[c]);
        if (a != b) {
            x.at = code;
            nub_x64_mulx(&x, a, b, c);
            assert_reads(x, code, "mulx %s, %s, %s", names64[a], names64[b], names64[c]);
        }
        if (c != NUB_X64_RSP) {
            x.at = code;
            nub_x64_lea_index(&x, NUB_X64_64, a, b, c, 2);
            assert_reads(x, code, "lea %s, [%s + %s*4]", names64[a], names64[b], names64[c]);
        }
    }
}

/* every base with every size of displacement, in both addressing modes */
static void
test_window_operands(void)
{
    static const int32_t disps[] = { 0, 8, -8, 127, -128, 128, 0x7fffffff, INT32_MIN };
    static const char *const texts[] = { "",        " + 8",    " - 8",          " + 0x7f",
                                         " - 0x80", " + 0x80", " + 0x7fffffff", " - 0x80000000" };
    uint8_t code[64];
    struct nub_x64 x;

    for (unsigned i = 0; i < 16 * 16; i++) {
        unsigned reg = i & 15, base = i >> 4;
        for (unsigned k = 0; k < 2 * G_N_ELEMENTS(disps); k++) {
            bool gs = k & 1;
            x.at = code;
            nub_x64_window(&x, gs, NUB_X64_OP_MOV_LOAD, NUB_X64_64, reg, base, disps[k / 2]);
            assert_reads(x, code, "mov %s, qword ptr %s[%s%s]", names64[reg], gs ? "gs:" : "",
                         names32[base], texts[k / 2]);
            x.at = code;
            nub_x64_window(&x, gs, NUB_X64_OP_MOV_STORE8, NUB_X64_32, reg, base, disps[k / 2]);
            assert_reads(x, code, "mov byte ptr %s[%s%s], %s", gs ? "gs:" : "", names32[base],
                         texts[k / 2], names8[reg]);
        }
    }
}

static void
test_immediates_take_the_shortest_form(void)
{
    static const struct {
        uint64_t value;
        unsigned size; /* in rbx */
    } cases[] = { { 0, 5 },
                  { 0xffffffff, 5 },
                  { UINT64_MAX, 7 },
                  { 0xffffffff80000000, 7 },
                  { 0xffffffff7fffffff, 10 },
                  { 0x100000000, 10 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t code[64];
        struct nub_x64 x = { code };
        nub_x64_mov_imm(&x, NUB_X64_RBX, cases[i].value);
        g_assert_cmpuint(x.at - code, ==, cases[i].size);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x64-emit/golden-bytes", test_golden);
    g_test_add_func("/x64-emit/every-register", test_registers);
    g_test_add_func("/x64-emit/every-three-registers", test_three_registers);
    g_test_add_func("/x64-emit/every-window-operand", test_window_operands);
    g_test_add_func("/x64-emit/immediates-take-the-shortest-form",
                    test_immediates_take_the_shortest_form);
    return g_test_run();
}
