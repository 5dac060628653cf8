/* test-instructions.c - every instruction of the march, one at a time, against its definition
 *
 * Each case is a few lines of assembly: all registers get values, the instruction runs, all
 * registers are stored and summed. So a wrong result shows, and so does a register that was lost on
 * the way: no register is dead at the instruction, which forces the linker's rarest paths. Operands
 * coincide, are x0, or are constants that the linker knows.
 */
#include "link-test.h"

#include <string.h>

/* registers in the order in which they are summed; the instruction's come first */
static const char *const regs[] = { "a4", "a5", "t0", "ra", "t1", "t2",
                                    "s0", "s1", "a0", "a1", "a2", "a3" };
enum { D = 0, A = 1, B = 2, ZERO = -1, N_REGS = G_N_ELEMENTS(regs) };

enum kind { KIND_RR, KIND_RI, KIND_R1, KIND_BR, KIND_AMO };

struct row {
    const char *name;
    enum kind kind;
    gint64 immediate; /* of RI; the bits of AMO */
    guint64 (*result)(guint64 a, guint64 b);
};

static inline guint64
word(guint64 x)
{
    return (guint64)(gint64)(gint32)x;
}

static inline guint64
or_combine(guint64 x)
{
    guint64 result = 0;

    for (unsigned i = 0; i < 64; i += 8)
        if (x >> i & 255)
            result |= 255ull << i;
    return result;
}

/* one function per row, named after its line in the list */
#define JOIN_(x, y) x##y
#define JOIN(x, y)  JOIN_(x, y)
#define FUNCTION(expression)                                                                       \
    static guint64 JOIN(result_, __LINE__)(guint64 a, guint64 b)                                   \
    {                                                                                              \
        (void)a;                                                                                   \
        (void)b;                                                                                   \
        return (guint64)(expression);                                                              \
    }
#define RR(name, result)            FUNCTION(result)
#define RI(name, immediate, result) FUNCTION(result)
#define R1(name, result)            FUNCTION(result)
#define BR(name, condition)         FUNCTION(condition)
#define m                           a
#define AMO(name, bits, result)     FUNCTION(result)
#include "rv-semantics.def"
#undef m

#define ROW(name, kind, immediate) { #name, kind, immediate, JOIN(result_, __LINE__) },
static const struct row rows[] = {
#define RR(name, result)            ROW(name, KIND_RR, 0)
#define RI(name, immediate, result) ROW(name, KIND_RI, immediate)
#define R1(name, result)            ROW(name, KIND_R1, 0)
#define BR(name, condition)         ROW(name, KIND_BR, 0)
#define AMO(name, bits, result)     ROW(name, KIND_AMO, bits)
#include "rv-semantics.def"
};

/* which registers an instruction gets; a constant is put into rs1 or rs2 just before */
struct pattern {
    int d, a, b;
    int constant; /* A, B, or ZERO: none */
    gint64 k;
};

static const struct pattern patterns[] = {
    { D, A, B, ZERO, 0 },
    { D, D, B, ZERO, 0 },
    { D, A, D, ZERO, 0 },
    { D, A, A, ZERO, 0 },
    { D, D, D, ZERO, 0 },
    { D, ZERO, B, ZERO, 0 },
    { D, A, ZERO, ZERO, 0 },
    { D, D, ZERO, ZERO, 0 },
    { D, ZERO, D, ZERO, 0 },
    { D, ZERO, ZERO, ZERO, 0 },
    { ZERO, A, B, ZERO, 0 },
    { D, A, B, B, 5 },
    { D, A, B, B, -1 },
    { D, A, B, B, 0 },
    { D, A, B, B, 0x7fffffff },
    { D, A, B, B, 1ll << 40 },
    { D, A, B, B, 64 },
    { D, A, B, A, 0x12345 },
    { D, A, B, A, -8 },
    { D, A, B, A, 1ll << 50 },
    { D, D, B, B, 0xffff },
    { D, A, D, A, 3 },
    { D, A, B, B, -0x80000000ll },
    { D, A, B, A, 0 },
};

struct test_case {
    const struct row *row;
    const struct pattern *pattern;
};

static const char *
reg_name(int reg)
{
    return reg == ZERO ? "zero" : regs[reg];
}

/* the values that the registers have before the instruction: told from x and y */
static guint64
start_value(unsigned reg, guint64 x, guint64 y)
{
    return reg == A ? x : reg == B ? y : x + 37 * reg;
}

static void
write_instruction(GString *text, unsigned label, const struct test_case *c)
{
    const struct pattern *p = c->pattern;
    const char *d = reg_name(p->d), *a = reg_name(p->a), *b = reg_name(p->b);

    switch (c->row->kind) {
    case KIND_RR:
        g_string_append_printf(text, "%s %s, %s, %s\n", c->row->name, d, a, b);
        break;
    case KIND_RI:
        g_string_append_printf(text, "%s %s, %s, %" G_GINT64_FORMAT "\n", c->row->name, d, a,
                               c->row->immediate);
        break;
    case KIND_R1:
        g_string_append_printf(text, "%s %s, %s\n", c->row->name, d, a);
        break;
    case KIND_BR:
        g_string_append_printf(text, "%s %s, %s, .Ltaken%u\nli a4, 77\n.Ltaken%u:\n", c->row->name,
                               a, b, label, label);
        break;
    case KIND_AMO:
        g_string_append_printf(text, "sd %s, 96(sp)\naddi a5, sp, 96\n%s.%c %s, %s, (a5)\n",
                               p->a == ZERO ? "zero" : "t1", c->row->name,
                               c->row->immediate == 64 ? 'd' : 'w', d, b);
        break;
    }
}

static void
write_case(GString *text, unsigned label, const struct test_case *c)
{
    const struct pattern *p = c->pattern;

    g_string_append_printf(text,
                           ".Lcase%u:\naddi sp, sp, -256\nsd ra, 200(sp)\nsd s0, 208(sp)\n"
                           "sd s1, 216(sp)\nmv a5, a1\nmv t0, a2\n",
                           label);
    for (unsigned r = 0; r < N_REGS; r++)
        if (r != A && r != B && strcmp(regs[r], "a1") != 0)
            g_string_append_printf(text, "addi %s, a1, %u\n", regs[r], 37 * r);
    g_string_append_printf(text, "addi a1, a1, %u\n", 37 * 9);
    if (p->constant != ZERO)
        g_string_append_printf(text, "li %s, %" G_GINT64_FORMAT "\n", reg_name(p->constant), p->k);
    write_instruction(text, label, c);
    if (c->row->kind == KIND_AMO)
        g_string_append(text, "sub a5, a5, sp\n"); /* an address is no result */
    for (unsigned r = 0; r < N_REGS; r++)
        g_string_append_printf(text, "sd %s, %u(sp)\n", regs[r], 8 * r);
    g_string_append(text, "li a0, 0\n");
    for (unsigned r = 0; r <= N_REGS; r++)
        if (r < N_REGS || c->row->kind == KIND_AMO)
            g_string_append_printf(text,
                                   "ld a1, %u(sp)\nli a2, %u\nmul a1, a1, a2\nadd a0, a0, a1\n",
                                   8 * r, 2 * r + 1);
    g_string_append(text,
                    "ld ra, 200(sp)\nld s0, 208(sp)\nld s1, 216(sp)\naddi sp, sp, 256\nret\n");
}

/* what the case gives: the same sum over registers as the definition leaves them */
static guint64
expected(const struct test_case *c, guint64 x, guint64 y)
{
    const struct pattern *p = c->pattern;
    guint64 values[N_REGS + 1] = { 0 }, sum = 0;

    for (unsigned r = 0; r < N_REGS; r++)
        values[r] = start_value(r, x, y);
    if (p->constant != ZERO)
        values[p->constant] = (guint64)p->k;
    guint64 a = p->a == ZERO ? 0 : values[p->a], b = p->b == ZERO ? 0 : values[p->b];
    if (c->row->kind == KIND_AMO) {
        guint64 memory = p->a == ZERO ? 0 : values[4];
        guint64 old = c->row->immediate == 64 ? memory : word(memory);
        guint64 new = c->row->result(old, p->b == A ? 0 : b);
        guint64 low = c->row->immediate == 64 ? ~0ull : 0xffffffffull;
        values[A] = 96;
        values[N_REGS] = (memory & ~low) | (new &low);
        if (p->d != ZERO)
            values[p->d] = old;
    } else if (c->row->kind == KIND_BR) {
        if (!c->row->result(a, b))
            values[D] = 77;
    } else if (p->d != ZERO) {
        values[p->d] = c->row->result(a, c->row->kind == KIND_RI ? (guint64)c->row->immediate : b);
    }
    for (unsigned r = 0; r <= N_REGS; r++)
        sum += values[r] * (2 * r + 1);
    return sum;
}

/* patterns that differ for this kind; an address register must stay what it is */
static gboolean
applies(const struct row *row, const struct pattern *p)
{
    if (row->kind == KIND_AMO)
        return p->b != A && p->constant != A;
    if (row->kind == KIND_R1 || row->kind == KIND_RI)
        return p->b == B && p->constant != B;
    if (row->kind == KIND_BR)
        return p->d == D;
    return TRUE;
}

static GArray *
all_cases(void)
{
    GArray *cases = g_array_new(FALSE, FALSE, sizeof(struct test_case));

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint p = 0; p < G_N_ELEMENTS(patterns); p++)
            if (applies(&rows[i], &patterns[p])) {
                struct test_case c = { &rows[i], &patterns[p] };
                g_array_append_val(cases, c);
            }
    return cases;
}

static void
check_case(const LinkProgram *program, guint index, const struct test_case *c)
{
    static const guint64 numbers[] = { 0,          1,
                                       5,          ~0ull,
                                       1ull << 63, 0x7fffffff,
                                       0x80000000, 0x123456789abcdef0,
                                       63,         0xffffffff00000000 };

    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        guint64 x = numbers[i];
        guint64 y = numbers[(i * 7 + index) % G_N_ELEMENTS(numbers)];
        guint64 got = link_test_call(program, 0, index, x, y, 0);
        guint64 want = expected(c, x, y);
        if (got != want)
            g_error("%s, pattern %ld, x 0x%" G_GINT64_MODIFIER "x, y 0x%" G_GINT64_MODIFIER
                    "x: 0x%" G_GINT64_MODIFIER "x instead of 0x%" G_GINT64_MODIFIER "x",
                    c->row->name, (long)(c->pattern - patterns), x, y, got, want);
    }
}

static void
test_all(void)
{
    g_autoptr(GArray) cases = all_cases();
    g_autoptr(GString) text =
        g_string_new(".section .text.run,\"axR\",@progbits\n.globl run\n.type run, "
                     "@function\nrun:\nslli a0, a0, 3\n"
                     "lui t0, %hi(.Ltable)\nadd a0, a0, t0\nld t0, %lo(.Ltable)(a0)\njr t0\n");

    if (!link_test_has_tools())
        return;
    for (guint i = 0; i < cases->len; i++)
        write_case(text, i, &g_array_index(cases, struct test_case, i));
    g_string_append(text, ".size run, . - run\n.section .rodata\n.p2align 3\n.Ltable:\n");
    for (guint i = 0; i < cases->len; i++)
        g_string_append_printf(text, ".quad .Lcase%u\n", i);
    g_autoptr(GBytes) elf = link_test_compile("cases.s", text->str, "");
    g_autoptr(LinkProgram) program = link_test_load(elf);
    for (guint i = 0; i < cases->len; i++)
        check_case(program, i, &g_array_index(cases, struct test_case, i));
    g_test_message("%u cases, %u RISC-V instructions became %u (%u bytes)", cases->len,
                   program->stats.riscv_insns, program->stats.insns, program->stats.code_bytes);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/link/instructions/each-does-what-risc-v-says", test_all);
    return g_test_run();
}
