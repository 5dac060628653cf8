/* x64-emit.c - the encodings that are too long to be inlined
 *
 * Addressing forms, VEX, and the choice between short and long forms. Must never read what it has
 * written. Encodings: Intel SDM volume 2, 2.1-2.3; tests decode every one back.
 */
#include "x64-emit.h"

void
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

/* ---- addressing ---------------------------------------------------------------------------- */

/* an instruction's bytes before its displacement: at most eight, written at once */
struct head {
    uint64_t bytes;
    unsigned n;
};

static inline void
add_byte(struct head *head, uint64_t byte)
{
    head->bytes |= byte << 8 * head->n;
    head->n++;
}

/* legacy prefix, REX, escape, opcode */
static inline void
add_opcode(struct head *head, uint32_t op, unsigned rex, bool force_rex)
{
    if (op >> 16)
        add_byte(head, op >> 16);
    if (rex != 0x40 || force_rex)
        add_byte(head, rex);
    if (op >> 8 & 0xff)
        add_byte(head, 0x0F);
    add_byte(head, op & 0xff);
}

static inline void
put_with_disp(struct nub_x64 *x, struct head *head, uint32_t disp, unsigned size)
{
    if (head->n + size <= 7) {
        nub_x64_put(x, head->bytes | (uint64_t)disp << 8 * head->n, head->n + size);
        return;
    }
    nub_x64_put(x, head->bytes, head->n);
    nub_x64_put(x, disp, size);
}

/* ModRM, SIB and displacement of [base + disp]; rsp and r12 want a SIB, rbp and r13 a disp */
static inline void
put_base_disp(struct nub_x64 *x, struct head *head, unsigned reg, unsigned base, int32_t disp)
{
    unsigned modrm = (reg & 7) << 3, size = 4;

    if (base == NUB_X64_NO_REG) {
        add_byte(head, modrm | 4);
        add_byte(head, 0x25);
        put_with_disp(x, head, (uint32_t)disp, 4);
        return;
    }
    if (disp == 0 && (base & 7) != NUB_X64_RBP)
        size = 0;
    else if (disp == (int8_t)disp)
        size = 1;
    modrm |= (size == 0 ? 0u : size == 1 ? 0x40u : 0x80u) | (base & 7);
    add_byte(head, modrm);
    if ((base & 7) == NUB_X64_RSP)
        add_byte(head, 0x24);
    put_with_disp(x, head, size == 1 ? (uint8_t)disp : (uint32_t)disp, size);
}

static inline unsigned
rex_of(unsigned width, unsigned reg, unsigned base)
{
    unsigned base_high = base == NUB_X64_NO_REG ? 0 : base >> 3;

    return 0x40 | width << 3 | reg >> 3 << 2 | base_high;
}

static inline void
put_mem(struct nub_x64 *x, struct head *head, uint32_t op, unsigned width, unsigned reg,
        unsigned base, int32_t disp)
{
    add_opcode(head, op, rex_of(width, reg, base), op == NUB_X64_OP_MOV_STORE8 && reg >= 4);
    put_base_disp(x, head, reg, base, disp);
}

void
nub_x64_mem(struct nub_x64 *x, uint32_t op, unsigned width, unsigned reg, unsigned base,
            int32_t disp)
{
    struct head head = { 0, 0 };

    put_mem(x, &head, op, width, reg, base, disp);
}

/* the address-size prefix, after that for the segment */
static inline struct head
window_head(bool gs)
{
    return gs ? (struct head){ 0x6765, 2 } : (struct head){ 0x67, 1 };
}

void
nub_x64_window(struct nub_x64 *x, bool gs, uint32_t op, unsigned width, unsigned reg, unsigned base,
               int32_t disp)
{
    struct head head = window_head(gs);

    put_mem(x, &head, op, width, reg, base, disp);
}

void
nub_x64_window_store_imm(struct nub_x64 *x, bool gs, unsigned bytes, unsigned base, int32_t disp,
                         int32_t imm)
{
    uint32_t op = NUB_X64_OP(bytes == 2 ? 0x66 : 0, 0, bytes == 1 ? 0xC6 : 0xC7);
    struct head head = window_head(gs);

    put_mem(x, &head, op, bytes == 8, 0, base, disp);
    nub_x64_put(x, (uint32_t)imm, bytes < 4 ? bytes : 4);
}

void
nub_x64_mem_store_imm32(struct nub_x64 *x, unsigned base, int32_t disp, uint32_t imm)
{
    nub_x64_mem(x, NUB_X64_OP(0, 0, 0xC7), NUB_X64_32, 0, base, disp);
    nub_x64_put(x, imm, 4);
}

void
nub_x64_lea(struct nub_x64 *x, unsigned width, unsigned dst, unsigned base, int32_t disp)
{
    nub_x64_mem(x, NUB_X64_OP_LEA, width, dst, base, disp);
}

/* `op reg, [base + (index << scale)]` */
static void
put_index(struct nub_x64 *x, unsigned width, uint64_t opcode, unsigned reg, unsigned base,
          unsigned index, unsigned scale)
{
    uint64_t rex = 0x40 | width << 3 | reg >> 3 << 2 | index >> 3 << 1 | base >> 3;
    uint64_t sib = scale << 6 | (index & 7) << 3 | (base & 7);
    uint64_t modrm = (reg & 7) << 3 | 4;

    if ((base & 7) == NUB_X64_RBP) /* as a base without disp it would mean "none" */
        nub_x64_put(x, rex | opcode << 8 | (modrm | 0x40) << 16 | sib << 24, 5);
    else
        nub_x64_put(x, rex | opcode << 8 | modrm << 16 | sib << 24, 4);
}

void
nub_x64_lea_index(struct nub_x64 *x, unsigned width, unsigned dst, unsigned base, unsigned index,
                  unsigned scale)
{
    put_index(x, width, 0x8D, dst, base, index, scale);
}

void
nub_x64_load_index4(struct nub_x64 *x, unsigned dst, unsigned base, unsigned index)
{
    put_index(x, NUB_X64_64, 0x8B, dst, base, index, 2);
}

/* ---- VEX ----------------------------------------------------------------------------------- */

/* three-byte VEX without a vector length: pp 0 none, 1 66, 2 F3, 3 F2; map 2 0F38, 3 0F3A */
static void
put_vex(struct nub_x64 *x, unsigned map, unsigned pp, unsigned width, unsigned opcode, unsigned reg,
        unsigned second, unsigned rm)
{
    uint64_t byte1 = (~reg >> 3 & 1) << 7 | 1 << 6 | (~rm >> 3 & 1) << 5 | map;
    uint64_t byte2 = width << 7 | (~second & 15) << 3 | pp;
    uint64_t modrm = 0xC0 | (reg & 7) << 3 | (rm & 7);

    nub_x64_put(x, 0xC4 | byte1 << 8 | byte2 << 16 | (uint64_t)opcode << 24 | modrm << 32, 5);
}

void
nub_x64_shiftx(struct nub_x64 *x, enum nub_x64_shift op, unsigned width, unsigned dst, unsigned src,
               unsigned count)
{
    unsigned pp = op == NUB_X64_SHL ? 1 : op == NUB_X64_SAR ? 2 : 3;

    put_vex(x, 2, pp, width, 0xF7, dst, count, src);
}

void
nub_x64_rorx(struct nub_x64 *x, unsigned width, unsigned dst, unsigned src, unsigned count)
{
    put_vex(x, 3, 3, width, 0xF0, dst, 0, src);
    nub_x64_put(x, count, 1);
}

void
nub_x64_andn(struct nub_x64 *x, unsigned dst, unsigned inverted, unsigned other)
{
    put_vex(x, 2, 0, NUB_X64_64, 0xF2, dst, inverted, other);
}

void
nub_x64_mulx(struct nub_x64 *x, unsigned high, unsigned low, unsigned src)
{
    put_vex(x, 2, 3, NUB_X64_64, 0xF6, high, low, src);
}

/* ---- control ------------------------------------------------------------------------------- */

void
nub_x64_jcc_back(struct nub_x64 *x, enum nub_x64_cond cond, int32_t distance)
{
    if (distance >= -126)
        nub_x64_jcc8(x, cond, (int8_t)(distance - 2));
    else
        nub_x64_jcc32(x, cond, distance - 6);
}

void
nub_x64_jmp_back(struct nub_x64 *x, int32_t distance)
{
    if (distance >= -126)
        nub_x64_jmp8(x, (int8_t)(distance - 2));
    else
        nub_x64_jmp32(x, distance - 5);
}

void
nub_x64_jmp_reg(struct nub_x64 *x, unsigned reg)
{
    nub_x64_rr(x, NUB_X64_OP(0, 0, 0xFF), NUB_X64_32, 4, reg);
}

void
nub_x64_push(struct nub_x64 *x, unsigned reg)
{
    if (reg >= 8)
        nub_x64_put(x, 0x41, 1);
    nub_x64_put(x, 0x50u | (reg & 7), 1);
}

void
nub_x64_pop(struct nub_x64 *x, unsigned reg)
{
    if (reg >= 8)
        nub_x64_put(x, 0x41, 1);
    nub_x64_put(x, 0x58u | (reg & 7), 1);
}

void
nub_x64_ret(struct nub_x64 *x)
{
    nub_x64_put(x, 0xC3, 1);
}
