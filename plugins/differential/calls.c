/* calls.c - invoke_cached, invoke and resume, on every backend
 *
 * Pure calls may be sampled; calls that commit go to all backends, so that their states stay in
 * step.
 */
#include "differential.h"
#include "bytes.h"
#include <stddef.h>
#include <stdio.h>

/* Whether this pure call is one that is compared. */
static bool
is_sampled(struct differential *self)
{
    return atomic_fetch_add(&self->calls, 1) % self->sample == 0;
}

int32_t
diff_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                   struct nub_failure *failure)
{
    struct differential *self = backend;
    const struct nub_backend_ref *first = &self->backends[0];
    struct answer reference = answer_new();
    struct nub_failure found = { .struct_size = sizeof found };
    struct nub_result expected = { 0 };

    if (!is_sampled(self))
        return first->ops->invoke_cached(first->backend, args, result, failure);
    atomic_fetch_add(&self->compared, 1);
    reference.status =
        first->ops->invoke_cached(first->backend, args, &expected, &reference.failure);
    for (uint32_t i = 1; i < self->n; i++) {
        const struct nub_backend_ref *b = &self->backends[i];
        struct answer answer = answer_new();
        struct nub_result got = { 0 };

        answer.status = b->ops->invoke_cached(b->backend, args, &got, &answer.failure);
        int32_t status = judge(self, "invoke_cached", i, &reference, &answer, &found);
        if (status == NUB_OK && answer.status == NUB_OK)
            status = judge_results(self, "invoke_cached", i, &expected, &got, &found);
        if (status == NUB_ERR_DIFFERENCE) {
            char call[256];
            snprintf(call, sizeof call,
                     "invoke_cached endpoint %u args %llu %llu %llu %llu gas %llu", args->endpoint,
                     (unsigned long long)args->args[0], (unsigned long long)args->args[1],
                     (unsigned long long)args->args[2], (unsigned long long)args->args[3],
                     (unsigned long long)args->gas);
            reproducer_write(self, &args->instance, call, &found);
        }
        if (status != NUB_OK)
            return pass_on(&(struct answer){ status, found }, failure);
    }
    if (reference.status == NUB_OK)
        *result = expected;
    return pass_on(&reference, failure);
}

/* invoke and resume differ in the member that is called, and in its name. */
struct verb {
    const char *name;
    size_t offset;
};
static const struct verb verb_invoke = { "invoke", offsetof(struct nub_backend_ops, invoke) };
static const struct verb verb_resume = { "resume", offsetof(struct nub_backend_ops, resume) };

static int32_t
call_one(const struct verb *verb, const struct nub_backend_ref *b, const struct nub_call *call,
         struct nub_outcome *outcome, struct nub_failure *failure)
{
    nub_invoke_fn function;

    memcpy(&function, (const char *)b->ops + verb->offset, sizeof function);
    return function(b->backend, call, outcome, failure);
}

static void
outcome_clear(struct nub_outcome *outcome)
{
    if (outcome->output.release)
        outcome->output.release(&outcome->output);
    outcome->output = (struct nub_bytes){ 0 };
}

static int32_t
judge_outcomes(struct differential *self, const char *what, uint32_t i,
               const struct nub_outcome *reference, const struct nub_outcome *other,
               struct nub_failure *failure)
{
    int32_t status = judge_results(self, what, i, &reference->result, &other->result, failure);

    if (status != NUB_OK)
        return status;
    if (!nub_hash_equal(&reference->successor, &other->successor))
        return differ(self, what, i, failure, "the successors differ");
    if (reference->output_flag != other->output_flag)
        return differ(self, what, i, failure, "output flag %u against %u", reference->output_flag,
                      other->output_flag);
    if (reference->output.size != other->output.size ||
        (reference->output.size &&
         memcmp(reference->output.data, other->output.data, reference->output.size) != 0))
        return differ(self, what, i, failure, "the outputs differ");
    return NUB_OK;
}

/* Runs the call on the other backends and compares; `shared` is the call with the tape's table. */
static int32_t
compare_calls(struct differential *self, const struct verb *verb, struct nub_call *shared,
              struct tape *tape, const struct answer *reference, const struct nub_outcome *expected,
              struct nub_failure *found)
{
    for (uint32_t i = 1; i < self->n; i++) {
        struct answer answer = answer_new();
        struct nub_outcome got = { .struct_size = sizeof got };

        tape_rewind(tape);
        answer.status = call_one(verb, &self->backends[i], shared, &got, &answer.failure);
        const char *difference = tape_difference(tape);
        int32_t status;
        if (difference)
            status = differ(self, verb->name, i, found, "%s", difference);
        else
            status = judge(self, verb->name, i, reference, &answer, found);
        if (status == NUB_OK && answer.status == NUB_OK)
            status = judge_outcomes(self, verb->name, i, expected, &got, found);
        outcome_clear(&got);
        if (status != NUB_OK)
            return status;
    }
    return NUB_OK;
}

static int32_t
call_all(struct differential *self, const struct verb *verb, const struct nub_call *call,
         struct nub_outcome *outcome, struct nub_failure *failure)
{
    int32_t status = all_have(self, verb->offset, verb->name, failure);
    struct nub_failure found = { .struct_size = sizeof found };
    struct answer reference = answer_new();
    struct nub_outcome expected = { .struct_size = sizeof expected };
    struct nub_call shared = *call;

    if (status != NUB_OK)
        return status;
    if (!is_sampled(self) && !(call->flags & NUB_CALL_COMMIT))
        return call_one(verb, &self->backends[0], call, outcome, failure);
    atomic_fetch_add(&self->compared, 1);
    struct tape *tape = tape_new(call->hosts);
    if (!tape)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "differential: out of memory");
    if (call->hosts)
        shared.hosts = tape_table(tape);
    reference.status = call_one(verb, &self->backends[0], &shared, &expected, &reference.failure);
    status = compare_calls(self, verb, &shared, tape, &reference, &expected, &found);
    tape_free(tape);
    if (status != NUB_OK) {
        if (status == NUB_ERR_DIFFERENCE)
            reproducer_write(self, &call->instance, verb->name, &found);
        outcome_clear(&expected);
        return pass_on(&(struct answer){ status, found }, failure);
    }
    if (reference.status == NUB_OK) {
        expected.struct_size = outcome->struct_size;
        *outcome = expected;
    }
    return pass_on(&reference, failure);
}

int32_t
diff_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
            struct nub_failure *failure)
{
    return call_all(backend, &verb_invoke, call, outcome, failure);
}

int32_t
diff_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
            struct nub_failure *failure)
{
    return call_all(backend, &verb_resume, call, outcome, failure);
}
