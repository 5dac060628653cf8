/* replay-list.h - what a recording holds, frame by frame */
#ifndef NUB_TOOLS_REPLAY_LIST_H
#define NUB_TOOLS_REPLAY_LIST_H

#include "recording.h"

/** Prints every frame, as text or JSON; an exit code. `file` is the recording's name, for messages. */
int nub_replay_list(const char *file, struct nub_recording *recording);

#endif
