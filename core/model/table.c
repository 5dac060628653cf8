/* table.c - the hash table of the directory: open addressing, linear probing
 *
 * Keys are SHA-256 digests, but chosen by strangers (or, with verify: never, not even digests), so
 * they are mixed with a random seed before they say where to look. Removal moves later slots
 * back instead of leaving tombstones: what is looked for is never further than the load factor
 * explains. Its layout is read by others: directory.h.
 */
#include "bytes.h"
#include "directory-private.h"

#define MIN_LOG_SLOTS 4u

static uint64_t
mask(const struct nub_dir_table *table)
{
    return nub_dir_table_size(table) - 1;
}

/* At most 5 of 8 slots are used. */
static uint64_t
room(unsigned log_slots)
{
    return (UINT64_C(1) << log_slots) / 8 * 5;
}

static void
begin_change(struct nub_dir_table *table)
{
    __atomic_store_n(&table->sequence, table->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void
end_change(struct nub_dir_table *table)
{
    __atomic_store_n(&table->sequence, table->sequence + 1, __ATOMIC_RELEASE);
}

static struct nub_dir_slot *
find(const struct nub_dir_table *table, const struct nub_hash *hash)
{
    struct nub_dir_slot *slots = nub_dir_table_slots(table);
    uint64_t i = nub_dir_home(table, hash);

    while (slots[i].entry) {
        if (nub_hash_equal(&slots[i].hash, hash))
            return &slots[i];
        i = (i + 1) & mask(table);
    }
    return NULL;
}

const struct nub_dir_slot *
nub_dir_table_find(const struct nub_dir_table *table, const struct nub_hash *hash)
{
    return find(table, hash);
}

static void
place(struct nub_dir_table *table, const struct nub_dir_slot *slot)
{
    struct nub_dir_slot *slots = nub_dir_table_slots(table);
    uint64_t i = nub_dir_home(table, &slot->hash);

    while (slots[i].entry)
        i = (i + 1) & mask(table);
    slots[i] = *slot;
}

static uint64_t
slot_entry(const struct nub_kept *kept, bool present)
{
    return (uint64_t)(uintptr_t)kept | (present ? 0 : NUB_DIR_SLOT_ABSENT);
}

void
nub_dir_table_insert(struct nub_dir_table *table, struct nub_kept *kept)
{
    struct nub_dir_slot slot = { kept->entry.hash, slot_entry(kept, kept->present) };

    begin_change(table);
    place(table, &slot);
    end_change(table);
}

void
nub_dir_table_mark(struct nub_dir_table *table, const struct nub_hash *hash, bool present)
{
    struct nub_dir_slot *slot = find(table, hash);

    __atomic_store_n(&slot->entry, slot_entry(nub_dir_slot_kept(slot), present), __ATOMIC_RELEASE);
}

void
nub_dir_table_remove(struct nub_dir_table *table, const struct nub_hash *hash)
{
    struct nub_dir_slot *slots = nub_dir_table_slots(table);
    uint64_t hole = (uint64_t)(find(table, hash) - slots), i = hole;

    begin_change(table);
    for (;;) {
        i = (i + 1) & mask(table);
        if (!slots[i].entry)
            break;
        /* a slot may move back into the hole unless that lies before its home */
        if (((i - nub_dir_home(table, &slots[i].hash)) & mask(table)) >=
            ((i - hole) & mask(table))) {
            slots[hole] = slots[i];
            hole = i;
        }
    }
    memset(&slots[hole], 0, sizeof slots[hole]);
    end_change(table);
}

static bool
resize(struct nub_dir_table *table, const struct nub_alloc *alloc, unsigned log_slots)
{
    struct nub_dir_slot *old = nub_dir_table_slots(table), *slots;
    uint64_t n_old = old ? nub_dir_table_size(table) : 0;
    size_t size = sizeof *slots << log_slots;

    if (log_slots >= 8 * sizeof size - 8 || !(slots = nub_alloc(alloc, size)))
        return false;
    memset(slots, 0, size);
    begin_change(table);
    table->slots = (uint64_t)(uintptr_t)slots;
    table->log_slots = log_slots;
    for (uint64_t i = 0; i < n_old; i++)
        if (old[i].entry)
            place(table, &old[i]);
    end_change(table);
    nub_free(alloc, old, n_old * sizeof *old);
    return true;
}

bool
nub_dir_table_init(struct nub_dir_table *table, const struct nub_alloc *alloc)
{
    return resize(table, alloc, MIN_LOG_SLOTS);
}

void
nub_dir_table_clear(struct nub_dir_table *table, const struct nub_alloc *alloc)
{
    nub_free(alloc, nub_dir_table_slots(table),
             nub_dir_table_size(table) * sizeof(struct nub_dir_slot));
    table->slots = 0;
}

bool
nub_dir_table_reserve(struct nub_dir_table *table, const struct nub_alloc *alloc, uint64_t n)
{
    return n <= room(table->log_slots) || resize(table, alloc, table->log_slots + 1);
}

void
nub_dir_table_fit(struct nub_dir_table *table, const struct nub_alloc *alloc, uint64_t n)
{
    unsigned log_slots = table->log_slots;

    /* half full after shrinking, so that the next put does not grow it again */
    while (log_slots > MIN_LOG_SLOTS && n <= room(log_slots) / 4)
        log_slots--;
    if (log_slots < table->log_slots)
        resize(table, alloc, log_slots);
}
