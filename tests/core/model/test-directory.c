/* test-directory.c - puts, references, pins, the head, limits and failures of the directory */
#include "bytes.h"
#include "cap-wire.h"
#include "directory.h"
#include "model-test.h"
#include <string.h>

struct fixture {
    struct nub_test_alloc test;
    struct nub_dir_options options;
    struct nub_dir *dir;
    guint users_freed;
};

static void
count_user(void *ctx, void *user)
{
    struct fixture *f = ctx;

    g_assert_true(user == f);
    f->users_freed++;
}

static void
set_up(struct fixture *f, gconstpointer options)
{
    memset(f, 0, sizeof *f);
    nub_test_alloc_init(&f->test, TRUE);
    if (options)
        f->options = *(const struct nub_dir_options *)options;
    f->options.user_free = count_user;
    f->options.user_ctx = f;
    f->options.seed[0] = 0x0123456789abcdef;
    f->options.seed[1] = 0xfedcba9876543210;
    f->dir = nub_dir_new(&f->test.alloc, &f->options);
    g_assert_nonnull(f->dir);
}

static void
tear_down(struct fixture *f, gconstpointer options)
{
    (void)options;
    nub_dir_free(f->dir);
    g_assert_cmpuint(f->test.live_blocks, ==, 0);
    g_assert_cmpuint(f->test.live_bytes, ==, 0);
}

static void
put(struct fixture *f, const struct nub_test_cap *made)
{
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_hash hash;

    if (nub_dir_put(f->dir, made->slice, &hash, &failure))
        g_error("%s", failure.message);
    nub_test_assert_hash(&hash, &made->hash);
}

static void
drop(struct fixture *f, const struct nub_test_cap *made)
{
    struct nub_failure failure = NUB_TEST_FAILURE;

    if (nub_dir_drop(f->dir, &made->hash, &failure))
        g_error("%s", failure.message);
}

#define assert_refcount(f, made, n)                                                                \
    g_assert_cmpuint(nub_dir_refcount((f)->dir, &(made)->hash), ==, n)

static void
assert_fails(enum nub_status status, const struct nub_failure *failure, enum nub_status want,
             const struct nub_hash *names)
{
    g_assert_cmpint(status, ==, want);
    g_assert_cmpint(failure->code, ==, want);
    nub_test_assert_hash(&failure->hash, names);
    g_assert_cmpuint(strlen(failure->message), >, 10);
}

static const struct nub_hash zero_hash;

static void
test_counts(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *type = nub_test_new_type(1), *stranger = nub_test_new_type(2);
    const struct nub_hash *thrice[] = { &type->hash, &type->hash, &type->hash };
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(0, thrice, 3);
    g_autofree struct nub_test_cap *image = nub_test_new_image(&type->hash, &type->hash);
    g_autofree struct nub_test_cap *instance = nub_test_new_instance(&image->hash, &cnode->hash, 0);
    g_autofree struct nub_test_cap *bare = nub_test_new_instance(NULL, NULL, 0);

    (void)options;
    assert_refcount(f, type, 0);
    put(f, type);
    put(f, type);
    assert_refcount(f, type, 2);
    put(f, cnode);
    assert_refcount(f, type, 5);
    put(f, image);
    assert_refcount(f, type, 7);
    put(f, instance);
    put(f, bare);
    assert_refcount(f, type, 7);
    assert_refcount(f, image, 2);
    assert_refcount(f, cnode, 2);
    assert_refcount(f, instance, 1);
    assert_refcount(f, bare, 1);
    assert_refcount(f, stranger, 0);
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, 5);

    drop(f, image);
    assert_refcount(f, image, 1);
    drop(f, cnode);
    drop(f, type);
    drop(f, type);
    assert_refcount(f, type, 5);
    drop(f, instance);
    g_assert_false(nub_dir_contains(f->dir, &type->hash));
    g_assert_false(nub_dir_contains(f->dir, &image->hash));
    g_assert_true(nub_dir_contains(f->dir, &bare->hash));
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, 1);
}

static void
test_missing_referents(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *a = nub_test_new_type(1), *b = nub_test_new_type(2),
                                   *c = nub_test_new_type(3);
    const struct nub_hash *mentions[] = { &a->hash, &b->hash, &c->hash };
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(0, mentions, 3);
    g_autofree struct nub_test_cap *image = nub_test_new_image(&a->hash, &b->hash);
    g_autofree struct nub_test_cap *instance = nub_test_new_instance(&image->hash, &cnode->hash, 0);
    struct {
        const struct nub_test_cap *cap;
        const struct nub_test_cap *missing;
        const struct nub_test_cap *then; /* put before the next row */
    } rows[] = {
        { instance, image, NULL },
        { image, a, NULL },
        { cnode, a, a },
        { cnode, b, NULL },
        { image, b, b },
        { cnode, c, c },
        { instance, image, image },
        { instance, cnode, cnode },
    };

    (void)options;
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nub_failure failure = NUB_TEST_FAILURE;
        guint64 bytes = nub_dir_stats(f->dir).bytes;

        assert_fails(nub_dir_put(f->dir, rows[i].cap->slice, NULL, &failure), &failure,
                     NUB_ERR_NOT_FOUND, &rows[i].missing->hash);
        g_assert_cmpint(nub_dir_put(f->dir, rows[i].cap->slice, NULL, NULL), ==, NUB_ERR_NOT_FOUND);
        assert_refcount(f, rows[i].cap, 0);
        g_assert_cmpuint(nub_dir_stats(f->dir).bytes, ==, bytes);
        if (rows[i].then)
            put(f, rows[i].then);
    }
    put(f, instance);
}

static void
test_with_hash(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *type = nub_test_new_type(1), *other = nub_test_new_type(2);
    const struct nub_hash *mentions[] = { &other->hash };
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(0, mentions, 1);
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_slice unreadable = { GSIZE_TO_POINTER(8), 1000 };

    (void)options;
    assert_fails(nub_dir_put_with_hash(f->dir, &other->hash, type->slice, &failure), &failure,
                 NUB_ERR_HASH_MISMATCH, &other->hash);
    assert_fails(nub_dir_put_with_hash(f->dir, &zero_hash, type->slice, &failure), &failure,
                 NUB_ERR_HASH_MISMATCH, &zero_hash);
    /* the encoding is judged before the hash, the hash before what is mentioned */
    g_assert_cmpint(nub_dir_put_with_hash(f->dir, &type->hash, (struct nub_slice){ NULL, 0 }, NULL),
                    ==, NUB_ERR_BAD_ENCODING);
    assert_fails(nub_dir_put_with_hash(f->dir, &other->hash, cnode->slice, &failure), &failure,
                 NUB_ERR_HASH_MISMATCH, &other->hash);
    assert_fails(nub_dir_put_with_hash(f->dir, &cnode->hash, cnode->slice, &failure), &failure,
                 NUB_ERR_NOT_FOUND, &other->hash);
    g_assert_cmpint(nub_dir_put_with_hash(f->dir, &type->hash, type->slice, &failure), ==, NUB_OK);
    /* present: not read */
    g_assert_cmpint(nub_dir_put_with_hash(f->dir, &type->hash, unreadable, &failure), ==, NUB_OK);
    assert_refcount(f, type, 2);
}

static const struct nub_dir_options trusting = { .trust_hashes = true };

static void
test_trusted_hashes(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *type = nub_test_new_type(1);
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_hash hash = { { 0 } };
    const guint n = 20000;

    /* hashes that a trusting caller chose badly: they differ in few bits, at the end */
    (void)options;
    for (guint i = 1; i <= n; i++) {
        nub_put_le32(hash.bytes + 12, i);
        g_assert_cmpint(nub_dir_put_with_hash(f->dir, &hash, type->slice, &failure), ==, NUB_OK);
    }
    for (guint i = 1; i <= n; i++) {
        nub_put_le32(hash.bytes + 12, i);
        g_assert_cmpuint(nub_dir_refcount(f->dir, &hash), ==, 1);
    }
    assert_fails(nub_dir_put_with_hash(f->dir, &zero_hash, type->slice, &failure), &failure,
                 NUB_ERR_HASH_MISMATCH, &zero_hash);
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, n);
}

static void
test_drop_errors(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *type = nub_test_new_type(1);
    const struct nub_hash *mentions[] = { &type->hash };
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(0, mentions, 1);
    struct nub_failure failure = NUB_TEST_FAILURE;

    (void)options;
    assert_fails(nub_dir_drop(f->dir, &type->hash, &failure), &failure, NUB_ERR_NOT_FOUND,
                 &type->hash);
    assert_fails(nub_dir_drop(f->dir, &zero_hash, &failure), &failure, NUB_ERR_NOT_FOUND,
                 &zero_hash);
    put(f, type);
    put(f, cnode);
    drop(f, type);
    assert_fails(nub_dir_drop(f->dir, &type->hash, &failure), &failure, NUB_ERR_NOT_HELD,
                 &type->hash);
    g_assert_cmpint(nub_dir_drop(f->dir, &type->hash, NULL), ==, NUB_ERR_NOT_HELD);
    assert_refcount(f, type, 1);
    drop(f, cnode);
    assert_refcount(f, type, 0);
}

static void
test_head(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *one = nub_test_new_instance(NULL, NULL, 1),
                                   *two = nub_test_new_instance(NULL, NULL, 2);
    g_autofree struct nub_test_cap *type = nub_test_new_type(1);
    struct nub_failure failure = NUB_TEST_FAILURE;

    (void)options;
    nub_test_assert_hash(nub_dir_head(f->dir), &zero_hash);
    g_assert_cmpint(nub_dir_set_head(f->dir, &zero_hash, &failure), ==, NUB_OK);
    assert_fails(nub_dir_set_head(f->dir, &one->hash, &failure), &failure, NUB_ERR_NOT_FOUND,
                 &one->hash);
    put(f, type);
    assert_fails(nub_dir_set_head(f->dir, &type->hash, &failure), &failure, NUB_ERR_NOT_AN_INSTANCE,
                 &type->hash);
    nub_test_assert_hash(nub_dir_head(f->dir), &zero_hash);

    put(f, one);
    g_assert_cmpint(nub_dir_set_head(f->dir, &one->hash, &failure), ==, NUB_OK);
    g_assert_cmpint(nub_dir_set_head(f->dir, &one->hash, &failure), ==, NUB_OK);
    assert_refcount(f, one, 2);
    drop(f, one);
    assert_refcount(f, one, 1);
    assert_fails(nub_dir_drop(f->dir, &one->hash, &failure), &failure, NUB_ERR_NOT_HELD,
                 &one->hash);
    nub_test_assert_hash(nub_dir_head(f->dir), &one->hash);

    put(f, two);
    g_assert_cmpint(nub_dir_set_head(f->dir, &two->hash, &failure), ==, NUB_OK);
    g_assert_false(nub_dir_contains(f->dir, &one->hash));
    g_assert_cmpint(nub_dir_set_head(f->dir, &zero_hash, &failure), ==, NUB_OK);
    assert_refcount(f, two, 1);
}

static void
test_pins(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *type = nub_test_new_type(1);
    const struct nub_hash *mentions[] = { &type->hash, &type->hash };
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(0, mentions, 2);
    g_autofree struct nub_test_cap *instance = nub_test_new_instance(NULL, &cnode->hash, 1);
    g_autofree struct nub_test_cap *successor = nub_test_new_instance(NULL, &cnode->hash, 2);
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_dir_entry *pinned, *made;
    struct nub_cap cap;

    (void)options;
    put(f, type);
    put(f, cnode);
    put(f, instance);
    pinned = nub_dir_find(f->dir, &instance->hash);
    nub_dir_pin(f->dir, pinned);
    nub_dir_pin(f->dir, pinned);
    nub_dir_unpin(f->dir, pinned);
    drop(f, type);
    drop(f, cnode);
    drop(f, instance);

    /* alive, but not there for anyone else */
    g_assert_cmpint(pinned->cap.kind, ==, NUB_CAP_INSTANCE);
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, 0);
    g_assert_false(nub_dir_contains(f->dir, &instance->hash));
    g_assert_null(nub_dir_find(f->dir, &cnode->hash));
    assert_refcount(f, cnode, 0);
    assert_fails(nub_dir_put(f->dir, instance->slice, NULL, &failure), &failure, NUB_ERR_NOT_FOUND,
                 &cnode->hash);
    assert_fails(nub_dir_put(f->dir, cnode->slice, NULL, &failure), &failure, NUB_ERR_NOT_FOUND,
                 &type->hash);
    assert_fails(nub_dir_drop(f->dir, &type->hash, &failure), &failure, NUB_ERR_NOT_FOUND,
                 &type->hash);

    /* the successor of the run brings back what it mentions, and no more */
    g_assert_cmpint(nub_cap_decode(&cap, successor->slice, NULL), ==, NUB_OK);
    made = nub_dir_prepare(f->dir, &cap, &successor->hash);
    g_assert_cmpint(nub_dir_put_successor(f->dir, made, &failure), ==, NUB_OK);
    assert_refcount(f, successor, 1);
    assert_refcount(f, cnode, 1);
    assert_refcount(f, type, 2);
    assert_refcount(f, instance, 0);

    /* the pinned one may be put again, by its hash as well */
    g_assert_cmpint(nub_dir_put_with_hash(f->dir, &instance->hash, instance->slice, &failure), ==,
                    NUB_OK);
    g_assert_true(nub_dir_find(f->dir, &instance->hash) == pinned);
    assert_refcount(f, cnode, 2);
    drop(f, instance);
    drop(f, successor);
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, 0);
    g_assert_cmpuint(nub_dir_stats(f->dir).bytes, >, 0);
    pinned->user = f;
    nub_dir_unpin(f->dir, pinned);
    g_assert_cmpuint(nub_dir_stats(f->dir).bytes, ==, 0);
    g_assert_cmpuint(f->users_freed, ==, 1);
}

static void
test_prepared(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *type = nub_test_new_type(1);
    const struct nub_hash *mentions[] = { &type->hash };
    g_autofree struct nub_test_cap *cnode = nub_test_new_cnode(0, mentions, 1);
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_cap cap, cap2;

    (void)options;
    nub_cap_decode(&cap, cnode->slice, NULL);
    nub_cap_decode(&cap2, type->slice, NULL);
    g_assert_false(nub_dir_put_present(f->dir, &cnode->hash));
    assert_fails(
        nub_dir_put_prepared(f->dir, nub_dir_prepare(f->dir, &cap, &cnode->hash), &failure),
        &failure, NUB_ERR_NOT_FOUND, &type->hash);
    nub_dir_discard(f->dir, nub_dir_prepare(f->dir, &cap, &cnode->hash));
    for (guint i = 1; i <= 2; i++) {
        g_assert_cmpint(
            nub_dir_put_prepared(f->dir, nub_dir_prepare(f->dir, &cap2, &type->hash), &failure), ==,
            NUB_OK);
        assert_refcount(f, type, i);
    }
    g_assert_true(nub_dir_put_present(f->dir, &type->hash));
    assert_refcount(f, type, 3);
}

/* A chain of CNodes, each mentioning the one before: dropping the last drops all. */
static void
test_chain(struct fixture *f, gconstpointer options)
{
    const guint depth = 1000000;
    struct nub_test_cap *last = nub_test_new_type(1);
    guint64 blocks;

    (void)options;
    blocks = f->test.live_blocks;
    put(f, last);
    for (guint i = 0; i < depth; i++) {
        const struct nub_hash *mentions[] = { &last->hash };
        struct nub_test_cap *next = nub_test_new_cnode(0, mentions, 1);

        put(f, next);
        drop(f, last);
        g_free(last);
        last = next;
    }
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, depth + 1);
    drop(f, last);
    g_assert_cmpuint(nub_dir_stats(f->dir).caps, ==, 0);
    g_assert_cmpuint(f->test.live_blocks, ==, blocks);
    g_free(last);
}

static void
test_max_bytes(struct fixture *f, gconstpointer options)
{
    g_autofree struct nub_test_cap *a = nub_test_new_type(1), *b = nub_test_new_type(2),
                                   *c = nub_test_new_type(3);
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_cap cap;

    (void)options;
    put(f, a);
    put(f, b);
    g_assert_cmpuint(nub_dir_stats(f->dir).bytes, ==,
                     2 * (NUB_TYPE_WIRE_SIZE + NUB_DIR_CAP_OVERHEAD));
    assert_fails(nub_dir_put(f->dir, c->slice, NULL, &failure), &failure, NUB_ERR_NO_SPACE,
                 &zero_hash);
    nub_cap_decode(&cap, c->slice, NULL);
    assert_fails(nub_dir_put_prepared(f->dir, nub_dir_prepare(f->dir, &cap, &c->hash), &failure),
                 &failure, NUB_ERR_NO_SPACE, &zero_hash);
    assert_refcount(f, c, 0);
    put(f, a); /* what is there costs nothing */
    drop(f, b);
    put(f, c);
}

static const struct nub_dir_options two_types = {
    .max_bytes = 3 * (NUB_TYPE_WIRE_SIZE + NUB_DIR_CAP_OVERHEAD) - 1,
};

/* Everything that allocates, on a directory that already holds something. */
static enum nub_status
scenario(struct nub_dir *dir, struct nub_test_cap *const *caps, guint n,
         struct nub_failure *failure)
{
    struct nub_cap cap;

    for (guint i = 0; i < n; i++) {
        struct nub_dir_stats before = nub_dir_stats(dir);
        struct nub_dir_entry *prepared;
        enum nub_status status;

        if (i % 3 == 0) {
            status = nub_dir_put(dir, caps[i]->slice, NULL, failure);
        } else if (i % 3 == 1) {
            status = nub_dir_put_with_hash(dir, &caps[i]->hash, caps[i]->slice, failure);
        } else {
            nub_cap_decode(&cap, caps[i]->slice, NULL);
            prepared = nub_dir_prepare(dir, &cap, &caps[i]->hash);
            status = prepared ? nub_dir_put_prepared(dir, prepared, failure) : NUB_ERR_NO_MEMORY;
        }
        if (status) {
            g_assert_cmpuint(nub_dir_stats(dir).caps, ==, before.caps);
            g_assert_cmpuint(nub_dir_stats(dir).bytes, ==, before.bytes);
            g_assert_cmpuint(nub_dir_refcount(dir, &caps[i]->hash), ==, 0);
            return status;
        }
    }
    return NUB_OK;
}

static void
test_no_memory(void)
{
    struct nub_test_cap *caps[40] = { nub_test_new_type(0) };
    gboolean failed = TRUE;

    for (guint i = 1; i < G_N_ELEMENTS(caps); i++) {
        const struct nub_hash *mentions[] = { &caps[i - 1]->hash, &caps[i / 2]->hash };

        caps[i] = nub_test_new_cnode(0, mentions, 2);
    }
    for (guint64 n = 1; failed; n++) {
        struct nub_failure failure = NUB_TEST_FAILURE;
        struct nub_dir_options options = { 0 };
        struct nub_test_alloc test;
        struct nub_dir *dir;

        nub_test_alloc_init(&test, n % 2);
        test.fail_at = n;
        dir = nub_dir_new(&test.alloc, &options);
        if (dir) {
            enum nub_status status = scenario(dir, caps, G_N_ELEMENTS(caps), &failure);

            failed = test.calls >= n;
            g_assert_cmpint(status, ==, failed ? NUB_ERR_NO_MEMORY : NUB_OK);
            /* and what could not be stored can be stored later */
            test.fail_at = 0;
            g_assert_cmpint(scenario(dir, caps, G_N_ELEMENTS(caps), &failure), ==, NUB_OK);
            g_assert_cmpuint(nub_dir_stats(dir).caps, ==, G_N_ELEMENTS(caps));
        }
        nub_dir_free(dir);
        g_assert_cmpuint(test.live_blocks, ==, 0);
        g_assert_cmpuint(test.live_bytes, ==, 0);
    }
    for (guint i = 0; i < G_N_ELEMENTS(caps); i++)
        g_free(caps[i]);
}

static void
test_content_is_page_aligned(struct fixture *f, gconstpointer options)
{
    guint8 content[2 * NUB_PAGE_SIZE] = { 1, 2, 3 };
    guint8 wire[NUB_DATA_WIRE_HEADER + sizeof content];
    struct nub_overlay overlays[] = { { 0x5000, { content, sizeof content } } };
    struct nub_instance_spec spec = { .overlays = overlays, .n_overlays = 1 };
    g_autofree guint8 *instance = g_malloc(nub_instance_wire_size(&spec));
    struct nub_hash hash;
    struct nub_dir_entry *entry;

    (void)options;
    nub_data_encode(wire, (struct nub_slice){ content, sizeof content });
    g_assert_cmpint(nub_dir_put(f->dir, (struct nub_slice){ wire, sizeof wire }, &hash, NULL), ==,
                    NUB_OK);
    entry = nub_dir_find(f->dir, &hash);
    g_assert_cmpmem(entry->cap.u.data.data, entry->cap.u.data.size, content, sizeof content);
    g_assert_cmpuint((guintptr)entry->cap.u.data.data % NUB_PAGE_SIZE, ==, 0);

    nub_instance_encode(instance, &spec);
    g_assert_cmpint(nub_dir_put(f->dir,
                                (struct nub_slice){ instance, nub_instance_wire_size(&spec) },
                                &hash, NULL),
                    ==, NUB_OK);
    entry = nub_dir_find(f->dir, &hash);
    nub_instance_overlay(&entry->cap.u.instance, 0, &overlays[0]);
    g_assert_cmpuint((guintptr)overlays[0].bytes.data % NUB_PAGE_SIZE, ==, 0);
}

/* ---- the table, as seen from outside -----------------------------------------------------------
 */

static gboolean
probe(const struct nub_dir_table *table, const struct nub_hash *hash, guint *steps)
{
    const struct nub_dir_slot *slots = GSIZE_TO_POINTER(table->slots);
    guint64 i = nub_dir_home(table, hash), mask = (G_GUINT64_CONSTANT(1) << table->log_slots) - 1;

    g_assert_cmpuint(table->sequence % 2, ==, 0);
    for (*steps = 1; slots[i].entry; ++*steps, i = (i + 1) & mask)
        if (nub_hash_equal(&slots[i].hash, hash))
            return !(slots[i].entry & NUB_DIR_SLOT_ABSENT);
    return FALSE;
}

static void
test_probe(struct fixture *f, gconstpointer options)
{
    enum { n = 5000 };
    struct nub_test_cap *caps[n];
    guint steps, total = 0;
    struct nub_dir_entry *pinned;

    (void)options;
    for (guint i = 0; i < n; i++) {
        caps[i] = nub_test_new_type(i);
        put(f, caps[i]);
    }
    for (guint i = 0; i < n; i += 2)
        drop(f, caps[i]);
    for (guint i = 0; i < n; i++) {
        g_assert_cmpint(probe(nub_dir_table(f->dir), &caps[i]->hash, &steps), ==, i % 2);
        total += steps;
    }
    g_assert_cmpuint(total, <, 8 * n); /* a table that works needs about two */
    pinned = nub_dir_find(f->dir, &caps[1]->hash);
    nub_dir_pin(f->dir, pinned);
    drop(f, caps[1]);
    g_assert_false(probe(nub_dir_table(f->dir), &caps[1]->hash, &steps));
    nub_dir_unpin(f->dir, pinned);
    for (guint i = 0; i < n; i++)
        g_free(caps[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, options, test)                                                                   \
    g_test_add("/model/directory/" path, struct fixture, options, set_up, test, tear_down)
    ADD("counts-each-put-and-each-mention", NULL, test_counts);
    ADD("names-the-first-missing-referent-in-field-order", NULL, test_missing_referents);
    ADD("put-with-hash-reads-only-what-is-absent", NULL, test_with_hash);
    ADD("verify-never-trusts-any-hash-but-zero", &trusting, test_trusted_hashes);
    ADD("drop-of-what-is-absent-or-not-held-changes-nothing", NULL, test_drop_errors);
    ADD("head-holds-a-put-of-its-own", NULL, test_head);
    ADD("pins-keep-alive-what-is-not-present", NULL, test_pins);
    ADD("put-in-three-steps-equals-put", NULL, test_prepared);
    ADD("a-chain-a-million-deep-goes-at-once", NULL, test_chain);
    ADD("max-bytes-is-judged-before-any-change", &two_types, test_max_bytes);
    ADD("content-is-page-aligned", NULL, test_content_is_page_aligned);
    ADD("table-can-be-probed-from-outside", NULL, test_probe);
    g_test_add_func("/model/directory/each-failing-allocation-leaves-nothing-half-done",
                    test_no_memory);
    return g_test_run();
}
