/* system.h - /dev/kvm: opening it, what it must be able to do, what its CPUs look like */
#ifndef NUB_KVM_SYSTEM_H
#define NUB_KVM_SYSTEM_H

#include "failure.h"
#include <stdint.h>

struct kvm_cpuid2;

/** Asks for a capability as KVM_CHECK_EXTENSION does. A parameter so that tests can deny one. */
typedef int (*nub_kvm_extension_fn)(int kvm_fd, int capability);
int nub_kvm_extension(int kvm_fd, int capability);

/** Opens the device; UNAVAILABLE says what is missing and why, as far as that can be known. */
enum nub_status nub_kvm_open(int *kvm_fd, const char *device, struct nub_failure *failure);
/** UNAVAILABLE names the first capability that is missing. */
enum nub_status nub_kvm_check(int kvm_fd, nub_kvm_extension_fn extension, struct nub_failure *failure);
/** What KVM supports, asked once a process; NULL: out of memory or refused. Never freed. */
const struct kvm_cpuid2 *nub_kvm_cpuid(int kvm_fd);

#endif
