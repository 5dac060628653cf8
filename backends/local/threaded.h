/* threaded.h - the threaded interpreter, included once for each way to reach memory
 *
 * The including file defines ENGINE, LOAD_AT and STORE_AT, fault() and first_base(), see
 * interp-guard.c. A handler executes one operation, or two that follow each other, and calls the
 * next: with the same arguments in the same registers that is a jump (design.md 6; the compiler must
 * turn such calls into jumps, so these files are always built with optimisation). Handlers take no
 * address of a local and call nothing before their last act; what is rare is in cold functions.
 */
#include "fault.h"
#include "interp.h"
#include "local-private.h"
#include "semantics.h"

#define PARAMETERS                                                                                 \
    const struct nub_op *ip, uint64_t *regs, int64_t gas, struct nub_machine *m, uint8_t *base,    \
        uint8_t *written
#define REST regs, gas, m, base, written
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define COLD __attribute__((noinline, cold))
#define WIDE(op) ((const struct nub_wide_op *)(op))

#if defined(__clang__)
#define TAIL __attribute__((musttail)) return
#else
#define TAIL return
#endif

#define GO(op)                                                                                     \
    do {                                                                                           \
        const struct nub_op *next_ = (op);                                                         \
        TAIL next_->handler(next_, REST);                                                          \
    } while (0)
#define NEXT_OF(o)      GO((o) + 1)
#define NEXT_OF_WIDE(o) GO((const struct nub_op *)(WIDE(o) + 1))

/* A charge is due: the block's, at its first operation. */
#define ENTER(where)                                                                               \
    do {                                                                                           \
        const struct nub_block *block_ = (where);                                                  \
        gas -= (int64_t)block_->cost;                                                              \
        if (UNLIKELY(gas < 0))                                                                     \
            TAIL out_of_gas(nub_block_ops(block_), REST);                                          \
        GO(nub_block_ops(block_));                                                                 \
    } while (0)
#define ENTER_LINK(op) ENTER(__atomic_load_n(&WIDE(op)->u.link, __ATOMIC_ACQUIRE))
#define ENTER_FOLLOWING(op) ENTER((const struct nub_block *)(WIDE(op) + 1))

/* ---- leaving --------------------------------------------------------------------------------- */

static void
stop(struct nub_machine *m, int64_t gas, uint32_t pc, enum nub_stop why)
{
    m->gas = (uint64_t)gas;
    m->pc = pc;
    m->stop = why;
}

static void
exit_run(struct nub_machine *m, int64_t gas, uint32_t pc, enum nub_exit_reason reason, uint32_t arg)
{
    m->reason = reason;
    m->arg = arg;
    stop(m, gas, pc, NUB_STOP_EXIT);
}

static COLD void
out_of_gas(PARAMETERS)
{
    const struct nub_block *block = (const struct nub_block *)ip - 1;

    (void)regs, (void)base, (void)written;
    gas += (int64_t)block->cost;
    m->reason = NUB_EXIT_OUT_OF_GAS;
    m->arg = 0;
    /* what is left may pay for some instructions of the block */
    stop(m, gas, block->pc,
         m->code->gas_model == NUB_GAS_INSTRUCTION ? NUB_STOP_ELSEWHERE : NUB_STOP_EXIT);
}

static void
op_end(PARAMETERS)
{
    (void)regs, (void)base, (void)written;
    exit_run(m, gas, (uint32_t)WIDE(ip)->u.y, (enum nub_exit_reason)ip->x, 0);
}

static void
op_goto(PARAMETERS)
{
    ENTER_LINK(ip);
}

static COLD void
op_stub(PARAMETERS)
{
    const struct nub_block *here = (const struct nub_block *)ip - 1;
    const struct nub_block **site = WIDE(ip)->u.site;
    const struct nub_block *block = nub_block_at(m->memory->local, m->code, here->pc);

    if (!block) {
        stop(m, gas, here->pc, NUB_STOP_ELSEWHERE);
        return;
    }
    if (site)
        __atomic_store_n(site, block, __ATOMIC_RELEASE);
    ENTER(block);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

#define ALU_FUNCTION(NAME, target, expression)                                                     \
    static inline __attribute__((always_inline)) void alu_##NAME(const struct nub_op *o,           \
                                                                 uint64_t *regs)                   \
    {                                                                                              \
        uint64_t A = regs[o->a], B = regs[o->b], X = (uint64_t)(int64_t)o->x;                      \
        (void)A, (void)B, (void)X;                                                                 \
        regs[target] = (uint64_t)(expression);                                                     \
    }
#define D regs[o->d]
#define NUB_ALU_RRR(NAME, expression) ALU_FUNCTION(NAME, o->d, expression)
#define NUB_ALU_RRI(NAME, expression) ALU_FUNCTION(NAME, o->a, expression)
#define NUB_ALU_RR(NAME, expression)  ALU_FUNCTION(NAME, o->d, expression)
#include "semantics.def"
#undef D
ALU_FUNCTION(LOAD_IMM, o->a, X)

#define DO_ALU(NAME, o, label) alu_##NAME(o, regs)
#define NUB_ALU_RRR(NAME, expression)                                                              \
    static void op_##NAME(PARAMETERS)                                                              \
    {                                                                                              \
        alu_##NAME(ip, regs);                                                                      \
        NEXT_OF(ip);                                                                               \
    }
#define NUB_ALU_RRI(NAME, expression) NUB_ALU_RRR(NAME, expression)
#define NUB_ALU_RR(NAME, expression)  NUB_ALU_RRR(NAME, expression)
#include "semantics.def"

static void
op_LOAD_IMM(PARAMETERS)
{
    regs[ip->a] = (uint64_t)(int64_t)ip->x;
    NEXT_OF(ip);
}

static void
op_LOAD_IMM_64(PARAMETERS)
{
    regs[ip->a] = WIDE(ip)->u.y;
    NEXT_OF_WIDE(ip);
}

/* ---- memory ---------------------------------------------------------------------------------- */

#define IMM(op)          ((uint64_t)(int64_t)(op)->x)
#define DO_LOAD(SUFFIX, o, label)                                                                  \
    do {                                                                                           \
        uint64_t V;                                                                                \
        LOAD_AT(SUFFIX, V, (uint32_t)(regs[(o)->b] + IMM(o)), label);                              \
        regs[(o)->a] = V;                                                                          \
    } while (0)
#define DO_STORE(SUFFIX, o, label)                                                                 \
    STORE_AT(SUFFIX, regs[(o)->a], (uint32_t)(regs[(o)->b] + IMM(o)), label)

#define NUB_LOAD(SUFFIX, size, expression)                                                         \
    static void op_LOAD_IND_##SUFFIX(PARAMETERS)                                                   \
    {                                                                                              \
        DO_LOAD(SUFFIX, ip, failed);                                                               \
        NEXT_OF(ip);                                                                               \
    failed:                                                                                        \
        TAIL fault(ip, REST);                                                                      \
    }                                                                                              \
    static void op_LOAD_##SUFFIX(PARAMETERS)                                                       \
    {                                                                                              \
        uint64_t V;                                                                                \
        LOAD_AT(SUFFIX, V, (uint32_t)ip->x, failed);                                               \
        regs[ip->a] = V;                                                                           \
        NEXT_OF(ip);                                                                               \
    failed:                                                                                        \
        TAIL fault(ip, REST);                                                                      \
    }
#define STORE_FUNCTION(NAME, SUFFIX, value, address, next)                                         \
    static void op_##NAME##_##SUFFIX(PARAMETERS)                                                   \
    {                                                                                              \
        STORE_AT(SUFFIX, value, (uint32_t)(address), failed);                                      \
        next(ip);                                                                                  \
    failed:                                                                                        \
        TAIL fault(ip, REST);                                                                      \
    }
#define NUB_STORE(SUFFIX, size)                                                                    \
    STORE_FUNCTION(STORE_IND, SUFFIX, regs[ip->a], regs[ip->b] + IMM(ip), NEXT_OF)                 \
    STORE_FUNCTION(STORE, SUFFIX, regs[ip->a], ip->x, NEXT_OF)                                     \
    STORE_FUNCTION(STORE_IMM, SUFFIX, WIDE(ip)->u.y, ip->x, NEXT_OF_WIDE)                          \
    STORE_FUNCTION(STORE_IMM_IND, SUFFIX, WIDE(ip)->u.y, regs[ip->a] + IMM(ip), NEXT_OF_WIDE)
#include "semantics.def"

/* ---- control --------------------------------------------------------------------------------- */

#define DO_BRANCH(NAME, o)                                                                         \
    do {                                                                                           \
        if (taken_##NAME(o, regs))                                                                 \
            ENTER_LINK(o);                                                                         \
        ENTER_FOLLOWING(o);                                                                        \
    } while (0)
#define NUB_BRANCH_RR(NAME, condition)                                                             \
    static inline __attribute__((always_inline)) int taken_##NAME(const struct nub_op *o,          \
                                                                  const uint64_t *regs)            \
    {                                                                                              \
        uint64_t A = regs[o->a], B = regs[o->b], X = IMM(o);                                       \
        (void)B, (void)X;                                                                          \
        return condition;                                                                          \
    }                                                                                              \
    static void op_##NAME(PARAMETERS)                                                              \
    {                                                                                              \
        DO_BRANCH(NAME, ip);                                                                       \
    }
#define NUB_BRANCH_RI(NAME, condition) NUB_BRANCH_RR(NAME, condition)
#include "semantics.def"

static void
op_TRAP(PARAMETERS)
{
    (void)regs, (void)base, (void)written;
    exit_run(m, gas, (uint32_t)ip->x, NUB_EXIT_TRAP, 0);
}

static void
op_FALLTHROUGH(PARAMETERS)
{
    ENTER((const struct nub_block *)(ip + 1));
}

static void
op_ECALL(PARAMETERS)
{
    (void)regs, (void)base, (void)written;
    exit_run(m, gas, (uint32_t)WIDE(ip)->u.y, NUB_EXIT_ECALL, 0);
}

static void
op_ECALLI(PARAMETERS)
{
    (void)regs, (void)base, (void)written;
    exit_run(m, gas, (uint32_t)WIDE(ip)->u.y, NUB_EXIT_HOST_CALL, (uint32_t)ip->x);
}

static void
op_LOAD_IMM_JUMP(PARAMETERS)
{
    regs[ip->a] = IMM(ip);
    ENTER_LINK(ip);
}

/* pvm.md 3.4, all but the fast way; the address is in m->value */
static COLD void
dynamic_jump(PARAMETERS)
{
    const struct nub_program *program = &m->code->program;
    uint32_t pc = (uint32_t)WIDE(ip)->u.y, a = (uint32_t)m->value;

    if (a == NUB_HALT_ADDRESS) {
        exit_run(m, gas, pc, NUB_EXIT_HALT, 0);
        return;
    }
    if (a == 0 || a % 2 != 0 || a > 2 * (uint64_t)program->n_jump ||
        !nub_program_is_block_start(program, nub_program_jump_entry(program, a / 2 - 1))) {
        exit_run(m, gas, pc, NUB_EXIT_PANIC, 0);
        return;
    }
    const struct nub_block *block = nub_block_of_entry(m->memory->local, m->code, a / 2 - 1);
    m->dynamic = __atomic_load_n(&m->code->blocks.dynamic, __ATOMIC_ACQUIRE);
    m->n_dynamic = m->dynamic ? program->n_jump : 0;
    if (!block) {
        stop(m, gas, nub_program_jump_entry(program, a / 2 - 1), NUB_STOP_ELSEWHERE);
        return;
    }
    ENTER(block);
}

/* Entry a / 2 - 1; what is odd, 0 or too large becomes an index that no table has. */
#define DYNAMIC_JUMP(address)                                                                      \
    do {                                                                                           \
        uint32_t index_ = ror32((uint32_t)(address), 1) - 1;                                       \
        const struct nub_block *const *entries_ = m->dynamic;                                      \
        if (index_ < m->n_dynamic) {                                                               \
            const struct nub_block *block_of_ =                                                    \
                __atomic_load_n(&entries_[index_], __ATOMIC_ACQUIRE);                              \
            if (block_of_)                                                                         \
                ENTER(block_of_);                                                                  \
        }                                                                                          \
        m->value = (address);                                                                      \
        TAIL dynamic_jump(ip, REST);                                                               \
    } while (0)

static void
op_JUMP_IND(PARAMETERS)
{
    uint64_t address = regs[ip->a] + IMM(ip);
    DYNAMIC_JUMP(address);
}

static void
op_LOAD_IMM_JUMP_IND(PARAMETERS)
{
    uint64_t address = regs[ip->b] + (uint64_t)((int64_t)WIDE(ip)->u.y >> 32);
    regs[ip->a] = IMM(ip);
    DYNAMIC_JUMP(address);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

#define FINISH_ALU(NAME)   DO_ALU(NAME, ip + 1, second); NEXT_OF(ip + 1)
#define FINISH_LOAD(NAME)  DO_LOAD(NAME, ip + 1, second); NEXT_OF(ip + 1)
#define FINISH_STORE(NAME) DO_STORE(NAME, ip + 1, second); NEXT_OF(ip + 1)
#define FINISH_RR(NAME)    DO_BRANCH(NAME, ip + 1)
#define FINISH_RI(NAME)    DO_BRANCH(NAME, ip + 1)
#define NUB_FUSE(KIND1, NAME1, KIND2, NAME2)                                                       \
    static void op2_##KIND1##_##NAME1##_##KIND2##_##NAME2(PARAMETERS)                              \
    {                                                                                              \
        DO_##KIND1(NAME1, ip, first);                                                              \
        FINISH_##KIND2(NAME2);                                                                     \
        goto first; /* never: uses the labels */                                                   \
    first:                                                                                         \
        TAIL fault(ip, REST);                                                                      \
        goto second;                                                                               \
    second:                                                                                        \
        TAIL fault(ip + 1, REST);                                                                  \
    }
#include "fusions.def"

#define OPCODE_ALU(NAME)   NUB_OP_##NAME
#define OPCODE_LOAD(NAME)  NUB_OP_LOAD_IND_##NAME
#define OPCODE_STORE(NAME) NUB_OP_STORE_IND_##NAME
#define OPCODE_RR(NAME)    NUB_OP_##NAME
#define OPCODE_RI(NAME)    NUB_OP_##NAME

static nub_handler
fused(unsigned first, unsigned second)
{
    switch (first << 8 | second) {
#define NUB_FUSE(KIND1, NAME1, KIND2, NAME2)                                                       \
    case OPCODE_##KIND1(NAME1) << 8 | OPCODE_##KIND2(NAME2):                                       \
        return op2_##KIND1##_##NAME1##_##KIND2##_##NAME2;
#include "fusions.def"
    default:
        return NULL;
    }
}

/* ---- the engine ------------------------------------------------------------------------------ */

#define op_UNLIKELY op_FALLTHROUGH
#define op_JUMP     op_goto

const struct nub_engine ENGINE = {
    .handlers = {
#define NUB_INSN(number, NAME, ...) [number] = op_##NAME,
#include "isa.def"
        [NUB_OP_END] = op_end,
        [NUB_OP_GOTO] = op_goto,
        [NUB_OP_STUB] = op_stub,
    },
    .fused = fused,
    .enter = enter,
};
