/* link-code.c - blocks become code, mask and jump table
 *
 * A place that is jumped to must follow a terminator (pvm.md 3.2), so `fallthrough` goes before a
 * label that nothing else ends; a cold block begins with `unlikely`. Offsets start with one byte
 * and grow until all fit, which ends because they never shrink.
 */
#include "link-private.h"

enum { INSERTED = UINT32_MAX };

/* one instruction on its way out */
struct item {
    struct link_op op;
    uint32_t from;       /* index into link->ops, or INSERTED */
    uint8_t size;        /* without the offset */
    uint8_t offset_size; /* 0: it has none */
};

struct emitter {
    struct link *link;
    GArray *items;    /* struct item */
    uint32_t *starts; /* first item of each block; an empty block's is the next one's */
    bool *unlikely;   /* blocks to be marked */
};

static struct item *
item_at(const struct emitter *e, guint i)
{
    return &g_array_index(e->items, struct item, i);
}

static bool
has_target(const struct link_op *op)
{
    uint8_t class = nub_isa[op->opcode].arg_class;

    return class == NUB_ARG_O || class == NUB_ARG_RIO || class == NUB_ARG_RRO;
}

static uint32_t
encode(uint8_t bytes[NUB_MAX_INSN_SIZE], const struct link_op *op, uint64_t target, uint32_t pc,
       uint32_t offset_size)
{
    struct nub_insn insn = { .pc = pc,
                             .opcode = op->opcode,
                             .a = op->a,
                             .b = op->b,
                             .d = op->d,
                             .x = op->x,
                             .y = op->y,
                             .target = target };

    return nub_insn_encode(bytes, &insn, offset_size);
}

static void
put(struct emitter *e, struct link_op op, uint32_t from)
{
    uint8_t bytes[NUB_MAX_INSN_SIZE];
    struct item item = { .op = op, .from = from, .offset_size = has_target(&op) };

    item.size = (uint8_t)(encode(bytes, &op, 1, 0, 1) - item.offset_size);
    g_array_append_val(e->items, item);
}

static void
put_opcode(struct emitter *e, uint8_t opcode, uint32_t insn)
{
    put(e, (struct link_op){ .opcode = opcode, .insn = insn }, INSERTED);
}

static bool
after_terminator(const struct emitter *e)
{
    return e->items->len == 0 || nub_isa[item_at(e, e->items->len - 1)->op.opcode].is_terminator;
}

/* cold blocks at the end of a branch in a block that is not */
static void
find_unlikely(struct emitter *e)
{
    const struct link *link = e->link;

    for (guint32 b = 0; b < link->blocks->len; b++) {
        const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        if (block->cold || block->n_ir == 0)
            continue;
        const struct link_op *last =
            &g_array_index(link->ops, struct link_op, block->ir + block->n_ir - 1);
        uint8_t class = nub_isa[last->opcode].arg_class;
        if ((class != NUB_ARG_RIO && class != NUB_ARG_RRO) || last->opcode == NUB_OP_LOAD_IMM_JUMP)
            continue;
        const uint32_t ends[] = { last->block, block->next };
        for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++)
            if (ends[i] != LINK_NONE)
                e->unlikely[ends[i]] = g_array_index(link->blocks, struct link_block, ends[i]).cold;
    }
}

static void
put_block(struct emitter *e, const struct link_block *block, bool labelled, bool unlikely)
{
    const struct link *link = e->link;

    if (labelled && !after_terminator(e))
        put_opcode(e, NUB_OP_FALLTHROUGH, block->first);
    uint8_t first = g_array_index(link->ops, struct link_op, block->ir).opcode;
    unlikely &= first != NUB_OP_TRAP && (labelled || after_terminator(e));
    if (unlikely)
        put_opcode(e, NUB_OP_UNLIKELY, block->first);
    for (uint32_t i = 0; i < block->n_ir; i++)
        put(e, g_array_index(link->ops, struct link_op, block->ir + i), block->ir + i);
}

static void
put_blocks(struct emitter *e)
{
    struct link *link = e->link;
    bool labelled = false;
    guint32 waiting = 0; /* blocks from here on have no start yet */

    for (guint32 b = 0; b < link->blocks->len; b++) {
        const struct link_block *block = &g_array_index(link->blocks, struct link_block, b);
        labelled |= block->labelled;
        if (block->n_ir == 0)
            continue;
        bool needs_end = labelled && !after_terminator(e);
        for (; waiting <= b; waiting++)
            e->starts[waiting] = e->items->len + needs_end;
        put_block(e, block, labelled, e->unlikely[b]);
        labelled = false;
    }
    bool open = !after_terminator(e);
    if (open && labelled)
        put_opcode(e, NUB_OP_FALLTHROUGH, 0);
    for (; waiting < link->blocks->len; waiting++)
        e->starts[waiting] = e->items->len;
    /* the end of the code can be reached only by mistake; a trap there makes every label a start */
    put_opcode(e, NUB_OP_TRAP, 0);
}

/* ---- layout ------------------------------------------------------------------------------------
 */

static uint32_t
target_of(const struct emitter *e, const struct item *item)
{
    return item_at(e, e->starts[item->op.block])->op.pc;
}

static uint32_t
place_items(struct emitter *e)
{
    uint64_t pc = 0;

    for (guint i = 0; i < e->items->len; i++) {
        struct item *item = item_at(e, i);
        item->op.pc = (uint32_t)MIN(pc, UINT32_MAX);
        pc += item->size + item->offset_size;
    }
    return (uint32_t)MIN(pc, UINT32_MAX);
}

static uint8_t
bytes_of_offset(int64_t offset)
{
    uint8_t n = 1;

    while (n < 4 && (offset < -(1ll << (8 * n - 1)) || offset >= 1ll << (8 * n - 1)))
        n++;
    return n;
}

static bool
grow_offsets(struct emitter *e)
{
    bool grown = false;

    for (guint i = 0; i < e->items->len; i++) {
        struct item *item = item_at(e, i);
        if (!item->offset_size)
            continue;
        uint8_t n = bytes_of_offset((int64_t)target_of(e, item) - item->op.pc);
        if (n > item->offset_size) {
            item->offset_size = n;
            grown = true;
        }
    }
    return grown;
}

static bool
write_code(struct emitter *e, uint32_t size)
{
    struct link *link = e->link;

    g_byte_array_set_size(link->code, size);
    g_byte_array_set_size(link->mask, (size + 7) / 8);
    memset(link->mask->data, 0, link->mask->len);
    for (guint i = 0; i < e->items->len; i++) {
        const struct item *item = item_at(e, i);
        uint8_t bytes[NUB_MAX_INSN_SIZE];
        uint32_t pc = item->op.pc, expected = item->size + item->offset_size;
        uint64_t target = item->offset_size ? target_of(e, item) : 0;
        uint32_t n = encode(bytes, &item->op, target, pc, item->offset_size);
        if (n != expected) {
            link_error(link, "internal error: %s has %u bytes instead of %u",
                       nub_isa[item->op.opcode].mnemonic, n, expected);
            return false;
        }
        memcpy(link->code->data + pc, bytes, n);
        link->mask->data[pc / 8] |= (uint8_t)(1u << (pc % 8));
        if (item->from != INSERTED)
            g_array_index(link->ops, struct link_op, item->from).pc = pc;
    }
    return true;
}

bool
link_code_emit(struct link *link)
{
    struct emitter e = {
        .link = link,
        .items = g_array_sized_new(FALSE, FALSE, sizeof(struct item), link->ops->len),
        .starts = g_new0(uint32_t, link->blocks->len),
        .unlikely = g_new0(bool, link->blocks->len),
    };
    uint32_t size;
    bool done = false;

    find_unlikely(&e);
    put_blocks(&e);
    do {
        size = place_items(&e);
    } while (grow_offsets(&e));
    if (size > NUB_MAX_CODE)
        link_error(link, "%u bytes of code, at most %u are possible", size, NUB_MAX_CODE);
    else if (link->jumps->len > NUB_MAX_JUMP)
        link_error(link, "%u code addresses, at most %u are possible", link->jumps->len,
                   NUB_MAX_JUMP);
    else
        done = write_code(&e, size);
    for (guint32 b = 0; b < link->blocks->len; b++)
        g_array_index(link->blocks, struct link_block, b).pc = item_at(&e, e.starts[b])->op.pc;
    g_array_unref(e.items);
    g_free(e.starts);
    g_free(e.unlikely);
    return done;
}
