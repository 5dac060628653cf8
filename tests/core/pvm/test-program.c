/* test-program.c - blobs, naturals, skips and block starts (pvm.md 2, 3.2) */
#include "pvm-test.h"

/* ---- blobs --------------------------------------------------------------------------------- */

static enum nub_status
parse(struct nub_program *program, const GByteArray *blob, struct nub_failure *failure)
{
    *failure = (struct nub_failure){ .struct_size = sizeof *failure };
    return nub_program_parse_blob(program, (struct nub_slice){ blob->data, blob->len }, failure);
}

static void
test_worked_blobs(void)
{
    static const char *const blobs[] = {
        "01 01 06 02 32 07 33 08 01 00 25",
        "00 01 15 33 07 33 08 05 01 C8 87 07 95 88 FF 52 18 00 FA 7B 17 F8 32 00 65 12 09",
        "00 01 00",
    };

    for (guint i = 0; i < G_N_ELEMENTS(blobs); i++) {
        g_autoptr(GByteArray) blob = pvm_test_bytes(blobs[i]);
        struct nub_program program;
        struct nub_failure failure;
        g_assert_cmpint(parse(&program, blob, &failure), ==, NUB_OK);
        g_assert_cmpuint(nub_program_blob_size(&program), ==, blob->len);
        g_autofree guint8 *again = g_malloc(blob->len);
        nub_program_write_blob(&program, again);
        g_assert_cmpmem(again, blob->len, blob->data, blob->len);
    }
}

static void
test_blob_fields(void)
{
    g_autoptr(GByteArray) blob = pvm_test_bytes("02 03 03 01 02 03 FF FE FD 01 02 00 05");
    struct nub_program program;
    struct nub_failure failure;

    g_assert_cmpint(parse(&program, blob, &failure), ==, NUB_OK);
    g_assert_cmpuint(program.n_jump, ==, 2);
    g_assert_cmpuint(program.jump_width, ==, 3);
    g_assert_cmphex(nub_program_jump_entry(&program, 0), ==, 0x030201);
    g_assert_cmphex(nub_program_jump_entry(&program, 1), ==, 0xFDFEFF);
    g_assert_cmpuint(program.code_size, ==, 3);
    g_assert_cmpuint(program.code[0], ==, 1);
    g_assert_cmpuint(program.mask[0], ==, 5);
}

static void
test_bad_blobs(void)
{
    static const struct {
        const char *blob, *message;
        guint64 at;
    } cases[] = {
        { "", "the size of the jump table is missing", 0 },
        { "80", "the size of the jump table is cut off", 0 },
        { "FF 00", "the size of the jump table is cut off", 0 },
        { "80 05 01 00", "the size of the jump table is not in its shortest form", 0 },
        { "C0 01 00 01 00", "the size of the jump table is not in its shortest form", 0 },
        { "FF FF FF FF FF FF FF FF 00 01 00",
          "the size of the jump table is not in its shortest form", 0 },
        { "00", "the size of jump table entries is missing", 1 },
        { "00 05 00", "jump table entries of 5 bytes", 1 },
        { "01 00 00", "jump table entries of 0 bytes", 1 },
        { "00 01", "the size of the code is missing", 2 },
        { "00 01 80 05", "the size of the code is not in its shortest form", 2 },
        { "00 01 01 00", "1 bytes after the header instead of 2", 3 },
        { "00 01 01 00 01 00", "3 bytes after the header instead of 2", 3 },
        { "02 04 00 00 00 00 00 00 00 00", "7 bytes after the header instead of 8", 3 },
        { "00 01 F0 01 00 00 10", "268435457 code bytes, more than 268435456", 0 },
        { "00 01 FF FF FF FF FF FF FF FF FF",
          "18446744073709551615 code bytes, more than 268435456", 0 },
        { "E1 01 00 00 04 00", "16777217 jump table entries, more than 16777216", 0 },
        { "00 01 01 00 03", NULL, 0 },
        { "00 01 07 00 00 00 00 00 00 00 80", NULL, 0 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) blob = pvm_test_bytes(cases[i].blob);
        struct nub_program program;
        struct nub_failure failure;
        g_test_message("%s", cases[i].blob);
        g_assert_cmpint(parse(&program, blob, &failure), ==, NUB_ERR_BAD_ENCODING);
        g_autofree char *want = g_strconcat("program blob: ", cases[i].message, NULL);
        g_assert_cmpstr(failure.message, ==,
                        cases[i].message ? want
                        : i == G_N_ELEMENTS(cases) - 1
                            ? "mask: a bit beyond the code's 7 bytes is set"
                            : "mask: a bit beyond the code's 1 bytes is set");
        g_assert_cmpuint(failure.address, ==, cases[i].at);
    }
}

/* pvm.md 2.6, as the size of the jump table: a limit stops the parser right after reading it */
static void
test_naturals(void)
{
    static const struct {
        guint64 value;
        const char *bytes;
    } cases[] = {
        { G_GUINT64_CONSTANT(1) << 28, "F0 00 00 00 10" },
        { G_MAXUINT32, "F0 FF FF FF FF" },
        { G_GUINT64_CONSTANT(1) << 35, "F8 00 00 00 00 08" },
        { G_GUINT64_CONSTANT(1) << 49, "FE 00 00 00 00 00 00 02" },
        { (G_GUINT64_CONSTANT(1) << 56) - 1, "FE FF FF FF FF FF FF FF" },
        { G_GUINT64_CONSTANT(1) << 56, "FF 00 00 00 00 00 00 00 01" },
        { G_MAXUINT64, "FF FF FF FF FF FF FF FF FF" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat(cases[i].bytes, " 01 00", NULL);
        g_autoptr(GByteArray) blob = pvm_test_bytes(text);
        g_autofree char *want = g_strdup_printf("program blob: %" G_GUINT64_FORMAT
                                                " jump table entries, more than 16777216",
                                                cases[i].value);
        struct nub_program program;
        struct nub_failure failure;
        g_assert_cmpint(parse(&program, blob, &failure), ==, NUB_ERR_BAD_ENCODING);
        g_assert_cmpstr(failure.message, ==, want);
    }
}

/* the smaller ones as the size of code that is there, both ways */
static void
test_small_naturals(void)
{
    static const struct {
        guint32 value;
        const char *bytes;
    } cases[] = {
        { 0, "00" },
        { 1, "01" },
        { 127, "7F" },
        { 128, "80 80" },
        { 300, "81 2C" },
        { 16383, "BF FF" },
        { 16384, "C0 00 40" },
        { 100000, "C1 A0 86" },
        { (1 << 21) - 1, "DF FF FF" },
        { 1 << 21, "E0 00 00 20" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) nat = pvm_test_bytes(cases[i].bytes);
        g_autoptr(GByteArray) zeros = g_byte_array_new();
        g_byte_array_set_size(zeros, MAX(cases[i].value, 1));
        memset(zeros->data, 0, zeros->len);
        struct nub_program again, program = { .code = zeros->data,
                                              .mask = zeros->data,
                                              .code_size = cases[i].value,
                                              .jump_table = zeros->data };
        g_autoptr(GByteArray) blob = g_byte_array_new();
        struct nub_failure failure;
        g_byte_array_set_size(blob, (guint)nub_program_blob_size(&program));
        g_assert_cmpuint(blob->len, ==, 2 + nat->len + cases[i].value + (cases[i].value + 7) / 8);
        nub_program_write_blob(&program, blob->data);
        g_assert_cmpmem(blob->data + 2, nat->len, nat->data, nat->len);
        g_assert_cmpint(parse(&again, blob, &failure), ==, NUB_OK);
        g_assert_cmpuint(again.code_size, ==, cases[i].value);
    }
}

static void
test_entry_width(void)
{
    static const struct {
        guint32 entry, width;
    } cases[] = { { 0, 1 },     { 255, 1 },     { 256, 2 },        { 65535, 2 },
                  { 65536, 3 }, { 1 << 24, 4 }, { G_MAXUINT32, 4 } };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint8 table[8] = { 0 };
        nub_put_le32(table + 4, cases[i].entry);
        struct nub_program again, program = { .jump_table = table, .n_jump = 2, .jump_width = 4 };
        struct nub_failure failure;
        g_autoptr(GByteArray) blob = g_byte_array_new();
        g_byte_array_set_size(blob, (guint)nub_program_blob_size(&program));
        nub_program_write_blob(&program, blob->data);
        g_assert_cmpint(parse(&again, blob, &failure), ==, NUB_OK);
        g_assert_cmpuint(again.jump_width, ==, cases[i].width);
        g_assert_cmpuint(nub_program_jump_entry(&again, 1), ==, cases[i].entry);
    }
}

static void
test_check(void)
{
    guint8 mask[2] = { 0xFF, 0xFF };
    const struct nub_program good = { .mask = mask, .code_size = 16, .n_jump = 1, .jump_width = 4 };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_program bad;

    g_assert_cmpint(nub_program_check(&good, &failure), ==, NUB_OK);
    bad = good;
    bad.code_size = NUB_MAX_CODE + 1;
    g_assert_cmpint(nub_program_check(&bad, &failure), ==, NUB_ERR_BAD_ENCODING);
    g_assert_cmpstr(failure.message, ==, "code: 268435457 bytes, more than 268435456");
    bad = good;
    bad.n_jump = NUB_MAX_JUMP + 1;
    g_assert_cmpint(nub_program_check(&bad, &failure), ==, NUB_ERR_BAD_ENCODING);
    bad = good;
    bad.jump_width = 5;
    g_assert_cmpint(nub_program_check(&bad, &failure), ==, NUB_ERR_BAD_ENCODING);
    bad = good;
    bad.jump_width = 0;
    g_assert_cmpint(nub_program_check(&bad, &failure), ==, NUB_ERR_BAD_ENCODING);
    bad.n_jump = 0;
    g_assert_cmpint(nub_program_check(&bad, &failure), ==, NUB_OK);
    bad = good;
    bad.code_size = 15;
    g_assert_cmpint(nub_program_check(&bad, &failure), ==, NUB_ERR_BAD_ENCODING);
    g_assert_cmpuint(failure.address, ==, 1);
    g_assert_cmpint(nub_program_check(&bad, NULL), ==, NUB_ERR_BAD_ENCODING);
}

/* ---- skips and block starts ---------------------------------------------------------------- */

/* pvm.md 2.1, letter by letter */
static guint32
skip_by_definition(const struct nub_program *program, guint32 i)
{
    for (guint32 n = 0; n < 24; n++)
        if (nub_program_is_start(program, (guint64)i + 1 + n))
            return n;
    return 24;
}

/* pvm.md 3.2, letter by letter: quadratic */
static gboolean
block_start_by_definition(const struct nub_program *program, guint32 n)
{
    if (!nub_program_is_start(program, n) || !nub_isa[program->code[n]].mnemonic)
        return FALSE;
    if (n == 0)
        return TRUE;
    for (guint32 i = n < 30 ? 0 : n - 30; i < n; i++)
        if (nub_program_is_start(program, i) && nub_isa[program->code[i]].is_terminator &&
            i + 1 + skip_by_definition(program, i) == n)
            return TRUE;
    return FALSE;
}

static void
check_block_starts(const struct nub_program *program)
{
    guint32 size = (program->code_size + 7) / 8, n = 0;
    g_autofree guint8 *starts = g_malloc(size + 1);

    memset(starts, 0xAA, size + 1);
    guint32 count = nub_program_block_starts(program, starts);
    g_assert_cmphex(starts[size], ==, 0xAA);
    for (guint32 i = 0; i < size * 8; i++) {
        gboolean is_start = starts[i / 8] >> i % 8 & 1;
        gboolean want = i < program->code_size && block_start_by_definition(program, i);
        g_assert_cmpint(is_start, ==, want);
        g_assert_cmpint(nub_program_is_block_start(program, i), ==, want);
        if (i < program->code_size)
            g_assert_cmpuint(nub_program_skip(program, i), ==, skip_by_definition(program, i));
        n += (guint32)want;
    }
    g_assert_cmpuint(count, ==, n);
    g_assert_false(nub_program_is_block_start(program, program->code_size));
    g_assert_false(nub_program_is_block_start(program, G_MAXUINT64));
}

static void
test_block_starts_listed(void)
{
    static const struct {
        const char *code;
        guint64 starts; /* bit i: index i */
    } cases[] = {
        { "33 07 / 33 08 05 / 01 / C8 87 07 / 95 88 FF / 52 18 00 FA / 7B 17 F8 / 32 00",
          1 << 0 | 1 << 6 | 1 << 16 },
        { "", 0 },
        { "FF / 00", 0 },      /* nothing known at 0; an unknown opcode ends no block */
        { "01 / FF / 00", 1 }, /* nor is one a block start */
        { "0A 07 / 03 / 02 / 01 / 00 / 00", 1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 },
        { "28 00 / 50 17 05 01 / 32 07 / B4 77 01 04 / 51 17 / AA 10 / 64 10 / 00",
          1 << 0 | 1 << 2 | 1 << 6 | 1 << 8 | 1 << 12 | 1 << 14 | 1 << 16 },
        /* 25 bytes are the longest instruction */
        { "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16 17 18 / 00",
          1 << 0 | 1 << 25 },
        { "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 10 11 12 13 14 15 16 17 18 19 / 00", 1 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(PvmTestProgram) test = { 0 };
        pvm_test_program_from_text(&test, cases[i].code);
        g_test_message("%s", cases[i].code);
        for (guint32 n = 0; n < 64; n++)
            g_assert_cmpint(nub_program_is_block_start(&test.program, n), ==,
                            cases[i].starts >> n & 1);
        check_block_starts(&test.program);
    }
}

static void
test_block_starts_need_the_first_bit(void)
{
    const guint8 code[3] = { 1, 1, 0 }, mask[1] = { 6 };
    const struct nub_program program = { .code = code, .mask = mask, .code_size = 3 };

    g_assert_false(nub_program_is_block_start(&program, 0));
    g_assert_false(nub_program_is_block_start(&program, 1));
    g_assert_true(nub_program_is_block_start(&program, 2));
    check_block_starts(&program);
}

static void
test_block_starts_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (guint round = 0; round < 3000; round++) {
        g_auto(PvmTestProgram) test = { 0 };
        guint32 size = (guint32)g_rand_int_range(rand, 0, 200);
        if (round % 2)
            pvm_test_program_random_code(&test, rand, size);
        else
            pvm_test_program_random_bytes(&test, rand, size, 1u << round % 9);
        check_block_starts(&test.program);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pvm/blob/worked-examples-go-both-ways", test_worked_blobs);
    g_test_add_func("/core/pvm/blob/fields-are-where-they-belong", test_blob_fields);
    g_test_add_func("/core/pvm/blob/every-rule-is-checked", test_bad_blobs);
    g_test_add_func("/core/pvm/blob/large-naturals-are-read-exactly", test_naturals);
    g_test_add_func("/core/pvm/blob/small-naturals-go-both-ways", test_small_naturals);
    g_test_add_func("/core/pvm/blob/the-smallest-entry-width-is-chosen", test_entry_width);
    g_test_add_func("/core/pvm/program/limits-and-stray-bits-are-checked", test_check);
    g_test_add_func("/core/pvm/block-starts/those-of-the-specification", test_block_starts_listed);
    g_test_add_func("/core/pvm/block-starts/index-0-needs-its-mask-bit",
                    test_block_starts_need_the_first_bit);
    g_test_add_func("/core/pvm/block-starts/any-program-equals-the-definition",
                    test_block_starts_random);
    return g_test_run();
}
