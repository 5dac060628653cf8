/* test-cap-vectors.c - every capability of tests/vectors/caps decodes, hashes and encodes as
 * recorded
 *
 * The hashes there were computed by an independent SSZ library; see tests/vectors/caps/README.md.
 */
#include "model-test.h"
#include <json-glib/json-glib.h>

static GByteArray *
encode_image(const struct nub_image *image)
{
    g_autofree uint32_t *jump = g_new0(uint32_t, image->n_jump + 1);
    g_autofree struct nub_endpoint *endpoints = g_new0(struct nub_endpoint, 64);
    g_autofree struct nub_mapping *mappings = g_new0(struct nub_mapping, 256);
    g_autofree struct nub_slot_entry *pinned = g_new0(struct nub_slot_entry, 256);
    g_autofree struct nub_slot_entry *initial = g_new0(struct nub_slot_entry, 256);
    struct nub_image_spec spec = {
        .isa = image->isa,
        .code = image->code,
        .bitmask = image->bitmask,
        .jump_table = jump,
        .n_jump = image->n_jump,
        .endpoints = endpoints,
        .n_endpoints = image->n_endpoints,
        .mappings = mappings,
        .n_mappings = image->n_mappings,
        .pinned = pinned,
        .n_pinned = image->pinned.n,
        .initial = initial,
        .n_initial = image->initial.n,
        .has_yield_marker = image->has_yield_marker,
        .yield_marker_slot = image->yield_marker_slot,
    };
    GByteArray *wire = g_byte_array_new();

    for (uint32_t i = 0; i < image->n_jump; i++)
        memcpy(&jump[i], image->jump_table + 4 * i, 4);
    for (uint32_t i = 0; i < image->n_endpoints; i++)
        nub_image_endpoint(image, i, &endpoints[i]);
    for (uint32_t i = 0; i < image->n_mappings; i++)
        nub_image_mapping(image, i, &mappings[i]);
    for (uint32_t i = 0; i < image->pinned.n; i++)
        pinned[i].slot = nub_slots_at(&image->pinned, i, &pinned[i].cap);
    for (uint32_t i = 0; i < image->initial.n; i++)
        initial[i].slot = nub_slots_at(&image->initial, i, &initial[i].cap);
    g_byte_array_set_size(wire, nub_image_wire_size(&spec));
    nub_image_encode(wire->data, &spec);
    return wire;
}

static GByteArray *
encode_instance(const struct nub_instance *instance)
{
    g_autofree struct nub_overlay *overlays = g_new0(struct nub_overlay, instance->n_overlays + 1);
    struct nub_instance_spec spec = {
        .image_chain = *instance->image_chain,
        .image = *instance->image,
        .root_cnode = *instance->root_cnode,
        .overlays = overlays,
        .n_overlays = instance->n_overlays,
        .mem_size = instance->mem_size,
        .pc = instance->pc,
        .gas_remaining = instance->gas_remaining,
        .phase = instance->phase,
    };
    GByteArray *wire = g_byte_array_new();

    memcpy(spec.regs, instance->regs, sizeof spec.regs);
    for (uint32_t i = 0; i < instance->n_overlays; i++)
        nub_instance_overlay(instance, i, &overlays[i]);
    g_byte_array_set_size(wire, nub_instance_wire_size(&spec));
    nub_instance_encode(wire->data, &spec);
    return wire;
}

static GByteArray *
encode_cnode(const struct nub_cnode *cnode)
{
    g_autofree struct nub_slot_entry *entries = g_new0(struct nub_slot_entry, cnode->entries.n + 1);
    GByteArray *wire = g_byte_array_new();

    for (uint32_t i = 0; i < cnode->entries.n; i++)
        entries[i].slot = nub_slots_at(&cnode->entries, i, &entries[i].cap);
    g_byte_array_set_size(wire, nub_cnode_wire_size(cnode->entries.n));
    nub_cnode_encode(wire->data, cnode->size_log, entries, cnode->entries.n);
    return wire;
}

static GByteArray *
encode_again(const struct nub_cap *cap)
{
    GByteArray *wire;

    switch (cap->kind) {
    case NUB_CAP_INSTANCE:
        return encode_instance(&cap->u.instance);
    case NUB_CAP_IMAGE:
        return encode_image(&cap->u.image);
    case NUB_CAP_CNODE:
        return encode_cnode(&cap->u.cnode);
    case NUB_CAP_DATA:
        wire = g_byte_array_new();
        g_byte_array_set_size(wire, nub_data_wire_size(cap->u.data.size));
        nub_data_encode(wire->data, cap->u.data);
        return wire;
    case NUB_CAP_TYPE:
    default:
        wire = g_byte_array_new();
        g_byte_array_set_size(wire, NUB_TYPE_WIRE_SIZE);
        nub_type_encode(wire->data, cap->u.type);
        return wire;
    }
}

static void
check_cap(const char *wire_hex, const char *hash_hex)
{
    g_autoptr(GByteArray) wire = nub_test_unhex(wire_hex);
    g_autoptr(GByteArray) again = NULL;
    struct nub_failure failure = NUB_TEST_FAILURE;
    struct nub_hash hash, want = nub_test_unhex_hash(hash_hex);
    struct nub_cap cap;

    if (nub_cap_decode(&cap, nub_test_slice(wire), &failure))
        g_error("valid capability %s is refused: %s", hash_hex, failure.message);
    g_assert_cmpint(cap.kind, ==, wire->data[0]);
    nub_cap_hash(&hash, &cap);
    nub_test_assert_hash(&hash, &want);
    again = encode_again(&cap);
    g_assert_cmpmem(again->data, again->len, wire->data, wire->len);
}

static JsonObject *
load(const char *dir, const char *name, JsonParser **parser)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    GError *error = NULL;

    *parser = json_parser_new_immutable();
    json_parser_load_from_file(*parser, path, &error);
    g_assert_no_error(error);
    return json_node_get_object(json_parser_get_root(*parser));
}

/* Calls `check` on each vector; returns how many capabilities or steps it looked at. */
static guint
each_vector(guint (*check)(JsonObject *vector))
{
    const char *path = NUB_SOURCE_DIR "/tests/vectors/caps";
    GError *error = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
    const char *name;
    guint n = 0;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir))) {
        g_autoptr(JsonParser) parser = NULL;

        if (g_str_has_suffix(name, ".json"))
            n += check(load(path, name, &parser));
    }
    return n;
}

static guint
check_caps(JsonObject *vector)
{
    JsonArray *caps = json_object_get_array_member(vector, "caps");

    for (guint i = 0; i < json_array_get_length(caps); i++) {
        JsonObject *cap = json_array_get_object_element(caps, i);

        check_cap(json_object_get_string_member(cap, "wire"),
                  json_object_get_string_member(cap, "hash"));
    }
    return json_array_get_length(caps);
}

/* Successors of commits are capabilities too. */
static guint
check_successors(JsonObject *vector)
{
    JsonArray *steps = json_object_get_array_member(vector, "steps");
    guint n = 0;

    for (guint i = 0; i < json_array_get_length(steps); i++) {
        JsonObject *step = json_array_get_object_element(steps, i);
        g_autoptr(GList) bodies = json_object_get_values(step);
        JsonObject *body = json_node_get_object(bodies->data), *expect = NULL;

        if (json_object_has_member(body, "expect") &&
            JSON_NODE_HOLDS_OBJECT(json_object_get_member(body, "expect")))
            expect = json_object_get_object_member(body, "expect");
        if (expect && json_object_has_member(expect, "successor-wire")) {
            check_cap(json_object_get_string_member(expect, "successor-wire"),
                      json_object_get_string_member(expect, "successor"));
            n++;
        }
    }
    return n;
}

static guint
check_invalid(JsonObject *vector)
{
    JsonArray *steps = json_object_get_array_member(vector, "steps");
    guint n = 0;

    for (guint i = 0; i < json_array_get_length(steps); i++) {
        JsonObject *step = json_array_get_object_element(steps, i), *put;
        g_autoptr(GByteArray) wire = NULL;
        struct nub_failure failure = NUB_TEST_FAILURE;
        struct nub_cap cap;

        if (!json_object_has_member(step, "put-wire"))
            continue;
        put = json_object_get_object_member(step, "put-wire");
        wire = nub_test_unhex(json_object_get_string_member(put, "wire"));
        g_test_message("%s: %s", json_object_get_string_member(vector, "name"),
                       json_object_get_string_member(put, "field"));
        g_assert_cmpint(nub_cap_decode(&cap, nub_test_slice(wire), &failure), ==,
                        NUB_ERR_BAD_ENCODING);
        g_test_message("    %s (byte %" G_GUINT64_FORMAT ")", failure.message, failure.address);
        g_assert_cmpint(failure.code, ==, NUB_ERR_BAD_ENCODING);
        g_assert_cmpuint(failure.address, <=, wire->len);
        g_assert_cmpint(nub_cap_decode(&cap, nub_test_slice(wire), NULL), ==, NUB_ERR_BAD_ENCODING);
        n++;
    }
    return n;
}

static void
test_valid(void)
{
    g_assert_cmpuint(each_vector(check_caps), >=, 500);
}

static void
test_successors(void)
{
    g_assert_cmpuint(each_vector(check_successors), >=, 20);
}

static void
test_invalid(void)
{
    g_assert_cmpuint(each_vector(check_invalid), >=, 50);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/cap/vectors/each-capability-decodes-hashes-and-encodes", test_valid);
    g_test_add_func("/model/cap/vectors/each-successor-decodes-hashes-and-encodes",
                    test_successors);
    g_test_add_func("/model/cap/vectors/each-invalid-encoding-is-refused", test_invalid);
    return g_test_run();
}
