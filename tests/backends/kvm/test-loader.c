/* test-loader.c - the image is believed nothing: every damaged file is refused, none is read beyond
 * its end */
#include "guest-abi.h"
#include "loader.h"
#include <elf.h>
#include <glib.h>
#include <string.h>

static gchar *image;
static gsize image_size;

static void
read_image(void)
{
    g_autoptr(GError) error = NULL;

    g_file_get_contents(NUB_BUILD_DIR "/modules/nub-guest-x86.elf", &image, &image_size, &error);
    g_assert_no_error(error);
}

/* Parses a copy in a block of exactly its size, so that ASan sees a byte read too far. */
static enum nub_status
parse(const void *bytes, gsize size, struct nub_failure *failure)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct nub_guest_image parsed;
    enum nub_status status;

    memcpy(copy, bytes, size);
    *failure = (struct nub_failure){ .struct_size = sizeof *failure };
    status = nub_image_parse(&parsed, copy, size, "image", failure);
    if (status == NUB_OK) {
        for (uint32_t i = 0; i < parsed.n_segments; i++) {
            const struct nub_image_segment *s = &parsed.segments[i];
            g_assert_cmpuint(s->content.size, <=, s->size);
            g_assert_cmpuint(s->physical, >=, NUB_GUEST_TEXT);
            g_assert_cmpuint(s->physical + s->size, <=, NUB_GUEST_LANES);
            g_assert_true(s->content.data >= copy &&
                          s->content.data + s->content.size <= copy + size);
        }
        nub_image_clear(&parsed);
    } else {
        g_assert_cmpint(status, ==, NUB_ERR_UNAVAILABLE);
        g_assert_true(g_str_has_prefix(failure->message, "image: "));
        g_assert_null(parsed.file);
    }
    return status;
}

static void
test_good(void)
{
    struct nub_failure failure;

    g_assert_cmpint(parse(image, image_size, &failure), ==, NUB_OK);
}

static void
test_cut_off(void)
{
    struct nub_failure failure;

    for (gsize size = 0; size < 512; size++)
        g_assert_cmpint(parse(image, size, &failure), ==, NUB_ERR_UNAVAILABLE);
    for (gsize size = 512; size < image_size; size += 997)
        parse(image, size, &failure);
}

/* One field each, out of what is good. */
struct damage {
    const char *name;
    const char *message;
    void (*apply)(uint8_t *file);
};

static Elf64_Phdr *
header_of(uint8_t *file, uint32_t type, unsigned skip)
{
    Elf64_Ehdr *elf = (void *)file;
    Elf64_Phdr *ph = (void *)(file + elf->e_phoff);

    for (unsigned i = 0; i < elf->e_phnum; i++) {
        if (ph[i].p_type == type && skip-- == 0)
            return &ph[i];
    }
    g_assert_not_reached();
}

static void
no_magic(uint8_t *file)
{
    file[1] = 'e';
}

static void
other_machine(uint8_t *file)
{
    ((Elf64_Ehdr *)(void *)file)->e_machine = EM_AARCH64;
}

static void
no_note(uint8_t *file)
{
    header_of(file, PT_NOTE, 0)->p_type = PT_NULL;
}

static void
other_owner(uint8_t *file)
{
    file[header_of(file, PT_NOTE, 0)->p_offset + sizeof(Elf64_Nhdr)] = 'x';
}

static void
other_version(uint8_t *file)
{
    file[header_of(file, PT_NOTE, 0)->p_offset + sizeof(Elf64_Nhdr) + 4]++;
}

static void
note_outside(uint8_t *file)
{
    header_of(file, PT_NOTE, 0)->p_offset = UINT64_MAX - 8;
}

static void
short_note(uint8_t *file)
{
    ((Elf64_Nhdr *)(void *)(file + header_of(file, PT_NOTE, 0)->p_offset))->n_descsz = 4;
}

static void
segment_low(uint8_t *file)
{
    header_of(file, PT_LOAD, 0)->p_vaddr = NUB_GUEST_BASE + 0x1000;
}

static void
segment_long(uint8_t *file)
{
    header_of(file, PT_LOAD, 1)->p_memsz = 0x400000;
}

static void
segment_beyond_file(uint8_t *file)
{
    header_of(file, PT_LOAD, 0)->p_offset = UINT64_MAX - 0x100;
}

static void
entry_outside(uint8_t *file)
{
    ((Elf64_Ehdr *)(void *)file)->e_entry = 0x1000;
}

static void
headers_outside(uint8_t *file)
{
    ((Elf64_Ehdr *)(void *)file)->e_phoff = UINT64_MAX - 16;
}

static const struct damage damages[] = {
    { "no-magic", "image: is no ELF file", no_magic },
    { "other-machine", "image: is no executable for x86-64", other_machine },
    { "headers-outside", "image: has strange program headers", headers_outside },
    { "no-note", "image: has no version note of a guest image", no_note },
    { "note-of-another", "image: has no version note of a guest image", other_owner },
    { "note-outside", "image: a segment lies outside of the file", note_outside },
    { "short-note", "image: has no version note of a guest image", short_note },
    { "other-version", "image: guest image of version 3, this host wants version 2",
      other_version },
    { "segment-over-host-data",
      "image: a segment at 0x8000001000 lies outside of the image's place", segment_low },
    { "segment-too-long", "image: a segment at 0x8000400000 lies outside of the image's place",
      segment_long },
    { "segment-beyond-file", "image: a segment lies outside of the file", segment_beyond_file },
    { "entry-outside", "image: its entries lie outside of its code", entry_outside },
};

static void
test_damage(gconstpointer data)
{
    const struct damage *damage = data;
    g_autofree uint8_t *file = g_memdup2(image, image_size);
    struct nub_failure failure;

    damage->apply(file);
    g_assert_cmpint(parse(file, image_size, &failure), ==, NUB_ERR_UNAVAILABLE);
    g_assert_cmpstr(failure.message, ==, damage->message);
}

static void
test_random(void)
{
    g_autofree uint8_t *file = g_memdup2(image, image_size);
    struct nub_failure failure;

    for (unsigned i = 0; i < 2000; i++) {
        uint8_t saved[512];
        memcpy(saved, file, sizeof saved);
        for (unsigned k = g_test_rand_int_range(1, 6); k > 0; k--)
            file[g_test_rand_int_range(0, sizeof saved)] = (uint8_t)g_test_rand_int();
        parse(file, image_size, &failure);
        memcpy(file, saved, sizeof saved);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    read_image();
    g_test_add_func("/kvm/loader/takes-the-image", test_good);
    g_test_add_func("/kvm/loader/refuses-what-is-cut-off", test_cut_off);
    for (gsize i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/loader/refuses/%s", damages[i].name);
        g_test_add_data_func(path, &damages[i], test_damage);
    }
    g_test_add_func("/kvm/loader/stands-random-headers", test_random);
    int result = g_test_run();
    g_free(image);
    return result;
}
