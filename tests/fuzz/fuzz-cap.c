/* fuzz-cap.c - any bytes as a capability
 *
 * What decodes encodes to the same bytes, has one hash on every path of SHA-256, and can be read to
 * its last field; what does not decode names a byte of the input.
 */
#include "fuzz.h"
#include "model-test.h"
#include "sha256.h"
#include <string.h>

static bool
count_reference(void *ctx, const struct nub_hash *hash)
{
    (void)hash;
    ++*(size_t *)ctx;
    return true;
}

/* Each input is judged alone: the path is put back to what the CPU would get. */
static void
check_hashes(const struct nub_cap *cap)
{
    struct nub_hash portable, other;

    nub_sha256_select(NUB_SHA256_PORTABLE);
    nub_cap_hash(&portable, cap);
    nub_sha256_select(NUB_SHA256_AUTO);
    nub_cap_hash(&other, cap);
    FUZZ_CHECK(memcmp(&portable, &other, sizeof portable) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_slice wire = { data, size };
    g_autoptr(GByteArray) again = NULL;
    size_t references = 0;
    struct nub_cap cap;

    if (nub_cap_decode(&cap, wire, &failure)) {
        FUZZ_CHECK(failure.code == NUB_ERR_BAD_ENCODING);
        FUZZ_CHECK(failure.address <= size);
        FUZZ_CHECK(strlen(failure.message) > 0);
        return 0;
    }
    check_hashes(&cap);
    nub_cap_each_reference(&cap, count_reference, &references);
    FUZZ_CHECK(references <= size / 32);
    again = nub_test_encode_again(&cap);
    FUZZ_CHECK(again->len == size && memcmp(again->data, data, size) == 0);
    return 0;
}
