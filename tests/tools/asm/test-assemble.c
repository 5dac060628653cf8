/* test-assemble.c - what statements become: bytes, mask, jump table, capabilities */
#include "asm.h"
#include "bundle.h"
#include "cap.h"
#include "disasm.h"
#include "pvm-test.h"

static void
assemble(NubAsmOutput *output, const char *text)
{
    g_autoptr(GError) error = NULL;

    nub_asm_assemble("test", text, strlen(text), output, &error);
    g_assert_no_error(error);
}

static void
program_of(struct nub_program *program, const NubAsmOutput *output)
{
    gsize size;
    const guint8 *bytes = g_bytes_get_data(output->program, &size);

    g_assert_cmpint(nub_program_parse_blob(program, (struct nub_slice){ bytes, size }, NULL), ==,
                    NUB_OK);
}

/* ---- code ---------------------------------------------------------------------------------- */

static void
test_code(void)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        { "", "" },
        { "  ; nothing\n\n trap ; something\n", "00" },
        { "trap\r\nfallthrough\r\n", "00 / 01" },
        { "ecalli 7", "0A 07" },
        { "ecalli 0xFFFFFF80", "0A 80" },
        { "load_imm a0, 0", "33 07" },
        { "load_imm a0, -128", "33 07 80" },
        { "load_imm r7, 0x7F", "33 07 7F" },
        { "load_imm a0, 0b101 + 2 - 1", "33 07 06" },
        { "load_imm a0, 0o17", "33 07 0F" },
        { "load_imm a0, 1_000", "33 07 E8 03" },
        { "load_imm a0, 64KiB", "33 07 00 00 01" },
        { "load_imm a0, 'A'", "33 07 41" },
        { "load_imm a0, '\\n'", "33 07 0A" },
        { "load_imm a0, '\\xff'", "33 07 FF 00" },
        { "load_imm a0, -0x80000000", "33 07 00 00 00 80" },
        { "load_imm a0, 0xFFFFFFFFFFFFFFFF", "33 07 FF" },
        { "load_imm a0, 5:3", "33 07 05 00 00" },
        { "load_imm a0, 0:1", "33 07 00" },
        { "load_imm_64 a0, 0x0123456789ABCDEF", "14 07 EF CD AB 89 67 45 23 01" },
        { "load_imm_64 a0, -1", "14 07 FF FF FF FF FF FF FF FF" },
        { "load_imm_64 a0, HALT_ADDRESS", "14 07 00 00 FF FF 00 00 00 00" },
        { "store_imm_u8 [0x20000], 0x5A", "1E 03 00 00 02 5A" },
        { "store_imm_u8 [0x20000:4], 0x5A", "1E 04 00 00 02 00 5A" },
        { "load_u8 a0, [0xFFFFFFFF]", "34 07 FF" },
        { "store_imm_u32 [0], 0xFFFFFFFF", "20 00 FF" },
        { "store_imm_ind_u8 [a0 + 0x1234], -1", "46 27 34 12 FF" },
        { "store_ind_u64 a0, [sp - 8]", "7B 17 F8" },
        { "store_ind_u64 a0, [sp]", "7B 17" },
        { "store_ind_u64 a0, [sp:1]", "7B 17 00" },
        { "store_ind_u64 a0, [sp + 8:2]", "7B 17 08 00" },
        { "load_ind_u8 a0, [a1 + 0xFFFFFFFC]", "7C 87 FC" },
        { "move_reg a5, sp", "64 1C" },
        { "add_64 a2, a0, a1", "C8 87 09" },
        { "add_imm_64 a0, a1, -8", "95 87 F8" },
        { "shlo_l_imm_alt_64 a0, a1, 1", "9B 87 01" },
        { "jump_ind ra", "32 00" },
        { "jump_ind ra, 4", "32 00 04" },
        { "load_imm_jump_ind a0, 9, a1, 2", "B4 87 01 09 02" },
        { "l: jump l", "28" },
        { "l: jump l:1", "28 00" },
        { "trap\nl: trap\njump l", "00 / 00 / 28 FF" },
        { "jump 6\ntrap", "28 06 / 00" },
        { "jump -2", "28 FE" },
        { "branch_ne_imm a1, 0:1, l\nl: trap", "52 18 00 04 / 00" },
        { "branch_eq a0, a1, l\nl: trap", "AA 87 03 / 00" },
        { ".insn 0xff, 1, 2", "FF 01 02" },
        { ".u8 1, 2\n.insn 0", NULL },
        { "x: y: trap\njump x\njump y", "00 / 28 FF / 28 FD" },
        { ".data d\n.u8 1\n.code\ntrap", "00" },
    };

    for (guint i = 1; i < G_N_ELEMENTS(cases); i++) {
        g_auto(NubAsmOutput) output = { 0 };
        g_auto(PvmTestProgram) want = { 0 };
        struct nub_program program;
        g_test_message("%s", cases[i].text);
        if (!cases[i].code)
            continue;
        assemble(&output, cases[i].text);
        program_of(&program, &output);
        pvm_test_program_from_text(&want, cases[i].code);
        g_assert_cmpmem(program.code, program.code_size, want.code->data, want.code->len);
        g_assert_cmpmem(program.mask, (program.code_size + 7) / 8, want.mask->data, want.mask->len);
    }
}

static void
test_unmasked_bytes(void)
{
    g_auto(NubAsmOutput) output = { 0 };
    struct nub_program program;
    const guint8 code[] = { 1, 2, 0, 7 };

    assemble(&output, ".u8 1, 2\n.insn 0\n.u8 7");
    program_of(&program, &output);
    g_assert_cmpmem(program.code, program.code_size, code, sizeof code);
    g_assert_cmphex(program.mask[0], ==, 4);
}

/* the text of every instruction assembles to its shortest encoding */
static void
test_every_instruction(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);

    for (guint round = 0; round < 20000; round++) {
        g_auto(NubAsmOutput) output = { 0 };
        guint8 bytes[NUB_MAX_INSN_SIZE];
        struct nub_program program;
        struct nub_insn insn;
        char text[128];
        pvm_test_random_insn(&insn, rand, 0);
        g_assert_cmpuint(nub_insn_format(text, sizeof text, &insn), <, sizeof text);
        guint32 size = nub_insn_encode(bytes, &insn, 0);
        assemble(&output, text);
        program_of(&program, &output);
        g_assert_cmpmem(program.code, program.code_size, bytes, size);
    }
}

/* offsets begin with no byte and grow as code between grows */
static void
test_relaxation(void)
{
    static const guint gaps[] = { 0, 1, 124, 125, 126, 127, 128, 32760, 32764, 32770, 70000 };

    for (guint i = 0; i < G_N_ELEMENTS(gaps); i++) {
        g_autoptr(GString) text = g_string_new("start: jump end\n");
        g_auto(NubAsmOutput) output = { 0 };
        struct nub_program program;
        struct nub_insn first, last;
        for (guint k = 0; k < gaps[i]; k++)
            g_string_append(text, "fallthrough\n");
        g_string_append(text, "end: jump start\n");
        assemble(&output, text->str);
        program_of(&program, &output);
        nub_insn_decode(&first, &program, 0);
        g_assert_cmpuint(first.target, ==, first.next + gaps[i]);
        g_assert_cmpuint(first.next, ==, 1 + nub_insn_value_size(first.target));
        nub_insn_decode(&last, &program, (guint32)first.target);
        g_assert_cmpuint(last.target, ==, 0);
        g_assert_cmpuint(last.next - last.pc, ==, 1 + nub_insn_value_size(-first.target));
    }
}

/* a chain in which each growth makes the next offset grow still ends, and every target is right */
static void
test_long_chain(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_auto(NubAsmOutput) output = { 0 };
    struct nub_program program;
    const guint n = 3000;
    guint32 pc = 0;
    g_autofree guint32 *starts = g_new0(guint32, n);

    for (guint i = 0; i < n; i++)
        g_string_append_printf(text, "l%u: branch_eq a0, a1, l%u\n", i, (i + 62) % n);
    assemble(&output, text->str);
    program_of(&program, &output);
    for (guint i = 0; i < n; i++) {
        starts[i] = pc;
        pc += 1 + nub_program_skip(&program, pc);
    }
    for (guint i = 0; i < n; i++) {
        struct nub_insn insn;
        nub_insn_decode(&insn, &program, starts[i]);
        g_assert_cmpuint(insn.target, ==, starts[(i + 62) % n]);
    }
}

static void
test_jump_table(void)
{
    g_auto(NubAsmOutput) output = { 0 };
    static const guint32 want[] = { 0, 0x1234, 0, 8, 7 };
    struct nub_program program;
    struct nub_insn insn;

    /* listed entries first; an address makes an entry unless the label has one */
    assemble(&output, "a: load_imm a0, @c\nload_imm a1, @b\nfallthrough\nb: trap\nc: trap\n"
                      ".jump_table a, 0x1234, a\n"
                      "load_imm a2, @a\n");
    program_of(&program, &output);
    g_assert_cmpuint(program.n_jump, ==, G_N_ELEMENTS(want));
    for (guint i = 0; i < program.n_jump; i++)
        g_assert_cmpuint(nub_program_jump_entry(&program, i), ==, want[i]);
    nub_insn_decode(&insn, &program, 0);
    g_assert_cmpuint(insn.x, ==, 8);
    nub_insn_decode(&insn, &program, 3);
    g_assert_cmpuint(insn.x, ==, 10);
    nub_insn_decode(&insn, &program, 9);
    g_assert_cmpuint(insn.x, ==, 2);
}

/* ---- capabilities -------------------------------------------------------------------------- */

struct decoded {
    NubAsmOutput output;
    struct nub_bundle bundle;
    struct nub_cap caps[8];
    struct nub_hash hashes[8];
};

static void
decode(struct decoded *decoded, const char *text)
{
    gsize size;

    *decoded = (struct decoded){ .output = { 0 } };
    assemble(&decoded->output, text);
    const guint8 *file = g_bytes_get_data(decoded->output.bundle, &size);
    g_assert_cmpint(nub_bundle_decode(&decoded->bundle, (struct nub_slice){ file, size }, NULL), ==,
                    NUB_OK);
    g_assert_cmpuint(decoded->bundle.n_caps, ==, decoded->output.n_caps);
    g_assert_cmpuint(decoded->bundle.n_caps, <=, G_N_ELEMENTS(decoded->caps));
    for (guint32 i = 0; i < decoded->bundle.n_caps; i++) {
        g_assert_cmpint(
            nub_cap_decode(&decoded->caps[i], nub_bundle_cap(&decoded->bundle, i), NULL), ==,
            NUB_OK);
        nub_cap_hash(&decoded->hashes[i], &decoded->caps[i]);
    }
}

static void
assert_kinds(const struct decoded *decoded, const char *kinds)
{
    static const char letters[] = "IMDCT"; /* by enum nub_cap_kind */

    g_assert_cmpuint(decoded->bundle.n_caps, ==, strlen(kinds));
    for (guint i = 0; kinds[i] != '\0'; i++)
        g_assert_cmpint(letters[decoded->caps[i].kind], ==, kinds[i]);
}

static void
test_simple_text(void)
{
    struct decoded d;
    struct nub_endpoint endpoint;
    struct nub_mapping mapping;
    struct nub_hash hash;

    decode(&d, ".endpoint main, ra=HALT_ADDRESS, sp=0x30000, stack_top=7, arg_cnode_slot=8, "
               "arg_cnode_size=9\n"
               ".endpoint 77\n"
               ".map 0x20000, 64KiB\n"
               ".map 0x10000, pinned text\n"
               ".map 0x12000, 8KiB, initial text\n"
               "main: load_imm a0, world\n"
               "trap\n"
               ".data text\n.ascii \"hello \"\nworld: .asciz \"world\"\n");
    assert_kinds(&d, "DMI");
    g_assert_cmpmem(d.caps[0].u.data.data, 13, "hello world\0\0", 13);
    g_assert_cmpuint(d.caps[0].u.data.size, ==, 4096);

    const struct nub_image *image = &d.caps[1].u.image;
    g_assert_cmpuint(image->n_endpoints, ==, 2);
    nub_image_endpoint(image, 0, &endpoint);
    g_assert_cmpuint(endpoint.entry_pc, ==, 0);
    g_assert_cmphex(endpoint.initial_regs[0], ==, 0xFFFF0000);
    g_assert_cmphex(endpoint.initial_regs[1], ==, 0x30000);
    g_assert_cmpuint(endpoint.stack_top, ==, 7);
    g_assert_cmpuint(endpoint.arg_cnode_slot, ==, 8);
    g_assert_cmpuint(endpoint.arg_cnode_size, ==, 9);
    nub_image_endpoint(image, 1, &endpoint);
    g_assert_cmpuint(endpoint.entry_pc, ==, 77);

    g_assert_cmpuint(image->n_mappings, ==, 3);
    nub_image_mapping(image, 0, &mapping);
    g_assert_cmphex(mapping.start, ==, 0x10000);
    g_assert_cmphex(mapping.size, ==, 0x1000);
    g_assert_true(nub_slots_find(&image->pinned, mapping.source[0], &hash));
    g_assert_cmpmem(&hash, 32, &d.hashes[0], 32);
    nub_image_mapping(image, 1, &mapping);
    g_assert_cmphex(mapping.size, ==, 0x2000);
    g_assert_true(nub_slots_find(&image->initial, mapping.source[0], &hash));
    nub_image_mapping(image, 2, &mapping);
    g_assert_cmpuint(mapping.n_source, ==, 0);

    g_assert_cmpmem(d.caps[2].u.instance.image, 32, &d.hashes[1], 32);
    g_assert_cmpuint(d.caps[2].u.instance.mem_size, ==, 0);
    nub_asm_output_clear(&d.output);
}

static void
test_symbols(void)
{
    struct decoded d;
    struct nub_insn insn;
    struct nub_program program;

    decode(&d, ".equ BASE, 0x10000\n"
               ".map BASE, pinned table\n"
               "f: load_imm a0, middle + 1\n"
               "load_ind_u8 a1, [a0 + table - 4]\n"
               "load_u32 a2, [middle]\n"
               "trap\n"
               ".data table\n"
               ".u32 @f, 1\nmiddle: .u64 middle - 2, @g\n"
               ".code\n"
               "g: trap\n");
    program_of(&program, &d.output);
    nub_insn_decode(&insn, &program, 0);
    g_assert_cmphex(insn.x, ==, 0x10009);
    nub_insn_decode(&insn, &program, insn.next);
    g_assert_cmphex(insn.x, ==, 0xFFFC);
    nub_insn_decode(&insn, &program, insn.next);
    g_assert_cmphex(insn.x, ==, 0x10008);
    const guint8 *data = d.caps[0].u.data.data;
    g_assert_cmpuint(nub_le32(data), ==, 2);
    g_assert_cmphex(nub_le64(data + 8), ==, 0x10006);
    g_assert_cmphex(nub_le64(data + 16), ==, 4);
    nub_asm_output_clear(&d.output);
}

/* one slot for a capability, however often it is mapped; slots that were given keep their numbers
 */
static void
test_slots(void)
{
    struct decoded d;
    struct nub_mapping mapping;
    struct nub_program program;
    struct nub_insn insn;

    decode(&d, ".data a\n.u8 1\n.data b\n.u8 2\n.code\n"
               ".pinned 0, b\n"
               ".map 0x90000000, initial b\n"
               ".map 0x1000, pinned a\n.map 0x2000, pinned a\n.map 0x3000, pinned b\n"
               "load_imm_64 a0, b\nload_imm a1, a\n");
    const struct nub_image *image = &d.caps[2].u.image;
    static const guint slots[] = { 2, 2, 0, 1 };
    for (guint i = 0; i < G_N_ELEMENTS(slots); i++) {
        nub_image_mapping(image, i, &mapping);
        g_assert_cmpuint(mapping.source[0], ==, slots[i]);
    }
    g_assert_cmpuint(image->pinned.n, ==, 2);
    g_assert_cmpuint(image->initial.n, ==, 1);
    program_of(&program, &d.output);
    nub_insn_decode(&insn, &program, 0);
    g_assert_cmphex(insn.x, ==, 0x90000000);
    nub_insn_decode(&insn, &program, insn.next);
    g_assert_cmphex(insn.x, ==, 0x1000);
    nub_asm_output_clear(&d.output);
}

static void
test_full_text(void)
{
    struct decoded d;
    struct nub_overlay overlay;
    struct nub_hash hash;

    /* what is named stands after what names it: the bundle has referents first */
    decode(&d,
           ".instance paused, program\n"
           ".mem_size 64KiB\n.regs a0=5, r12=-1\n.paused pc=3, gas=1_000, a1=6\n"
           ".image_chain kind\n.root_cnode slots\n"
           ".overlay 0x4000\n.u8 1\n.overlay 0x1000\n.zero 4KiB\n.u16 0x1234\n"
           ".image program\n"
           ".isa 0\n.yield_marker 9\n.pinned 5, slots\n.initial 4, bytes\n.map 0, 4KiB, path 5/1\n"
           "trap\n"
           ".cnode slots, 2\n.slot 3, kind\n.slot 1, bytes\n"
           ".type kind, 0x00000000000000000000000000000000000000000000000000000000000000ff\n"
           ".data bytes\n.u8 7\n.align 4\n.hex \"0a 0B\"\n");
    assert_kinds(&d, "TDCMI");
    g_assert_cmphex(d.caps[0].u.type->bytes[31], ==, 0xff);
    g_assert_cmpmem(d.caps[1].u.data.data, 6, "\7\0\0\0\n\v", 6);
    g_assert_cmpuint(d.caps[2].u.cnode.size_log, ==, 2);
    g_assert_cmpuint(nub_slots_at(&d.caps[2].u.cnode.entries, 0, &hash), ==, 1);
    g_assert_cmpmem(&hash, 32, &d.hashes[1], 32);
    g_assert_true(d.caps[3].u.image.has_yield_marker);
    g_assert_cmpuint(d.caps[3].u.image.yield_marker_slot, ==, 9);

    const struct nub_instance *instance = &d.caps[4].u.instance;
    g_assert_cmpmem(instance->image, 32, &d.hashes[3], 32);
    g_assert_cmpmem(instance->image_chain, 32, &d.hashes[0], 32);
    g_assert_cmpmem(instance->root_cnode, 32, &d.hashes[2], 32);
    g_assert_cmphex(instance->mem_size, ==, 0x10000);
    g_assert_cmpuint(instance->regs[7], ==, 5);
    g_assert_cmpuint(instance->regs[8], ==, 6);
    g_assert_cmphex(instance->regs[12], ==, G_MAXUINT64);
    g_assert_cmpuint(instance->phase, ==, 1);
    g_assert_cmpuint(instance->pc, ==, 3);
    g_assert_cmpuint(instance->gas_remaining, ==, 1000);
    g_assert_cmpuint(instance->n_overlays, ==, 1 + 1);
    nub_instance_overlay(instance, 0, &overlay);
    g_assert_cmphex(overlay.start, ==, 0x1000);
    g_assert_cmpuint(overlay.bytes.size, ==, 8192);
    g_assert_cmphex(overlay.bytes.data[4096], ==, 0x34);
    nub_asm_output_clear(&d.output);
}

static void
test_no_instance(void)
{
    struct decoded d;

    decode(&d, ".no_instance\ntrap\n");
    assert_kinds(&d, "M");
    nub_asm_output_clear(&d.output);
    decode(&d, ".data d\n");
    assert_kinds(&d, "D");
    g_assert_null(d.output.program);
    nub_asm_output_clear(&d.output);
    /* labels belong to their image; two images make two programs, the blob is the last one's */
    decode(&d, ".image one\none: jump one\n.image two\ntrap\nx: jump x\n.instance a, "
               "one\n.instance b, two\n");
    assert_kinds(&d, "MMII");
    g_assert_cmpuint(d.caps[1].u.image.code.size, ==, 2);
    nub_asm_output_clear(&d.output);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/asm/code/statements-become-bytes", test_code);
    g_test_add_func("/tools/asm/code/bytes-that-start-nothing", test_unmasked_bytes);
    g_test_add_func("/tools/asm/code/the-text-of-any-instruction-assembles",
                    test_every_instruction);
    g_test_add_func("/tools/asm/code/offsets-have-the-size-they-need", test_relaxation);
    g_test_add_func("/tools/asm/code/growth-that-makes-growth-ends", test_long_chain);
    g_test_add_func("/tools/asm/code/addresses-make-jump-table-entries", test_jump_table);
    g_test_add_func("/tools/asm/bundle/a-simple-text-has-everything", test_simple_text);
    g_test_add_func("/tools/asm/bundle/symbols-are-addresses", test_symbols);
    g_test_add_func("/tools/asm/bundle/slots-are-found", test_slots);
    g_test_add_func("/tools/asm/bundle/every-kind-can-be-written", test_full_text);
    g_test_add_func("/tools/asm/bundle/an-instance-is-added-unless-told-otherwise",
                    test_no_instance);
    return g_test_run();
}
