/* jit-fault.c - SIGSEGV and SIGBUS in compiled code become its exit; all others are passed on
 *
 * A fault is ours when this thread runs compiled code, the program counter lies in that code, and
 * the tables know an access there. Then the handler writes the pc to the code's frame and
 * resumes at its exit for faults (jit.h, "Faults"); it takes no lock and calls nothing that does.
 * It is installed after the local backend's handler, which it passes on to.
 */
#include "jit-plugin.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

static const int fault_signals[2] = { SIGSEGV, SIGBUS };
static struct sigaction previous[2];

/* initial-exec: a thread has it from its start. Otherwise the handler's first look on a thread that
 * never ran compiled code would allocate, perhaps inside of the very malloc() that has crashed. */
static __thread struct nub_jit_run *current __attribute__((tls_model("initial-exec")));

static void
pass_on(const struct sigaction *before, int number, siginfo_t *info, void *context)
{
    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
    } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(number);
    } else if (before->sa_handler == SIG_DFL || info->si_code > 0) {
        /* at the faulting instruction itself, so that a core shows it */
        struct sigaction fallback = { .sa_handler = SIG_DFL };
        sigemptyset(&fallback.sa_mask);
        sigaction(number, &fallback, NULL);
        if (info->si_code <= 0)
            raise(number);
    }
}

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
    pass_on(&previous[number == SIGBUS], number, info, context);
}

static int install_error;

static void
install(void)
{
    struct sigaction action = { .sa_sigaction = on_fault,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < 2 && !install_error; i++)
        if (sigaction(fault_signals[i], &action, &previous[i]) != 0)
            install_error = errno;
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
