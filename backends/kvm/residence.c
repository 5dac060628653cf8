/* residence.c - what of the book the guest holds, and bringing it there
 *
 * The guest is a cache: an instance is brought with everything that it needs when it is first
 * called, referents first; what leaves the book leaves the guest before anything else is brought;
 * and when guest memory is full, all that is not in use is forgotten and brought again at need.
 * That also is all that a restart takes: a new guest holds nothing. */
#include "kvm-private.h"
#include "bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRY_AGAIN_NS 2000000
#define MOST_DENIALS 3u
#define MOST_BROUGHT 100u /* for one call, by a backend that sheds all the time */

/* ---- lanes ------------------------------------------------------------------------------- */

/* Who runs the embedder wants to know, even when the call that found out is tried again. */
static void
report(struct nub_kvm *kvm)
{
    struct nub_guest *guest = &kvm->guest;
    char line[256];

    if (!kvm->host || !kvm->host->log)
        return;
    pthread_mutex_lock(&guest->why_lock);
    snprintf(line, sizeof line, "the guest is lost (%s); starting another", guest->why);
    pthread_mutex_unlock(&guest->why_lock);
    kvm->host->log(kvm->host->ctx, NUB_LOG_WARNING, line);
}

static enum nub_status
restart(struct nub_kvm *kvm, struct nub_failure *failure)
{
    struct nub_guest *guest = &kvm->guest;
    enum nub_status status = NUB_OK;

    for (uint32_t i = 0; i < guest->n_lanes; i++)
        pthread_mutex_lock(&guest->lanes[i].lock);
    if (nub_guest_is_broken(guest)) {
        report(kvm);
        status = nub_guest_restart(guest, failure);
        __atomic_add_fetch(&kvm->epoch, 1, __ATOMIC_SEQ_CST);
    }
    for (uint32_t i = 0; i < guest->n_lanes; i++)
        pthread_mutex_unlock(&guest->lanes[i].lock);
    return status;
}

/* The wanted lane, or one that is free. While none is, all are tried again and again: which of them
 * has a long run and which a short one nobody knows. */
static struct nub_lane *
lock_some_lane(struct nub_kvm *kvm, uint32_t hint)
{
    struct nub_guest *guest = &kvm->guest;
    struct nub_lane *wanted = &guest->lanes[hint % guest->n_lanes];

    for (;;) {
        struct timespec until;

        for (uint32_t i = 0; i < guest->n_lanes; i++) {
            struct nub_lane *lane = &guest->lanes[(hint + i) % guest->n_lanes];
            if (pthread_mutex_trylock(&lane->lock) == 0)
                return lane;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TRY_AGAIN_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (pthread_mutex_clocklock(&wanted->lock, CLOCK_MONOTONIC, &until) == 0)
            return wanted;
    }
}

enum nub_status
nub_lane_take(struct nub_kvm *kvm, uint32_t hint, struct nub_lane **lane,
              struct nub_failure *failure)
{
    enum nub_status status;

    for (;;) {
        *lane = lock_some_lane(kvm, hint);
        if (!nub_guest_is_broken(&kvm->guest))
            return NUB_OK;
        nub_lane_give(*lane);
        status = restart(kvm, failure);
        if (status)
            return status;
    }
}

void
nub_lane_give(struct nub_lane *lane)
{
    pthread_mutex_unlock(&lane->lock);
}

enum nub_status
nub_kvm_request(struct nub_kvm *kvm, const struct nub_lane_call *call, struct nub_failure *failure)
{
    uint32_t hint = __atomic_fetch_add(&kvm->next_lane, 1, __ATOMIC_RELAXED);
    struct nub_lane *lane;
    enum nub_status status = nub_lane_take(kvm, hint, &lane, failure);

    if (status)
        return status;
    status = nub_lane_call(lane, call, failure);
    nub_lane_give(lane);
    return status;
}

/* ---- bringing ---------------------------------------------------------------------------- */

static bool
is_resident(const struct nub_kvm *kvm, const struct nub_dir_entry *entry)
{
    const struct nub_resident *resident = entry->user;

    return resident && resident->epoch == __atomic_load_n(&kvm->epoch, __ATOMIC_SEQ_CST);
}

/* Copies one capability; its referents are there. The caller has pinned it. */
static enum nub_status
bring_one(struct nub_kvm *kvm, const struct nub_dir_entry *entry, struct nub_failure *failure)
{
    struct nub_packet_room room = { .size = entry->cap.wire.size,
                                    .lead = nub_dir_lead(&entry->cap) };
    const struct nub_packet_cap cap = { .hash = entry->hash };
    struct nub_lane_call call = { .request = NUB_REQUEST_CAP_ROOM,
                                  .packet = &room,
                                  .packet_size = sizeof room,
                                  .reply = &room,
                                  .reply_size = sizeof room,
                                  .limit_ns = nub_kvm_work_limit(kvm) };
    struct nub_lane *lane;
    enum nub_status status = nub_lane_take(kvm, 0, &lane, failure);
    uint8_t *bytes;

    if (status)
        return status;
    status = nub_lane_call(lane, &call, failure);
    if (!status) {
        bytes = room.address >= NUB_GUEST_HEAP
                    ? nub_vm_at(&kvm->guest.vm, room.address, entry->cap.wire.size)
                    : NULL;
        if (bytes) {
            nub_dir_wire(entry, bytes);
            call.request = NUB_REQUEST_PUT_CAP;
            call.packet = &cap;
            call.packet_size = sizeof cap;
            call.reply_size = 0;
            status = nub_lane_call(lane, &call, failure);
        } else {
            status = nub_kvm_corrupt(kvm, "gave room outside of its memory", failure);
        }
    }
    nub_lane_give(lane);
    nub_count(&kvm->uploads, 1);
    nub_count(&kvm->uploaded_bytes, entry->cap.wire.size);
    return status;
}

/* What is still to be brought, the next on top. */
struct todo {
    struct nub_kvm *kvm;
    struct nub_hash *hashes;
    size_t n, capacity;
    bool failed;
};

static bool
push(struct todo *todo, const struct nub_hash *hash)
{
    if (todo->n == todo->capacity) {
        size_t capacity = todo->capacity ? todo->capacity * 2 : 16;
        struct nub_hash *hashes = realloc(todo->hashes, capacity * sizeof *hashes);
        if (!hashes) {
            todo->failed = true;
            return false;
        }
        todo->hashes = hashes;
        todo->capacity = capacity;
    }
    todo->hashes[todo->n++] = *hash;
    return true;
}

static bool
push_if_missing(void *ctx, const struct nub_hash *hash)
{
    struct todo *todo = ctx;
    const struct nub_dir_entry *entry = nub_dir_find(todo->kvm->book, hash);

    return !entry || is_resident(todo->kvm, entry) || push(todo, hash);
}

/* The entry on top, pinned, when all that it mentions is there; else what it lacks is pushed. NULL:
 * look again. A capability that has left the book meanwhile is passed over. */
static struct nub_dir_entry *
next_to_bring(struct todo *todo)
{
    struct nub_kvm *kvm = todo->kvm;
    struct nub_hash hash = todo->hashes[todo->n - 1];
    size_t before = todo->n;
    NUB_LOCKED(&kvm->book_lock);
    struct nub_dir_entry *entry = nub_dir_find(kvm->book, &hash);

    if (!entry || is_resident(kvm, entry)) {
        todo->n--;
        return NULL;
    }
    nub_cap_each_reference(&entry->cap, push_if_missing, todo);
    if (todo->failed || todo->n > before)
        return NULL;
    nub_dir_pin(kvm->book, entry);
    return entry;
}

/* Remembers that the guest has an entry. False: no memory. */
static bool
mark_inlock(struct nub_dir_entry *entry, uint64_t epoch, uint32_t lane)
{
    struct nub_resident *resident = entry->user;

    if (!resident)
        resident = calloc(1, sizeof *resident);
    if (!resident)
        return false;
    *resident = (struct nub_resident){ .hash = entry->hash, .epoch = epoch, .lane = lane };
    entry->user = resident;
    return true;
}

/* Marks a brought entry, and lets go of it. */
static bool
mark(struct nub_kvm *kvm, struct nub_dir_entry *entry, uint64_t epoch)
{
    NUB_LOCKED(&kvm->book_lock);
    bool marked = mark_inlock(entry, epoch, nub_le32(entry->hash.bytes));

    nub_dir_unpin(kvm->book, entry);
    return marked;
}

static enum nub_status
bring_all(struct todo *todo, struct nub_failure *failure)
{
    struct nub_kvm *kvm = todo->kvm;
    enum nub_status status = NUB_OK;

    while (todo->n > 0 && !status) {
        struct nub_dir_entry *entry = next_to_bring(todo);
        uint64_t epoch = __atomic_load_n(&kvm->epoch, __ATOMIC_SEQ_CST);

        if (todo->failed)
            return nub_kvm_no_memory(failure);
        if (!entry)
            continue;
        status = bring_one(kvm, entry, failure);
        if (status)
            nub_book_unpin(kvm, entry);
        else if (!mark(kvm, entry, epoch))
            status = nub_kvm_no_memory(failure);
    }
    return status;
}

/* The next capability that the guest has and the book no longer has. */
static bool
take_gone(struct nub_kvm *kvm, struct nub_hash *hash)
{
    NUB_LOCKED(&kvm->book_lock);

    if (kvm->gone.n == 0)
        return false;
    *hash = kvm->gone.hashes[--kvm->gone.n];
    return true;
}

static enum nub_status
settle_inlock(struct nub_kvm *kvm, struct nub_failure *failure)
{
    struct nub_packet_cap packet = { 0 };
    const struct nub_lane_call call = { .request = NUB_REQUEST_DROP_CAP,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .limit_ns = kvm->guest.watchdog_ns };

    while (take_gone(kvm, &packet.hash)) {
        enum nub_status status = nub_kvm_request(kvm, &call, failure);
        /* It may have been forgotten meanwhile. */
        if (status && status != NUB_ERR_NOT_FOUND && status != NUB_ERR_NOT_HELD)
            return status;
    }
    return NUB_OK;
}

enum nub_status
nub_residence_settle(struct nub_kvm *kvm, struct nub_failure *failure)
{
    NUB_LOCKED(&kvm->residence_lock);

    return settle_inlock(kvm, failure);
}

static enum nub_status
shed_inlock(struct nub_kvm *kvm, struct nub_failure *failure)
{
    const struct nub_lane_call call = { .request = NUB_REQUEST_SHED,
                                        .limit_ns = nub_kvm_work_limit(kvm) };
    enum nub_status status = nub_kvm_request(kvm, &call, failure);

    __atomic_add_fetch(&kvm->epoch, 1, __ATOMIC_SEQ_CST);
    nub_count(&kvm->sheds, 1);
    return status;
}

enum nub_status
nub_residence_shed(struct nub_kvm *kvm, struct nub_failure *failure)
{
    NUB_LOCKED(&kvm->residence_lock);

    return shed_inlock(kvm, failure);
}

enum nub_status
nub_residence_ensure(struct nub_kvm *kvm, const struct nub_hash *hash, struct nub_failure *failure)
{
    NUB_LOCKED(&kvm->residence_lock);
    enum nub_status status = settle_inlock(kvm, failure);

    for (unsigned attempt = 0; !status && attempt < 2; attempt++) {
        struct todo todo = { .kvm = kvm };

        status = push(&todo, hash) ? bring_all(&todo, failure) : nub_kvm_no_memory(failure);
        free(todo.hashes);
        if (status != NUB_ERR_NO_MEMORY || attempt > 0)
            break;
        status = shed_inlock(kvm, failure);
    }
    return status;
}

/* ---- deriving ---------------------------------------------------------------------------- */

static bool
is_wanted(struct nub_kvm *kvm, const struct nub_dir_entry *entry)
{
    NUB_LOCKED(&kvm->book_lock);

    return !is_resident(kvm, entry);
}

/* More than one request takes along. */
static bool
has_much_gone(struct nub_kvm *kvm)
{
    NUB_LOCKED(&kvm->book_lock);

    return kvm->gone.n > NUB_DERIVE_GONE;
}

/* What is gone is dropped first, lest the guest drop what it is about to put: most often the base
 * of the commit before, which goes along. False, and nothing taken: it is more than fits. */
static bool
take_along(struct nub_kvm *kvm, struct nub_packet_derive *packet)
{
    NUB_LOCKED(&kvm->book_lock);

    if (kvm->gone.n > NUB_DERIVE_GONE)
        return false;
    if (kvm->gone.n > 0)
        memcpy(packet->gone, kvm->gone.hashes, kvm->gone.n * sizeof *packet->gone);
    packet->n_gone = (uint32_t)kvm->gone.n;
    kvm->gone.n = 0;
    return true;
}

/* Under both locks. What is taken along has left the list, so nothing is taken unless it is sent.
 */
static bool
derive_inlock(struct nub_machine *machine, const struct nub_derivation *derivation)
{
    struct nub_packet_derive packet = { .session = machine->session,
                                        .successor = derivation->successor->hash,
                                        .n_changes = derivation->n_changes,
                                        .close = derivation->last,
                                        .phase = machine->reason != NUB_EXIT_HALT };

    if (packet.phase) {
        packet.pc = machine->pc;
        packet.gas = machine->gas;
        memcpy(packet.regs, machine->regs, sizeof packet.regs);
    }
    return derivation->n_changes <= NUB_DERIVE_CHANGES &&
           machine->generation == machine->kvm->guest.generation &&
           take_along(machine->kvm, &packet) &&
           nub_machine_derive_inlock(machine, &packet, derivation->changes) == NUB_OK;
}

/* Without memory to remember it, it is brought again, to no harm. */
static void
mark_derived(struct nub_kvm *kvm, struct nub_dir_entry *entry, uint64_t epoch, uint32_t lane)
{
    NUB_LOCKED(&kvm->book_lock);

    (void)mark_inlock(entry, epoch, lane);
}

/* Takes the residence lock and a lane's without holding one while waiting for the other: a lane may
 * be busy for as long as somebody's gas lasts, and the others are to be brought things meanwhile.
 */
static void
lock_both(struct nub_kvm *kvm, struct nub_lane *lane)
{
    for (;;) {
        pthread_mutex_lock(&kvm->residence_lock);
        if (pthread_mutex_trylock(&lane->lock) == 0)
            return;
        pthread_mutex_unlock(&kvm->residence_lock);
        pthread_mutex_lock(&lane->lock);
        if (pthread_mutex_trylock(&kvm->residence_lock) == 0)
            return;
        pthread_mutex_unlock(&lane->lock);
    }
}

void
nub_residence_derive(struct nub_machine *machine, const struct nub_derivation *derivation)
{
    struct nub_kvm *kvm = machine->kvm;
    struct nub_lane *lane = &kvm->guest.lanes[machine->lane];
    struct nub_dir_entry *let_go = derivation->successor;
    uint64_t epoch;

    if (has_much_gone(kvm))
        (void)nub_residence_settle(kvm, NULL);
    lock_both(kvm, lane);
    epoch = __atomic_load_n(&kvm->epoch, __ATOMIC_SEQ_CST);
    if (is_wanted(kvm, derivation->successor) && derive_inlock(machine, derivation)) {
        mark_derived(kvm, derivation->successor, epoch, machine->lane);
        let_go = machine->entry;
        nub_machine_follow(machine, derivation->successor);
        machine->closed = derivation->last;
        nub_count(&kvm->derived, 1);
    }
    nub_lane_give(lane);
    pthread_mutex_unlock(&kvm->residence_lock);
    nub_book_unpin(kvm, let_go);
}

/* An instance that a guest says it has not. It may have been made to forget it since it was
 * brought, by whoever needed room, and then it is brought again; otherwise it may have left the
 * book and have come back, but not over and over. */
static enum nub_status
bring_again(struct nub_kvm *kvm, const struct nub_hash *instance, struct nub_retry *retry,
            struct nub_failure *failure)
{
    uint64_t epoch = __atomic_load_n(&kvm->epoch, __ATOMIC_SEQ_CST);

    if (retry->brought > 0 && retry->epoch == epoch && ++retry->denied >= MOST_DENIALS)
        return nub_kvm_corrupt(kvm, "denies what it was given", failure);
    if (retry->brought++ >= MOST_BROUGHT)
        return nub_fail_hash(failure, NUB_ERR_NO_MEMORY, instance,
                             "instance %h: forgotten as often as it was brought", instance);
    retry->epoch = epoch;
    return nub_residence_ensure(kvm, instance, failure);
}

bool
nub_residence_retry(struct nub_kvm *kvm, const struct nub_hash *instance, struct nub_retry *retry,
                    enum nub_status *status, struct nub_failure *failure)
{
    if (*status == NUB_ERR_NOT_PUBLISHED && nub_book_contains(kvm, instance)) {
        *status = bring_again(kvm, instance, retry, failure);
        return *status == NUB_OK;
    }
    if (*status == NUB_ERR_NO_MEMORY && retry->shed++ < 1) {
        *status = nub_residence_shed(kvm, failure);
        return *status == NUB_OK;
    }
    return false;
}
