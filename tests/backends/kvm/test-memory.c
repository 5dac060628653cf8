/* test-memory.c - guest memory that is too small: what goes, what fails, and that nothing is left
 * of it */
#include "kvm-fixture.h"
#include "program.h"

/* 40 programs with 4 MiB each go through 64 MiB: the guest forgets and is given again. */
static void
test_more_than_fits(void)
{
    const struct nub_option memory = { "guest-memory", "67108864" };
    const uint64_t size = 4u << 20;
    g_autofree uint8_t *content = g_malloc0(size);
    struct nub_hash instances[40];
    struct nub_result result;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &memory, 1);
    for (uint64_t i = 0; i < 40; i++) {
        memcpy(content + 0x10000, &i, sizeof i);
        instances[i] = fixture_put_data_program(&f, &program_count, content, size);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 40; i++) {
            assert_ok(fixture_invoke(&f, &instances[i], NULL, 100000, &result), f.failure);
            g_assert_cmpuint(result.return_value, ==, i + 1);
        }
    }
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_sheds_total"), >, 0);
    fixture_close(&f);
}

/* A program that touches more than there is fails, and the next call is as if nothing had been. */
static void
test_touches_too_much(void)
{
    const struct nub_option memory = { "guest-memory", "67108864" };
    const uint64_t all[4] = { 0, 1u << 30, 0, 0 }, some[4] = { 0, 16u << 20, 0, 0 };
    struct nub_result result;
    struct nub_hash instance;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &memory, 1);
    instance = fixture_put_program(&f, &program_touch, 1u << 30);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(fixture_invoke(&f, &instance, all, 1u << 30, &result), ==,
                        NUB_ERR_NO_MEMORY);
        assert_ok(fixture_invoke(&f, &instance, some, 1u << 30, &result), f.failure);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(result.return_value, ==, 16u << 20);
    }
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 0);
    fixture_close(&f);
}

struct forgetting {
    struct fixture f;
    struct nub_hash instances[3];
    uint32_t stop;
};

static gpointer
shed_on_and_on(gpointer data)
{
    struct forgetting *forgetting = data;
    struct nub_failure failure;

    while (!__atomic_load_n(&forgetting->stop, __ATOMIC_ACQUIRE))
        assert_ok(nub_residence_shed(forgetting->f.kvm, &failure), failure);
    return NULL;
}

static gpointer
call_on_and_on(gpointer data)
{
    struct forgetting *forgetting = data;
    struct fixture mine = forgetting->f;
    struct nub_result result;

    for (unsigned i = 0; i < 500; i++) {
        assert_ok(fixture_invoke(&mine, &forgetting->instances[i % 3], NULL, 100000, &result),
                  mine.failure);
        g_assert_cmpuint(result.return_value, ==, 1);
    }
    return NULL;
}

/* A guest that is made to forget between being brought something and being asked for it has not
 * lied. */
static void
test_forgets_at_any_time(void)
{
    const struct nub_option lanes = { "lanes", "3" };
    struct forgetting forgetting = { .stop = 0 };
    GThread *callers[2], *shedders[2];

    if (!kvm_test_ready())
        return;
    fixture_open(&forgetting.f, &lanes, 1);
    for (unsigned i = 0; i < 3; i++)
        forgetting.instances[i] =
            fixture_put_program(&forgetting.f, &program_count, 0x12000 + i * NUB_PAGE_SIZE);
    for (unsigned i = 0; i < 2; i++)
        shedders[i] = g_thread_new("shedder", shed_on_and_on, &forgetting);
    for (unsigned i = 0; i < 2; i++)
        callers[i] = g_thread_new("caller", call_on_and_on, &forgetting);
    for (unsigned i = 0; i < 2; i++)
        g_thread_join(callers[i]);
    __atomic_store_n(&forgetting.stop, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 2; i++)
        g_thread_join(shedders[i]);
    g_assert_cmpuint(fixture_counter(&forgetting.f, "nub_guest_restarts_total"), ==, 0);
    fixture_close(&forgetting.f);
}

/* A session whose run found no memory half-way has changed some of its own: it is over. */
static void
test_session_touches_too_much(void)
{
    const struct nub_option memory = { "guest-memory", "67108864" };
    struct nub_session_args args = { .struct_size = sizeof args,
                                     .args = { 0, 1u << 30 },
                                     .gas = 1u << 30 };
    uint64_t regs[NUB_N_REGS];
    struct nub_hash successor;
    struct nub_result result;
    struct fixture f;
    void *session;
    uint8_t byte;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &memory, 1);
    args.instance = fixture_put_program(&f, &program_touch, 1u << 30);
    assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpint(f.ops->session_run(session, &result, &f.failure), ==, NUB_ERR_NO_MEMORY);
        g_assert_cmpint(f.ops->session_get_regs(session, regs, &f.failure), ==, NUB_ERR_NO_MEMORY);
        g_assert_cmpint(f.ops->session_read(session, 0, &byte, 1, &f.failure), ==,
                        NUB_ERR_NO_MEMORY);
        g_assert_cmpint(f.ops->session_commit(session, 0, &successor, &f.failure), ==,
                        NUB_ERR_NO_MEMORY);
    }
    f.ops->session_close(session);
    args.args[1] = 16u << 20;
    assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
    assert_ok(f.ops->session_run(session, &result, &f.failure), f.failure);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    f.ops->session_close(session);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 0);
    fixture_close(&f);
}

/* Nor is it over when what the host has written finds no memory: the program has not gone on, and
 * does once there is some. */
static void
test_session_waits_for_memory(void)
{
    const struct nub_option options[] = { { "guest-memory", "33554432" }, { "lanes", "1" } };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 1000 };
    const uint64_t size = 64 * NUB_PAGE_SIZE, count = 41;
    g_autofree uint8_t *bytes = g_malloc0(size);
    void *session, *filler;
    struct nub_result result;
    int32_t status = NUB_OK;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, options, 2);
    args.instance = fixture_put_program(&f, &program_count, 1u << 30);
    assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
    assert_ok(f.ops->session_open(f.backend, &args, &filler, &f.failure), f.failure);
    for (uint64_t at = 0; !status && at < 1u << 30; at += size)
        status = f.ops->session_write(filler, at, bytes, size, &f.failure);
    g_assert_cmpint(status, ==, NUB_ERR_NO_MEMORY);
    assert_ok(f.ops->session_write(session, 0x10000, &count, sizeof count, &f.failure), f.failure);
    for (unsigned i = 0; i < 2; i++)
        g_assert_cmpint(f.ops->session_run(session, &result, &f.failure), ==, NUB_ERR_NO_MEMORY);
    f.ops->session_close(filler);
    assert_ok(f.ops->session_run(session, &result, &f.failure), f.failure);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, ==, count + 1);
    f.ops->session_close(session);
    fixture_close(&f);
}

static struct nub_hash
put_fallthroughs(struct fixture *f, uint32_t size)
{
    const struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    g_autofree uint8_t *code = g_malloc(size), *mask = g_malloc(size / 8);
    struct nub_image_spec image = { .code = { code, size },
                                    .bitmask = { mask, size / 8 },
                                    .endpoints = &endpoint,
                                    .n_endpoints = 1 };
    struct nub_instance_spec instance = { .mem_size = 0 };

    memset(code, NUB_OP_FALLTHROUGH, size);
    memset(mask, 0xff, size / 8);
    g_autofree uint8_t *image_wire = g_malloc(nub_image_wire_size(&image));
    nub_image_encode(image_wire, &image);
    instance.image = fixture_put(f, image_wire, nub_image_wire_size(&image));
    g_autofree uint8_t *wire = g_malloc(nub_instance_wire_size(&instance));
    nub_instance_encode(wire, &instance);
    return fixture_put(f, wire, nub_instance_wire_size(&instance));
}

/* Code that compiling has no room for is named, and the next call is as if nothing had been. */
static void
test_compiling_takes_too_much(void)
{
    const struct nub_option memory = { "guest-memory", "67108864" };
    struct nub_hash large, small;
    struct nub_result result;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &memory, 1);
    large = put_fallthroughs(&f, 1u << 20);
    small = put_fallthroughs(&f, 1u << 12);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(fixture_invoke(&f, &large, NULL, 100000, &result), ==, NUB_ERR_NO_MEMORY);
        g_assert_nonnull(strstr(f.failure.message, "compiling 1048576 bytes of code can take 6"));
        assert_ok(fixture_invoke(&f, &small, NULL, 1000000, &result), f.failure);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_TRAP);
    }
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_restarts_total"), ==, 0);
    fixture_close(&f);
}

/* What was put, called and dropped leaves the heap as it was. */
static void
test_heap_returns(void)
{
    struct nub_heap_stats before = { .struct_size = sizeof before }, after = before;
    struct nub_result result;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct nub_hash instance = fixture_put_program(&f, &program_count, 0x11000);
        struct nub_bytes wire;
        assert_ok(fixture_invoke(&f, &instance, NULL, 100000, &result), f.failure);
        assert_ok(f.ops->get_cap(f.backend, &instance, &wire, &f.failure), f.failure);
        struct nub_cap cap;
        assert_ok(nub_cap_decode(&cap, (struct nub_slice){ wire.data, wire.size }, &f.failure),
                  f.failure);
        struct nub_hash image = *cap.u.instance.image;
        wire.release(&wire);
        assert_ok(f.ops->drop_cap(f.backend, &instance, &f.failure), f.failure);
        assert_ok(f.ops->drop_cap(f.backend, &image, &f.failure), f.failure);
        assert_ok(f.ops->heap_stats(f.backend, i == 0 ? &before : &after, &f.failure), f.failure);
    }
    g_assert_cmpuint(after.allocated_bytes, ==, before.allocated_bytes);
    g_assert_cmpuint(after.allocations, ==, before.allocations);
    g_assert_cmpuint(fixture_counter(&f, "nub_guest_caps"), ==, 0);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/memory/more-is-published-than-fits", test_more_than_fits);
    g_test_add_func("/kvm/memory/a-program-touches-too-much", test_touches_too_much);
    g_test_add_func("/kvm/memory/forgotten-at-any-time", test_forgets_at_any_time);
    g_test_add_func("/kvm/memory/a-session-that-touches-too-much-is-over",
                    test_session_touches_too_much);
    g_test_add_func("/kvm/memory/a-session-waits-for-memory", test_session_waits_for_memory);
    g_test_add_func("/kvm/memory/compiling-takes-too-much", test_compiling_takes_too_much);
    g_test_add_func("/kvm/memory/what-is-dropped-gives-its-heap-back", test_heap_returns);
    return kvm_test_run();
}
