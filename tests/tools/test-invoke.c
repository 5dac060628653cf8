/* test-invoke.c - nub invoke, head and stats: committing, saving, going on elsewhere
 *
 * The program adds 1, calls the host, adds 10, calls the host, adds 100 and halts. What is saved at
 * the calls goes on in another process and under another configuration to the same end.
 */
#include "cli-test.h"

#include <string.h>

/* add_imm_64 a0, a0, N; ecalli N; ... jump_ind ra */
static const guint8 code[] = { 0x95, 0x77, 0x01, 0x0a, 0x64, 0x95, 0x77, 0x0a,
                               0x0a, 0x65, 0x95, 0x77, 0x64, 0x32, 0x00 };
static const guint8 mask[] = { 0x29, 0x25 };

static NubHash root;

static JsonObject *
invoke(const char *line, int code_expected, JsonNode **json)
{
    g_autoptr(NubRan) ran = nub_ran("invoke --backend local --json %s", line);

    nub_assert_code(ran, code_expected);
    *json = nub_ran_json(ran);
    return json_node_get_object(*json);
}

static void
test_what_is_saved_goes_on_elsewhere(void)
{
    g_autoptr(JsonNode) first = NULL, second = NULL, third = NULL;
    JsonObject *run;

    run = invoke("--put pause.nub --arg 5 --save one.nub", 1, &first);
    g_assert_cmpstr(json_object_get_string_member(run, "exit_reason"), ==, "host-call");
    g_assert_cmpint(json_object_get_int_member(run, "exit_arg"), ==, 100);
    g_assert_cmpstr(json_object_get_string_member(run, "return_value"), ==, "6");

    /* The successor that was printed is the root of what was saved. */
    g_autoptr(NubRan) hashed = nub_ran("hash one.nub");
    g_assert_true(g_str_has_prefix(hashed->out, json_object_get_string_member(run, "successor")));

    nub_test_write("checked.yaml",
                   "version: 1\nbackends:\n  - name: local\n    module: nub-local\n"
                   "    options: { memory: checked, interpreter: switch }\n",
                   -1);
    run = invoke("--config checked.yaml --put one.nub --save two.nub", 1, &second);
    g_assert_cmpint(json_object_get_int_member(run, "exit_arg"), ==, 101);
    g_assert_cmpstr(json_object_get_string_member(run, "return_value"), ==, "16");

    run = invoke("--put two.nub --commit", 0, &third);
    g_assert_cmpstr(json_object_get_string_member(run, "exit_reason"), ==, "halt");
    g_assert_cmpstr(json_object_get_string_member(run, "return_value"), ==, "116");
    /* Nothing was written to memory, so the successor is where it began. */
    g_autofree char *hex = nub_hash_to_string(&root);
    g_assert_cmpstr(json_object_get_string_member(run, "successor"), ==, hex);

    g_autoptr(NubRan) with_run = nub_ran("run --backend local two.nub");
    nub_assert_code(with_run, 0);
    nub_assert_out(with_run, "value    116 ");
}

static void
test_commit_says_what_comes_next(void)
{
    g_autoptr(JsonNode) plain = NULL;
    g_autoptr(NubRan) text = nub_ran("invoke --backend local --put halt.nub --commit --advance "
                                     "--expected-head %064d",
                                     0);

    nub_assert_code(text, 0);
    nub_assert_out(text, "next     ");
    JsonObject *run = invoke("--put pause.nub", 1, &plain);
    g_assert_true(json_object_get_null_member(run, "successor"));
}

static void
test_what_cannot_be_done_is_said(void)
{
    static const struct {
        const char *line;
        int code;
        const char *message;
    } rows[] = {
        { "", 2, "nub invoke: HASH or NAME is missing, or --put FILE" },
        { "12", 2, "nub invoke: '12': " },
        { "--put halt.nub --advance", 2, "nub invoke: --advance wants --commit" },
        { "--put halt.nub --expected-head x", 2, "nub invoke: --expected-head: 'x'" },
        { "--put halt.nub --commit --expected-head "
          "1111111111111111111111111111111111111111111111111111111111111111",
          3, "head" },
        { "1111111111111111111111111111111111111111111111111111111111111111", 3, "nub invoke: " },
        { "--put none.nub", 3, "nub invoke: " },
        { "--put one.nub --arg 1", 2,
          "nub invoke: a paused instance takes no --endpoint and no --arg" },
        { "--put trap.nub --save no.nub", 3,
          "nub invoke: no.nub: not written: a run that ends with trap has no successor" },
    };
    g_autoptr(NubRan) saved =
        nub_ran("invoke --backend local --put pause.nub --arg 5 --save one.nub");

    nub_assert_code(saved, 1);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = nub_ran("invoke --backend local %s", rows[i].line);
        nub_assert_code(ran, rows[i].code);
        nub_assert_err(ran, rows[i].message);
    }
    g_autoptr(NubRan) ran = nub_ran("run --backend local --endpoint 0 one.nub");
    nub_assert_code(ran, 2);
    nub_assert_err(ran, "nub run: one.nub: a paused instance takes no --endpoint and no --arg");
}

static void
test_head_of_a_fresh_kernel_is_none(void)
{
    g_autoptr(NubRan) text = nub_ran("head --backend local");
    g_autofree char *line = g_strdup_printf("%064d  local\n", 0);
    g_autoptr(NubRan) as_json = nub_ran("head --backend local --json");
    g_autoptr(JsonNode) json = nub_ran_json(as_json);

    nub_assert_code(text, 0);
    g_assert_cmpstr(text->out, ==, line);
    g_assert_true(json_object_get_null_member(json_node_get_object(json), "head"));
    g_autoptr(NubRan) absent = nub_ran("head --backend local --set %064d", 1);
    nub_assert_code(absent, 3);
    g_autoptr(NubRan) wrong = nub_ran("head --backend local --set 1");
    nub_assert_code(wrong, 2);
}

/* That the text as a whole is OpenMetrics is judged by test-openmetrics.py. */
static void
test_stats_say_what_there_is(void)
{
    g_autoptr(NubRan) ran = nub_ran("stats --backend local");

    nub_assert_code(ran, 0);
    nub_assert_out(ran, "# TYPE nub_caps gauge\nnub_caps{backend=\"local\"} 0\n");
    nub_assert_out(ran, "# TYPE nub_sessions counter\nnub_sessions_total{backend=\"local\"} 0\n");
    nub_assert_out(ran, "\nnub_exits_total{backend=\"local\",reason=\"halt\"} 0\n");
}

int
main(int argc, char **argv)
{
    static const guint8 halt[] = { 0x32, 0x00 }, trap[] = { 0x00 }, one[] = { 0x01 };

    g_test_init(&argc, &argv, NULL);
    nub_test_bundle("halt.nub", halt, sizeof halt, one, &root);
    nub_test_bundle("trap.nub", trap, sizeof trap, one, &root);
    nub_test_bundle("pause.nub", code, sizeof code, mask, &root);
    g_test_add_func("/tools/invoke/what-is-saved-goes-on-elsewhere",
                    test_what_is_saved_goes_on_elsewhere);
    g_test_add_func("/tools/invoke/commit-says-what-comes-next", test_commit_says_what_comes_next);
    g_test_add_func("/tools/invoke/what-cannot-be-done-is-said", test_what_cannot_be_done_is_said);
    g_test_add_func("/tools/head/of-a-fresh-kernel-is-none", test_head_of_a_fresh_kernel_is_none);
    g_test_add_func("/tools/stats/say-what-there-is", test_stats_say_what_there_is);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
