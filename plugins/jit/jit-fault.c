/* jit-fault.c - SIGSEGV and SIGBUS in compiled code become its exit; all others are passed on
 *
 * A fault is ours when this thread runs compiled code, the program counter lies in that code, and
 * the tables know an access there. Then the handler writes the pc to the code's frame and
 * resumes at its exit for faults (jit.h, "Faults"); it takes no lock and calls nothing that does.
 * It is installed after the local backend's handler, which it passes on to.
 */
#include "jit-plugin.h"
#include "signals.h"
#include <pthread.h>
#include <string.h>
#include <ucontext.h>

static struct nub_signal_chain chain;

/* initial-exec: a thread has it from its start. Otherwise the handler's first look on a thread that
 * never ran compiled code would allocate, perhaps inside of the very malloc() that has crashed. */
static __thread struct nub_jit_run *current __attribute__((tls_model("initial-exec")));

/* whether compiled code of this run accesses memory at `at`, and for which instruction */
static bool
find_pc(const struct nub_jit_run *run, uint64_t at, uint32_t *pc)
{
    const struct nub_jit_native *native = run->native;
    uint64_t offset = at - (uint64_t)(uintptr_t)native->text;

    if (offset < native->code.code_size)
        return nub_jit_fault_pc(native->code.faults, native->code.n_faults, offset, pc);
    if (!run->tail)
        return false;
    offset = at - (uint64_t)(uintptr_t)run->tail_text;
    return offset < run->tail->size &&
           nub_jit_fault_pc(run->tail->faults, run->tail->n_faults, offset, pc);
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *machine = context;
    greg_t *registers = machine->uc_mcontext.gregs;
    struct nub_jit_run *run = current;
    uint32_t pc;

    if (info->si_code > 0 && run && find_pc(run, (uint64_t)registers[REG_RIP], &pc)) {
        uint8_t *frame = (uint8_t *)(uintptr_t)registers[REG_RSP];
        memcpy(frame + NUB_JIT_FRAME_PC, &pc, sizeof pc);
        run->fault_at = (uint64_t)registers[REG_RIP];
        registers[REG_RIP] = (greg_t)(uintptr_t)(run->native->text + run->native->code.exit_fault);
        return;
    }
    nub_signals_pass_on(&chain, number, info, context);
}

static int install_error;

static void
install(void)
{
    install_error = nub_signals_install(&chain, on_fault);
}

enum nub_status
nub_jit_fault_install(struct nub_failure *failure)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
    if (install_error)
        return nub_fail(failure, NUB_ERR_SYSTEM, "jit: cannot install a handler (%s)",
                        strerror(install_error));
    return NUB_OK;
}

void
nub_jit_fault_enter(struct nub_jit_run *run)
{
    run->outer = current;
    current = run;
    __asm__ volatile("" ::: "memory");
}

void
nub_jit_fault_leave(struct nub_jit_run *run)
{
    __asm__ volatile("" ::: "memory");
    current = run->outer;
}
