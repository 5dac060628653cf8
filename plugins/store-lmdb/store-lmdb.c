/* store-lmdb.c - a store on disk: an LMDB environment with two tables
 *
 * "caps" maps hashes to wire forms, "names" maps names to hashes. A batch is one LMDB transaction,
 * which LMDB makes durable with its own copy-on-write pages: after a crash the file is as it was at
 * the last commit, without a log to be replayed. Judges nothing about capabilities; the callers do.
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

struct store {
    MDB_env *env;
    MDB_dbi caps, names;
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

static int
open_tables(struct store *store)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (error)
        return error;
    error = mdb_dbi_open(txn, "caps", MDB_CREATE, &store->caps);
    if (!error)
        error = mdb_dbi_open(txn, "names", MDB_CREATE, &store->names);
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn);
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
        error = mdb_env_set_maxdbs(store->env, 2);
    if (!error)
        error = mdb_env_set_mapsize(store->env, map_size);
    /* NOTLS: a read belongs to its transaction, not to the thread that happens to make it. */
    if (!error)
        error = mdb_env_open(store->env, store->path, MDB_NOTLS | (sync ? 0 : MDB_NOSYNC), 0600);
    if (!error)
        error = open_tables(store);
    return error ? lmdb_failed(store, error, "opening", failure) : NUB_OK;
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

static int32_t
store_get(void *opaque, const struct nub_hash *hash, struct nub_bytes *wire,
          struct nub_failure *failure)
{
    struct store *store = opaque;
    MDB_val key = hash_key(hash), value;
    MDB_txn *txn;
    int error = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);

    if (error)
        return lmdb_failed(store, error, "reading", failure);
    error = mdb_get(txn, store->caps, &key, &value);
    uint8_t *copy = error ? NULL : malloc(value.mv_size ? value.mv_size : 1);
    if (copy) {
        memcpy(copy, value.mv_data, value.mv_size);
        *wire = (struct nub_bytes){ copy, value.mv_size, free_bytes, copy };
    }
    mdb_txn_abort(txn);
    if (error == MDB_NOTFOUND)
        return nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "cap %h: not in the store", hash);
    if (error)
        return lmdb_failed(store, error, "reading", failure);
    return copy ? NUB_OK : nub_fail(failure, NUB_ERR_NO_MEMORY, "store: out of memory");
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
    uint32_t (*each_cap)(void *ctx, const struct nub_hash *hash, uint64_t size);
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
visit_cap(struct walk *walk, const MDB_val *key, const MDB_val *value)
{
    struct nub_hash hash;

    if (!read_hash(key, &hash)) {
        walk->broken = true;
        return false;
    }
    return walk->each_cap(walk->ctx, &hash, value->mv_size) != 0;
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
    struct walk walk = { .visit = visit_cap, .each_cap = each, .ctx = ctx };

    return walk_table(store, store->caps, &walk, failure);
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
write_caps(struct store *store, MDB_txn *txn, const struct nub_store_batch *batch)
{
    for (uint32_t i = 0; i < batch->n_caps; i++) {
        MDB_val key = hash_key(&batch->caps[i].hash);
        MDB_val value = { batch->caps[i].wire.size, (void *)batch->caps[i].wire.data };
        int error = mdb_put(txn, store->caps, &key, &value, MDB_NOOVERWRITE);
        if (error && error != MDB_KEYEXIST)
            return error;
    }
    for (uint32_t i = 0; i < batch->n_removed; i++) {
        MDB_val key = hash_key(&batch->removed[i]);
        int error = mdb_del(txn, store->caps, &key, NULL);
        if (error && error != MDB_NOTFOUND)
            return error;
    }
    return 0;
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
    error = write_caps(store, txn, batch);
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
