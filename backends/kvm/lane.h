/* lane.h - a guest that answers requests: its VM, one lane for each vCPU, and who runs them
 *
 * A call posts a request in a lane's mailbox and waits, never without a bound, for the answer. The vCPU
 * is run either by the lane's own thread, which keeps it polling, or by the caller. Nothing in
 * the mailbox is believed: the reply is copied once and checked by whoever asked.
 *
 * When the guest panics, answers nonsense or stops answering, it is broken: every call in flight
 * fails, and so does every later one until nub_guest_restart().
 */
#ifndef NUB_KVM_LANE_H
#define NUB_KVM_LANE_H

#include "vm.h"
#include <pthread.h>

enum nub_wait { NUB_WAIT_ADAPTIVE = 0, NUB_WAIT_SYNC = 1, NUB_WAIT_POLL = 2 };

struct nub_guest;

/** Whose turn it is to run the vCPU; a futex. */
enum nub_turn { NUB_TURN_FREE = 0, NUB_TURN_THREAD = 1, NUB_TURN_CALLER = 2 };

struct nub_lane {
    struct nub_guest *guest;
    struct nub_mailbox *box; /* in guest memory */
    uint32_t index;
    int doorbell; /* eventfd: the guest has answered */
    pthread_mutex_t lock; /* one request at a time */
    pthread_t thread;
    bool has_thread;
    uint32_t quit;         /* atomic: the thread shall end */
    uint32_t park;         /* atomic: leave KVM_RUN at the next chance */
    uint32_t turn;         /* atomic, futex: enum nub_turn */
    uint32_t dozing;       /* atomic: the thread watches nothing */
    uint32_t working;      /* atomic: the thread may look at the guest */
    uint64_t sequence;     /* atomic: of the last request posted */
    uint64_t sync_calls;   /* atomic: how often a caller ran the vCPU */
    uint64_t requests;     /* atomic, written under (lock): how many have been posted, ever */
    uint64_t last_call;    /* (lock) ticks at the end of the last call */
    int32_t burst;         /* (lock) calls that followed closely; below 0: polling does not pay now */
    uint32_t misses;       /* (lock) short calls in a row that polling was too slow for */
    pthread_mutex_t kick_lock;
    pthread_t caller;      /* (kick_lock) who runs the vCPU */
    bool caller_runs;      /* (kick_lock) */
    const struct nub_lane_call *caller_call; /* (kick_lock) what for */
    const uint32_t *stoppable; /* (kick_lock) the cancel flag of the call in flight, if it has one */
};

struct nub_guest {
    struct nub_vm_spec spec;
    struct nub_vm vm;
    pthread_rwlock_t memory_lock; /* held to write while `vm` is exchanged: for who looks at it without a lane's lock */
    enum nub_wait wait;
    uint64_t spin_ticks;     /* how long the guest polls */
    uint64_t host_spin_ticks;/* how long a caller does */
    uint64_t burst_ticks;    /* calls closer than this are a burst */
    uint64_t watchdog_ns;    /* silence for so long means stuck */
    uint32_t broken;         /* atomic: enum nub_status that it broke with */
    pthread_mutex_t why_lock;
    char why[160];           /* (why_lock) */
    uint64_t restarts;
    uint64_t generation;     /* grows with each restart; what lived in an older guest is gone. Written under memory_lock and every lane's lock, read under any of them */
    struct nub_lane lanes[NUB_GUEST_MAX_LANES];
    uint32_t n_lanes;
};

struct nub_guest_options {
    struct nub_vm_spec spec; /* the image and the device stay the caller's and must outlive the guest */
    enum nub_wait wait;
    uint64_t spin_ns;
    uint64_t watchdog_ns;
};

/** Starts a guest. On failure there is nothing to stop. */
enum nub_status nub_guest_start(struct nub_guest *guest, const struct nub_guest_options *options, struct nub_failure *failure);
void nub_guest_stop(struct nub_guest *guest);
/** In a child after fork: forgets the guest without touching what the parent still uses. */
void nub_guest_abandon(struct nub_guest *guest);
/** A new VM in place of the broken one. The caller holds every lane's lock. */
enum nub_status nub_guest_restart(struct nub_guest *guest, struct nub_failure *failure);
/** Declares the guest broken; the first reason stays. Any thread. */
void nub_guest_break(struct nub_guest *guest, enum nub_status status, const char *why);

static inline bool
nub_guest_is_broken(const struct nub_guest *guest)
{
    return __atomic_load_n(&guest->broken, __ATOMIC_ACQUIRE) != 0;
}

/** What a call sends, what it wants back, and when it gives up. */
struct nub_lane_call {
    enum nub_guest_request request;
    const void *packet;
    uint32_t packet_size;
    void *reply;         /* may be `packet`'s memory */
    uint32_t reply_size; /* exactly this is accepted when the status is NUB_OK */
    uint64_t limit_ns;   /* the longest it may take even with a heartbeat; 0: no limit */
    /* Seen while waiting; NULL and 0: none. The guest is asked to stop the run then. */
    const uint32_t *cancel;
    uint64_t deadline_ns;
};

/** What is remembered of a call from one look at it to the next. */
struct nub_watch {
    uint64_t begin_ns; /* 0: nothing yet */
    uint64_t beat, beat_ns;
    uint64_t stop_ns; /* when the guest was asked to stop; 0: not yet */
};

/** Asks the guest to stop when it shall, and declares it broken when it does not react or shows no life. */
void nub_lane_look(struct nub_lane *lane, const struct nub_lane_call *call, struct nub_watch *watch);

/** The status that the guest answered, or GUEST_CORRUPT, GUEST_LOST. The caller holds lane->lock. */
enum nub_status nub_lane_call(struct nub_lane *lane, const struct nub_lane_call *call, struct nub_failure *failure);

/** Ends the call in flight at once if it is the one with this cancel flag, which has been set. Any thread. */
void nub_lane_interrupt(struct nub_lane *lane, const uint32_t *cancel);

/* run.c: who runs the vCPU */
enum nub_status nub_lane_open(struct nub_lane *lane, struct nub_guest *guest, uint32_t index, struct nub_failure *failure);
void nub_lane_close(struct nub_lane *lane);
/** After a restart: the mailbox begins anew. */
enum nub_status nub_lane_attach(struct nub_lane *lane, struct nub_failure *failure);
/** Gets whoever runs the vCPU out of it, and waits until nobody does. */
void nub_lane_park(struct nub_lane *lane);
/** Gives the vCPU to the lane's thread, unless it has it. */
void nub_lane_wake(struct nub_lane *lane);
/** Runs the vCPU on this thread until the request is answered or the guest is broken. The lane's thread looks after `call` meanwhile. */
void nub_lane_run_here(struct nub_lane *lane, const struct nub_lane_call *call, uint64_t sequence);

static inline bool
nub_lane_answered(const struct nub_lane *lane, uint64_t sequence)
{
    return __atomic_load_n(&lane->box->answered, __ATOMIC_SEQ_CST) == sequence;
}

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t nub_monotonic_ns(void);
/** Ticks of the time stamp counter, which the guest counts in, too. */
static inline uint64_t
nub_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

#endif
