/* caps.c - the guest's replica of capabilities
 *
 * The host keeps the book (docs/decisions/0080-the-host-keeps-the-book.md): it decodes, hashes and
 * counts, and puts here what its runs need, referents first, one put each. So hashes are taken as
 * given, a put never fails for a reason that the host could not have known, and everything
 * here can be forgotten and be put again. */
#include "guest.h"
#include "failure.h"
#include "mem.h"

static void
user_free(void *ctx, void *user)
{
    (void)ctx;
    if (*(enum guest_user *)user == GUEST_USER_IMAGE)
        guest_image_free(user);
    else
        guest_instance_free(user);
}

bool
guest_caps_init(void)
{
    const struct nub_guest_boot *boot = guest_boot();
    const struct nub_dir_options options = { .trust_hashes = true,
                                             .user_free = user_free,
                                             .seed = { boot->seed[0], boot->seed[1] } };

    guest.dir = nub_dir_new(&guest.alloc, &options);
    return guest.dir != NULL;
}

static void
discard_room(void)
{
    if (guest.room)
        nub_dir_discard(guest.dir, guest.room);
    guest.room = NULL;
}

int32_t
guest_answer_room(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_room *packet = (void *)mailbox->packet;

    (void)context;
    discard_room();
    if (packet->size <= guest.heap.n_pages * (uint64_t)HEAP_PAGE && packet->lead <= packet->size)
        guest.room = nub_dir_prepare_blob(guest.dir, packet->size, packet->lead, &guest.room_bytes);
    if (!guest.room)
        return nub_fail(&mailbox->failure, NUB_ERR_NO_MEMORY,
                        "guest memory is full: no room for a capability of %U bytes", packet->size);
    packet->address = guest_physical(guest.room_bytes);
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

int32_t
guest_answer_put(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_cap *packet = (const void *)mailbox->packet;
    struct nub_hash hash = packet->hash;
    struct nub_dir_entry *prepared = guest.room;
    enum nub_status status;

    (void)context;
    if (!prepared)
        return nub_fail(&mailbox->failure, NUB_ERR_INVALID_ARGUMENT, "nothing was given room");
    guest.room = NULL;
    status = nub_dir_prepare_finish(prepared, &hash, &mailbox->failure);
    if (status) {
        nub_dir_discard(guest.dir, prepared);
        return status;
    }
    prepared = nub_dir_prepare_replica(guest.dir, prepared);
    if (!prepared)
        return nub_fail(&mailbox->failure, NUB_ERR_NO_MEMORY, "guest memory is full");
    return nub_dir_put_prepared(guest.dir, prepared, &mailbox->failure);
}

int32_t
guest_answer_drop(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_packet_cap *packet = (const void *)mailbox->packet;

    (void)context;
    return nub_dir_drop(guest.dir, &packet->hash, &mailbox->failure);
}

int32_t
guest_answer_contains(struct guest_context *context, struct nub_mailbox *mailbox)
{
    struct nub_packet_cap *packet = (void *)mailbox->packet;

    (void)context;
    packet->present = nub_dir_contains(guest.dir, &packet->hash);
    mailbox->reply_size = sizeof *packet;
    return NUB_OK;
}

/* Some capability with a put, or NULL. The table changes under a drop, so it is searched anew, on
 * from where the last one was. */
static const struct nub_dir_entry *
next_put(uint64_t *at)
{
    const struct nub_dir_table *table = nub_dir_table(guest.dir);
    const struct nub_dir_slot *slots = (const void *)table->slots;
    uint64_t n = 1ull << table->log_slots;

    for (uint64_t i = 0; i < n; i++) {
        const struct nub_dir_slot *slot = &slots[(*at + i) & (n - 1)];
        const struct nub_dir_entry *entry = (const void *)(slot->entry & ~1ull);
        if (entry && !(slot->entry & NUB_DIR_SLOT_ABSENT) && entry->puts > 0) {
            *at = (*at + i) & (n - 1);
            return entry;
        }
    }
    return NULL;
}

int32_t
guest_answer_shed(struct guest_context *context, struct nub_mailbox *mailbox)
{
    const struct nub_dir_entry *entry;
    uint64_t at = 0;

    (void)mailbox;
    discard_room();
    while ((entry = next_put(&at))) {
        struct nub_hash hash = entry->hash;
        nub_dir_drop(guest.dir, &hash, NULL);
        guest_beat(context);
    }
    guest_code_evict();
    guest_window_free_orphans(context);
    return NUB_OK;
}
