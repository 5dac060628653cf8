/* plain-store.c - the smallest store there can be: the functions that are mandatory, in memory
 *
 * A store module that keeps no parts: core stores every capability whole. What it keeps lives as
 * long as the store is open.
 */
#include "bytes.h"
#include "failure.h"
#include <nub/plugin.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct record {
    struct record *next;
    struct nub_hash hash; /* of a capability; what a name names */
    char *name;           /* NULL: a capability */
    uint64_t size;
    uint8_t bytes[];
};

struct store {
    pthread_mutex_t lock;
    struct record *records;
};

static int32_t
plain_create(const struct nub_store_args *args, void **store, struct nub_failure *failure)
{
    struct store *self = calloc(1, sizeof *self);

    (void)args;
    if (!self)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "plain-store: no memory");
    pthread_mutex_init(&self->lock, NULL);
    *store = self;
    return NUB_OK;
}

static struct record **
find(struct store *self, const struct nub_hash *hash, const char *name)
{
    struct record **link = &self->records;

    while (*link && !(name ? (*link)->name && strcmp((*link)->name, name) == 0
                           : !(*link)->name && nub_hash_equal(&(*link)->hash, hash)))
        link = &(*link)->next;
    return link;
}

static void
remove_record(struct record **link)
{
    struct record *gone = *link;

    if (!gone)
        return;
    *link = gone->next;
    free(gone->name);
    free(gone);
}

static void
plain_destroy(void *store)
{
    struct store *self = store;

    while (self->records)
        remove_record(&self->records);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static void
add(struct store *self, const struct nub_hash *hash, const char *name, struct nub_slice bytes)
{
    struct record *record = calloc(1, sizeof *record + bytes.size);

    if (!record)
        abort(); /* a test has memory */
    record->hash = *hash;
    record->name = name ? strdup(name) : NULL;
    record->size = bytes.size;
    if (bytes.size)
        memcpy(record->bytes, bytes.data, bytes.size);
    record->next = self->records;
    self->records = record;
}

static void
release(struct nub_bytes *bytes)
{
    free(bytes->ctx);
}

static int32_t
plain_get(void *store, const struct nub_hash *hash, struct nub_bytes *wire,
          struct nub_failure *failure)
{
    struct store *self = store;
    const struct record *found;

    pthread_mutex_lock(&self->lock);
    found = *find(self, hash, NULL);
    if (found) {
        uint8_t *copy = malloc(found->size + 1);
        if (!copy)
            abort();
        memcpy(copy, found->bytes, found->size);
        *wire = (struct nub_bytes){ copy, found->size, release, copy };
    }
    pthread_mutex_unlock(&self->lock);
    return found ? NUB_OK
                 : nub_fail_hash(failure, NUB_ERR_NOT_FOUND, hash, "cap %h: not there", hash);
}

static int32_t
plain_contains(void *store, const struct nub_hash *hash, uint32_t *present,
               struct nub_failure *failure)
{
    struct store *self = store;

    (void)failure;
    pthread_mutex_lock(&self->lock);
    *present = *find(self, hash, NULL) != NULL;
    pthread_mutex_unlock(&self->lock);
    return NUB_OK;
}

static int32_t
plain_write(void *store, const struct nub_store_batch *batch, struct nub_failure *failure)
{
    struct store *self = store;

    if (batch->n_parts || batch->n_removed_parts)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "plain-store: keeps no parts");
    pthread_mutex_lock(&self->lock);
    for (uint32_t i = 0; i < batch->n_caps; i++)
        if (!*find(self, &batch->caps[i].hash, NULL))
            add(self, &batch->caps[i].hash, NULL, batch->caps[i].wire);
    for (uint32_t i = 0; i < batch->n_names; i++) {
        remove_record(find(self, NULL, batch->names[i].name));
        if (!nub_hash_is_zero(&batch->names[i].hash))
            add(self, &batch->names[i].hash, batch->names[i].name, (struct nub_slice){ NULL, 0 });
    }
    for (uint32_t i = 0; i < batch->n_removed; i++)
        remove_record(find(self, &batch->removed[i], NULL));
    pthread_mutex_unlock(&self->lock);
    return NUB_OK;
}

static int32_t
plain_get_name(void *store, const char *name, struct nub_hash *hash, struct nub_failure *failure)
{
    struct store *self = store;
    const struct record *found;

    (void)failure;
    pthread_mutex_lock(&self->lock);
    found = *find(self, NULL, name);
    *hash = found ? found->hash : (struct nub_hash){ { 0 } };
    pthread_mutex_unlock(&self->lock);
    return NUB_OK;
}

/* In no particular order: core does not rely on one, only what users see does. */
static int32_t
plain_each_cap(void *store, uint32_t (*each)(void *, const struct nub_hash *, uint64_t), void *ctx,
               struct nub_failure *failure)
{
    struct store *self = store;

    (void)failure;
    pthread_mutex_lock(&self->lock);
    for (const struct record *record = self->records; record; record = record->next)
        if (!record->name && !each(ctx, &record->hash, record->size))
            break;
    pthread_mutex_unlock(&self->lock);
    return NUB_OK;
}

static int32_t
plain_each_name(void *store, uint32_t (*each)(void *, const char *, const struct nub_hash *),
                void *ctx, struct nub_failure *failure)
{
    struct store *self = store;

    (void)failure;
    pthread_mutex_lock(&self->lock);
    for (const struct record *record = self->records; record; record = record->next)
        if (record->name && !each(ctx, record->name, &record->hash))
            break;
    pthread_mutex_unlock(&self->lock);
    return NUB_OK;
}

static const struct nub_store_ops plain_ops = {
    .struct_size = sizeof plain_ops,
    .create = plain_create,
    .destroy = plain_destroy,
    .get = plain_get,
    .contains = plain_contains,
    .write = plain_write,
    .get_name = plain_get_name,
    .each_cap = plain_each_cap,
    .each_name = plain_each_name,
};

static const struct nub_plugin plain_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof plain_plugin,
    .name = "plain-store",
    .version = "1",
    .summary = "Keeps capabilities and names in memory, whole.",
    .store_ops = &plain_ops,
};
NUB_PLUGIN_DEFINE(plain_store, plain_plugin)
