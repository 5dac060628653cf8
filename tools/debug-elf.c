/* debug-elf.c - a symbol file for gdb, made from the side file of a bundle
 *
 * ELF and DWARF 4, as far as gdb needs them: one compilation unit with every function and line. Its
 * language is assembly, since that is what is described: without variables, and with breakpoints
 * at the first instruction of a function, where its arguments are in registers.
 *
 * Return addresses are indices into the jump table. The frame rules translate them through
 * NUB_GDB_RETURNS, where the debugger's server shows the table.
 */
#include "debug-elf.h"

#include "debug-gdb.h"
#include "isa.h"

#include <elf.h>
#include <string.h>

enum {
    RA = 1,
    SP = 2,     /* x1 and x2: numbers in DWARF */
    PHI_RA = 0, /* the same in the machine */
    PHI_SP = 1,
    RETURN_COLUMN = 64, /* of no register: where a frame returns to, as a code address */
    LINE_HEADER_OPCODES = 13
};

enum { DW_TAG_compile_unit = 0x11, DW_TAG_subprogram = 0x2e };
enum { DW_AT_name = 3, DW_AT_stmt_list = 0x10, DW_AT_low_pc = 0x11, DW_AT_high_pc = 0x12 };
enum { DW_AT_language = 0x13, DW_AT_producer = 0x25, DW_AT_external = 0x3f };
enum { DW_FORM_addr = 1, DW_FORM_data2 = 5, DW_FORM_data8 = 7, DW_FORM_string = 8 };
enum { DW_FORM_sec_offset = 0x17, DW_FORM_flag_present = 0x19, DW_LANG_Mips_Assembler = 0x8001 };
enum { DW_LNS_copy = 1, DW_LNS_advance_line = 3, DW_LNS_set_file = 4 };
enum { DW_LNE_end_sequence = 1, DW_LNE_set_address = 2 };
enum { DW_CFA_advance_loc4 = 4, DW_CFA_same_value = 8, DW_CFA_def_cfa = 12 };
enum { DW_CFA_def_cfa_offset = 14, DW_CFA_offset_extended_sf = 0x11, DW_CFA_val_expression = 0x16 };
enum { DW_OP_deref = 6, DW_OP_const4u = 12, DW_OP_const8u = 14, DW_OP_and = 0x1a };
enum { DW_OP_plus = 0x22, DW_OP_shl = 0x24, DW_OP_lit2 = 0x32, DW_OP_breg0 = 0x70 };

/* ---- bytes -------------------------------------------------------------------------------------
 */

static void
put(GByteArray *out, guint64 value, guint size)
{
    value = GUINT64_TO_LE(value);
    g_byte_array_append(out, (const guint8 *)&value, size);
}

static void
put_text(GByteArray *out, const char *text)
{
    g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text) + 1);
}

static void
put_uleb(GByteArray *out, guint64 value)
{
    for (; value >= 0x80; value >>= 7)
        put(out, (value & 0x7f) | 0x80, 1);
    put(out, value, 1);
}

static void
put_sleb(GByteArray *out, gint64 value)
{
    for (; value < -64 || value > 63; value >>= 7)
        put(out, (value & 0x7f) | 0x80, 1);
    put(out, value & 0x7f, 1);
}

static void
patch_u32(GByteArray *out, guint at, guint32 value)
{
    value = GUINT32_TO_LE(value);
    memcpy(out->data + at, &value, sizeof value);
}

/* room for a length that end_length() fills in */
static guint
begin_length(GByteArray *out)
{
    put(out, 0, 4);
    return out->len;
}

static void
end_length(GByteArray *out, guint start)
{
    patch_u32(out, start - 4, out->len - start);
}

/* ---- functions ---------------------------------------------------------------------------------
 */

struct function {
    const char *name;
    guint32 start, end; /* start < end <= code size */
};

static GArray *
list_functions(const NubDebug *debug, guint32 code_size)
{
    GArray *functions = g_array_new(FALSE, FALSE, sizeof(struct function));
    struct function function;

    for (guint i = 0; nub_debug_get_function(debug, i, &function.start, &function.name); i++) {
        const char *next_name;
        if (!nub_debug_get_function(debug, i + 1, &function.end, &next_name) ||
            function.end > code_size)
            function.end = code_size;
        if (function.start < function.end && strcmp(function.name, "?") != 0)
            g_array_append_val(functions, function);
    }
    return functions;
}

/* ---- .debug_abbrev, .debug_info ----------------------------------------------------------------
 */

static GByteArray *
make_abbrev(void)
{
    static const guint8 bytes[] = { 1,
                                    DW_TAG_compile_unit,
                                    1, /* with children */
                                    DW_AT_producer,
                                    DW_FORM_string,
                                    DW_AT_language,
                                    DW_FORM_data2,
                                    DW_AT_name,
                                    DW_FORM_string,
                                    DW_AT_low_pc,
                                    DW_FORM_addr,
                                    DW_AT_high_pc,
                                    DW_FORM_data8,
                                    DW_AT_stmt_list,
                                    DW_FORM_sec_offset,
                                    0,
                                    0, /* */
                                    2,
                                    DW_TAG_subprogram,
                                    0,
                                    DW_AT_name,
                                    DW_FORM_string,
                                    DW_AT_external,
                                    DW_FORM_flag_present,
                                    DW_AT_low_pc,
                                    DW_FORM_addr,
                                    DW_AT_high_pc,
                                    DW_FORM_data8,
                                    0,
                                    0, /* */
                                    0 };

    return g_byte_array_append(g_byte_array_new(), bytes, sizeof bytes);
}

static GByteArray *
make_info(const GArray *functions, const char *name, guint32 code_size)
{
    GByteArray *out = g_byte_array_new();
    guint start = begin_length(out);

    put(out, 4, 2); /* version */
    put(out, 0, 4); /* .debug_abbrev */
    put(out, 8, 1); /* size of addresses */
    put_uleb(out, 1);
    put_text(out, "nub");
    put(out, DW_LANG_Mips_Assembler, 2);
    put_text(out, name);
    put(out, NUB_GDB_CODE, 8);
    put(out, code_size, 8);
    put(out, 0, 4); /* .debug_line */
    for (guint i = 0; i < functions->len; i++) {
        const struct function *function = &g_array_index(functions, struct function, i);
        put_uleb(out, 2);
        put_text(out, function->name);
        put(out, NUB_GDB_CODE + function->start, 8);
        put(out, function->end - function->start, 8);
    }
    put_uleb(out, 0);
    end_length(out, start);
    return out;
}

/* ---- .debug_line -------------------------------------------------------------------------------
 */

static void
put_set_address(GByteArray *out, guint32 pc)
{
    put(out, 0, 1);
    put_uleb(out, 9);
    put(out, DW_LNE_set_address, 1);
    put(out, NUB_GDB_CODE + pc, 8);
}

/* The lines of a function, from line `i` on; returns the first line that is behind it. */
static guint
put_sequence(GByteArray *out, const NubDebug *debug, const struct function *function, guint i,
             GHashTable *files)
{
    guint32 pc, line, before = 1;
    const char *file;

    while (nub_debug_get_line(debug, i, &pc, &file, &line) && pc < function->start)
        i++;
    for (; nub_debug_get_line(debug, i, &pc, &file, &line) && pc < function->end; i++) {
        put_set_address(out, pc);
        if (file) {
            put(out, DW_LNS_set_file, 1);
            put_uleb(out, GPOINTER_TO_UINT(g_hash_table_lookup(files, file)));
        }
        put(out, DW_LNS_advance_line, 1);
        put_sleb(out, (gint64)line - before);
        put(out, DW_LNS_copy, 1);
        if (pc == function->start) /* twice: gdb looks for no prologue to step over */
            put(out, DW_LNS_copy, 1);
        before = line;
    }
    put_set_address(out, function->end);
    put(out, 0, 1);
    put_uleb(out, 1);
    put(out, DW_LNE_end_sequence, 1);
    return i;
}

/* the table of files, in the header; numbers from 1 on */
static GHashTable *
put_files(GByteArray *out, const NubDebug *debug)
{
    GHashTable *files = g_hash_table_new(g_str_hash, g_str_equal);
    const char *file;
    guint32 pc, line;

    for (guint i = 0; nub_debug_get_line(debug, i, &pc, &file, &line); i++) {
        if (!file || g_hash_table_contains(files, file))
            continue;
        g_hash_table_insert(files, (gpointer)file, GUINT_TO_POINTER(g_hash_table_size(files) + 1));
        put_text(out, file);
        put(out, 0, 3); /* no directory, time or size */
    }
    put(out, 0, 1);
    return files;
}

static GByteArray *
make_line(const NubDebug *debug, const GArray *functions)
{
    static const guint8 n_operands[LINE_HEADER_OPCODES - 1] = {
        0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1
    };
    GByteArray *out = g_byte_array_new();
    guint start = begin_length(out);

    put(out, 4, 2); /* version */
    guint header = begin_length(out);
    put(out, 1, 1); /* bytes of the shortest instruction */
    put(out, 1, 1); /* operations of an instruction */
    put(out, 1, 1); /* rows begin statements */
    put(out, 0xfb, 1);
    put(out, 14, 1); /* special opcodes, of which none is used */
    put(out, LINE_HEADER_OPCODES, 1);
    g_byte_array_append(out, n_operands, sizeof n_operands);
    put(out, 0, 1); /* no directories */
    g_autoptr(GHashTable) files = put_files(out, debug);
    end_length(out, header);
    for (guint i = 0, line = 0; i < functions->len; i++)
        line = put_sequence(out, debug, &g_array_index(functions, struct function, i), line, files);
    end_length(out, start);
    return out;
}

/* ---- .debug_frame ------------------------------------------------------------------------------
 */

/* how to get from an instruction to the caller */
struct frame {
    gint64 size; /* the caller's sp is sp + size */
    gint64 slot; /* ra is saved at sp + slot; -1: it is in its register */
};

/* the code address that belongs to the return address in ra, or in the slot */
static void
put_return_rule(GByteArray *out, const struct frame *frame)
{
    g_autoptr(GByteArray) rule = g_byte_array_new();

    put(rule, DW_OP_breg0 + (frame->slot < 0 ? RA : SP), 1);
    put_sleb(rule, frame->slot < 0 ? 0 : frame->slot);
    if (frame->slot >= 0)
        put(rule, DW_OP_deref, 1);
    put(rule, DW_OP_const4u, 1);
    put(rule, G_MAXUINT32, 4);
    put(rule, DW_OP_and, 1);
    put(rule, DW_OP_lit2, 1);
    put(rule, DW_OP_shl, 1);
    put(rule, DW_OP_const8u, 1);
    put(rule, NUB_GDB_RETURNS, 8);
    put(rule, DW_OP_plus, 1);
    put(rule, DW_OP_deref, 1);
    put(out, DW_CFA_val_expression, 1);
    put_uleb(out, RETURN_COLUMN);
    put_uleb(out, rule->len);
    g_byte_array_append(out, rule->data, rule->len);
}

static void
put_frame(GByteArray *out, const struct frame *frame, guint32 advance)
{
    put(out, DW_CFA_advance_loc4, 1);
    put(out, advance, 4);
    put(out, DW_CFA_def_cfa_offset, 1);
    put_uleb(out, (guint64)frame->size);
    put(out, frame->slot < 0 ? DW_CFA_same_value : DW_CFA_offset_extended_sf, 1);
    put_uleb(out, RA);
    if (frame->slot >= 0)
        put_sleb(out, (frame->slot - frame->size) / -8); /* times the data alignment, -8 */
    put_return_rule(out, frame);
}

/* what an instruction does to the frame */
static struct frame
frame_after(struct frame frame, const struct nub_insn *insn)
{
    gint64 x = (gint64)insn->x;
    bool in_frame = x >= 0 && x % 8 == 0 && x < frame.size;

    if (insn->opcode == NUB_OP_ADD_IMM_64 && insn->a == PHI_SP && insn->b == PHI_SP &&
        x > -G_MAXINT32 && x <= frame.size) {
        frame.size -= x;
        frame.slot = frame.slot < 0 || frame.slot < x ? -1 : frame.slot - x;
    } else if (insn->opcode == NUB_OP_STORE_IND_U64 && insn->a == PHI_RA && insn->b == PHI_SP &&
               in_frame)
        frame.slot = x;
    else if (insn->opcode == NUB_OP_LOAD_IND_U64 && insn->a == PHI_RA && insn->b == PHI_SP)
        frame.slot = -1;
    return frame;
}

/* In the order of the code: behind a return the body goes on, with the frame that it had. */
static void
put_frames(GByteArray *out, const struct nub_program *program, const struct function *function)
{
    struct frame now = { .slot = -1 }, body = now;
    struct nub_insn insn;
    guint32 said = function->start;

    for (guint32 pc = function->start; pc < function->end; pc = insn.next) {
        nub_insn_decode(&insn, program, pc);
        struct frame next = frame_after(now, &insn);
        if (next.size > body.size || (next.size == body.size && next.slot >= 0))
            body = next;
        if (insn.opcode == NUB_OP_JUMP_IND && insn.a == PHI_RA)
            next = body;
        if ((next.size != now.size || next.slot != now.slot) && insn.next < function->end) {
            put_frame(out, &next, insn.next - said);
            said = insn.next;
        }
        now = next;
    }
}

static void
align_unit(GByteArray *out)
{
    while (out->len % 8)
        put(out, 0, 1); /* DW_CFA_nop */
}

static GByteArray *
make_frame(const struct nub_program *program, const GArray *functions)
{
    static const struct frame entry = { .slot = -1 };
    GByteArray *out = g_byte_array_new();
    guint start = begin_length(out);

    put(out, G_MAXUINT32, 4); /* the common part */
    put(out, 4, 1);           /* version */
    put_text(out, "");
    put(out, 8, 1); /* size of addresses */
    put(out, 0, 1); /* and of segments */
    put_uleb(out, 1);
    put_sleb(out, -8);
    put_uleb(out, RETURN_COLUMN);
    put(out, DW_CFA_def_cfa, 1);
    put_uleb(out, SP);
    put_uleb(out, 0);
    put_return_rule(out, &entry);
    align_unit(out);
    end_length(out, start);
    for (guint i = 0; i < functions->len; i++) {
        const struct function *function = &g_array_index(functions, struct function, i);
        start = begin_length(out);
        put(out, 0, 4); /* where the common part is */
        put(out, NUB_GDB_CODE + function->start, 8);
        put(out, function->end - function->start, 8);
        put_frames(out, program, function);
        align_unit(out);
        end_length(out, start);
    }
    return out;
}

/* ---- the file ----------------------------------------------------------------------------------
 */

enum section { NONE, TEXT, SYMTAB, STRTAB, ABBREV, INFO, LINE, FRAME, SHSTRTAB, N_SECTIONS };

static void
make_symbols(const GArray *functions, GByteArray *symbols, GByteArray *names)
{
    put_text(names, "");
    g_byte_array_set_size(symbols, sizeof(Elf64_Sym));
    memset(symbols->data, 0, symbols->len);
    for (guint i = 0; i < functions->len; i++) {
        const struct function *function = &g_array_index(functions, struct function, i);
        put(symbols, names->len, 4);
        put(symbols, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1);
        put(symbols, STV_DEFAULT, 1);
        put(symbols, TEXT, 2);
        put(symbols, NUB_GDB_CODE + function->start, 8);
        put(symbols, function->end - function->start, 8);
        put_text(names, function->name);
    }
}

static void
put_elf_header(GByteArray *out, guint64 sections_at)
{
    static const guint8 ident[EI_NIDENT] = { ELFMAG0,    ELFMAG1,     ELFMAG2,   ELFMAG3,
                                             ELFCLASS64, ELFDATA2LSB, EV_CURRENT };

    g_byte_array_append(out, ident, sizeof ident);
    put(out, ET_EXEC, 2);
    put(out, EM_RISCV, 2);
    put(out, EV_CURRENT, 4);
    put(out, NUB_GDB_CODE, 8);
    put(out, 0, 8); /* no segments */
    put(out, sections_at, 8);
    put(out, EF_RISCV_RVC, 4); /* instructions may begin anywhere */
    put(out, sizeof(Elf64_Ehdr), 2);
    put(out, 0, 4);
    put(out, sizeof(Elf64_Shdr), 2);
    put(out, N_SECTIONS, 2);
    put(out, SHSTRTAB, 2);
}

static GByteArray *
join_sections(GByteArray *const contents[N_SECTIONS])
{
    static const struct {
        const char *name;
        guint32 type, flags, link, info, entry;
    } kinds[N_SECTIONS] = {
        [TEXT] = { ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 0, 0 },
        [SYMTAB] = { ".symtab", SHT_SYMTAB, 0, STRTAB, 1, sizeof(Elf64_Sym) },
        [STRTAB] = { ".strtab", SHT_STRTAB, 0, 0, 0, 0 },
        [ABBREV] = { ".debug_abbrev", SHT_PROGBITS, 0, 0, 0, 0 },
        [INFO] = { ".debug_info", SHT_PROGBITS, 0, 0, 0, 0 },
        [LINE] = { ".debug_line", SHT_PROGBITS, 0, 0, 0, 0 },
        [FRAME] = { ".debug_frame", SHT_PROGBITS, 0, 0, 0, 0 },
        [SHSTRTAB] = { ".shstrtab", SHT_STRTAB, 0, 0, 0, 0 },
    };
    GByteArray *out = g_byte_array_new(), *names = contents[SHSTRTAB];
    guint64 at = sizeof(Elf64_Ehdr), name_at[N_SECTIONS] = { 0 };

    put_text(names, "");
    for (guint i = 1; i < N_SECTIONS; i++) {
        name_at[i] = names->len;
        put_text(names, kinds[i].name);
    }
    for (guint i = 1; i < N_SECTIONS; i++)
        at += contents[i]->len;
    put_elf_header(out, at);
    for (guint i = 1; i < N_SECTIONS; i++)
        g_byte_array_append(out, contents[i]->data, contents[i]->len);
    at = sizeof(Elf64_Ehdr);
    for (guint i = 0; i < N_SECTIONS; i++) {
        guint64 size = i == NONE ? 0 : contents[i]->len;
        put(out, name_at[i], 4);
        put(out, kinds[i].type, 4);
        put(out, kinds[i].flags, 8);
        put(out, i == TEXT ? NUB_GDB_CODE : 0, 8);
        put(out, i == NONE ? 0 : at, 8);
        put(out, size, 8);
        put(out, kinds[i].link, 4);
        put(out, kinds[i].info, 4);
        put(out, i == NONE ? 0 : 1, 8);
        put(out, kinds[i].entry, 8);
        at += size;
    }
    return out;
}

GByteArray *
nub_debug_elf(const NubDebug *debug, const struct nub_program *program, const char *name)
{
    g_autoptr(GArray) functions = list_functions(debug, program->code_size);
    GByteArray *contents[N_SECTIONS] = {
        [TEXT] = g_byte_array_append(g_byte_array_new(), program->code, program->code_size),
        [SYMTAB] = g_byte_array_new(),
        [STRTAB] = g_byte_array_new(),
        [ABBREV] = make_abbrev(),
        [INFO] = make_info(functions, name, program->code_size),
        [LINE] = make_line(debug, functions),
        [FRAME] = make_frame(program, functions),
        [SHSTRTAB] = g_byte_array_new(),
    };

    make_symbols(functions, contents[SYMTAB], contents[STRTAB]);
    GByteArray *out = join_sections(contents);
    for (guint i = 1; i < N_SECTIONS; i++)
        g_byte_array_unref(contents[i]);
    return out;
}
