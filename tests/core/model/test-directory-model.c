/* test-directory-model.c - the directory against a model that recounts everything after each step
 */
#include "directory.h"
#include "model-test.h"
#include <string.h>

#define N_CAPS 24

static const struct nub_hash zero_hash;

/* The counts as caps.md 3 says them, recomputed from scratch after every step. */
struct model {
    struct nub_test_cap *caps[N_CAPS];
    gint mentions[N_CAPS][2]; /* indices, or -1 */
    guint puts[N_CAPS], pins[N_CAPS];
    gint head;
    struct nub_dir_entry *pinned[N_CAPS];
};

static guint
holds(const struct model *m, gint i)
{
    guint n = m->puts[i] + (m->head == i);

    /* mentions by what is present; referrers have higher indices */
    for (gint j = i + 1; j < N_CAPS; j++)
        for (guint k = 0; k < 2; k++)
            if (m->mentions[j][k] == i && holds(m, j))
                n++;
    return n;
}

static void
compare_with_model(struct nub_dir *dir, const struct model *m)
{
    guint present = 0;

    for (gint i = 0; i < N_CAPS; i++) {
        guint n = holds(m, i);

        present += n > 0;
        g_assert_cmpuint(nub_dir_refcount(dir, &m->caps[i]->hash), ==, n);
        g_assert_cmpint(nub_dir_contains(dir, &m->caps[i]->hash), ==, n > 0);
        if (m->pinned[i])
            nub_test_assert_hash(&m->pinned[i]->hash, &m->caps[i]->hash);
    }
    g_assert_cmpuint(nub_dir_stats(dir).caps, ==, present);
}

static void
model_put(struct nub_dir *dir, struct model *m, gint i)
{
    gint missing = -1;

    for (guint k = 0; k < 2 && missing < 0; k++)
        if (m->mentions[i][k] >= 0 && !holds(m, m->mentions[i][k]))
            missing = m->mentions[i][k];
    if (missing < 0 || holds(m, i)) {
        g_assert_cmpint(nub_dir_put(dir, m->caps[i]->slice, NULL, NULL), ==, NUB_OK);
        m->puts[i]++;
    } else {
        struct nub_failure failure = NUB_TEST_FAILURE;

        g_assert_cmpint(nub_dir_put(dir, m->caps[i]->slice, NULL, &failure), ==, NUB_ERR_NOT_FOUND);
        nub_test_assert_hash(&failure.hash, &m->caps[missing]->hash);
    }
}

static void
model_step(struct nub_dir *dir, struct model *m, GRand *rand)
{
    gint i = g_rand_int_range(rand, 0, N_CAPS);

    switch (g_rand_int_range(rand, 0, 8)) {
    case 0:
        if (m->pinned[i]) {
            m->pins[i]--;
            nub_dir_unpin(dir, m->pinned[i]);
            if (!m->pins[i])
                m->pinned[i] = NULL;
        } else if (holds(m, i)) {
            m->pinned[i] = nub_dir_find(dir, &m->caps[i]->hash);
            m->pins[i]++;
            nub_dir_pin(dir, m->pinned[i]);
        }
        break;
    case 1:
        if (holds(m, i) && m->caps[i]->wire[0] == NUB_CAP_INSTANCE) {
            g_assert_cmpint(nub_dir_set_head(dir, &m->caps[i]->hash, NULL), ==, NUB_OK);
            m->head = i;
        }
        break;
    case 2:
        g_assert_cmpint(nub_dir_set_head(dir, &zero_hash, NULL), ==, NUB_OK);
        m->head = -1;
        break;
    case 3:
    case 4:
    case 5:
        if (m->puts[i]) {
            g_assert_cmpint(nub_dir_drop(dir, &m->caps[i]->hash, NULL), ==, NUB_OK);
            m->puts[i]--;
        } else {
            g_assert_cmpint(nub_dir_drop(dir, &m->caps[i]->hash, NULL), ==,
                            holds(m, i) ? NUB_ERR_NOT_HELD : NUB_ERR_NOT_FOUND);
        }
        break;
    default:
        model_put(dir, m, i);
        break;
    }
}

static void
test_against_model(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261122);
    struct nub_dir_options options = { .seed = { 3, 5 } };
    struct model m = { .head = -1 };
    struct nub_test_alloc test;
    struct nub_dir *dir;

    nub_test_alloc_init(&test, TRUE);
    dir = nub_dir_new(&test.alloc, &options);
    for (gint i = 0; i < N_CAPS; i++) {
        gint a = i > 0 ? g_rand_int_range(rand, MAX(0, i - 4), i) : -1;
        gint b = i > 0 ? g_rand_int_range(rand, -1, i) : -1;
        const struct nub_hash *mentions[] = { a >= 0 ? &m.caps[a]->hash : NULL,
                                              b >= 0 ? &m.caps[b]->hash : NULL };

        if (i == 0)
            m.caps[i] = nub_test_new_type(1);
        else if (i % 3 == 0)
            m.caps[i] = nub_test_new_instance(mentions[0], mentions[1], i);
        else
            m.caps[i] = nub_test_new_cnode(i, mentions, b >= 0 ? 2 : 1);
        m.mentions[i][0] = a;
        m.mentions[i][1] = b;
    }
    for (guint step = 0; step < 20000; step++) {
        model_step(dir, &m, rand);
        if (step % 4 == 0)
            compare_with_model(dir, &m);
    }
    for (gint i = 0; i < N_CAPS; i++)
        while (m.pins[i]--)
            nub_dir_unpin(dir, m.pinned[i]);
    for (gint i = 0; i < N_CAPS; i++)
        g_free(m.caps[i]);
    nub_dir_free(dir);
    g_assert_cmpuint(test.live_blocks, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/directory/agrees-with-a-model-over-random-steps", test_against_model);
    return g_test_run();
}
