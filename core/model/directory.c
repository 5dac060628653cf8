/* directory.c - the capabilities that are held, and by whom
 *
 * A capability is present while a put, a mention or the head holds it. One that only pins keep (a
 * running call's) stays in the table but is not present: its mentions hold what it mentions by
 * pins as well, so that losing the last hold and losing the last pin are the same step twice.
 * Going is iterative: who goes is queued through `next`, nothing recurses and nothing is
 * allocated on the way down. See caps.md 3; entries are made in kept.c, the table is table.c.
 */
#include "directory.h"
#include "bytes.h"
#include "directory-private.h"

static bool
is_held(const struct nub_kept *kept)
{
    return kept->entry.puts || kept->entry.references || kept->entry.head_puts;
}

/* The entry of a hash, present or not. */
static struct nub_kept *
find_any(const struct nub_dir *dir, const struct nub_hash *hash)
{
    const struct nub_dir_slot *slot = nub_dir_table_find(&dir->table, hash);

    return slot ? nub_dir_slot_kept(slot) : NULL;
}

static struct nub_kept *
find_present(const struct nub_dir *dir, const struct nub_hash *hash)
{
    struct nub_kept *kept = find_any(dir, hash);

    return kept && kept->present ? kept : NULL;
}

static void
set_present(struct nub_dir *dir, struct nub_kept *kept, bool present)
{
    kept->present = present;
    dir->n_present += present ? 1 : (uint64_t)-1;
    nub_dir_table_mark(&dir->table, &kept->entry.hash, present);
}

/* ---- going and coming back ------------------------------------------------------------------ */

/* Entries that wait for their turn. */
struct queue {
    struct nub_kept *first;
};

static void
push(struct queue *queue, struct nub_kept *kept)
{
    kept->next = queue->first;
    queue->first = kept;
}

static struct nub_kept *
pop(struct queue *queue)
{
    struct nub_kept *kept = queue->first;

    if (kept)
        queue->first = kept->next;
    return kept;
}

struct going {
    struct nub_dir *dir;
    struct queue unheld; /* present without a hold */
    struct queue dead;   /* not present, without a pin */
};

static bool
reference_to_pin(void *ctx, const struct nub_hash *hash)
{
    struct going *going = ctx;
    struct nub_kept *kept = find_any(going->dir, hash);

    kept->entry.references--;
    kept->entry.pins++;
    if (!is_held(kept))
        push(&going->unheld, kept);
    return true;
}

static bool
release_pin(void *ctx, const struct nub_hash *hash)
{
    struct going *going = ctx;
    struct nub_kept *kept = find_any(going->dir, hash);

    kept->entry.pins--;
    if (!kept->present && kept->entry.pins == 0)
        push(&going->dead, kept);
    return true;
}

static void
let_go(struct going *going)
{
    struct nub_dir *dir = going->dir;
    struct nub_kept *kept;

    for (;;) {
        if ((kept = pop(&going->unheld))) {
            set_present(dir, kept, false);
            nub_cap_each_reference(&kept->entry.cap, reference_to_pin, going);
            if (kept->entry.pins == 0)
                push(&going->dead, kept);
        } else if ((kept = pop(&going->dead))) {
            nub_cap_each_reference(&kept->entry.cap, release_pin, going);
            nub_dir_table_remove(&dir->table, &kept->entry.hash);
            dir->n_kept--;
            dir->bytes -= kept->charge;
            dir->bytes -= nub_kept_free(dir, kept);
        } else {
            break;
        }
    }
    nub_dir_table_fit(&dir->table, dir->alloc, dir->n_kept);
}

/* After a hold or a pin of `kept` was taken away. */
static void
settle(struct nub_dir *dir, struct nub_kept *kept)
{
    struct going going = { dir, { NULL }, { NULL } };

    if (kept->present ? is_held(kept) : kept->entry.pins > 0)
        return;
    push(kept->present ? &going.unheld : &going.dead, kept);
    let_go(&going);
}

struct coming {
    struct nub_dir *dir;
    struct queue absent; /* mentioned, but not present yet */
};

static bool
pin_to_reference(void *ctx, const struct nub_hash *hash)
{
    struct coming *coming = ctx;
    struct nub_kept *kept = find_any(coming->dir, hash);

    kept->entry.pins--;
    /* the first mention queues it; is_held() is false for what is absent and not yet queued */
    if (!kept->present && !is_held(kept))
        push(&coming->absent, kept);
    kept->entry.references++;
    return true;
}

static bool
add_reference(void *ctx, const struct nub_hash *hash)
{
    struct coming *coming = ctx;
    struct nub_kept *kept = find_any(coming->dir, hash);

    if (!kept->present && !is_held(kept))
        push(&coming->absent, kept);
    kept->entry.references++;
    return true;
}

static void
come_back(struct coming *coming)
{
    struct nub_kept *kept;

    while ((kept = pop(&coming->absent))) {
        set_present(coming->dir, kept, true);
        nub_cap_each_reference(&kept->entry.cap, pin_to_reference, coming);
    }
}

/* ---- put ----------------------------------------------------------------------------------- */

struct missing {
    const struct nub_dir *dir;
    struct nub_kept *(*find)(const struct nub_dir *dir, const struct nub_hash *hash);
    struct nub_hash hash;
};

static bool
is_there(void *ctx, const struct nub_hash *hash)
{
    struct missing *missing = ctx;

    if (missing->find(missing->dir, hash))
        return true;
    missing->hash = *hash;
    return false;
}

static enum nub_status
check_referents(const struct nub_dir *dir, const struct nub_cap *cap, bool successor,
                struct nub_failure *failure)
{
    struct missing missing = { dir, successor ? find_any : find_present, { { 0 } } };

    if (nub_cap_each_reference(cap, is_there, &missing))
        return NUB_OK;
    return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, &missing.hash,
                         "%s: mentions %h, which is not present", nub_cap_kind_name(cap->kind),
                         &missing.hash);
}

static enum nub_status
no_space(const struct nub_dir *dir, uint64_t charge, struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NO_SPACE,
                    "directory: %U bytes more would pass max_bytes %U; %U are used", charge,
                    dir->options.max_bytes, dir->bytes);
}

static bool
has_space(const struct nub_dir *dir, uint64_t charge)
{
    return dir->options.max_bytes == 0 ||
           (dir->bytes <= dir->options.max_bytes && charge <= dir->options.max_bytes - dir->bytes);
}

static enum nub_status
no_memory(struct nub_failure *failure, uint64_t size)
{
    return nub_fail(failure, NUB_ERR_NO_MEMORY, "directory: no memory for a capability of %U bytes",
                    size);
}

/* `kept` is in the table without being present: present again. */
static void
revive(struct nub_dir *dir, struct nub_kept *kept)
{
    struct coming coming = { dir, { NULL } };

    kept->entry.puts = 1;
    push(&coming.absent, kept);
    come_back(&coming);
}

/* Every check of a put has passed, and there is a slot. */
static void
insert(struct nub_dir *dir, struct nub_kept *kept)
{
    struct coming coming = { dir, { NULL } };

    kept->entry.puts = 1;
    kept->present = true;
    nub_dir_table_insert(&dir->table, kept);
    dir->n_kept++;
    dir->n_present++;
    dir->bytes += nub_kept_charge(kept);
    nub_cap_each_reference(&kept->entry.cap, add_reference, &coming);
    come_back(&coming);
}

/* What a put of a capability that is not present would fail with, first of all. */
static enum nub_status
check_put(const struct nub_dir *dir, const struct nub_cap *cap, const struct nub_kept *absent,
          uint64_t charge, bool successor, struct nub_failure *failure)
{
    enum nub_status status = check_referents(dir, cap, successor, failure);

    if (!status && !absent && !has_space(dir, charge))
        status = no_space(dir, charge, failure);
    return status;
}

static enum nub_status
put_prepared(struct nub_dir *dir, struct nub_kept *kept, bool successor,
             struct nub_failure *failure)
{
    struct nub_kept *same = find_any(dir, &kept->entry.hash);
    enum nub_status status = NUB_OK;

    if (same && same->present) {
        same->entry.puts++;
    } else if (!(status = check_put(dir, &kept->entry.cap, same, nub_kept_charge(kept), successor,
                                    failure))) {
        if (same) {
            revive(dir, same);
        } else if (nub_dir_table_reserve(&dir->table, dir->alloc, dir->n_kept + 1)) {
            insert(dir, kept);
            return NUB_OK;
        } else {
            status = no_memory(failure, kept->entry.cap.wire.size);
        }
    }
    nub_kept_free(dir, kept);
    return status;
}

enum nub_status
nub_dir_put_prepared(struct nub_dir *dir, struct nub_dir_entry *prepared,
                     struct nub_failure *failure)
{
    return put_prepared(dir, nub_kept_of(prepared), false, failure);
}

enum nub_status
nub_dir_put_successor(struct nub_dir *dir, struct nub_dir_entry *prepared,
                      struct nub_failure *failure)
{
    return put_prepared(dir, nub_kept_of(prepared), true, failure);
}

/* A decoded capability whose hash is known. Checks before it copies. */
static enum nub_status
put_cap(struct nub_dir *dir, const struct nub_cap *cap, const struct nub_hash *hash,
        struct nub_failure *failure)
{
    struct nub_kept *same = find_any(dir, hash);
    uint64_t charge = NUB_DIR_CAP_OVERHEAD + cap->wire.size;
    struct nub_dir_entry *prepared;
    enum nub_status status;

    if (same && same->present) {
        same->entry.puts++;
        return NUB_OK;
    }
    status = check_put(dir, cap, same, charge, false, failure);
    if (status)
        return status;
    if (same) {
        revive(dir, same);
        return NUB_OK;
    }
    if (!nub_dir_table_reserve(&dir->table, dir->alloc, dir->n_kept + 1) ||
        !(prepared = nub_dir_prepare(dir, cap, hash)))
        return no_memory(failure, cap->wire.size);
    charge = nub_kept_charge(nub_kept_of(prepared)); /* shared pages come with a little more */
    if (!has_space(dir, charge)) {
        nub_dir_discard(dir, prepared);
        return no_space(dir, charge, failure);
    }
    insert(dir, nub_kept_of(prepared));
    return NUB_OK;
}

enum nub_status
nub_dir_put(struct nub_dir *dir, struct nub_slice wire, struct nub_hash *hash,
            struct nub_failure *failure)
{
    struct nub_hash name;
    struct nub_cap cap;
    enum nub_status status = nub_cap_decode(&cap, wire, failure);

    if (status)
        return status;
    nub_cap_hash(&name, &cap);
    status = put_cap(dir, &cap, &name, failure);
    if (!status && hash)
        *hash = name;
    return status;
}

bool
nub_dir_put_present(struct nub_dir *dir, const struct nub_hash *hash)
{
    struct nub_kept *kept = find_present(dir, hash);

    if (!kept)
        return false;
    kept->entry.puts++;
    return true;
}

enum nub_status
nub_dir_put_with_hash(struct nub_dir *dir, const struct nub_hash *hash, struct nub_slice wire,
                      struct nub_failure *failure)
{
    struct nub_hash name = *hash;
    struct nub_cap cap;
    enum nub_status status;

    if (nub_dir_put_present(dir, hash))
        return NUB_OK;
    status = nub_cap_decode(&cap, wire, failure);
    if (status)
        return status;
    if (!dir->options.trust_hashes)
        nub_cap_hash(&name, &cap);
    /* zeros mean "no cap" wherever a hash is expected, so nothing may be called that */
    if (!nub_hash_equal(&name, hash) || nub_hash_is_zero(hash))
        return nub_fail_hash(failure, NUB_ERR_HASH_MISMATCH, hash,
                             "%s: does not have the hash %h that was given",
                             nub_cap_kind_name(cap.kind), hash);
    return put_cap(dir, &cap, &name, failure);
}

/* ---- the other operations ------------------------------------------------------------------- */

bool
nub_dir_contains(const struct nub_dir *dir, const struct nub_hash *hash)
{
    return find_present(dir, hash) != NULL;
}

static enum nub_status
not_found(const struct nub_hash *hash, struct nub_failure *failure)
{
    return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "capability %h: is not present", hash);
}

enum nub_status
nub_dir_drop(struct nub_dir *dir, const struct nub_hash *hash, struct nub_failure *failure)
{
    struct nub_kept *kept = find_present(dir, hash);

    if (!kept)
        return not_found(hash, failure);
    if (kept->entry.puts == 0)
        return nub_fail_hash(failure, NUB_ERR_NOT_HELD, hash,
                             "capability %h: no put of the caller's is left", hash);
    kept->entry.puts--;
    settle(dir, kept);
    return NUB_OK;
}

uint64_t
nub_dir_refcount(const struct nub_dir *dir, const struct nub_hash *hash)
{
    const struct nub_kept *kept = find_present(dir, hash);

    return kept ? kept->entry.puts + kept->entry.head_puts + kept->entry.references : 0;
}

struct nub_dir_entry *
nub_dir_find(const struct nub_dir *dir, const struct nub_hash *hash)
{
    struct nub_kept *kept = find_present(dir, hash);

    return kept ? &kept->entry : NULL;
}

void
nub_dir_wire(const struct nub_dir_entry *entry, uint8_t *wire)
{
    const struct nub_kept *kept = (const struct nub_kept *)entry;

    memcpy(wire, kept->blob, kept->blob_size);
    if (kept->paged)
        nub_paged_encode(wire + kept->blob_size, kept->paged);
}

void
nub_dir_pin(struct nub_dir *dir, struct nub_dir_entry *entry)
{
    (void)dir;
    entry->pins++;
}

void
nub_dir_unpin(struct nub_dir *dir, struct nub_dir_entry *entry)
{
    entry->pins--;
    settle(dir, nub_kept_of(entry));
}

const struct nub_hash *
nub_dir_head(const struct nub_dir *dir)
{
    static const struct nub_hash none;

    return dir->head ? &dir->head->entry.hash : &none;
}

enum nub_status
nub_dir_set_head(struct nub_dir *dir, const struct nub_hash *hash, struct nub_failure *failure)
{
    struct nub_kept *old = dir->head, *head = NULL;

    if (!nub_hash_is_zero(hash)) {
        head = find_present(dir, hash);
        if (!head)
            return not_found(hash, failure);
        if (head->entry.cap.kind != NUB_CAP_INSTANCE)
            return nub_fail_hash(failure, NUB_ERR_NOT_AN_INSTANCE, hash,
                                 "capability %h: is of the kind %s", hash,
                                 nub_cap_kind_name(head->entry.cap.kind));
        head->entry.head_puts++;
    }
    dir->head = head;
    if (old) {
        old->entry.head_puts--;
        settle(dir, old);
    }
    return NUB_OK;
}

struct nub_dir_stats
nub_dir_stats(const struct nub_dir *dir)
{
    struct nub_dir_stats stats = { dir->n_present, dir->bytes };

    return stats;
}

const struct nub_dir_table *
nub_dir_table(const struct nub_dir *dir)
{
    return &dir->table;
}

/* ---- the directory itself -------------------------------------------------------------------- */

struct nub_dir *
nub_dir_new(const struct nub_alloc *alloc, const struct nub_dir_options *options)
{
    struct nub_dir *dir = nub_alloc(alloc, sizeof *dir);

    if (!dir)
        return NULL;
    memset(dir, 0, sizeof *dir);
    dir->alloc = alloc;
    dir->options = *options;
    memcpy(dir->table.seed, options->seed, sizeof dir->table.seed);
    if (!nub_dir_table_init(&dir->table, alloc)) {
        nub_free(alloc, dir, sizeof *dir);
        return NULL;
    }
    return dir;
}

/* Takes every hold away, so that all go in the order in which they always go: referrers first. */
static void
let_all_go(struct nub_dir *dir)
{
    struct going going = { dir, { NULL }, { NULL } };

    for (uint64_t i = 0; i < nub_dir_table_size(&dir->table); i++) {
        const struct nub_dir_slot *slot = &nub_dir_table_slots(&dir->table)[i];
        struct nub_kept *kept = slot->entry ? nub_dir_slot_kept(slot) : NULL;

        if (!kept || !kept->present)
            continue;
        kept->entry.puts = kept->entry.head_puts = 0;
        if (!is_held(kept))
            push(&going.unheld, kept);
    }
    dir->head = NULL;
    let_go(&going);
}

void
nub_dir_free(struct nub_dir *dir)
{
    if (!dir)
        return;
    let_all_go(dir);
    /* whoever is still pinned belongs to a call that the backend forgot to end */
    for (uint64_t i = 0; i < nub_dir_table_size(&dir->table); i++) {
        const struct nub_dir_slot *slot = &nub_dir_table_slots(&dir->table)[i];

        if (slot->entry)
            nub_kept_free(dir, nub_dir_slot_kept(slot));
    }
    nub_dir_table_clear(&dir->table, dir->alloc);
    nub_free(dir->alloc, dir, sizeof *dir);
}
