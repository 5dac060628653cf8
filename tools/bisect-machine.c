/* bisect-machine.c - one recorded call as a machine that can be stopped anywhere
 *
 * Memory is compared by what the machines commit to, which costs what they touched; only where that
 * is not to be had (after a trap, with input laid) or differs, byte by byte. See bisect-machine.h.
 */
#include "bisect-machine.h"

#include "bytes.h"
#include "cap.h"
#include "judge.h"
#include "replay-player.h"

#include <string.h>

enum { CHUNK = 1 << 20 };

/* ---- beginning ------------------------------------------------------------------------------- */

static bool
is_session(const NubBisectCall *call)
{
    return call->open != call->frame;
}

/* Everything that the host did to the session, or, with `maps_only`, what pages it gave. */
static bool
play_before(NubSession *session, const NubBisectCall *call, bool maps_only, GError **error)
{
    for (guint i = 0; i < call->before->len; i++) {
        const struct nub_frame *frame = call->before->pdata[i];
        NubResult result;
        if (frame->status != NUB_OK || (maps_only && frame->kind != NUB_RECORDING_MAP))
            continue;
        bool ok = frame->kind == NUB_RECORDING_RUN
                      ? nub_session_run(session, NULL, &result, error)
                      : nub_replay_change_session(session, frame, error);
        if (!ok)
            return false;
    }
    return true;
}

static bool
lay_input(NubSession *session, const struct nub_frame *frame, GError **error)
{
    if (!(frame->flags & NUB_CALL_INPUT))
        return true;
    g_autoptr(GBytes) input = g_bytes_new_static(frame->bytes, frame->size);
    return nub_hosted_lay_input(session, input, error);
}

/* A session at the beginning, in the call's model (NUB_GAS_DEFAULT) or another. */
static NubSession *
open_session(const NubBisectSide *side, guint32 model, GError **error)
{
    const NubBisectCall *call = side->call;
    g_autoptr(NubCall) asked = nub_replay_call(call->open);

    nub_call_set_gas_model(asked, model ? model : call->model, call->mem_cycles);
    g_autoptr(NubSession) session = nub_kernel_open_session_for_call(side->kernel, asked, error);
    bool ok = session && (is_session(call) ? play_before(session, call, model != 0, error)
                                           : lay_input(session, call->frame, error));
    if (ok && call->frame->kind == NUB_RECORDING_RESUME && call->frame->flags & NUB_CALL_REGS)
        ok = nub_session_set_regs(session, call->frame->regs, error);
    return ok ? g_steal_pointer(&session) : NULL;
}

static bool
look(NubHosted *run, GError **error)
{
    return nub_session_get_regs(run->session, run->regs, error) &&
           nub_session_get_pc(run->session, &run->pc, error);
}

/* Takes the error. */
static void
fail(NubBisectMachine *machine, GError *error)
{
    machine->failure = g_strdup(error->message);
    g_error_free(error);
}

void
nub_bisect_open(NubBisectMachine *machine, const NubBisectSide *side)
{
    const NubBisectCall *call = side->call;
    NubHosted *run = &machine->run;
    GError *error = NULL;

    *machine = (NubBisectMachine){ 0 };
    run->program = &side->program->program;
    run->gas = MIN(call->frame->gas, (guint64)NUB_GAS_MAX);
    run->at_limit = true;
    if (call->frame->tape) {
        tape_rewind(call->frame->tape);
        run->hosts = tape_table(call->frame->tape);
    }
    run->session = open_session(side, NUB_GAS_DEFAULT, &error);
    if (!run->session || !look(run, &error) ||
        (is_session(call) && !nub_session_get_gas(run->session, &run->gas, &error)))
        fail(machine, error);
}

void
nub_bisect_run(NubBisectMachine *machine, guint64 limit)
{
    GError *error = NULL;

    if (!machine->failure && !nub_hosted_run(&machine->run, limit, &error))
        fail(machine, error);
}

void
nub_bisect_clear(NubBisectMachine *machine)
{
    nub_hosted_clear(&machine->run);
    g_clear_pointer(&machine->failure, g_free);
}

/* ---- what memory there is -------------------------------------------------------------------- */

struct range {
    guint64 start, size;
};

static void
add_range(GArray *ranges, guint64 start, guint64 size)
{
    struct range range = { start, size };

    if (size)
        g_array_append_val(ranges, range);
}

static void
add_image(GArray *ranges, NubCap *image)
{
    struct nub_mapping mapping;
    struct nub_cap cap;
    gsize size;
    const guint8 *wire = g_bytes_get_data(nub_cap_get_wire(image), &size);

    if (nub_cap_decode(&cap, (struct nub_slice){ wire, size }, NULL) != NUB_OK)
        return;
    for (guint32 i = 0; i < cap.u.image.n_mappings; i++) {
        nub_image_mapping(&cap.u.image, i, &mapping);
        add_range(ranges, mapping.start, mapping.size);
    }
}

static void
add_instance(GArray *ranges, NubKernel *kernel, const NubHash *hash)
{
    g_autoptr(NubCap) instance = nub_kernel_get_cap(kernel, hash, NULL);
    struct nub_overlay piece;
    struct nub_cap cap;
    guint32 cursor = 0;
    gsize size;

    if (!instance)
        return;
    const guint8 *wire = g_bytes_get_data(nub_cap_get_wire(instance), &size);
    if (nub_cap_decode(&cap, (struct nub_slice){ wire, size }, NULL) != NUB_OK ||
        cap.kind != NUB_CAP_INSTANCE)
        return;
    add_range(ranges, 0, cap.u.instance.mem_size);
    while (nub_instance_next_piece(&cap.u.instance, &cursor, &piece))
        add_range(ranges, piece.start, piece.bytes.size);
}

static gint
compare_ranges(gconstpointer a, gconstpointer b)
{
    const struct range *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* Everything that may be mapped in the call: sorted, apart, in pieces that can be read at once. */
static GArray *
list_ranges(const NubBisectSide *side)
{
    const NubBisectCall *call = side->call;
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct range));
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(struct range));
    guint64 done = 0;

    add_image(all, side->program->image);
    add_instance(all, side->kernel, &call->open->hash);
    if (!is_session(call) && call->frame->flags & NUB_CALL_INPUT)
        add_range(all, NUB_INPUT_ADDRESS,
                  (call->frame->size + NUB_PAGE_SIZE - 1) / NUB_PAGE_SIZE * NUB_PAGE_SIZE);
    for (guint i = 0; call->before && i < call->before->len; i++) {
        const struct nub_frame *frame = call->before->pdata[i];
        if (frame->kind == NUB_RECORDING_MAP && frame->status == NUB_OK)
            add_range(all, frame->address, frame->length);
    }
    g_array_sort(all, compare_ranges);
    for (guint i = 0; i < all->len; i++) {
        struct range *range = &g_array_index(all, struct range, i);
        guint64 end = range->start + range->size;
        for (guint64 at = MAX(done, range->start); at < end; at += CHUNK)
            add_range(pieces, at, MIN(CHUNK, end - at));
        done = MAX(done, end);
    }
    return pieces;
}

/* ---- beginning like another ------------------------------------------------------------------ */

static bool
copy_memory(NubSession *to, NubSession *from, const NubBisectSide *side, GError **error)
{
    g_autoptr(GArray) ranges = list_ranges(side);

    for (guint i = 0; i < ranges->len; i++) {
        const struct range *range = &g_array_index(ranges, struct range, i);
        g_autoptr(GBytes) theirs = nub_session_read(from, range->start, range->size, error);
        g_autoptr(GBytes) ours =
            theirs ? nub_session_read(to, range->start, range->size, error) : NULL;
        if (!ours)
            return false;
        const guint8 *bytes = g_bytes_get_data(theirs, NULL), *old = g_bytes_get_data(ours, NULL);
        for (guint64 page = 0; page < range->size; page += NUB_PAGE_SIZE)
            if (memcmp(bytes + page, old + page, NUB_PAGE_SIZE) != 0 &&
                !nub_session_write(to, range->start + page, bytes + page, NUB_PAGE_SIZE, error))
                return false;
    }
    return true;
}

void
nub_bisect_open_like(NubBisectMachine *machine, const NubBisectSide *side, NubBisectMachine *from)
{
    NubHosted *run = &machine->run;
    GError *error = NULL;

    *machine = (NubBisectMachine){ 0 };
    run->program = &side->program->program;
    run->gas = NUB_GAS_MAX;
    run->at_limit = true;
    run->session = open_session(side, NUB_GAS_INSTRUCTION, &error);
    if (!run->session || !copy_memory(run->session, from->run.session, side, &error) ||
        !nub_session_set_regs(run->session, from->run.regs, &error) ||
        !nub_session_set_pc(run->session, from->run.pc, &error) || !look(run, &error))
        fail(machine, error);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* What the machine commits to; false where there is nothing. The kernel is left as it was. */
static bool
commit(NubBisectMachine *machine, NubKernel *kernel, NubHash *successor)
{
    if (!nub_session_commit(machine->run.session, FALSE, successor, NULL) ||
        nub_hash_is_zero(successor))
        return false;
    nub_kernel_drop_cap(kernel, successor, NULL);
    return true;
}

static void
count_bytes(const guint8 *a, const guint8 *b, const struct range *range,
            NubBisectDifference *difference)
{
    for (guint64 i = 0; i < range->size; i++) {
        if (a[i] == b[i])
            continue;
        if (difference->bytes++ == 0)
            difference->address = range->start + i;
    }
}

static void
compare_bytes(NubBisectMachine *a, NubBisectMachine *b, const NubBisectSide *side,
              NubBisectDifference *difference)
{
    g_autoptr(GArray) ranges = list_ranges(side);

    for (guint i = 0; i < ranges->len; i++) {
        const struct range *range = &g_array_index(ranges, struct range, i);
        g_autoptr(GBytes) x = nub_session_read(a->run.session, range->start, range->size, NULL);
        g_autoptr(GBytes) y = nub_session_read(b->run.session, range->start, range->size, NULL);
        if (!x != !y && difference->bytes == 0) {
            difference->mapping = true;
            difference->address = range->start;
            difference->bytes = range->size;
        }
        if (!x || !y)
            continue;
        const guint8 *data_x = g_bytes_get_data(x, NULL), *data_y = g_bytes_get_data(y, NULL);
        if (memcmp(data_x, data_y, range->size) != 0)
            count_bytes(data_x, data_y, range, difference);
    }
}

/* `same_state`: all but memory is the same, so equal memory commits to the same Instance. */
static void
compare_memory(NubBisectMachine *a, NubBisectMachine *b, const NubBisectSide *side_a,
               const NubBisectSide *side_b, bool same_state, NubBisectDifference *difference)
{
    NubHash hash_a, hash_b;
    bool committed =
        same_state && commit(a, side_a->kernel, &hash_a) && commit(b, side_b->kernel, &hash_b);

    if (committed && nub_hash_equal(&hash_a, &hash_b))
        return;
    compare_bytes(a, b, side_a, difference);
    difference->successor = committed && difference->bytes == 0;
}

bool
nub_bisect_differ(NubBisectMachine *a, NubBisectMachine *b, const NubBisectSide *side_a,
                  const NubBisectSide *side_b, bool whole, NubBisectDifference *difference)
{
    const NubHosted *x = &a->run, *y = &b->run;

    *difference = (NubBisectDifference){ 0 };
    if (a->failure || b->failure) {
        difference->failure = g_strcmp0(a->failure, b->failure) != 0;
        return difference->failure;
    }
    difference->exit = x->result.exit_reason != y->result.exit_reason ||
                       x->result.exit_arg != y->result.exit_arg || x->failed != y->failed ||
                       x->at_limit != y->at_limit;
    difference->pc = x->pc != y->pc;
    difference->gas = x->gas != y->gas;
    for (guint i = 0; i < NUB_N_REGS; i++)
        difference->regs |= (guint32)(x->regs[i] != y->regs[i]) << i;
    bool state = difference->exit || difference->pc || difference->gas || difference->regs;
    if (!state || whole)
        compare_memory(a, b, side_a, side_b, !state, difference);
    return state || difference->bytes || difference->successor;
}

bool
nub_bisect_word(NubBisectMachine *machine, guint64 address, guint64 *word)
{
    g_autoptr(GBytes) bytes =
        machine->run.session ? nub_session_read(machine->run.session, address, 8, NULL) : NULL;

    if (bytes)
        *word = nub_le64(g_bytes_get_data(bytes, NULL));
    return bytes != NULL;
}
