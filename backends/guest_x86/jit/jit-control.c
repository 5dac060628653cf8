/* jit-control.c - charges, jumps, branches, exits
 *
 * Inside a program's code all distances are 32-bit; a tail leads into it by address instead.
 * Jumps ahead are noted and get their distances at the end, in their order: so code is written to
 * from front to back, and looking targets up, which may be anywhere, does not wait for what was
 * looked up before. Read pvm.md 3 and 7.2.
 */
#include "jit-private.h"

/* ---- leaving ------------------------------------------------------------------------------- */

/* out of a tail: there are no distances to the program's code */
static __attribute__((noinline)) void
goto_by_address(struct nub_jit *jit, uint32_t native)
{
    struct nub_x64 *x = &jit->x;

    nub_x64_mem(x, NUB_X64_OP_MOV_LOAD, NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_FRAME,
                NUB_JIT_FRAME_CODE);
    nub_x64_alu_imm(x, NUB_X64_ADD, NUB_X64_64, NUB_JIT_SCRATCH, (int32_t)native);
    nub_x64_jmp_reg(x, NUB_JIT_SCRATCH);
}

void
nub_jit_goto(struct nub_jit *jit, uint32_t native)
{
    if (jit->is_tail)
        goto_by_address(jit, native);
    else
        nub_x64_jmp_back(&jit->x, (int32_t)(native - nub_jit_offset(jit)));
}

static inline void
note_pc(struct nub_jit *jit, uint32_t pc)
{
    nub_x64_stack_store_imm32(&jit->x, NUB_JIT_FRAME_PC, pc);
}

void
nub_jit_exit(struct nub_jit *jit, uint32_t exit, uint32_t pc)
{
    note_pc(jit, pc);
    nub_jit_goto(jit, exit);
}

void
nub_jit_host_call(struct nub_jit *jit, uint32_t number, uint32_t next)
{
    nub_x64_stack_store_imm32(&jit->x, NUB_JIT_FRAME_ARG, number);
    nub_jit_exit(jit, jit->out->exit_host_call, next);
}

/* ---- gas ----------------------------------------------------------------------------------- */

static inline void
add_or_sub_gas(struct nub_jit *jit, enum nub_x64_alu op, uint64_t cost, bool may_grow)
{
    struct nub_x64 *x = &jit->x;

    if (jit->wide_costs) {
        nub_x64_put(x, 0xB848, 2); /* movabs rax */
        nub_x64_put(x, cost, 8);
        nub_x64_alu(x, op, NUB_X64_64, NUB_JIT_GAS, NUB_JIT_SCRATCH);
    } else if (may_grow) {
        nub_x64_alu_imm32(x, op, NUB_X64_64, NUB_JIT_GAS, (int32_t)cost);
    } else {
        nub_x64_alu_imm(x, op, NUB_X64_64, NUB_JIT_GAS, (int32_t)cost);
    }
}

/* `is_final`: the cost is known; else nub_jit_patch_cost() brings it */
void
nub_jit_charge_gas(struct nub_jit *jit, uint32_t pc, uint64_t cost, bool is_final)
{
    add_or_sub_gas(jit, NUB_X64_SUB, cost, !is_final);
    nub_x64_jcc32(&jit->x, NUB_X64_B, 0);
    jit->charges[jit->n_charges++] = (struct nub_jit_charge){ cost, nub_jit_offset(jit), pc };
}

void
nub_jit_patch_cost(struct nub_jit *jit, struct nub_jit_charge *charge, uint64_t cost)
{
    uint8_t *jump = jit->begin + charge->native - 6;

    charge->cost = cost;
    if (jit->wide_costs)
        __builtin_memcpy(jump - 3 - 8, &cost, 8); /* before `sub r15, rax` */
    else
        __builtin_memcpy(jump - 4, &cost, 4);
}

void
nub_jit_out_of_gas_stubs(struct nub_jit *jit)
{
    const struct nub_jit_charge *end = jit->charges + jit->n_charges;
    uint64_t room = jit->is_tail ? NUB_JIT_TAIL_STUB_ROOM : NUB_JIT_STUB_ROOM(jit->wide_costs);

    if (!nub_jit_has_room(jit, jit->n_charges * room + NUB_X64_SLACK))
        return;
    for (const struct nub_jit_charge *charge = jit->charges; charge < end; charge++) {
        nub_x64_patch32(jit->begin + charge->native, jit->x.at);
        add_or_sub_gas(jit, NUB_X64_ADD, charge->cost, false);
        nub_jit_exit(jit, jit->out->exit_out_of_gas, charge->pc);
    }
}

/* ---- static jumps -------------------------------------------------------------------------- */

static uint32_t
native_of_block(const struct nub_jit *jit, uint32_t pc)
{
    return jit->out->block_native[nub_jit_block_index(jit->out, pc)];
}

/* whether code of the block at `target` is there: blocks are compiled in order, a tail after all */
static bool
is_bound(const struct nub_jit *jit, uint64_t target)
{
    return jit->is_tail || target <= jit->at->pc;
}

/* the jump that ends at the cursor leads to the block at `target` */
static void
wait_for_block(struct nub_jit *jit, uint64_t target)
{
    jit->waiting[jit->n_waiting++] = (struct nub_jit_spot){ nub_jit_offset(jit), (uint32_t)target };
}

/* the next block in order begins here */
void
nub_jit_bind_block(struct nub_jit *jit)
{
    jit->out->block_native[jit->n_bound++] = nub_jit_offset(jit);
}

/* all blocks are bound */
void
nub_jit_lead_jumps(struct nub_jit *jit)
{
    for (uint32_t i = 0; i < jit->n_waiting; i++) {
        const struct nub_jit_spot *jump = &jit->waiting[i];
        nub_x64_patch32(jit->begin + jump->native, jit->begin + native_of_block(jit, jump->pc));
    }
}

void
nub_jit_jump(struct nub_jit *jit, uint32_t pc, uint64_t target)
{
    if (!nub_jit_is_block(jit->out, target)) {
        nub_jit_exit(jit, jit->out->exit_panic, pc);
    } else if (is_bound(jit, target)) {
        nub_jit_goto(jit, native_of_block(jit, (uint32_t)target));
    } else {
        nub_x64_jmp32(&jit->x, 0);
        wait_for_block(jit, target);
    }
}

/* the long way round: what a taken branch does is more than one jump */
static void
branch_around(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, uint64_t target)
{
    uint8_t *not_taken;

    nub_x64_jcc8(&jit->x, cond ^ 1, 0);
    not_taken = jit->x.at;
    nub_jit_jump(jit, pc, target);
    nub_x64_patch8(not_taken, jit->x.at);
}

void
nub_jit_branch(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, uint64_t target)
{
    if (jit->is_tail || !nub_jit_is_block(jit->out, target)) {
        branch_around(jit, pc, cond, target);
    } else if (is_bound(jit, target)) {
        uint32_t native = native_of_block(jit, (uint32_t)target);
        nub_x64_jcc_back(&jit->x, cond, (int32_t)(native - nub_jit_offset(jit)));
    } else {
        nub_x64_jcc32(&jit->x, cond, 0);
        wait_for_block(jit, target);
    }
}

void
nub_jit_compare(struct nub_jit *jit, unsigned a, unsigned b)
{
    nub_x64_alu(&jit->x, NUB_X64_CMP, NUB_X64_64, a, b);
}

void
nub_jit_compare_imm(struct nub_jit *jit, unsigned a, uint64_t imm)
{
    if (imm == 0)
        nub_x64_test(&jit->x, NUB_X64_64, a, a);
    else
        nub_x64_alu_imm(&jit->x, NUB_X64_CMP, NUB_X64_64, a, (int32_t)imm);
}

void
nub_jit_branch_reg(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, unsigned a, unsigned b,
                   uint64_t target)
{
    nub_jit_compare(jit, a, b);
    nub_jit_branch(jit, pc, cond, target);
}

/* a comparison with 0 is left out where the instruction before has made it */
void
nub_jit_branch_imm(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, unsigned a,
                   uint64_t imm, uint64_t target)
{
    if (imm == 0 && (cond == NUB_X64_E || cond == NUB_X64_NE))
        cond = nub_jit_zero_test(jit, cond, a);
    else
        nub_jit_compare_imm(jit, a, imm);
    nub_jit_branch(jit, pc, cond, target);
}

void
nub_jit_load_imm_jump(struct nub_jit *jit, uint32_t pc, unsigned dst, uint64_t imm, uint64_t target)
{
    nub_jit_load_imm(jit, dst, imm);
    nub_jit_jump(jit, pc, target);
}

/* ---- dynamic jumps ------------------------------------------------------------------------- */

/* eax = address: everything is judged by the code that all sites share */
static void
dispatch_slowly(struct nub_jit *jit, uint32_t pc)
{
    note_pc(jit, pc);
    if (!jit->is_tail) {
        nub_jit_goto(jit, jit->out->dispatch_slow);
        return;
    }
    /* rax is taken, so the address goes by the frame's save slot */
    nub_x64_mem(&jit->x, NUB_X64_OP_MOV_STORE, NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_FRAME,
                NUB_JIT_FRAME_SAVE);
    nub_jit_goto(jit, jit->out->dispatch_saved);
}

/* `eax = address` for an address of base + disp */
static void
form_address(struct nub_jit *jit, unsigned base, uint64_t disp)
{
    if (disp == 0)
        nub_x64_mov(&jit->x, NUB_X64_32, NUB_JIT_SCRATCH, base);
    else
        nub_x64_lea(&jit->x, NUB_X64_32, NUB_JIT_SCRATCH, base, (int32_t)disp);
}

/*
 * The usual case without a shared jump, so that the CPU predicts each site by itself: an even
 * address in a register, within the table, leading to a block. Anything else takes the slow way.
 */
static void
dispatch(struct nub_jit *jit, uint32_t pc, unsigned base)
{
    struct nub_x64 *x = &jit->x;
    uint8_t *slow[3];

    nub_x64_test8_imm(x, base, 1);
    nub_x64_jcc8(x, NUB_X64_NE, 0);
    slow[0] = x->at;
    nub_x64_alu_imm(x, NUB_X64_CMP, NUB_X64_64, base, (int32_t)(2 * jit->program->n_jump));
    nub_x64_jcc8(x, NUB_X64_A, 0);
    slow[1] = x->at;
    nub_x64_mem(x, NUB_X64_OP_MOV_LOAD, NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_FRAME,
                NUB_JIT_FRAME_DISPATCH);
    nub_x64_load_index4(x, NUB_JIT_SCRATCH, NUB_JIT_SCRATCH, base);
    nub_x64_test(x, NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_SCRATCH);
    nub_x64_jcc8(x, NUB_X64_E, 0);
    slow[2] = x->at;
    nub_x64_jmp_reg(x, NUB_JIT_SCRATCH);
    for (unsigned i = 0; i < 3; i++)
        nub_x64_patch8(slow[i], x->at);
    form_address(jit, base, 0);
    dispatch_slowly(jit, pc);
}

void
nub_jit_jump_ind(struct nub_jit *jit, uint32_t pc, unsigned base, uint64_t disp)
{
    if (disp == 0) {
        dispatch(jit, pc, base);
        return;
    }
    form_address(jit, base, disp);
    dispatch_slowly(jit, pc);
}

/* the address is formed before the register is written (pvm.md 3.5) */
void
nub_jit_load_imm_jump_ind(struct nub_jit *jit, uint32_t pc, unsigned dst, uint64_t imm,
                          unsigned base, uint64_t disp)
{
    if (disp == 0 && dst != base) {
        nub_jit_load_imm(jit, dst, imm);
        dispatch(jit, pc, base);
        return;
    }
    form_address(jit, base, disp);
    nub_jit_load_imm(jit, dst, imm);
    dispatch_slowly(jit, pc);
}
