/* bisect-cmd.c - `nub bisect`: where two backends part in a recorded call
 *
 * This file finds the call: the recording is played on both until one of them answers otherwise
 * than was recorded, or up to the call that was asked for. bisect.c has the search, bisect-report.c
 * the words.
 */
#include "bisect-report.h"
#include "bisect.h"
#include "cli.h"
#include "replay-player.h"

#include <stdio.h>

static char *name_a, *name_b, *wanted_call, *bundle_file;

/* ---- the recording --------------------------------------------------------------------------- */

static void
frame_free(gpointer frame)
{
    nub_frame_clear(frame);
    g_free(frame);
}

/*
 * Every frame up to the first that is damaged, of which a message and `*damaged` tell; NULL if
 * there is none before.
 */
static GPtrArray *
read_frames(const char *file, bool *damaged)
{
    g_autoptr(GPtrArray) frames = g_ptr_array_new_with_free_func(frame_free);
    g_autoptr(GBytes) bytes = nub_cli_read(file);
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_recording recording;
    gsize size;

    if (!bytes)
        return NULL;
    const guint8 *data = g_bytes_get_data(bytes, &size);
    enum nub_status status =
        nub_recording_open(&recording, (struct nub_slice){ data, size }, &failure);
    while (status == NUB_OK) {
        struct nub_frame *frame = g_new0(struct nub_frame, 1);
        g_ptr_array_add(frames, frame);
        status = nub_recording_next(&recording, frame, &failure);
    }
    if (frames->len > 0) /* the last one was not read */
        g_ptr_array_set_size(frames, (gint)frames->len - 1);
    *damaged = status != NUB_ERR_NOT_FOUND;
    if (*damaged || frames->len == 0)
        nub_cli_fail("%s: %s", file, failure.message);
    return frames->len > 0 ? g_steal_pointer(&frames) : NULL;
}

static const struct nub_frame *
frame_at(const GPtrArray *frames, guint i)
{
    return frames->pdata[i];
}

/* ---- the two backends ------------------------------------------------------------------------ */

typedef struct {
    GPtrArray *frames;
    NubRegistry *registry;
    NubReplay replays[2];
} Sides;

static void
sides_clear(Sides *sides)
{
    for (guint i = 0; i < 2; i++)
        nub_replay_clear(&sides->replays[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sides, sides_clear)

/* Fresh kernels; false with a message. */
static bool
sides_begin(Sides *sides)
{
    const char *const names[2] = { name_a, name_b };

    for (guint i = 0; i < 2; i++) {
        nub_replay_clear(&sides->replays[i]);
        sides->replays[i] = (NubReplay){ 0 };
        if (!nub_replay_begin(&sides->replays[i], sides->registry, names[i],
                              frame_at(sides->frames, 0)))
            return false;
    }
    return true;
}

/* Plays up to the frame `end`, whatever is answered. */
static bool
sides_play_to(Sides *sides, guint end)
{
    if (!sides_begin(sides))
        return false;
    for (guint i = 1; i < end; i++)
        for (guint side = 0; side < 2; side++)
            nub_replay_frame(&sides->replays[side], frame_at(sides->frames, i));
    return true;
}

/* The first frame that either answers otherwise than was recorded, and how; the number of frames:
 * none. */
static guint
sides_find_difference(Sides *sides, char **difference)
{
    for (guint i = 1; i < sides->frames->len; i++) {
        for (guint side = 0; side < 2; side++)
            nub_replay_frame(&sides->replays[side], frame_at(sides->frames, i));
        const char *a = sides->replays[0].difference, *b = sides->replays[1].difference;
        if (!a && !b)
            continue;
        *difference = g_strdup_printf("%s: %s", a ? name_a : name_b, a ? a : b);
        return i;
    }
    return sides->frames->len;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* The last run of a session up to frame `i`; 0: there is none. */
static guint
last_run(const GPtrArray *frames, guint64 session, guint i)
{
    for (; i > 0; i--)
        if (frame_at(frames, i)->session == session &&
            frame_at(frames, i)->kind == NUB_RECORDING_RUN)
            return i;
    return 0;
}

/* The call that frame `i` is, or that it looks at the outcome of; 0: no call. */
static guint
call_of(const GPtrArray *frames, guint i)
{
    switch (frame_at(frames, i)->kind) {
    case NUB_RECORDING_INVOKE_CACHED:
    case NUB_RECORDING_INVOKE:
    case NUB_RECORDING_RESUME:
        return i;
    case NUB_RECORDING_RUN:
    case NUB_RECORDING_READ:
    case NUB_RECORDING_COMMIT:
        return last_run(frames, frame_at(frames, i)->session, i);
    default:
        return 0;
    }
}

/* The frame at which the session of a run was opened. */
static guint
open_of(const GPtrArray *frames, guint run)
{
    guint i = run;

    while (i > 0 && !(frame_at(frames, i)->kind == NUB_RECORDING_OPEN &&
                      frame_at(frames, i)->session == frame_at(frames, run)->session))
        i--;
    return i;
}

/* What it takes to make the call in frame `i`; `*prepared`: the frames before that one come first.
 */
static bool
find_call(const GPtrArray *frames, guint i, NubBisectCall *call, guint *prepared)
{
    const struct nub_frame *frame = frame_at(frames, i);

    *prepared = frame->kind == NUB_RECORDING_RUN ? open_of(frames, i) : i;
    if (*prepared == 0)
        return false;
    call->frame = frame;
    call->open = frame_at(frames, *prepared);
    call->before = g_ptr_array_new();
    for (guint k = *prepared + 1; k < i; k++)
        if (frame_at(frames, k)->session == frame->session)
            g_ptr_array_add(call->before, (gpointer)frame_at(frames, k));
    return true;
}

/* The kernel's, unless the call names its own. */
static void
find_model(NubBisectCall *call, NubKernel *kernel)
{
    call->model =
        call->open->gas_model ? call->open->gas_model : (guint32)nub_kernel_get_gas_model(kernel);
    call->mem_cycles =
        call->open->mem_cycles ? call->open->mem_cycles : nub_kernel_get_mem_cycles(kernel);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* The side file of --program, if the call runs that image; false with a message. */
static bool
load_names(const NubHash *instance, NubKernel *kernel, NubDebug **debug)
{
    NubHash root, image, ours;

    *debug = NULL;
    if (!bundle_file)
        return true;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(bundle_file);
    if (!bundle)
        return false;
    NubCap *cap = nub_bundle_get_root(bundle);
    g_autoptr(NubCap) called = nub_kernel_get_cap(kernel, instance, NULL);
    nub_cap_get_hash(cap, &root);
    if (!called || !nub_cap_get_image(cap, &image) || !nub_cap_get_image(called, &ours) ||
        !nub_hash_equal(&image, &ours)) {
        nub_cli_fail("%s: not the program that the call runs", bundle_file);
        return false;
    }
    *debug = nub_debug_load(bundle_file, &root);
    if (!*debug)
        nub_cli_fail("%s: there is no side file of it", bundle_file);
    return *debug != NULL;
}

/*
 * Searches a call on kernels that are ready for it, and reports; `*beginning`, if it is not NULL,
 * becomes true instead where the machines differ before the call runs.
 */
static int
bisect_call(const Sides *sides, const NubBisectCall *call, NubBisectReport *report, bool *beginning)
{
    g_auto(NubProgram) program = { 0 };
    NubKernel *const kernels[2] = { sides->replays[0].kernel, sides->replays[1].kernel };
    const NubBisectSide a = { name_a, kernels[0], call, &program };
    const NubBisectSide b = { name_b, kernels[1], call, &program };
    g_auto(NubBisect) bisect = { 0 };
    g_autoptr(NubDebug) debug = NULL;
    GError *error = NULL;

    if (!nub_program_find(&program, kernels[0], &call->open->hash, &error))
        return nub_cli_fail_error(error);
    if (!load_names(&call->open->hash, kernels[0], &debug))
        return NUB_CLI_HOST;
    if (!nub_bisect_search(&bisect, &a, &b, &error))
        return nub_cli_fail_error(error);
    if (beginning && bisect.found == NUB_BISECT_BEGINNING) {
        *beginning = true;
        return NUB_CLI_FAILED;
    }
    report->bisect = &bisect;
    report->debug = debug;
    (nub_cli_values.json ? nub_bisect_report_print_json : nub_bisect_report_print)(report);
    return bisect.found == NUB_BISECT_EQUAL && !report->difference ? NUB_CLI_OK : NUB_CLI_FAILED;
}

static void
print_no_call(guint64 frame, const char *kind, const char *difference)
{
    g_autoptr(JsonBuilder) builder = NULL;

    if (!nub_cli_values.json) {
        if (difference)
            printf("frame        %" G_GUINT64_FORMAT
                   " (%s): %s\nit is no call: nothing runs in it\n",
                   frame, kind, difference);
        else
            printf("%" G_GUINT64_FORMAT " frames: equal\n", frame);
        return;
    }
    builder = json_builder_new();
    json_builder_begin_object(builder);
    nub_cli_json_bool(builder, "equal", !difference);
    nub_cli_json_u64(builder, difference ? "frame" : "frames", frame);
    if (difference) {
        nub_cli_json_string(builder, "kind", kind);
        nub_cli_json_string(builder, "difference", difference);
    }
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}

/*
 * Makes both backends ready for the call in frame `i` and searches it. Machines of a session that
 * differ before a run have parted in one before that, where nobody looked.
 */
static int
bisect_frame(Sides *sides, guint i, NubBisectReport *report)
{
    int status = NUB_CLI_FAILED;
    bool beginning;

    do {
        NubBisectCall call = { 0 };
        guint64 session = frame_at(sides->frames, i)->session;
        guint prepared, earlier = session ? last_run(sides->frames, session, i - 1) : 0;
        beginning = false;
        if (!find_call(sides->frames, i, &call, &prepared))
            return nub_cli_fail("frame %u: its session was never opened", i + 1);
        report->run = i + 1;
        status = NUB_CLI_HOST;
        if (sides_play_to(sides, prepared)) {
            find_model(&call, sides->replays[0].kernel);
            status = bisect_call(sides, &call, report, earlier ? &beginning : NULL);
        }
        g_ptr_array_unref(call.before);
        i = earlier;
    } while (beginning);
    return status;
}

static int
run(char **args)
{
    g_auto(Sides) sides = { 0 };
    g_autofree char *difference = NULL;
    guint32 wanted = 0;
    bool damaged;

    if (!name_a)
        name_a = g_strdup("local");
    if (!name_b)
        return nub_cli_usage("--b NAME is missing: which backend is in doubt?");
    if (wanted_call && !nub_cli_parse_u32("--call", wanted_call, &wanted))
        return NUB_CLI_USAGE;
    g_autoptr(GPtrArray) frames = read_frames(args[0], &damaged);
    g_autoptr(NubRegistry) registry = frames ? nub_cli_registry() : NULL;
    sides.frames = frames;
    sides.registry = registry;
    if (!registry)
        return NUB_CLI_HOST;
    if (wanted_call && (wanted < 2 || wanted > frames->len || !call_of(frames, wanted - 1)))
        return nub_cli_usage("--call: frame %u of %s is no call", wanted, args[0]);
    guint i = wanted - 1;
    if (!wanted_call && !sides_begin(&sides))
        return NUB_CLI_HOST;
    if (!wanted_call)
        i = sides_find_difference(&sides, &difference);
    if (i == frames->len) {
        print_no_call(frames->len, NULL, NULL);
        return damaged ? NUB_CLI_HOST : NUB_CLI_OK; /* what comes behind is not known */
    }
    NubBisectReport report = { .frame = i + 1,
                               .kind = nub_recording_kind_name(frame_at(frames, i)->kind),
                               .difference = difference };
    guint call = call_of(frames, i);
    if (call == 0) {
        print_no_call(report.frame, report.kind, difference);
        return NUB_CLI_FAILED;
    }
    return bisect_frame(&sides, call, &report);
}

static const GOptionEntry options[] = {
    { "a", 'a', 0, G_OPTION_ARG_STRING, &name_a, "The backend that is right (default: local)",
      "NAME" },
    { "b", 'b', 0, G_OPTION_ARG_STRING, &name_b, "The backend that is in doubt", "NAME" },
    { "call", 0, 0, G_OPTION_ARG_STRING, &wanted_call,
      "The call in this frame, as 'nub replay' counts them (default: the first that differs)",
      "N" },
    { "program", 'p', 0, G_OPTION_ARG_FILENAME, &bundle_file,
      "The bundle that was run, for names and lines from its side file", "FILE.nub" },
    { NULL }
};

const struct nub_cli_command nub_command_bisect = {
    .name = "bisect",
    .arguments = "FILE",
    .summary = "Find the instruction at which two backends part in a recorded call",
    .description =
        "FILE is what a backend of the module nub-record has written. It is played on both\n"
        "backends to the first call that one of them answers otherwise. That call is made again,\n"
        "with less gas each time, until the block is found before which both machines are equal,\n"
        "registers, pc, gas and memory, and after which they are not; then the instruction in it.\n"
        "Exit codes: 0 no difference, 1 there is one, 2 wrong usage, 3 the host side failed.",
    .shared = NUB_CLI_CONFIG | NUB_CLI_JSON,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
