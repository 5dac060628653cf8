/* differential.h - shared inside plugins/differential: the backend, answers, reports
 *
 * Every call goes to the first backend (the reference) and then to the others; what they answer
 * must be equal. What is compared: statuses, the hash and page that an error names, results,
 * successors, outputs, roots, and all that a session lets the host see.
 */
#ifndef NUB_DIFFERENTIAL_H
#define NUB_DIFFERENTIAL_H

#include "failure.h"
#include "tape.h"
#include <nub/plugin.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define MAX_BACKENDS 8u

struct differential {
    const struct nub_host *host;
    uint32_t n;
    struct nub_backend_ref backends[MAX_BACKENDS];
    char *names[MAX_BACKENDS]; /* names[0] is the reference */
    uint64_t sample;           /* pure calls: one in `sample` is compared, 1 = all */
    char *folder;              /* for reproducers; NULL: none are written */
    _Atomic uint64_t calls, compared, differences;
};

/** What one backend said. */
struct answer {
    int32_t status;
    struct nub_failure failure;
};

/** An answer to be filled in by a call. */
struct answer answer_new(void);

/**
 * Judges `other` (of backend i) against `reference`. NUB_OK: equal so far, go on comparing values
 * if both succeeded. Else the status to return, `failure` filled in: DIFFERENCE, or the host-side
 * failure (no memory, deadline, lost guest ...) of whichever had one - that is no disagreement.
 */
int32_t judge(struct differential *self, const char *what, uint32_t i, const struct answer *reference, const struct answer *other, struct nub_failure *failure);

/** Counts and reports a difference: "local and kvm disagree on WHAT: DETAIL". Returns DIFFERENCE. */
int32_t differ(struct differential *self, const char *what, uint32_t i, struct nub_failure *failure, const char *format, ...) __attribute__((format(printf, 5, 6)));

/** Passes an answer on to the caller. */
int32_t pass_on(const struct answer *answer, struct nub_failure *failure);

/** NOT_SUPPORTED, naming the first backend that lacks a function, or NUB_OK when none does. */
int32_t all_have(struct differential *self, size_t offset, const char *what, struct nub_failure *failure);
#define ALL_HAVE(self, member, failure) all_have(self, offsetof(struct nub_backend_ops, member), #member, failure)

/** Compares two results; NUB_OK or DIFFERENCE. */
int32_t judge_results(struct differential *self, const char *what, uint32_t i, const struct nub_result *reference, const struct nub_result *other, struct nub_failure *failure);

/**
 * Writes what is needed to see a difference again: NAME.nub, a bundle of the instance and all that
 * it mentions, and NAME.txt, the call and the difference. Failure to write is logged.
 */
void reproducer_write(struct differential *self, const struct nub_hash *instance, const char *call, const struct nub_failure *difference);

/* ---- the functions of the table, by file ----------------------------------------------------- */

int32_t diff_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure);
int32_t diff_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire, struct nub_failure *failure);
int32_t diff_contains(void *backend, const struct nub_hash *hash, uint32_t *present, struct nub_failure *failure);
int32_t diff_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash, const struct nub_changes *changes, struct nub_failure *failure);
int32_t diff_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);
int32_t diff_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure);
int32_t diff_refcount(void *backend, const struct nub_hash *hash, uint64_t *count, struct nub_failure *failure);
int32_t diff_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure);
int32_t diff_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure);
int32_t diff_evict(void *backend, struct nub_failure *failure);

int32_t diff_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result, struct nub_failure *failure);
int32_t diff_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);
int32_t diff_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);

int32_t diff_session_open(void *backend, const struct nub_session_args *args, void **session, struct nub_failure *failure);
int32_t diff_session_run(void *session, struct nub_result *result, struct nub_failure *failure);
int32_t diff_session_get_regs(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t diff_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t diff_session_get_pc(void *session, uint32_t *pc, struct nub_failure *failure);
int32_t diff_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure);
int32_t diff_session_get_gas(void *session, uint64_t *gas, struct nub_failure *failure);
int32_t diff_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure);
int32_t diff_session_read(void *session, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
int32_t diff_session_write(void *session, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
int32_t diff_session_map(void *session, uint64_t address, uint64_t size, uint32_t access, struct nub_failure *failure);
int32_t diff_session_commit(void *session, uint32_t advance, struct nub_hash *successor, struct nub_failure *failure);
void diff_session_close(void *session);
void diff_session_interrupt(void *session);

#endif
