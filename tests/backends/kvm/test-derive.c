/* test-derive.c - successors that the guest makes itself, against what the interpreter says
 *
 * Long random chains: calls, sessions and paused machines that write pages, put them back to what
 * they are without an overlay, map ranges; rollbacks to earlier states; a guest that forgets or is
 * replaced in between. After each step both backends must have given the same name, and pure calls
 * the same results. What the request refuses, and what it costs, is tested at the end. */
#include "kvm-fixture.h"
#include <dlfcn.h>

#define DATA_START 0x10000u /* a page of content that the image gives */
#define DATA_PAGES 4u
#define LOW_PAGES  128u      /* below mem_size */
#define FAR_START  0x400000u /* above it: memory only where there is an overlay */
#define FAR_PAGES  64u
#define KEPT       12u

/* phi9 = *(u64 *)phi7 + phi8; *(u64 *)phi7 = phi9; phi7 = phi9; jump_ind phi0 */
static const struct program program_add = { { 0x82, 0x79, 0x00, 0xc8, 0x89, 0x09, 0x7b, 0x79, 0x00,
                                              0x64, 0x97, 0x32, 0x00 },
                                            { 0x49, 0x0a },
                                            13 };

/* The two that must agree. */
struct pair {
    const struct nub_backend_ops *ops[2]; /* local, kvm */
    void *backend[2];
    struct fixture kvm;
    GRand *rand;
    struct nub_hash kept[KEPT]; /* each with one put on both sides; the last is the present one */
    guint n_kept;
};

static void
open_local(struct pair *p)
{
    void *handle = dlopen(NUB_BUILD_DIR "/modules/nub-local.so", RTLD_NOW | RTLD_LOCAL);
    const struct nub_create_args args = {
        .struct_size = sizeof args, .gas_model = NUB_GAS_PIPELINE, .mem_cycles = 25, .name = "local"
    };

    g_assert_nonnull(handle);
    p->ops[0] = ((nub_plugin_entry_fn)(uintptr_t)dlsym(handle, NUB_PLUGIN_ENTRY))()->ops;
    assert_ok(p->ops[0]->create(&args, &p->backend[0], &p->kvm.failure), p->kvm.failure);
}

static struct nub_hash
put(struct pair *p, const uint8_t *wire, uint64_t size)
{
    struct nub_hash hash[2];

    for (guint i = 0; i < 2; i++)
        assert_ok(p->ops[i]->put_cap(p->backend[i], (struct nub_slice){ wire, size }, &hash[i],
                                     &p->kvm.failure),
                  p->kvm.failure);
    g_assert_cmpmem(&hash[0], sizeof hash[0], &hash[1], sizeof hash[1]);
    return hash[0];
}

static struct nub_hash
put_image(struct pair *p)
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
start_chain(struct pair *p, const struct nub_hash *image)
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
open_pair(struct pair *p, const struct nub_option *options, uint32_t n, guint seed)
{
    *p = (struct pair){ .rand = g_rand_new_with_seed(seed) };
    fixture_open(&p->kvm, options, n);
    p->ops[1] = p->kvm.ops;
    p->backend[1] = p->kvm.backend;
    open_local(p);
    const struct nub_hash image = put_image(p);
    start_chain(p, &image);
}

static void
close_pair(struct pair *p)
{
    fixture_close(&p->kvm);
    p->ops[0]->destroy(p->backend[0]);
    g_rand_free(p->rand);
}

static const struct nub_hash *
present(const struct pair *p)
{
    return &p->kept[p->n_kept - 1];
}

/* A new present state; the oldest is dropped when there are many. */
static void
step_to(struct pair *p, const struct nub_hash hash[2])
{
    g_assert_cmpmem(&hash[0], sizeof hash[0], &hash[1], sizeof hash[1]);
    if (p->n_kept == KEPT) {
        for (guint i = 0; i < 2; i++)
            assert_ok(p->ops[i]->drop_cap(p->backend[i], &p->kept[0], &p->kvm.failure),
                      p->kvm.failure);
        memmove(&p->kept[0], &p->kept[1], (KEPT - 1) * sizeof p->kept[0]);
        p->n_kept--;
    }
    p->kept[p->n_kept++] = hash[0];
}

/* Most of them near each other, so that runs of pages grow together and fall apart. */
static uint64_t
some_address(struct pair *p)
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
is_paused(struct pair *p, const struct nub_hash *hash)
{
    struct nub_bytes wire;
    struct nub_cap cap;

    assert_ok(p->ops[1]->get_cap(p->backend[1], hash, &wire, &p->kvm.failure), p->kvm.failure);
    assert_ok(nub_cap_decode(&cap, (struct nub_slice){ wire.data, wire.size }, &p->kvm.failure),
              p->kvm.failure);
    gboolean paused = cap.u.instance.phase == 1;
    wire.release(&wire);
    return paused;
}

/* ---- steps ------------------------------------------------------------------------------- */

/* Pure calls of any state that is kept must see what it holds. */
static void
look(struct pair *p)
{
    struct nub_invoke_args args = { .struct_size = sizeof args, .gas = 1000 };
    struct nub_result result[2];

    args.instance = p->kept[g_rand_int_range(p->rand, 0, (gint)p->n_kept)];
    args.args[0] = some_address(p);
    args.args[1] = g_rand_int_range(p->rand, 0, 3);
    for (guint i = 0; i < 2; i++) {
        int32_t status =
            p->ops[i]->invoke_cached(p->backend[i], &args, &result[i], &p->kvm.failure);
        if (status == NUB_ERR_PAUSED && i == 0) {
            g_assert_cmpint(
                p->ops[1]->invoke_cached(p->backend[1], &args, &result[1], &p->kvm.failure), ==,
                NUB_ERR_PAUSED);
            return;
        }
        assert_ok(status, p->kvm.failure);
    }
    assert_same_result(&result[0], &result[1]);
}

static void
step_call(struct pair *p)
{
    static const uint64_t amounts[] = { 1, 2, 1, -1ull, -2ull, 0 };
    struct nub_outcome outcome[2];
    struct nub_hash hash[2];
    struct nub_call call = { .struct_size = sizeof call,
                             .flags = NUB_CALL_COMMIT | NUB_CALL_ADVANCE,
                             .instance = *present(p),
                             .args = { some_address(p), amounts[g_rand_int_range(p->rand, 0, 6)] },
                             .gas = 1000 };

    if (g_rand_boolean(p->rand)) {
        call.flags |= NUB_CALL_INPUT;
        call.input = (struct nub_slice){ program_add.code, program_add.size };
    }
    for (guint i = 0; i < 2; i++) {
        outcome[i] = (struct nub_outcome){ .struct_size = sizeof outcome[i] };
        assert_ok(p->ops[i]->invoke(p->backend[i], &call, &outcome[i], &p->kvm.failure),
                  p->kvm.failure);
        hash[i] = outcome[i].successor;
    }
    assert_same_result(&outcome[0].result, &outcome[1].result);
    if (outcome[0].result.exit_reason == NUB_EXIT_HALT)
        step_to(p, hash);
    else
        g_assert_cmpmem(&hash[0], sizeof hash[0], &hash[1], sizeof hash[1]);
}

static void
step_resume(struct pair *p)
{
    struct nub_outcome outcome[2];
    struct nub_hash hash[2];
    const struct nub_call call = {
        .struct_size = sizeof call, .flags = NUB_CALL_COMMIT, .instance = *present(p), .gas = 1000
    };

    for (guint i = 0; i < 2; i++) {
        outcome[i] = (struct nub_outcome){ .struct_size = sizeof outcome[i] };
        assert_ok(p->ops[i]->resume(p->backend[i], &call, &outcome[i], &p->kvm.failure),
                  p->kvm.failure);
        hash[i] = outcome[i].successor;
    }
    assert_same_result(&outcome[0].result, &outcome[1].result);
    g_assert_cmpuint(outcome[0].result.exit_reason, ==, NUB_EXIT_HALT);
    step_to(p, hash);
}

/* What a session of both does, chosen before. */
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
choose_session(struct pair *p, struct plan *plan)
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
do_session(struct pair *p, guint i, const struct plan *plan, struct nub_hash *names)
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
step_session(struct pair *p)
{
    struct nub_hash names[2][4];
    struct plan plan;

    choose_session(p, &plan);
    for (guint i = 0; i < 2; i++)
        do_session(p, i, &plan, names[i]);
    for (guint k = 0; k < plan.commits; k++)
        step_to(p, (const struct nub_hash[2]){ names[0][k], names[1][k] });
}

/* An earlier state becomes the present one again. */
static void
roll_back(struct pair *p)
{
    struct nub_hash hash = p->kept[g_rand_int_range(p->rand, 0, (gint)p->n_kept)];

    for (guint i = 0; i < 2; i++)
        assert_ok(p->ops[i]->put_cap_with_hash(p->backend[i], &hash, (struct nub_slice){ NULL, 0 },
                                               &p->kvm.failure),
                  p->kvm.failure);
    step_to(p, (const struct nub_hash[2]){ hash, hash });
}

static void
random_step(struct pair *p, gboolean accidents)
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

static uint64_t sought;
static const char *sought_name;

static void
seek(void *ctx, const char *name, uint64_t value)
{
    (void)ctx;
    if (strcmp(name, sought_name) == 0)
        sought = value;
}

static uint64_t
counter(struct fixture *f, const char *name)
{
    sought = UINT64_MAX;
    sought_name = name;
    assert_ok(f->ops->stats(f->backend, seek, NULL, &f->failure), f->failure);
    g_assert_cmpuint(sought, !=, UINT64_MAX);
    return sought;
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
    struct pair p;

    if (!kvm_test_ready())
        return;
    open_pair(&p, chains[row].options, 2, 20 + row);
    for (guint i = 0; i < 600; i++)
        random_step(&p, chains[row].accidents);
    const uint64_t derived = counter(&p.kvm, "nub_guest_derived_total");
    const uint64_t uploads = counter(&p.kvm, "nub_guest_uploads_total");
    g_test_message("%s: %" G_GUINT64_FORMAT " derived, %" G_GUINT64_FORMAT " brought",
                   chains[row].name, derived, uploads);
    /* most are made by the guest; without accidents nothing but the beginning is brought */
    g_assert_cmpuint(derived, >, 200);
    if (!chains[row].accidents)
        g_assert_cmpuint(uploads, <=, 3);
    close_pair(&p);
}

/* What has been derived, passed on and dropped leaves the heap as it was. */
static void
test_heap_returns(void)
{
    struct nub_heap_stats stats[3];
    struct nub_hash image;
    struct pair p;

    if (!kvm_test_ready())
        return;
    open_pair(&p, &(const struct nub_option){ "lanes", "1" }, 1, 7);
    image = put_image(&p);
    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < 60; i++)
            step_call(&p);
        while (p.n_kept > 0) {
            p.n_kept--;
            for (guint i = 0; i < 2; i++)
                assert_ok(p.ops[i]->drop_cap(p.backend[i], &p.kept[p.n_kept], &p.kvm.failure),
                          p.kvm.failure);
        }
        const struct nub_hash none = { { 0 } };
        for (guint i = 0; i < 2; i++)
            assert_ok(p.ops[i]->set_state_root(p.backend[i], &none, &p.kvm.failure), p.kvm.failure);
        stats[round].struct_size = sizeof stats[round];
        assert_ok(p.ops[1]->heap_stats(p.backend[1], &stats[round], &p.kvm.failure), p.kvm.failure);
        g_assert_cmpuint(counter(&p.kvm, "nub_guest_caps"), ==, 2); /* image and Data */
        start_chain(&p, &image);
    }
    g_assert_cmpuint(stats[2].allocated_bytes, ==, stats[1].allocated_bytes);
    g_assert_cmpuint(stats[2].allocations, ==, stats[1].allocations);
    g_assert_cmpuint(counter(&p.kvm, "nub_guest_derived_total"), >, 60);
    close_pair(&p);
}

/* One page changed at a time: neither bytes brought nor memory held grow with the instance. */
static void
test_costs_what_changed(void)
{
    struct nub_heap_stats before = { .struct_size = sizeof before }, after = before;
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    const uint64_t n_pages = 2048;
    g_autofree uint8_t *bytes = g_malloc(n_pages * NUB_PAGE_SIZE);
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    struct nub_hash empty = fixture_put_program(&f, &program_add, 0);
    struct nub_bytes empty_wire;
    struct nub_cap cap;
    assert_ok(f.ops->get_cap(f.backend, &empty, &empty_wire, &f.failure), f.failure);
    assert_ok(
        nub_cap_decode(&cap, (struct nub_slice){ empty_wire.data, empty_wire.size }, &f.failure),
        f.failure);
    memset(bytes, 3, n_pages * NUB_PAGE_SIZE);
    const struct nub_overlay overlay = { .start = 0x100000,
                                         .bytes = { bytes, n_pages * NUB_PAGE_SIZE } };
    const struct nub_instance_spec spec = { .image = *cap.u.instance.image,
                                            .overlays = &overlay,
                                            .n_overlays = 1 };
    empty_wire.release(&empty_wire);
    g_autofree uint8_t *wire = g_malloc(nub_instance_wire_size(&spec));
    nub_instance_encode(wire, &spec);
    struct nub_call call = { .struct_size = sizeof call,
                             .flags = NUB_CALL_COMMIT,
                             .instance = fixture_put(&f, wire, nub_instance_wire_size(&spec)),
                             .gas = 1000 };
    for (uint64_t i = 0; i < 40; i++) {
        if (i == 1)
            assert_ok(f.ops->heap_stats(f.backend, &before, &f.failure), f.failure);
        const uint64_t uploaded = counter(&f, "nub_guest_uploaded_bytes_total");
        call.args[0] = 0x100000 + (i * 37 % n_pages) * NUB_PAGE_SIZE;
        call.args[1] = 1;
        assert_ok(f.ops->invoke(f.backend, &call, &outcome, &f.failure), f.failure);
        assert_ok(f.ops->drop_cap(f.backend, &call.instance, &f.failure), f.failure);
        call.instance = outcome.successor;
        if (i > 0)
            g_assert_cmpuint(counter(&f, "nub_guest_uploaded_bytes_total"), ==, uploaded);
    }
    assert_ok(f.ops->heap_stats(f.backend, &after, &f.failure), f.failure);
    /* the pages that changed, twice (the window's and the successor's), and lists */
    g_assert_cmpuint(after.allocated_bytes - before.allocated_bytes, <, 40 * 3 * NUB_PAGE_SIZE);
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
    { "too-many-changes", { .n_changes = 0x4001 }, { { 0, 0 } } },
    { "no-such-session", { .session = 77 }, { { 0, 0 } } },
    { "a-session-that-is-closed", { .session = 1 }, { { 0, 0 } } },
};

static void
test_refused(gconstpointer data)
{
    guint row = GPOINTER_TO_UINT(data);
    g_autofree struct nub_guest_change *changes = g_new0(struct nub_guest_change, 0x4001);
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
    const uint64_t caps = counter(&f, "nub_guest_caps");
    memcpy(changes, refused[row].changes, sizeof refused[row].changes);
    packet.successor.bytes[0] = 1;
    const uint64_t session = machine.session;
    if (packet.session)
        machine.session = packet.session;
    packet.session = machine.session;
    packet.close = 1;
    g_assert_cmpint(nub_machine_derive(&machine, &packet, changes), ==, NUB_ERR_INVALID_ARGUMENT);
    machine.session = session;
    g_assert_cmpuint(counter(&f, "nub_guest_caps"), ==, caps);
    /* the session has not been closed, and becomes its successor when asked rightly */
    packet = (struct nub_packet_derive){ .session = session, .n_changes = 1, .close = 1 };
    packet.successor.bytes[0] = 1;
    changes[0] = (struct nub_guest_change){ 0x10000, 0 };
    assert_ok(nub_machine_derive(&machine, &packet, changes), f.failure);
    g_assert_cmpuint(counter(&f, "nub_guest_caps"), ==, caps + 1);
    g_assert_cmpint(nub_machine_derive(&machine, &packet, changes), ==, NUB_ERR_INVALID_ARGUMENT);
    machine.closed = true;
    nub_machine_close(&machine);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(chains); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/derive/chains/%s", chains[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_chain);
    }
    g_test_add_func("/kvm/derive/what-is-dropped-gives-its-heap-back", test_heap_returns);
    g_test_add_func("/kvm/derive/costs-what-changed", test_costs_what_changed);
    for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/derive/refuses/%s", refused[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_refused);
    }
    return kvm_test_run();
}
