/* test-derive.c - the request that makes a successor in the guest: what it costs, what it refuses
 */
#include "kvm-fixture.h"

/* One page changed at a time: neither bytes brought nor memory held grow with the instance. */
static void
test_costs_what_changed(void)
{
    struct nub_heap_stats before = { .struct_size = sizeof before }, after = before;
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    const uint64_t n_pages = 2048;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    struct nub_call call = { .struct_size = sizeof call,
                             .flags = NUB_CALL_COMMIT,
                             .instance = fixture_put_large(&f, n_pages),
                             .gas = 1000 };
    for (uint64_t i = 0; i < 40; i++) {
        if (i == 1)
            assert_ok(f.ops->heap_stats(f.backend, &before, &f.failure), f.failure);
        const uint64_t uploaded = fixture_counter(&f, "nub_guest_uploaded_bytes_total");
        call.args[0] = FIXTURE_LARGE_START + i * 37 % n_pages * NUB_PAGE_SIZE;
        call.args[1] = 1;
        assert_ok(f.ops->invoke(f.backend, &call, &outcome, &f.failure), f.failure);
        assert_ok(f.ops->drop_cap(f.backend, &call.instance, &f.failure), f.failure);
        call.instance = outcome.successor;
        if (i > 0)
            g_assert_cmpuint(fixture_counter(&f, "nub_guest_uploaded_bytes_total"), ==, uploaded);
    }
    assert_ok(f.ops->heap_stats(f.backend, &after, &f.failure), f.failure);
    /* the pages that changed, twice (the window's and the successor's), and lists */
    g_assert_cmpuint(after.allocated_bytes - before.allocated_bytes, <, 40 * 3 * NUB_PAGE_SIZE);
    fixture_close(&f);
}

/* An instance that fits once: when its pages would have to be copied together the guest gives up,
 * and the next call brings it. */
static void
test_fits_once(void)
{
    const struct nub_option memory = { "guest-memory", "33554432" };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    const uint64_t n_pages = 2000;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &memory, 1);
    struct nub_call call = { .struct_size = sizeof call,
                             .flags = NUB_CALL_COMMIT,
                             .instance = fixture_put_large(&f, n_pages),
                             .gas = 1000 };
    for (uint64_t i = 0; i < 500; i++) {
        call.args[0] = FIXTURE_LARGE_START + i * 7 % n_pages * NUB_PAGE_SIZE;
        call.args[1] = i + 1;
        assert_ok(f.ops->invoke(f.backend, &call, &outcome, &f.failure), f.failure);
        g_assert_cmpuint(outcome.result.return_value, ==, FIXTURE_LARGE_WORD + i + 1);
        assert_ok(f.ops->drop_cap(f.backend, &call.instance, &f.failure), f.failure);
        call.instance = outcome.successor;
    }
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_derived_total"), >, 400);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_uploads_total"), >, 3);
    fixture_close(&f);
}

/* ---- the request itself ------------------------------------------------------------------ */

/* What a host that is right never asks: each is refused, and nothing has changed. */
static const struct {
    const char *name;
    struct nub_packet_derive packet;
    struct nub_guest_change changes[3];
} refused[] = {
    { "not-in-order", { .n_changes = 2 }, { { 0x11000, 0 }, { 0x10000, 0 } } },
    { "a-page-twice", { .n_changes = 2 }, { { 0x10000, 0 }, { 0x10000, 1 } } },
    { "no-page", { .n_changes = 1 }, { { 0x10008, 0 } } },
    { "not-mapped", { .n_changes = 2 }, { { 0x10000, 0 }, { 0x80000000, 1 } } },
    { "no-such-phase", { .phase = 2 }, { { 0, 0 } } },
    { "too-much-gone", { .n_gone = NUB_DERIVE_GONE + 1 }, { { 0, 0 } } },
    { "too-many-changes", { .n_changes = NUB_DERIVE_CHANGES + 1 }, { { 0, 0 } } },
    { "no-such-session", { .session = 77 }, { { 0, 0 } } },
    { "a-session-that-is-closed", { .session = 1 }, { { 0, 0 } } },
};

static enum nub_status
derive(struct nub_machine *machine, const struct nub_packet_derive *packet,
       const struct nub_guest_change *changes)
{
    struct nub_lane *lane = &machine->kvm->guest.lanes[machine->lane];
    const struct nub_lane_call call = { .request = NUB_REQUEST_SESSION_DERIVE,
                                        .packet = packet,
                                        .packet_size = sizeof *packet,
                                        .limit_ns = machine->kvm->guest.watchdog_ns };
    NUB_LOCKED(&lane->lock);

    if (packet->n_changes > NUB_DERIVE_CHANGES) /* no room for such a list */
        return nub_lane_call(lane, &call, NULL);
    return nub_machine_derive_inlock(machine, packet, changes);
}

static void
test_refused(gconstpointer data)
{
    guint row = GPOINTER_TO_UINT(data);
    struct nub_guest_change changes[3];
    struct nub_packet_derive packet = refused[row].packet;
    struct nub_machine_args args = { 0 };
    struct nub_machine first, machine;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    args.instance = fixture_put_program(&f, &program_count, 0x12000);
    assert_ok(nub_machine_open(&first, f.kvm, &args, &f.failure), f.failure);
    assert_ok(nub_machine_open(&machine, f.kvm, &args, &f.failure), f.failure);
    g_assert_cmpuint(first.session, ==, 1);
    nub_machine_close(&first);
    machine.gas = 1000;
    assert_ok(nub_machine_run(&machine, NULL, &f.failure), f.failure);
    const uint64_t caps = fixture_counter(&f, "nub_guest_caps");
    memcpy(changes, refused[row].changes, sizeof refused[row].changes);
    packet.successor.bytes[0] = 1;
    const uint64_t session = machine.session;
    if (packet.session)
        machine.session = packet.session;
    packet.session = machine.session;
    packet.close = 1;
    g_assert_cmpint(derive(&machine, &packet, changes), ==, NUB_ERR_INVALID_ARGUMENT);
    machine.session = session;
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_caps"), ==, caps);
    /* the session has not been closed, and becomes its successor when asked rightly */
    packet = (struct nub_packet_derive){ .session = session, .n_changes = 1, .close = 1 };
    packet.successor.bytes[0] = 1;
    changes[0] = (struct nub_guest_change){ 0x10000, 0 };
    assert_ok(derive(&machine, &packet, changes), f.failure);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_caps"), ==, caps + 1);
    g_assert_cmpint(derive(&machine, &packet, changes), ==, NUB_ERR_INVALID_ARGUMENT);
    machine.closed = true;
    nub_machine_close(&machine);
    fixture_close(&f);
}

/* ---- locks -------------------------------------------------------------------------------- */

struct deriving {
    struct nub_machine *machine;
    struct nub_derivation derivation;
};

static gpointer
derive_there(gpointer data)
{
    struct deriving *deriving = data;

    nub_residence_derive(deriving->machine, &deriving->derivation);
    return NULL;
}

/* A commit whose lane somebody else has taken meanwhile, for as long as a run may last, keeps no
 * other lane from being brought what it is to run. */
static void
test_waits_alone(void)
{
    const struct nub_option options[] = { { "lanes", "2" }, { "wait", "sync" } };
    struct nub_machine_args args = { 0 };
    struct nub_machine machine;
    struct nub_result result;
    struct nub_hash other;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, options, 2);
    args.instance = fixture_put_program(&f, &program_count, 0x12000);
    assert_ok(nub_machine_open(&machine, f.kvm, &args, &f.failure), f.failure);
    machine.gas = 1000;
    assert_ok(nub_machine_run(&machine, NULL, &f.failure), f.failure);
    /* It becomes what it was, which the guest has forgotten but for this session. */
    assert_ok(nub_residence_shed(f.kvm, &f.failure), f.failure);
    struct deriving deriving = { &machine, { .successor = nub_book_pin(f.kvm, &args.instance) } };
    pthread_mutex_lock(&f.kvm->guest.lanes[machine.lane].lock);
    GThread *thread = g_thread_new("deriving", derive_there, &deriving);
    g_usleep(100000); /* it waits for the lane now, or the test sees less than it could */
    other = fixture_put_program(&f, &program_count, 0x13000);
    assert_ok(fixture_invoke(&f, &other, NULL, 1000, &result), f.failure);
    g_assert_cmpuint(result.return_value, ==, 1);
    g_assert_cmpuint(f.kvm->derived, ==, 0);
    pthread_mutex_unlock(&f.kvm->guest.lanes[machine.lane].lock);
    g_thread_join(thread);
    g_assert_cmpuint(f.kvm->derived, ==, 1);
    nub_machine_close(&machine);
    fixture_close(&f);
}

/* A list of changes that is too long for the request costs nothing but the successor's being
 * brought: what has left the book leaves the guest all the same. */
static void
test_too_much_changed(void)
{
    const uint64_t n_pages = NUB_DERIVE_CHANGES + 10;
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    struct nub_result result;
    struct nub_hash gone;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &(const struct nub_option){ "guest-memory", "536870912" }, 1);
    const struct nub_call call = { .struct_size = sizeof call,
                                   .flags = NUB_CALL_COMMIT,
                                   .instance = fixture_put_program(&f, &program_touch,
                                                                   (n_pages + 1) * NUB_PAGE_SIZE),
                                   .args = { 0, n_pages * NUB_PAGE_SIZE },
                                   .gas = 1u << 30 };
    gone = fixture_put_program(&f, &program_count, 0x12000);
    assert_ok(fixture_invoke(&f, &gone, NULL, 1000, &result), f.failure);
    assert_ok(fixture_invoke(&f, &call.instance, (uint64_t[4]){ 0 }, 1000, &result), f.failure);
    const uint64_t caps = fixture_counter(&f, "nub_guest_caps");
    assert_ok(f.ops->drop_cap(f.backend, &gone, &f.failure), f.failure);
    assert_ok(f.ops->invoke(f.backend, &call, &outcome, &f.failure), f.failure);
    g_assert_cmpuint(f.kvm->derived, ==, 0);
    assert_ok(nub_residence_settle(f.kvm, &f.failure), f.failure);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_caps"), ==, caps - 1);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/derive/costs-what-changed", test_costs_what_changed);
    g_test_add_func("/kvm/derive/an-instance-that-fits-once", test_fits_once);
    g_test_add_func("/kvm/derive/waits-alone-for-its-lane", test_waits_alone);
    g_test_add_func("/kvm/derive/more-changes-than-fit", test_too_much_changed);
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/derive/refuses/%s", refused[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_refused);
    }
    return kvm_test_run();
}
