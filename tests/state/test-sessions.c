/* test-sessions.c - thousands of machines that have stopped and wait
 *
 * Each session stores a number of its own, stops at a host call, and much later goes on and gives
 * the number back. What one costs is measured; what is not to be had is a named error or costs
 * speed, never the process.
 */
#include "resident.h"
#include "state-test.h"

#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MEMORY 0x10000
#define SIZE   0x40000

/* Counts phi9 down to 0, stores phi8 at [phi7], calls the host, loads it into phi7 and returns. */
static const guint8 code[] = {
    0x95, 0x99, 0xFF,       /* add_imm_64 phi9 = phi9 - 1 */
    0x52, 0x09, 0xFD,       /* branch_ne_imm phi9, 0, back to the first */
    0x7B, 0x78, 0x00,       /* store_ind_u64 phi8, [phi7] */
    0x0A, 0x05,             /* ecalli 5 */
    0x82, 0x79, 0x00,       /* load_ind_u64 phi9, [phi7] */
    0x64, 0x97, 0x32, 0x00, /* move_reg phi7 = phi9; jump_ind phi0 */
};
static const guint8 bitmask[] = { 0x49, 0x4A, 0x01 };

/* The local backend gives a window to a run that is so long, and a page table to a short one. */
static guint64 n_turns = 1;

static NubHash
publish(NubKernel *kernel)
{
    return state_publish_code(kernel, code, sizeof code, bitmask, MEMORY, SIZE);
}

/* Any address and number that tell sessions apart. */
static guint64
number_of(guint i)
{
    return (i + 1) * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
}

/* Opens number `i` and runs it to its host call. NULL: with the error. */
static NubSession *
start(NubKernel *kernel, const NubHash *instance, guint i, GError **error)
{
    const guint64 args[4] = { MEMORY + i % (SIZE / 8) * 8, number_of(i), n_turns };
    g_autoptr(NubSession) session =
        nub_kernel_open_session(kernel, instance, 0, args, STATE_GAS, error);
    NubResult result;

    if (!session || !nub_session_run(session, NULL, &result, error))
        return NULL;
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HOST_CALL);
    return g_steal_pointer(&session);
}

static void
finish(NubSession *session, guint i)
{
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_session_run(session, NULL, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, number_of(i));
}

static void
shuffle(guint *order, guint n)
{
    for (guint i = 0; i < n; i++)
        order[i] = i;
    for (guint i = n; i > 1; i--) {
        guint k = (guint)g_test_rand_int_range(0, (gint)i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
}

struct setting {
    const char *name, *backend;
    guint64 n_turns;
};

static NubKernel *
open_setting(gconstpointer data)
{
    const struct setting *setting = data;

    n_turns = setting->n_turns;
    return state_open(setting->backend);
}

/* ---- what a session costs ------------------------------------------------------------------ */

static guint
count_mappings(void)
{
    g_autofree char *text = NULL;
    guint n = 0;

    g_assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

static void
test_ten_thousand(gconstpointer setting)
{
    enum { N = 10000 };
    g_autoptr(NubKernel) kernel = open_setting(setting);
    g_autofree NubSession **sessions = g_new(NubSession *, N);
    g_autofree guint *order = g_new(guint, N);
    g_autoptr(GError) error = NULL;

    if (!kernel)
        return;
    NubHash instance = publish(kernel);
    malloc_trim(0); /* what earlier tests have left would hide what this one takes */
    guint64 before = nub_test_resident();
    guint mappings = count_mappings();
    for (guint i = 0; i < N; i++) {
        sessions[i] = start(kernel, &instance, i, &error);
        g_assert_no_error(error);
    }
    guint64 each = (nub_test_resident() - before) / N;
    mappings = count_mappings() - mappings;
    g_test_message("%d paused sessions: %" G_GUINT64_FORMAT
                   " bytes each, one page of it touched; %u mappings more",
                   N, each, mappings);
#ifndef __SANITIZE_ADDRESS__
    g_assert_cmpuint(each, <=, 4096 + 128 * 1024);
#endif
    g_assert_cmpuint(mappings, <, 1000);
    shuffle(order, N);
    for (guint i = 0; i < N; i++) {
        finish(sessions[order[i]], order[i]);
        g_object_unref(sessions[order[i]]);
    }
}

/* Some of many sessions pause, others go on, and all commit what they have. */
static void
test_parked_commit(gconstpointer setting)
{
    enum { N = 200 };
    g_autoptr(NubKernel) kernel = open_setting(setting);
    NubSession *sessions[N];
    NubHash paused[N];
    guint order[N];
    g_autoptr(GError) error = NULL;

    if (!kernel)
        return;
    NubHash instance = publish(kernel);
    for (guint i = 0; i < N; i++) {
        sessions[i] = start(kernel, &instance, i, &error);
        g_assert_no_error(error);
        nub_session_commit(sessions[i], FALSE, &paused[i], &error);
        g_assert_no_error(error);
    }
    shuffle(order, N);
    for (guint i = 0; i < N; i++) {
        NubSession *session = sessions[order[i]];
        NubHash again;
        nub_session_commit(session, FALSE, &again, &error);
        g_assert_no_error(error);
        state_assert_hash(&again, &paused[order[i]]);
        finish(session, order[i]);
        g_object_unref(session);
        g_autoptr(NubSession) other =
            nub_kernel_open_session(kernel, &again, 0, NULL, STATE_GAS, &error);
        g_assert_no_error(error);
        finish(other, order[i]);
    }
}

/* Sessions that wait in the tests below; a sanitizer takes its time with each. */
#ifdef __SANITIZE_ADDRESS__
#define MANY 1000
#else
#define MANY 10000
#endif

/* ---- what is not to be had ----------------------------------------------------------------- */

static NubSession **
start_many(NubKernel *kernel, const NubHash *instance, guint n)
{
    NubSession **sessions = g_new(NubSession *, n);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < n; i++) {
        sessions[i] = start(kernel, instance, i, &error);
        g_assert_no_error(error);
    }
    return sessions;
}

/* Those that are still there; takes the array. */
static void
finish_many(NubSession **sessions, guint n)
{
    for (guint i = 0; i < n; i++) {
        if (!sessions[i])
            continue;
        finish(sessions[i], i);
        g_object_unref(sessions[i]);
    }
    g_free(sessions);
}

/* Runs the test in a process of its own, if the backend opens here. */
static void
try_in_child(gconstpointer setting)
{
    g_autoptr(NubKernel) kernel = open_setting(setting);

    if (!kernel)
        return;
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
}

/* Not one window more: what is left of the address space is smaller than one. */
static void
test_no_address_space(gconstpointer setting)
{
    if (g_test_subprocess()) {
        g_autoptr(NubKernel) kernel = open_setting(setting);
        struct rlimit limit = { .rlim_cur = 0 };
        NubHash instance = publish(kernel);
        limit.rlim_cur = limit.rlim_max = nub_test_memory(0) + (1u << 30);
        g_assert_cmpint(setrlimit(RLIMIT_AS, &limit), ==, 0);
        finish_many(start_many(kernel, &instance, MANY), MANY);
        return;
    }
    try_in_child(setting);
}

/* More than the next test tries to use up: some systems allow a million. */
#define MOST_MAPPINGS (1u << 18)

static gboolean
mappings_can_be_used_up(void)
{
    g_autofree char *text = NULL;

    if (g_file_get_contents("/proc/sys/vm/max_map_count", &text, NULL, NULL) &&
        g_ascii_strtoull(text, NULL, 10) < MOST_MAPPINGS - 1000)
        return TRUE;
    g_test_skip("this system allows too many mappings to use them up");
    return FALSE;
}

/* Every second page of it another protection, so that no two can be joined: takes all mappings that
 * there are, and returns how many pages that took. */
static guint
use_up_mappings(guint8 *area)
{
    guint n = 0;

    while (n < MOST_MAPPINGS / 2 && mprotect(area + n * 8192u, 4096, PROT_READ) == 0)
        n++;
    g_assert_cmpuint(n, <, MOST_MAPPINGS / 2);
    return n;
}

/* A run from its beginning to its end; false: with an error that has a name. */
static gboolean
try_one(NubKernel *kernel, const NubHash *instance, guint i)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubSession) session = start(kernel, instance, i, &error);

    if (session)
        finish(session, i);
    else
        g_assert_true(error && error->domain == NUB_ERROR);
    return session != NULL;
}

/* The end of a run that waits. */
static gboolean
try_waiting(NubSession **session, guint i)
{
    g_autoptr(GError) error = NULL;
    NubResult result;

    if (!nub_session_run(*session, NULL, &result, &error)) {
        g_assert_true(error->domain == NUB_ERROR);
        return FALSE;
    }
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, number_of(i));
    g_clear_object(session);
    return TRUE;
}

/* Every mapping that the system allows is taken while thousands of sessions wait: runs end right,
 * or with an error that has a name, and what has failed so goes on when there are mappings again.
 */
static void
test_no_mappings(gconstpointer setting)
{
    enum { TRIED = 40 };

    if (g_test_subprocess()) {
        g_autoptr(NubKernel) kernel = open_setting(setting);
        NubHash instance = publish(kernel);
        NubSession **waiting = start_many(kernel, &instance, MANY);
        const gsize size = MOST_MAPPINGS / 2 * (gsize)8192;
        guint8 *area = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        g_assert_true(area != MAP_FAILED);
        guint n = use_up_mappings(area), refused = 0;
        for (guint i = 0; i < TRIED; i++) { /* with a mapping more each time, to allocate with */
            refused += !try_one(kernel, &instance, n);
            refused += !try_waiting(&waiting[i], i);
            g_assert_cmpint(mprotect(area + --n * 8192u, 4096, PROT_NONE), ==, 0);
        }
        g_test_message("%u of %u runs were refused", refused, 2 * TRIED);
        g_assert_cmpint(munmap(area, size), ==, 0);
        finish_many(waiting, MANY);
        return;
    }
    if (mappings_can_be_used_up())
        try_in_child(setting);
}

/* A guest's memory bounds its sessions: the next one is refused by name, the others go on. */
static void
test_full_guest(void)
{
    g_autoptr(NubKernel) tried = state_open("kvm");
    g_autoptr(GPtrArray) sessions = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GError) error = NULL;

    if (!tried)
        return;
    g_autoptr(NubRegistry) registry =
        state_registry("{ name: kvm, module: nub-kvm, options: { guest-memory: 64MiB } }", NULL);
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, "kvm", &error);
    g_assert_no_error(error);
    NubHash instance = publish(kernel);
    for (;;) {
        NubSession *session = start(kernel, &instance, sessions->len, &error);
        if (!session)
            break;
        g_ptr_array_add(sessions, session);
        g_assert_cmpuint(sessions->len, <, 100000);
    }
    g_test_message("64 MiB of guest memory: %u paused sessions, then: %s", sessions->len,
                   error->message);
    g_assert_error(error, NUB_ERROR, NUB_ERROR_NO_MEMORY);
    g_assert_cmpuint(sessions->len, >=, 64);
    g_clear_error(&error);
    for (guint i = 0; i < sessions->len; i++)
        finish(sessions->pdata[i], i);
    guint n = sessions->len;
    g_ptr_array_set_size(sessions, 0);
    for (guint i = 0; i < n; i++) { /* nothing of them is left */
        g_ptr_array_add(sessions, start(kernel, &instance, i, &error));
        g_assert_no_error(error);
    }
}

int
main(int argc, char **argv)
{
    static const struct setting settings[] = {
        { "local", "local", 1 },
        { "local-windows", "local", 1 << 15 },
        { "jit", "jit", 1 },
    };
    static const struct setting kvm = { "kvm", "kvm", 1 };
    static const struct {
        const char *name;
        void (*test)(gconstpointer setting);
    } tests[] = {
        { "ten-thousand-paused", test_ten_thousand },
        { "commit-while-parked", test_parked_commit },
        { "no-address-space-left", test_no_address_space },
        { "no-mappings-left", test_no_mappings },
    };

    state_init(&argc, &argv);
    for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
        for (guint t = 0; t < G_N_ELEMENTS(tests); t++) {
            g_autofree char *path =
                g_strdup_printf("/state/sessions/%s/%s", settings[i].name, tests[t].name);
            g_test_add_data_func(path, &settings[i], tests[t].test);
        }
    }
    g_test_add_data_func("/state/sessions/kvm/commit-while-parked", &kvm, test_parked_commit);
    g_test_add_func("/state/sessions/kvm/a-full-guest-refuses-by-name", test_full_guest);
    return g_test_run();
}
