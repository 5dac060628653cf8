/* guest.h - what the files of the guest kernel share
 *
 * One image, several lanes: each lane is a vCPU with its own stack, mailbox, fault frame and windows.
 * Whatever lanes share (heap, directory, programs) is touched only under the kernel lock, which
 * every request takes and a running program does not hold. See docs/guest.md.
 */
#ifndef NUB_GUEST_H
#define NUB_GUEST_H

#include "context.h"
#include "guest-abi.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where a fault found a lane; also what `nub_guest_try` needs. At the lane's gs base. */
struct guest_context {
    uint64_t self;
    uint64_t landing; /* nonzero: a program runs */
    uint64_t vector;
    uint64_t rip, rflags, rsp;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;

    uint32_t lane;
    uint32_t error_code; /* of the last fault */
    uint64_t root;       /* page-table root in use */
    struct guest_window *window; /* the one that the program in flight uses */
    struct guest_window *windows; /* of this lane, in order of use, the latest first */
    uint32_t ended;      /* nub_exit_reason of a fault, NUB_RUN_STOPPED or 0 */
    uint32_t fault_page;
};

_Static_assert(offsetof(struct guest_context, landing) == CONTEXT_LANDING, "context.h");
_Static_assert(offsetof(struct guest_context, vector) == CONTEXT_VECTOR, "context.h");
_Static_assert(offsetof(struct guest_context, rip) == CONTEXT_RIP, "context.h");
_Static_assert(offsetof(struct guest_context, rflags) == CONTEXT_RFLAGS, "context.h");
_Static_assert(offsetof(struct guest_context, rsp) == CONTEXT_RSP, "context.h");
_Static_assert(offsetof(struct guest_context, rax) == CONTEXT_RAX, "context.h");
_Static_assert(offsetof(struct guest_context, rdi) == CONTEXT_RDI, "context.h");
_Static_assert(offsetof(struct guest_context, r8) == CONTEXT_R8, "context.h");
_Static_assert(offsetof(struct guest_context, r15) == CONTEXT_R15, "context.h");
_Static_assert(sizeof(struct guest_context) <= NUB_LANE_FAULT_STACK - NUB_LANE_CONTEXT, "context");

/** A guest-physical address as the guest uses it. */
static inline void *
guest_at(uint64_t physical)
{
    return (void *)(NUB_GUEST_BASE + physical);
}

static inline uint64_t
guest_physical(const void *p)
{
    return (uint64_t)p - NUB_GUEST_BASE;
}

static inline const struct nub_guest_boot *
guest_boot(void)
{
    return guest_at(NUB_GUEST_BOOT);
}

static inline uint8_t *
guest_lane(uint32_t lane)
{
    return guest_at(NUB_GUEST_LANES + (uint64_t)lane * NUB_GUEST_LANE_SIZE);
}

static inline struct guest_context *
guest_context(uint32_t lane)
{
    return (struct guest_context *)(guest_lane(lane) + NUB_LANE_CONTEXT);
}

static inline struct nub_mailbox *
guest_mailbox(uint32_t lane)
{
    return (struct nub_mailbox *)(guest_lane(lane) + NUB_LANE_MAILBOX);
}

static inline uint64_t
guest_ticks(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void
guest_out(uint16_t port, uint8_t byte)
{
    __asm__ volatile("outb %0, %1" : : "a"(byte), "d"(port) : "memory");
}

/* start.S */
bool nub_guest_try(void (*run)(void *arg), void *arg);
_Noreturn void nub_guest_leave(void);
void nub_guest_set_root(uint64_t root);

/* main.c */
_Noreturn void nub_guest_main(uint32_t lane);
/** Ends the guest: the host reads `panic` of the mailbox and rebuilds it. */
_Noreturn void guest_panic(struct guest_context *context, uint32_t line);
void guest_lock(void);
void guest_unlock(void);

/* fault.c; called by start.S */
bool nub_guest_fault(struct guest_context *context);

/** Answers a request: reads and overwrites the packet, returns enum nub_status. */
typedef int32_t (*guest_request_fn)(struct guest_context *context, struct nub_mailbox *mailbox);

#endif
