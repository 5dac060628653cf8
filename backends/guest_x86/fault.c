/* fault.c - what a fault of the CPU means
 *
 * In a program it is the first touch of a page, which is mended and gone on from, or an access that
 * is not allowed, which ends the run as PageFault. A fault of the kernel's own code is its end.
 * The CPU's frame is read through the view of the CPL0 stack: 40 bytes below its top, or 48 with
 * an error code. */
#include "guest.h"

#define VECTOR_PAGE_FAULT 14
#define ERROR_STORE       2u
#define ERROR_FETCH       16u

/* Vectors that push an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP. */
#define HAS_ERROR_CODE                                                                             \
    (1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 21)

static void
read_frame(struct guest_context *context)
{
    const uint64_t *top = (const void *)(guest_lane(context->lane) + NUB_LANE_STACK0_VIEW + 0x1000);
    bool has_code = HAS_ERROR_CODE >> context->vector & 1;

    context->rsp = top[-2];
    context->rflags = top[-3];
    context->rip = top[-5];
    context->error_code = has_code ? (uint32_t)top[-6] : 0;
}

/* The pc of the instruction whose access is at rip. */
static bool
find_pc(const struct guest_context *context, const struct guest_machine *machine, uint32_t *pc)
{
    const struct nub_jit_code *jit = &machine->code->jit;
    uint64_t tail = NUB_GUEST_EXEC + guest_physical(context->tail_code);

    if (context->rip - machine->code->address < jit->code_size)
        return nub_jit_fault_pc(jit->faults, jit->n_faults, context->rip - machine->code->address,
                                pc);
    if (machine->tail && context->rip - tail < machine->tail->size)
        return nub_jit_fault_pc(machine->tail->faults, machine->tail->n_faults, context->rip - tail,
                                pc);
    return false;
}

/* Makes the program go on at its exit for PageFault. */
static void
leave_program(struct guest_context *context, struct guest_machine *machine, uint64_t address)
{
    uint32_t pc;

    if (!find_pc(context, machine, &pc))
        guest_panic(context, __LINE__);
    *(uint32_t *)(context->rsp + NUB_JIT_FRAME_PC) = pc;
    *(uint32_t *)(context->rsp + NUB_JIT_FRAME_ARG) = nub_jit_fault_page(address);
    context->rip = machine->code->address + machine->code->jit.exit_fault;
}

void
nub_guest_fault(struct guest_context *context)
{
    struct guest_machine *machine = context->machine;
    uint64_t address = context->rax;
    enum guest_touch touch;

    read_frame(context);
    if (!machine || context->vector != VECTOR_PAGE_FAULT || (context->error_code & ERROR_FETCH))
        guest_panic(context, __LINE__);
    context->machine = NULL; /* a fault in here is ours */
    guest_lock();
    touch =
        guest_window_touch(context, machine->window, address, context->error_code & ERROR_STORE);
    guest_unlock();
    if (touch == GUEST_TOUCH_NO_MEMORY)
        machine->failed = NUB_ERR_NO_MEMORY;
    if (touch != GUEST_TOUCH_AGAIN)
        leave_program(context, machine, address);
    context->machine = machine;
}
