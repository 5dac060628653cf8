/* jit-private.h - what the files of the compiler share: its state, and who emits what
 *
 * jit-compile.c walks the program; for each instruction it asks jit-select.c, where jit-rules.def
 * names the emitter: jit-alu.c, jit-muldiv.c, jit-memory.c, jit-control.c. jit-pairs.c knows what
 * neighbours become together. jit-trampoline.c is the code that every program begins with.
 * jit-run.c answers questions about compiled programs.
 */
#ifndef NUB_JIT_PRIVATE_H
#define NUB_JIT_PRIVATE_H

#include "jit.h"
#include "x64-emit.h"

/** Machine registers with a fixed role; the PVM's are in nub_jit_reg[]. */
#define NUB_JIT_SCRATCH NUB_X64_RAX
#define NUB_JIT_GAS NUB_X64_R15
#define NUB_JIT_FRAME NUB_X64_RSP

/** No instruction takes more bytes without its charge. */
#define NUB_JIT_INSN_MOST 96u
/** A charge; the longer one if costs may pass 31 bits. */
#define NUB_JIT_CHARGE_ROOM(wide) ((wide) ? 19u : 13u)
/** Its out-of-gas stub; in a tail. */
#define NUB_JIT_STUB_ROOM(wide) ((wide) ? 25u : 19u)
#define NUB_JIT_TAIL_STUB_ROOM 35u
/** `mov dword [frame], pc` and a jump, in a tail too. */
#define NUB_JIT_EXIT_ROOM 24u /* also what an unknown opcode takes */
/**
 * What is emitted between one look at the end of the buffer and the next: the charge of a chunk's
 * first block, an instruction with its charge, an exit with its charge behind it, the charge of the next block.
 */
#define NUB_JIT_INSN_ROOM \
    (NUB_JIT_INSN_MOST + 4 * NUB_JIT_CHARGE_ROOM(true) + NUB_JIT_EXIT_ROOM + NUB_X64_SLACK)
#define NUB_JIT_TRAMPOLINE_ROOM 512u

/** A charge that may fail: its jump leads to a stub at the end of the code. */
struct nub_jit_charge {
    uint64_t cost;
    uint32_t native; /* end of the jump */
    uint32_t pc;
};

/** Why a chunk of instructions ended. */
enum nub_jit_chunk_end {
    NUB_JIT_CHUNK_FULL,       /* the block goes on */
    NUB_JIT_CHUNK_TERMINATOR, /* last instruction */
    NUB_JIT_CHUNK_UNKNOWN,    /* last instruction has an unknown opcode */
    NUB_JIT_CHUNK_GAP,        /* execution goes on where no instruction starts */
    NUB_JIT_CHUNK_CODE_END    /* execution goes on past the end */
};

/** The compiler at work. */
struct nub_jit {
    struct nub_x64 x;
    uint8_t *begin; /* offset 0 */
    uint8_t *end;   /* of the buffer */
    struct nub_jit_code *out;
    const struct nub_program *program;
    bool gs, bmi;
    bool wide_costs; /* a cost may pass 31 bits */
    bool is_tail;    /* the code is no part of `out->code`: it leads there by addresses */
    bool one_block;  /* what is behind a terminator is no part of the code */
    bool per_insn;   /* model `instruction` */
    bool is_full;    /* the buffer does not suffice: what is in it is no program */
    const uint8_t *flags_at; /* where the cursor was when the flags told whether `flags_of` is 0 */
    uint8_t flags_of;        /* machine register */
    uint8_t flags_nonzero;   /* the condition under which it is not */
    const struct nub_insn *at;     /* the instruction being emitted */
    const struct nub_insn *at_end; /* those before this may be looked at */

    struct nub_jit_charge *charges;
    uint32_t n_charges;
    struct nub_jit_spot *waiting; /* ends of jumps ahead, and where they lead */
    uint32_t n_waiting;
    struct nub_jit_spot *faults;
    uint32_t n_faults;
    struct nub_jit_spot *joins;
    uint32_t n_joins;
    uint32_t n_bound; /* blocks that have been reached */

    struct nub_gas_block gas;
    bool is_open; /* the block at hand goes on; its charge is the last one, its cost being summed */
    uint64_t costs[NUB_JIT_CHUNK + 1]; /* of the blocks that end in the chunk */
    uint32_t n_costs, next_cost;

    struct nub_insn chunk[NUB_JIT_CHUNK];
    uint32_t n_chunk;
    enum nub_jit_chunk_end chunk_end;
};

static inline unsigned
nub_jit_r(uint8_t reg)
{
    return nub_jit_reg[reg];
}

/** From here, as long as nothing is emitted, the flags say whether `reg` is 0. */
static inline void
nub_jit_note_flags(struct nub_jit *jit, unsigned reg, enum nub_x64_cond nonzero)
{
    jit->flags_at = jit->x.at;
    jit->flags_of = (uint8_t)reg;
    jit->flags_nonzero = (uint8_t)nonzero;
}

/** Whether they do. */
static inline bool
nub_jit_flags_describe(const struct nub_jit *jit, unsigned reg)
{
    return jit->flags_at == jit->x.at && jit->flags_of == reg;
}

static inline uint32_t
nub_jit_offset(const struct nub_jit *jit)
{
    return (uint32_t)(jit->x.at - jit->begin);
}

/** Whether `room` bytes are free behind the cursor; if not, the buffer is full from now on. */
static inline bool
nub_jit_has_room(struct nub_jit *jit, uint64_t room)
{
    if ((uint64_t)(jit->end - jit->x.at) >= room)
        return true;
    jit->is_full = true;
    return false;
}

/** Whether the cost of a block of the program could pass 31 bits. */
static inline bool
nub_jit_has_wide_costs(const struct nub_program *program)
{
    return 131 * ((uint64_t)program->code_size + 1) > INT32_MAX;
}

/** Whether `target` is in the set of block starts. */
static inline bool
nub_jit_is_block(const struct nub_jit_code *code, uint64_t target)
{
    return target < code->program.code_size && (code->starts[target >> 3] >> (target & 7) & 1);
}

/** Bits set, by the instruction that compiled code needs, too. */
static inline uint32_t
nub_jit_count_bits(uint64_t bits)
{
    __asm__("popcnt %0, %0" : "+r"(bits) : : "cc");
    return (uint32_t)bits;
}

/** How many block starts lie before the block start `pc`. */
static inline uint32_t
nub_jit_block_index(const struct nub_jit_code *code, uint32_t pc)
{
    uint64_t bits;

    __builtin_memcpy(&bits, code->starts + pc / 64 * 8, 8);
    return code->rank[pc / 64] + nub_jit_count_bits(bits & ((1ull << pc % 64) - 1));
}

/* jit-compile.c */
/** Behind the terminator `last` of the chunk: another block, or none where control would go on. */
void nub_jit_behind_terminator(struct nub_jit *jit, const struct nub_insn *last);

/* jit-trampoline.c */
void nub_jit_trampolines(struct nub_jit *jit);

/* jit-select.c */
/** Emits `n` instructions that follow each other, with their charges in the model `instruction`. */
void nub_jit_emit(struct nub_jit *jit, const struct nub_insn *insns, uint32_t n);
/** By opcode: the most bytes that emitting it takes without its charge, and the bits below. 0: unknown. */
extern const uint16_t nub_jit_info[256];
#define NUB_JIT_MOST_BYTES 0xffu
#define NUB_JIT_KNOWN 0x100u
#define NUB_JIT_ENDS_BLOCK 0x200u
#define NUB_JIT_FAULTS 0x400u   /* accesses memory */
#define NUB_JIT_BARRIER 0x800u  /* may be the last one: all registers must be right before it */
#define NUB_JIT_LOW_ONLY 0x1000u /* its result depends on the low halves of its sources only */
#define NUB_JIT_PAIRS 0x2000u /* nub_jit_pair() may know it as a first one */
#define NUB_JIT_FALLS 0x4000u /* a terminator behind which control can go on without the host */
/**
 * By opcode, to be added up over at most 64 instructions: 16 bits for each of the counts that begin at
 * these bits.
 */
extern const uint64_t nub_jit_census[256];
#define NUB_JIT_CENSUS_BYTES 0
#define NUB_JIT_CENSUS_KNOWN 16
#define NUB_JIT_CENSUS_ENDS 32
#define NUB_JIT_CENSUS_FAULTS 48

/* jit-pairs.c */
/** Whether the upper half of PVM register `reg` is overwritten before anything looks at it. */
bool nub_jit_upper_is_dead(const struct nub_insn *following, const struct nub_insn *end, uint8_t reg);
/** Emits two instructions together, or nothing and false. */
bool nub_jit_pair(struct nub_jit *jit, const struct nub_insn *first, const struct nub_insn *second);

/* jit-control.c */
void nub_jit_charge_gas(struct nub_jit *jit, uint32_t pc, uint64_t cost, bool is_final);
void nub_jit_patch_cost(struct nub_jit *jit, struct nub_jit_charge *charge, uint64_t cost);
void nub_jit_out_of_gas_stubs(struct nub_jit *jit);
void nub_jit_goto(struct nub_jit *jit, uint32_t native);
void nub_jit_exit(struct nub_jit *jit, uint32_t exit, uint32_t pc);
void nub_jit_bind_block(struct nub_jit *jit);
void nub_jit_lead_jumps(struct nub_jit *jit);
void nub_jit_jump(struct nub_jit *jit, uint32_t pc, uint64_t target);
void nub_jit_branch(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, uint64_t target);
void nub_jit_compare(struct nub_jit *jit, unsigned a, unsigned b);
void nub_jit_compare_imm(struct nub_jit *jit, unsigned a, uint64_t imm);
void nub_jit_branch_reg(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, unsigned a, unsigned b, uint64_t target);
void nub_jit_branch_imm(struct nub_jit *jit, uint32_t pc, enum nub_x64_cond cond, unsigned a, uint64_t imm, uint64_t target);
void nub_jit_load_imm_jump(struct nub_jit *jit, uint32_t pc, unsigned dst, uint64_t imm, uint64_t target);
void nub_jit_jump_ind(struct nub_jit *jit, uint32_t pc, unsigned base, uint64_t disp);
void nub_jit_load_imm_jump_ind(struct nub_jit *jit, uint32_t pc, unsigned dst, uint64_t imm, unsigned base, uint64_t disp);
void nub_jit_host_call(struct nub_jit *jit, uint32_t number, uint32_t next);

/* jit-memory.c: `kind` is enum nub_jit_load or the bytes of a store; `base` a machine register or NUB_X64_NO_REG */
enum nub_jit_load { NUB_JIT_U8, NUB_JIT_I8, NUB_JIT_U16, NUB_JIT_I16, NUB_JIT_U32, NUB_JIT_I32, NUB_JIT_U64 };
void nub_jit_load(struct nub_jit *jit, uint32_t pc, enum nub_jit_load kind, unsigned dst, unsigned base, uint64_t disp);
void nub_jit_store(struct nub_jit *jit, uint32_t pc, unsigned bytes, unsigned src, unsigned base, uint64_t disp);
void nub_jit_store_imm(struct nub_jit *jit, uint32_t pc, unsigned bytes, uint64_t value, unsigned base, uint64_t disp);

/* jit-alu.c: machine registers; `dst` may be any of the sources */
void nub_jit_move(struct nub_jit *jit, unsigned dst, unsigned src);
void nub_jit_load_imm(struct nub_jit *jit, unsigned dst, uint64_t imm);
/** The upper half of a 32-bit result, unless nothing will look at it. */
void nub_jit_extend(struct nub_jit *jit, unsigned width, unsigned dst);
void nub_jit_alu(struct nub_jit *jit, enum nub_x64_alu op, unsigned width, unsigned dst, unsigned a, unsigned b);
void nub_jit_alu_imm(struct nub_jit *jit, enum nub_x64_alu op, unsigned width, unsigned dst, unsigned a, uint64_t imm);
void nub_jit_neg_add(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, uint64_t imm);
void nub_jit_shift(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst, unsigned a, unsigned count);
void nub_jit_shift_imm(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst, unsigned a, uint64_t count);
void nub_jit_shift_alt(struct nub_jit *jit, enum nub_x64_shift op, unsigned width, unsigned dst, uint64_t value, unsigned count);
void nub_jit_set(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned a, unsigned b);
void nub_jit_set_imm(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned a, uint64_t imm);
void nub_jit_add_with_carry_out(struct nub_jit *jit, unsigned sum, unsigned carry, unsigned a, unsigned b);
enum nub_x64_cond nub_jit_zero_test(struct nub_jit *jit, enum nub_x64_cond cond, unsigned reg);
void nub_jit_cmov(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, unsigned src, unsigned test);
void nub_jit_cmov_imm(struct nub_jit *jit, enum nub_x64_cond cond, unsigned dst, uint64_t imm, unsigned test);
void nub_jit_select(struct nub_jit *jit, enum nub_x64_cond takes_a, enum nub_x64_cond takes_b, unsigned dst, unsigned a, unsigned b);
void nub_jit_and_inv(struct nub_jit *jit, unsigned dst, unsigned a, unsigned b);
void nub_jit_or_inv(struct nub_jit *jit, unsigned dst, unsigned a, unsigned b);
void nub_jit_xnor(struct nub_jit *jit, unsigned dst, unsigned a, unsigned b);
void nub_jit_reverse_bytes(struct nub_jit *jit, unsigned dst, unsigned src);
void nub_jit_count_zeros(struct nub_jit *jit, bool leading, unsigned width, unsigned dst, unsigned src);

/* jit-muldiv.c */
enum nub_jit_signs { NUB_JIT_SS, NUB_JIT_UU, NUB_JIT_SU };
/** Bits of a division's kind. */
enum nub_jit_division { NUB_JIT_DIV_SIGNED = 1, NUB_JIT_DIV_REMAINDER = 2 };
void nub_jit_mul(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, unsigned b);
void nub_jit_mul_imm(struct nub_jit *jit, unsigned width, unsigned dst, unsigned a, uint64_t imm);
/** `high:low = a * b`, unsigned, with BMI2; high and low differ. */
void nub_jit_mul_wide(struct nub_jit *jit, unsigned high, unsigned low, unsigned a, unsigned b);
void nub_jit_mul_upper(struct nub_jit *jit, enum nub_jit_signs signs, unsigned dst, unsigned a, unsigned b);
void nub_jit_divide(struct nub_jit *jit, unsigned kind, unsigned width, unsigned dst, unsigned a, unsigned b);

#endif
