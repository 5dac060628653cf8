/* test-migrate.c - stopped on one backend, gone on with on another: nothing tells
 *
 * Each example runs once without a stop. Then it is stopped at random gas budgets and at every host
 * call; each time the machine is committed, carried as a capability to the next backend and resumed
 * there. Result, gas, output and the root at the end must be those of the run without a stop, and
 * every paused state that of a chain which never left the interpreter.
 */
#include "state-test.h"

#include <string.h>

#define INPUT G_GUINT64_CONSTANT(0xFEFF0000)

typedef struct {
    const char *name, *endpoint;
    guint64 args[4];
    const char
        *input; /* laid into pages that the session maps; its address and length are a0 and a1 */
} Example;

static const Example examples[] = {
    { .name = "fib", .endpoint = "run" },
    { .name = "sieve", .endpoint = "run" },
    { .name = "isort", .endpoint = "run" },
    { .name = "matmul", .endpoint = "run" },
    { .name = "keccak", .endpoint = "run", .args = { 20 } },
    { .name = "blake2b", .endpoint = "run", .args = { 20 } },
    { .name = "sha256", .endpoint = "run", .args = { 20 } },
    { .name = "ed25519", .endpoint = "run" },
    { .name = "modexp", .endpoint = "run" },
    { .name = "poseidon", .endpoint = "run" },
    { .name = "lz", .endpoint = "run" },
    { .name = "vm", .endpoint = "run" },
    { .name = "hello", .endpoint = "main" },
    { .name = "ledger", .endpoint = "found", .args = { 7 } },
    { .name = "ledger", .endpoint = "apply", .input = "0 1 0\n2 3 1\n4095 5 0\n" },
};

/* How a run ended, and what it left: of a run without a stop or of a whole chain. */
typedef struct {
    NubResult result;
    NubHash root;
    GString *output;
    GArray *paused; /* NubHash */
} Trace;

static Trace
trace_new(void)
{
    return (Trace){ .output = g_string_new(NULL),
                    .paused = g_array_new(FALSE, FALSE, sizeof(NubHash)) };
}

static void
trace_clear(Trace *self)
{
    g_string_free(self->output, TRUE);
    g_array_unref(self->paused);
}

/* Where a chain goes, and the budgets at which it stops. */
typedef struct {
    NubKernel *const *kernels;
    guint n_kernels;
    const guint64 *stops; /* gas used so far, ascending */
    guint n_stops;
} Route;

/* ---- the host of these programs ------------------------------------------------------------ */

/* Answers the call that the session has stopped at: those of the standard table that the examples
 * make. */
static void
answer(NubSession *session, guint32 number, Trace *trace)
{
    g_autoptr(GError) error = NULL;
    guint64 *regs = nub_session_dup_regs(session, &error);

    g_assert_no_error(error);
    if (number == NUB_HOST_CALL_WRITE) {
        g_autoptr(GBytes) bytes = nub_session_read(session, regs[8], regs[9], &error);
        g_assert_no_error(error);
        g_string_append_len(trace->output, g_bytes_get_data(bytes, NULL),
                            (gssize)g_bytes_get_size(bytes));
        regs[7] = regs[9];
    } else if (number == NUB_HOST_CALL_ARGUMENTS) {
        nub_session_write(session, regs[7], (const guint8 *)"traveller", 10, &error);
        regs[7] = 10;
    } else {
        g_assert_cmpuint(number, ==, NUB_HOST_CALL_SHA_256);
        g_autoptr(GBytes) bytes = nub_session_read(session, regs[7], regs[8], &error);
        g_assert_no_error(error);
        g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
        guint8 digest[32];
        gsize size = sizeof digest;
        g_checksum_update(checksum, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
        g_checksum_get_digest(checksum, digest, &size);
        nub_session_write(session, regs[9], digest, sizeof digest, &error);
        regs[7] = 0;
    }
    g_assert_no_error(error);
    nub_session_set_regs(session, regs, &error);
    g_assert_no_error(error);
    g_free(regs);
}

static NubSession *
start(NubKernel *kernel, const StateProgram *program, const Example *example, guint64 gas)
{
    NubHash instance = state_publish(kernel, program);
    g_autoptr(GError) error = NULL;
    guint64 args[4];

    memcpy(args, example->args, sizeof args);
    if (example->input) {
        args[0] = INPUT;
        args[1] = strlen(example->input);
    }
    NubSession *session = nub_kernel_open_session(
        kernel, &instance, state_endpoint(program, example->endpoint), args, gas, &error);
    g_assert_no_error(error);
    if (example->input) {
        nub_session_map(session, INPUT, 4096, NUB_MAP_READ_WRITE, &error);
        g_assert_no_error(error);
        nub_session_write(session, INPUT, (const guint8 *)example->input, args[1], &error);
        g_assert_no_error(error);
    }
    return session;
}

/* Commits and moves the head; the head must be what was committed. */
static void
advance(NubSession *session, NubKernel *kernel, NubHash *hash)
{
    g_autoptr(GError) error = NULL;
    NubHash root;

    nub_session_commit(session, TRUE, hash, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_state_root(kernel, &root, NULL));
    state_assert_hash(hash, &root);
}

static void
run_without_stop(NubKernel *kernel, const StateProgram *program, const Example *example,
                 Trace *trace)
{
    g_autoptr(NubSession) session = start(kernel, program, example, STATE_GAS);
    g_autoptr(GError) error = NULL;

    do {
        nub_session_run(session, NULL, &trace->result, &error);
        g_assert_no_error(error);
        if (trace->result.exit_reason == NUB_EXIT_HOST_CALL)
            answer(session, trace->result.exit_arg, trace);
    } while (trace->result.exit_reason == NUB_EXIT_HOST_CALL);
    g_assert_cmpuint(trace->result.exit_reason, ==, NUB_EXIT_HALT);
    advance(session, kernel, &trace->root);
}

/* ---- the chain ----------------------------------------------------------------------------- */

/* A session on `to` that goes on where the instance of `from` has stopped. */
static NubSession *
carry(NubKernel *from, NubKernel *to, const NubHash *paused, guint64 gas)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NubCap) cap = nub_kernel_get_cap(from, paused, &error);
    NubHash hash;

    g_assert_no_error(error);
    g_assert_true(nub_cap_is_paused(cap));
    nub_kernel_put_cap(to, cap, &hash, &error);
    g_assert_no_error(error);
    state_assert_hash(&hash, paused);
    NubSession *session = nub_kernel_open_session(to, &hash, 0, NULL, gas, &error);
    g_assert_no_error(error);
    return session;
}

static guint64
budget(const Route *route, guint *next, guint64 used)
{
    while (*next < route->n_stops && route->stops[*next] <= used)
        (*next)++;
    guint64 until = *next < route->n_stops ? route->stops[*next] : STATE_GAS;
    return until - used;
}

static void
run_chain(const Route *route, const StateProgram *program, const Example *example, Trace *trace)
{
    NubKernel *kernel = route->kernels[0];
    guint64 used = 0, gas = 0;
    guint next = 0, leg = 0;
    g_autoptr(NubSession) session = NULL;
    g_autoptr(GError) error = NULL;
    NubHash paused;

    for (guint i = 0; i < route->n_kernels; i++)
        state_publish(route->kernels[i], program);
    gas = budget(route, &next, 0);
    session = start(kernel, program, example, gas);
    for (;;) {
        NubResult *result = &trace->result;
        nub_session_run(session, NULL, result, &error);
        g_assert_no_error(error);
        used += gas - result->gas_remaining;
        if (result->exit_reason == NUB_EXIT_HALT)
            break;
        advance(session, kernel, &paused);
        g_array_append_val(trace->paused, paused);
        if (result->exit_reason == NUB_EXIT_OUT_OF_GAS)
            next++;
        else
            g_assert_cmpuint(result->exit_reason, ==, NUB_EXIT_HOST_CALL);
        NubKernel *to = route->kernels[++leg % route->n_kernels];
        gas = budget(route, &next, used);
        g_object_unref(session);
        session = carry(kernel, to, &paused, gas);
        kernel = to;
        if (result->exit_reason == NUB_EXIT_HOST_CALL)
            answer(session, result->exit_arg, trace);
    }
    trace->result.gas_remaining = STATE_GAS - used;
    advance(session, kernel, &trace->root);
}

/* ---- the tests ----------------------------------------------------------------------------- */

static void
assert_same_end(const Trace *trace, const Trace *whole)
{
    g_assert_cmpuint(trace->result.exit_reason, ==, whole->result.exit_reason);
    g_assert_cmpuint(trace->result.return_value, ==, whole->result.return_value);
    g_assert_cmpuint(trace->result.gas_remaining, ==, whole->result.gas_remaining);
    g_assert_cmpstr(trace->output->str, ==, whole->output->str);
    state_assert_hash(&trace->root, &whole->root);
}

static void
assert_same_pauses(const Trace *trace, const Trace *other)
{
    g_assert_cmpuint(trace->paused->len, ==, other->paused->len);
    for (guint i = 0; i < trace->paused->len; i++)
        state_assert_hash(&g_array_index(trace->paused, NubHash, i),
                          &g_array_index(other->paused, NubHash, i));
}

static int
compare_u64(gconstpointer left, gconstpointer right)
{
    guint64 a = *(const guint64 *)left, b = *(const guint64 *)right;

    return (a > b) - (a < b);
}

static void
check_route(NubKernel *const *kernels, guint n_kernels, const StateProgram *program,
            const Example *example)
{
    Trace whole = trace_new();

    run_without_stop(kernels[0], program, example, &whole);
    for (guint round = 0; round < state_times(1, 50); round++) {
        Trace stay = trace_new(), go = trace_new();
        guint64 stops[5];
        guint64 used = STATE_GAS - whole.result.gas_remaining;
        for (guint i = 0; i < G_N_ELEMENTS(stops); i++)
            stops[i] = (guint64)(g_test_rand_double() * (double)used);
        qsort(stops, G_N_ELEMENTS(stops), sizeof *stops, compare_u64);
        Route route = { kernels, 1, stops, G_N_ELEMENTS(stops) };
        run_chain(&route, program, example, &stay);
        assert_same_end(&stay, &whole);
        route.n_kernels = n_kernels;
        run_chain(&route, program, example, &go);
        assert_same_end(&go, &whole);
        assert_same_pauses(&go, &stay);
        trace_clear(&stay);
        trace_clear(&go);
    }
    trace_clear(&whole);
}

/* ---- calls instead of sessions -------------------------------------------------------------- */

/* hello, one call from host call to host call: answers are registers, given to resume. */
static void
run_calls(NubKernel *const *kernels, guint n_kernels, const StateProgram *program, Trace *trace)
{
    NubHash at = state_publish(kernels[0], program);
    NubKernel *kernel = kernels[0];
    g_autoptr(GError) error = NULL;
    guint64 gas = STATE_GAS;

    for (guint leg = 0;; leg++) {
        g_autoptr(NubCall) call = nub_call_new(&at);
        nub_call_set_endpoint(call, leg == 0 ? state_endpoint(program, "main") : 0);
        nub_call_set_gas(call, gas);
        nub_call_set_commit(call, TRUE);
        nub_call_set_advance(call, TRUE);
        if (leg > 0) {
            /* what a session at the same place has, and the answer: nothing read, all written */
            g_autoptr(NubSession) session =
                nub_kernel_open_session(kernel, &at, 0, NULL, gas, &error);
            g_autofree guint64 *regs = nub_session_dup_regs(session, &error);
            g_assert_no_error(error);
            regs[7] = trace->result.exit_arg == NUB_HOST_CALL_WRITE ? regs[9] : 0;
            nub_call_set_regs(call, regs);
        }
        g_autoptr(NubOutcome) outcome = leg == 0 ? nub_kernel_invoke(kernel, call, NULL, &error)
                                                 : nub_kernel_resume(kernel, call, NULL, &error);
        g_assert_no_error(error);
        nub_outcome_get_result(outcome, &trace->result);
        gas = trace->result.gas_remaining;
        g_assert_true(nub_outcome_get_successor(outcome, &at));
        if (trace->result.exit_reason == NUB_EXIT_HALT)
            break;
        g_assert_cmpuint(trace->result.exit_reason, ==, NUB_EXIT_HOST_CALL);
        g_array_append_val(trace->paused, at);
        NubKernel *to = kernels[(leg + 1) % n_kernels];
        g_autoptr(NubCap) cap = nub_kernel_get_cap(kernel, &at, &error);
        g_assert_no_error(error);
        state_publish(to, program);
        nub_kernel_put_cap(to, cap, &at, &error);
        g_assert_no_error(error);
        kernel = to;
    }
    g_assert_true(nub_kernel_state_root(kernel, &trace->root, NULL));
    state_assert_hash(&trace->root, &at);
}

/* A kernel for all tests of a process; NULL: skipped. */
static NubKernel *
kernel_on(const char *backend)
{
    static NubKernel *kernels[3];
    guint at = strcmp(backend, "local") == 0 ? 0 : strcmp(backend, "jit") == 0 ? 1 : 2;

    if (!kernels[at])
        kernels[at] = state_open(backend);
    return kernels[at];
}

/* How many kernels there are on the way; 0: the running test has been skipped. */
static guint
open_route(NubKernel **kernels, const char *const *backends)
{
    guint n = 0;

    for (; backends[n]; n++) {
        kernels[n] = kernel_on(backends[n]);
        if (!kernels[n])
            return 0;
    }
    return n;
}

static void
test_route(gconstpointer data, const char *const *backends)
{
    const Example *example = data;
    const StateProgram *program = state_program(example->name);
    NubKernel *kernels[3];
    guint n = program ? open_route(kernels, backends) : 0;

    if (n > 0)
        check_route(kernels, n, program, example);
}

static const char *const local_jit[] = { "local", "jit", NULL };
static const char *const local_kvm_jit[] = { "local", "kvm", "jit", NULL };

static void
test_local_jit(gconstpointer example)
{
    test_route(example, local_jit);
}

static void
test_local_kvm_jit(gconstpointer example)
{
    test_route(example, local_kvm_jit);
}

/* At least three legs, so that a route of three is gone once. */
static void
test_calls(gconstpointer backends)
{
    const StateProgram *program = state_program("hello");
    NubKernel *kernels[3];
    guint n = program ? open_route(kernels, backends) : 0;

    if (n == 0)
        return;
    Trace stay = trace_new(), go = trace_new();
    run_calls(kernels, 1, program, &stay);
    run_calls(kernels, n, program, &go);
    g_assert_cmpuint(go.paused->len, >=, 3);
    assert_same_end(&go, &stay);
    assert_same_pauses(&go, &stay);
    trace_clear(&stay);
    trace_clear(&go);
}

int
main(int argc, char **argv)
{
    state_init(&argc, &argv);
    for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
        const Example *example = &examples[i];
        g_autofree char *pair =
            g_strdup_printf("/state/migrate/local-jit/%s/%s", example->name, example->endpoint);
        g_autofree char *all =
            g_strdup_printf("/state/migrate/local-kvm-jit/%s/%s", example->name, example->endpoint);
        g_test_add_data_func(pair, example, test_local_jit);
        g_test_add_data_func(all, example, test_local_kvm_jit);
    }
    g_test_add_data_func("/state/migrate/calls/local-jit", local_jit, test_calls);
    g_test_add_data_func("/state/migrate/calls/local-kvm-jit", local_kvm_jit, test_calls);
    return g_test_run();
}
