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
        if (__builtin_expect(rd_ && IN_ONE_PAGE(ea_, SIZE_##SUFFIX), 1)) {                         \
            __builtin_memcpy(&v_, rd_ + (ea_ & (NUB_PAGE_SIZE - 1)), SIZE_##SUFFIX);               \
        } else {                                                                                   \
            if (!slow_load(MACHINE, ea_, SIZE_##SUFFIX))                                           \
                LEAVE_BY(label);                                                                   \
            v_ = MACHINE->value;                                                                   \
            base = base_of(MACHINE);                                                               \
        }                                                                                          \
        (result) = EXTEND_##SUFFIX(v_);                                                            \
    } while (0)
#define STORE_AT(SUFFIX, value, ea, label)                                                         \
    do {                                                                                           \
        uint32_t ea_ = (ea);                                                                       \
        uint64_t v_ = (value);                                                                     \
        uint8_t *wr_ = ENTRY(ea_)->wr;                                                             \
        if (__builtin_expect(wr_ && IN_ONE_PAGE(ea_, SIZE_##SUFFIX), 1)) {                         \
            __builtin_memcpy(wr_ + (ea_ & (NUB_PAGE_SIZE - 1)), &v_, SIZE_##SUFFIX);               \
        } else {                                                                                   \
            if (!slow_store(MACHINE, ea_, SIZE_##SUFFIX, v_))                                      \
                LEAVE_BY(label);                                                                   \
            base = base_of(MACHINE);                                                               \
        }                                                                                          \
    } while (0)

static void fault(const struct nub_op *ip, uint64_t *regs, int64_t gas, uint64_t unused,
                  uint8_t *base, uint64_t last);
static void enter(struct nub_machine *m, const struct nub_block *block);

#include "interp.h"

static const struct nub_pages no_pages = { .tables = { [0 ... NUB_N_TABLES - 1] =
                                                           nub_empty_table } };
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "pages are read as they lie");

static bool slow_load(struct nub_machine *m, uint32_t ea, unsigned size);
static bool slow_store(struct nub_machine *m, uint32_t ea, unsigned size, uint64_t value);

static inline uint8_t *
base_of(const struct nub_machine *m)
{
    return (uint8_t *)(m->memory->pages ? m->memory->pages->tables : no_pages.tables);
}

#include "threaded.h"

static COLD bool
slow_load(struct nub_machine *m, uint32_t ea, unsigned size)
{
    m->touch = nub_memory_load(m->memory, ea, size, &m->value);
    return m->touch == NUB_TOUCH_OK;
}

static COLD bool
slow_store(struct nub_machine *m, uint32_t ea, unsigned size, uint64_t value)
{
    m->touch = nub_memory_store(m->memory, ea, size, value);
    return m->touch == NUB_TOUCH_OK;
}

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
