/* loader.h - the guest image: an ELF file that is believed nothing */
#ifndef NUB_KVM_LOADER_H
#define NUB_KVM_LOADER_H

#include "failure.h"
#include <nub/plugin.h>

#define NUB_IMAGE_MAX_SEGMENTS 4
#define NUB_IMAGE_MAX_BYTES (16u << 20)

/** Where bytes of the file go; every number is checked. */
struct nub_image_segment {
    uint64_t physical;
    uint64_t size; /* in memory; what the file does not have is zero */
    struct nub_slice content;
};

struct nub_guest_image {
    uint8_t *file; /* owned */
    uint64_t file_size;
    uint64_t entry;
    uint64_t faults; /* struct nub_guest_note */
    uint32_t n_segments;
    struct nub_image_segment segments[NUB_IMAGE_MAX_SEGMENTS];
};

/** UNAVAILABLE: cannot be read, or is no image of this version. `image` is cleared with nub_image_clear. */
enum nub_status nub_image_read(struct nub_guest_image *image, const char *path, struct nub_failure *failure);
/** Takes over `file` (malloc), also when it fails. `path` is for messages. */
enum nub_status nub_image_parse(struct nub_guest_image *image, uint8_t *file, uint64_t file_size, const char *path, struct nub_failure *failure);
void nub_image_clear(struct nub_guest_image *image);

#endif
