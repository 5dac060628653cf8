/* predecode.h - programs as the threaded interpreter runs them
 *
 * A block becomes a header and a row of operations. What follows a block without a jump follows it
 * here too, so a row goes on until nothing can fall through. Rows are made when a run first gets
 * to them: a jump whose target has no row yet leads to a stub, which makes the row and links the
 * jump to it. A row is published when it is complete and never changes afterwards, except for its
 * links, which are written once with release semantics; so runs read rows without a lock.
 */
#ifndef NUB_LOCAL_PREDECODE_H
#define NUB_LOCAL_PREDECODE_H

#include "alloc.h"
#include "program.h"
#include <pthread.h>

struct nub_machine;
struct nub_op;
struct nub_block;
struct nub_code;
struct nub_local;

/**
 * Executes the operation at `ip` and, as its last act, calls the next one. The compiler makes that
 * a jump: all arguments stay in registers. `regs` is also the machine, whose first member it is;
 * `last` is the value that was written to a register last, so that the next operation need not read
 * it back; `unused` keeps the register free that shifts want.
 */
typedef void (*nub_handler)(const struct nub_op *ip, uint64_t *regs, int64_t gas, uint64_t unused, uint8_t *base, uint64_t last);

struct nub_op {
    nub_handler handler;
    uint8_t a, b; /* registers */
    uint16_t d;   /* a register; of a memory access the way back to its header, in 8 bytes */
    int32_t x;    /* an immediate */
};

/** With more: a link, a 64-bit immediate, a pc. */
struct nub_wide_op {
    struct nub_op op;
    union {
        const struct nub_block *link; /* atomic */
        uint64_t y;
        const struct nub_block **site; /* of a stub: the link that it is reached by */
    } u;
};

/** What stands before a block's operations. Two of them may belong to one block: the second costs nothing. */
struct nub_block {
    uint32_t cost;
    uint32_t pc;
};

static inline const struct nub_op *
nub_block_ops(const struct nub_block *block)
{
    return (const struct nub_op *)(block + 1);
}

/** What the interpreters with and without a window offer: a handler for each opcode and more. */
enum nub_extra_op {
    NUB_OP_END = 256,  /* the end of the code, or an unknown opcode, or no instruction: x is the exit reason */
    NUB_OP_GOTO,       /* on at the link, charged there */
    NUB_OP_STUB,       /* the block at this header's pc is not made yet */
    NUB_N_OPS
};
/** Which operand an operation takes from `last` instead of a register. */
enum nub_from_last { NUB_LAST_NONE, NUB_LAST_A, NUB_LAST_B, NUB_N_LAST };

struct nub_engine {
    nub_handler handlers[NUB_N_LAST][NUB_N_OPS]; /* NULL: not in this form */
    /** The handler of two operations that follow each other in a block, or NULL. */
    nub_handler (*fused)(unsigned first, enum nub_from_last first_form, unsigned second, enum nub_from_last second_form);
    /** Runs from the block on; how it ended is in machine->stop. */
    void (*enter)(struct nub_machine *machine, const struct nub_block *block);
};
/** Over a page table, and over a window. */
enum nub_engine_kind { NUB_ENGINE_CHECKED, NUB_ENGINE_GUARD, NUB_N_ENGINES };
extern const struct nub_engine nub_engine_guard, nub_engine_checked;

struct nub_chunk {
    struct nub_chunk *next;
    size_t size; /* with this header */
};

struct nub_block_table {
    struct nub_block_table *older; /* readers may still look into it */
    uint32_t mask;
    const struct nub_block *slots[]; /* atomic; by pc, open addressing */
};

/** The rows of one program under one gas setting, for one engine. */
struct nub_blocks {
    pthread_mutex_t lock;
    const struct nub_engine *engine;
    struct nub_chunk *chunks;        /* (lock) newest first */
    uint8_t *cursor, *end;           /* (lock) in the newest chunk */
    struct nub_block_table *table;   /* atomic */
    uint32_t n;                      /* (lock) */
    const struct nub_block **dynamic; /* atomic; by jump-table entry, NULL: not asked for yet */
    uint64_t bytes;                  /* (lock) all of it */
};

void nub_blocks_init(struct nub_blocks *blocks, const struct nub_engine *engine);
/** Forgets everything of both engines; nobody may be running it. */
void nub_blocks_clear(struct nub_local *local, struct nub_code *code);
/** The block that starts at `pc`, made if need be. NULL: run it elsewhere. */
const struct nub_block *nub_block_at(struct nub_local *local, struct nub_code *code, enum nub_engine_kind kind, uint32_t pc);
/** Where a dynamic jump through entry `i` leads; NULL: no block start, or run it elsewhere. */
const struct nub_block *nub_block_of_entry(struct nub_local *local, struct nub_code *code, enum nub_engine_kind kind, uint32_t i);
/** The instruction of an operation that can fault, and how many of its block come before it. */
void nub_op_locate(const struct nub_code *code, const struct nub_op *op, struct nub_insn *insn, const struct nub_block **block, uint32_t *index);

#endif
