/* mailbox.c - one request to the guest and its answer
 *
 * The mailbox is shared with a guest that may be hostile: what the host wrote there is not read
 * back, what the guest wrote is copied once and then checked, and every wait ends. Order of the
 * stores: docs/guest.md. */
#include "lane.h"
#include "cleanup.h"
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#define FIRST_NS   250000ull  /* when a blocked wait first looks around: twice as long each time, */
#define SLICE_NS   5000000ull /* ... and at the most this long */
#define GRACE_NS   1000000000ull /* what a guest gets to end a run when asked to */
#define BURST      16            /* close calls before the vCPU keeps polling */
#define MISSES     3u            /* misses before it stops doing so */
#define RETRY      64            /* close calls after which it may try again */
#define SPIN_CHECK 32u           /* looks at the mailbox between two looks at the clock */

static void
post(struct nub_lane *lane, const struct nub_lane_call *call, uint64_t sequence)
{
    struct nub_mailbox *box = lane->box;

    if (call->packet_size > 0)
        memcpy(box->packet, call->packet, call->packet_size);
    box->request = call->request;
    box->request_size = call->packet_size;
    box->stop = 0;
    box->notify = 0;
    __atomic_store_n(&lane->sequence, sequence, __ATOMIC_SEQ_CST);
    __atomic_store_n(&box->posted, sequence, __ATOMIC_SEQ_CST);
}

/* Whether the caller runs the vCPU itself. Also sets how long the guest polls after answering. */
static bool
runs_here(struct nub_lane *lane)
{
    const struct nub_guest *guest = lane->guest;
    bool here;

    if (__atomic_load_n(&lane->turn, __ATOMIC_SEQ_CST) == NUB_TURN_THREAD)
        return false;
    if (nub_ticks() - lane->last_call < guest->burst_ticks)
        lane->burst += lane->burst < BURST;
    else if (lane->burst > 0)
        lane->burst = 0;
    here =
        guest->wait == NUB_WAIT_SYNC || (guest->wait == NUB_WAIT_ADAPTIVE && lane->burst < BURST);
    lane->box->spin = here || guest->wait == NUB_WAIT_SYNC ? 0 : guest->spin_ticks;
    return here;
}

static bool
is_set(const uint32_t *flag)
{
    return flag && __atomic_load_n(flag, __ATOMIC_ACQUIRE) != 0;
}

void
nub_lane_look(struct nub_lane *lane, const struct nub_lane_call *call, struct nub_watch *watch)
{
    struct nub_guest *guest = lane->guest;
    uint64_t now = nub_monotonic_ns();
    uint64_t beat = __atomic_load_n(&lane->box->heartbeat, __ATOMIC_RELAXED);

    if (watch->begin_ns == 0)
        watch->begin_ns = now;
    if (beat != watch->beat || watch->beat_ns == 0) {
        watch->beat = beat;
        watch->beat_ns = now;
    }
    if (watch->stop_ns == 0 &&
        (is_set(call->cancel) || (call->deadline_ns && now >= call->deadline_ns))) {
        __atomic_store_n(&lane->box->stop, 1, __ATOMIC_SEQ_CST);
        watch->stop_ns = now;
    }
    if (watch->stop_ns && now - watch->stop_ns > GRACE_NS)
        nub_guest_break(guest, NUB_ERR_GUEST_LOST, "did not stop when asked to");
    else if (now - watch->beat_ns > guest->watchdog_ns)
        nub_guest_break(guest, NUB_ERR_GUEST_LOST, "shows no sign of life");
    else if (call->limit_ns && now - watch->begin_ns > call->limit_ns)
        nub_guest_break(guest, NUB_ERR_GUEST_LOST, "no answer in time");
}

static void
wait_blocked(struct nub_lane *lane, const struct nub_lane_call *call, uint64_t sequence)
{
    struct pollfd bell = { .fd = lane->doorbell, .events = POLLIN };
    struct nub_watch watch = { 0 };
    uint64_t slice = FIRST_NS;
    eventfd_t rings;

    __atomic_store_n(&lane->box->notify, 1, __ATOMIC_SEQ_CST);
    while (!nub_lane_answered(lane, sequence) && !nub_guest_is_broken(lane->guest)) {
        uint64_t now = nub_monotonic_ns(), ns = slice;
        struct timespec timeout;

        if (call->deadline_ns && call->deadline_ns > now && call->deadline_ns - now < ns)
            ns = call->deadline_ns - now;
        slice = slice * 2 < SLICE_NS ? slice * 2 : SLICE_NS;
        timeout = (struct timespec){ .tv_nsec = (long)ns };
        if (ppoll(&bell, 1, &timeout, NULL) > 0)
            (void)!eventfd_read(lane->doorbell, &rings);
        nub_lane_look(lane, call, &watch);
    }
    __atomic_store_n(&lane->box->notify, 0, __ATOMIC_SEQ_CST);
    (void)!eventfd_read(lane->doorbell, &rings);
}

/* True when polling was enough. */
static bool
wait_for_thread(struct nub_lane *lane, const struct nub_lane_call *call, uint64_t sequence)
{
    uint64_t begin = nub_ticks();

    nub_lane_wake(lane);
    do {
        for (unsigned i = 0; i < SPIN_CHECK; i++) {
            if (nub_lane_answered(lane, sequence))
                return true;
            __builtin_ia32_pause();
        }
    } while (nub_ticks() - begin < lane->guest->host_spin_ticks);
    wait_blocked(lane, call, sequence);
    return false;
}

/* On a busy machine caller and vCPU may share one core, where polling only keeps them from each
 * other: short calls that were not answered while the caller polled say so. */
static void
judge_polling(struct nub_lane *lane, bool enough, uint64_t ticks)
{
    if (enough || ticks > 20 * lane->guest->host_spin_ticks)
        lane->misses = 0;
    else
        lane->misses++;
    if (lane->misses < MISSES || lane->guest->wait != NUB_WAIT_ADAPTIVE)
        return;
    lane->misses = 0;
    lane->burst = -RETRY;
    lane->box->spin = 0;
}

/* The failure is the guest's to fill in: its text is made a string, its code the one that counts.
 */
static enum nub_status
copy_failure(const struct nub_mailbox *box, enum nub_status status, struct nub_failure *failure)
{
    struct nub_failure copy;

    memcpy(&copy, &box->failure, sizeof copy);
    copy.message[sizeof copy.message - 1] = '\0';
    for (char *c = copy.message; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    nub_fail(failure, status, "%s", copy.message);
    if (failure && failure->struct_size >= offsetof(struct nub_failure, message)) {
        failure->hash = copy.hash;
        failure->address = copy.address;
    }
    return status;
}

/* Every status that the guest has a reason to answer with. */
static bool
is_plausible(int32_t status)
{
    return status > NUB_OK && status <= NUB_ERR_SYSTEM && status != NUB_ERR_GUEST_LOST &&
           status != NUB_ERR_GUEST_CORRUPT;
}

static enum nub_status
take_reply(struct nub_lane *lane, const struct nub_lane_call *call, struct nub_failure *failure)
{
    const struct nub_mailbox *box = lane->box;
    int32_t status = __atomic_load_n(&box->status, __ATOMIC_RELAXED);
    uint32_t size = __atomic_load_n(&box->reply_size, __ATOMIC_RELAXED);

    if (status == NUB_OK && size == call->reply_size) {
        if (size > 0)
            memcpy(call->reply, box->packet, size);
        return NUB_OK;
    }
    if (is_plausible(status))
        return copy_failure(box, (enum nub_status)status, failure);
    nub_guest_break(lane->guest, NUB_ERR_GUEST_CORRUPT, "an answer of the wrong form");
    return nub_fail(failure, NUB_ERR_GUEST_CORRUPT,
                    "the guest answered request %u with status %d and %u bytes",
                    (uint32_t)call->request, status, size);
}

static enum nub_status
tell_broken(struct nub_guest *guest, struct nub_failure *failure)
{
    enum nub_status status = (enum nub_status)__atomic_load_n(&guest->broken, __ATOMIC_ACQUIRE);
    NUB_LOCKED(&guest->why_lock);

    return nub_fail(failure, status, "the guest is lost: %s", guest->why);
}

/* From here to its end a call can be interrupted by who knows its flag. */
static void
set_stoppable(struct nub_lane *lane, const uint32_t *cancel)
{
    NUB_LOCKED(&lane->kick_lock);

    lane->stoppable = cancel;
}

void
nub_lane_interrupt(struct nub_lane *lane, const uint32_t *cancel)
{
    NUB_LOCKED(&lane->kick_lock);

    if (lane->stoppable == cancel)
        __atomic_store_n(&lane->box->stop, 1, __ATOMIC_SEQ_CST);
}

enum nub_status
nub_lane_call(struct nub_lane *lane, const struct nub_lane_call *call, struct nub_failure *failure)
{
    uint64_t sequence = lane->sequence + 1;
    bool here;

    if (nub_guest_is_broken(lane->guest))
        return tell_broken(lane->guest, failure);
    here = runs_here(lane);
    __atomic_store_n(&lane->requests, lane->requests + 1, __ATOMIC_RELAXED);
    post(lane, call, sequence);
    if (call->cancel) {
        set_stoppable(lane, call->cancel);
        if (is_set(call->cancel)) /* before it could be interrupted */
            __atomic_store_n(&lane->box->stop, 1, __ATOMIC_SEQ_CST);
    }
    if (here)
        nub_lane_run_here(lane, call, sequence);
    if (!nub_lane_answered(lane, sequence) && !nub_guest_is_broken(lane->guest)) {
        uint64_t begin = nub_ticks();
        bool enough = wait_for_thread(lane, call, sequence);
        judge_polling(lane, enough, nub_ticks() - begin);
    }
    if (call->cancel)
        set_stoppable(lane, NULL);
    lane->last_call = nub_ticks();
    if (nub_guest_is_broken(lane->guest))
        return tell_broken(lane->guest, failure);
    return take_reply(lane, call, failure);
}
