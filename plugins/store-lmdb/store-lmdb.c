/* store-lmdb.c - a store on disk: an LMDB environment with a few tables
 *
 * "caps" and "parts" map hashes to records, "names" maps names to hashes, "meta" says which format
 * this is. A batch is one LMDB transaction, which LMDB makes durable with its own copy-on-write
 * pages: after a crash the file is as it was at the last commit, without a log to be replayed.
 * Judges nothing about capabilities; the callers do.
 */
#include "bytes.h"
#include "failure.h"
#include <errno.h>
#include <lmdb.h>
#include <nub/plugin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_NAME 255u /* within LMDB's limit of 511 bytes a key */

/* 1: "caps" and "names" alone, without "meta". 2: with "parts". A store of format 1 becomes one of
 * 2 when it is opened: what it has stays as it is. */
#define FORMAT 2u

struct store {
    MDB_env *env;
    MDB_dbi caps, parts, names;
    char *path;
    dev_t device; /* of the folder, with inode: which folder it is, whatever its path */
    ino_t inode;
    struct store *next; /* in `opened`; valid while `listed` */
    bool listed;
};

/* LMDB's locks are lost when a process opens an environment twice: the second is refused. */
static pthread_mutex_t opened_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *opened; /* under opened_lock */

/* A failure of LMDB or, through it, of the file system. */
static enum nub_status
lmdb_failed(const struct store *store, int error, const char *doing, struct nub_failure *failure)
{
    enum nub_status status = NUB_ERR_SYSTEM;

    if (error == MDB_MAP_FULL || error == ENOSPC)
        status = NUB_ERR_NO_SPACE;
    else if (error == ENOMEM)
        status = NUB_ERR_NO_MEMORY;
    return nub_fail(failure, status, "store %s: %s: %s", store->path, doing, mdb_strerror(error));
}

/* ---- create and destroy --------------------------------------------------------------------- */

static bool
list_opened(struct store *store)
{
    bool known = false;

    pthread_mutex_lock(&opened_lock);
    for (const struct store *other = opened; other; other = other->next)
        known |= other->device == store->device && other->inode == store->inode;
    if (!known) {
        store->next = opened;
        opened = store;
        store->listed = true;
    }
    pthread_mutex_unlock(&opened_lock);
    return !known;
}

static void
unlist_opened(struct store *store)
{
    struct store **link = &opened;

    pthread_mutex_lock(&opened_lock);
    while (*link && *link != store)
        link = &(*link)->next;
    if (*link)
        *link = store->next;
    pthread_mutex_unlock(&opened_lock);
}

static void
store_destroy(void *opaque)
{
    struct store *store = opaque;

    if (store->env)
        mdb_env_close(store->env);
    if (store->listed)
        unlist_opened(store);
    free(store->path);
    free(store);
}

static const char *
option(const struct nub_store_args *args, const char *name)
{
    for (uint32_t i = 0; i < args->n_options; i++)
        if (strcmp(args->options[i].name, name) == 0)
            return args->options[i].value;
    return NULL;
}

/* The format of an environment; one that does not say is new or of the first. */
static enum nub_status
check_format(const struct store *store, MDB_txn *txn, struct nub_failure *failure)
{
    MDB_val key = { strlen("format"), (void *)(uintptr_t) "format" }, value;
    uint8_t format[4];
    MDB_dbi meta;
    int error = mdb_dbi_open(txn, "meta", MDB_CREATE, &meta);

    if (!error)
        error = mdb_get(txn, meta, &key, &value);
    if (!error && (value.mv_size != sizeof format || nub_le32(value.mv_data) != FORMAT))
        return nub_fail(
            failure, NUB_ERR_NOT_SUPPORTED,
            "store %s: its format is %u and this nub knows formats 1 to %u: a later nub "
            "wrote it",
            store->path, value.mv_size == sizeof format ? nub_le32(value.mv_data) : 0, FORMAT);
    if (error == MDB_NOTFOUND) {
        nub_put_le32(format, FORMAT);
        value = (MDB_val){ sizeof format, format };
        error = mdb_put(txn, meta, &key, &value, 0);
    }
    return error ? lmdb_failed(store, error, "opening", failure) : NUB_OK;
}

static enum nub_status
open_tables(struct store *store, struct nub_failure *failure)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (error)
        return lmdb_failed(store, error, "opening", failure);
    enum nub_status status = check_format(store, txn, failure);
    if (status == NUB_OK) {
        error = mdb_dbi_open(txn, "caps", MDB_CREATE, &store->caps);
        if (!error)
            error = mdb_dbi_open(txn, "parts", MDB_CREATE, &store->parts);
        if (!error)
            error = mdb_dbi_open(txn, "names", MDB_CREATE, &store->names);
    }
    if (status != NUB_OK || error) {
        mdb_txn_abort(txn);
        return error ? lmdb_failed(store, error, "opening", failure) : status;
    }
    error = mdb_txn_commit(txn);
    return error ? lmdb_failed(store, error, "opening", failure) : NUB_OK;
}

static enum nub_status
open_environment(struct store *store, uint64_t map_size, bool sync, struct nub_failure *failure)
{
    struct stat folder;

    if (mkdir(store->path, 0700) != 0 && errno != EEXIST)
        return lmdb_failed(store, errno, "making the folder", failure);
    if (stat(store->path, &folder) != 0)
        return lmdb_failed(store, errno, "looking at the folder", failure);
    store->device = folder.st_dev;
    store->inode = folder.st_ino;
    if (!list_opened(store))
        return nub_fail(failure, NUB_ERR_UNAVAILABLE,
                        "store %s: is open in this process already, with other options",
                        store->path);
    int error = mdb_env_create(&store->env);
    if (!error)
        error = mdb_env_set_maxdbs(store->env, 4);
    if (!error)
        error = mdb_env_set_mapsize(store->env, map_size);
    /* NOTLS: a read belongs to its transaction, not to the thread that happens to make it. */
    if (!error)
        error = mdb_env_open(store->env, store->path, MDB_NOTLS | (sync ? 0 : MDB_NOSYNC), 0600);
    /* What processes that were killed were reading would never be written over, and LMDB has room
     * for so many readers only; while any process has the store open it does not look by itself. */
    if (!error)
        error = mdb_reader_check(store->env, NULL);
    return error ? lmdb_failed(store, error, "opening", failure) : open_tables(store, failure);
}

static int32_t
store_create(const struct nub_store_args *args, void **out, struct nub_failure *failure)
{
    const char *path = option(args, "path"), *map_size = option(args, "map-size");
    const char *sync = option(args, "sync");

    if (!path || !*path)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "option 'path' is missing: which folder?");
    struct store *store = calloc(1, sizeof *store);
    if (!store || !(store->path = strdup(path))) {
        free(store);
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "store %s: out of memory", path);
    }
    enum nub_status status =
        open_environment(store, map_size ? strtoull(map_size, NULL, 10) : (uint64_t)64 << 30,
                         !sync || strcmp(sync, "false") != 0, failure);
    if (status != NUB_OK) {
        store_destroy(store);
        return status;
    }
    *out = store;
    return NUB_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

static MDB_val
hash_key(const struct nub_hash *hash)
{
    return (MDB_val){ sizeof hash->bytes, (void *)hash->bytes };
}

static void
free_bytes(struct nub_bytes *bytes)
{
    free(bytes->ctx);
}

/* A record of a table, given to the caller; `what` it would be. */
static int32_t
get_record(struct store *store, MDB_dbi table, const char *what, const struct nub_hash *hash,
           struct nub_bytes *record, struct nub_failure *failure)
{
    MDB_val key = hash_key(hash), value;
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (error)
        return lmdb_failed(store, error, "reading", failure);
    error = mdb_get(txn, table, &key, &value);
    uint8_t *copy = error ? NULL : malloc(value.mv_size ? value.mv_size : 1);
    if (copy) {
        memcpy(copy, value.mv_data, value.mv_size);
        *record = (struct nub_bytes){ copy, value.mv_size, free_bytes, copy };
    }
    mdb_txn_abort(txn);
    if (error == MDB_NOTFOUND)
        return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "%s %h: not in the store", what,
                             hash);
    if (error)
        return lmdb_failed(store, error, "reading", failure);
    return copy ? NUB_OK : nub_fail(failure, NUB_ERR_NO_MEMORY, "store: out of memory");
}

static int32_t
store_get(void *opaque, const struct nub_hash *hash, struct nub_bytes *wire,
          struct nub_failure *failure)
{
    struct store *store = opaque;

    return get_record(store, store->caps, "cap", hash, wire, failure);
}

static int32_t
store_get_part(void *opaque, const struct nub_hash *hash, struct nub_bytes *record,
               struct nub_failure *failure)
{
    struct store *store = opaque;

    return get_record(store, store->parts, "part", hash, record, failure);
}

static int32_t
store_contains(void *opaque, const struct nub_hash *hash, uint32_t *present,
               struct nub_failure *failure)
{
    struct store *store = opaque;
    MDB_val key = hash_key(hash), value;
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (error)
        return lmdb_failed(store, error, "reading", failure);
    error = mdb_get(txn, store->caps, &key, &value);
    mdb_txn_abort(txn);
    if (error && error != MDB_NOTFOUND)
        return lmdb_failed(store, error, "reading", failure);
    *present = error == 0;
    return NUB_OK;
}

/* A hash as the "names" table keeps it; false when somebody else wrote the file. */
static bool
read_hash(const MDB_val *value, struct nub_hash *hash)
{
    if (value->mv_size != sizeof hash->bytes)
        return false;
    memcpy(hash->bytes, value->mv_data, sizeof hash->bytes);
    return true;
}

static int32_t
store_get_name(void *opaque, const char *name, struct nub_hash *hash, struct nub_failure *failure)
{
    struct store *store = opaque;
    size_t length = strlen(name);
    MDB_val key = { length, (void *)name }, value;
    MDB_txn *txn;

    memset(hash, 0, sizeof *hash);
    if (length == 0 || length > MAX_NAME)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "a name has 1 to 255 bytes");
    int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (error)
        return lmdb_failed(store, error, "reading", failure);
    error = mdb_get(txn, store->names, &key, &value);
    bool valid = error || read_hash(&value, hash);
    mdb_txn_abort(txn);
    if (error && error != MDB_NOTFOUND)
        return lmdb_failed(store, error, "reading", failure);
    if (!valid)
        return nub_fail(failure, NUB_ERR_SYSTEM, "store %s: name '%s': no hash", store->path, name);
    return NUB_OK;
}

/* Walks one table; `visit` returns false to end the walk, or reports a broken record. */
struct walk {
    bool (*visit)(struct walk *walk, const MDB_val *key, const MDB_val *value);
    uint32_t (*each_record)(void *ctx, const struct nub_hash *hash, uint64_t size);
    uint32_t (*each_name)(void *ctx, const char *name, const struct nub_hash *hash);
    void *ctx;
    bool broken;
};

static int32_t
walk_table(struct store *store, MDB_dbi table, struct walk *walk, struct nub_failure *failure)
{
    MDB_val key, value;
    MDB_cursor *cursor;
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (error)
        return lmdb_failed(store, error, "reading", failure);
    error = mdb_cursor_open(txn, table, &cursor);
    if (!error) {
        error = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        while (!error && walk->visit(walk, &key, &value))
            error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    if (error && error != MDB_NOTFOUND)
        return lmdb_failed(store, error, "reading", failure);
    if (walk->broken)
        return nub_fail(failure, NUB_ERR_SYSTEM, "store %s: a broken record", store->path);
    return NUB_OK;
}

static bool
visit_record(struct walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct nub_hash hash;

    if (!read_hash(key, &hash)) {
        walk->broken = true;
        return false;
    }
    return walk->each_record(walk->ctx, &hash, value->mv_size) != 0;
}

static bool
visit_name(struct walk *walk, const MDB_val *key, const MDB_val *value)
{
    char name[MAX_NAME + 1];
    struct nub_hash hash;

    if (key->mv_size > MAX_NAME || !read_hash(value, &hash)) {
        walk->broken = true;
        return false;
    }
    memcpy(name, key->mv_data, key->mv_size);
    name[key->mv_size] = 0;
    return walk->each_name(walk->ctx, name, &hash) != 0;
}

static int32_t
store_each_cap(void *opaque, uint32_t (*each)(void *, const struct nub_hash *, uint64_t), void *ctx,
               struct nub_failure *failure)
{
    struct store *store = opaque;
    struct walk walk = { .visit = visit_record, .each_record = each, .ctx = ctx };

    return walk_table(store, store->caps, &walk, failure);
}

static int32_t
store_each_part(void *opaque, uint32_t (*each)(void *, const struct nub_hash *, uint64_t),
                void *ctx, struct nub_failure *failure)
{
    struct store *store = opaque;
    struct walk walk = { .visit = visit_record, .each_record = each, .ctx = ctx };

    return walk_table(store, store->parts, &walk, failure);
}

static int32_t
store_each_name(void *opaque, uint32_t (*each)(void *, const char *, const struct nub_hash *),
                void *ctx, struct nub_failure *failure)
{
    struct store *store = opaque;
    struct walk walk = { .visit = visit_name, .each_name = each, .ctx = ctx };

    return walk_table(store, store->names, &walk, failure);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int
put_records(MDB_txn *txn, MDB_dbi table, const struct nub_store_cap *records, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        MDB_val key = hash_key(&records[i].hash);
        MDB_val value = { records[i].wire.size, (void *)records[i].wire.data };
        int error = mdb_put(txn, table, &key, &value, MDB_NOOVERWRITE);
        if (error && error != MDB_KEYEXIST)
            return error;
    }
    return 0;
}

static int
remove_records(MDB_txn *txn, MDB_dbi table, const struct nub_hash *hashes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        MDB_val key = hash_key(&hashes[i]);
        int error = mdb_del(txn, table, &key, NULL);
        if (error && error != MDB_NOTFOUND)
            return error;
    }
    return 0;
}

static int
write_records(struct store *store, MDB_txn *txn, const struct nub_store_batch *batch)
{
    int error = put_records(txn, store->caps, batch->caps, batch->n_caps);

    if (!error)
        error = put_records(txn, store->parts, batch->parts, batch->n_parts);
    if (!error)
        error = remove_records(txn, store->caps, batch->removed, batch->n_removed);
    if (!error)
        error = remove_records(txn, store->parts, batch->removed_parts, batch->n_removed_parts);
    return error;
}

static int
write_names(struct store *store, MDB_txn *txn, const struct nub_store_batch *batch)
{
    for (uint32_t i = 0; i < batch->n_names; i++) {
        const struct nub_store_name *name = &batch->names[i];
        MDB_val key = { strlen(name->name), (void *)name->name };
        MDB_val value = hash_key(&name->hash);
        int error = nub_hash_is_zero(&name->hash) ? mdb_del(txn, store->names, &key, NULL)
                                                  : mdb_put(txn, store->names, &key, &value, 0);
        if (error && error != MDB_NOTFOUND)
            return error;
    }
    return 0;
}

static int32_t
store_write(void *opaque, const struct nub_store_batch *batch, struct nub_failure *failure)
{
    struct store *store = opaque;
    MDB_txn *txn;

    for (uint32_t i = 0; i < batch->n_names; i++) {
        size_t length = strlen(batch->names[i].name);
        if (length == 0 || length > MAX_NAME)
            return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "a name has 1 to 255 bytes");
    }
    int error = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (error)
        return lmdb_failed(store, error, "writing", failure);
    error = write_records(store, txn, batch);
    if (!error)
        error = write_names(store, txn, batch);
    if (error) {
        mdb_txn_abort(txn);
        return lmdb_failed(store, error, "writing", failure);
    }
    error = mdb_txn_commit(txn);
    return error ? lmdb_failed(store, error, "writing", failure) : NUB_OK;
}

/* ---- the module ------------------------------------------------------------------------------ */

static const struct nub_option_desc store_options[] = {
    { "path", NUB_OPTION_STRING, 0, NULL, NULL,
      "The folder of the store; made when it is missing" },
    { "map-size", NUB_OPTION_SIZE, 0, "64GiB", NULL,
      "How large the store can grow; address space, not disk" },
    { "sync", NUB_OPTION_BOOL, 0, "true", NULL,
      "Wait for the disk at each write; false survives a crash of the program only" },
};

static const struct nub_store_ops store_ops = {
    .struct_size = sizeof store_ops,
    .create = store_create,
    .destroy = store_destroy,
    .get = store_get,
    .contains = store_contains,
    .write = store_write,
    .get_name = store_get_name,
    .each_cap = store_each_cap,
    .each_name = store_each_name,
    .get_part = store_get_part,
    .each_part = store_each_part,
};

static const struct nub_plugin store_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof store_plugin,
    .name = "store-lmdb",
    .version = "0.1.0",
    .summary = "Keeps capabilities and heads in an LMDB file",
    .options = store_options,
    .n_options = sizeof store_options / sizeof store_options[0],
    .store_ops = &store_ops,
};

NUB_PLUGIN_DEFINE(store_lmdb, store_plugin)
