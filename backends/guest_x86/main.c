/* main.c - the guest's loop: waits for a request in its mailbox, answers it, waits again
 *
 * Never leaves guest mode while requests come: an exit costs more than most requests do. Waiting
 * is bounded by the host's `spin`; then the lane says that it is idle, looks once more and leaves.
 * See guest-abi.h for the protocol, docs/guest.md for the order of the stores. */
#include "guest.h"
#include "failure.h"
#include "guest-abi-check.h"
#include "mem.h"

struct guest_kernel guest;

static uint32_t kernel_lock;
static uint32_t is_ready; /* (lock) the kernel's own data has been made */

void
guest_lock(void)
{
    while (__atomic_exchange_n(&kernel_lock, 1, __ATOMIC_ACQUIRE) != 0) {
        while (__atomic_load_n(&kernel_lock, __ATOMIC_RELAXED) != 0)
            __builtin_ia32_pause();
    }
}

void
guest_unlock(void)
{
    __atomic_store_n(&kernel_lock, 0, __ATOMIC_RELEASE);
}

void
guest_beat(struct guest_context *context)
{
    struct nub_mailbox *mailbox = guest_mailbox(context->lane);

    __atomic_store_n(&mailbox->heartbeat, mailbox->heartbeat + 1, __ATOMIC_RELAXED);
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

static int32_t
answer_heap_stats(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_heap_stats *packet = (void *)mailbox->packet;

    (void)context;
    *packet = (struct nub_packet_heap_stats){ .allocated_bytes = guest.heap.allocated_bytes,
                                              .allocations = guest.heap.allocations,
                                              .fragments = guest.heap.fragments,
                                              .available = heap_available(&guest.heap) };
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

static int32_t
answer_stats(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_stats *packet = (void *)mailbox->packet;
    struct nub_dir_stats dir = nub_dir_stats(guest.dir);

    (void)context;
    *packet = guest.stats;
    packet->caps = dir.caps;
    packet->cap_bytes = dir.bytes;
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

static int32_t
answer_evict(struct guest_context *context, struct nub_mailbox *mailbox)
{
    (void)context;
    (void)mailbox;
    guest_code_evict();
    return NUB_OK;
}

/* Every request that this image knows. The size is that of the packet it reads. */
static const struct {
    guest_request_fn answer;
    uint32_t size;
} requests[] = {
    [NUB_REQUEST_BOOT_INFO] = { answer_boot_info, 0 },
    [NUB_REQUEST_HEAP_STATS] = { answer_heap_stats, 0 },
    [NUB_REQUEST_INVOKE_CACHED] = { guest_answer_invoke, sizeof(struct nub_packet_invoke) },
    [NUB_REQUEST_CAP_ROOM] = { guest_answer_room, sizeof(struct nub_packet_room) },
    [NUB_REQUEST_PUT_CAP] = { guest_answer_put, sizeof(struct nub_packet_cap) },
    [NUB_REQUEST_DROP_CAP] = { guest_answer_drop, sizeof(struct nub_packet_cap) },
    [NUB_REQUEST_CONTAINS] = { guest_answer_contains, sizeof(struct nub_packet_cap) },
    [NUB_REQUEST_EVICT] = { answer_evict, 0 },
    [NUB_REQUEST_STATS] = { answer_stats, 0 },
    [NUB_REQUEST_SHED] = { guest_answer_shed, 0 },
    [NUB_REQUEST_SESSION_OPEN] = { guest_answer_open, sizeof(struct nub_packet_open) },
    [NUB_REQUEST_SESSION_RUN] = { guest_answer_run, sizeof(struct nub_packet_state) },
    [NUB_REQUEST_SESSION_OWN] = { guest_answer_own, sizeof(struct nub_packet_memory) },
    [NUB_REQUEST_SESSION_MAP] = { guest_answer_map, sizeof(struct nub_packet_memory) },
    [NUB_REQUEST_SESSION_PAGES] = { guest_answer_pages, sizeof(struct nub_packet_pages) },
    [NUB_REQUEST_SESSION_CLOSE] = { guest_answer_close, sizeof(struct nub_packet_memory) },
    [NUB_REQUEST_SESSION_DERIVE] = { guest_answer_derive, sizeof(struct nub_packet_derive) },
    [NUB_REQUEST_SMOKE] = { answer_smoke, sizeof(struct nub_packet_smoke) },
};

static void
answer(struct guest_context *context, struct nub_mailbox *mailbox)
{
    uint32_t id = mailbox->request;

    mailbox->reply_size = 0;
    mailbox->failure.struct_size = sizeof mailbox->failure;
    guest_lock();
    if (context->orphans)
        guest_window_free_orphans(context);
    if (id >= sizeof requests / sizeof requests[0] || !requests[id].answer ||
        requests[id].size != mailbox->request_size)
        mailbox->status =
            nub_fail(&mailbox->failure, NUB_ERR_NOT_SUPPORTED, "no such request: %u", id);
    else
        mailbox->status = requests[id].answer(context, mailbox);
    guest_unlock();
}

/* What a reply need not wait for. */
static void
tidy_up(struct guest_context *context)
{
    if (!context->dirty)
        return;
    guest_lock();
    if (context->dirty)
        guest_window_clean(context->dirty);
    context->dirty = NULL;
    guest_unlock();
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

/* Heap, directory, and the page of zeros: the first lane to get here makes them for all. */
static bool
init_kernel(void)
{
    uint8_t *zero;

    heap_init(&guest.heap, guest_at(NUB_GUEST_HEAP), guest_boot()->memory_size - NUB_GUEST_HEAP);
    guest.alloc = (struct nub_alloc){ &guest.heap, heap_realloc, heap_blob_new, heap_blob_free };
    guest.jit_features = nub_jit_cpu_features();
    zero = heap_pages(&guest.heap, 1);
    if (!zero)
        return false;
    memset(zero, 0, HEAP_PAGE);
    guest.zero_page = guest_physical(zero);
    return guest_caps_init();
}

static void
init(struct guest_context *context, uint32_t lane)
{
    context->self = (uint64_t)context;
    context->lane = lane;
    context->root = guest_boot()->root;
    guest_lock();
    if (!is_ready && !init_kernel())
        guest_panic(context, __LINE__);
    is_ready = 1;
    context->tail_code = heap_pages(&guest.heap, NUB_JIT_TAIL_SIZE / HEAP_PAGE);
    if (!context->tail_code)
        guest_panic(context, __LINE__);
    guest_unlock();
}

void
nub_guest_main(uint32_t lane)
{
    struct guest_context *context = guest_context(lane);
    struct nub_mailbox *mailbox = guest_mailbox(lane);
    uint64_t last = 0;

    init(context, lane);
    for (;;) {
        last = next_request(mailbox, last);
        answer(context, mailbox);
        __atomic_store_n(&mailbox->answered, last, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&mailbox->notify, __ATOMIC_SEQ_CST))
            guest_out((uint16_t)(NUB_PORT_DOORBELL + lane), 0);
        tidy_up(context);
    }
}
