/* test-store-parts.c - what is stored of a successor: the pages that changed, and never a wrong one
 *
 * Chains of commits that change, add and remove pages at random, over stores that keep parts and
 * that do not, and backends that say what has changed, cannot, or lie. What the store gives back
 * must be what the backend has in memory.
 */
#include "program-test.h"

#include <string.h>

#define PAGE    4096u
#define START   0x100000u
#define N_PAGES 700u /* three levels of nodes */

/* load_ind_u64 phi9, [phi7]; add_64 phi9 = phi9 + phi8; store_ind_u64 phi9, [phi7]; jump_ind phi0
 */
static const guint8 code[] = { 0x82, 0x79, 0x00, 0xC8, 0x89, 0x09, 0x7B, 0x79, 0x00, 0x32, 0x00 };
static const guint8 mask[] = { 0x49, 0x02 };

typedef struct {
    char *dir;
    const char *store; /* in YAML */
    const char *mode;  /* of the module changes */
    NubRegistry *registry;
    NubKernel *kernel;
    NubStore *opened;
} Fixture;

static void
open_all(Fixture *self)
{
    g_autofree char *store = g_strdup_printf(self->store, self->dir);
    g_autofree char *yaml = g_strdup_printf(
        "version: 1\ngas: instruction\nplugin-path: [ %s ]\ndefault: changes\nstore: %s\n"
        "backends:\n"
        "  - { name: changes, module: changes, options: { mode: %s } }\n"
        "  - { name: inner, module: nub-local, options: { memory: checked } }\n",
        NUB_TEST_MODULES, store, self->mode);
    g_autoptr(GError) error = NULL;

    self->registry = nub_registry_new_from_data(yaml, NULL, &error);
    g_assert_no_error(error);
    self->kernel = nub_registry_open(self->registry, NULL, &error);
    g_assert_no_error(error);
    self->opened = nub_registry_get_store(self->registry);
}

static void
close_all(Fixture *self)
{
    g_clear_object(&self->opened);
    g_clear_object(&self->kernel);
    g_clear_object(&self->registry);
}

static void
set_up(Fixture *self, const char *store, const char *mode)
{
    *self = (Fixture){ .store = store, .mode = mode };
    self->dir = g_dir_make_tmp("nub-parts-XXXXXX", NULL);
    open_all(self);
}

static void
tear_down(Fixture *self)
{
    close_all(self);
    nub_test_remove_folder(self->dir);
    g_free(self->dir);
}

static const char lmdb[] =
    "{ module: nub-store-lmdb, options: { path: %s/store, map-size: 256MiB, sync: false } }";
static const char plain[] = "{ module: plain-store } # %s";

/* An instance with memory of zeros, and `pages` that begin with a number. */
static NubHash
publish(Fixture *self, const guint64 *pages, guint n_pages)
{
    g_autoptr(NubImageBuilder) image = nub_image_builder_new(code, sizeof code, mask, sizeof mask);
    g_autoptr(NubInstanceBuilder) instance = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = NULL;
    NubHash hash;

    nub_image_builder_add_endpoint(image, 0, NULL);
    cap = nub_image_builder_build(image, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_put_cap(self->kernel, cap, &hash, &error));
    instance = nub_instance_builder_new(&hash);
    nub_instance_builder_set_mem_size(instance, START + 2 * N_PAGES * PAGE);
    if (n_pages) {
        guint8 *bytes = g_malloc0((gsize)n_pages * PAGE);
        g_autoptr(GBytes) content = g_bytes_new_take(bytes, (gsize)n_pages * PAGE);
        for (guint i = 0; i < n_pages; i++)
            memcpy(bytes + (gsize)i * PAGE, &pages[i], sizeof pages[i]);
        nub_instance_builder_add_overlay(instance, START, content);
    }
    nub_cap_unref(cap);
    cap = nub_instance_builder_build(instance, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_put_cap(self->kernel, cap, &hash, &error));
    g_assert_no_error(error);
    return hash;
}

/* Adds to the number at the beginning of a page, commits and advances. */
static gboolean
step(Fixture *self, const NubHash *head, guint page, guint64 delta, NubHash *successor,
     GError **error)
{
    g_autoptr(NubCall) call = nub_call_new(head);
    g_autoptr(NubOutcome) outcome = NULL;
    const guint64 args[4] = { START + (guint64)page * PAGE, delta };

    nub_call_set_args(call, args);
    nub_call_set_gas(call, 1000);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    outcome = nub_kernel_invoke(self->kernel, call, NULL, error);
    if (!outcome)
        return FALSE;
    g_assert_true(nub_outcome_get_successor(outcome, successor));
    return TRUE;
}

/* What the store gives back is what the backend has in memory. */
static void
assert_stored(Fixture *self, const NubHash *hash)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) stored = nub_store_get_cap(self->opened, hash, &error);
    g_autoptr(NubCap) held = NULL;

    g_assert_no_error(error);
    held = nub_kernel_get_cap(self->kernel, hash, &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(nub_cap_get_wire(stored), nub_cap_get_wire(held)));
}

static void
assert_sound(Fixture *self)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(nub_store_verify(self->opened, NULL, NULL, &error));
    g_assert_no_error(error);
}

/* A page, and what it will begin with: mostly zero again, so that overlays come and go. */
static guint
choose(GRand *random, guint i, guint64 *number)
{
    *number = g_rand_int_range(random, 0, 3);
    if (i < 60) { /* a run that grows upwards, then others downwards */
        *number = 1 + i % 5;
        return i < 40 ? i : 400 - i;
    }
    return g_rand_boolean(random) ? (guint)g_rand_int_range(random, 0, 40)
                                  : (guint)g_rand_int_range(random, 0, N_PAGES);
}

static void
run_chain(Fixture *self, guint n_full, gboolean restart)
{
    g_autofree guint64 *pages = g_new0(guint64, N_PAGES);
    g_autoptr(GRand) random = g_rand_new_with_seed(20261130 + n_full);
    NubHash head;

    for (guint i = 0; i < n_full; i++)
        pages[i] = i + 1;
    head = publish(self, pages, n_full);
    for (guint i = 0; i < 200; i++) {
        g_autoptr(GError) error = NULL;
        guint64 number = 0;
        guint page = choose(random, i, &number);
        NubHash successor;
        g_assert_true(step(self, &head, page, number - pages[page], &successor, &error));
        g_assert_no_error(error);
        pages[page] = number;
        if (i % 3 == 0) /* the head alone holds it */
            nub_kernel_drop_cap(self->kernel, &successor, NULL);
        head = successor;
        assert_stored(self, &head);
        if (i % 50 == 49)
            g_assert_true(nub_store_gc(self->opened, NULL, NULL, &error));
        if (restart && i % 40 == 39) {
            close_all(self);
            open_all(self);
        }
        if (i % 20 == 19)
            assert_sound(self);
    }
}

static const struct {
    const char *name, *store, *mode;
    gboolean restart;
} worlds[] = {
    { "changes", lmdb, "honest", TRUE },
    { "changes-cannot-be-had", lmdb, "unable", TRUE },
    { "the-base-is-lost", lmdb, "lost", TRUE },
    { "a-store-without-parts", plain, "honest", FALSE },
};

static void
test_chain(gconstpointer data)
{
    static const guint n_full[] = { 0, 1, 17, 16, 300 };
    guint world = GPOINTER_TO_UINT(data);

    /* where everything is had whole, every other shape will do */
    for (guint i = 0; i < G_N_ELEMENTS(n_full); i += world ? 2 : 1) {
        Fixture fixture;
        set_up(&fixture, worlds[world].store, worlds[world].mode);
        run_chain(&fixture, n_full[i], worlds[world].restart);
        tear_down(&fixture);
    }
}

/* Bytes that this process has given to write calls. */
static guint64
written(void)
{
    g_autofree char *io = NULL;
    const char *line;

    g_assert_true(g_file_get_contents("/proc/self/io", &io, NULL, NULL));
    line = strstr(io, "wchar: ");
    g_assert_nonnull(line);
    return g_ascii_strtoull(line + strlen("wchar: "), NULL, 10);
}

static guint64
counter(Fixture *self, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) stats = nub_kernel_stats(self->kernel, &error);
    guint64 n = 0;

    g_assert_no_error(error);
    g_assert_true(g_variant_lookup(stats, name, "t", &n));
    return n;
}

/* 2.7 MiB of state; a page is a page also when the head holds the base alone, and after a restart.
 */
static void
test_writes_what_changed(void)
{
    g_autofree guint64 *pages = g_new(guint64, N_PAGES);
    Fixture fixture;
    NubHash head;

    for (guint i = 0; i < N_PAGES; i++)
        pages[i] = i + 1;
    set_up(&fixture, lmdb, "honest");
    head = publish(&fixture, pages, N_PAGES);
    for (guint i = 0; i < 20; i++) {
        g_autoptr(GError) error = NULL;
        guint64 before;
        if (i == 10) {
            close_all(&fixture);
            open_all(&fixture);
        }
        before = written();
        g_assert_true(step(&fixture, &head, i * 31, 1, &head, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(written() - before, <, 160 << 10);
        nub_kernel_drop_cap(fixture.kernel, &head, NULL);
    }
    g_assert_cmpuint(counter(&fixture, "changes_asked_total"), ==, 10); /* of this kernel */
    assert_sound(&fixture);
    tear_down(&fixture);
}

/* A backend whose changes do not give its successor: the commit fails, and nothing is changed. */
static void
test_lies_are_noticed(void)
{
    static const struct {
        const char *mode;
        NubError code;
        const char *message;
    } rows[] = {
        { "no-header", NUB_ERROR_BAD_ENCODING, "changes: get_changes: no header" },
        { "short-header", NUB_ERROR_BAD_ENCODING, "changes: get_changes: a header that is none" },
        { "other-header", NUB_ERROR_HASH_MISMATCH,
          "changes: get_changes: header and pages give the hash " },
        { "no-page", NUB_ERROR_HASH_MISMATCH,
          "changes: get_changes: header and pages give the hash " },
        { "crooked", NUB_ERROR_BAD_ENCODING, "changes: get_changes: a page out of order" },
        { "twice", NUB_ERROR_BAD_ENCODING, "changes: get_changes: a page out of order" },
        { "gone", NUB_ERROR_HASH_MISMATCH,
          "changes: get_changes: header and pages give the hash " },
        { "other-page", NUB_ERROR_HASH_MISMATCH,
          "changes: get_changes: header and pages give the hash " },
        { "more", NUB_ERROR_HASH_MISMATCH,
          "changes: get_changes: header and pages give the hash " },
    };
    const guint64 pages[3] = { 1, 2, 3 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        NubHash head, successor, root;
        gboolean present = TRUE;
        Fixture fixture;
        set_up(&fixture, lmdb, rows[i].mode);
        head = publish(&fixture, pages, 3);
        g_assert_false(step(&fixture, &head, 1, 5, &successor, &error));
        g_assert_error(error, NUB_ERROR, (int)rows[i].code);
        g_assert_true(g_str_has_prefix(error->message, rows[i].message));
        g_assert_true(nub_kernel_state_root(fixture.kernel, &root, NULL));
        g_assert_true(nub_hash_is_none(&root));
        if (nub_error_get_hash(error, &successor)) {
            g_assert_true(nub_kernel_contains(fixture.kernel, &successor, &present, NULL));
            g_assert_false(present);
        }
        assert_sound(&fixture);
        tear_down(&fixture);
    }
}

/* fetch_cap gives a backend the wire form, whatever the store keeps. */
static void
test_fetching(void)
{
    const guint64 pages[40] = { 1, 2, 3 };
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) stored = NULL;
    g_autoptr(NubCap) fetched = NULL;
    NubHash head, absent = { { 7 } };
    NubCapKind kind;
    guint64 size = 0;
    Fixture fixture;

    set_up(&fixture, lmdb, "fetching");
    head = publish(&fixture, pages, 40);
    close_all(&fixture);
    open_all(&fixture);
    fetched = nub_kernel_get_cap(fixture.kernel, &head, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(counter(&fixture, "changes_fetched_total"), ==, 1);
    stored = nub_store_get_cap(fixture.opened, &head, &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(nub_cap_get_wire(stored), nub_cap_get_wire(fetched)));
    g_assert_true(nub_store_describe_cap(fixture.opened, &head, &kind, &size, &error));
    g_assert_cmpint(kind, ==, NUB_CAP_KIND_INSTANCE);
    g_assert_cmpuint(size, ==, g_bytes_get_size(nub_cap_get_wire(stored)));
    g_assert_null(nub_kernel_get_cap(fixture.kernel, &absent, &error));
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NOT_FOUND);
    tear_down(&fixture);
}

/* A page whose bytes are the roots inside of a tree: both have the same root, and both are kept. */
static void
test_a_page_is_no_node(void)
{
    Fixture fixture;
    guint8 *bytes = g_malloc0(2 * 256 * PAGE);
    g_autoptr(GBytes) content = g_bytes_new_take(bytes, 2 * 256 * PAGE);
    g_autoptr(NubInstanceBuilder) builder = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = NULL;
    g_autoptr(NubCap) back = NULL;
    NubHash image = { { 0 } }, hash;

    set_up(&fixture, lmdb, "honest");
    builder = nub_instance_builder_new(&image);
    /* 16 pages that say where they are; behind them a page of what lies between them and their root
     */
    for (guint p = 0; p < 16; p++)
        bytes[p * PAGE] = (guint8)(p + 1);
    for (guint c = 0; c < 128; c++) { /* 2048 chunks to 128: four levels up */
        guint8 level[16][32];
        for (guint k = 0; k < 16; k++)
            memcpy(level[k], bytes + (c * 16 + k) * 32, 32);
        for (guint n = 8; n > 0; n /= 2)
            for (guint k = 0; k < n; k++) {
                g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
                gsize size = 32;
                g_checksum_update(sum, level[2 * k], 64);
                g_checksum_get_digest(sum, level[k], &size);
            }
        memcpy(bytes + 16 * PAGE + c * 32, level[0], 32);
    }
    nub_instance_builder_add_overlay(builder, START, content);
    cap = nub_instance_builder_build(builder, &error);
    g_assert_no_error(error);
    nub_cap_get_hash(cap, &hash);
    g_assert_true(nub_store_put_cap(fixture.opened, cap, &error));
    g_assert_no_error(error);
    back = nub_store_get_cap(fixture.opened, &hash, &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(nub_cap_get_wire(cap), nub_cap_get_wire(back)));
    tear_down(&fixture);
}

/* Commits of a session start from what it was opened on, whoever holds that still. */
static void
test_sessions(void)
{
    const guint64 pages[20] = { 1, 2, 3 };
    g_autoptr(NubSession) session = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *dir = g_dir_make_tmp("nub-parts-XXXXXX", NULL);
    g_autofree char *yaml = g_strdup_printf(
        "version: 1\nstore: { module: nub-store-lmdb, options: { path: %s/store } }\n"
        "backends: [ { name: local, module: nub-local, options: { memory: checked } } ]\n",
        dir);
    Fixture fixture = { .registry = nub_registry_new_from_data(yaml, NULL, &error) };
    NubHash head, successor;
    NubResult result;

    g_assert_no_error(error);
    fixture.kernel = nub_registry_open(fixture.registry, NULL, &error);
    fixture.opened = nub_registry_get_store(fixture.registry);
    head = publish(&fixture, pages, 20);
    session = nub_kernel_open_session(fixture.kernel, &head, 0, NULL, 100, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_drop_cap(fixture.kernel, &head, &error));
    for (guint i = 0; i < 4; i++) {
        g_assert_true(nub_session_set_pc(session, 0, &error));
        g_assert_true(nub_session_set_gas(session, 100, &error));
        g_assert_true(nub_session_set_reg(session, 7, START + i * 9 * PAGE, &error));
        g_assert_true(nub_session_set_reg(session, 8, 5, &error));
        g_assert_true(nub_session_run(session, NULL, &result, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_true(nub_session_commit(session, TRUE, &successor, &error));
        g_assert_no_error(error);
        assert_stored(&fixture, &successor);
    }
    g_clear_object(&session);
    assert_sound(&fixture);
    close_all(&fixture);
    nub_test_remove_folder(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(worlds); i++) {
        g_autofree char *path = g_strconcat("/core/store-parts/chain/", worlds[i].name, NULL);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_chain);
    }
    g_test_add_func("/core/store-parts/writes-what-changed", test_writes_what_changed);
    g_test_add_func("/core/store-parts/lies-are-noticed", test_lies_are_noticed);
    g_test_add_func("/core/store-parts/a-page-is-no-node", test_a_page_is_no_node);
    g_test_add_func("/core/store-parts/fetching", test_fetching);
    g_test_add_func("/core/store-parts/sessions", test_sessions);
    return g_test_run();
}
