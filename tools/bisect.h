/* bisect.h - the first block, and in it the first instruction, after which two backends differ
 *
 * The search proper: no recording is read and nothing printed here. docs/recording.md says what the
 * numbers of runs are; decision 0054 why it goes by blocks and not by gas.
 */
#ifndef NUB_TOOLS_BISECT_H
#define NUB_TOOLS_BISECT_H

#include "bisect-machine.h"

typedef enum {
    NUB_BISECT_EQUAL,      /* they end alike */
    NUB_BISECT_BEGINNING,  /* they differ before anything has run */
    NUB_BISECT_BLOCK,      /* in the block, but not when its instructions run one by one */
    NUB_BISECT_INSTRUCTION
} NubBisectFound;

typedef struct {
    const NubBisectSide *a, *b;
    NubBisectFound found;
    guint runs;           /* of both backends, from the beginning of the call or of the block */
    guint64 n_blocks;     /* that the call enters on A */
    guint64 block;        /* from 0 */
    guint64 block_gas;    /* what was charged before it */
    guint32 block_pc;
    guint32 n_insns, insn; /* of the block; from 0 */
    NubBisectMachine before, after[2]; /* around what was found; `before` is A's, and B's was equal */
    NubBisectDifference difference;    /* of the two after it */
} NubBisect;

/** Searches; false with @error when A itself cannot make the call. */
bool nub_bisect_search(NubBisect *self, const NubBisectSide *a, const NubBisectSide *b, GError **error);
void nub_bisect_search_clear(NubBisect *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NubBisect, nub_bisect_search_clear)

#endif
