/* test-ledger.c - ten thousand transfers end at the same root on every backend, and survive a crash
 *
 * examples/ledger.c gets a hundred blocks of a hundred transfers, one commit each. The balances are
 * compared with a model in this file, the roots with each other, block by block.
 */
#include "state-test.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { N_BLOCKS = 100, PER_BLOCK = 100, N_ACCOUNTS = 4096, ENDOWMENT = 1000 };

/* What the blocks are, and what the accounts must have after the last one. */
typedef struct {
    GBytes *blocks[N_BLOCKS];
    guint64 applied[N_BLOCKS];
    guint64 balance[N_ACCOUNTS];
} Model;

static const Model *
model(void)
{
    static Model *self;
    guint32 state = 1;

    if (self)
        return self;
    self = g_new0(Model, 1);
    for (guint i = 0; i < N_ACCOUNTS; i++)
        self->balance[i] = ENDOWMENT;
    for (guint b = 0; b < N_BLOCKS; b++) {
        GString *text = g_string_new(NULL);
        for (guint t = 0; t < PER_BLOCK; t++) {
            guint32 word[3];
            for (guint i = 0; i < 3; i++)
                word[i] = (state = state * 1664525u + 1013904223u) >> 8;
            guint from = word[0] % N_ACCOUNTS, to = word[1] % N_ACCOUNTS, amount = word[2] % 1500;
            g_string_append_printf(text, "%u %u %u\n", from, to, amount);
            if (self->balance[from] < amount)
                continue;
            self->balance[from] -= amount;
            self->balance[to] += amount;
            self->applied[b]++;
        }
        self->blocks[b] = g_string_free_to_bytes(text);
    }
    return self;
}

/* A ledger on a kernel. */
typedef struct {
    NubKernel *kernel;
    const StateProgram *program;
    NubHostTable *hosts;
    NubHash head;
} Ledger;

static NubOutcome *
invoke(Ledger *self, const char *endpoint, guint64 arg, GBytes *input)
{
    const guint64 args[4] = { arg };
    g_autoptr(NubCall) call = nub_call_new(&self->head);
    g_autoptr(GError) error = NULL;

    nub_call_set_endpoint(call, state_endpoint(self->program, endpoint));
    nub_call_set_args(call, args);
    nub_call_set_gas(call, STATE_GAS);
    nub_call_set_input(call, input);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    nub_call_set_host_table(call, self->hosts);
    NubOutcome *outcome = nub_kernel_invoke(self->kernel, call, NULL, &error);
    g_assert_no_error(error);
    return outcome;
}

/* Goes to the successor; the return value. */
static guint64
step(Ledger *self, const char *endpoint, guint64 arg, GBytes *input)
{
    g_autoptr(NubOutcome) outcome = invoke(self, endpoint, arg, input);
    g_autoptr(GError) error = NULL;
    NubResult result;
    NubHash root;

    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_true(nub_outcome_get_successor(outcome, &self->head));
    g_assert_true(nub_kernel_state_root(self->kernel, &root, &error));
    state_assert_hash(&root, &self->head);
    return result.return_value;
}

static guint64
ask(Ledger *self, const char *endpoint, guint64 arg)
{
    const guint64 args[4] = { arg };
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_kernel_invoke_cached(self->kernel, &self->head, state_endpoint(self->program, endpoint),
                             args, STATE_GAS, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    return result.return_value;
}

static void
ledger_open(Ledger *self, NubKernel *kernel, const StateProgram *program)
{
    *self = (Ledger){ .kernel = kernel, .program = program, .hosts = nub_host_table_new() };
    nub_host_table_add_standard(self->hosts, -1, -1, -1, NULL);
}

static void
ledger_found(Ledger *self)
{
    self->head = state_publish(self->kernel, self->program);
    g_assert_cmpuint(step(self, "found", ENDOWMENT, NULL), ==, N_ACCOUNTS);
}

static void
ledger_close(Ledger *self)
{
    nub_host_table_unref(self->hosts);
    g_object_unref(self->kernel);
}

static void
apply(Ledger *self, guint block)
{
    g_assert_cmpuint(step(self, "apply", 0, model()->blocks[block]), ==, model()->applied[block]);
}

/* The root after the founding and after each block, as the interpreter has them. */
static const NubHash *
reference(const StateProgram *program)
{
    static NubHash roots[1 + N_BLOCKS];
    Ledger ledger;

    if (!nub_hash_is_none(&roots[0]))
        return roots;
    ledger_open(&ledger, state_open("local"), program);
    ledger_found(&ledger);
    roots[0] = ledger.head;
    for (guint i = 0; i < N_BLOCKS; i++) {
        apply(&ledger, i);
        roots[1 + i] = ledger.head;
    }
    ledger_close(&ledger);
    return roots;
}

/* ---- the tests ----------------------------------------------------------------------------- */

/* Opens a ledger for a test; FALSE: the test has been skipped. */
static gboolean
begin(Ledger *ledger, const char *backend)
{
    const StateProgram *program = state_program("ledger");
    NubKernel *kernel = program ? state_open(backend) : NULL;

    if (!kernel)
        return FALSE;
    ledger_open(ledger, kernel, program);
    ledger_found(ledger);
    return TRUE;
}

static void
test_same_roots(gconstpointer backend)
{
    Ledger ledger;

    if (!begin(&ledger, backend))
        return;
    const NubHash *roots = reference(ledger.program);
    state_assert_hash(&ledger.head, &roots[0]);
    for (guint i = 0; i < N_BLOCKS; i++) {
        apply(&ledger, i);
        state_assert_hash(&ledger.head, &roots[1 + i]);
    }
    g_assert_cmpuint(ask(&ledger, "total", 0), ==, (guint64)N_ACCOUNTS * ENDOWMENT);
    for (guint i = 0; i < N_ACCOUNTS; i += 31)
        g_assert_cmpuint(ask(&ledger, "balance", i), ==, model()->balance[i]);
    ledger_close(&ledger);
}

static void
test_bad_block(gconstpointer backend)
{
    static const char *const bad[] = { "1 2",        "1 2 3",    "1  2 3\n",
                                       "4096 0 1\n", "1 2 -3\n", "1 2 18446744073709551616\n" };
    Ledger ledger;

    if (!begin(&ledger, backend))
        return;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        /* the good line before the bad one is not applied either */
        g_autofree char *text = g_strconcat("0 1 5\n", bad[i], NULL);
        g_autoptr(GBytes) block = g_bytes_new(text, strlen(text));
        g_autoptr(NubOutcome) outcome = invoke(&ledger, "apply", 0, block);
        NubHash successor, root;
        NubResult result;
        nub_outcome_get_result(outcome, &result);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_TRAP);
        g_assert_false(nub_outcome_get_successor(outcome, &successor));
        g_assert_true(nub_kernel_state_root(ledger.kernel, &root, NULL));
        state_assert_hash(&root, &ledger.head);
    }
    g_assert_cmpuint(ask(&ledger, "balance", 1), ==, ENDOWMENT);
    ledger_close(&ledger);
}

static void
test_rollback(gconstpointer backend)
{
    Ledger ledger;

    if (!begin(&ledger, backend))
        return;
    for (guint i = 0; i < 10; i++)
        apply(&ledger, i);
    NubHash first = reference(ledger.program)[5], last = ledger.head;
    g_assert_true(nub_kernel_set_state_root(ledger.kernel, &first, NULL));
    ledger.head = first;
    for (guint i = 5; i < 10; i++)
        apply(&ledger, i);
    state_assert_hash(&ledger.head, &last);
    ledger_close(&ledger);
}

/* ---- with a store -------------------------------------------------------------------------- */

/* Whether there are stores on disk in this build; if not, the running test has been skipped. */
static gboolean
has_store(void)
{
    if (g_file_test(NUB_BUILD_DIR "/modules/nub-store-lmdb.so", G_FILE_TEST_EXISTS))
        return TRUE;
    g_test_skip("nub-store-lmdb is not built");
    return FALSE;
}

/* The ledger of the store in `dir`, at its head, on a backend; founded if there is none. */
static void
open_stored(Ledger *ledger, const char *dir, const char *backend, const StateProgram *program)
{
    g_autofree char *entry =
        g_strdup_printf("{ name: %s, module: nub-%s, head: ledger }", backend, backend);
    g_autoptr(NubRegistry) registry = state_registry(entry, dir);
    g_autoptr(GError) error = NULL;

    ledger_open(ledger, nub_registry_open(registry, backend, &error), program);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_state_root(ledger->kernel, &ledger->head, NULL));
    if (nub_hash_is_none(&ledger->head))
        ledger_found(ledger);
}

static void
test_other_process(gconstpointer backend)
{
    static const char *const pair[2] = { "local", NULL };
    const StateProgram *program = state_program("ledger");
    g_autoptr(NubKernel) there = program ? state_open(backend) : NULL;
    g_autoptr(GError) error = NULL;

    if (!there || !has_store())
        return;
    g_autofree char *dir = g_dir_make_tmp("nub-ledger-XXXXXX", &error);
    g_assert_no_error(error);
    const NubHash *roots = reference(program);
    for (guint i = 0; i < 8; i++) {
        /* each time the head is all that is known */
        Ledger ledger;
        open_stored(&ledger, dir, i % 2 ? (const char *)backend : pair[0], program);
        state_assert_hash(&ledger.head, &roots[i]);
        apply(&ledger, i);
        state_assert_hash(&ledger.head, &roots[i + 1]);
        ledger_close(&ledger);
    }
    state_remove_folder(dir);
}

/* The child of the next test: opens the ledger and applies blocks until it is killed, one byte of
 * output for each of these. */
static int
run_child(const char *dir, const char *bundle)
{
    g_autoptr(GError) error = NULL;
    StateProgram program = { .bundle = nub_bundle_load(bundle, &error),
                             .endpoints = g_strsplit("apply balance found total", " ", -1) };
    Ledger ledger;
    guint next = 0;

    g_assert_no_error(error);
    open_stored(&ledger, dir, "local", &program);
    if (write(STDOUT_FILENO, "o", 1) != 1)
        return 1;
    g_autofree char *at = g_build_filename(dir, "next", NULL);
    g_autofree char *text = NULL;
    if (g_file_get_contents(at, &text, NULL, NULL))
        next = (guint)g_ascii_strtoull(text, NULL, 10);
    for (; next < N_BLOCKS; next++) {
        apply(&ledger, next);
        if (write(STDOUT_FILENO, ".", 1) != 1)
            return 1;
    }
    ledger_close(&ledger);
    return 0;
}

/* How many blocks the store's head has seen; it must be a root of the reference. */
static guint
judge_store(const char *dir, const NubHash *roots)
{
    g_autoptr(NubRegistry) registry =
        state_registry("{ name: local, module: nub-local, head: ledger }", dir);
    g_autoptr(NubStore) store = nub_registry_get_store(registry);
    g_autoptr(GError) error = NULL;
    NubHash head;

    nub_store_verify(store, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_store_get_name(store, "ledger", &head, &error));
    for (guint i = 0; i <= N_BLOCKS; i++) {
        if (nub_hash_equals(&head, &roots[i]))
            return i;
    }
    g_assert_true(nub_hash_is_none(&head));
    return 0;
}

static void
test_kill(void)
{
    const StateProgram *program = state_program("ledger");
    g_autoptr(GError) error = NULL;
    guint n_kills = 0, n_blocks = 0, seen = 0, most = state_times(12, 1000);

    if (!program || !has_store())
        return;
    g_autofree char *dir = g_dir_make_tmp("nub-ledger-XXXXXX", &error);
    g_autofree char *bundle = g_build_filename(dir, "ledger.nub", NULL);
    g_autofree char *at = g_build_filename(dir, "next", NULL);
    g_assert_true(nub_bundle_save(program->bundle, bundle, &error));
    const NubHash *roots = reference(program);
    while (n_kills < most) {
        g_autofree char *text = g_strdup_printf("%u", seen);
        g_autoptr(GBytes) output = NULL;
        g_assert_true(g_file_set_contents(at, text, -1, &error));
        g_autoptr(GSubprocess) child = state_child(dir, bundle);
        char opened = 0;
        if (g_test_rand_int_range(0, 4) > 0) /* else while it opens, if it takes that long */
            g_input_stream_read(g_subprocess_get_stdout_pipe(child), &opened, 1, NULL, &error);
        g_usleep((gulong)g_test_rand_int_range(0, 60000));
        g_subprocess_force_exit(child);
        g_assert_true(g_subprocess_communicate(child, NULL, NULL, &output, NULL, &error));
        guint n_bytes = (guint)g_bytes_get_size(output);
        guint acknowledged = seen + n_bytes - (opened == 0 && n_bytes > 0);
        if (g_subprocess_get_if_exited(child))
            g_assert_cmpint(g_subprocess_get_exit_status(child), ==, 0);
        else
            g_assert_cmpint(g_subprocess_get_term_sig(child), ==, SIGKILL);
        n_kills += !g_subprocess_get_if_exited(child);
        n_blocks += acknowledged - seen;
        /* what was acknowledged is there, and at most the one in flight besides */
        seen = judge_store(dir, roots);
        g_assert_cmpuint(seen, >=, acknowledged);
        g_assert_cmpuint(seen, <=, acknowledged + 1);
        if (seen == N_BLOCKS) { /* and again, from an empty store */
            g_autofree char *store = g_build_filename(dir, "store", NULL);
            state_remove_folder(store);
            seen = 0;
        }
    }
    g_test_message("%u blocks were acknowledged before %u kills", n_blocks, n_kills);
    g_assert_cmpuint(n_blocks, >, 0);
    state_remove_folder(dir);
}

int
main(int argc, char **argv)
{
    static const char *const backends[] = { "local", "jit", "kvm" };
    static const struct {
        const char *name;
        void (*test)(gconstpointer backend);
    } tests[] = {
        { "ends-at-the-same-root", test_same_roots },
        { "a-malformed-block-changes-nothing", test_bad_block },
        { "rolls-back-and-repeats", test_rollback },
        { "goes-on-from-the-store-in-turns-with-local", test_other_process },
    };

    if (argc == 4 && strcmp(argv[1], "--child") == 0)
        return run_child(argv[2], argv[3]);
    state_init(&argc, &argv);
    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        for (guint t = 0; t < G_N_ELEMENTS(tests); t++) {
            g_autofree char *path =
                g_strdup_printf("/state/ledger/%s/%s", backends[i], tests[t].name);
            g_test_add_data_func(path, backends[i], tests[t].test);
        }
    }
    g_test_add_func("/state/ledger/survives-kill-9", test_kill);
    return g_test_run();
}
