/* conform-rules-call.c - rules of docs/plugin-abi.md about calls and sessions
 *
 * What the functions compute is the vectors' business; here is how they treat what crosses the
 * boundary: who owns bytes, how long they stay, which sizes hold, what several threads may do.
 */
#include "conform-abi.h"

#include <string.h>
#include <time.h>

#define THREADS          4
#define CALLS_PER_THREAD 200

/* ---- pure calls ---------------------------------------------------------------------------- */

/* invoke_cached of NUB_ABI_ADD with `args`, whose answer must be 42. */
static enum nub_verdict
add_gives_42(struct nub_abi_fixture *fixture, const struct nub_invoke_args *args,
             struct nub_result *result)
{
    enum nub_verdict verdict = nub_abi_check_status(
        fixture, "invoke_cached",
        fixture->module.ops.invoke_cached(fixture->backend, args, result, NULL), NUB_OK);

    if (verdict == NUB_PASSED &&
        (result->exit_reason != NUB_EXIT_HALT || result->return_value != 42))
        return nub_abi_fail(fixture, "40 + 2 ends with %s and %" G_GUINT64_FORMAT,
                            nub_exit_reason_to_string(result->exit_reason), result->return_value);
    return verdict;
}

static enum nub_verdict
call_is_pure(struct nub_abi_fixture *fixture)
{
    struct nub_hash instance, root;
    struct nub_result first, second;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);
    struct nub_invoke_args args = nub_abi_add_args(&instance);

    if (verdict == NUB_PASSED)
        verdict = add_gives_42(fixture, &args, &first);
    if (verdict == NUB_PASSED)
        verdict = add_gives_42(fixture, &args, &second);
    if (verdict == NUB_PASSED && memcmp(&first, &second, sizeof first) != 0)
        return nub_abi_fail(fixture, "the same call twice gives two results");
    if (verdict == NUB_PASSED &&
        (fixture->module.ops.state_root(fixture->backend, &root, NULL) != NUB_OK ||
         !nub_hash_is_none(&root)))
        return nub_abi_fail(fixture, "the state root changed");
    return verdict;
}

static enum nub_verdict
args_size_is_heeded(struct nub_abi_fixture *fixture)
{
    struct {
        struct nub_invoke_args args;
        uint8_t tail[64];
    } longer;
    struct nub_hash instance;
    struct nub_result result;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);

    memset(&longer, 0xff, sizeof longer);
    longer.args = nub_abi_add_args(&instance);
    longer.args.struct_size = sizeof longer;
    return verdict == NUB_PASSED ? add_gives_42(fixture, &longer.args, &result) : verdict;
}

static bool
is_untouched(const uint8_t *canary, gsize size)
{
    for (gsize i = 0; i < size; i++)
        if (canary[i] != 0xa5)
            return false;
    return true;
}

static enum nub_verdict
result_is_24_bytes(struct nub_abi_fixture *fixture)
{
    struct {
        struct nub_result result;
        uint8_t canary[64];
    } out;
    struct nub_hash instance;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);

    memset(&out, 0xa5, sizeof out);
    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_invoke_args args = nub_abi_add_args(&instance);
    verdict = add_gives_42(fixture, &args, &out.result);
    if (verdict == NUB_PASSED && out.result.exit_arg != 0)
        return nub_abi_fail(fixture, "exit_arg is not written");
    if (verdict == NUB_PASSED && !is_untouched(out.canary, sizeof out.canary))
        return nub_abi_fail(fixture, "invoke_cached writes beyond the result");
    return verdict;
}

static enum nub_verdict
gas_is_cut(struct nub_abi_fixture *fixture)
{
    struct nub_hash instance;
    struct nub_result most, result;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);
    struct nub_invoke_args args = nub_abi_add_args(&instance);

    args.gas = NUB_GAS_MAX;
    if (verdict == NUB_PASSED)
        verdict = add_gives_42(fixture, &args, &most);
    args.gas = UINT64_MAX;
    if (verdict == NUB_PASSED)
        verdict = add_gives_42(fixture, &args, &result);
    if (verdict == NUB_PASSED && result.gas_remaining != most.gas_remaining)
        return nub_abi_fail(fixture,
                            "gas 2^64 - 1 leaves %" G_GUINT64_FORMAT
                            ", gas 2^63 - 1 leaves %" G_GUINT64_FORMAT,
                            result.gas_remaining, most.gas_remaining);
    return verdict;
}

struct caller {
    struct nub_abi_fixture *fixture;
    struct nub_hash instance;
    guint n_wrong;
};

static gpointer
call_many(gpointer data)
{
    struct caller *caller = data;
    struct nub_invoke_args args = nub_abi_add_args(&caller->instance);

    for (guint64 i = 0; i < CALLS_PER_THREAD; i++) {
        struct nub_result result = { 0 };
        args.args[0] = i;
        int32_t status = caller->fixture->module.ops.invoke_cached(caller->fixture->backend, &args,
                                                                   &result, NULL);
        caller->n_wrong += status != NUB_OK || result.return_value != i + 2;
    }
    return NULL;
}

static enum nub_verdict
threads_may_call(struct nub_abi_fixture *fixture)
{
    struct caller callers[THREADS] = { 0 };
    GThread *threads[THREADS];
    guint n_wrong = 0;
    enum nub_verdict verdict =
        nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &callers[0].instance);

    if (verdict != NUB_PASSED)
        return verdict;
    for (guint i = 0; i < THREADS; i++) {
        callers[i].fixture = fixture;
        callers[i].instance = callers[0].instance;
        threads[i] = g_thread_new("caller", call_many, &callers[i]);
    }
    for (guint i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
        n_wrong += callers[i].n_wrong;
    }
    return n_wrong ? nub_abi_fail(fixture, "%u of %u calls from %u threads went wrong", n_wrong,
                                  THREADS * CALLS_PER_THREAD, THREADS)
                   : NUB_PASSED;
}

/* ---- full calls ---------------------------------------------------------------------------- */

static uint64_t
monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct nub_call
call_of(const struct nub_hash *instance, uint64_t gas)
{
    return (struct nub_call){
        .struct_size = sizeof(struct nub_call), .instance = *instance, .args = { 40, 2 }, .gas = gas
    };
}

static enum nub_verdict
outcome_size_is_kept(struct nub_abi_fixture *fixture)
{
    struct {
        struct nub_outcome outcome;
        uint8_t canary[64];
    } out = { 0 };
    struct nub_hash instance;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);

    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_call call = call_of(&instance, 1000);
    memset(out.canary, 0xa5, sizeof out.canary);
    out.outcome.struct_size = sizeof out.outcome;
    verdict = nub_abi_check_status(
        fixture, "invoke", fixture->module.ops.invoke(fixture->backend, &call, &out.outcome, NULL),
        NUB_OK);
    if (verdict == NUB_PASSED && !is_untouched(out.canary, sizeof out.canary))
        return nub_abi_fail(fixture, "invoke writes beyond the outcome's struct_size");
    if (verdict == NUB_PASSED && out.outcome.struct_size != sizeof out.outcome)
        return nub_abi_fail(fixture, "invoke changes the outcome's struct_size");
    if (verdict == NUB_PASSED && out.outcome.result.return_value != 42)
        return nub_abi_fail(fixture, "the result is not written");
    if (out.outcome.output.release)
        out.outcome.output.release(&out.outcome.output);
    return verdict;
}

/* A call that would never end must end with `expected`, and the backend must be usable after. */
static enum nub_verdict
call_ends_with(struct nub_abi_fixture *fixture, struct nub_call *call, int32_t expected)
{
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    struct nub_hash instance;
    struct nub_result result;
    enum nub_verdict verdict = nub_abi_check_status(
        fixture, "invoke", fixture->module.ops.invoke(fixture->backend, call, &outcome, NULL),
        expected);

    if (verdict == NUB_PASSED)
        verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);
    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_invoke_args args = nub_abi_add_args(&instance);
    return add_gives_42(fixture, &args, &result);
}

static gpointer
cancel_soon(gpointer flag)
{
    g_usleep(20000);
    g_atomic_int_set((gint *)flag, 1);
    return NULL;
}

static enum nub_verdict
cancel_ends_the_call(struct nub_abi_fixture *fixture)
{
    struct nub_hash instance;
    uint32_t flag = 0;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_LOOP, &instance);

    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_call call = call_of(&instance, NUB_GAS_MAX);
    call.cancel = &flag;
    GThread *thread = g_thread_new("cancel", cancel_soon, &flag);
    verdict = call_ends_with(fixture, &call, NUB_ERR_CANCELLED);
    g_thread_join(thread);
    return verdict;
}

static enum nub_verdict
deadline_ends_the_call(struct nub_abi_fixture *fixture)
{
    struct nub_hash instance;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_LOOP, &instance);

    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_call call = call_of(&instance, NUB_GAS_MAX);
    call.deadline_ns = monotonic_ns() + 20000000;
    return call_ends_with(fixture, &call, NUB_ERR_TIMED_OUT);
}

struct host_log {
    guint n_calls;
    uint32_t number;
    uint64_t gas, reg;
};

static uint32_t
take_host_call(void *ctx, struct nub_host_call *call)
{
    struct host_log *log = ctx;

    log->n_calls++;
    log->number = call->number;
    log->gas = call->gas;
    log->reg = call->regs[8];
    call->regs[7] = 99;
    return NUB_HOST_CONTINUE;
}

static enum nub_verdict
host_table_is_called(struct nub_abi_fixture *fixture)
{
    struct host_log log = { 0 };
    const struct nub_host_entry entry = {
        .number = 7, .price = 10, .call = take_host_call, .ctx = &log
    };
    const struct nub_host_table table = { sizeof table, 1, &entry };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    struct nub_hash instance;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_CALL, &instance);

    if (verdict != NUB_PASSED)
        return verdict;
    struct nub_call call = call_of(&instance, 1000);
    call.hosts = &table;
    verdict = nub_abi_check_status(
        fixture, "invoke", fixture->module.ops.invoke(fixture->backend, &call, &outcome, NULL),
        NUB_OK);
    if (verdict != NUB_PASSED)
        return verdict;
    if (log.n_calls != 1 || log.number != 7 || log.reg != 2)
        return nub_abi_fail(
            fixture,
            "the callback ran %u times, with number %u and register 8 = %" G_GUINT64_FORMAT,
            log.n_calls, log.number, log.reg);
    /* The model pipeline: 97 for the ecalli (pvm.md B99), then the price. */
    if (log.gas != 1000 - 97 - 10)
        return nub_abi_fail(fixture, "the callback sees gas %" G_GUINT64_FORMAT ", expected 893",
                            log.gas);
    if (outcome.result.exit_reason != NUB_EXIT_HALT || outcome.result.return_value != 99)
        return nub_abi_fail(fixture, "what the callback wrote to register 7 did not arrive");
    return NUB_PASSED;
}

/* ---- sessions ------------------------------------------------------------------------------ */

static enum nub_verdict
open_session(struct nub_abi_fixture *fixture, enum nub_abi_program program, void **session)
{
    struct nub_session_args args = { .struct_size = sizeof args, .args = { 40, 2 }, .gas = 1000 };
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, program, &args.instance);

    return verdict == NUB_PASSED ? nub_abi_check_status(fixture, "session_open",
                                                        fixture->module.ops.session_open(
                                                            fixture->backend, &args, session, NULL),
                                                        NUB_OK)
                                 : verdict;
}

static enum nub_verdict
sessions_are_apart(struct nub_abi_fixture *fixture)
{
    const struct nub_backend_ops *ops = &fixture->module.ops;
    void *a, *b;
    uint8_t byte = 7, seen = 1;
    enum nub_verdict verdict = open_session(fixture, NUB_ABI_ADD, &a);

    if (verdict != NUB_PASSED)
        return verdict;
    verdict = open_session(fixture, NUB_ABI_ADD, &b);
    if (verdict != NUB_PASSED) {
        ops->session_close(a);
        return verdict;
    }
    if (ops->session_map(a, 0x10000, NUB_PAGE_SIZE, NUB_ACCESS_READ_WRITE, NULL) != NUB_OK ||
        ops->session_map(b, 0x10000, NUB_PAGE_SIZE, NUB_ACCESS_READ_WRITE, NULL) != NUB_OK ||
        ops->session_write(a, 0x10000, &byte, 1, NULL) != NUB_OK ||
        ops->session_read(b, 0x10000, &seen, 1, NULL) != NUB_OK)
        verdict = nub_abi_fail(fixture, "map, write or read of a mapped page fails");
    else if (seen != 0)
        verdict = nub_abi_fail(fixture, "one session sees what another wrote");
    ops->session_close(a);
    ops->session_close(b);
    return verdict;
}

static enum nub_verdict
interrupt_ends_the_run(struct nub_abi_fixture *fixture)
{
    const struct nub_backend_ops *ops = &fixture->module.ops;
    void *session;
    struct nub_result result;
    enum nub_verdict verdict = open_session(fixture, NUB_ABI_LOOP, &session);

    if (verdict != NUB_PASSED)
        return verdict;
    verdict = nub_abi_check_status(fixture, "session_set_gas",
                                   ops->session_set_gas(session, NUB_GAS_MAX, NULL), NUB_OK);
    ops->session_interrupt(session);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "session_run after an interrupt",
                                       ops->session_run(session, &result, NULL), NUB_ERR_CANCELLED);
    ops->session_close(session);
    return verdict;
}

static enum nub_verdict
commit_wants_a_run(struct nub_abi_fixture *fixture)
{
    void *session;
    struct nub_hash successor;
    enum nub_verdict verdict = open_session(fixture, NUB_ABI_ADD, &session);

    if (verdict != NUB_PASSED)
        return verdict;
    verdict = nub_abi_check_status(fixture, "session_commit before the first run",
                                   fixture->module.ops.session_commit(session, 0, &successor, NULL),
                                   NUB_ERR_INVALID_ARGUMENT);
    fixture->module.ops.session_close(session);
    return verdict;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void
check_counter(void *ctx, const char *name, uint64_t value)
{
    struct nub_abi_fixture *fixture = ctx;

    (void)value;
    if (!name || g_ascii_isdigit(*name) || *name == '\0' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") !=
            strlen(name))
        nub_abi_fail(fixture, "'%s' is no OpenMetrics name", name ? name : "NULL");
}

static enum nub_verdict
counters_have_names(struct nub_abi_fixture *fixture)
{
    enum nub_verdict verdict = nub_abi_check_status(
        fixture, "stats", fixture->module.ops.stats(fixture->backend, check_counter, fixture, NULL),
        NUB_OK);

    return *fixture->message ? NUB_FAILED : verdict;
}

static enum nub_verdict
heap_stats_size_is_kept(struct nub_abi_fixture *fixture)
{
    struct {
        struct nub_heap_stats stats;
        uint8_t canary[64];
    } out = { 0 };

    memset(out.canary, 0xa5, sizeof out.canary);
    out.stats.struct_size = sizeof out.stats;
    int32_t status = fixture->module.ops.heap_stats(fixture->backend, &out.stats, NULL);
    if (status == NUB_ERR_NOT_SUPPORTED)
        return nub_conform_say(NUB_SKIPPED, fixture->message, "it has no heap to speak of");
    enum nub_verdict verdict = nub_abi_check_status(fixture, "heap_stats", status, NUB_OK);
    if (verdict == NUB_PASSED && !is_untouched(out.canary, sizeof out.canary))
        return nub_abi_fail(fixture, "heap_stats writes beyond struct_size");
    return verdict;
}

static enum nub_verdict
evict_changes_no_result(struct nub_abi_fixture *fixture)
{
    struct nub_hash instance;
    struct nub_result before, after;
    enum nub_verdict verdict = nub_abi_publish(fixture, fixture->backend, NUB_ABI_ADD, &instance);
    struct nub_invoke_args args = nub_abi_add_args(&instance);

    if (verdict == NUB_PASSED)
        verdict = add_gives_42(fixture, &args, &before);
    if (verdict == NUB_PASSED)
        verdict = nub_abi_check_status(fixture, "evict",
                                       fixture->module.ops.evict(fixture->backend, NULL), NUB_OK);
    if (verdict == NUB_PASSED)
        verdict = add_gives_42(fixture, &args, &after);
    if (verdict == NUB_PASSED && memcmp(&before, &after, sizeof before) != 0)
        return nub_abi_fail(fixture, "the result is another one after evict");
    return verdict;
}

const struct nub_abi_rule nub_abi_rules_calling[] = {
    { "NP-40 invoke_cached is pure", NULL, true, call_is_pure },
    { "NP-41 longer arguments are accepted", NULL, true, args_size_is_heeded },
    { "NP-42 a result is 24 bytes, all written", NULL, true, result_is_24_bytes },
    { "NP-43 gas above 2^63 - 1 is cut", NULL, true, gas_is_cut },
    { "NP-44 several threads may call at once", NULL, true, threads_may_call },
    { "NP-45 nothing is written beyond an outcome's struct_size", "invoke", true,
      outcome_size_is_kept },
    { "NP-46 a raised cancel flag ends the call", "invoke", true, cancel_ends_the_call },
    { "NP-47 a passed deadline ends the call", "invoke", true, deadline_ends_the_call },
    { "NP-48 a host table is called and charged", "invoke", true, host_table_is_called },
    { "NP-50 sessions do not see each other", "session_open", true, sessions_are_apart },
    { "NP-51 an interrupted run ends as cancelled", "session_interrupt", true,
      interrupt_ends_the_run },
    { "NP-52 a session that has not run cannot be committed", "session_commit", true,
      commit_wants_a_run },
    { "NP-60 counters have OpenMetrics names", "stats", true, counters_have_names },
    { "NP-61 nothing is written beyond a heap statistic's struct_size", "heap_stats", true,
      heap_stats_size_is_kept },
    { "NP-62 evict changes no result", "evict", true, evict_changes_no_result },
    { NULL, NULL, false, NULL },
};
