/* recording.h - the file format of recordings: frames, one after the other (docs/recording.md)
 *
 * A file begins with 16 bytes: "NUBREC01" and zeros. A frame is kind (u32), size of the payload (u32),
 * the payload, and 8 bytes of checksum: the beginning of SHA-256 over the checksum before it (zeros
 * at first) and SHA-256 of kind, size and payload. So a frame cannot be changed, left out or moved unnoticed, and
 * a file that a crash cut off is good up to its last whole frame.
 */
#ifndef NUB_RECORDING_H
#define NUB_RECORDING_H

#include "codec.h"
#include "failure.h"
#include "tape.h"
#include <nub/plugin.h>

#define NUB_RECORDING_HEADER 16u
#define NUB_RECORDING_CHECKSUM 8u

/** Kinds of frames: RECORDING_KIND(NAME, number, "name", what it holds). */
#define NUB_RECORDING_KINDS(RECORDING_KIND)                                                                \
    RECORDING_KIND(BEGIN, 1, "begin", "gas model, mem_cycles, name of the recorded backend")              \
    RECORDING_KIND(PUT, 2, "put_cap", "wire form and hash")                                                \
    RECORDING_KIND(PUT_WITH_HASH, 3, "put_cap_with_hash", "claimed hash and wire form")                    \
    RECORDING_KIND(DROP, 4, "drop_cap", "hash")                                                            \
    RECORDING_KIND(SET_HEAD, 5, "set_state_root", "hash")                                                  \
    RECORDING_KIND(INVOKE_CACHED, 6, "invoke_cached", "the call and its outcome")                          \
    RECORDING_KIND(INVOKE, 7, "invoke", "the call, its host calls and its outcome")                        \
    RECORDING_KIND(RESUME, 8, "resume", "the call, its host calls and its outcome")                        \
    RECORDING_KIND(OPEN, 9, "session_open", "session, instance, endpoint, arguments, gas, gas model")      \
    RECORDING_KIND(RUN, 10, "session_run", "session, result, registers, pc and gas after it")              \
    RECORDING_KIND(SET_REGS, 11, "session_set_regs", "session and registers")                              \
    RECORDING_KIND(SET_PC, 12, "session_set_pc", "session and pc")                                         \
    RECORDING_KIND(SET_GAS, 13, "session_set_gas", "session and gas")                                      \
    RECORDING_KIND(READ, 14, "session_read", "session, address, the bytes")                                \
    RECORDING_KIND(WRITE, 15, "session_write", "session, address, the bytes")                              \
    RECORDING_KIND(MAP, 16, "session_map", "session, address, size, access")                               \
    RECORDING_KIND(COMMIT, 17, "session_commit", "session, advance, successor")                            \
    RECORDING_KIND(CLOSE, 18, "session_close", "session")

enum nub_recording_kind {
#define RECORDING_KIND(NAME, number, text, holds) NUB_RECORDING_##NAME = number,
    NUB_RECORDING_KINDS(RECORDING_KIND)
#undef RECORDING_KIND
};

/** One frame. Which members count depends on `kind`; the others are zero. */
struct nub_frame {
    uint32_t kind;   /* enum nub_recording_kind */
    uint32_t status; /* what the function returned */
    struct nub_hash error_hash;
    uint64_t error_address;

    uint64_t session;      /* number of the session, from 1 */
    struct nub_hash hash;  /* the capability, instance, or head */
    uint8_t *bytes;        /* wire form, input, or memory; owned */
    uint64_t size;
    uint64_t address, length;
    uint32_t access, advance, flags, endpoint, gas_model, mem_cycles, pc, output_flag;
    uint64_t args[4], regs[NUB_N_REGS], gas, max_output;
    struct nub_hash expected_head, successor;
    struct nub_result result;
    uint8_t *output; /* owned */
    uint64_t output_size;
    struct tape *tape; /* owned; NULL: no host table */
};

/** "invoke_cached"; NULL for a number that is no kind. */
const char *nub_recording_kind_name(uint32_t kind);
/** Frees what a frame owns and zeroes it. */
void nub_frame_clear(struct nub_frame *frame);
/** The payload of a frame, by one description for both directions (`kind` is set before). */
void nub_frame_code(struct nub_codec *codec, struct nub_frame *frame);

/** Header of an empty recording. */
void nub_recording_header(uint8_t header[NUB_RECORDING_HEADER]);
/** Appends one frame, framed and checksummed, to a writing codec; `chain` is carried from frame to frame, zero at first. */
void nub_recording_append(struct nub_codec *file, const struct nub_frame *frame, uint8_t chain[NUB_RECORDING_CHECKSUM]);

/** Reads a recording frame by frame. */
struct nub_recording {
    const uint8_t *data;
    uint64_t size, at;
    uint8_t chain[NUB_RECORDING_CHECKSUM];
};
/** BAD_ENCODING: no recording. The bytes must outlive it. */
enum nub_status nub_recording_open(struct nub_recording *recording, struct nub_slice file, struct nub_failure *failure);
/** The next frame (clear it); NOT_FOUND at the end; BAD_ENCODING with the offset: broken or cut off from there on. */
enum nub_status nub_recording_next(struct nub_recording *recording, struct nub_frame *frame, struct nub_failure *failure);

#endif
