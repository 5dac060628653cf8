/* loader.c - the guest image: an ELF file that is believed nothing
 *
 * Accepts exactly what guest.ld makes: a static executable for x86-64 whose segments lie where
 * guest-abi.h says, with one version note. A file that passed here can be copied without
 * another look; whatever it holds then runs at CPL3 inside the VM and is contained there. */
#include "loader.h"
#include "cleanup.h"
#include "guest-abi.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define REFUSE(...) nub_fail(failure, NUB_ERR_UNAVAILABLE, __VA_ARGS__)

void
nub_image_clear(struct nub_guest_image *image)
{
    free(image->file);
    *image = (struct nub_guest_image){ 0 };
}

static bool
within(uint64_t offset, uint64_t size, uint64_t limit)
{
    return offset <= limit && size <= limit - offset;
}

/* A note is three words, then name and descriptor, each padded to four bytes. */
static enum nub_status
find_note(struct nub_guest_note *note, struct nub_slice notes, const char *path,
          struct nub_failure *failure)
{
    uint64_t at = 0;

    while (within(at, sizeof(Elf64_Nhdr), notes.size)) {
        Elf64_Nhdr header;
        uint64_t name, descriptor;

        memcpy(&header, notes.data + at, sizeof header);
        name = at + sizeof header;
        descriptor = name + (((uint64_t)header.n_namesz + 3) & ~3ull);
        at = descriptor + (((uint64_t)header.n_descsz + 3) & ~3ull);
        if (!within(descriptor, header.n_descsz, notes.size))
            break;
        if (header.n_type != NUB_GUEST_NOTE_TYPE || header.n_namesz != 4 ||
            memcmp(notes.data + name, "nub", 4) != 0)
            continue;
        if (header.n_descsz < sizeof note->abi_version)
            break;
        memcpy(&note->abi_version, notes.data + descriptor, sizeof note->abi_version);
        if (note->abi_version != NUB_GUEST_ABI_VERSION)
            return REFUSE("%s: guest image of version %u, this host wants version %u", path,
                          note->abi_version, (uint32_t)NUB_GUEST_ABI_VERSION);
        if (header.n_descsz != sizeof *note)
            break;
        memcpy(note, notes.data + descriptor, sizeof *note);
        return NUB_OK;
    }
    return REFUSE("%s: has no version note of a guest image", path);
}

static enum nub_status
add_segment(struct nub_guest_image *image, const Elf64_Phdr *ph, const char *path,
            struct nub_failure *failure)
{
    uint64_t begin = ph->p_flags & PF_W ? NUB_GUEST_DATA : NUB_GUEST_TEXT;
    uint64_t end = ph->p_flags & PF_W ? NUB_GUEST_LANES : NUB_GUEST_DATA;
    struct nub_image_segment *segment = &image->segments[image->n_segments];

    if (ph->p_memsz == 0)
        return NUB_OK;
    if (image->n_segments == NUB_IMAGE_MAX_SEGMENTS)
        return REFUSE("%s: more than %u segments", path, (uint32_t)NUB_IMAGE_MAX_SEGMENTS);
    if (!within(ph->p_offset, ph->p_filesz, image->file_size) || ph->p_filesz > ph->p_memsz)
        return REFUSE("%s: a segment lies outside of the file", path);
    if (ph->p_vaddr < NUB_GUEST_BASE + begin ||
        !within(ph->p_vaddr - NUB_GUEST_BASE - begin, ph->p_memsz, end - begin))
        return REFUSE("%s: a segment at %X lies outside of the image's place", path, ph->p_vaddr);
    segment->physical = ph->p_vaddr - NUB_GUEST_BASE;
    segment->size = ph->p_memsz;
    segment->content = (struct nub_slice){ image->file + ph->p_offset, ph->p_filesz };
    image->n_segments++;
    return NUB_OK;
}

static enum nub_status
check_header(const Elf64_Ehdr *header, const char *path, struct nub_failure *failure)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return REFUSE("%s: is no ELF file", path);
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_machine != EM_X86_64 || header->e_type != ET_EXEC)
        return REFUSE("%s: is no executable for x86-64", path);
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > 16)
        return REFUSE("%s: has strange program headers", path);
    return NUB_OK;
}

/* The place must be in a segment that is executed. */
static bool
in_text(const struct nub_guest_image *image, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < image->n_segments; i++) {
        const struct nub_image_segment *s = &image->segments[i];
        uint64_t start = NUB_GUEST_BASE + s->physical;
        if (s->physical < NUB_GUEST_DATA && address >= start &&
            within(address - start, size, s->size))
            return true;
    }
    return false;
}

static enum nub_status
parse(struct nub_guest_image *image, const char *path, struct nub_failure *failure)
{
    Elf64_Ehdr header;
    struct nub_guest_note note = { 0 };
    enum nub_status status;
    bool has_note = false;

    if (image->file_size < sizeof header)
        return REFUSE("%s: is no ELF file", path);
    memcpy(&header, image->file, sizeof header);
    if ((status = check_header(&header, path, failure)))
        return status;
    if (!within(header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr), image->file_size))
        return REFUSE("%s: has strange program headers", path);

    for (unsigned i = 0; i < header.e_phnum && !status; i++) {
        Elf64_Phdr ph;
        memcpy(&ph, image->file + header.e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type == PT_LOAD)
            status = add_segment(image, &ph, path, failure);
        if (ph.p_type != PT_NOTE)
            continue;
        if (!within(ph.p_offset, ph.p_filesz, image->file_size))
            return REFUSE("%s: a segment lies outside of the file", path);
        status = find_note(&note, (struct nub_slice){ image->file + ph.p_offset, ph.p_filesz },
                           path, failure);
        has_note = true;
    }
    if (status)
        return status;
    if (!has_note)
        return REFUSE("%s: has no version note of a guest image", path);
    if (!in_text(image, header.e_entry, 1) || !in_text(image, note.faults, 16 * NUB_GUEST_VECTORS))
        return REFUSE("%s: its entries lie outside of its code", path);
    image->entry = header.e_entry;
    image->faults = note.faults;
    return NUB_OK;
}

enum nub_status
nub_image_parse(struct nub_guest_image *image, uint8_t *file, uint64_t file_size, const char *path,
                struct nub_failure *failure)
{
    enum nub_status status;

    *image = (struct nub_guest_image){ .file = file, .file_size = file_size };
    status = parse(image, path, failure);
    if (status)
        nub_image_clear(image);
    return status;
}

enum nub_status
nub_image_read(struct nub_guest_image *image, const char *path, struct nub_failure *failure)
{
    NUB_CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    NUB_CLEANUP_FREE uint8_t *file = NULL;
    struct stat st;
    uint64_t size = 0;
    uint8_t *owned;

    *image = (struct nub_guest_image){ 0 };
    if (fd < 0 || fstat(fd, &st) < 0)
        return REFUSE("%s: guest image: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > NUB_IMAGE_MAX_BYTES)
        return REFUSE("%s: is no guest image", path);
    file = malloc((size_t)st.st_size);
    if (!file)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "%s: no memory for the guest image", path);
    while (size < (uint64_t)st.st_size) {
        ssize_t n = read(fd, file + size, (size_t)st.st_size - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return REFUSE("%s: guest image: %s", path, n < 0 ? strerror(errno) : "is cut off");
        size += (uint64_t)n;
    }
    owned = file;
    file = NULL;
    return nub_image_parse(image, owned, size, path, failure);
}
