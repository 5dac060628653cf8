/* recording.c - frames to bytes and back; see recording.h
 *
 * Reading meets hostile bytes: a frame is believed only when its checksum, its kind and every
 * length in it hold, and when nothing is left over.
 */
#include "recording.h"
#include "bytes.h"
#include "sha256.h"
#include <stdlib.h>

static const char magic[8] = { 'N', 'U', 'B', 'R', 'E', 'C', '0', '1' };

const char *
nub_recording_kind_name(uint32_t kind)
{
    switch (kind) {
#define RECORDING_KIND(NAME, number, text, holds)                                                  \
    case number:                                                                                   \
        return text;
        NUB_RECORDING_KINDS(RECORDING_KIND)
#undef RECORDING_KIND
    default:
        return NULL;
    }
}

void
nub_frame_clear(struct nub_frame *frame)
{
    free(frame->bytes);
    free(frame->output);
    tape_free(frame->tape);
    memset(frame, 0, sizeof *frame);
}

/* ---- payloads -------------------------------------------------------------------------------- */

static void
code_result(struct nub_codec *codec, struct nub_result *result)
{
    nub_codec_u32(codec, &result->exit_reason);
    nub_codec_u32(codec, &result->exit_arg);
    nub_codec_u64(codec, &result->return_value);
    nub_codec_u64(codec, &result->gas_remaining);
}

/* How a run shall be made: of calls and of session_open. */
static void
code_start(struct nub_codec *codec, struct nub_frame *frame)
{
    nub_codec_hash(codec, &frame->hash);
    nub_codec_u32(codec, &frame->endpoint);
    nub_codec_u32(codec, &frame->gas_model);
    nub_codec_u32(codec, &frame->mem_cycles);
    nub_codec_u64s(codec, frame->args, 4);
    nub_codec_u64(codec, &frame->gas);
}

static void
code_full_call(struct nub_codec *codec, struct nub_frame *frame)
{
    uint32_t has_tape = frame->tape != NULL;

    code_start(codec, frame);
    nub_codec_u32(codec, &frame->flags);
    nub_codec_u64s(codec, frame->regs, NUB_N_REGS);
    nub_codec_blob(codec, &frame->bytes, &frame->size);
    nub_codec_u64(codec, &frame->max_output);
    nub_codec_hash(codec, &frame->expected_head);
    nub_codec_u32(codec, &has_tape);
    if (has_tape > 1)
        codec->failed = true;
    if (has_tape && !codec->failed)
        tape_code(codec, &frame->tape);
    code_result(codec, &frame->result);
    nub_codec_hash(codec, &frame->successor);
    nub_codec_u32(codec, &frame->output_flag);
    nub_codec_blob(codec, &frame->output, &frame->output_size);
}

static void
code_session(struct nub_codec *codec, struct nub_frame *frame)
{
    nub_codec_u64(codec, &frame->session);
    switch (frame->kind) {
    case NUB_RECORDING_OPEN:
        code_start(codec, frame);
        break;
    case NUB_RECORDING_RUN:
        code_result(codec, &frame->result);
        nub_codec_u64s(codec, frame->regs, NUB_N_REGS);
        nub_codec_u32(codec, &frame->pc);
        nub_codec_u64(codec, &frame->gas);
        break;
    case NUB_RECORDING_SET_REGS:
        nub_codec_u64s(codec, frame->regs, NUB_N_REGS);
        break;
    case NUB_RECORDING_SET_PC:
        nub_codec_u32(codec, &frame->pc);
        break;
    case NUB_RECORDING_SET_GAS:
        nub_codec_u64(codec, &frame->gas);
        break;
    case NUB_RECORDING_READ:
    case NUB_RECORDING_WRITE:
        nub_codec_u64(codec, &frame->address);
        nub_codec_u64(codec, &frame->length);
        nub_codec_blob(codec, &frame->bytes, &frame->size);
        break;
    case NUB_RECORDING_MAP:
        nub_codec_u64(codec, &frame->address);
        nub_codec_u64(codec, &frame->length);
        nub_codec_u32(codec, &frame->access);
        break;
    case NUB_RECORDING_COMMIT:
        nub_codec_u32(codec, &frame->advance);
        nub_codec_hash(codec, &frame->successor);
        break;
    default:
        break;
    }
}

void
nub_frame_code(struct nub_codec *codec, struct nub_frame *frame)
{
    nub_codec_u32(codec, &frame->status);
    nub_codec_hash(codec, &frame->error_hash);
    nub_codec_u64(codec, &frame->error_address);
    switch (frame->kind) {
    case NUB_RECORDING_BEGIN:
        nub_codec_u32(codec, &frame->gas_model);
        nub_codec_u32(codec, &frame->mem_cycles);
        nub_codec_blob(codec, &frame->bytes, &frame->size);
        break;
    case NUB_RECORDING_PUT:
    case NUB_RECORDING_PUT_WITH_HASH:
        nub_codec_hash(codec, &frame->hash);
        nub_codec_blob(codec, &frame->bytes, &frame->size);
        break;
    case NUB_RECORDING_DROP:
    case NUB_RECORDING_SET_HEAD:
        nub_codec_hash(codec, &frame->hash);
        break;
    case NUB_RECORDING_INVOKE_CACHED:
        code_start(codec, frame);
        code_result(codec, &frame->result);
        break;
    case NUB_RECORDING_INVOKE:
    case NUB_RECORDING_RESUME:
        code_full_call(codec, frame);
        break;
    default:
        code_session(codec, frame);
        break;
    }
}

/* ---- frames ---------------------------------------------------------------------------------- */

void
nub_recording_header(uint8_t header[NUB_RECORDING_HEADER])
{
    memset(header, 0, NUB_RECORDING_HEADER);
    memcpy(header, magic, sizeof magic);
}

/*
 * The next link of the chain: over the link before, and the digest of the frame. The digest keeps
 * the hashed string short, so that nothing needs to be copied together.
 */
static void
chain_step(uint8_t chain[NUB_RECORDING_CHECKSUM], const uint8_t *frame, size_t size)
{
    uint8_t both[NUB_RECORDING_CHECKSUM + 32], digest[32];

    memcpy(both, chain, NUB_RECORDING_CHECKSUM);
    nub_sha256(both + NUB_RECORDING_CHECKSUM, frame, size);
    nub_sha256(digest, both, sizeof both);
    memcpy(chain, digest, NUB_RECORDING_CHECKSUM);
}

void
nub_recording_append(struct nub_codec *file, const struct nub_frame *frame,
                     uint8_t chain[NUB_RECORDING_CHECKSUM])
{
    struct nub_frame copy = *frame; /* the description takes what it may change; it only reads */
    uint32_t placeholder = 0;
    size_t start = file->size;

    nub_codec_u32(file, &copy.kind);
    nub_codec_u32(file, &placeholder);
    nub_frame_code(file, &copy);
    size_t size = file->size - start;
    if (size - 8 > UINT32_MAX)
        file->failed = true;
    if (file->failed)
        return;
    nub_put_le32(file->data + start + 4, (uint32_t)(size - 8));
    chain_step(chain, file->data + start, size);
    nub_codec_raw(file, chain, NUB_RECORDING_CHECKSUM);
}

enum nub_status
nub_recording_open(struct nub_recording *recording, struct nub_slice file,
                   struct nub_failure *failure)
{
    uint8_t header[NUB_RECORDING_HEADER];

    nub_recording_header(header);
    if (file.size < sizeof header || memcmp(file.data, magic, sizeof magic - 2) != 0)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "recording: not a recording");
    if (memcmp(file.data, header, sizeof header) != 0)
        return nub_fail(failure, NUB_ERR_BAD_ENCODING, "recording: another version of the format");
    *recording =
        (struct nub_recording){ .data = file.data, .size = file.size, .at = sizeof header };
    return NUB_OK;
}

static enum nub_status
broken(const struct nub_recording *recording, const char *what, struct nub_failure *failure)
{
    return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, recording->at, "recording: byte %U: %s",
                       recording->at, what);
}

enum nub_status
nub_recording_next(struct nub_recording *recording, struct nub_frame *frame,
                   struct nub_failure *failure)
{
    const uint8_t *start = recording->data + recording->at;
    uint64_t left = recording->size - recording->at;
    uint8_t chain[NUB_RECORDING_CHECKSUM];

    memset(frame, 0, sizeof *frame);
    if (left == 0)
        return nub_fail(failure, NUB_ERR_NOT_FOUND, "recording: the end");
    if (left < 8 || left - 8 < (uint64_t)nub_le32(start + 4) + NUB_RECORDING_CHECKSUM)
        return broken(recording, "a frame is cut off", failure);
    size_t size = 8 + (size_t)nub_le32(start + 4);
    memcpy(chain, recording->chain, sizeof chain);
    chain_step(chain, start, size);
    if (memcmp(chain, start + size, sizeof chain) != 0)
        return broken(recording, "the checksum of a frame is wrong", failure);
    frame->kind = nub_le32(start);
    if (!nub_recording_kind_name(frame->kind))
        return broken(recording, "a frame of an unknown kind", failure);
    struct nub_codec codec = nub_codec_reader(start + 8, size - 8);
    nub_frame_code(&codec, frame);
    if (codec.failed || codec.at != codec.size) {
        nub_frame_clear(frame);
        return broken(recording, "a frame does not hold what its kind says", failure);
    }
    memcpy(recording->chain, chain, sizeof chain);
    recording->at += size + NUB_RECORDING_CHECKSUM;
    return NUB_OK;
}
