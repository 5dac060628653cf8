/* commit.h - the successor of a run, put into the directory (caps.md 4.2, 4.3) */
#ifndef NUB_LOCAL_COMMIT_H
#define NUB_LOCAL_COMMIT_H

#include "interp.h"
#include "local-private.h"

struct nub_commit {
    struct nub_machine *machine; /* after its exit */
    const struct nub_held *held;
    bool session; /* OutOfGas and PageFault have a successor too */
    bool advance;
    const struct nub_hash *expected_head; /* NULL: any */
};

/** CONFLICT when the head is another. */
enum nub_status nub_judge_head(struct nub_local *local, const struct nub_hash *expected, struct nub_failure *failure);
/** `*successor` is zero where the exit has none. NOT_SUPPORTED, CONFLICT, NO_SPACE, NO_MEMORY. */
enum nub_status nub_commit(const struct nub_commit *commit, struct nub_hash *successor, struct nub_failure *failure);

#endif
