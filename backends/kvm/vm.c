/* vm.c - one virtual machine: memory and vCPUs, made and unmade as a whole
 *
 * Guest memory is private, anonymous, aligned to 2 MiB for huge pages, and reserved rather
 * than taken. A fork does not copy it: the child could not use the VM anyway. */
#include "vm.h"
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE 0x200000ull

static enum nub_status
map_memory(struct nub_vm *vm, uint64_t size, struct nub_failure *failure)
{
    uint64_t mapping_size = size + LARGE_PAGE;
    void *mapping = mmap(NULL, mapping_size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (mapping == MAP_FAILED)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "guest memory of %U bytes: %s", size,
                        strerror(errno));
    vm->mapping = mapping;
    vm->mapping_size = mapping_size;
    vm->memory = (uint8_t *)(((uintptr_t)mapping + LARGE_PAGE - 1) & ~(uintptr_t)(LARGE_PAGE - 1));
    vm->memory_size = size;
    if (madvise(vm->memory, size, MADV_DONTFORK) < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "guest memory: %s", strerror(errno));
    /* Advice: without huge pages the guest is right all the same. */
    (void)madvise(vm->memory, size, MADV_HUGEPAGE);
    return NUB_OK;
}

static enum nub_status
open_parts(struct nub_vm *vm, const struct nub_vm_spec *spec, struct nub_failure *failure)
{
    struct kvm_userspace_memory_region region = { 0 };
    enum nub_status status = map_memory(vm, spec->memory_size, failure);

    if (status)
        return status;
    do {
        vm->fd = ioctl(spec->kvm_fd, KVM_CREATE_VM, 0);
    } while (vm->fd < 0 && errno == EINTR);
    if (vm->fd < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "KVM_CREATE_VM: %s", strerror(errno));
    region.memory_size = vm->memory_size;
    region.userspace_addr = (uintptr_t)vm->memory;
    if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "KVM_SET_USER_MEMORY_REGION: %s", strerror(errno));
    nub_boot_write(vm, spec);
    for (; vm->n_vcpus < spec->n_lanes && !status; vm->n_vcpus++)
        status = nub_vcpu_open(&vm->vcpus[vm->n_vcpus], vm, spec, vm->n_vcpus, failure);
    return status;
}

enum nub_status
nub_vm_open(struct nub_vm *vm, const struct nub_vm_spec *spec, struct nub_failure *failure)
{
    enum nub_status status;

    *vm = (struct nub_vm){ .fd = -1 };
    status = open_parts(vm, spec, failure);
    if (status)
        nub_vm_close(vm);
    return status;
}

void
nub_vm_close(struct nub_vm *vm)
{
    for (uint32_t i = 0; i < vm->n_vcpus; i++)
        nub_vcpu_close(&vm->vcpus[i]);
    if (vm->fd >= 0)
        close(vm->fd);
    if (vm->mapping)
        munmap(vm->mapping, vm->mapping_size);
    *vm = (struct nub_vm){ .fd = -1 };
}
