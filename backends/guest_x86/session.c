/* session.c - live machines: an instance's program on memory of its own (caps.md 4.5)
 *
 * The guest keeps the memory and the code, the host the registers, pc and gas, which come and go
 * with each run. A session belongs to the lane that opened it. While it does not run the host reads
 * its pages where they are and writes those that are its own (backends/kvm/memory.c): here such
 * pages are made, and what the host has written without one is laid. */
#include "guest.h"
#include "failure.h"
#include "mem.h"
#include "successor.h"

#define END         (1ull << 32)
#define INPUT_BEGIN 0xFEFF0000ull
#define INPUT_END   0xFFFF0000ull

struct session {
    uint32_t lane;
    struct nub_dir_entry *entry; /* pinned */
    struct guest_code *code;     /* held */
    struct guest_window *window;
};

static struct session **sessions; /* (lock) by number - 1 */
static uint32_t n_sessions;

static int32_t
no_memory(struct nub_mailbox *mailbox)
{
    return nub_fail(&mailbox->failure, NUB_ERR_NO_MEMORY, "guest memory is full");
}

static struct session *
session_at(const struct guest_context *context, uint64_t number)
{
    struct session *session = number - 1 < n_sessions ? sessions[number - 1] : NULL;

    return session && session->lane == context->lane ? session : NULL;
}

static int32_t
no_session(struct nub_mailbox *mailbox)
{
    return nub_fail(&mailbox->failure, NUB_ERR_INVALID_ARGUMENT, "no such session on this lane");
}

/* A free number; 0: no memory. */
static uint64_t
free_number(void)
{
    uint32_t old = n_sessions, more = old ? old * 2 : 16;
    struct session **table;

    for (uint32_t i = 0; i < n_sessions; i++) {
        if (!sessions[i])
            return i + 1;
    }
    table =
        guest.alloc.realloc(guest.alloc.ctx, sessions, old * sizeof *table, more * sizeof *table);
    if (!table)
        return 0;
    memset(table + old, 0, (more - old) * sizeof *table);
    sessions = table;
    n_sessions = more;
    return old + 1;
}

static bool
has_input_page(const struct nub_memplan *plan)
{
    for (uint32_t i = 0; i < plan->n_regions; i++) {
        const struct nub_region *region = &plan->regions[i];
        if (region->start < INPUT_END && region->start + region->size > INPUT_BEGIN)
            return true;
    }
    return false;
}

static struct session *
session_new(struct guest_context *context, struct guest_instance *instance, struct guest_code *code)
{
    struct session *session = nub_alloc(&guest.alloc, sizeof *session);

    if (!session)
        return NULL;
    *session = (struct session){ .lane = context->lane, .entry = instance->entry, .code = code };
    session->window = guest_window_take(context, instance);
    if (!session->window) {
        nub_free(&guest.alloc, session, sizeof *session);
        return NULL;
    }
    nub_dir_pin(guest.dir, instance->entry);
    return session;
}

/* Where the machine begins: at the endpoint, or where it was paused. */
static void
fill_start(struct nub_packet_open *packet, const struct guest_instance *instance, bool resume)
{
    const struct nub_instance *state = &instance->entry->cap.u.instance;
    const struct guest_endpoint *endpoint = resume ? NULL : &instance->endpoints[packet->endpoint];

    memcpy(packet->regs, resume ? state->regs : endpoint->regs, sizeof packet->regs);
    packet->pc = resume ? (uint32_t)state->pc : endpoint->pc;
    packet->input_zone = has_input_page(&instance->plan);
}

int32_t
guest_answer_open(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_open *packet = (void *)mailbox->packet;
    const struct nub_guest_boot *boot = guest_boot();
    const struct guest_target target = { &packet->instance, packet->endpoint, packet->resume != 0 };
    uint32_t model = packet->gas_model ? packet->gas_model : boot->gas_model;
    uint32_t cycles = packet->mem_cycles ? packet->mem_cycles : boot->mem_cycles;
    uint64_t number = free_number();
    struct guest_instance *instance;
    struct guest_code *code;
    enum nub_status status = guest_resolve(&instance, &target, &mailbox->failure);

    if (status)
        return status;
    status = guest_code_hold(&code, instance->image, model, cycles, &mailbox->failure);
    if (status)
        return status;
    if (!number || !(sessions[number - 1] = session_new(context, instance, code))) {
        guest_code_release(code);
        return no_memory(mailbox);
    }
    fill_start(packet, instance, target.resume);
    packet->session = number;
    packet->root = sessions[number - 1]->window->root;
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

static void
close_session(struct guest_context *context, uint64_t number)
{
    struct session *session = sessions[number - 1];

    sessions[number - 1] = NULL;
    guest_window_return(context, session->window, session->entry->user);
    guest_code_release(session->code);
    nub_dir_unpin(guest.dir, session->entry);
    nub_free(&guest.alloc, session, sizeof *session);
}

int32_t
guest_answer_close(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_memory *packet = (const void *)mailbox->packet;
    struct session *session = session_at(context, packet->session);

    if (!session)
        return no_session(mailbox);
    if (packet->written)
        session->window->as_planned = false;
    close_session(context, packet->session);
    return NUB_OK;
}

/* ---- the host's accesses ----------------------------------------------------------------- */

/* The session's own page at an address that is mapped, made if need be; NULL: no memory. */
static uint8_t *
own_page(struct guest_context *context, struct session *session, uint64_t address)
{
    uint8_t *page;

    while (!(page = guest_window_own(session->window, (uint32_t)address))) {
        if (!guest_window_reclaim(context))
            return NULL;
    }
    return page;
}

/* First all pages, then their bytes: after the first nothing can fail. */
static bool
lay(struct guest_context *context, struct session *session, uint32_t n)
{
    const struct nub_guest_laid *laid = (const void *)(guest_lane(context->lane) + NUB_LANE_BULK);

    for (uint32_t i = 0; i < n; i++) {
        if (!own_page(context, session, laid[i].address))
            return false;
    }
    for (uint32_t i = 0; i < n; i++)
        memcpy(own_page(context, session, laid[i].address), laid[i].bytes, HEAP_PAGE);
    return true;
}

int32_t
guest_answer_own(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_memory *packet = (const void *)mailbox->packet;
    struct session *session = session_at(context, packet->session);

    if (!session)
        return no_session(mailbox);
    for (uint64_t at = packet->address; at < packet->address + packet->size; at += HEAP_PAGE) {
        if (!own_page(context, session, at))
            return no_memory(mailbox);
        guest_beat(context);
    }
    return NUB_OK;
}

int32_t
guest_answer_map(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_memory *packet = (const void *)mailbox->packet;
    struct session *session = session_at(context, packet->session);
    struct guest_view view;

    if (!session)
        return no_session(mailbox);
    if (packet->size == 0 || (packet->address | packet->size) % HEAP_PAGE != 0 ||
        packet->address > END || packet->size > END - packet->address)
        return nub_fail(&mailbox->failure, NUB_ERR_INVALID_ARGUMENT,
                        "%U bytes at %X: not whole pages below 2^32", packet->size,
                        packet->address);
    for (uint64_t page = packet->address; page < packet->address + packet->size;
         page += HEAP_PAGE) {
        guest_window_view(session->window, (uint32_t)page, &view);
        if (view.mapped)
            return nub_fail_at(&mailbox->failure, NUB_ERR_ALREADY_MAPPED, page,
                               "page %X: mapped already", page);
    }
    if (!guest_window_map(session->window, packet->address, packet->size, packet->access))
        return no_memory(mailbox);
    return NUB_OK;
}

int32_t
guest_answer_pages(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_pages *packet = (void *)mailbox->packet;
    struct nub_guest_page *pages = (void *)(guest_lane(context->lane) + NUB_LANE_BULK);
    const uint64_t room = NUB_LANE_BULK_SIZE / sizeof *pages;
    struct session *session = session_at(context, packet->session);
    const struct guest_window *window;

    if (!session)
        return no_session(mailbox);
    window = session->window;
    for (packet->count = 0; packet->count < room && packet->first + packet->count < window->n_own;
         packet->count++) {
        uint32_t i = (uint32_t)(packet->first + packet->count);
        bool writable;
        uint64_t content = guest_window_own_at(window, i, &writable);
        pages[packet->count] = (struct nub_guest_page){ window->own[i], writable, content };
    }
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

/* ---- the successor ----------------------------------------------------------------------- */

/* The listed changes, each with what the session has there. */
static int32_t
read_changes(struct guest_context *context, struct nub_mailbox *mailbox,
             const struct session *session, struct nub_page_change *changes, uint32_t n)
{
    const struct nub_guest_change *list = (const void *)(guest_lane(context->lane) + NUB_LANE_BULK);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t address = list[i].address;
        struct guest_view view;

        guest_window_view(session->window, address, &view);
        if (address % HEAP_PAGE != 0 || !view.mapped || (i > 0 && address <= list[i - 1].address))
            return nub_fail_at(&mailbox->failure, NUB_ERR_INVALID_ARGUMENT, address,
                               "change %u: page %x is not one, or not in order", i, address);
        changes[i].address = address;
        changes[i].bytes = list[i].dropped ? NULL
                           : view.bytes    ? view.bytes
                                           : guest_at(guest.zero_page);
    }
    return NUB_OK;
}

/* Puts it, unless the host names what is here already. One put each, as with what is brought. */
static int32_t
put_successor(struct nub_mailbox *mailbox, const struct nub_successor_copy *copy)
{
    const struct nub_dir_entry *same = nub_dir_find(guest.dir, &copy->hash);
    struct nub_dir_entry *prepared;

    if (same && (same->puts > 0 || nub_dir_put_present(guest.dir, &copy->hash)))
        return NUB_OK;
    prepared = nub_successor_copy(guest.dir, copy);
    if (!prepared)
        return no_memory(mailbox);
    return nub_dir_put_successor(guest.dir, prepared, &mailbox->failure);
}

static int32_t
derive(struct guest_context *context, struct nub_mailbox *mailbox, const struct session *session,
       const struct nub_packet_derive *packet)
{
    size_t size = packet->n_changes * sizeof(struct nub_page_change);
    struct nub_page_change *changes = size ? nub_alloc(&guest.alloc, size) : NULL;
    struct nub_successor_copy copy = { .base = session->entry,
                                       .hash = packet->successor,
                                       .changes = changes,
                                       .n_changes = packet->n_changes,
                                       .phase = (uint8_t)packet->phase,
                                       .pc = packet->pc,
                                       .gas_remaining = packet->gas };
    int32_t status;

    if (size && !changes)
        return no_memory(mailbox);
    memcpy(copy.regs, packet->regs, sizeof copy.regs);
    status = read_changes(context, mailbox, session, changes, packet->n_changes);
    if (!status)
        status = put_successor(mailbox, &copy);
    nub_free(&guest.alloc, changes, size);
    return status;
}

/* The session goes on as if it had been opened on its successor and had run to here. */
static int32_t
move_on(struct nub_mailbox *mailbox, struct session *session, const struct nub_hash *successor)
{
    struct nub_dir_entry *entry = nub_dir_find(guest.dir, successor);
    struct guest_instance *instance = guest_instance_derive(entry, session->entry->user);

    if (!instance) {
        nub_dir_drop(guest.dir, successor, NULL);
        return no_memory(mailbox);
    }
    nub_dir_pin(guest.dir, entry);
    guest_window_follow(session->window, &instance->plan);
    nub_dir_unpin(guest.dir, session->entry);
    session->entry = entry;
    return NUB_OK;
}

int32_t
guest_answer_derive(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_derive *packet = (const void *)mailbox->packet;
    struct session *session = session_at(context, packet->session);
    int32_t status;

    if (packet->n_gone > NUB_DERIVE_GONE || packet->phase > 1 ||
        packet->n_changes > NUB_DERIVE_CHANGES)
        return nub_fail(&mailbox->failure, NUB_ERR_INVALID_ARGUMENT, "no such successor");
    for (uint32_t i = 0; i < packet->n_gone; i++)
        nub_dir_drop(guest.dir, &packet->gone[i], NULL);
    if (!session)
        return no_session(mailbox);
    status = derive(context, mailbox, session, packet);
    if (!status)
        status = move_on(mailbox, session, &packet->successor);
    if (!status && packet->close)
        close_session(context, packet->session);
    return status;
}

/* ---- running ------------------------------------------------------------------------------ */

int32_t
guest_answer_run(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_state *packet = (void *)mailbox->packet;
    struct session *session = session_at(context, packet->session);
    struct guest_machine machine;
    struct nub_jit_state *state = &machine.state;
    enum nub_status status;
    bool stopped = false;

    if (!session)
        return no_session(mailbox);
    if (packet->n_laid > NUB_GUEST_MAX_LAID || !lay(context, session, packet->n_laid))
        return no_memory(mailbox);
    machine.code = session->code;
    machine.window = session->window;
    memcpy(state->regs, packet->regs, sizeof state->regs);
    state->pc = packet->pc;
    state->gas = packet->gas < NUB_GAS_MAX ? packet->gas : NUB_GAS_MAX;
    status = guest_run(context, &machine, &stopped, &mailbox->failure);
    memcpy(packet->regs, state->regs, sizeof packet->regs);
    packet->pc = state->pc;
    packet->gas = state->gas;
    packet->result = (struct nub_result){ .exit_reason = status    ? NUB_RUN_NO_MEMORY
                                                         : stopped ? NUB_RUN_STOPPED
                                                                   : state->exit_reason,
                                          .exit_arg = status || stopped ? 0 : state->exit_arg,
                                          .return_value = state->regs[7],
                                          .gas_remaining = state->gas };
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}
