/* replay-player.c - one frame of a recording made again, and compared with what was recorded
 *
 * Host calls are answered from the tape. Whatever the recorded backend answered must be answered
 * again; the first thing that is not is the difference. See replay-player.h.
 */
#include "replay-player.h"

#include "bytes.h"
#include "failure.h"
#include "tape-hosts.h"

#include <string.h>

void
nub_replay_clear(NubReplay *self)
{
    g_clear_pointer(&self->sessions, g_hash_table_unref);
    g_clear_object(&self->kernel);
    g_clear_pointer(&self->difference, g_free);
}
static void G_GNUC_PRINTF(2, 3) differ(NubReplay *self, const char *format, ...)
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
same_status(NubReplay *self, const struct nub_frame *frame, GError *error)
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
same_u64(NubReplay *self, const char *what, guint64 then, guint64 now)
{
    if (then != now)
        differ(self,
               "%s 0x%" G_GINT64_MODIFIER "x was recorded, now it is 0x%" G_GINT64_MODIFIER "x",
               what, then, now);
}

static void
same_hash(NubReplay *self, const char *what, const NubHash *then, const NubHash *now)
{
    g_autofree char *a = nub_hash_to_string(then);
    g_autofree char *b = nub_hash_to_string(now);

    if (!nub_hash_equal(then, now))
        differ(self, "%s %s was recorded, now it is %s", what, a, b);
}

static void
same_bytes(NubReplay *self, const char *what, const guint8 *then, guint64 size, GBytes *now)
{
    gsize now_size = 0;
    const guint8 *data = now ? g_bytes_get_data(now, &now_size) : NULL;

    if (now_size != size || (size && memcmp(then, data, size) != 0))
        differ(self, "other %s", what);
}

static void
same_result(NubReplay *self, const NubResult *then, const NubResult *now)
{
    same_u64(self, "exit reason", then->exit_reason, now->exit_reason);
    same_u64(self, "exit argument", then->exit_arg, now->exit_arg);
    same_u64(self, "return value", then->return_value, now->return_value);
    same_u64(self, "gas remaining", then->gas_remaining, now->gas_remaining);
}

static void
same_regs(NubReplay *self, const guint64 *then, const guint64 *now)
{
    for (guint i = 0; i < NUB_N_REGS; i++) {
        g_autofree char *what = g_strdup_printf("register %u", i);
        same_u64(self, what, then[i], now[i]);
    }
}

/* ---- the directory and the calls ------------------------------------------------------------- */

static void
replay_change(NubReplay *self, const struct nub_frame *frame)
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
replay_invoke_cached(NubReplay *self, const struct nub_frame *frame)
{
    NubResult result = { 0 };
    GError *error = NULL;

    nub_kernel_invoke_cached(self->kernel, &frame->hash, frame->endpoint, frame->args, frame->gas,
                             &result, &error);
    if (same_status(self, frame, error))
        same_result(self, &frame->result, &result);
}

NubCall *
nub_replay_call(const struct nub_frame *frame)
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
same_outcome(NubReplay *self, const struct nub_frame *frame, NubOutcome *outcome)
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
replay_call(NubReplay *self, const struct nub_frame *frame)
{
    g_autoptr(NubCall) call = nub_replay_call(frame);
    g_autoptr(NubHostTable) hosts = frame->tape ? nub_tape_hosts(frame->tape) : NULL;
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
replay_open(NubReplay *self, const struct nub_frame *frame)
{
    g_autoptr(NubCall) call = nub_replay_call(frame);
    GError *error = NULL;
    NubSession *session = nub_kernel_open_session_for_call(self->kernel, call, &error);

    if (session)
        g_hash_table_insert(self->sessions, g_memdup2(&frame->session, sizeof frame->session),
                            session);
    same_status(self, frame, error);
}

static void
replay_run(NubReplay *self, NubSession *session, const struct nub_frame *frame)
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
replay_commit(NubReplay *self, NubSession *session, const struct nub_frame *frame)
{
    NubHash successor = { 0 };
    GError *error = NULL;

    nub_session_commit(session, frame->advance != 0, &successor, &error);
    if (same_status(self, frame, error))
        same_hash(self, "successor", &frame->successor, &successor);
}

static void
replay_read(NubReplay *self, NubSession *session, const struct nub_frame *frame)
{
    GError *error = NULL;
    g_autoptr(GBytes) bytes = nub_session_read(session, frame->address, frame->length, &error);

    if (same_status(self, frame, error))
        same_bytes(self, "memory", frame->bytes, frame->size, bytes);
}

bool
nub_replay_change_session(NubSession *session, const struct nub_frame *frame, GError **error)
{
    switch (frame->kind) {
    case NUB_RECORDING_SET_REGS:
        return nub_session_set_regs(session, frame->regs, error);
    case NUB_RECORDING_SET_PC:
        return nub_session_set_pc(session, frame->pc, error);
    case NUB_RECORDING_SET_GAS:
        return nub_session_set_gas(session, frame->gas, error);
    case NUB_RECORDING_WRITE:
        return nub_session_write(session, frame->address, frame->bytes, frame->size, error);
    case NUB_RECORDING_MAP:
        return nub_session_map(session, frame->address, frame->length, (NubMapAccess)frame->access,
                               error);
    default:
        return true;
    }
}

static void
replay_session(NubReplay *self, const struct nub_frame *frame)
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
        break;
    case NUB_RECORDING_COMMIT:
        replay_commit(self, session, frame);
        break;
    case NUB_RECORDING_READ:
        replay_read(self, session, frame);
        break;
    case NUB_RECORDING_CLOSE:
        g_hash_table_remove(self->sessions, &frame->session);
        break;
    default:
        nub_replay_change_session(session, frame, &error);
        same_status(self, frame, error);
        break;
    }
}

/* ---- any frame ------------------------------------------------------------------------------- */

void
nub_replay_frame(NubReplay *self, const struct nub_frame *frame)
{
    if (nub_status_is_host_side(frame->status)) {
        self->skipped++;
        return;
    }
    self->compared++;
    switch (frame->kind) {
    case NUB_RECORDING_BEGIN:
        differ(self, "a recording has one begin, at its beginning");
        break;
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

bool
nub_replay_begin(NubReplay *self, NubRegistry *registry, const char *backend,
                 const struct nub_frame *begin)
{
    g_autoptr(GError) error = NULL;

    if (begin->kind != NUB_RECORDING_BEGIN) {
        nub_cli_fail("a recording begins with the frame 'begin', not with '%s'",
                     nub_recording_kind_name(begin->kind));
        return false;
    }
    self->sessions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_object_unref);
    self->kernel = nub_registry_open_private(registry, backend, (NubGasModel)begin->gas_model,
                                             begin->mem_cycles, &error);
    if (!self->kernel)
        nub_cli_fail("%s", error->message);
    return self->kernel != NULL;
}
