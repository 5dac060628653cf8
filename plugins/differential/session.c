/* session.c - a session on every backend at once
 *
 * What the host may see through a session is compared each time it looks: results, registers, pc,
 * gas and memory. After every run registers, pc and gas are compared even if the host does not
 * look.
 */
#include "differential.h"
#include "bytes.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct session {
    struct differential *self;
    struct nub_hash instance;
    void *sessions[MAX_BACKENDS];
};

static void
close_first(struct session *session, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        session->self->backends[i].ops->session_close(session->sessions[i]);
}

int32_t
diff_session_open(void *backend, const struct nub_session_args *args, void **out,
                  struct nub_failure *failure)
{
    struct differential *self = backend;
    struct answer reference = answer_new();
    int32_t status = ALL_HAVE(self, session_open, failure);

    if (status != NUB_OK)
        return status;
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "differential: out of memory");
    session->self = self;
    session->instance = args->instance;
    uint32_t opened = 0;
    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();

        answer.status =
            b->ops->session_open(b->backend, args, &session->sessions[i], &answer.failure);
        if (i == 0)
            reference = answer;
        else
            status = judge(self, "session_open", i, &reference, &answer, failure);
        if (answer.status != NUB_OK)
            continue;
        if (opened != i) { /* an earlier one failed: not part of the run of open ones */
            b->ops->session_close(session->sessions[i]);
            continue;
        }
        opened++;
    }
    if (status != NUB_OK || reference.status != NUB_OK) {
        close_first(session, opened);
        free(session);
        return status != NUB_OK ? status : pass_on(&reference, failure);
    }
    *out = session;
    return NUB_OK;
}

/* What the host can see of a machine without its memory. */
struct state {
    uint64_t regs[NUB_N_REGS];
    uint64_t gas;
    uint32_t pc;
};

static int32_t
look(struct session *session, uint32_t i, struct state *state, struct nub_failure *failure)
{
    const struct nub_backend_ops *ops = session->self->backends[i].ops;
    int32_t status = ops->session_get_regs(session->sessions[i], state->regs, failure);

    if (status == NUB_OK)
        status = ops->session_get_pc(session->sessions[i], &state->pc, failure);
    if (status == NUB_OK)
        status = ops->session_get_gas(session->sessions[i], &state->gas, failure);
    return status;
}

static int32_t
judge_states(struct session *session, const char *what, struct nub_failure *failure)
{
    struct differential *self = session->self;
    struct state first, other;
    int32_t status = look(session, 0, &first, failure);

    for (uint32_t i = 1; status == NUB_OK && i < self->n; i++) {
        status = look(session, i, &other, failure);
        if (status != NUB_OK)
            break;
        if (first.pc != other.pc)
            status = differ(self, what, i, failure, "pc %u against %u", first.pc, other.pc);
        else if (first.gas != other.gas)
            status = differ(self, what, i, failure, "gas %llu against %llu",
                            (unsigned long long)first.gas, (unsigned long long)other.gas);
        for (unsigned r = 0; status == NUB_OK && r < NUB_N_REGS; r++)
            if (first.regs[r] != other.regs[r])
                status =
                    differ(self, what, i, failure, "phi%u 0x%llx against 0x%llx", r,
                           (unsigned long long)first.regs[r], (unsigned long long)other.regs[r]);
    }
    return status;
}

int32_t
diff_session_run(void *opaque, struct nub_result *result, struct nub_failure *failure)
{
    struct session *session = opaque;
    struct differential *self = session->self;
    struct answer reference = answer_new();
    struct nub_failure found = { .struct_size = sizeof found };
    int32_t status = NUB_OK;

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        struct answer answer = answer_new();
        struct nub_result got = { 0 };

        answer.status =
            self->backends[i].ops->session_run(session->sessions[i], &got, &answer.failure);
        if (i == 0) {
            reference = answer;
            *result = got;
            continue;
        }
        status = judge(self, "session_run", i, &reference, &answer, &found);
        if (status == NUB_OK && answer.status == NUB_OK)
            status = judge_results(self, "session_run", i, result, &got, &found);
    }
    if (status == NUB_OK && reference.status == NUB_OK)
        status = judge_states(session, "the state after session_run", &found);
    if (status == NUB_OK)
        return pass_on(&reference, failure);
    if (status == NUB_ERR_DIFFERENCE)
        reproducer_write(self, &session->instance, "session_run", &found);
    return pass_on(&(struct answer){ status, found }, failure);
}

int32_t
diff_session_get_regs(void *opaque, uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    struct session *session = opaque;
    int32_t status = judge_states(session, "session_get_regs", failure);

    if (status != NUB_OK)
        return status;
    return session->self->backends[0].ops->session_get_regs(session->sessions[0], regs, failure);
}

int32_t
diff_session_get_pc(void *opaque, uint32_t *pc, struct nub_failure *failure)
{
    struct session *session = opaque;
    int32_t status = judge_states(session, "session_get_pc", failure);

    if (status != NUB_OK)
        return status;
    return session->self->backends[0].ops->session_get_pc(session->sessions[0], pc, failure);
}

int32_t
diff_session_get_gas(void *opaque, uint64_t *gas, struct nub_failure *failure)
{
    struct session *session = opaque;
    int32_t status = judge_states(session, "session_get_gas", failure);

    if (status != NUB_OK)
        return status;
    return session->self->backends[0].ops->session_get_gas(session->sessions[0], gas, failure);
}

/* ---- operations that answer with a status alone ---------------------------------------------- */

/* One of them with its arguments. */
struct operation {
    const char *name;
    int32_t (*apply)(const struct nub_backend_ops *ops, void *session, const struct operation *op,
                     struct nub_failure *failure);
    const uint64_t *regs;
    const void *data;
    uint64_t address, size, value;
};

static int32_t
apply_to_all(struct session *session, const struct operation *op, struct nub_failure *failure)
{
    struct differential *self = session->self;
    struct answer reference = answer_new();

    for (uint32_t i = 0; i < self->n; i++) {
        struct answer answer = answer_new();

        answer.status = op->apply(self->backends[i].ops, session->sessions[i], op, &answer.failure);
        if (i == 0) {
            reference = answer;
            continue;
        }
        int32_t status = judge(self, op->name, i, &reference, &answer, failure);
        if (status != NUB_OK)
            return status;
    }
    return pass_on(&reference, failure);
}

static int32_t
apply_set_regs(const struct nub_backend_ops *ops, void *session, const struct operation *op,
               struct nub_failure *failure)
{
    return ops->session_set_regs(session, op->regs, failure);
}

static int32_t
apply_set_pc(const struct nub_backend_ops *ops, void *session, const struct operation *op,
             struct nub_failure *failure)
{
    return ops->session_set_pc(session, (uint32_t)op->value, failure);
}

static int32_t
apply_set_gas(const struct nub_backend_ops *ops, void *session, const struct operation *op,
              struct nub_failure *failure)
{
    return ops->session_set_gas(session, op->value, failure);
}

static int32_t
apply_write(const struct nub_backend_ops *ops, void *session, const struct operation *op,
            struct nub_failure *failure)
{
    return ops->session_write(session, op->address, op->data, op->size, failure);
}

static int32_t
apply_map(const struct nub_backend_ops *ops, void *session, const struct operation *op,
          struct nub_failure *failure)
{
    return ops->session_map(session, op->address, op->size, (uint32_t)op->value, failure);
}

int32_t
diff_session_set_regs(void *session, const uint64_t regs[NUB_N_REGS], struct nub_failure *failure)
{
    return apply_to_all(
        session, &(struct operation){ "session_set_regs", apply_set_regs, .regs = regs }, failure);
}

int32_t
diff_session_set_pc(void *session, uint32_t pc, struct nub_failure *failure)
{
    return apply_to_all(session, &(struct operation){ "session_set_pc", apply_set_pc, .value = pc },
                        failure);
}

int32_t
diff_session_set_gas(void *session, uint64_t gas, struct nub_failure *failure)
{
    return apply_to_all(
        session, &(struct operation){ "session_set_gas", apply_set_gas, .value = gas }, failure);
}

int32_t
diff_session_write(void *session, uint64_t address, const void *data, uint64_t size,
                   struct nub_failure *failure)
{
    struct operation op = { "session_write", apply_write, .data = data, .address = address,
                            .size = size };

    return apply_to_all(session, &op, failure);
}

int32_t
diff_session_map(void *session, uint64_t address, uint64_t size, uint32_t access,
                 struct nub_failure *failure)
{
    struct operation op = { "session_map", apply_map, .address = address, .size = size,
                            .value = access };

    return apply_to_all(session, &op, failure);
}

/* ---- the rest -------------------------------------------------------------------------------- */

int32_t
diff_session_read(void *opaque, uint64_t address, void *data, uint64_t size,
                  struct nub_failure *failure)
{
    struct session *session = opaque;
    struct differential *self = session->self;
    struct answer reference = answer_new();
    int32_t status = NUB_OK;

    reference.status = self->backends[0].ops->session_read(session->sessions[0], address, data,
                                                           size, &reference.failure);
    uint8_t *other = malloc(size ? size : 1);
    if (!other)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "differential: out of memory");
    for (uint32_t i = 1; status == NUB_OK && i < self->n; i++) {
        struct answer answer = answer_new();

        answer.status = self->backends[i].ops->session_read(session->sessions[i], address, other,
                                                            size, &answer.failure);
        status = judge(self, "session_read", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && size && memcmp(data, other, size) != 0)
            status = differ(self, "session_read", i, failure, "the bytes at 0x%llx differ",
                            (unsigned long long)address);
    }
    free(other);
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

int32_t
diff_session_commit(void *opaque, uint32_t advance, struct nub_hash *successor,
                    struct nub_failure *failure)
{
    struct session *session = opaque;
    struct differential *self = session->self;
    struct answer reference = answer_new();
    int32_t status = ALL_HAVE(self, session_commit, failure);

    for (uint32_t i = 0; status == NUB_OK && i < self->n; i++) {
        struct answer answer = answer_new();
        struct nub_hash got = { { 0 } };

        answer.status = self->backends[i].ops->session_commit(session->sessions[i], advance, &got,
                                                              &answer.failure);
        if (i == 0) {
            reference = answer;
            *successor = got;
            continue;
        }
        status = judge(self, "session_commit", i, &reference, &answer, failure);
        if (status == NUB_OK && answer.status == NUB_OK && !nub_hash_equal(successor, &got))
            status = differ(self, "session_commit", i, failure, "the successors differ");
    }
    return status != NUB_OK ? status : pass_on(&reference, failure);
}

void
diff_session_close(void *opaque)
{
    struct session *session = opaque;

    close_first(session, session->self->n);
    free(session);
}

void
diff_session_interrupt(void *opaque)
{
    struct session *session = opaque;

    for (uint32_t i = 0; i < session->self->n; i++)
        if (session->self->backends[i].ops->session_interrupt)
            session->self->backends[i].ops->session_interrupt(session->sessions[i]);
}
