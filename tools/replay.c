/* replay.c - `nub replay`: runs a recording again, with no host, and compares
 *
 * Each frame is made again on a fresh kernel of the chosen backend, host calls being answered from
 * the tape; whatever the recorded backend answered must be answered again. Stops at the first
 * difference, since from there on the two runs are different ones.
 */
#include "bytes.h"
#include "cli.h"
#include "failure.h"
#include "recording.h"

#include <stdio.h>

static char *backend;

/* A recording while it is played. */
typedef struct {
    NubKernel *kernel;
    GHashTable *sessions; /* number -> NubSession */
    guint64 frames, compared, skipped;
    char *difference; /* NULL: none so far */
} Replay;

static void
replay_clear(Replay *self)
{
    g_clear_pointer(&self->sessions, g_hash_table_unref);
    g_clear_object(&self->kernel);
    g_clear_pointer(&self->difference, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Replay, replay_clear)

static void G_GNUC_PRINTF(2, 3) differ(Replay *self, const char *format, ...)
{
    va_list args;

    if (self->difference)
        return;
    va_start(args, format);
    self->difference = g_strdup_vprintf(format, args);
    va_end(args);
}

/* ---- what is compared ------------------------------------------------------------------------ */

/* Compares how a call ended; true when it succeeded both times. Takes the error. */
static bool
same_status(Replay *self, const struct nub_frame *frame, GError *error)
{
    g_autoptr(GError) now = error;
    guint32 status = NUB_OK;
    NubHash hash = { 0 };

    if (now)
        status = now->domain == NUB_ERROR ? (guint32)now->code : NUB_ERR_SYSTEM;
    if (status != frame->status) {
        differ(self, "%s was recorded, now it is %s%s%s", nub_status_name((int32_t)frame->status),
               nub_status_name((int32_t)status), now ? ": " : "", now ? now->message : "");
        return false;
    }
    if (now && (!nub_error_get_hash(now, &hash) || !nub_hash_equal(&hash, &frame->error_hash)) &&
        !nub_hash_is_zero(&frame->error_hash))
        differ(self, "the error names another capability: %s", now->message);
    return status == NUB_OK;
}

static void
same_u64(Replay *self, const char *what, guint64 then, guint64 now)
{
    if (then != now)
        differ(self,
               "%s 0x%" G_GINT64_MODIFIER "x was recorded, now it is 0x%" G_GINT64_MODIFIER "x",
               what, then, now);
}

static void
same_hash(Replay *self, const char *what, const NubHash *then, const NubHash *now)
{
    g_autofree char *a = nub_hash_to_string(then);
    g_autofree char *b = nub_hash_to_string(now);

    if (!nub_hash_equal(then, now))
        differ(self, "%s %s was recorded, now it is %s", what, a, b);
}

static void
same_bytes(Replay *self, const char *what, const guint8 *then, guint64 size, GBytes *now)
{
    gsize now_size = 0;
    const guint8 *data = now ? g_bytes_get_data(now, &now_size) : NULL;

    if (now_size != size || (size && memcmp(then, data, size) != 0))
        differ(self, "other %s", what);
}

static void
same_result(Replay *self, const NubResult *then, const NubResult *now)
{
    same_u64(self, "exit reason", then->exit_reason, now->exit_reason);
    same_u64(self, "exit argument", then->exit_arg, now->exit_arg);
    same_u64(self, "return value", then->return_value, now->return_value);
    same_u64(self, "gas remaining", then->gas_remaining, now->gas_remaining);
}

static void
same_regs(Replay *self, const guint64 *then, const guint64 *now)
{
    for (guint i = 0; i < NUB_N_REGS; i++) {
        g_autofree char *what = g_strdup_printf("register %u", i);
        same_u64(self, what, then[i], now[i]);
    }
}

/* ---- the directory and the calls ------------------------------------------------------------- */

static void
replay_change(Replay *self, const struct nub_frame *frame)
{
    g_autoptr(GBytes) wire = g_bytes_new_static(frame->bytes, frame->size);
    GError *error = NULL;
    NubHash hash = frame->hash;

    switch (frame->kind) {
    case NUB_RECORDING_PUT:
        nub_kernel_put_wire(self->kernel, wire, &hash, &error);
        break;
    case NUB_RECORDING_PUT_WITH_HASH:
        nub_kernel_put_wire_with_hash(self->kernel, &frame->hash, wire, &error);
        break;
    case NUB_RECORDING_DROP:
        nub_kernel_drop_cap(self->kernel, &frame->hash, &error);
        break;
    default:
        nub_kernel_set_state_root(self->kernel, &frame->hash, &error);
        break;
    }
    if (same_status(self, frame, error))
        same_hash(self, "hash", &frame->hash, &hash);
}

static void
replay_invoke_cached(Replay *self, const struct nub_frame *frame)
{
    NubResult result = { 0 };
    GError *error = NULL;

    nub_kernel_invoke_cached(self->kernel, &frame->hash, frame->endpoint, frame->args, frame->gas,
                             &result, &error);
    if (same_status(self, frame, error))
        same_result(self, &frame->result, &result);
}

static NubHostVerdict
play_host_call(NubHostCall *call, gpointer entry)
{
    const struct nub_host_entry *played = entry;

    return (NubHostVerdict)played->call(played->ctx, call);
}

/* The host table of a call: every number plays the tape. */
static NubHostTable *
host_table(struct tape *tape)
{
    const struct nub_host_table *table = tape_table(tape);
    NubHostTable *hosts = nub_host_table_new();

    for (guint32 i = 0; i < table->n_entries; i++)
        nub_host_table_add(hosts, table->entries[i].number, table->entries[i].price, play_host_call,
                           (gpointer)&table->entries[i], NULL);
    return hosts;
}

static NubCall *
call_of_frame(const struct nub_frame *frame)
{
    NubCall *call = nub_call_new(&frame->hash);

    nub_call_set_endpoint(call, frame->endpoint);
    nub_call_set_args(call, frame->args);
    nub_call_set_gas(call, frame->gas);
    nub_call_set_gas_model(call, frame->gas_model, frame->mem_cycles);
    if (frame->flags & NUB_CALL_INPUT) {
        g_autoptr(GBytes) input = g_bytes_new(frame->bytes, frame->size);
        nub_call_set_input(call, input);
    }
    if (frame->flags & NUB_CALL_OUTPUT)
        nub_call_set_want_output(call, TRUE, frame->max_output);
    nub_call_set_commit(call, (frame->flags & NUB_CALL_COMMIT) != 0);
    nub_call_set_advance(call, (frame->flags & NUB_CALL_ADVANCE) != 0);
    if (frame->flags & NUB_CALL_EXPECTED_HEAD)
        nub_call_set_expected_head(call, &frame->expected_head);
    if (frame->flags & NUB_CALL_REGS)
        nub_call_set_regs(call, frame->regs);
    return call;
}

static void
same_outcome(Replay *self, const struct nub_frame *frame, NubOutcome *outcome)
{
    g_autoptr(GBytes) output = nub_outcome_get_output(outcome);
    NubHash successor = { 0 };
    NubResult result;

    nub_outcome_get_result(outcome, &result);
    same_result(self, &frame->result, &result);
    nub_outcome_get_successor(outcome, &successor);
    same_hash(self, "successor", &frame->successor, &successor);
    same_bytes(self, "output", frame->output, frame->output_size, output);
}

static void
replay_call(Replay *self, const struct nub_frame *frame)
{
    g_autoptr(NubCall) call = call_of_frame(frame);
    g_autoptr(NubHostTable) hosts = frame->tape ? host_table(frame->tape) : NULL;
    GError *error = NULL;

    if (hosts) {
        tape_rewind(frame->tape);
        nub_call_set_host_table(call, hosts);
    }
    g_autoptr(NubOutcome) outcome = frame->kind == NUB_RECORDING_INVOKE
                                        ? nub_kernel_invoke(self->kernel, call, NULL, &error)
                                        : nub_kernel_resume(self->kernel, call, NULL, &error);
    const char *played = frame->tape ? tape_difference(frame->tape) : NULL;
    if (played) {
        g_clear_error(&error);
        differ(self, "%s", played);
    } else if (same_status(self, frame, error)) {
        same_outcome(self, frame, outcome);
    }
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void
replay_open(Replay *self, const struct nub_frame *frame)
{
    g_autoptr(NubCall) call = call_of_frame(frame);
    GError *error = NULL;
    NubSession *session = nub_kernel_open_session_for_call(self->kernel, call, &error);

    if (session)
        g_hash_table_insert(self->sessions, g_memdup2(&frame->session, sizeof frame->session),
                            session);
    same_status(self, frame, error);
}

static void
replay_run(Replay *self, NubSession *session, const struct nub_frame *frame)
{
    NubResult result = { 0 };
    guint64 regs[NUB_N_REGS] = { 0 }, gas = 0;
    guint32 pc = 0;
    GError *error = NULL;
    bool ok = nub_session_run(session, NULL, &result, &error) &&
              nub_session_get_regs(session, regs, &error) &&
              nub_session_get_pc(session, &pc, &error) &&
              nub_session_get_gas(session, &gas, &error);

    if (!same_status(self, frame, error) || !ok)
        return;
    same_result(self, &frame->result, &result);
    same_regs(self, frame->regs, regs);
    same_u64(self, "pc", frame->pc, pc);
    same_u64(self, "gas", frame->gas, gas);
}

static void
replay_commit(Replay *self, NubSession *session, const struct nub_frame *frame)
{
    NubHash successor = { 0 };
    GError *error = NULL;

    nub_session_commit(session, frame->advance != 0, &successor, &error);
    if (same_status(self, frame, error))
        same_hash(self, "successor", &frame->successor, &successor);
}

static void
replay_read(Replay *self, NubSession *session, const struct nub_frame *frame)
{
    GError *error = NULL;
    g_autoptr(GBytes) bytes = nub_session_read(session, frame->address, frame->length, &error);

    if (same_status(self, frame, error))
        same_bytes(self, "memory", frame->bytes, frame->size, bytes);
}

static void
replay_session(Replay *self, const struct nub_frame *frame)
{
    NubSession *session = g_hash_table_lookup(self->sessions, &frame->session);
    GError *error = NULL;

    if (!session) {
        differ(self, "session %" G_GUINT64_FORMAT " is not open", frame->session);
        return;
    }
    switch (frame->kind) {
    case NUB_RECORDING_RUN:
        replay_run(self, session, frame);
        return;
    case NUB_RECORDING_COMMIT:
        replay_commit(self, session, frame);
        return;
    case NUB_RECORDING_READ:
        replay_read(self, session, frame);
        return;
    case NUB_RECORDING_CLOSE:
        g_hash_table_remove(self->sessions, &frame->session);
        return;
    case NUB_RECORDING_SET_REGS:
        nub_session_set_regs(session, frame->regs, &error);
        break;
    case NUB_RECORDING_SET_PC:
        nub_session_set_pc(session, frame->pc, &error);
        break;
    case NUB_RECORDING_SET_GAS:
        nub_session_set_gas(session, frame->gas, &error);
        break;
    case NUB_RECORDING_WRITE:
        nub_session_write(session, frame->address, frame->bytes, frame->size, &error);
        break;
    default:
        nub_session_map(session, frame->address, frame->length, (NubMapAccess)frame->access,
                        &error);
        break;
    }
    same_status(self, frame, error);
}

/* ---- the whole recording --------------------------------------------------------------------- */

static void
replay_frame(Replay *self, const struct nub_frame *frame)
{
    if (nub_status_is_host_side(frame->status)) {
        self->skipped++;
        return;
    }
    self->compared++;
    switch (frame->kind) {
    case NUB_RECORDING_PUT:
    case NUB_RECORDING_PUT_WITH_HASH:
    case NUB_RECORDING_DROP:
    case NUB_RECORDING_SET_HEAD:
        replay_change(self, frame);
        break;
    case NUB_RECORDING_INVOKE_CACHED:
        replay_invoke_cached(self, frame);
        break;
    case NUB_RECORDING_INVOKE:
    case NUB_RECORDING_RESUME:
        replay_call(self, frame);
        break;
    case NUB_RECORDING_OPEN:
        replay_open(self, frame);
        break;
    default:
        replay_session(self, frame);
        break;
    }
}

/* The first frame says with which gas model the kernel was opened. */
static bool
replay_begin(Replay *self, const struct nub_frame *frame)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    g_autoptr(GError) error = NULL;

    if (!registry)
        return false;
    self->kernel = nub_registry_open_private(registry, backend, (NubGasModel)frame->gas_model,
                                             frame->mem_cycles, &error);
    if (!self->kernel)
        nub_cli_fail("%s", error->message);
    return self->kernel != NULL;
}

/* Plays the frames up to the end or the first difference; false when it could not be done. */
static bool
replay_all(Replay *self, const char *file, struct nub_recording *recording)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_frame frame;
    enum nub_status status;

    while (!self->difference &&
           (status = nub_recording_next(recording, &frame, &failure)) != NUB_ERR_NOT_FOUND) {
        if (status != NUB_OK) {
            nub_cli_fail("%s: %s", file, failure.message);
            return false;
        }
        self->frames++;
        bool ok = true;
        if (frame.kind == NUB_RECORDING_BEGIN && !self->kernel)
            ok = replay_begin(self, &frame);
        else if (frame.kind == NUB_RECORDING_BEGIN || !self->kernel)
            differ(self, "a recording has one begin, at its beginning");
        else
            replay_frame(self, &frame);
        if (self->difference) {
            g_autofree char *what = g_steal_pointer(&self->difference);
            self->difference = g_strdup_printf("frame %" G_GUINT64_FORMAT " (%s): %s", self->frames,
                                               nub_recording_kind_name(frame.kind), what);
        }
        nub_frame_clear(&frame);
        if (!ok)
            return false;
    }
    return true;
}

static void
print(const Replay *self)
{
    g_autoptr(JsonBuilder) builder = NULL;

    if (!nub_cli_values.json) {
        if (self->difference)
            printf("%s\n", self->difference);
        printf("%" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " compared, %" G_GUINT64_FORMAT
               " skipped: %s\n",
               self->frames, self->compared, self->skipped,
               self->difference ? "different" : "equal");
        return;
    }
    builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_bool(builder, "equal", !self->difference);
    nub_cli_json_string(builder, "difference", self->difference);
    nub_cli_json_u64(builder, "frames", self->frames);
    nub_cli_json_u64(builder, "compared", self->compared);
    nub_cli_json_u64(builder, "skipped", self->skipped);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static int
run(char **args)
{
    g_auto(Replay) self = { 0 };
    g_autoptr(GBytes) bytes = nub_cli_read(args[0]);
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_recording recording;
    gsize size;

    if (!bytes)
        return NUB_CLI_HOST;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    if (nub_recording_open(&recording, (struct nub_slice){ data, size }, &failure) != NUB_OK)
        return nub_cli_fail("%s: %s", args[0], failure.message);
    self.sessions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_object_unref);
    if (!replay_all(&self, args[0], &recording))
        return NUB_CLI_HOST;
    print(&self);
    return self.difference ? NUB_CLI_FAILED : NUB_CLI_OK;
}

static const GOptionEntry options[] = { { "backend", 'b', 0, G_OPTION_ARG_STRING, &backend,
                                          "The backend to run it on; the default one if absent",
                                          "NAME" },
                                        { NULL } };

const struct nub_cli_command nub_command_replay = {
    .name = "replay",
    .arguments = "FILE",
    .summary = "Run a recording again, without its host, and compare",
    .description =
        "FILE is what a backend of the module nub-record has written. Every call of it is made\n"
        "again, host calls being answered from the recording, and must end as it did. Calls that\n"
        "failed on the host's side (a deadline, no space) are skipped.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
