/* directory.h - what holds capabilities and counts who holds them (caps.md 3, 4.4)
 *
 * Not thread-safe: the backend brings a lock. Every operation checks first and then acts, so a
 * failure has changed nothing. A capability goes when puts, references and pins are all 0.
 */
#ifndef NUB_MODEL_DIRECTORY_H
#define NUB_MODEL_DIRECTORY_H

#include "cap.h"

struct nub_dir;

/** A stored capability. Stable address while it is present or pinned. */
struct nub_dir_entry {
    struct nub_hash hash;
    struct nub_cap cap; /* points into bytes that the entry owns */
    uint64_t puts;      /* callers', commits' */
    uint64_t references;
    uint32_t pins;      /* running calls and open sessions */
    uint32_t head_puts; /* 1 when the head holds it */
    void *user;         /* the backend's: e.g. a decoded program; freed through nub_dir_options.user_free */
};

struct nub_dir_options {
    uint64_t max_bytes;  /* 0: no limit */
    bool trust_hashes;   /* option `verify: never` */
    void (*user_free)(void *ctx, void *user); /* NULL: none */
    void *user_ctx;
};

/** NULL: no memory. `alloc` must outlive it. */
struct nub_dir *nub_dir_new(const struct nub_alloc *alloc, const struct nub_dir_options *options);
void nub_dir_free(struct nub_dir *dir);

/** put_cap. `hash` (may be NULL) receives the name. */
enum nub_status nub_dir_put(struct nub_dir *dir, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure);
/** put_cap_with_hash: `wire` is not read when `hash` is present. */
enum nub_status nub_dir_put_with_hash(struct nub_dir *dir, const struct nub_hash *hash, struct nub_slice wire, struct nub_failure *failure);
/** Present means: held by a put or a reference. */
bool nub_dir_contains(const struct nub_dir *dir, const struct nub_hash *hash);
enum nub_status nub_dir_drop(struct nub_dir *dir, const struct nub_hash *hash, struct nub_failure *failure);
uint64_t nub_dir_refcount(const struct nub_dir *dir, const struct nub_hash *hash);

/** The entry of a present capability, or NULL. Valid until the next change unless pinned. */
struct nub_dir_entry *nub_dir_find(const struct nub_dir *dir, const struct nub_hash *hash);
/** Keeps an entry (and, through its references, what it mentions) alive; each pin wants an unpin. */
void nub_dir_pin(struct nub_dir *dir, struct nub_dir_entry *entry);
void nub_dir_unpin(struct nub_dir *dir, struct nub_dir_entry *entry);

/** Zero: none. */
const struct nub_hash *nub_dir_head(const struct nub_dir *dir);
/** set_state_root: NOT_FOUND, NOT_AN_INSTANCE. */
enum nub_status nub_dir_set_head(struct nub_dir *dir, const struct nub_hash *hash, struct nub_failure *failure);

struct nub_dir_stats {
    uint64_t caps;
    uint64_t bytes; /* what counts against max_bytes */
};
struct nub_dir_stats nub_dir_stats(const struct nub_dir *dir);

#endif
