/* fuzz-loader.c - any bytes as a guest image
 *
 * What is taken lies where the image's place is, with its bytes inside the file; what is not says
 * why. */
#include "fuzz.h"
#include "guest-abi.h"
#include "loader.h"
#include <glib.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    uint8_t *file = malloc(size ? size : 1);
    struct nub_guest_image image;

    if (size > 0)
        memcpy(file, data, size);
    if (nub_image_parse(&image, file, size, "image", &failure)) {
        FUZZ_CHECK(failure.code == NUB_ERR_UNAVAILABLE);
        FUZZ_CHECK(g_str_has_prefix(failure.message, "image: "));
        return 0;
    }
    FUZZ_CHECK(image.entry >= NUB_GUEST_BASE + NUB_GUEST_TEXT);
    FUZZ_CHECK(image.entry < NUB_GUEST_BASE + NUB_GUEST_DATA);
    for (uint32_t i = 0; i < image.n_segments; i++) {
        const struct nub_image_segment *s = &image.segments[i];
        FUZZ_CHECK(s->physical >= NUB_GUEST_TEXT && s->size <= NUB_GUEST_LANES - s->physical);
        FUZZ_CHECK(s->content.size <= s->size);
        FUZZ_CHECK(s->content.data >= file && s->content.data + s->content.size <= file + size);
    }
    nub_image_clear(&image);
    return 0;
}
