/* program-blob.c - the form in which programs are interchanged
 *
 * Parses and writes nat(|j|) u8(z) nat(|c|) j c k. Parsing is strict and complete: a view that
 * comes out of it breaks no rule of pvm.md 2.5. Must never look at opcodes. Read pvm.md 2.5-2.7.
 */
#include "program.h"

/* what is left of the blob */
struct reader {
    const uint8_t *start;
    uint64_t at;
    uint64_t size;
};

/* the number of bytes that follow the first byte of a natural: its leading 1 bits */
static uint32_t
nat_extra(uint8_t first)
{
    return first == 0xFF ? 8 : (uint32_t)__builtin_clz(~((uint32_t)first << 24));
}

static enum nub_status
read_nat(struct reader *reader, const char *what, uint64_t *value, struct nub_failure *failure)
{
    uint64_t at = reader->at;

    if (at >= reader->size)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, at, "program blob: %s is missing", what);
    uint8_t first = reader->start[at];
    uint32_t extra = nat_extra(first);
    if (reader->size - at - 1 < extra)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, at, "program blob: %s is cut off", what);

    uint64_t x = extra < 7 ? (uint64_t)(first & 0x7F >> extra) << (8 * extra) : 0;
    for (uint32_t i = 0; i < extra; i++)
        x |= (uint64_t)reader->start[at + 1 + i] << (8 * i);
    if (extra > 0 && x >> (7 * extra) == 0)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, at,
                           "program blob: %s is not in its shortest form", what);
    reader->at = at + 1 + extra;
    *value = x;
    return NUB_OK;
}

static uint32_t
nat_size(uint64_t x)
{
    uint32_t extra = 0;

    while (extra < 8 && x >> (7 * extra + 7) != 0)
        extra++;
    return 1 + extra;
}

static uint8_t *
write_nat(uint8_t *out, uint64_t x)
{
    uint32_t extra = nat_size(x) - 1;
    uint32_t ones = 0xFF00u >> extra & 0xFF;

    *out++ = (uint8_t)(extra < 8 ? ones | x >> (8 * extra) : ones);
    for (uint32_t i = 0; i < extra; i++)
        *out++ = (uint8_t)(x >> (8 * i));
    return out;
}

enum nub_status
nub_program_parse_blob(struct nub_program *program, struct nub_slice blob,
                       struct nub_failure *failure)
{
    struct reader reader = { blob.data, 0, blob.size };
    uint64_t n_jump, width, code_size;
    enum nub_status status;

    if ((status = read_nat(&reader, "the size of the jump table", &n_jump, failure)))
        return status;
    if (reader.at >= reader.size)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, reader.at,
                           "program blob: the size of jump table entries is missing");
    width = reader.start[reader.at++];
    if (width > 4 || (width == 0 && n_jump > 0))
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, reader.at - 1,
                           "program blob: jump table entries of %U bytes", width);
    if ((status = read_nat(&reader, "the size of the code", &code_size, failure)))
        return status;
    /* the limits first: they keep the sums below from wrapping */
    if (n_jump > NUB_MAX_JUMP)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING,
                        "program blob: %U jump table entries, more than %u", n_jump, NUB_MAX_JUMP);
    if (code_size > NUB_MAX_CODE)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "program blob: %U code bytes, more than %u",
                        code_size, NUB_MAX_CODE);

    uint64_t left = reader.size - reader.at;
    uint64_t need = n_jump * width + code_size + (code_size + 7) / 8;
    if (left != need)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, reader.at,
                           "program blob: %U bytes after the header instead of %U", left, need);
    program->n_jump = (uint32_t)n_jump;
    program->jump_width = (uint32_t)width;
    program->jump_table = reader.start + reader.at;
    program->code = program->jump_table + n_jump * width;
    program->code_size = (uint32_t)code_size;
    program->mask = program->code + code_size;
    return nub_program_check(program, failure);
}

/* bytes that the largest entry needs; 1 for an empty table */
static uint32_t
entry_width(const struct nub_program *program)
{
    uint32_t largest = 0;

    for (uint32_t i = 0; i < program->n_jump; i++)
        largest |= nub_program_jump_entry(program, i);
    return largest >> 24 ? 4 : largest >> 16 ? 3 : largest >> 8 ? 2 : 1;
}

uint64_t
nub_program_blob_size_as(const struct nub_program *program, uint32_t width)
{
    uint64_t code_size = program->code_size;

    return nat_size(program->n_jump) + 1 + nat_size(code_size) + (uint64_t)program->n_jump * width +
           code_size + (code_size + 7) / 8;
}

void
nub_program_write_blob_as(const struct nub_program *program, uint32_t width, uint8_t *blob)
{
    uint64_t mask_size = ((uint64_t)program->code_size + 7) / 8;

    blob = write_nat(blob, program->n_jump);
    *blob++ = (uint8_t)width;
    blob = write_nat(blob, program->code_size);
    for (uint32_t i = 0; i < program->n_jump; i++) {
        uint32_t entry = nub_program_jump_entry(program, i);
        for (uint32_t byte = 0; byte < width; byte++)
            *blob++ = (uint8_t)(entry >> (8 * byte));
    }
    if (program->code_size == 0)
        return;
    memcpy(blob, program->code, program->code_size);
    memcpy(blob + program->code_size, program->mask, mask_size);
}

uint64_t
nub_program_blob_size(const struct nub_program *program)
{
    return nub_program_blob_size_as(program, entry_width(program));
}

void
nub_program_write_blob(const struct nub_program *program, uint8_t *blob)
{
    nub_program_write_blob_as(program, entry_width(program), blob);
}
