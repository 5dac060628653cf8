/* signals.h - handlers of SIGSEGV and SIGBUS that pass on what is not theirs
 *
 * A module may have several, one behind the other, each with a chain of its own that remembers what was
 * there before. Installed once and never removed: modules stay loaded.
 */
#ifndef NUB_LOCAL_SIGNALS_H
#define NUB_LOCAL_SIGNALS_H

#include <signal.h>

struct nub_signal_chain {
    struct sigaction previous[2]; /* of SIGSEGV, of SIGBUS */
};

/** Installs the handler for both signals. On the alternate stack where the thread has one. Returns an errno, 0: done. */
int nub_signals_install(struct nub_signal_chain *chain, void (*handler)(int number, siginfo_t *info, void *context));
/** Calls the handler that was there before, as the system would have. Async-signal-safe. */
void nub_signals_pass_on(const struct nub_signal_chain *chain, int number, siginfo_t *info, void *context);

#endif
