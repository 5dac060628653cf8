/* guest.c - starting, breaking and restarting the guest as a whole
 *
 * A broken guest is not repaired: its VM is thrown away and another is made from the same image,
 * while lanes, threads and descriptors of the host stay. What was in it is put there again by
 * book.c. */
#include "lane.h"
#include "cleanup.h"
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOST_SPIN_NS 50000u
#define BURST_NS     150000u

/* Ticks of the time stamp counter in a nanosecond, measured once a process over 2 ms. */
static double
ticks_per_ns(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static double cached; /* (mutex) */
    const struct timespec pause = { .tv_nsec = 1000000 };
    NUB_LOCKED(&mutex);

    if (cached == 0.0) {
        uint64_t ns = nub_monotonic_ns(), ticks = nub_ticks();
        nanosleep(&pause, NULL);
        ticks = nub_ticks() - ticks;
        ns = nub_monotonic_ns() - ns;
        cached = (double)ticks / (double)ns;
    }
    return cached;
}

static unsigned
usable_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

void
nub_guest_break(struct nub_guest *guest, enum nub_status status, const char *why)
{
    NUB_LOCKED(&guest->why_lock);

    if (nub_guest_is_broken(guest))
        return;
    snprintf(guest->why, sizeof guest->why, "%s", why);
    __atomic_store_n(&guest->broken, (uint32_t)status, __ATOMIC_RELEASE);
}

static enum nub_status
greet(struct nub_guest *guest, struct nub_failure *failure)
{
    struct nub_lane *lane = &guest->lanes[0];
    struct nub_packet_boot_info info;
    const struct nub_lane_call call = { .request = NUB_REQUEST_BOOT_INFO,
                                        .reply = &info,
                                        .reply_size = sizeof info,
                                        .limit_ns = guest->watchdog_ns };
    NUB_LOCKED(&lane->lock);
    enum nub_status status = nub_lane_call(lane, &call, failure);

    if (status == NUB_OK &&
        (info.abi_version != NUB_GUEST_ABI_VERSION || info.memory_size != guest->vm.memory_size))
        return nub_fail(failure, NUB_ERR_GUEST_CORRUPT,
                        "the guest started with other numbers than given");
    return status;
}

enum nub_status
nub_guest_start(struct nub_guest *guest, const struct nub_guest_options *options,
                struct nub_failure *failure)
{
    double ticks = ticks_per_ns();
    enum nub_status status;

    *guest = (struct nub_guest){ .spec = options->spec,
                                 .wait = options->wait,
                                 .spin_ticks = (uint64_t)((double)options->spin_ns * ticks),
                                 .host_spin_ticks = (uint64_t)(HOST_SPIN_NS * ticks),
                                 .burst_ticks = (uint64_t)(BURST_NS * ticks),
                                 .watchdog_ns = options->watchdog_ns };
    /* On one core the guest gets to work only when the caller does not. */
    if (usable_cpus() < 2)
        guest->host_spin_ticks = 0;
    pthread_mutex_init(&guest->why_lock, NULL);
    pthread_mutex_init(&guest->memory_lock, NULL);
    status = nub_vm_open(&guest->vm, &guest->spec, failure);
    for (; !status && guest->n_lanes < options->spec.n_lanes; guest->n_lanes++)
        status = nub_lane_open(&guest->lanes[guest->n_lanes], guest, guest->n_lanes, failure);
    if (!status)
        status = greet(guest, failure);
    if (status)
        nub_guest_stop(guest);
    return status;
}

void
nub_guest_stop(struct nub_guest *guest)
{
    for (uint32_t i = 0; i < guest->n_lanes; i++)
        nub_lane_close(&guest->lanes[i]);
    nub_vm_close(&guest->vm);
    pthread_mutex_destroy(&guest->why_lock);
    pthread_mutex_destroy(&guest->memory_lock);
    *guest = (struct nub_guest){ .vm.fd = -1 };
}

void
nub_guest_abandon(struct nub_guest *guest)
{
    for (uint32_t i = 0; i < guest->n_lanes; i++)
        close(guest->lanes[i].doorbell);
    /* The memory is not mapped here (MADV_DONTFORK), the rest of the mapping is. */
    nub_vm_close(&guest->vm);
    *guest = (struct nub_guest){ .vm.fd = -1 };
}

enum nub_status
nub_guest_restart(struct nub_guest *guest, struct nub_failure *failure)
{
    enum nub_status status;

    nub_guest_break(guest, NUB_ERR_GUEST_LOST, "is being restarted");
    for (uint32_t i = 0; i < guest->n_lanes; i++)
        nub_lane_park(&guest->lanes[i]);
    pthread_mutex_lock(&guest->memory_lock);
    nub_vm_close(&guest->vm);
    status = nub_vm_open(&guest->vm, &guest->spec, failure);
    pthread_mutex_unlock(&guest->memory_lock);
    for (uint32_t i = 0; i < guest->n_lanes && !status; i++)
        status = nub_lane_attach(&guest->lanes[i], failure);
    if (status)
        return status;
    guest->generation++;
    guest->restarts++;
    __atomic_store_n(&guest->broken, 0, __ATOMIC_RELEASE);
    return NUB_OK;
}
