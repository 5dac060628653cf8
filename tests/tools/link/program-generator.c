/* program-generator.c - random C functions whose result every compiler must agree on
 *
 * All arithmetic is on unsigned numbers or through helpers that have no undefined cases; every loop
 * is bounded; indices are masked. Globals are reset by each exported function, so that calls do not
 * depend on each other.
 */
#include "program-generator.h"

enum { VARIABLES = 6 };

struct generator {
    GRand *random;
    GString *text;
    unsigned functions; /* static ones that may be called */
    unsigned loops;     /* that enclose what is being written */
};

static const char prelude[] =
    "#include <nub-guest.h>\n"
    "#ifndef __riscv\n#undef NUB_EXPORT\n#define NUB_EXPORT "
    "__attribute__((visibility(\"default\")))\n#endif\n"
    "typedef uint64_t u64; typedef uint32_t u32; typedef uint16_t u16; typedef uint8_t u8;\n"
    "typedef int64_t i64; typedef int32_t i32; typedef int16_t i16; typedef int8_t i8;\n"
    "struct pair { u64 x; u32 y; u8 z; };\n"
    "static u8 g8[64]; static u16 g16[64]; static u32 g32[64]; static u64 g64[64];\n"
    "static struct pair gp[8];\n"
    "static const u64 table[16] = { 3, 1, 4, 1, 5, 9, 2, 6, 0x8000000000000000u, 0xffffffff, 7 };\n"
    "static inline u64 sdiv(u64 a, u64 b) { return b == 0 || b == ~0ull ? a : (u64)((i64)a / "
    "(i64)b); }\n"
    "static inline u64 srem(u64 a, u64 b) { return b == 0 || b == ~0ull ? a : (u64)((i64)a % "
    "(i64)b); }\n"
    "static inline u64 sdivw(u64 a, u64 b) { return (u32)b == 0 || (u32)b == ~0u ? a : "
    "(u64)(i64)((i32)a / (i32)b); }\n"
    "static inline u64 mulhi(u64 a, u64 b) { return (u64)((unsigned __int128)a * b >> 64); }\n"
    "static inline u64 rol(u64 a, u64 n) { n &= 63; return n ? a << n | a >> (64 - n) : a; }\n"
    "static inline u32 rolw(u32 a, u32 n) { n &= 31; return n ? a << n | a >> (32 - n) : a; }\n"
    "static void reset(u64 s) { for (unsigned i = 0; i < 64; i++) { g8[i] = s + i; g16[i] = s * i; "
    "g32[i] = s ^ i * 77; g64[i] = s * (i + 3); }\n"
    "  for (unsigned i = 0; i < 8; i++) gp[i] = (struct pair){ s + i, s >> i, s * i }; }\n"
    "static u64 digest(void) { u64 h = 0; for (unsigned i = 0; i < 64; i++) h = h * 31 + g8[i] + "
    "g16[i] * 3 + g32[i] + g64[i];\n"
    "  for (unsigned i = 0; i < 8; i++) h = h * 17 + gp[i].x + gp[i].y + gp[i].z; return h; }\n";

static unsigned
below(struct generator *g, unsigned n)
{
    return (unsigned)g_rand_int_range(g->random, 0, (gint32)n);
}

static void
write_constant(struct generator *g)
{
    static const char *const constants[] = {
        "0",
        "1",
        "2",
        "7",
        "8",
        "31",
        "63",
        "255",
        "256",
        "2047",
        "2048",
        "4096",
        "65535",
        "0x7fffffff",
        "0x80000000",
        "0xffffffff",
        "0x100000000",
        "0x123456789abcdef",
        "0x8000000000000000",
        "0xffffffffffffffff",
        "0xffffffff80000000",
        "0x5555555555555555",
    };
    g_string_append_printf(g->text, "%sull", constants[below(g, G_N_ELEMENTS(constants))]);
}

/* a pattern in which each # becomes an expression and each % a variable */
static void write_pattern(struct generator *g, const char *pattern, unsigned depth);

static void
write_expression(struct generator *g, unsigned depth)
{
    static const char *const leaves[] = { "%",
                                          "%",
                                          "%",
                                          "(u64)g8[% & 63]",
                                          "(u64)g16[% & 63]",
                                          "(u64)g32[% & 63]",
                                          "g64[% & 63]",
                                          "(u64)(i16)g16[% & 63]",
                                          "table[% & 15]",
                                          "(u64)(i8)g8[% & 63]",
                                          "(u64)gp[% & 7].x",
                                          "(u64)gp[% & 7].y",
                                          "(u64)(i32)g32[% & 63]" };
    static const char *const inner[] = {
        "(u64)(# + #)",
        "(u64)(# - #)",
        "(u64)(# * #)",
        "(u64)(# & #)",
        "(u64)(# | #)",
        "(u64)(# ^ #)",
        "(u64)(# & ~#)",
        "(u64)(# << (# & 63))",
        "(u64)(# >> (# & 63))",
        "(u64)((i64)# >> (# & 63))",
        "(u64)(u32)(# + #)",
        "(u64)(i32)(u32)(# - #)",
        "(u64)(i32)((u32)# * (u32)#)",
        "(u64)((u32)# >> (# & 31))",
        "(u64)(i32)((u32)# << (# & 31))",
        "(u64)((i32)# >> (# & 31))",
        "(u64)(# / (# | 1))",
        "(u64)(# % (# | 1))",
        "sdiv(#, #)",
        "srem(#, #)",
        "sdivw(#, #)",
        "(u64)((u32)# / ((u32)# | 1))",
        "(u64)((u32)# % ((u32)# | 1))",
        "mulhi(#, #)",
        "rol(#, #)",
        "(u64)rolw(#, #)",
        "(u64)(# < #)",
        "(u64)((i64)# < (i64)#)",
        "(u64)(# == #)",
        "(u64)(# <= #)",
        "(u64)((i32)# >= (i32)#)",
        "(u64)(# ? # : #)",
        "(u64)(# < # ? # : #)",
        "(u64)((i64)# > (i64)# ? # : #)",
        "(u64)(# == # ? # : #)",
        "(u64)(u8)#",
        "(u64)(i8)#",
        "(u64)(u16)#",
        "(u64)(i16)#",
        "(u64)(u32)#",
        "(u64)(i32)#",
        "(u64)(-#)",
        "(u64)(~#)",
        "(u64)(!#)",
        "(u64)__builtin_popcountll(#)",
        "(u64)__builtin_clzll(# | 1)",
        "(u64)__builtin_ctzll(# | 1)",
        "(u64)__builtin_clz((u32)# | 1)",
        "(u64)__builtin_bswap64(#)",
        "(u64)__builtin_bswap32((u32)#)",
        "(u64)(# >> 17 & 1)",
        "(u64)(# | 1ull << (# & 63))",
        "(u64)(# & ~(1ull << (# & 63)))",
        "(u64)(# && #)",
        "(u64)(# || #)",
    };

    if (depth > 0 && below(g, 5) > 0)
        write_pattern(g, inner[below(g, G_N_ELEMENTS(inner))], depth - 1);
    else if (below(g, 3) == 0)
        write_constant(g);
    else
        write_pattern(g, leaves[below(g, G_N_ELEMENTS(leaves))], 0);
}

static void
write_pattern(struct generator *g, const char *pattern, unsigned depth)
{
    for (const char *c = pattern; *c; c++) {
        if (*c == '#')
            write_expression(g, depth);
        else if (*c == '%' && c[1] != ' ')
            g_string_append_printf(g->text, "v%u", below(g, VARIABLES));
        else if (*c == '%' && c > pattern && c[-1] == ' ')
            g_string_append_c(g->text, *c); /* the remainder operator stands between blanks */
        else if (*c == '%')
            g_string_append_printf(g->text, "v%u", below(g, VARIABLES));
        else
            g_string_append_c(g->text, *c);
    }
}

static void write_block(struct generator *g, unsigned depth);

static void
write_switch(struct generator *g, unsigned depth)
{
    write_pattern(g, "switch (# & 15) {\n", 2);
    for (unsigned i = 0; i < 14; i++) {
        g_string_append_printf(g->text, "case %u: ", i);
        if (depth > 0 && below(g, 4) == 0)
            write_block(g, depth - 1);
        else
            g_string_append_printf(g->text, "v%u += %u;\n", below(g, VARIABLES), 3 * i + 1);
        if (below(g, 6) > 0)
            g_string_append(g->text, "break;\n");
    }
    write_pattern(g, "default: v0 ^= #; }\n", 1);
}

static void
write_call(struct generator *g)
{
    if (g->functions == 0)
        return;
    g_string_append_printf(g->text, "v%u = ", below(g, VARIABLES));
    if (below(g, 2) && g->functions > 3)
        write_pattern(g, "calls[# & 3](#, #, #);\n", 1);
    else {
        g_string_append_printf(g->text, "s%u(", below(g, g->functions));
        write_pattern(g, "#, #, #);\n", 2);
    }
}

static void
write_statement(struct generator *g, unsigned depth)
{
    static const char *const assignments[] = {
        "% = #;\n",
        "% += #;\n",
        "% ^= #;\n",
        "% *= #;\n",
        "% -= #;\n",
        "g8[# & 63] = (u8)#;\n",
        "g16[# & 63] += (u16)#;\n",
        "g32[# & 63] ^= (u32)#;\n",
        "g64[# & 63] = #;\n",
        "g64[# & 63] = 5;\n",
        "gp[# & 7].x += #;\n",
        "gp[# & 7] = gp[# & 7];\n",
        "__atomic_fetch_add(&g32[# & 63], (u32)#, 5);\n",
    };
    unsigned choice = below(g, 10);

    if (depth > 0 && choice == 0) {
        write_pattern(g, "if (#) {\n", 3);
        write_block(g, depth - 1);
        g_string_append(g->text, "} else {\n");
        write_block(g, depth - 1);
        g_string_append(g->text, "}\n");
    } else if (depth > 0 && choice == 1 && g->loops < 2) {
        unsigned loop = g->loops++;
        g_string_append_printf(g->text, "for (unsigned i%u = 0; i%u < ", loop, loop);
        write_pattern(g, "(unsigned)(# & 15)", 1);
        g_string_append_printf(g->text, "; i%u++) {\nv%u += i%u;\n", loop, below(g, VARIABLES),
                               loop);
        write_block(g, depth - 1);
        g_string_append(g->text, "}\n");
        g->loops--;
    } else if (depth > 0 && choice == 2) {
        write_switch(g, depth);
    } else if (choice == 3 && g->loops < 2) {
        write_call(g);
    } else {
        write_pattern(g, assignments[below(g, G_N_ELEMENTS(assignments))], 3);
    }
}

static void
write_block(struct generator *g, unsigned depth)
{
    unsigned n = 1 + below(g, 4);

    for (unsigned i = 0; i < n; i++)
        write_statement(g, depth);
}

static void
write_body(struct generator *g, unsigned depth)
{
    write_block(g, depth);
    write_block(g, depth);
    g_string_append(g->text, "return v0 + v1 * 3 + v2 * 5 + v3 * 7 + v4 * 11 + v5 * 13");
}

char *
program_generate(guint32 seed, unsigned n)
{
    struct generator g = { .random = g_rand_new_with_seed(seed), .text = g_string_new(prelude) };

    for (unsigned i = 0; i < 8; i++) {
        g_string_append_printf(g.text,
                               "static __attribute__((noinline)) u64 s%u(u64 v0, u64 v1, u64 v2)\n"
                               "{ u64 v3 = v0 ^ v1, v4 = %u, v5 = v2 + 1;\n",
                               i, i);
        if (i == 4)
            g.functions = 4;
        write_body(&g, 1);
        g_string_append(g.text, "; }\n");
        if (i == 3)
            g_string_append(g.text,
                            "static u64 (*const calls[4])(u64, u64, u64) = { s0, s1, s2, s3 };\n");
    }
    g.functions = 8;
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(g.text,
                               "NUB_EXPORT u64 f%u(u64 v0, u64 v1, u64 v2, u64 v3)\n"
                               "{ u64 v4 = v0 * v1, v5 = v2 - v3; reset(v0);\n",
                               i);
        write_body(&g, 3);
        g_string_append(g.text, " + digest(); }\n");
    }
    g_rand_free(g.random);
    return g_string_free(g.text, FALSE);
}
