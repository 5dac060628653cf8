/* test-store.c - what is put or committed outlives the process, and damage is noticed
 *
 * A registry over the LMDB store and the local backend is opened, used, dropped and opened again.
 * The store of one test is a folder of its own.
 */
#define _GNU_SOURCE /* memmem */
#include "program-test.h"

#include <string.h>

typedef struct {
    char *dir;
    NubRegistry *registry;
} Fixture;

static NubRegistry *
open_registry(const char *dir, GError **error)
{
    g_autofree char *yaml = g_strdup_printf(
        "version: 1\ngas: instruction\nplugin-path: [ %s ]\ndefault: local\n"
        "store: { module: nub-store-lmdb, options: { path: %s/store, map-size: "
        "64MiB, sync: false } }\n"
        "backends:\n  - { name: local, module: nub-local, options: { memory: checked } }\n"
        "  - { name: other, module: nub-local, options: { memory: checked }, head: local }\n"
        "  - { name: third, module: nub-local }\n"
        "  - { name: echo, module: echo }\n",
        NUB_TEST_MODULES, dir);

    return nub_registry_new_from_data(yaml, NULL, error);
}

static void
set_up(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    self->dir = g_dir_make_tmp("nub-store-XXXXXX", NULL);
    self->registry = open_registry(self->dir, &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    g_clear_object(&self->registry);
    nub_test_remove_folder(self->dir);
    g_free(self->dir);
}

/* As a new process would: nothing in memory survives. */
static void
start_again(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    g_clear_object(&self->registry);
    self->registry = open_registry(self->dir, &error);
    g_assert_no_error(error);
}

static NubKernel *
open_kernel(Fixture *self, const char *name)
{
    g_autoptr(GError) error = NULL;
    NubKernel *kernel = nub_registry_open(self->registry, name, &error);

    g_assert_no_error(error);
    return kernel;
}

/* Told in order, each once, and all of them. */
static void
count_progress(guint64 n_done, guint64 n_all, gpointer user_data)
{
    guint64 *seen = user_data;

    g_assert_cmpuint(n_done, ==, ++*seen);
    g_assert_cmpuint(n_done, <=, n_all);
}

static guint64
verify(Fixture *self)
{
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    g_autoptr(GError) error = NULL;
    guint64 n_caps = 0, seen = 0;

    g_assert_true(nub_store_verify(store, NULL, &n_caps, &error));
    g_assert_no_error(error);
    g_assert_true(nub_store_verify_with_progress(store, NULL, count_progress, &seen, NULL, &error));
    g_assert_cmpuint(seen, ==, n_caps);
    return n_caps;
}

static void
test_puts_persist(Fixture *self, gconstpointer data)
{
    NubKernel *kernel = open_kernel(self, NULL);
    NubHash instance = nub_test_publish(kernel, &nub_test_returns), put;
    g_autoptr(NubBundle) bundle = nub_test_program_bundle(&nub_test_returns);
    g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
    g_autoptr(NubCap) cap = NULL;
    g_autoptr(GError) error = NULL;
    gboolean present = FALSE;
    NubResult result;

    (void)data;
    g_object_unref(kernel);
    g_assert_cmpuint(verify(self), ==, 2);
    start_again(self);

    kernel = open_kernel(self, NULL);
    g_assert_true(nub_kernel_contains(kernel, &instance, &present, &error) && present);
    cap = nub_kernel_get_cap(kernel, &instance, &error);
    g_assert_no_error(error);
    /* The instance and its image come from the store when they are needed. */
    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, NULL, 10, &result, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_true(nub_kernel_evict(kernel, &error));
    g_assert_true(nub_kernel_put_wire_with_hash(kernel, &instance, garbage, &error));
    g_assert_true(nub_kernel_evict(kernel, &error));
    /* A referent that is only stored is present. */
    g_assert_true(nub_kernel_put_cap(kernel, nub_bundle_get_root(bundle), &put, &error));
    g_assert_no_error(error);
    g_object_unref(kernel);
}

static void
commit(NubKernel *kernel, const NubHash *instance, guint64 value, NubHash *successor)
{
    g_autoptr(NubCall) call = nub_call_new(instance);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    const guint64 args[4] = { value };

    nub_call_set_args(call, args);
    nub_call_set_gas(call, 100);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_outcome_get_successor(outcome, successor));
}

static void
test_head_persists(Fixture *self, gconstpointer data)
{
    NubKernel *kernel = open_kernel(self, NULL);
    NubHash head = nub_test_publish(kernel, &nub_test_stores), root;
    g_autoptr(GError) error = NULL;

    (void)data;
    for (guint64 i = 1; i <= 3; i++) {
        commit(kernel, &head, i, &head);
        g_object_unref(kernel);
        start_again(self);
        kernel = open_kernel(self, NULL);
        g_assert_true(nub_kernel_state_root(kernel, &root, &error));
        g_assert_true(nub_hash_equals(&root, &head));
    }
    g_assert_cmpuint(verify(self), ==, 5); /* image, instance, three successors */

    /* Rolling back persists, too. */
    root = (NubHash){ { 0 } };
    g_assert_true(nub_kernel_set_state_root(kernel, &root, &error));
    g_object_unref(kernel);
    start_again(self);
    kernel = open_kernel(self, NULL);
    g_assert_true(nub_kernel_state_root(kernel, &root, &error));
    g_assert_true(nub_hash_is_none(&root));
    g_object_unref(kernel);
}

static void
test_session_commit_persists(Fixture *self, gconstpointer data)
{
    NubKernel *kernel = open_kernel(self, NULL);
    NubHash instance = nub_test_publish(kernel, &nub_test_stores), successor, root;
    NubSession *session = nub_kernel_open_session(kernel, &instance, 0, NULL, 100, NULL);
    g_autoptr(GError) error = NULL;
    NubResult result;

    (void)data;
    g_assert_true(nub_session_set_reg(session, 7, 9, &error));
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_true(nub_session_commit(session, TRUE, &successor, &error));
    g_assert_no_error(error);
    g_object_unref(session);
    g_object_unref(kernel);
    start_again(self);
    kernel = open_kernel(self, NULL);
    g_assert_true(nub_kernel_state_root(kernel, &root, &error));
    g_assert_true(nub_hash_equals(&root, &successor));
    session = nub_kernel_open_session(kernel, &successor, 0, NULL, 100, &error);
    g_assert_no_error(error);
    g_object_unref(session);
    g_object_unref(kernel);
}

static void
test_head_has_one_owner(Fixture *self, gconstpointer data)
{
    NubKernel *first = open_kernel(self, "local");
    g_autoptr(NubKernel) second = NULL;
    g_autoptr(NubKernel) third = open_kernel(self, "third");
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    g_autoptr(GError) error = NULL;
    NubHash head;

    (void)data;
    g_assert_null(nub_registry_open(self->registry, "other", &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_CONFLICT);
    g_assert_cmpstr(error->message, ==,
                    "other: the head 'local' is in use by the open backend 'local'");
    g_clear_error(&error);
    g_assert_false(nub_store_set_name(store, "local", NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_CONFLICT);
    g_clear_error(&error);

    head = nub_test_publish(first, &nub_test_stores);
    commit(first, &head, 1, &head);
    g_object_unref(first);
    /* Another backend goes on from the same head. */
    second = open_kernel(self, "other");
    commit(second, &head, 2, &head);
    g_assert_cmpuint(verify(self), ==, 4);
}

static void
test_backend_must_be_able(Fixture *self, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubKernel) private = NULL;

    (void)data;
    g_assert_null(nub_registry_open(self->registry, "echo", &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_SUPPORTED);
    g_assert_cmpstr(error->message, ==,
                    "a store is configured: echo: the backend has no function get_cap");
    g_clear_error(&error);
    private = nub_registry_open_private(self->registry, "echo", NUB_GAS_DEFAULT, 0, &error);
    g_assert_no_error(error);
}

static void
test_collecting(Fixture *self, gconstpointer data)
{
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    NubKernel *kernel = open_kernel(self, NULL);
    NubHash instance = nub_test_publish(kernel, &nub_test_stores), head, other, kept;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) names = NULL;
    g_autoptr(GPtrArray) all = NULL;
    guint64 n_removed = 99;

    (void)data;
    commit(kernel, &instance, 1, &head);
    other = nub_test_publish(kernel, &nub_test_returns);
    kept = nub_test_publish(kernel, &nub_test_loops);
    g_assert_true(nub_store_set_name(store, "kept", &kept, &error));
    names = nub_store_list_names(store, &error);
    g_assert_cmpuint(g_strv_length(names), ==, 2);
    g_assert_cmpstr(names[0], ==, "kept");
    g_assert_cmpstr(names[1], ==, "local");

    g_assert_true(nub_store_gc(store, NULL, &n_removed, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(n_removed, ==, 3); /* the first instance; other and its image */
    g_assert_cmpuint(verify(self), ==, 4);
    all = nub_store_list_caps(store, &error);
    g_assert_cmpuint(all->len, ==, 4);

    /* What memory still holds is stored again when it is needed: here the image under `other`. */
    commit(kernel, &other, 7, &head);
    g_assert_cmpuint(verify(self), ==, 6);
    g_assert_true(nub_store_set_name(store, "kept", NULL, &error));
    g_assert_true(nub_store_gc(store, NULL, &n_removed, &error));
    g_assert_cmpuint(n_removed, ==, 4);
    g_object_unref(kernel);
}

static void
test_moving_by_bundle(Fixture *self, gconstpointer data)
{
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    NubKernel *kernel = open_kernel(self, NULL);
    NubHash instance = nub_test_publish(kernel, &nub_test_stores), head, unknown = { { 7 } };
    g_autoptr(NubBundle) bundle = NULL;
    g_autoptr(NubBundle) part = nub_bundle_new();
    g_autoptr(GError) error = NULL;
    guint64 n_removed = 0;

    (void)data;
    commit(kernel, &instance, 1, &head);
    g_object_unref(kernel);
    bundle = nub_store_export(store, &head, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nub_bundle_get_n_caps(bundle), ==, 2);
    g_assert_true(nub_store_set_name(store, "local", NULL, &error));
    g_assert_true(nub_store_gc(store, NULL, &n_removed, &error));
    g_assert_cmpuint(verify(self), ==, 0);

    nub_bundle_add(part, nub_bundle_get_root(bundle));
    g_assert_false(nub_store_import(store, part, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(nub_store_set_name(store, "x", &unknown, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(nub_store_import(store, bundle, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(verify(self), ==, 2);
    g_assert_null(nub_store_export(store, &unknown, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
}

/* One byte of a page changed on disk: the read of it fails, and verify finds it. */
static void
test_damage_is_noticed(Fixture *self, gconstpointer data)
{
    g_autofree char *path = g_build_filename(self->dir, "store", "data.mdb", NULL);
    g_autofree guint8 *content = g_malloc(4096);
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    g_autoptr(NubCap) cap = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *file = NULL;
    char *found;
    gsize size = 0;
    NubHash hash, named;

    (void)data;
    memset(content, 0x5a, 4096);
    cap = nub_cap_new_data(content, 4096, NULL);
    nub_cap_get_hash(cap, &hash);
    g_assert_true(nub_store_put_cap(store, cap, &error));
    g_clear_object(&store);
    g_clear_object(&self->registry);

    g_assert_true(g_file_get_contents(path, &file, &size, NULL));
    found = memmem(file, size, content, 1000);
    g_assert_nonnull(found);
    found[500] ^= 1;
    g_assert_true(g_file_set_contents(path, file, (gssize)size, NULL));

    start_again(self);
    store = nub_registry_get_store(self->registry);
    g_assert_null(nub_store_get_cap(store, &hash, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_HASH_MISMATCH);
    g_assert_true(nub_error_get_hash(error, &named) && nub_hash_equals(&named, &hash));
    g_clear_error(&error);
    g_assert_false(nub_store_verify(store, NULL, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_HASH_MISMATCH);
}

static void
test_full_store_changes_nothing(Fixture *self, gconstpointer data)
{
    NubKernel *kernel = open_kernel(self, NULL);
    g_autofree guint8 *content = g_malloc0(128 << 20);
    g_autoptr(NubCap) large = nub_cap_new_data(content, 128 << 20, NULL);
    g_autoptr(GError) error = NULL;
    gboolean present = TRUE;
    NubHash hash;

    (void)data;
    g_assert_false(nub_kernel_put_cap(kernel, large, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NO_SPACE);
    nub_cap_get_hash(large, &hash);
    g_assert_true(nub_kernel_contains(kernel, &hash, &present, NULL));
    g_assert_false(present);
    g_object_unref(kernel);
}

static gpointer
commit_again_and_again(gpointer data)
{
    NubKernel *kernel = data;
    NubHash head = nub_test_publish(kernel, &nub_test_stores);

    for (guint64 i = 0; i < 40; i++)
        commit(kernel, &head, i & 7, &head);
    return NULL;
}

static gpointer
set_head_again_and_again(gpointer data)
{
    for (guint i = 0; i < 60; i++) {
        g_autoptr(GError) error = NULL;
        NubHash root;
        g_assert_true(nub_kernel_state_root(data, &root, &error));
        g_assert_true(nub_kernel_set_state_root(data, &root, &error));
        g_assert_no_error(error);
    }
    return NULL;
}

/* Heads race, and collections run: what is stored is a whole at any time. */
static void
test_many_threads(Fixture *self, gconstpointer data)
{
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    NubKernel *kernel = open_kernel(self, NULL);
    GThread *threads[4];
    NubHash root, stored;

    (void)data;
    for (gsize i = 0; i < 3; i++)
        threads[i] = g_thread_new("commit", commit_again_and_again, kernel);
    threads[3] = g_thread_new("set head", set_head_again_and_again, kernel);
    for (guint i = 0; i < 20; i++) {
        g_autoptr(GError) error = NULL;
        g_assert_true(nub_store_gc(store, NULL, NULL, &error));
        g_assert_no_error(error);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    verify(self);
    g_assert_true(nub_kernel_state_root(kernel, &root, NULL));
    g_assert_true(nub_store_get_name(store, "local", &stored, NULL));
    g_assert_true(nub_hash_equals(&root, &stored));
    g_object_unref(kernel);
}

static gint naming; /* (atomic) */

static gpointer
name_again_and_again(gpointer store)
{
    for (guint i = 0; i < 400; i++) {
        g_autoptr(NubCap) cap = nub_cap_new_data((const guint8 *)&i, sizeof i, NULL);
        g_autoptr(GError) error = NULL;
        NubHash hash;
        nub_cap_get_hash(cap, &hash);
        g_assert_true(nub_store_put_cap(store, cap, &error));
        if (!nub_store_set_name(store, "named", &hash, &error))
            g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    }
    g_atomic_int_set(&naming, FALSE);
    return NULL;
}

/* A collection between storing and naming leaves nothing to name, never a name of nothing: that
 * would fail the next collection. */
static void
test_names_and_collections(Fixture *self, gconstpointer data)
{
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    GThread *thread;

    (void)data;
    g_atomic_int_set(&naming, TRUE);
    thread = g_thread_new("name", name_again_and_again, store);
    while (g_atomic_int_get(&naming)) {
        g_autoptr(GError) error = NULL;
        g_assert_true(nub_store_gc(store, NULL, NULL, &error));
        g_assert_no_error(error);
    }
    g_thread_join(thread);
    verify(self);
}

static void
test_reload_keeps_the_store(Fixture *self, gconstpointer data)
{
    g_autoptr(NubStore) before = nub_registry_get_store(self->registry);
    g_autoptr(NubStore) after = NULL;
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(nub_registry_reload(self->registry, &error));
    g_assert_no_error(error);
    after = nub_registry_get_store(self->registry);
    g_assert_true(before == after);
}

/* Two registries of one process over one store: it is opened once, and heads have one owner. */
static void
test_one_store_two_registries(Fixture *self, gconstpointer data)
{
    g_autoptr(NubRegistry) other = open_registry(self->dir, NULL);
    g_autoptr(NubStore) ours = nub_registry_get_store(self->registry);
    g_autoptr(NubStore) theirs = nub_registry_get_store(other);
    g_autoptr(NubKernel) kernel = open_kernel(self, NULL);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(ours == theirs);
    g_assert_null(nub_registry_open(other, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_CONFLICT);
}

/* One folder and other options: refused, as the database could be destroyed. */
static void
test_folder_opened_twice(Fixture *self, gconstpointer data)
{
    g_autofree char *yaml = g_strdup_printf("version: 1\nstore: { module: nub-store-lmdb, options: "
                                            "{ path: %s/../%s/store, map-size: 64MiB } }\n"
                                            "backends: [ { name: local, module: nub-local } ]\n",
                                            self->dir, strrchr(self->dir, '/') + 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) later = NULL;

    (void)data;
    g_assert_null(nub_registry_new_from_data(yaml, NULL, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "is open in this process already"));
    g_clear_error(&error);
    g_clear_object(&self->registry);
    later = nub_registry_new_from_data(yaml, NULL, &error);
    g_assert_no_error(error);
}

static gpointer
open_and_close(gpointer registry)
{
    for (guint i = 0; i < 200; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubKernel) kernel = nub_registry_open(registry, "local", &error);
        g_assert_no_error(error);
    }
    return NULL;
}

/* Whoever opens while another closes waits for the head instead of being refused. */
static void
test_open_while_closing(Fixture *self, gconstpointer data)
{
    GThread *threads[3];

    (void)data;
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("open", open_and_close, self->registry);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

/* Memory holds it, a collection took it from the disk, and garbage is given for it. */
static void
test_present_is_not_read(Fixture *self, gconstpointer data)
{
    g_autoptr(NubStore) store = nub_registry_get_store(self->registry);
    g_autoptr(NubKernel) kernel = open_kernel(self, NULL);
    NubHash instance = nub_test_publish(kernel, &nub_test_returns);
    g_autoptr(GBytes) garbage = g_bytes_new_static("garbage", 7);
    g_autoptr(GError) error = NULL;
    gboolean present = TRUE;

    (void)data;
    g_assert_true(nub_store_gc(store, NULL, NULL, &error));
    g_assert_cmpuint(verify(self), ==, 0);
    g_assert_true(nub_store_contains(store, &instance, &present, &error));
    g_assert_false(present);
    g_assert_true(nub_kernel_put_wire_with_hash(kernel, &instance, garbage, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(verify(self), ==, 2);
    g_assert_true(nub_store_contains(store, &instance, &present, &error));
    g_assert_true(present);
}

static void
test_refused(void)
{
    static const struct {
        const char *store;
        const char *message;
    } rows[] = {
        { "{ module: nub-local }", "data:2:8: store: " },
        { "{ module: no-such-store }", "data:2:8: store: module 'no-such-store': no " },
        { "{ module: nub-store-lmdb, options: { pathh: x } }",
          "data:2:45: store: unknown option 'pathh' (did you mean 'path'?)" },
        { "{ module: nub-store-lmdb, options: { path: /dev/null/x } }", "store: create: " },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *yaml = g_strdup_printf(
            "version: 1\nstore: %s\nbackends: [ { name: local, module: nub-local } ]\n",
            rows[i].store);
        g_autoptr(GError) error = NULL;
        g_assert_null(nub_registry_new_from_data(yaml, NULL, &error));
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, rows[i].message));
    }
}

#define STORE_TEST(name, func)                                                                     \
    g_test_add("/core/store/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    STORE_TEST("puts-persist", test_puts_persist);
    STORE_TEST("head-persists", test_head_persists);
    STORE_TEST("session-commit-persists", test_session_commit_persists);
    STORE_TEST("head-has-one-owner", test_head_has_one_owner);
    STORE_TEST("backend-must-be-able", test_backend_must_be_able);
    STORE_TEST("collecting", test_collecting);
    STORE_TEST("moving-by-bundle", test_moving_by_bundle);
    STORE_TEST("damage-is-noticed", test_damage_is_noticed);
    STORE_TEST("full-store-changes-nothing", test_full_store_changes_nothing);
    STORE_TEST("many-threads-and-collections", test_many_threads);
    STORE_TEST("names-and-collections", test_names_and_collections);
    STORE_TEST("one-store-two-registries", test_one_store_two_registries);
    STORE_TEST("folder-opened-twice", test_folder_opened_twice);
    STORE_TEST("open-while-closing", test_open_while_closing);
    STORE_TEST("present-is-not-read", test_present_is_not_read);
    STORE_TEST("reload-keeps-it-open", test_reload_keeps_the_store);
    g_test_add_func("/core/store/refused", test_refused);
    return g_test_run();
}
