/* link-ops.c - what can be done better once everything is lowered
 *
 * Results that nobody reads are dropped (constants that went into other instructions, comparisons
 * that went into branches); sums that only address memory go into the offsets; a constant and the
 * jump after it become one instruction; a jump to a jump goes where that goes. Loads and stores
 * stay: they may fault.
 */
#include "link-private.h"

static bool
is_conditional_move(uint8_t opcode)
{
    return opcode == NUB_OP_CMOV_IZ_IMM || opcode == NUB_OP_CMOV_NZ_IMM ||
           opcode == NUB_OP_CMOV_IZ || opcode == NUB_OP_CMOV_NZ;
}

static uint16_t
fields(const struct link_op *op, unsigned mask)
{
    return (uint16_t)((mask & NUB_FIELD_A ? 1u << op->a : 0) |
                      (mask & NUB_FIELD_B ? 1u << op->b : 0) |
                      (mask & NUB_FIELD_D ? 1u << op->d : 0));
}

/* the table's sources are those that gas waits for; a conditional move reads its destination too */
uint16_t
link_op_reads(const struct link_op *op)
{
    const struct nub_isa_entry *entry = &nub_isa[op->opcode];

    return fields(op, entry->sources | (is_conditional_move(op->opcode) ? entry->dst : 0));
}

int
link_op_writes(const struct link_op *op)
{
    if (op->opcode == NUB_OP_LOAD_IMM_JUMP || op->opcode == NUB_OP_LOAD_IMM_JUMP_IND)
        return op->a;
    switch (nub_isa[op->opcode].dst) {
    case NUB_FIELD_A:
        return op->a;
    case NUB_FIELD_D:
        return op->d;
    default:
        return -1;
    }
}

static struct link_op *
op_at(const struct link *link, const struct link_block *block, uint32_t i)
{
    return &g_array_index(link->ops, struct link_op, block->ir + i);
}

static struct link_op *
last_op(const struct link *link, const struct link_block *block)
{
    return block->n_ir ? op_at(link, block, block->n_ir - 1) : NULL;
}

/* only what memory and control do not see */
static bool
is_pure(const struct link_op *op)
{
    const struct nub_isa_entry *entry = &nub_isa[op->opcode];

    return !entry->is_terminator && entry->unit != NUB_UNIT_LOAD && entry->unit != NUB_UNIT_STORE;
}

/* ---- liveness, once more -----------------------------------------------------------------------
 */

static uint16_t
live_at_end(const struct link *link, const struct link_block *block)
{
    const struct link_op *last = last_op(link, block);
    uint16_t out = 0;

    if (last && nub_isa[last->opcode].is_terminator && block->taken != LINK_NONE &&
        last->opcode != NUB_OP_LOAD_IMM_JUMP)
        out |= g_array_index(link->blocks, struct link_block, block->taken).live_in;
    if (block->next != LINK_NONE && !(last && last->opcode == NUB_OP_JUMP))
        out |= g_array_index(link->blocks, struct link_block, block->next).live_in;
    return (uint16_t)((out & ~block->written) | block->needed);
}

static bool
update_live(struct link *link, struct link_block *block)
{
    uint16_t live = live_at_end(link, block);
    uint16_t before_in = block->live_in, before_out = block->live_out;

    block->live_out = live;
    for (uint32_t i = block->n_ir; i-- > 0;) {
        const struct link_op *op = op_at(link, block, i);
        int d = link_op_writes(op);
        if (d >= 0)
            live &= (uint16_t) ~(1u << d);
        live |= link_op_reads(op);
    }
    block->live_in = live;
    return live != before_in || block->live_out != before_out;
}

static void
find_live(struct link *link)
{
    for (guint32 b = 0; b < link->blocks->len; b++) {
        struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        block->live_in = block->live_out = 0;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (guint32 b = link->blocks->len; b-- > 0;)
            changed |= update_live(link, &g_array_index(link->blocks, struct link_block, b));
    }
}

/* ---- dropping ----------------------------------------------------------------------------------
 */

static bool
drop_dead(struct link *link, struct link_block *block)
{
    uint16_t live = block->live_out;
    uint32_t kept = block->n_ir; /* kept ops are moved to the end of the range */

    for (uint32_t i = block->n_ir; i-- > 0;) {
        struct link_op op = *op_at(link, block, i);
        int d = link_op_writes(&op);
        if (d >= 0 && is_pure(&op) && !(live >> d & 1))
            continue;
        if (d >= 0)
            live &= (uint16_t) ~(1u << d);
        live |= link_op_reads(&op);
        *op_at(link, block, --kept) = op;
    }
    block->ir += kept;
    block->n_ir -= kept;
    return kept > 0;
}

static void
drop_all_dead(struct link *link)
{
    for (bool changed = true; changed;) {
        changed = false;
        find_live(link);
        for (guint32 b = 0; b < link->blocks->len; b++)
            changed |= drop_dead(link, &g_array_index(link->blocks, struct link_block, b));
    }
}

/* ---- sums into addresses -----------------------------------------------------------------------
 */

/* the field that holds the base of a load or store with an offset, or NULL */
static uint8_t *
base_of(struct link_op *op)
{
    if (op->opcode >= NUB_OP_STORE_IND_U8 && op->opcode <= NUB_OP_LOAD_IND_U64)
        return &op->b;
    if (op->opcode >= NUB_OP_STORE_IMM_IND_U8 && op->opcode <= NUB_OP_STORE_IMM_IND_U64)
        return &op->a;
    return NULL;
}

/* whether the op reads `reg` as its base and in no other way */
static bool
reads_as_base_only(struct link_op *op, uint8_t reg)
{
    uint8_t *base = base_of(op);
    bool stores_it =
        op->opcode >= NUB_OP_STORE_IND_U8 && op->opcode <= NUB_OP_STORE_IND_U64 && op->a == reg;

    return base && *base == reg && !stores_it;
}

/*
 * `reg = reg + k` whose sum only addresses memory: k goes into the offsets. (Where the sum has a
 * register of its own the lowering has done this already.)
 */
static bool
sink_sum(struct link *link, struct link_block *block, uint32_t at)
{
    struct link_op *sum = op_at(link, block, at);
    uint8_t reg = sum->a;
    uint32_t end = at + 1;

    for (; end < block->n_ir; end++) {
        struct link_op *op = op_at(link, block, end);
        if ((link_op_reads(op) >> reg & 1) && !reads_as_base_only(op, reg))
            return false;
        if (link_op_writes(op) == reg) {
            end++;
            break;
        }
    }
    if (link_op_writes(op_at(link, block, end - 1)) != reg && (block->live_out >> reg & 1))
        return false;
    for (uint32_t i = at + 1; i < end; i++) {
        struct link_op *op = op_at(link, block, i);
        if (link_op_reads(op) >> reg & 1)
            op->x = (uint64_t)(int64_t)(int32_t)(op->x + sum->x);
    }
    for (uint32_t i = at; i > 0; i--)
        *op_at(link, block, i) = *op_at(link, block, i - 1);
    block->ir++;
    block->n_ir--;
    return true;
}

static void
sink_sums(struct link *link, struct link_block *block)
{
    for (uint32_t i = 0; i + 1 < block->n_ir; i++) {
        const struct link_op *op = op_at(link, block, i);
        if (op->opcode == NUB_OP_ADD_IMM_64 && op->a == op->b)
            sink_sum(link, block, i); /* what moved up to this place has been looked at */
    }
}

/* ---- constants into jumps ----------------------------------------------------------------------
 */

/* the constant that may move to the end of the block: nothing after it touches its register */
static uint32_t
find_movable_constant(const struct link *link, const struct link_block *block)
{
    uint16_t touched = link_op_reads(last_op(link, block));

    for (uint32_t i = block->n_ir - 1; i-- > 0;) {
        const struct link_op *op = op_at(link, block, i);
        int d = link_op_writes(op);
        if (op->opcode == NUB_OP_LOAD_IMM && !(touched >> op->a & 1))
            return i;
        touched |= link_op_reads(op);
        if (d >= 0)
            touched |= (uint16_t)(1u << d);
    }
    return LINK_NONE;
}

static void
join_constant(struct link *link, struct link_block *block)
{
    struct link_op *last = last_op(link, block);

    if (!last || (last->opcode != NUB_OP_JUMP && last->opcode != NUB_OP_JUMP_IND))
        return;
    uint32_t at = find_movable_constant(link, block);
    if (at == LINK_NONE)
        return;
    const struct link_op constant = *op_at(link, block, at);
    if (last->opcode == NUB_OP_JUMP) {
        last->opcode = NUB_OP_LOAD_IMM_JUMP;
    } else {
        last->opcode = NUB_OP_LOAD_IMM_JUMP_IND;
        last->b = last->a;
        last->y = last->x;
    }
    last->a = constant.a;
    last->x = constant.x;
    for (uint32_t i = at; i > 0; i--)
        *op_at(link, block, i) = *op_at(link, block, i - 1);
    block->ir++;
    block->n_ir--;
}

/* ---- jumps to jumps ----------------------------------------------------------------------------
 */

/* where a jump to `b` ends up; a ring of jumps ends where it began */
static uint32_t
final_block(const struct link *link, uint32_t b)
{
    for (unsigned hops = 0; hops < 16; hops++) {
        const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        const struct link_op *only = block->n_ir == 1 ? last_op(link, block) : NULL;
        if (only && only->opcode == NUB_OP_JUMP)
            b = only->block;
        else if (block->n_ir == 0 && block->next != LINK_NONE)
            b = block->next;
        else
            break;
    }
    return b;
}

static bool
has_target(const struct link_op *op)
{
    uint8_t class = nub_isa[op->opcode].arg_class;

    return class == NUB_ARG_O || class == NUB_ARG_RIO || class == NUB_ARG_RRO;
}

static void
thread_jump(struct link *link, struct link_block *block)
{
    struct link_op *last = last_op(link, block);

    if (!last || !has_target(last))
        return;
    last->block = block->taken = final_block(link, last->block);
    const struct link_block *to = &g_array_index(link->blocks, struct link_block, last->block);
    const struct link_op *first = to->n_ir == 1 ? last_op(link, to) : NULL;
    if (last->opcode == NUB_OP_JUMP && first && first->opcode == NUB_OP_JUMP_IND) {
        uint32_t insn = last->insn;
        *last = *first; /* returns from here instead */
        last->insn = insn;
        block->taken = LINK_NONE;
        block->needed = to->needed;
    }
}

/* a branch around a jump becomes the opposite branch */
static void
invert_branch(struct link *link, guint32 b)
{
    static const uint8_t opposite[256] = {
        [NUB_OP_BRANCH_EQ_IMM] = NUB_OP_BRANCH_NE_IMM,
        [NUB_OP_BRANCH_NE_IMM] = NUB_OP_BRANCH_EQ_IMM,
        [NUB_OP_BRANCH_LT_U_IMM] = NUB_OP_BRANCH_GE_U_IMM,
        [NUB_OP_BRANCH_GE_U_IMM] = NUB_OP_BRANCH_LT_U_IMM,
        [NUB_OP_BRANCH_LE_U_IMM] = NUB_OP_BRANCH_GT_U_IMM,
        [NUB_OP_BRANCH_GT_U_IMM] = NUB_OP_BRANCH_LE_U_IMM,
        [NUB_OP_BRANCH_LT_S_IMM] = NUB_OP_BRANCH_GE_S_IMM,
        [NUB_OP_BRANCH_GE_S_IMM] = NUB_OP_BRANCH_LT_S_IMM,
        [NUB_OP_BRANCH_LE_S_IMM] = NUB_OP_BRANCH_GT_S_IMM,
        [NUB_OP_BRANCH_GT_S_IMM] = NUB_OP_BRANCH_LE_S_IMM,
        [NUB_OP_BRANCH_EQ] = NUB_OP_BRANCH_NE,
        [NUB_OP_BRANCH_NE] = NUB_OP_BRANCH_EQ,
        [NUB_OP_BRANCH_LT_U] = NUB_OP_BRANCH_GE_U,
        [NUB_OP_BRANCH_GE_U] = NUB_OP_BRANCH_LT_U,
        [NUB_OP_BRANCH_LT_S] = NUB_OP_BRANCH_GE_S,
        [NUB_OP_BRANCH_GE_S] = NUB_OP_BRANCH_LT_S,
    };
    struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
    struct link_op *last = last_op(link, block);

    if (!last || !opposite[last->opcode] || block->next != b + 1)
        return;
    struct link_block *around = &g_array_index(link->blocks, struct link_block, b + 1);
    struct link_op *jump = around->n_ir == 1 ? last_op(link, around) : NULL;
    if (around->labelled || !jump || jump->opcode != NUB_OP_JUMP || b + 2 >= link->blocks->len ||
        final_block(link, last->block) != final_block(link, b + 2))
        return;
    last->opcode = opposite[last->opcode];
    last->block = block->taken = jump->block;
    around->n_ir = 0;
    around->taken = LINK_NONE;
    around->next = b + 2;
}

/* a jump to what follows anyway */
static void
drop_jump_to_next(struct link *link, guint32 b)
{
    struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
    const struct link_op *last = last_op(link, block);

    if (!last || last->opcode != NUB_OP_JUMP || last->block <= b)
        return;
    for (guint32 i = b + 1; i < last->block; i++)
        if (g_array_index(link->blocks, struct link_block, i).n_ir > 0)
            return;
    block->next = last->block;
    block->taken = LINK_NONE;
    block->n_ir--;
}

/* ---- labels ------------------------------------------------------------------------------------
 */

static void
find_labels(struct link *link)
{
    for (guint32 b = 0; b < link->blocks->len; b++) {
        struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        uint64_t address = g_array_index(link->insns, struct link_insn, block->first).address;
        block->labelled =
            link_flow_half(link, address)->flags & (LINK_HALF_TAKEN | LINK_HALF_ENTRY);
    }
    for (guint32 b = 0; b < link->blocks->len; b++) {
        const struct link_op *last =
            last_op(link, &g_array_index(link->blocks, struct link_block, b));
        if (last && has_target(last))
            g_array_index(link->blocks, struct link_block, last->block).labelled = true;
    }
}

/* a block is entered through its label or from the one before it; without either it goes */
static void
drop_unreached(struct link *link)
{
    const struct link_op *before = NULL;
    bool falls_in = false;

    for (guint32 b = 0; b < link->blocks->len; b++) {
        struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        if (!block->labelled && !falls_in)
            block->n_ir = 0;
        before = last_op(link, block);
        if (block->n_ir == 0)
            falls_in |= block->labelled;
        else
            falls_in = !(before &&
                         (before->opcode == NUB_OP_JUMP || before->opcode == NUB_OP_JUMP_IND ||
                          before->opcode == NUB_OP_TRAP || before->opcode == NUB_OP_LOAD_IMM_JUMP ||
                          before->opcode == NUB_OP_LOAD_IMM_JUMP_IND));
    }
}

void
link_ops_improve(struct link *link)
{
    drop_all_dead(link);
    for (guint32 b = 0; b < link->blocks->len; b++)
        sink_sums(link, &g_array_index(link->blocks, struct link_block, b));
    for (guint32 b = 0; b < link->blocks->len; b++)
        invert_branch(link, b);
    for (guint32 b = 0; b < link->blocks->len; b++)
        thread_jump(link, &g_array_index(link->blocks, struct link_block, b));
    for (guint32 b = link->blocks->len; b-- > 0;)
        drop_jump_to_next(link, b);
    for (guint32 b = 0; b < link->blocks->len; b++)
        join_constant(link, &g_array_index(link->blocks, struct link_block, b));
    find_labels(link);
    drop_unreached(link);
}
