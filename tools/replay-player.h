/* replay-player.h - one frame of a recording made again on a kernel, and compared with what was recorded
 *
 * Shared by `nub replay`, which wants the first difference, and `nub bisect`, which wants to know where
 * in the call it comes from.
 */
#ifndef NUB_TOOLS_REPLAY_PLAYER_H
#define NUB_TOOLS_REPLAY_PLAYER_H

#include "cli.h"
#include "recording.h"

/** A recording while it is played. */
typedef struct {
    NubKernel *kernel;
    GHashTable *sessions; /* number -> NubSession */
    guint64 compared, skipped;
    char *difference; /* NULL: none so far; the first one stays */
} NubReplay;

/** A fresh kernel as the first frame says; false with a message. */
bool nub_replay_begin(NubReplay *self, NubRegistry *registry, const char *backend, const struct nub_frame *begin);
/** Makes one more frame again. Frames that failed on the host's side are skipped. */
void nub_replay_frame(NubReplay *self, const struct nub_frame *frame);
void nub_replay_clear(NubReplay *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubReplay, nub_replay_clear)

/** The call of a frame, without its host calls. */
NubCall *nub_replay_call(const struct nub_frame *frame);
/** Makes a session what a frame of the kinds session_set_*, session_write or session_map makes it; others do nothing. */
bool nub_replay_change_session(NubSession *session, const struct nub_frame *frame, GError **error);

#endif
