/* memory.c - a machine's memory as the host sees it, read and written where it is
 *
 * Nobody changes the pages of a machine that stands still, nor their tables. So the host looks for
 * a page the way the CPU does, and no access waits for the guest. What is not in the tables is what
 * the instance gives; a page that the machine has no copy of yet is written to a copy here, and
 * laid when the machine runs.
 *
 * Tables and pages are a hostile guest's: each entry is copied once, tables must lie in their pool
 * and pages in the heap, four levels are four steps. Such a guest can lie about what its programs
 * see, and the host writes where it could have written itself. */
#include "kvm-private.h"
#include <stdlib.h>
#include <string.h>

#define END ((uint64_t)1 << 32)

/* A page as the host may use it. */
struct view {
    bool mapped;
    const uint8_t *bytes; /* NULL: zeros */
    uint8_t *own;         /* the same, to be written; NULL: the machine has no copy of its own */
};

static uint64_t
page_of(uint64_t address)
{
    return address & ~(uint64_t)(NUB_PAGE_SIZE - 1);
}

/* ---- the guest's memory -------------------------------------------------------------------- */

/* Until unlook() the guest's memory stays mapped. GUEST_LOST: it is another guest's. */
static enum nub_status
look(const struct nub_machine *machine, struct nub_failure *failure)
{
    struct nub_guest *guest = &machine->kvm->guest;

    pthread_rwlock_rdlock(&guest->memory_lock);
    if (guest->generation == machine->generation && !nub_guest_is_broken(guest))
        return NUB_OK;
    pthread_rwlock_unlock(&guest->memory_lock);
    return nub_machine_lost(failure);
}

static void
unlook(const struct nub_machine *machine)
{
    pthread_rwlock_unlock(&machine->kvm->guest.memory_lock);
}

/* The entry of a page; 0: nothing is mapped there. */
static uint64_t
entry_of(const struct nub_machine *machine, uint64_t address)
{
    const uint8_t *memory = machine->kvm->guest.vm.memory;
    uint64_t entry = machine->root;

    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        uint64_t table = entry & NUB_GUEST_PAGE_ADDRESS;
        if (table < NUB_GUEST_PT_POOL || table >= NUB_GUEST_HEAP)
            return 0;
        entry = __atomic_load_n((const uint64_t *)(memory + table) + (address >> shift & 511),
                                __ATOMIC_RELAXED);
        if (!(entry & NUB_GUEST_PAGE_PRESENT))
            return 0;
    }
    return entry & NUB_GUEST_PAGE_USER ? entry : 0;
}

/* ---- what is where ------------------------------------------------------------------------- */

enum nub_status
nub_machine_plan(struct nub_machine *machine, bool with_overlays, struct nub_memplan *plan,
                 struct nub_failure *failure)
{
    struct nub_kvm *kvm = machine->kvm;
    const struct nub_instance *instance = &machine->entry->cap.u.instance;
    NUB_LOCKED(&kvm->book_lock);
    const struct nub_cap *image = nub_book_lookup_inlock(kvm, instance->image);

    if (!image)
        return nub_kvm_corrupt(kvm, "ran an instance without an image", failure);
    return nub_memplan_build(plan, &kvm->alloc, &image->u.image, instance, &machine->entry->hash,
                             with_overlays, nub_book_lookup_inlock, kvm, failure);
}

const struct nub_mapped *
nub_machine_mapped_at(const struct nub_machine *machine, uint64_t address)
{
    for (uint32_t i = 0; i < machine->n_mapped; i++) {
        const struct nub_mapped *mapped = &machine->mapped[i];
        if (address >= mapped->start && address - mapped->start < mapped->size)
            return mapped;
    }
    return NULL;
}

/* What instance and host give there. The plan is made when it is first needed. */
static enum nub_status
view_given(struct nub_machine *machine, uint64_t page, struct view *view,
           struct nub_failure *failure)
{
    const struct nub_region *region;
    enum nub_status status;
    uint64_t offset;

    if (!machine->has_plan) {
        status = nub_machine_plan(machine, true, &machine->plan, failure);
        if (status)
            return status;
        machine->has_plan = true;
    }
    region = nub_memplan_find(&machine->plan, page);
    view->mapped = region || nub_machine_mapped_at(machine, page);
    if (!region)
        return NUB_OK;
    offset = page - region->start;
    view->bytes = offset < region->content.size ? region->content.data + offset : NULL;
    return NUB_OK;
}

static struct nub_guest_laid *
laid_at(const struct nub_machine *machine, uint64_t page)
{
    for (uint32_t i = 0; i < machine->n_laid; i++) {
        if (machine->laid[i].address == page)
            return &machine->laid[i];
    }
    return NULL;
}

static enum nub_status
view_page(struct nub_machine *machine, uint64_t page, struct view *view,
          struct nub_failure *failure)
{
    struct nub_guest_laid *laid = laid_at(machine, page);
    uint64_t entry = laid ? 0 : entry_of(machine, page), physical = entry & NUB_GUEST_PAGE_ADDRESS;
    uint8_t *bytes = laid ? laid->bytes : NULL;
    enum nub_status status;

    *view = (struct view){ .mapped = true, .bytes = bytes, .own = bytes };
    if (laid)
        return NUB_OK;
    /* Before its first run a window may still have pages that the session before had mapped. */
    if (!entry || !machine->has_run) {
        status = view_given(machine, page, view, failure);
        if (status || !entry || !view->mapped)
            return status;
    }
    bytes = physical < NUB_GUEST_HEAP ? NULL
                                      : nub_vm_at(&machine->kvm->guest.vm, physical, NUB_PAGE_SIZE);
    if (!bytes)
        return nub_kvm_corrupt(machine->kvm, "maps a page that is none", failure);
    view->bytes = bytes;
    view->own = entry & NUB_GUEST_PAGE_OWN ? bytes : NULL;
    return NUB_OK;
}

/* ---- ranges -------------------------------------------------------------------------------- */

/* Judges a range, and counts the pages in it that the machine has no copy of. */
static enum nub_status
judge(struct nub_machine *machine, uint64_t address, uint64_t size, uint64_t *n_foreign,
      struct nub_failure *failure)
{
    *n_foreign = 0;
    if (size == 0)
        return NUB_OK;
    for (uint64_t page = page_of(address); page < address + size; page += NUB_PAGE_SIZE) {
        struct view view;
        enum nub_status status = view_page(machine, page, &view, failure);
        if (status)
            return status;
        if (!view.mapped)
            return nub_fail_at(failure, NUB_ERR_NOT_MAPPED, page, "page %X: not mapped", page);
        *n_foreign += view.own == NULL;
    }
    return NUB_OK;
}

/* The same with the guest's memory in sight, if the range is one: then unlook(). */
static enum nub_status
look_at(struct nub_machine *machine, uint64_t address, uint64_t size, uint64_t *n_foreign,
        struct nub_failure *failure)
{
    enum nub_status status;

    if (address > END || size > END - address)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "%U bytes at %X: beyond 2^32", size,
                        address);
    status = look(machine, failure);
    if (status)
        return status;
    status = judge(machine, address, size, n_foreign, failure);
    if (status)
        unlook(machine);
    return status;
}

enum nub_status
nub_machine_judge_range(struct nub_machine *machine, uint64_t address, uint64_t size,
                        struct nub_failure *failure)
{
    uint64_t n_foreign;
    enum nub_status status = look_at(machine, address, size, &n_foreign, failure);

    if (!status)
        unlook(machine);
    return status;
}

/* Copies a range that was judged, to `out` or from `in`. */
static enum nub_status
copy(struct nub_machine *machine, uint64_t address, uint8_t *out, const uint8_t *in, uint64_t size,
     struct nub_failure *failure)
{
    for (uint64_t done = 0; done < size;) {
        uint64_t page = page_of(address + done), offset = address + done - page;
        uint64_t n = NUB_PAGE_SIZE - offset < size - done ? NUB_PAGE_SIZE - offset : size - done;
        struct view view;
        enum nub_status status = view_page(machine, page, &view, failure);

        if (!status && (!view.mapped || (in && !view.own)))
            status = nub_kvm_corrupt(machine->kvm, "takes pages away", failure);
        if (status)
            return status;
        if (in)
            memcpy(view.own + offset, in + done, n);
        else if (view.bytes)
            memcpy(out + done, view.bytes + offset, n);
        else
            memset(out + done, 0, n);
        done += n;
    }
    return NUB_OK;
}

enum nub_status
nub_machine_read(struct nub_machine *machine, uint64_t address, void *data, uint64_t size,
                 struct nub_failure *failure)
{
    uint64_t n_foreign;
    enum nub_status status = look_at(machine, address, size, &n_foreign, failure);

    if (status)
        return status;
    status = copy(machine, address, data, NULL, size, failure);
    unlook(machine);
    return status;
}

/* ---- pages that are to be written ---------------------------------------------------------- */

/* Copies here of the pages in a range that the machine has none of: there is room for them. */
static enum nub_status
make_laid(struct nub_machine *machine, uint64_t address, uint64_t size, uint64_t n,
          struct nub_failure *failure)
{
    struct nub_guest_laid *laid =
        realloc(machine->laid, (machine->n_laid + n) * sizeof *machine->laid);

    if (!laid)
        return nub_kvm_no_memory(failure);
    machine->laid = laid;
    for (uint64_t page = page_of(address); page < address + size; page += NUB_PAGE_SIZE) {
        struct view view;
        enum nub_status status = view_page(machine, page, &view, failure);
        if (status)
            return status;
        if (view.own)
            continue;
        if (n-- == 0)
            return nub_kvm_corrupt(machine->kvm, "takes pages away", failure);
        laid = &machine->laid[machine->n_laid++];
        laid->address = (uint32_t)page;
        if (view.bytes)
            memcpy(laid->bytes, view.bytes, NUB_PAGE_SIZE);
        else
            memset(laid->bytes, 0, NUB_PAGE_SIZE);
    }
    return NUB_OK;
}

/* Copies of its own for a range, in the guest. NO_MEMORY. */
static enum nub_status
own(struct nub_machine *machine, uint64_t address, uint64_t size, struct nub_failure *failure)
{
    uint64_t begin = page_of(address);
    struct nub_packet_memory packet = { .session = machine->session,
                                        .address = begin,
                                        .size =
                                            page_of(address + size + NUB_PAGE_SIZE - 1) - begin };
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_OWN,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .limit_ns = nub_kvm_work_limit(machine->kvm) };

    return nub_machine_request(machine, &call, failure);
}

enum nub_status
nub_machine_write(struct nub_machine *machine, uint64_t address, const void *data, uint64_t size,
                  struct nub_failure *failure)
{
    uint64_t n_foreign;
    enum nub_status status = look_at(machine, address, size, &n_foreign, failure);

    if (!status && machine->n_laid + n_foreign > NUB_GUEST_MAX_LAID) {
        unlook(machine);
        status = own(machine, address, size, failure);
        if (!status)
            status = look(machine, failure);
    } else if (!status && n_foreign > 0) {
        status = make_laid(machine, address, size, n_foreign, failure);
        if (status)
            unlook(machine);
    }
    if (status)
        return status;
    machine->written = true;
    status = copy(machine, address, NULL, data, size, failure);
    unlook(machine);
    return status;
}

enum nub_status
nub_machine_settle(struct nub_machine *machine, struct nub_failure *failure)
{
    struct nub_guest_laid *laid = machine->laid;
    uint32_t n = machine->n_laid;
    enum nub_status status = NUB_OK;

    for (uint32_t i = 0, end; i < n && !status; i = end) {
        for (end = i + 1; end < n; end++) {
            if (laid[end].address != laid[end - 1].address + NUB_PAGE_SIZE)
                break;
        }
        status = own(machine, laid[i].address, (uint64_t)(end - i) * NUB_PAGE_SIZE, failure);
    }
    if (!status)
        status = look(machine, failure);
    if (status)
        return status;
    /* From here on the pages in the guest are looked at. */
    machine->n_laid = 0;
    for (uint32_t i = 0; i < n && !status; i++)
        status = copy(machine, laid[i].address, NULL, laid[i].bytes, NUB_PAGE_SIZE, failure);
    unlook(machine);
    return status;
}
