/* fault.c - what happens when the CPU faults in the guest
 *
 * A program's fault ends its run or is mended and gone on from; a fault of the kernel's own code is
 * its end. The CPU's frame is read through the view of the CPL0 stack: 40 bytes below its top,
 * or 48 with an error code. */
#include "guest.h"

#define VECTOR_PAGE_FAULT 14

/* Vectors that push an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP. */
#define HAS_ERROR_CODE                                                                             \
    (1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 21)

static void
read_frame(struct guest_context *context)
{
    const uint64_t *top = (const void *)(guest_lane(context->lane) + NUB_LANE_STACK0_VIEW + 0x1000);

    context->rsp = top[-2];
    context->rflags = top[-3];
    context->rip = top[-5];
    context->error_code = HAS_ERROR_CODE >> context->vector & 1 ? (uint32_t)top[-6] : 0;
}

bool
nub_guest_fault(struct guest_context *context)
{
    read_frame(context);
    guest_panic(context, __LINE__);
}
