/* host.c - host tables: the callbacks of <nub/plugin.h> with owners
 *
 * A NubHostCall is the backend's own struct, so that a call costs nothing between the backend and
 * the embedder's function; NubHostFunc has the signature of nub_host_entry.call but for the order
 * of its parameters. See <nub/host.h> and docs/host-calls.md.
 */
#include "kernel-private.h"

typedef struct {
    NubHostFunc func;
    gpointer user_data;
    GDestroyNotify destroy;
} NubCallback;

struct _NubHostTable {
    GMutex lock;
    GArray *entries; /* of struct nub_host_entry, sorted by number; ctx is a NubCallback */
    struct nub_host_table abi;
    gboolean frozen; /* (mutex lock): somebody points into `entries` */
};

G_DEFINE_BOXED_TYPE(NubHostTable, nub_host_table, nub_host_table_ref, nub_host_table_unref)

static void
callback_free(NubCallback *self)
{
    if (self->destroy)
        self->destroy(self->user_data);
    g_free(self);
}

NubHostTable *
nub_host_table_new(void)
{
    NubHostTable *self = g_atomic_rc_box_new0(NubHostTable);

    g_mutex_init(&self->lock);
    self->entries = g_array_new(FALSE, FALSE, sizeof(struct nub_host_entry));
    return self;
}

NubHostTable *
nub_host_table_ref(NubHostTable *self)
{
    g_return_val_if_fail(self, NULL);
    return g_atomic_rc_box_acquire(self);
}

static struct nub_host_entry *
entry_at(const NubHostTable *self, guint i)
{
    return &g_array_index(self->entries, struct nub_host_entry, i);
}

static void
table_clear(gpointer data)
{
    NubHostTable *self = data;

    for (guint i = 0; i < self->entries->len; i++)
        callback_free(entry_at(self, i)->ctx);
    g_array_unref(self->entries);
    g_mutex_clear(&self->lock);
}

void
nub_host_table_unref(NubHostTable *self)
{
    g_return_if_fail(self);
    g_atomic_rc_box_release_full(self, table_clear);
}

static uint32_t
run_callback(void *ctx, struct nub_host_call *call)
{
    const NubCallback *callback = ctx;

    return (uint32_t)callback->func(call, callback->user_data);
}

void
nub_host_table_add(NubHostTable *self, guint32 number, guint64 price, NubHostFunc func,
                   gpointer user_data, GDestroyNotify destroy)
{
    struct nub_host_entry entry = { .number = number, .price = price, .call = run_callback };
    NubCallback *callback;
    g_autoptr(GMutexLocker) locker = NULL;
    guint i = 0;

    g_return_if_fail(self && func);
    locker = g_mutex_locker_new(&self->lock);
    g_return_if_fail(!self->frozen);
    callback = g_new(NubCallback, 1);
    *callback = (NubCallback){ func, user_data, destroy };
    entry.ctx = callback;
    while (i < self->entries->len && entry_at(self, i)->number < number)
        i++;
    if (i < self->entries->len && entry_at(self, i)->number == number) {
        callback_free(entry_at(self, i)->ctx);
        *entry_at(self, i) = entry;
    } else {
        g_array_insert_val(self->entries, i, entry);
    }
}

const struct nub_host_table *
nub_host_table_freeze(NubHostTable *self)
{
    g_autoptr(GMutexLocker) locker = NULL;

    if (!self)
        return NULL;
    locker = g_mutex_locker_new(&self->lock);
    if (!self->frozen) {
        self->abi = (struct nub_host_table){
            .struct_size = sizeof self->abi,
            .n_entries = self->entries->len,
            .entries = (const struct nub_host_entry *)(gpointer)self->entries->data,
        };
        self->frozen = TRUE;
    }
    return &self->abi;
}

NubHostVerdict
nub_host_table_call(NubHostTable *self, NubHostCall *call)
{
    const struct nub_host_table *abi;

    g_return_val_if_fail(self && call, NUB_HOST_VERDICT_FAIL);
    abi = nub_host_table_freeze(self);
    for (guint i = 0; i < abi->n_entries; i++)
        if (abi->entries[i].number == call->number)
            return (NubHostVerdict)abi->entries[i].call(abi->entries[i].ctx, call);
    return NUB_HOST_VERDICT_PAUSE;
}

/* ---- a call in flight -------------------------------------------------------------------- */

guint32
nub_host_call_get_number(NubHostCall *self)
{
    g_return_val_if_fail(self, 0);
    return self->number;
}

guint64
nub_host_call_get_reg(NubHostCall *self, guint reg)
{
    g_return_val_if_fail(self && reg < NUB_N_REGS, 0);
    return self->regs[reg];
}

void
nub_host_call_set_reg(NubHostCall *self, guint reg, guint64 value)
{
    g_return_if_fail(self && reg < NUB_N_REGS);
    self->regs[reg] = value;
}

guint64
nub_host_call_get_gas(NubHostCall *self)
{
    g_return_val_if_fail(self, 0);
    return self->gas;
}

gboolean
nub_host_call_charge(NubHostCall *self, guint64 gas)
{
    g_return_val_if_fail(self, FALSE);
    if (gas > self->gas)
        return FALSE;
    self->gas -= gas;
    return TRUE;
}

void
nub_host_call_set_finish_value(NubHostCall *self, guint64 value)
{
    g_return_if_fail(self);
    self->finish_value = value;
}

gboolean
nub_host_call_read(NubHostCall *self, guint64 address, guint8 *data, gsize size, GError **error)
{
    struct nub_failure failure;
    int32_t status;

    g_return_val_if_fail(self && (data || !size), FALSE);
    nub_failure_begin(&failure);
    status = self->read(self->machine, address, data, size, &failure);
    if (status != NUB_OK)
        nub_error_set_failure(error, NULL, "host call", status, &failure);
    return status == NUB_OK;
}

GBytes *
nub_host_call_read_bytes(NubHostCall *self, guint64 address, gsize size, GError **error)
{
    g_autofree guint8 *data = NULL;

    g_return_val_if_fail(self, NULL);
    /* The size is the program's word: nothing is allocated for what it cannot have. */
    if (address > G_GUINT64_CONSTANT(1) << 32 || size > (G_GUINT64_CONSTANT(1) << 32) - address) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_INVALID_ARGUMENT,
                    "host call: a range that ends beyond 2^32");
        return NULL;
    }
    data = g_try_malloc(MAX(size, 1));
    if (!data) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_NO_MEMORY,
                    "host call: no memory for %" G_GSIZE_FORMAT " bytes", size);
        return NULL;
    }
    if (!nub_host_call_read(self, address, data, size, error))
        return NULL;
    return g_bytes_new_take(g_steal_pointer(&data), size);
}

gboolean
nub_host_call_write(NubHostCall *self, guint64 address, const guint8 *data, gsize size,
                    GError **error)
{
    struct nub_failure failure;
    int32_t status;

    g_return_val_if_fail(self && (data || !size), FALSE);
    nub_failure_begin(&failure);
    status = self->write(self->machine, address, data, size, &failure);
    if (status != NUB_OK)
        nub_error_set_failure(error, NULL, "host call", status, &failure);
    return status == NUB_OK;
}
