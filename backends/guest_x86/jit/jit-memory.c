/* jit-memory.c - loads and stores: one machine instruction each
 *
 * The address is formed by the access itself, 32 bits wide, so the window's bounds need no check:
 * what is not mapped faults, and the fault is attributed to the PVM instruction by the table that
 * is written here. rax and the flags must be dead at each access. Read pvm.md 6, jit.h "Faults".
 */
#include "jit-private.h"

static const struct {
    uint32_t op;
    uint8_t width;
} loads[] = {
    [NUB_JIT_U8] = { NUB_X64_OP_MOVZX8, NUB_X64_32 },
    [NUB_JIT_I8] = { NUB_X64_OP_MOVSX8, NUB_X64_64 },
    [NUB_JIT_U16] = { NUB_X64_OP_MOVZX16, NUB_X64_32 },
    [NUB_JIT_I16] = { NUB_X64_OP_MOVSX16, NUB_X64_64 },
    [NUB_JIT_U32] = { NUB_X64_OP_MOV_LOAD, NUB_X64_32 },
    [NUB_JIT_I32] = { NUB_X64_OP_MOVSXD, NUB_X64_64 },
    [NUB_JIT_U64] = { NUB_X64_OP_MOV_LOAD, NUB_X64_64 },
};

/* the next machine instruction may fault */
static void
note_fault(struct nub_jit *jit, uint32_t pc)
{
    jit->faults[jit->n_faults++] = (struct nub_jit_spot){ nub_jit_offset(jit), pc };
}

void
nub_jit_load(struct nub_jit *jit, uint32_t pc, enum nub_jit_load kind, unsigned dst, unsigned base,
             uint64_t disp)
{
    note_fault(jit, pc);
    nub_x64_window(&jit->x, jit->gs, loads[kind].op, loads[kind].width, dst, base, (int32_t)disp);
}

void
nub_jit_store(struct nub_jit *jit, uint32_t pc, unsigned bytes, unsigned src, unsigned base,
              uint64_t disp)
{
    uint32_t op = bytes == 1   ? NUB_X64_OP_MOV_STORE8
                  : bytes == 2 ? NUB_X64_OP_MOV_STORE16
                               : NUB_X64_OP_MOV_STORE;

    note_fault(jit, pc);
    nub_x64_window(&jit->x, jit->gs, op, bytes == 8, src, base, (int32_t)disp);
}

void
nub_jit_store_imm(struct nub_jit *jit, uint32_t pc, unsigned bytes, uint64_t value, unsigned base,
                  uint64_t disp)
{
    note_fault(jit, pc);
    nub_x64_window_store_imm(&jit->x, jit->gs, bytes, base, (int32_t)disp, (int32_t)value);
}
