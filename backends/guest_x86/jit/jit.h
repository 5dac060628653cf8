/* jit.h - byte-PVM programs as x86-64 code: bytes to bytes
 *
 * One pass over a program, linear in its size whatever its bytes are. Everything here is
 * freestanding: no memory is allocated or mapped, no address of a symbol is taken, nothing is
 * read but the arguments. The caller brings all memory, makes the code executable where it likes
 * and calls it. Same program and same parameters: same bytes, wherever they will lie.
 *
 * How to use it
 *
 *   nub_jit_measure(&sizes, ...)             how much memory compiling can take at most
 *   nub_jit_compile(&code, ..., buffers)     the code, and tables that say where things are in it
 *   nub_jit_place(&code, address)            where the code will lie: fills in the dispatch table
 *   loop:
 *       switch (nub_jit_start(&code, &state, &insn_pc))   where to enter, or an exit at once
 *       enter = (nub_jit_enter_fn)address;   enter(&state);      returns after an exit
 *
 * Registers of the machine while code runs
 *
 *   phi0..phi12   in the 13 registers of nub_jit_reg[]
 *   r15           the gas counter
 *   rax           scratch. Never live at an instruction that can fault, so that a fault stub may
 *                 destroy it
 *   rsp           the frame (below), on the stack of whoever called. The code pushes nothing, calls
 *                 nothing and needs no stack; an interrupt handler may use what is below
 *   flags         dead at every instruction that can fault
 *   gs base       the program's window (addressing `gs`); must be set before entering
 *
 * The frame, `rsp + NUB_JIT_FRAME_x`: what the enter trampoline lays out and exits read. The code
 * of one program begins with its own trampolines (some 300 bytes), so that guest and host run the
 * same bytes: offset 0 is `void enter(struct nub_jit_state *)` in the System V calling convention.
 *
 * Faults. A memory access is one machine instruction. When it faults at `rip`, the handler asks
 * nub_jit_fault_pc(). If that knows the place, it stores the pc at frame + NUB_JIT_FRAME_PC
 * and the page (address & ~4095 inside the window; 0xFFFFF000 at or beyond 2^32) at frame +
 * NUB_JIT_FRAME_ARG, and goes on at code + code.exit_fault with all registers but rax as they were
 * (rsp too): enter() then returns with PageFault. Nothing else in the code can fault: divisions
 * are tested first, and no exit is a trap.
 *
 * Gas is charged at block entry by a subtraction and a jump on borrow; what cannot be paid is added
 * back. To interrupt a run or to watch a deadline, give the gas in slices: an OutOfGas exit
 * can be entered again at its pc with more gas and then is as if it had not happened.
 */
#ifndef NUB_JIT_H
#define NUB_JIT_H

#include "gas.h"
#include <stddef.h>

/** How the code names the program's memory. The window has 4 GiB, then at least a page that faults. */
enum nub_jit_addressing {
    NUB_JIT_LOW = 0, /* the window is [0, 2^32) of the address space: [r32 + disp32] */
    NUB_JIT_GS = 1   /* the window begins at the gs base: gs:[r32 + disp32] */
};

/** Bits: what the code may use beyond x86-64 with POPCNT. */
enum nub_jit_features {
    NUB_JIT_BMI = 1u << 0 /* BMI1, BMI2 and LZCNT */
};

/** What the code depends on besides the program. */
struct nub_jit_params {
    uint32_t gas_model;  /* enum nub_gas_model, not NUB_GAS_DEFAULT */
    uint32_t mem_cycles; /* 1..127 */
    uint32_t addressing; /* enum nub_jit_addressing */
    uint32_t features;   /* enum nub_jit_features */
};

/** Upper bounds, in bytes. `work` may be freed after compiling. Tables and work want alignment 8. */
struct nub_jit_sizes {
    uint64_t code;
    uint64_t tables;
    uint64_t work;
    uint64_t joins, terminators; /* how many, for nub_jit_compile() */
};

/** A place in the program and in its code. */
struct nub_jit_spot {
    uint32_t native; /* offset in the code */
    uint32_t pc;
};

/** A compiled program. The pointers lead into `tables`; the program's bytes must stay, too. */
struct nub_jit_code {
    struct nub_program program;
    struct nub_jit_params params;
    uint8_t *code;
    uint64_t code_size;   /* what was used of it */
    uint64_t tables_size; /* likewise */
    uint32_t exit_fault;  /* offset in the code: see "Faults" */
    uint32_t exit_panic, exit_trap, exit_out_of_gas, exit_host_call, exit_ecall;
    uint32_t dispatch_slow, dispatch_saved; /* a dynamic jump to eax; to the frame's SAVE */
    uint32_t n_blocks, n_joins, n_faults;
    const uint8_t *starts;             /* the set of block starts, as a bitmap */
    const uint32_t *rank;              /* block starts before each 64th index */
    uint32_t *block_native;            /* by rank: offset of the block in the code */
    const struct nub_jit_spot *joins;  /* by pc: instructions inside blocks where code can be entered */
    const struct nub_jit_spot *faults; /* by offset: instructions that access memory */
    uint64_t *dispatch; /* n_jump + 1 addresses: what a dynamic jump to 2 * i leads to; 0: Panic */
};

/** A run: what enter() takes and leaves behind. */
struct nub_jit_state {
    uint64_t regs[NUB_N_REGS];
    uint64_t gas;
    uint64_t target;          /* in: address to begin at, from nub_jit_start() */
    const uint64_t *dispatch; /* in: nub_jit_code.dispatch */
    uint64_t code;            /* in: address of the code */
    uint32_t pc;              /* out (in for nub_jit_start) */
    uint32_t exit_arg;        /* out */
    uint32_t exit_reason;     /* out: enum nub_exit_reason */
    uint32_t reserved;
};

typedef void (*nub_jit_enter_fn)(struct nub_jit_state *state);

/* The frame. The two words that a fault handler writes come first. */
#define NUB_JIT_FRAME_PC 0       /* u32 */
#define NUB_JIT_FRAME_ARG 4      /* u32 */
#define NUB_JIT_FRAME_SAVE 8     /* u64, for rcx or rdx around an instruction that needs them */
#define NUB_JIT_FRAME_DISPATCH 16
#define NUB_JIT_FRAME_CODE 24
#define NUB_JIT_FRAME_STATE 32
#define NUB_JIT_FRAME_SIZE 40

/** The machine register (0..15, as the CPU numbers them) of each PVM register. */
extern const uint8_t nub_jit_reg[NUB_N_REGS];

/** `features` of the CPU that runs this, by CPUID. */
uint32_t nub_jit_cpu_features(void);

/**
 * How much memory nub_jit_compile() can take at most for this (checked) program. NOT_SUPPORTED
 * when the code could pass 2 GiB.
 */
enum nub_status nub_jit_measure(struct nub_jit_sizes *sizes, const struct nub_program *program, const struct nub_jit_params *params, struct nub_failure *failure);

/**
 * Compiles. The buffers have the measured sizes. `code` need not be executable yet, nor lie where
 * it will run: what is written there says where it is only by distances. NO_MEMORY would mean
 * that a measured bound was wrong; nothing is written beyond it.
 */
enum nub_status nub_jit_compile(struct nub_jit_code *out, const struct nub_program *program, const struct nub_jit_params *params, const struct nub_jit_sizes *sizes, uint8_t *code, void *tables, void *work, struct nub_failure *failure);

/** The code will run at `address`: fills in the dispatch table. */
void nub_jit_place(struct nub_jit_code *code, uint64_t address);

/** What nub_jit_start() found. */
enum nub_jit_start {
    NUB_JIT_AT_BLOCK, /* `state->target` is set: enter */
    NUB_JIT_IN_BLOCK, /* compile the rest of the block with nub_jit_tail(), set `state->target`, enter */
    NUB_JIT_EXITED    /* the exit is in `state` already: no code to run */
};

/** How a run from `state->pc` begins (pvm.md 7.2); any pc. `state->code` and `gas` are set. */
enum nub_jit_start nub_jit_start(const struct nub_jit_code *code, struct nub_jit_state *state);

/** The code of at most so many instructions, and the room that it takes. */
#define NUB_JIT_CHUNK 32u
#define NUB_JIT_TAIL_SIZE 8192u

/** A way into the middle of a block: charges the rest of it, runs up to the next join. */
struct nub_jit_tail {
    uint32_t size; /* bytes of code */
    uint32_t n_faults;
    struct nub_jit_spot faults[NUB_JIT_CHUNK]; /* offsets in the tail's code */
};

/** Compiles a tail for `pc` to `buffer`, which may be executed anywhere. Takes as long as the rest of the block has instructions. */
void nub_jit_tail(struct nub_jit_tail *tail, const struct nub_jit_code *code, uint32_t pc, uint8_t buffer[NUB_JIT_TAIL_SIZE]);

/** The pc of the instruction whose memory access is at this offset of the code. Binary search; async-signal-safe. */
bool nub_jit_fault_pc(const struct nub_jit_spot *faults, uint32_t n_faults, uint64_t offset, uint32_t *pc);

/** The argument of PageFault for a faulting address, given as its distance from the window's start. */
static inline uint32_t
nub_jit_fault_page(uint64_t distance)
{
    return distance >> 32 ? 0xFFFFF000u : (uint32_t)distance & ~(uint32_t)(NUB_PAGE_SIZE - 1);
}

#endif
