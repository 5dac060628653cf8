/* x64-emit.c - the encodings that are too long to be inlined
 *
 * Accesses to the window, indices, VEX. Must never read what it has written. Encodings: Intel SDM
 * volume 2, 2.1-2.3; tests decode every one back.
 */
#include "x64-emit.h"

/* ---- the window ---------------------------------------------------------------------------- */

/* the address-size prefix, after that for the segment */
static inline uint64_t
window_prefixes(bool gs)
{
    return gs ? 0x6765 : 0x67;
}

void
nub_x64_window(struct nub_x64 *x, bool gs, uint32_t op, unsigned width, unsigned reg, unsigned base,
               int32_t disp)
{
    nub_x64_prefixed_mem(x, window_prefixes(gs), 1u + gs, op, width, reg, base, disp);
}

void
nub_x64_window_store_imm(struct nub_x64 *x, bool gs, unsigned bytes, unsigned base, int32_t disp,
                         int32_t imm)
{
    uint32_t op = NUB_X64_OP(bytes == 2 ? 0x66 : 0, 0, bytes == 1 ? 0xC6 : 0xC7);

    nub_x64_prefixed_mem(x, window_prefixes(gs), 1u + gs, op, bytes == 8, 0, base, disp);
    nub_x64_put(x, (uint32_t)imm, bytes < 4 ? bytes : 4);
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
