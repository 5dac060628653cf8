/* tape.h - host calls of one run: recorded once, played back to other runs
 *
 * While a run records, each callback of the embedder's table is made for real, and what passed is put
 * on the tape: the machine as the callback found it, what it read, wrote and answered. A run that
 * plays gets the same writes and answers without any callback being made, and must come by with the
 * same machine each time.
 */
#ifndef NUB_TAPE_H
#define NUB_TAPE_H

#include "codec.h"
#include <nub/plugin.h>

struct tape;

/** A tape for runs with the callbacks `hosts` (NULL: none), which must outlive it. NULL: no memory. */
struct tape *tape_new(const struct nub_host_table *hosts);
void tape_free(struct tape *tape);
/** The table to run with: it records until the first tape_rewind(), and plays from then on. */
const struct nub_host_table *tape_table(struct tape *tape);
/** No more than about `bytes` are recorded: what is past that is answered, and the tape is full. */
void tape_limit(struct tape *tape, size_t bytes);
/** Whether something was left out; such a tape is empty and cannot be played. */
bool tape_is_full(const struct tape *tape);
/** Back to the beginning, to be played. */
void tape_rewind(struct tape *tape);
/** After a playback: what differed, or NULL. */
const char *tape_difference(const struct tape *tape);
/** Describes a tape to a codec; reading makes `*tape` (to be freed even when the codec failed). */
void tape_code(struct nub_codec *codec, struct tape **tape);

#endif
