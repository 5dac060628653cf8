/* test-lane.c - requests to a bare guest, with each way of running the vCPU */
#include "kvm-test.h"

static const char *const wait_names[] = { "adaptive", "sync", "poll" };

static uint64_t
smoke(struct nub_lane *lane, uint64_t value)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_packet_smoke packet = { .value = value };
    const struct nub_lane_call call = { .request = NUB_REQUEST_SMOKE,
                                        .packet = &packet,
                                        .packet_size = sizeof packet,
                                        .reply = &packet,
                                        .reply_size = sizeof packet,
                                        .limit_ns = 5000000000u };

    pthread_mutex_lock(&lane->lock);
    assert_ok(nub_lane_call(lane, &call, &failure), failure);
    pthread_mutex_unlock(&lane->lock);
    g_assert_cmpuint(packet.cpl, ==, 3);
    return packet.value;
}

static void
test_hello(gconstpointer data)
{
    struct kvm_test t;

    if (!kvm_test_ready())
        return;
    kvm_test_start(&t, (enum nub_wait)GPOINTER_TO_INT(data), 1);
    for (uint64_t i = 0; i < 2000; i++)
        g_assert_cmpuint(smoke(&t.guest.lanes[0], i), ==, i + 1);
    /* The guest has gone to sleep meanwhile. */
    for (uint64_t i = 0; i < 20; i++) {
        g_usleep(1000);
        g_assert_cmpuint(smoke(&t.guest.lanes[0], i), ==, i + 1);
    }
    kvm_test_stop(&t);
}

static gpointer
lane_thread(gpointer data)
{
    for (uint64_t i = 0; i < 500; i++)
        g_assert_cmpuint(smoke(data, i), ==, i + 1);
    return NULL;
}

static void
test_lanes(gconstpointer data)
{
    GThread *threads[4];
    struct kvm_test t;

    if (!kvm_test_ready())
        return;
    kvm_test_start(&t, (enum nub_wait)GPOINTER_TO_INT(data), 4);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = g_thread_new("lane", lane_thread, &t.guest.lanes[i]);
    for (unsigned i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    kvm_test_stop(&t);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int i = 0; i < 3; i++) {
        g_autofree char *hello =
            g_strdup_printf("/kvm/lane/a-guest-answers-from-cpl3/%s", wait_names[i]);
        g_autofree char *lanes =
            g_strdup_printf("/kvm/lane/four-lanes-answer-in-parallel/%s", wait_names[i]);
        g_test_add_data_func(hello, GINT_TO_POINTER(i), test_hello);
        g_test_add_data_func(lanes, GINT_TO_POINTER(i), test_lanes);
    }
    return kvm_test_run();
}
