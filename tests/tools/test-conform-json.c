/* test-conform-json.c - the strict JSON reader and the two readers of vector files
 *
 * What is right is read exactly, to 2^64 - 1; what is wrong has an error with its place. The vector
 * readers start from one good vector each and break one thing per row.
 */
#include "conform-vectors.h"

#include <nub/plugin.h>
#include <string.h>

static NubJsonDoc *
parse(const char *text, GError **error)
{
    return nub_json_parse("t.json", text, strlen(text), error);
}

/* ---- numbers ------------------------------------------------------------------------------- */

static void
test_integers_are_exact(void)
{
    static const struct {
        const char *text;
        guint64 value;
    } rows[] = {
        { "0", 0 },
        { "9007199254740993", G_GUINT64_CONSTANT(9007199254740993) }, /* 2^53 + 1 */
        { "9223372036854775807", G_GUINT64_CONSTANT(9223372036854775807) },
        { "9223372036854775808", G_GUINT64_CONSTANT(9223372036854775808) },
        { "18446744073709551614", G_GUINT64_CONSTANT(18446744073709551614) },
        { "18446744073709551615", G_MAXUINT64 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubJsonDoc) doc = parse(rows[i].text, &error);
        g_assert_no_error(error);
        g_assert_cmpint(doc->root->type, ==, NUB_JSON_INTEGER);
        g_assert_cmpuint(doc->root->u.integer, ==, rows[i].value);
    }
}

/* ---- syntax -------------------------------------------------------------------------------- */

static void
test_wrong_text_has_an_error_with_its_place(void)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "", "t.json:1:1: the text ends here" },
        { "  \n ", "t.json:2:2: the text ends here" },
        { "18446744073709551616", "t.json:1:20: the number is above 2^64 - 1" },
        { "99999999999999999999999", "t.json:1:20: the number is above 2^64 - 1" },
        { "-1", "t.json:1:1: vectors have no negative numbers" },
        { "1.5", "t.json:1:2: vectors have no fractions and no exponents" },
        { "1e3", "t.json:1:2: vectors have no fractions and no exponents" },
        { "01", "t.json:1:3: a number does not begin with 0" },
        { "[1,]", "t.json:1:4: expected a value" },
        { "[1 2]", "t.json:1:4: expected ',' or ']'" },
        { "[1", "t.json:1:3: expected ',' or ']'" },
        { "{\"a\":1", "t.json:1:7: expected ',' or '}'" },
        { "{\"a\" 1}", "t.json:1:6: expected ':'" },
        { "{a:1}", "t.json:1:2: expected a string" },
        { "{\"a\":1,\"a\":2}", "t.json:1:11: the key \"a\" is there twice" },
        { "\"abc", "t.json:1:5: the string has no end" },
        { "\"a\nb\"", "t.json:1:3: the string has no end" },
        { "\"\\", "t.json:1:3: the string has no end" },
        { "\"\\x\"", "t.json:1:4: unknown escape" },
        { "\"\\u12\"", "t.json:1:6: \\u wants four hex digits" },
        { "\"\\u0000\"", "t.json:1:8: a character that text cannot have" },
        { "\"\\ud800\"", "t.json:1:8: half a surrogate pair" },
        { "\"\\ud800\\u0041\"", "t.json:1:14: half a surrogate pair" },
        { "\"\\udc00\"", "t.json:1:8: a character that text cannot have" },
        { "nul", "t.json:1:1: expected a value" },
        { "1 2", "t.json:1:3: something follows the value" },
        { "// c\n1", "t.json:1:1: expected a value" },
        { "\"\xff\"", "t.json: the file is no UTF-8 text" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubJsonDoc) doc = parse(rows[i].text, &error);
        g_assert_null(doc);
        g_assert_error(error, NUB_JSON_ERROR, NUB_JSON_ERROR_SYNTAX);
        g_assert_cmpstr(error->message, ==, rows[i].message);
    }
}

static void
test_nesting_is_bounded(void)
{
    g_autofree char *text = g_strnfill(100000, '[');
    g_autoptr(GError) error = NULL;

    g_assert_null(parse(text, &error));
    g_assert_cmpstr(error->message, ==, "t.json:1:34: nested deeper than 32");
}

static void
test_strings_are_decoded(void)
{
    g_autoptr(NubJsonDoc) doc = parse("\"a\\n\\u0041\\ud83d\\ude00\\/\"", NULL);

    g_assert_cmpstr(doc->root->u.string, ==, "a\nA\xf0\x9f\x98\x80/");
}

/* A prefix of a good text is never good, and never more than an error. */
static void
test_every_prefix_is_an_error(void)
{
    static const char text[] = "{\"a\":[1,true,null,{\"b\":\"\\u00e9\\n\"}],\"c\":false}";

    for (gsize size = 0; size < sizeof text - 1; size++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NubJsonDoc) doc = nub_json_parse("t", text, size, &error);
        g_assert_null(doc);
        g_assert_nonnull(error);
    }
}

/* ---- vectors ------------------------------------------------------------------------------- */

#define REGS "[0,0,0,0,0,0,0,0,0,0,0,0,18446744073709551615]"
#define ASSERT                                                                                     \
    "{\"assert\":{\"status\":\"trap\",\"gas\":9,\"pc\":0,\"regs\":" REGS ",\"memory\":[]}}"
#define PROGRAM                                                                                    \
    "{\"name\":\"t\",\"gas-model\":\"pipeline\",\"initial-pc\":0,\"initial-gas\":10,"              \
    "\"program\":[0,1,1,0,1],\"steps\":[{\"map\":{\"address\":4096,\"length\":4096,"               \
    "\"is-writable\":true}},{\"write\":{\"address\":4097,\"contents\":[1,2]}},"                    \
    "{\"set-reg\":{\"reg\":12,\"value\":18446744073709551615}},{\"run\":{}}," ASSERT               \
    "],\"block-gas-costs\":[{\"pc\":0,\"cost\":1}]}"

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define CAPS                                                                                       \
    "{\"name\":\"t\",\"about\":\"x\",\"gas-model\":\"pipeline\",\"mem-cycles\":25,"                \
    "\"caps\":[{\"label\":\"a\",\"wire\":\"0400\",\"hash\":\"" ZERO "\"}],\"steps\":["             \
    "{\"put\":{\"cap\":\"a\",\"expect\":\"ok\"}},"                                                 \
    "{\"get\":{\"hash\":\"" ZERO "\",\"expect\":\"NOT_FOUND\"}},"                                  \
    "{\"invoke\":{\"instance\":\"" ZERO "\",\"endpoint\":0,\"args\":[\"1\",\"2\",\"3\",\"4\"],"    \
    "\"gas\":\"18446744073709551615\",\"commit\":false,\"advance\":false,"                         \
    "\"expect\":{\"error\":\"NOT_PUBLISHED\",\"hash\":\"" ZERO "\"}}},"                            \
    "{\"session\":{\"instance\":\"" ZERO "\",\"endpoint\":0,\"args\":[\"0\",\"0\",\"0\",\"0\"],"   \
    "\"gas\":\"1\",\"runs\":[{\"set-pc\":{\"pc\":4294967295}},"                                    \
    "{\"read\":{\"address\":0,\"length\":1,\"expect\":\"NOT_MAPPED\",\"page\":0}}]}}]}"

/* `text` with the first `from` replaced by `to`. */
static char *
replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);

    g_assert_nonnull(at);
    return g_strdup_printf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void
test_a_program_vector_is_read(void)
{
    g_autoptr(NubJsonDoc) doc = parse(PROGRAM, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(nub_program_vector_recognise(doc));
    g_assert_false(nub_caps_vector_recognise(doc));
    g_autoptr(NubProgramVector) vector = nub_program_vector_read(doc, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(vector->gas_model, ==, NUB_GAS_PIPELINE);
    g_assert_cmpuint(vector->mem_cycles, ==, 25);
    g_assert_cmpuint(g_bytes_get_size(vector->program), ==, 5);
    g_assert_cmpuint(vector->steps->len, ==, 5);
    const struct nub_program_step *steps =
        (const struct nub_program_step *)(void *)vector->steps->data;
    g_assert_cmpuint(steps[2].u.set_reg.value, ==, G_MAXUINT64);
    g_assert_cmpuint(steps[4].u.assert.exit_reason, ==, NUB_EXIT_TRAP);
    g_assert_cmpuint(steps[4].u.assert.regs[12], ==, G_MAXUINT64);
    g_assert_cmpuint(vector->costs->len, ==, 1);
}

static void
test_a_wrong_program_vector_is_a_named_error(void)
{
    static const struct {
        const char *from, *to, *message;
    } rows[] = {
        { "\"name\":\"t\",", "", "the field \"name\" is missing" },
        { "\"name\":\"t\"", "\"name\":5", "\"name\": expected a string, found a number" },
        { "pipeline", "pipelines", "unknown gas model \"pipelines\"" },
        { "\"gas-model\"", "\"mem-cycles\":0,\"gas-model\"", "\"mem-cycles\": 0 is less than 1" },
        { "\"gas-model\"", "\"mem-cycles\":128,\"gas-model\"",
          "\"mem-cycles\": 128 is more than 127" },
        { "\"initial-pc\":0", "\"initial-pc\":4294967296",
          "\"initial-pc\": 4294967296 is more than 4294967295" },
        { "\"program\":[0", "\"program\":[256", "\"program\": 256 is more than 255" },
        { "\"program\":[0", "\"program\":[\"0\"",
          "\"program\": expected a number, found a string" },
        { "\"address\":4096", "\"address\":4095", "\"map\": no range of whole pages below 2^32" },
        { "\"length\":4096", "\"length\":0", "\"map\": no range of whole pages below 2^32" },
        { "\"address\":4096,\"length\":4096", "\"address\":4294963200,\"length\":8192",
          "\"map\": no range of whole pages below 2^32" },
        { "\"reg\":12", "\"reg\":13", "\"reg\": 13 is more than 12" },
        { "{\"run\":{}}", "{\"go\":{}}", "unknown step \"go\"" },
        { "{\"run\":{}}", "{\"run\":{},\"map\":{}}", "a step is an object with one key" },
        { "{\"run\":{}}", "5", "a step is an object with one key" },
        { "{\"run\":{}},", "", "\"assert\": no run comes before it" },
        { "\"trap\"", "\"trip\"", "unknown status \"trip\"" },
        { "\"trap\"", "\"page-fault\"", "the field \"page-fault-address\" is missing" },
        { "\"trap\"", "\"trap\",\"hostcall\":1", "\"hostcall\" does not go with the status trap" },
        { "\"gas\":9", "\"gas\":9223372036854775808",
          "\"gas\": 9223372036854775808 is more than 9223372036854775807" },
        { "\"regs\":[0,", "\"regs\":[", "\"regs\": expected 13 elements, found 12" },
        { "\"memory\":[]", "\"memory\":[{\"address\":0}]", "the field \"contents\" is missing" },
        { "\"cost\":1", "\"cost\":0", "\"cost\": no block costs 0" },
        { "\"pipeline\"", "\"instruction\"",
          "\"block-gas-costs\": the model instruction has none" },
        { "\"cost\":1", "\"cost\":1,\"prize\":2", "unknown field \"prize\"" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = replace(PROGRAM, rows[i].from, rows[i].to);
        g_autoptr(GError) error = NULL;
        g_autoptr(NubJsonDoc) doc = parse(text, &error);
        g_assert_no_error(error);
        g_assert_null(nub_program_vector_read(doc, &error));
        g_assert_error(error, NUB_JSON_ERROR, NUB_JSON_ERROR_CONTENT);
        g_assert_true(g_str_has_prefix(error->message, "t.json:1:"));
        g_assert_nonnull(strstr(error->message, rows[i].message));
    }
}

static void
test_a_scenario_is_read(void)
{
    g_autoptr(NubJsonDoc) doc = parse(CAPS, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(nub_caps_vector_recognise(doc));
    g_assert_false(nub_program_vector_recognise(doc));
    g_autoptr(NubCapsVector) vector = nub_caps_vector_read(doc, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(vector->steps->len, ==, 4);
    const struct nub_caps_step *steps = (const struct nub_caps_step *)(void *)vector->steps->data;
    g_assert_cmpint(steps[0].kind, ==, NUB_CAPS_PUT);
    g_assert_cmpuint(g_bytes_get_size(steps[0].wire), ==, 2);
    g_assert_cmpint(steps[1].status, ==, NUB_ERR_NOT_FOUND);
    g_assert_cmpuint(steps[2].gas, ==, G_MAXUINT64);
    g_assert_cmpuint(steps[2].args[3], ==, 4);
    g_assert_cmpint(steps[2].expect.status, ==, NUB_ERR_NOT_PUBLISHED);
    g_assert_cmpuint(steps[3].runs->len, ==, 2);
}

static void
test_a_wrong_scenario_is_a_named_error(void)
{
    static const struct {
        const char *from, *to, *message;
    } rows[] = {
        { "\"wire\":\"0400\"", "\"wire\":\"040\"",
          "\"wire\": expected pairs of lower-case hex digits" },
        { "\"wire\":\"0400\"", "\"wire\":\"04AA\"",
          "\"wire\": expected pairs of lower-case hex digits" },
        { "\"hash\":\"00", "\"hash\":\"", "\"hash\": expected 32 bytes, found 31" },
        { "\"cap\":\"a\"", "\"cap\":\"b\"", "no cap has the label \"b\"" },
        { "\"NOT_FOUND\"", "\"NOT_LOST\"", "\"expect\": unknown error name \"NOT_LOST\"" },
        { "\"NOT_FOUND\"", "\"ok\"", "\"wire\" goes with \"ok\"" },
        { "\"1\",\"2\"", "\"1\",\"-2\"", "\"args\": expected a decimal string below 2^64" },
        { "\"1\",\"2\"", "\"1\",2", "\"args\": expected a decimal string below 2^64" },
        { "18446744073709551615", "18446744073709551616",
          "\"gas\": expected a decimal string below 2^64" },
        { "\"error\":\"NOT_PUBLISHED\"", "\"error\":\"ok\"", "\"error\": ok is no error" },
        { "\"commit\":false", "\"commit\":0",
          "\"commit\": expected true or false, found a number" },
        { "{\"set-pc\"", "{\"invokes\"", "unknown step \"invokes\" in a session" },
        { "{\"set-pc\":{\"pc\":4294967295}}", "{\"session\":{}}",
          "unknown step \"session\" in a session" },
        { "{\"put\":{\"cap\":\"a\",\"expect\":\"ok\"}}", "{\"run\":{}}", "unknown step \"run\"" },
        { "\"expect\":\"NOT_MAPPED\"", "\"expect\":\"ok\"", "\"data\" goes with \"ok\"" },
        { "\"length\":1", "\"length\":67108865", "\"length\": 67108865 is more than 67108864" },
        { "\"caps\":[", "\"caps\":[{\"label\":\"a\",\"wire\":\"\",\"hash\":\"" ZERO "\"},",
          "the label \"a\" is there twice" },
        { "\"about\":\"x\",", "", "the field \"about\" is missing" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = replace(CAPS, rows[i].from, rows[i].to);
        g_autoptr(GError) error = NULL;
        g_autoptr(NubJsonDoc) doc = parse(text, &error);
        g_assert_no_error(error);
        g_assert_null(nub_caps_vector_read(doc, &error));
        g_assert_error(error, NUB_JSON_ERROR, NUB_JSON_ERROR_CONTENT);
        g_assert_nonnull(strstr(error->message, rows[i].message));
    }
}

/* The files of one folder, all of one kind. */
static guint
read_folder(const char *name, bool programs)
{
    g_autofree char *folder = g_build_filename(NUB_SOURCE_DIR, "tests", "vectors", name, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file;
    guint n = 0;

    g_assert_nonnull(dir);
    while ((file = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, file, NULL);
        g_autoptr(GError) error = NULL;
        if (!g_str_has_suffix(file, ".json"))
            continue;
        g_autoptr(NubJsonDoc) doc = nub_json_load(path, &error);
        g_assert_no_error(error);
        if (programs) {
            g_autoptr(NubProgramVector) vector = nub_program_vector_read(doc, &error);
            g_assert_no_error(error);
        } else {
            g_autoptr(NubCapsVector) vector = nub_caps_vector_read(doc, &error);
            g_assert_no_error(error);
        }
        n++;
    }
    return n;
}

static void
test_every_vector_of_the_tree_is_read(void)
{
    g_assert_cmpuint(read_folder("programs", true), ==, 180);
    g_assert_cmpuint(read_folder("caps", false), ==, 125);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/conform-json/integers-are-exact-to-2-to-the-64",
                    test_integers_are_exact);
    g_test_add_func("/tools/conform-json/wrong-text-has-an-error-with-its-place",
                    test_wrong_text_has_an_error_with_its_place);
    g_test_add_func("/tools/conform-json/nesting-is-bounded", test_nesting_is_bounded);
    g_test_add_func("/tools/conform-json/strings-are-decoded", test_strings_are_decoded);
    g_test_add_func("/tools/conform-json/every-prefix-is-an-error", test_every_prefix_is_an_error);
    g_test_add_func("/tools/conform-json/a-program-vector-is-read", test_a_program_vector_is_read);
    g_test_add_func("/tools/conform-json/a-wrong-program-vector-is-a-named-error",
                    test_a_wrong_program_vector_is_a_named_error);
    g_test_add_func("/tools/conform-json/a-scenario-is-read", test_a_scenario_is_read);
    g_test_add_func("/tools/conform-json/a-wrong-scenario-is-a-named-error",
                    test_a_wrong_scenario_is_a_named_error);
    g_test_add_func("/tools/conform-json/every-vector-of-the-tree-is-read",
                    test_every_vector_of_the_tree_is_read);
    return g_test_run();
}
