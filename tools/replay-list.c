/* replay-list.c - what a recording holds, frame by frame
 *
 * Numbers are those that `nub replay` and `nub bisect` use. Nothing is run.
 */
#include "replay-list.h"

#include "cli.h"
#include "gas.h"

#include <stdio.h>

static bool
has_result(const struct nub_frame *frame)
{
    return frame->status == NUB_OK &&
           (frame->kind == NUB_RECORDING_INVOKE_CACHED || frame->kind == NUB_RECORDING_INVOKE ||
            frame->kind == NUB_RECORDING_RESUME || frame->kind == NUB_RECORDING_RUN);
}

/* "kvm, pipeline, mem-cycles 25"; free with g_free() */
static char *
describe_begin(const struct nub_frame *frame)
{
    g_autofree char *name = g_strndup((const char *)frame->bytes, frame->size);
    g_autofree char *printable = g_utf8_make_valid(name, -1);
    const char *model = nub_gas_model_name(frame->gas_model);

    return g_strdup_printf("%s, %s, mem-cycles %u", printable, model ? model : "?",
                           frame->mem_cycles);
}

static char *
describe(const struct nub_frame *frame)
{
    GString *text = g_string_new(NULL);

    if (frame->session)
        g_string_append_printf(text, " session %" G_GUINT64_FORMAT, frame->session);
    if (!nub_hash_is_zero(&frame->hash)) {
        g_autofree char *hash = nub_hash_to_string(&frame->hash);
        g_string_append_printf(text, " %s", hash);
    }
    if (frame->kind == NUB_RECORDING_BEGIN) {
        g_autofree char *begin = describe_begin(frame);
        g_string_append_printf(text, " %s", begin);
    } else if (frame->status != NUB_OK) {
        g_string_append_printf(text, " %s", nub_status_name((int32_t)frame->status));
    } else if (has_result(frame)) {
        g_string_append_printf(text, " %s, value 0x%" G_GINT64_MODIFIER "x",
                               nub_exit_reason_to_string(frame->result.exit_reason),
                               frame->result.return_value);
    }
    return g_string_free(text, FALSE);
}

static void
add_frame(JsonBuilder *builder, guint64 number, const struct nub_frame *frame)
{
    json_builder_begin_object(builder);
    nub_cli_json_u64(builder, "frame", number);
    nub_cli_json_string(builder, "kind", nub_recording_kind_name(frame->kind));
    nub_cli_json_string(builder, "status", nub_status_name((int32_t)frame->status));
    if (frame->session)
        nub_cli_json_u64(builder, "session", frame->session);
    if (!nub_hash_is_zero(&frame->hash))
        nub_cli_json_hash(builder, "hash", &frame->hash);
    if (has_result(frame)) {
        nub_cli_json_string(builder, "exit_reason",
                            nub_exit_reason_to_string(frame->result.exit_reason));
        nub_cli_json_u64(builder, "return_value", frame->result.return_value);
        nub_cli_json_u64(builder, "gas_remaining", frame->result.gas_remaining);
    }
    json_builder_end_object(builder);
}

int
nub_replay_list(const char *file, struct nub_recording *recording)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    g_autoptr(JsonBuilder) builder = json_builder_new();
    struct nub_frame frame;
    enum nub_status status;

    json_builder_begin_array(builder);
    for (guint64 n = 1; (status = nub_recording_next(recording, &frame, &failure)) == NUB_OK; n++) {
        g_autofree char *text = describe(&frame);
        if (nub_cli_values.json)
            add_frame(builder, n, &frame);
        else
            printf("%5" G_GUINT64_FORMAT "  %-17s%s\n", n, nub_recording_kind_name(frame.kind),
                   text);
        nub_frame_clear(&frame);
    }
    json_builder_end_array(builder);
    if (nub_cli_values.json)
        nub_cli_json_print(builder);
    fflush(stdout);
    return status == NUB_ERR_NOT_FOUND ? NUB_CLI_OK : nub_cli_fail("%s: %s", file, failure.message);
}
