/* fuzz-recording.c - any bytes as a recording, and as the payload of one frame
 *
 * Checksums keep a fuzzer out of the frames, so the bytes are taken twice: as a file, and, behind a
 * byte that is the kind, as a payload that is framed here. What reads is written back as the same
 * bytes; what does not leaves nothing behind.
 */
#include "fuzz.h"
#include "recording.h"
#include <stdlib.h>
#include <string.h>

static void
read_file(const uint8_t *data, size_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_recording recording;
    struct nub_frame frame;
    enum nub_status status;

    if (nub_recording_open(&recording, (struct nub_slice){ data, size }, &failure) != NUB_OK)
        return;
    while ((status = nub_recording_next(&recording, &frame, &failure)) == NUB_OK)
        nub_frame_clear(&frame);
    FUZZ_CHECK(status == NUB_ERR_NOT_FOUND || status == NUB_ERR_BAD_ENCODING);
    FUZZ_CHECK(recording.at <= size);
}

/* A payload that was read, as a file of one frame. */
static void
write_and_read(const struct nub_frame *frame, const uint8_t *payload, size_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    uint8_t header[NUB_RECORDING_HEADER], chain[NUB_RECORDING_CHECKSUM] = { 0 };
    struct nub_codec file = { 0 };
    struct nub_recording recording;
    struct nub_frame again;

    nub_recording_header(header);
    nub_codec_raw(&file, header, sizeof header);
    nub_recording_append(&file, frame, chain);
    FUZZ_CHECK(!file.failed);
    FUZZ_CHECK(file.size == sizeof header + 8 + size + sizeof chain);
    FUZZ_CHECK(memcmp(file.data + sizeof header + 8, payload, size) == 0);
    struct nub_slice bytes = { file.data, file.size };
    FUZZ_CHECK(nub_recording_open(&recording, bytes, &failure) == NUB_OK);
    FUZZ_CHECK(nub_recording_next(&recording, &again, &failure) == NUB_OK);
    nub_frame_clear(&again);
    FUZZ_CHECK(nub_recording_next(&recording, &again, &failure) == NUB_ERR_NOT_FOUND);
    nub_codec_clear(&file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_file(data, size);
    if (size == 0 || !nub_recording_kind_name(data[0]))
        return 0;
    struct nub_codec codec = nub_codec_reader(data + 1, size - 1);
    struct nub_frame frame = { .kind = data[0] };
    nub_frame_code(&codec, &frame);
    if (!codec.failed && codec.at == codec.size)
        write_and_read(&frame, data + 1, size - 1);
    nub_frame_clear(&frame);
    return 0;
}
