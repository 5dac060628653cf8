/* codec.h - one description of a layout that both writes and reads it
 *
 * A function that describes a record calls nub_codec_u32(codec, &x) and so on for each field; the
 * same function encodes when `reading` is false and decodes when it is true, so that the two can
 * never disagree. All numbers are little-endian. A read past the end, or a length that the rest of
 * the bytes cannot hold, sets `failed`, and every later call does nothing: check once, at the end.
 */
#ifndef NUB_TAPE_CODEC_H
#define NUB_TAPE_CODEC_H

#include <nub/types.h>
#include <stdbool.h>
#include <stddef.h>

struct nub_codec {
    uint8_t *data; /* writing: owned, grown as needed; reading: borrowed */
    size_t size;   /* bytes that are there */
    size_t capacity;
    size_t at; /* reading: the next byte */
    bool reading;
    bool failed; /* no memory, or no valid record */
};

struct nub_codec nub_codec_reader(const uint8_t *data, size_t size);
/** Frees what a writer has grown. */
void nub_codec_clear(struct nub_codec *codec);

void nub_codec_raw(struct nub_codec *codec, void *bytes, size_t size);
void nub_codec_u32(struct nub_codec *codec, uint32_t *x);
void nub_codec_u64(struct nub_codec *codec, uint64_t *x);
void nub_codec_u64s(struct nub_codec *codec, uint64_t *x, size_t n);
void nub_codec_hash(struct nub_codec *codec, struct nub_hash *hash);
/** Length and bytes. Reading allocates `*data` (free it; NULL when the length is 0). */
void nub_codec_blob(struct nub_codec *codec, uint8_t **data, uint64_t *size);
/**
 * The length of a list of elements that take at least `least` bytes each. Reading checks that the
 * rest can hold them, and allocates zeroed elements of `element` bytes to `*list`.
 */
void nub_codec_list(struct nub_codec *codec, void **list, size_t *n, size_t element, size_t least);

#endif
