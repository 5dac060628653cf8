/* record.c - a backend that passes every call on to another and writes down what happened
 *
 * This file: options, the pen, the directory and the calls. session.c has the sessions, recording.c
 * the format. Calls that end with a failure of the host's side are written too, with their status.
 */
#include "record-private.h"
#include "bytes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_NUMBER 1000000u /* of recordings beside each other */

/* ---- the pen --------------------------------------------------------------------------------- */

static int
write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int32_t
stopped(const struct recorder *self, struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_SYSTEM, "recording %s: stopped after a write that failed",
                    self->path);
}

int32_t
recorder_write_inlock(struct recorder *self, const struct nub_frame *frame,
                      struct nub_failure *failure)
{
    struct nub_codec codec = { 0 };
    int error = ENOMEM;

    if (self->fd < 0)
        return stopped(self, failure);
    nub_recording_append(&codec, frame, self->chain);
    if (!codec.failed)
        error = write_all(self->fd, codec.data, codec.size);
    nub_codec_clear(&codec);
    if (error == 0) {
        self->frames++;
        return NUB_OK;
    }
    close(self->fd);
    self->fd = -1;
    return nub_fail(failure, NUB_ERR_SYSTEM, "recording %s: %s", self->path, strerror(error));
}

int32_t
recorder_write(struct recorder *self, const struct nub_frame *frame, struct nub_failure *failure)
{
    pthread_mutex_lock(&self->lock);
    int32_t status = recorder_write_inlock(self, frame, failure);
    pthread_mutex_unlock(&self->lock);
    return status;
}

void
frame_answer(struct nub_frame *frame, int32_t status, const struct nub_failure *failure)
{
    frame->status = (uint32_t)status;
    if (status != NUB_OK) {
        frame->error_hash = failure->hash;
        frame->error_address = failure->address;
    }
}

int32_t
pass_on(int32_t status, const struct nub_failure *answer, struct nub_failure *failure)
{
    nub_failure_copy(failure, answer);
    return status;
}

int32_t
lacks(const char *what, struct nub_failure *failure)
{
    return nub_fail(failure, NUB_ERR_NOT_SUPPORTED, "%s: the recorded backend has no such function",
                    what);
}

/* ---- create and destroy ---------------------------------------------------------------------- */

static void
record_destroy(void *backend)
{
    struct recorder *self = backend;

    if (self->fd >= 0)
        close(self->fd);
    if (self->frames == 1) /* looked at and closed again, as 'nub backends' does: nothing to keep */
        unlink(self->path);
    pthread_mutex_destroy(&self->lock);
    free(self->path);
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

/* Makes `self->path` from the option, which may have one %n: the first number that is free. */
static int
open_file(struct recorder *self, const char *pattern)
{
    const char *mark = strstr(pattern, "%n");
    size_t size = strlen(pattern) + sizeof "4294967295";

    for (uint32_t n = 1; n <= MAX_NUMBER; n++) {
        if (mark)
            snprintf(self->path, size, "%.*s%u%s", (int)(mark - pattern), pattern, n, mark + 2);
        int fd = open(self->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST || !mark)
            return fd;
    }
    return -1;
}

static int32_t
begin(struct recorder *self, const struct nub_create_args *args, const char *inner,
      const char *pattern, struct nub_failure *failure)
{
    uint8_t header[NUB_RECORDING_HEADER];
    struct nub_frame frame = { .kind = NUB_RECORDING_BEGIN,
                               .gas_model = args->gas_model,
                               .mem_cycles = args->mem_cycles,
                               .bytes = (uint8_t *)inner,
                               .size = strlen(inner) };

    self->fd = open_file(self, pattern);
    if (self->fd < 0 && errno == EEXIST)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "recording %s: exists already; a %%n in the name numbers the files",
                        self->path);
    if (self->fd < 0)
        return nub_fail(failure, NUB_ERR_SYSTEM, "recording %s: %s", self->path, strerror(errno));
    nub_recording_header(header);
    int error = write_all(self->fd, header, sizeof header);
    if (error)
        return nub_fail(failure, NUB_ERR_SYSTEM, "recording %s: %s", self->path, strerror(error));
    return recorder_write(self, &frame, failure);
}

static int32_t
record_create(const struct nub_create_args *args, void **backend, struct nub_failure *failure)
{
    const char *inner = option(args, "backend"), *path = option(args, "file");

    if (!inner)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT,
                        "option 'backend' is missing: which one shall be recorded?");
    if (!path || !*path)
        return nub_fail(failure, NUB_ERR_INVALID_ARGUMENT, "option 'file' is missing: where to?");
    if (!args->host->open_backend)
        return nub_fail(failure, NUB_ERR_NOT_SUPPORTED, "this host cannot open other backends");

    struct recorder *self = calloc(1, sizeof *self);
    if (!self || !(self->path = malloc(strlen(path) + sizeof "4294967295"))) {
        free(self);
        return nub_fail(failure, NUB_ERR_NO_MEMORY, "record: out of memory");
    }
    strcpy(self->path, path);
    self->host = args->host;
    self->fd = -1;
    pthread_mutex_init(&self->lock, NULL);
    int32_t status = args->host->open_backend(args->host->ctx, inner, &self->inner, failure);
    if (status == NUB_OK)
        status = begin(self, args, inner, path, failure);
    if (status != NUB_OK) {
        record_destroy(self);
        return status;
    }
    *backend = self;
    return NUB_OK;
}

/* ---- the directory --------------------------------------------------------------------------- */

/* What changes the directory, as one value, so that lock, call, frame and answer stand once. */
struct change {
    uint32_t kind;
    const struct nub_hash *hash; /* of all but put_cap */
    struct nub_slice wire;
};

static int32_t
apply(const struct nub_backend_ref *inner, const struct change *change, struct nub_hash *hash,
      struct nub_failure *answer)
{
    const struct nub_backend_ops *ops = inner->ops;

    switch (change->kind) {
    case NUB_RECORDING_PUT:
        return ops->put_cap(inner->backend, change->wire, hash, answer);
    case NUB_RECORDING_PUT_WITH_HASH:
        return ops->put_cap_with_hash(inner->backend, change->hash, change->wire, answer);
    case NUB_RECORDING_DROP:
        return ops->drop_cap(inner->backend, change->hash, answer);
    default:
        return ops->set_state_root(inner->backend, change->hash, answer);
    }
}

/* A capability that is there is not read (NP-34): a replay has it, too, and does not need the
 * bytes. */
static bool
is_not_read(const struct recorder *self, const struct change *change)
{
    uint32_t present = 0;

    return change->kind == NUB_RECORDING_PUT_WITH_HASH && self->inner.ops->contains &&
           self->inner.ops->contains(self->inner.backend, change->hash, &present, NULL) == NUB_OK &&
           present;
}

static int32_t
change_and_write(struct recorder *self, const struct change *change, struct nub_hash *hash,
                 struct nub_failure *failure)
{
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = change->kind,
                               .bytes = (uint8_t *)change->wire.data,
                               .size = change->wire.size };

    if (change->hash)
        frame.hash = *change->hash;
    pthread_mutex_lock(&self->lock);
    if (is_not_read(self, change))
        frame.size = 0;
    int32_t status =
        self->fd < 0 ? stopped(self, &answer) : apply(&self->inner, change, &frame.hash, &answer);
    if (self->fd >= 0) {
        frame_answer(&frame, status, &answer);
        int32_t written = recorder_write_inlock(self, &frame, &answer);
        if (written != NUB_OK)
            status = written;
    }
    pthread_mutex_unlock(&self->lock);
    if (status == NUB_OK && hash)
        *hash = frame.hash;
    return pass_on(status, &answer, failure);
}

static int32_t
record_put_cap(void *backend, struct nub_slice wire, struct nub_hash *hash,
               struct nub_failure *failure)
{
    struct change change = { NUB_RECORDING_PUT, NULL, wire };

    return change_and_write(backend, &change, hash, failure);
}

static int32_t
record_put_cap_with_hash(void *backend, const struct nub_hash *hash, struct nub_slice wire,
                         struct nub_failure *failure)
{
    struct recorder *self = backend;
    struct change change = { NUB_RECORDING_PUT_WITH_HASH, hash, wire };

    if (!self->inner.ops->put_cap_with_hash)
        return lacks("put_cap_with_hash", failure);
    return change_and_write(self, &change, NULL, failure);
}

static int32_t
record_drop_cap(void *backend, const struct nub_hash *hash, struct nub_failure *failure)
{
    struct recorder *self = backend;
    struct change change = { NUB_RECORDING_DROP, hash, { 0 } };

    if (!self->inner.ops->drop_cap)
        return lacks("drop_cap", failure);
    return change_and_write(self, &change, NULL, failure);
}

static int32_t
record_set_state_root(void *backend, const struct nub_hash *root, struct nub_failure *failure)
{
    struct recorder *self = backend;
    struct change change = { NUB_RECORDING_SET_HEAD, root, { 0 } };

    if (!self->inner.ops->set_state_root)
        return lacks("set_state_root", failure);
    return change_and_write(self, &change, NULL, failure);
}

/* ---- what changes nothing is passed on and not written -------------------------------------- */

static int32_t
record_state_root(void *backend, struct nub_hash *root, struct nub_failure *failure)
{
    struct recorder *self = backend;

    return self->inner.ops->state_root(self->inner.backend, root, failure);
}

static int32_t
record_contains(void *backend, const struct nub_hash *hash, uint32_t *present,
                struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->contains)
        return lacks("contains", failure);
    return self->inner.ops->contains(self->inner.backend, hash, present, failure);
}

static int32_t
record_get_cap(void *backend, const struct nub_hash *hash, struct nub_bytes *wire,
               struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->get_cap)
        return lacks("get_cap", failure);
    return self->inner.ops->get_cap(self->inner.backend, hash, wire, failure);
}

static int32_t
record_refcount(void *backend, const struct nub_hash *hash, uint64_t *count,
                struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->refcount)
        return lacks("refcount", failure);
    return self->inner.ops->refcount(self->inner.backend, hash, count, failure);
}

static int32_t
record_stats(void *backend, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx,
             struct nub_failure *failure)
{
    struct recorder *self = backend;

    pthread_mutex_lock(&self->lock);
    uint64_t frames = self->frames;
    pthread_mutex_unlock(&self->lock);
    each(ctx, "nub_record_frames_total", frames);
    if (!self->inner.ops->stats)
        return NUB_OK;
    return self->inner.ops->stats(self->inner.backend, each, ctx, failure);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static int32_t
record_invoke_cached(void *backend, const struct nub_invoke_args *args, struct nub_result *result,
                     struct nub_failure *failure)
{
    struct recorder *self = backend;
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_frame frame = { .kind = NUB_RECORDING_INVOKE_CACHED,
                               .hash = args->instance,
                               .endpoint = args->endpoint,
                               .gas = args->gas };

    memcpy(frame.args, args->args, sizeof frame.args);
    int32_t status =
        self->inner.ops->invoke_cached(self->inner.backend, args, &frame.result, &answer);
    frame_answer(&frame, status, &answer);
    int32_t written = recorder_write(self, &frame, &answer);
    if (written != NUB_OK)
        status = written;
    if (status == NUB_OK)
        *result = frame.result;
    return pass_on(status, &answer, failure);
}

static struct nub_frame
frame_of_call(uint32_t kind, const struct nub_call *call)
{
    struct nub_frame frame = {
        .kind = kind,
        .hash = call->instance,
        .endpoint = call->endpoint,
        .gas_model = call->gas_model,
        .mem_cycles = call->mem_cycles,
        .gas = call->gas,
        .flags = call->flags,
        .max_output = call->max_output,
        .expected_head = call->expected_head,
    };

    memcpy(frame.args, call->args, sizeof frame.args);
    memcpy(frame.regs, call->regs, sizeof frame.regs);
    if (call->flags & NUB_CALL_INPUT) {
        frame.bytes = (uint8_t *)call->input.data;
        frame.size = call->input.size;
    }
    return frame;
}

/* Runs the call with the tape and writes the frame; the lock is held when the call commits. */
static int32_t
call_and_write(struct recorder *self, uint32_t kind, const struct nub_call *call,
               struct nub_outcome *outcome, struct nub_failure *answer)
{
    struct nub_frame frame = frame_of_call(kind, call);
    struct nub_call taped = *call;
    bool locked = (call->flags & NUB_CALL_COMMIT) != 0;
    nub_invoke_fn function =
        kind == NUB_RECORDING_INVOKE ? self->inner.ops->invoke : self->inner.ops->resume;

    if (call->hosts) {
        frame.tape = tape_new(call->hosts);
        if (!frame.tape)
            return nub_fail(answer, NUB_ERR_NO_MEMORY, "record: out of memory");
        taped.hosts = tape_table(frame.tape);
    }
    if (locked)
        pthread_mutex_lock(&self->lock);
    int32_t status = function(self->inner.backend, &taped, outcome, answer);
    frame_answer(&frame, status, answer);
    frame.result = outcome->result;
    frame.successor = outcome->successor;
    frame.output_flag = outcome->output_flag;
    frame.output = (uint8_t *)outcome->output.data;
    frame.output_size = outcome->output.size;
    int32_t written =
        locked ? recorder_write_inlock(self, &frame, answer) : recorder_write(self, &frame, answer);
    if (locked)
        pthread_mutex_unlock(&self->lock);
    tape_free(frame.tape);
    return written != NUB_OK ? written : status;
}

static int32_t
call_recorded(struct recorder *self, uint32_t kind, const struct nub_call *call,
              struct nub_outcome *outcome, struct nub_failure *failure)
{
    struct nub_failure answer = { .struct_size = sizeof answer };
    struct nub_outcome got = { .struct_size = sizeof got };
    int32_t status = call_and_write(self, kind, call, &got, &answer);

    if (status == NUB_OK) {
        got.struct_size = outcome->struct_size;
        *outcome = got;
    } else if (got.output.release) {
        got.output.release(&got.output);
    }
    return pass_on(status, &answer, failure);
}

static int32_t
record_invoke(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
              struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->invoke)
        return lacks("invoke", failure);
    return call_recorded(self, NUB_RECORDING_INVOKE, call, outcome, failure);
}

static int32_t
record_resume(void *backend, const struct nub_call *call, struct nub_outcome *outcome,
              struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->resume)
        return lacks("resume", failure);
    return call_recorded(self, NUB_RECORDING_RESUME, call, outcome, failure);
}

static int32_t
record_heap_stats(void *backend, struct nub_heap_stats *stats, struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->heap_stats)
        return lacks("heap_stats", failure);
    return self->inner.ops->heap_stats(self->inner.backend, stats, failure);
}

static int32_t
record_evict(void *backend, struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->evict)
        return lacks("evict", failure);
    return self->inner.ops->evict(self->inner.backend, failure);
}

static int32_t
record_get_changes(void *backend, const struct nub_hash *base, const struct nub_hash *hash,
                   const struct nub_changes *changes, struct nub_failure *failure)
{
    struct recorder *self = backend;

    if (!self->inner.ops->get_changes)
        return lacks("get_changes", failure);
    return self->inner.ops->get_changes(self->inner.backend, base, hash, changes, failure);
}

/* ---- the module ------------------------------------------------------------------------------ */

static const struct nub_option_desc record_options[] = {
    { "backend", NUB_OPTION_STRING, 0, NULL, NULL, "The configured backend that is recorded" },
    { "file", NUB_OPTION_STRING, 0, NULL, NULL,
      "The recording, which must not exist yet; %n in it becomes the first number that is free" },
};

static const struct nub_backend_ops record_ops = {
    .struct_size = sizeof record_ops,
    .create = record_create,
    .destroy = record_destroy,
    .put_cap = record_put_cap,
    .invoke_cached = record_invoke_cached,
    .state_root = record_state_root,
    .put_cap_with_hash = record_put_cap_with_hash,
    .contains = record_contains,
    .get_cap = record_get_cap,
    .drop_cap = record_drop_cap,
    .refcount = record_refcount,
    .invoke = record_invoke,
    .resume = record_resume,
    .set_state_root = record_set_state_root,
    .session_open = record_session_open,
    .session_run = record_session_run,
    .session_get_regs = record_session_get_regs,
    .session_set_regs = record_session_set_regs,
    .session_get_pc = record_session_get_pc,
    .session_set_pc = record_session_set_pc,
    .session_get_gas = record_session_get_gas,
    .session_set_gas = record_session_set_gas,
    .session_read = record_session_read,
    .session_write = record_session_write,
    .session_map = record_session_map,
    .session_commit = record_session_commit,
    .session_close = record_session_close,
    .session_interrupt = record_session_interrupt,
    .heap_stats = record_heap_stats,
    .stats = record_stats,
    .evict = record_evict,
    .get_changes = record_get_changes,
};

static const struct nub_plugin record_plugin = {
    .abi_version = NUB_ABI_VERSION,
    .struct_size = sizeof record_plugin,
    .name = "record",
    .version = "0.1.0",
    .summary = "Writes every call and host call of another backend to a file, for nub replay",
    .options = record_options,
    .n_options = sizeof record_options / sizeof record_options[0],
    .ops = &record_ops,
};

NUB_PLUGIN_DEFINE(record, record_plugin)
