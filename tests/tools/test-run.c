/* test-run.c - nub run: what it prints, its exit codes, its JSON, on the local backend
 *
 * The programs are a few bytes each, so that every number that is printed is known.
 */
#include "cli-test.h"

#include <string.h>

static NubHash root;

/* add_64 a0 = a0 + a1, then halt; 19 gas for the jump and 1 for the add: one block of 19. */
static const guint8 add_code[] = { 0xc8, 0x87, 0x07, 0x32, 0x00 }, add_mask[] = { 0x09 };
static const guint8 trap_code[] = { 0x00 }, one_mask[] = { 0x01 };
static const guint8 fault_code[] = { 0x7c, 0x87, 0x32, 0x00 }, fault_mask[] = { 0x05 };
static const guint8 call_code[] = { 0x0a, 0x4d, 0x32, 0x00 };
/* ecalli 1: the standard exit. */
static const guint8 exit_code[] = { 0x0a, 0x01, 0x00, 0x00 };

static void
write_programs(void)
{
    nub_test_bundle("add.nub", add_code, sizeof add_code, add_mask, &root);
    nub_test_bundle("trap.nub", trap_code, sizeof trap_code, one_mask, &root);
    nub_test_bundle("fault.nub", fault_code, sizeof fault_code, fault_mask, &root);
    nub_test_bundle("call.nub", call_code, sizeof call_code, fault_mask, &root);
    nub_test_bundle("exit.nub", exit_code, sizeof exit_code, fault_mask, &root);
}

static void
test_text_says_how_it_ended(void)
{
    static const struct {
        const char *line;
        int code;
        const char *exit, *value, *gas;
    } rows[] = {
        { "add.nub -a 40 -a 2", 0, "exit     halt\n", "value    42 (0x2a)\n",
          "gas      19 used, 999999981 left\n" },
        { "add.nub --arg -1 --arg 0x10", 0, "exit     halt\n", "value    15 (0xf)\n",
          "gas      19 used" },
        { "add.nub --arg=18446744073709551615", 0, "exit     halt\n",
          "value    18446744073709551615 (0xffffffffffffffff)\n", "gas      19 used" },
        { "add.nub --gas 18", 1, "exit     out-of-gas\n", "value    0 (0x0)\n",
          "gas      0 used, 18 left\n" },
        { "add.nub --gas 19", 0, "exit     halt\n", "", "gas      19 used, 0 left\n" },
        { "add.nub --gas 18446744073709551615", 0, "exit     halt\n", "",
          "gas      19 used, 9223372036854775788 left\n" },
        { "add.nub --gas-model instruction", 0, "exit     halt\n", "", "gas      2 used" },
        { "trap.nub", 1, "exit     trap\n", "", "gas      1 used" },
        { "fault.nub -a 0 -a 0x12345", 1, "exit     page-fault at 0x12000\n", "", "" },
        { "call.nub", 1, "exit     host-call 77\n", "", "gas      97 used" },
        { "exit.nub -a 5", 0, "exit     halt\n", "value    5 (0x5)\n", "gas      107 used" },
        { "exit.nub -a 5 --host none", 1, "exit     host-call 1\n", "", "gas      97 used" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = nub_ran("run --backend local %s", rows[i].line);
        nub_assert_code(ran, rows[i].code);
        nub_assert_out(ran, "backend  local\n");
        nub_assert_out(ran, rows[i].exit);
        nub_assert_out(ran, rows[i].value);
        nub_assert_out(ran, rows[i].gas);
        nub_assert_out(ran, "time     ");
        g_assert_cmpstr(ran->err, ==, "");
    }
}

/* The members that a run has in JSON, each with its type. */
static void
assert_run_shape(JsonObject *run)
{
    static const struct {
        const char *name;
        GType type; /* G_TYPE_NONE: null */
    } members[] = {
        { "backend", G_TYPE_STRING },       { "exit_reason", G_TYPE_STRING },
        { "exit_arg", G_TYPE_INT64 },       { "return_value", G_TYPE_STRING },
        { "gas_remaining", G_TYPE_STRING }, { "gas_used", G_TYPE_STRING },
        { "time_ns", G_TYPE_STRING },       { "successor", G_TYPE_NONE },
    };

    g_assert_cmpuint(json_object_get_size(run), ==, G_N_ELEMENTS(members));
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        JsonNode *node = json_object_get_member(run, members[i].name);
        g_assert_nonnull(node);
        if (members[i].type == G_TYPE_NONE)
            g_assert_true(JSON_NODE_HOLDS_NULL(node));
        else
            g_assert_cmpuint(json_node_get_value_type(node), ==, members[i].type);
    }
}

static void
test_json_is_one_object(void)
{
    g_autoptr(NubRan) ran =
        nub_ran("run --backend local --json add.nub -a 0xffffffffffffffff -a 0");
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    JsonObject *run = json_node_get_object(json);

    nub_assert_code(ran, 0);
    assert_run_shape(run);
    g_assert_cmpstr(json_object_get_string_member(run, "backend"), ==, "local");
    g_assert_cmpstr(json_object_get_string_member(run, "exit_reason"), ==, "halt");
    g_assert_cmpstr(json_object_get_string_member(run, "return_value"), ==, "18446744073709551615");
    g_assert_cmpstr(json_object_get_string_member(run, "gas_used"), ==, "19");
    g_assert_cmpstr(json_object_get_string_member(run, "gas_remaining"), ==, "999999981");
}

static void
write_pair(const char *name, const char *other)
{
    g_autofree char *yaml = g_strdup_printf("version: 1\nplugin-path: [ %s ]\nbackends:\n"
                                            "  - name: a\n    module: nub-local\n"
                                            "  - name: b\n    module: %s\n"
                                            "  - name: c\n    module: no-such-module\n"
                                            "    required: false\n",
                                            NUB_TEST_MODULE_DIR, other);

    nub_test_write(name, yaml, -1);
}

static void
test_all_backends_are_compared(void)
{
    write_pair("same.yaml", "nub-local");
    write_pair("other.yaml", "faulty-call-gas");
    g_autoptr(NubRan) same = nub_ran("run --config same.yaml --backend all --json add.nub");
    g_autoptr(NubRan) other =
        nub_ran("run --config other.yaml --backend all --host none --json add.nub");
    g_autoptr(JsonNode) same_json = nub_ran_json(same);
    g_autoptr(JsonNode) other_json = nub_ran_json(other);
    JsonArray *runs = json_object_get_array_member(json_node_get_object(same_json), "runs");

    nub_assert_code(same, 0);
    g_assert_true(json_object_get_boolean_member(json_node_get_object(same_json), "equal"));
    g_assert_cmpuint(json_array_get_length(runs), ==, 2);
    assert_run_shape(json_array_get_object_element(runs, 0));
    nub_assert_code(other, 1);
    nub_assert_err(other, "nub run: a and b differ in gas_remaining");
    g_assert_false(json_object_get_boolean_member(json_node_get_object(other_json), "equal"));
}

static void
test_input_and_output_are_files(void)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "out", NULL);
    g_autofree char *out = NULL;
    gsize size;

    /* Halts at once: registers 7 and 8 still name the input, which becomes the output. */
    static const guint8 code[] = { 0x32, 0x00 };
    nub_test_bundle("echo.nub", code, sizeof code, one_mask, &root);
    nub_test_write("in", "some input", -1);
    g_autoptr(NubRan) ran = nub_ran("run --backend local echo.nub --input in --output out");
    nub_assert_code(ran, 0);
    nub_assert_out(ran, "output   10 bytes\n");
    g_assert_true(g_file_get_contents(path, &out, &size, NULL));
    g_assert_cmpmem(out, size, "some input", 10);
    g_autoptr(NubRan) as_json = nub_ran("run --backend local echo.nub -i in -o out --json");
    g_autoptr(JsonNode) json = nub_ran_json(as_json);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(json), "output_flag"), ==,
                    "none");
}

static void
test_what_cannot_be_done_is_3(void)
{
    static const struct {
        const char *line, *message;
    } rows[] = {
        { "--backend local --endpoint 1 add.nub", "nub run: add.nub: " },
        { "--backend nobody add.nub", "nub run: " },
        { "--backend local content.nub", "nub run: content.nub: " },
        { "--backend local add.nub --input nothing", "nub run: nothing: No such file" },
    };
    g_autoptr(NubRan) packed = NULL;

    nub_test_write("content", "x", 1);
    packed = nub_ran("pack --bundle content");
    nub_assert_code(packed, 0);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = nub_ran("run %s", rows[i].line);
        nub_assert_code(ran, 3);
        nub_assert_err(ran, rows[i].message);
        g_assert_cmpstr(ran->out, ==, "");
    }
}

static void
test_backends_says_what_happened_and_why(void)
{
    write_pair("pair.yaml", "nub-local");
    g_autoptr(NubRan) text = nub_ran("backends --config pair.yaml");
    nub_assert_code(text, 0);
    nub_assert_out(text, "a  open ");
    nub_assert_out(text, "c  unavailable ");
    nub_assert_out(text, "no-such-module");
    g_autoptr(NubRan) ran = nub_ran("backends --config pair.yaml --json");
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    JsonArray *infos = json_node_get_array(json);
    g_assert_cmpuint(json_array_get_length(infos), ==, 3);
    JsonObject *a = json_array_get_object_element(infos, 0);
    g_assert_cmpstr(json_object_get_string_member(a, "name"), ==, "a");
    g_assert_cmpstr(json_object_get_string_member(a, "state"), ==, "open");
    g_assert_true(json_object_get_null_member(a, "reason"));
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(a, "options")), >, 0);
    JsonObject *c = json_array_get_object_element(infos, 2);
    g_assert_cmpstr(json_object_get_string_member(c, "state"), ==, "unavailable");
    g_assert_nonnull(strstr(json_object_get_string_member(c, "reason"), "no-such-module"));
}

static void
test_config_show_can_be_read_again(void)
{
    write_pair("pair.yaml", "nub-local");
    g_autoptr(NubRan) shown = nub_ran("config show --config pair.yaml");
    nub_assert_code(shown, 0);
    nub_test_write("shown.yaml", shown->out, -1);
    g_autoptr(NubRan) checked = nub_ran("config check shown.yaml");
    nub_assert_code(checked, 0);
    nub_assert_out(checked, "shown.yaml: good\n");
    nub_assert_out(checked, "  c: unavailable, ");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    write_programs();
    g_test_add_func("/tools/run/text-says-how-it-ended", test_text_says_how_it_ended);
    g_test_add_func("/tools/run/json-is-one-object", test_json_is_one_object);
    g_test_add_func("/tools/run/all-backends-are-compared", test_all_backends_are_compared);
    g_test_add_func("/tools/run/input-and-output-are-files", test_input_and_output_are_files);
    g_test_add_func("/tools/run/what-cannot-be-done-is-3", test_what_cannot_be_done_is_3);
    g_test_add_func("/tools/backends/says-what-happened-and-why",
                    test_backends_says_what_happened_and_why);
    g_test_add_func("/tools/config/show-can-be-read-again", test_config_show_can_be_read_again);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
