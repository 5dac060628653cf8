/* test-successor.c - which pages become overlays, against a plain reading of caps.md 4.2
 *
 * Chains of random runs over a small address space: what is committed is compared page by page
 * with the instance that the rule gives, encoded from scratch.
 */
#include "bytes.h"
#include "model-test.h"
#include "successor.h"
#include <string.h>

#define N_PAGES 48u
#define N_LEVELS                                                                                   \
    4u /* few different page contents, so that pages often return to what they were                \
        */

/* The address space: page number -> content, as a fill byte (0: zeros). */
struct world {
    enum nub_given given[N_PAGES];
    guint8 given_fill[N_PAGES];
    gboolean mapped[N_PAGES]; /* read-write or read-only, by image, mem_size, overlay or the host */
    guint8 fill[N_PAGES];
};

static guint8 fills[N_LEVELS][NUB_PAGE_SIZE];

static uint32_t
address_of(guint page)
{
    /* two clusters: around 0x10000 and at the very end of the address space */
    return page < N_PAGES / 2 ? (16 + page) * NUB_PAGE_SIZE
                              : (uint32_t)(-(gint)(N_PAGES - page)) * NUB_PAGE_SIZE;
}

static guint
page_of(uint32_t address)
{
    guint number = address / NUB_PAGE_SIZE;

    return number < 16 + N_PAGES / 2 ? number - 16 : N_PAGES - ((1u << 20) - number);
}

static enum nub_given
given(void *ctx, uint32_t address, const uint8_t **bytes)
{
    const struct world *world = ctx;
    guint page = page_of(address);

    if (world->given[page] != NUB_GIVEN_NOTHING)
        *bytes = world->given_fill[page] ? fills[world->given_fill[page]] : NULL;
    return world->given[page];
}

static void
random_world(struct world *world, GRand *rand)
{
    for (guint p = 0; p < N_PAGES; p++) {
        world->given[p] = g_rand_int_range(rand, 0, 8) ? (p / 7) % 3 : NUB_GIVEN_READ_WRITE;
        world->given_fill[p] =
            world->given[p] == NUB_GIVEN_NOTHING ? 0 : g_rand_int_range(rand, 0, N_LEVELS);
        world->mapped[p] = world->given[p] != NUB_GIVEN_NOTHING;
        world->fill[p] = world->given_fill[p];
    }
}

/* The Instance of the world: `all_pages` keeps overlays that the rule would drop. */
static GByteArray *
encode_world(const struct world *world, struct nub_instance_spec *spec, gboolean all_pages)
{
    struct nub_overlay overlays[N_PAGES];
    g_autofree guint8 *bytes = g_malloc(N_PAGES * NUB_PAGE_SIZE);
    GByteArray *wire = g_byte_array_new();
    guint n = 0;

    for (guint p = 0; p < N_PAGES; p++) {
        gboolean differs =
            world->given[p] == NUB_GIVEN_NOTHING || world->fill[p] != world->given_fill[p];

        if (!world->mapped[p] || world->given[p] == NUB_GIVEN_READ_ONLY || !(all_pages || differs))
            continue;
        memcpy(bytes + p * NUB_PAGE_SIZE, fills[world->fill[p]], NUB_PAGE_SIZE);
        if (n > 0 && overlays[n - 1].start + overlays[n - 1].bytes.size == address_of(p)) {
            overlays[n - 1].bytes.size += NUB_PAGE_SIZE;
        } else {
            overlays[n].start = address_of(p);
            overlays[n].bytes.data = bytes + p * NUB_PAGE_SIZE;
            overlays[n++].bytes.size = NUB_PAGE_SIZE;
        }
    }
    spec->overlays = overlays;
    spec->n_overlays = n;
    g_byte_array_set_size(wire, nub_instance_wire_size(spec));
    nub_instance_encode(wire->data, spec);
    return wire;
}

/* A run: writes some pages, touches some without changing them, maps some. */
static guint
random_run(struct world *world, GRand *rand, struct nub_run_page *written)
{
    guint n = 0;

    for (guint p = 0; p < N_PAGES; p++) {
        if (g_rand_int_range(rand, 0, 4))
            continue;
        if (world->given[p] != NUB_GIVEN_READ_ONLY) {
            if (g_rand_int_range(rand, 0, 3))
                world->fill[p] = g_rand_int_range(rand, 0, N_LEVELS);
            world->mapped[p] = TRUE;
        }
        written[n].address = address_of(p);
        written[n++].bytes = world->fill[p] || g_rand_boolean(rand) ? fills[world->fill[p]] : NULL;
    }
    return n;
}

static void
assert_entry_is(const struct nub_dir_entry *entry, const GByteArray *wire)
{
    g_autofree guint8 *got = g_malloc(entry->cap.wire.size);
    struct nub_cap cap;
    struct nub_hash hash;

    nub_dir_wire(entry, got);
    g_assert_cmpmem(got, entry->cap.wire.size, wire->data, wire->len);
    g_assert_cmpint(nub_cap_decode(&cap, nub_test_slice(wire), NULL), ==, NUB_OK);
    nub_cap_hash(&hash, &cap);
    nub_test_assert_hash(&entry->hash, &hash);
}

static struct nub_dir_entry *
put_instance(struct nub_dir *dir, const GByteArray *wire)
{
    struct nub_hash hash;

    g_assert_cmpint(nub_dir_put(dir, nub_test_slice(wire), &hash, NULL), ==, NUB_OK);
    return nub_dir_find(dir, &hash);
}

/* Commits `successor` over `base`, which is dropped; returns the successor's entry. */
static struct nub_dir_entry *
commit(struct nub_dir *dir, struct nub_successor *successor, struct nub_dir_entry *base)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_dir_entry *made;
    struct nub_hash hash;

    nub_dir_pin(dir, base);
    successor->base = base;
    g_assert_cmpint(nub_successor_prepare(&made, dir, successor, &failure), ==, NUB_OK);
    hash = made->hash;
    g_assert_cmpint(nub_dir_put_successor(dir, made, &failure), ==, NUB_OK);
    g_assert_cmpint(nub_dir_drop(dir, &base->hash, NULL), ==, NUB_OK);
    nub_dir_unpin(dir, base);
    return nub_dir_find(dir, &hash);
}

static struct nub_instance_spec
spec_of(guint i, guint8 phase)
{
    struct nub_instance_spec spec = { .image_chain = { { 7 } }, .mem_size = 20 * NUB_PAGE_SIZE };

    spec.phase = phase;
    if (phase) {
        for (guint r = 0; r < NUB_N_REGS; r++)
            spec.regs[r] = G_MAXUINT64 - i * r;
        spec.pc = 5 + i;
        spec.gas_remaining = NUB_GAS_MAX - i;
    }
    return spec;
}

/* A directory that follows another one by what it is told of each commit. */
struct replica {
    struct nub_dir *dir;
    struct nub_dir_entry *entry;
    struct nub_page_change changes[N_PAGES];
    guint n;
    const struct world *world;
};

static void
on_change(void *ctx, uint32_t address, bool dropped)
{
    struct replica *replica = ctx;
    guint fill = replica->world->fill[page_of(address)];

    g_assert_true(replica->n == 0 || replica->changes[replica->n - 1].address < address);
    replica->changes[replica->n].address = address;
    replica->changes[replica->n++].bytes = dropped ? NULL : fills[fill];
}

static void
replica_begin(struct replica *replica, const GByteArray *wire)
{
    struct nub_hash hash;
    struct nub_cap cap;
    uint8_t *blob;

    g_assert_cmpint(nub_cap_decode(&cap, nub_test_slice(wire), NULL), ==, NUB_OK);
    nub_cap_hash(&hash, &cap);
    struct nub_dir_entry *made =
        nub_dir_prepare_blob(replica->dir, wire->len, nub_dir_lead(&cap), &blob);
    memcpy(blob, wire->data, wire->len);
    g_assert_cmpint(nub_dir_prepare_finish(made, &hash, NULL), ==, NUB_OK);
    made = nub_dir_prepare_replica(replica->dir, made);
    g_assert_cmpint(nub_dir_put_prepared(replica->dir, made, NULL), ==, NUB_OK);
    replica->entry = nub_dir_find(replica->dir, &hash);
}

static void
replica_follow(struct replica *replica, const struct nub_successor *successor,
               const struct nub_hash *hash)
{
    struct nub_dir_entry *base = replica->entry;
    struct nub_successor_copy copy = { .base = base,
                                       .hash = *hash,
                                       .changes = replica->changes,
                                       .n_changes = replica->n,
                                       .phase = successor->phase,
                                       .pc = successor->pc,
                                       .gas_remaining = successor->gas_remaining };

    memcpy(copy.regs, successor->regs, sizeof copy.regs);
    if (!nub_hash_equal(&base->hash, hash)) {
        g_assert_cmpint(
            nub_dir_put_successor(replica->dir, nub_successor_copy(replica->dir, &copy), NULL), ==,
            NUB_OK);
        g_assert_cmpint(nub_dir_drop(replica->dir, &base->hash, NULL), ==, NUB_OK);
    }
    replica->n = 0;
    replica->entry = nub_dir_find(replica->dir, hash);
}

/* `replica` may be NULL. */
static void
run_chain(struct nub_dir *dir, struct replica *replica, GRand *rand)
{
    struct nub_instance_spec spec = spec_of(0, 0);
    struct nub_dir_entry *entry;
    struct world world;

    random_world(&world, rand);
    for (guint p = 0; p < N_PAGES; p++)
        if (world.given[p] != NUB_GIVEN_READ_ONLY && g_rand_boolean(rand)) {
            world.mapped[p] = TRUE;
            world.fill[p] = g_rand_int_range(rand, 0, N_LEVELS);
        }
    {
        g_autoptr(GByteArray) wire = encode_world(&world, &spec, g_rand_boolean(rand));

        entry = put_instance(dir, wire);
        if (replica)
            replica_begin(replica, wire);
    }
    for (guint i = 1; i <= 12; i++) {
        struct nub_run_page written[N_PAGES];
        struct nub_successor successor = { .written = written, .given = given };
        g_autoptr(GByteArray) want = NULL;

        spec = spec_of(i, g_rand_int_range(rand, 0, 2));
        successor.given_ctx = &world;
        successor.n_written = random_run(&world, rand, written);
        successor.phase = spec.phase;
        memcpy(successor.regs, spec.regs, sizeof spec.regs);
        successor.pc = (uint32_t)spec.pc;
        successor.gas_remaining = spec.gas_remaining;
        want = encode_world(&world, &spec, FALSE);
        if (replica) {
            replica->world = &world;
            successor.changed = on_change;
            successor.changed_ctx = replica;
        }
        entry = commit(dir, &successor, entry);
        assert_entry_is(entry, want);
        if (replica) {
            replica_follow(replica, &successor, &entry->hash);
            assert_entry_is(replica->entry, want);
        }
    }
    if (replica)
        g_assert_cmpint(nub_dir_drop(replica->dir, &entry->hash, NULL), ==, NUB_OK);
    g_assert_cmpuint(nub_dir_stats(dir).caps, ==, 1);
    g_assert_cmpint(nub_dir_drop(dir, &entry->hash, NULL), ==, NUB_OK);
    g_assert_cmpuint(nub_dir_stats(dir).bytes, ==, 0);
}

static void
test_chains(gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(52);
    const struct nub_dir_options *options = data;
    struct nub_test_alloc test;
    struct nub_dir *dir;

    nub_test_alloc_init(&test, TRUE);
    dir = nub_dir_new(&test.alloc, options);
    for (guint i = 0; i < 150; i++)
        run_chain(dir, NULL, rand);
    nub_dir_free(dir);
    g_assert_cmpuint(test.live_blocks, ==, 0);
    g_assert_cmpuint(test.live_bytes, ==, 0);
}

/* What `changed` tells is enough to make the same successor elsewhere. */
static void
test_replica(gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(53);
    const struct nub_dir_options of_replica = { .seed = { 3, 4 }, .trust_hashes = true };
    struct nub_test_alloc test;
    struct replica *replica = g_new0(struct replica, 1);
    struct nub_dir *dir;

    nub_test_alloc_init(&test, TRUE);
    dir = nub_dir_new(&test.alloc, data);
    replica->dir = nub_dir_new(&test.alloc, &of_replica);
    for (guint i = 0; i < 150; i++)
        run_chain(dir, replica, rand);
    g_assert_cmpuint(nub_dir_stats(replica->dir).bytes, ==, 0);
    nub_dir_free(replica->dir);
    nub_dir_free(dir);
    g_free(replica);
    g_assert_cmpuint(test.live_blocks, ==, 0);
    g_assert_cmpuint(test.live_bytes, ==, 0);
}

/* One commit with every allocation failing in turn: NO_MEMORY, and nothing else has changed. */
static void
test_no_memory(gconstpointer data)
{
    gboolean failed = TRUE;

    for (guint64 n = 1; failed; n++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(11);
        struct nub_run_page written[N_PAGES];
        struct nub_instance_spec spec = spec_of(0, 0);
        struct nub_failure failure = NUB_TEST_FAILURE;
        struct nub_successor successor = { .written = written, .given = given };
        g_autoptr(GByteArray) wire = NULL, want = NULL;
        struct nub_dir_stats before;
        struct nub_dir_entry *made;
        struct nub_test_alloc test;
        struct world world;
        struct nub_dir *dir;
        enum nub_status status;

        nub_test_alloc_init(&test, TRUE);
        dir = nub_dir_new(&test.alloc, data);
        random_world(&world, rand);
        wire = encode_world(&world, &spec, TRUE);
        successor.base = put_instance(dir, wire);
        successor.given_ctx = &world;
        successor.n_written = random_run(&world, rand, written);
        before = nub_dir_stats(dir);

        test.calls = 0;
        test.fail_at = n;
        status = nub_successor_prepare(&made, dir, &successor, &failure);
        if (!status)
            status = nub_dir_put_successor(dir, made, &failure);
        failed = test.calls >= n;
        g_assert_cmpint(status, ==, failed ? NUB_ERR_NO_MEMORY : NUB_OK);
        g_assert_cmpuint(nub_dir_stats(dir).caps, ==, before.caps + !failed);
        if (failed)
            g_assert_cmpuint(nub_dir_stats(dir).bytes, ==, before.bytes);
        assert_entry_is(successor.base, wire);
        test.fail_at = 0;
        want = encode_world(&world, &spec, FALSE);
        assert_entry_is(commit(dir, &successor, (struct nub_dir_entry *)successor.base), want);
        nub_dir_free(dir);
        g_assert_cmpuint(test.live_blocks, ==, 0);
        g_assert_cmpuint(test.live_bytes, ==, 0);
    }
}

/* The successor does not fit: NO_SPACE, and the base is as it was. */
static void
test_no_space(gconstpointer data)
{
    struct nub_dir_options options = *(const struct nub_dir_options *)data;
    struct nub_instance_spec spec = spec_of(0, 0);
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_run_page written[N_PAGES];
    struct nub_successor successor = { .written = written, .given = given };
    struct nub_dir_entry *made;
    struct nub_dir_stats before;
    struct nub_test_alloc test;
    struct nub_dir *dir;
    struct world world = { .given = { NUB_GIVEN_NOTHING } };
    g_autoptr(GByteArray) wire = NULL, want = NULL;

    nub_test_alloc_init(&test, TRUE);
    for (guint p = 0; p < 20; p++)
        world.mapped[p] = TRUE;
    wire = encode_world(&world, &spec, TRUE);
    /* room for the base and for less than ten pages */
    options.max_bytes = wire->len + 10 * NUB_PAGE_SIZE;
    dir = nub_dir_new(&test.alloc, &options);
    successor.base = put_instance(dir, wire);
    successor.given_ctx = &world;
    before = nub_dir_stats(dir);
    for (successor.n_written = 0; successor.n_written < 10; successor.n_written++) {
        world.fill[2 * successor.n_written] = 1;
        written[successor.n_written].address = address_of(2 * successor.n_written);
        written[successor.n_written].bytes = fills[1];
    }
    g_assert_cmpint(nub_successor_prepare(&made, dir, &successor, &failure), ==, NUB_OK);
    g_assert_cmpint(nub_dir_put_successor(dir, made, &failure), ==, NUB_ERR_NO_SPACE);
    g_assert_cmpuint(nub_dir_stats(dir).bytes, ==, before.bytes);
    g_assert_cmpuint(nub_dir_stats(dir).caps, ==, 1);
    assert_entry_is(successor.base, wire);
    if (options.share_pages) {
        /* what is shared is counted once: two pages more fit beside the base */
        successor.n_written = 2;
        for (guint p = 2; p < 10; p++)
            world.fill[2 * p] = 0;
        want = encode_world(&world, &spec, TRUE);
        assert_entry_is(commit(dir, &successor, (struct nub_dir_entry *)successor.base), want);
    }
    nub_dir_free(dir);
    g_assert_cmpuint(test.live_blocks, ==, 0);
}

static const struct nub_dir_options in_wire_form = { .seed = { 1, 2 } };
static const struct nub_dir_options in_shared_pages = { .seed = { 1, 2 }, .share_pages = true };

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 1; i < N_LEVELS; i++)
        for (guint at = 0; at < NUB_PAGE_SIZE; at++)
            fills[i][at] = (guint8)(at < 64 ? 0 : i * 31 + at / 64);
    g_test_add_data_func("/model/successor/chains-of-random-runs-follow-the-rule", &in_wire_form,
                         test_chains);
    g_test_add_data_func("/model/successor/each-failing-allocation-leaves-nothing-half-done",
                         &in_wire_form, test_no_memory);
    g_test_add_data_func("/model/successor/max-bytes-is-judged-before-any-change", &in_wire_form,
                         test_no_space);
    g_test_add_data_func("/model/successor/shared/max-bytes-counts-shared-pages-once",
                         &in_shared_pages, test_no_space);
    g_test_add_data_func("/model/successor/shared/chains-of-random-runs-follow-the-rule",
                         &in_shared_pages, test_chains);
    g_test_add_data_func("/model/successor/shared/each-failing-allocation-leaves-nothing-half-done",
                         &in_shared_pages, test_no_memory);
    g_test_add_data_func("/model/successor/shared/a-replica-follows-by-what-it-is-told",
                         &in_shared_pages, test_replica);
    return g_test_run();
}
