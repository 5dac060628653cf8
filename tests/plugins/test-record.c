/* test-record.c - plugins/record and `nub replay`: what was recorded happens again, anywhere
 *
 * Recordings are made through libnub and replayed by the built command.
 */
#include "cli-test.h"
#include "plugin-test.h"

static const guint64 no_args[4];

static NubKernel *
recorder(void)
{
    g_autofree char *backends = g_strdup_printf(
        "{ name: local, module: nub-local },"
        "{ name: recorded, module: nub-record, options: { backend: local, file: '%s/calls' } }",
        nub_test_folder());

    return nub_plugin_kernel(backends, "recorded");
}

static void
forget(void)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "calls", NULL);

    g_unlink(path);
}

static void
assert_replays(const char *backend)
{
    g_autoptr(NubRan) ran = nub_ran("replay calls --backend %s", backend);

    nub_assert_code(ran, 0);
    nub_assert_out(ran, ": equal");
}

static NubHostVerdict
answer(NubHostCall *call, gpointer user_data)
{
    guint8 bytes[8];

    (void)user_data;
    g_assert_true(nub_host_call_read(call, 0x10000, bytes, sizeof bytes, NULL));
    bytes[3] = 7;
    g_assert_true(nub_host_call_write(call, 0x10008, bytes, sizeof bytes, NULL));
    nub_host_call_set_reg(call, 7, 99);
    return NUB_HOST_VERDICT_CONTINUE;
}

/* A bit of everything that a recording can hold. */
static void
record_a_life(NubKernel *kernel)
{
    g_autoptr(GError) error = NULL;
    NubHash instance = nub_test_publish(kernel, &nub_test_calls_host), head;
    NubHash absent = { { 9 } }, successor;
    g_autoptr(NubCall) call = nub_call_new(&instance);
    g_autoptr(NubHostTable) hosts = nub_host_table_new();
    NubResult result;

    g_assert_true(nub_kernel_invoke_cached(kernel, &instance, 0, no_args, 500, &result, &error));
    g_assert_false(nub_kernel_invoke_cached(kernel, &absent, 0, no_args, 500, &result, NULL));
    g_assert_false(nub_kernel_drop_cap(kernel, &absent, NULL));

    nub_host_table_add(hosts, 5, 10, answer, NULL, NULL);
    nub_call_set_host_table(call, hosts);
    nub_call_set_gas(call, 1000);
    nub_call_set_commit(call, TRUE);
    nub_call_set_advance(call, TRUE);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nub_outcome_get_successor(outcome, &head));

    g_autoptr(NubSession) session = nub_kernel_open_session(kernel, &head, 0, no_args, 500, &error);
    g_assert_no_error(error);
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HOST_CALL);
    g_assert_true(nub_session_map(session, 0x40000, 0x2000, NUB_MAP_READ_WRITE, &error));
    g_assert_true(nub_session_write(session, 0x41000, (const guint8 *)"abc", 3, &error));
    g_autoptr(GBytes) bytes = nub_session_read(session, 0x41000, 4, &error);
    g_assert_no_error(error);
    g_assert_true(nub_session_commit(session, FALSE, &successor, &error));
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    nub_session_close(session);
    g_assert_true(nub_kernel_set_state_root(kernel, &instance, &error));
}

static void
test_what_was_recorded_happens_again(void)
{
    NubKernel *kernel = recorder();

    record_a_life(kernel);
    g_object_unref(kernel);
    assert_replays("local");
    forget();
}

static void
test_a_list_says_what_is_in_it(void)
{
    NubKernel *kernel = recorder();

    record_a_life(kernel);
    g_object_unref(kernel);
    g_autoptr(NubRan) ran = nub_ran("replay calls --list");
    nub_assert_code(ran, 0);
    nub_assert_out(ran, "    1  begin             local, ");
    nub_assert_out(ran,
                   "  invoke_cached     0900000000000000000000000000000000000000000000000000000000"
                   "000000 NOT_PUBLISHED\n");
    nub_assert_out(ran, "  session_run       session 1 host-call, value 0x");
    g_autoptr(NubRan) json = nub_ran("replay calls --list --json");
    nub_assert_code(json, 0);
    g_autoptr(JsonNode) node = nub_ran_json(json);
    JsonArray *frames = json_node_get_array(node);
    JsonObject *last = json_array_get_object_element(frames, json_array_get_length(frames) - 1);
    g_assert_cmpstr(json_object_get_string_member(last, "kind"), ==, "set_state_root");
    g_assert_cmpuint(
        json_array_get_length(frames), ==,
        (guint)g_ascii_strtoull(json_object_get_string_member(last, "frame"), NULL, 10));
    forget();
}

static void
test_an_existing_file_is_refused(void)
{
    g_autofree char *backends = NULL;
    g_autoptr(GError) error = NULL;

    nub_test_write("calls", "x", 1);
    backends = g_strdup_printf(
        "{ name: local, module: nub-local },"
        "{ name: recorded, module: nub-record, options: { backend: local, file: '%s/calls' } }",
        nub_test_folder());
    g_autoptr(NubRegistry) registry = nub_plugin_registry(backends);
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, "recorded", &error);
    g_assert_null(kernel);
    g_assert_nonnull(strstr(error->message, "exists already; a %n in the name numbers the files"));
    forget();
}

/* `nub backends` opens every backend: the run after it must still find room for its recording. */
static void
test_a_recorder_that_is_not_used_leaves_no_file(void)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "calls", NULL);

    g_object_unref(recorder());
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    NubKernel *kernel = recorder();
    nub_test_publish(kernel, &nub_test_returns);
    g_object_unref(kernel);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    forget();
}

/* A recording with one fault must be noticed wherever the fault is. */
static void
test_every_changed_byte_is_noticed(void)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "calls", NULL);
    g_autofree char *bytes = NULL;
    NubKernel *kernel = recorder();
    gsize size;

    nub_test_publish(kernel, &nub_test_returns);
    g_object_unref(kernel);
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    for (gsize i = 0; i < size; i += size / 23) {
        bytes[i] ^= 0x40;
        nub_test_write("calls", bytes, (gssize)size);
        g_autoptr(NubRan) ran = nub_ran("replay calls --backend local");
        nub_assert_code(ran, 3);
        nub_assert_err(ran, "calls: recording:");
        bytes[i] ^= 0x40;
    }
    nub_test_write("calls", bytes, (gssize)size - 1);
    g_autoptr(NubRan) cut = nub_ran("replay calls --backend local");
    nub_assert_code(cut, 3);
    nub_assert_out(cut, "local: 2 frames, 1 compared, 0 skipped: equal");
    nub_assert_err(cut, "a frame is cut off; only the frames before that were made again");
    g_autoptr(NubRan) json = nub_ran("replay calls --backend local --json");
    nub_assert_code(json, 3);
    nub_assert_out(json, "a frame is cut off\"");
    forget();
}

static void
test_another_answer_is_a_difference(void)
{
    g_autofree char *config = g_strdup_printf("version: 1\nplugin-path: [ %s ]\nbackends:\n  - { "
                                              "name: wrong, module: faulty-call-gas }\n",
                                              NUB_TEST_MODULES);
    NubKernel *kernel = recorder();

    record_a_life(kernel);
    g_object_unref(kernel);
    nub_test_write("wrong.yaml", config, -1);
    g_autoptr(NubRan) ran = nub_ran("replay calls --config wrong.yaml");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "(invoke_cached): gas remaining");
    nub_assert_out(ran, ": different");
    forget();
}

/* %n: each kernel has a file of its own, and a number that is taken is passed over. */
static void
test_a_numbered_file_is_a_new_one(void)
{
    g_autofree char *backends =
        g_strdup_printf("{ name: local, module: nub-local },"
                        "{ name: recorded, module: nub-record,"
                        "  options: { backend: local, file: '%s/calls-%%n.nubrec' } }",
                        nub_test_folder());

    nub_test_write("calls-2.nubrec", "somebody's", -1);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(NubKernel) kernel = nub_plugin_kernel(backends, "recorded");
        g_autoptr(GError) error = NULL;
        g_autoptr(NubCap) data = nub_cap_new_data(NULL, 0, &error);
        nub_kernel_put_cap(kernel, data, NULL, &error); /* without a call there is no file */
        g_assert_no_error(error);
    }
    g_autoptr(NubRan) first = nub_ran("replay calls-1.nubrec --backend local");
    g_autoptr(NubRan) second = nub_ran("replay calls-3.nubrec --backend local");
    nub_assert_code(first, 0);
    nub_assert_code(second, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plugins/record/what-was-recorded-happens-again",
                    test_what_was_recorded_happens_again);
    g_test_add_func("/plugins/record/a-list-says-what-is-in-it", test_a_list_says_what_is_in_it);
    g_test_add_func("/plugins/record/an-existing-file-is-refused",
                    test_an_existing_file_is_refused);
    g_test_add_func("/plugins/record/a-recorder-that-is-not-used-leaves-no-file",
                    test_a_recorder_that_is_not_used_leaves_no_file);
    g_test_add_func("/plugins/record/every-changed-byte-is-noticed",
                    test_every_changed_byte_is_noticed);
    g_test_add_func("/plugins/record/another-answer-is-a-difference",
                    test_another_answer_is_a_difference);
    g_test_add_func("/plugins/record/a-numbered-file-is-a-new-one",
                    test_a_numbered_file_is_a_new_one);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
