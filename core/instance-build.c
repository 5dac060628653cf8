/* instance-build.c - making Instances: a program with memory, registers, perhaps a place to go on
 *
 * As cap-build.c: it collects, sorts and joins; the decoder judges. See <nub/cap.h>.
 */
#include "cap-private.h"

#include <string.h>

typedef struct {
    guint32 start;
    GBytes *content; /* (owned) */
} NubPages;

struct _NubInstanceBuilder {
    struct nub_instance_spec spec; /* complete but for overlays */
    GArray *pages;                 /* of NubPages */
};

G_DEFINE_BOXED_TYPE(NubInstanceBuilder, nub_instance_builder, nub_instance_builder_ref,
                    nub_instance_builder_unref)

static void
pages_clear(gpointer data)
{
    g_bytes_unref(((NubPages *)data)->content);
}

NubInstanceBuilder *
nub_instance_builder_new(const NubHash *image)
{
    NubInstanceBuilder *self;

    g_return_val_if_fail(image, NULL);
    self = g_atomic_rc_box_new0(NubInstanceBuilder);
    self->spec.image = *image;
    self->pages = g_array_new(FALSE, FALSE, sizeof(NubPages));
    g_array_set_clear_func(self->pages, pages_clear);
    return self;
}

NubInstanceBuilder *
nub_instance_builder_ref(NubInstanceBuilder *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static void
instance_builder_clear(gpointer data)
{
    NubInstanceBuilder *self = data;

    g_array_unref(self->pages);
}

void
nub_instance_builder_unref(NubInstanceBuilder *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, instance_builder_clear);
}

void
nub_instance_builder_set_image_chain(NubInstanceBuilder *self, const NubHash *image_chain)
{
    g_return_if_fail(self && image_chain);
    self->spec.image_chain = *image_chain;
}

void
nub_instance_builder_set_root_cnode(NubInstanceBuilder *self, const NubHash *root_cnode)
{
    g_return_if_fail(self && root_cnode);
    self->spec.root_cnode = *root_cnode;
}

void
nub_instance_builder_set_mem_size(NubInstanceBuilder *self, guint64 mem_size)
{
    g_return_if_fail(self);
    self->spec.mem_size = mem_size;
}

void
nub_instance_builder_add_overlay(NubInstanceBuilder *self, guint32 start, GBytes *content)
{
    NubPages pages = { .start = start };

    g_return_if_fail(self && content);
    pages.content = g_bytes_ref(content);
    g_array_append_val(self->pages, pages);
}

void
nub_instance_builder_set_regs(NubInstanceBuilder *self, const guint64 *regs)
{
    g_return_if_fail(self && regs);
    memcpy(self->spec.regs, regs, sizeof self->spec.regs);
}

void
nub_instance_builder_set_paused(NubInstanceBuilder *self, guint32 pc, guint64 gas_remaining)
{
    g_return_if_fail(self);
    self->spec.phase = 1;
    self->spec.pc = pc;
    self->spec.gas_remaining = gas_remaining;
}

static int
compare_pages(gconstpointer a, gconstpointer b)
{
    guint32 x = ((const NubPages *)a)->start, y = ((const NubPages *)b)->start;

    return x < y ? -1 : x > y;
}

/* Runs of pages, neighbours joined; each run's bytes are copied into `joined` one after the other.
 */
static GArray *
join_pages(GArray *pages, GByteArray *joined)
{
    GArray *overlays = g_array_new(FALSE, FALSE, sizeof(struct nub_overlay));
    guint64 end = G_MAXUINT64;

    g_array_sort(pages, compare_pages);
    for (guint i = 0; i < pages->len; i++) {
        const NubPages *run = &g_array_index(pages, NubPages, i);
        gsize size = 0;
        const guint8 *data = g_bytes_get_data(run->content, &size);
        struct nub_overlay overlay = { .start = run->start, .bytes = { NULL, size } };
        if (run->start == end)
            g_array_index(overlays, struct nub_overlay, overlays->len - 1).bytes.size += size;
        else
            g_array_append_val(overlays, overlay);
        g_byte_array_append(joined, data, (guint)size);
        end = run->start + (guint64)size;
    }
    for (guint i = 0, offset = 0; i < overlays->len; i++) {
        struct nub_overlay *overlay = &g_array_index(overlays, struct nub_overlay, i);
        overlay->bytes.data = joined->data + offset;
        offset += (guint)overlay->bytes.size;
    }
    return overlays;
}

NubCap *
nub_instance_builder_build(NubInstanceBuilder *self, GError **error)
{
    g_autoptr(GByteArray) joined = NULL;
    g_autoptr(GArray) overlays = NULL;
    struct nub_instance_spec spec;
    guint64 size = 0;
    uint8_t *wire;

    g_return_val_if_fail(self, NULL);
    for (guint i = 0; i < self->pages->len; i++)
        size += g_bytes_get_size(g_array_index(self->pages, NubPages, i).content);
    if (size > G_MAXUINT32) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_BAD_ENCODING,
                    "Instance.overlays: %" G_GUINT64_FORMAT " bytes are too many", size);
        return NULL;
    }
    joined = g_byte_array_new();
    overlays = join_pages(self->pages, joined);
    spec = self->spec;
    spec.overlays = (const struct nub_overlay *)(gpointer)overlays->data;
    spec.n_overlays = overlays->len;
    size = nub_instance_wire_size(&spec);
    wire = nub_cap_alloc_wire(size, error);
    if (!wire)
        return NULL;
    nub_instance_encode(wire, &spec);
    return nub_cap_new_take(wire, size, error);
}

NubCap *
nub_cap_new_instance(const NubHash *image)
{
    g_autoptr(NubInstanceBuilder) builder = NULL;
    g_autoptr(GError) error = NULL;
    NubCap *cap;

    g_return_val_if_fail(image, NULL);
    builder = nub_instance_builder_new(image);
    cap = nub_instance_builder_build(builder, &error);
    if (!cap)
        g_critical("made an invalid Instance: %s", error->message);
    return cap;
}
