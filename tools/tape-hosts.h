/* tape-hosts.h - the host table of a tape, for a NubCall */
#ifndef NUB_TOOLS_TAPE_HOSTS_H
#define NUB_TOOLS_TAPE_HOSTS_H

#include "tape.h"

#include <nub/nub.h>

/** Every number of the tape; the tape must outlive the table. */
NubHostTable *nub_tape_hosts(struct tape *tape);

#endif
