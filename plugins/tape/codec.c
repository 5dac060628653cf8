/* codec.c - reading and writing fields by one description; see codec.h
 *
 * Reading meets hostile bytes: every length is held against what is left before it is believed.
 */
#include "codec.h"
#include "bytes.h"
#include <stdlib.h>

struct nub_codec
nub_codec_reader(const uint8_t *data, size_t size)
{
    return (struct nub_codec){ .data = (uint8_t *)data, .size = size, .reading = true };
}

void
nub_codec_clear(struct nub_codec *codec)
{
    if (!codec->reading)
        free(codec->data);
    *codec = (struct nub_codec){ 0 };
}

static size_t
left(const struct nub_codec *codec)
{
    return codec->size - codec->at;
}

static bool
reserve(struct nub_codec *codec, size_t size)
{
    if (size <= codec->capacity - codec->size)
        return true;
    size_t capacity = codec->capacity ? codec->capacity : 256;
    while (capacity - codec->size < size)
        capacity *= 2;
    uint8_t *grown = realloc(codec->data, capacity);
    if (!grown)
        return false;
    codec->data = grown;
    codec->capacity = capacity;
    return true;
}

void
nub_codec_raw(struct nub_codec *codec, void *bytes, size_t size)
{
    if (codec->failed || size == 0)
        return;
    if (codec->reading ? size > left(codec) : !reserve(codec, size)) {
        codec->failed = true;
        return;
    }
    if (codec->reading) {
        memcpy(bytes, codec->data + codec->at, size);
        codec->at += size;
    } else {
        memcpy(codec->data + codec->size, bytes, size);
        codec->size += size;
    }
}

void
nub_codec_u32(struct nub_codec *codec, uint32_t *x)
{
    uint8_t bytes[4];

    nub_put_le32(bytes, codec->reading ? 0 : *x);
    nub_codec_raw(codec, bytes, sizeof bytes);
    if (codec->reading)
        *x = codec->failed ? 0 : nub_le32(bytes);
}

void
nub_codec_u64(struct nub_codec *codec, uint64_t *x)
{
    uint8_t bytes[8];

    nub_put_le64(bytes, codec->reading ? 0 : *x);
    nub_codec_raw(codec, bytes, sizeof bytes);
    if (codec->reading)
        *x = codec->failed ? 0 : nub_le64(bytes);
}

void
nub_codec_u64s(struct nub_codec *codec, uint64_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nub_codec_u64(codec, &x[i]);
}

void
nub_codec_hash(struct nub_codec *codec, struct nub_hash *hash)
{
    nub_codec_raw(codec, hash->bytes, sizeof hash->bytes);
}

void
nub_codec_blob(struct nub_codec *codec, uint8_t **data, uint64_t *size)
{
    nub_codec_u64(codec, size);
    if (codec->reading) {
        *data = NULL;
        if (!codec->failed && *size > left(codec))
            codec->failed = true;
        if (codec->failed || *size == 0) {
            *size = 0;
            return;
        }
        *data = malloc(*size);
        if (!*data) {
            codec->failed = true;
            *size = 0;
            return;
        }
    }
    nub_codec_raw(codec, *data, *size);
}

void
nub_codec_list(struct nub_codec *codec, void **list, size_t *n, size_t element, size_t least)
{
    uint64_t length = codec->reading ? 0 : *n;

    nub_codec_u64(codec, &length);
    if (!codec->reading)
        return;
    *list = NULL;
    *n = 0;
    if (!codec->failed && length > left(codec) / least)
        codec->failed = true;
    if (codec->failed || length == 0)
        return;
    *list = calloc(length, element);
    if (!*list) {
        codec->failed = true;
        return;
    }
    *n = length;
}
