/* test-jit.c - what the compiler promises about its output, whatever the program
 *
 * That the code does what the program says is for tests/differential. Here: same bytes every time,
 * bounds that hold, tables that agree with the code, and code that consists of harmless
 * instructions only.
 */
#include "compiled.h"
#include "disassemble.h"
#include "generate.h"
#include "jit-private.h"
#include <glib.h>
#include <string.h>

static void
test_same_input_same_bytes(void)
{
    const struct nub_case_wish wish = { 0 };

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct nub_case c;
        struct nub_compiled a, b;
        nub_case_generate(&c, seed, &wish);
        struct nub_program program = nub_case_program(&c);
        nub_test_compile(&a, &program, c.gas_model, seed & 1, seed >> 1 & 1);
        nub_test_compile(&b, &program, c.gas_model, seed & 1, seed >> 1 & 1);
        g_assert_cmpmem(a.text, a.code.code_size, b.text, b.code.code_size);
        g_assert_cmpuint(a.code.tables_size, ==, b.code.tables_size);
        g_assert_cmpmem(a.tables, a.code.tables_size, b.tables, b.code.tables_size);
        nub_test_release(&a);
        nub_test_release(&b);
    }
}

/* ---- the code is harmless ------------------------------------------------------------------ */

/* what code may consist of; nothing that enters a kernel, faults on purpose or changes a segment */
static bool
is_allowed(const char *text)
{
    static const char *const mnemonics[] = {
        "mov",   "movabs", "movzx", "movsx",  "movsxd", "lea",    "add",   "sub",   "and",
        "or",    "xor",    "cmp",   "test",   "imul",   "mul",    "div",   "idiv",  "neg",
        "not",   "cdq",    "cqo",   "shl",    "shr",    "sar",    "rol",   "ror",   "shlx",
        "shrx",  "sarx",   "rorx",  "andn",   "mulx",   "popcnt", "lzcnt", "tzcnt", "bsr",
        "bsf",   "bswap",  "jmp",   "push",   "pop",    "ret",    "seta",  "setb",  "setg",
        "setl",  "sete",   "setne", "setae",  "setbe",  "setge",  "setle", "cmova", "cmovb",
        "cmovg", "cmovl",  "cmove", "cmovne", "ja",     "jae",    "jb",    "jbe",   "je",
        "jne",   "jl",     "jle",   "jg",     "jge",
    };
    g_autofree char *mnemonic = g_strndup(text, strcspn(text, " "));

    for (size_t i = 0; i < G_N_ELEMENTS(mnemonics); i++)
        if (strcmp(mnemonic, mnemonics[i]) == 0)
            return true;
    return false;
}

static bool
is_window_access(const char *text)
{
    return strstr(text, "gs:[") != NULL;
}

/* memory outside the window: the frame, the dispatch table; in the trampolines the state in rdi */
static bool
is_own_access(const char *text, bool in_trampoline)
{
    const char *operand = strstr(text, "ptr [");

    return !operand || g_str_has_prefix(operand + 4, "[rsp") ||
           g_str_has_prefix(operand + 4, "[rax + r") ||
           (in_trampoline &&
            (g_str_has_prefix(operand + 4, "[rdi + ") || g_str_has_prefix(operand + 4, "[rdi]") ||
             g_str_has_prefix(operand + 4, "[rax]")));
}

static void
check_instructions(const uint8_t *text, uint64_t size, const struct nub_jit_spot *faults,
                   uint32_t n_faults, uint64_t trampolines_end)
{
    uint32_t fault = 0;

    for (uint64_t at = 0; at < size;) {
        char line[160];
        size_t n = nub_test_disassemble(line, text + at, size - at, 0x10000 + at);
        g_assert_cmpuint(n, >, 0);
        if (!is_allowed(line) ||
            (!is_window_access(line) && !is_own_access(line, at < trampolines_end)))
            g_error("at %" G_GUINT64_FORMAT ": %s", at, line);
        if (is_window_access(line)) {
            g_assert_cmpuint(fault, <, n_faults);
            g_assert_cmpuint(faults[fault++].native, ==, at);
        }
        at += n;
    }
    g_assert_cmpuint(fault, ==, n_faults);
}

static void
test_code_is_harmless(void)
{
    const struct nub_case_wish wish = { 0 };

    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct nub_case c;
        struct nub_compiled a;
        nub_case_generate(&c, seed, &wish);
        struct nub_program program = nub_case_program(&c);
        nub_test_compile(&a, &program, c.gas_model, NUB_JIT_GS, seed & 1);
        check_instructions(a.text, a.code.code_size, a.code.faults, a.code.n_faults,
                           a.code.dispatch_slow + 64);
        for (uint32_t pc = 0; pc < c.code_size; pc += 3) {
            uint8_t buffer[NUB_JIT_TAIL_SIZE + NUB_TEST_GUARD];
            struct nub_jit_tail tail;
            if (!nub_program_is_start(&program, pc))
                continue;
            memset(buffer, 0xEE, sizeof buffer);
            nub_jit_tail(&tail, &a.code, pc, buffer);
            nub_test_assert_guarded(buffer, NUB_JIT_TAIL_SIZE);
            check_instructions(buffer, tail.size, tail.faults, tail.n_faults, 0);
        }
        nub_test_release(&a);
    }
}

/* ---- tables -------------------------------------------------------------------------------- */

static void
test_faults_name_their_instructions(void)
{
    const struct nub_case_wish wish = { 0 };

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct nub_case c;
        struct nub_compiled a;
        uint32_t pc;
        nub_case_generate(&c, seed, &wish);
        struct nub_program program = nub_case_program(&c);
        nub_test_compile(&a, &program, c.gas_model, NUB_JIT_LOW, NUB_JIT_BMI);
        for (uint32_t i = 0; i < a.code.n_faults; i++) {
            const struct nub_jit_spot *spot = &a.code.faults[i];
            g_assert_true(nub_jit_info[program.code[spot->pc]] & NUB_JIT_FAULTS);
            g_assert_true(nub_jit_fault_pc(a.code.faults, a.code.n_faults, spot->native, &pc));
            g_assert_cmpuint(pc, ==, spot->pc);
            g_assert_false(nub_jit_fault_pc(a.code.faults, a.code.n_faults, spot->native + 1, &pc));
        }
        g_assert_false(nub_jit_fault_pc(a.code.faults, a.code.n_faults, 0, &pc));
        nub_test_release(&a);
    }
}

static void
test_starts_are_found(void)
{
    const struct nub_case_wish wish = { 0 };

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct nub_case c;
        struct nub_compiled a;
        uint32_t before = 0;
        nub_case_generate(&c, seed, &wish);
        struct nub_program program = nub_case_program(&c);
        nub_test_compile(&a, &program, c.gas_model, NUB_JIT_LOW, NUB_JIT_BMI);
        for (uint32_t pc = 0; pc < c.code_size + 2; pc++) {
            struct nub_jit_state state = { .pc = pc, .gas = NUB_GAS_MAX, .code = 0x10000 };
            enum nub_jit_start start = nub_jit_start(&a.code, &state);
            bool is_block = nub_program_is_block_start(&program, pc);
            bool runs = pc < c.code_size && nub_program_is_start(&program, pc);
            g_assert_cmpint(start, ==,
                            is_block ? NUB_JIT_AT_BLOCK
                            : runs   ? NUB_JIT_IN_BLOCK
                                     : NUB_JIT_EXITED);
            if (is_block) { /* blocks lie in the order of their pcs */
                g_assert_cmpuint(state.target - 0x10000, >, before);
                before = (uint32_t)(state.target - 0x10000);
            }
        }
        for (uint32_t i = 0; i < c.n_jump; i++) {
            uint32_t target = nub_program_jump_entry(&program, i);
            struct nub_jit_state state = { .pc = target, .gas = NUB_GAS_MAX, .code = 0x10000 };
            bool is_block = nub_jit_start(&a.code, &state) == NUB_JIT_AT_BLOCK;
            g_assert_cmphex(a.code.dispatch[i + 1], ==, is_block ? state.target : 0);
        }
        g_assert_cmphex(a.code.dispatch[0], ==, 0);
        nub_test_release(&a);
    }
}

/* ---- bounds -------------------------------------------------------------------------------- */

static void
fill_operands(uint8_t code[12], uint32_t variant)
{
    static const uint8_t immediates[][4] = {
        { 0, 0, 0, 0 }, { 1, 0, 0, 0 }, { 0x78, 0x56, 0x34, 0x12 }, { 0xff, 0xff, 0xff, 0xff }
    };
    const uint8_t *immediate = immediates[variant / 169 % 4];

    memset(code + 1, 0x99, 11);
    code[1] = (uint8_t)(variant % 13 | variant / 13 % 13 << 4);
    switch (nub_isa[code[0]].arg_class) {
    case NUB_ARG_RRII:
    case NUB_ARG_II:
        code[nub_isa[code[0]].arg_class == NUB_ARG_II ? 1 : 2] = 4;
        memcpy(code + (nub_isa[code[0]].arg_class == NUB_ARG_II ? 2 : 3), immediate, 4);
        break;
    case NUB_ARG_RII:
    case NUB_ARG_RIO:
        code[1] = (uint8_t)(variant % 13 | 4 << 4);
        memcpy(code + 2, immediate, 4);
        break;
    case NUB_ARG_RRR:
        code[2] = (uint8_t)(variant / 169 % 13);
        break;
    case NUB_ARG_RX:
        code[9] = variant & 1 ? 0x11 : 0;
        break;
    case NUB_ARG_I:
    case NUB_ARG_O:
        memcpy(code + 1, immediate, 4);
        break;
    default:
        memcpy(code + 2, immediate, 4);
        break;
    }
}

/* emits alone, in whatever mode is longest, and returns the bytes */
static uint32_t
bytes_of(const struct nub_jit_code *out, const struct nub_insn *insn, bool is_tail, bool bmi)
{
    uint8_t buffer[512];
    struct nub_jit_spot faults[4], waiting[4];
    struct nub_jit_code copy = *out;
    struct nub_jit jit = { .x = { buffer },
                           .begin = buffer,
                           .end = buffer + sizeof buffer,
                           .out = &copy,
                           .program = &copy.program,
                           .gs = true,
                           .bmi = bmi,
                           .is_tail = is_tail,
                           .one_block = true,
                           .faults = faults,
                           .waiting = waiting };

    nub_jit_emit(&jit, insn, 1);
    return (uint32_t)(jit.x.at - buffer);
}

static void
test_bounds_hold_for_all_operands(void)
{
    static const uint8_t trap = 0, mask = 1;
    const struct nub_program nothing = { .code = &trap, .code_size = 1, .mask = &mask };
    struct nub_compiled base;

    nub_test_compile(&base, &nothing, NUB_GAS_PIPELINE, NUB_JIT_GS, 0);
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        uint32_t most = 0, bound = nub_jit_info[opcode] & NUB_JIT_MOST_BYTES;
        if (!nub_isa[opcode].mnemonic)
            bound = NUB_JIT_EXIT_ROOM;
        for (uint32_t variant = 0; variant < 13 * 13 * 13; variant++) {
            uint8_t code[12] = { (uint8_t)opcode };
            uint8_t start[2] = { 1, 0 };
            struct nub_program program = { .code = code, .code_size = 12, .mask = start };
            struct nub_insn insn;
            fill_operands(code, variant);
            nub_insn_decode(&insn, &program, 0);
            for (unsigned mode = 0; mode < 4; mode++) {
                uint32_t bytes = bytes_of(&base.code, &insn, mode & 1, mode >> 1);
                most = MAX(most, bytes);
            }
        }
        if (most > bound)
            g_error("opcode %u takes %u bytes, the bound is %u", opcode, most, bound);
        g_test_message("%s: %u of %u", nub_isa[opcode].mnemonic ? nub_isa[opcode].mnemonic : "?",
                       most, bound);
    }
    nub_test_release(&base);
}

/* bytes of a charge or of its stub, for the longest cost */
static void
check_charge(bool is_tail, bool wide, bool is_final)
{
    uint8_t buffer[512];
    struct nub_jit_charge charges[1];
    struct nub_jit_code out = { .exit_out_of_gas = 1u << 30 };
    struct nub_jit jit = { .x = { buffer },
                           .begin = buffer,
                           .end = buffer + sizeof buffer,
                           .out = &out,
                           .is_tail = is_tail,
                           .wide_costs = wide,
                           .charges = charges };

    nub_jit_charge_gas(&jit, UINT32_MAX, wide ? UINT64_MAX : INT32_MAX, is_final);
    uint32_t charge = nub_jit_offset(&jit);
    nub_jit_out_of_gas_stubs(&jit);
    g_assert_false(jit.is_full);
    g_assert_cmpuint(charge, ==, NUB_JIT_CHARGE_ROOM(wide));
    g_assert_cmpuint(nub_jit_offset(&jit) - charge, <=,
                     is_tail ? NUB_JIT_TAIL_STUB_ROOM : NUB_JIT_STUB_ROOM(wide));
}

static void
test_bounds_hold_for_charges(void)
{
    for (unsigned final = 0; final < 2; final++) {
        check_charge(false, false, final);
        check_charge(false, true, final);
        check_charge(true, true, final); /* tails do not look at the program's size */
    }
}

/* ---- walls --------------------------------------------------------------------------------- */

/* a program of nothing but this instruction, the longest form of it */
static uint32_t
repeat(uint8_t *code, uint8_t *mask, uint32_t size, uint32_t opcode)
{
    uint32_t n = 0, step = 3;

    memset(code, 0, size);
    memset(mask, 0, size / 8);
    if (opcode == NUB_OP_FALLTHROUGH || !nub_isa[opcode].mnemonic)
        step = 1;
    for (; n + step <= size; n += step) {
        mask[n / 8] |= (uint8_t)(1u << n % 8);
        code[n] = (uint8_t)opcode;
        memset(code + n + 1, 0x98, step - 1);
    }
    return n;
}

/* with the first `room` bytes only: a program, or NO_MEMORY and nothing written behind them */
static enum nub_status
compile_in(const struct nub_compiled *c, const struct nub_program *program, uint32_t gas_model,
           uint64_t room)
{
    struct nub_jit_params params = { gas_model, 25, NUB_JIT_GS, 0 };
    struct nub_jit_sizes sizes = c->sizes;
    struct nub_jit_code out;

    sizes.code = room;
    memset(c->text + room, 0xEE, NUB_TEST_GUARD);
    enum nub_status status =
        nub_jit_compile(&out, program, &params, &sizes, c->text, c->tables, c->work, NULL);
    nub_test_assert_guarded(c->text, room);
    return status;
}

/* whatever the bound was, and wherever the buffer ends */
static void
test_no_byte_is_written_behind_the_buffer(void)
{
    enum { SIZE = 200 };
    uint8_t code[SIZE], mask[SIZE / 8];

    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        for (uint32_t model = NUB_GAS_PIPELINE; model <= NUB_GAS_INSTRUCTION; model++) {
            struct nub_program program = { .code = code,
                                           .mask = mask,
                                           .code_size = repeat(code, mask, SIZE, opcode) };
            struct nub_compiled c;
            nub_test_compile(&c, &program, model, NUB_JIT_GS, 0);
            for (uint64_t room = 0; room < c.code.code_size; room += 1 + room / 64)
                g_assert_cmpint(compile_in(&c, &program, model, room), ==, NUB_ERR_NO_MEMORY);
            g_assert_cmpint(compile_in(&c, &program, model, c.sizes.code), ==, NUB_OK);
            nub_test_release(&c);
        }
    }
}

static void
test_every_opcode_has_a_rule(void)
{
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        uint32_t info = nub_jit_info[opcode];
        g_assert_cmpint((info & NUB_JIT_KNOWN) != 0, ==, nub_isa[opcode].mnemonic != NULL);
        g_assert_cmpint((info & NUB_JIT_ENDS_BLOCK) != 0, ==, nub_isa[opcode].is_terminator);
        if (nub_isa[opcode].mnemonic && opcode != NUB_OP_FALLTHROUGH && opcode != NUB_OP_UNLIKELY)
            g_assert_cmpuint(info & NUB_JIT_MOST_BYTES, >, 0);
        bool is_access =
            nub_isa[opcode].unit == NUB_UNIT_LOAD || nub_isa[opcode].unit == NUB_UNIT_STORE;
        g_assert_cmpint((info & NUB_JIT_FAULTS) != 0, ==, is_access);
    }
}

static void
test_too_large_is_refused(void)
{
    const uint32_t size = 100u << 20;
    g_autofree uint8_t *code = g_malloc0(size), *mask = g_malloc(size / 8);
    struct nub_program program = { .code = code, .code_size = size, .mask = mask };
    struct nub_jit_params params = { NUB_GAS_INSTRUCTION, 25, NUB_JIT_LOW, 0 };
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_jit_sizes sizes;

    memset(mask, 0xff, size / 8);
    g_assert_cmpint(nub_jit_measure(&sizes, &program, &params, &failure), ==,
                    NUB_ERR_NOT_SUPPORTED);
    g_assert_cmpstr(failure.message, ==,
                    "code: 104857600 bytes may become more than 2 GiB of machine code");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jit/same-input-same-bytes", test_same_input_same_bytes);
    g_test_add_func("/jit/code-is-harmless", test_code_is_harmless);
    g_test_add_func("/jit/faults-name-their-instructions", test_faults_name_their_instructions);
    g_test_add_func("/jit/starts-are-found", test_starts_are_found);
    g_test_add_func("/jit/bounds-hold-for-all-operands", test_bounds_hold_for_all_operands);
    g_test_add_func("/jit/bounds-hold-for-charges", test_bounds_hold_for_charges);
    g_test_add_func("/jit/no-byte-is-written-behind-the-buffer",
                    test_no_byte_is_written_behind_the_buffer);
    g_test_add_func("/jit/every-opcode-has-a-rule", test_every_opcode_has_a_rule);
    g_test_add_func("/jit/too-large-is-refused", test_too_large_is_refused);
    return g_test_run();
}
