/* book.c - what is published: core/model's directory, in memory that no guest can reach
 *
 * The truth about capabilities and the head. The guest only ever holds copies (residence.c), so
 * nothing here waits for it, and whether a capability is present is known without an exit. */
#include "kvm-private.h"
#include "bytes.h"
#include "difference.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A capability leaves the book: if the guest has it, it must hear of it. */
static void
on_leave(void *ctx, void *user)
{
    struct nub_kvm *kvm = ctx;
    struct nub_resident *resident = user;
    size_t capacity = kvm->gone.capacity ? kvm->gone.capacity * 2 : 64;

    if (resident->epoch == __atomic_load_n(&kvm->epoch, __ATOMIC_RELAXED)) {
        if (kvm->gone.n == kvm->gone.capacity) {
            struct nub_hash *hashes = realloc(kvm->gone.hashes, capacity * sizeof *hashes);
            /* Without memory the guest keeps a copy that nobody asks for until it sheds. */
            if (hashes) {
                kvm->gone.hashes = hashes;
                kvm->gone.capacity = capacity;
            }
        }
        if (kvm->gone.n < kvm->gone.capacity)
            kvm->gone.hashes[kvm->gone.n++] = resident->hash;
    }
    free(resident);
}

enum nub_status
nub_book_open(struct nub_kvm *kvm, uint64_t max_bytes, bool trust_hashes,
              struct nub_failure *failure)
{
    struct nub_dir_options options = { .max_bytes = max_bytes,
                                       .trust_hashes = trust_hashes,
                                       .share_pages = true,
                                       .user_free = on_leave,
                                       .user_ctx = kvm };

    if (getrandom(options.seed, sizeof options.seed, GRND_NONBLOCK) != sizeof options.seed)
        options.seed[0] = nub_ticks();
    kvm->book = nub_dir_new(&kvm->alloc, &options);
    return kvm->book ? NUB_OK : nub_kvm_no_memory(failure);
}

void
nub_book_close(struct nub_kvm *kvm)
{
    if (kvm->book)
        nub_dir_free(kvm->book);
    kvm->book = NULL;
    free(kvm->gone.hashes);
    memset(&kvm->gone, 0, sizeof kvm->gone);
}

struct nub_dir_entry *
nub_book_pin(struct nub_kvm *kvm, const struct nub_hash *hash)
{
    NUB_LOCKED(&kvm->book_lock);
    struct nub_dir_entry *entry = nub_dir_find(kvm->book, hash);

    if (entry)
        nub_dir_pin(kvm->book, entry);
    return entry;
}

void
nub_book_unpin(struct nub_kvm *kvm, struct nub_dir_entry *entry)
{
    NUB_LOCKED(&kvm->book_lock);

    nub_dir_unpin(kvm->book, entry);
}

/* The directory's own search finds what is present; a machine also needs what only its pin keeps.
 */
static struct nub_dir_entry *
find_kept_inlock(struct nub_kvm *kvm, const struct nub_hash *hash)
{
    const struct nub_dir_table *table = nub_dir_table(kvm->book);
    const struct nub_dir_slot *slots = (const void *)(uintptr_t)table->slots;
    uint64_t mask = ((uint64_t)1 << table->log_slots) - 1;

    for (uint64_t i = nub_dir_home(table, hash); slots[i].entry != 0; i = (i + 1) & mask) {
        if (nub_hash_equal(&slots[i].hash, hash))
            return (void *)(uintptr_t)(slots[i].entry & ~(uint64_t)NUB_DIR_SLOT_ABSENT);
    }
    return NULL;
}

const struct nub_cap *
nub_book_lookup_inlock(void *kvm, const struct nub_hash *hash)
{
    struct nub_dir_entry *entry = find_kept_inlock(kvm, hash);

    return entry ? &entry->cap : NULL;
}

struct nub_dir_entry *
nub_book_find_kept(struct nub_kvm *kvm, const struct nub_hash *hash)
{
    NUB_LOCKED(&kvm->book_lock);

    return find_kept_inlock(kvm, hash);
}

bool
nub_book_contains(struct nub_kvm *kvm, const struct nub_hash *hash)
{
    NUB_LOCKED(&kvm->book_lock);

    return nub_dir_contains(kvm->book, hash);
}

bool
nub_book_lane(struct nub_kvm *kvm, const struct nub_hash *hash, uint32_t *lane)
{
    NUB_LOCKED(&kvm->book_lock);
    const struct nub_dir_entry *entry = nub_dir_find(kvm->book, hash);
    const struct nub_resident *resident = entry ? entry->user : NULL;

    if (!entry)
        return false;
    *lane = resident ? resident->lane : nub_le32(hash->bytes);
    return true;
}

enum nub_status
nub_book_judge_head(struct nub_kvm *kvm, const struct nub_hash *expected,
                    struct nub_failure *failure)
{
    NUB_LOCKED(&kvm->book_lock);
    const struct nub_hash *head = nub_dir_head(kvm->book);

    if (nub_hash_equal(head, expected))
        return NUB_OK;
    return nub_fail_hash(failure, NUB_ERR_CONFLICT, head, "head %h: not the expected one", head);
}

/* ---- the functions of the plugin ABI ------------------------------------------------------- */

static bool
put_present(struct nub_kvm *kvm, const struct nub_hash *hash)
{
    NUB_LOCKED(&kvm->book_lock);

    return nub_dir_put_present(kvm->book, hash);
}

/* Puts a capability that was not present. Bytes are copied without the lock. */
static enum nub_status
put_new(struct nub_kvm *kvm, const struct nub_cap *cap, const struct nub_hash *hash,
        struct nub_failure *failure)
{
    struct nub_dir_entry *prepared = nub_dir_prepare(kvm->book, cap, hash);

    if (!prepared)
        return nub_kvm_no_memory(failure);
    NUB_LOCKED(&kvm->book_lock);
    return nub_dir_put_prepared(kvm->book, prepared, failure);
}

int32_t
nub_kvm_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
                struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_hash found;
    struct nub_cap cap;
    enum nub_status status = nub_cap_decode(&cap, wire, failure);

    if (status)
        return status;
    nub_cap_hash(&found, &cap);
    if (!put_present(kvm, &found))
        status = put_new(kvm, &cap, &found, failure);
    if (!status && hash)
        *hash = found;
    return status;
}

int32_t
nub_kvm_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire,
                          struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_hash found = *hash;
    struct nub_cap cap;
    enum nub_status status;

    if (put_present(kvm, hash))
        return NUB_OK;
    status = nub_cap_decode(&cap, wire, failure);
    if (status)
        return status;
    if (!kvm->trust_hashes)
        nub_cap_hash(&found, &cap);
    if (!nub_hash_equal(&found, hash))
        return nub_fail_hash(failure, NUB_ERR_HASH_MISMATCH, hash, "cap %h: its hash is %h", hash,
                             &found);
    return put_new(kvm, &cap, hash, failure);
}

int32_t
nub_kvm_contains(void *backend, const struct nub_hash *hash, uint32_t *present,
                 struct nub_failure *failure)
{
    (void)failure;
    *present = nub_book_contains(backend, hash);
    return NUB_OK;
}

static void
release_bytes(struct nub_bytes *bytes)
{
    free((void *)(uintptr_t)bytes->data);
    *bytes = (struct nub_bytes){ .data = NULL };
}

int32_t
nub_kvm_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire,
                struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_dir_entry *entry = nub_book_pin(kvm, hash);
    uint64_t size;
    uint8_t *copy;

    if (!entry)
        return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "cap %h: not found", hash);
    size = entry->cap.wire.size;
    copy = malloc(size);
    if (copy)
        nub_dir_wire(entry, copy);
    nub_book_unpin(kvm, entry);
    if (!copy)
        return nub_kvm_no_memory(failure);
    *wire = (struct nub_bytes){ .data = copy, .size = size, .release = release_bytes };
    return NUB_OK;
}

int32_t
nub_kvm_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
                    const struct nub_changes *changes, struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_dir_entry *old = nub_book_pin(kvm, base);
    struct nub_dir_entry *entry = old ? nub_book_pin(kvm, hash) : NULL;
    const struct nub_hash *missing = old ? hash : base;
    enum nub_status status = NUB_ERR_NOT_FOUND;

    if (entry) {
        status = nub_dir_entry_changes(old, entry, changes, failure);
        nub_book_unpin(kvm, entry);
    } else {
        nub_fail_hash(failure, status, missing, "cap %h: not found", missing);
    }
    if (old)
        nub_book_unpin(kvm, old);
    return (int32_t)status;
}

int32_t
nub_kvm_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    NUB_LOCKED(&kvm->book_lock);

    return nub_dir_drop(kvm->book, hash, failure);
}

int32_t
nub_kvm_refcount(void *backend, const struct nub_hash *hash, uint64_t *count,
                 struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    NUB_LOCKED(&kvm->book_lock);

    (void)failure;
    *count = nub_dir_refcount(kvm->book, hash);
    return NUB_OK;
}

int32_t
nub_kvm_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    NUB_LOCKED(&kvm->book_lock);

    (void)failure;
    *root = *nub_dir_head(kvm->book);
    return NUB_OK;
}

int32_t
nub_kvm_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    NUB_LOCKED(&kvm->book_lock);

    return nub_dir_set_head(kvm->book, root, failure);
}
