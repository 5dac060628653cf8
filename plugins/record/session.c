/* session.c - sessions of the recorder: each operation is passed on and written down
 *
 * A session has a number in the recording, given in the order of opening. What the host only looks
 * at is written where it depends on the program (memory that is read, the state after a run).
 */
#include "record-private.h"
#include <stdlib.h>
#include <string.h>

struct session {
    struct recorder *recorder;
    void *inner;
    uint64_t number;
};

static const struct nub_backend_ops *
ops_of(const struct session *session)
{
    return session->recorder->inner.ops;
}

/* Writes the frame of an operation that answered `status`, and passes the answer on. */
static int32_t
finish(struct session *session, struct nub_frame *frame, int32_t status, struct nub_failure *answer,
       struct nub_failure *failure)
{
    frame->session = session->number;
    frame_answer(frame, status, answer);
    int32_t written = recorder_write(session->recorder, frame, answer);

    return pass_on(written != NUB_OK ? written : status, answer, failure);
}

int32_t
record_session_open(void *backend, const struct nub_session_args *args, void **out,
                    struct nub_failure *failure)
{
    struct recorder *self = backend;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_OPEN,
                               .hash = args->instance,
                               .endpoint = args->endpoint,
                               .gas_model = args->gas_model,
                               .mem_cycles = args->mem_cycles,
                               .gas = args->gas };

    if (!self->inner.ops->session_open)
        return lacks("session_open", failure);
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "record: out of memory");
    memcpy(frame.args, args->args, sizeof frame.args);
    session->recorder = self;
    pthread_mutex_lock(&self->lock);
    int32_t status =
        self->inner.ops->session_open(self->inner.backend, args, &session->inner, &answer);
    bool opened = status == NUB_OK;
    if (opened)
        session->number = ++self->sessions;
    frame.session = session->number;
    frame_answer(&frame, status, &answer);
    int32_t written = recorder_write_inlock(self, &frame, &answer);
    pthread_mutex_unlock(&self->lock);
    if (written != NUB_OK)
        status = written;
    if (status != NUB_OK) {
        if (opened)
            self->inner.ops->session_close(session->inner);
        free(session);
        return pass_on(status, &answer, failure);
    }
    *out = session;
    return NUB_OK;
}

int32_t
record_session_run(void *opaque, struct nub_result *result, struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_RUN };
    int32_t status = ops_of(session)->session_run(session->inner, &frame.result, &answer);

    if (status == NUB_OK)
        status = ops_of(session)->session_get_regs(session->inner, frame.regs, &answer);
    if (status == NUB_OK)
        status = ops_of(session)->session_get_pc(session->inner, &frame.pc, &answer);
    if (status == NUB_OK)
        status = ops_of(session)->session_get_gas(session->inner, &frame.gas, &answer);
    *result = frame.result;
    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_get_regs(void *opaque, uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    struct session *session = opaque;

    return ops_of(session)->session_get_regs(session->inner, regs, failure);
}

int32_t
record_session_get_pc(void *opaque, uint32_t *pc, struct nub_failure *failure)
{
    struct session *session = opaque;

    return ops_of(session)->session_get_pc(session->inner, pc, failure);
}

int32_t
record_session_get_gas(void *opaque, uint64_t *gas, struct nub_failure *failure)
{
    struct session *session = opaque;

    return ops_of(session)->session_get_gas(session->inner, gas, failure);
}

int32_t
record_session_set_regs(void *opaque, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_SET_REGS };

    memcpy(frame.regs, regs, sizeof frame.regs);
    int32_t status = ops_of(session)->session_set_regs(session->inner, regs, &answer);
    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_set_pc(void *opaque, uint32_t pc, struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_SET_PC, .pc = pc };
    int32_t status = ops_of(session)->session_set_pc(session->inner, pc, &answer);

    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_set_gas(void *opaque, uint64_t gas, struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_SET_GAS, .gas = gas };
    int32_t status = ops_of(session)->session_set_gas(session->inner, gas, &answer);

    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_read(void *opaque, uint64_t address, void *data, uint64_t size,
                    struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_READ, .address = address, .length = size };
    int32_t status = ops_of(session)->session_read(session->inner, address, data, size, &answer);

    if (status == NUB_OK) {
        frame.bytes = data;
        frame.size = size;
    }
    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_write(void *opaque, uint64_t address, const void *data, uint64_t size,
                     struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_WRITE,
                               .address = address,
                               .length = size,
                               .bytes = (uint8_t *)data,
                               .size = size };
    int32_t status = ops_of(session)->session_write(session->inner, address, data, size, &answer);

    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_map(void *opaque, uint64_t address, uint64_t size, uint32_t access,
                   struct nub_failure *failure)
{
    struct session *session = opaque;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = {
        .kind = NUB_RECORDING_MAP, .address = address, .length = size, .access = access
    };
    int32_t status = ops_of(session)->session_map(session->inner, address, size, access, &answer);

    return finish(session, &frame, status, &answer, failure);
}

int32_t
record_session_commit(void *opaque, uint32_t advance, struct nub_hash *successor,
                      struct nub_failure *failure)
{
    struct session *session = opaque;
    struct recorder *self = session->recorder;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_COMMIT,
                               .advance = advance,
                               .session = session->number };

    if (!self->inner.ops->session_commit)
        return lacks("session_commit", failure);
    pthread_mutex_lock(&self->lock);
    int32_t status =
        self->inner.ops->session_commit(session->inner, advance, &frame.successor, &answer);
    frame_answer(&frame, status, &answer);
    int32_t written = recorder_write_inlock(self, &frame, &answer);
    pthread_mutex_unlock(&self->lock);
    if (written != NUB_OK)
        status = written;
    if (status == NUB_OK)
        *successor = frame.successor;
    return pass_on(status, &answer, failure);
}

void
record_session_close(void *opaque)
{
    struct session *session = opaque;
    struct nub_frame frame = { .kind = NUB_RECORDING_CLOSE, .session = session->number };

    ops_of(session)->session_close(session->inner);
    /* A close cannot fail; a pen that fails here fails again at the next call, which says so. */
    recorder_write(session->recorder, &frame, NULL);
    free(session);
}

void
record_session_interrupt(void *opaque)
{
    struct session *session = opaque;

    if (ops_of(session)->session_interrupt)
        ops_of(session)->session_interrupt(session->inner);
}
