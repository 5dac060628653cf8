/* x64-emit.h - x86-64 instructions as bytes: encodings and nothing else
 *
 * Knows no PVM, no context layout and no policy: a function is one machine instruction (or picks
 * the shortest encoding of one). Whoever calls makes sure that NUB_X64_SLACK bytes are free
 * behind the cursor; bytes are written eight at a time, so up to that many behind it change.
 * Runs on x86-64 only (it writes little-endian words). Encodings: Intel SDM volume 2, 2.1-2.3.
 */
#ifndef NUB_JIT_X64_EMIT_H
#define NUB_JIT_X64_EMIT_H

#include <stdbool.h>
#include <stdint.h>

/** The longest instruction has 15 bytes and is written by words. */
#define NUB_X64_SLACK 24u

enum nub_x64_reg {
    NUB_X64_RAX, NUB_X64_RCX, NUB_X64_RDX, NUB_X64_RBX, NUB_X64_RSP, NUB_X64_RBP, NUB_X64_RSI, NUB_X64_RDI,
    NUB_X64_R8, NUB_X64_R9, NUB_X64_R10, NUB_X64_R11, NUB_X64_R12, NUB_X64_R13, NUB_X64_R14, NUB_X64_R15,
    NUB_X64_NO_REG = 0xff /* as a base: an absolute address */
};

/** Operand width: the value of REX.W. 32-bit operations clear the upper half. */
enum nub_x64_width { NUB_X64_32 = 0, NUB_X64_64 = 1 };

/** Two-operand arithmetic, by its number in opcodes 00-3F and in group 1. */
enum nub_x64_alu { NUB_X64_ADD = 0, NUB_X64_OR = 1, NUB_X64_AND = 4, NUB_X64_SUB = 5, NUB_X64_XOR = 6, NUB_X64_CMP = 7 };
/** Group 2: shifts and rotates. */
enum nub_x64_shift { NUB_X64_ROL = 0, NUB_X64_ROR = 1, NUB_X64_SHL = 4, NUB_X64_SHR = 5, NUB_X64_SAR = 7 };
/** Group 3: one operand. */
enum nub_x64_unary { NUB_X64_NOT = 2, NUB_X64_NEG = 3, NUB_X64_MUL = 4, NUB_X64_IMUL = 5, NUB_X64_DIV = 6, NUB_X64_IDIV = 7 };
/** Conditions; `^ 1` is the opposite. */
enum nub_x64_cond {
    NUB_X64_O, NUB_X64_NO, NUB_X64_B, NUB_X64_AE, NUB_X64_E, NUB_X64_NE, NUB_X64_BE, NUB_X64_A,
    NUB_X64_S, NUB_X64_NS, NUB_X64_P, NUB_X64_NP, NUB_X64_L, NUB_X64_GE, NUB_X64_LE, NUB_X64_G
};

/**
 * A register destination and an operand in register or memory: the opcode bytes as they follow each other, how many,
 * and the prefix (0: none).
 */
#define NUB_X64_OP(prefix, escape, opcode) \
    ((uint32_t)(prefix) << 24 | ((escape) ? 2u << 16 | (uint32_t)(opcode) << 8 | (uint32_t)(escape) : 1u << 16 | (uint32_t)(opcode)))
#define NUB_X64_OP_PREFIX(op) ((op) >> 24)
#define NUB_X64_OP_BYTES(op) ((uint64_t)((op) & 0xffff))
#define NUB_X64_OP_SIZE(op) ((op) >> 16 & 3)
enum nub_x64_op {
    NUB_X64_OP_MOV_LOAD = NUB_X64_OP(0, 0, 0x8B),
    NUB_X64_OP_MOV_STORE = NUB_X64_OP(0, 0, 0x89),
    NUB_X64_OP_MOV_STORE16 = NUB_X64_OP(0x66, 0, 0x89),
    NUB_X64_OP_MOV_STORE8 = NUB_X64_OP(0, 0, 0x88),
    NUB_X64_OP_MOVSXD = NUB_X64_OP(0, 0, 0x63),
    NUB_X64_OP_LEA = NUB_X64_OP(0, 0, 0x8D),
    NUB_X64_OP_TEST = NUB_X64_OP(0, 0, 0x85),
    NUB_X64_OP_MOVZX8 = NUB_X64_OP(0, 0x0F, 0xB6),
    NUB_X64_OP_MOVZX16 = NUB_X64_OP(0, 0x0F, 0xB7),
    NUB_X64_OP_MOVSX8 = NUB_X64_OP(0, 0x0F, 0xBE),
    NUB_X64_OP_MOVSX16 = NUB_X64_OP(0, 0x0F, 0xBF),
    NUB_X64_OP_IMUL = NUB_X64_OP(0, 0x0F, 0xAF),
    NUB_X64_OP_BSF = NUB_X64_OP(0, 0x0F, 0xBC),
    NUB_X64_OP_BSR = NUB_X64_OP(0, 0x0F, 0xBD),
    NUB_X64_OP_POPCNT = NUB_X64_OP(0xF3, 0x0F, 0xB8),
    NUB_X64_OP_TZCNT = NUB_X64_OP(0xF3, 0x0F, 0xBC),
    NUB_X64_OP_LZCNT = NUB_X64_OP(0xF3, 0x0F, 0xBD)
};

/** The cursor. */
struct nub_x64 {
    uint8_t *at;
};

/* No bytes to the compiler, which would have to think that they may be the cursor: so it stays in a register. */
typedef uint64_t nub_x64_word __attribute__((aligned(1)));

/** Writes the low `n` (0..8) bytes of `bytes`. */
static inline void
nub_x64_put(struct nub_x64 *x, uint64_t bytes, unsigned n)
{
    *(nub_x64_word *)(void *)x->at = bytes;
    x->at += n;
}

static inline bool
nub_x64_is_imm8(uint64_t value)
{
    return (uint64_t)(int64_t)(int8_t)value == value;
}

static inline bool
nub_x64_is_imm32(uint64_t value)
{
    return (uint64_t)(int64_t)(int32_t)value == value;
}

/* ---- register to register ------------------------------------------------------------------ */

/** `op reg, rm` between registers; REX is left out where nothing needs it. */
static inline void
nub_x64_rr(struct nub_x64 *x, uint32_t op, unsigned width, unsigned reg, unsigned rm)
{
    uint64_t bytes = 0;
    unsigned n = 0, rex = 0x40 | width << 3 | reg >> 3 << 2 | rm >> 3;
    /* with REX, encodings 4-7 of a byte operand are spl, bpl, sil, dil rather than ah ... bh */
    bool byte_rm = op == NUB_X64_OP_MOVZX8 || op == NUB_X64_OP_MOVSX8;

    if (NUB_X64_OP_PREFIX(op))
        bytes = NUB_X64_OP_PREFIX(op), n = 1;
    /* no branches: which registers there are cannot be predicted */
    bool has_rex = rex != 0x40 || (byte_rm && rm >= 4);
    bytes |= (uint64_t)(has_rex ? rex : 0) << 8 * n;
    n += has_rex;
    bytes |= NUB_X64_OP_BYTES(op) << 8 * n;
    n += NUB_X64_OP_SIZE(op);
    bytes |= (uint64_t)(0xC0 | (reg & 7) << 3 | (rm & 7)) << 8 * n;
    nub_x64_put(x, bytes, n + 1);
}

static inline void
nub_x64_mov(struct nub_x64 *x, unsigned width, unsigned dst, unsigned src)
{
    nub_x64_rr(x, NUB_X64_OP_MOV_LOAD, width, dst, src);
}

static inline void
nub_x64_alu(struct nub_x64 *x, enum nub_x64_alu op, unsigned width, unsigned dst, unsigned src)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0, op * 8u + 3u), width, dst, src);
}

static inline void
nub_x64_test(struct nub_x64 *x, unsigned width, unsigned a, unsigned b)
{
    nub_x64_rr(x, NUB_X64_OP_TEST, width, b, a);
}

static inline void
nub_x64_cmov(struct nub_x64 *x, enum nub_x64_cond cond, unsigned dst, unsigned src)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0x0F, 0x40u | cond), NUB_X64_64, dst, src);
}

static inline void
nub_x64_unary(struct nub_x64 *x, enum nub_x64_unary op, unsigned width, unsigned reg)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0, 0xF7), width, op, reg);
}

/** The byte register of `reg` becomes 0 or 1. */
static inline void
nub_x64_setcc(struct nub_x64 *x, enum nub_x64_cond cond, unsigned reg)
{
    uint64_t rex = 0x40 | reg >> 3; /* always there: sil and dil need it */

    nub_x64_put(x, rex | 0x0F << 8 | (0x90ull | cond) << 16 | (0xC0ull | (reg & 7)) << 24, 4);
}

static inline void
nub_x64_bswap(struct nub_x64 *x, unsigned reg)
{
    nub_x64_put(x, (0x48u | reg >> 3) | 0x0F << 8 | (0xC8u | (reg & 7)) << 16, 3);
}

/* ---- immediates ---------------------------------------------------------------------------- */

/** `op dst, imm`: imm8 or imm32, sign-extended to the width. */
static inline void
nub_x64_alu_imm(struct nub_x64 *x, enum nub_x64_alu op, unsigned width, unsigned dst, int32_t imm)
{
    bool small = imm == (int8_t)imm;

    nub_x64_rr(x, NUB_X64_OP(0, 0, small ? 0x83 : 0x81), width, op, dst);
    nub_x64_put(x, (uint32_t)imm, small ? 1 : 4);
}

/** The same, always with imm32, which are then the last four bytes before the cursor. */
static inline void
nub_x64_alu_imm32(struct nub_x64 *x, enum nub_x64_alu op, unsigned width, unsigned dst, int32_t imm)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0, 0x81), width, op, dst);
    nub_x64_put(x, (uint32_t)imm, 4);
}

/** Bits of a register's low byte against an imm8. */
static inline void
nub_x64_test8_imm(struct nub_x64 *x, unsigned reg, uint8_t imm)
{
    nub_x64_put(x, (0x40ull | reg >> 3) | 0xF6 << 8 | (0xC0ull | (reg & 7)) << 16 | (uint64_t)imm << 24, 4);
}

static inline void
nub_x64_shift_imm(struct nub_x64 *x, enum nub_x64_shift op, unsigned width, unsigned reg, unsigned count)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0, 0xC1), width, op, reg);
    nub_x64_put(x, count, 1);
}

/** By cl. */
static inline void
nub_x64_shift_cl(struct nub_x64 *x, enum nub_x64_shift op, unsigned width, unsigned reg)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0, 0xD3), width, op, reg);
}

static inline void
nub_x64_imul_imm(struct nub_x64 *x, unsigned width, unsigned dst, unsigned src, int32_t imm)
{
    bool small = imm == (int8_t)imm;

    nub_x64_rr(x, NUB_X64_OP(0, 0, small ? 0x6B : 0x69), width, dst, src);
    nub_x64_put(x, (uint32_t)imm, small ? 1 : 4);
}

/** `dst = 0` in two or three bytes; changes the flags. */
static inline void
nub_x64_zero(struct nub_x64 *x, unsigned dst)
{
    nub_x64_alu(x, NUB_X64_XOR, NUB_X64_32, dst, dst);
}

/** `mov dst32, imm32`: five bytes for rax, else five or six. */
static inline void
nub_x64_mov_imm32(struct nub_x64 *x, unsigned dst, uint32_t imm)
{
    if (dst >= 8)
        nub_x64_put(x, 0x41, 1);
    nub_x64_put(x, (0xB8u | (dst & 7)) | (uint64_t)imm << 8, 5);
}

/** `dst = imm` in the shortest form that leaves the flags alone: 5, 7 or 10 bytes. */
static inline void
nub_x64_mov_imm(struct nub_x64 *x, unsigned dst, uint64_t imm)
{
    if (imm >> 32 == 0) {
        nub_x64_mov_imm32(x, dst, (uint32_t)imm);
    } else if (nub_x64_is_imm32(imm)) {
        nub_x64_rr(x, NUB_X64_OP(0, 0, 0xC7), NUB_X64_64, 0, dst);
        nub_x64_put(x, (uint32_t)imm, 4);
    } else {
        nub_x64_put(x, (0x48u | dst >> 3) | (0xB8u | (dst & 7)) << 8, 2);
        nub_x64_put(x, imm, 8);
    }
}

/* ---- registers and memory, 64-bit addresses -------------------------------------------------- */

/*
 * `op reg, [base + disp]` behind `n` bytes of prefixes: the bytes before the displacement are at
 * most eight and written at once. What an instruction has of REX, SIB and displacement follows no
 * pattern, so nothing here is a branch but the rare address without a base.
 */
static inline void
nub_x64_prefixed_mem(struct nub_x64 *x, uint64_t prefixes, unsigned n, uint32_t op, unsigned width, unsigned reg, unsigned base, int32_t disp)
{
    uint64_t bytes = prefixes | (uint64_t)NUB_X64_OP_PREFIX(op) << 8 * n;
    unsigned base_high = base == NUB_X64_NO_REG ? 0 : base >> 3;
    unsigned rex = 0x40 | width << 3 | reg >> 3 << 2 | base_high, modrm = (reg & 7) << 3, size;
    /* encodings 4-7 of a byte register are sil, dil ... with REX only */
    bool has_rex = rex != 0x40 || (op == NUB_X64_OP_MOV_STORE8 && reg >= 4);

    n += NUB_X64_OP_PREFIX(op) != 0;
    bytes |= (uint64_t)(has_rex ? rex : 0) << 8 * n;
    n += has_rex;
    bytes |= NUB_X64_OP_BYTES(op) << 8 * n;
    n += NUB_X64_OP_SIZE(op);
    if (base == NUB_X64_NO_REG) {
        bytes |= (uint64_t)(modrm | 4) << 8 * n | 0x2500ull << 8 * n;
        n += 2;
        size = 4;
    } else { /* rsp and r12 want a SIB, rbp and r13 a displacement */
        bool is_small = disp == (int8_t)disp, has_sib = (base & 7) == NUB_X64_RSP;
        bool has_none = disp == 0 && (base & 7) != NUB_X64_RBP;
        size = has_none ? 0 : is_small ? 1 : 4;
        modrm |= (has_none ? 0u : is_small ? 0x40u : 0x80u) | (base & 7);
        bytes |= (uint64_t)(modrm | (has_sib ? 0x2400u : 0)) << 8 * n;
        n += 1 + has_sib;
    }
    nub_x64_put(x, bytes, n);
    nub_x64_put(x, (uint32_t)disp, size);
}

/** `op reg, [base64 + disp]`, no prefix. */
static inline void
nub_x64_mem(struct nub_x64 *x, uint32_t op, unsigned width, unsigned reg, unsigned base, int32_t disp)
{
    nub_x64_prefixed_mem(x, 0, 0, op, width, reg, base, disp);
}

/** Group 3 (mul, div ...) on a 64- or 32-bit operand at [base64 + disp]. */
static inline void
nub_x64_mem_unary(struct nub_x64 *x, enum nub_x64_unary op, unsigned width, unsigned base, int32_t disp)
{
    nub_x64_mem(x, NUB_X64_OP(0, 0, 0xF7), width, op, base, disp);
}

/** `mov dword [rsp + disp], imm`. */
static inline void
nub_x64_stack_store_imm32(struct nub_x64 *x, uint8_t disp, uint32_t imm)
{
    if (disp == 0)
        nub_x64_put(x, 0x2404C7 | (uint64_t)imm << 24, 7);
    else
        nub_x64_put(x, 0x2444C7 | (uint64_t)disp << 24 | (uint64_t)imm << 32, 8);
}

/* ---- address arithmetic (no memory is touched) ----------------------------------------------- */

/** `dst = base + disp`. */
static inline void
nub_x64_lea(struct nub_x64 *x, unsigned width, unsigned dst, unsigned base, int32_t disp)
{
    nub_x64_mem(x, NUB_X64_OP_LEA, width, dst, base, disp);
}

/** `dst = base + (index << scale)`, scale 0..3; index is not rsp. */
void nub_x64_lea_index(struct nub_x64 *x, unsigned width, unsigned dst, unsigned base, unsigned index, unsigned scale);

/** `dst = qword [base + 4 * index]`: reads memory, 64-bit address. */
void nub_x64_load_index4(struct nub_x64 *x, unsigned dst, unsigned base, unsigned index);

/* ---- BMI1 and BMI2 --------------------------------------------------------------------------- */

/** shlx, shrx, sarx (NUB_X64_SHL, SHR, SAR): `dst = src shifted by count mod width`. */
void nub_x64_shiftx(struct nub_x64 *x, enum nub_x64_shift op, unsigned width, unsigned dst, unsigned src, unsigned count);
void nub_x64_rorx(struct nub_x64 *x, unsigned width, unsigned dst, unsigned src, unsigned count);
/** `dst = ~inverted & other`. */
void nub_x64_andn(struct nub_x64 *x, unsigned dst, unsigned inverted, unsigned other);
/** `high:low = rdx * src`, unsigned; high wins when both are the same register. */
void nub_x64_mulx(struct nub_x64 *x, unsigned high, unsigned low, unsigned src);

/* ---- memory ---------------------------------------------------------------------------------- */

/**
 * `op reg, [base32 + disp]` with the address-size prefix: the sum is cut to 32 bits, which is
 * the address of pvm.md 6.1. `gs`: relative to the gs base. NUB_X64_NO_REG: absolute. For an op
 * that stores a byte, encodings 4-7 get a REX so that they name sil and dil.
 */
void nub_x64_window(struct nub_x64 *x, bool gs, uint32_t op, unsigned width, unsigned reg, unsigned base, int32_t disp);
/** `mov [base32 + disp], imm` of 1, 2, 4 or 8 bytes; 8: imm32 sign-extended. */
void nub_x64_window_store_imm(struct nub_x64 *x, bool gs, unsigned bytes, unsigned base, int32_t disp, int32_t imm);
/* ---- control --------------------------------------------------------------------------------- */

/** Forms with a 32-bit distance: the last four bytes before the cursor, to be patched. */
static inline void
nub_x64_jcc32(struct nub_x64 *x, enum nub_x64_cond cond, int32_t distance)
{
    nub_x64_put(x, 0x0F | (0x80ull | cond) << 8 | (uint64_t)(uint32_t)distance << 16, 6);
}

static inline void
nub_x64_jmp32(struct nub_x64 *x, int32_t distance)
{
    nub_x64_put(x, 0xE9 | (uint64_t)(uint32_t)distance << 8, 5);
}

/** Forms with an 8-bit distance: the last byte before the cursor. */
static inline void
nub_x64_jcc8(struct nub_x64 *x, enum nub_x64_cond cond, int8_t distance)
{
    nub_x64_put(x, (0x70u | cond) | (uint32_t)(uint8_t)distance << 8, 2);
}

static inline void
nub_x64_jmp8(struct nub_x64 *x, int8_t distance)
{
    nub_x64_put(x, 0xEBu | (uint32_t)(uint8_t)distance << 8, 2);
}

/** To a place that is behind or at the cursor: `distance` is from the start of this jump to it, <= 0. */
static inline void
nub_x64_jcc_back(struct nub_x64 *x, enum nub_x64_cond cond, int32_t distance)
{
    if (distance >= -126)
        nub_x64_jcc8(x, cond, (int8_t)(distance - 2));
    else
        nub_x64_jcc32(x, cond, distance - 6);
}

static inline void
nub_x64_jmp_back(struct nub_x64 *x, int32_t distance)
{
    if (distance >= -126)
        nub_x64_jmp8(x, (int8_t)(distance - 2));
    else
        nub_x64_jmp32(x, distance - 5);
}

void nub_x64_jmp_reg(struct nub_x64 *x, unsigned reg);
/** Pushes and pops of 64-bit registers. */
void nub_x64_push(struct nub_x64 *x, unsigned reg);
void nub_x64_pop(struct nub_x64 *x, unsigned reg);
void nub_x64_ret(struct nub_x64 *x);

/** Makes the 8-bit distance that ends just before `from` lead to `to`. */
static inline void
nub_x64_patch8(uint8_t *from, const uint8_t *to)
{
    from[-1] = (uint8_t)(to - from);
}

/** The same for a 32-bit distance. */
static inline void
nub_x64_patch32(uint8_t *from, const uint8_t *to)
{
    uint32_t distance = (uint32_t)(to - from);
    __builtin_memcpy(from - 4, &distance, sizeof distance);
}

#endif
