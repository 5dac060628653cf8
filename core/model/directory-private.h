/* directory-private.h - the directory as directory.c, table.c and successor.c share it */
#ifndef NUB_MODEL_DIRECTORY_PRIVATE_H
#define NUB_MODEL_DIRECTORY_PRIVATE_H

#include "directory.h"
#include "paged.h"

/** An entry with what only the directory looks at. */
struct nub_kept {
    struct nub_dir_entry entry; /* first: the public address is this one's */
    struct nub_kept *next;      /* while it waits in a queue */
    uint64_t charge;            /* what it counts against max_bytes, shared pages aside */
    struct nub_paged *paged;    /* an Instance's shared pages, or NULL */
    uint8_t *blob;              /* the bytes; content at blob + lead */
    size_t blob_size;
    size_t lead;
    bool present; /* held; else kept by pins only */
};

struct nub_dir {
    struct nub_dir_table table;
    const struct nub_alloc *alloc;
    struct nub_dir_options options;
    struct nub_kept *head; /* NULL: none */
    uint64_t n_present;
    uint64_t n_kept; /* in the table */
    uint64_t bytes;
};

static inline struct nub_kept *
nub_kept_of(struct nub_dir_entry *entry)
{
    return (struct nub_kept *)entry;
}

static inline struct nub_kept *
nub_dir_slot_kept(const struct nub_dir_slot *slot)
{
    return (struct nub_kept *)(uintptr_t)(slot->entry & ~(uint64_t)NUB_DIR_SLOT_ABSENT);
}

/* ---- kept.c -------------------------------------------------------------------------------- */

/** Frees an entry that is not in the table; returns how many bytes went that several entries may have shared. */
uint64_t nub_kept_free(const struct nub_dir *dir, struct nub_kept *kept);
/** What storing it adds to what is kept. */
uint64_t nub_kept_charge(const struct nub_kept *kept);
/** An entry of an Instance whose overlays are `paged`, which it takes over; spec->overlays is not looked at. NULL: no memory, and `paged` is freed. */
struct nub_dir_entry *nub_dir_prepare_paged(const struct nub_dir *dir, const struct nub_instance_spec *spec, struct nub_paged *paged, const struct nub_hash *hash);

/* ---- table.c ------------------------------------------------------------------------------- */

static inline struct nub_dir_slot *
nub_dir_table_slots(const struct nub_dir_table *table)
{
    return (struct nub_dir_slot *)(uintptr_t)table->slots;
}

static inline uint64_t
nub_dir_table_size(const struct nub_dir_table *table)
{
    return UINT64_C(1) << table->log_slots;
}

/** False: no memory. */
bool nub_dir_table_init(struct nub_dir_table *table, const struct nub_alloc *alloc);
void nub_dir_table_clear(struct nub_dir_table *table, const struct nub_alloc *alloc);
/** Makes room for `n` entries altogether. False: no memory, nothing changed. */
bool nub_dir_table_reserve(struct nub_dir_table *table, const struct nub_alloc *alloc, uint64_t n);
/** Gives memory back when `n` entries need much less; no matter if there is none to do it with. */
void nub_dir_table_fit(struct nub_dir_table *table, const struct nub_alloc *alloc, uint64_t n);
const struct nub_dir_slot *nub_dir_table_find(const struct nub_dir_table *table, const struct nub_hash *hash);
/** There is room, and the hash is not there. */
void nub_dir_table_insert(struct nub_dir_table *table, struct nub_kept *kept);
/** The hash is there. */
void nub_dir_table_remove(struct nub_dir_table *table, const struct nub_hash *hash);
/** The hash is there. */
void nub_dir_table_mark(struct nub_dir_table *table, const struct nub_hash *hash, bool present);

#endif
