/* test-cancel.c - calls that are given up at any moment: nothing is lost and nothing leaks
 *
 * A counter is called to add one and move the head. Some calls would never end; another thread
 * cancels, deadlines pass, sessions are interrupted. After each call the head is where it was or
 * one further, as the call said, and the next call is taken at once. In the end the root is that of
 * a kernel which was never disturbed.
 */
#include "resident.h"
#include "state-test.h"

#include <string.h>
#include <unistd.h>

#define MEMORY 0x10000

/* Counts phi9 down to 0, adds one to the counter at [phi7], and returns what it is. */
static const guint8 code[] = {
    0x95, 0x99, 0xFF,       /* add_imm_64 phi9 = phi9 - 1 */
    0x52, 0x09, 0xFD,       /* branch_ne_imm phi9, 0, back to the first */
    0x82, 0x78, 0x00,       /* load_ind_u64 phi8, [phi7] */
    0x95, 0x88, 0x01,       /* add_imm_64 phi8 = phi8 + 1 */
    0x7B, 0x78, 0x00,       /* store_ind_u64 phi8, [phi7] */
    0x64, 0x87, 0x32, 0x00, /* move_reg phi7 = phi8; jump_ind phi0 */
};
static const guint8 bitmask[] = { 0x49, 0x92, 0x02 };

/* The last of it: move_reg is at 15, jump_ind at 17. */
G_STATIC_ASSERT(sizeof code == 19);

#define ENDLESS G_MAXUINT64

typedef struct {
    NubKernel *kernel;
    NubHash head;
    guint64 count;  /* calls that have gone through */
    guint given_up; /* calls that have not */
} Counter;

static void
counter_open(Counter *self, NubKernel *kernel)
{
    *self = (Counter){ .kernel = kernel };
    self->head = state_publish_code(kernel, code, sizeof code, bitmask, MEMORY, 4096);
    g_assert_true(nub_kernel_set_state_root(kernel, &self->head, NULL));
}

/* ---- the thread that cancels --------------------------------------------------------------- */

/* A session belongs to its caller, who waits until the blow has fallen before he closes it: closing
 * takes its turn behind a call that this thread may have to cancel first. */
typedef struct {
    GCancellable *cancellable; /* owned; this or that */
    NubSession *session;
    gulong delay_us;
    guint fallen; /* atomic, of a session's */
} Blow;

static gpointer
strike(gpointer data)
{
    GAsyncQueue *queue = data;
    Blow *blow;

    while ((blow = g_async_queue_pop(queue))->cancellable || blow->session) {
        g_usleep(blow->delay_us);
        if (blow->session) {
            nub_session_interrupt(blow->session);
            g_atomic_int_set(&blow->fallen, 1);
            continue;
        }
        g_cancellable_cancel(blow->cancellable);
        g_object_unref(blow->cancellable);
        g_free(blow);
    }
    g_free(blow);
    return NULL;
}

static gulong
some_delay(void)
{
    return (gulong)g_test_rand_int_range(0, 300);
}

static void
send_cancel(GAsyncQueue *queue, GCancellable *cancellable)
{
    Blow *blow = g_new0(Blow, 1);

    blow->cancellable = g_object_ref(cancellable);
    blow->delay_us = some_delay();
    g_async_queue_push(queue, blow);
}

/* ---- one call ------------------------------------------------------------------------------ */

/* The head has moved to the successor, which nothing else needs to hold. */
static void
advanced(Counter *self, const NubHash *successor)
{
    g_autoptr(GError) error = NULL;

    self->head = *successor;
    self->count++;
    nub_kernel_drop_cap(self->kernel, successor, &error);
    g_assert_no_error(error);
}

static void
assert_given_up(Counter *self, GError *error, gint code_wanted)
{
    g_assert_error(error, G_IO_ERROR, code_wanted);
    self->given_up++;
}

/* A call that adds one, unless it is given up first; with neither queue nor deadline it is not. */
static void
call_counter(Counter *self, guint64 turns, GAsyncQueue *queue, gboolean deadline)
{
    const guint64 args[4] = { MEMORY, 0, turns };
    g_autoptr(NubCall) call = nub_call_new(&self->head);
    g_autoptr(GCancellable) cancellable = queue ? g_cancellable_new() : NULL;
    g_autoptr(GError) error = NULL;
    NubHash successor;

    nub_call_set_args(call, args);
    nub_call_set_gas(call, NUB_GAS_MAX);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    nub_call_set_expected_head(call, &self->head);
    if (deadline)
        nub_call_set_deadline(call, g_get_monotonic_time() + g_test_rand_int_range(1, 300));
    if (queue)
        send_cancel(queue, cancellable);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(self->kernel, call, cancellable, &error);
    if (!outcome) {
        assert_given_up(self, error, deadline ? G_IO_ERROR_TIMED_OUT : G_IO_ERROR_CANCELLED);
        return;
    }
    g_assert_cmpuint(turns, !=, ENDLESS);
    g_assert_true(nub_outcome_get_successor(outcome, &successor));
    advanced(self, &successor);
}

/* The same in a session that is interrupted. */
static void
run_session(Counter *self, guint64 turns, GAsyncQueue *queue)
{
    const guint64 args[4] = { MEMORY, 0, turns };
    g_autoptr(GError) error = NULL;
    g_autoptr(NubSession) session =
        nub_kernel_open_session(self->kernel, &self->head, 0, args, NUB_GAS_MAX, &error);
    NubResult result;
    NubHash successor;

    g_assert_no_error(error);
    Blow blow = { .session = session, .delay_us = some_delay() };
    g_async_queue_push(queue, &blow);
    if (nub_session_run(session, NULL, &result, &error) &&
        nub_session_commit(session, TRUE, &successor, &error)) {
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        advanced(self, &successor);
    } else {
        assert_given_up(self, error, G_IO_ERROR_CANCELLED);
        g_assert_false(nub_session_commit(session, TRUE, &successor, NULL));
    }
    while (!g_atomic_int_get(&blow.fallen))
        g_usleep(10);
}

/* ---- what must not grow -------------------------------------------------------------------- */

static guint64
stat_of(NubKernel *kernel, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) stats = nub_kernel_stats(kernel, &error);
    guint64 value = 0;

    g_assert_no_error(error);
    g_assert_true(g_variant_lookup(stats, name, "t", &value));
    return value;
}

static guint
count_open_files(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    guint n = 0;

    while (g_dir_read_name(dir))
        n++;
    return n;
}

typedef struct {
    guint64 caps, caps_bytes, resident, guest;
    guint files;
} Footprint;

static Footprint
footprint_of(Counter *counter)
{
    NubHeapStats heap;

    return (Footprint){
        .caps = stat_of(counter->kernel, "nub_caps"),
        .caps_bytes = stat_of(counter->kernel, "nub_caps_bytes"),
        .resident = nub_test_resident(),
        .guest = nub_kernel_heap_stats(counter->kernel, &heap, NULL) ? heap.allocations : 0,
        .files = count_open_files(),
    };
}

static void
assert_no_growth(const Footprint *before, const Footprint *after)
{
    g_assert_cmpuint(after->caps, ==, before->caps);
    g_assert_cmpuint(after->caps_bytes, <=, before->caps_bytes + 4096);
    g_assert_cmpuint(after->files, ==, before->files);
    g_assert_cmpuint(after->guest, <=, before->guest + 16);
#ifndef __SANITIZE_ADDRESS__
    g_assert_cmpuint(after->resident, <=, before->resident + (8u << 20));
#endif
}

/* ---- the test ------------------------------------------------------------------------------ */

/* Until so many calls more have been given up. */
static void
disturb(Counter *counter, GAsyncQueue *queue, guint n)
{
    guint until = counter->given_up + n;
    NubHash root;

    for (guint i = 0; counter->given_up < until; i++) {
        guint64 turns = g_test_rand_bit() ? ENDLESS : (guint64)g_test_rand_int_range(1, 60000);
        switch (g_test_rand_int_range(0, 3)) {
        case 0:
            call_counter(counter, turns, queue, FALSE);
            break;
        case 1:
            call_counter(counter, turns, NULL, TRUE);
            break;
        default:
            run_session(counter, turns, queue);
            break;
        }
        g_assert_true(nub_kernel_state_root(counter->kernel, &root, NULL));
        state_assert_hash(&root, &counter->head);
        if (i % 16 == 0)
            call_counter(counter, 1, NULL, FALSE);
    }
}

static void
test_cancel(gconstpointer backend)
{
    g_autoptr(NubKernel) kernel = state_open(backend);
    g_autoptr(NubKernel) calm = kernel ? state_open("local") : NULL;
    g_autoptr(GAsyncQueue) queue = g_async_queue_new();
    guint n = state_times(400, 100000);
    Counter counter, undisturbed;

    if (!kernel)
        return;
    GThread *thread = g_thread_new("strike", strike, queue);
    counter_open(&counter, kernel);
    disturb(&counter, queue, n / 10 + 50);
    Footprint before = footprint_of(&counter);
    disturb(&counter, queue, n);
    Footprint after = footprint_of(&counter);
    g_async_queue_push(queue, g_new0(Blow, 1));
    g_thread_join(thread);
    g_test_message("%u calls given up, %" G_GUINT64_FORMAT " gone through", counter.given_up,
                   counter.count);
    assert_no_growth(&before, &after);
    counter_open(&undisturbed, calm);
    while (undisturbed.count < counter.count)
        call_counter(&undisturbed, 1, NULL, FALSE);
    state_assert_hash(&counter.head, &undisturbed.head);
}

int
main(int argc, char **argv)
{
    static const char *const backends[] = { "local", "jit", "kvm" };

    state_init(&argc, &argv);
    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        g_autofree char *path =
            g_strdup_printf("/state/cancel/%s/loses-and-leaks-nothing", backends[i]);
        g_test_add_data_func(path, backends[i], test_cancel);
    }
    return g_test_run();
}
