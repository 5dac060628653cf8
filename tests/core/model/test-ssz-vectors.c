/* test-ssz-vectors.c - tests/vectors/ssz: what an independent SSZ library says, and what it cannot
 * say
 *
 * valid.json holds wire forms and hashes; invalid.json one fault per case, with the message and
 * the byte that the failure must name.
 */
#include "bundle.h"
#include "model-test.h"
#include <json-glib/json-glib.h>
#include <string.h>

static JsonParser *valid, *invalid;

static JsonParser *
load(const char *name)
{
    g_autofree char *path = g_build_filename(NUB_SOURCE_DIR, "tests/vectors/ssz", name, NULL);
    JsonParser *parser = json_parser_new_immutable();
    GError *error = NULL;

    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    return parser;
}

/* Parts: a string is hex with spaces, [byte, count] is a run. */
static GByteArray *
bytes_of(JsonArray *parts)
{
    GByteArray *bytes = g_byte_array_new();

    for (guint i = 0; i < json_array_get_length(parts); i++) {
        JsonNode *part = json_array_get_element(parts, i);

        if (JSON_NODE_HOLDS_ARRAY(part)) {
            JsonArray *run = json_node_get_array(part);
            guint at = bytes->len, count = json_array_get_int_element(run, 1);

            g_byte_array_set_size(bytes, at + count);
            memset(bytes->data + at, json_array_get_int_element(run, 0), count);
        } else {
            g_auto(GStrv) words = g_strsplit(json_node_get_string(part), " ", -1);
            g_autofree char *hex = g_strjoinv("", words);
            g_autoptr(GByteArray) more = nub_test_unhex(hex);

            g_byte_array_append(bytes, more->data, more->len);
        }
    }
    return bytes;
}

static JsonArray *
list_of(JsonParser *parser, const char *name)
{
    return json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), name);
}

static void
test_valid_caps(void)
{
    JsonArray *caps = list_of(valid, "caps");
    guint kinds[5] = { 0 };

    g_assert_cmpuint(json_array_get_length(caps), >=, 60);
    for (guint i = 0; i < json_array_get_length(caps); i++) {
        JsonObject *cap = json_array_get_object_element(caps, i);
        g_autoptr(GByteArray) wire = bytes_of(json_object_get_array_member(cap, "wire"));

        g_test_message("%s", json_object_get_string_member(cap, "name"));
        nub_test_check_cap(wire, json_object_get_string_member(cap, "hash"));
        kinds[wire->data[0]]++;
    }
    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++)
        g_assert_cmpuint(kinds[k], >=, 4);
}

static void
test_valid_bundles(void)
{
    JsonArray *bundles = list_of(valid, "bundles");

    g_assert_cmpuint(json_array_get_length(bundles), >=, 3);
    for (guint i = 0; i < json_array_get_length(bundles); i++) {
        JsonObject *item = json_array_get_object_element(bundles, i);
        g_autoptr(GByteArray) file = bytes_of(json_object_get_array_member(item, "file"));
        g_autoptr(GByteArray) again = g_byte_array_new();
        JsonArray *caps = json_object_get_array_member(item, "caps");
        struct nub_failure failure = NUB_TEST_FAILURE;
        struct nub_slice list[16];
        struct nub_bundle bundle;

        g_assert_cmpint(nub_bundle_decode(&bundle, nub_test_slice(file), &failure), ==, NUB_OK);
        g_assert_cmpuint(bundle.n_caps, ==, json_array_get_length(caps));
        for (guint k = 0; k < bundle.n_caps; k++) {
            g_autoptr(GByteArray) want = bytes_of(json_array_get_array_element(caps, k));

            list[k] = nub_bundle_cap(&bundle, k);
            g_assert_cmpmem(list[k].data, list[k].size, want->data, want->len);
        }
        g_byte_array_set_size(again, nub_bundle_size(list, bundle.n_caps));
        nub_bundle_encode(again->data, list, bundle.n_caps);
        g_assert_cmpmem(again->data, again->len, file->data, file->len);
    }
}

/* Decodes a copy of exactly its size, so that ASan sees a read beyond it. */
static enum nub_status
decode_cap(struct nub_slice bytes, struct nub_failure *failure)
{
    struct nub_cap cap;

    return nub_cap_decode(&cap, bytes, failure);
}

static enum nub_status
decode_bundle(struct nub_slice bytes, struct nub_failure *failure)
{
    struct nub_bundle bundle;

    return nub_bundle_decode(&bundle, bytes, failure);
}

static void
check_invalid(const char *list, const char *member, guint at_least,
              enum nub_status (*decode)(struct nub_slice bytes, struct nub_failure *failure))
{
    JsonArray *cases = list_of(invalid, list);

    g_assert_cmpuint(json_array_get_length(cases), >=, at_least);
    for (guint i = 0; i < json_array_get_length(cases); i++) {
        JsonObject *item = json_array_get_object_element(cases, i);
        g_autoptr(GByteArray) bytes = bytes_of(json_object_get_array_member(item, member));
        g_autofree guint8 *copy = g_memdup2(bytes->data, bytes->len);
        struct nub_slice slice = { copy, bytes->len };
        struct nub_failure failure = NUB_TEST_FAILURE;

        g_test_message("%s", json_object_get_string_member(item, "name"));
        g_assert_cmpint(decode(slice, &failure), ==, NUB_ERR_BAD_ENCODING);
        g_assert_cmpint(failure.code, ==, NUB_ERR_BAD_ENCODING);
        g_assert_cmpstr(failure.message, ==, json_object_get_string_member(item, "error"));
        g_assert_cmpuint(failure.address, ==, (guint64)json_object_get_int_member(item, "at"));
        g_assert_cmpint(decode(slice, NULL), ==, NUB_ERR_BAD_ENCODING);
    }
}

static void
test_invalid_caps(void)
{
    check_invalid("caps", "wire", 80, decode_cap);
}

static void
test_invalid_bundles(void)
{
    check_invalid("bundles", "wire", 11, decode_bundle);
}

/* Every prefix of a valid encoding is an error or a valid encoding, and never a crash. */
static void
test_prefixes(void)
{
    JsonArray *caps = list_of(valid, "caps");
    guint refused = 0;

    for (guint i = 0; i < json_array_get_length(caps); i++) {
        JsonObject *cap = json_array_get_object_element(caps, i);
        g_autoptr(GByteArray) wire = bytes_of(json_object_get_array_member(cap, "wire"));

        for (guint size = 0; size < MIN(wire->len, 1200); size++) {
            g_autofree guint8 *copy = g_memdup2(wire->data, size);

            refused += decode_cap((struct nub_slice){ copy, size }, NULL) == NUB_ERR_BAD_ENCODING;
        }
    }
    g_assert_cmpuint(refused, >, 10000);
}

int
main(int argc, char **argv)
{
    int result;

    g_test_init(&argc, &argv, NULL);
    valid = load("valid.json");
    invalid = load("invalid.json");
    g_test_add_func("/model/ssz/vectors/each-capability-decodes-hashes-and-encodes",
                    test_valid_caps);
    g_test_add_func("/model/ssz/vectors/each-bundle-decodes-and-encodes", test_valid_bundles);
    g_test_add_func("/model/ssz/vectors/each-invalid-capability-names-its-fault",
                    test_invalid_caps);
    g_test_add_func("/model/ssz/vectors/each-invalid-bundle-names-its-fault", test_invalid_bundles);
    g_test_add_func("/model/ssz/vectors/each-prefix-is-judged", test_prefixes);
    result = g_test_run();
    g_object_unref(valid);
    g_object_unref(invalid);
    return result;
}
