/* test-walls.c - machine code of programs that may be hostile stays where it belongs
 *
 * The compiler is the wall between a program and whoever runs its code (docs/security.md). Here the
 * code of generated programs is read back, every instruction of it, and held against the rules that
 * make it harmless, without knowing which emitter made it:
 *
 *   memory     a frame slot, or the window: 32-bit address, the right segment, known to the fault
 * table jumps      to the start of a block, to an exit, to an out-of-gas stub, or a little ahead
 * inside a block rsp, r15   the frame stays; the gas counter is only lowered, but for what a stub
 * gives back charges    every block begins with its price
 */
#include "compiled.h"
#include "generate.h"
#include "jit-private.h"
#include <capstone/capstone.h>
#include <glib.h>
#include <string.h>

/* code that was read back: a whole program's, or one tail's */
struct listing {
    const struct nub_compiled *program;
    const struct nub_jit_spot *faults;
    uint32_t n_faults, next_fault;
    bool is_tail;
    cs_insn *insns;
    size_t n;
    uint64_t size;
    bool *is_start;   /* by offset: an instruction begins there */
    uint64_t stubs;   /* offset of the first out-of-gas stub */
    uint64_t own_end; /* of the trampolines; 0 in a tail */
};

static csh
capstone(void)
{
    static csh handle;

    if (!handle) {
        g_assert_cmpint(cs_open(CS_ARCH_X86, CS_MODE_64, &handle), ==, CS_ERR_OK);
        cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    }
    return handle;
}

#define FAIL(listing, i, why)                                                                      \
    g_error("%s at %" G_GUINT64_FORMAT ": %s %s: %s", (listing)->is_tail ? "tail" : "program",     \
            (listing)->insns[i].address, (listing)->insns[i].mnemonic, (listing)->insns[i].op_str, \
            why)

static const cs_x86 *
x86(const struct listing *l, size_t i)
{
    return &l->insns[i].detail->x86;
}

static bool
is(const struct listing *l, size_t i, const char *mnemonic, const char *operands)
{
    return i < l->n && strcmp(l->insns[i].mnemonic, mnemonic) == 0 &&
           (!operands || strcmp(l->insns[i].op_str, operands) == 0);
}

/* ---- places -------------------------------------------------------------------------------- */

static bool
is_exit(const struct nub_jit_code *code, uint64_t native)
{
    return native == code->exit_fault || native == code->exit_panic || native == code->exit_trap ||
           native == code->exit_out_of_gas || native == code->exit_host_call ||
           native == code->exit_ecall || native == code->dispatch_slow ||
           native == code->dispatch_saved;
}

/* the number of blocks that begin before `native` */
static uint32_t
blocks_before(const struct nub_jit_code *code, uint64_t native)
{
    uint32_t low = 0, high = code->n_blocks;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (code->block_native[middle] < native)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
is_block(const struct nub_jit_code *code, uint64_t native)
{
    uint32_t i = blocks_before(code, native);

    return i < code->n_blocks && code->block_native[i] == native;
}

static bool
is_join(const struct nub_jit_code *code, uint64_t native)
{
    for (uint32_t i = 0; i < code->n_joins; i++)
        if (code->joins[i].native == native)
            return true;
    return false;
}

/* ---- memory -------------------------------------------------------------------------------- */

/* the frame's fields, by whole words or halves */
static bool
is_frame(const cs_x86 *x, const cs_x86_op *op)
{
    return op->mem.base == X86_REG_RSP && op->mem.index == X86_REG_INVALID &&
           op->mem.segment == X86_REG_INVALID && x->addr_size == 8 && op->mem.disp >= 0 &&
           op->mem.disp + op->size <= NUB_JIT_FRAME_SIZE;
}

/* `mov rax, [rax + 4 * r]`: an even r that is at most twice the table's last index */
static bool
is_checked_dispatch(const struct listing *l, size_t i, const cs_x86_op *op)
{
    const cs_x86 *test, *compare;
    uint64_t last = 2ull * l->program->code.program.n_jump;

    if (i < 5 || op->mem.base != X86_REG_RAX || op->mem.scale != 4 || op->mem.disp != 0 ||
        op->mem.segment != X86_REG_INVALID || x86(l, i)->addr_size != 8)
        return false;
    test = x86(l, i - 5);
    compare = x86(l, i - 3);
    return is(l, i - 5, "test", NULL) && test->operands[1].imm == 1 &&
           test->operands[0].size == 1 && is(l, i - 4, "jne", NULL) && is(l, i - 3, "cmp", NULL) &&
           compare->operands[0].reg == op->mem.index &&
           (uint64_t)compare->operands[1].imm == last && is(l, i - 2, "ja", NULL) &&
           is(l, i - 1, "mov", "rax, qword ptr [rsp + 0x10]") && is(l, i, "mov", NULL) &&
           is(l, i + 1, "test", "rax, rax") && is(l, i + 2, "je", NULL) &&
           is(l, i + 3, "jmp", "rax");
}

static bool
is_narrow_register(x86_reg reg)
{
    return reg == X86_REG_EAX || reg == X86_REG_ECX || reg == X86_REG_EDX || reg == X86_REG_EBX ||
           reg == X86_REG_EBP || reg == X86_REG_ESI || reg == X86_REG_EDI ||
           (reg >= X86_REG_R8D && reg <= X86_REG_R15D);
}

/* a 32-bit address in the window, of an instruction that the fault table knows */
static bool
is_window(struct listing *l, size_t i, const cs_x86_op *op)
{
    const struct nub_jit_code *code = &l->program->code;
    x86_reg segment = code->params.addressing == NUB_JIT_GS ? X86_REG_GS : X86_REG_INVALID;
    const struct nub_jit_spot *fault = &l->faults[l->next_fault];

    if (x86(l, i)->addr_size != 4 || op->mem.segment != segment ||
        op->mem.index != X86_REG_INVALID ||
        (op->mem.base != X86_REG_INVALID && !is_narrow_register(op->mem.base)))
        return false;
    if (l->next_fault++ >= l->n_faults || fault->native != l->insns[i].address)
        return false;
    return nub_jit_info[code->program.code[fault->pc]] & NUB_JIT_FAULTS;
}

static void
check_memory(struct listing *l, size_t i)
{
    const cs_x86 *x = x86(l, i);

    if (l->insns[i].id == X86_INS_LEA)
        return;
    for (uint8_t k = 0; k < x->op_count; k++) {
        const cs_x86_op *op = &x->operands[k];
        if (op->type != X86_OP_MEM || is_frame(x, op) || is_checked_dispatch(l, i, op))
            continue;
        if (!is_window(l, i, op))
            FAIL(l, i, "memory that is neither frame nor window");
    }
}

/* ---- control ------------------------------------------------------------------------------- */

/* in a program: by distance */
static void
check_jump(const struct listing *l, size_t i, uint64_t to)
{
    const struct nub_jit_code *code = &l->program->code;
    uint64_t from = l->insns[i].address;

    if (to >= l->size || !l->is_start[to])
        FAIL(l, i, "a jump into an instruction or out of the code");
    if (!l->is_tail && (is_block(code, to) || is_exit(code, to)))
        return;
    if (to >= l->stubs && is(l, i, "jb", NULL))
        return;
    /* the forward jumps of a single instruction's code */
    if (to <= from || to >= l->stubs ||
        (!l->is_tail && blocks_before(code, to) != blocks_before(code, from + 1)))
        FAIL(l, i, "a jump to no block");
}

/* in a tail, and at the end of a dispatch */
static void
check_jump_by_register(const struct listing *l, size_t i)
{
    const struct nub_jit_code *code = &l->program->code;

    if (!is(l, i, "jmp", "rax"))
        FAIL(l, i, "a jump by another register than rax");
    if (i >= 2 && is(l, i - 2, "test", "rax, rax") && is(l, i - 1, "je", NULL) &&
        is(l, i - 3, "mov", NULL) && x86(l, i - 3)->operands[1].mem.base == X86_REG_RAX)
        return; /* check_memory() has looked at the load */
    if (l->is_tail && i >= 2 && is(l, i - 2, "mov", "rax, qword ptr [rsp + 0x18]") &&
        is(l, i - 1, "add", NULL) && x86(l, i - 1)->operands[0].reg == X86_REG_RAX) {
        uint64_t to = (uint64_t)x86(l, i - 1)->operands[1].imm;
        if (is_block(code, to) || is_exit(code, to) || is_join(code, to))
            return;
    }
    FAIL(l, i, "a jump by address that nothing vouches for");
}

static void
check_control(const struct listing *l, size_t i)
{
    const cs_insn *insn = &l->insns[i];

    if (cs_insn_group(capstone(), insn, X86_GRP_CALL) ||
        cs_insn_group(capstone(), insn, X86_GRP_RET) ||
        cs_insn_group(capstone(), insn, X86_GRP_INT) ||
        cs_insn_group(capstone(), insn, X86_GRP_PRIVILEGE))
        FAIL(l, i, "not allowed");
    if (!cs_insn_group(capstone(), insn, X86_GRP_JUMP))
        return;
    if (x86(l, i)->operands[0].type == X86_OP_IMM)
        check_jump(l, i, (uint64_t)x86(l, i)->operands[0].imm);
    else
        check_jump_by_register(l, i);
}

/* ---- the frame and the gas counter --------------------------------------------------------- */

static void
check_registers(const struct listing *l, size_t i)
{
    cs_regs read, written;
    uint8_t n_read, n_written;
    bool in_stub = l->insns[i].address >= l->stubs;

    g_assert_cmpint(cs_regs_access(capstone(), &l->insns[i], read, &n_read, written, &n_written),
                    ==, CS_ERR_OK);
    for (uint8_t k = 0; k < n_written; k++) {
        if (written[k] == X86_REG_RSP || written[k] == X86_REG_ESP)
            FAIL(l, i, "the frame moves");
        if (written[k] != X86_REG_R15 && written[k] != X86_REG_R15D)
            continue;
        if (!is(l, i, in_stub ? "add" : "sub", NULL) || (!in_stub && !is(l, i + 1, "jb", NULL)))
            FAIL(l, i, "gas from nowhere");
    }
}

/* what is charged by the instruction at `i`, or by it and the next */
static uint64_t
charge_at(const struct listing *l, size_t *i)
{
    uint64_t cost = 0;

    if (is(l, *i, "movabs", NULL) && is(l, *i + 1, "sub", "r15, rax"))
        cost = (uint64_t)x86(l, (*i)++)->operands[1].imm;
    else if (is(l, *i, "sub", NULL) && x86(l, *i)->operands[0].reg == X86_REG_R15)
        cost = (uint64_t)x86(l, *i)->operands[1].imm;
    else
        FAIL(l, *i, "a block without a charge");
    if (!is(l, ++*i, "jb", NULL))
        FAIL(l, *i, "a charge that may fail unseen");
    return cost;
}

static size_t
index_at(const struct listing *l, uint64_t offset)
{
    size_t i = 0;

    while (i < l->n && l->insns[i].address != offset)
        i++;
    g_assert_cmpuint(i, <, l->n);
    return i;
}

/* the stub gives back what was charged, and says where */
static void
check_stub(const struct listing *l, size_t jump, uint64_t cost, uint32_t pc)
{
    size_t i = index_at(l, (uint64_t)x86(l, jump)->operands[0].imm);
    g_autofree char *note = g_strdup_printf("dword ptr [rsp], %s%x", pc > 9 ? "0x" : "", pc);

    if (is(l, i, "movabs", NULL))
        g_assert_cmpuint((uint64_t)x86(l, i++)->operands[1].imm, ==, cost);
    else
        g_assert_cmpuint((uint64_t)x86(l, i)->operands[1].imm, ==, cost);
    g_assert_true(is(l, i, "add", NULL) && is(l, i + 1, "mov", note));
    g_assert_cmpuint((uint64_t)x86(l, i + 2)->operands[0].imm, ==,
                     l->program->code.exit_out_of_gas);
}

static void
check_charges(const struct listing *l)
{
    const struct nub_jit_code *code = &l->program->code;
    const struct nub_program *program = &code->program;
    uint32_t k = 0;

    for (uint32_t pc = 0; pc < program->code_size; pc++) {
        if (!nub_jit_is_block(code, pc))
            continue;
        size_t i = index_at(l, code->block_native[k++]);
        uint64_t cost = charge_at(l, &i);
        if (code->params.gas_model == NUB_GAS_INSTRUCTION)
            g_assert_cmpuint(cost, ==, 1);
        else
            g_assert_cmpuint(
                cost, ==,
                nub_gas_cost(program, code->params.gas_model, code->params.mem_cycles, pc));
        check_stub(l, i, cost, pc);
    }
    g_assert_cmpuint(k, ==, code->n_blocks);
}

/* ---- listings ------------------------------------------------------------------------------ */

/* stubs are what charges jump to, the first charge to the first stub */
static uint64_t
first_stub(const struct listing *l)
{
    for (size_t i = 1; i < l->n; i++)
        if (is(l, i, "jb", NULL) && is(l, i - 1, "sub", NULL) &&
            x86(l, i - 1)->operands[0].reg == X86_REG_R15)
            return (uint64_t)x86(l, i)->operands[0].imm;
    return l->size;
}

static void
check_listing(struct listing *l, const uint8_t *text)
{
    uint64_t end = 0;

    l->n = cs_disasm(capstone(), text, l->size, 0, 0, &l->insns);
    l->is_start = g_new0(bool, l->size + 1);
    for (size_t i = 0; i < l->n; i++) {
        l->is_start[l->insns[i].address] = true;
        end = l->insns[i].address + l->insns[i].size;
    }
    g_assert_cmpuint(end, ==, l->size); /* all of it is instructions */
    l->stubs = first_stub(l);
    for (size_t i = 0; i < l->n; i++) {
        if (l->insns[i].address < l->own_end)
            continue;
        check_memory(l, i);
        check_control(l, i);
        check_registers(l, i);
    }
    g_assert_cmpuint(l->next_fault, ==, l->n_faults);
    if (!l->is_tail)
        check_charges(l);
    cs_free(l->insns, l->n);
    g_free(l->is_start);
}

static uint64_t
end_of_trampolines(const struct nub_compiled *c, const struct nub_jit_params *params)
{
    static const uint8_t trap = 0, mask = 1;
    struct nub_program nothing = { .code = &trap,
                                   .code_size = 1,
                                   .mask = &mask,
                                   .jump_table = c->code.program.jump_table,
                                   .jump_width = c->code.program.jump_width,
                                   .n_jump = c->code.program.n_jump };
    struct nub_compiled base;
    uint64_t end;

    nub_test_compile(&base, &nothing, params->gas_model, params->addressing, params->features);
    end = base.code.block_native[0];
    nub_test_release(&base);
    return end;
}

static void
check_program(const struct nub_program *program, uint32_t gas_model, uint32_t addressing,
              uint32_t features)
{
    struct nub_compiled c;

    nub_test_compile(&c, program, gas_model, addressing, features);
    struct listing whole = { .program = &c,
                             .faults = c.code.faults,
                             .n_faults = c.code.n_faults,
                             .size = c.code.code_size,
                             .own_end = end_of_trampolines(&c, &c.code.params) };
    check_listing(&whole, c.text);
    for (uint32_t pc = 0; pc < program->code_size; pc += 5) {
        uint8_t buffer[NUB_JIT_TAIL_SIZE];
        struct nub_jit_tail tail;
        if (!nub_program_is_start(program, pc))
            continue;
        nub_jit_tail(&tail, &c.code, pc, buffer);
        struct listing rest = { .program = &c,
                                .faults = tail.faults,
                                .n_faults = tail.n_faults,
                                .size = tail.size,
                                .is_tail = true };
        check_listing(&rest, buffer);
    }
    nub_test_release(&c);
}

static void
test_generated_code_stays_inside(void)
{
    const struct nub_case_wish wish = { 0 };

    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct nub_case c;
        nub_case_generate(&c, seed, &wish);
        struct nub_program program = nub_case_program(&c);
        check_program(&program, c.gas_model, seed & 1, seed >> 1 & 1);
    }
}

/* bytes that mean nothing: unknown opcodes, registers and lengths out of range, targets anywhere */
static void
test_random_code_stays_inside(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint8_t code[500], mask[63] = { 0 }, jump_table[32];
        struct nub_random random;
        nub_random_seed(&random, seed);
        for (uint32_t i = 0; i < sizeof code; i++)
            code[i] = (uint8_t)nub_random_next(&random);
        for (uint32_t i = 0; i < sizeof jump_table; i++)
            jump_table[i] =
                i & 1 ? nub_random_below(&random, 2) : (uint8_t)nub_random_next(&random);
        for (uint32_t pc = 0; pc < sizeof code; pc += 1 + nub_random_below(&random, 1 + seed % 12))
            mask[pc / 8] |= (uint8_t)(1u << pc % 8);
        struct nub_program program = { .code = code,
                                       .code_size = sizeof code,
                                       .mask = mask,
                                       .jump_table = jump_table,
                                       .n_jump = sizeof jump_table / 2,
                                       .jump_width = 2 };
        check_program(&program, 1 + seed % 3, seed & 1, seed >> 1 & 1);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jit/walls/generated-code-stays-inside", test_generated_code_stays_inside);
    g_test_add_func("/jit/walls/random-code-stays-inside", test_random_code_stays_inside);
    return g_test_run();
}
