/* test-conform.c - nub conform: that it passes what is right and fails what is wrong
 *
 * Modules that are nub-local with one fault each (modules/faulty.c) must fail exactly there; a
 * module that crashes, hangs or ends the process must fail one case and no more. Vector files that
 * are wrong are failures with a place, never a crash.
 */
#include "cli-test.h"

#include <glib/gstdio.h>
#include <string.h>

#define VECTORS NUB_SOURCE_DIR "/tests/vectors"

static void
write_config(const char *name, const char *module)
{
    g_autofree char *yaml = g_strdup_printf("version: 1\nplugin-path: [ %s ]\nbackends:\n"
                                            "  - name: it\n    module: %s\n",
                                            NUB_TEST_MODULE_DIR, module);

    nub_test_write(name, yaml, -1);
}

/* The last line, without its end. */
static char *
last_line(const char *text)
{
    g_autofree char *copy = g_strchomp(g_strdup(text));
    const char *line = strrchr(copy, '\n');

    return g_strdup(line ? line + 1 : copy);
}

/* ---- faults -------------------------------------------------------------------------------- */

static const struct {
    const char *fault, *args, *last_line, *message;
} faults[] = {
    { "none", "--vectors " VECTORS "/edge --strict", "114 passed, 0 failed, 0 skipped", "" },
    { "none", "--only 'NP-*'", "35 passed, 0 failed, 1 skipped",
      "skipped NP-61 nothing is written beyond a heap statistic's struct_size: the backend has no "
      "heap_stats" },
    { "gas", "--only programs/inst_add_64", "0 passed, 1 failed, 0 skipped",
      "failed  programs/inst_add_64: step 4: gas 9" },
    { "register", "--only programs/inst_add_64", "0 passed, 1 failed, 0 skipped",
      "step 4: register 12 is 0x8000000000000000, expected 0x0" },
    { "memory", "--only programs/inst_store_u8", "0 passed, 1 failed, 0 skipped",
      "failed  programs/inst_store_u8: step " },
    { "hash", "--only caps/bundle_small --only NP-31*", "0 passed, 2 failed, 0 skipped",
      "failed  NP-31 the hash is the SSZ hash tree root: the hash is not the SSZ hash tree root" },
    { "room", "--only caps/call_is_pure", "0 passed, 1 failed, 0 skipped",
      "put: step 2: NO_SPACE" },
    { "naming", "--only caps/invoke_not_published", "0 passed, 1 failed, 0 skipped",
      "NOT_PUBLISHED names no capability, expected " },
    { "refcount", "--only caps/put_counts", "0 passed, 1 failed, 0 skipped",
      "refcount: step 4: refcount is 4, expected 3" },
    { "print", "--only 'NP-2*'", "3 passed, 1 failed, 0 skipped",
      "failed  NP-23 nothing is printed: it printed " },
    { "failure", "--only 'NP-2*'", "3 passed, 1 failed, 0 skipped",
      "failed  NP-22 nothing is written beyond a failure's struct_size: invoke_cached writes" },
    { "reading", "--only 'NP-3*'", "6 passed, 1 failed, 0 skipped",
      "failed  NP-34 what is present is not read again: the process " },
    { "changes", "--only 'NP-3*'", "6 passed, 1 failed, 0 skipped",
      "failed  NP-36 changes make the instance of its base: get_changes tells pages out "
      "of order, or too many" },
    { "crash", "--only NP-30* --only NP-40* --only programs/inst_add_64",
      "2 passed, 1 failed, 0 skipped",
      "failed  NP-40 invoke_cached is pure: the process was killed by signal 6" },
    { "exit", "--only NP-30* --only NP-40* --only programs/inst_add_64",
      "2 passed, 1 failed, 0 skipped", "failed  NP-40 invoke_cached is pure: the process ended" },
    { "hang", "--timeout 1 --only NP-30* --only NP-40* --only programs/inst_add_64",
      "2 passed, 1 failed, 0 skipped",
      "failed  NP-40 invoke_cached is pure: no answer within 1 s" },
    { "few", "--only programs/inst_add_64 --only NP-48*", "0 passed, 0 failed, 2 skipped",
      "skipped programs/inst_add_64: the backend has no session_open" },
    { "few", "--only caps/put_counts --only caps/commit_one_page --only caps/hash_smallest",
      "0 passed, 0 failed, 3 skipped", "skipped caps/commit_one_page: the backend has no invoke" },
};

static void
test_a_fault_is_found(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autofree char *module = g_strdup_printf("faulty-%s", faults[i].fault);
    gboolean fails = !strstr(faults[i].last_line, " 0 failed");

    write_config("it.yaml", module);
    g_autoptr(NubRan) ran = nub_ran("conform --config it.yaml --backend it %s", faults[i].args);
    g_autofree char *last = last_line(ran->out);
    nub_assert_code(ran, fails);
    g_assert_cmpstr(last, ==, faults[i].last_line);
    nub_assert_out(ran, faults[i].message);
}

static void
test_a_module_needs_no_configuration(void)
{
    g_autoptr(NubRan) good =
        nub_ran("conform --module %s/faulty-none.so --only 'NP-3*' --strict", NUB_TEST_MODULE_DIR);
    g_autoptr(NubRan) bad =
        nub_ran("conform --module %s/faulty-hash.so --only NP-31*", NUB_TEST_MODULE_DIR);

    nub_assert_code(good, 0);
    g_assert_cmpstr(good->out, ==, "7 passed, 0 failed, 0 skipped\n");
    nub_assert_code(bad, 1);
}

/* A module that wraps others is judged with the options that it is given, here or in a file. */
static void
test_a_wrapper_is_judged_with_its_options(void)
{
    static const char yaml[] =
        "version: 1\nbackends:\n  - { name: local, module: nub-local }\n"
        "  - { name: pair, module: nub-differential, options: { backends: \"local,other\" } }\n"
        "  - { name: other, module: nub-local }\n";
    static const char module[] =
        "conform --module " NUB_BUILD_DIR "/modules/nub-differential.so --only NP-3* --only NP-1*";

    nub_test_write("pair.yaml", yaml, -1);
    g_autoptr(NubRan) configured =
        nub_ran("conform --config pair.yaml --backend pair --only NP-3* --only NP-1* --strict");
    g_autoptr(NubRan) given = nub_ran("%s --option backends=local,jit --strict", module);
    g_autoptr(NubRan) bare = nub_ran("%s", module);
    g_autoptr(NubRan) unknown = nub_ran("%s --option backend=local", module);
    g_autoptr(NubRan) shapeless = nub_ran("%s --option local", module);
    g_autoptr(NubRan) stray =
        nub_ran("conform --config pair.yaml --backend pair --option backends=local");

    nub_assert_code(configured, 0);
    g_assert_cmpstr(configured->out, ==, "12 passed, 0 failed, 0 skipped\n");
    nub_assert_code(given, 0);
    g_assert_cmpstr(given->out, ==, configured->out);
    nub_assert_code(bare, 3);
    nub_assert_err(bare, "option 'backends' is missing");
    nub_assert_code(unknown, 3);
    nub_assert_err(unknown, "unknown option 'backend' (did you mean 'backends'?)");
    nub_assert_code(shapeless, 2);
    nub_assert_err(shapeless, "--option: expected NAME=VALUE, not 'local'");
    nub_assert_code(stray, 2);
}

static void
test_strict_makes_a_skip_a_failure(void)
{
    write_config("few.yaml", "faulty-few");
    g_autoptr(NubRan) lax =
        nub_ran("conform --config few.yaml --backend it --only programs/inst_trap");
    g_autoptr(NubRan) strict =
        nub_ran("conform --config few.yaml --backend it --only programs/inst_trap --strict");

    nub_assert_code(lax, 0);
    nub_assert_code(strict, 1);
    g_assert_cmpstr(lax->out, ==, strict->out);
}

static void
test_json_has_every_case(void)
{
    write_config("gas.yaml", "faulty-gas");
    g_autoptr(NubRan) ran = nub_ran("conform --config gas.yaml --backend it --json "
                                    "--only programs/inst_add_64 --only caps/hash_smallest "
                                    "--only NP-61*");
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    JsonObject *object = json_node_get_object(json);
    JsonArray *cases = json_object_get_array_member(object, "cases");
    JsonObject *program = json_array_get_object_element(cases, 1);

    nub_assert_code(ran, 1);
    g_assert_cmpstr(json_object_get_string_member(object, "backend"), ==, "it");
    g_assert_cmpint(json_object_get_int_member(object, "passed"), ==, 1);
    g_assert_cmpint(json_object_get_int_member(object, "failed"), ==, 1);
    g_assert_cmpint(json_object_get_int_member(object, "skipped"), ==, 1);
    g_assert_cmpuint(json_array_get_length(cases), ==, 3);
    g_assert_cmpstr(json_object_get_string_member(program, "name"), ==, "programs/inst_add_64");
    g_assert_cmpstr(json_object_get_string_member(program, "verdict"), ==, "failed");
    g_assert_nonnull(strstr(json_object_get_string_member(program, "message"), "gas"));
}

/* ---- vectors of the caller's --------------------------------------------------------------- */

static void
test_a_wrong_vector_file_is_a_failure_with_its_place(void)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        { "", "/v.json:1:1: the text ends here" },
        { "[]", "/v.json: neither a program vector nor a scenario" },
        { "{\"program\":[]}", "/v.json:1:1: the field \"name\" is missing" },
        { "{\"caps\":[],\"steps\":{}}", "/v.json:1:1: the field \"name\" is missing" },
        { "{\"name\":\"v\",\"gas-model\":\"pipeline\",\"initial-pc\":0,\"initial-gas\":1,"
          "\"program\":[255],\"steps\":[],\"block-gas-costs\":[]}",
          "v: the vector's program: " },
        { "{\"name\":\"v\",\"gas-model\":\"pipeline\",\"initial-pc\":0,\"initial-gas\":1,"
          "\"program\":[0,1,1,0,1],\"steps\":[],\"block-gas-costs\":[]}",
          "v: the vector lists 0 blocks, its program has 1" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *dir = g_build_filename(nub_test_folder(), "vectors", NULL);
        g_autofree char *file = g_build_filename(dir, "v.json", NULL);
        g_mkdir_with_parents(dir, 0700);
        g_assert_true(g_file_set_contents(file, rows[i].text, -1, NULL));
        g_autoptr(NubRan) ran = nub_ran("conform --backend local --vectors vectors");
        g_autofree char *last = last_line(ran->out);
        nub_assert_code(ran, 1);
        g_assert_cmpstr(last, ==, "0 passed, 1 failed, 0 skipped");
        nub_assert_out(ran, rows[i].message);
        g_unlink(file);
        g_rmdir(dir);
    }
}

/* Where nobody looks there is not a byte of it. */
static void
test_progress_is_for_terminals(void)
{
    static const char *const line = "conform --backend local --only 'NP-0*'";
    g_autoptr(NubRan) piped = nub_ran("%s", line);
    g_autoptr(NubRan) seen = nub_ran_on_terminal("%s", line);
    g_autoptr(NubRan) json = nub_ran_on_terminal("%s --json", line);

    nub_assert_code(piped, 0);
    g_assert_cmpstr(piped->err, ==, "");
    nub_assert_code(seen, 0);
    nub_assert_err(seen, "\rconform: 1 of ");
    g_assert_true(g_str_has_suffix(seen->err, "\r\033[K"));
    g_assert_null(strchr(seen->err, '\n'));
    g_assert_cmpstr(json->err, ==, "");
}

static void
test_an_unknown_backend_is_3(void)
{
    g_autoptr(NubRan) ran = nub_ran("conform --backend locale");

    nub_assert_code(ran, 3);
    nub_assert_err(ran, "nub conform: no backend 'locale' is configured (did you mean 'local'?)");
}

static void
test_list_names_the_built_in_set(void)
{
    g_autoptr(NubRan) ran = nub_ran("conform --list");

    nub_assert_code(ran, 0);
    nub_assert_out(ran, "NP-05 ");
    nub_assert_out(ran, "\nprograms/inst_add_64\n");
    nub_assert_out(ran, "\ncaps/advance\n");
    nub_assert_out(ran, "\nedge/edge_b114\n");
}

/* Every rule that docs/plugin-abi.md says conform notices is checked, and the other way round. */
static void
test_the_documented_rules_are_those_that_are_checked(void)
{
    g_autofree char *file = g_build_filename(NUB_SOURCE_DIR, "docs", "plugin-abi.md", NULL);
    g_autoptr(NubRan) ran = nub_ran("conform --list --only NP-*");
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    guint n_documented = 0;

    nub_assert_code(ran, 0);
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        /* "conform", not "conform (scenarios ...)": those have other cases. */
        if (!g_str_has_prefix(*line, "| NP-") || strstr(*line, "conform (when") ||
            strstr(*line, "conform (scenarios"))
            continue;
        const char *who = strstr(*line, "conform |") ? "conform" : strstr(*line, "| conform (");
        g_autofree char *name = g_strdup_printf("%.5s ", *line + 2);
        g_assert_cmpint(who != NULL, ==, strstr(ran->out, name) != NULL);
        n_documented += who != NULL;
    }
    g_auto(GStrv) listed = g_strsplit(g_strchomp(ran->out), "\n", -1);
    g_assert_cmpuint(n_documented, ==, g_strv_length(listed));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *path = g_strdup_printf(
            "/tools/conform/a-fault-is-found/%s-%" G_GSIZE_FORMAT, faults[i].fault, i);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_a_fault_is_found);
    }
    g_test_add_func("/tools/conform/a-module-needs-no-configuration",
                    test_a_module_needs_no_configuration);
    g_test_add_func("/tools/conform/a-wrapper-is-judged-with-its-options",
                    test_a_wrapper_is_judged_with_its_options);
    g_test_add_func("/tools/conform/strict-makes-a-skip-a-failure",
                    test_strict_makes_a_skip_a_failure);
    g_test_add_func("/tools/conform/json-has-every-case", test_json_has_every_case);
    g_test_add_func("/tools/conform/a-wrong-vector-file-is-a-failure-with-its-place",
                    test_a_wrong_vector_file_is_a_failure_with_its_place);
    g_test_add_func("/tools/conform/progress-is-for-terminals", test_progress_is_for_terminals);
    g_test_add_func("/tools/conform/an-unknown-backend-is-3", test_an_unknown_backend_is_3);
    g_test_add_func("/tools/conform/list-names-the-built-in-set", test_list_names_the_built_in_set);
    g_test_add_func("/tools/conform/the-documented-rules-are-those-that-are-checked",
                    test_the_documented_rules_are_those_that_are_checked);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
