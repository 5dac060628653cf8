/* differential.c - a backend that asks two or more others and compares what they say
 *
 * This file: options, create and destroy, the judging of two answers, the ops table. The functions
 * are in caps.c, calls.c and session.c; plugins/tape sees to it that the embedder's callbacks run
 * once; reproducer.c writes differences down. The README says what is compared.
 */
#include "differential.h"
#include "bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct answer
answer_new(void)
{
    return (struct answer){ .failure.struct_size = sizeof(struct nub_failure) };
}

int32_t
pass_on(const struct answer *answer, struct nub_failure *failure)
{
    nub_failure_copy(failure, &answer->failure);
    return answer->status;
}

int32_t
differ(struct differential *self, const char *what, uint32_t i, struct nub_failure *failure,
       const char *format, ...)
{
    char detail[128];
    va_list args;
    struct nub_failure said = { .struct_size = sizeof said };

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    nub_fail(&said, NUB_ERR_DIFFERENCE, "%s and %s disagree on %s: %s", self->names[0],
             self->names[i], what, detail);
    atomic_fetch_add(&self->differences, 1);
    self->host->log(self->host->ctx, NUB_LOG_ERROR, said.message);
    return pass_on(&(struct answer){ NUB_ERR_DIFFERENCE, said }, failure);
}

/* The page that an error names counts; the byte offset of BAD_ENCODING is for people. */
static bool
names_a_page(int32_t status)
{
    return status == NUB_ERR_NOT_MAPPED || status == NUB_ERR_ALREADY_MAPPED;
}

int32_t
judge(struct differential *self, const char *what, uint32_t i, const struct answer *reference,
      const struct answer *other, struct nub_failure *failure)
{
    const struct nub_failure *a = &reference->failure, *b = &other->failure;

    if (nub_status_is_host_side(reference->status))
        return pass_on(reference, failure);
    if (nub_status_is_host_side(other->status))
        return pass_on(other, failure);
    if (reference->status != other->status)
        return differ(self, what, i, failure, "%s against %s", nub_status_name(reference->status),
                      nub_status_name(other->status));
    if (reference->status == NUB_OK)
        return NUB_OK;
    if (!nub_hash_equal(&a->hash, &b->hash))
        return differ(self, what, i, failure, "both say %s but name different capabilities",
                      nub_status_name(reference->status));
    if (names_a_page(reference->status) && a->address != b->address)
        return differ(self, what, i, failure, "%s of page 0x%llx against 0x%llx",
                      nub_status_name(reference->status), (unsigned long long)a->address,
                      (unsigned long long)b->address);
    return NUB_OK;
}

int32_t
judge_results(struct differential *self, const char *what, uint32_t i,
              const struct nub_result *reference, const struct nub_result *other,
              struct nub_failure *failure)
{
    if (reference->exit_reason != other->exit_reason)
        return differ(self, what, i, failure, "exit reason %u against %u", reference->exit_reason,
                      other->exit_reason);
    if (reference->exit_arg != other->exit_arg)
        return differ(self, what, i, failure, "exit argument 0x%x against 0x%x",
                      reference->exit_arg, other->exit_arg);
    if (reference->return_value != other->return_value)
        return differ(self, what, i, failure, "return value 0x%llx against 0x%llx",
                      (unsigned long long)reference->return_value,
                      (unsigned long long)other->return_value);
    if (reference->gas_remaining != other->gas_remaining)
        return differ(self, what, i, failure, "gas remaining %llu against %llu",
                      (unsigned long long)reference->gas_remaining,
                      (unsigned long long)other->gas_remaining);
    return NUB_OK;
}

int32_t
all_have(struct differential *self, size_t offset, const char *what, struct nub_failure *failure)
{
    for (uint32_t i = 0; i < self->n; i++) {
        void (*function)(void);
        memcpy(&function, (const char *)self->backends[i].ops + offset, sizeof function);
        if (!function)
            return nub_fail(failure, NUB_ERR_NOT_SUPPORTED, "%s: backend '%s' has no such function",
                            what, self->names[i]);
    }
    return NUB_OK;
}

/* ---- create and destroy ------------------------------------------------------------------- */

static void
diff_destroy(void *backend)
{
    struct differential *self = backend;

    for (uint32_t i = 0; i < self->n; i++)
        free(self->names[i]);
    free(self->folder);
    free(self);
}

static const char *
option(const struct nub_create_args *args, const char *name)
{
    for (uint32_t i = 0; i < args->n_options; i++)
        if (strcmp(args->options[i].name, name) == 0)
            return args->options[i].value;
    return NULL;
}

/* Opens one backend and appends it. `name` is not terminated. */
static int32_t
add_backend(struct differential *self, const char *name, size_t length, struct nub_failure *failure)
{
    if (self->n == MAX_BACKENDS)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "option 'backends': more than %u backends", MAX_BACKENDS);
    char *copy = strndup(name, length);
    if (!copy)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "differential: out of memory");
    int32_t status =
        self->host->open_backend(self->host->ctx, copy, &self->backends[self->n], failure);
    if (status != NUB_OK) {
        free(copy);
        return status;
    }
    self->names[self->n++] = copy;
    return NUB_OK;
}

static int32_t
add_backends(struct differential *self, const char *list, struct nub_failure *failure)
{
    const char *separators = ", ";

    for (const char *at = list + strspn(list, separators); *at;) {
        size_t length = strcspn(at, separators);
        int32_t status = add_backend(self, at, length, failure);
        if (status != NUB_OK)
            return status;
        at += length;
        at += strspn(at, separators);
    }
    if (self->n < 2)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "option 'backends': '%s' names fewer than two backends", list);
    return NUB_OK;
}

static int32_t
diff_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    const char *list = option(args, "backends");
    const char *sample = option(args, "sample");
    const char *folder = option(args, "reproducers");

    if (!list)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "option 'backends' is missing: which backends shall be compared?");
    if (!args->host->open_backend)
        return nub_fail(failure, NUB_ERR_NOT_SUPPORTED, "this host cannot open other backends");

    struct differential *self = calloc(1, sizeof *self);
    if (!self)
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "differential: out of memory");
    self->host = args->host;
    self->sample = sample ? strtoull(sample, NULL, 10) : 1;
    int32_t status = NUB_OK;
    if (self->sample == 0)
        status = nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "option 'sample': 0 compares nothing");
    if (status == NUB_OK && folder && *folder && !(self->folder = strdup(folder)))
        status = nub_fail(failure, NUB_ERR_NO_MEMORY, "differential: out of memory");
    if (status == NUB_OK)
        status = add_backends(self, list, failure);
    if (status != NUB_OK) {
        diff_destroy(self);
        return status;
    }
    *backend = self;
    return NUB_OK;
}

static int32_t
diff_stats(void *backend, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx,
           struct nub_failure *failure)
{
    struct differential *self = backend;

    (void)failure;
    each(ctx, "nub_differential_calls_total", atomic_load(&self->calls));
    each(ctx, "nub_differential_compared_total", atomic_load(&self->compared));
    each(ctx, "nub_differential_differences_total", atomic_load(&self->differences));
    return NUB_OK;
}

static const struct nub_option_desc diff_options[] = {
    { "backends", NUB_OPTION_STRING, 0, NULL, NULL,
      "Names of the backends to compare, separated by commas; the first is the reference" },
    { "sample", NUB_OPTION_UINT, 0, "1", NULL,
      "Of the pure calls, one in this many is compared; the others go to the reference alone" },
    { "reproducers", NUB_OPTION_STRING, 0, NULL, NULL,
      "A folder where each difference leaves a bundle and a description" },
};

static const struct nub_backend_ops diff_ops = {
    .struct_size = sizeof diff_ops,
    .create = diff_create,
    .destroy = diff_destroy,
    .put_cap = diff_put_cap,
    .invoke_cached = diff_invoke_cached,
    .state_root = diff_state_root,
    .put_cap_with_hash = diff_put_cap_with_hash,
    .contains = diff_contains,
    .get_cap = diff_get_cap,
    .drop_cap = diff_drop_cap,
    .refcount = diff_refcount,
    .invoke = diff_invoke,
    .resume = diff_resume,
    .set_state_root = diff_set_state_root,
    .session_open = diff_session_open,
    .session_run = diff_session_run,
    .session_get_regs = diff_session_get_regs,
    .session_set_regs = diff_session_set_regs,
    .session_get_pc = diff_session_get_pc,
    .session_set_pc = diff_session_set_pc,
    .session_get_gas = diff_session_get_gas,
    .session_set_gas = diff_session_set_gas,
    .session_read = diff_session_read,
    .session_write = diff_session_write,
    .session_map = diff_session_map,
    .session_commit = diff_session_commit,
    .session_close = diff_session_close,
    .session_interrupt = diff_session_interrupt,
    .stats = diff_stats,
    .evict = diff_evict,
    .get_changes = diff_get_changes,
};

static const struct nub_plugin diff_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof diff_plugin,
    .name = "differential",
    .version = "0.1.0",
    .summary = "Runs every call on two or more backends and compares everything they answer",
    .options = diff_options,
    .n_options = sizeof diff_options / sizeof diff_options[0],
    .ops = &diff_ops,
};

NUB_PLUGIN_DEFINE(differential, diff_plugin)
