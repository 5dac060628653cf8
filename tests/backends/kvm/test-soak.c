/* test-soak.c - many calls, kicks and restarts end with the right answers and nothing grown
 *
 * `--soak` makes it the long run of ./dev soak: 10^6 calls, 10^4 kicks, 10^3 restarts. */
#include "kvm-fixture.h"
#include "resident.h"
#include <dirent.h>
#include <stdio.h>

static unsigned n_calls = 20000, n_kicks = 100, n_restarts = 20;

/* ---- what must not grow ------------------------------------------------------------------ */

struct size {
    unsigned descriptors, threads;
    uint64_t resident; /* pages */
    uint64_t heap;     /* of the guest, bytes */
};

static unsigned
entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    g_assert_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static struct size
measure(struct fixture *f)
{
    struct nub_heap_stats stats = { .struct_size = sizeof stats };
    struct size size = { 0 };

    assert_ok(f->ops->heap_stats(f->backend, &stats, &f->failure), f->failure);
    size.descriptors = entries("/proc/self/fd");
    size.threads = entries("/proc/self/task");
    size.resident = nub_test_resident() / NUB_PAGE_SIZE;
    size.heap = stats.allocated_bytes;
    return size;
}

static void
assert_same_size(struct fixture *f, const struct size *before)
{
    struct size after = measure(f);

    g_assert_cmpuint(after.descriptors, ==, before->descriptors);
    g_assert_cmpuint(after.threads, ==, before->threads);
    g_assert_cmpuint(after.heap, ==, before->heap);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
    /* huge pages come and go */
    g_assert_cmpuint(after.resident, <, before->resident + (16u << 20) / 4096);
#endif
}

/* ---- the runs ---------------------------------------------------------------------------- */

static void
count_once(struct fixture *f, const struct nub_hash *instance)
{
    struct nub_result result;

    assert_ok(fixture_invoke(f, instance, NULL, 100000, &result), f->failure);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, 1);
}

static void
test_calls(void)
{
    struct nub_hash instances[7];
    struct size size;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    for (unsigned i = 0; i < 7; i++) {
        instances[i] = fixture_put_program(&f, &program_count, 0x11000 + 0x1000 * i);
        count_once(&f, &instances[i]);
    }
    size = measure(&f);
    for (unsigned i = 0; i < n_calls; i++)
        count_once(&f, &instances[i / 100 % 7]);
    assert_same_size(&f, &size);
    fixture_close(&f);
}

static gpointer
kick(gpointer session)
{
    g_usleep(200);
    nub_kvm_session_interrupt(session);
    return NULL;
}

/* A session that would run for ever is interrupted, and the guest goes on as it was. */
static void
kick_once(struct fixture *f, const struct nub_hash *endless)
{
    const struct nub_session_args args = { .struct_size = sizeof args,
                                           .instance = *endless,
                                           .gas = NUB_GAS_MAX };
    struct nub_result result;
    GThread *thread;
    void *session;

    assert_ok(f->ops->session_open(f->backend, &args, &session, &f->failure), f->failure);
    thread = g_thread_new("kick", kick, session);
    g_assert_cmpint(f->ops->session_run(session, &result, &f->failure), ==, NUB_ERR_CANCELLED);
    g_thread_join(thread);
    f->ops->session_close(session);
}

static void
test_kicks(void)
{
    struct nub_hash endless, instance;
    struct size size;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    endless = fixture_put_program(&f, &program_endless, 0);
    instance = fixture_put_program(&f, &program_count, 0x11000);
    kick_once(&f, &endless);
    count_once(&f, &instance);
    size = measure(&f);
    for (unsigned i = 0; i < n_kicks; i++) {
        kick_once(&f, &endless);
        count_once(&f, &instance);
    }
    assert_same_size(&f, &size);
    fixture_close(&f);
}

static void
test_restarts(void)
{
    struct nub_hash instance;
    struct size size;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    instance = fixture_put_program(&f, &program_count, 0x11000);
    count_once(&f, &instance);
    size = measure(&f);
    for (unsigned i = 0; i < n_restarts; i++) {
        /* every other time the guest finds its own variables gone, and panics */
        if (i % 2 == 0)
            memset(f.kvm->guest.vm.memory + NUB_GUEST_DATA, 0, 0x8000);
        else
            nub_guest_break(&f.kvm->guest, NUB_ERR_GUEST_LOST, "the test says so");
        struct nub_result result;
        if (i % 2 == 0)
            g_assert_cmpint(fixture_invoke(&f, &instance, NULL, 100000, &result), ==,
                            NUB_ERR_GUEST_CORRUPT);
        count_once(&f, &instance);
    }
    assert_same_size(&f, &size);
    fixture_close(&f);
}

/* Opening and closing backends. */
static void
test_opens(void)
{
    struct fixture f, other;
    struct size size;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    fixture_open(&other, NULL, 0);
    fixture_close(&other);
    size = measure(&f);
    for (unsigned i = 0; i < n_restarts; i++) {
        fixture_open(&other, NULL, 0);
        struct nub_hash instance = fixture_put_program(&other, &program_count, 0x11000);
        count_once(&other, &instance);
        fixture_close(&other);
    }
    assert_same_size(&f, &size);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc > 1 && g_str_equal(argv[1], "--soak")) {
        n_calls = 1000000;
        n_kicks = 10000;
        n_restarts = 1000;
    }
    g_test_add_func("/kvm/soak/calls", test_calls);
    g_test_add_func("/kvm/soak/kicks", test_kicks);
    g_test_add_func("/kvm/soak/restarts", test_restarts);
    g_test_add_func("/kvm/soak/opens", test_opens);
    return kvm_test_run();
}
