/* link-elf.c - a hostile ELF64 file, read once and completely
 *
 * Whatever the bytes say, the result is a table of sections, symbols and relocations that point
 * into the file and into each other correctly, or a list of errors. Nothing after this file checks
 * an offset again. Source: the System V ABI (gABI) and the RISC-V ELF psABI.
 */
#include "link-private.h"
#include <string.h>

enum { SHT_PROGBITS = 1, SHT_SYMTAB = 2, SHT_STRTAB = 3, SHT_RELA = 4, SHT_NOBITS = 8 };
enum { EHDR_SIZE = 64, SHDR_SIZE = 64, SYM_SIZE = 24, RELA_SIZE = 24 };
enum { EM_RISCV = 243, ET_REL = 1, ET_EXEC = 2, ET_DYN = 3, EF_RVE = 8, EF_FLOAT = 6 };
enum { SHN_UNDEF = 0, SHN_LORESERVE = 0xff00, SHN_ABS = 0xfff1 };
/* code is at most 2^28 bytes (pvm.md 2.5) and an instruction of RISC-V takes one byte at least */
#define MAX_TEXT     (1u << 26)
#define MAX_SECTIONS 4096u

static const char *
type_name(uint32_t type)
{
    static const char *const names[] = { "no type", "relocatable", "executable",
                                         "shared or position-independent", "core" };
    return type < G_N_ELEMENTS(names) ? names[type] : "unknown";
}

static bool
check_header(struct link *link, const uint8_t *file, size_t size)
{
    if (size < EHDR_SIZE || memcmp(file, "\177ELF", 4) != 0) {
        link_error(link, "not an ELF file");
        return false;
    }
    if (file[4] != 2 || file[5] != 1) {
        link_error(link, "not a 64-bit little-endian ELF file");
        return false;
    }
    guint before = link->n_errors;
    uint32_t flags = nub_le32(file + 48);
    if (nub_le16(file + 18) != EM_RISCV)
        link_error(link, "machine %u is not RISC-V", nub_le16(file + 18));
    else if (!(flags & EF_RVE) || (flags & EF_FLOAT))
        link_error(link, "not of the ABI lp64e (flags 0x%x): compile with -mabi=lp64e", flags);
    if (nub_le16(file + 16) != ET_EXEC)
        link_error(link, "%s file: link it statically and without PIE",
                   type_name(nub_le16(file + 16)));
    if (nub_le16(file + 58) != SHDR_SIZE)
        link_error(link, "section headers of %u bytes", nub_le16(file + 58));
    return link->n_errors == before;
}

static bool
in_file(uint64_t offset, uint64_t length, size_t size)
{
    return offset <= size && length <= size - offset;
}

/* a string of a string table that is known to end with NUL */
static const char *
string_at(const struct link_section *table, uint32_t offset)
{
    return offset < table->size ? (const char *)table->bytes + offset : NULL;
}

static bool
is_string_table(const struct link_elf *elf, uint32_t index)
{
    if (index >= elf->sections->len)
        return false;
    const struct link_section *s = &g_array_index(elf->sections, struct link_section, index);
    return s->type == SHT_STRTAB && s->bytes && s->size > 0 && s->bytes[s->size - 1] == 0;
}

static bool
read_section(struct link *link, const uint8_t *file, size_t size, const uint8_t *header,
             uint32_t index)
{
    struct link_section s = {
        .name = "",
        .type = nub_le32(header + 4),
        .flags = nub_le64(header + 8),
        .addr = nub_le64(header + 16),
        .size = nub_le64(header + 32),
        .link = nub_le32(header + 40),
        .info = nub_le32(header + 44),
        .entry_size = nub_le64(header + 56),
    };
    uint64_t offset = nub_le64(header + 24);

    if (index == 0 || s.type == 0) { /* inactive */
        s = (struct link_section){ .name = "" };
    } else if (s.type != SHT_NOBITS) {
        if (!in_file(offset, s.size, size)) {
            link_error(link, "section %u: bytes outside the file", index);
            return false;
        }
        s.bytes = file + offset;
    }
    g_array_append_val(link->elf.sections, s);
    return true;
}

static bool
read_sections(struct link *link, const uint8_t *file, size_t size)
{
    uint64_t offset = nub_le64(file + 40);
    uint32_t n = nub_le16(file + 60), names = nub_le16(file + 62);
    struct link_elf *elf = &link->elf;

    if (n == 0 || !in_file(offset, (uint64_t)n * SHDR_SIZE, size)) {
        link_error(link, "no section headers: strip nothing but debugging data");
        return false;
    }
    if (n > MAX_SECTIONS) {
        link_error(link, "%u sections, at most %u are read", n, MAX_SECTIONS);
        return false;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!read_section(link, file, size, file + offset + (uint64_t)i * SHDR_SIZE, i))
            return false;
    if (!is_string_table(elf, names)) {
        link_error(link, "section %u is no table of section names", names);
        return false;
    }
    const struct link_section *table = &g_array_index(elf->sections, struct link_section, names);
    for (uint32_t i = 1; i < n; i++) {
        struct link_section *s = &g_array_index(elf->sections, struct link_section, i);
        const char *name = string_at(table, nub_le32(file + offset + (uint64_t)i * SHDR_SIZE));
        if (name && s->type != 0)
            s->name = name;
    }
    return true;
}

/* each allocated section lies within 32 bits; together they are no longer than the file */
static bool
check_sections(struct link *link, size_t size)
{
    uint64_t from_file = 0, text = 0;
    guint before = link->n_errors;

    for (guint i = 0; i < link->elf.sections->len; i++) {
        const struct link_section *s = &g_array_index(link->elf.sections, struct link_section, i);
        if (!(s->flags & LINK_ALLOC))
            continue;
        if (s->addr > UINT32_MAX || s->size > UINT32_MAX || s->addr + s->size > 1ull << 32)
            link_error(link, "section %s: addresses beyond 32 bits", s->name);
        if (s->bytes)
            from_file += s->size;
        if (s->flags & LINK_EXEC)
            text += s->size;
        if ((s->flags & LINK_EXEC) && ((s->addr | s->size) & 1))
            link_error(link, "section %s: code at an odd address", s->name);
        if ((s->flags & LINK_EXEC) && !s->bytes)
            link_error(link, "section %s: code without bytes", s->name);
    }
    if (link->n_errors == before && from_file > size)
        link_error(link, "sections overlap in the file");
    if (link->n_errors == before && text > MAX_TEXT)
        link_error(link, "more than %u bytes of code", MAX_TEXT);
    return link->n_errors == before;
}

static void
read_symbol(struct link *link, const struct link_section *names, const uint8_t *entry)
{
    uint32_t section = nub_le16(entry + 6);
    const char *name = string_at(names, nub_le32(entry));
    struct link_symbol symbol = {
        .name = name ? name : "",
        .bind = entry[4] >> 4,
        .type = entry[4] & 15,
        .visibility = entry[5] & 3,
        .section = section,
        .value = nub_le64(entry + 8),
        .size = nub_le64(entry + 16),
        .undefined = section == SHN_UNDEF,
    };

    if (section == SHN_UNDEF || section >= SHN_LORESERVE) {
        symbol.section = LINK_NO_SECTION;
    } else if (section >= link->elf.sections->len) {
        link_error(link, "symbol %s: section %u does not exist", symbol.name, section);
        symbol.section = LINK_NO_SECTION;
    }
    g_array_append_val(link->elf.symbols, symbol);
}

static bool
read_symbols(struct link *link)
{
    struct link_elf *elf = &link->elf;
    const struct link_section *table = NULL;
    guint before = link->n_errors;

    for (guint i = 0; i < elf->sections->len; i++) {
        const struct link_section *s = &g_array_index(elf->sections, struct link_section, i);
        if (s->type != SHT_SYMTAB)
            continue;
        if (table)
            link_error(link, "two symbol tables");
        table = s;
    }
    if (!table) {
        link_error(link, "no symbol table: strip nothing but debugging data");
        return false;
    }
    if (!table->bytes || table->entry_size != SYM_SIZE || table->size % SYM_SIZE != 0 ||
        !is_string_table(elf, table->link)) {
        link_error(link, "the symbol table is damaged");
        return false;
    }
    const struct link_section *names =
        &g_array_index(elf->sections, struct link_section, table->link);
    for (uint64_t at = 0; at < table->size; at += SYM_SIZE)
        read_symbol(link, names, table->bytes + at);
    return link->n_errors == before;
}

static bool
has_effect(uint32_t type)
{
    return type != R_RISCV_NONE && type != R_RISCV_RELAX && type != R_RISCV_ALIGN &&
           type != R_RISCV_BRANCH && type != R_RISCV_JAL && type != R_RISCV_RVC_BRANCH &&
           type != R_RISCV_RVC_JUMP;
}

/* one relocation section of an allocated one; a table of another kind is no business of ours */
static bool
read_relocs(struct link *link, const struct link_section *table)
{
    struct link_elf *elf = &link->elf;

    if (!table->bytes || table->entry_size != RELA_SIZE || table->size % RELA_SIZE != 0 ||
        table->info >= elf->sections->len) {
        link_error(link, "section %s: damaged relocations", table->name);
        return false;
    }
    const struct link_section *target =
        &g_array_index(elf->sections, struct link_section, table->info);
    if (!(target->flags & LINK_ALLOC))
        return true;
    for (uint64_t at = 0; at < table->size; at += RELA_SIZE) {
        const uint8_t *entry = table->bytes + at;
        uint64_t info = nub_le64(entry + 8);
        struct link_reloc reloc = { nub_le64(entry), (uint32_t)info, (uint32_t)(info >> 32), 0 };
        if (!has_effect(reloc.type))
            continue;
        if (reloc.symbol >= elf->symbols->len || reloc.address < target->addr ||
            reloc.address - target->addr >= target->size) {
            link_error(link, "section %s: relocation %" G_GUINT64_FORMAT " is out of range",
                       table->name, at / RELA_SIZE);
            return false;
        }
        reloc.target = g_array_index(elf->symbols, struct link_symbol, reloc.symbol).value +
                       nub_le64(entry + 16);
        g_array_append_val(elf->relocs, reloc);
    }
    return true;
}

/* by address, then as they stood: ADD and SUB pairs name one address twice */
static gint
compare_relocs(gconstpointer a, gconstpointer b)
{
    const struct link_reloc *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return x->target < y->target ? -1 : x->target > y->target;
}

static bool
read_all_relocs(struct link *link)
{
    struct link_elf *elf = &link->elf;
    guint before = link->n_errors;

    for (guint i = 0; i < elf->sections->len; i++) {
        const struct link_section *s = &g_array_index(elf->sections, struct link_section, i);
        if (s->type != SHT_RELA)
            continue;
        elf->has_relocs = true;
        read_relocs(link, s);
    }
    g_array_sort(elf->relocs, compare_relocs);
    return link->n_errors == before;
}

bool
link_elf_read(struct link *link, const uint8_t *file, size_t size)
{
    link->elf.sections = g_array_new(FALSE, FALSE, sizeof(struct link_section));
    link->elf.symbols = g_array_new(FALSE, FALSE, sizeof(struct link_symbol));
    link->elf.relocs = g_array_new(FALSE, FALSE, sizeof(struct link_reloc));
    return check_header(link, file, size) && read_sections(link, file, size) &&
           check_sections(link, size) && read_symbols(link) && read_all_relocs(link);
}

void
link_elf_clear(struct link_elf *elf)
{
    g_clear_pointer(&elf->sections, g_array_unref);
    g_clear_pointer(&elf->symbols, g_array_unref);
    g_clear_pointer(&elf->relocs, g_array_unref);
}

const struct link_symbol *
link_elf_symbol(const struct link_elf *elf, const char *name)
{
    for (guint i = 0; i < elf->symbols->len; i++) {
        const struct link_symbol *s = &g_array_index(elf->symbols, struct link_symbol, i);
        if (!s->undefined && strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

struct nub_slice
link_elf_bytes(const struct link_elf *elf, const char *name)
{
    for (guint i = 0; i < elf->sections->len; i++) {
        const struct link_section *s = &g_array_index(elf->sections, struct link_section, i);
        if (s->bytes && strcmp(s->name, name) == 0)
            return (struct nub_slice){ s->bytes, s->size };
    }
    return (struct nub_slice){ NULL, 0 };
}
