/* vcpu.c - one virtual CPU: the state it starts in, and running it
 *
 * The CPU begins in long mode at CPL3, in the guest's first instruction: no real mode, no boot
 * loader. The values are those that work with and without hardware virtualisation. */
#include "vm.h"
#include "system.h"
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CR0    0x80050033ull /* PG, AM, WP, NE, ET, MP, PE */
#define CR4    0x40620ull    /* OSXSAVE, OSXMMEXCPT, OSFXSR, PAE */
#define EFER   0xd01ull      /* NXE, LMA, LME, SCE */
#define RFLAGS 0x3002ull     /* IOPL 3: ports from CPL3 */
#define XCR0   0xe7ull       /* x87, SSE, AVX, AVX-512, as far as the CPU has them */

static uint64_t
supported_xcr0(const struct kvm_cpuid2 *cpuid)
{
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        if (e->function == 0xd && e->index == 0)
            return e->eax & XCR0;
    }
    return 0;
}

static int
set_segments(int fd, uint32_t lane)
{
    uint64_t base = NUB_GUEST_BASE + NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE;
    struct kvm_segment code = { .limit = 0xffffffff,
                                .selector = 0x2b,
                                .type = 11,
                                .present = 1,
                                .dpl = 3,
                                .s = 1,
                                .l = 1,
                                .g = 1 };
    struct kvm_segment data = { .limit = 0xffffffff,
                                .selector = 0x23,
                                .type = 3,
                                .present = 1,
                                .dpl = 3,
                                .db = 1,
                                .s = 1,
                                .g = 1 };
    struct kvm_sregs sregs;

    if (ioctl(fd, KVM_GET_SREGS, &sregs) < 0)
        return -1;
    sregs.cr0 = CR0;
    sregs.cr3 = NUB_GUEST_TABLES;
    sregs.cr4 = CR4;
    sregs.efer = EFER;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.gs.base = base + NUB_LANE_CONTEXT;
    sregs.tr = (struct kvm_segment){ .base = base + NUB_LANE_GDT + 0x100,
                                     .limit = 0x67,
                                     .selector = 0x30,
                                     .type = 11,
                                     .present = 1 };
    sregs.gdt.base = base + NUB_LANE_GDT;
    sregs.gdt.limit = 63;
    sregs.idt.base = base + NUB_LANE_IDT;
    sregs.idt.limit = 16 * NUB_GUEST_VECTORS - 1;
    return ioctl(fd, KVM_SET_SREGS, &sregs);
}

static int
set_state(int fd, const struct nub_vm_spec *spec, uint32_t lane)
{
    const struct kvm_cpuid2 *cpuid = nub_kvm_cpuid(spec->kvm_fd);
    uint64_t base = NUB_GUEST_BASE + NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE;
    struct kvm_regs regs = {
        .rip = spec->image->entry, .rflags = RFLAGS, .rdi = lane, .rsp = base + NUB_LANE_BULK
    };
    struct kvm_xcrs xcrs = { .nr_xcrs = 1 };

    if (!cpuid) {
        errno = ENOMEM;
        return -1;
    }
    if (ioctl(fd, KVM_SET_CPUID2, cpuid) < 0 || set_segments(fd, lane) < 0)
        return -1;
    xcrs.xcrs[0].value = supported_xcr0(cpuid);
    if (xcrs.xcrs[0].value && ioctl(fd, KVM_SET_XCRS, &xcrs) < 0)
        return -1;
    return ioctl(fd, KVM_SET_REGS, &regs);
}

enum nub_status
nub_vcpu_open(struct nub_vcpu *vcpu, const struct nub_vm *vm, const struct nub_vm_spec *spec,
              uint32_t lane, struct nub_failure *failure)
{
    int size = ioctl(spec->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    void *run;

    *vcpu = (struct nub_vcpu){ .fd = ioctl(vm->fd, KVM_CREATE_VCPU, (long)lane) };
    if (vcpu->fd < 0 || size < (int)sizeof(struct kvm_run))
        return nub_fail(failure, NUB_ERR_SYSTEM, "vCPU %u: %s", lane, strerror(errno));
    run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (run == MAP_FAILED)
        return nub_fail(failure, NUB_ERR_SYSTEM, "vCPU %u: mapping: %s", lane, strerror(errno));
    vcpu->run = run;
    vcpu->run_size = (uint64_t)size;
    if (set_state(vcpu->fd, spec, lane) < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "vCPU %u: initial state: %s", lane,
                        strerror(errno));
    return NUB_OK;
}

void
nub_vcpu_close(struct nub_vcpu *vcpu)
{
    if (vcpu->run)
        munmap(vcpu->run, vcpu->run_size);
    if (vcpu->fd >= 0)
        close(vcpu->fd);
    *vcpu = (struct nub_vcpu){ .fd = -1 };
}

static int
set_mask(struct nub_vcpu *vcpu, uint64_t mask)
{
    union {
        struct kvm_signal_mask header;
        uint8_t bytes[sizeof(struct kvm_signal_mask) + sizeof mask];
    } argument;

    if (vcpu->mask_set && vcpu->mask == mask)
        return 0;
    argument.header.len = sizeof mask;
    memcpy(argument.bytes + offsetof(struct kvm_signal_mask, sigset), &mask, sizeof mask);
    if (ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, &argument) < 0)
        return -1;
    vcpu->mask = mask;
    vcpu->mask_set = true;
    return 0;
}

enum nub_vcpu_exit
nub_vcpu_run(struct nub_vcpu *vcpu, uint64_t mask, char *why)
{
    const struct kvm_run *run = vcpu->run;

    if (set_mask(vcpu, mask) < 0) {
        snprintf(why, 128, "KVM_SET_SIGNAL_MASK: %s", strerror(errno));
        return NUB_VCPU_BROKEN;
    }
    if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
        if (errno == EINTR || errno == EAGAIN)
            return NUB_VCPU_INTERRUPTED;
        snprintf(why, 128, "KVM_RUN: %s", strerror(errno));
        return NUB_VCPU_BROKEN;
    }
    if (run->exit_reason == KVM_EXIT_IO && run->io.port == NUB_PORT_IDLE)
        return NUB_VCPU_IDLE;
    if (run->exit_reason == KVM_EXIT_INTR)
        return NUB_VCPU_INTERRUPTED;
    if (run->exit_reason == KVM_EXIT_IO && run->io.port == NUB_PORT_PANIC)
        snprintf(why, 128, "the guest panicked");
    else if (run->exit_reason == KVM_EXIT_SHUTDOWN)
        snprintf(why, 128, "the guest shut down (triple fault)");
    else
        snprintf(why, 128, "unexpected exit %u of the guest", run->exit_reason);
    return NUB_VCPU_BROKEN;
}
