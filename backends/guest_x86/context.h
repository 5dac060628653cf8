/* context.h - what the assembly of the guest knows of a lane: offsets from gs
 *
 * gs points to the context of the lane that runs (NUB_LANE_CONTEXT). The C side is struct
 * guest_context in guest.h, which checks these numbers.
 */
#ifndef NUB_GUEST_CONTEXT_H
#define NUB_GUEST_CONTEXT_H

#define CONTEXT_SELF    0   /* its own address */
#define CONTEXT_LANDING 8   /* rsp inside nub_guest_try, 0 outside */
#define CONTEXT_VECTOR  16
#define CONTEXT_RIP     24  /* where a fault goes on */
#define CONTEXT_RFLAGS  32
#define CONTEXT_RSP     40
#define CONTEXT_RAX     48  /* cr2 after vector 14 */
#define CONTEXT_RBX     56
#define CONTEXT_RCX     64
#define CONTEXT_RDX     72
#define CONTEXT_RSI     80
#define CONTEXT_RDI     88
#define CONTEXT_RBP     96
#define CONTEXT_R8      104
#define CONTEXT_R9      112
#define CONTEXT_R10     120
#define CONTEXT_R11     128
#define CONTEXT_R12     136
#define CONTEXT_R13     144
#define CONTEXT_R14     152
#define CONTEXT_R15     160

#endif
