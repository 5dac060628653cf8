/* link-blocks.c - basic blocks, what is live between them, and which are never meant to run
 *
 * Liveness follows the psABI where control leaves: a return needs a0, a1, sp, s0 and s1, a call
 * what its callee reads (any argument register if that is not known: clang's convention for static
 * functions uses them all and t2) and it keeps only sp, s0 and s1. A jump through a register, or a
 * call that links through another register than ra, needs and keeps every register.
 */
#include "link-private.h"

/* machine registers: ra sp t0 t1 t2 s0 s1 a0..a5 */
enum { ALL = 0x1fff, RA = 1 << 0, SP = 1 << 1, T0 = 1 << 2, T1 = 1 << 3, S0 = 1 << 5, S1 = 1 << 6 };
enum { A0 = 1 << 7, A1 = 1 << 8, KEPT_BY_CALLS = SP | S0 | S1 };

uint8_t
link_reg(uint8_t x)
{
    return x <= 2 ? x - 1 : x - 3;
}

static uint16_t
machine_mask(uint32_t x_mask)
{
    return (uint16_t)((x_mask >> 1 & 3) | (x_mask >> 5 & 0x7ff) << 2);
}

static bool
is_branch(const struct rv_insn *rv)
{
    return rv->op >= RV_BEQ && rv->op <= RV_BGEU;
}

static bool
ends_block(const struct rv_insn *rv)
{
    return is_branch(rv) || rv->op == RV_JAL || rv->op == RV_JALR || rv->op == RV_ECALL ||
           rv->op == RV_HOSTCALL_LO || rv->op == RV_EBREAK || rv->op == RV_ILLEGAL;
}

/* control goes on after it */
static bool
falls_through(const struct link_insn *insn)
{
    if (insn->rv.op == RV_JAL || insn->rv.op == RV_JALR)
        return insn->rv.rd && insn->returns;
    return insn->rv.op != RV_EBREAK && insn->rv.op != RV_ILLEGAL;
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* instructions in address order; jump-table entries are numbered in the same order */
static void
sort_insns(struct link *link)
{
    GArray *sorted = g_array_sized_new(FALSE, FALSE, sizeof(struct link_insn), link->insns->len);

    for (guint i = 0; i < link->texts->len; i++) {
        const struct link_text *text = &g_array_index(link->texts, struct link_text, i);
        for (uint64_t h = 0; h < text->section->size / 2; h++) {
            struct link_half *half = &text->halves[h];
            if (!(half->flags & LINK_HALF_INSN) || half->insn == LINK_NONE)
                continue;
            struct link_insn insn = g_array_index(link->insns, struct link_insn, half->insn);
            half->insn = sorted->len;
            g_array_append_val(sorted, insn);
            if (!(half->flags & LINK_HALF_TAKEN))
                continue;
            half->jump = link->jumps->len;
            g_array_append_val(link->jumps, insn.address);
        }
    }
    g_array_unref(link->insns);
    link->insns = sorted;
}

uint64_t
link_flow_code_address(const struct link *link, uint64_t address)
{
    return 2 * ((uint64_t)link_flow_half(link, address)->jump + 1);
}

static void
cut(struct link *link)
{
    const struct link_insn *before = NULL;

    for (guint32 i = 0; i < link->insns->len; i++) {
        const struct link_insn *insn = &g_array_index(link->insns, struct link_insn, i);
        const struct link_half *half = link_flow_half(link, insn->address);
        if (!before || (half->flags & LINK_HALF_LEADER) || ends_block(&before->rv) ||
            before->address + before->rv.size != insn->address) {
            struct link_block block = { .first = i, .taken = LINK_NONE, .next = LINK_NONE };
            block.labelled = half->flags & (LINK_HALF_TAKEN | LINK_HALF_ENTRY);
            g_array_append_val(link->blocks, block);
        }
        g_array_index(link->blocks, struct link_block, link->blocks->len - 1).n++;
        before = insn;
    }
}

static const struct link_insn *
last_insn(const struct link *link, const struct link_block *block)
{
    return &g_array_index(link->insns, struct link_insn, block->first + block->n - 1);
}

static guint32
block_at(const struct link *link, const guint32 *block_of, uint64_t address)
{
    const struct link_half *half = link_flow_half(link, address);

    return half && (half->flags & LINK_HALF_INSN) && half->insn != LINK_NONE ? block_of[half->insn]
                                                                             : LINK_NONE;
}

static void
connect(struct link *link)
{
    g_autofree guint32 *block_of = g_new(guint32, link->insns->len + 1);

    for (guint32 b = 0; b < link->blocks->len; b++) {
        const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        for (guint32 i = 0; i < block->n; i++)
            block_of[block->first + i] = b;
    }
    for (guint32 b = 0; b < link->blocks->len; b++) {
        struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        const struct link_insn *last = last_insn(link, block);
        if (is_branch(&last->rv) || last->rv.op == RV_JAL) {
            block->taken = block_at(link, block_of, last->target);
            g_array_index(link->blocks, struct link_block, block->taken).labelled = true;
        }
        if (falls_through(last))
            block->next = block_at(link, block_of, last->address + last->rv.size);
        if (is_branch(&last->rv) && block->next == LINK_NONE)
            link_error_at(link, last->address, "nothing follows the branch");
    }
}

/* ---- liveness -------------------------------------------------------------------------------- */

/* what the end of the block needs, apart from what its successors need */
static uint16_t
needed_at_end(const struct link *link, const struct link_block *block, const struct link_insn *last)
{
    bool jumps = last->rv.op == RV_JAL || last->rv.op == RV_JALR;
    bool is_return = last->rv.op == RV_JALR && last->rv.rd == 0 && last->rv.rs1 == 1;

    if (last->rv.op == RV_ECALL || last->rv.op == RV_HOSTCALL_LO)
        return ALL;
    if (!jumps || (last->rv.op == RV_JAL && last->rv.rd == 0))
        return 0;
    if (is_return)
        return A0 | A1 | KEPT_BY_CALLS;
    if (last->rv.op == RV_JAL && last->rv.rd == 1)
        return g_array_index(link->blocks, struct link_block, block->taken).live_in & ~RA;
    if (last->rv.rd == 1)
        return ALL & ~(RA | T0 | T1);
    return ALL;
}

/* the writes of a call that its callee does; what is live after it and not among them passes by */
static uint16_t
written_at_end(const struct link_insn *last)
{
    bool is_call = (last->rv.op == RV_JAL || last->rv.op == RV_JALR) && last->rv.rd == 1;

    return is_call ? ALL & ~KEPT_BY_CALLS : 0;
}

static uint16_t
live_before(const struct link *link, const struct link_block *block, uint16_t live)
{
    for (guint32 i = block->n; i-- > 0;) {
        const struct link_insn *insn =
            &g_array_index(link->insns, struct link_insn, block->first + i);
        if (rv_writes(&insn->rv))
            live &= (uint16_t) ~(1u << link_reg(insn->rv.rd));
        live |= machine_mask(rv_reads(&insn->rv));
    }
    return live;
}

static bool
update_live(struct link *link, struct link_block *block)
{
    const struct link_insn *last = last_insn(link, block);
    uint16_t out = 0;

    if (block->taken != LINK_NONE && !(last->rv.op == RV_JAL && last->rv.rd))
        out |= g_array_index(link->blocks, struct link_block, block->taken).live_in;
    if (block->next != LINK_NONE)
        out |= g_array_index(link->blocks, struct link_block, block->next).live_in;
    block->needed = needed_at_end(link, block, last);
    block->written = written_at_end(last);
    out = (uint16_t)((out & ~block->written) | block->needed);
    uint16_t in = live_before(link, block, out);
    bool changed = in != block->live_in || out != block->live_out;
    block->live_in = in;
    block->live_out = out;
    return changed;
}

static void
find_live(struct link *link)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (guint32 b = link->blocks->len; b-- > 0;)
            changed |= update_live(link, &g_array_index(link->blocks, struct link_block, b));
    }
}

/* ---- cold blocks ----------------------------------------------------------------------------- */

static bool
is_cold(const struct link *link, guint32 b)
{
    return b != LINK_NONE && g_array_index(link->blocks, struct link_block, b).cold;
}

static bool
must_be_cold(const struct link *link, const struct link_block *block)
{
    const struct link_insn *last = last_insn(link, block);

    if (last->rv.op == RV_EBREAK || last->rv.op == RV_ILLEGAL)
        return true;
    if (last->rv.op == RV_JAL)
        return is_cold(link, block->taken);
    if (is_branch(&last->rv))
        return is_cold(link, block->taken) && is_cold(link, block->next);
    return last->rv.op != RV_JALR && is_cold(link, block->next);
}

static void
find_cold(struct link *link)
{
    guint text = 0;

    for (guint32 b = 0; b < link->blocks->len; b++) {
        struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        uint64_t address = g_array_index(link->insns, struct link_insn, block->first).address;
        const struct link_text *t = &g_array_index(link->texts, struct link_text, text);
        while (address - t->section->addr >= t->section->size)
            t = &g_array_index(link->texts, struct link_text, ++text);
        block->cold = t->cold;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (guint32 b = link->blocks->len; b-- > 0;) {
            struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
            if (!block->cold && must_be_cold(link, block))
                block->cold = changed = true;
        }
    }
}

bool
link_flow_blocks(struct link *link)
{
    guint before = link->n_errors;

    sort_insns(link);
    cut(link);
    connect(link);
    if (link->n_errors != before)
        return false;
    find_live(link);
    for (guint32 b = 0; b < link->blocks->len; b++)
        link_select_join(link, &g_array_index(link->blocks, struct link_block, b));
    find_live(link); /* a select reads its operands later than its parts did */
    find_cold(link);
    return true;
}
