/* jit-run.c - questions about a compiled program: where to enter, whose fault it was
 *
 * Nothing here writes to a program's tables except nub_jit_place(); the rest may be called from
 * several threads, nub_jit_fault_pc() from a signal handler too. Read jit.h, pvm.md 3.4, 7.2.
 */
#include "jit-private.h"

uint32_t
nub_jit_cpu_features(void)
{
    uint32_t eax = 7, ebx, ecx = 0, edx, extended;

    __asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "0"(0), "2"(0));
    if (eax < 7)
        return 0;
    __asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "0"(7), "2"(0));
    __asm__("cpuid"
            : "=a"(eax), "=b"(extended), "=c"(extended), "=d"(edx)
            : "0"(0x80000001u), "2"(0));
    /* bits: BMI1 3 and BMI2 8 of leaf 7, LZCNT 5 of the extended leaf */
    return ebx >> 3 & ebx >> 8 & extended >> 5 & 1 ? NUB_JIT_BMI : 0;
}

void
nub_jit_place(struct nub_jit_code *code, uint64_t address)
{
    code->dispatch[0] = 0;
    for (uint32_t i = 0; i < code->program.n_jump; i++) {
        uint32_t target = nub_program_jump_entry(&code->program, i);
        code->dispatch[i + 1] =
            nub_jit_is_block(code, target)
                ? address + code->block_native[nub_jit_block_index(code, target)]
                : 0;
    }
}

static enum nub_jit_start
exit_with(struct nub_jit_state *state, enum nub_exit_reason reason)
{
    state->exit_reason = reason;
    state->exit_arg = 0;
    return NUB_JIT_EXITED;
}

enum nub_jit_start
nub_jit_start(const struct nub_jit_code *code, struct nub_jit_state *state)
{
    const struct nub_jit_params *params = &code->params;
    uint32_t pc = state->pc;

    if (!nub_program_is_start(&code->program, pc))
        return exit_with(state, NUB_EXIT_PANIC);
    if (pc >= code->program.code_size) { /* the implicit trap has no code */
        uint64_t cost =
            params->gas_model == NUB_GAS_INSTRUCTION
                ? 1
                : nub_gas_cost(&code->program, params->gas_model, params->mem_cycles, pc);
        if (state->gas < cost)
            return exit_with(state, NUB_EXIT_OUT_OF_GAS);
        state->gas -= cost;
        return exit_with(state, NUB_EXIT_TRAP);
    }
    if (!nub_jit_is_block(code, pc))
        return NUB_JIT_IN_BLOCK;
    state->target = state->code + code->block_native[nub_jit_block_index(code, pc)];
    return NUB_JIT_AT_BLOCK;
}

bool
nub_jit_fault_pc(const struct nub_jit_spot *faults, uint32_t n_faults, uint64_t offset,
                 uint32_t *pc)
{
    uint32_t low = 0, high = n_faults;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (faults[middle].native < offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == n_faults || faults[low].native != offset)
        return false;
    *pc = faults[low].pc;
    return true;
}
