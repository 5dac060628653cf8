/* fuzz-link.c - any bytes as an ELF file: a bundle that decodes, or messages, and never a crash */
#include "fuzz.h"
#include "link.h"

#include "bundle.h"
#include "cap.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GPtrArray *messages = g_ptr_array_new_with_free_func(g_free);
    NubLinkOutput output;

    if (nub_link_elf(data, size, NULL, &output, messages)) {
        gsize n;
        const guint8 *file = g_bytes_get_data(output.bundle, &n);
        struct nub_bundle bundle;
        FUZZ_CHECK(nub_bundle_decode(&bundle, (struct nub_slice){ file, n }, NULL) == NUB_OK);
        for (uint32_t i = 0; i < bundle.n_caps; i++) {
            struct nub_cap cap;
            FUZZ_CHECK(nub_cap_decode(&cap, nub_bundle_cap(&bundle, i), NULL) == NUB_OK);
        }
    } else {
        FUZZ_CHECK(messages->len > 0);
    }
    nub_link_output_clear(&output);
    g_ptr_array_unref(messages);
    return 0;
}
