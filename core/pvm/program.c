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

/* those of the 64 indices from `code` on that are in `mask` and whose opcodes have this flag */
static inline uint64_t
select_opcodes(const uint8_t *code, uint64_t mask, unsigned flag, uint32_t *count)
{
    uint64_t selected = 0;

    for (uint64_t bits = mask; bits != 0; bits &= bits - 1) {
        uint64_t bit = (uint64_t)__builtin_ctzll(bits);
        uint64_t has_flag = opcode_flags[code[bit]] / flag & 1;
        selected |= has_flag << bit;
        *count += (uint32_t)has_flag;
    }
    return selected;
}

/* the indices that an instruction can lead to: those with another at most a skip and one before */
static inline uint64_t
near_ones(uint64_t mask, uint64_t mask_before)
{
    unsigned __int128 near = (unsigned __int128)mask << 64 | mask_before;

    near |= near << 1;
    near |= near << 2;
    near |= near << 4;
    near |= near << 8;
    near |= near << (NUB_MAX_SKIP - 15);
    return (uint64_t)(near << 1 >> 64);
}

/*
 * Where the mask is 0 its complement is 1, and a bit that is added there is carried up to the next
 * instruction: so what is behind each terminator is found for 64 indices at once.
 */
uint32_t
nub_program_block_starts(const struct nub_program *program, uint8_t *starts)
{
    uint64_t n_words = ((uint64_t)program->code_size + 63) / 64;
    uint64_t before = 0;
    bool carry = true; /* what is behind a terminator begins in this word, or the code does */
    uint32_t n_ends = 0, count = 0;

    for (uint64_t word = 0; word < n_words; word++) {
        const uint8_t *code = program->code + word * 64;
        uint64_t mask = mask_word(program, word);
        uint64_t ends = select_opcodes(code, mask, TERMINATOR, &n_ends);
        uint64_t reached = near_ones(mask, before) | (word == 0);
        uint64_t sum, next_sum;
        bool leaves = __builtin_add_overflow(~mask, ends << 1, &sum);
        leaves |= __builtin_add_overflow(sum, (uint64_t)carry, &next_sum);
        put_word(starts, mask_size(program), word,
                 select_opcodes(code, next_sum & mask & reached, KNOWN, &count));
        carry = leaves | (ends >> 63);
        before = mask;
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
