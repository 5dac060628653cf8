/* test-chains.c - successors that the guest makes itself, against what the interpreter says
 *
 * Long random chains: calls, sessions and paused machines that write pages, put them back to what
 * they are without an overlay, map ranges; rollbacks to earlier states; a guest that forgets or is
 * replaced in between. After each step local, kvm and jit must have given the same name, and pure
 * calls the same results. */
#include "kvm-fixture.h"
#include <dlfcn.h>

#define DATA_START 0x10000u /* a page of content that the image gives */
#define DATA_PAGES 4u
#define LOW_PAGES  128u      /* below mem_size */
#define FAR_START  0x400000u /* above it: memory only where there is an overlay */
#define FAR_PAGES  64u
#define KEPT       12u

/* Backends that must agree. */
enum { LOCAL, KVM, JIT, N_BACKENDS };

struct trio {
    const struct nub_backend_ops *ops[N_BACKENDS];
    void *backend[N_BACKENDS];
    struct fixture kvm;
    GRand *rand;
    struct nub_hash kept[KEPT]; /* each with one put everywhere; the last is the present one */
    guint n_kept;
};

static void
open_module(struct trio *p, guint i, const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/modules/nub-%s.so", NUB_BUILD_DIR, name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct nub_create_args args = {
        .struct_size = sizeof args, .gas_model = NUB_GAS_PIPELINE, .mem_cycles = 25, .name = name
    };

    g_assert_nonnull(handle);
    p->ops[i] = ((nub_plugin_entry_fn)(uintptr_t)dlsym(handle, NUB_PLUGIN_ENTRY))()->ops;
    assert_ok(p->ops[i]->create(&args, &p->backend[i], &p->kvm.failure), p->kvm.failure);
}

/* Returns what all have given. */
static struct nub_hash
agreed(const struct nub_hash hash[N_BACKENDS])
{
    for (guint i = 1; i < N_BACKENDS; i++)
        g_assert_cmpmem(&hash[i], sizeof hash[i], &hash[0], sizeof hash[0]);
    return hash[0];
}

static struct nub_hash
put(struct trio *p, const uint8_t *wire, uint64_t size)
{
    struct nub_hash hash[N_BACKENDS];

    for (guint i = 0; i < N_BACKENDS; i++)
        assert_ok(p->ops[i]->put_cap(p->backend[i], (struct nub_slice){ wire, size }, &hash[i],
                                     &p->kvm.failure),
                  p->kvm.failure);
    return agreed(hash);
}

static struct nub_hash
put_image(struct trio *p)
{
    g_autofree uint8_t *content = g_malloc0(DATA_PAGES * NUB_PAGE_SIZE);
    g_autofree uint8_t *wire = g_malloc(nub_data_wire_size(DATA_PAGES * NUB_PAGE_SIZE));

    for (guint i = 0; i < DATA_PAGES; i++)
        content[i * NUB_PAGE_SIZE] = (uint8_t)(i + 1);
    nub_data_encode(wire, (struct nub_slice){ content, DATA_PAGES * NUB_PAGE_SIZE });
    const struct nub_slot_entry slots[2] = {
        { .slot = 0, .cap = put(p, wire, nub_data_wire_size(DATA_PAGES * NUB_PAGE_SIZE)) },
        { .slot = 1, .cap = slots[0].cap },
    };
    const struct nub_mapping mappings[2] = {
        { .start = DATA_START, .size = DATA_PAGES * NUB_PAGE_SIZE, .n_source = 1, .source = { 0 } },
        { .start = DATA_START + 0x10000, .size = 0x2000, .n_source = 1, .source = { 1 } },
    };
    const struct nub_endpoint endpoint = { .initial_regs = { NUB_HALT_ADDRESS } };
    const struct nub_image_spec spec = { .code = { program_add.code, program_add.size },
                                         .bitmask = { program_add.mask, 2 },
                                         .endpoints = &endpoint,
                                         .n_endpoints = 1,
                                         .mappings = mappings,
                                         .n_mappings = 2,
                                         .initial = &slots[0],
                                         .n_initial = 1,
                                         .pinned = &slots[1],
                                         .n_pinned = 1 };
    g_autofree uint8_t *image = g_malloc(nub_image_wire_size(&spec));

    nub_image_encode(image, &spec);
    return put(p, image, nub_image_wire_size(&spec));
}

/* An instance with some overlays, among them one that the first commit drops. */
static void
start_chain(struct trio *p, const struct nub_hash *image)
{
    g_autofree uint8_t *bytes = g_malloc0(16 * NUB_PAGE_SIZE);
    const struct nub_overlay overlays[] = {
        { .start = 0x40000, .bytes = { bytes, 16 * NUB_PAGE_SIZE } },
        { .start = FAR_START + 8 * NUB_PAGE_SIZE, .bytes = { bytes, 4 * NUB_PAGE_SIZE } },
    };
    const struct nub_instance_spec spec = { .image = *image,
                                            .overlays = overlays,
                                            .n_overlays = 2,
                                            .mem_size = LOW_PAGES * NUB_PAGE_SIZE };
    g_autofree uint8_t *wire = g_malloc(nub_instance_wire_size(&spec));

    for (guint i = 0; i < 16; i++)
        bytes[i * NUB_PAGE_SIZE + 8] = (uint8_t)(i % 5); /* every fifth page is as without it */
    nub_instance_encode(wire, &spec);
    p->kept[0] = put(p, wire, nub_instance_wire_size(&spec));
    p->n_kept = 1;
}

static void
open_all(struct trio *p, const struct nub_option *options, uint32_t n, guint seed)
{
    *p = (struct trio){ .rand = g_rand_new_with_seed(seed) };
    fixture_open(&p->kvm, options, n);
    p->ops[KVM] = p->kvm.ops;
    p->backend[KVM] = p->kvm.backend;
    open_module(p, LOCAL, "local");
    open_module(p, JIT, "jit");
    const struct nub_hash image = put_image(p);
    start_chain(p, &image);
}

static void
close_all(struct trio *p)
{
    fixture_close(&p->kvm);
    p->ops[LOCAL]->destroy(p->backend[LOCAL]);
    p->ops[JIT]->destroy(p->backend[JIT]);
    g_rand_free(p->rand);
}

static const struct nub_hash *
present(const struct trio *p)
{
    return &p->kept[p->n_kept - 1];
}

/* A new present state; the oldest is dropped when there are many. */
static void
step_to(struct trio *p, const struct nub_hash *hash)
{
    if (p->n_kept == KEPT) {
        for (guint i = 0; i < N_BACKENDS; i++)
            assert_ok(p->ops[i]->drop_cap(p->backend[i], &p->kept[0], &p->kvm.failure),
                      p->kvm.failure);
        memmove(&p->kept[0], &p->kept[1], (KEPT - 1) * sizeof p->kept[0]);
        p->n_kept--;
    }
    p->kept[p->n_kept++] = *hash;
}

/* Most of them near each other, so that runs of pages grow together and fall apart. */
static uint64_t
some_address(struct trio *p)
{
    switch (g_rand_int_range(p->rand, 0, 8)) {
    case 0:
        return DATA_START + (uint64_t)g_rand_int_range(p->rand, 0, DATA_PAGES) * NUB_PAGE_SIZE;
    case 1:
        return FAR_START + (uint64_t)g_rand_int_range(p->rand, 8, 12) * NUB_PAGE_SIZE;
    case 2:
        return (uint64_t)g_rand_int_range(p->rand, 0x3c, LOW_PAGES) * NUB_PAGE_SIZE + 4092;
    case 3:
        return DATA_START + 0x10000; /* can only be read */
    default:
        return (uint64_t)g_rand_int_range(p->rand, 0x3c, 0x54) * NUB_PAGE_SIZE;
    }
}

static void
assert_same_result(const struct nub_result *a, const struct nub_result *b)
{
    g_assert_cmpuint(a->exit_reason, ==, b->exit_reason);
    g_assert_cmphex(a->exit_arg, ==, b->exit_arg);
    g_assert_cmphex(a->return_value, ==, b->return_value);
    g_assert_cmpuint(a->gas_remaining, ==, b->gas_remaining);
}

static gboolean
is_paused(struct trio *p, const struct nub_hash *hash)
{
    struct nub_bytes wire;
    struct nub_cap cap;

    assert_ok(p->ops[KVM]->get_cap(p->backend[KVM], hash, &wire, &p->kvm.failure), p->kvm.failure);
    assert_ok(nub_cap_decode(&cap, (struct nub_slice){ wire.data, wire.size }, &p->kvm.failure),
              p->kvm.failure);
    gboolean paused = cap.u.instance.phase == 1;
    wire.release(&wire);
    return paused;
}

/* ---- steps ------------------------------------------------------------------------------- */

/* Pure calls of any state that is kept must see what it holds. */
static void
look(struct trio *p)
{
    struct nub_invoke_args args = { .struct_size = sizeof args, .gas = 1000 };
    struct nub_result result[N_BACKENDS];
    int32_t first = NUB_OK;

    args.instance = p->kept[g_rand_int_range(p->rand, 0, (gint)p->n_kept)];
    args.args[0] = some_address(p);
    args.args[1] = g_rand_int_range(p->rand, 0, 3);
    for (guint i = 0; i < N_BACKENDS; i++) {
        int32_t status =
            p->ops[i]->invoke_cached(p->backend[i], &args, &result[i], &p->kvm.failure);
        if (i == 0)
            first = status;
        g_assert_cmpint(status, ==, first);
        g_assert_true(status == NUB_OK || status == NUB_ERR_PAUSED);
        if (status == NUB_OK)
            assert_same_result(&result[0], &result[i]);
    }
}

static void
step_call(struct trio *p)
{
    static const uint64_t amounts[] = { 1, 2, 1, -1ull, -2ull, 0 };
    struct nub_outcome outcome[N_BACKENDS];
    struct nub_hash hash[N_BACKENDS], successor;
    struct nub_call call = { .struct_size = sizeof call,
                             .flags = NUB_CALL_COMMIT | NUB_CALL_ADVANCE,
                             .instance = *present(p),
                             .args = { some_address(p), amounts[g_rand_int_range(p->rand, 0, 6)] },
                             .gas = 1000 };

    if (g_rand_boolean(p->rand)) {
        call.flags |= NUB_CALL_INPUT;
        call.input = (struct nub_slice){ program_add.code, program_add.size };
    }
    for (guint i = 0; i < N_BACKENDS; i++) {
        outcome[i] = (struct nub_outcome){ .struct_size = sizeof outcome[i] };
        assert_ok(p->ops[i]->invoke(p->backend[i], &call, &outcome[i], &p->kvm.failure),
                  p->kvm.failure);
        hash[i] = outcome[i].successor;
        assert_same_result(&outcome[0].result, &outcome[i].result);
    }
    successor = agreed(hash);
    if (outcome[0].result.exit_reason == NUB_EXIT_HALT)
        step_to(p, &successor);
}

static void
step_resume(struct trio *p)
{
    struct nub_outcome outcome[N_BACKENDS];
    struct nub_hash hash[N_BACKENDS], successor;
    const struct nub_call call = {
        .struct_size = sizeof call, .flags = NUB_CALL_COMMIT, .instance = *present(p), .gas = 1000
    };

    for (guint i = 0; i < N_BACKENDS; i++) {
        outcome[i] = (struct nub_outcome){ .struct_size = sizeof outcome[i] };
        assert_ok(p->ops[i]->resume(p->backend[i], &call, &outcome[i], &p->kvm.failure),
                  p->kvm.failure);
        hash[i] = outcome[i].successor;
        assert_same_result(&outcome[0].result, &outcome[i].result);
    }
    g_assert_cmpuint(outcome[0].result.exit_reason, ==, NUB_EXIT_HALT);
    successor = agreed(hash);
    step_to(p, &successor);
}

/* What a session of each does, chosen before. */
struct plan {
    struct nub_session_args args;
    uint64_t map_start, map_size; /* 0: none */
    guint n_writes;
    struct {
        uint64_t address;
        uint8_t bytes[NUB_PAGE_SIZE];
    } writes[6];
    guint commits;
};

static void
choose_session(struct trio *p, struct plan *plan)
{
    *plan = (struct plan){ .args = { .struct_size = sizeof plan->args,
                                     .instance = *present(p),
                                     .args = { 0x40008, 1 },
                                     .gas = 1000 } };
    if (g_rand_int_range(p->rand, 0, 3) == 0)
        plan->args.gas = (uint64_t)g_rand_int_range(p->rand, 0, 60); /* perhaps a pause */
    if (g_rand_boolean(p->rand)) {
        plan->map_size = (uint64_t)g_rand_int_range(p->rand, 1, 4) * NUB_PAGE_SIZE;
        plan->map_start = FAR_START + (uint64_t)g_rand_int_range(p->rand, 0, 61) * NUB_PAGE_SIZE;
    }
    for (plan->n_writes = 0; plan->n_writes < (guint)g_rand_int_range(p->rand, 0, 7);
         plan->n_writes++) {
        /* whole pages, often of zeros, which drops the overlay below mem_size */
        plan->writes[plan->n_writes].address = some_address(p) & ~(uint64_t)(NUB_PAGE_SIZE - 1);
        if (g_rand_boolean(p->rand))
            memset(plan->writes[plan->n_writes].bytes, g_rand_int_range(p->rand, 0, 3),
                   NUB_PAGE_SIZE);
    }
    plan->commits = (guint)g_rand_int_range(p->rand, 1, 4);
}

/* Commits once and again; the names in order. */
static void
do_session(struct trio *p, guint i, const struct plan *plan, struct nub_hash *names)
{
    const struct nub_backend_ops *ops = p->ops[i];
    struct nub_failure *failure = &p->kvm.failure;
    struct nub_result result;
    void *session;

    assert_ok(ops->session_open(p->backend[i], &plan->args, &session, failure), *failure);
    if (plan->map_size) {
        int32_t status = ops->session_map(session, plan->map_start, plan->map_size,
                                          NUB_ACCESS_READ_WRITE, failure);
        g_assert_true(status == NUB_OK || status == NUB_ERR_ALREADY_MAPPED);
        if (status == NUB_OK)
            assert_ok(
                ops->session_write(session, plan->map_start + 100, program_add.code, 8, failure),
                *failure);
    }
    for (guint k = 0; k < plan->commits; k++) {
        for (guint w = k; w < plan->n_writes; w += plan->commits)
            assert_ok(ops->session_write(session, plan->writes[w].address, plan->writes[w].bytes,
                                         NUB_PAGE_SIZE, failure),
                      *failure);
        if (k == 0)
            assert_ok(ops->session_run(session, &result, failure), *failure);
        assert_ok(ops->session_commit(session, 0, &names[k], failure), *failure);
    }
    ops->session_close(session);
}

static void
step_session(struct trio *p)
{
    struct nub_hash names[N_BACKENDS][4], successor;
    struct plan plan;

    choose_session(p, &plan);
    for (guint i = 0; i < N_BACKENDS; i++)
        do_session(p, i, &plan, names[i]);
    for (guint k = 0; k < plan.commits; k++) {
        successor =
            agreed((const struct nub_hash[N_BACKENDS]){ names[0][k], names[1][k], names[2][k] });
        step_to(p, &successor);
    }
}

/* An earlier state becomes the present one again. */
static void
roll_back(struct trio *p)
{
    struct nub_hash hash = p->kept[g_rand_int_range(p->rand, 0, (gint)p->n_kept)];

    for (guint i = 0; i < N_BACKENDS; i++)
        assert_ok(p->ops[i]->put_cap_with_hash(p->backend[i], &hash, (struct nub_slice){ NULL, 0 },
                                               &p->kvm.failure),
                  p->kvm.failure);
    step_to(p, &hash);
}

static void
random_step(struct trio *p, gboolean accidents)
{
    switch (g_rand_int_range(p->rand, 0, accidents ? 24 : 22)) {
    case 22:
        assert_ok(nub_residence_shed(p->kvm.kvm, &p->kvm.failure), p->kvm.failure);
        return;
    case 23:
        nub_guest_break(&p->kvm.kvm->guest, NUB_ERR_GUEST_LOST, "the test says so");
        return;
    case 0:
        roll_back(p);
        return;
    case 1:
    case 2:
    case 3:
        look(p);
        return;
    default:
        if (is_paused(p, present(p)))
            step_resume(p);
        else if (g_rand_int_range(p->rand, 0, 3) == 0)
            step_session(p);
        else
            step_call(p);
    }
}

/* ---- tests ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct nub_option options[2];
    gboolean accidents;
} chains[] = {
    { "one-lane", { { "lanes", "1" }, { "wait", "poll" } }, FALSE },
    { "three-lanes", { { "lanes", "3" }, { "wait", "adaptive" } }, FALSE },
    { "little-memory", { { "guest-memory", "33554432" }, { "wait", "sync" } }, FALSE },
    { "a-guest-that-forgets-or-is-replaced", { { "lanes", "2" }, { "wait", "sync" } }, TRUE },
};

static void
test_chain(gconstpointer data)
{
    guint row = GPOINTER_TO_UINT(data);
    struct trio p;

    if (!kvm_test_ready())
        return;
    open_all(&p, chains[row].options, 2, 20 + row);
    for (guint i = 0; i < 600; i++)
        random_step(&p, chains[row].accidents);
    const uint64_t derived = fixture_counter(&p.kvm, "nub_guest_derived_total");
    const uint64_t uploads = fixture_counter(&p.kvm, "nub_guest_uploads_total");
    g_test_message("%s: %" G_GUINT64_FORMAT " derived, %" G_GUINT64_FORMAT " brought",
                   chains[row].name, derived, uploads);
    /* most are made by the guest; without accidents nothing but the beginning is brought */
    g_assert_cmpuint(derived, >, 200);
    if (!chains[row].accidents)
        g_assert_cmpuint(uploads, <=, 3);
    close_all(&p);
}

struct walker {
    struct trio trio; /* with the backends of all */
    GThread *thread;
};

static gpointer
walk(gpointer data)
{
    struct walker *walker = data;

    for (guint i = 0; i < 150; i++) {
        random_step(&walker->trio, FALSE);
        if (i % 40 == 39)
            assert_ok(nub_residence_shed(walker->trio.kvm.kvm, &walker->trio.kvm.failure),
                      walker->trio.kvm.failure);
    }
    g_rand_free(walker->trio.rand);
    return NULL;
}

/* Chains of several threads, from one state and often to the same ones: each sees what it would see
 * alone. */
static void
test_threads(gconstpointer data)
{
    const guint lanes = GPOINTER_TO_UINT(data);
    g_autofree char *text = g_strdup_printf("%u", lanes);
    const struct nub_option options[] = { { "lanes", text }, { "wait", "adaptive" } };
    const guint32 seed = (guint32)g_test_rand_int();
    struct walker walkers[4];
    struct trio p;

    if (!kvm_test_ready())
        return;
    open_all(&p, options, 2, 1);
    const struct nub_hash image = put_image(&p);
    for (guint i = 0; i < G_N_ELEMENTS(walkers); i++) {
        walkers[i].trio = p;
        /* two and two do the same at the same time */
        walkers[i].trio.rand = g_rand_new_with_seed(seed + i / 2);
        start_chain(&walkers[i].trio, &image);
    }
    for (guint i = 0; i < G_N_ELEMENTS(walkers); i++)
        walkers[i].thread = g_thread_new("walker", walk, &walkers[i]);
    for (guint i = 0; i < G_N_ELEMENTS(walkers); i++)
        g_thread_join(walkers[i].thread);
    g_assert_cmpuint(fixture_counter(&p.kvm, "nub_guest_derived_total"), >, 100);
    g_assert_cmpuint(fixture_counter(&p.kvm, "nub_guest_restarts_total"), ==, 0);
    close_all(&p);
}

/* What has been derived, passed on and dropped leaves the heap as it was. */
static void
test_heap_returns(void)
{
    struct nub_heap_stats stats[3];
    struct nub_hash image;
    struct trio p;

    if (!kvm_test_ready())
        return;
    open_all(&p, &(const struct nub_option){ "lanes", "1" }, 1, 7);
    image = put_image(&p);
    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < 60; i++)
            step_call(&p);
        while (p.n_kept > 0) {
            p.n_kept--;
            for (guint i = 0; i < N_BACKENDS; i++)
                assert_ok(p.ops[i]->drop_cap(p.backend[i], &p.kept[p.n_kept], &p.kvm.failure),
                          p.kvm.failure);
        }
        const struct nub_hash none = { { 0 } };
        for (guint i = 0; i < N_BACKENDS; i++)
            assert_ok(p.ops[i]->set_state_root(p.backend[i], &none, &p.kvm.failure), p.kvm.failure);
        stats[round].struct_size = sizeof stats[round];
        assert_ok(p.ops[KVM]->heap_stats(p.backend[KVM], &stats[round], &p.kvm.failure),
                  p.kvm.failure);
        g_assert_cmpuint(fixture_counter(&p.kvm, "nub_guest_caps"), ==, 2); /* image and Data */
        start_chain(&p, &image);
    }
    g_assert_cmpuint(stats[2].allocated_bytes, ==, stats[1].allocated_bytes);
    g_assert_cmpuint(stats[2].allocations, ==, stats[1].allocations);
    g_assert_cmpuint(fixture_counter(&p.kvm, "nub_guest_derived_total"), >, 60);
    close_all(&p);
}

/* What one backend has, put into another one, image first. */
static struct nub_hash
carry(struct trio *p, const struct nub_hash *instance, guint to)
{
    struct nub_hash hash = { { 0 } };
    struct nub_bytes wires[2];
    struct nub_cap cap;

    assert_ok(p->ops[KVM]->get_cap(p->backend[KVM], instance, &wires[1], &p->kvm.failure),
              p->kvm.failure);
    assert_ok(
        nub_cap_decode(&cap, (struct nub_slice){ wires[1].data, wires[1].size }, &p->kvm.failure),
        p->kvm.failure);
    assert_ok(
        p->ops[KVM]->get_cap(p->backend[KVM], cap.u.instance.image, &wires[0], &p->kvm.failure),
        p->kvm.failure);
    for (guint i = 0; i < 2; i++) {
        assert_ok(p->ops[to]->put_cap(p->backend[to],
                                      (struct nub_slice){ wires[i].data, wires[i].size }, &hash,
                                      &p->kvm.failure),
                  p->kvm.failure);
    }
    for (guint i = 0; i < 2; i++)
        wires[i].release(&wires[i]);
    return hash;
}

/* Reads all of a state's memory on each backend. */
static void
assert_memory(struct trio *p, const struct nub_hash *instance, const uint8_t *want, uint64_t size)
{
    const struct nub_session_args args = { .struct_size = sizeof args, .instance = *instance };
    g_autofree uint8_t *got = g_malloc(size);
    void *session;

    for (guint i = 0; i < N_BACKENDS; i++) {
        assert_ok(p->ops[i]->session_open(p->backend[i], &args, &session, &p->kvm.failure),
                  p->kvm.failure);
        assert_ok(p->ops[i]->session_read(session, FIXTURE_LARGE_START, got, size, &p->kvm.failure),
                  p->kvm.failure);
        p->ops[i]->session_close(session);
        g_assert_cmpint(memcmp(got, want, size), ==, 0);
    }
}

/* States are dropped as soon as they have a successor, and pages are copied together on the way:
 * what a window shows must not go with what it was loaded from. */
static void
test_long_chain(void)
{
    const uint64_t n_pages = 600;
    g_autofree uint8_t *want = g_malloc(n_pages * NUB_PAGE_SIZE);
    struct nub_hash names[N_BACKENDS];
    struct trio p;

    if (!kvm_test_ready())
        return;
    open_all(&p, NULL, 0, 9);
    memset(want, 3, n_pages * NUB_PAGE_SIZE);
    names[KVM] = fixture_put_large(&p.kvm, n_pages);
    for (guint i = 0; i < N_BACKENDS; i++) {
        if (i != KVM)
            names[i] = carry(&p, &names[KVM], i);
    }
    for (uint64_t step = 0; step < 700; step++) {
        const uint64_t at = step * 7 % n_pages * NUB_PAGE_SIZE + step % 500 * 8;
        struct nub_hash base = agreed(names);
        const struct nub_call call = { .struct_size = sizeof call,
                                       .flags = NUB_CALL_COMMIT,
                                       .instance = base,
                                       .args = { FIXTURE_LARGE_START + at, step + 1 },
                                       .gas = 1000 };
        uint64_t word;

        memcpy(&word, want + at, sizeof word);
        word += step + 1;
        memcpy(want + at, &word, sizeof word);
        for (guint i = 0; i < N_BACKENDS; i++) {
            struct nub_outcome outcome = { .struct_size = sizeof outcome };
            assert_ok(p.ops[i]->invoke(p.backend[i], &call, &outcome, &p.kvm.failure),
                      p.kvm.failure);
            g_assert_cmphex(outcome.result.return_value, ==, word);
            assert_ok(p.ops[i]->drop_cap(p.backend[i], &base, &p.kvm.failure), p.kvm.failure);
            names[i] = outcome.successor;
        }
        if (step % 50 == 49)
            assert_memory(&p, &names[0], want, n_pages * NUB_PAGE_SIZE);
    }
    g_assert_cmpuint(fixture_counter(&p.kvm, "nub_guest_derived_total"), >=, 700);
    close_all(&p);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(chains); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/chains/random/%s", chains[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_chain);
    }
    g_test_add_data_func("/kvm/chains/threads/one-lane", GUINT_TO_POINTER(1), test_threads);
    g_test_add_data_func("/kvm/chains/threads/two-lanes", GUINT_TO_POINTER(2), test_threads);
    g_test_add_data_func("/kvm/chains/threads/four-lanes", GUINT_TO_POINTER(4), test_threads);
    g_test_add_func("/kvm/chains/what-is-dropped-gives-its-heap-back", test_heap_returns);
    g_test_add_func("/kvm/chains/long-and-keeping-nothing", test_long_chain);
    return kvm_test_run();
}
