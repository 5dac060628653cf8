/* test-crash.c - kill -9 at random moments while heads move: nothing that was acknowledged is lost
 *
 * A child commits and advances in a loop, collects now and then, and says after each commit that it
 * returned; the parent kills it. The store must open and verify, and its head must be the last one
 * that was acknowledged or the one in flight. Programs are deterministic, so the parent knows every
 * head before. NUB_CRASH_ROUNDS says how often (default 60; the soak makes it 1000).
 */
#include "program-test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program; /* this one */

/* The state is so many pages; each commit changes one, from 1 to 2 or back: the heads come round.
 */
#define N_PAGES 128
#define CYCLE   (2 * N_PAGES)
#define START   0x100000u

/* store_ind_u64 phi8, [phi7]; jump_ind phi0 */
static const guint8 code[] = { 0x7B, 0x78, 0x00, 0x32, 0x00 };
static const guint8 mask[] = { 0x09 };

static NubRegistry *
open_registry(const char *dir)
{
    g_autofree char *yaml = g_strdup_printf(
        "version: 1\ngas: instruction\n"
        "store: { module: nub-store-lmdb, options: { path: %s/store, map-size: 256MiB } }\n"
        "backends: [ { name: local, module: nub-local, options: { memory: checked } } ]\n",
        dir);
    g_autoptr(GError) error = NULL;
    NubRegistry *registry = nub_registry_new_from_data(yaml, NULL, &error);

    g_assert_no_error(error);
    return registry;
}

/* What the last commit of a cycle leaves. */
static NubHash
publish(NubKernel *kernel)
{
    g_autoptr(NubImageBuilder) image = nub_image_builder_new(code, sizeof code, mask, sizeof mask);
    g_autoptr(NubInstanceBuilder) instance = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(NubBundle) bundle = nub_bundle_new();
    g_autoptr(NubCap) image_cap = NULL;
    g_autoptr(NubCap) instance_cap = NULL;
    guint8 *bytes = g_malloc0(N_PAGES * 4096);
    g_autoptr(GBytes) content = g_bytes_new_take(bytes, N_PAGES * 4096);
    NubHash hash;

    nub_image_builder_add_endpoint(image, 0, NULL);
    image_cap = nub_image_builder_build(image, &error);
    g_assert_no_error(error);
    nub_cap_get_hash(image_cap, &hash);
    for (guint i = 0; i < N_PAGES; i++)
        bytes[i * 4096] = 2;
    instance = nub_instance_builder_new(&hash);
    nub_instance_builder_add_overlay(instance, START, content);
    instance_cap = nub_instance_builder_build(instance, &error);
    g_assert_no_error(error);
    nub_bundle_add(bundle, image_cap);
    nub_bundle_add(bundle, instance_cap);
    g_assert_true(nub_kernel_put_bundle(kernel, bundle, &hash, &error));
    g_assert_no_error(error);
    return hash;
}

/* Commit number `i`, from `head`. */
static NubHash
commit(NubKernel *kernel, const NubHash *head, guint64 i)
{
    g_autoptr(NubCall) call = nub_call_new(head);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubOutcome) outcome = NULL;
    const guint64 args[4] = { START + i % N_PAGES * 4096, 1 + i / N_PAGES % 2 };
    NubHash successor;

    nub_call_set_args(call, args);
    nub_call_set_gas(call, 100);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_outcome_get_successor(outcome, &successor));
    return successor;
}

/* The child: goes on from `n` commits until it is killed, one byte to standard output for each. */
static int
run_child(const char *dir, guint64 n)
{
    g_autoptr(NubRegistry) registry = open_registry(dir);
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, NULL, NULL);
    g_autoptr(NubStore) store = nub_registry_get_store(registry);
    NubHash head;

    g_assert_nonnull(kernel);
    g_assert_true(nub_kernel_state_root(kernel, &head, NULL));
    if (nub_hash_is_none(&head))
        head = publish(kernel);
    for (;; n++) {
        head = commit(kernel, &head, n);
        if (write(STDOUT_FILENO, ".", 1) != 1)
            return 1;
        if (n % 40 == 39)
            g_assert_true(nub_store_gc(store, NULL, NULL, NULL));
    }
}

/* The head after each commit of a cycle. */
static NubHash *
foresee(void)
{
    NubHash *heads = g_new(NubHash, CYCLE);
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash head = publish(kernel);

    for (guint i = 0; i < CYCLE; i++)
        heads[i] = head = commit(kernel, &head, i);
    return heads;
}

static gboolean
is_head_after(const NubHash *head, const NubHash *heads, guint n_commits)
{
    static const NubHash none;

    return nub_hash_equals(head, n_commits ? &heads[(n_commits - 1) % CYCLE] : &none);
}

/*
 * Starts a child, kills it, and answers how many commits it acknowledged. `settled`: not before the
 * first one, so that slow machines see commits interrupted, too, and not only the opening.
 */
static guint
run_and_kill(const char *dir, guint n, gboolean settled, GRand *random)
{
    g_autofree char *from = g_strdup_printf("%u", n);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) child = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program,
                                                    "--child", dir, from, NULL);
    g_autoptr(GBytes) acknowledged = NULL;
    char first;
    gssize n_first = 0;

    g_assert_no_error(error);
    if (settled)
        n_first = g_input_stream_read(g_subprocess_get_stdout_pipe(child), &first, 1, NULL, &error);
    g_assert_no_error(error);
    g_usleep((gulong)g_rand_int_range(random, 0, 30000));
    g_subprocess_force_exit(child);
    g_assert_true(g_subprocess_communicate(child, NULL, NULL, &acknowledged, NULL, &error));
    g_assert_no_error(error);
    return (guint)n_first + (guint)g_bytes_get_size(acknowledged);
}

static guint
check_store(const char *dir, const NubHash *heads, guint acknowledged)
{
    g_autoptr(NubRegistry) registry = open_registry(dir);
    g_autoptr(NubStore) store = nub_registry_get_store(registry);
    g_autoptr(NubKernel) kernel = NULL;
    g_autoptr(GError) error = NULL;
    NubHash head, stored;

    g_assert_true(nub_store_verify(store, NULL, NULL, &error));
    g_assert_no_error(error);
    g_assert_true(nub_store_get_name(store, "local", &stored, &error));
    kernel = nub_registry_open(registry, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_state_root(kernel, &head, &error));
    g_assert_true(nub_hash_equals(&head, &stored));
    if (is_head_after(&head, heads, acknowledged))
        return acknowledged;
    g_assert_true(is_head_after(&head, heads, acknowledged + 1));
    return acknowledged + 1;
}

static void
test_killed(void)
{
    const char *rounds_text = g_getenv("NUB_CRASH_ROUNDS");
    guint rounds = rounds_text ? (guint)strtoul(rounds_text, NULL, 10) : 60;
    g_autofree char *dir = g_dir_make_tmp("nub-crash-XXXXXX", NULL);
    g_autofree NubHash *heads = foresee();
    g_autoptr(GRand) random = g_rand_new_with_seed(20261122);
    guint n = 0, moved = 0;

    for (guint i = 0; i < rounds; i++) {
        guint after = check_store(dir, heads, n + run_and_kill(dir, n, i & 1, random));
        g_assert_cmpuint(after, >=, n);
        moved += after != n;
        n = after;
    }
    g_test_message("%u kills, %u of them after commits, %u commits", rounds, moved, n);
    /* A test in which nothing was ever committed would show nothing. */
    g_assert_cmpuint(moved, >=, rounds / 2);
    nub_test_remove_folder(dir);
}

int
main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--child") == 0)
        return run_child(argv[2], strtoull(argv[3], NULL, 10));
    program = argv[0];
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/store/survives-kill", test_killed);
    return g_test_run();
}
