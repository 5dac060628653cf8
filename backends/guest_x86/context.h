/* context.h - what the assembly of the guest knows of a lane: offsets from gs
 *
 * gs points to the context of the lane that runs (NUB_LANE_CONTEXT). The C side is struct
 * guest_context in guest.h, which checks these numbers.
 */
#ifndef NUB_GUEST_CONTEXT_H
#define NUB_GUEST_CONTEXT_H

#define CONTEXT_SELF    0   /* its own address */
#define CONTEXT_VECTOR  8
#define CONTEXT_RIP     16  /* where a fault goes on */
#define CONTEXT_RFLAGS  24
#define CONTEXT_RSP     32
#define CONTEXT_RAX     40  /* cr2 after vector 14 */
#define CONTEXT_RBX     48
#define CONTEXT_RCX     56
#define CONTEXT_RDX     64
#define CONTEXT_RSI     72
#define CONTEXT_RDI     80
#define CONTEXT_RBP     88
#define CONTEXT_R8      96
#define CONTEXT_R9      104
#define CONTEXT_R10     112
#define CONTEXT_R11     120
#define CONTEXT_R12     128
#define CONTEXT_R13     136
#define CONTEXT_R14     144
#define CONTEXT_R15     152

#endif
