/* hosted.h - a call made through a session: input laid, host calls answered from a table
 *
 * A result has no program counter and no registers; a session has. What runs a call once more to look
 * closer goes through here. Sessions know neither input nor host tables (caps.md 4.5), so both are
 * made of what they know; what comes of it is what the call itself gives.
 */
#ifndef NUB_TOOLS_HOSTED_H
#define NUB_TOOLS_HOSTED_H

#include "program.h"

#include <nub/nub.h>
#include <stdbool.h>

typedef struct {
    NubSession *session;               /* owned */
    const struct nub_program *program; /* of its instance */
    const struct nub_host_table *hosts; /* NULL: nobody answers */
    guint64 gas;   /* that the call has left, its host calls' price taken */
    guint64 spent; /* that the machine has charged, without host calls */
    /* where it stands after a run */
    NubResult result;
    guint64 regs[NUB_N_REGS];
    guint32 pc;
    bool at_limit; /* it ran out of the limit, not of the call's gas */
    bool failed;   /* a host call was answered with `fail` */
} NubHosted;

/** Lays the input of a call (NULL: none) into the session of an idle instance, as caps.md 4.2 has it. */
bool nub_hosted_lay_input(NubSession *session, GBytes *input, GError **error);
/** Runs on to an exit, or until the machine has charged `limit` since the beginning; false with @error. */
bool nub_hosted_run(NubHosted *self, guint64 limit, GError **error);
void nub_hosted_clear(NubHosted *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubHosted, nub_hosted_clear)

#endif
