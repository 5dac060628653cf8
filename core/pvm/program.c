/* program.c - what is an instruction, and where blocks begin
 *
 * Reads code and mask of programs that may be hostile: every function is bounded by the sizes in
 * struct nub_program and linear in them. Judges no opcode and no target: pvm.md lets all that
 * show when it is executed. Must never allocate. Read pvm.md 2.1-2.4 and 3.2.
 */
#include "program.h"

enum { KNOWN = 1, TERMINATOR = 2 };

/* by opcode: 256 bytes that stay in the cache during a scan of the whole code */
static const uint8_t opcode_flags[256] = {
#define NUB_INSN(number, NAME, mnemonic, class, terminator, ...)                                   \
    [number] = KNOWN | (terminator ? TERMINATOR : 0),
#include "isa.def"
};

static inline uint64_t
mask_size(const struct nub_program *program)
{
    return ((uint64_t)program->code_size + 7) / 8;
}

enum nub_status
nub_program_check(const struct nub_program *program, struct nub_failure *failure)
{
    if (program->code_size > NUB_MAX_CODE)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "code: %u bytes, more than %u",
                        program->code_size, NUB_MAX_CODE);
    if (program->n_jump > NUB_MAX_JUMP)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "jump table: %u entries, more than %u",
                        program->n_jump, NUB_MAX_JUMP);
    if (program->jump_width > 4 || (program->jump_width == 0 && program->n_jump > 0))
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "jump table: entries of %u bytes",
                        program->jump_width);
    uint32_t used = program->code_size & 7;
    if (used != 0 && program->mask[program->code_size >> 3] >> used)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, program->code_size >> 3,
                           "mask: a bit beyond the code's %u bytes is set", program->code_size);
    return NUB_OK;
}

uint32_t
nub_program_jump_entry(const struct nub_program *program, uint32_t i)
{
    const uint8_t *entry = program->jump_table + (uint64_t)i * program->jump_width;
    uint32_t target = 0;

    for (uint32_t byte = 0; byte < program->jump_width; byte++)
        target |= (uint32_t)entry[byte] << (8 * byte);
    return target;
}

uint32_t
nub_program_skip_near_end(const struct nub_program *program, uint32_t i)
{
    uint32_t n = 0;

    while (n < NUB_MAX_SKIP && !nub_program_is_start(program, (uint64_t)i + 1 + n))
        n++;
    return n;
}

/* 64 bits of the mask from bit 64 * word on, those past the end being 0 */
static inline uint64_t
mask_word(const struct nub_program *program, uint64_t word)
{
    uint8_t bytes[8] = { 0 };
    uint64_t at = word * 8;

    if (at + 8 <= mask_size(program))
        return nub_le64(program->mask + at);
    for (uint64_t i = at; i < mask_size(program); i++)
        bytes[i - at] = program->mask[i];
    return nub_le64(bytes);
}

static inline void
put_word(uint8_t *bitmap, uint64_t size, uint64_t word, uint64_t bits)
{
    uint64_t at = word * 8;

    if (at + 8 <= size) {
        nub_put_le64(bitmap + at, bits);
        return;
    }
    for (; at < size; at++, bits >>= 8)
        bitmap[at] = (uint8_t)bits;
}

uint32_t
nub_program_block_starts(const struct nub_program *program, uint8_t *starts)
{
    uint64_t n_words = ((uint64_t)program->code_size + 63) / 64;
    uint64_t ended = 1; /* the instruction before this one is a terminator; nothing is before 0 */
    uint64_t last_reach = 0; /* the last index that it can lead to: its own and 25 */
    uint32_t count = 0;

    for (uint64_t word = 0; word < n_words; word++) {
        uint64_t found = 0;
        for (uint64_t bits = mask_word(program, word); bits != 0; bits &= bits - 1) {
            uint64_t bit = (uint64_t)__builtin_ctzll(bits);
            uint64_t i = word * 64 + bit;
            uint8_t flags = opcode_flags[program->code[i]];
            uint64_t is_start = flags & KNOWN & ended & (i <= last_reach);
            found |= is_start << bit;
            count += (uint32_t)is_start;
            ended = flags >> 1;
            last_reach = i + 1 + NUB_MAX_SKIP;
        }
        put_word(starts, mask_size(program), word, found);
    }
    return count;
}

bool
nub_program_is_block_start(const struct nub_program *program, uint64_t pc)
{
    if (pc >= program->code_size || !nub_program_is_start(program, pc) ||
        !(opcode_flags[program->code[pc]] & KNOWN))
        return false;
    if (pc == 0)
        return true;
    /* only the nearest instruction before pc can lead here: an earlier one leads to it */
    for (uint64_t back = 1; back <= pc && back <= 1 + NUB_MAX_SKIP; back++)
        if (nub_program_is_start(program, pc - back))
            return opcode_flags[program->code[pc - back]] & TERMINATOR;
    return false;
}
