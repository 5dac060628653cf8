/* fuzz-bundle.c - any bytes as a bundle file
 *
 * What decodes has its capabilities inside the file, one after the other, and encodes to the same
 * bytes; what does not names a byte of it. Each capability is decoded, too.
 */
#include "bundle.h"
#include "fuzz.h"
#include "model-test.h"
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_slice file = { data, size };
    g_autofree struct nub_slice *caps = NULL;
    g_autofree uint8_t *again = NULL;
    struct nub_bundle bundle;
    struct nub_cap cap;

    if (nub_bundle_decode(&bundle, file, &failure)) {
        FUZZ_CHECK(failure.code == NUB_ERR_BAD_ENCODING);
        FUZZ_CHECK(failure.address <= size);
        return 0;
    }
    FUZZ_CHECK(bundle.n_caps > 0);
    caps = g_new(struct nub_slice, bundle.n_caps);
    for (uint32_t i = 0; i < bundle.n_caps; i++) {
        caps[i] = nub_bundle_cap(&bundle, i);
        FUZZ_CHECK(caps[i].data >= data && caps[i].data + caps[i].size <= data + size);
        nub_cap_decode(&cap, caps[i], &failure);
    }
    FUZZ_CHECK(nub_bundle_size(caps, bundle.n_caps) == size);
    again = g_malloc(size);
    nub_bundle_encode(again, caps, bundle.n_caps);
    FUZZ_CHECK(memcmp(again, data, size) == 0);
    return 0;
}
