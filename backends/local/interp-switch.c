/* interp-switch.c - the plain interpreter, the oracle of every other engine
 *
 * One instruction after the other, decoded each time, with the tests in the order of pvm.md 7.1
 * and 7.2. It must never become clever: what it does is read off the specification. The fast
 * interpreter also hands over to it what is rare.
 */
#include "interp.h"
#include "gas.h"
#include "semantics.h"
#include "window.h"

/* Where execution goes after an instruction. */
enum flow { NEXT, JUMPED, EXIT, STOP_NO_MEMORY };

static enum flow
leave(struct nub_machine *m, enum nub_exit_reason reason, uint32_t arg)
{
    m->reason = reason;
    m->arg = arg;
    return EXIT;
}

/* pvm.md 3.3 */
static enum flow
jump(struct nub_machine *m, uint64_t target)
{
    if (!nub_program_is_block_start(&m->code->program, target))
        return leave(m, NUB_EXIT_PANIC, 0);
    m->pc = (uint32_t)target;
    return JUMPED;
}

/* pvm.md 3.4 */
static enum flow
dynamic_jump(struct nub_machine *m, uint64_t value)
{
    const struct nub_program *program = &m->code->program;
    uint32_t a = (uint32_t)value;

    if (a == NUB_HALT_ADDRESS)
        return leave(m, NUB_EXIT_HALT, 0);
    if (a == 0 || a % 2 != 0 || a > 2 * (uint64_t)program->n_jump)
        return leave(m, NUB_EXIT_PANIC, 0);
    return jump(m, nub_program_jump_entry(program, a / 2 - 1));
}

/* pvm.md 6 */
static enum flow
load(struct nub_machine *m, uint64_t address, unsigned size, uint64_t *value)
{
    switch (nub_memory_load(m->memory, (uint32_t)address, size, value)) {
    case NUB_TOUCH_OK:
        return NEXT;
    case NUB_TOUCH_NO_MEMORY:
        return STOP_NO_MEMORY;
    case NUB_TOUCH_FAULT:
        break;
    }
    return leave(m, NUB_EXIT_PAGE_FAULT,
                 nub_memory_fault(m->memory, (uint32_t)address, size, false));
}

static enum flow
store(struct nub_machine *m, uint64_t address, unsigned size, uint64_t value)
{
    switch (nub_memory_store(m->memory, (uint32_t)address, size, value)) {
    case NUB_TOUCH_OK:
        return NEXT;
    case NUB_TOUCH_NO_MEMORY:
        return STOP_NO_MEMORY;
    case NUB_TOUCH_FAULT:
        break;
    }
    return leave(m, NUB_EXIT_PAGE_FAULT,
                 nub_memory_fault(m->memory, (uint32_t)address, size, true));
}

/* Arithmetic: no control flow, no memory. False: the opcode is of another kind. */
static bool
compute(const struct nub_insn *insn, uint64_t *regs)
{
    uint64_t A = regs[insn->a], B = regs[insn->b], D = regs[insn->d], X = insn->x;

    switch (insn->opcode) {
#define NUB_ALU_RRR(NAME, expression)                                                              \
    case NUB_OP_##NAME:                                                                            \
        regs[insn->d] = (uint64_t)(expression);                                                    \
        return true;
#define NUB_ALU_RRI(NAME, expression)                                                              \
    case NUB_OP_##NAME:                                                                            \
        regs[insn->a] = (uint64_t)(expression);                                                    \
        return true;
#define NUB_ALU_RR(NAME, expression)                                                               \
    case NUB_OP_##NAME:                                                                            \
        regs[insn->d] = (uint64_t)(expression);                                                    \
        return true;
#include "semantics.def"
    case NUB_OP_LOAD_IMM:
    case NUB_OP_LOAD_IMM_64:
        regs[insn->a] = X;
        return true;
    default:
        (void)D;
        return false;
    }
}

static enum flow
access_memory(struct nub_machine *m, const struct nub_insn *insn)
{
    uint64_t *regs = m->regs;
    uint64_t A = regs[insn->a], B = regs[insn->b], V = 0;
    enum flow flow;

    switch (insn->opcode) {
#define NUB_LOAD(SUFFIX, size, expression)                                                         \
    case NUB_OP_LOAD_##SUFFIX:                                                                     \
        flow = load(m, insn->x, size, &V);                                                         \
        if (flow == NEXT)                                                                          \
            regs[insn->a] = (expression);                                                          \
        return flow;                                                                               \
    case NUB_OP_LOAD_IND_##SUFFIX:                                                                 \
        flow = load(m, B + insn->x, size, &V);                                                     \
        if (flow == NEXT)                                                                          \
            regs[insn->a] = (expression);                                                          \
        return flow;
#define NUB_STORE(SUFFIX, size)                                                                    \
    case NUB_OP_STORE_##SUFFIX:                                                                    \
        return store(m, insn->x, size, A);                                                         \
    case NUB_OP_STORE_IND_##SUFFIX:                                                                \
        return store(m, B + insn->x, size, A);                                                     \
    case NUB_OP_STORE_IMM_##SUFFIX:                                                                \
        return store(m, insn->x, size, insn->y);                                                   \
    case NUB_OP_STORE_IMM_IND_##SUFFIX:                                                            \
        return store(m, A + insn->x, size, insn->y);
#include "semantics.def"
    default:
        return leave(m, NUB_EXIT_PANIC, 0); /* unknown opcode: the last kind that is asked */
    }
}

static enum flow
transfer(struct nub_machine *m, const struct nub_insn *insn)
{
    uint64_t *regs = m->regs;
    uint64_t A = regs[insn->a], B = regs[insn->b], X = insn->x;

    switch (insn->opcode) {
#define NUB_BRANCH_RR(NAME, condition)                                                             \
    case NUB_OP_##NAME:                                                                            \
        return (condition) ? jump(m, insn->target) : NEXT;
#define NUB_BRANCH_RI(NAME, condition)                                                             \
    case NUB_OP_##NAME:                                                                            \
        return (condition) ? jump(m, insn->target) : NEXT;
#include "semantics.def"
    case NUB_OP_TRAP:
        return leave(m, NUB_EXIT_TRAP, 0);
    case NUB_OP_FALLTHROUGH:
    case NUB_OP_UNLIKELY:
        return NEXT;
    case NUB_OP_ECALL:
        m->pc = insn->next;
        return leave(m, NUB_EXIT_ECALL, 0);
    case NUB_OP_ECALLI:
        m->pc = insn->next;
        return leave(m, NUB_EXIT_HOST_CALL, (uint32_t)X);
    case NUB_OP_JUMP:
        return jump(m, insn->target);
    case NUB_OP_JUMP_IND:
        return dynamic_jump(m, A + X);
    case NUB_OP_LOAD_IMM_JUMP:
        regs[insn->a] = X;
        return jump(m, insn->target);
    case NUB_OP_LOAD_IMM_JUMP_IND:
        regs[insn->a] = X;
        return dynamic_jump(m, B + insn->y);
    default:
        return leave(m, NUB_EXIT_PANIC, 0); /* every terminator is above */
    }
}

/* Steps 1 and 2 of pvm.md 7.2, and their like in 7.1. */
static enum flow
charge(struct nub_machine *m)
{
    const struct nub_code *code = m->code;
    uint64_t cost = 1;

    if (!nub_program_is_start(&code->program, m->pc))
        return leave(m, NUB_EXIT_PANIC, 0);
    if (code->gas_model != NUB_GAS_INSTRUCTION)
        cost = nub_gas_cost(&code->program, code->gas_model, code->mem_cycles, m->pc);
    if (m->gas < cost)
        return leave(m, NUB_EXIT_OUT_OF_GAS, 0);
    m->gas -= cost;
    return NEXT;
}

static enum flow
execute(struct nub_machine *m, bool *terminated)
{
    const struct nub_program *program = &m->code->program;
    struct nub_insn insn;
    enum flow flow;

    if (m->pc >= program->code_size)
        return leave(m, NUB_EXIT_TRAP, 0);
    if (!nub_program_is_start(program, m->pc))
        return leave(m, NUB_EXIT_PANIC, 0);
    nub_insn_decode(&insn, program, m->pc);
    *terminated = nub_isa[insn.opcode].is_terminator;
    if (*terminated)
        flow = transfer(m, &insn);
    else
        flow = compute(&insn, m->regs) ? NEXT : access_memory(m, &insn);
    if (flow == NEXT)
        m->pc = insn.next;
    return flow;
}

struct nub_access_of
nub_access_of(const struct nub_insn *insn, const uint64_t regs[NUB_N_REGS])
{
    uint64_t a = regs[insn->a], b = regs[insn->b], x = insn->x;

    switch (insn->opcode) {
#define NUB_LOAD(SUFFIX, bytes, expression)                                                        \
    case NUB_OP_LOAD_##SUFFIX:                                                                     \
        return (struct nub_access_of){ (uint32_t)x, bytes, false };                                \
    case NUB_OP_LOAD_IND_##SUFFIX:                                                                 \
        return (struct nub_access_of){ (uint32_t)(b + x), bytes, false };
#define NUB_STORE(SUFFIX, bytes)                                                                   \
    case NUB_OP_STORE_##SUFFIX:                                                                    \
    case NUB_OP_STORE_IMM_##SUFFIX:                                                                \
        return (struct nub_access_of){ (uint32_t)x, bytes, true };                                 \
    case NUB_OP_STORE_IND_##SUFFIX:                                                                \
        return (struct nub_access_of){ (uint32_t)(b + x), bytes, true };                           \
    case NUB_OP_STORE_IMM_IND_##SUFFIX:                                                            \
        return (struct nub_access_of){ (uint32_t)(a + x), bytes, true };
#include "semantics.def"
    default:
        return (struct nub_access_of){ 0, 0, false };
    }
}

enum nub_stop
nub_interp_switch(struct nub_machine *m, bool to_block)
{
    bool every = m->code->gas_model == NUB_GAS_INSTRUCTION;
    bool due = !m->paid;

    m->paid = false;

    for (;;) {
        if (due && charge(m) == EXIT)
            return NUB_STOP_EXIT;
        bool terminated = false;
        switch (execute(m, &terminated)) {
        case EXIT:
            return NUB_STOP_EXIT;
        case STOP_NO_MEMORY:
            return NUB_STOP_NO_MEMORY;
        case NEXT:
        case JUMPED:
            break;
        }
        if (to_block && terminated)
            return NUB_STOP_BLOCK;
        due = every || terminated;
    }
}
