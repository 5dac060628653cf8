/* test-store-lmdb.c - what is on the disk: formats, and every kind of damage to a record
 *
 * Looks into the LMDB environment behind the module's back. A damaged record must never give a
 * wrong capability, and `verify` must find it, whichever record it is.
 */
#include "plugin-test.h"

#include <lmdb.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    4096u
#define START   0x100000u
#define N_PAGES 40u

typedef struct {
    char *dir;
    NubHash image, instance;
    NubCap *image_cap, *instance_cap;
} Fixture;

/* load_ind_u64 phi9, [phi7]; add_64 phi9 = phi9 + phi8; store_ind_u64 phi9, [phi7]; jump_ind phi0
 */
static const guint8 code[] = { 0x82, 0x79, 0x00, 0xC8, 0x89, 0x09, 0x7B, 0x79, 0x00, 0x32, 0x00 };
static const guint8 mask[] = { 0x49, 0x02 };

static void
set_up(Fixture *self, gconstpointer data)
{
    g_autoptr(NubImageBuilder) image = nub_image_builder_new(code, sizeof code, mask, sizeof mask);
    g_autoptr(NubInstanceBuilder) instance = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    guint8 *bytes = g_malloc(N_PAGES * PAGE);
    g_autoptr(GBytes) content = g_bytes_new_take(bytes, N_PAGES * PAGE);

    (void)data;
    self->dir = nub_plugin_folder();
    nub_image_builder_add_endpoint(image, 0, NULL);
    self->image_cap = nub_image_builder_build(image, NULL);
    nub_cap_get_hash(self->image_cap, &self->image);
    for (guint i = 0; i < N_PAGES * PAGE; i++)
        bytes[i] = (guint8)g_rand_int(random);
    memset(bytes + 5 * PAGE + 100, 0, PAGE - 100); /* one that ends with zeros */
    instance = nub_instance_builder_new(&self->image);
    nub_instance_builder_add_overlay(instance, START, content);
    self->instance_cap = nub_instance_builder_build(instance, NULL);
    nub_cap_get_hash(self->instance_cap, &self->instance);
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    g_clear_pointer(&self->image_cap, nub_cap_unref);
    g_clear_pointer(&self->instance_cap, nub_cap_unref);
    nub_plugin_folder_remove(self->dir);
    g_free(self->dir);
}

static NubRegistry *
open_registry(Fixture *self, GError **error)
{
    g_autofree char *yaml =
        g_strdup_printf("version: 1\nstore: { module: nub-store-lmdb, options: { path: %s, "
                        "map-size: 64MiB, sync: false } }\n"
                        "backends: [ { name: local, module: nub-local } ]\n",
                        self->dir);

    return nub_registry_new_from_data(yaml, NULL, error);
}

/* ---- behind the module's back --------------------------------------------------------------- */

typedef struct {
    MDB_env *env;
    MDB_txn *txn;
} Disk;

static Disk
disk_open(Fixture *self)
{
    Disk disk = { NULL, NULL };

    g_assert_cmpint(mdb_env_create(&disk.env), ==, 0);
    g_assert_cmpint(mdb_env_set_maxdbs(disk.env, 8), ==, 0);
    g_assert_cmpint(mdb_env_set_mapsize(disk.env, 64 << 20), ==, 0);
    g_assert_cmpint(mdb_env_open(disk.env, self->dir, MDB_NOSYNC, 0600), ==, 0);
    g_assert_cmpint(mdb_txn_begin(disk.env, NULL, 0, &disk.txn), ==, 0);
    return disk;
}

static void
disk_close(Disk *disk)
{
    g_assert_cmpint(mdb_txn_commit(disk->txn), ==, 0);
    mdb_env_close(disk->env);
}

static MDB_dbi
table(Disk *disk, const char *name)
{
    MDB_dbi dbi;

    g_assert_cmpint(mdb_dbi_open(disk->txn, name, MDB_CREATE, &dbi), ==, 0);
    return dbi;
}

static void
put(Disk *disk, const char *in, const void *key, gsize key_size, const void *value, gsize size)
{
    MDB_val k = { key_size, (void *)key }, v = { size, (void *)value };

    g_assert_cmpint(mdb_put(disk->txn, table(disk, in), &k, &v, 0), ==, 0);
}

static void
put_wire(Disk *disk, const NubHash *hash, NubCap *cap)
{
    gsize size = 0;
    gconstpointer wire = g_bytes_get_data(nub_cap_get_wire(cap), &size);

    put(disk, "caps", hash, sizeof *hash, wire, size);
}

/* A record of a table, or all keys of it. */
static GBytes *
get(Disk *disk, const char *in, const void *key, gsize size)
{
    MDB_val k = { size, (void *)key }, v;

    return mdb_get(disk->txn, table(disk, in), &k, &v) ? NULL : g_bytes_new(v.mv_data, v.mv_size);
}

static GPtrArray *
list_keys(Disk *disk, const char *in)
{
    GPtrArray *keys = g_ptr_array_new_with_free_func((GDestroyNotify)nub_hash_free);
    MDB_cursor *cursor;
    MDB_val k, v;

    g_assert_cmpint(mdb_cursor_open(disk->txn, table(disk, in), &cursor), ==, 0);
    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        g_assert_cmpuint(k.mv_size, ==, sizeof(NubHash));
        g_ptr_array_add(keys, nub_hash_copy(k.mv_data));
    }
    mdb_cursor_close(cursor);
    return keys;
}

/* ---- formats -------------------------------------------------------------------------------- */

static NubHash
commit(NubKernel *kernel, const NubHash *head, guint page)
{
    g_autoptr(NubCall) call = nub_call_new(head);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    const guint64 args[4] = { START + page * PAGE, 1 };
    NubHash successor;

    nub_call_set_args(call, args);
    nub_call_set_gas(call, 1000);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_outcome_get_successor(outcome, &successor));
    return successor;
}

/* What a nub without parts has written is read, and goes on. */
static void
test_first_format(Fixture *self, gconstpointer data)
{
    Disk disk = disk_open(self);
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubKernel) kernel = NULL;
    g_autoptr(NubStore) store = NULL;
    g_autoptr(GPtrArray) parts = NULL;
    g_autoptr(GBytes) format = NULL;
    g_autoptr(GError) error = NULL;
    guint64 n = 0;
    NubHash head;

    (void)data;
    put_wire(&disk, &self->image, self->image_cap);
    put_wire(&disk, &self->instance, self->instance_cap);
    put(&disk, "names", "local", 5, &self->instance, sizeof self->instance);
    disk_close(&disk);

    registry = open_registry(self, &error);
    g_assert_no_error(error);
    store = nub_registry_get_store(registry);
    g_assert_true(nub_store_verify(store, NULL, &n, &error));
    g_assert_cmpuint(n, ==, 2);
    kernel = nub_registry_open(registry, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_state_root(kernel, &head, &error));
    g_assert_true(nub_hash_equals(&head, &self->instance));
    head = commit(kernel, &head, 3); /* whole, as its base is */
    head = commit(kernel, &head, 9); /* by what has changed */
    g_assert_true(nub_store_gc(store, NULL, &n, &error));
    g_assert_cmpuint(n, ==, 2);
    g_assert_true(nub_store_verify(store, NULL, &n, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(n, ==, 2);
    g_clear_object(&store);
    g_clear_object(&kernel);
    g_clear_object(&registry);

    disk = disk_open(self);
    format = get(&disk, "meta", "format", 6);
    g_assert_nonnull(format);
    g_assert_cmpmem(g_bytes_get_data(format, NULL), g_bytes_get_size(format), "\2\0\0\0", 4);
    parts = list_keys(&disk, "parts");
    g_assert_cmpuint(parts->len, ==, N_PAGES + 3 + 1); /* three nodes of pages, and their root */
    disk_close(&disk);
}

static void
test_later_format(Fixture *self, gconstpointer data)
{
    Disk disk = disk_open(self);
    g_autoptr(GError) error = NULL;

    (void)data;
    put(&disk, "meta", "format", 6, "\3\0\0\0", 4);
    disk_close(&disk);
    g_assert_null(open_registry(self, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED);
    g_assert_nonnull(strstr(error->message, "its format is 3 and this nub knows formats 1 to 2"));
}

/* ---- damage --------------------------------------------------------------------------------- */

typedef enum { BIT, CUT, LONGER, EMPTY, ANOTHER, GONE, N_DAMAGES } Damage;

static void
damage_record(Disk *disk, const char *in, const NubHash *key, GBytes *record, Damage damage,
              GRand *random)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    MDB_val k = { sizeof *key, (void *)key };

    g_byte_array_append(bytes, g_bytes_get_data(record, NULL), (guint)g_bytes_get_size(record));
    switch (damage) {
    case BIT:
        bytes->data[g_rand_int_range(random, 0, (gint32)bytes->len)] ^=
            (guint8)(1 << g_rand_int_range(random, 0, 8));
        break;
    case CUT:
        g_byte_array_set_size(bytes, (guint)g_rand_int_range(random, 1, (gint32)bytes->len));
        break;
    case LONGER:
        g_byte_array_append(bytes, (const guint8[32]){ 1 }, 32);
        break;
    case EMPTY:
        g_byte_array_set_size(bytes, 0);
        break;
    case ANOTHER:
        for (guint i = 0; i < bytes->len; i++)
            bytes->data[i] = (guint8)g_rand_int(random);
        break;
    default:
        g_assert_cmpint(mdb_del(disk->txn, table(disk, in), &k, NULL), ==, 0);
        return;
    }
    put(disk, in, key, sizeof *key, bytes->data, bytes->len);
}

static void
assert_noticed(Fixture *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = open_registry(self, &error);
    g_autoptr(NubStore) store = NULL;
    g_autoptr(NubBundle) bundle = NULL;

    g_assert_no_error(error);
    store = nub_registry_get_store(registry);
    g_assert_false(nub_store_verify(store, NULL, NULL, &error));
    g_assert_nonnull(error);
    g_test_message("%s", error->message);
    g_clear_error(&error);
    bundle = nub_store_export(store, &self->instance, &error);
    g_assert_null(bundle);
    g_assert_true(error->domain == NUB_ERROR);
    g_assert_true(error->code == NUB_ERROR_HASH_MISMATCH || error->code == NUB_ERROR_NOT_FOUND ||
                  error->code == NUB_ERROR_BAD_ENCODING || error->code == NUB_ERROR_NOT_SUPPORTED);
}

static void
damage_all(Fixture *self, const char *in, GRand *random)
{
    Disk disk = disk_open(self);
    g_autoptr(GPtrArray) keys = list_keys(&disk, in);

    disk_close(&disk);
    for (guint i = 0; i < keys->len; i++)
        for (guint damage = 0; damage < N_DAMAGES; damage++) {
            g_autoptr(GBytes) record = NULL;
            disk = disk_open(self);
            record = get(&disk, in, keys->pdata[i], sizeof(NubHash));
            damage_record(&disk, in, keys->pdata[i], record, (Damage)damage, random);
            disk_close(&disk);
            assert_noticed(self);
            disk = disk_open(self);
            put(&disk, in, keys->pdata[i], sizeof(NubHash), g_bytes_get_data(record, NULL),
                g_bytes_get_size(record));
            disk_close(&disk);
        }
}

static void
test_damage(Fixture *self, gconstpointer data)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20261130);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    NubRegistry *registry = open_registry(self, &error);
    NubStore *store = nub_registry_get_store(registry);

    (void)data;
    nub_bundle_add(bundle, self->image_cap);
    nub_bundle_add(bundle, self->instance_cap);
    g_assert_true(nub_store_import(store, bundle, &error));
    g_assert_true(nub_store_set_name(store, "kept", &self->instance, &error));
    g_assert_no_error(error);
    g_object_unref(store);
    g_object_unref(registry);
    damage_all(self, "caps", random);
    damage_all(self, "parts", random);
    registry = open_registry(self, &error);
    store = nub_registry_get_store(registry);
    g_assert_true(nub_store_verify(store, NULL, NULL, &error));
    g_object_unref(store);
    g_object_unref(registry);
}

/* A store whose head is damaged does not open a kernel, and says why. */
static void
test_damaged_head(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    NubRegistry *registry = open_registry(self, &error);
    NubStore *store = nub_registry_get_store(registry);
    Disk disk;

    (void)data;
    nub_bundle_add(bundle, self->image_cap);
    nub_bundle_add(bundle, self->instance_cap);
    g_assert_true(nub_store_import(store, bundle, &error));
    g_assert_true(nub_store_set_name(store, "local", &self->instance, &error));
    g_object_unref(store);
    g_object_unref(registry);
    disk = disk_open(self);
    g_assert_cmpint(mdb_drop(disk.txn, table(&disk, "parts"), 0), ==, 0);
    disk_close(&disk);
    registry = open_registry(self, &error);
    g_assert_no_error(error);
    g_assert_null(nub_registry_open(registry, NULL, &error));
    g_assert_nonnull(error);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, ": part ")); /* the part, not just that it is missing */
    g_object_unref(registry);
}

/* A process of its own that opens the disk, and reads on when it is `reading`, until it is killed
 * or told to end; then its exit code is how many readers are left that died. */
typedef struct {
    pid_t pid;
    int said, to;
} Other;

static void
be_other(const char *path, int says, int hears, gboolean reading)
{
    MDB_env *env;
    MDB_txn *txn;
    char byte = 0;
    int dead = 99;

    if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, 4) ||
        mdb_env_open(env, path, MDB_NOTLS, 0600) ||
        (reading && mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) || write(says, "", 1) != 1 ||
        read(hears, &byte, 1) != 1 || mdb_reader_check(env, &dead))
        _exit(98);
    _exit(dead);
}

static Other
other_start(Fixture *self, gboolean reading)
{
    int says[2], hears[2];
    Other other = { 0 };
    char byte;

    g_assert_cmpint(pipe(says), ==, 0);
    g_assert_cmpint(pipe(hears), ==, 0);
    other.pid = fork();
    if (other.pid == 0)
        be_other(self->dir, says[1], hears[0], reading);
    close(says[1]);
    close(hears[0]);
    other.said = says[0];
    other.to = hears[1];
    g_assert_cmpint(read(other.said, &byte, 1), ==, 1);
    return other;
}

static int
other_end(Other *self)
{
    int status = 0;

    g_assert_cmpint(waitpid(self->pid, &status, 0), ==, self->pid);
    close(self->said);
    close(self->to);
    return status;
}

/* A process that was killed while it read keeps nothing, even if others have the store open. */
static void
test_killed_reader(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    NubRegistry *registry = open_registry(self, &error);
    Other holder, reader;
    int status;

    (void)data;
    g_assert_no_error(error);
    g_object_unref(registry); /* it has made the store */
    holder = other_start(self, FALSE);
    reader = other_start(self, TRUE);
    kill(reader.pid, SIGKILL);
    other_end(&reader);
    registry = open_registry(self, &error);
    g_assert_no_error(error);
    g_assert_cmpint(write(holder.to, "", 1), ==, 1);
    status = other_end(&holder);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    g_object_unref(registry);
}

#define LMDB_TEST(name, func)                                                                      \
    g_test_add("/plugins/store-lmdb/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    LMDB_TEST("first-format", test_first_format);
    LMDB_TEST("later-format", test_later_format);
    LMDB_TEST("damage", test_damage);
    LMDB_TEST("damaged-head", test_damaged_head);
    LMDB_TEST("killed-reader", test_killed_reader);
    return g_test_run();
}
