/* test-bisect.c - nub bisect: backends that take one instruction for another are found out at it
 *
 * The program goes round a loop; in round `a1` it visits a block whose constants a faulty module
 * knows (modules/faulty.c). So block and instruction of each fault are known beforehand.
 */
#include "cli-test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* pcs that the rows below name: hit 25, branch 68, stop 111 */
static const char program[] = ".image parts\n"
                              "    .map 0x10000, 8KiB\n"
                              "    .endpoint main, ra=0xffff0000\n"
                              "main:\n"
                              "    move_reg a4, a0\n"
                              "    move_reg a5, a1\n"
                              "    load_imm t0, 0x10000\n"
                              "    fallthrough\n"
                              "loop:\n"
                              "    add_imm_64 s0, s0, 1\n"
                              "    store_ind_u64 s0, [t0]\n"
                              "    branch_eq s0, a5, hit\n"
                              "next:\n"
                              "    branch_lt_u s0, a4, loop\n"
                              "    move_reg a0, s1\n"
                              "    jump_ind ra, 0\n"
                              "hit:\n"
                              "    load_imm_64 s1, 0x1111111111111101\n"
                              "    load_imm_64 t1, 0x1111111111111102\n"
                              "    store_imm_ind_u8 [t0 + 0x1005], 7\n"
                              "    load_imm_64 t1, 0x1111111111111103\n"
                              "    mul_imm_64 t2, t1, 1\n"
                              "    div_u_64 t2, t2, t1\n"
                              "    jump branch\n"
                              "branch:\n"
                              "    load_imm_64 t1, 0x1111111111111104\n"
                              "    branch_eq_imm t1, 1, next\n"
                              "    branch_ne_imm a2, 0, stop\n"
                              "    load_imm a0, 0x11800\n"
                              "    load_imm a1, 16\n"
                              "    ecalli 4\n"
                              "    load_ind_u64 t2, [t0 + 0x1000]\n"
                              "    add_64 s1, s1, t2\n"
                              "    load_ind_u8 t2, [t0 + 0x1800]\n"
                              "    add_64 s1, s1, t2\n"
                              "    jump next\n"
                              "stop:\n"
                              "    load_imm_64 t1, 0x1111111111111105\n"
                              "    trap\n"
                              ".instance it, parts\n";

/* The first byte of the input is stored beside a constant of the faulty modules. */
static const char reading[] = ".image reading\n"
                              "    .map 0x10000, 4KiB\n"
                              "    .endpoint main, ra=0xffff0000\n"
                              "main:\n"
                              "    load_ind_u8 s0, [a0]\n"
                              "    load_imm_64 s1, 0x1111111111111101\n"
                              "    add_64 a0, s0, s1\n"
                              "    jump_ind ra, 0\n"
                              ".instance it, reading\n";

static const char *const faults[] = { "register", "memory", "gas", "pc", "exit" };

static void
write_files(void)
{
    GString *config = g_string_new(NULL);

    g_string_append_printf(
        config,
        "version: 1\nplugin-path: [ %s, %s/modules ]\nbackends:\n"
        "  - { name: local, module: nub-local }\n  - { name: jit, module: nub-jit }\n"
        "  - { name: kvm, module: nub-kvm }\n"
        "  - { name: shifted, module: faulty-register }\n  - { name: few, module: faulty-few }\n"
        "  - { name: hash, module: faulty-hash }\n"
        "  - { name: call-gas, module: faulty-call-gas }\n"
        "  - { name: recorded, module: nub-record, options: { backend: local, file: calls } }\n",
        NUB_TEST_MODULE_DIR, NUB_BUILD_DIR);
    for (guint i = 0; i < G_N_ELEMENTS(faults); i++)
        g_string_append_printf(
            config, "  - { name: %s, module: faulty-part-%s, options: { verify: never } }\n",
            faults[i], faults[i]);
    nub_test_write("config.yaml", config->str, (gssize)config->len);
    g_string_free(config, TRUE);
    nub_test_write("parts.s", program, -1);
    nub_test_write("reading.s", reading, -1);
    nub_test_write("in", "xyz", 3);
    g_autoptr(NubRan) one = nub_ran("asm parts.s");
    g_autoptr(NubRan) two = nub_ran("asm reading.s");
    nub_assert_code(one, 0);
    nub_assert_code(two, 0);
}

/* Makes the recording `calls` of one run. */
static void
record(const char *words)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "calls", NULL);

    g_unlink(path);
    g_autoptr(NubRan) ran = nub_ran("run --config config.yaml -b recorded %s", words);
    g_assert_cmpint(ran->code, <=, 1);
}

static NubRan *
bisect(const char *words)
{
    return nub_ran("bisect --config config.yaml calls %s", words);
}

/* ---- what JSON says -------------------------------------------------------------------------- */

static guint64
number_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    g_assert_nonnull(node);
    return json_node_get_value_type(node) == G_TYPE_STRING
               ? g_ascii_strtoull(json_node_get_string(node), NULL, 10)
               : (guint64)json_node_get_int(node);
}

/* "a0 memory" */
static char *
differences_of(JsonObject *object)
{
    JsonArray *array = json_object_get_array_member(object, "differs");
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < json_array_get_length(array); i++)
        g_string_append_printf(text, "%s%s", i ? " " : "", json_array_get_string_element(array, i));
    return g_string_free(text, FALSE);
}

static guint
halvings(guint64 n)
{
    guint count = 0;

    while ((G_GUINT64_CONSTANT(1) << count) < n)
        count++;
    return count;
}

/* No more runs than are promised: log2(blocks) + log2(block length) + 2. */
static void
assert_few_runs(JsonObject *found)
{
    JsonObject *block = json_object_get_object_member(found, "block");
    guint most =
        halvings(number_of(found, "blocks")) + halvings(number_of(block, "instructions")) + 2;

    g_assert_cmpuint(number_of(found, "runs"), <=, most);
    g_assert_cmpuint(number_of(found, "most_runs"), ==, most);
}

/* ---- faults ---------------------------------------------------------------------------------- */

static void
test_the_instruction_is_found(void)
{
    static const struct {
        const char *fault, *arguments;
        guint block; /* behind the one that leads there */
        guint block_pc;
        int insn; /* -1: none alone */
        guint pc;
        const char *text, *differs;
    } rows[] = {
        { "register", "", 0, 25, 0, 25, "load_imm_64 s1, 0x1111111111111101", "s1" },
        { "memory", "", 0, 25, 2, 45, "store_imm_ind_u8 [t0 + 0x1005], 7", "memory" },
        { "gas", "", 0, 25, -1, 0, NULL, "gas" },
        { "pc", "", 1, 68, 1, 78, "branch_eq_imm t1, 1, 18", "pc" },
        { "exit", "-a 1", 3, 111, 1, 121, "trap", "exit" },
        { "register", "-m polkavm", 0, 25, 0, 25, "load_imm_64 s1, 0x1111111111111101", "s1" },
        { "memory", "-m polkavm", 0, 25, 2, 45, "store_imm_ind_u8 [t0 + 0x1005], 7", "memory" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words =
            g_strdup_printf("parts.nub -a 40 -a 23 %s hello", rows[i].arguments);
        g_autofree char *names = g_strdup_printf("--b %s --json", rows[i].fault);
        record(words);
        g_autoptr(NubRan) ran = bisect(names);
        nub_assert_code(ran, 1);
        g_autoptr(JsonNode) node = nub_ran_json(ran);
        JsonObject *found = json_node_get_object(node);
        JsonObject *block = json_object_get_object_member(found, "block");
        g_autofree char *differs = differences_of(found);
        g_assert_cmpuint(number_of(found, "frame"), ==, 4);
        g_assert_cmpuint(number_of(block, "index"), ==, 46 + rows[i].block);
        g_assert_cmpuint(number_of(block, "pc"), ==, rows[i].block_pc);
        g_assert_cmpstr(differs, ==, rows[i].differs);
        assert_few_runs(found);
        g_assert_cmpstr(json_object_get_string_member(found, "found"), ==,
                        rows[i].insn < 0 ? "block" : "instruction");
        if (rows[i].insn < 0)
            continue;
        JsonObject *insn = json_object_get_object_member(found, "instruction");
        g_assert_cmpuint(number_of(insn, "index"), ==, (guint)rows[i].insn);
        g_assert_cmpuint(number_of(insn, "pc"), ==, rows[i].pc);
        g_assert_cmpstr(json_object_get_string_member(insn, "text"), ==, rows[i].text);
    }
}

/* Wherever in the run it is, the block is that one and the runs are few. */
static void
test_the_block_is_found_anywhere(void)
{
    static const struct {
        guint of, round;
    } rows[] = { { 64, 1 },  { 64, 2 },  { 64, 3 },  { 64, 4 },  { 64, 5 },
                 { 64, 31 }, { 64, 32 }, { 64, 63 }, { 64, 64 }, { 700000, 555555 } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words =
            g_strdup_printf("parts.nub -a %u -a %u hello", rows[i].of, rows[i].round);
        record(words);
        g_autoptr(NubRan) ran = bisect("--b memory --json");
        nub_assert_code(ran, 1);
        g_autoptr(JsonNode) node = nub_ran_json(ran);
        JsonObject *found = json_node_get_object(node);
        JsonObject *block = json_object_get_object_member(found, "block");
        g_assert_cmpuint(number_of(block, "index"), ==, 2 * rows[i].round);
        assert_few_runs(found);
    }
}

/* In the model `instruction` a block is one instruction: 4 + 4 * 22 + 3 come before the store. */
static void
test_the_model_instruction(void)
{
    record("parts.nub -m instruction -a 40 -a 23 hello");
    g_autoptr(NubRan) ran = bisect("--b memory --json");
    nub_assert_code(ran, 1);
    g_autoptr(JsonNode) node = nub_ran_json(ran);
    JsonObject *found = json_node_get_object(node);
    JsonObject *block = json_object_get_object_member(found, "block");
    g_assert_cmpuint(number_of(block, "index"), ==, 4 + 4 * 22 + 3 + 2);
    g_assert_cmpuint(number_of(block, "pc"), ==, 45);
    g_assert_cmpuint(number_of(block, "instructions"), ==, 1);
    assert_few_runs(found);
}

static void
test_the_report(void)
{
    record("parts.nub -a 40 -a 23 hello");
    g_autoptr(NubRan) memory = bisect("--b memory");
    nub_assert_code(memory, 1);
    nub_assert_out(memory, "call         frame 4 (invoke): memory: return value 0x");
    nub_assert_out(memory, "\nblock        47 of 87, pc 25, after 904 gas\n"
                           "instruction  3 of 7, pc 45: store_imm_ind_u8 [t0 + 0x1005], 7\n\n");
    nub_assert_out(memory,
                   "                  before              local               memory\n"
                   "  pc              45                  50                  50\n"
                   "* [0x11000]       0x0                 0x70000000000       0x90000000000\n");
    nub_assert_out(memory, " runs of both backends, at most 12 for 87 blocks and 7 instructions\n");
    g_autoptr(NubRan) gas = bisect("--b gas");
    nub_assert_out(gas, "instruction  none: one by one, its 7 instructions end alike on both\n"
                        "the block costs 62 gas on local, 60 on gas\n");
    g_autoptr(NubRan) other_way = bisect("--a gas --b local");
    nub_assert_out(other_way, "the block costs 60 gas on gas; local does not run it for that\n");
    record("parts.nub -a 40 -a 23 -a 1 hello");
    g_autoptr(NubRan) end = bisect("--b exit");
    nub_assert_out(end, "* exit                                trap                panic\n");
}

static void
test_names_and_lines(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(nub_test_folder(), "parts.nub", NULL);
    g_autoptr(NubBundle) bundle = nub_bundle_load(path, &error);
    NubHash root;

    g_assert_no_error(error);
    nub_cap_get_hash(nub_bundle_get_root(bundle), &root);
    g_autofree char *hex = nub_hash_to_string(&root);
    g_autofree char *text = g_strdup_printf(
        "nub-debug 1\ninstance %s\nendpoint 0 main\nfunction 0 main\nfunction 25 hit\n"
        "file 0 parts.c\nline 0 0 1\nline 25 0 12\nline 45 0 13\n",
        hex);
    nub_test_write("parts.nubdbg", text, -1);
    record("parts.nub -a 40 -a 23 hello");
    g_autoptr(NubRan) ran = bisect("--b memory --program parts.nub");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "after 904 gas, hit (parts.c:12)\n");
    nub_assert_out(ran, "pc 45, hit (parts.c:13): store_imm_ind_u8");
    g_autoptr(NubRan) other = bisect("--b memory --program reading.nub");
    nub_assert_code(other, 3);
    nub_assert_err(other, "reading.nub: not the program that the call runs");
}

/* ---- other calls ----------------------------------------------------------------------------- */

static void
test_input_is_there_again(void)
{
    record("reading.nub -i in");
    g_autoptr(NubRan) ran = bisect("--b register");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "block        1 of 1, pc 0, after 0 gas\ninstruction  2 of 4, pc 2: "
                        "load_imm_64 s1, 0x1111111111111101\n");
}

static NubKernel *
recorder(void)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "calls", NULL);
    g_autofree char *yaml =
        g_strdup_printf("version: 1\nplugin-path: [ %s/modules ]\nbackends:\n"
                        "  - { name: local, module: nub-local }\n  - { name: recorded, module: "
                        "nub-record, options: { backend: local, file: '%s' } }\n",
                        NUB_BUILD_DIR, path);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_from_data(yaml, NULL, &error);

    g_assert_no_error(error);
    g_unlink(path);
    NubKernel *kernel = nub_registry_open(registry, "recorded", &error);
    g_assert_no_error(error);
    return kernel;
}

static NubHash
publish(NubKernel *kernel)
{
    g_autofree char *path = g_build_filename(nub_test_folder(), "parts.nub", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubBundle) bundle = nub_bundle_load(path, &error);
    NubHash root = { 0 };

    g_assert_no_error(error);
    nub_kernel_put_bundle(kernel, bundle, &root, &error);
    g_assert_no_error(error);
    return root;
}

/* The second run of a session: the host has mapped and written before it, and reads after it. */
static void
test_a_run_of_a_session(void)
{
    static const guint64 args[4] = { 40, 23 };
    NubKernel *kernel = recorder();
    NubHash root = publish(kernel);
    g_autoptr(GError) error = NULL;
    NubSession *session = nub_kernel_open_session(kernel, &root, 0, args, 500, &error);
    NubResult result;

    g_assert_no_error(error);
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
    g_assert_true(nub_session_map(session, 0x40000, 0x1000, NUB_MAP_READ_ONLY, &error));
    g_assert_true(nub_session_write(session, 0x40010, (const guint8 *)"abc", 3, &error));
    g_assert_true(nub_session_set_gas(session, 100000, &error));
    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HOST_CALL);
    g_autoptr(GBytes) bytes = nub_session_read(session, 0x11000, 8, &error);
    g_assert_no_error(error);
    g_object_unref(session);
    g_object_unref(kernel);
    g_autoptr(NubRan) memory = bisect("--b memory");
    nub_assert_code(memory, 1);
    nub_assert_out(memory, "(session_read): memory: other memory\n");
    nub_assert_out(memory, "pc 45: store_imm_ind_u8 [t0 + 0x1005], 7\n");
    g_autoptr(NubRan) other = bisect("--b register");
    nub_assert_out(other, "(session_run): register: register 6 0x1111111111111101 was recorded");
    nub_assert_out(other, "instruction  1 of 7, pc 25: load_imm_64 s1");
}

/* The byte is written in the first run and read after the second: the first is searched. */
static void
test_an_earlier_run_of_a_session(void)
{
    static const guint64 args[4] = { 40, 3 };
    NubKernel *kernel = recorder();
    NubHash root = publish(kernel);
    g_autoptr(GError) error = NULL;
    NubSession *session = nub_kernel_open_session(kernel, &root, 0, args, 250, &error);
    NubResult result;

    for (guint i = 0; i < 2; i++) {
        g_assert_true(nub_session_run(session, NULL, &result, &error));
        g_assert_true(nub_session_set_gas(session, 300, &error));
    }
    g_autoptr(GBytes) bytes = nub_session_read(session, 0x11000, 8, &error);
    g_assert_no_error(error);
    g_object_unref(session);
    g_object_unref(kernel);
    g_autoptr(NubRan) ran = bisect("--b memory");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "call         frame 9 (session_read): memory: other memory\n"
                        "run          frame 5 (session_run)\nblock        7 of ");
    nub_assert_out(ran, "pc 45: store_imm_ind_u8 [t0 + 0x1005], 7\n");
}

/* A paused instance that goes on: the fault is in what resume runs. */
static void
test_a_resumed_call(void)
{
    static const guint64 args[4] = { 40, 23 };
    NubKernel *kernel = recorder();
    NubHash root = publish(kernel), paused;
    g_autoptr(GError) error = NULL;
    NubSession *session = nub_kernel_open_session(kernel, &root, 0, args, 500, &error);
    NubResult result;

    g_assert_true(nub_session_run(session, NULL, &result, &error));
    g_assert_true(nub_session_commit(session, FALSE, &paused, &error));
    g_object_unref(session);
    g_autoptr(NubCall) call = nub_call_new(&paused);
    nub_call_set_gas(call, 100000);
    nub_call_set_commit(call, TRUE);
    g_autoptr(NubOutcome) outcome = nub_kernel_resume(kernel, call, NULL, &error);
    g_assert_no_error(error);
    g_object_unref(kernel);
    g_autoptr(NubRan) ran = bisect("--b memory");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "(resume): memory: successor ");
    nub_assert_out(ran, "pc 45: store_imm_ind_u8 [t0 + 0x1005], 7\n");
}

/* ---- where there is nothing to find ---------------------------------------------------------- */

static void
test_equal_backends(gconstpointer backend)
{
    g_autofree char *words = g_strdup_printf("--b %s", (const char *)backend);
    g_autofree char *chosen = g_strdup_printf("--b %s --call 4", (const char *)backend);
    g_autofree char *json = g_strdup_printf("--b %s --json", (const char *)backend);

    if (strcmp(backend, "kvm") == 0 && access("/dev/kvm", R_OK | W_OK) != 0) {
        g_test_skip("/dev/kvm cannot be opened");
        return;
    }
    record("parts.nub -a 40 -a 23 hello");
    g_autoptr(NubRan) all = bisect(words);
    nub_assert_code(all, 0);
    g_assert_cmpstr(all->out, ==, "4 frames: equal\n");
    g_autoptr(NubRan) one = bisect(chosen);
    nub_assert_code(one, 0);
    g_assert_cmpstr(one->out, ==, "call         frame 4 (invoke)\nno difference, 87 blocks\n");
    g_autoptr(NubRan) as_json = bisect(json);
    nub_assert_code(as_json, 0);
    g_autoptr(JsonNode) node = nub_ran_json(as_json);
    g_assert_true(json_object_get_boolean_member(json_node_get_object(node), "equal"));
}

static void
test_differences_outside_of_the_run(void)
{
    static const struct {
        const char *backend, *out;
    } rows[] = {
        { "shifted", "differs before anything has run\n" },
        { "few", "few: the backend has no function session_open\n" },
        { "hash", "frame        2 (put_cap): hash: hash " },
    };

    record("parts.nub -a 40 -a 23 hello");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *words = g_strdup_printf("--b %s --call 4", rows[i].backend);
        g_autofree char *first = g_strdup_printf("--b %s", rows[i].backend);
        g_autoptr(NubRan) ran = bisect(i == 2 ? first : words);
        nub_assert_code(ran, 1);
        nub_assert_out(ran, rows[i].out);
    }
    /* wrong in invoke_cached alone: nothing that a session could show */
    record("parts.nub --host none -a 40 -a 50");
    g_autoptr(NubRan) ran = bisect("--b call-gas");
    nub_assert_code(ran, 1);
    nub_assert_out(ran, "frame 4 (invoke_cached): call-gas: gas remaining 0x");
    nub_assert_out(ran, "no difference when it is made in a session, 82 blocks\n");
}

static void
test_wrong_command_lines(void)
{
    static const struct {
        const char *words, *err;
        int code;
    } rows[] = {
        { "", "--b NAME is missing", 2 },
        { "--b local --call 1", "--call: frame 1 of calls is no call", 2 },
        { "--b local --call 3", "--call: frame 3 of calls is no call", 2 },
        { "--b local --call 5", "--call: frame 5 of calls is no call", 2 },
        { "--b local --call x", "--call: 'x'", 2 },
        { "--b nobody", "nobody", 3 },
        { "--a nobody --b local", "nobody", 3 },
        { "--b local --call 4 --program in", "in: ", 3 },
    };

    record("parts.nub -a 4 -a 2 hello");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = bisect(rows[i].words);
        nub_assert_code(ran, rows[i].code);
        nub_assert_err(ran, rows[i].err);
    }
    g_autofree char *path = g_build_filename(nub_test_folder(), "calls", NULL);
    g_autofree char *bytes = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    nub_test_write("cut", bytes, (gssize)size - 1);
    g_autoptr(NubRan) cut = nub_ran("bisect --config config.yaml cut --b memory");
    nub_assert_code(cut, 3); /* the call is what was cut off */
    nub_assert_err(cut, "cut: recording: byte ");
    nub_assert_out(cut, "3 frames: equal\n");
    nub_test_write("empty", "NUBREC01\0\0\0\0\0\0\0", 16);
    g_autoptr(NubRan) empty = nub_ran("bisect --config config.yaml empty --b local");
    nub_assert_code(empty, 3);
    nub_assert_err(empty, "empty: recording: the end");
    g_autoptr(NubRan) none = nub_ran("bisect --config config.yaml config.yaml --b local");
    nub_assert_code(none, 3);
    nub_assert_err(none, "not a recording");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    write_files();
    g_test_add_func("/tools/bisect/the-instruction-is-found", test_the_instruction_is_found);
    g_test_add_func("/tools/bisect/the-block-is-found-anywhere", test_the_block_is_found_anywhere);
    g_test_add_func("/tools/bisect/the-model-instruction", test_the_model_instruction);
    g_test_add_func("/tools/bisect/the-report", test_the_report);
    g_test_add_func("/tools/bisect/names-and-lines", test_names_and_lines);
    g_test_add_func("/tools/bisect/input-is-there-again", test_input_is_there_again);
    g_test_add_func("/tools/bisect/a-run-of-a-session", test_a_run_of_a_session);
    g_test_add_func("/tools/bisect/an-earlier-run-of-a-session", test_an_earlier_run_of_a_session);
    g_test_add_func("/tools/bisect/a-resumed-call", test_a_resumed_call);
    g_test_add_data_func("/tools/bisect/equal-to-itself", "local", test_equal_backends);
#ifdef NUB_TEST_JIT
    g_test_add_data_func("/tools/bisect/jit-is-equal", "jit", test_equal_backends);
#endif
#ifdef NUB_TEST_KVM
    g_test_add_data_func("/tools/bisect/kvm-is-equal", "kvm", test_equal_backends);
#endif
    g_test_add_func("/tools/bisect/differences-outside-of-the-run",
                    test_differences_outside_of_the_run);
    g_test_add_func("/tools/bisect/wrong-command-lines", test_wrong_command_lines);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
