/* directory.h - what holds capabilities and counts who holds them (caps.md 3, 4.4)
 *
 * Not thread-safe: the backend brings a lock. Every operation checks first and then acts, so a
 * failure has changed nothing. A capability goes when puts, references and pins are all 0;
 * what mentions another goes before it (and so does its `user`).
 *
 * Bytes are copied once, into a blob (alloc.h) whose pages of content lie where pages can be
 * mapped from, and are used in place from then on. To keep that copy and the hashing outside the
 * lock use the three steps that nub_dir_put() consists of:
 *
 *     nub_cap_decode(&cap, wire, failure) and nub_cap_hash(&hash, &cap);       no lock
 *     nub_dir_put_present(dir, &hash)? done;                                   lock
 *     entry = nub_dir_prepare(dir, &cap, &hash);                               no lock
 *     nub_dir_put_prepared(dir, entry, failure);                               lock
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
    uint64_t pins;      /* running calls and open sessions; mentions by what only they keep */
    uint64_t head_puts; /* 1 when the head holds it */
    void *user;         /* the backend's: e.g. a decoded program; freed through nub_dir_options.user_free */
};

struct nub_dir_options {
    uint64_t max_bytes;  /* 0: no limit. A cap counts as its bytes and NUB_DIR_CAP_OVERHEAD */
    bool trust_hashes;   /* option `verify: never` */
    /**
     * Keeps overlays as pages that Instances share, so that a commit costs what the run touched.
     * Who sets it reads overlays by nub_instance_next_piece() and wire forms by nub_dir_wire() only.
     */
    bool share_pages;
    void (*user_free)(void *ctx, void *user); /* NULL: none */
    void *user_ctx;
    uint64_t seed[2];    /* random: makes collisions of the table unpredictable to who chooses caps */
};

/** What max_bytes counts for a capability beyond its bytes. */
#define NUB_DIR_CAP_OVERHEAD 256u

/** NULL: no memory. `alloc` must outlive it. */
struct nub_dir *nub_dir_new(const struct nub_alloc *alloc, const struct nub_dir_options *options);
void nub_dir_free(struct nub_dir *dir);

/** put_cap. `hash` (may be NULL) receives the name. */
enum nub_status nub_dir_put(struct nub_dir *dir, struct nub_slice wire, struct nub_hash *hash, struct nub_failure *failure);
/** put_cap_with_hash: `wire` is not read when `hash` is present. */
enum nub_status nub_dir_put_with_hash(struct nub_dir *dir, const struct nub_hash *hash, struct nub_slice wire, struct nub_failure *failure);
/** puts + 1 if `hash` is present; false and no change if not. */
bool nub_dir_put_present(struct nub_dir *dir, const struct nub_hash *hash);
/**
 * Copies a decoded capability into an entry that is not in the directory. Touches nothing of
 * `dir` but its allocator. NULL: no memory.
 */
struct nub_dir_entry *nub_dir_prepare(const struct nub_dir *dir, const struct nub_cap *cap, const struct nub_hash *hash);
/**
 * The same without a copy, for bytes that arrive from elsewhere (a file, a mailbox, a run): gives
 * the memory that will hold the wire form, `size` bytes at `*blob` with content at `*blob + lead`
 * (NUB_DATA_WIRE_HEADER for a Data). NULL: no memory. Fill it in, then finish.
 */
struct nub_dir_entry *nub_dir_prepare_blob(const struct nub_dir *dir, uint64_t size, size_t lead, uint8_t **blob);
/** Decodes, and hashes unless the hash is known (else NULL). BAD_ENCODING: discard the entry. */
enum nub_status nub_dir_prepare_finish(struct nub_dir_entry *prepared, const struct nub_hash *hash, struct nub_failure *failure);
/**
 * For a replica, which takes hashes as given and copies nothing twice: keeps the overlays of a finished
 * Instance where they lie, as pages that nub_successor_copy() shares. Returns the entry to put, `prepared`
 * itself if it is no such; NULL: no memory, and `prepared` is gone.
 */
struct nub_dir_entry *nub_dir_prepare_replica(const struct nub_dir *dir, struct nub_dir_entry *prepared);
/**
 * put_cap of a prepared entry, which is used up whatever the outcome: NOT_FOUND, NO_SPACE, NO_MEMORY.
 * The entry of the capability afterwards is nub_dir_find()'s.
 */
enum nub_status nub_dir_put_prepared(struct nub_dir *dir, struct nub_dir_entry *prepared, struct nub_failure *failure);
/**
 * The same for the successor of a run: what the run's pins keep alive counts as there, and is
 * present again when the successor mentions it (caps.md 3, 4.2).
 */
enum nub_status nub_dir_put_successor(struct nub_dir *dir, struct nub_dir_entry *prepared, struct nub_failure *failure);
/** Throws a prepared entry away. */
void nub_dir_discard(const struct nub_dir *dir, struct nub_dir_entry *prepared);
/** Present means: held by a put or a reference. */
bool nub_dir_contains(const struct nub_dir *dir, const struct nub_hash *hash);
enum nub_status nub_dir_drop(struct nub_dir *dir, const struct nub_hash *hash, struct nub_failure *failure);
uint64_t nub_dir_refcount(const struct nub_dir *dir, const struct nub_hash *hash);

/** The entry of a present capability, or NULL. Valid until the next change unless pinned. */
struct nub_dir_entry *nub_dir_find(const struct nub_dir *dir, const struct nub_hash *hash);
/** Writes the wire form of an entry, `entry->cap.wire.size` bytes. For get_cap: the entry may be kept in another form (then cap.wire.data is NULL). */
void nub_dir_wire(const struct nub_dir_entry *entry, uint8_t *wire);
/** How many bytes of a wire form come before those that pages may be mapped from. */
size_t nub_dir_lead(const struct nub_cap *cap);
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

/* ---- the table, as one looks at it from outside ------------------------------------------------ */

/**
 * A slot of the table. Dense and of fixed layout, so that a host can look into the directory of
 * its guest through shared memory: linear probing from nub_dir_home(), a free slot ends it.
 */
struct nub_dir_slot {
    struct nub_hash hash;
    uint64_t entry; /* address of the struct nub_dir_entry; 0: free; bit 0 set: kept by pins only, not present */
};
#define NUB_DIR_SLOT_ABSENT 1u

struct nub_dir_table {
    uint64_t sequence; /* odd while the table is changed; a reader retries when it is odd or has moved */
    uint64_t seed[2];
    uint64_t slots;    /* address of 2^log_slots slots, at most 5/8 of them used */
    uint32_t log_slots;
    uint32_t reserved; /* zero */
};

/** Where the probing for `hash` begins. */
static inline uint64_t
nub_dir_home(const struct nub_dir_table *table, const struct nub_hash *hash)
{
    uint64_t a, b;

    __builtin_memcpy(&a, hash->bytes, sizeof a);
    __builtin_memcpy(&b, hash->bytes + sizeof a, sizeof b);
    return ((a ^ table->seed[0]) * (table->seed[1] | 1) + b * ((table->seed[0] << 1) | 1)) >> (64 - table->log_slots);
}

const struct nub_dir_table *nub_dir_table(const struct nub_dir *dir);

#endif
