/* threaded.h - the threaded interpreter, included once for each way to reach memory
 *
 * The including file defines ENGINE, KIND, LOAD_AT, STORE_AT, ON_FAILURE, fault(), enter() and
 * base_of(), see
 * interp-guard.c. A handler executes one operation, or two that follow each other, and calls the
 * next: with the same arguments in the same registers that is a jump (design.md 6; the compiler must
 * turn such calls into jumps, so these files are always built with optimisation). Handlers take no
 * address of a local and call nothing before their last act; what is rare is in cold functions.
 *
 * An operation comes in up to three forms: all operands from registers (N), or one of them, A or B,
 * from `last`. That saves decoding, a load, and above all the wait for the store before it.
 */
#include "fault.h"
#include "interp.h"
#include "local-private.h"
#include "semantics.h"

#define PARAMETERS                                                                                 \
    const struct nub_op *ip, uint64_t *regs, int64_t gas, uint64_t unused, uint8_t *base,          \
        uint64_t last
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define COLD __attribute__((noinline, cold))
#define WIDE(op) ((const struct nub_wide_op *)(op))
#define MACHINE ((struct nub_machine *)regs)
_Static_assert(__builtin_offsetof(struct nub_machine, regs) == 0, "regs are the machine");

#if defined(__clang__)
#define TAIL __attribute__((musttail)) return
#else
#define TAIL return
#endif

/* Whatever is in that register: its old value need not be kept. */
#define CALL_NEXT(function, op)                                                                    \
    do {                                                                                           \
        __asm__("" : "=r"(unused));                                                                \
        TAIL function(op, regs, gas, unused, base, last);                                          \
    } while (0)
#define GO(op)                                                                                     \
    do {                                                                                           \
        const struct nub_op *next_ = (op);                                                         \
        CALL_NEXT(next_->handler, next_);                                                          \
    } while (0)
#define NEXT_OF(o)      GO((o) + 1)
#define NEXT_OF_WIDE(o) GO((const struct nub_op *)(WIDE(o) + 1))

/* A charge is due: the block's, at its first operation. */
#define ENTER(where)                                                                               \
    do {                                                                                           \
        const struct nub_block *block_ = (where);                                                  \
        gas -= (int64_t)block_->cost;                                                              \
        if (UNLIKELY(gas < 0))                                                                     \
            CALL_NEXT(out_of_gas, nub_block_ops(block_));                                          \
        GO(nub_block_ops(block_));                                                                 \
    } while (0)
#define ENTER_LINK(op) ENTER(__atomic_load_n(&WIDE(op)->u.link, __ATOMIC_ACQUIRE))
#define ENTER_FOLLOWING(op) ENTER((const struct nub_block *)(WIDE(op) + 1))

/* ---- leaving --------------------------------------------------------------------------------- */

#define NOTHING_MORE() ((void)ip, (void)unused, (void)base, (void)last)

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
    struct nub_machine *m = MACHINE;

    NOTHING_MORE();
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
    NOTHING_MORE();
    exit_run(MACHINE, gas, (uint32_t)WIDE(ip)->u.y, (enum nub_exit_reason)ip->x, 0);
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
    struct nub_machine *m = MACHINE;
    const struct nub_block *block = nub_block_at(m->memory->local, m->code, KIND, here->pc);

    if (!block) {
        stop(m, gas, here->pc, NUB_STOP_ELSEWHERE);
        return;
    }
    if (site)
        __atomic_store_n(site, block, __ATOMIC_RELEASE);
    ENTER(block);
}

/* ---- operands -------------------------------------------------------------------------------- */

#define IMM(o) ((uint64_t)(int64_t)(o)->x)
#define A_N(o) regs[(o)->a]
#define A_A(o) last
#define A_B(o) regs[(o)->a]
#define B_N(o) regs[(o)->b]
#define B_A(o) regs[(o)->b]
#define B_B(o) last

/* ---- arithmetic ------------------------------------------------------------------------------ */

/* f(A, B) of an operation, and the register that receives it */
#define ALU_FUNCTION(NAME, field, expression)                                                      \
    static inline __attribute__((always_inline)) uint64_t alu_##NAME(                              \
        const struct nub_op *o, const uint64_t *regs, uint64_t A, uint64_t B)                      \
    {                                                                                              \
        uint64_t X = IMM(o);                                                                       \
        (void)A, (void)B, (void)X, (void)regs;                                                     \
        return (uint64_t)(expression);                                                             \
    }                                                                                              \
    static inline __attribute__((always_inline)) unsigned dst_##NAME(const struct nub_op *o)       \
    {                                                                                              \
        return o->field;                                                                           \
    }
#define D regs[o->d]
#define NUB_ALU_RRR(NAME, expression) ALU_FUNCTION(NAME, d, expression)
#define NUB_ALU_RRI(NAME, expression) ALU_FUNCTION(NAME, a, expression)
#define NUB_ALU_RR(NAME, expression)  ALU_FUNCTION(NAME, d, expression)
#include "semantics.def"
#undef D
ALU_FUNCTION(LOAD_IMM, a, X)

#define DO_ALU(NAME, FORM, o, label)                                                               \
    do {                                                                                           \
        last = alu_##NAME(o, regs, A_##FORM(o), B_##FORM(o));                                      \
        regs[dst_##NAME(o)] = last;                                                                \
    } while (0)
#define ALU_HANDLER(NAME, FORM)                                                                    \
    static void op_##NAME##_##FORM(PARAMETERS)                                                     \
    {                                                                                              \
        DO_ALU(NAME, FORM, ip, none);                                                              \
        NEXT_OF(ip);                                                                               \
    }
#define NUB_ALU_RRR(NAME, expression)                                                              \
    ALU_HANDLER(NAME, N)                                                                           \
    ALU_HANDLER(NAME, A)                                                                           \
    ALU_HANDLER(NAME, B)
#define NUB_ALU_RRI(NAME, expression)                                                              \
    ALU_HANDLER(NAME, N)                                                                           \
    ALU_HANDLER(NAME, B)
#define NUB_ALU_RR(NAME, expression)                                                               \
    ALU_HANDLER(NAME, N)                                                                           \
    ALU_HANDLER(NAME, A)
#include "semantics.def"
ALU_HANDLER(LOAD_IMM, N)

static void
op_LOAD_IMM_64_N(PARAMETERS)
{
    last = WIDE(ip)->u.y;
    regs[ip->a] = last;
    NEXT_OF_WIDE(ip);
}

/* ---- memory ---------------------------------------------------------------------------------- */

#define DO_LOAD(SUFFIX, FORM, o, label)                                                            \
    do {                                                                                           \
        LOAD_AT(SUFFIX, last, (uint32_t)(B_##FORM(o) + IMM(o)), label);                            \
        regs[(o)->a] = last;                                                                       \
    } while (0)
#define DO_STORE(SUFFIX, FORM, o, label)                                                           \
    STORE_AT(SUFFIX, A_##FORM(o), (uint32_t)(B_##FORM(o) + IMM(o)), label)

#define MEMORY_HANDLER(OPCODE, FORM, access, next)                                                 \
    static void op_##OPCODE##_##FORM(PARAMETERS)                                                   \
    {                                                                                              \
        access;                                                                                    \
        next(ip);                                                                                  \
    failed:                                                                                        \
        CALL_NEXT(ON_FAILURE(OPCODE), ip);                                                         \
    }
#define NUB_LOAD(SUFFIX, size, expression)                                                         \
    MEMORY_HANDLER(LOAD_IND_##SUFFIX, N, DO_LOAD(SUFFIX, N, ip, failed), NEXT_OF)                  \
    MEMORY_HANDLER(LOAD_IND_##SUFFIX, B, DO_LOAD(SUFFIX, B, ip, failed), NEXT_OF)                  \
    MEMORY_HANDLER(LOAD_##SUFFIX, N, LOAD_AT(SUFFIX, last, (uint32_t)ip->x, failed);               \
                   regs[ip->a] = last, NEXT_OF)
#define NUB_STORE(SUFFIX, size)                                                                    \
    MEMORY_HANDLER(STORE_IND_##SUFFIX, N, DO_STORE(SUFFIX, N, ip, failed), NEXT_OF)                \
    MEMORY_HANDLER(STORE_IND_##SUFFIX, A, DO_STORE(SUFFIX, A, ip, failed), NEXT_OF)                \
    MEMORY_HANDLER(STORE_IND_##SUFFIX, B, DO_STORE(SUFFIX, B, ip, failed), NEXT_OF)                \
    MEMORY_HANDLER(STORE_##SUFFIX, N, STORE_AT(SUFFIX, A_N(ip), (uint32_t)ip->x, failed), NEXT_OF) \
    MEMORY_HANDLER(STORE_IMM_##SUFFIX, N,                                                          \
                   STORE_AT(SUFFIX, WIDE(ip)->u.y, (uint32_t)ip->x, failed), NEXT_OF_WIDE)         \
    MEMORY_HANDLER(STORE_IMM_IND_##SUFFIX, N,                                                      \
                   STORE_AT(SUFFIX, WIDE(ip)->u.y, (uint32_t)(A_N(ip) + IMM(ip)), failed),         \
                   NEXT_OF_WIDE)
#include "semantics.def"

/* ---- control --------------------------------------------------------------------------------- */

#define DO_BRANCH(NAME, FORM, o)                                                                   \
    do {                                                                                           \
        if (taken_##NAME(o, A_##FORM(o), B_##FORM(o)))                                             \
            ENTER_LINK(o);                                                                         \
        ENTER_FOLLOWING(o);                                                                        \
    } while (0)
#define BRANCH_FUNCTION(NAME, condition)                                                           \
    static inline __attribute__((always_inline)) int taken_##NAME(const struct nub_op *o,          \
                                                                  uint64_t A, uint64_t B)          \
    {                                                                                              \
        uint64_t X = IMM(o);                                                                       \
        (void)B, (void)X;                                                                          \
        return condition;                                                                          \
    }
#define BRANCH_HANDLER(NAME, FORM)                                                                 \
    static void op_##NAME##_##FORM(PARAMETERS)                                                     \
    {                                                                                              \
        DO_BRANCH(NAME, FORM, ip);                                                                 \
    }
#define NUB_BRANCH_RR(NAME, condition)                                                             \
    BRANCH_FUNCTION(NAME, condition)                                                               \
    BRANCH_HANDLER(NAME, N)                                                                        \
    BRANCH_HANDLER(NAME, A)                                                                        \
    BRANCH_HANDLER(NAME, B)
#define NUB_BRANCH_RI(NAME, condition)                                                             \
    BRANCH_FUNCTION(NAME, condition)                                                               \
    BRANCH_HANDLER(NAME, N)                                                                        \
    BRANCH_HANDLER(NAME, A)
#include "semantics.def"

static void
op_TRAP_N(PARAMETERS)
{
    NOTHING_MORE();
    exit_run(MACHINE, gas, (uint32_t)ip->x, NUB_EXIT_TRAP, 0);
}

static void
op_FALLTHROUGH_N(PARAMETERS)
{
    ENTER((const struct nub_block *)(ip + 1));
}

static void
op_ECALL_N(PARAMETERS)
{
    NOTHING_MORE();
    exit_run(MACHINE, gas, (uint32_t)WIDE(ip)->u.y, NUB_EXIT_ECALL, 0);
}

/* A callback may answer, and the run goes on without leaving. */
static __attribute__((noinline)) void
host_call(PARAMETERS)
{
    struct nub_machine *m = MACHINE;

    (void)unused;
    exit_run(m, gas, (uint32_t)WIDE(ip)->u.y, NUB_EXIT_HOST_CALL, (uint32_t)ip->x);
    struct nub_answered answered = nub_answer_host_call(m, (uint64_t)gas);
    gas = (int64_t)answered.gas;
    if (answered.answer == NUB_ANSWER_GO_ON) {
        base = base_of(m);
        ENTER_FOLLOWING(ip);
    }
    m->gas = answered.gas;
    if (answered.answer == NUB_ANSWER_FAIL)
        m->stop = NUB_STOP_HOST_FAILED;
}

static void
op_ECALLI_N(PARAMETERS)
{
    if (MACHINE->hosts)
        CALL_NEXT(host_call, ip);
    exit_run(MACHINE, gas, (uint32_t)WIDE(ip)->u.y, NUB_EXIT_HOST_CALL, (uint32_t)ip->x);
}

static void
op_LOAD_IMM_JUMP_N(PARAMETERS)
{
    regs[ip->a] = IMM(ip);
    ENTER_LINK(ip);
}

/* pvm.md 3.4, all but the fast way; the address is in `last` */
static COLD void
dynamic_jump(PARAMETERS)
{
    struct nub_machine *m = MACHINE;
    const struct nub_program *program = &m->code->program;
    uint32_t pc = (uint32_t)WIDE(ip)->u.y, a = (uint32_t)last;

    if (a == NUB_HALT_ADDRESS) {
        exit_run(m, gas, pc, NUB_EXIT_HALT, 0);
        return;
    }
    if (a == 0 || a % 2 != 0 || a > 2 * (uint64_t)program->n_jump ||
        !nub_program_is_block_start(program, nub_program_jump_entry(program, a / 2 - 1))) {
        exit_run(m, gas, pc, NUB_EXIT_PANIC, 0);
        return;
    }
    const struct nub_block *block = nub_block_of_entry(m->memory->local, m->code, KIND, a / 2 - 1);
    m->dynamic = __atomic_load_n(&m->code->blocks[KIND].dynamic, __ATOMIC_ACQUIRE);
    m->n_dynamic = m->dynamic ? program->n_jump : 0;
    if (!block) {
        stop(m, gas, nub_program_jump_entry(program, a / 2 - 1), NUB_STOP_ELSEWHERE);
        return;
    }
    ENTER(block);
}

/* Entry a / 2 - 1; what is odd, 0 or too large becomes an index that no table has. */
#define DYNAMIC_JUMP()                                                                             \
    do {                                                                                           \
        uint32_t index_ = ror32((uint32_t)last, 1) - 1;                                            \
        if (index_ < MACHINE->n_dynamic) {                                                         \
            const struct nub_block *found_ =                                                       \
                __atomic_load_n(&MACHINE->dynamic[index_], __ATOMIC_ACQUIRE);                      \
            if (found_)                                                                            \
                ENTER(found_);                                                                     \
        }                                                                                          \
        CALL_NEXT(dynamic_jump, ip);                                                               \
    } while (0)

static void
op_JUMP_IND_N(PARAMETERS)
{
    last = regs[ip->a] + IMM(ip);
    DYNAMIC_JUMP();
}

static void
op_LOAD_IMM_JUMP_IND_N(PARAMETERS)
{
    last = regs[ip->b] + (uint64_t)((int64_t)WIDE(ip)->u.y >> 32);
    regs[ip->a] = IMM(ip);
    DYNAMIC_JUMP();
}

#define op_UNLIKELY_N op_FALLTHROUGH_N
#define op_JUMP_N     op_goto

/* ---- pairs ----------------------------------------------------------------------------------- */

#ifdef WITH_PAIRS
#include "threaded-pairs.h"
#else
static nub_handler
fused(unsigned first, enum nub_from_last first_form, unsigned second,
      enum nub_from_last second_form)
{
    (void)first, (void)first_form, (void)second, (void)second_form;
    return NULL;
}
#endif

/* ---- the engine ------------------------------------------------------------------------------ */

const struct nub_engine ENGINE = {
    .handlers[NUB_LAST_NONE] = {
#define NUB_INSN(number, NAME, ...) [number] = op_##NAME##_N,
#include "isa.def"
        [NUB_OP_END] = op_end,
        [NUB_OP_GOTO] = op_goto,
        [NUB_OP_STUB] = op_stub,
    },
    .handlers[NUB_LAST_A] = {
#define NUB_ALU_RRR(NAME, expression)   [NUB_OP_##NAME] = op_##NAME##_A,
#define NUB_ALU_RR(NAME, expression)    [NUB_OP_##NAME] = op_##NAME##_A,
#define NUB_BRANCH_RR(NAME, condition)  [NUB_OP_##NAME] = op_##NAME##_A,
#define NUB_BRANCH_RI(NAME, condition)  [NUB_OP_##NAME] = op_##NAME##_A,
#define NUB_STORE(SUFFIX, size)         [NUB_OP_STORE_IND_##SUFFIX] = op_STORE_IND_##SUFFIX##_A,
#include "semantics.def"
    },
    .handlers[NUB_LAST_B] = {
#define NUB_ALU_RRR(NAME, expression)   [NUB_OP_##NAME] = op_##NAME##_B,
#define NUB_ALU_RRI(NAME, expression)   [NUB_OP_##NAME] = op_##NAME##_B,
#define NUB_BRANCH_RR(NAME, condition)  [NUB_OP_##NAME] = op_##NAME##_B,
#define NUB_LOAD(SUFFIX, size, value)   [NUB_OP_LOAD_IND_##SUFFIX] = op_LOAD_IND_##SUFFIX##_B,
#define NUB_STORE(SUFFIX, size)         [NUB_OP_STORE_IND_##SUFFIX] = op_STORE_IND_##SUFFIX##_B,
#include "semantics.def"
    },
    .fused = fused,
    .enter = enter,
};
