/* program.h - a program: code, mask, jump table; instruction starts, decoding, block starts
 *
 * Nothing here allocates. A program is a view; the bytes belong to the caller (an Image's wire
 * form, usually). Source: pvm.md 2, 3, 4.
 */
#ifndef NUB_PVM_PROGRAM_H
#define NUB_PVM_PROGRAM_H

#include "isa.h"
#include "bytes.h"
#include "failure.h"
#include <nub/plugin.h> /* struct nub_slice */

#define NUB_MAX_CODE (1u << 28)
#define NUB_MAX_JUMP (1u << 24)
#define NUB_MAX_SKIP 24u

struct nub_program {
    const uint8_t *code;
    uint32_t code_size;
    const uint8_t *mask; /* packed, least significant bit first; ceil(code_size / 8) bytes */
    const uint8_t *jump_table; /* n_jump entries of jump_width bytes, little-endian */
    uint32_t n_jump;
    uint32_t jump_width; /* 4 in an Image, 0..4 in a blob */
};

/** A decoded instruction: fields of pvm.md 4; those that its class lacks are 0. */
struct nub_insn {
    uint32_t pc;
    uint8_t opcode;
    uint8_t a, b, d; /* register numbers, 0..12 */
    uint32_t next;   /* pc + 1 + skip */
    uint64_t x, y;   /* immediates, sign-extended */
    uint64_t target; /* (u64)pc + offset for classes O, RIO, RRO */
};

/** Checks sizes, the limits and stray mask bits (pvm.md 2.5 rules 4, 5); reason and offset in `failure`. */
enum nub_status nub_program_check(const struct nub_program *program, struct nub_failure *failure);
/** Parses a program blob (pvm.md 2.5). BAD_ENCODING. */
enum nub_status nub_program_parse_blob(struct nub_program *program, struct nub_slice blob, struct nub_failure *failure);
uint64_t nub_program_blob_size(const struct nub_program *program);
void nub_program_write_blob(const struct nub_program *program, uint8_t *blob);
/** The same with jump table entries of `width` bytes, which must hold them all, instead of the smallest size. */
uint64_t nub_program_blob_size_as(const struct nub_program *program, uint32_t width);
void nub_program_write_blob_as(const struct nub_program *program, uint32_t width, uint8_t *blob);

static inline uint8_t
nub_program_byte(const struct nub_program *p, uint64_t i)
{
    return i < p->code_size ? p->code[i] : 0;
}

/** k[i] of pvm.md 2.1: true at and past the end. */
static inline bool
nub_program_is_start(const struct nub_program *p, uint64_t i)
{
    return i >= p->code_size || (p->mask[i >> 3] >> (i & 7) & 1);
}

/** nub_program_skip() where the mask ends within the next five bytes. */
uint32_t nub_program_skip_near_end(const struct nub_program *program, uint32_t i);

/** skip(i): the number of argument bytes of the instruction at i (< code_size), 0..24. */
static inline uint32_t
nub_program_skip(const struct nub_program *p, uint32_t i)
{
    uint32_t next = i + 1;

    /* all 32 bits read belong to the code, so the bits past its end need no thought */
    if (((uint64_t)next >> 3) + 4 >= ((uint64_t)p->code_size + 7) >> 3)
        return nub_program_skip_near_end(p, i);
    uint32_t bits = nub_le32(p->mask + (next >> 3)) >> (next & 7);
    return (uint32_t)__builtin_ctz(bits | 1u << NUB_MAX_SKIP);
}
/** Entry i (< n_jump) of the jump table. */
uint32_t nub_program_jump_entry(const struct nub_program *program, uint32_t i);

/** Decodes what is at `pc` (< code_size) as its opcode's class; unknown opcodes as class N. */
void nub_insn_decode(struct nub_insn *insn, const struct nub_program *program, uint32_t pc);
/**
 * Decodes what follows each other from `pc` (< code_size) on: up to and with an unknown opcode, one with the longest
 * skip (no instruction need start behind it), the last one before `limit` (<= code_size), or the `max`-th; if
 * `one_block`, a terminator, too. Returns how many, at least 1.
 */
uint32_t nub_insn_decode_run(struct nub_insn *insns, uint32_t max, const struct nub_program *program, uint32_t pc, uint32_t limit, bool one_block);

/**
 * The set of block starts (pvm.md 3.2) as a packed bitmap of ceil(code_size / 8) bytes, least
 * significant bit first, written to `starts`. Returns how many there are. Linear.
 */
uint32_t nub_program_block_starts(const struct nub_program *program, uint8_t *starts);
/** Whether one index is a block start, without the bitmap: looks back at most 25 bytes. */
bool nub_program_is_block_start(const struct nub_program *program, uint64_t pc);

/* ---- encoding ------------------------------------------------------------------------------ */

#define NUB_MAX_INSN_SIZE 25u
/**
 * Writes an instruction in its shortest form to `bytes` and returns its length. Offsets are
 * target - pc. `min_offset_size` (0..4) widens the offset of classes O, RIO, RRO. An immediate
 * that is not a sign-extended 32-bit value, or an offset out of range, returns 0.
 */
uint32_t nub_insn_encode(uint8_t bytes[NUB_MAX_INSN_SIZE], const struct nub_insn *insn, uint32_t min_offset_size);
/** The same with at least `min_x_size` bytes for X and `min_y_size` for Y or the offset, whichever it has. */
uint32_t nub_insn_encode_sized(uint8_t bytes[NUB_MAX_INSN_SIZE], const struct nub_insn *insn, uint32_t min_x_size, uint32_t min_y_size);
/** Bytes that an immediate needs, 0..4; 5: it is no sign-extended 32-bit value. */
uint32_t nub_insn_value_size(uint64_t value);

#endif
