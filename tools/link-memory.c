/* link-memory.c - the memory of the program: sections become regions of pages
 *
 * Data keeps the addresses that the ELF file gives it. Read-only sections become pinned pages,
 * writable ones initial pages; heap and stack follow, zeroed, with an unmapped page before and
 * between. Where data holds a code address it gets the jump-table address instead.
 */
#include "link-private.h"
#include <string.h>

enum { NULL_ZONE = 0x10000, PAGE = NUB_PAGE_SIZE };
/* more zeroes than this before a section with bytes are not stored: it begins a region of its own
 */
#define MAX_GAP       (1u << 20)
#define DEFAULT_STACK (256u << 10)
#define DEFAULT_HEAP  (1u << 20)
/* the input zone of an invocation begins here (caps.md 4.2): nothing of ours may reach it */
#define MEMORY_END 0xFEFF0000u

static uint64_t
page_up(uint64_t address)
{
    return (address + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static bool
is_data(const struct link_section *s)
{
    return !(s->flags & LINK_EXEC) &&
           !g_str_has_prefix(s->name, ".eh_frame"); /* unwind tables: nobody unwinds here */
}

static gint
compare_sections(gconstpointer a, gconstpointer b)
{
    const struct link_section *x = *(const struct link_section *const *)a;
    const struct link_section *y = *(const struct link_section *const *)b;

    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x->size < y->size ? -1 : x->size > y->size;
}

/* `before` is the section with the next lower address, or NULL */
static void
check_section(struct link *link, const struct link_section *s, const struct link_section *before)
{
    if (before && s->addr < before->addr + before->size)
        link_error(link, "sections %s and %s overlap", before->name, s->name);
    else if (!is_data(s))
        return; /* code is not in memory */
    else if (s->addr < NULL_ZONE)
        link_error(link,
                   "section %s: at 0x%" G_GINT64_MODIFIER "x, but the first 64 KiB stay unmapped",
                   s->name, s->addr);
    else if (s->addr + s->size > MEMORY_END)
        link_error(link, "section %s: reaches into the input zone at 0x%x", s->name, MEMORY_END);
    else if (before && is_data(before) && (before->flags & LINK_WRITE) != (s->flags & LINK_WRITE) &&
             s->addr / PAGE <= (before->addr + before->size - 1) / PAGE)
        link_error(link, "sections %s and %s share a page, but only one is writable", before->name,
                   s->name);
}

/* the file's bytes go to their place; zeroed sections only make the region longer */
static void
add_section(struct link *link, const struct link_section *s)
{
    struct link_region *region =
        link->regions->len
            ? &g_array_index(link->regions, struct link_region, link->regions->len - 1)
            : NULL;
    bool writable = (s->flags & LINK_WRITE) != 0;

    bool far =
        region && s->bytes && s->addr - region->start > region->content->len + (uint64_t)MAX_GAP;

    if (!region || region->writable != writable || s->addr > region->end || far) {
        uint64_t start = s->addr & ~(uint64_t)(PAGE - 1);
        struct link_region new = { start, start, writable, g_byte_array_new() };
        if (far && region->writable == writable)
            region->end = MIN(region->end, start); /* what they share is zero */
        g_array_append_val(link->regions, new);
        region = &g_array_index(link->regions, struct link_region, link->regions->len - 1);
    }
    region->end = page_up(s->addr + s->size);
    if (!s->bytes)
        return;
    guint offset = (guint)(s->addr - region->start), old = region->content->len;
    g_byte_array_set_size(region->content, offset + (guint)s->size);
    memset(region->content->data + old, 0, offset - old);
    memcpy(region->content->data + offset, s->bytes, s->size);
}

bool
link_memory_gather(struct link *link)
{
    g_autoptr(GPtrArray) sections = g_ptr_array_new();
    guint before = link->n_errors;

    for (guint i = 0; i < link->elf.sections->len; i++) {
        struct link_section *s = &g_array_index(link->elf.sections, struct link_section, i);
        bool refused = (s->flags & LINK_TLS) && !(s->flags & LINK_EXEC); /* by link_flow_trace() */
        if ((s->flags & LINK_ALLOC) && s->size > 0 && !refused)
            g_ptr_array_add(sections, s);
    }
    g_ptr_array_sort(sections, compare_sections);
    for (guint i = 0; i < sections->len; i++)
        check_section(link, sections->pdata[i], i ? sections->pdata[i - 1] : NULL);
    for (guint i = 0; i < sections->len && link->n_errors == before; i++)
        if (is_data(sections->pdata[i]))
            add_section(link, sections->pdata[i]);
    return link->n_errors == before;
}

static struct link_region *
find_region(const struct link *link, uint64_t address)
{
    guint low = 0, high = link->regions->len;

    while (low < high) {
        guint middle = (low + high) / 2;
        struct link_region *r = &g_array_index(link->regions, struct link_region, middle);
        if (address < r->start)
            high = middle;
        else if (address >= r->end)
            low = middle + 1;
        else
            return r;
    }
    return NULL;
}

bool
link_memory_constant(const struct link *link, uint32_t address, unsigned size, uint64_t *value)
{
    const struct link_region *r = find_region(link, address);

    if (!r || r->writable || address + (uint64_t)size > r->start + r->content->len)
        return false;
    *value = 0;
    memcpy(value, r->content->data + (address - r->start), size);
    *value = GUINT64_FROM_LE(*value);
    return true;
}

/* ---- code addresses in data ------------------------------------------------------------------ */

static bool
is_code(const struct link *link, const struct link_reloc *reloc)
{
    const struct link_symbol *s =
        &g_array_index(link->elf.symbols, struct link_symbol, reloc->symbol);

    if (s->section == LINK_NO_SECTION)
        return false;
    const struct link_section *section =
        &g_array_index(link->elf.sections, struct link_section, s->section);
    return (section->flags & LINK_ALLOC) && (section->flags & LINK_EXEC) &&
           link_flow_half(link, reloc->target);
}

/* how a relocation changes a number in memory: bytes wide, and the sign of its target in the sum */
static bool
patch_form(uint32_t type, unsigned *size, bool *subtract)
{
    *subtract = type == R_RISCV_SUB32 || type == R_RISCV_SUB64;
    *size = type == R_RISCV_64 || type == R_RISCV_ADD64 || type == R_RISCV_SUB64 ? 8 : 4;
    return *size == 8 || *subtract || type == R_RISCV_32 || type == R_RISCV_ADD32;
}

static void
patch(struct link *link, const struct link_reloc *reloc)
{
    unsigned size;
    bool subtract;
    struct link_region *r = find_region(link, reloc->address);

    if (!r || !is_code(link, reloc))
        return;
    if (!patch_form(reloc->type, &size, &subtract) ||
        reloc->address + size > r->start + r->content->len) {
        link_error(link,
                   "0x%" G_GINT64_MODIFIER
                   "x: code address in data by relocation type %u, which cannot hold it",
                   reloc->address, reloc->type);
        return;
    }
    uint8_t *bytes = r->content->data + (reloc->address - r->start);
    uint64_t change = link_flow_code_address(link, reloc->target) - reloc->target;
    uint64_t value = size == 8 ? nub_le64(bytes) : nub_le32(bytes);
    value += subtract ? -change : change;
    nub_put_le32(bytes, (uint32_t)value);
    if (size == 8)
        nub_put_le32(bytes + 4, (uint32_t)(value >> 32));
}

/* ---- heap and stack -------------------------------------------------------------------------- */

static uint64_t
size_from(const struct link *link, uint64_t option, const char *name, uint64_t otherwise)
{
    const struct link_symbol *symbol = link_elf_symbol(&link->elf, name);

    return option ? option : symbol ? symbol->value : otherwise;
}

/* an unmapped page, then `size` zeroed bytes; where they start, or 0 */
static uint64_t
add_zeroes(struct link *link, uint64_t *end, uint64_t size, const char *what)
{
    if (size == 0 || size > MEMORY_END || *end + PAGE + page_up(size) > MEMORY_END) {
        link_error(link, "a %s of %" G_GUINT64_FORMAT " bytes does not fit", what, size);
        return 0;
    }
    struct link_region region = { *end + PAGE, *end + PAGE + page_up(size), true,
                                  g_byte_array_new() };
    g_array_append_val(link->regions, region);
    *end = region.end;
    return region.start;
}

/* the heap is there only if the program has the object that says where it is */
static void
add_heap(struct link *link, uint64_t *end)
{
    const struct link_symbol *where = link_elf_symbol(&link->elf, "__nub_heap");

    if (!where)
        return;
    struct link_region *r = find_region(link, where->value);
    if (!r || where->value + 16 > r->start + r->content->len) {
        link_error(link, "__nub_heap is not 16 bytes of initialised data: use nub-guest.h");
        return;
    }
    uint8_t *bytes = r->content->data + (where->value - r->start);
    uint64_t start = add_zeroes(
        link, end, size_from(link, link->options->heap_size, "__nub_heap_size", DEFAULT_HEAP),
        "heap");
    nub_put_le64(bytes, start);
    nub_put_le64(bytes + 8, *end);
}

bool
link_memory_finish(struct link *link)
{
    guint before = link->n_errors;
    uint64_t end = NULL_ZONE;

    for (guint i = 0; i < link->elf.relocs->len; i++)
        patch(link, &g_array_index(link->elf.relocs, struct link_reloc, i));
    if (link->regions->len)
        end = g_array_index(link->regions, struct link_region, link->regions->len - 1).end;
    add_heap(link, &end);
    add_zeroes(link, &end,
               size_from(link, link->options->stack_size, "__nub_stack_size", DEFAULT_STACK),
               "stack");
    link->stack_top = end;
    return link->n_errors == before;
}
