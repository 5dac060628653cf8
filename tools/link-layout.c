/* link-layout.c - the capabilities of a program, and the bundle that holds them
 *
 * Data first, one per region with content, then the Image, then the Instance: referents before
 * those who mention them. Read-only regions are pinned, writable ones initial, zeroed ones have
 * no source (caps.md 2.2).
 */
#include "link-private.h"
#include "bundle.h"
#include "cap.h"
#include <string.h>

enum { MAX_MAPPINGS = 256, PAGE = NUB_PAGE_SIZE };

struct layout {
    struct link *link;
    GPtrArray *wires;         /* GByteArray: capabilities, referents first */
    GArray *mappings;         /* struct nub_mapping */
    GArray *pinned, *initial; /* struct nub_slot_entry */
};

static void
hash_wire(struct nub_hash *hash, const GByteArray *wire)
{
    struct nub_cap cap;
    enum nub_status status =
        nub_cap_decode(&cap, (struct nub_slice){ wire->data, wire->len }, NULL);

    g_return_if_fail(status == NUB_OK); /* we wrote it */
    nub_cap_hash(hash, &cap);
}

static GByteArray *
new_wire(struct layout *layout, uint64_t size)
{
    GByteArray *wire = g_byte_array_sized_new((guint)size);

    g_byte_array_set_size(wire, (guint)size);
    g_ptr_array_add(layout->wires, wire);
    return wire;
}

/* content without the zero pages at its end */
static uint64_t
used_size(const GByteArray *content)
{
    uint64_t size = content->len;

    while (size > 0 && content->data[size - 1] == 0)
        size--;
    return size;
}

static void
add_region(struct layout *layout, const struct link_region *region)
{
    struct nub_mapping mapping = { .start = region->start, .size = region->end - region->start };
    uint64_t used = used_size(region->content);

    if (used > 0 || !region->writable) {
        struct nub_slice content = { region->content->data, used };
        GByteArray *wire = new_wire(layout, nub_data_wire_size(used));
        struct nub_slot_entry entry = { .slot = layout->pinned->len + layout->initial->len };
        nub_data_encode(wire->data, content);
        hash_wire(&entry.cap, wire);
        g_array_append_val(region->writable ? layout->initial : layout->pinned, entry);
        mapping.n_source = 1;
        mapping.source[0] = entry.slot;
    }
    g_array_append_val(layout->mappings, mapping);
}

static uint32_t
block_of(const struct link *link, uint64_t address)
{
    uint32_t insn = link_flow_half(link, address)->insn;
    guint low = 0, high = link->blocks->len;

    while (high - low > 1) {
        guint middle = (low + high) / 2;
        if (g_array_index(link->blocks, struct link_block, middle).first <= insn)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static uint32_t
pc_of(const struct link *link, uint64_t address)
{
    return g_array_index(link->blocks, struct link_block, block_of(link, address)).pc;
}

static void
add_image(struct layout *layout, struct nub_hash *hash)
{
    struct link *link = layout->link;
    g_autofree uint32_t *jumps = g_new(uint32_t, link->jumps->len + 1);
    g_autofree struct nub_endpoint *endpoints = g_new0(struct nub_endpoint, link->entries->len);

    for (guint i = 0; i < link->jumps->len; i++)
        jumps[i] = pc_of(link, g_array_index(link->jumps, uint64_t, i));
    for (guint i = 0; i < link->entries->len; i++) {
        endpoints[i].entry_pc = pc_of(link, g_array_index(link->entry_addresses, uint64_t, i));
        endpoints[i].stack_top = link->stack_top;
        endpoints[i].initial_regs[0] = NUB_HALT_ADDRESS;
        endpoints[i].initial_regs[1] = link->stack_top;
    }
    struct nub_image_spec spec = {
        .isa = NUB_ISA_BYTE_PVM,
        .code = { link->code->data, link->code->len },
        .bitmask = { link->mask->data, link->mask->len },
        .jump_table = jumps,
        .n_jump = link->jumps->len,
        .endpoints = endpoints,
        .n_endpoints = link->entries->len,
        .mappings = (const struct nub_mapping *)layout->mappings->data,
        .n_mappings = layout->mappings->len,
        .pinned = (const struct nub_slot_entry *)layout->pinned->data,
        .n_pinned = layout->pinned->len,
        .initial = (const struct nub_slot_entry *)layout->initial->data,
        .n_initial = layout->initial->len,
    };
    GByteArray *wire = new_wire(layout, nub_image_wire_size(&spec));
    nub_image_encode(wire->data, &spec);
    hash_wire(hash, wire);
}

static void
add_instance(struct layout *layout, const struct nub_hash *image, struct nub_hash *hash)
{
    struct nub_instance_spec spec = { .image = *image };
    GByteArray *wire = new_wire(layout, nub_instance_wire_size(&spec));

    nub_instance_encode(wire->data, &spec);
    hash_wire(hash, wire);
}

static GBytes *
bundle_of(const struct layout *layout)
{
    g_autofree struct nub_slice *caps = g_new(struct nub_slice, layout->wires->len);

    for (guint i = 0; i < layout->wires->len; i++) {
        const GByteArray *wire = layout->wires->pdata[i];
        caps[i] = (struct nub_slice){ wire->data, wire->len };
    }
    uint64_t size = nub_bundle_size(caps, layout->wires->len);
    uint8_t *file = g_malloc(size);
    nub_bundle_encode(file, caps, layout->wires->len);
    return g_bytes_new_take(file, size);
}

static void
fill_output(const struct link *link, NubLinkOutput *output)
{
    output->endpoints = g_new0(char *, link->entries->len + 1);
    for (guint i = 0; i < link->entries->len; i++)
        output->endpoints[i] = g_strdup(g_array_index(link->elf.symbols, struct link_symbol,
                                                      g_array_index(link->entries, guint32, i))
                                            .name);
    output->stats.riscv_insns = link->insns->len;
    output->stats.blocks = link->blocks->len;
    output->stats.jump_entries = link->jumps->len;
    output->stats.code_bytes = link->code->len;
    for (guint i = 0; i < link->insns->len; i++)
        output->stats.riscv_bytes += g_array_index(link->insns, struct link_insn, i).rv.size;
    for (guint i = 0; i < link->mask->len; i++)
        output->stats.insns += (guint)__builtin_popcount(link->mask->data[i]);
    for (guint i = 0; i < link->regions->len; i++) {
        const struct link_region *r = &g_array_index(link->regions, struct link_region, i);
        *(r->writable ? &output->stats.read_write_bytes : &output->stats.read_only_bytes) +=
            r->end - r->start;
    }
}

bool
link_layout(struct link *link, NubLinkOutput *output)
{
    struct layout layout = {
        .link = link,
        .wires = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref),
        .mappings = g_array_new(FALSE, FALSE, sizeof(struct nub_mapping)),
        .pinned = g_array_new(FALSE, FALSE, sizeof(struct nub_slot_entry)),
        .initial = g_array_new(FALSE, FALSE, sizeof(struct nub_slot_entry)),
    };
    struct nub_hash image, instance;

    if (link->regions->len > MAX_MAPPINGS) {
        link_error(link, "%u separate runs of pages, at most %u are possible", link->regions->len,
                   MAX_MAPPINGS);
    } else {
        for (guint i = 0; i < link->regions->len; i++)
            add_region(&layout, &g_array_index(link->regions, struct link_region, i));
        add_image(&layout, &image);
        add_instance(&layout, &image, &instance);
        output->bundle = bundle_of(&layout);
        memcpy(output->instance, instance.bytes, sizeof output->instance);
        fill_output(link, output);
    }
    g_ptr_array_unref(layout.wires);
    g_array_unref(layout.mappings);
    g_array_unref(layout.pinned);
    g_array_unref(layout.initial);
    return output->bundle != NULL;
}
