/* system.c - /dev/kvm: opening it, what it must be able to do, what its CPUs look like
 *
 * Whatever makes the backend unusable on a machine is found here, before anything is built, and is
 * told in words that say what to do about it. See docs/guest.md. */
#include "system.h"
#include "cleanup.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define MAX_CPUID_ENTRIES 256

int
nub_kvm_extension(int kvm_fd, int capability)
{
    return ioctl(kvm_fd, KVM_CHECK_EXTENSION, (long)capability);
}

/* Whether /proc/cpuinfo names a flag: only to explain why there is no KVM. */
static int
cpu_has(const char *flag)
{
    char line[8192];
    FILE *file = fopen("/proc/cpuinfo", "re");
    int found = 0;

    if (!file)
        return 0;
    while (!found && fgets(line, sizeof line, file)) {
        const char *at = strncmp(line, "flags", 5) == 0 ? strstr(line, flag) : NULL;
        size_t length = strlen(flag);
        found = at && at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n');
    }
    fclose(file);
    return found;
}

enum nub_status
nub_kvm_open(int *kvm_fd, const char *device, struct nub_failure *failure)
{
    NUB_CLEANUP_FD int fd = open(device, O_RDWR | O_CLOEXEC);
    int version;

    if (fd < 0 && errno == ENOENT)
        return nub_fail(
            failure, NUB_ERR_UNAVAILABLE, "%s: does not exist: %s", device,
            cpu_has("vmx") || cpu_has("svm")
                ? "load the module kvm_intel or kvm_amd, or pass the device into the container"
                : "the CPU shows no vmx or svm; switch on virtualisation in the firmware, or "
                  "nested virtualisation in the hypervisor");
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        return nub_fail(failure, NUB_ERR_UNAVAILABLE,
                        "%s: no permission: join the group that owns it (often kvm)", device);
    if (fd < 0)
        return nub_fail(failure, NUB_ERR_UNAVAILABLE, "%s: %s", device, strerror(errno));

    version = ioctl(fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        return nub_fail(failure, NUB_ERR_UNAVAILABLE, "%s: is not KVM with API version %d", device,
                        KVM_API_VERSION);
    *kvm_fd = fd;
    fd = -1;
    return NUB_OK;
}

#define CAPABILITY(name, at_least)                                                                 \
    {                                                                                              \
        KVM_CAP_##name, at_least, "KVM_CAP_" #name                                                 \
    }

enum nub_status
nub_kvm_check(int kvm_fd, nub_kvm_extension_fn extension, struct nub_failure *failure)
{
    static const struct {
        int number;
        int at_least;
        const char *name;
    } wanted[] = {
        CAPABILITY(USER_MEMORY, 1), /* guest memory is ours */
        CAPABILITY(EXT_CPUID, 1),   /* the guest sees this CPU */
        CAPABILITY(XCRS, 1),        /* vector registers */
        CAPABILITY(IOEVENTFD, 1),   /* the doorbell */
        CAPABILITY(NR_VCPUS, 1),
    };

    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (extension(kvm_fd, wanted[i].number) < wanted[i].at_least)
            return nub_fail(failure, NUB_ERR_UNAVAILABLE, "this machine's KVM lacks %s",
                            wanted[i].name);
    }
    return NUB_OK;
}

const struct kvm_cpuid2 *
nub_kvm_cpuid(int kvm_fd)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static struct kvm_cpuid2 *cached; /* (mutex) asking takes longer than half of a start */
    NUB_LOCKED(&mutex);
    NUB_CLEANUP_FREE struct kvm_cpuid2 *cpuid = NULL;

    if (cached)
        return cached;
    cpuid = calloc(1, sizeof *cpuid + MAX_CPUID_ENTRIES * sizeof cpuid->entries[0]);
    if (!cpuid)
        return NULL;
    cpuid->nent = MAX_CPUID_ENTRIES;
    if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
        return NULL;
    cached = cpuid;
    cpuid = NULL;
    return cached;
}
