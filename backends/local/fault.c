/* fault.c - SIGSEGV and SIGBUS at an access of the interpreter become a jump; all others are passed
 * on
 *
 * The handler decides by the program counter alone: it holds no lock, reads no thread-local state
 * and knows no window, so it works for any number of threads and backends. It runs on the
 * alternate stack where the thread has one, so that a handler before it which wants one still gets
 * it. Installed once, never removed: modules stay loaded.
 */
#include "fault.h"
#include "signals.h"
#include <pthread.h>
#include <string.h>

#if NUB_HAVE_GUARD
#include <ucontext.h>

/* both relative to their own place */
struct fault_entry {
    int32_t insn;
    int32_t landing;
};

extern const struct fault_entry fault_table[] __asm__("__start_nub_fault_table")
    __attribute__((visibility("hidden")));
extern const struct fault_entry fault_table_end[] __asm__("__stop_nub_fault_table")
    __attribute__((visibility("hidden")));

static struct nub_signal_chain chain;

static inline uintptr_t
resolve(const int32_t *relative)
{
    return (uintptr_t)relative + (uintptr_t)(intptr_t)*relative;
}

static void
on_fault(int number, siginfo_t *info, void *context)
{
    ucontext_t *machine = context;
    uintptr_t pc = (uintptr_t)machine->uc_mcontext.gregs[REG_RIP];

    if (info->si_code > 0) { /* by the CPU, not by kill() */
        for (const struct fault_entry *entry = fault_table; entry < fault_table_end; entry++) {
            if (resolve(&entry->insn) != pc)
                continue;
            machine->uc_mcontext.gregs[REG_RIP] = (greg_t)resolve(&entry->landing);
            return;
        }
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
nub_fault_install(struct nub_failure *failure)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
    if (install_error)
        return nub_fail(failure, NUB_ERR_SYSTEM, "memory: guard: cannot install a handler (%s)",
                        strerror(install_error));
    return NUB_OK;
}
#else
enum nub_status
nub_fault_install(struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_UNAVAILABLE,
                    "memory: guard: not on this machine; use memory: checked");
}
#endif
