/* record-private.h - shared inside plugins/record: the backend and its pen
 *
 * Everything that changes state is written in the order in which it happens: those functions hold
 * the lock from before the wrapped call until the frame is written. Pure calls and the runs of
 * sessions take it only to write, so they still run in parallel.
 */
#ifndef NUB_RECORD_PRIVATE_H
#define NUB_RECORD_PRIVATE_H

#include "recording.h"
#include <pthread.h>

struct recorder {
    const struct nub_host *host;
    struct nub_backend_ref inner;
    pthread_mutex_t lock;
    int fd;                                /* (lock) -1 after a write that failed */
    uint8_t chain[NUB_RECORDING_CHECKSUM]; /* (lock) */
    uint64_t sessions;                     /* (lock) numbers given so far */
    uint64_t frames;                       /* (lock) */
    char *path;
};

/** Appends a frame; the lock is held. SYSTEM or NO_MEMORY: the recording ends here, and so do the calls. */
int32_t recorder_write_inlock(struct recorder *self, const struct nub_frame *frame, struct nub_failure *failure);
/** The same, taking the lock. */
int32_t recorder_write(struct recorder *self, const struct nub_frame *frame, struct nub_failure *failure);
/** Fills in how a call ended: status, and what the error named. */
void frame_answer(struct nub_frame *frame, int32_t status, const struct nub_failure *failure);
/** Passes `answer` on to the caller's failure and returns its status. */
int32_t pass_on(int32_t status, const struct nub_failure *answer, struct nub_failure *failure);
/** NOT_SUPPORTED: the wrapped backend lacks `what`. */
int32_t lacks(const char *what, struct nub_failure *failure);

int32_t record_session_open(void *backend, const struct nub_session_args *args, void **session, struct nub_failure *failure);
int32_t record_session_run(void *session, struct nub_result *result, struct nub_failure *failure);
int32_t record_session_get_regs(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t record_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t record_session_get_pc(void *session, uint32_t *pc, struct nub_failure *failure);
int32_t record_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure);
int32_t record_session_get_gas(void *session, uint64_t *gas, struct nub_failure *failure);
int32_t record_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure);
int32_t record_session_read(void *session, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
int32_t record_session_write(void *session, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
int32_t record_session_map(void *session, uint64_t address, uint64_t size, uint32_t access, struct nub_failure *failure);
int32_t record_session_commit(void *session, uint32_t advance, struct nub_hash *successor, struct nub_failure *failure);
void record_session_close(void *session);
void record_session_interrupt(void *session);

#endif
