/* session.c - live machines (caps.md 4.5)
 *
 * A session holds its instance, its machine and its memory until it is closed. Between two runs its
 * window may be taken away; whoever looks at memory enters it first. One thread at a time uses a
 * session; only the interrupt flag is shared.
 */
#include "commit.h"
#include "interp.h"
#include "local-private.h"
#include <string.h>

struct nub_session {
    struct nub_local *local;
    struct nub_held held;
    struct nub_memory memory;
    struct nub_machine machine;
    bool has_run;
    bool dead;            /* a run was interrupted: only close is left */
    uint32_t interrupted; /* atomic */
    struct nub_give_up give_up;
};

static enum nub_status
judge_alive(const struct nub_session *session, struct nub_failure *failure)
{
    if (session->dead)
        return nub_fail(failure, NUB_ERR_CANCELLED, "session: interrupted; close it");
    return NUB_OK;
}

static bool
is_paused(struct nub_local *local, const struct nub_hash *instance)
{
    pthread_mutex_lock(&local->lock);
    const struct nub_dir_entry *entry = nub_dir_find(local->dir, instance);
    bool paused = entry && entry->cap.kind == NUB_CAP_INSTANCE && entry->cap.u.instance.phase == 1;
    pthread_mutex_unlock(&local->lock);
    return paused;
}

static void
set_up(struct nub_session *session, const struct nub_session_args *args, bool paused)
{
    struct nub_machine *machine = &session->machine;
    const struct nub_instance *instance = &session->held.entry->cap.u.instance;

    nub_memory_init(&session->memory, session->local, &session->held.resolved->plan);
    machine->memory = &session->memory;
    machine->code = session->held.code;
    session->give_up = (struct nub_give_up){ .flag = &session->interrupted };
    machine->give_up = &session->give_up;
    machine->gas = args->gas < NUB_GAS_MAX ? args->gas : NUB_GAS_MAX;
    if (paused) {
        memcpy(machine->regs, instance->regs, sizeof machine->regs);
        machine->pc = (uint32_t)instance->pc;
        return;
    }
    const struct nub_entry *entry = &session->held.resolved->entries[args->endpoint];
    memcpy(machine->regs, entry->regs, sizeof machine->regs);
    memcpy(machine->regs + 7, args->args, sizeof args->args);
    machine->pc = entry->pc;
}

int32_t
nub_local_session_open(void *backend, const struct nub_session_args *given, void **session,
                       struct nub_failure *failure)
{
    struct nub_local *local = backend;
    struct nub_session_args args = { .struct_size = 0 }; /* what the caller does not know is zero */

    memcpy(&args, given, given->struct_size < sizeof args ? given->struct_size : sizeof args);
    bool paused = is_paused(local, &args.instance);
    struct nub_target target = { .instance = args.instance,
                                 .endpoint = args.endpoint,
                                 .gas_model = args.gas_model,
                                 .mem_cycles = args.mem_cycles,
                                 .resume = paused };

    enum nub_status status = nub_judge_gas_setting(args.gas_model, args.mem_cycles, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    struct nub_session *s = nub_alloc(&local->alloc, sizeof *s);
    if (!s)
        return (int32_t)nub_local_no_memory(failure);
    memset(s, 0, sizeof *s);
    s->local = local;
    status = nub_hold(local, &target, &s->held, failure);
    if (status != NUB_OK) {
        nub_free(&local->alloc, s, sizeof *s);
        return (int32_t)status;
    }
    set_up(s, &args, paused);
    __atomic_add_fetch(&local->stats.sessions, 1, __ATOMIC_RELAXED);
    *session = s;
    return NUB_OK;
}

int32_t
nub_local_session_run(void *session, struct nub_result *result, struct nub_failure *failure)
{
    struct nub_session *s = session;

    enum nub_status status = judge_alive(s, failure);
    if (status != NUB_OK)
        return (int32_t)status;
    nub_window_enter(&s->memory);
    status = nub_run(&s->machine, failure);
    nub_window_leave(&s->memory);
    s->dead = status == NUB_ERR_CANCELLED;
    if (status == NUB_OK) {
        s->has_run = true;
        nub_machine_result(&s->machine, result);
    }
    return (int32_t)status;
}

int32_t
nub_local_session_get_regs(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK)
        memcpy(regs, s->machine.regs, sizeof s->machine.regs);
    return (int32_t)status;
}

int32_t
nub_local_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS],
                           struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK)
        memcpy(s->machine.regs, regs, sizeof s->machine.regs);
    return (int32_t)status;
}

int32_t
nub_local_session_get_pc(void *session, uint32_t *pc, struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK)
        *pc = s->machine.pc;
    return (int32_t)status;
}

int32_t
nub_local_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK)
        s->machine.pc = pc;
    return (int32_t)status;
}

int32_t
nub_local_session_get_gas(void *session, uint64_t *gas, struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK)
        *gas = s->machine.gas;
    return (int32_t)status;
}

int32_t
nub_local_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK)
        s->machine.gas = gas < NUB_GAS_MAX ? gas : NUB_GAS_MAX;
    return (int32_t)status;
}

int32_t
nub_local_session_read(void *session, uint64_t address, void *data, uint64_t size,
                       struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status != NUB_OK)
        return (int32_t)status;
    nub_window_enter(&s->memory);
    status = nub_memory_read(&s->memory, address, data, size, failure);
    nub_window_leave(&s->memory);
    return (int32_t)status;
}

int32_t
nub_local_session_write(void *session, uint64_t address, const void *data, uint64_t size,
                        struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status != NUB_OK)
        return (int32_t)status;
    nub_window_enter(&s->memory);
    status = nub_memory_write(&s->memory, address, data, size, failure);
    nub_window_leave(&s->memory);
    return (int32_t)status;
}

int32_t
nub_local_session_map(void *session, uint64_t address, uint64_t size, uint32_t access,
                      struct nub_failure *failure)
{
    struct nub_session *s = session;
    enum nub_status status = judge_alive(s, failure);

    if (status == NUB_OK && access > NUB_ACCESS_READ_WRITE)
        status = nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "map: no such access %u", access);
    if (status != NUB_OK)
        return (int32_t)status;
    nub_window_enter(&s->memory);
    status = nub_memory_map(&s->memory, address, size,
                            access == NUB_ACCESS_READ_WRITE ? NUB_PAGE_RW : NUB_PAGE_RO, failure);
    nub_window_leave(&s->memory);
    return (int32_t)status;
}

int32_t
nub_local_session_commit(void *session, uint32_t advance, struct nub_hash *successor,
                         struct nub_failure *failure)
{
    struct nub_session *s = session;
    struct nub_commit commit = {
        .machine = &s->machine, .held = &s->held, .session = true, .advance = advance != 0
    };

    enum nub_status status = judge_alive(s, failure);
    if (status == NUB_OK && !s->has_run)
        status = nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "commit: the session has not run");
    if (status != NUB_OK)
        return (int32_t)status;
    nub_window_enter(&s->memory);
    status = nub_commit(&commit, successor, failure);
    nub_window_leave(&s->memory);
    return (int32_t)status;
}

void
nub_local_session_close(void *session)
{
    struct nub_session *s = session;

    nub_memory_clear(&s->memory);
    nub_release(s->local, &s->held);
    nub_free(&s->local->alloc, s, sizeof *s);
}

void
nub_local_session_interrupt(void *session)
{
    struct nub_session *s = session;

    __atomic_store_n(&s->interrupted, 1, __ATOMIC_RELAXED);
}
