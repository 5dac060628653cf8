/* test-kvm.c - the backend as a whole: opening, calls, ends that come from outside, memory,
 * restarts, fork */
#include "kvm-fixture.h"
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- opening ----------------------------------------------------------------------------- */

struct refusal {
    const char *path;
    struct nub_option option;
    enum nub_status status;
    const char *text;
};

static const struct refusal refusals[] = {
    { "no-device",
      { "device", "/nonexistent/kvm" },
      NUB_ERR_UNAVAILABLE,
      "/nonexistent/kvm: does not exist: " },
    { "not-kvm", { "device", "/dev/null" }, NUB_ERR_UNAVAILABLE, "is not KVM with API version 12" },
    { "no-image",
      { "guest-image", "/nonexistent/guest.elf" },
      NUB_ERR_UNAVAILABLE,
      "/nonexistent/guest.elf: guest image: No such file" },
    { "image-is-no-elf",
      { "guest-image", "/etc/passwd" },
      NUB_ERR_UNAVAILABLE,
      "/etc/passwd: is no ELF file" },
    { "image-is-a-folder",
      { "guest-image", "/etc" },
      NUB_ERR_UNAVAILABLE,
      "/etc: is no guest image" },
    { "too-little-memory",
      { "guest-memory", "1048576" },
      NUB_ERR_INVALID_ARGUMENT,
      "guest-memory: 1 MiB, at least 32" },
    { "too-much-memory",
      { "guest-memory", "1099511627776" },
      NUB_ERR_INVALID_ARGUMENT,
      "at most 32768" },
    { "no-lanes", { "lanes", "0" }, NUB_ERR_INVALID_ARGUMENT, "lanes: 0, must be 1 to 16" },
    { "too-many-lanes", { "lanes", "17" }, NUB_ERR_INVALID_ARGUMENT, "lanes: 17, must be 1 to 16" },
};

static void
test_refusal(gconstpointer data)
{
    const struct refusal *refusal = data;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    g_assert_cmpint(fixture_try_open(&f, &refusal->option, 1), ==, refusal->status);
    g_assert_nonnull(strstr(f.failure.message, refusal->text));
    g_assert_cmpint(f.failure.code, ==, refusal->status);
}

static void
test_no_permission(void)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp(NULL, &path, NULL), kvm_fd = -1, status = 0;
    pid_t child;

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fchmod(fd, 0), ==, 0);
    child = fork();
    if (child == 0) {
        /* root may open anything */
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        _exit(nub_kvm_open(&kvm_fd, path, &failure) == NUB_ERR_UNAVAILABLE &&
                      strstr(failure.message, "no permission")
                  ? 0
                  : 1);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    close(fd);
    unlink(path);
}

static int denied;

static int
deny_one(int kvm_fd, int capability)
{
    (void)kvm_fd;
    return capability == denied ? 0 : 1;
}

static void
test_missing_capability(void)
{
    struct nub_failure failure = { .struct_size = sizeof failure };

    denied = -1;
    g_assert_cmpint(nub_kvm_check(-1, deny_one, &failure), ==, NUB_OK);
    denied = 36; /* KVM_CAP_IOEVENTFD */
    g_assert_cmpint(nub_kvm_check(-1, deny_one, &failure), ==, NUB_ERR_UNAVAILABLE);
    g_assert_cmpstr(failure.message, ==, "this machine's KVM lacks KVM_CAP_IOEVENTFD");
}

/* ---- calls ------------------------------------------------------------------------------- */

static void
test_pure(void)
{
    struct nub_result result;
    struct nub_hash instance;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    instance = fixture_put_program(&f, &program_count, 0x11000);
    for (unsigned i = 0; i < 100; i++) {
        assert_ok(fixture_invoke(&f, &instance, NULL, 100000, &result), f.failure);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(result.return_value, ==, 1);
    }
    fixture_close(&f);
}

/* Windows of different instances on one lane do not see each other. */
static void
test_many_instances(void)
{
    struct nub_hash instances[100];
    struct nub_result result;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    for (unsigned i = 0; i < 100; i++)
        instances[i] = fixture_put_program(&f, &program_count, 0x11000 + 0x1000 * i);
    for (unsigned i = 0; i < 300; i++) {
        assert_ok(fixture_invoke(&f, &instances[i * 37 % 100], NULL, 100000, &result), f.failure);
        g_assert_cmpuint(result.return_value, ==, 1);
    }
    fixture_close(&f);
}

/* The empty program leaves phi7 and phi8 as they are, so its output is its input. */
static void
echo_once(struct fixture *f, const struct nub_hash *instance, const uint8_t *input, uint64_t size)
{
    const struct nub_call call = { .struct_size = sizeof call,
                                   .flags = NUB_CALL_INPUT | NUB_CALL_OUTPUT,
                                   .instance = *instance,
                                   .gas = 1000,
                                   .input = { input, size },
                                   .max_output = 1u << 24 };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };

    assert_ok(f->ops->invoke(f->backend, &call, &outcome, &f->failure), f->failure);
    g_assert_cmpuint(outcome.output_flag, ==, NUB_OUTPUT_NONE);
    g_assert_cmpmem(outcome.output.data, outcome.output.size, input, size);
    if (outcome.output.release)
        outcome.output.release(&outcome.output);
}

/* A session finds nothing of what calls and sessions before it had mapped, and leaves its own mess.
 */
static void
map_once(struct fixture *f, const struct nub_hash *instance, uint32_t access)
{
    const struct nub_session_args args = { .struct_size = sizeof args,
                                           .instance = *instance,
                                           .gas = 1000 };
    static const uint8_t zeros[8192];
    uint8_t bytes[8192];
    struct nub_result result;
    void *session;

    assert_ok(f->ops->session_open(f->backend, &args, &session, &f->failure), f->failure);
    g_assert_cmpint(f->ops->session_read(session, 0xFEFF0000, bytes, 1, &f->failure), ==,
                    NUB_ERR_NOT_MAPPED);
    assert_ok(f->ops->session_map(session, 0xFEFF0000, sizeof bytes, access, &f->failure),
              f->failure);
    assert_ok(f->ops->session_read(session, 0xFEFF0000, bytes, sizeof bytes, &f->failure),
              f->failure);
    g_assert_cmpmem(bytes, sizeof bytes, zeros, sizeof zeros);
    memset(bytes, 0xa5, sizeof bytes);
    assert_ok(f->ops->session_write(session, 0xFEFF0000, bytes, sizeof bytes, &f->failure),
              f->failure);
    assert_ok(f->ops->session_run(session, &result, &f->failure), f->failure);
    f->ops->session_close(session);
}

static void
test_echo(void)
{
    static const uint64_t sizes[] = { 5, 5, 8192, 8192, 0, 5, 4096, 4097, 300000, 12288, 8192 };
    g_autofree uint8_t *input = g_malloc(300000);
    struct nub_hash instance;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    instance = fixture_put_program(&f, &program_empty, 0);
    for (unsigned i = 0; i < 10 * G_N_ELEMENTS(sizes); i++) {
        for (unsigned k = 0; k < 300000; k++)
            input[k] = (uint8_t)(i + k * 7);
        echo_once(&f, &instance, input, sizes[i % G_N_ELEMENTS(sizes)]);
        if (i % 3 == 0)
            map_once(&f, &instance, i % 2 ? NUB_ACCESS_READ_ONLY : NUB_ACCESS_READ_WRITE);
    }
    fixture_close(&f);
}

struct caller {
    struct fixture *f;
    struct nub_hash instance;
};

static gpointer
call_often(gpointer data)
{
    struct caller *caller = data;
    struct fixture f = *caller->f;
    struct nub_result result;

    for (unsigned i = 0; i < 300; i++) {
        assert_ok(fixture_invoke(&f, &caller->instance, NULL, 100000, &result), f.failure);
        g_assert_cmpuint(result.return_value, ==, 1);
    }
    return NULL;
}

static void
test_threads(void)
{
    const struct nub_option lanes = { "lanes", "3" };
    struct caller callers[6];
    GThread *threads[6];
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &lanes, 1);
    for (unsigned i = 0; i < 6; i++)
        callers[i] = (struct caller){ &f, fixture_put_program(&f, &program_count,
                                                              0x11000 + 0x1000 * (i % 4)) };
    for (unsigned i = 0; i < 6; i++)
        threads[i] = g_thread_new("caller", call_often, &callers[i]);
    for (unsigned i = 0; i < 6; i++)
        g_thread_join(threads[i]);
    fixture_close(&f);
}

struct long_run {
    struct fixture f;
    void *session;
    uint32_t ended; /* atomic */
};

static gpointer
run_long(gpointer data)
{
    struct long_run *run = data;
    struct nub_result result;

    g_assert_cmpint(run->f.ops->session_run(run->session, &result, &run->f.failure), ==,
                    NUB_ERR_CANCELLED);
    __atomic_store_n(&run->ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* While one lane runs without end, calls are answered on the other. */
static void
test_parallel(void)
{
    const struct nub_option lanes = { "lanes", "2" };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = NUB_GAS_MAX };
    struct nub_hash instances[8];
    struct nub_result result;
    struct long_run run = { 0 };
    struct fixture f;
    GThread *thread;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &lanes, 1);
    args.instance = fixture_put_program(&f, &program_endless, 0);
    for (unsigned i = 0; i < 8; i++)
        instances[i] = fixture_put_program(&f, &program_count, 0x11000 + 0x1000 * i);
    run.f = f;
    assert_ok(f.ops->session_open(f.backend, &args, &run.session, &f.failure), f.failure);
    thread = g_thread_new("long", run_long, &run);
    g_usleep(20000);
    for (unsigned i = 0; i < 80; i++) {
        assert_ok(fixture_invoke(&f, &instances[i % 8], NULL, 100000, &result), f.failure);
        g_assert_cmpuint(result.return_value, ==, 1);
    }
    g_assert_cmpuint(__atomic_load_n(&run.ended, __ATOMIC_SEQ_CST), ==, 0);
    f.ops->session_interrupt(run.session);
    g_thread_join(thread);
    f.ops->session_close(run.session);
    fixture_close(&f);
}

/* What one thread of the stress test does: programs of its own come, run, are kept paused, and go.
 */
static void
live_once(struct fixture *f, uint64_t number)
{
    const uint64_t size = 1u << 20;
    g_autofree uint8_t *content = g_malloc0(size);
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 100000 };
    struct nub_hash successor, image;
    struct nub_result result;
    struct nub_bytes wire;
    struct nub_cap cap;
    void *session;

    memcpy(content + 0x10000, &number, sizeof number);
    args.instance = fixture_put_data_program(f, &program_count, content, size);
    assert_ok(f->ops->session_open(f->backend, &args, &session, &f->failure), f->failure);
    assert_ok(fixture_invoke(f, &args.instance, NULL, 100000, &result), f->failure);
    g_assert_cmpuint(result.return_value, ==, number + 1);
    assert_ok(f->ops->session_run(session, &result, &f->failure), f->failure);
    g_assert_cmpuint(result.return_value, ==, number + 1);
    assert_ok(f->ops->session_commit(session, 0, &successor, &f->failure), f->failure);
    assert_ok(f->ops->get_cap(f->backend, &args.instance, &wire, &f->failure), f->failure);
    assert_ok(nub_cap_decode(&cap, (struct nub_slice){ wire.data, wire.size }, &f->failure),
              f->failure);
    image = *cap.u.instance.image;
    wire.release(&wire);
    assert_ok(f->ops->drop_cap(f->backend, &args.instance, &f->failure), f->failure);
    assert_ok(fixture_invoke(f, &successor, NULL, 100000, &result), f->failure);
    g_assert_cmpuint(result.return_value, ==, number + 2);
    assert_ok(f->ops->drop_cap(f->backend, &successor, &f->failure), f->failure);
    assert_ok(f->ops->drop_cap(f->backend, &image, &f->failure), f->failure);
    f->ops->session_close(session);
}

static gpointer
live(gpointer data)
{
    const struct caller *caller = data;
    struct fixture f = *caller->f;

    for (uint64_t i = 0; i < 40; i++)
        live_once(&f, (uint64_t)caller->instance.bytes[0] << 32 | i);
    return NULL;
}

/* Four threads on two lanes, in so little memory that the guest is made to forget again and again.
 */
static void
test_stress(void)
{
    const struct nub_option options[] = { { "lanes", "2" }, { "guest-memory", "33554432" } };
    struct caller callers[4];
    GThread *threads[4];
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, options, 2);
    for (unsigned i = 0; i < 4; i++) {
        callers[i] = (struct caller){ &f, { { (uint8_t)i } } };
        threads[i] = g_thread_new("live", live, &callers[i]);
    }
    for (unsigned i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 0);
    g_assert_cmpuint(fixture_counter(&f, "nub_caps"), ==, 4 * 40); /* the Data, each put once */
    fixture_close(&f);
}

/* ---- ends that come from outside --------------------------------------------------------- */

static gpointer
interrupt_soon(gpointer session)
{
    g_usleep(20000);
    nub_kvm_session_interrupt(session);
    return NULL;
}

static void
test_interrupt(void)
{
    struct nub_session_args args = { .struct_size = sizeof args, .gas = NUB_GAS_MAX };
    struct nub_result result;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    args.instance = fixture_put_program(&f, &program_endless, 0);
    for (unsigned i = 0; i < 10; i++) {
        void *session;
        GThread *thread;
        assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
        thread = g_thread_new("interrupt", interrupt_soon, session);
        g_assert_cmpint(f.ops->session_run(session, &result, &f.failure), ==, NUB_ERR_CANCELLED);
        g_thread_join(thread);
        g_assert_cmpint(f.ops->session_run(session, &result, &f.failure), ==, NUB_ERR_CANCELLED);
        f.ops->session_close(session);
    }
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 0);
    fixture_close(&f);
}

static void
test_deadline(void)
{
    struct nub_call call = { .struct_size = sizeof call, .gas = NUB_GAS_MAX };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    struct fixture f;
    uint64_t begin;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    call.instance = fixture_put_program(&f, &program_endless, 0);
    begin = nub_monotonic_ns();
    call.deadline_ns = begin + 30000000;
    g_assert_cmpint(f.ops->invoke(f.backend, &call, &outcome, &f.failure), ==, NUB_ERR_TIMED_OUT);
    g_assert_cmpuint(nub_monotonic_ns(), >=, call.deadline_ns);
    g_assert_cmpuint(nub_monotonic_ns(), <, begin + 2000000000u);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 0);
    fixture_close(&f);
}

/* ---- lanes ------------------------------------------------------------------------------- */

static gpointer
take_the_first(gpointer kvm)
{
    struct nub_lane *lane;

    g_assert_cmpint(nub_lane_take(kvm, 0, &lane, NULL), ==, NUB_OK);
    nub_lane_give(lane);
    return lane;
}

/* Who found all lanes busy takes the first that is free, not the one that it would have liked. */
static void
test_takes_any_lane(void)
{
    const struct nub_option lanes = { "lanes", "2" };
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &lanes, 1);
    for (unsigned i = 0; i < 2; i++)
        pthread_mutex_lock(&f.kvm->guest.lanes[i].lock);
    GThread *thread = g_thread_new("taker", take_the_first, f.kvm);
    g_usleep(20000);
    pthread_mutex_unlock(&f.kvm->guest.lanes[1].lock);
    g_assert_true(g_thread_join(thread) == &f.kvm->guest.lanes[1]);
    pthread_mutex_unlock(&f.kvm->guest.lanes[0].lock);
    fixture_close(&f);
}

/* ---- restarts and fork ------------------------------------------------------------------- */

static void
test_restart(void)
{
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 100000 };
    struct nub_result result;
    struct nub_hash root;
    struct fixture f;
    void *session;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    fixture_warnings = 0;
    args.instance = fixture_put_program(&f, &program_count, 0x11000);
    assert_ok(f.ops->set_state_root(f.backend, &args.instance, &f.failure), f.failure);
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
        nub_guest_break(&f.kvm->guest, NUB_ERR_GUEST_LOST, "the test says so");
        /* what lived in it is lost, what is published is not */
        g_assert_cmpint(f.ops->session_run(session, &result, &f.failure), ==, NUB_ERR_GUEST_LOST);
        assert_ok(fixture_invoke(&f, &args.instance, NULL, 100000, &result), f.failure);
        g_assert_cmpuint(result.return_value, ==, 1);
        g_assert_cmpint(f.ops->session_run(session, &result, &f.failure), ==, NUB_ERR_GUEST_LOST);
        f.ops->session_close(session);
        assert_ok(f.ops->state_root(f.backend, &root, &f.failure), f.failure);
        g_assert_cmpmem(&root, sizeof root, &args.instance, sizeof root);
    }
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 5);
    g_assert_cmpuint(fixture_warnings, ==, 5);
    fixture_close(&f);
}

static void
test_fork(void)
{
    struct nub_result result;
    struct nub_hash instance;
    struct fixture f;
    int status = 0;
    pid_t child;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    instance = fixture_put_program(&f, &program_empty, 0);
    assert_ok(fixture_invoke(&f, &instance, NULL, 1000, &result), f.failure);
    child = fork();
    if (child == 0) {
        bool refused = fixture_invoke(&f, &instance, NULL, 1000, &result) == NUB_ERR_SYSTEM;
        fixture_close(&f);
        _exit(refused ? 0 : 1);
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_cmpint(status, ==, 0);
    assert_ok(fixture_invoke(&f, &instance, NULL, 1000, &result), f.failure);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path =
            g_strdup_printf("/kvm/open/refused-with-its-reason/%s", refusals[i].path);
        g_test_add_data_func(path, &refusals[i], test_refusal);
    }
    g_test_add_func("/kvm/open/refused-without-permission", test_no_permission);
    g_test_add_func("/kvm/open/a-missing-capability-is-named", test_missing_capability);
    g_test_add_func("/kvm/call/is-pure", test_pure);
    g_test_add_func("/kvm/call/instances-do-not-see-each-other", test_many_instances);
    g_test_add_func("/kvm/call/input-of-one-call-is-not-seen-by-the-next", test_echo);
    g_test_add_func("/kvm/call/from-more-threads-than-lanes", test_threads);
    g_test_add_func("/kvm/call/goes-on-beside-an-endless-run-on-another-lane", test_parallel);
    g_test_add_func("/kvm/call/threads-put-run-commit-and-drop", test_stress);
    g_test_add_func("/kvm/end/an-endless-session-is-interrupted", test_interrupt);
    g_test_add_func("/kvm/end/a-deadline-passes", test_deadline);
    g_test_add_func("/kvm/lanes/any-that-is-free", test_takes_any_lane);
    g_test_add_func("/kvm/restart/keeps-what-is-published", test_restart);
    g_test_add_func("/kvm/fork/the-child-is-refused-the-parent-goes-on", test_fork);
    return kvm_test_run();
}
