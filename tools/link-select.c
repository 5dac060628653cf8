/* link-select.c - Zicond's three-instruction select as one operation
 *
 * RISC-V chooses with czero.eqz, czero.nez and an or of the two; this machine has a conditional
 * move. The parts need not stand together: between them nothing may read the halves or write what
 * the select reads. The parts are emptied and the `or` becomes RV_SELECT.
 */
#include "link-private.h"

static struct link_insn *
insn_at(struct link *link, const struct link_block *block, guint32 i)
{
    return &g_array_index(link->insns, struct link_insn, block->first + i);
}

/* the last instruction before `i` that writes x, or NULL */
static struct link_insn *
writer_of(struct link *link, const struct link_block *block, guint32 i, uint8_t x, guint32 *where)
{
    while (i-- > 0) {
        struct link_insn *insn = insn_at(link, block, i);
        if (insn->rv.rd == x && x != 0) {
            *where = i;
            return insn;
        }
    }
    return NULL;
}

static bool
is_czero(const struct link_insn *insn)
{
    return insn && (insn->rv.op == RV_CZERO_EQZ || insn->rv.op == RV_CZERO_NEZ);
}

/* nothing in (from, to) but `other` reads `half` or writes one of `kept` */
static bool
is_undisturbed(struct link *link, const struct link_block *block, guint32 from, guint32 to,
               guint32 other, uint8_t half, uint32_t kept)
{
    for (guint32 i = from + 1; i < to; i++) {
        const struct rv_insn *rv = &insn_at(link, block, i)->rv;
        if (i != other && ((rv_reads(rv) & 1u << half) || (kept & 1u << rv->rd & ~1u)))
            return false;
    }
    return true;
}

static bool
is_live_after(struct link *link, const struct link_block *block, guint32 i, uint8_t x)
{
    for (guint32 j = i + 1; j < block->n; j++) {
        const struct rv_insn *rv = &insn_at(link, block, j)->rv;
        if (rv_reads(rv) & 1u << x)
            return true;
        if (rv->rd == x)
            return false;
    }
    return block->live_out >> link_reg(x) & 1;
}

static void
try_join(struct link *link, struct link_block *block, guint32 i)
{
    struct link_insn *sum = insn_at(link, block, i);
    guint32 at1 = 0, at2 = 0;
    struct link_insn *part1 = writer_of(link, block, i, sum->rv.rs1, &at1);
    struct link_insn *part2 = writer_of(link, block, i, sum->rv.rs2, &at2);

    if (!is_czero(part1) || !is_czero(part2) || part1->rv.op == part2->rv.op ||
        part1->rv.rs2 != part2->rv.rs2 || part1->rv.rs2 == 0)
        return;
    uint8_t half1 = part1->rv.rd, half2 = part2->rv.rd, condition = part1->rv.rs2;
    uint32_t kept =
        1u << half1 | 1u << half2 | 1u << condition | 1u << part1->rv.rs1 | 1u << part2->rv.rs1;
    const struct link_insn *first = at1 < at2 ? part1 : part2;
    const struct link_insn *second = at1 < at2 ? part2 : part1;
    /* the second part must not see the first one's result */
    if (half1 == half2 || (rv_reads(&second->rv) & 1u << first->rv.rd))
        return;
    if (!is_undisturbed(link, block, at1, i, at2, half1, kept) ||
        !is_undisturbed(link, block, at2, i, at1, half2, kept))
        return;
    if ((half1 != sum->rv.rd && is_live_after(link, block, i, half1)) ||
        (half2 != sum->rv.rd && is_live_after(link, block, i, half2)))
        return;
    bool first_if_nonzero = part1->rv.op == RV_CZERO_EQZ;
    sum->rv.op = RV_SELECT;
    sum->rv.rs3 = condition;
    sum->rv.rs1 = first_if_nonzero ? part1->rv.rs1 : part2->rv.rs1;
    sum->rv.rs2 = first_if_nonzero ? part2->rv.rs1 : part1->rv.rs1;
    uint8_t size1 = part1->rv.size, size2 = part2->rv.size;
    part1->rv = (struct rv_insn){ .op = RV_NOTHING, .size = size1 };
    part2->rv = (struct rv_insn){ .op = RV_NOTHING, .size = size2 };
}

void
link_select_join(struct link *link, struct link_block *block)
{
    for (guint32 i = 2; i < block->n; i++) {
        const struct rv_insn *rv = &insn_at(link, block, i)->rv;
        if ((rv->op == RV_OR || rv->op == RV_ADD || rv->op == RV_XOR) && !rv->has_imm &&
            rv->rs1 != rv->rs2 && rv->rs1 && rv->rs2)
            try_join(link, block, i);
    }
}
