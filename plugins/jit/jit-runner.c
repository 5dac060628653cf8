/* jit-runner.c - runs programs as native code
 *
 * A program is compiled at its first run and kept like pre-decoded code is. The first access to
 * memory faults when the run has no window yet: it then gets one and goes on at the very
 * instruction. What cannot be compiled (no memory) or what the code cache has no room for runs in
 * the plain interpreter. Read jit.h, runner.h.
 */
#include "jit-plugin.h"
#include "gas.h"

/* local->options.runner is one of the two at the end of this file */
_Static_assert(offsetof(struct nub_jit_runner, runner) == 0, "found by its first member");

/* ---- compiling ----------------------------------------------------------------------------- */

static void
native_free(struct nub_local *local, struct nub_jit_native *native)
{
    nub_jit_exec_free(native->text, native->text_size);
    nub_free(&local->alloc, native->tables, native->tables_size);
    nub_free(&local->alloc, native, sizeof *native);
}

static uint32_t
features_of(const struct nub_local *local)
{
    const struct nub_jit_runner *runner = (const struct nub_jit_runner *)local->options.runner;

    return runner->baseline ? 0 : nub_jit_cpu_features();
}

/* the code cache bounds what compiling takes, too: up to 165 bytes for one of a program's */
static bool
is_too_large(const struct nub_local *local, const struct nub_jit_sizes *sizes)
{
    return sizes->code + sizes->tables + sizes->work > local->codes.limit;
}

/* a program that is too large is done with, too: without `text` */
static bool
translate(struct nub_local *local, struct nub_jit_native *native, const struct nub_code *code)
{
    struct nub_jit_params params = { .gas_model = code->gas_model,
                                     .mem_cycles = code->mem_cycles,
                                     .addressing = NUB_JIT_GS,
                                     .features = features_of(local) };
    struct nub_jit_sizes sizes;
    void *work;
    bool done;

    if (nub_jit_measure(&sizes, &code->program, &params, NULL) != NUB_OK ||
        is_too_large(local, &sizes))
        return true;
    native->text_size = sizes.code;
    native->text = nub_jit_exec_new(sizes.code);
    native->tables_size = sizes.tables;
    native->tables = nub_alloc(&local->alloc, sizes.tables);
    work = nub_alloc(&local->alloc, sizes.work);
    done =
        native->text && native->tables && work &&
        nub_jit_compile(&native->code, &code->program, &params, &sizes, native->text,
                        native->tables, work, NULL) == NUB_OK &&
        nub_jit_exec_finish(native->text, sizes.code, native->code.code_size, &native->text_size);
    nub_free(&local->alloc, work, sizes.work);
    if (done)
        nub_jit_place(&native->code, (uint64_t)(uintptr_t)native->text);
    return done;
}

/* the program's code, compiled now if nobody has; NULL: it cannot be */
static struct nub_jit_native *
native_of(struct nub_local *local, struct nub_code *code)
{
    struct nub_jit_native *native = __atomic_load_n(&code->native, __ATOMIC_ACQUIRE);
    struct nub_jit_native *other = NULL;

    if (native)
        return native;
    native = nub_alloc(&local->alloc, sizeof *native);
    if (!native)
        return NULL;
    *native = (struct nub_jit_native){ .text = NULL };
    if (!translate(local, native, code)) {
        native_free(local, native);
        return NULL;
    }
    if (!__atomic_compare_exchange_n((struct nub_jit_native **)&code->native, &other, native, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        native_free(local, native); /* another thread was first */
        return other;
    }
    __atomic_fetch_add(&local->codes.bytes, native->text_size + native->tables_size,
                       __ATOMIC_RELAXED);
    return native;
}

static void
forget(struct nub_local *local, struct nub_code *code)
{
    struct nub_jit_native *native = code->native;

    if (!native)
        return;
    __atomic_fetch_sub(&local->codes.bytes, native->text_size + native->tables_size,
                       __ATOMIC_RELAXED);
    code->native = NULL;
    native_free(local, native);
}

/* ---- running ------------------------------------------------------------------------------- */

static bool
prepare_tail(struct nub_jit_run *run, struct nub_jit_state *state, struct nub_jit_tail *tail)
{
    uint64_t kept;

    if (!run->tail_text)
        run->tail_text = nub_jit_exec_new(NUB_JIT_TAIL_SIZE);
    else if (!nub_jit_exec_reopen(run->tail_text, NUB_JIT_TAIL_SIZE))
        return false;
    if (!run->tail_text)
        return false;
    nub_jit_tail(tail, &run->native->code, state->pc, run->tail_text);
    run->tail = tail;
    state->target = (uint64_t)(uintptr_t)run->tail_text;
    return nub_jit_exec_finish(run->tail_text, NUB_JIT_TAIL_SIZE, NUB_JIT_TAIL_SIZE, &kept);
}

/* enters until the program has an exit of its own; a fault without a window is none */
static enum nub_stop
enter(struct nub_machine *machine, struct nub_jit_run *run, struct nub_jit_state *state)
{
    struct nub_memory *memory = machine->memory;
    nub_jit_enter_fn call = (nub_jit_enter_fn)(uintptr_t)run->native->text;

    for (;;) {
        const struct nub_window *window =
            memory->window ? memory->window : &memory->local->windows.none;
        uint64_t gs = nub_jit_window_select((uint64_t)(uintptr_t)window->base);
        nub_jit_fault_enter(run);
        call(state);
        nub_jit_fault_leave(run);
        nub_jit_window_select(gs);
        if (state->exit_reason != NUB_EXIT_PAGE_FAULT || memory->window)
            return NUB_STOP_EXIT;
        __atomic_store_n(&machine->code->touches_memory, true, __ATOMIC_RELAXED);
        if (!nub_window_take(memory))
            return NUB_STOP_ELSEWHERE;
        state->target = run->fault_at; /* that very access again: everything is as it was */
    }
}

/* the page that a fault reports is judged by the plan (pvm.md 6.2), not by the hardware */
static enum nub_stop
judge_fault(struct nub_machine *machine)
{
    struct nub_memory *memory = machine->memory;
    struct nub_insn insn;

    nub_insn_decode(&insn, &machine->code->program, machine->pc);
    struct nub_access_of access = nub_access_of(&insn, machine->regs);
    if (nub_memory_allows(memory, access.ea, access.size, access.store))
        return NUB_STOP_NO_MEMORY;
    machine->arg = nub_memory_fault(memory, access.ea, access.size, access.store);
    return NUB_STOP_EXIT;
}

static enum nub_stop
take_state(struct nub_machine *machine, const struct nub_jit_state *state, enum nub_stop stop)
{
    __builtin_memcpy(machine->regs, state->regs, sizeof machine->regs);
    machine->gas = state->gas;
    machine->pc = state->pc;
    machine->reason = state->exit_reason;
    machine->arg = state->exit_arg;
    if (stop ==
        NUB_STOP_ELSEWHERE) { /* no window to be had: the interpreter goes on, nothing due */
        machine->paid = machine->code->gas_model != NUB_GAS_INSTRUCTION;
        machine->gas += machine->code->gas_model == NUB_GAS_INSTRUCTION;
    } else if (machine->reason == NUB_EXIT_PAGE_FAULT) {
        stop = judge_fault(machine);
    }
    return stop;
}

/* from the machine's pc to an exit */
static enum nub_stop
run_on(struct nub_machine *machine, struct nub_jit_run *run, struct nub_jit_tail *tail)
{
    const struct nub_jit_native *native = run->native;
    struct nub_jit_state state = { .gas = machine->gas,
                                   .pc = machine->pc,
                                   .code = (uint64_t)(uintptr_t)native->text,
                                   .dispatch = native->code.dispatch };
    enum nub_stop stop = NUB_STOP_EXIT;

    __builtin_memcpy(state.regs, machine->regs, sizeof state.regs);
    switch (nub_jit_start(&native->code, &state)) {
    case NUB_JIT_EXITED:
        break;
    case NUB_JIT_IN_BLOCK:
        if (!prepare_tail(run, &state, tail))
            return NUB_STOP_ELSEWHERE;
        stop = enter(machine, run, &state);
        break;
    case NUB_JIT_AT_BLOCK:
        stop = enter(machine, run, &state);
        break;
    }
    return take_state(machine, &state, stop);
}

/* a host call whose answer is to go on is no end of the run */
static bool
goes_on(struct nub_machine *machine, enum nub_stop *stop)
{
    if (*stop != NUB_STOP_EXIT || machine->reason != NUB_EXIT_HOST_CALL || !machine->hosts)
        return false;
    struct nub_answered answered = nub_answer_host_call(machine, machine->gas);
    machine->gas = answered.gas;
    if (answered.answer == NUB_ANSWER_FAIL)
        *stop = NUB_STOP_HOST_FAILED;
    return answered.answer == NUB_ANSWER_GO_ON;
}

static enum nub_stop
run(struct nub_machine *machine)
{
    struct nub_memory *memory = machine->memory;
    struct nub_jit_run run = { .native = native_of(memory->local, machine->code) };
    struct nub_jit_tail tail;
    enum nub_stop stop;

    if (!run.native || !run.native->text)
        return NUB_STOP_ELSEWHERE;
    if (!memory->window && __atomic_load_n(&machine->code->touches_memory, __ATOMIC_RELAXED) &&
        !nub_window_take(memory))
        return NUB_STOP_ELSEWHERE;
    do
        stop = run_on(machine, &run, &tail);
    while (goes_on(machine, &stop));
    nub_jit_exec_free(run.tail_text, NUB_JIT_TAIL_SIZE);
    if (memory->window)
        nub_jit_window_mark(memory);
    return stop;
}

const struct nub_jit_runner nub_jit_runner = { .runner = { .run = run, .forget = forget } };
const struct nub_jit_runner nub_jit_runner_baseline = { .runner = { .run = run, .forget = forget },
                                                        .baseline = true };
