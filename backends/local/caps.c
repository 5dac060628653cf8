/* caps.c - the directory as the plugin ABI offers it: core/model's, under the backend's lock */
#include "difference.h"
#include "local-private.h"
#include <string.h>

static void
lock(struct nub_local *local)
{
    pthread_mutex_lock(&local->lock);
}

static void
unlock(struct nub_local *local)
{
    pthread_mutex_unlock(&local->lock);
}

/* Puts a capability that is not present. Bytes are copied and hashed without the lock. */
static enum nub_status
put_new(struct nub_local *local, const struct nub_cap *cap, const struct nub_hash *hash,
        struct nub_failure *failure)
{
    struct nub_dir_entry *entry = nub_dir_prepare(local->dir, cap, hash);

    if (!entry)
        return nub_local_no_memory(failure);
    lock(local);
    enum nub_status status = nub_dir_put_prepared(local->dir, entry, failure);
    unlock(local);
    return status;
}

static bool
put_present(struct nub_local *local, const struct nub_hash *hash)
{
    lock(local);
    bool present = nub_dir_put_present(local->dir, hash);
    unlock(local);
    return present;
}

int32_t
nub_local_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
                  struct nub_failure *failure)
{
    struct nub_local *local = backend;
    struct nub_hash found;
    struct nub_cap cap;

    enum nub_status status = nub_cap_decode(&cap, wire, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    nub_cap_hash(&found, &cap);
    if (!put_present(local, &found))
        status = put_new(local, &cap, &found, failure);
    if (status == NUB_OK && hash)
        *hash = found;
    return (int32_t)status;
}

int32_t
nub_local_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire,
                            struct nub_failure *failure)
{
    struct nub_local *local = backend;
    struct nub_hash found = *hash;
    struct nub_cap cap;

    if (put_present(local, hash))
        return NUB_OK;
    enum nub_status status = nub_cap_decode(&cap, wire, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    if (!local->options.trust_hashes)
        nub_cap_hash(&found, &cap);
    if (!nub_hash_equal(&found, hash))
        return (int32_t)nub_fail_hash(failure, NUB_ERR_HASH_MISMATCH, hash,
                                      "cap %h: its hash is %h", hash, &found);
    return (int32_t)put_new(local, &cap, hash, failure);
}

int32_t
nub_local_contains(void *backend, const struct nub_hash *hash, uint32_t *present,
                   struct nub_failure *failure)
{
    struct nub_local *local = backend;

    (void)failure;
    lock(local);
    *present = nub_dir_contains(local->dir, hash);
    unlock(local);
    return NUB_OK;
}

static void
release_bytes(struct nub_bytes *bytes)
{
    struct nub_local *local = bytes->ctx;

    nub_free(&local->alloc, (void *)(uintptr_t)bytes->data, bytes->size);
    *bytes = (struct nub_bytes){ .data = NULL };
}

/* The entry of a present capability, pinned; NULL with NOT_FOUND. */
static struct nub_dir_entry *
pin(struct nub_local *local, const struct nub_hash *hash, struct nub_failure *failure)
{
    lock(local);
    struct nub_dir_entry *entry = nub_dir_find(local->dir, hash);
    if (entry)
        nub_dir_pin(local->dir, entry);
    unlock(local);
    if (!entry)
        nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "cap %h: not found", hash);
    return entry;
}

static void
unpin(struct nub_local *local, struct nub_dir_entry *entry)
{
    lock(local);
    nub_dir_unpin(local->dir, entry);
    unlock(local);
}

int32_t
nub_local_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire,
                  struct nub_failure *failure)
{
    struct nub_local *local = backend;
    struct nub_dir_entry *entry = pin(local, hash, failure);

    if (!entry)
        return NUB_ERR_NOT_FOUND;
    uint64_t size = entry->cap.wire.size;
    uint8_t *copy = nub_alloc(&local->alloc, size);
    if (copy)
        nub_dir_wire(entry, copy);
    unpin(local, entry);
    if (!copy)
        return (int32_t)nub_local_no_memory(failure);
    *wire =
        (struct nub_bytes){ .data = copy, .size = size, .release = release_bytes, .ctx = local };
    return NUB_OK;
}

int32_t
nub_local_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
                      const struct nub_changes *changes, struct nub_failure *failure)
{
    struct nub_local *local = backend;
    struct nub_dir_entry *old = pin(local, base, failure);
    struct nub_dir_entry *entry = old ? pin(local, hash, failure) : NULL;
    enum nub_status status = NUB_ERR_NOT_FOUND;

    if (entry) {
        status = nub_dir_entry_changes(old, entry, changes, failure);
        unpin(local, entry);
    }
    if (old)
        unpin(local, old);
    return (int32_t)status;
}

int32_t
nub_local_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure)
{
    struct nub_local *local = backend;

    lock(local);
    enum nub_status status = nub_dir_drop(local->dir, hash, failure);
    unlock(local);
    return (int32_t)status;
}

int32_t
nub_local_refcount(void *backend, const struct nub_hash *hash, uint64_t *count,
                   struct nub_failure *failure)
{
    struct nub_local *local = backend;

    (void)failure;
    lock(local);
    *count = nub_dir_refcount(local->dir, hash);
    unlock(local);
    return NUB_OK;
}

int32_t
nub_local_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct nub_local *local = backend;

    (void)failure;
    lock(local);
    *root = *nub_dir_head(local->dir);
    unlock(local);
    return NUB_OK;
}

int32_t
nub_local_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure)
{
    struct nub_local *local = backend;

    lock(local);
    enum nub_status status = nub_dir_set_head(local->dir, root, failure);
    unlock(local);
    return (int32_t)status;
}
