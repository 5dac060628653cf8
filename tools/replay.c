/* replay.c - `nub replay`: runs a recording again, with no host, and compares
 *
 * Each frame is made again on a fresh kernel of the chosen backend, host calls being answered from
 * the tape; whatever the recorded backend answered must be answered again. Stops at the first
 * difference, since from there on the two runs are different ones.
 */
#include "replay-list.h"
#include "replay-player.h"

#include <stdio.h>

static char *backend;
static gboolean list;

/*
 * Plays the frames up to the end, the first difference or the first that is damaged; what is wrong
 * with that one goes to `damage`. False when it could not be done.
 */
static bool
replay_all(NubReplay *self, struct nub_recording *recording, guint64 *frames, char **damage)
{
    g_autoptr(NubRegistry) registry = nub_cli_registry();
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_frame frame;
    enum nub_status status;
    bool ok = registry != NULL;

    while (ok && !self->difference &&
           (status = nub_recording_next(recording, &frame, &failure)) != NUB_ERR_NOT_FOUND) {
        if (status != NUB_OK) {
            *damage = g_strdup(failure.message);
            return true;
        }
        ++*frames;
        if (!self->kernel)
            ok = nub_replay_begin(self, registry, backend, &frame);
        else
            nub_replay_frame(self, &frame);
        if (self->difference) {
            g_autofree char *what = g_steal_pointer(&self->difference);
            self->difference = g_strdup_printf("frame %" G_GUINT64_FORMAT " (%s): %s", *frames,
                                               nub_recording_kind_name(frame.kind), what);
        }
        nub_frame_clear(&frame);
    }
    return ok;
}

static void
print(const NubReplay *self, guint64 frames, const char *damage)
{
    g_autoptr(JsonBuilder) builder = NULL;

    if (!nub_cli_values.json) {
        if (self->difference)
            printf("%s\n", self->difference);
        printf("%s: %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT
               " compared, %" G_GUINT64_FORMAT " skipped: %s\n",
               nub_kernel_get_name(self->kernel), frames, self->compared, self->skipped,
               self->difference ? "different" : "equal");
        return;
    }
    builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_string(builder, "backend", nub_kernel_get_name(self->kernel));
    nub_cli_json_bool(builder, "equal", !self->difference);
    nub_cli_json_string(builder, "difference", self->difference);
    nub_cli_json_string(builder, "damage", damage);
    nub_cli_json_u64(builder, "frames", frames);
    nub_cli_json_u64(builder, "compared", self->compared);
    nub_cli_json_u64(builder, "skipped", self->skipped);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

static int
run(char **args)
{
    g_auto(NubReplay) self = { 0 };
    g_autoptr(GBytes) bytes = nub_cli_read(args[0]);
    g_autofree char *damage = NULL;
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_recording recording;
    guint64 frames = 0;
    gsize size;

    if (!bytes)
        return NUB_CLI_HOST;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    if (nub_recording_open(&recording, (struct nub_slice){ data, size }, &failure) != NUB_OK)
        return nub_cli_fail("%s: %s", args[0], failure.message);
    if (list)
        return nub_replay_list(args[0], &recording);
    if (!replay_all(&self, &recording, &frames, &damage))
        return NUB_CLI_HOST;
    if (!self.kernel)
        return nub_cli_fail("%s: %s", args[0], damage ? damage : "nothing is recorded in it");
    print(&self, frames, damage);
    if (damage)
        return nub_cli_fail("%s: %s; only the frames before that were made again", args[0], damage);
    return self.difference ? NUB_CLI_FAILED : NUB_CLI_OK;
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &backend,
      "The backend to run it on; the default one if absent", "NAME" },
    { "list", 'l', 0, G_OPTION_ARG_NONE, &list, "Only say what the recording holds", NULL },
    { NULL }
};

const struct nub_cli_command nub_command_replay = {
    .name = "replay",
    .arguments = "FILE",
    .summary = "Run a recording again, without its host, and compare",
    .description =
        "FILE is what a backend of the module nub-record has written. Every call of it is made\n"
        "again, host calls being answered from the recording, and must end as it did. Calls that\n"
        "failed on the host's side (a deadline, no space) are skipped. Of a file that is cut off\n"
        "or damaged what comes before that is compared, and the exit code is 3.\n"
        "Exit codes: 0 everything is answered as it was recorded, 1 something is not, 2 wrong "
        "usage,\n"
        "3 the host side failed. 'nub bisect' finds out where in a call it comes from.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
