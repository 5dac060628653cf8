/* main.c - the guest's loop: waits for a request in its mailbox, answers it, waits again
 *
 * Never leaves guest mode while requests come: an exit costs more than most requests do. Waiting
 * is bounded by the host's `spin`; then the lane says that it is idle, looks once more and leaves.
 * See guest-abi.h for the protocol, docs/guest.md for the order of the stores. */
#include "guest.h"
#include "guest-abi-check.h"
#include "mem.h"

static uint32_t kernel_lock;

void
guest_lock(void)
{
    while (__atomic_exchange_n(&kernel_lock, 1, __ATOMIC_ACQUIRE) != 0)
        __builtin_ia32_pause();
}

void
guest_unlock(void)
{
    __atomic_store_n(&kernel_lock, 0, __ATOMIC_RELEASE);
}

void
guest_panic(struct guest_context *context, uint32_t line)
{
    struct nub_mailbox *mailbox = guest_mailbox(context->lane);
    const uint64_t why[] = { context->vector, context->rax,        context->rip,
                             context->rsp,    context->error_code, line };

    memcpy(mailbox->panic, why, sizeof why);
    __atomic_store_n(&mailbox->state, NUB_GUEST_DEAD, __ATOMIC_SEQ_CST);
    for (;;)
        guest_out(NUB_PORT_PANIC, 0);
}

static int32_t
answer_smoke(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_smoke *packet = (void *)mailbox->packet;
    uint64_t cs;

    (void)context;
    __asm__ volatile("mov %%cs, %0" : "=r"(cs));
    packet->value += 1;
    packet->cpl = cs & 3;
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

/* The shortest way into CPL0 and back: cheap where the CPU virtualises, dear where KVM emulates. */
static uint64_t
trap_cost(struct guest_context *context)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < 4; i++) {
        uint64_t before = guest_ticks();
        nub_guest_set_root(context->root);
        uint64_t ticks = guest_ticks() - before;
        if (ticks < best)
            best = ticks;
    }
    return best;
}

static int32_t
answer_boot_info(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_boot_info *packet = (void *)mailbox->packet;

    *packet = (struct nub_packet_boot_info){
        .abi_version = NUB_GUEST_ABI_VERSION,
        .lane = context->lane,
        .memory_size = guest_boot()->memory_size,
        .heap_size = guest_boot()->memory_size - NUB_GUEST_HEAP,
        .trap_cost = trap_cost(context),
    };
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

/* Every request that this image knows. The size is that of the packet it reads. */
static const struct {
    guest_request_fn answer;
    uint32_t size;
} requests[] = {
    [NUB_REQUEST_BOOT_INFO] = { answer_boot_info, 0 },
    [NUB_REQUEST_SMOKE] = { answer_smoke, sizeof(struct nub_packet_smoke) },
};

static void
answer(struct guest_context *context, struct nub_mailbox *mailbox)
{
    uint32_t id = mailbox->request;

    mailbox->reply_size = 0;
    if (id >= sizeof requests / sizeof requests[0] || !requests[id].answer ||
        requests[id].size != mailbox->request_size)
        mailbox->status = NUB_ERR_NOT_SUPPORTED;
    else
        mailbox->status = requests[id].answer(context, mailbox);
}

/* Waits for a sequence number other than `last`; bounded, then leaves guest mode and waits again.
 */
static uint64_t
next_request(struct nub_mailbox *mailbox, uint64_t last)
{
    uint64_t begin = guest_ticks();

    for (;;) {
        uint64_t posted = __atomic_load_n(&mailbox->posted, __ATOMIC_ACQUIRE);
        if (posted != last)
            return posted;
        __builtin_ia32_pause();
        if (guest_ticks() - begin < mailbox->spin)
            continue;
        __atomic_store_n(&mailbox->state, NUB_GUEST_IDLE, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&mailbox->posted, __ATOMIC_SEQ_CST) == last)
            guest_out(NUB_PORT_IDLE, 0);
        __atomic_store_n(&mailbox->state, NUB_GUEST_AWAKE, __ATOMIC_SEQ_CST);
        begin = guest_ticks();
    }
}

void
nub_guest_main(uint32_t lane)
{
    struct guest_context *context = guest_context(lane);
    struct nub_mailbox *mailbox = guest_mailbox(lane);
    uint64_t last = 0;

    context->self = (uint64_t)context;
    context->lane = lane;
    context->root = guest_boot()->root;
    for (;;) {
        last = next_request(mailbox, last);
        answer(context, mailbox);
        __atomic_store_n(&mailbox->answered, last, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&mailbox->notify, __ATOMIC_SEQ_CST))
            guest_out((uint16_t)(NUB_PORT_DOORBELL + lane), 0);
    }
}
