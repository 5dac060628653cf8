/* asm-disasm-code.c - a program as text that assembles to the same bytes
 *
 * Walks mask bits, not skips, so that what can never run is listed too. An instruction whose bytes
 * its mnemonic does not give back, whatever the widths, becomes .insn; bytes where nothing starts
 * become .u8. Whether the assembler would choose the offsets that are there is not guessed: the
 * same layout is run, and what it would change gets its width written down.
 */
#include "asm-private.h"

#include "disasm.h"

#include <string.h>

#define BYTES_PER_LINE 16u

struct listing {
    const struct nub_program *program;
    struct asm_code code;
    GArray *y_sizes;      /* guint8 by item: bytes of the offset in the program */
    GHashTable *label_of; /* pc + 1 -> label + 1 */
    GString *text;
};

/* ---- from bytes to items ------------------------------------------------------------------- */

static gboolean
has_target(guint8 opcode)
{
    return strchr(nub_insn_operands(opcode), 'T') != NULL;
}

/* finds widths with which the mnemonic gives these very bytes */
static gboolean
find_widths(struct asm_item *item, const guint8 *own, guint32 size)
{
    guint8 bytes[NUB_MAX_INSN_SIZE];

    for (guint8 y = 0; y <= 4; y++)
        for (guint8 x = 0; x <= 4; x++)
            if (nub_insn_encode_sized(bytes, &item->insn, x, y) == size &&
                memcmp(bytes, own, size) == 0) {
                item->x_size = x;
                item->y_size = y;
                return TRUE;
            }
    return FALSE;
}

static void
append_item(struct listing *listing, struct asm_item *item, guint8 y_size)
{
    g_array_append_val(listing->code.items, *item);
    g_array_append_val(listing->y_sizes, y_size);
}

static void
append_raw(struct listing *listing, enum asm_item_kind kind, guint32 at, guint32 size)
{
    struct asm_item item = { .kind = (guint8)kind,
                             .label = ASM_NO_LABEL,
                             .at = at,
                             .size = size,
                             .bytes = listing->code.bytes->len };

    nub_insn_decode(&item.insn, listing->program, at); /* for the comment */
    g_byte_array_append(listing->code.bytes, listing->program->code + at, size);
    append_item(listing, &item, 0);
}

static void
append_insn(struct listing *listing, guint32 at, guint32 size)
{
    struct asm_item item = { .kind = ASM_INSN, .label = ASM_NO_LABEL, .at = at, .size = size };
    guint8 y_size = 0;

    nub_insn_decode(&item.insn, listing->program, at);
    if (!nub_isa[item.insn.opcode].mnemonic ||
        !find_widths(&item, listing->program->code + at, size)) {
        append_raw(listing, ASM_RAW_INSN, at, size);
        return;
    }
    if (has_target(item.insn.opcode)) {
        /* left open: the assembler would choose it */
        y_size = (guint8)MAX(item.y_size, nub_insn_value_size(item.insn.target - at));
        item.y_is_fixed = item.y_size > 0;
    }
    append_item(listing, &item, y_size);
}

static void
append_bytes(struct listing *listing, guint32 at, guint32 end)
{
    for (; at < end; at += BYTES_PER_LINE)
        append_raw(listing, ASM_RAW_BYTES, at, MIN(end - at, BYTES_PER_LINE));
}

static void
read_items(struct listing *listing)
{
    const struct nub_program *program = listing->program;
    guint32 at = 0, end;

    while (at < program->code_size && !nub_program_is_start(program, at))
        at++;
    append_bytes(listing, 0, at);
    for (; at < program->code_size; at = end) {
        guint32 own = MIN(1 + nub_program_skip(program, at), program->code_size - at);
        for (end = at + own; end < program->code_size && !nub_program_is_start(program, end);)
            end++;
        append_insn(listing, at, own);
        append_bytes(listing, at + own, end);
    }
}

/* ---- labels -------------------------------------------------------------------------------- */

/* only block starts get labels, since the assembler asks that of the targets that have them */
static guint32
label_at(struct listing *listing, guint64 target)
{
    gpointer found;

    if (!nub_program_is_block_start(listing->program, target))
        return ASM_NO_LABEL;
    found = g_hash_table_lookup(listing->label_of, GUINT_TO_POINTER((guint)target + 1));
    if (!found) {
        struct asm_label label = { .is_defined = true };
        g_array_append_val(listing->code.labels, label);
        found = GUINT_TO_POINTER(listing->code.labels->len);
        g_hash_table_insert(listing->label_of, GUINT_TO_POINTER((guint)target + 1), found);
    }
    return GPOINTER_TO_UINT(found) - 1;
}

static void
read_labels(struct listing *listing, const guint64 *entries, guint n_entries)
{
    struct asm_code *code = &listing->code;

    for (guint i = 0; i < n_entries; i++)
        label_at(listing, entries[i]);
    for (guint32 i = 0; i < listing->program->n_jump; i++)
        label_at(listing, nub_program_jump_entry(listing->program, i));
    for (guint32 i = 0; i < code->items->len; i++) {
        struct asm_item *item = asm_item(code, i);
        if (item->kind == ASM_INSN && has_target(item->insn.opcode))
            item->label = label_at(listing, item->insn.target);
    }
    for (guint32 i = 0; i < code->items->len; i++) {
        gpointer found =
            g_hash_table_lookup(listing->label_of, GUINT_TO_POINTER(asm_item(code, i)->at + 1));
        if (found)
            asm_label(code, GPOINTER_TO_UINT(found) - 1)->item = i;
    }
}

/* compares a layout with the program; FALSE when there was nothing to write down */
static gboolean
fix_differing(struct listing *listing, gboolean all)
{
    gboolean differs = FALSE;

    for (guint32 i = 0; i < listing->code.items->len; i++) {
        struct asm_item *item = asm_item(&listing->code, i);
        guint8 want = g_array_index(listing->y_sizes, guint8, i);
        if (item->kind != ASM_INSN || item->y_is_fixed || !has_target(item->insn.opcode))
            continue;
        item->y_is_fixed = all || item->y_size != want;
        item->y_size = item->y_is_fixed ? want : 0;
        differs |= item->y_is_fixed;
    }
    return differs;
}

/*
 * Writes down the widths that the assembler would not choose by itself. Twice is enough where all
 * targets are labels; numbers stay where they are while code moves, and may take longer.
 */
static void
fix_widths(struct listing *listing)
{
    guint pass = 0;

    do
        asm_layout(&listing->code);
    while (fix_differing(listing, pass++ >= 4));
    asm_layout(&listing->code);
}

/* ---- from items to text -------------------------------------------------------------------- */

static void
put_number(GString *text, guint64 value)
{
    if (value >> 63) {
        g_string_append_c(text, '-');
        value = -value;
    }
    g_string_append_printf(
        text, value < 0x1000 ? "%" G_GUINT64_FORMAT : "0x%" G_GINT64_MODIFIER "x", value);
}

static void
put_width(GString *text, guint8 size)
{
    if (size > 0)
        g_string_append_printf(text, ":%u", size);
}

static void
put_target(struct listing *listing, guint64 target)
{
    gpointer found = target < G_MAXUINT32 ? g_hash_table_lookup(listing->label_of,
                                                                GUINT_TO_POINTER((guint)target + 1))
                                          : NULL;

    if (found)
        g_string_append_printf(listing->text, "L%u", (guint)target);
    else
        put_number(listing->text, target);
}

static void
put_memory(GString *text, const char *base, const struct asm_item *item)
{
    guint64 offset = item->insn.x;

    g_string_append_c(text, '[');
    if (base)
        g_string_append(text, base);
    if (!base) {
        put_number(text, offset);
    } else if (offset != 0) {
        g_string_append(text, offset >> 63 ? " - " : " + ");
        put_number(text, offset >> 63 ? -offset : offset);
    }
    put_width(text, item->x_size);
    g_string_append_c(text, ']');
}

static void
put_operand(struct listing *listing, const struct asm_item *item, char operand)
{
    const struct nub_insn *insn = &item->insn;
    GString *text = listing->text;

    switch (operand) {
    case 'A':
        g_string_append(text, nub_reg_names[insn->a]);
        break;
    case 'B':
        g_string_append(text, nub_reg_names[insn->b]);
        break;
    case 'D':
        g_string_append(text, nub_reg_names[insn->d]);
        break;
    case 'M':
        put_memory(text, NULL, item);
        break;
    case 'a':
        put_memory(text, nub_reg_names[insn->a], item);
        break;
    case 'b':
        put_memory(text, nub_reg_names[insn->b], item);
        break;
    case 'X':
        put_number(text, insn->x);
        put_width(text, item->x_size);
        break;
    case 'Y':
        put_number(text, insn->y);
        put_width(text, item->y_size);
        break;
    case 'T':
        put_target(listing, insn->target);
        if (item->y_is_fixed)
            g_string_append_printf(text, ":%u", item->y_size);
        break;
    }
}

static void
put_insn(struct listing *listing, const struct asm_item *item)
{
    const char *separator = " ";

    g_string_append_printf(listing->text, "    %s", nub_isa[item->insn.opcode].mnemonic);
    for (const char *operand = nub_insn_operands(item->insn.opcode); *operand; operand++) {
        g_string_append(listing->text, separator);
        put_operand(listing, item, *operand);
        separator = ", ";
    }
    g_string_append_c(listing->text, '\n');
}

/* argument bytes that an instruction reads, whatever its skip is */
static guint32
bytes_read(const guint8 *own, guint32 size)
{
    guint8 b1 = size > 1 ? own[1] : 0, b2 = size > 2 ? own[2] : 0;

    switch ((enum nub_arg_class)nub_isa[own[0]].arg_class) {
    case NUB_ARG_RX:
        return 9;
    case NUB_ARG_II:
        return 1 + MIN(4u, b1 & 7u);
    case NUB_ARG_RII:
    case NUB_ARG_RIO:
        return 1 + MIN(4u, b1 >> 4 & 7u);
    case NUB_ARG_RRII:
        return 2 + MIN(4u, b2 & 7u);
    case NUB_ARG_RRR:
        return 2;
    case NUB_ARG_N:
    case NUB_ARG_I:
    case NUB_ARG_O:
        return 0;
    default:
        return 1;
    }
}

static void
put_raw(struct listing *listing, const struct asm_item *item)
{
    const guint8 *bytes = listing->code.bytes->data + item->bytes;
    char meaning[80];

    g_string_append(listing->text, item->kind == ASM_RAW_INSN ? "    .insn " : "    .u8 ");
    for (guint32 i = 0; i < item->size; i++)
        g_string_append_printf(listing->text, "%s0x%02x", i > 0 ? ", " : "", bytes[i]);
    if (item->kind == ASM_RAW_INSN) {
        nub_insn_format(meaning, sizeof meaning, &item->insn);
        g_string_append_printf(
            listing->text, " ; %s%s", meaning,
            bytes_read(bytes, item->size) >= item->size ? ", reads bytes beyond its own" : "");
    }
    g_string_append_c(listing->text, '\n');
}

static void
put_jump_table(struct listing *listing)
{
    for (guint32 i = 0; i < listing->program->n_jump; i++) {
        g_string_append(listing->text, i % 8 == 0 ? "    .jump_table " : ", ");
        put_target(listing, nub_program_jump_entry(listing->program, i));
        if (i % 8 == 7 || i + 1 == listing->program->n_jump)
            g_string_append_c(listing->text, '\n');
    }
}

static void
put_items(struct listing *listing)
{
    for (guint32 i = 0; i < listing->code.items->len; i++) {
        const struct asm_item *item = asm_item(&listing->code, i);
        if (g_hash_table_contains(listing->label_of, GUINT_TO_POINTER(item->at + 1)))
            g_string_append_printf(listing->text, "L%u:\n", item->at);
        if (item->kind == ASM_INSN)
            put_insn(listing, item);
        else
            put_raw(listing, item);
    }
}

void
asm_list_program(GString *text, const struct nub_program *program, const guint64 *entries,
                 guint n_entries, asm_put_entry_fn put_entry, gpointer ctx)
{
    struct listing listing = { .program = program, .text = text };

    asm_code_init(&listing.code);
    listing.y_sizes = g_array_new(FALSE, TRUE, sizeof(guint8));
    listing.label_of = g_hash_table_new(NULL, NULL);
    read_items(&listing);
    read_labels(&listing, entries, n_entries);
    fix_widths(&listing);
    for (guint i = 0; i < n_entries; i++) {
        g_autoptr(GString) target = g_string_new(NULL);
        listing.text = target;
        put_target(&listing, entries[i]);
        put_entry(text, ctx, i, target->str);
    }
    listing.text = text;
    put_jump_table(&listing);
    put_items(&listing);
    g_hash_table_unref(listing.label_of);
    g_array_unref(listing.y_sizes);
    asm_code_clear(&listing.code);
}
