/* guest.c - starting, breaking and restarting the guest as a whole
 *
 * A broken guest is not repaired: its VM is thrown away and another is made from the same image,
 * while lanes, threads and descriptors of the host stay. What was in it is brought there
 * again by residence.c. */
#include "lane.h"
#include "cleanup.h"
#include <linux/kvm.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HOST_SPIN_NS 50000u
#define BURST_NS     150000u

/* Ticks of the guest's time stamp counter in a nanosecond: as KVM says, else measured over 1 ms. */
static double
ticks_per_ns(const struct nub_vm *vm)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    int khz = ioctl(vm->vcpus[0].fd, KVM_GET_TSC_KHZ, 0);
    uint64_t ns, ticks;

    if (khz > 0)
        return (double)khz / 1e6;
    ns = nub_monotonic_ns();
    ticks = nub_ticks();
    nanosleep(&pause, NULL);
    ticks = nub_ticks() - ticks;
    ns = nub_monotonic_ns() - ns;
    return (double)ticks / (double)ns;
}

static unsigned
usable_cpus(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static void
set_times(struct nub_guest *guest, uint64_t spin_ns)
{
    double ticks = ticks_per_ns(&guest->vm);

    guest->spin_ticks = (uint64_t)((double)spin_ns * ticks);
    guest->host_spin_ticks = (uint64_t)(HOST_SPIN_NS * ticks);
    guest->burst_ticks = (uint64_t)(BURST_NS * ticks);
    /* On one core the guest gets to work only when the caller does not. */
    if (usable_cpus() < 2)
        guest->host_spin_ticks = 0;
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

/* A restart does not wait for readers that come after it. */
static void
init_memory_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

enum nub_status
nub_guest_start(struct nub_guest *guest, const struct nub_guest_options *options,
                struct nub_failure *failure)
{
    enum nub_status status;

    *guest = (struct nub_guest){ .spec = options->spec,
                                 .wait = options->wait,
                                 .watchdog_ns = options->watchdog_ns };
    pthread_mutex_init(&guest->why_lock, NULL);
    init_memory_lock(&guest->memory_lock);
    status = nub_vm_open(&guest->vm, &guest->spec, failure);
    if (!status)
        set_times(guest, options->spin_ns);
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
    pthread_rwlock_destroy(&guest->memory_lock);
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
    pthread_rwlock_wrlock(&guest->memory_lock);
    nub_vm_close(&guest->vm);
    guest->generation++;
    status = nub_vm_open(&guest->vm, &guest->spec, failure);
    pthread_rwlock_unlock(&guest->memory_lock);
    for (uint32_t i = 0; i < guest->n_lanes && !status; i++)
        status = nub_lane_attach(&guest->lanes[i], failure);
    if (status)
        return status;
    guest->restarts++;
    __atomic_store_n(&guest->broken, 0, __ATOMIC_RELEASE);
    return NUB_OK;
}
