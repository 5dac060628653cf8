/* bundle.c - the .nub file: a magic and an SSZ list of byte strings
 *
 * Judges the list, never the capabilities in it: loading puts them, and that decodes them.
 * See caps.md 5.
 */
#include "bundle.h"
#include "bytes.h"

#define MAGIC_SIZE  8u
#define OFFSET_SIZE 4u
#define MAX_CAPS    (1u << 20)

static const uint8_t magic[MAGIC_SIZE] = { 'N', 'U', 'B', 'C', 'A', 'P', 'S', '1' };

static uint64_t
cap_offset(const struct nub_bundle *bundle, uint32_t i)
{
    return i < bundle->n_caps ? nub_le32(bundle->body.data + (uint64_t)i * OFFSET_SIZE)
                              : bundle->body.size;
}

enum nub_status
nub_bundle_decode(struct nub_bundle *bundle, struct nub_slice file, struct nub_failure *failure)
{
    uint64_t first;

    if (file.size < MAGIC_SIZE || memcmp(file.data, magic, MAGIC_SIZE) != 0)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, 0, "bundle: magic is not NUBCAPS1");
    bundle->body.data = file.data + MAGIC_SIZE;
    bundle->body.size = file.size - MAGIC_SIZE;
    if (bundle->body.size == 0)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, MAGIC_SIZE, "bundle: no capabilities");
    if (bundle->body.size > UINT32_MAX)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, MAGIC_SIZE,
                           "bundle: %U bytes are not shorter than 2^32", bundle->body.size);
    if (bundle->body.size < OFFSET_SIZE)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, MAGIC_SIZE, "bundle: offsets are cut");

    first = nub_le32(bundle->body.data);
    if (first == 0 || first % OFFSET_SIZE || first > bundle->body.size)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, MAGIC_SIZE,
                           "bundle: first offset %U is not allowed", first);
    if (first / OFFSET_SIZE > MAX_CAPS)
        return nub_fail_at(failure, NUB_ERR_BAD_ENCODING, MAGIC_SIZE,
                           "bundle: %U capabilities are more than %u", first / OFFSET_SIZE,
                           MAX_CAPS);
    bundle->n_caps = (uint32_t)(first / OFFSET_SIZE);
    for (uint32_t i = 0; i < bundle->n_caps; i++)
        if (cap_offset(bundle, i) > cap_offset(bundle, i + 1))
            return nub_fail_at(failure, NUB_ERR_BAD_ENCODING,
                               MAGIC_SIZE + (uint64_t)i * OFFSET_SIZE,
                               "bundle: offset of capability %u is out of order", i);
    return NUB_OK;
}

struct nub_slice
nub_bundle_cap(const struct nub_bundle *bundle, uint32_t i)
{
    uint64_t from = cap_offset(bundle, i);
    struct nub_slice cap = { bundle->body.data + from, cap_offset(bundle, i + 1) - from };

    return cap;
}

uint64_t
nub_bundle_size(const struct nub_slice *caps, uint32_t n_caps)
{
    uint64_t size = MAGIC_SIZE + (uint64_t)n_caps * OFFSET_SIZE;

    for (uint32_t i = 0; i < n_caps; i++)
        size += caps[i].size;
    return size;
}

void
nub_bundle_encode(uint8_t *file, const struct nub_slice *caps, uint32_t n_caps)
{
    uint8_t *body = file + MAGIC_SIZE;
    uint32_t offset = n_caps * OFFSET_SIZE;

    memcpy(file, magic, MAGIC_SIZE);
    for (uint32_t i = 0; i < n_caps; i++) {
        nub_put_le32(body + (uint64_t)i * OFFSET_SIZE, offset);
        if (caps[i].size)
            memcpy(body + offset, caps[i].data, caps[i].size);
        offset += (uint32_t)caps[i].size;
    }
}
