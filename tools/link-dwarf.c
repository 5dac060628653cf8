/* link-dwarf.c - the line table of an ELF file: addresses to file and line
 *
 * Reads .debug_line of DWARF 2 to 5, the part of DWARF that error messages and the side file
 * need. The bytes may be hostile: a unit that is damaged ends the table there, quietly, because
 * debugging data is never needed for a link. Source: DWARF 5, section 6.2.
 */
#include "link-private.h"
#include <string.h>

enum { DW_LNS_COPY = 1, DW_LNS_ADVANCE_PC, DW_LNS_ADVANCE_LINE, DW_LNS_SET_FILE };
enum { DW_LNS_CONST_ADD_PC = 8, DW_LNS_FIXED_ADVANCE_PC };
enum { DW_LNE_END_SEQUENCE = 1, DW_LNE_SET_ADDRESS };
enum { DW_LNCT_PATH = 1, DW_LNCT_DIRECTORY_INDEX };
enum {
    DW_FORM_BLOCK2 = 3,
    DW_FORM_BLOCK4,
    DW_FORM_DATA2,
    DW_FORM_DATA4,
    DW_FORM_DATA8,
    DW_FORM_STRING,
    DW_FORM_BLOCK,
    DW_FORM_BLOCK1,
    DW_FORM_DATA1,
    DW_FORM_STRP = 14,
    DW_FORM_UDATA,
    DW_FORM_DATA16 = 30,
    DW_FORM_LINE_STRP = 31
};
#define MAX_ROWS (1u << 22)
#define MAX_NAME 4096u

/* a cursor that stops at its end: reads past it give 0 and clear `ok` */
struct cursor {
    const uint8_t *at, *end;
    bool ok;
};

struct unit {
    struct cursor cursor;
    struct nub_slice strings, line_strings;
    struct link_lines *lines;
    uint16_t version;
    bool wide; /* 64-bit DWARF */
    uint8_t min_length, line_range, opcode_base;
    int8_t line_base;
    uint8_t lengths[256];
    uint32_t first_file; /* index into lines->files of the unit's file 0 (DWARF 5) or 1 */
    uint32_t n_files;
};

static uint64_t
take(struct cursor *c, unsigned size)
{
    uint64_t value = 0;

    if ((size_t)(c->end - c->at) < size) {
        c->ok = false;
        c->at = c->end;
        return 0;
    }
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)c->at[i] << (8 * i);
    c->at += size;
    return value;
}

static uint64_t
take_uleb(struct cursor *c)
{
    uint64_t value = 0;

    for (unsigned shift = 0; c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return value;
    }
    c->ok = false;
    return 0;
}

static int64_t
take_sleb(struct cursor *c)
{
    uint64_t value = 0;

    for (unsigned shift = 0; c->at < c->end;) {
        uint8_t byte = *c->at++;
        if (shift < 64)
            value |= (uint64_t)(byte & 127) << shift;
        shift += 7;
        if (byte & 128)
            continue;
        if (shift < 64 && (byte & 64))
            value |= ~0ull << shift;
        return (int64_t)value;
    }
    c->ok = false;
    return 0;
}

static const char *
take_string(struct cursor *c)
{
    const uint8_t *nul = c->at < c->end ? memchr(c->at, 0, (size_t)(c->end - c->at)) : NULL;
    const char *string = (const char *)c->at;

    if (!nul) {
        c->ok = false;
        c->at = c->end;
        return "";
    }
    c->at = nul + 1;
    return string;
}

static const char *
string_in(struct nub_slice section, uint64_t offset)
{
    if (offset >= section.size ||
        !memchr(section.data + offset, 0, MIN(section.size - offset, MAX_NAME)))
        return "";
    return (const char *)section.data + offset;
}

static void
skip(struct cursor *c, uint64_t size)
{
    if ((uint64_t)(c->end - c->at) < size) {
        c->ok = false;
        c->at = c->end;
    } else {
        c->at += size;
    }
}

/* ---- file names
 * ---------------------------------------------------------------------------------- */

static void
add_file(struct unit *u, const char *directory, const char *name)
{
    bool bare = directory[0] == 0 || name[0] == '/';

    g_ptr_array_add(u->lines->files,
                    bare ? g_strdup(name) : g_build_filename(directory, name, NULL));
    u->n_files++;
}

static void
read_files_v4(struct unit *u)
{
    struct cursor *c = &u->cursor;
    g_autoptr(GPtrArray) directories = g_ptr_array_new();

    g_ptr_array_add(directories, (gpointer) "");
    while (c->ok && c->at < c->end && *c->at)
        g_ptr_array_add(directories, (gpointer)take_string(c));
    take(c, 1);
    while (c->ok && c->at < c->end && *c->at) {
        const char *name = take_string(c);
        uint64_t directory = take_uleb(c);
        take_uleb(c);
        take_uleb(c);
        add_file(u, directory < directories->len ? directories->pdata[directory] : "", name);
    }
    take(c, 1);
}

struct entry {
    const char *path;
    uint64_t directory;
};

/* one attribute of a directory or file; strings of forms that are not known are "" */
static void
read_form(struct unit *u, uint64_t content, uint64_t form, struct entry *entry)
{
    struct cursor *c = &u->cursor;
    const char *string = NULL;
    uint64_t number = 0;

    switch (form) {
    case DW_FORM_STRING:
        string = take_string(c);
        break;
    case DW_FORM_LINE_STRP:
        string = string_in(u->line_strings, take(c, u->wide ? 8 : 4));
        break;
    case DW_FORM_STRP:
        string = string_in(u->strings, take(c, u->wide ? 8 : 4));
        break;
    case DW_FORM_DATA1:
        number = take(c, 1);
        break;
    case DW_FORM_DATA2:
        number = take(c, 2);
        break;
    case DW_FORM_DATA4:
        number = take(c, 4);
        break;
    case DW_FORM_DATA8:
        number = take(c, 8);
        break;
    case DW_FORM_UDATA:
        number = take_uleb(c);
        break;
    case DW_FORM_DATA16:
        skip(c, 16);
        break;
    case DW_FORM_BLOCK:
        skip(c, take_uleb(c));
        break;
    case DW_FORM_BLOCK1:
        skip(c, take(c, 1));
        break;
    case DW_FORM_BLOCK2:
        skip(c, take(c, 2));
        break;
    case DW_FORM_BLOCK4:
        skip(c, take(c, 4));
        break;
    default:
        c->ok = false;
        break;
    }
    if (content == DW_LNCT_PATH && string)
        entry->path = string;
    else if (content == DW_LNCT_DIRECTORY_INDEX)
        entry->directory = number;
}

/* a list of directories or files: its format first. Each entry takes a byte at least */
static GArray *
read_entries(struct unit *u)
{
    struct cursor *c = &u->cursor;
    GArray *entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    uint64_t formats[2 * 255];
    unsigned n_formats = (unsigned)take(c, 1);

    for (unsigned i = 0; i < 2 * n_formats; i++)
        formats[i] = take_uleb(c);
    uint64_t n = take_uleb(c);
    for (uint64_t i = 0; i < n && c->ok && c->at < c->end; i++) {
        struct entry entry = { "", 0 };
        for (unsigned f = 0; f < n_formats; f++)
            read_form(u, formats[2 * f], formats[2 * f + 1], &entry);
        g_array_append_val(entries, entry);
        if (n_formats == 0)
            break;
    }
    return entries;
}

static void
read_files_v5(struct unit *u)
{
    g_autoptr(GArray) directories = read_entries(u);
    g_autoptr(GArray) files = read_entries(u);

    for (guint i = 0; i < files->len; i++) {
        const struct entry *file = &g_array_index(files, struct entry, i);
        /* directory 0 is where the compiler ran: names stay as they were given to it */
        const char *directory = file->directory > 0 && file->directory < directories->len
                                    ? g_array_index(directories, struct entry, file->directory).path
                                    : "";
        add_file(u, directory, file->path);
    }
}

/* ---- the line program
 * ------------------------------------------------------------------------------ */

struct state {
    uint64_t address;
    uint64_t file;
    int64_t line;
};

static void
add_row(struct unit *u, const struct state *s, bool end)
{
    uint64_t file = u->version >= 5 ? s->file : s->file - 1;

    if (u->lines->rows->len >= MAX_ROWS || file >= u->n_files) {
        u->cursor.ok = u->lines->rows->len < MAX_ROWS;
        return;
    }
    struct link_line row = { s->address, u->first_file + (uint32_t)file,
                             end || s->line < 0 ? 0 : (uint32_t)s->line };
    g_array_append_val(u->lines->rows, row);
}

static void
run_extended(struct unit *u, struct state *s)
{
    struct cursor *c = &u->cursor;
    uint64_t size = take_uleb(c);
    const uint8_t *start = c->at;
    uint8_t opcode = size ? (uint8_t)take(c, 1) : 0;

    if (opcode == DW_LNE_END_SEQUENCE) {
        add_row(u, s, true);
        *s = (struct state){ .file = 1, .line = 1 };
    } else if (opcode == DW_LNE_SET_ADDRESS && size == 9) {
        s->address = take(c, 8);
    }
    if (c->ok && size >= (uint64_t)(c->at - start))
        skip(c, size - (uint64_t)(c->at - start));
}

static void
run_standard(struct unit *u, struct state *s, uint8_t opcode)
{
    struct cursor *c = &u->cursor;

    switch (opcode) {
    case DW_LNS_COPY:
        add_row(u, s, false);
        break;
    case DW_LNS_ADVANCE_PC:
        s->address += take_uleb(c) * u->min_length;
        break;
    case DW_LNS_ADVANCE_LINE:
        s->line = (int64_t)((uint64_t)s->line + (uint64_t)take_sleb(c));
        break;
    case DW_LNS_SET_FILE:
        s->file = take_uleb(c);
        break;
    case DW_LNS_CONST_ADD_PC:
        s->address += (uint64_t)((255 - u->opcode_base) / u->line_range) * u->min_length;
        break;
    case DW_LNS_FIXED_ADVANCE_PC:
        s->address += take(c, 2);
        break;
    default:
        for (unsigned i = 0; i < u->lengths[opcode]; i++)
            take_uleb(c);
        break;
    }
}

static void
run_program(struct unit *u)
{
    struct state s = { .file = 1, .line = 1 };

    while (u->cursor.ok && u->cursor.at < u->cursor.end) {
        uint8_t opcode = (uint8_t)take(&u->cursor, 1);
        if (opcode >= u->opcode_base) {
            unsigned special = opcode - u->opcode_base;
            s.address += (uint64_t)(special / u->line_range) * u->min_length;
            s.line = (int64_t)((uint64_t)s.line +
                               (uint64_t)(int64_t)(u->line_base + (int)(special % u->line_range)));
            add_row(u, &s, false);
        } else if (opcode == 0) {
            run_extended(u, &s);
        } else {
            run_standard(u, &s, opcode);
        }
    }
}

/* the unit's header; false when it is of no version or form known here */
static bool
read_header(struct unit *u)
{
    struct cursor *c = &u->cursor;

    u->version = (uint16_t)take(c, 2);
    if (u->version < 2 || u->version > 5)
        return false;
    if (u->version >= 5 && take(c, 2) != 8) /* address size, no segments */
        return false;
    uint64_t header = take(c, u->wide ? 8 : 4);
    if (!c->ok || header > (uint64_t)(c->end - c->at))
        return false;
    const uint8_t *program = c->at + header;
    u->min_length = (uint8_t)take(c, 1);
    if (u->version >= 4)
        take(c, 1);
    take(c, 1);
    u->line_base = (int8_t)take(c, 1);
    u->line_range = (uint8_t)take(c, 1);
    u->opcode_base = (uint8_t)take(c, 1);
    for (unsigned i = 1; i < u->opcode_base; i++)
        u->lengths[i] = (uint8_t)take(c, 1);
    if (!c->ok || u->line_range == 0 || u->opcode_base == 0)
        return false;
    u->first_file = u->lines->files->len;
    if (u->version >= 5)
        read_files_v5(u);
    else
        read_files_v4(u);
    c->at = program;
    return c->ok;
}

static gint
compare_rows(gconstpointer a, gconstpointer b)
{
    const struct link_line *x = a, *y = b;

    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return (x->line != 0) - (y->line != 0); /* an end, then what begins there */
}

struct link_lines *
link_lines_read(const struct link_elf *elf)
{
    struct link_lines *lines = g_new(struct link_lines, 1);
    struct nub_slice bytes = link_elf_bytes(elf, ".debug_line");
    struct nub_slice strings = link_elf_bytes(elf, ".debug_str");
    struct nub_slice line_strings = link_elf_bytes(elf, ".debug_line_str");
    struct cursor all = { bytes.data, bytes.size ? bytes.data + bytes.size : NULL, true };

    lines->files = g_ptr_array_new_with_free_func(g_free);
    lines->rows = g_array_new(FALSE, FALSE, sizeof(struct link_line));
    while (bytes.size > 0 && all.ok && all.at < all.end) {
        struct unit u = { .lines = lines, .strings = strings, .line_strings = line_strings };
        uint64_t size = take(&all, 4);
        u.wide = size == 0xffffffff;
        if (u.wide)
            size = take(&all, 8);
        const uint8_t *start = all.at;
        skip(&all, size);
        u.cursor = (struct cursor){ start, all.at, true };
        if (all.ok && read_header(&u))
            run_program(&u);
    }
    g_array_sort(lines->rows, compare_rows);
    return lines;
}

void
link_lines_free(struct link_lines *lines)
{
    g_ptr_array_unref(lines->files);
    g_array_unref(lines->rows);
    g_free(lines);
}

const struct link_line *
link_lines_find(const struct link_lines *lines, uint64_t address)
{
    guint low = 0, high = lines->rows->len;

    while (low < high) {
        guint middle = (low + high) / 2;
        if (g_array_index(lines->rows, struct link_line, middle).address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct link_line *row =
        low ? &g_array_index(lines->rows, struct link_line, low - 1) : NULL;
    return row && row->line ? row : NULL;
}
