/* jit-trampoline.c - the code that every program begins with: the way in and the ways out
 *
 * `enter` (at offset 0) lays the frame on the caller's stack, loads the machine from struct
 * nub_jit_state and jumps; every exit ends in the common part, which does the reverse and returns
 * to the caller of `enter`. See jit.h for registers and frame.
 */
#include "jit-private.h"

#define STATE(field) ((int32_t)offsetof(struct nub_jit_state, field))
#define STATE_REG(i) ((int32_t)(offsetof(struct nub_jit_state, regs) + 8 * (i)))

const uint8_t nub_jit_reg[NUB_N_REGS] = {
    NUB_X64_RDX, /* ra: the rarest, since products and quotients disturb rdx */
    NUB_X64_RBP, /* sp: rbp as a base always has a displacement, as stack slots do */
    NUB_X64_R10, NUB_X64_R11, NUB_X64_R14,                                     /* t0 t1 t2 */
    NUB_X64_R12, NUB_X64_R13,                                                  /* s0 s1 */
    NUB_X64_RDI, NUB_X64_RSI, NUB_X64_RCX, NUB_X64_RBX, NUB_X64_R8, NUB_X64_R9 /* a0 ... a5 */
};

static const uint8_t callee_saved[] = { NUB_X64_RBX, NUB_X64_RBP, NUB_X64_R12,
                                        NUB_X64_R13, NUB_X64_R14, NUB_X64_R15 };
#define N_CALLEE_SAVED (sizeof callee_saved)

/* enter and exit copy pc and argument as one word */
_Static_assert(NUB_JIT_FRAME_PC == 0 && NUB_JIT_FRAME_ARG == 4, "one word");
_Static_assert(offsetof(struct nub_jit_state, exit_arg) == offsetof(struct nub_jit_state, pc) + 4,
               "one word");

static void
load(struct nub_jit *jit, unsigned dst, unsigned base, int32_t disp)
{
    nub_x64_mem(&jit->x, NUB_X64_OP_MOV_LOAD, NUB_X64_64, dst, base, disp);
}

static void
store(struct nub_jit *jit, unsigned src, unsigned base, int32_t disp)
{
    nub_x64_mem(&jit->x, NUB_X64_OP_MOV_STORE, NUB_X64_64, src, base, disp);
}

/* rdi = state */
static void
emit_enter(struct nub_jit *jit)
{
    struct nub_x64 *x = &jit->x;

    for (unsigned i = 0; i < N_CALLEE_SAVED; i++)
        nub_x64_push(x, callee_saved[i]);
    nub_x64_alu_imm(x, NUB_X64_SUB, NUB_X64_64, NUB_X64_RSP, NUB_JIT_FRAME_SIZE);
    store(jit, NUB_X64_RDI, NUB_X64_RSP, NUB_JIT_FRAME_STATE);
    load(jit, NUB_X64_RAX, NUB_X64_RDI, STATE(dispatch));
    store(jit, NUB_X64_RAX, NUB_X64_RSP, NUB_JIT_FRAME_DISPATCH);
    load(jit, NUB_X64_RAX, NUB_X64_RDI, STATE(code));
    store(jit, NUB_X64_RAX, NUB_X64_RSP, NUB_JIT_FRAME_CODE);
    nub_x64_stack_store_imm32(x, NUB_JIT_FRAME_ARG, 0);
    load(jit, NUB_JIT_GAS, NUB_X64_RDI, STATE(gas));
    load(jit, NUB_X64_RAX, NUB_X64_RDI, STATE(target));
    for (unsigned i = 0; i < NUB_N_REGS; i++)
        if (nub_jit_reg[i] != NUB_X64_RDI)
            load(jit, nub_jit_reg[i], NUB_X64_RDI, STATE_REG(i));
    for (unsigned i = 0; i < NUB_N_REGS; i++)
        if (nub_jit_reg[i] == NUB_X64_RDI)
            load(jit, NUB_X64_RDI, NUB_X64_RDI, STATE_REG(i));
    nub_x64_jmp_reg(x, NUB_X64_RAX);
}

/* eax = reason; pc and argument are in the frame */
static void
emit_leave(struct nub_jit *jit)
{
    struct nub_x64 *x = &jit->x;

    store(jit, NUB_X64_RDI, NUB_X64_RSP, NUB_JIT_FRAME_SAVE);
    load(jit, NUB_X64_RDI, NUB_X64_RSP, NUB_JIT_FRAME_STATE);
    for (unsigned i = 0; i < NUB_N_REGS; i++)
        if (nub_jit_reg[i] != NUB_X64_RDI)
            store(jit, nub_jit_reg[i], NUB_X64_RDI, STATE_REG(i));
    store(jit, NUB_JIT_GAS, NUB_X64_RDI, STATE(gas));
    nub_x64_mem(x, NUB_X64_OP_MOV_STORE, NUB_X64_32, NUB_X64_RAX, NUB_X64_RDI, STATE(exit_reason));
    load(jit, NUB_X64_RAX, NUB_X64_RSP, NUB_JIT_FRAME_PC);
    store(jit, NUB_X64_RAX, NUB_X64_RDI, STATE(pc));
    load(jit, NUB_X64_RAX, NUB_X64_RSP, NUB_JIT_FRAME_SAVE);
    for (unsigned i = 0; i < NUB_N_REGS; i++)
        if (nub_jit_reg[i] == NUB_X64_RDI)
            store(jit, NUB_X64_RAX, NUB_X64_RDI, STATE_REG(i));
    nub_x64_alu_imm(x, NUB_X64_ADD, NUB_X64_64, NUB_X64_RSP, NUB_JIT_FRAME_SIZE);
    for (unsigned i = N_CALLEE_SAVED; i > 0; i--)
        nub_x64_pop(x, callee_saved[i - 1]);
    nub_x64_ret(x);
}

static uint32_t
emit_exit(struct nub_jit *jit, enum nub_exit_reason reason, uint32_t leave)
{
    uint32_t here = nub_jit_offset(jit);

    nub_x64_mov_imm32(&jit->x, NUB_X64_RAX, reason);
    nub_jit_goto(jit, leave);
    return here;
}

/* the rest of DJUMP (pvm.md 3.4): eax = address, the site's pc is in the frame */
static void
emit_dispatch(struct nub_jit *jit, uint32_t halt, uint32_t panic)
{
    struct nub_jit_code *out = jit->out;
    struct nub_x64 *x = &jit->x;

    out->dispatch_saved = nub_jit_offset(jit);
    load(jit, NUB_JIT_SCRATCH, NUB_JIT_FRAME, NUB_JIT_FRAME_SAVE);
    out->dispatch_slow = nub_jit_offset(jit);
    nub_x64_alu_imm(x, NUB_X64_CMP, NUB_X64_32, NUB_JIT_SCRATCH, (int32_t)NUB_HALT_ADDRESS);
    nub_x64_jcc_back(x, NUB_X64_E, (int32_t)(halt - nub_jit_offset(jit)));
    nub_x64_shift_imm(x, NUB_X64_ROR, NUB_X64_32, NUB_JIT_SCRATCH, 1); /* odd: huge */
    nub_x64_alu_imm(x, NUB_X64_CMP, NUB_X64_32, NUB_JIT_SCRATCH, (int32_t)jit->program->n_jump);
    nub_x64_jcc_back(x, NUB_X64_A, (int32_t)(panic - nub_jit_offset(jit)));
    nub_x64_shift_imm(x, NUB_X64_SHL, NUB_X64_32, NUB_JIT_SCRATCH, 3);
    nub_x64_mem(x, NUB_X64_OP(0, 0, 0x03), NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_FRAME,
                NUB_JIT_FRAME_DISPATCH); /* add */
    load(jit, NUB_JIT_SCRATCH, NUB_JIT_SCRATCH, 0);
    nub_x64_test(x, NUB_X64_64, NUB_JIT_SCRATCH, NUB_JIT_SCRATCH);
    nub_x64_jcc_back(x, NUB_X64_E, (int32_t)(panic - nub_jit_offset(jit)));
    nub_x64_jmp_reg(x, NUB_JIT_SCRATCH);
}

void
nub_jit_trampolines(struct nub_jit *jit)
{
    struct nub_jit_code *out = jit->out;
    uint32_t leave, halt;

    emit_enter(jit);
    leave = nub_jit_offset(jit);
    emit_leave(jit);
    halt = emit_exit(jit, NUB_EXIT_HALT, leave);
    out->exit_panic = emit_exit(jit, NUB_EXIT_PANIC, leave);
    out->exit_out_of_gas = emit_exit(jit, NUB_EXIT_OUT_OF_GAS, leave);
    out->exit_fault = emit_exit(jit, NUB_EXIT_PAGE_FAULT, leave);
    out->exit_host_call = emit_exit(jit, NUB_EXIT_HOST_CALL, leave);
    out->exit_ecall = emit_exit(jit, NUB_EXIT_ECALL, leave);
    out->exit_trap = emit_exit(jit, NUB_EXIT_TRAP, leave);
    emit_dispatch(jit, halt, out->exit_panic);
}
