/* test-store.c - nub store, and state that outlives the process that made it
 *
 * Every command is a process of its own: what one leaves the next one finds, or it is not stored.
 */
#include "cli-test.h"

#include <string.h>

/* add_imm_64 a0, a0, 1; ecalli 100; add_imm_64 a0, a0, 10; jump_ind ra */
static const guint8 code[] = { 0x95, 0x77, 0x01, 0x0a, 0x64, 0x95, 0x77, 0x0a, 0x32, 0x00 };
static const guint8 mask[] = { 0x29, 0x01 };

static NubHash root;

static NubRan *
with_store(const char *line, int code_expected)
{
    NubRan *ran = nub_ran("%s --config store.yaml", line);

    nub_assert_code(ran, code_expected);
    return ran;
}

/* The first 64 characters that were printed. */
static char *
first_hash(const NubRan *ran)
{
    g_assert_cmpuint(strlen(ran->out), >, 64);
    return g_strndup(ran->out, 64);
}

static void
test_state_outlives_the_process(void)
{
    g_autofree char *hex = nub_hash_to_string(&root);
    g_autoptr(NubRan) put = with_store("store put pause.nub", 0);
    g_autofree char *invoke = g_strdup_printf("invoke %s --arg 5 --commit --advance", hex);
    g_autoptr(NubRan) paused = with_store(invoke, 1);
    g_autoptr(NubRan) head = with_store("head", 0);
    g_autofree char *next = first_hash(head);
    g_autofree char *resume = g_strdup_printf("invoke %s --commit --advance", next);

    nub_assert_out(put, hex);
    nub_assert_out(paused, next);
    g_autoptr(NubRan) halted = with_store(resume, 0);
    nub_assert_out(halted, "value    16 ");
    g_autoptr(NubRan) after = with_store("head", 0);
    g_assert_true(g_str_has_prefix(after->out, hex));

    g_autofree char *back = g_strdup_printf("head --set %s", next);
    g_autoptr(NubRan) rolled_back = with_store(back, 0);
    g_autoptr(NubRan) again = with_store("head", 0);
    g_assert_true(g_str_has_prefix(again->out, next));
    g_autofree char *stale = g_strdup_printf("invoke %s --commit --expected-head %s", next, hex);
    g_autoptr(NubRan) conflict = with_store(stale, 3);
    nub_assert_err(conflict, "nub invoke: ");
}

/* A name is as good as a hash, also for a paused instance and for the head. */
static void
test_names_are_invoked(void)
{
    g_autoptr(NubRan) put = with_store("store put pause.nub --name begin", 0);
    g_autoptr(NubRan) paused = with_store("invoke begin --arg 7 --commit --advance", 1);
    g_autoptr(NubRan) halted = with_store("invoke local", 0);
    g_autoptr(NubRan) wrong = with_store("invoke local --arg 1", 2);
    g_autoptr(NubRan) back = with_store("head --set begin", 0);
    g_autoptr(NubRan) again = with_store("invoke local --arg 1", 1);
    g_autoptr(NubRan) none = with_store("invoke end", 3);
    g_autoptr(NubRan) nowhere = with_store("head --set end", 3);

    nub_assert_out(paused, "value    8 ");
    nub_assert_out(halted, "value    18 ");
    nub_assert_err(wrong, "nub invoke: a paused instance takes no --endpoint and no --arg");
    nub_assert_out(again, "value    2 ");
    nub_assert_err(none, "nub invoke: 'end' is neither a hash nor a name in the store");
    nub_assert_err(nowhere, "nub head: 'end' is neither a hash nor a name in the store");
}

static void
test_names_keep_and_gc_removes(void)
{
    g_autoptr(NubRan) put = with_store("store put data.cap --name precious", 0);
    g_autofree char *hex = first_hash(put);
    g_autoptr(NubRan) kept = with_store("store gc", 0);
    g_autoptr(NubRan) listed = with_store("store ls --details", 0);
    g_autofree char *name = g_strdup_printf("%s  name precious\n", hex);
    g_autofree char *line = g_strdup_printf("%s  Data 4101\n", hex);

    nub_assert_out(listed, name);
    nub_assert_out(listed, line);
    g_autoptr(NubRan) got = with_store("store get precious --output got.cap", 0);
    g_autoptr(NubRan) hashed = nub_ran("hash got.cap");
    g_assert_true(g_str_has_prefix(hashed->out, hex));
    g_autoptr(NubRan) forgotten = with_store("store name precious --forget", 0);
    g_autoptr(NubRan) removed = with_store("store gc", 0);
    g_assert_cmpstr(removed->out, ==, "1 capability removed\n");
    g_autofree char *get = g_strdup_printf("store get %s", hex);
    g_autoptr(NubRan) gone = with_store(get, 3);
    nub_assert_err(gone, "nub store get: ");
}

static void
test_export_and_import_carry_all_that_is_reached(void)
{
    g_autofree char *hex = nub_hash_to_string(&root);
    g_autoptr(NubRan) put = with_store("store import pause.nub --name program", 0);
    g_autoptr(NubRan) out = with_store("store export program --json --output out.nub", 0);
    g_autoptr(JsonNode) json = nub_ran_json(out);
    JsonObject *object = json_node_get_object(json);

    nub_assert_out(put, hex);
    g_assert_cmpstr(json_object_get_string_member(object, "hash"), ==, hex);
    g_assert_cmpint(json_object_get_int_member(object, "n_caps"), ==, 2);
    g_autoptr(NubRan) ran = nub_ran("run --backend local --host none out.nub");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "exit     host-call 100\n");
}

static void
test_verify_counts_what_it_checked(void)
{
    g_autoptr(NubRan) listed = with_store("store ls --json", 0);
    g_autoptr(JsonNode) list = nub_ran_json(listed);
    guint n =
        json_array_get_length(json_object_get_array_member(json_node_get_object(list), "caps"));
    g_autoptr(NubRan) seen = nub_ran_on_terminal("store verify --config store.yaml");
    g_autofree char *drawn = g_strdup_printf("\rverify: 1 of %u\033[K", n);
    g_autoptr(NubRan) ran = with_store("store verify --json", 0);
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    g_autofree char *expected = g_strdup_printf("%u", n);

    g_assert_true(g_str_has_prefix(seen->err, drawn));
    g_assert_true(g_str_has_suffix(seen->err, "\r\033[K"));
    g_assert_cmpuint(n, >, 0);
    g_assert_cmpstr(json_object_get_string_member(json_node_get_object(json), "verified"), ==,
                    expected);
}

static void
test_what_cannot_be_done_is_said(void)
{
    static const struct {
        const char *line;
        int code;
        const char *message;
    } rows[] = {
        { "store get nothing", 3, "nub store get: 'nothing' is neither a hash nor a name" },
        { "store export nothing", 3, "nub store export: 'nothing' is neither a hash nor a name" },
        { "store put none.cap", 3, "nub store put: none.cap: No such file or directory" },
        { "store name x", 2, "nub store name: give HASH or --forget" },
        { "store put orphan.cap", 3, "nub store put: orphan.cap: " },
    };
    g_autoptr(NubCap) orphan = nub_cap_new_instance(&(NubHash){ { 7 } });
    gsize size;
    const void *wire = g_bytes_get_data(nub_cap_get_wire(orphan), &size);

    nub_test_write("orphan.cap", wire, (gssize)size);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = with_store(rows[i].line, rows[i].code);
        nub_assert_err(ran, rows[i].message);
    }
    g_autoptr(NubRan) none = nub_ran("store ls");
    nub_assert_code(none, 3);
    nub_assert_err(none, "nub store ls: built-in configuration: no store is configured");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    nub_test_bundle("pause.nub", code, sizeof code, mask, &root);
    nub_test_write("store.yaml",
                   "version: 1\nstore: { module: nub-store-lmdb, options: { path: store } }\n"
                   "backends:\n  - { name: local, module: nub-local }\n",
                   -1);
    nub_test_write("data", "kept", -1);
    g_autoptr(NubRan) packed = nub_ran("pack data");
    nub_assert_code(packed, 0);
    g_test_add_func("/tools/store/state-outlives-the-process", test_state_outlives_the_process);
    g_test_add_func("/tools/store/names-are-invoked", test_names_are_invoked);
    g_test_add_func("/tools/store/names-keep-and-gc-removes", test_names_keep_and_gc_removes);
    g_test_add_func("/tools/store/export-and-import-carry-all-that-is-reached",
                    test_export_and_import_carry_all_that_is_reached);
    g_test_add_func("/tools/store/verify-counts-what-it-checked",
                    test_verify_counts_what_it_checked);
    g_test_add_func("/tools/store/what-cannot-be-done-is-said", test_what_cannot_be_done_is_said);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
