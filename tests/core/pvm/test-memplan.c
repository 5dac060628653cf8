/* test-memplan.c - what is mapped where, and what makes the memory of an instance invalid */
#include "memplan.h"
#include "bytes.h"
#include <glib.h>
#include <string.h>

#define PAGE NUB_PAGE_SIZE

/* ---- a small world of capabilities ---------------------------------------------------------- */

/* capabilities by name; a Data named "b3" is three pages full of 'b' */
struct world {
    GPtrArray *all; /* what was ever stored: a name may be given again */
    GHashTable *by_name, *by_hash;
};

struct stored {
    struct nub_cap cap;
    struct nub_hash hash;
    guint8 *wire;
};

static guint
hash_hash(gconstpointer key)
{
    return nub_le32(key);
}

static gboolean
hash_equal(gconstpointer a, gconstpointer b)
{
    return nub_hash_equal(a, b);
}

static void
stored_free(gpointer data)
{
    struct stored *stored = data;

    g_free(stored->wire);
    g_free(stored);
}

static struct stored *
store(struct world *world, const char *name, guint8 *wire, guint64 size)
{
    struct stored *stored = g_new0(struct stored, 1);
    struct nub_failure failure = { .struct_size = sizeof failure };

    stored->wire = wire;
    nub_cap_decode(&stored->cap, (struct nub_slice){ wire, size }, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    nub_cap_hash(&stored->hash, &stored->cap);
    g_ptr_array_add(world->all, stored);
    g_hash_table_insert(world->by_name, g_strdup(name), stored);
    g_hash_table_insert(world->by_hash, &stored->hash, stored);
    return stored;
}

static struct nub_hash
hash_of(struct world *world, const char *name)
{
    struct stored *stored = g_hash_table_lookup(world->by_name, name);

    g_assert_nonnull(stored);
    return stored->hash;
}

static const struct nub_cap *
lookup(void *ctx, const struct nub_hash *hash)
{
    struct world *world = ctx;
    struct stored *stored = g_hash_table_lookup(world->by_hash, hash);

    return stored ? &stored->cap : NULL;
}

static void
store_data(struct world *world, const char *name)
{
    guint64 size = PAGE * g_ascii_strtoull(name + 1, NULL, 10);
    g_autofree guint8 *content = g_malloc(size + 1);
    guint8 *wire = g_malloc(nub_data_wire_size(size));

    memset(content, name[0], size);
    nub_data_encode(wire, (struct nub_slice){ content, size });
    store(world, name, wire, nub_data_wire_size(size));
}

/* "0 a1, 3 inner": slots and names */
static guint
parse_slots(struct world *world, const char *text, struct nub_slot_entry entries[16])
{
    g_auto(GStrv) parts = g_strsplit(text, ", ", -1);
    guint n = 0;

    for (; parts[n]; n++) {
        char *name = NULL;
        entries[n].slot = (guint32)g_ascii_strtoull(parts[n], &name, 10);
        entries[n].cap = hash_of(world, name + 1);
    }
    return n;
}

static void
store_cnode(struct world *world, const char *name, guint8 size_log, const char *slots)
{
    struct nub_slot_entry entries[16];
    guint n = parse_slots(world, slots, entries);
    guint8 *wire = g_malloc(nub_cnode_wire_size(n));

    nub_cnode_encode(wire, size_log, entries, n);
    store(world, name, wire, nub_cnode_wire_size(n));
}

static void
world_clear(struct world *world)
{
    g_hash_table_unref(world->by_hash);
    g_hash_table_unref(world->by_name);
    g_ptr_array_unref(world->all);
}

static void
world_init(struct world *world)
{
    static const char *const data[] = { "a0", "a1", "b1", "c2", "d3" };
    static const guint8 type[NUB_TYPE_WIRE_SIZE] = { NUB_CAP_TYPE, 1 };

    world->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    world->all = g_ptr_array_new_with_free_func(stored_free);
    world->by_hash = g_hash_table_new(hash_hash, hash_equal);
    for (guint i = 0; i < G_N_ELEMENTS(data); i++)
        store_data(world, data[i]);
    store(world, "type", g_memdup2(type, sizeof type), sizeof type);
    store_cnode(world, "inner", 1, "0 a1, 1 c2");
    store_cnode(world, "outer", 2, "0 inner, 1 d3, 3 type");
}

/* ---- plans as text ------------------------------------------------------------------------- */

/* "1-3 ro/0/4": pages 1 and 2, the path 0, 4 ("rw" alone: none); access is what the test expects */
static guint
parse_mappings(const char *text, struct nub_mapping mappings[16])
{
    g_auto(GStrv) parts = g_strsplit(text, ", ", -1);
    guint n = 0;

    for (; parts[n]; n++) {
        g_auto(GStrv) path = g_strsplit(parts[n], "/", -1);
        char *end = NULL;
        guint64 first = g_ascii_strtoull(path[0], &end, 10);
        guint64 last = g_ascii_strtoull(end + 1, NULL, 10);
        mappings[n] = (struct nub_mapping){ .start = first * PAGE, .size = (last - first) * PAGE };
        for (; path[1 + mappings[n].n_source]; mappings[n].n_source++)
            mappings[n].source[mappings[n].n_source] =
                (guint32)g_ascii_strtoull(path[1 + mappings[n].n_source], NULL, 10);
    }
    return n;
}

/* "2-3 x": page 2 full of 'x' */
static guint
parse_overlays(const char *text, struct nub_overlay overlays[16], GPtrArray *blocks)
{
    g_auto(GStrv) parts = g_strsplit(text, ", ", -1);
    guint n = 0;

    for (; parts[n]; n++) {
        char *end = NULL;
        guint64 first = g_ascii_strtoull(parts[n], &end, 10);
        guint64 last = g_ascii_strtoull(end + 1, &end, 10);
        guint8 *block = g_malloc((last - first) * PAGE);
        memset(block, end[1], (last - first) * PAGE);
        g_ptr_array_add(blocks, block);
        overlays[n] =
            (struct nub_overlay){ (guint32)(first * PAGE), { block, (last - first) * PAGE } };
    }
    return n;
}

/* "1-3 ro mapping a1; ...": the region's pages, its content's first byte and pages */
static char *
plan_text(const struct nub_memplan *plan)
{
    static const char *const origins[] = { "mapping", "overlay", "below" };
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->n_regions; i++) {
        const struct nub_region *region = &plan->regions[i];
        g_string_append_printf(text, "%s%u-%u %s %s", i ? "; " : "", (guint)(region->start / PAGE),
                               (guint)((region->start + region->size) / PAGE),
                               region->access == NUB_ACCESS_READ_ONLY ? "ro" : "rw",
                               origins[region->origin]);
        g_assert_cmpuint(region->content.size, <=, region->size);
        if (region->content.size > 0)
            g_string_append_printf(text, " %c%u", region->content.data[0],
                                   (guint)(region->content.size / PAGE));
    }
    return g_string_free(text, FALSE);
}

/* ---- building ------------------------------------------------------------------------------ */

static void *
plain_realloc(void *ctx, void *block, size_t old_size, size_t new_size)
{
    guint *countdown = ctx;

    if (new_size == 0) {
        g_free(block);
        return NULL;
    }
    g_assert_cmpuint(old_size, ==, 0);
    if (countdown && (*countdown)-- == 0)
        return NULL;
    return g_malloc(new_size);
}

struct setup {
    const char *mappings, *pinned, *initial, *overlays;
    guint64 mem_pages;
};

static struct stored *
store_image(struct world *world, const struct setup *setup)
{
    struct nub_mapping mappings[16];
    struct nub_slot_entry pinned[16], initial[16];
    struct nub_image_spec spec = { .mappings = mappings, .pinned = pinned, .initial = initial };

    spec.n_mappings = parse_mappings(setup->mappings, mappings);
    spec.n_pinned = parse_slots(world, setup->pinned, pinned);
    spec.n_initial = parse_slots(world, setup->initial, initial);
    guint8 *wire = g_malloc(nub_image_wire_size(&spec));
    nub_image_encode(wire, &spec);
    return store(world, "image", wire, nub_image_wire_size(&spec));
}

static struct stored *
store_instance(struct world *world, const struct setup *setup)
{
    g_autoptr(GPtrArray) blocks = g_ptr_array_new_with_free_func(g_free);
    struct nub_overlay overlays[16];
    struct nub_instance_spec spec = { .image = hash_of(world, "image"),
                                      .overlays = overlays,
                                      .mem_size = setup->mem_pages * PAGE };

    spec.n_overlays = parse_overlays(setup->overlays, overlays, blocks);
    guint8 *wire = g_malloc(nub_instance_wire_size(&spec));
    nub_instance_encode(wire, &spec);
    return store(world, "instance", wire, nub_instance_wire_size(&spec));
}

static enum nub_status
build(struct nub_memplan *plan, struct world *world, const struct setup *setup,
      const struct nub_alloc *alloc, gboolean with_overlays, struct nub_failure *failure)
{
    struct stored *image = store_image(world, setup);
    struct stored *instance = store_instance(world, setup);

    *failure = (struct nub_failure){ .struct_size = sizeof *failure };
    return nub_memplan_build(plan, alloc, &image->cap.u.image, &instance->cap.u.instance,
                             &instance->hash, with_overlays, lookup, world, failure);
}

/* ---- tests --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    struct setup setup;
    const char *plan;
} plans[] = {
    { "nothing", { "", "", "", "", 0 }, "" },
    { "mem-size-alone", { "", "", "", "", 3 }, "0-3 rw below" },
    { "mem-size-of-everything", { "", "", "", "", 1 << 20 }, "0-1048576 rw below" },
    { "an-empty-path-is-zeroed-read-write", { "1-2", "", "", "", 0 }, "1-2 rw mapping" },
    { "a-first-slot-in-neither-list-too", { "1-2/7/9", "0 a1", "1 a1", "", 0 }, "1-2 rw mapping" },
    { "pinned-is-read-only", { "1-2/0", "0 a1", "", "", 0 }, "1-2 ro mapping a1" },
    { "initial-is-read-write", { "1-2/0", "", "0 a1", "", 0 }, "1-2 rw mapping a1" },
    { "pinned-goes-first", { "1-2/0", "0 a1", "0 b1", "", 0 }, "1-2 ro mapping a1" },
    { "short-data-ends-in-zeros", { "1-5/0", "0 c2", "", "", 0 }, "1-5 ro mapping c2" },
    { "long-data-is-cut", { "1-2/0", "0 d3", "", "", 0 }, "1-2 ro mapping d1" },
    { "empty-data-is-zeros", { "1-2/0", "0 a0", "", "", 0 }, "1-2 ro mapping" },
    { "the-last-page",
      { "1048575-1048576/0", "", "0 a1", "", 0 },
      "1048575-1048576 rw mapping a1" },
    { "paths-lead-through-cnodes",
      { "1-2/0/0, 3-5/0/1, 6-8/1/0/1", "0 inner", "1 outer", "", 0 },
      "1-2 ro mapping a1; 3-5 ro mapping c2; 6-8 rw mapping c2" },
    { "an-empty-slot-ends-a-path",
      { "1-2/0/2, 3-4/1/2, 5-6/0/2/5/5", "0 outer", "1 outer", "", 0 },
      "1-2 ro mapping; 3-4 rw mapping; 5-6 ro mapping" },
    { "a-slot-beyond-the-size-ends-a-path",
      { "1-2/0/2, 3-4/0/4294967295/1", "0 inner", "", "", 0 },
      "1-2 ro mapping; 3-4 ro mapping" },
    { "mappings-lie-over-mem-size",
      { "1-2, 4-6/0", "", "0 a1", "", 5 },
      "0-1 rw below; 1-2 rw mapping; 2-4 rw below; 4-6 rw mapping a1" },
    { "overlays-lie-over-everything",
      { "1-5/0", "", "0 d3", "0-1 x, 2-3 y, 6-8 z, 9-10 w", 7 },
      "0-1 rw overlay x1; 1-2 rw mapping d1; 2-3 rw overlay y1; 3-5 rw mapping d1; 5-6 rw below; "
      "6-8 rw overlay z2; 9-10 rw overlay w1" },
    { "an-overlay-covers-several-mappings",
      { "1-2/0, 2-3, 4-6/0", "", "0 a1", "1-5 x", 8 },
      "0-1 rw below; 1-5 rw overlay x4; 5-6 rw mapping; 6-8 rw below" },
    { "an-overlay-beside-a-read-only-mapping",
      { "1-2/0, 3-4/0", "0 a1", "", "0-1 x, 2-3 y", 0 },
      "0-1 rw overlay x1; 1-2 ro mapping a1; 2-3 rw overlay y1; 3-4 ro mapping a1" },
    { "an-overlay-to-the-last-page",
      { "", "", "", "1048575-1048576 x", 1 },
      "0-1 rw below; 1048575-1048576 rw overlay x1" },
};

static void
test_plan(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    const struct nub_alloc alloc = { .realloc = plain_realloc };
    struct nub_failure failure;
    struct nub_memplan plan;
    struct world world;

    world_init(&world);
    enum nub_status status = build(&plan, &world, &plans[i].setup, &alloc, TRUE, &failure);
    g_assert_cmpstr(failure.message, ==, "");
    g_assert_cmpint(status, ==, NUB_OK);
    g_autofree char *text = plan_text(&plan);
    g_assert_cmpstr(text, ==, plans[i].plan);
    nub_memplan_clear(&plan, &alloc);
    world_clear(&world);
}

static const struct {
    const char *name;
    struct setup setup;
    const char *culprit, *message;
} refusals[] = {
    { "a-path-that-goes-on-from-data",
      { "1-2/0/0", "0 a1", "", "", 0 },
      "a1",
      "mapping 0: its path goes on from a Data (" },
    { "a-path-that-goes-on-from-a-type",
      { "1-2, 2-3/5/3/0", "", "5 outer", "", 0 },
      "type",
      "mapping 1: its path goes on from a Type (" },
    { "a-path-that-ends-at-a-cnode",
      { "1-2/0", "0 inner", "", "", 0 },
      "inner",
      "mapping 0: its path ends at a CNode (" },
    { "a-deep-path-that-ends-at-a-type",
      { "1-2/0/3", "0 outer", "", "", 0 },
      "type",
      "mapping 0: its path ends at a Type (" },
    { "the-first-bad-mapping-is-named",
      { "1-2/0, 3-4/1", "0 inner, 1 type", "", "", 0 },
      "inner",
      "mapping 0: its path ends at a CNode (" },
    { "an-overlay-on-read-only-pages",
      { "1-4/0", "0 a1", "", "0-1 x, 3-4 y", 0 },
      "instance",
      "overlay 1 at 0x3000 lies on the read-only mapping at 0x1000" },
    { "an-overlay-that-reaches-read-only-pages",
      { "1-2, 3-4/0", "0 a1", "", "0-9 x", 0 },
      "instance",
      "overlay 0 at 0x0 lies on the read-only mapping at 0x3000" },
    { "an-overlay-on-a-pinned-path-to-nothing",
      { "1-2/0/2", "0 inner", "", "1-2 x", 0 },
      "instance",
      "overlay 0 at 0x1000 lies on the read-only mapping at 0x1000" },
    { "mappings-are-judged-before-overlays",
      { "1-2/0, 3-4/1", "0 a1, 1 type", "", "1-2 x", 0 },
      "type",
      "mapping 1: its path ends at a Type (" },
};

static void
test_refusal(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    const struct nub_alloc alloc = { .realloc = plain_realloc };
    struct nub_failure failure;
    struct nub_memplan plan;
    struct world world;

    world_init(&world);
    g_assert_cmpint(build(&plan, &world, &refusals[i].setup, &alloc, TRUE, &failure), ==,
                    NUB_ERR_MEMORY_INVALID);
    struct nub_hash culprit = hash_of(&world, refusals[i].culprit);
    g_assert_true(nub_hash_equal(&failure.hash, &culprit));
    g_assert_true(g_str_has_prefix(failure.message, refusals[i].message));
    g_assert_null(plan.regions);
    world_clear(&world);
}

static void
test_without_overlays(void)
{
    const struct nub_alloc alloc = { .realloc = plain_realloc };
    const struct setup setup = { "1-4/0", "0 a1", "", "0-1 x, 3-4 y", 2 };
    struct nub_failure failure;
    struct nub_memplan plan;
    struct world world;

    world_init(&world);
    g_assert_cmpint(build(&plan, &world, &setup, &alloc, FALSE, &failure), ==, NUB_OK);
    g_autofree char *text = plan_text(&plan);
    g_assert_cmpstr(text, ==, "0-1 rw below; 1-4 ro mapping a1");
    nub_memplan_clear(&plan, &alloc);

    struct stored *image = g_hash_table_lookup(world.by_name, "image");
    g_assert_cmpint(nub_memplan_build(&plan, &alloc, &image->cap.u.image, NULL, NULL, TRUE, lookup,
                                      &world, NULL),
                    ==, NUB_OK);
    g_autofree char *image_alone = plan_text(&plan);
    g_assert_cmpstr(image_alone, ==, "1-4 ro mapping a1");
    nub_memplan_clear(&plan, &alloc);
    world_clear(&world);
}

static void
test_find(void)
{
    const struct nub_alloc alloc = { .realloc = plain_realloc };
    const struct setup setup = { "2-4/0, 1048575-1048576", "0 a1", "", "6-7 x", 1 };
    static const gint64 starts[] = { 0, -1, 2, 2, -1, -1, 6, -1 };
    struct nub_failure failure;
    struct nub_memplan plan;
    struct world world;

    world_init(&world);
    g_assert_cmpint(build(&plan, &world, &setup, &alloc, TRUE, &failure), ==, NUB_OK);
    for (guint page = 0; page < G_N_ELEMENTS(starts); page++) {
        const struct nub_region *region = nub_memplan_find(&plan, page * PAGE + 5);
        g_assert_cmpint(region ? (gint64)(region->start / PAGE) : -1, ==, starts[page]);
    }
    g_assert_nonnull(nub_memplan_find(&plan, 0xFFFFFFFF));
    g_assert_null(nub_memplan_find(&plan, G_GUINT64_CONSTANT(1) << 32));
    nub_memplan_clear(&plan, &alloc);
    g_assert_null(nub_memplan_find(&plan, 0));
    world_clear(&world);
}

static void
test_no_memory(void)
{
    const struct setup setup = { "1-2/0", "0 a1", "", "3-4 x", 2 };
    guint n = 0;

    for (enum nub_status status = NUB_ERR_NO_MEMORY; status != NUB_OK; n++) {
        guint countdown = n;
        const struct nub_alloc alloc = { .ctx = &countdown, .realloc = plain_realloc };
        struct nub_failure failure;
        struct nub_memplan plan;
        struct world world;
        world_init(&world);
        status = build(&plan, &world, &setup, &alloc, TRUE, &failure);
        if (status != NUB_OK) {
            g_assert_cmpint(status, ==, NUB_ERR_NO_MEMORY);
            g_assert_null(plan.regions);
        }
        nub_memplan_clear(&plan, &alloc);
        world_clear(&world);
    }
    g_assert_cmpuint(n, ==, 3); /* two allocations, each failed once */
}

/* a page of caps.md 2.3: the first of overlay, mapping, mem_size */
static char
page_by_definition(const struct setup *setup, guint64 page)
{
    g_autoptr(GPtrArray) blocks = g_ptr_array_new_with_free_func(g_free);
    struct nub_overlay overlays[16];
    struct nub_mapping mappings[16];
    guint n_overlays = parse_overlays(setup->overlays, overlays, blocks);
    guint n_mappings = parse_mappings(setup->mappings, mappings);

    for (guint i = 0; i < n_overlays; i++)
        if (page * PAGE >= overlays[i].start &&
            page * PAGE < overlays[i].start + overlays[i].bytes.size)
            return (char)overlays[i].bytes.data[0];
    for (guint i = 0; i < n_mappings; i++)
        if (page * PAGE >= mappings[i].start && page * PAGE < mappings[i].start + mappings[i].size)
            return page * PAGE - mappings[i].start < 2 * PAGE && mappings[i].n_source ? 'c' : '0';
    return page < setup->mem_pages ? '0' : '-';
}

/* sorted, disjoint runs of pages: "1-3SUFFIX, 4-5SUFFIX"; with a gap where overlays need one */
static char *
random_runs(GRand *rand, guint gap, const char *const suffixes[2])
{
    GString *text = g_string_new(NULL);
    guint page = (guint)g_rand_int_range(rand, 0, 4);

    for (guint n = (guint)g_rand_int_range(rand, 0, 6); n > 0; n--) {
        guint end = page + (guint)g_rand_int_range(rand, 1, 5);
        g_string_append_printf(text, "%s%u-%u%s", text->len ? ", " : "", page, end,
                               suffixes[g_rand_boolean(rand)]);
        page = end + (guint)g_rand_int_range(rand, (gint32)gap, 4);
    }
    return g_string_free(text, FALSE);
}

static void
test_random(void)
{
    static const char *const mapping_suffixes[2] = { "", "/0" };
    static const char *const overlay_suffixes[2] = { " x", " y" };
    const struct nub_alloc alloc = { .realloc = plain_realloc };
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    struct world world;

    world_init(&world);
    for (guint round = 0; round < 300; round++) {
        g_autofree char *mappings = random_runs(rand, 0, mapping_suffixes);
        g_autofree char *overlays = random_runs(rand, 1, overlay_suffixes);
        const struct setup setup = { mappings, "", "0 c2", overlays,
                                     (guint64)g_rand_int_range(rand, 0, 30) };
        struct nub_failure failure;
        struct nub_memplan plan;
        g_assert_cmpint(build(&plan, &world, &setup, &alloc, TRUE, &failure), ==, NUB_OK);
        for (guint64 page = 0; page < 40; page++) {
            const struct nub_region *region = nub_memplan_find(&plan, page * PAGE);
            char got = '-';
            if (region) {
                guint64 offset = page * PAGE - region->start;
                got = offset < region->content.size ? (char)region->content.data[offset] : '0';
            }
            g_assert_cmpint(got, ==, page_by_definition(&setup, page));
        }
        for (guint i = 1; i < plan.n_regions; i++)
            g_assert_cmpuint(plan.regions[i - 1].start + plan.regions[i - 1].size, <=,
                             plan.regions[i].start);
        nub_memplan_clear(&plan, &alloc);
    }
    world_clear(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(plans); i++) {
        g_autofree char *path = g_strconcat("/core/pvm/memplan/plans/", plans[i].name, NULL);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_plan);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        g_autofree char *path = g_strconcat("/core/pvm/memplan/refuses/", refusals[i].name, NULL);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_refusal);
    }
    g_test_add_func("/core/pvm/memplan/overlays-can-be-left-out", test_without_overlays);
    g_test_add_func("/core/pvm/memplan/an-address-finds-its-region", test_find);
    g_test_add_func("/core/pvm/memplan/no-memory-leaves-nothing-behind", test_no_memory);
    g_test_add_func("/core/pvm/memplan/every-page-equals-the-definition", test_random);
    return g_test_run();
}
