/* session.c - live machines (caps.md 4.5)
 *
 * A session is a machine in the guest and its caller's hold on it. One thread at a time uses it;
 * only the interrupt flag is shared. After an interrupt, when its guest was lost, or had no memory
 * left in the middle of a run, only close is left. */
#include "kvm-private.h"
#include "judge.h"
#include <stdlib.h>
#include <string.h>

struct session {
    struct nub_machine machine;
    bool has_run;
    bool dead;
    uint32_t interrupted; /* atomic */
};

static enum nub_status
judge(const struct session *session, struct nub_failure *failure)
{
    if (session->dead)
        return nub_fail(failure, NUB_ERR_CANCELLED, "session: interrupted; close it");
    if (session->machine.torn)
        return nub_fail(failure, NUB_ERR_NO_MEMORY,
                        "session: guest memory was full in the middle of a run; close it");
    return nub_kvm_judge_process(session->machine.kvm, failure);
}

int32_t
nub_kvm_session_open(void *backend, const struct nub_session_args *args, void **session,
                     struct nub_failure *failure)
{
    struct nub_kvm *kvm = backend;
    struct nub_machine_args open = { .instance = args->instance,
                                     .endpoint = args->endpoint,
                                     .gas_model = args->gas_model,
                                     .mem_cycles = args->mem_cycles };
    NUB_CLEANUP_FREE struct session *s = calloc(1, sizeof *s);
    enum nub_status status = nub_kvm_judge_process(kvm, failure);
    struct nub_dir_entry *entry;

    if (!status)
        status = nub_judge_gas_setting(args->gas_model, args->mem_cycles, failure);
    if (!status && !s)
        status = nub_kvm_no_memory(failure);
    if (status)
        return status;
    entry = nub_book_pin(kvm, &args->instance);
    if (entry) {
        open.resume = entry->cap.kind == NUB_CAP_INSTANCE && entry->cap.u.instance.phase == 1;
        nub_book_unpin(kvm, entry);
    }
    status = nub_machine_open(&s->machine, kvm, &open, failure);
    if (status)
        return status;
    if (!open.resume)
        memcpy(s->machine.regs + 7, args->args, sizeof args->args);
    s->machine.gas = args->gas < NUB_GAS_MAX ? args->gas : NUB_GAS_MAX;
    *session = s;
    s = NULL;
    return NUB_OK;
}

int32_t
nub_kvm_session_run(void *session, struct nub_result *result, struct nub_failure *failure)
{
    struct session *s = session;
    const struct nub_give_up give_up = { .cancel = &s->interrupted };
    enum nub_status status = judge(s, failure);

    if (!status)
        status = nub_machine_run(&s->machine, &give_up, failure);
    s->dead = s->dead || status == NUB_ERR_CANCELLED;
    if (status)
        return status;
    s->has_run = true;
    nub_machine_result(&s->machine, result);
    return NUB_OK;
}

int32_t
nub_kvm_session_get_regs(void *session, uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status)
        memcpy(regs, s->machine.regs, sizeof s->machine.regs);
    return status;
}

int32_t
nub_kvm_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS],
                         struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status)
        memcpy(s->machine.regs, regs, sizeof s->machine.regs);
    return status;
}

int32_t
nub_kvm_session_get_pc(void *session, uint32_t *pc, struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status)
        *pc = s->machine.pc;
    return status;
}

int32_t
nub_kvm_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status)
        s->machine.pc = pc;
    return status;
}

int32_t
nub_kvm_session_get_gas(void *session, uint64_t *gas, struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status)
        *gas = s->machine.gas;
    return status;
}

int32_t
nub_kvm_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status)
        s->machine.gas = gas < NUB_GAS_MAX ? gas : NUB_GAS_MAX;
    return status;
}

int32_t
nub_kvm_session_read(void *session, uint64_t address, void *data, uint64_t size,
                     struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    return status ? status : nub_machine_read(&s->machine, address, data, size, failure);
}

int32_t
nub_kvm_session_write(void *session, uint64_t address, const void *data, uint64_t size,
                      struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    return status ? status : nub_machine_write(&s->machine, address, data, size, failure);
}

int32_t
nub_kvm_session_map(void *session, uint64_t address, uint64_t size, uint32_t access,
                    struct nub_failure *failure)
{
    struct session *s = session;
    enum nub_status status = judge(s, failure);

    if (!status && access > NUB_ACCESS_READ_WRITE)
        status = nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "map: no such access %u", access);
    return status ? status : nub_machine_map(&s->machine, address, size, access, failure);
}

int32_t
nub_kvm_session_commit(void *session, uint32_t advance, struct nub_hash *successor,
                       struct nub_failure *failure)
{
    struct session *s = session;
    const struct nub_commit commit = { .machine = &s->machine,
                                       .session = true,
                                       .advance = advance != 0 };
    enum nub_status status = judge(s, failure);

    if (!status && !s->has_run)
        status = nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "commit: the session has not run");
    return status ? status : nub_commit(&commit, successor, failure);
}

void
nub_kvm_session_close(void *session)
{
    struct session *s = session;

    if (nub_kvm_judge_process(s->machine.kvm, NULL) == NUB_OK)
        nub_machine_close(&s->machine);
    else
        nub_machine_forget(&s->machine);
    free(s);
}

void
nub_kvm_session_interrupt(void *session)
{
    struct session *s = session;

    __atomic_store_n(&s->interrupted, 1, __ATOMIC_RELEASE);
    if (nub_kvm_judge_process(s->machine.kvm, NULL) == NUB_OK)
        nub_lane_interrupt(&s->machine.kvm->guest.lanes[s->machine.lane], &s->interrupted);
}
