/* test-hostile.c - a guest that has turned: whatever it writes where it can write, the host stays
 * whole
 *
 * While calls run, a second thread plays the hostile guest: it overwrites the parts of guest memory
 * that the host reads, with random bytes and with the worst values for each field. Nothing may
 * crash, hang or read out of bounds (the ASan tree runs this, too), every status is one that the
 * ABI has, what is published stays right, and once the attack is over calls give right answers
 * again. */
#include "bytes.h"
#include "kvm-fixture.h"

struct attack {
    const char *name;
    uint64_t begin, size; /* guest-physical; random bytes here */
    void (*strike)(GRand *rand, uint8_t *memory, uint64_t memory_size); /* instead, if set */
    const char *wait;                                                   /* NULL: adaptive */
};

static void
strike_mailbox(GRand *rand, uint8_t *memory, uint64_t memory_size)
{
    static const uint32_t words[] = { 0,    1,          2,           24,          152, 168, 1024,
                                      1025, 0x7fffffff, 0x80000000u, 0xffffffffu, 27,  28 };
    struct nub_mailbox *box = (void *)(memory + NUB_GUEST_LANES + NUB_LANE_MAILBOX);
    uint64_t wide = words[g_rand_int_range(rand, 0, G_N_ELEMENTS(words))];
    uint32_t word = words[g_rand_int_range(rand, 0, G_N_ELEMENTS(words))];
    uint64_t *packet = (void *)box->packet;

    if (g_rand_boolean(rand))
        wide = memory_size - wide;
    switch (g_rand_int_range(rand, 0, 7)) {
    case 0:
        __atomic_store_n(&box->answered, box->posted, __ATOMIC_SEQ_CST);
        break;
    case 1:
        box->answered = wide;
        break;
    case 2:
        box->status = (int32_t)word;
        break;
    case 3:
        box->reply_size = word;
        break;
    case 4:
        packet[g_rand_int_range(rand, 0, 22)] = wide;
        break;
    case 5:
        box->state = word;
        memset(&box->failure, g_rand_int_range(rand, 0, 256), sizeof box->failure);
        break;
    default:
        box->heartbeat++;
        box->notify = word;
        break;
    }
}

/* Entries of windows' tables that lead where none should: out of the pool, out of the heap, to
 * themselves. */
static void
strike_tables(GRand *rand, uint8_t *memory, uint64_t memory_size)
{
    const uint64_t targets[] = { 0,
                                 NUB_GUEST_TABLES,
                                 NUB_GUEST_LANES,
                                 NUB_GUEST_PT_POOL,
                                 NUB_GUEST_HEAP - NUB_PAGE_SIZE,
                                 NUB_GUEST_HEAP,
                                 memory_size - NUB_PAGE_SIZE,
                                 memory_size,
                                 NUB_GUEST_PAGE_ADDRESS };
    const uint64_t flags = NUB_GUEST_PAGE_PRESENT | NUB_GUEST_PAGE_USER | NUB_GUEST_PAGE_OWN;
    uint64_t *tables = (uint64_t *)(memory + NUB_GUEST_PT_POOL);
    uint64_t table = (uint64_t)g_rand_int_range(rand, 0, 32) * 512;
    uint64_t *entry = &tables[table + (uint64_t)g_rand_int_range(rand, 0, 32)];

    __atomic_store_n(entry,
                     targets[g_rand_int_range(rand, 0, G_N_ELEMENTS(targets))] |
                         (flags & g_rand_int(rand)) | 2,
                     __ATOMIC_RELAXED);
}

/* The headers of directory and heap are among the kernel's variables, their tables and entries at
 * the beginning of the heap. */
static const struct attack attacks[] = {
    { "mailbox-fields", 0, 0, strike_mailbox },
    { "mailbox", NUB_GUEST_LANES + NUB_LANE_MAILBOX, sizeof(struct nub_mailbox), NULL },
    { "bulk-area", NUB_GUEST_LANES + NUB_LANE_BULK, NUB_LANE_BULK_SIZE, NULL },
    { "lane-context-and-stack", NUB_GUEST_LANES + NUB_LANE_CONTEXT,
      NUB_LANE_BULK - NUB_LANE_CONTEXT, NULL },
    { "kernel-data", NUB_GUEST_DATA, 0x8000, NULL },
    { "heap-table-and-directory", NUB_GUEST_HEAP, 0x200000, NULL },
    { "page-tables", NUB_GUEST_PT_POOL, 0x20000, NULL },
    { "page-table-entries", 0, 0, strike_tables },
    { "descriptors-and-stubs", NUB_GUEST_LANES, NUB_LANE_MAILBOX, NULL },
    { "text", NUB_GUEST_TEXT, 0x12000, NULL },
    { "mailbox-fields-sync", 0, 0, strike_mailbox, "sync" },
    { "kernel-data-sync", NUB_GUEST_DATA, 0x8000, NULL, "sync" },
    { "mailbox-fields-poll", 0, 0, strike_mailbox, "poll" },
};

struct striker {
    const struct attack *attack;
    struct fixture *f;
    uint32_t stop;
    uint32_t seed;
};

/* Strikes while calls run: no lane's lock is taken, only that which keeps the memory mapped. */
static gpointer
strike(gpointer data)
{
    struct striker *striker = data;
    const struct attack *attack = striker->attack;
    struct nub_kvm *kvm = striker->f->kvm;
    GRand *rand = g_rand_new_with_seed(striker->seed);

    while (!__atomic_load_n(&striker->stop, __ATOMIC_ACQUIRE)) {
        pthread_rwlock_rdlock(&kvm->guest.memory_lock);
        uint8_t *memory = kvm->guest.vm.memory;
        for (unsigned i = 0; memory && i < 32; i++) {
            if (attack->strike) {
                attack->strike(rand, memory, kvm->guest.vm.memory_size);
                continue;
            }
            uint64_t at =
                attack->begin + (uint64_t)(g_rand_double(rand) * (double)(attack->size - 8));
            uint64_t value = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
            if (g_rand_boolean(rand))
                value = g_rand_boolean(rand) ? 0 : UINT64_MAX;
            memcpy(memory + at, &value, 1u << g_rand_int_range(rand, 0, 4));
        }
        pthread_rwlock_unlock(&kvm->guest.memory_lock);
        g_usleep((gulong)g_rand_int_range(rand, 0, 300));
    }
    g_rand_free(rand);
    return NULL;
}

static void
judge(struct fixture *f, int32_t status)
{
    g_assert_cmpint(status, >=, NUB_OK);
    g_assert_cmpint(status, <=, NUB_ERR_SYSTEM);
    if (status != NUB_OK) {
        g_assert_cmpint(f->failure.code, ==, status);
        g_assert_nonnull(memchr(f->failure.message, 0, sizeof f->failure.message));
        g_assert_true(g_utf8_validate(f->failure.message, -1, NULL));
    }
}

/* A session through all of its operations. */
static void
use_session(struct fixture *f, const struct nub_hash *instance)
{
    struct nub_session_args args = { .struct_size = sizeof args,
                                     .instance = *instance,
                                     .gas = 100000 };
    struct nub_hash successor;
    struct nub_result result;
    uint8_t bytes[8192] = { 0 };
    void *session;
    int32_t status = f->ops->session_open(f->backend, &args, &session, &f->failure);

    judge(f, status);
    if (status)
        return;
    judge(f, f->ops->session_map(session, 0x40000000, 0x2000, NUB_ACCESS_READ_WRITE, &f->failure));
    judge(f, f->ops->session_write(session, 0x40000000, bytes, sizeof bytes, &f->failure));
    judge(f, f->ops->session_run(session, &result, &f->failure));
    /* tables and pages are looked at where they are */
    for (unsigned i = 0; i < 50; i++) {
        judge(f, f->ops->session_read(session, 0x10000, bytes, 4096, &f->failure));
        judge(f, f->ops->session_write(session, 0x3ffff000 + i * 64, bytes, 64, &f->failure));
        judge(f, f->ops->session_write(session, 0x40000000 + i, bytes, 4096, &f->failure));
        judge(f, f->ops->session_read(session, 0x40000000, bytes, sizeof bytes, &f->failure));
    }
    status = f->ops->session_commit(session, 0, &successor, &f->failure);
    judge(f, status);
    f->ops->session_close(session);
}

/* Calls that commit, each from what the one before has left. */
static void
use_successors(struct fixture *f, const struct nub_hash *instance)
{
    struct nub_call call = {
        .struct_size = sizeof call, .flags = NUB_CALL_COMMIT, .instance = *instance, .gas = 100000
    };

    for (unsigned i = 0; i < 3; i++) {
        struct nub_outcome outcome = { .struct_size = sizeof outcome };
        int32_t status = f->ops->invoke(f->backend, &call, &outcome, &f->failure);
        judge(f, status);
        if (i > 0)
            judge(f, f->ops->drop_cap(f->backend, &call.instance, &f->failure));
        if (status || nub_hash_is_zero(&outcome.successor))
            return;
        call.instance = outcome.successor;
    }
    judge(f, f->ops->drop_cap(f->backend, &call.instance, &f->failure));
}

/* Only the first calls after an attack may still fail; then all is right. */
static void
assert_whole(struct fixture *f, const struct nub_hash *instance)
{
    struct nub_result result;
    uint64_t count;
    uint32_t present;
    struct nub_hash root;

    /* what was struck and not noticed yet */
    nub_guest_break(&f->kvm->guest, NUB_ERR_GUEST_CORRUPT, "the attack is over");
    for (unsigned i = 0; i < 5; i++) {
        assert_ok(fixture_invoke(f, instance, NULL, 100000, &result), f->failure);
        g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(result.return_value, ==, 1);
    }
    assert_ok(f->ops->contains(f->backend, instance, &present, &f->failure), f->failure);
    g_assert_cmpuint(present, ==, 1);
    assert_ok(f->ops->refcount(f->backend, instance, &count, &f->failure), f->failure);
    g_assert_cmpuint(count, ==, 2);
    assert_ok(f->ops->state_root(f->backend, &root, &f->failure), f->failure);
    g_assert_cmpmem(&root, sizeof root, instance, sizeof root);
}

static void
test_attack(gconstpointer data)
{
    const struct attack *attack = data;
    const struct nub_option options[] = { { "watchdog", "500000000" },
                                          { "guest-memory", "67108864" },
                                          { "wait", attack->wait ? attack->wait : "adaptive" } };
    struct nub_heap_stats stats = { .struct_size = sizeof stats };
    struct striker striker = { .attack = attack };
    struct nub_result result;
    struct nub_hash instance;
    struct fixture f;
    unsigned failed = 0;
    gint64 until;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, options, 3);
    instance = fixture_put_program(&f, &program_count, 0x11000);
    assert_ok(f.ops->set_state_root(f.backend, &instance, &f.failure), f.failure);
    assert_ok(fixture_invoke(&f, &instance, NULL, 100000, &result), f.failure);
    striker.f = &f;
    striker.seed = g_test_rand_int() & 0x7fffffff;
    GThread *thread = g_thread_new("striker", strike, &striker);
    for (until = g_get_monotonic_time() + 6 * G_USEC_PER_SEC / 10;
         g_get_monotonic_time() < until;) {
        int32_t status = (int32_t)fixture_invoke(&f, &instance, NULL, 100000, &result);
        judge(&f, status);
        failed += status == NUB_ERR_GUEST_CORRUPT || status == NUB_ERR_GUEST_LOST;
        use_session(&f, &instance);
        use_successors(&f, &instance);
        judge(&f, f.ops->heap_stats(f.backend, &stats, &f.failure));
    }
    __atomic_store_n(&striker.stop, 1, __ATOMIC_RELEASE);
    g_thread_join(thread);
    g_test_message("%s: %u calls found the guest out", striker.attack->name, failed);
    assert_whole(&f, &instance);
    fixture_close(&f);
}

/* One blow that cannot go unnoticed is called by its name. */
static void
test_reports(void)
{
    struct nub_result result;
    struct nub_hash instance;
    struct fixture f;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    instance = fixture_put_program(&f, &program_count, 0x11000);
    assert_ok(fixture_invoke(&f, &instance, NULL, 100000, &result), f.failure);
    assert_ok(f.ops->set_state_root(f.backend, &instance, &f.failure), f.failure);
    /* the kernel's variables are gone, and it panics when it looks for its directory */
    memset(f.kvm->guest.vm.memory + NUB_GUEST_DATA, 0, 0x8000);
    g_assert_cmpint(fixture_invoke(&f, &instance, NULL, 100000, &result), ==,
                    NUB_ERR_GUEST_CORRUPT);
    g_assert_cmpint(f.failure.code, ==, NUB_ERR_GUEST_CORRUPT);
    assert_whole(&f, &instance);
    fixture_close(&f);
}

/* ---- a guest that agrees with everything -------------------------------------------------- */

struct yes_man {
    struct nub_lane *lane;
    GThread *thread;
    uint32_t stop;
};

static uint32_t
reply_size_of(uint32_t request)
{
    switch (request) {
    case NUB_REQUEST_SESSION_OPEN:
        return sizeof(struct nub_packet_open);
    case NUB_REQUEST_SESSION_RUN:
        return sizeof(struct nub_packet_state);
    case NUB_REQUEST_SESSION_PAGES:
        return sizeof(struct nub_packet_pages);
    default:
        return 0;
    }
}

static gpointer
say_yes(gpointer data)
{
    struct yes_man *yes_man = data;
    struct nub_mailbox *box = yes_man->lane->box;

    while (!__atomic_load_n(&yes_man->stop, __ATOMIC_ACQUIRE)) {
        uint64_t posted = __atomic_load_n(&box->posted, __ATOMIC_SEQ_CST);
        if (box->answered != posted) {
            box->status = NUB_OK;
            box->reply_size = reply_size_of(box->request);
            __atomic_store_n(&box->answered, posted, __ATOMIC_SEQ_CST);
        }
        g_usleep(100);
    }
    return NULL;
}

/* Until the end the vCPU runs nowhere, and each request is answered with OK and what it had sent.
 */
static void
yes_man_begin(struct yes_man *yes_man, struct fixture *f)
{
    *yes_man = (struct yes_man){ .lane = &f->kvm->guest.lanes[0] };
    g_assert_cmpuint(yes_man->lane->turn, ==, NUB_TURN_FREE);
    __atomic_store_n(&yes_man->lane->turn, NUB_TURN_CALLER, __ATOMIC_SEQ_CST);
    yes_man->thread = g_thread_new("yes-man", say_yes, yes_man);
}

static void
yes_man_end(struct yes_man *yes_man)
{
    __atomic_store_n(&yes_man->stop, 1, __ATOMIC_RELEASE);
    g_thread_join(yes_man->thread);
    __atomic_store_n(&yes_man->lane->turn, NUB_TURN_FREE, __ATOMIC_SEQ_CST);
}

/* A Data is no instance, whatever the guest says. */
static void
test_opens_anything(void)
{
    static const uint8_t text[] = "no instance";
    const struct nub_option sync = { "wait", "sync" };
    uint8_t wire[2 * NUB_PAGE_SIZE];
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 1000 };
    struct nub_hash instance;
    struct yes_man yes_man;
    struct fixture f;
    void *session;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &sync, 1);
    instance = fixture_put_program(&f, &program_count, 0x11000);
    assert_ok(f.ops->set_state_root(f.backend, &instance, &f.failure), f.failure);
    g_assert_cmpuint(nub_data_wire_size(sizeof text), <=, sizeof wire);
    nub_data_encode(wire, (struct nub_slice){ text, sizeof text });
    args.instance = fixture_put(&f, wire, nub_data_wire_size(sizeof text));
    yes_man_begin(&yes_man, &f);
    g_assert_cmpint(f.ops->session_open(f.backend, &args, &session, &f.failure), ==,
                    NUB_ERR_GUEST_CORRUPT);
    yes_man_end(&yes_man);
    assert_whole(&f, &instance);
    fixture_close(&f);
}

/* Ranges that a right guest refuses: the first two the host refuses itself. */
static void
test_maps_anything(void)
{
    const struct nub_option sync = { "wait", "sync" };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 1000 };
    struct yes_man yes_man;
    struct fixture f;
    void *session;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &sync, 1);
    args.instance = fixture_put_program(&f, &program_count, 0x11000);
    assert_ok(f.ops->set_state_root(f.backend, &args.instance, &f.failure), f.failure);
    assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
    yes_man_begin(&yes_man, &f);
    g_assert_cmpint(
        f.ops->session_map(session, 0x40000000, 0x1001, NUB_ACCESS_READ_WRITE, &f.failure), ==,
        NUB_ERR_INVALID_ARGUMENT);
    g_assert_cmpint(f.ops->session_map(session, 0x40000000, ~(uint64_t)0xfff, NUB_ACCESS_READ_WRITE,
                                       &f.failure),
                    ==, NUB_ERR_INVALID_ARGUMENT);
    assert_ok(f.ops->session_map(session, 0x40000000, 0x2000, NUB_ACCESS_READ_WRITE, &f.failure),
              f.failure);
    g_assert_cmpint(
        f.ops->session_map(session, 0x40001000, 0x2000, NUB_ACCESS_READ_WRITE, &f.failure), ==,
        NUB_ERR_GUEST_CORRUPT);
    yes_man_end(&yes_man);
    f.ops->session_close(session);
    assert_whole(&f, &args.instance);
    fixture_close(&f);
}

/* Says that it has made the successor, which it has not. The name is the host's; the lie comes out
 * when the successor is called, and another guest is brought it. */
static void
test_derives_nothing(void)
{
    const struct nub_option sync = { "wait", "sync" };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 1 };
    struct nub_call call = { .struct_size = sizeof call, .gas = 100000 };
    struct nub_outcome outcome = { .struct_size = sizeof outcome };
    struct nub_result result;
    struct yes_man yes_man;
    struct fixture f;
    void *session;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &sync, 1);
    args.instance = fixture_put_program(&f, &program_count, 0x11000);
    assert_ok(f.ops->set_state_root(f.backend, &args.instance, &f.failure), f.failure);
    assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
    assert_ok(f.ops->session_run(session, &result, &f.failure), f.failure);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
    yes_man_begin(&yes_man, &f);
    assert_ok(f.ops->session_commit(session, 0, &call.instance, &f.failure), f.failure);
    yes_man_end(&yes_man);
    f.ops->session_close(session);
    call.flags = NUB_CALL_REGS;
    memcpy(call.regs, (uint64_t[NUB_N_REGS]){ NUB_HALT_ADDRESS }, sizeof call.regs);
    g_assert_cmpint(f.ops->resume(f.backend, &call, &outcome, &f.failure), ==,
                    NUB_ERR_GUEST_CORRUPT);
    assert_ok(f.ops->resume(f.backend, &call, &outcome, &f.failure), f.failure);
    g_assert_cmpuint(outcome.result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(outcome.result.return_value, ==, 1);
    assert_ok(f.ops->drop_cap(f.backend, &call.instance, &f.failure), f.failure);
    assert_whole(&f, &args.instance);
    fixture_close(&f);
}

/* ---- tables that lead astray --------------------------------------------------------------- */

/* Follows the tables of the only session to the entry of a page, as the host does. */
static uint64_t *
entry_of(struct fixture *f, uint64_t root, uint64_t address, unsigned level)
{
    uint8_t *memory = f->kvm->guest.vm.memory;
    uint64_t *entry = NULL, table = root;

    for (unsigned shift = 39; level-- > 0; shift -= 9) {
        entry = (uint64_t *)(memory + (table & NUB_GUEST_PAGE_ADDRESS)) + (address >> shift & 511);
        table = *entry;
    }
    return entry;
}

/* A session that has run, with its page at 0x10000 its own. */
static void *
open_and_run(struct fixture *f, struct nub_hash *instance, uint64_t *root)
{
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 100000 };
    struct nub_result result;
    void *session;

    *instance = args.instance = fixture_put_program(f, &program_count, 0x11000);
    assert_ok(f->ops->set_state_root(f->backend, instance, &f->failure), f->failure);
    assert_ok(f->ops->session_open(f->backend, &args, &session, &f->failure), f->failure);
    assert_ok(f->ops->session_run(session, &result, &f->failure), f->failure);
    /* A session begins with its machine. */
    *root = ((struct nub_machine *)session)->root;
    g_assert_cmphex(*entry_of(f, *root, 0x10000, 4) & NUB_GUEST_PAGE_OWN, !=, 0);
    return session;
}

/* A page of the program's that the guest says is somewhere else. `status`: what an access makes of
 * it; where it is OK, nothing outside of the heap has been read or written all the same. */
struct astray {
    const char *name;
    unsigned level; /* 4: the page itself */
    uint64_t target;
    int32_t read, write;
};

static const struct astray astray[] = {
    { "page-in-descriptors", 4, NUB_GUEST_LANES, NUB_ERR_GUEST_CORRUPT, NUB_ERR_GUEST_CORRUPT },
    { "page-in-kernel-tables", 4, NUB_GUEST_TABLES, NUB_ERR_GUEST_CORRUPT, NUB_ERR_GUEST_CORRUPT },
    { "page-below-heap", 4, NUB_GUEST_HEAP - 4096, NUB_ERR_GUEST_CORRUPT, NUB_ERR_GUEST_CORRUPT },
    { "page-behind-memory", 4, 64u << 20, NUB_ERR_GUEST_CORRUPT, NUB_ERR_GUEST_CORRUPT },
    { "page-far-away", 4, NUB_GUEST_PAGE_ADDRESS, NUB_ERR_GUEST_CORRUPT, NUB_ERR_GUEST_CORRUPT },
    /* not in the tables: what the instance gives */
    { "table-in-heap", 3, NUB_GUEST_HEAP, NUB_OK, NUB_OK },
    { "table-below-pool", 3, NUB_GUEST_PT_POOL - 4096, NUB_OK, NUB_OK },
    { "table-behind-memory", 2, 64u << 20, NUB_OK, NUB_OK },
    { "table-far-away", 1, NUB_GUEST_PAGE_ADDRESS, NUB_OK, NUB_OK },
};

static void
test_astray(gconstpointer data)
{
    const struct astray *a = data;
    const struct nub_option size = { "guest-memory", "67108864" };
    struct nub_hash instance;
    struct fixture f;
    uint64_t root;

    if (!kvm_test_ready())
        return;
    for (int write = 0; write < 2; write++) {
        fixture_open(&f, &size, 1);
        void *session = open_and_run(&f, &instance, &root);
        uint8_t *memory = f.kvm->guest.vm.memory, bytes[64], before[4096];
        uint64_t *entry = entry_of(&f, root, 0x10000, a->level);
        bool inside = a->target < f.kvm->guest.vm.memory_size;
        *entry = (*entry & ~NUB_GUEST_PAGE_ADDRESS) | a->target;
        memcpy(before, memory + (inside ? a->target : 0), sizeof before);
        memset(bytes, 0xee, sizeof bytes);
        g_assert_cmpint(
            write ? f.ops->session_write(session, 0x10008, bytes, sizeof bytes, &f.failure)
                  : f.ops->session_read(session, 0x10008, bytes, sizeof bytes, &f.failure),
            ==, write ? a->write : a->read);
        g_assert_cmpmem(before, sizeof before, memory + (inside ? a->target : 0), sizeof before);
        for (unsigned i = 0; !write && a->read == NUB_OK && i < sizeof bytes; i++)
            g_assert_cmpuint(bytes[i], ==, 0);
        f.ops->session_close(session);
        assert_whole(&f, &instance);
        fixture_close(&f);
    }
}

/* A table that leads to itself is followed as far as there are levels. */
static void
test_circle(void)
{
    struct nub_hash instance;
    struct fixture f;
    uint8_t byte;
    uint64_t root;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    void *session = open_and_run(&f, &instance, &root);
    uint64_t *entry = entry_of(&f, root, 0, 1);
    *entry = (*entry & ~NUB_GUEST_PAGE_ADDRESS) | root;
    /* four steps end at the root, which is no page of the heap */
    g_assert_cmpint(f.ops->session_read(session, 0, &byte, 1, &f.failure), ==,
                    NUB_ERR_GUEST_CORRUPT);
    f.ops->session_close(session);
    assert_whole(&f, &instance);
    fixture_close(&f);
}

/* A guest that says it has made pages, and has not. */
static void
test_owns_nothing(void)
{
    enum { SIZE = 64 * NUB_PAGE_SIZE };
    const struct nub_option sync = { "wait", "sync" };
    struct nub_session_args args = { .struct_size = sizeof args, .gas = 1000 };
    g_autofree uint8_t *bytes = g_malloc0(SIZE);
    struct yes_man yes_man;
    struct fixture f;
    void *session;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, &sync, 1);
    args.instance = fixture_put_program(&f, &program_count, 0x10000 + SIZE);
    assert_ok(f.ops->session_open(f.backend, &args, &session, &f.failure), f.failure);
    yes_man_begin(&yes_man, &f);
    g_assert_cmpint(f.ops->session_write(session, 0x10000, bytes, SIZE, &f.failure), ==,
                    NUB_ERR_GUEST_CORRUPT);
    yes_man_end(&yes_man);
    f.ops->session_close(session);
    fixture_close(&f);
}

/* What a session had in a guest that is gone is neither read nor written. */
static void
test_restart_between(void)
{
    struct nub_hash instance;
    struct fixture f;
    uint8_t bytes[64] = { 0 };
    uint64_t root;

    if (!kvm_test_ready())
        return;
    fixture_open(&f, NULL, 0);
    void *session = open_and_run(&f, &instance, &root);
    nub_guest_break(&f.kvm->guest, NUB_ERR_GUEST_LOST, "for the test");
    g_assert_cmpint(f.ops->session_read(session, 0x10000, bytes, 64, &f.failure), ==,
                    NUB_ERR_GUEST_LOST);
    assert_whole(&f, &instance);
    g_assert_cmpint(f.ops->session_read(session, 0x10000, bytes, 64, &f.failure), ==,
                    NUB_ERR_GUEST_LOST);
    g_assert_cmpint(f.ops->session_write(session, 0x10000, bytes, 64, &f.failure), ==,
                    NUB_ERR_GUEST_LOST);
    f.ops->session_close(session);
    fixture_close(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/hostile/is-reported-and-the-next-call-works", test_reports);
    g_test_add_func("/kvm/hostile/opens-what-cannot-run", test_opens_anything);
    g_test_add_func("/kvm/hostile/maps-what-cannot-be-mapped", test_maps_anything);
    g_test_add_func("/kvm/hostile/derives-nothing-and-says-yes", test_derives_nothing);
    g_test_add_func("/kvm/hostile/tables-in-a-circle", test_circle);
    g_test_add_func("/kvm/hostile/owns-what-it-has-not", test_owns_nothing);
    g_test_add_func("/kvm/hostile/a-restart-takes-memory-with-it", test_restart_between);
    for (gsize i = 0; i < G_N_ELEMENTS(astray); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/hostile/tables/%s", astray[i].name);
        g_test_add_data_func(path, &astray[i], test_astray);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(attacks); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/hostile/overwrites/%s", attacks[i].name);
        g_test_add_data_func(path, &attacks[i], test_attack);
    }
    return kvm_test_run();
}
