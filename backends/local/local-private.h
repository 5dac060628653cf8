/* local-private.h - the local backend as its own files see it
 *
 *   local.c      options, create, destroy, the table of functions
 *   caps.c       the directory under its lock
 *   resolve.c    from the name of an instance to something that can run
 *   call.c       invoke_cached, invoke, resume          session.c   live machines
 *   commit.c     the successor of a run
 *   run.c        one run to its exit: which interpreter, gas in slices
 *   memory.c     an address space: pages.c (page table), window.c (4 GiB reservation)
 *   programs.c   programs and what is pre-decoded of them
 *
 * Locks, in the order in which they may be taken: nub_local.lock (directory, and everything that
 * hangs on its entries), nub_code.lock, nub_windows.lock. Nothing runs under a lock.
 */
#ifndef NUB_LOCAL_PRIVATE_H
#define NUB_LOCAL_PRIVATE_H

#include "directory.h"
#include "failure.h"
#include "gas.h"
#include "memory.h"
#include "programs.h"
#include "window.h"
#include <nub/plugin.h>
#include <pthread.h>
#include <stdbool.h>

/** What create() makes of the options. */
struct nub_local_options {
    uint32_t gas_model;
    uint32_t mem_cycles;
    bool guard;          /* memory: guard */
    bool threaded;       /* interpreter: threaded */
    bool trust_hashes;   /* verify: never */
    uint64_t max_bytes;  /* 0: no limit */
    uint64_t code_cache; /* bytes of pre-decoded code that are kept */
    uint32_t windows;    /* how many 4 GiB windows are kept */
    uint64_t short_run;  /* gas that a run has used up before it gets a window; 0: it gets one at once */
    const struct nub_runner *runner; /* NULL: the interpreters run programs */
};

/** Counters that `stats` reports. Written with relaxed atomics. */
struct nub_local_stats {
    uint64_t calls, sessions, commits;
};

struct nub_local {
    struct nub_alloc alloc;
    struct nub_local_options options;
    const struct nub_host *host;
    pthread_mutex_t lock;
    struct nub_dir *dir;         /* (lock) */
    struct nub_codes codes;      /* (lock) */
    struct nub_windows windows;  /* its own lock */
    struct nub_local_stats stats;
};

/* ---- local.c ------------------------------------------------------------------------------- */

/** What every module on this library offers; one with a runner puts a `create` of its own there. */
extern const struct nub_backend_ops nub_local_ops;
/** The options that such a module has too, and how many. */
extern const struct nub_option_desc *const nub_local_shared_options;
extern const uint64_t nub_local_n_shared_options;
/** create() of a module with a runner, or (NULL) without. */
enum nub_status nub_local_create(const struct nub_create_args *args, const struct nub_runner *runner, void **backend, struct nub_failure *failure);
/** create() behind the options: tests bring an allocator that fails. */
enum nub_status nub_local_new(struct nub_local **local, const struct nub_alloc *alloc, const struct nub_local_options *options, const struct nub_host *host, struct nub_failure *failure);
void nub_local_free(struct nub_local *local);
/** Fills in NO_MEMORY. */
enum nub_status nub_local_no_memory(struct nub_failure *failure);

/* ---- resolve.c ----------------------------------------------------------------------------- */

/** An endpoint, ready to be entered. */
struct nub_entry {
    uint64_t regs[NUB_N_REGS]; /* the endpoint's, then the instance's nonzero ones */
    uint32_t pc;
    bool valid; /* pc is a block start */
};

/**
 * Everything about an instance that calls share. Hangs on the directory entry of the instance and
 * lives as long as that: capabilities do not change and an entry keeps what it mentions.
 */
struct nub_resolved {
    struct nub_image_user *image;
    struct nub_memplan plan;
    struct nub_memplan without; /* without the overlays; empty when there are none */
    bool memory_valid;          /* the plans have been built */
    uint32_t n_calls;           /* (lock) up to NUB_CALLED_OFTEN */
    uint32_t n_entries;
    struct nub_entry *entries;
};

/** An instance that was called so often is likely to be called again: it may have a window at once. */
#define NUB_CALLED_OFTEN 4u

/** What image and mem_size give, that is without the instance's overlays. */
static inline const struct nub_memplan *
nub_resolved_given(const struct nub_resolved *resolved, const struct nub_instance *instance)
{
    return instance->n_overlays > 0 ? &resolved->without : &resolved->plan;
}

/** Which instance, and how it shall run. */
struct nub_target {
    struct nub_hash instance;
    uint32_t endpoint;
    uint32_t gas_model, mem_cycles; /* 0: the backend's */
    bool resume;                    /* phase 1 is wanted */
};

/** A pinned instance and its program; nub_release() undoes it. */
struct nub_held {
    struct nub_dir_entry *entry;
    struct nub_resolved *resolved;
    struct nub_code *code;
    bool often; /* called often */
};

/** The errors of caps.md 4.1 in their order. Takes and leaves the lock. */
/** The plan of an instance, which lives as long as its entry; NULL: it has none. The caller holds the lock. */
const struct nub_memplan *nub_resolve_plan_inlock(struct nub_local *local, struct nub_dir_entry *entry);
enum nub_status nub_hold(struct nub_local *local, const struct nub_target *target, struct nub_held *held, struct nub_failure *failure);
void nub_release(struct nub_local *local, struct nub_held *held);
/** nub_dir_options.user_free. */
void nub_user_free(void *local, void *user);

/* ---- caps.c -------------------------------------------------------------------------------- */

int32_t nub_local_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure);
int32_t nub_local_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire, struct nub_failure *failure);
int32_t nub_local_contains(void *backend, const struct nub_hash *hash, uint32_t *present, struct nub_failure *failure);
int32_t nub_local_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire, struct nub_failure *failure);
int32_t nub_local_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash, const struct nub_changes *changes, struct nub_failure *failure);
int32_t nub_local_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure);
int32_t nub_local_refcount(void *backend, const struct nub_hash *hash, uint64_t *count, struct nub_failure *failure);
int32_t nub_local_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure);
int32_t nub_local_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure);

/* ---- call.c -------------------------------------------------------------------------------- */

int32_t nub_local_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result, struct nub_failure *failure);
int32_t nub_local_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);
int32_t nub_local_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome, struct nub_failure *failure);

/* ---- session.c ----------------------------------------------------------------------------- */

int32_t nub_local_session_open(void *backend, const struct nub_session_args *args, void **session, struct nub_failure *failure);
int32_t nub_local_session_run(void *session, struct nub_result *result, struct nub_failure *failure);
int32_t nub_local_session_get_regs(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t nub_local_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure);
int32_t nub_local_session_get_pc(void *session, uint32_t *pc, struct nub_failure *failure);
int32_t nub_local_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure);
int32_t nub_local_session_get_gas(void *session, uint64_t *gas, struct nub_failure *failure);
int32_t nub_local_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure);
int32_t nub_local_session_read(void *session, uint64_t address, void *data, uint64_t size, struct nub_failure *failure);
int32_t nub_local_session_write(void *session, uint64_t address, const void *data, uint64_t size, struct nub_failure *failure);
int32_t nub_local_session_map(void *session, uint64_t address, uint64_t size, uint32_t access, struct nub_failure *failure);
int32_t nub_local_session_commit(void *session, uint32_t advance, struct nub_hash *successor, struct nub_failure *failure);
void nub_local_session_close(void *session);
void nub_local_session_interrupt(void *session);

#endif
