/* machine.c - a machine in the guest, driven from here
 *
 * The guest holds its memory and code, the host registers, pc and gas. Every number that comes back
 * is checked before it is used; a machine whose guest was restarted is lost. */
#include "kvm-private.h"
#include "bytes.h"
#include <stdlib.h>
#include <string.h>

#define END      ((uint64_t)1 << 32)
#define MAX_OWN  ((uint64_t)1 << 20) /* pages that a machine can have */
#define GAS_NS   100u /* what a unit of gas may take at most, first touches included */
#define BYTE_NS  20u  /* what a byte of guest memory may take at most */
#define NO_LIMIT ((uint64_t)1 << 40) /* gas beyond which time tells nothing */

uint64_t
nub_kvm_work_limit(const struct nub_kvm *kvm)
{
    return kvm->guest.watchdog_ns + kvm->guest.spec.memory_size * BYTE_NS;
}

uint64_t
nub_kvm_run_limit(const struct nub_kvm *kvm, uint64_t gas)
{
    return gas < NO_LIMIT ? nub_kvm_work_limit(kvm) + gas * GAS_NS : 0;
}

bool
nub_kvm_is_result(const struct nub_result *result, uint64_t gas)
{
    if (result->gas_remaining > gas || result->gas_remaining > NUB_GAS_MAX)
        return false;
    switch (result->exit_reason) {
    case NUB_EXIT_HALT:
    case NUB_EXIT_PANIC:
    case NUB_EXIT_OUT_OF_GAS:
    case NUB_EXIT_ECALL:
    case NUB_EXIT_TRAP:
        return result->exit_arg == 0;
    case NUB_EXIT_PAGE_FAULT:
        return result->exit_arg % NUB_PAGE_SIZE == 0;
    case NUB_EXIT_HOST_CALL:
        return true;
    default:
        return false;
    }
}

enum nub_status
nub_machine_lost(struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_GUEST_LOST, "session: its guest was lost and restarted");
}

enum nub_status
nub_machine_request(struct nub_machine *machine, const struct nub_lane_call *call,
                    struct nub_failure *failure)
{
    struct nub_guest *guest = &machine->kvm->guest;
    struct nub_lane *lane = &guest->lanes[machine->lane];
    NUB_LOCKED(&lane->lock);

    if (guest->generation != machine->generation)
        return nub_machine_lost(failure);
    return nub_lane_call(lane, call, failure);
}

/* ---- opening and closing ----------------------------------------------------------------- */

static enum nub_status
open_in_guest(struct nub_machine *machine, const struct nub_machine_args *args,
              struct nub_packet_open *packet, struct nub_failure *failure)
{
    struct nub_kvm *kvm = machine->kvm;
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_OPEN,
                                        .packet = packet,
                                        .packet_size = sizeof *packet,
                                        .reply = packet,
                                        .reply_size = sizeof *packet,
                                        .limit_ns = nub_kvm_work_limit(machine->kvm) };
    uint32_t hint = 0;
    struct nub_lane *lane;
    enum nub_status status;

    *packet = (struct nub_packet_open){ .instance = args->instance,
                                        .endpoint = args->endpoint,
                                        .resume = args->resume,
                                        .gas_model = args->gas_model,
                                        .mem_cycles = args->mem_cycles };
    nub_book_lane(kvm, &args->instance, &hint);
    status = nub_lane_take(kvm, hint, &lane, failure);
    if (status)
        return status;
    machine->lane = lane->index;
    machine->generation = kvm->guest.generation;
    status = nub_lane_call(lane, &call, failure);
    nub_lane_give(lane);
    return status;
}

/* A guest may say yes to anything; from here on the entry is used as what it is said to be. */
static bool
is_runnable(struct nub_kvm *kvm, const struct nub_dir_entry *entry, bool resume)
{
    const struct nub_dir_entry *image;

    if (entry->cap.kind != NUB_CAP_INSTANCE || (entry->cap.u.instance.phase == 1) != resume)
        return false;
    image = nub_book_find_kept(kvm, entry->cap.u.instance.image);
    return image && image->cap.kind == NUB_CAP_IMAGE;
}

enum nub_status
nub_machine_open(struct nub_machine *machine, struct nub_kvm *kvm,
                 const struct nub_machine_args *args, struct nub_failure *failure)
{
    struct nub_dir_entry *entry = nub_book_pin(kvm, &args->instance);
    struct nub_packet_open packet;
    struct nub_retry retry = { 0 };
    enum nub_status status;

    if (!entry)
        return nub_fail_hash(failure, NUB_ERR_NOT_PUBLISHED, &args->instance,
                             "instance %h: not published", &args->instance);
    *machine = (struct nub_machine){ .kvm = kvm, .instance = entry->hash, .entry = entry };
    do {
        status = open_in_guest(machine, args, &packet, failure);
    } while (status && nub_residence_retry(kvm, &args->instance, &retry, &status, failure));
    if (!status && !is_runnable(kvm, entry, args->resume))
        status = nub_kvm_corrupt(kvm, "opened what cannot run", failure);
    if (status) {
        nub_book_unpin(kvm, entry);
        return status;
    }
    machine->session = packet.session;
    machine->root = packet.root;
    machine->input_zone = packet.input_zone != 0;
    machine->pc = packet.pc;
    memcpy(machine->regs, packet.regs, sizeof machine->regs);
    nub_count(&kvm->sessions, 1);
    return NUB_OK;
}

void
nub_machine_forget(struct nub_machine *machine)
{
    nub_memplan_clear(&machine->plan, &machine->kvm->alloc);
    free(machine->mapped);
    free(machine->laid);
    *machine = (struct nub_machine){ 0 };
}

void
nub_machine_close(struct nub_machine *machine)
{
    const struct nub_packet_memory packet = { .session = machine->session,
                                              .written = machine->written };
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_CLOSE,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .limit_ns = machine->kvm->guest.watchdog_ns };

    /* A guest that is lost has nothing to close. */
    if (!machine->closed)
        (void)nub_machine_request(machine, &call, NULL);
    nub_book_unpin(machine->kvm, machine->entry);
    nub_machine_forget(machine);
}

/* ---- running ----------------------------------------------------------------------------- */

static enum nub_status
judge_reply(struct nub_machine *machine, const struct nub_packet_state *reply,
            const struct nub_give_up *give_up, struct nub_failure *failure)
{
    const struct nub_result *result = &reply->result;

    if (reply->gas != result->gas_remaining || reply->regs[7] != result->return_value)
        return nub_kvm_corrupt(machine->kvm, "contradicts itself", failure);
    if (result->exit_reason == NUB_RUN_STOPPED && result->gas_remaining <= machine->gas) {
        if (give_up && give_up->deadline_ns && nub_monotonic_ns() >= give_up->deadline_ns)
            return nub_fail(failure, NUB_ERR_TIMED_OUT, "the deadline passed");
        return nub_fail(failure, NUB_ERR_CANCELLED, "the call was cancelled");
    }
    if (result->exit_reason == NUB_RUN_NO_MEMORY) {
        machine->torn = true;
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "guest memory is full");
    }
    if (!nub_kvm_is_result(result, machine->gas))
        return nub_kvm_corrupt(machine->kvm, "a run ended in a way that does not exist", failure);
    return NUB_OK;
}

/* Whether there is no point in beginning. */
static enum nub_status
judge_give_up(const struct nub_give_up *give_up, struct nub_failure *failure)
{
    if (!give_up)
        return NUB_OK;
    if (give_up->cancel && __atomic_load_n(give_up->cancel, __ATOMIC_ACQUIRE))
        return nub_fail(failure, NUB_ERR_CANCELLED, "the call was cancelled");
    if (give_up->deadline_ns && nub_monotonic_ns() >= give_up->deadline_ns)
        return nub_fail(failure, NUB_ERR_TIMED_OUT, "the deadline passed");
    return NUB_OK;
}

/* The request, and with it the pages that the host has written. */
static enum nub_status
request_run(struct nub_machine *machine, const struct nub_lane_call *call,
            struct nub_failure *failure)
{
    struct nub_guest *guest = &machine->kvm->guest;
    struct nub_lane *lane = &guest->lanes[machine->lane];
    NUB_LOCKED(&lane->lock);
    enum nub_status status;

    if (guest->generation != machine->generation || nub_guest_is_broken(guest))
        return nub_machine_lost(failure);
    if (machine->n_laid > 0)
        memcpy(nub_vm_lane(&guest->vm, lane->index) + NUB_LANE_BULK, machine->laid,
               machine->n_laid * sizeof *machine->laid);
    status = nub_lane_call(lane, call, failure);
    if (!status) {
        machine->n_laid = 0;
        machine->has_run = true;
    }
    return status;
}

enum nub_status
nub_machine_run(struct nub_machine *machine, const struct nub_give_up *give_up,
                struct nub_failure *failure)
{
    struct nub_packet_state packet = { .session = machine->session,
                                       .pc = machine->pc,
                                       .n_laid = machine->n_laid,
                                       .gas = machine->gas };
    struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_RUN,
                                  .packet = &packet,
                                  .packet_size = sizeof packet,
                                  .reply = &packet,
                                  .reply_size = sizeof packet,
                                  .limit_ns = nub_kvm_run_limit(machine->kvm, machine->gas) };
    enum nub_status status = judge_give_up(give_up, failure);

    if (status)
        return status;
    if (give_up) {
        call.cancel = give_up->cancel;
        call.deadline_ns = give_up->deadline_ns;
    }
    memcpy(packet.regs, machine->regs, sizeof packet.regs);
    status = request_run(machine, &call, failure);
    if (!status)
        status = judge_reply(machine, &packet, give_up, failure);
    if (status)
        return status;
    memcpy(machine->regs, packet.regs, sizeof machine->regs);
    machine->pc = packet.pc;
    machine->gas = packet.gas;
    machine->reason = packet.result.exit_reason;
    machine->arg = packet.result.exit_arg;
    return NUB_OK;
}

void
nub_machine_result(const struct nub_machine *machine, struct nub_result *result)
{
    *result = (struct nub_result){ .exit_reason = machine->reason,
                                   .exit_arg = machine->arg,
                                   .return_value = machine->regs[7],
                                   .gas_remaining = machine->gas };
}

/* ---- mapping ----------------------------------------------------------------------------- */

/* Commits count on it that ranges are whole pages and apart, so a guest's word does not do. */
static bool
overlaps_mapped(const struct nub_machine *machine, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < machine->n_mapped; i++) {
        const struct nub_mapped *mapped = &machine->mapped[i];
        if (address < mapped->start + mapped->size && mapped->start < address + size)
            return true;
    }
    return false;
}

enum nub_status
nub_machine_map(struct nub_machine *machine, uint64_t address, uint64_t size, uint32_t access,
                struct nub_failure *failure)
{
    const struct nub_packet_memory packet = {
        .session = machine->session, .address = address, .size = size, .access = access
    };
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_MAP,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .limit_ns = nub_kvm_work_limit(machine->kvm) };
    uint32_t capacity = machine->mapped_capacity ? machine->mapped_capacity * 2 : 4;
    enum nub_status status;

    if (size == 0 || (address | size) % NUB_PAGE_SIZE != 0 || address > END || size > END - address)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "%U bytes at %X: not whole pages below 2^32", size, address);
    if (machine->n_mapped == machine->mapped_capacity) {
        struct nub_mapped *mapped = realloc(machine->mapped, capacity * sizeof *mapped);
        if (!mapped)
            return nub_kvm_no_memory(failure);
        machine->mapped = mapped;
        machine->mapped_capacity = capacity;
    }
    status = nub_machine_request(machine, &call, failure);
    if (!status && overlaps_mapped(machine, address, size))
        status = nub_kvm_corrupt(machine->kvm, "mapped a page twice", failure);
    if (!status)
        machine->mapped[machine->n_mapped++] = (struct nub_mapped){ address, size, access };
    return status;
}

/* ---- pages ------------------------------------------------------------------------------- */

static int
compare_pages(const void *left, const void *right)
{
    const struct nub_page_copy *a = left, *b = right;

    return (a->address > b->address) - (a->address < b->address);
}

/* Copies the pages that one answer lists. The list itself is copied first: the guest can write it.
 */
static enum nub_status
copy_listed(struct nub_machine *machine, const struct nub_lane *lane, uint64_t count,
            struct nub_page_copy *pages, struct nub_failure *failure)
{
    const struct nub_vm *vm = &machine->kvm->guest.vm;
    const uint8_t *bulk = nub_vm_lane(vm, lane->index) + NUB_LANE_BULK;

    for (uint64_t i = 0; i < count; i++) {
        struct nub_guest_page page;
        const uint8_t *content;

        memcpy(&page, bulk + i * sizeof page, sizeof page);
        content = nub_vm_at(vm, page.content, NUB_PAGE_SIZE);
        if (!content || page.address % NUB_PAGE_SIZE != 0)
            return nub_kvm_corrupt(machine->kvm, "lists a page that is none", failure);
        pages[i].address = page.address;
        memcpy(pages[i].bytes, content, NUB_PAGE_SIZE);
    }
    return NUB_OK;
}

/* One answer's worth of pages, appended; `*more`: that was not all. */
static enum nub_status
append_pages(struct nub_machine *machine, struct nub_page_copy **pages, uint64_t *n, bool *more,
             struct nub_failure *failure)
{
    const uint64_t room = NUB_LANE_BULK_SIZE / sizeof(struct nub_guest_page);
    struct nub_guest *guest = &machine->kvm->guest;
    struct nub_lane *lane = &guest->lanes[machine->lane];
    struct nub_packet_pages packet = { .session = machine->session, .first = *n };
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_PAGES,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .reply = &packet,
                                        .reply_size = sizeof packet,
                                        .limit_ns = guest->watchdog_ns };
    NUB_LOCKED(&lane->lock);
    struct nub_page_copy *grown;
    enum nub_status status;

    if (guest->generation != machine->generation)
        return nub_machine_lost(failure);
    status = nub_lane_call(lane, &call, failure);
    if (status)
        return status;
    /* each lies in guest memory; one page listed 2^20 times would cost the host 4 GiB */
    if (packet.count > room || *n + packet.count > MAX_OWN ||
        *n + packet.count > guest->vm.memory_size / NUB_PAGE_SIZE)
        return nub_kvm_corrupt(machine->kvm, "lists more pages than there are", failure);
    *more = packet.count == room;
    if (packet.count == 0)
        return NUB_OK;
    grown = realloc(*pages, (*n + packet.count) * sizeof **pages);
    if (!grown)
        return nub_kvm_no_memory(failure);
    *pages = grown;
    status = copy_listed(machine, lane, packet.count, grown + *n, failure);
    *n += packet.count;
    return status;
}

enum nub_status
nub_machine_pages(struct nub_machine *machine, struct nub_page_copy **pages, uint32_t *n,
                  struct nub_failure *failure)
{
    enum nub_status status = nub_machine_settle(machine, failure);
    uint64_t count = 0;
    bool more = true;

    *pages = NULL;
    while (!status && more)
        status = append_pages(machine, pages, &count, &more, failure);
    if (!status && count > 0)
        qsort(*pages, count, sizeof **pages, compare_pages);
    for (uint64_t i = 1; !status && i < count; i++) {
        if ((*pages)[i].address == (*pages)[i - 1].address)
            status = nub_kvm_corrupt(machine->kvm, "lists a page twice", failure);
    }
    *n = (uint32_t)count;
    if (status) {
        free(*pages);
        *pages = NULL;
    }
    return status;
}

enum nub_status
nub_machine_derive_inlock(struct nub_machine *machine, const struct nub_packet_derive *packet,
                          const struct nub_guest_change *changes)
{
    struct nub_guest *guest = &machine->kvm->guest;
    struct nub_lane *lane = &guest->lanes[machine->lane];
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_DERIVE,
                                        .packet = packet,
                                        .packet_size = sizeof *packet,
                                        .limit_ns = nub_kvm_work_limit(machine->kvm) };

    if (nub_guest_is_broken(guest))
        return nub_machine_lost(NULL);
    if (packet->n_changes > 0)
        memcpy(nub_vm_lane(&guest->vm, lane->index) + NUB_LANE_BULK, changes,
               packet->n_changes * sizeof *changes);
    return nub_lane_call(lane, &call, NULL);
}

void
nub_machine_follow(struct nub_machine *machine, struct nub_dir_entry *successor)
{
    uint32_t kept = 0;

    machine->entry = successor;
    nub_memplan_clear(&machine->plan, &machine->kvm->alloc);
    machine->has_plan = false;
    machine->written = false;
    /* what was mapped to be written is the successor's own memory */
    for (uint32_t i = 0; i < machine->n_mapped; i++) {
        if (machine->mapped[i].access == NUB_ACCESS_READ_ONLY)
            machine->mapped[kept++] = machine->mapped[i];
    }
    machine->n_mapped = kept;
}
