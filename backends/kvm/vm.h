/* vm.h - one virtual machine: its memory, its vCPUs, what they see when they start
 *
 * Nothing here knows requests or capabilities; that is lane.h and above.
 */
#ifndef NUB_KVM_VM_H
#define NUB_KVM_VM_H

#include "guest-abi.h"
#include "loader.h"
#include <stdbool.h>
#include <stddef.h>

struct kvm_run;

struct nub_vcpu {
    int fd;
    struct kvm_run *run; /* shared with KVM */
    uint64_t run_size;
    uint64_t mask;       /* signals that KVM_RUN leaves blocked */
    bool mask_set;
};

struct nub_vm {
    int fd;
    uint8_t *memory; /* guest-physical 0; the guest writes it at any time */
    uint64_t memory_size;
    uint8_t *mapping; /* what to unmap: memory is aligned to 2 MiB within it */
    uint64_t mapping_size;
    uint32_t n_vcpus;
    struct nub_vcpu vcpus[NUB_GUEST_MAX_LANES];
};

/** What a VM is made from. */
struct nub_vm_spec {
    int kvm_fd;
    const struct nub_guest_image *image;
    uint64_t memory_size; /* a multiple of 2 MiB within the limits of guest-abi.h */
    uint32_t n_lanes;
    uint32_t gas_model;
    uint32_t mem_cycles;
};

/** Everything ready for the first KVM_RUN, or nothing. NO_MEMORY, SYSTEM. */
enum nub_status nub_vm_open(struct nub_vm *vm, const struct nub_vm_spec *spec, struct nub_failure *failure);
/** No vCPU may be running. Also for a VM whose opening failed. */
void nub_vm_close(struct nub_vm *vm);

/** boot.c: descriptor tables, stubs, page tables, image, boot page. */
void nub_boot_write(struct nub_vm *vm, const struct nub_vm_spec *spec);
/** vcpu.c: the state in which a lane starts, at CPL3. */
enum nub_status nub_vcpu_open(struct nub_vcpu *vcpu, const struct nub_vm *vm, const struct nub_vm_spec *spec, uint32_t lane, struct nub_failure *failure);
void nub_vcpu_close(struct nub_vcpu *vcpu);

/** Why KVM_RUN came back. */
enum nub_vcpu_exit {
    NUB_VCPU_IDLE,        /* the guest waits for a request */
    NUB_VCPU_INTERRUPTED, /* a signal */
    NUB_VCPU_BROKEN       /* a panic, a triple fault, or something this guest never does */
};

/** Runs the guest on this thread. `mask`: the signals that stay blocked meanwhile (bit n - 1). `why`, 128 bytes, tells of a BROKEN. */
enum nub_vcpu_exit nub_vcpu_run(struct nub_vcpu *vcpu, uint64_t mask, char *why);

/** `size` bytes of guest memory, or NULL when they are not inside of it. */
static inline uint8_t *
nub_vm_at(const struct nub_vm *vm, uint64_t physical, uint64_t size)
{
    if (physical > vm->memory_size || size > vm->memory_size - physical)
        return NULL;
    return vm->memory + physical;
}

static inline uint8_t *
nub_vm_lane(const struct nub_vm *vm, uint32_t lane)
{
    return vm->memory + NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE;
}

#endif
