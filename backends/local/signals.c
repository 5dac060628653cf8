/* signals.c - handlers of SIGSEGV and SIGBUS that pass on what is not theirs; see signals.h */
#include "signals.h"

#include <errno.h>

static const int fault_signals[2] = { SIGSEGV, SIGBUS };

int
nub_signals_install(struct nub_signal_chain *chain,
                    void (*handler)(int number, siginfo_t *info, void *context))
{
    struct sigaction action = { .sa_sigaction = handler,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    sigemptyset(&action.sa_mask);
    for (unsigned i = 0; i < 2; i++)
        if (sigaction(fault_signals[i], &action, &chain->previous[i]) != 0)
            return errno;
    return 0;
}

void
nub_signals_pass_on(const struct nub_signal_chain *chain, int number, siginfo_t *info,
                    void *context)
{
    const struct sigaction *before = &chain->previous[number == SIGBUS];

    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
        return;
    }
    if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(number);
        return;
    }
    if (before->sa_handler == SIG_IGN && info->si_code <= 0)
        return; /* sent by a process, and ignored */
    /* the default action at the faulting instruction itself, so that a core shows it */
    struct sigaction fallback = { .sa_handler = SIG_DFL };
    sigemptyset(&fallback.sa_mask);
    sigaction(number, &fallback, NULL);
    if (info->si_code <= 0)
        raise(number);
}
