/* test-cap-vectors.c - every capability of tests/vectors/caps decodes, hashes and encodes as
 * recorded
 *
 * The hashes there were computed by an independent SSZ library; see tests/vectors/caps/README.md.
 */
#include "model-test.h"
#include <json-glib/json-glib.h>

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

        nub_test_check_cap_hex(json_object_get_string_member(cap, "wire"),
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
            nub_test_check_cap_hex(json_object_get_string_member(expect, "successor-wire"),
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
