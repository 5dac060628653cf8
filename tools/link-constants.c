/* link-constants.c - registers that hold one constant wherever a block is entered
 *
 * Compilers keep addresses of globals in registers through loops. Where every way into a block
 * brings the same constant, the lowering may use it as an immediate. A forward data-flow: a
 * register starts as "not seen", becomes a constant, and then, when two ways disagree, unknown for
 * good. Unknown at every entry that is not a plain jump, branch or fall-through.
 */
#include "link-lower.h"
#include <string.h>

static const struct link_constants unknown = { .known = 0 };

/* what one instruction leaves behind, as far as constants are concerned */
static void
step(const struct link *link, const struct link_insn *insn, struct link_constants *state)
{
    const struct rv_insn *rv = &insn->rv;
    struct operand sources[2] = { lower_constant_operand(0), lower_constant_operand(0) };
    const uint8_t xs[2] = { rv->rs1, rv->rs2 };
    uint64_t k = 0;
    bool is_known = false;

    if (rv->rd == 0)
        return;
    for (unsigned i = 0; i < 2; i++)
        if (xs[i]) {
            sources[i].is_constant = state->known >> link_reg(xs[i]) & 1;
            sources[i].k = state->k[link_reg(xs[i])];
        }
    if (insn->part == LINK_PART_CODE_LO)
        sources[1] = lower_constant_operand(0);
    else if (rv->has_imm)
        sources[1] = lower_constant_operand((uint64_t)rv->imm);
    if (insn->part == LINK_PART_CODE_HI) {
        k = link_flow_code_address(link, insn->code);
        is_known = true;
    } else if (rv->op == RV_LUI || rv->op == RV_AUIPC) {
        k = (uint64_t)rv->imm + (rv->op == RV_AUIPC ? insn->address : 0);
        is_known = true;
    } else if (sources[0].is_constant && sources[1].is_constant) {
        is_known = lower_fold(rv->op, sources[0].k, sources[1].k, &k);
    }
    uint8_t d = link_reg(rv->rd);
    state->known = (uint16_t)((state->known & ~(1u << d)) | (unsigned)is_known << d);
    state->k[d] = k;
}

/* joins what one predecessor brings; whether anything changed */
static bool
merge(struct link_block *block, const struct link_constants *from)
{
    struct link_constants *in = &block->constants;
    uint16_t before = in->known;

    if (!block->seen) {
        *in = *from;
        block->seen = true;
        return true;
    }
    for (unsigned r = 0; r < NUB_N_REGS; r++)
        if ((in->known >> r & 1) && (!(from->known >> r & 1) || in->k[r] != from->k[r]))
            in->known &= (uint16_t) ~(1u << r);
    return in->known != before;
}

struct worklist {
    struct link *link;
    GArray *blocks; /* uint32_t */
};

static void
send(struct worklist *w, uint32_t to, const struct link_constants *state)
{
    struct link_block *block = &g_array_index(w->link->blocks, struct link_block, to);

    if (merge(block, state))
        g_array_append_val(w->blocks, to);
}

static void
run_block(struct worklist *w, uint32_t b)
{
    struct link *link = w->link;
    const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
    struct link_constants state = block->constants;
    const struct rv_insn *last = NULL;

    for (uint32_t i = 0; i < block->n; i++) {
        const struct link_insn *insn =
            &g_array_index(link->insns, struct link_insn, block->first + i);
        step(link, insn, &state);
        last = &insn->rv;
    }
    bool leaves = last->op == RV_JALR || (last->op == RV_JAL && last->rd) || last->op == RV_ECALL ||
                  last->op == RV_HOSTCALL_LO;
    if (block->taken != LINK_NONE)
        send(w, block->taken, leaves ? &unknown : &state);
    if (block->next != LINK_NONE)
        send(w, block->next, leaves ? &unknown : &state);
}

void
link_constants_find(struct link *link)
{
    struct worklist w = { link, g_array_new(FALSE, FALSE, sizeof(uint32_t)) };

    for (uint32_t b = 0; b < link->blocks->len; b++) {
        const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        uint64_t address = g_array_index(link->insns, struct link_insn, block->first).address;
        if (link_flow_half(link, address)->flags & (LINK_HALF_TAKEN | LINK_HALF_ENTRY))
            send(&w, b, &unknown);
    }
    while (w.blocks->len > 0) {
        uint32_t b = g_array_index(w.blocks, uint32_t, w.blocks->len - 1);
        g_array_set_size(w.blocks, w.blocks->len - 1);
        run_block(&w, b);
    }
    g_array_unref(w.blocks);
}
