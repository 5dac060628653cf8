/* test-memory.c - a machine's memory as its host sees it (caps.md 4.5), the same on every backend
 *
 * Backends take turns at the same random accesses, runs and commits, and must agree on each: bytes,
 * errors, the pages that they name, and hashes. What a host call costs is counted, too: on kvm one
 * round trip, whatever its callback does with memory.
 */
#include "state-test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE    G_GUINT64_CONSTANT(4096)
#define N_PAGES 100u /* that the random part looks at */

/* Stores phi8 at [phi7], loads what is behind it, calls the host, and again; the second endpoint
 * halts instead. */
static const guint8 code[] = {
    0x7B, 0x78, 0x00, /* store_ind_u64 phi8, [phi7] */
    0x82, 0x79, 0x08, /* load_ind_u64 phi9, [phi7 + 8] */
    0x0A, 0x05,       /* ecalli 5 */
    0x28, 0xF8,       /* jump, back to the first */
    0x7B, 0x78, 0x00, /* the same two */
    0x82, 0x79, 0x08, /* */
    0x32, 0x00,       /* jump_ind phi0 */
};
static const guint8 bitmask[] = { 0x49, 0x25, 0x01 };

static NubHash
put(NubKernel *kernel, NubCap *cap)
{
    g_autoptr(GError) error = NULL;
    NubHash hash;

    nub_kernel_put_cap(kernel, cap, &hash, &error);
    g_assert_no_error(error);
    return hash;
}

static NubHash
put_data(NubKernel *kernel, guint pages, guint8 byte)
{
    g_autofree guint8 *content = g_malloc(pages * PAGE);
    g_autoptr(GError) error = NULL;

    memset(content, byte, pages * PAGE);
    g_autoptr(NubCap) data = nub_cap_new_data(content, pages * PAGE, &error);
    g_assert_no_error(error);
    return put(kernel, data);
}

/* Pages of every kind, and holes between them. */
static NubHash
publish(NubKernel *kernel)
{
    static const guint32 read_only = 1, read_write = 2;
    const guint64 regs[NUB_N_REGS] = { NUB_HALT_ADDRESS };
    g_autoptr(NubImageBuilder) builder =
        nub_image_builder_new(code, sizeof code, bitmask, sizeof bitmask);
    NubHash pinned = put_data(kernel, 2, 0x11), initial = put_data(kernel, 5, 0x22);
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *own = g_malloc(PAGE);

    nub_image_builder_add_endpoint(builder, 0, regs);
    nub_image_builder_add_endpoint(builder, 10, regs);
    nub_image_builder_add_pinned(builder, read_only, &pinned);
    nub_image_builder_add_initial(builder, read_write, &initial);
    nub_image_builder_add_mapping(builder, 16 * PAGE, 4 * PAGE, &read_only, 1);
    nub_image_builder_add_mapping(builder, 20 * PAGE, 8 * PAGE, &read_write, 1);
    nub_image_builder_add_mapping(builder, 32 * PAGE, 44 * PAGE, NULL, 0);
    g_autoptr(NubCap) image = nub_image_builder_build(builder, &error);
    g_assert_no_error(error);
    NubHash hash = put(kernel, image);
    g_autoptr(NubInstanceBuilder) instance = nub_instance_builder_new(&hash);
    nub_instance_builder_set_mem_size(instance, 8 * PAGE);
    memset(own, 0x33, PAGE);
    g_autoptr(GBytes) bytes = g_bytes_new(own, PAGE);
    nub_instance_builder_add_overlay(instance, 22 * PAGE, bytes);
    nub_instance_builder_add_overlay(instance, 90 * PAGE, bytes);
    g_autoptr(NubCap) cap = nub_instance_builder_build(instance, &error);
    g_assert_no_error(error);
    return put(kernel, cap);
}

/* ---- the same on every backend -------------------------------------------------------------- */

enum { MAX_KERNELS = 3, N_SLOTS = 3, MAX_BYTES = 48 * 4096 };

typedef struct {
    NubKernel *kernels[MAX_KERNELS];
    guint n;
    NubSession *sessions[N_SLOTS][MAX_KERNELS];
    GArray *instances; /* of NubHash */
    GRand *rand;
    guint8 bytes[MAX_BYTES];
} World;

/* What came of an operation. */
typedef struct {
    gint error; /* 0: none */
    guint64 address;
    NubHash hash;
    NubResult result;
    guint64 regs[NUB_N_REGS], pc;
    GBytes *read;
} Outcome;

static void
take_error(Outcome *outcome, GError *error)
{
    if (!error)
        return;
    outcome->error = error->code;
    nub_error_get_address(error, &outcome->address);
    g_error_free(error);
}

static void
assert_same(const Outcome *a, const Outcome *b)
{
    g_assert_cmpint(a->error, ==, b->error);
    g_assert_cmphex(a->address, ==, b->address);
    state_assert_hash(&a->hash, &b->hash);
    g_assert_cmpmem(&a->result, sizeof a->result, &b->result, sizeof b->result);
    g_assert_cmpmem(a->regs, sizeof a->regs, b->regs, sizeof b->regs);
    g_assert_cmphex(a->pc, ==, b->pc);
    g_assert_true(!a->read == !b->read);
    g_assert_true(!a->read || g_bytes_equal(a->read, b->read));
}

enum op { OP_READ, OP_WRITE, OP_MAP, OP_RUN, OP_COMMIT, OP_OPEN, OP_CALL, OP_LOOK, OP_DROP, N_OPS };

typedef struct {
    enum op op;
    guint slot;
    guint64 address, size, value;
    guint32 pc; /* of a store or a load */
    gboolean writable;
    guint32 endpoint;
    guint nth; /* of the instances: */
    NubHash instance;
} Step;

static Step
random_step(World *w)
{
    static const enum op ops[] = { OP_READ,  OP_READ, OP_READ, OP_WRITE, OP_WRITE,
                                   OP_WRITE, OP_RUN,  OP_RUN,  OP_MAP,   OP_COMMIT,
                                   OP_OPEN,  OP_CALL, OP_CALL, OP_LOOK,  OP_DROP };
    static const guint32 pcs[] = { 0, 3, 10, 13 };
    static const guint sizes[] = { 0, 1, 8, 64, 4096, 3 * 4096, MAX_BYTES };
    guint most = sizes[g_rand_int_range(w->rand, 0, G_N_ELEMENTS(sizes))];
    Step step = { .op = ops[g_rand_int_range(w->rand, 0, G_N_ELEMENTS(ops))],
                  .slot = (guint)g_rand_int_range(w->rand, 0, N_SLOTS),
                  .address = (guint64)g_rand_int_range(w->rand, 0, N_PAGES * 4096),
                  .size = (guint64)g_rand_int_range(w->rand, 0, (gint)most + 1),
                  .value = g_rand_int(w->rand),
                  .pc = pcs[g_rand_int_range(w->rand, 0, G_N_ELEMENTS(pcs))],
                  .writable = g_rand_boolean(w->rand),
                  .endpoint = (guint32)g_rand_int_range(w->rand, 0, 2),
                  .nth = (guint)g_rand_int_range(w->rand, 0, (gint)w->instances->len) };

    if (g_rand_int_range(w->rand, 0, 4) == 0)
        step.address &= ~(PAGE - 1);
    if (g_rand_int_range(w->rand, 0, 50) == 0)
        step.address += (G_GUINT64_CONSTANT(1) << 32) - N_PAGES * PAGE / 2;
    if (step.op == OP_MAP) {
        step.address &= ~(PAGE - 1);
        step.size = (1 + step.size / PAGE) * PAGE;
    }
    if (step.op == OP_CALL && g_rand_boolean(w->rand))
        step.size = 0;
    if (step.op == OP_CALL)
        step.value %= 5 * PAGE;              /* it is the output's size, too */
    if (step.op == OP_DROP && step.nth == 0) /* the one to begin with stays */
        step.op = OP_LOOK;
    step.instance = g_array_index(w->instances, NubHash, step.nth);
    return step;
}

static void
run(NubSession *session, const Step *step, Outcome *outcome, GError **error)
{
    guint32 pc;

    g_assert_true(nub_session_set_reg(session, 7, step->address, NULL));
    g_assert_true(nub_session_set_reg(session, 8, step->value, NULL));
    g_assert_true(nub_session_set_pc(session, step->pc, NULL));
    if (!nub_session_run(session, NULL, &outcome->result, error))
        return;
    g_assert_true(nub_session_get_regs(session, outcome->regs, NULL));
    g_assert_true(nub_session_get_pc(session, &pc, NULL));
    outcome->pc = pc;
}

/* A call with input, if there is any, which commits; a paused instance goes on. */
static void
call(World *w, guint k, const Step *step, Outcome *outcome, GError **error)
{
    const guint64 args[4] = { step->address, step->value };
    g_autoptr(NubCall) self = nub_call_new(&step->instance);
    g_autoptr(GBytes) input = g_bytes_new_static(w->bytes, step->size);
    g_autoptr(NubOutcome) got = NULL;
    g_autoptr(GError) paused = NULL;

    nub_call_set_gas(self, 1000);
    nub_call_set_commit(self, TRUE);
    nub_call_set_advance(self, step->writable);
    nub_call_set_want_output(self, TRUE, 4 * PAGE);
    nub_call_set_endpoint(self, step->endpoint);
    nub_call_set_args(self, args);
    if (step->size > 0)
        nub_call_set_input(self, input);
    got = nub_kernel_invoke(w->kernels[k], self, NULL, &paused);
    if (g_error_matches(paused, NUB_ERROR, NUB_ERROR_PAUSED)) {
        g_autoptr(NubCall) on = nub_call_new(&step->instance);
        nub_call_set_gas(on, 1000);
        nub_call_set_commit(on, TRUE);
        got = nub_kernel_resume(w->kernels[k], on, NULL, error);
    } else if (paused) {
        g_propagate_error(error, g_steal_pointer(&paused));
    }
    if (!got)
        return;
    nub_outcome_get_result(got, &outcome->result);
    nub_outcome_get_successor(got, &outcome->hash);
    outcome->pc = (guint64)nub_outcome_get_output_state(got);
    outcome->read = nub_outcome_get_output(got);
    if (outcome->read)
        g_bytes_ref(outcome->read);
}

static void
do_step(World *w, const Step *step, guint k, Outcome *outcome)
{
    const guint64 none[4] = { 0 };
    NubSession **session = &w->sessions[step->slot][k];
    GError *error = NULL;

    *outcome = (Outcome){ 0 };
    switch (step->op) {
    case OP_READ:
        outcome->read = nub_session_read(*session, step->address, step->size, &error);
        break;
    case OP_WRITE:
        nub_session_write(*session, step->address, w->bytes, step->size, &error);
        break;
    case OP_MAP:
        nub_session_map(*session, step->address, step->size,
                        step->writable ? NUB_MAP_READ_WRITE : NUB_MAP_READ_ONLY, &error);
        break;
    case OP_RUN:
        run(*session, step, outcome, &error);
        break;
    case OP_COMMIT:
        nub_session_commit(*session, FALSE, &outcome->hash, &error);
        break;
    case OP_OPEN:
        g_clear_object(session);
        *session = nub_kernel_open_session(w->kernels[k], &step->instance, 0, none,
                                           1000 - step->value % 2 * 975, &error);
        g_assert_no_error(error);
        break;
    case OP_CALL:
        call(w, k, step, outcome, &error);
        break;
    case OP_LOOK:
        nub_kernel_invoke_cached(w->kernels[k], &step->instance, step->endpoint,
                                 (const guint64[4]){ step->address, step->value }, 1000,
                                 &outcome->result, &error);
        break;
    case OP_DROP:
        nub_kernel_drop_cap(w->kernels[k], &step->instance, &error);
        g_assert_no_error(error);
        break;
    case N_OPS:
        g_assert_not_reached();
    }
    take_error(outcome, error);
}

static void
do_steps(World *w, guint n)
{
    for (guint slot = 0; slot < N_SLOTS; slot++) {
        Step open = { .op = OP_OPEN, .slot = slot };
        open.instance = g_array_index(w->instances, NubHash, 0);
        for (guint k = 0; k < w->n; k++) {
            Outcome outcome;
            do_step(w, &open, k, &outcome);
        }
    }
    for (guint i = 0; i < n; i++) {
        Step step = random_step(w);
        Outcome first = { 0 }, outcome;
        for (guint64 b = 0; (step.op == OP_WRITE || step.op == OP_CALL) && b < step.size; b++)
            w->bytes[b] = (guint8)g_rand_int(w->rand);
        for (guint k = 0; k < w->n; k++) {
            do_step(w, &step, k, k == 0 ? &first : &outcome);
            if (k == 0)
                continue;
            assert_same(&first, &outcome);
            g_clear_pointer(&outcome.read, g_bytes_unref);
        }
        g_clear_pointer(&first.read, g_bytes_unref);
        if (!first.error && !nub_hash_is_none(&first.hash))
            g_array_append_val(w->instances, first.hash);
        if (step.op == OP_DROP)
            g_array_remove_index_fast(w->instances, step.nth);
    }
}

static const char *const backends[] = { "local", "jit", "kvm" };

static void
test_same(void)
{
    g_autofree World *w = g_new0(World, 1);
    guint rounds = state_times(20, 2000);

    w->rand = g_rand_new_with_seed((guint32)g_test_rand_int());
    for (guint i = 0; i < G_N_ELEMENTS(backends); i++) {
        w->kernels[w->n] = state_open(backends[i]);
        w->n += w->kernels[w->n] != NULL;
    }
    w->instances = g_array_new(FALSE, FALSE, sizeof(NubHash));
    for (guint i = 0; i < rounds; i++) {
        g_array_set_size(w->instances, 0);
        for (guint k = 0; k < w->n; k++) {
            NubHash instance = publish(w->kernels[k]);
            if (k == 0)
                g_array_append_val(w->instances, instance);
        }
        do_steps(w, 200);
    }
    for (guint k = 0; k < w->n; k++) {
        for (guint slot = 0; slot < N_SLOTS; slot++)
            g_clear_object(&w->sessions[slot][k]);
        g_object_unref(w->kernels[k]);
    }
    g_array_unref(w->instances);
    g_rand_free(w->rand);
}

/* The edges of what can be asked for, one by one. */
static void
test_edges(gconstpointer backend)
{
    static const struct {
        guint64 address, size, named;
        gint error;
    } rows[] = {
        { 16 * PAGE, 0, 0, 0 },
        { 10 * PAGE + 5, 0, 0, 0 }, /* no bytes are mapped anywhere */
        { G_GUINT64_CONSTANT(1) << 32, 0, 0, 0 },
        { G_GUINT64_CONSTANT(1) << 32, 1, 0, NUB_ERROR_INVALID_ARGUMENT },
        { (G_GUINT64_CONSTANT(1) << 32) + 1, 0, 0, NUB_ERROR_INVALID_ARGUMENT },
        { 16 * PAGE, G_GUINT64_CONSTANT(1) << 32, 0, NUB_ERROR_INVALID_ARGUMENT },
        { 16 * PAGE, G_MAXUINT64, 0, NUB_ERROR_INVALID_ARGUMENT },
        { 7 * PAGE, PAGE, 0, 0 },
        { 7 * PAGE, PAGE + 1, 8 * PAGE, NUB_ERROR_NOT_MAPPED },
        { 15 * PAGE - 1, 3 * PAGE, 14 * PAGE, NUB_ERROR_NOT_MAPPED },
        { (G_GUINT64_CONSTANT(1) << 32) - 1, 1, 0xFFFFF000, NUB_ERROR_NOT_MAPPED },
        { 32 * PAGE, 45 * PAGE, 76 * PAGE, NUB_ERROR_NOT_MAPPED },
    };
    const guint64 none[4] = { 0 };
    g_autoptr(NubKernel) kernel = state_open(backend);
    g_autofree guint8 *bytes = g_malloc0(45 * PAGE);
    g_autoptr(GError) error = NULL;

    if (!kernel)
        return;
    NubHash instance = publish(kernel);
    g_autoptr(NubSession) session = nub_kernel_open_session(kernel, &instance, 0, none, 1, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        Outcome outcome = { 0 };
        guint row = i / 2;
        if (i % 2)
            outcome.read = nub_session_read(session, rows[row].address, rows[row].size, &error);
        else
            nub_session_write(session, rows[row].address, bytes, rows[row].size, &error);
        take_error(&outcome, g_steal_pointer(&error));
        g_assert_cmpint(outcome.error, ==, rows[row].error);
        g_assert_cmphex(outcome.address, ==, rows[row].named);
        g_clear_pointer(&outcome.read, g_bytes_unref);
    }
}

/* ---- what a host call costs ------------------------------------------------------------------ */

#define OWN_PAGES   G_GUINT64_CONSTANT(32) /* at 0, that each call uses again */
#define FRESH_PAGES G_GUINT64_CONSTANT(1024)

struct counted {
    const char *name;
    guint8 number;   /* of the host call */
    guint64 args[3]; /* of one of the standard calls */
    guint64 size;    /* what a callback of ours moves */
    gboolean write, fresh;
};

static const struct counted counted[] = {
    { .name = "nothing", .number = 20 },
    { .name = "reads-64-bytes", .number = 20, .size = 64 },
    { .name = "writes-64-bytes", .number = 20, .size = 64, .write = TRUE },
    { .name = "reads-64-KiB", .number = 20, .size = 65536 },
    { .name = "writes-64-KiB", .number = 20, .size = 65536, .write = TRUE },
    { .name = "reads-new-pages", .number = 20, .size = 65536, .fresh = TRUE },
    { .name = "writes-new-pages", .number = 20, .size = 65536, .fresh = TRUE, .write = TRUE },
    { .name = "write", .number = NUB_HOST_CALL_WRITE, .args = { 1, 100, 1 } },
    { .name = "read", .number = NUB_HOST_CALL_READ, .args = { 0, 100, 4096 } },
    { .name = "keccak", .number = NUB_HOST_CALL_KECCAK_256, .args = { 0, 1000, 5000 } },
    { .name = "sha", .number = NUB_HOST_CALL_SHA_256, .args = { 0, 1000, 5000 } },
};

typedef struct {
    const struct counted *what;
    guint64 calls;
} Caller;

static NubHostVerdict
move_bytes(NubHostCall *call, gpointer data)
{
    static guint8 bytes[65536];
    Caller *self = data;
    guint64 address = self->what->fresh ? (OWN_PAGES + 16 * self->calls) * PAGE : 100;
    g_autoptr(GError) error = NULL;

    self->calls++;
    if (self->what->write)
        nub_host_call_write(call, address, bytes, self->what->size, &error);
    else
        nub_host_call_read(call, address, bytes, self->what->size, &error);
    g_assert_no_error(error);
    /* what was written is there at once */
    if (self->what->write) {
        guint8 byte = 0;
        bytes[0]++;
        g_assert_true(nub_host_call_write(call, address, bytes, 1, NULL));
        g_assert_true(nub_host_call_read(call, address, &byte, 1, NULL));
        g_assert_cmpuint(byte, ==, bytes[0]);
    }
    return NUB_HOST_VERDICT_CONTINUE;
}

static guint64
requests(NubKernel *kernel)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) stats = nub_kernel_stats(kernel, &error);
    guint64 n;

    g_assert_no_error(error);
    g_assert_true(g_variant_lookup(stats, "nub_guest_requests_total", "t", &n));
    return n;
}

/* Requests that a run with so many host calls takes. */
static guint64
count(NubKernel *kernel, const NubHash *instance, const struct counted *what, guint64 calls)
{
    const guint64 args[4] = { what->args[0], what->args[1], what->args[2], calls };
    g_autoptr(NubHostTable) table = nub_host_table_new();
    g_autoptr(NubCall) call = nub_call_new(instance);
    g_autoptr(GError) error = NULL;
    int input = open("/dev/null", O_RDONLY), output = open("/dev/null", O_WRONLY);
    Caller caller = { .what = what };

    nub_host_table_add(table, 20, 1, move_bytes, &caller, NULL);
    nub_host_table_add_standard(table, input, output, output, NULL);
    nub_call_set_args(call, args);
    nub_call_set_gas(call, NUB_GAS_MAX);
    nub_call_set_host_table(call, table);
    guint64 before = requests(kernel);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    NubResult result;
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(result.return_value, !=, G_MAXUINT64);
    close(input);
    close(output);
    return requests(kernel) - before;
}

static void
test_one_round_trip(gconstpointer data)
{
    const struct counted *what = data;
    /* ecalli N; add_imm_64 phi10 -= 1; branch_ne_imm phi10, 0, back; jump_ind phi0 */
    const guint8 loop[] = {
        0x0A, what->number, 0x95, 0xAA, 0xFF, 0x52, 0x0A, 0xFB, 0x01, 0x32, 0x00,
    };
    static const guint8 mask[] = { 0x25, 0x03 };
    g_autoptr(NubKernel) kernel = state_open("kvm");

    if (!kernel)
        return;
    NubHash instance =
        state_publish_code(kernel, loop, sizeof loop, mask, 0, (OWN_PAGES + FRESH_PAGES) * PAGE);
    guint64 few = count(kernel, &instance, what, 10), many = count(kernel, &instance, what, 60);
    /* the first call of an instance also brings it to the guest */
    few = count(kernel, &instance, what, 10);
    g_assert_cmpuint(many - few, ==, 50);
}

int
main(int argc, char **argv)
{
    state_init(&argc, &argv);
    for (gsize i = 0; i < G_N_ELEMENTS(backends); i++) {
        g_autofree char *path = g_strdup_printf("/state/memory/%s/edges", backends[i]);
        g_test_add_data_func(path, backends[i], test_edges);
    }
    g_test_add_func("/state/memory/is-the-same-on-every-backend", test_same);
    for (gsize i = 0; i < G_N_ELEMENTS(counted); i++) {
        g_autofree char *path =
            g_strdup_printf("/state/memory/kvm/host-call-is-one-round-trip/%s", counted[i].name);
        g_test_add_data_func(path, &counted[i], test_one_round_trip);
    }
    return g_test_run();
}
