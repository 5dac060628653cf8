/* test-insn.c - decoding and encoding of every argument class (pvm.md 4) */
#include "pvm-test.h"

static void
assert_insn_equal(const struct nub_insn *got, const struct nub_insn *want)
{
    g_assert_cmpuint(got->pc, ==, want->pc);
    g_assert_cmpuint(got->opcode, ==, want->opcode);
    g_assert_cmpuint(got->a, ==, want->a);
    g_assert_cmpuint(got->b, ==, want->b);
    g_assert_cmpuint(got->d, ==, want->d);
    g_assert_cmpuint(got->next, ==, want->next);
    g_assert_cmphex(got->x, ==, want->x);
    g_assert_cmphex(got->y, ==, want->y);
    g_assert_cmphex(got->target, ==, want->target);
}

static void
test_examples(void)
{
    /* what is decoded is the last instruction of the code; `next` follows from it */
    static const struct {
        const char *code;
        guint32 pc;
        struct nub_insn want;
    } cases[] = {
        { "33 07 / 00", 0, { .a = 7, .next = 2 } },
        { "33 07 80 / 00", 0, { .a = 7, .x = G_GUINT64_CONSTANT(0xFFFFFFFFFFFFFF80), .next = 3 } },
        { "33 07 00 00 80 / 00",
          0,
          { .a = 7, .x = G_GUINT64_CONSTANT(0xFFFFFFFFFF800000), .next = 5 } },
        { "33 07 01 02 03 04 05 06 / 00", 0, { .a = 7, .x = 0x04030201, .next = 8 } },
        { "33 F7 01 / 00", 0, { .a = 7, .x = 1, .next = 3 } },
        { "95 87 F8", 0, { .a = 7, .b = 8, .x = (guint64)-8, .next = 3 } },
        { "95", 0, { .next = 1 } },
        { "01 / 01 / 01 / 01 / 01 / 01 / 01 / 01 / 01 / 01 / 01 / 01 / 52 18 00 FA",
          12,
          { .a = 8, .target = 6, .next = 16 } },
        { "46 27 34 12 FF", 0, { .a = 7, .x = 0x1234, .y = (guint64)-1, .next = 5 } },
        { "1E 04 00 00 02 00 5A", 0, { .x = 0x20000, .y = 0x5A, .next = 7 } },
        { "1E 07 00 00 02 00 5A", 0, { .x = 0x20000, .y = 0x5A, .next = 7 } },
        { "1E F4 00 00 02 00 5A", 0, { .x = 0x20000, .y = 0x5A, .next = 7 } },
        /* a length that exceeds the instruction reads on; nothing is left for Y */
        { "1E 04 / 00 00 02 00", 0, { .x = 0x20000, .next = 2 } },
        { "1E 04", 0, { .next = 2 } },
        { "B4 87 01 09 02", 0, { .a = 7, .b = 8, .x = 9, .y = 2, .next = 5 } },
        { "B4 87 04 01 02 03 04 05 06 07 08",
          0,
          { .a = 7, .b = 8, .x = 0x04030201, .y = 0x08070605, .next = 11 } },
        { "B4 87 F9 09 02", 0, { .a = 7, .b = 8, .x = 9, .y = 2, .next = 5 } },
        { "C8 87 09", 0, { .a = 7, .b = 8, .d = 9, .next = 3 } },
        { "C8 DF 25", 0, { .a = 12, .b = 12, .d = 12, .next = 3 } },
        { "64 1D / 00", 0, { .a = 1, .d = 12, .next = 2 } },
        { "14 07 EF CD AB 89 67 45 23 01",
          0,
          { .a = 7, .x = G_GUINT64_CONSTANT(0x0123456789ABCDEF), .next = 10 } },
        { "14 07 01 / 00", 0, { .a = 7, .x = 1, .next = 3 } },
        { "14 07 00 00 00 80 00 00 00 00 / 00", 0, { .a = 7, .x = 0x80000000u, .next = 10 } },
        { "0A 80 / 00", 0, { .x = (guint64)-128, .next = 2 } },
        { "28", 0, { .next = 1 } },
        { "01 / 28 80", 1, { .target = 1 - G_GUINT64_CONSTANT(128), .next = 3 } },
        { "AA 21 00 80", 0, { .a = 1, .b = 2, .target = (guint64)-32768, .next = 4 } },
        { "FF 12 34", 0, { .next = 3 } },
        { "02 12 34", 0, { .next = 3 } },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(PvmTestProgram) test = { 0 };
        struct nub_insn got, want = cases[i].want;
        pvm_test_program_from_text(&test, cases[i].code);
        g_test_message("%s", cases[i].code);
        want.pc = cases[i].pc;
        want.opcode = test.code->data[want.pc];
        nub_insn_decode(&got, &test.program, want.pc);
        assert_insn_equal(&got, &want);
    }
}

/* the class table of pvm.md 4, letter by letter, through the extended code */
static guint64
immediate(const struct nub_program *program, guint64 at, guint n)
{
    guint64 x = 0;

    for (guint i = 0; i < n; i++)
        x |= (guint64)nub_program_byte(program, at + i) << (8 * i);
    if (n > 0 && n < 8 && x >> (8 * n - 1))
        x |= ~G_GUINT64_CONSTANT(0) << (8 * n);
    return x;
}

static void
decode_by_definition(struct nub_insn *insn, const struct nub_program *program, guint32 pc)
{
    gint skip = (gint)nub_program_skip(program, pc);
    guint8 b1 = nub_program_byte(program, pc + 1), b2 = nub_program_byte(program, pc + 2);
    guint8 low = MIN(12, b1 & 15), high = MIN(12, b1 >> 4);
    guint rest = (guint)CLAMP(skip - 1, 0, 4), all = (guint)MIN(skip, 4);
    gint size;

    *insn = (struct nub_insn){ .pc = pc, .opcode = program->code[pc] };
    insn->next = pc + 1 + (guint32)skip;
    switch ((enum nub_arg_class)nub_isa[insn->opcode].arg_class) {
    case NUB_ARG_N:
        break;
    case NUB_ARG_I:
        insn->x = immediate(program, pc + 1, all);
        break;
    case NUB_ARG_RX:
        insn->a = low;
        insn->x = immediate(program, pc + 2, 8);
        break;
    case NUB_ARG_II:
        size = MIN(4, b1 & 7);
        insn->x = immediate(program, pc + 2, (guint)size);
        insn->y = immediate(program, pc + 2 + (guint)size, (guint)CLAMP(skip - size - 1, 0, 4));
        break;
    case NUB_ARG_O:
        insn->target = pc + immediate(program, pc + 1, all);
        break;
    case NUB_ARG_RI:
        insn->a = low;
        insn->x = immediate(program, pc + 2, rest);
        break;
    case NUB_ARG_RII:
    case NUB_ARG_RIO:
        insn->a = low;
        size = MIN(4, b1 >> 4 & 7);
        insn->x = immediate(program, pc + 2, (guint)size);
        insn->y = immediate(program, pc + 2 + (guint)size, (guint)CLAMP(skip - size - 1, 0, 4));
        if (nub_isa[insn->opcode].arg_class == NUB_ARG_RIO) {
            insn->target = pc + insn->y;
            insn->y = 0;
        }
        break;
    case NUB_ARG_RR:
        insn->d = low;
        insn->a = high;
        break;
    case NUB_ARG_RRI:
        insn->a = low;
        insn->b = high;
        insn->x = immediate(program, pc + 2, rest);
        break;
    case NUB_ARG_RRO:
        insn->a = low;
        insn->b = high;
        insn->target = pc + immediate(program, pc + 2, rest);
        break;
    case NUB_ARG_RRII:
        insn->a = low;
        insn->b = high;
        size = MIN(4, b2 & 7);
        insn->x = immediate(program, pc + 3, (guint)size);
        insn->y = immediate(program, pc + 3 + (guint)size, (guint)CLAMP(skip - size - 2, 0, 4));
        break;
    case NUB_ARG_RRR:
        insn->a = low;
        insn->b = high;
        insn->d = MIN(12, b2);
        break;
    }
}

static void
test_decode_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);

    for (guint round = 0; round < 4000; round++) {
        g_auto(PvmTestProgram) test = { 0 };
        guint32 size = (guint32)g_rand_int_range(rand, 1, 120);
        if (round % 2)
            pvm_test_program_random_code(&test, rand, size);
        else
            pvm_test_program_random_bytes(&test, rand, size, 16u << round % 5);
        for (guint32 pc = 0; pc < test.program.code_size; pc++) {
            struct nub_insn got, want;
            nub_insn_decode(&got, &test.program, pc);
            decode_by_definition(&want, &test.program, pc);
            assert_insn_equal(&got, &want);
        }
    }
}

static void
test_encode_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    for (guint round = 0; round < 200000; round++) {
        guint8 bytes[NUB_MAX_INSN_SIZE] = { 0 };
        guint8 mask[4] = { 1 };
        struct nub_insn want, got;
        pvm_test_random_insn(&want, rand, 0);
        guint32 widen = round % 5, size = nub_insn_encode(bytes, &want, widen);
        g_assert_cmpuint(size, >, 0);
        g_assert_cmpuint(size, <=, 11);
        struct nub_program program = { .code = bytes, .mask = mask, .code_size = size };
        nub_insn_decode(&got, &program, 0);
        want.next = size;
        assert_insn_equal(&got, &want);
    }
}

static void
test_encode_is_shortest(void)
{
    static const struct {
        struct nub_insn insn;
        guint32 widen;
        const char *bytes;
    } cases[] = {
        { { .opcode = NUB_OP_TRAP }, 4, "00" },
        { { .opcode = NUB_OP_LOAD_IMM, .a = 7 }, 0, "33 07" },
        { { .opcode = NUB_OP_LOAD_IMM, .a = 7, .x = 127 }, 0, "33 07 7F" },
        { { .opcode = NUB_OP_LOAD_IMM, .a = 7, .x = 128 }, 0, "33 07 80 00" },
        { { .opcode = NUB_OP_LOAD_IMM, .a = 7, .x = (guint64)-128 }, 0, "33 07 80" },
        { { .opcode = NUB_OP_LOAD_IMM, .a = 7, .x = 0x7FFFFF }, 0, "33 07 FF FF 7F" },
        { { .opcode = NUB_OP_LOAD_IMM, .a = 7, .x = 0x800000 }, 0, "33 07 00 00 80 00" },
        { { .opcode = NUB_OP_LOAD_IMM_64, .a = 7 }, 0, "14 07 00 00 00 00 00 00 00 00" },
        { { .opcode = NUB_OP_JUMP }, 0, "28" },
        { { .opcode = NUB_OP_JUMP }, 2, "28 00 00" },
        { { .opcode = NUB_OP_JUMP, .pc = 10, .target = 8 }, 0, "28 FE" },
        { { .opcode = NUB_OP_JUMP, .pc = 10, .target = 8 }, 4, "28 FE FF FF FF" },
        { { .opcode = NUB_OP_BRANCH_NE_IMM, .a = 8, .pc = 12, .target = 6 }, 0, "52 08 FA" },
        { { .opcode = NUB_OP_STORE_IMM_U8, .x = 0x20000, .y = 0x5A }, 0, "1E 03 00 00 02 5A" },
        { { .opcode = NUB_OP_LOAD_IMM_JUMP_IND, .a = 7, .b = 8, .x = 9, .y = 2 },
          0,
          "B4 87 01 09 02" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) want = pvm_test_bytes(cases[i].bytes);
        guint8 bytes[NUB_MAX_INSN_SIZE];
        guint32 size = nub_insn_encode(bytes, &cases[i].insn, cases[i].widen);
        g_test_message("%s", cases[i].bytes);
        g_assert_cmpmem(bytes, size, want->data, want->len);
    }
}

static void
test_encode_refuses(void)
{
    static const struct {
        struct nub_insn insn;
        guint32 widen;
    } cases[] = {
        { { .opcode = NUB_OP_LOAD_IMM, .x = 0x80000000u }, 0 },
        { { .opcode = NUB_OP_LOAD_IMM, .x = (guint64)G_MININT32 - 1 }, 0 },
        { { .opcode = NUB_OP_STORE_IMM_U8, .y = G_GUINT64_CONSTANT(1) << 40 }, 0 },
        { { .opcode = NUB_OP_JUMP, .target = 0x80000000u }, 0 },
        { { .opcode = NUB_OP_JUMP }, 5 },
        { { .opcode = NUB_OP_ADD_64, .a = 13 }, 0 },
        { { .opcode = NUB_OP_ADD_64, .b = 16 }, 0 },
        { { .opcode = NUB_OP_ADD_64, .d = 255 }, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint8 bytes[NUB_MAX_INSN_SIZE];
        g_assert_cmpuint(nub_insn_encode(bytes, &cases[i].insn, cases[i].widen), ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pvm/decode/examples-of-every-class", test_examples);
    g_test_add_func("/core/pvm/decode/any-bytes-equal-the-definition", test_decode_random);
    g_test_add_func("/core/pvm/encode/decoding-gives-the-instruction-back", test_encode_random);
    g_test_add_func("/core/pvm/encode/the-form-is-the-shortest", test_encode_is_shortest);
    g_test_add_func("/core/pvm/encode/what-has-no-form-is-refused", test_encode_refuses);
    return g_test_run();
}
