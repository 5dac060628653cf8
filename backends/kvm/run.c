/* run.c - who runs a lane's vCPU: its own thread, or the caller
 *
 * Exactly one of them at a time, handed over through lane->turn. A lane always has a thread: it
 * runs the vCPU when polling pays, and watches the caller's runs when it does not.
 *
 * Signals. A kick is a real-time signal sent to the thread that runs the vCPU, which blocks it
 * except inside of KVM_RUN (KVM_SET_SIGNAL_MASK) and then takes it off its queue. So it is never
 * delivered, no handler is installed, and the embedder's signal handling is as before. */
#include "lane.h"
#include "cleanup.h"
#include <errno.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WATCH_NS     5000000 /* how often a caller's run is looked at */
#define KICK_SIGNAL  (SIGRTMAX - 1)
#define IDLE_REFUSED 10000 /* exits without an answer before the guest counts as broken */

uint64_t
nub_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
futex_wait(uint32_t *word, uint32_t value, const struct timespec *timeout)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, NULL, 0);
}

static void
futex_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static uint32_t
turn(const struct nub_lane *lane)
{
    return __atomic_load_n(&lane->turn, __ATOMIC_SEQ_CST);
}

static bool
take_turn(struct nub_lane *lane, uint32_t who)
{
    uint32_t expected = NUB_TURN_FREE;
    return __atomic_compare_exchange_n(&lane->turn, &expected, who, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* The kernel's form of a signal set: bit n - 1 is signal n. */
static uint64_t
bits_of(const sigset_t *set)
{
    uint64_t bits;
    memcpy(&bits, set, sizeof bits);
    return bits;
}

static uint64_t
without_kick(uint64_t bits)
{
    return bits & ~(1ull << (KICK_SIGNAL - 1));
}

/* Takes kicks off this thread's queue, where they are blocked. */
static void
drain_kicks(void)
{
    struct timespec now = { 0 };
    sigset_t kick;

    sigemptyset(&kick);
    sigaddset(&kick, KICK_SIGNAL);
    while (sigtimedwait(&kick, NULL, &now) > 0)
        continue;
}

static bool
has_request(const struct nub_lane *lane)
{
    return !nub_lane_answered(lane, __atomic_load_n(&lane->sequence, __ATOMIC_SEQ_CST));
}

/* ---- the lane's thread ------------------------------------------------------------------- */

/* One look at a caller's run. A kick is sent under the lock, where the caller is certain to have it
 * blocked. */
static void
watch_caller(struct nub_lane *lane, struct nub_watch *watch)
{
    NUB_LOCKED(&lane->kick_lock);

    if (!lane->caller_runs)
        return;
    nub_lane_look(lane, lane->caller_call, watch);
    if (nub_guest_is_broken(lane->guest))
        pthread_kill(lane->caller, KICK_SIGNAL);
}

/* Sleeps until it is this thread's turn (true) or the lane closes (false). */
static bool
wait_for_turn(struct nub_lane *lane)
{
    const struct timespec tick = { .tv_nsec = WATCH_NS };
    struct nub_watch watch = { 0 };
    uint64_t seen = 0;

    for (;;) {
        uint32_t now = turn(lane);
        uint64_t calls = __atomic_load_n(&lane->sync_calls, __ATOMIC_SEQ_CST);

        if (__atomic_load_n(&lane->quit, __ATOMIC_SEQ_CST))
            return false;
        if (now == NUB_TURN_THREAD)
            return true;
        if (now == NUB_TURN_FREE && calls == seen) {
            __atomic_store_n(&lane->dozing, 1, __ATOMIC_SEQ_CST);
            if (__atomic_load_n(&lane->sync_calls, __ATOMIC_SEQ_CST) == calls)
                futex_wait(&lane->turn, now, NULL);
            __atomic_store_n(&lane->dozing, 0, __ATOMIC_SEQ_CST);
            continue;
        }
        if (calls != seen)
            watch = (struct nub_watch){ 0 };
        seen = calls;
        futex_wait(&lane->turn, now, &tick);
        if (__atomic_load_n(&lane->sync_calls, __ATOMIC_SEQ_CST) == calls)
            watch_caller(lane, &watch);
    }
}

/* Runs the guest until it has nothing to do, is broken, or shall be parked. */
static void
run_turn(struct nub_lane *lane)
{
    struct nub_guest *guest = lane->guest;
    struct nub_vcpu *vcpu = &guest->vm.vcpus[lane->index];
    char why[128];

    while (!nub_guest_is_broken(guest) && !__atomic_load_n(&lane->park, __ATOMIC_SEQ_CST)) {
        enum nub_vcpu_exit exit = nub_vcpu_run(vcpu, without_kick(~0ull), why);
        if (exit == NUB_VCPU_INTERRUPTED)
            drain_kicks();
        if (exit == NUB_VCPU_BROKEN)
            nub_guest_break(guest, NUB_ERR_GUEST_CORRUPT, why);
        if (exit == NUB_VCPU_IDLE && !has_request(lane))
            return;
    }
}

static void *
lane_main(void *argument)
{
    struct nub_lane *lane = argument;

    while (wait_for_turn(lane)) {
        __atomic_store_n(&lane->working, 1, __ATOMIC_SEQ_CST);
        do {
            run_turn(lane);
            __atomic_store_n(&lane->turn, NUB_TURN_FREE, __ATOMIC_SEQ_CST);
            futex_wake(&lane->turn);
            /* A request that was posted before the turn was given back saw this thread at work and
             * woke nobody. */
        } while (has_request(lane) && !nub_guest_is_broken(lane->guest) &&
                 !__atomic_load_n(&lane->park, __ATOMIC_SEQ_CST) &&
                 take_turn(lane, NUB_TURN_THREAD));
        if (nub_guest_is_broken(lane->guest))
            eventfd_write(lane->doorbell, 1);
        __atomic_store_n(&lane->working, 0, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* ---- for callers ------------------------------------------------------------------------- */

void
nub_lane_wake(struct nub_lane *lane)
{
    if (take_turn(lane, NUB_TURN_THREAD))
        futex_wake(&lane->turn);
}

static bool
begin_caller(struct nub_lane *lane, const struct nub_lane_call *call, sigset_t *old)
{
    sigset_t kick;

    sigemptyset(&kick);
    sigaddset(&kick, KICK_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &kick, old);
    if (!take_turn(lane, NUB_TURN_CALLER)) {
        pthread_sigmask(SIG_SETMASK, old, NULL);
        return false;
    }
    pthread_mutex_lock(&lane->kick_lock);
    lane->caller = pthread_self();
    lane->caller_call = call;
    lane->caller_runs = true;
    pthread_mutex_unlock(&lane->kick_lock);
    __atomic_add_fetch(&lane->sync_calls, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&lane->dozing, __ATOMIC_SEQ_CST))
        futex_wake(&lane->turn);
    return true;
}

static void
end_caller(struct nub_lane *lane, bool kicked, const sigset_t *old)
{
    pthread_mutex_lock(&lane->kick_lock);
    lane->caller_runs = false;
    pthread_mutex_unlock(&lane->kick_lock);
    __atomic_store_n(&lane->turn, NUB_TURN_FREE, __ATOMIC_SEQ_CST);
    if (kicked || nub_guest_is_broken(lane->guest))
        drain_kicks();
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

void
nub_lane_run_here(struct nub_lane *lane, const struct nub_lane_call *call, uint64_t sequence)
{
    struct nub_guest *guest = lane->guest;
    struct nub_vcpu *vcpu = &guest->vm.vcpus[lane->index];
    unsigned idle = 0;
    bool kicked = false;
    char why[128];
    sigset_t old;

    if (!begin_caller(lane, call, &old)) {
        nub_lane_wake(lane);
        return;
    }
    while (!nub_lane_answered(lane, sequence) && !nub_guest_is_broken(guest)) {
        enum nub_vcpu_exit exit = nub_vcpu_run(vcpu, without_kick(bits_of(&old)), why);
        if (exit == NUB_VCPU_INTERRUPTED) {
            drain_kicks();
            kicked = true;
        }
        if (exit == NUB_VCPU_BROKEN)
            nub_guest_break(guest, NUB_ERR_GUEST_CORRUPT, why);
        if (exit == NUB_VCPU_IDLE && ++idle > IDLE_REFUSED)
            nub_guest_break(guest, NUB_ERR_GUEST_CORRUPT, "the guest does not answer");
    }
    end_caller(lane, kicked, &old);
}

static void
drain_bell(struct nub_lane *lane)
{
    eventfd_t rings;

    (void)!eventfd_read(lane->doorbell, &rings);
}

void
nub_lane_park(struct nub_lane *lane)
{
    const struct timespec tick = { .tv_nsec = 1000000 };

    __atomic_store_n(&lane->park, 1, __ATOMIC_SEQ_CST);
    while (turn(lane) == NUB_TURN_THREAD) {
        pthread_kill(lane->thread, KICK_SIGNAL);
        futex_wait(&lane->turn, NUB_TURN_THREAD, &tick);
    }
    while (__atomic_load_n(&lane->working, __ATOMIC_SEQ_CST))
        sched_yield();
    drain_bell(lane);
    __atomic_store_n(&lane->park, 0, __ATOMIC_SEQ_CST);
}

/* ---- opening and closing ----------------------------------------------------------------- */

enum nub_status
nub_lane_attach(struct nub_lane *lane, struct nub_failure *failure)
{
    struct nub_guest *guest = lane->guest;
    struct kvm_ioeventfd bell = { .addr = NUB_PORT_DOORBELL + lane->index,
                                  .len = 1,
                                  .fd = lane->doorbell,
                                  .flags = KVM_IOEVENTFD_FLAG_PIO };

    lane->box = (struct nub_mailbox *)(nub_vm_lane(&guest->vm, lane->index) + NUB_LANE_MAILBOX);
    __atomic_store_n(&lane->sequence, 0, __ATOMIC_SEQ_CST);
    lane->burst = 0;
    lane->box->spin = 0;
    if (ioctl(guest->vm.fd, KVM_IOEVENTFD, &bell) < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "KVM_IOEVENTFD: %s", strerror(errno));
    return NUB_OK;
}

/* The thread inherits a mask with everything blocked: no signal of the embedder ends up there. */
static int
start_thread(struct nub_lane *lane)
{
    sigset_t all, old;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(&lane->thread, NULL, lane_main, lane);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (error == 0) {
        char name[16];
        snprintf(name, sizeof name, "nub-lane-%u", lane->index);
        pthread_setname_np(lane->thread, name);
    }
    return error;
}

enum nub_status
nub_lane_open(struct nub_lane *lane, struct nub_guest *guest, uint32_t index,
              struct nub_failure *failure)
{
    enum nub_status status;
    int error;

    *lane = (struct nub_lane){ .guest = guest, .index = index };
    pthread_mutex_init(&lane->lock, NULL);
    pthread_mutex_init(&lane->kick_lock, NULL);
    lane->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lane->doorbell < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "eventfd: %s", strerror(errno));
    status = nub_lane_attach(lane, failure);
    if (status)
        return status;
    error = start_thread(lane);
    if (error)
        return nub_fail(failure, NUB_ERR_SYSTEM, "thread of lane %u: %s", index, strerror(error));
    lane->has_thread = true;
    return NUB_OK;
}

void
nub_lane_close(struct nub_lane *lane)
{
    if (lane->has_thread) {
        nub_lane_park(lane);
        __atomic_store_n(&lane->quit, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&lane->turn, NUB_TURN_CALLER, __ATOMIC_SEQ_CST);
        futex_wake(&lane->turn);
        pthread_join(lane->thread, NULL);
    }
    if (lane->doorbell >= 0)
        close(lane->doorbell);
    pthread_mutex_destroy(&lane->lock);
    pthread_mutex_destroy(&lane->kick_lock);
    *lane = (struct nub_lane){ .doorbell = -1 };
}
