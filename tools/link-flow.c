/* link-flow.c - which instructions can run
 *
 * Starts at the endpoints and at every code address that data or running code mentions (the
 * relocations say which numbers are code addresses), follows branches, jumps and calls, and decodes
 * what it reaches. Code that nothing reaches is never looked at. What this machine has no
 * instruction for is an error at its place; the walk goes on, so that one run lists everything.
 */
#include "link-private.h"
#include <string.h>

enum { X_RA = 1, X_GP = 3, X_TP = 4, X_LIMIT = 16 };

struct tracer {
    struct link *link;
    GArray *work; /* uint64_t: addresses to go on from */
    bool warned_no_relocs;
};

static gint
compare_texts(gconstpointer a, gconstpointer b)
{
    const struct link_text *x = a, *y = b;

    return x->section->addr < y->section->addr ? -1 : x->section->addr > y->section->addr;
}

static bool
is_cold_name(const char *name)
{
    return g_str_has_prefix(name, ".text.unlikely") || g_str_has_prefix(name, ".text.split") ||
           g_str_has_prefix(name, ".text.cold");
}

static bool
gather_texts(struct link *link)
{
    for (guint i = 0; i < link->elf.sections->len; i++) {
        const struct link_section *s = &g_array_index(link->elf.sections, struct link_section, i);
        if ((s->flags & (LINK_ALLOC | LINK_EXEC)) != (LINK_ALLOC | LINK_EXEC) || s->size == 0)
            continue;
        struct link_text text = { s, g_new0(struct link_half, s->size / 2), is_cold_name(s->name) };
        for (uint64_t h = 0; h < s->size / 2; h++)
            text.halves[h].insn = text.halves[h].reloc = text.halves[h].jump = LINK_NONE;
        g_array_append_val(link->texts, text);
    }
    g_array_sort(link->texts, compare_texts);
    if (link->texts->len == 0)
        link_error(link, "no code");
    return link->texts->len > 0;
}

static const struct link_text *
find_text(const struct link *link, uint64_t address)
{
    guint low = 0, high = link->texts->len;

    while (low < high) {
        guint middle = (low + high) / 2;
        const struct link_text *t = &g_array_index(link->texts, struct link_text, middle);
        if (address < t->section->addr)
            high = middle;
        else if (address - t->section->addr >= t->section->size)
            low = middle + 1;
        else
            return t;
    }
    return NULL;
}

struct link_half *
link_flow_half(const struct link *link, uint64_t address)
{
    const struct link_text *text = address & 1 ? NULL : find_text(link, address);

    return text ? &text->halves[(address - text->section->addr) / 2] : NULL;
}

/* ---- symbols --------------------------------------------------------------------------------- */

static bool
is_code_symbol(const struct link *link, const struct link_symbol *symbol)
{
    if (symbol->section == LINK_NO_SECTION)
        return false;
    const struct link_section *s =
        &g_array_index(link->elf.sections, struct link_section, symbol->section);
    return (s->flags & (LINK_ALLOC | LINK_EXEC)) == (LINK_ALLOC | LINK_EXEC);
}

/* by the symbol, not by the number: a biased data address may well fall into code */
static bool
is_code_target(const struct link *link, const struct link_reloc *reloc)
{
    const struct link_symbol *symbol =
        &g_array_index(link->elf.symbols, struct link_symbol, reloc->symbol);

    return is_code_symbol(link, symbol) && find_text(link, reloc->target);
}

static gint
compare_functions(gconstpointer a, gconstpointer b, gpointer data)
{
    const GArray *symbols = data;
    const struct link_symbol *x = &g_array_index(symbols, struct link_symbol, *(const guint *)a);
    const struct link_symbol *y = &g_array_index(symbols, struct link_symbol, *(const guint *)b);

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->bind != y->bind)
        return x->bind < y->bind ? -1 : 1; /* the global name last: it is found first */
    return strcmp(y->name, x->name);
}

static void
gather_functions(struct link *link)
{
    for (guint i = 0; i < link->elf.symbols->len; i++) {
        const struct link_symbol *s = &g_array_index(link->elf.symbols, struct link_symbol, i);
        if (!is_code_symbol(link, s))
            continue;
        if (s->type == STT_OBJECT && s->size > 0)
            link_error(link, "object %s is in the executable section %s: keep data apart from code",
                       s->name,
                       g_array_index(link->elf.sections, struct link_section, s->section).name);
        if (s->type == STT_FUNC)
            g_array_append_val(link->functions, i);
    }
    g_array_sort_with_data(link->functions, compare_functions, link->elf.symbols);
}

const struct link_symbol *
link_flow_function(const struct link *link, uint64_t address)
{
    guint low = 0, high = link->functions->len;

    while (low < high) {
        guint middle = (low + high) / 2;
        guint32 index = g_array_index(link->functions, guint32, middle);
        if (g_array_index(link->elf.symbols, struct link_symbol, index).value <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct link_symbol *s = &g_array_index(link->elf.symbols, struct link_symbol,
                                                 g_array_index(link->functions, guint32, low - 1));
    return s->size == 0 || address - s->value < s->size ? s : NULL;
}

/* ---- relocations ----------------------------------------------------------------------------- */

static const char *
what_reloc(uint32_t type)
{
    switch (type) {
    case 20:
        return "position-independent code (a GOT entry): compile with -fno-pic";
    case 21:
    case 22:
    case 29:
    case 30:
    case 31:
    case 32:
    case 49:
    case 50:
        return "thread-local storage: this machine has one thread, drop __thread";
    default:
        return NULL;
    }
}

static void
mark_reloc(struct link *link, guint index)
{
    const struct link_reloc *reloc = &g_array_index(link->elf.relocs, struct link_reloc, index);
    struct link_half *half = link_flow_half(link, reloc->address);

    if (half && half->reloc == LINK_NONE)
        half->reloc = index;
    else if (half)
        link_error_at(link, reloc->address, "two relocations on one instruction");
}

static bool
is_unwind_table(const struct link_section *s)
{
    return g_str_has_prefix(s->name, ".eh_frame");
}

static void
push(struct tracer *t, uint64_t address, unsigned flags)
{
    struct link_half *half = link_flow_half(t->link, address);

    if (!half)
        return;
    half->flags |= flags;
    if (!(half->flags & LINK_HALF_INSN))
        g_array_append_val(t->work, address);
}

static const struct link_section *
section_of(const struct link *link, uint64_t address)
{
    for (guint i = 0; i < link->elf.sections->len; i++) {
        const struct link_section *s = &g_array_index(link->elf.sections, struct link_section, i);
        if ((s->flags & LINK_ALLOC) && address >= s->addr && address - s->addr < s->size)
            return s;
    }
    return NULL;
}

/* relocations in code are found again by address; those in data that mean code are roots */
static void
take_relocs(struct tracer *t)
{
    struct link *link = t->link;
    const struct link_section *section = NULL;

    for (guint i = 0; i < link->elf.relocs->len; i++) {
        const struct link_reloc *r = &g_array_index(link->elf.relocs, struct link_reloc, i);
        if (find_text(link, r->address)) {
            mark_reloc(link, i);
            continue;
        }
        if (!section || r->address < section->addr || r->address - section->addr >= section->size)
            section = section_of(link, r->address);
        if (section && !is_unwind_table(section) && is_code_target(link, r))
            push(t, r->target, LINK_HALF_LEADER | LINK_HALF_TAKEN);
    }
}

/* ---- instructions ---------------------------------------------------------------------------- */

static bool
check_registers(struct link *link, const struct link_insn *insn)
{
    const uint8_t regs[] = { insn->rv.rd, insn->rv.rs1, insn->rv.rs2 };

    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        if (regs[i] == X_GP || regs[i] == X_TP) {
            link_error_at(link, insn->address, "uses the register %s",
                          regs[i] == X_GP ? "gp: link with --no-relax-gp" : "tp");
            return false;
        }
        if (regs[i] >= X_LIMIT) {
            link_error_at(link, insn->address, "uses x%u, which rv64e does not have", regs[i]);
            return false;
        }
    }
    return true;
}

/* what the machine cannot do: said once, at its place */
static void
check_operation(struct link *link, const struct link_insn *insn, const uint8_t *bytes)
{
    switch (insn->rv.op) {
    case RV_ILLEGAL:
        if (insn->rv.size == 4)
            link_error_at(link, insn->address, "unknown instruction 0x%08x", nub_le32(bytes));
        else
            link_error_at(link, insn->address, "unknown instruction 0x%04x", nub_le16(bytes));
        break;
    case RV_CSR:
        link_error_at(link, insn->address,
                      "system instruction: there are no control and status registers");
        break;
    case RV_FLOAT:
        link_error_at(
            link, insn->address,
            "floating-point instruction: compile with -march=rv64emac... and -mabi=lp64e");
        break;
    case RV_VECTOR:
        link_error_at(link, insn->address, "vector instruction");
        break;
    case RV_FENCE_I:
        link_error_at(link, insn->address, "fence.i: code cannot change here");
        break;
    case RV_HOSTCALL_HI:
    case RV_HOSTCALL_LO:
        link_error_at(link, insn->address, "half of a host call: use nub-guest.h");
        break;
    default:
        check_registers(link, insn);
        break;
    }
}

/* the address of the instruction that a pc-relative low part belongs to gives the target */
static const struct link_reloc *
high_part(const struct link *link, const struct link_reloc *low)
{
    struct link_half *half = link_flow_half(link, low->target);

    if (!half || half->reloc == LINK_NONE)
        return NULL;
    const struct link_reloc *high =
        &g_array_index(link->elf.relocs, struct link_reloc, half->reloc);
    return high->type == R_RISCV_PCREL_HI20 ? high : NULL;
}

static void
take_part(struct tracer *t, struct link_insn *insn, const struct link_reloc *reloc, bool high)
{
    if (!is_code_target(t->link, reloc))
        return;
    uint8_t op = insn->rv.op;
    if (high ? op != RV_LUI && op != RV_AUIPC && !(op == RV_ADD && insn->rv.has_imm)
             : !(op == RV_ADD && insn->rv.has_imm) && op != RV_JALR) {
        link_error_at(t->link, insn->address, "reads or writes code as if it were data");
        return;
    }
    insn->part = high ? LINK_PART_CODE_HI : LINK_PART_CODE_LO;
    insn->code = reloc->target;
    push(t, reloc->target, LINK_HALF_LEADER | LINK_HALF_TAKEN);
}

static void
apply_reloc(struct tracer *t, struct link_insn *insn, const struct link_reloc *reloc)
{
    const struct link_reloc *high;

    switch (reloc->type) {
    case R_RISCV_HI20:
    case R_RISCV_RVC_LUI:
    case R_RISCV_PCREL_HI20:
        take_part(t, insn, reloc, true);
        break;
    case R_RISCV_LO12_I:
    case R_RISCV_LO12_S:
        take_part(t, insn, reloc, false);
        break;
    case R_RISCV_PCREL_LO12_I:
    case R_RISCV_PCREL_LO12_S:
        high = high_part(t->link, reloc);
        if (high)
            take_part(t, insn, high, false);
        else
            link_error_at(t->link, insn->address, "a low part without its high part");
        break;
    case R_RISCV_CALL:
    case R_RISCV_CALL_PLT:
        break; /* joined by take_call() */
    default:
        if (what_reloc(reloc->type))
            link_error_at(t->link, insn->address, "%s", what_reloc(reloc->type));
        else
            link_error_at(t->link, insn->address, "relocation type %u is not known", reloc->type);
        break;
    }
}

/* auipc and jalr of a far call are one instruction from here on */
static void
take_call(struct link *link, struct link_insn *insn, const uint8_t *bytes, size_t left)
{
    struct rv_insn jalr;

    rv_decode(&jalr, bytes + 4, left - MIN(left, 4));
    if (insn->rv.op != RV_AUIPC || jalr.op != RV_JALR || jalr.rs1 != insn->rv.rd) {
        link_error_at(link, insn->address, "a call that is not auipc and jalr");
        return;
    }
    insn->target = (insn->address + (uint64_t)insn->rv.imm + (uint64_t)jalr.imm) & ~1ull;
    insn->rv = (struct rv_insn){ .op = RV_JAL, .size = 4 + jalr.size, .rd = jalr.rd };
}

/* an assembler leaves no relocation at a far call within a section: a function that calls itself.
 * The address is used up in place: as ra of a call, or in t1 of a tail call */
static bool
is_resolved_call(const struct link_insn *insn, const uint8_t *bytes, size_t left)
{
    struct rv_insn jalr;

    if (insn->rv.op != RV_AUIPC)
        return false;
    rv_decode(&jalr, bytes + 4, left - MIN(left, 4));
    return jalr.op == RV_JALR && jalr.rs1 == insn->rv.rd &&
           (jalr.rd == insn->rv.rd || (jalr.rd == 0 && insn->rv.rd == 6));
}

static void
take_host_call(struct link_insn *insn, const uint8_t *bytes, size_t left)
{
    struct rv_insn low;

    rv_decode(&low, bytes + 4, left - MIN(left, 4));
    if (low.op != RV_HOSTCALL_LO || low.size != 4 || low.rd || low.rs1 || insn->rv.rd)
        return;
    insn->rv = (struct rv_insn){ .op = RV_HOSTCALL_LO,
                                 .size = 8,
                                 .has_imm = true,
                                 .imm = (int32_t)(uint32_t)(insn->rv.imm + low.imm) };
}

/* without relocations nobody can tell a code address from a number */
static void
check_relocs_present(struct tracer *t, const struct link_insn *insn)
{
    if (t->link->elf.has_relocs || t->warned_no_relocs)
        return;
    if (insn->rv.op == RV_LUI || insn->rv.op == RV_AUIPC) {
        link_error_at(t->link, insn->address,
                      "the file has no relocations: link it with --emit-relocs");
        t->warned_no_relocs = true;
    }
}

static void
follow(struct tracer *t, struct link_insn *insn)
{
    const struct link_symbol *function;
    uint64_t next = insn->address + insn->rv.size;

    switch (insn->rv.op) {
    case RV_BEQ:
    case RV_BNE:
    case RV_BLT:
    case RV_BGE:
    case RV_BLTU:
    case RV_BGEU:
    case RV_JAL:
        if (insn->rv.size != 8 && !insn->target)
            insn->target = insn->address + (uint64_t)insn->rv.imm;
        if (find_text(t->link, insn->target))
            push(t, insn->target, LINK_HALF_LEADER);
        else
            link_error_at(t->link, insn->address,
                          "jumps to 0x%" G_GINT64_MODIFIER "x, which is no code", insn->target);
        break;
    default:
        break;
    }
    if ((insn->rv.op == RV_JAL || insn->rv.op == RV_JALR) && insn->rv.rd) {
        function = link_flow_function(t->link, insn->address);
        insn->returns = find_text(t->link, next) &&
                        !(function && function->size && next == function->value + function->size);
        if (insn->returns)
            push(t, next, LINK_HALF_LEADER | LINK_HALF_TAKEN);
    }
}

static bool
ends_walk(const struct link_insn *insn)
{
    return insn->rv.op == RV_JAL || insn->rv.op == RV_JALR || insn->rv.op == RV_EBREAK ||
           insn->rv.op == RV_ILLEGAL;
}

/* marks the slots; an instruction inside another is refused */
static bool
claim(struct link *link, struct link_half *half, const struct link_insn *insn, uint64_t slots_left)
{
    unsigned slots = insn->rv.size / 2;
    bool overlap = half->flags & LINK_HALF_BODY;

    for (unsigned i = 1; i < slots && i < slots_left; i++) {
        overlap |= (half[i].flags & LINK_HALF_INSN) != 0;
        half[i].flags |= LINK_HALF_BODY;
    }
    half->flags |= LINK_HALF_INSN;
    if (overlap)
        link_error_at(link, insn->address, "instructions overlap here");
    return !overlap;
}

/* decodes one instruction; its size, or 0 when the walk ends here */
static unsigned
trace_insn(struct tracer *t, uint64_t address)
{
    struct link *link = t->link;
    const struct link_text *text = find_text(link, address);
    struct link_half *half = link_flow_half(link, address);

    if (!half || (half->flags & LINK_HALF_INSN))
        return 0;
    uint64_t offset = address - text->section->addr;
    const uint8_t *bytes = text->section->bytes + offset;
    size_t left = text->section->size - offset;
    struct link_insn insn = { .address = address };

    rv_decode(&insn.rv, bytes, left);
    if (insn.rv.size == 0) {
        link_error_at(link, address, "an instruction is cut off by the end of its section");
        half->flags |= LINK_HALF_INSN;
        return 0;
    }
    const struct link_reloc *reloc =
        half->reloc == LINK_NONE ? NULL
                                 : &g_array_index(link->elf.relocs, struct link_reloc, half->reloc);
    if (reloc && (reloc->type == R_RISCV_CALL || reloc->type == R_RISCV_CALL_PLT) &&
        insn.rv.op == RV_AUIPC)
        take_call(link, &insn, bytes, left);
    else if (!reloc && link->elf.has_relocs && is_resolved_call(&insn, bytes, left))
        take_call(link, &insn, bytes, left);
    else if (insn.rv.op == RV_HOSTCALL_HI)
        take_host_call(&insn, bytes, left);
    if (insn.rv.op != RV_HOSTCALL_LO || insn.rv.size != 8)
        check_operation(link, &insn, bytes);
    check_relocs_present(t, &insn);
    if (reloc)
        apply_reloc(t, &insn, reloc);
    claim(link, half, &insn, left / 2);
    follow(t, &insn);
    half->insn = link->insns->len;
    g_array_append_val(link->insns, insn);
    return ends_walk(&insn) ? 0 : insn.rv.size;
}

/* after the places that use it, each of which has been named */
static void
refuse_thread_local(struct link *link)
{
    for (guint i = 0; i < link->elf.sections->len; i++) {
        const struct link_section *s = &g_array_index(link->elf.sections, struct link_section, i);
        if ((s->flags & LINK_ALLOC) && (s->flags & LINK_TLS) && s->size > 0)
            link_error(link, "section %s: thread-local storage: this machine has one thread",
                       s->name);
    }
}

bool
link_flow_trace(struct link *link)
{
    guint before = link->n_errors;
    struct tracer t = { .link = link };

    if (!gather_texts(link))
        return false;
    gather_functions(link);
    if (!link_flow_entries(link))
        return false;
    t.work = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    take_relocs(&t);
    for (guint i = 0; i < link->entry_addresses->len; i++)
        push(&t, g_array_index(link->entry_addresses, uint64_t, i),
             LINK_HALF_LEADER | LINK_HALF_ENTRY);
    while (t.work->len > 0) {
        uint64_t address = g_array_index(t.work, uint64_t, t.work->len - 1);
        g_array_set_size(t.work, t.work->len - 1);
        for (unsigned size; (size = trace_insn(&t, address)) != 0;)
            address += size;
    }
    g_array_unref(t.work);
    refuse_thread_local(link);
    return link->n_errors == before;
}
