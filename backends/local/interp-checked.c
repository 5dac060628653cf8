/* interp-checked.c - the threaded interpreter over a page table in software
 *
 * `base` is the array of tables of struct nub_pages. An access that lies in one page and finds it
 * in the table is done here; everything else - first touches, accesses over two pages, faults - by
 * memory.c. No signal, no address space. Read threaded.h.
 */
#include "predecode.h"
#include <string.h>

#define ENGINE nub_engine_checked
#define KIND   NUB_ENGINE_CHECKED

#define SIZE_U8       1u
#define SIZE_I8       1u
#define SIZE_U16      2u
#define SIZE_I16      2u
#define SIZE_U32      4u
#define SIZE_I32      4u
#define SIZE_U64      8u
#define EXTEND_U8(v)  (v)
#define EXTEND_I8(v)  sx8(v)
#define EXTEND_U16(v) (v)
#define EXTEND_I16(v) sx16(v)
#define EXTEND_U32(v) (v)
#define EXTEND_I32(v) sx32(v)
#define EXTEND_U64(v) (v)

#define ENTRY(ea)                                                                                  \
    (&((struct nub_page_entry *const *)(void *)                                                    \
           base)[(ea) >> (NUB_PAGE_SHIFT + NUB_TABLE_SHIFT)]                                       \
                [(ea) >> NUB_PAGE_SHIFT & (NUB_TABLE_PAGES - 1)])
#define IN_ONE_PAGE(ea, size) (((ea) & (NUB_PAGE_SIZE - 1)) <= NUB_PAGE_SIZE - (size))

/* to the handler's label for accesses that fail, as the instruction of interp-guard.c does */
#define LEAVE_BY(label) goto label
#define LOAD_AT(SUFFIX, result, ea, label)                                                         \
    do {                                                                                           \
        uint32_t ea_ = (ea);                                                                       \
        const uint8_t *rd_ = ENTRY(ea_)->rd;                                                       \
        uint64_t v_ = 0;                                                                           \
        if (__builtin_expect(!rd_ || !IN_ONE_PAGE(ea_, SIZE_##SUFFIX), 0))                         \
            LEAVE_BY(label);                                                                       \
        __builtin_memcpy(&v_, rd_ + (ea_ & (NUB_PAGE_SIZE - 1)), SIZE_##SUFFIX);                   \
        (result) = EXTEND_##SUFFIX(v_);                                                            \
    } while (0)
#define STORE_AT(SUFFIX, value, ea, label)                                                         \
    do {                                                                                           \
        uint32_t ea_ = (ea);                                                                       \
        uint64_t v_ = (value);                                                                     \
        uint8_t *wr_ = ENTRY(ea_)->wr;                                                             \
        if (__builtin_expect(!wr_ || !IN_ONE_PAGE(ea_, SIZE_##SUFFIX), 0))                         \
            LEAVE_BY(label);                                                                       \
        __builtin_memcpy(wr_ + (ea_ & (NUB_PAGE_SIZE - 1)), &v_, SIZE_##SUFFIX);                   \
    } while (0)

/* an access that the table alone cannot do is done by a function of its opcode */
#define ON_FAILURE(OPCODE) slow_##OPCODE
#define SLOW(OPCODE)                                                                               \
    static void slow_##OPCODE(const struct nub_op *ip, uint64_t *regs, int64_t gas,                \
                              uint64_t unused, uint8_t *base, uint64_t last);
#define NUB_LOAD(SUFFIX, size, expression) SLOW(LOAD_IND_##SUFFIX) SLOW(LOAD_##SUFFIX)
#define NUB_STORE(SUFFIX, size)                                                                    \
    SLOW(STORE_IND_##SUFFIX)                                                                       \
    SLOW(STORE_##SUFFIX)                                                                           \
    SLOW(STORE_IMM_##SUFFIX)                                                                       \
    SLOW(STORE_IMM_IND_##SUFFIX)
#include "semantics.def"

static void fault(const struct nub_op *ip, uint64_t *regs, int64_t gas, uint64_t unused,
                  uint8_t *base, uint64_t last);
static void enter(struct nub_machine *m, const struct nub_block *block);

#include "interp.h"

static const struct nub_pages no_pages = { .tables = { [0 ... NUB_N_TABLES - 1] =
                                                           nub_empty_table } };
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pages are read as they lie");

static inline uint8_t *
base_of(const struct nub_machine *m)
{
    return (uint8_t *)(m->memory->pages ? m->memory->pages->tables : no_pages.tables);
}

#include "threaded.h"

#define SLOW_LOAD(OPCODE, size, expression, address)                                               \
    static COLD void slow_##OPCODE(PARAMETERS)                                                     \
    {                                                                                              \
        struct nub_machine *m = MACHINE;                                                           \
        m->touch = nub_memory_load(m->memory, (uint32_t)(address), size, &m->value);               \
        if (m->touch != NUB_TOUCH_OK)                                                              \
            CALL_NEXT(fault, ip);                                                                  \
        uint64_t V = m->value;                                                                     \
        last = (expression);                                                                       \
        regs[ip->a] = last;                                                                        \
        base = base_of(m);                                                                         \
        NEXT_OF(ip);                                                                               \
    }
#define SLOW_STORE(OPCODE, size, value, address, next)                                             \
    static COLD void slow_##OPCODE(PARAMETERS)                                                     \
    {                                                                                              \
        struct nub_machine *m = MACHINE;                                                           \
        m->touch = nub_memory_store(m->memory, (uint32_t)(address), size, value);                  \
        if (m->touch != NUB_TOUCH_OK)                                                              \
            CALL_NEXT(fault, ip);                                                                  \
        base = base_of(m);                                                                         \
        next(ip);                                                                                  \
    }
#define NUB_LOAD(SUFFIX, size, expression)                                                         \
    SLOW_LOAD(LOAD_IND_##SUFFIX, size, expression, B_N(ip) + IMM(ip))                              \
    SLOW_LOAD(LOAD_##SUFFIX, size, expression, ip->x)
#define NUB_STORE(SUFFIX, size)                                                                    \
    SLOW_STORE(STORE_IND_##SUFFIX, size, A_N(ip), B_N(ip) + IMM(ip), NEXT_OF)                      \
    SLOW_STORE(STORE_##SUFFIX, size, A_N(ip), ip->x, NEXT_OF)                                      \
    SLOW_STORE(STORE_IMM_##SUFFIX, size, WIDE(ip)->u.y, ip->x, NEXT_OF_WIDE)                       \
    SLOW_STORE(STORE_IMM_IND_##SUFFIX, size, WIDE(ip)->u.y, A_N(ip) + IMM(ip), NEXT_OF_WIDE)
#include "semantics.def"

static COLD void
fault(PARAMETERS)
{
    struct nub_insn insn;
    const struct nub_block *block;
    uint32_t index;

    struct nub_machine *m = MACHINE;

    NOTHING_MORE();
    nub_op_locate(m->code, ip, &insn, &block, &index);
    struct nub_access_of access = nub_access_of(&insn, regs);
    if (m->code->gas_model == NUB_GAS_INSTRUCTION)
        gas += (int64_t)block->cost - index - 1;
    if (m->touch == NUB_TOUCH_NO_MEMORY) {
        stop(m, gas, insn.pc, NUB_STOP_NO_MEMORY);
        return;
    }
    exit_run(m, gas, insn.pc, NUB_EXIT_PAGE_FAULT,
             nub_memory_fault(m->memory, access.ea, access.size, access.store));
}

static void
enter(struct nub_machine *m, const struct nub_block *block)
{
    const struct nub_op *first = nub_block_ops(block);
    int64_t gas = (int64_t)m->gas - (int64_t)block->cost;
    nub_handler handler = gas < 0 ? out_of_gas : first->handler;

    handler(first, m->regs, gas, 0, base_of(m), 0);
}
