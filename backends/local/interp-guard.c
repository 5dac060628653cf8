/* interp-guard.c - the threaded interpreter over a 4 GiB window
 *
 * A load or store is one instruction at base + address. When it faults, the handler of fault.c
 * makes it jump to its label, and fault() finds out here what was meant: a window that is not there
 * yet, or the program's own fault. Read threaded.h and fault.h.
 */
#include "fault.h"

#if NUB_HAVE_GUARD
#define ENGINE nub_engine_guard
#define KIND   NUB_ENGINE_GUARD

#define INSN_U8         "movzbl", "k"
#define INSN_I8         "movsbq", "q"
#define INSN_U16        "movzwl", "k"
#define INSN_I16        "movswq", "q"
#define INSN_U32        "movl", "k"
#define INSN_I32        "movslq", "q"
#define INSN_U64        "movq", "q"
#define TO_U8           "movb", "b"
#define TO_U16          "movw", "w"
#define TO_U32          "movl", "k"
#define TO_U64          "movq", "q"
#define LOAD_WITH(...)  NUB_GUARDED_LOAD(__VA_ARGS__)
#define STORE_WITH(...) NUB_GUARDED_STORE(__VA_ARGS__)

#define LOAD_AT(SUFFIX, value, ea, label) LOAD_WITH(INSN_##SUFFIX, value, base, ea, label)
/* the marks lie right below the window */
#define STORE_AT(SUFFIX, value, ea, label)                                                         \
    do {                                                                                           \
        uint32_t ea_ = (ea);                                                                       \
        STORE_WITH(TO_##SUFFIX, value, base, ea_, label);                                          \
        (base - NUB_N_PAGES)[ea_ >> NUB_PAGE_SHIFT] = 1;                                           \
    } while (0)

/* where an access goes on that has failed */
#define ON_FAILURE(OPCODE) fault
#define WITH_PAIRS

#include "interp.h"
#include "local-private.h"

static void fault(const struct nub_op *ip, uint64_t *regs, int64_t gas, uint64_t unused,
                  uint8_t *base, uint64_t last);
static void enter(struct nub_machine *m, const struct nub_block *block);

static inline uint8_t *
base_of(const struct nub_machine *m)
{
    const struct nub_memory *memory = m->memory;

    return memory->window ? memory->window->base : memory->local->windows.none.base;
}

#include "threaded.h"

static COLD void
fault(PARAMETERS)
{
    struct nub_machine *m = MACHINE;
    struct nub_memory *memory = m->memory;
    struct nub_insn insn;
    const struct nub_block *block;
    uint32_t index;

    nub_op_locate(m->code, ip, &insn, &block, &index);
    if (!memory->window) {
        __atomic_store_n(&m->code->touches_memory, true, __ATOMIC_RELAXED);
        if (memory->eager && nub_window_take(memory)) {
            base = memory->window->base;
            /* again, from registers: a load that faulted has left nothing in `last` */
            CALL_NEXT(nub_engine_guard.handlers[NUB_LAST_NONE][insn.opcode], ip);
        }
    }
    struct nub_access_of access = nub_access_of(&insn, regs);
    if (m->code->gas_model == NUB_GAS_INSTRUCTION)
        gas += (int64_t)block->cost - index - 1;
    if (!memory->window || nub_memory_allows(memory, access.ea, access.size, access.store)) {
        /* without a window the plain interpreter ends the block, and the page table serves; nothing
         * is due */
        m->paid = m->code->gas_model != NUB_GAS_INSTRUCTION;
        gas += m->code->gas_model == NUB_GAS_INSTRUCTION;
        stop(m, gas, insn.pc, memory->window ? NUB_STOP_NO_MEMORY : NUB_STOP_ELSEWHERE);
        return;
    }
    exit_run(m, gas, insn.pc, NUB_EXIT_PAGE_FAULT,
             nub_memory_fault(memory, access.ea, access.size, access.store));
}

static void
enter(struct nub_machine *m, const struct nub_block *block)
{
    const struct nub_op *first = nub_block_ops(block);
    int64_t gas = (int64_t)m->gas - (int64_t)block->cost;
    nub_handler handler = gas < 0 ? out_of_gas : first->handler;

    handler(first, m->regs, gas, 0, base_of(m), 0);
}
#else
#include "predecode.h"
const struct nub_engine nub_engine_guard;
#endif
