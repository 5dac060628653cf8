/* predecode.c - making rows of operations from code, one row at a time
 *
 * Decodes each instruction once, prices its block on the way, and links jumps to what exists.
 * Linear in the code that is reached. Never judges what only execution shows: a bad target becomes
 * an operation that panics. When memory is short or a block too dear for its header, the row ends
 * in a stub and the plain interpreter runs what is missing. Read predecode.h first.
 */
#include "gas.h"
#include "local-private.h"
#include <string.h>

#define FIRST_CHUNK   2048u
#define LARGEST_CHUNK (128u << 10)
#define MAX_ROW       128u /* blocks */
#define TABLE_FIRST   16u

/* What ends a row or goes on in another chunk: there is always room for it. */
#define ENDING (sizeof(struct nub_block) + sizeof(struct nub_wide_op))

/* A jump of this row whose target has no row yet. */
struct site {
    struct nub_wide_op *op;
    uint32_t pc;     /* of the jump */
    uint64_t target; /* perhaps no block start */
};

/* A row that is being made. */
struct row {
    struct nub_local *local;
    struct nub_code *code;
    struct nub_blocks *blocks;
    struct nub_block *started[MAX_ROW]; /* ascending pc, not published yet */
    uint32_t n;
    struct site sites[MAX_ROW];
    uint32_t n_sites;
    struct nub_block *header; /* the last one, perhaps of the same block */
    struct nub_op *previous;  /* for fusion; NULL at the beginning of a block */
    unsigned previous_opcode;
    enum nub_from_last previous_form;
    int last;            /* the register that was written last, -1: not known */
    uint32_t in_segment; /* instructions since the last header */
};

void
nub_blocks_init(struct nub_blocks *blocks, const struct nub_engine *engine)
{
    *blocks = (struct nub_blocks){ .engine = engine };
    pthread_mutex_init(&blocks->lock, NULL);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void
account(struct nub_local *local, struct nub_blocks *blocks, uint64_t bytes)
{
    blocks->bytes += bytes;
    __atomic_add_fetch(&local->codes.bytes, bytes, __ATOMIC_RELAXED);
}

static bool
add_chunk(struct nub_local *local, struct nub_blocks *blocks, size_t wanted)
{
    size_t size = blocks->chunks ? blocks->chunks->size * 2 : FIRST_CHUNK;

    if (size > LARGEST_CHUNK)
        size = LARGEST_CHUNK;
    if (size < wanted + sizeof(struct nub_chunk))
        size = wanted + sizeof(struct nub_chunk);
    /* a program alone must not pass the limit either */
    if (blocks->bytes + size > local->codes.limit)
        return false;
    struct nub_chunk *chunk = nub_alloc(&local->alloc, size);
    if (!chunk)
        return false;
    *chunk = (struct nub_chunk){ .next = blocks->chunks, .size = size };
    blocks->chunks = chunk;
    blocks->cursor = (uint8_t *)(chunk + 1);
    blocks->end = (uint8_t *)chunk + size;
    account(local, blocks, size);
    return true;
}

static size_t
table_size(uint32_t capacity)
{
    return sizeof(struct nub_block_table) + capacity * sizeof(const struct nub_block *);
}

static void
clear(struct nub_local *local, struct nub_code *code, struct nub_blocks *blocks)
{
    const struct nub_alloc *alloc = &local->alloc;

    while (blocks->chunks) {
        struct nub_chunk *chunk = blocks->chunks;
        blocks->chunks = chunk->next;
        nub_free(alloc, chunk, chunk->size);
    }
    while (blocks->table) {
        struct nub_block_table *table = blocks->table;
        blocks->table = table->older;
        nub_free(alloc, table, table_size(table->mask + 1));
    }
    nub_free(alloc, blocks->dynamic, code->program.n_jump * sizeof *blocks->dynamic);
    __atomic_sub_fetch(&local->codes.bytes, blocks->bytes, __ATOMIC_RELAXED);
    blocks->dynamic = NULL;
    blocks->cursor = blocks->end = NULL;
    blocks->n = 0;
    blocks->bytes = 0;
}

void
nub_blocks_clear(struct nub_local *local, struct nub_code *code)
{
    for (unsigned kind = 0; kind < NUB_N_ENGINES; kind++)
        clear(local, code, &code->blocks[kind]);
}

/* ---- finding blocks -------------------------------------------------------------------------- */

static uint32_t
hash_of(uint32_t pc)
{
    return pc * 0x9E3779B1u >> 7;
}

static const struct nub_block *
find(struct nub_blocks *blocks, uint32_t pc)
{
    const struct nub_block_table *table = __atomic_load_n(&blocks->table, __ATOMIC_ACQUIRE);

    if (!table)
        return NULL;
    for (uint32_t i = hash_of(pc);; i++) {
        const struct nub_block *block =
            __atomic_load_n(&table->slots[i & table->mask], __ATOMIC_ACQUIRE);
        if (!block || block->pc == pc)
            return block;
    }
}

static void
insert(struct nub_block_table *table, const struct nub_block *block)
{
    uint32_t i = hash_of(block->pc);

    while (table->slots[i & table->mask])
        i++;
    __atomic_store_n(&table->slots[i & table->mask], block, __ATOMIC_RELEASE);
}

/* Room for `n` more blocks at a load of a half. */
static bool
reserve_table(struct nub_local *local, struct nub_blocks *blocks, uint32_t n)
{
    struct nub_block_table *old = blocks->table;
    uint32_t capacity = old ? old->mask + 1 : TABLE_FIRST;

    if (old && (uint64_t)(blocks->n + n) * 2 <= capacity)
        return true;
    while ((uint64_t)(blocks->n + n) * 2 > capacity)
        capacity *= 2;
    struct nub_block_table *table = nub_alloc(&local->alloc, table_size(capacity));
    if (!table)
        return false;
    memset(table, 0, table_size(capacity));
    table->mask = capacity - 1;
    table->older = old;
    for (uint32_t i = 0; old && i <= old->mask; i++) {
        if (old->slots[i])
            insert(table, old->slots[i]);
    }
    account(local, blocks, table_size(capacity));
    __atomic_store_n(&blocks->table, table, __ATOMIC_RELEASE);
    return true;
}

static bool
publish(struct row *row)
{
    if (!reserve_table(row->local, row->blocks, row->n))
        return false;
    for (uint32_t i = 0; i < row->n; i++)
        insert(row->blocks->table, row->started[i]);
    row->blocks->n += row->n;
    return true;
}

/* Also among those of this row, which nobody else can see yet. */
static const struct nub_block *
find_here(const struct row *row, uint32_t pc)
{
    uint32_t low = 0, high = row->n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (row->started[middle]->pc < pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < row->n && row->started[low]->pc == pc)
        return row->started[low];
    return find(row->blocks, pc);
}

/* ---- writing operations ---------------------------------------------------------------------- */

static bool
is_wide(unsigned opcode)
{
    if (opcode >= NUB_OP_END)
        return true;
    switch (nub_isa[opcode].arg_class) {
    case NUB_ARG_I:
    case NUB_ARG_RX:
    case NUB_ARG_II:
    case NUB_ARG_O:
    case NUB_ARG_RII:
    case NUB_ARG_RIO:
    case NUB_ARG_RRO:
    case NUB_ARG_RRII:
        return true;
    default:
        return opcode == NUB_OP_JUMP_IND || opcode == NUB_OP_ECALL;
    }
}

static size_t
op_size(unsigned opcode)
{
    return is_wide(opcode) ? sizeof(struct nub_wide_op) : sizeof(struct nub_op);
}

static struct nub_wide_op *
put_op(struct nub_blocks *blocks, unsigned opcode)
{
    struct nub_wide_op *op = (struct nub_wide_op *)blocks->cursor;

    memset(op, 0, op_size(opcode));
    op->op.handler = blocks->engine->handlers[NUB_LAST_NONE][opcode];
    blocks->cursor += op_size(opcode);
    return op;
}

static struct nub_block *
put_header(struct nub_blocks *blocks, uint32_t pc, uint32_t cost)
{
    struct nub_block *block = (struct nub_block *)blocks->cursor;

    *block = (struct nub_block){ .cost = cost, .pc = pc };
    blocks->cursor += sizeof *block;
    return block;
}

static size_t
room(const struct nub_blocks *blocks)
{
    return (size_t)(blocks->end - blocks->cursor);
}

static bool
make_room(struct row *row, size_t size)
{
    return room(row->blocks) >= size + ENDING || add_chunk(row->local, row->blocks, size + ENDING);
}

/* Makes room inside a block: it goes on in another chunk, or behind another header when the way
 * back to this one is long. */
static bool
make_room_inside(struct row *row, uint32_t pc)
{
    struct nub_blocks *blocks = row->blocks;
    bool far = blocks->cursor - (uint8_t *)row->header > 8 * (UINT16_MAX - 8);

    if (room(blocks) >= sizeof(struct nub_wide_op) + ENDING && !far)
        return true;
    struct nub_wide_op *go = put_op(blocks, NUB_OP_GOTO);
    if (!make_room(row, sizeof(struct nub_block) + sizeof(struct nub_wide_op)))
        return false;
    if (row->code->gas_model == NUB_GAS_INSTRUCTION)
        row->header->cost = row->in_segment;
    row->header = put_header(blocks, pc, 0);
    row->in_segment = 0;
    row->previous = NULL;
    row->last = -1;
    go->u.link = row->header;
    return true;
}

static void
put_end(struct row *row, uint32_t pc, enum nub_exit_reason reason)
{
    struct nub_wide_op *op = put_op(row->blocks, NUB_OP_END);

    op->op.x = (int32_t)reason;
    op->u.y = pc;
}

static int
written_register(const struct nub_insn *insn)
{
    switch (nub_isa[insn->opcode].dst) {
    case NUB_FIELD_A:
        return insn->a;
    case NUB_FIELD_D:
        return insn->d;
    default:
        return -1;
    }
}

/* The form that takes what the operation before has left, and the pair with that operation. */
static void
choose_handler(struct row *row, struct nub_op *op, const struct nub_insn *insn)
{
    const struct nub_engine *engine = row->blocks->engine;
    enum nub_from_last form = NUB_LAST_NONE;

    if (row->last == insn->b && engine->handlers[NUB_LAST_B][insn->opcode])
        form = NUB_LAST_B;
    else if (row->last == insn->a && engine->handlers[NUB_LAST_A][insn->opcode])
        form = NUB_LAST_A;
    op->handler = engine->handlers[form][insn->opcode];
    if (row->previous) {
        nub_handler fused =
            engine->fused(row->previous_opcode, row->previous_form, insn->opcode, form);
        if (fused)
            row->previous->handler = fused;
    }
    row->previous = op;
    row->previous_opcode = insn->opcode;
    row->previous_form = form;
    if (written_register(insn) >= 0)
        row->last = written_register(insn);
}

/* An instruction of a block, and what its operation needs beyond registers. */
static void
put_insn(struct row *row, const struct nub_insn *insn)
{
    struct nub_wide_op *op = put_op(row->blocks, insn->opcode);

    op->op.a = insn->a;
    op->op.b = insn->b;
    op->op.d = insn->d;
    op->op.x = (int32_t)insn->x;
    switch (nub_isa[insn->opcode].arg_class) {
    case NUB_ARG_RX:
        op->u.y = insn->x;
        break;
    case NUB_ARG_II:
    case NUB_ARG_RII:
        op->u.y = insn->y;
        break;
    case NUB_ARG_O:
    case NUB_ARG_RIO:
    case NUB_ARG_RRO:
        row->sites[row->n_sites++] =
            (struct site){ .op = op, .pc = insn->pc, .target = insn->target };
        break;
    case NUB_ARG_RRII: /* y is 32 bits, extended; the pc fits in the rest */
        op->u.y = insn->y << 32 | insn->pc;
        break;
    case NUB_ARG_I:
        op->u.y = insn->next;
        break;
    default:
        if (insn->opcode == NUB_OP_JUMP_IND)
            op->u.y = insn->pc;
        if (insn->opcode == NUB_OP_ECALL)
            op->u.y = insn->next;
        break;
    }
    if (nub_isa[insn->opcode].unit == NUB_UNIT_LOAD || nub_isa[insn->opcode].unit == NUB_UNIT_STORE)
        op->op.d = (uint16_t)(((uint8_t *)op - (uint8_t *)row->header) / 8);
    if (insn->opcode == NUB_OP_TRAP)
        op->op.x = (int32_t)insn->pc;
    choose_handler(row, &op->op, insn);
    row->in_segment++;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

enum block_end {
    BLOCK_FALLS, /* the next block follows */
    BLOCK_ENDS,  /* nothing follows */
    BLOCK_DEAR,  /* costs more than a header can say */
    BLOCK_FAILS  /* no memory */
};

static bool
falls_through(uint8_t opcode)
{
    switch (opcode) {
    case NUB_OP_FALLTHROUGH:
    case NUB_OP_UNLIKELY:
    case NUB_OP_ECALLI: /* when a callback answers */
        return true;
    default:
        return nub_isa[opcode].latency_kind == NUB_LATENCY_BRANCH;
    }
}

static enum block_end
price(struct row *row, struct nub_block *first, uint64_t cost)
{
    if (row->code->gas_model == NUB_GAS_INSTRUCTION) {
        row->header->cost = row->in_segment;
        return BLOCK_ENDS;
    }
    first->cost = (uint32_t)cost;
    return cost > UINT32_MAX ? BLOCK_DEAR : BLOCK_ENDS;
}

/* The block cannot go on at `pc`: past the end, or no instruction starts there. */
static enum block_end
end_where_nothing_is(struct row *row, struct nub_block *first, uint32_t pc)
{
    const struct nub_code *code = row->code;
    bool past = pc >= code->program.code_size;
    uint64_t cost = 0;

    /* the cost is walked to its own end, which no mask can stop; nothing is due for a panic */
    if (code->gas_model != NUB_GAS_INSTRUCTION && (past || pc != first->pc))
        cost = nub_gas_cost(&code->program, code->gas_model, code->mem_cycles, first->pc);
    row->in_segment += past; /* the model `instruction` charges for the trap */
    put_end(row, pc, past ? NUB_EXIT_TRAP : NUB_EXIT_PANIC);
    return price(row, first, cost);
}

/* Makes the operations of the block at `*pc` behind its header and goes to the next one. */
static enum block_end
decode_block(struct row *row, uint32_t *pc)
{
    const struct nub_program *program = &row->code->program;
    bool per_block = row->code->gas_model != NUB_GAS_INSTRUCTION;
    struct nub_block *first = row->header;
    struct nub_gas_block gas;
    struct nub_insn insn;

    if (per_block)
        nub_gas_begin(&gas, row->code->gas_model, row->code->mem_cycles);
    for (;;) {
        if (!make_room_inside(row, *pc))
            return BLOCK_FAILS;
        if (*pc >= program->code_size || !nub_program_is_start(program, *pc))
            return end_where_nothing_is(row, first, *pc);
        nub_insn_decode(&insn, program, *pc);
        if (per_block)
            nub_gas_feed(&gas, program, &insn);
        bool known = nub_isa[insn.opcode].mnemonic != NULL;
        if (known) {
            put_insn(row, &insn);
        } else {
            row->in_segment++;
            put_end(row, *pc, NUB_EXIT_PANIC);
        }
        if (!known || nub_isa[insn.opcode].is_terminator)
            break;
        *pc = insn.next;
    }
    enum block_end end = price(row, first, per_block ? nub_gas_end(&gas, false) : 0);
    bool falls = nub_isa[insn.opcode].mnemonic && falls_through(insn.opcode);
    *pc = insn.next;
    return end == BLOCK_ENDS && falls ? BLOCK_FALLS : end;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Links the jumps of a row that is complete. */
static bool
link_sites(struct row *row)
{
    struct nub_blocks *blocks = row->blocks;

    for (uint32_t i = 0; i < row->n_sites; i++) {
        const struct site *site = &row->sites[i];
        bool valid = nub_program_is_block_start(&row->code->program, site->target);
        const struct nub_block *block = valid ? find_here(row, (uint32_t)site->target) : NULL;
        if (!block) {
            if (!make_room(row, ENDING))
                return false;
            block = put_header(blocks, valid ? (uint32_t)site->target : site->pc, 0);
            if (valid)
                put_op(blocks, NUB_OP_STUB)->u.site = &site->op->u.link;
            else
                put_end(row, site->pc, NUB_EXIT_PANIC);
        }
        site->op->u.link = block;
    }
    return true;
}

/* Ends a row that would fall through to `pc`. Its room was kept. */
static void
end_row(struct row *row, uint32_t pc, const struct nub_block *existing)
{
    put_header(row->blocks, pc, 0);
    put_op(row->blocks, existing ? NUB_OP_GOTO : NUB_OP_STUB)->u.link = existing;
}

/* Starts a block at `pc`, falling into it from above unless it is the first. */
static bool
start_block(struct row *row, uint32_t pc)
{
    if (room(row->blocks) < 4 * ENDING) {
        struct nub_wide_op *go = NULL;
        if (row->n > 0) {
            put_header(row->blocks, pc, 0);
            go = put_op(row->blocks, NUB_OP_GOTO);
        }
        if (!add_chunk(row->local, row->blocks, 4 * ENDING))
            return false;
        if (go)
            go->u.link = (const struct nub_block *)row->blocks->cursor;
    }
    row->header = put_header(row->blocks, pc, 0);
    row->started[row->n++] = row->header;
    row->previous = NULL;
    row->last = -1;
    row->in_segment = 0;
    return true;
}

static bool
decode_row(struct row *row, uint32_t pc)
{
    for (;;) {
        const struct nub_block *existing = row->n > 0 ? find(row->blocks, pc) : NULL;
        if (existing || row->n == MAX_ROW) {
            end_row(row, pc, existing);
            break;
        }
        if (!start_block(row, pc))
            return false;
        uint32_t at = pc, n_sites = row->n_sites;
        struct nub_block *header = row->header;
        enum block_end end = decode_block(row, &pc);
        if (end == BLOCK_FAILS || (end == BLOCK_DEAR && row->n == 1))
            return false;
        if (end == BLOCK_DEAR) { /* a stub in its place; the plain interpreter runs it */
            struct nub_wide_op *stub = (struct nub_wide_op *)(header + 1);
            *header = (struct nub_block){ .pc = at };
            *stub = (struct nub_wide_op){
                .op.handler = row->blocks->engine->handlers[NUB_LAST_NONE][NUB_OP_STUB]
            };
            row->n--;
            row->n_sites = n_sites;
            break;
        }
        if (end == BLOCK_ENDS)
            break;
    }
    return link_sites(row) && publish(row);
}

static const struct nub_block *
make_row_inlock(struct nub_local *local, struct nub_code *code, struct nub_blocks *blocks,
                uint32_t pc)
{
    struct row row = { .local = local, .code = code, .blocks = blocks, .last = -1 };
    struct nub_chunk *chunk = blocks->chunks;
    uint8_t *cursor = blocks->cursor;

    if (decode_row(&row, pc))
        return row.started[0];
    if (blocks->chunks == chunk) /* nothing leads there yet */
        blocks->cursor = cursor;
    return NULL;
}

const struct nub_block *
nub_block_at(struct nub_local *local, struct nub_code *code, enum nub_engine_kind kind, uint32_t pc)
{
    struct nub_blocks *blocks = &code->blocks[kind];
    const struct nub_block *block = find(blocks, pc);

    if (block || !nub_program_is_block_start(&code->program, pc))
        return block;
    pthread_mutex_lock(&blocks->lock);
    block = find(blocks, pc);
    if (!block)
        block = make_row_inlock(local, code, blocks, pc);
    pthread_mutex_unlock(&blocks->lock);
    return block;
}

/* The table of what dynamic jumps lead to; without it they are looked up each time. */
static const struct nub_block **
make_dynamic(struct nub_local *local, struct nub_code *code, struct nub_blocks *blocks)
{
    size_t size = code->program.n_jump * sizeof *blocks->dynamic;

    pthread_mutex_lock(&blocks->lock);
    const struct nub_block **entries = blocks->dynamic;
    if (!entries && blocks->bytes + size <= local->codes.limit) {
        entries = nub_alloc(&local->alloc, size);
        if (entries) {
            memset(entries, 0, size);
            account(local, blocks, size);
            __atomic_store_n(&blocks->dynamic, entries, __ATOMIC_RELEASE);
        }
    }
    pthread_mutex_unlock(&blocks->lock);
    return entries;
}

const struct nub_block *
nub_block_of_entry(struct nub_local *local, struct nub_code *code, enum nub_engine_kind kind,
                   uint32_t i)
{
    struct nub_blocks *blocks = &code->blocks[kind];
    const struct nub_block *block =
        nub_block_at(local, code, kind, nub_program_jump_entry(&code->program, i));
    const struct nub_block **entries = __atomic_load_n(&blocks->dynamic, __ATOMIC_ACQUIRE);

    if (!entries)
        entries = make_dynamic(local, code, blocks);
    if (block && entries)
        __atomic_store_n(&entries[i], block, __ATOMIC_RELEASE);
    return block;
}

void
nub_op_locate(const struct nub_code *code, const struct nub_op *op, struct nub_insn *insn,
              const struct nub_block **block, uint32_t *index)
{
    const struct nub_block *header =
        (const struct nub_block *)((const uint8_t *)op - 8 * (size_t)op->d);
    const uint8_t *at = (const uint8_t *)nub_block_ops(header);
    uint32_t pc = header->pc;

    *block = header;
    for (*index = 0;; ++*index) {
        nub_insn_decode(insn, &code->program, pc);
        if (at == (const uint8_t *)op)
            return;
        at += op_size(insn->opcode);
        pc = insn->next;
    }
}
