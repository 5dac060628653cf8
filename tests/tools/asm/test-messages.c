/* test-messages.c - what the assembler says about a wrong text: place, cause, way out */
#include "asm.h"

#include <string.h>

#define DATA ".data greeting\n.u8 1\n.code\n"

static const struct {
    const char *name, *text, *message;
} cases[] = {
    /* words */
    { "no-number", "load_imm a0, 12x", "1:14: no number of at most 64 bits" },
    { "a-number-beyond-64-bits", "load_imm_64 a0, 0x10000000000000000",
      "1:17: no number of at most 64 bits" },
    { "a-unit-beyond-64-bits", "load_imm_64 a0, 0x4000000000000GiB",
      "1:17: no number of at most 64 bits" },
    { "an-unknown-character", "load_imm a0, #5",
      "1:14: unexpected character; a comment begins with ';'" },
    { "a-string-without-end", DATA ".data d\n.ascii \"abc", "5:8: the string has no end" },
    { "an-unknown-escape", ".data d\n.ascii \"a\\qb\"",
      "2:10: unknown escape; there are \\n \\t \\r \\0 \\\\ \\\" \\' \\xHH" },
    { "an-escape-without-its-digits", ".data d\n.ascii \"\\x g\"",
      "2:9: unknown escape; there are \\n \\t \\r \\0 \\\\ \\\" \\' \\xHH" },
    { "a-broken-character", "load_imm a0, 'ab'", "1:14: the character has no closing '" },
    /* instructions */
    { "an-unknown-instruction", "\n  ad_64 a0, a1, a2",
      "2:3: unknown instruction 'ad_64' (did you mean 'add_64'?)" },
    { "an-instruction-like-no-other", "frobnicate", "1:1: unknown instruction 'frobnicate'" },
    { "no-register", "add_64 a0, a1, 5", "1:16: expected a register here" },
    { "a-register-that-does-not-exist", "move_reg a0, a9",
      "1:14: expected a register here (did you mean 'a0'?)" },
    { "a-register-for-a-number", "load_imm a0, a1",
      "1:14: expected a number here, not the register 'a1'" },
    { "a-missing-operand", "add_64 a0, a1", "1:14: expected ',' here" },
    { "too-many-operands", "trap 5", "1:6: the statement should end here" },
    { "an-immediate-beyond-32-bits", "load_imm a0, 0x80000000",
      "1:14: 0x80000000 is no 32-bit value: immediates are -0x80000000 ... 0x7fffffff "
      "(load_imm_64 takes any)" },
    { "a-width-that-is-too-small", "load_imm a0, 1000:1", "1:18: the value needs 2 bytes, not 1" },
    { "a-width-that-is-too-large", "load_imm a0, 1:5",
      "1:16: the number of bytes 0x5 is more than 0x4" },
    { "a-width-of-a-64-bit-immediate", "load_imm_64 a0, 1:4",
      "1:18: the immediate of load_imm_64 always has 8 bytes" },
    { "an-offset-that-does-not-fit-its-width", "jump 300:1",
      "1:1: the target is too far away for the bytes of its offset" },
    { "memory-without-brackets", "load_u8 a0, 5", "1:13: expected '[' here" },
    { "bytes-after-an-instruction", "trap\n.u8 1",
      "2:5: these bytes would become arguments of the instruction before them; begin an "
      "instruction of your own with .insn" },
    /* labels */
    { "an-unknown-label", "loop: fallthrough\njump lop",
      "2:6: unknown label 'lop' (did you mean 'loop'?)" },
    { "a-label-twice", "x: trap\nx: trap", "2:1: the label 'x' is defined already (line 1)" },
    { "a-label-named-like-a-register", "a0: trap",
      "1:1: 'a0' is a register, not a label, an instruction or a directive" },
    { "a-label-like-a-directive", ".x: trap", "1:1: a label does not begin with '.'" },
    { "a-target-in-mid-block", "load_imm a0, 1\nloop: load_imm a1, 1\njump loop",
      "2:1: line 3 jumps to 'loop', but the instruction before the label does not end a block: "
      "write `fallthrough` before it" },
    { "an-address-in-mid-block", "load_imm a0, @f\nf: trap",
      "2:1: line 1 jumps to 'f', but the instruction before the label does not end a block: "
      "write `fallthrough` before it" },
    { "a-target-at-the-end",
      "jump end\nend:", "2:1: nothing follows the label 'end', which line 1 jumps to" },
    { "a-target-at-an-unknown-opcode", "jump x\nx: .insn 0xff",
      "2:1: no known instruction stands at the label 'x', which line 1 jumps to" },
    { "a-code-label-as-a-number", "f: load_imm a0, f",
      "1:17: 'f' is a label in code; write @f for its address in a register" },
    { "an-address-that-is-no-label", "load_imm a0, @f", "1:14: unknown label 'f'" },
    /* symbols and data */
    { "an-unknown-symbol", DATA "load_imm a0, greting",
      "4:14: unknown symbol 'greting' (did you mean 'greeting'?)" },
    { "data-that-is-not-mapped", DATA "load_imm a0, greeting",
      "4:14: the data 'greeting' is mapped nowhere: add \".map ADDRESS, pinned greeting\" (or "
      "initial) to the image" },
    { "an-address-beyond-an-immediate",
      DATA ".map 0x80000000, pinned greeting\nload_imm a0, greeting",
      "5:14: 'greeting' is 0x80000000 here, above 0x7fffffff: use load_imm_64" },
    { "two-addresses-in-a-sum", DATA "load_imm a0, greeting + greeting",
      "4:25: a second address in one sum" },
    { "an-address-subtracted", DATA "load_imm a0, 5 - greeting",
      "4:18: the address of 'greeting' cannot be subtracted" },
    { "a-number-too-large-for-its-field", ".data d\n.u8 256", "2:5: 0x100 does not fit 1 bytes" },
    { "a-number-too-small-for-its-field", ".data d\n.u16 -32769",
      "2:6: 0xffffffffffff7fff does not fit 2 bytes" },
    { "an-address-too-large-for-its-field",
      DATA ".map 0x10000, pinned greeting\n.data d\n.u16 greeting",
      "6:6: 0x10000 does not fit 2 bytes" },
    { "an-alignment-that-is-none", ".data d\n.align 3",
      "2:8: the alignment must be a power of two" },
    { "hexadecimal-that-is-none", ".data d\n.hex \"0g\"", "2:6: 'g' is no hexadecimal digit" },
    { "half-a-byte", ".data d\n.hex \"012\"", "2:6: half a byte at the end of the string" },
    { "an-unknown-constant", ".equ BASE, 5\n.map 0, BASES",
      "2:9: expected 'pinned NAME', 'initial NAME' or a size here" },
    { "an-unknown-constant-in-a-number", ".equ BASE, 5\n.map BASES, 4KiB",
      "2:6: unknown constant 'BASES' (did you mean 'BASE'?)" },
    { "a-constant-twice", ".equ SIZE, 5\n.equ SIZE, 6", "2:6: 'SIZE' is a constant already" },
    /* directives */
    { "an-unknown-directive", ".endpoints main",
      "1:1: unknown directive '.endpoints' (did you mean '.endpoint'?)" },
    { "a-directive-of-another-section", ".data d\n.endpoint 0",
      "2:1: '.endpoint' belongs into an image (.image, .code)" },
    { "data-in-code", ".ascii \"abc\"", "1:1: '.ascii' belongs into data (.data, .overlay)" },
    { "an-instruction-in-data", ".data d\ntrap",
      "2:1: instructions belong into code: write .code before them" },
    { "a-capability-twice", DATA ".data greeting",
      "4:7: 'greeting' is the name of a capability already (line 1)" },
    { "too-many-zeros", ".data d\n.zero 3GiB", "2:7: the size 0xc0000000 is more than 0x80000000" },
    { "more-than-2-gib", ".data d\n.zero 1\n.data e\n.zero 2GiB", "4:11: more than 2 GiB of data" },
    { "data-without-a-name", ".data", "1:6: expected a name for the data here" },
    { "an-unknown-field", "x: trap\n.endpoint x, stack=5",
      "2:14: 'stack' is neither a register nor one of stack_top, arg_cnode_slot, arg_cnode_size" },
    { "an-unknown-register-of-an-instance", "trap\n.instance\n.regs pc=5",
      "3:7: 'pc' is no register" },
    { "a-path-that-is-too-long", ".map 0, 4KiB, path 1/2/3/4/5/6/7/8/9",
      "1:36: a path has at most 8 slots" },
    { "an-instance-without-an-image", ".instance",
      "1:10: there is no image before this instance: write its name after a comma" },
    { "an-unknown-capability", DATA "trap\n.pinned 0, greetin",
      "5:12: no capability has the name 'greetin' (did you mean 'greeting'?)" },
    { "a-mapping-of-what-is-no-data",
      "trap\n.type t, 0x"
      "0000000000000000000000000000000000000000000000000000000000000001\n.code\n.map 0, pinned t",
      "4:16: 't' is no data but Type" },
    { "a-capability-in-itself", ".image me\n.pinned 0, me",
      "2:12: 'me' would contain its own hash" },
    { "a-backslash-at-the-end", ".data d\n.ascii \"abc\\",
      "2:12: a backslash at the end of the line" },
    { "a-missing-character", "load_imm a0, '", "1:14: the character is missing" },
    { "a-statement-that-is-a-number", "5",
      "1:1: expected a label, an instruction or a directive here" },
    { "an-address-of-a-number", "load_imm a0, @5", "1:15: expected a label here" },
    { "a-width-of-an-address", DATA ".map 0, pinned greeting\nload_imm a0, greeting:4",
      "5:22: an address has no width of its own choosing" },
    { "a-number-for-a-string", ".data d\n.ascii 5", "2:8: expected a string here" },
    { "a-number-for-hexadecimal", ".data d\n.hex 5",
      "2:6: expected a string of hexadecimal digits here" },
    { "a-code-address-without-code", ".data d\n.u32 @f", "2:6: no code label 'f' in the image" },
    { "an-unknown-label-in-data", DATA "trap\n.data d\n.u32 @f", "6:6: unknown label 'f'" },
    { "a-label-named-like-data", DATA "greeting: trap",
      "4:1: 'greeting' is a label in data already (line 1)" },
    { "a-data-label-twice",
      ".data d\nx: .u8 1\nx:", "3:1: 'x' is a label in data already (line 2)" },
    { "a-label-in-a-cnode", ".cnode c, 1\nx:", "2:1: labels belong into code and data" },
    { "a-number-for-a-capability", "trap\n.pinned 0, 5",
      "2:12: expected the name of a capability, or a hash of 64 hex digits after 0x" },
    { "a-mapping-of-an-unknown-capability", DATA "trap\n.map 0, pinned greetin",
      "5:16: no capability has the name 'greetin' (did you mean 'greeting'?)" },
    { "a-mapping-of-unknown-size",
      "trap\n.map 0, pinned "
      "0x0000000000000000000000000000000000000000000000000000000000000001",
      "2:6: the size of a capability named by its hash is unknown: write it" },
    { "a-field-without-a-name", "x: trap\n.endpoint x, 5", "2:14: expected 'register=value' here" },
    { "an-entry-beyond-32-bits", "trap\n.jump_table 0x100000000",
      "2:13: an entry has at most 32 bits" },
    { "an-entry-beyond-its-size", "trap\n.jump_table 256\n.entry_size 1",
      "1:1: a jump table entry does not fit 1 bytes" },
    { "nothing-at-all", "; only a comment\n", "1:1: the text holds no code and no capability" },
    /* what core/model says about a capability */
    { "mappings-that-overlap", "trap\n.map 0, 8KiB\n.map 4KiB, 4KiB", NULL },
    { "a-mapping-that-is-no-page", "trap\n.map 1, 4KiB", NULL },
};

static void
test_message(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_auto(NubAsmOutput) output = { 0 };
    g_autoptr(GError) error = NULL;

    g_assert_false(nub_asm_assemble("t.s", cases[i].text, strlen(cases[i].text), &output, &error));
    g_assert_error(error, NUB_ASM_ERROR, NUB_ASM_ERROR_TEXT);
    g_assert_null(output.bundle);
    g_assert_null(output.program);
    if (cases[i].message) {
        g_autofree char *want = g_strconcat("t.s:", cases[i].message, NULL);
        g_assert_cmpstr(error->message, ==, want);
    } else {
        g_assert_true(g_str_has_prefix(error->message, "t.s:1:1: 'image': "));
    }
}

/* each names the next: the order of the text turned around */
static void
test_depth(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_auto(NubAsmOutput) output = { 0 };
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < 1500; i++)
        g_string_append_printf(text, ".cnode c%u, 1\n.slot 0, c%u\n", i, i + 1);
    g_string_append(text, ".cnode c1500, 0\n");
    g_assert_false(nub_asm_assemble("t.s", text->str, text->len, &output, &error));
    g_assert_true(g_str_has_suffix(error->message,
                                   "more than 1000 capabilities name one that stands after them"));
}

static void
test_without_error(void)
{
    g_auto(NubAsmOutput) output = { 0 };

    g_assert_false(nub_asm_assemble("t.s", "x", 1, &output, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/tools/asm/refuses/", cases[i].name, NULL);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_message);
    }
    g_test_add_func("/tools/asm/refuses/names-that-nest-too-deep", test_depth);
    g_test_add_func("/tools/asm/the-error-may-be-null", test_without_error);
    return g_test_run();
}
