/* tally.cc - a backend in C++ that counts what passes through it to another backend
 *
 * The second sample after plugins/null, in another language: it links no nub library and no GLib,
 * the header is all it needs. It wraps the backend that its option `backend` names, forwards every
 * call and answers `stats` with how many of each kind there were. Nothing is changed on the way, so
 * it passes conformance whenever the wrapped backend does.
 */
#include <nub/plugin.h>

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <new>

namespace
{

/* What is counted; the names are those of OpenMetrics counters. */
enum Counter { PUTS, GETS, DROPS, CALLS, SESSIONS, RUNS, N_COUNTERS };
const char *const counter_names[N_COUNTERS] = {
    "nub_tally_puts_total",  "nub_tally_gets_total",     "nub_tally_drops_total",
    "nub_tally_calls_total", "nub_tally_sessions_total", "nub_tally_runs_total",
};

struct Tally {
    nub_backend_ref inner;
    std::atomic<uint64_t> counts[N_COUNTERS];
};

/* A session of the wrapped backend, with the way back to the counters. */
struct Session {
    Tally *tally;
    void *inner;
};

int32_t
fail(nub_failure *failure, int32_t status, const char *what)
{
    if (failure && failure->struct_size >= sizeof *failure) {
        failure->code = status;
        std::snprintf(failure->message, sizeof failure->message, "tally: %s", what);
    }
    return status;
}

/* Forwards member `F` of the table: counts it, or says that the wrapped backend lacks it. */
template <auto F, int C, typename... Args>
int32_t
forward(void *backend, Args... args, nub_failure *failure)
{
    Tally *self = static_cast<Tally *>(backend);
    auto function = self->inner.ops->*F;
    if (!function)
        return fail(failure, NUB_ERR_NOT_SUPPORTED, "the wrapped backend lacks this function");
    if (C < N_COUNTERS)
        self->counts[C < N_COUNTERS ? C : 0].fetch_add(1, std::memory_order_relaxed);
    return function(self->inner.backend, args..., failure);
}

/* The same for functions of a session. */
template <auto F, int C, typename... Args>
int32_t
forward_session(void *session, Args... args, nub_failure *failure)
{
    Session *self = static_cast<Session *>(session);
    auto function = self->tally->inner.ops->*F;
    if (!function)
        return fail(failure, NUB_ERR_NOT_SUPPORTED, "the wrapped backend lacks this function");
    if (C < N_COUNTERS)
        self->tally->counts[C < N_COUNTERS ? C : 0].fetch_add(1, std::memory_order_relaxed);
    return function(self->inner, args..., failure);
}

int32_t
create(const nub_create_args *args, void **backend, nub_failure *failure)
{
    const char *name = nullptr;
    for (uint32_t i = 0; i < args->n_options; i++)
        if (std::strcmp(args->options[i].name, "backend") == 0)
            name = args->options[i].value;
    if (!name)
        return fail(failure, NUB_ERR_INVALID_ARGUMENT,
                    "option 'backend' is missing: which one to wrap?");
    if (!args->host->open_backend)
        return fail(failure, NUB_ERR_NOT_SUPPORTED, "this host cannot open other backends");

    Tally *self = new (std::nothrow) Tally();
    if (!self)
        return fail(failure, NUB_ERR_NO_MEMORY, "out of memory");
    int32_t status = args->host->open_backend(args->host->ctx, name, &self->inner, failure);
    if (status != NUB_OK) {
        delete self;
        return status;
    }
    *backend = self;
    return NUB_OK;
}

void
destroy(void *backend)
{
    delete static_cast<Tally *>(backend);
}

int32_t
session_open(void *backend, const nub_session_args *args, void **session, nub_failure *failure)
{
    Tally *self = static_cast<Tally *>(backend);
    if (!self->inner.ops->session_open)
        return fail(failure, NUB_ERR_NOT_SUPPORTED, "the wrapped backend has no sessions");
    Session *opened = new (std::nothrow) Session{ self, nullptr };
    if (!opened)
        return fail(failure, NUB_ERR_NO_MEMORY, "out of memory");
    int32_t status =
        self->inner.ops->session_open(self->inner.backend, args, &opened->inner, failure);
    if (status != NUB_OK) {
        delete opened;
        return status;
    }
    self->counts[SESSIONS].fetch_add(1, std::memory_order_relaxed);
    *session = opened;
    return NUB_OK;
}

void
session_close(void *session)
{
    Session *self = static_cast<Session *>(session);
    self->tally->inner.ops->session_close(self->inner);
    delete self;
}

void
session_interrupt(void *session)
{
    Session *self = static_cast<Session *>(session);
    if (self->tally->inner.ops->session_interrupt)
        self->tally->inner.ops->session_interrupt(self->inner);
}

int32_t
stats(void *backend, void (*each)(void *, const char *, uint64_t), void *ctx, nub_failure *failure)
{
    Tally *self = static_cast<Tally *>(backend);
    for (int i = 0; i < N_COUNTERS; i++)
        each(ctx, counter_names[i], self->counts[i].load(std::memory_order_relaxed));
    if (!self->inner.ops->stats)
        return NUB_OK;
    return self->inner.ops->stats(self->inner.backend, each, ctx, failure);
}

using Ops = nub_backend_ops;

const nub_option_desc options[] = {
    { "backend", NUB_OPTION_STRING, 0, nullptr, nullptr,
      "The configured backend that calls are passed on to" },
};

Ops
make_ops()
{
    Ops ops = {};
    ops.struct_size = sizeof ops;
    ops.create = create;
    ops.destroy = destroy;
    ops.put_cap = forward<&Ops::put_cap, PUTS, nub_slice, nub_hash *>;
    ops.invoke_cached = forward<&Ops::invoke_cached, CALLS, const nub_invoke_args *, nub_result *>;
    ops.state_root = forward<&Ops::state_root, N_COUNTERS, nub_hash *>;
    ops.put_cap_with_hash = forward<&Ops::put_cap_with_hash, PUTS, const nub_hash *, nub_slice>;
    ops.contains = forward<&Ops::contains, GETS, const nub_hash *, uint32_t *>;
    ops.get_cap = forward<&Ops::get_cap, GETS, const nub_hash *, nub_bytes *>;
    ops.drop_cap = forward<&Ops::drop_cap, DROPS, const nub_hash *>;
    ops.refcount = forward<&Ops::refcount, GETS, const nub_hash *, uint64_t *>;
    ops.invoke = forward<&Ops::invoke, CALLS, const nub_call *, nub_outcome *>;
    ops.resume = forward<&Ops::resume, CALLS, const nub_call *, nub_outcome *>;
    ops.set_state_root = forward<&Ops::set_state_root, N_COUNTERS, const nub_hash *>;
    ops.session_open = session_open;
    ops.session_run = forward_session<&Ops::session_run, RUNS, nub_result *>;
    ops.session_get_regs = forward_session<&Ops::session_get_regs, N_COUNTERS, uint64_t *>;
    ops.session_set_regs = forward_session<&Ops::session_set_regs, N_COUNTERS, const uint64_t *>;
    ops.session_get_pc = forward_session<&Ops::session_get_pc, N_COUNTERS, uint32_t *>;
    ops.session_set_pc = forward_session<&Ops::session_set_pc, N_COUNTERS, uint32_t>;
    ops.session_get_gas = forward_session<&Ops::session_get_gas, N_COUNTERS, uint64_t *>;
    ops.session_set_gas = forward_session<&Ops::session_set_gas, N_COUNTERS, uint64_t>;
    ops.session_read = forward_session<&Ops::session_read, N_COUNTERS, uint64_t, void *, uint64_t>;
    ops.session_write =
        forward_session<&Ops::session_write, N_COUNTERS, uint64_t, const void *, uint64_t>;
    ops.session_map = forward_session<&Ops::session_map, N_COUNTERS, uint64_t, uint64_t, uint32_t>;
    ops.session_commit = forward_session<&Ops::session_commit, N_COUNTERS, uint32_t, nub_hash *>;
    ops.session_close = session_close;
    ops.session_interrupt = session_interrupt;
    ops.heap_stats = forward<&Ops::heap_stats, N_COUNTERS, nub_heap_stats *>;
    ops.stats = stats;
    ops.evict = forward<&Ops::evict, N_COUNTERS>;
    ops.get_changes =
        forward<&Ops::get_changes, GETS, const nub_hash *, const nub_hash *, const nub_changes *>;
    return ops;
}

const Ops ops = make_ops();

const nub_plugin plugin = {
    NUB_ABI_VERSION,
    sizeof plugin,
    "tally",
    "0.1.0",
    "Counts the calls that pass through it to another backend (a sample in C++)",
    options,
    sizeof options / sizeof options[0],
    &ops,
    nullptr, /* no store */
};

} // namespace

NUB_PLUGIN_DEFINE(tally, plugin)
