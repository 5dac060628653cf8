/* test-cli.c - the nub command without a backend: help, usage errors, files, configuration
 *
 * Every subcommand has --help; what is wrong is said on stderr with the thing first, and the exit
 * code tells usage (2) from what could not be done (3) and from a check that failed (1).
 */
#include "cli-test.h"

#include <string.h>

/* ---- the command line ---------------------------------------------------------------------- */

/* The names of all commands, as `nub help` lists them: "run", "config show", ... */
static char **
list_commands(void)
{
    g_autoptr(NubRan) ran = nub_ran("help");
    g_auto(GStrv) lines = g_strsplit(ran->out, "\n", -1);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    nub_assert_code(ran, 0);
    for (char **line = lines; *line; line++) {
        const char *end = g_str_has_prefix(*line, "  ") ? strstr(*line + 2, "  ") : NULL;
        if (end) {
            g_autofree char *name = g_strndup(*line + 2, (gsize)(end - *line) - 2);
            g_strv_builder_add(names, name);
        }
    }
    return g_strv_builder_end(names);
}

static void
test_help_lists_every_command(void)
{
    static const char *const expected[] = { "run",         "asm",         "disasm",
                                            "pack",        "hash",        "inspect",
                                            "backends",    "config show", "config check",
                                            "config keys", "conform",     "completion",
                                            "manual",      "help" };
    g_auto(GStrv) names = list_commands();

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_true(g_strv_contains((const char *const *)names, expected[i]));
}

static void
test_every_command_has_help(void)
{
    g_auto(GStrv) names = list_commands();

    for (char **name = names; *name; name++) {
        g_autoptr(NubRan) ran = nub_ran("%s --help", *name);
        g_autoptr(NubRan) same = nub_ran("help %s", *name);
        g_autofree char *usage = g_strdup_printf("nub %s", *name);
        nub_assert_code(ran, 0);
        nub_assert_out(ran, usage);
        nub_assert_out(ran, "--help");
        g_assert_cmpstr(ran->err, ==, "");
        nub_assert_code(same, 0);
        g_assert_cmpstr(same->out, ==, ran->out);
    }
}

/* The long options that a command's help shows: "--gas", ... */
static char **
list_options(const char *name)
{
    g_autoptr(NubRan) ran = nub_ran("help %s", name);
    g_autoptr(GRegex) regex = g_regex_new("^ .*?(--[a-z-]+)", G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GStrvBuilder) options = g_strv_builder_new();
    g_autoptr(GMatchInfo) match = NULL;

    for (g_regex_match(regex, ran->out, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        g_autofree char *option = g_match_info_fetch(match, 1);
        g_strv_builder_add(options, option);
    }
    return g_strv_builder_end(options);
}

/* Manual pages print '-' as "\\-". */
static char *
roff(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", -1);

    return g_strjoinv("\\-", parts);
}

static void
test_manual_and_completion_know_every_option(void)
{
    g_auto(GStrv) names = list_commands();
    g_autoptr(NubRan) bash = nub_ran("completion bash");
    g_autoptr(NubRan) zsh = nub_ran("completion zsh");
    g_autoptr(NubRan) fish = nub_ran("completion fish");

    for (char **name = names; *name; name++) {
        g_autoptr(NubRan) manual = nub_ran("manual %s", *name);
        g_auto(GStrv) options = list_options(*name);
        g_assert_cmpuint(g_strv_length(options), >, 0);
        for (char **option = options; *option; option++) {
            g_autofree char *in_manual = roff(*option);
            g_autofree char *in_fish = g_strdup_printf(" -l %s", *option + 2);
            nub_assert_out(manual, in_manual);
            nub_assert_out(bash, *option);
            nub_assert_out(zsh, *option);
            nub_assert_out(fish, in_fish);
        }
    }
}

static void
test_bash_completes_commands_options_and_files(void)
{
    static const struct {
        const char *words, *expected;
    } rows[] = {
        { "nub conf", "config conform" },
        { "nub config ''", "show check keys --help" },
        { "nub config show --j", "--json" },
        { "nub run --gas-", "--gas-model" },
        { "nub run --gas ''", "" },
        { "nub run --config complete-m", "complete-me" },
        { "nub hash complete-m", "complete-me" },
    };
    g_autofree char *bash = g_find_program_in_path("bash");

    if (!bash) {
        g_test_skip("there is no bash");
        return;
    }
    nub_test_write("complete-me", "", 0);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *script = g_strdup_printf(
            "cd %s && source <(%s completion bash) && COMP_WORDS=(%s) && "
            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _nub && echo \"${COMPREPLY[*]}\"",
            nub_test_folder(), NUB_COMMAND, rows[i].words);
        const char *argv[] = { bash, "-c", script, NULL };
        g_autofree char *out = NULL;
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out,
                                   NULL, NULL, NULL));
        g_assert_cmpstr(g_strchomp(out), ==, rows[i].expected);
    }
}

static void
test_manual_writes_every_page(void)
{
    g_auto(GStrv) names = list_commands();
    g_autoptr(NubRan) ran = nub_ran("manual --write .");

    nub_assert_code(ran, 0);
    for (char **name = names; *name; name++) {
        g_autofree char *page = g_strdelimit(g_strdup_printf("nub-%s.1", *name), " ", '-');
        g_autofree char *path = g_build_filename(nub_test_folder(), page, NULL);
        g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
    }
}

static void
test_version_is_the_library_s(void)
{
    g_autoptr(NubRan) ran = nub_ran("--version");
    g_autofree char *expected = g_strdup_printf("nub %s\n", nub_version_string());

    nub_assert_code(ran, 0);
    g_assert_cmpstr(ran->out, ==, expected);
}

static void
test_wrong_usage_is_2_and_says_what_is_wrong(void)
{
    static const struct {
        const char *line, *message;
    } rows[] = {
        { "", "" },
        { "frobnicate", "nub: unknown command 'frobnicate'\n" },
        { "rn x.nub", "nub: unknown command 'rn' (did you mean 'run'?)" },
        { "--frob", "nub: unknown option '--frob'" },
        { "config", "" },
        { "config shw", "nub: unknown command 'config shw' (did you mean 'config show'?)" },
        { "run", "nub run: FILE.nub is missing" },
        { "hash a b", "nub hash: unexpected argument 'b'" },
        { "run --frob a", "nub run: Unknown option --frob" },
        { "run --arg 1 --arg 2 --arg 3 --arg 4 --arg 5 a",
          "nub run: --arg: a program takes at most four arguments, not 5" },
        { "run --arg x a", "nub run: --arg: 'x' is not a number (decimal, negative or 0x)" },
        { "run --arg '' a", "nub run: --arg: '' is not a number" },
        { "run --arg 1x a", "nub run: --arg: '1x' is not a number" },
        { "run --arg ' 1' a", "nub run: --arg: ' 1' is not a number" },
        { "run --arg 0x a", "nub run: --arg: '0x' is not a number" },
        { "run --arg --1 a", "nub run: --arg: '--1' is not a number" },
        { "run --arg 18446744073709551616 a",
          "nub run: --arg: '18446744073709551616' does not fit 64 bits" },
        { "run --arg 0x10000000000000000 a",
          "nub run: --arg: '0x10000000000000000' does not fit 64 bits" },
        { "run --arg -9223372036854775809 a",
          "nub run: --arg: '-9223372036854775809' does not fit 64 bits" },
        { "run --gas -1 a", "nub run: --gas: '-1' is not a number (decimal or 0x)" },
        { "run --endpoint 4294967296 a", "nub run: --endpoint: '4294967296' does not fit 32 bits" },
        { "run --gas-model fast a",
          "nub run: --gas-model: 'fast' is none of pipeline, polkavm, instruction" },
        { "run --mem-cycles 0 a", "nub run: --mem-cycles: '0' is not in 1..127" },
        { "run --mem-cycles 128 a", "nub run: --mem-cycles: '128' is not in 1..127" },
        { "hash", "nub hash: FILE is missing" },
        { "pack", "nub pack: FILE is missing" },
        { "pack -", "nub pack: standard input has no name to derive one from: give -o" },
        { "inspect a b", "nub inspect: unexpected argument 'b'" },
        { "conform", "nub conform: --backend NAME is missing, or --module FILE" },
        { "conform --module a --backend b",
          "nub conform: --module goes without --backend and --config" },
        { "conform --backend local --timeout 0", "nub conform: --timeout: 0 seconds are too few" },
        { "config check a --config b", "nub config check: give FILE or --config, not both" },
        { "completion tcsh", "nub completion: 'tcsh' is none of bash, zsh, fish" },
        { "manual frob", "nub manual: unknown command 'frob'" },
        { "manual run --write .", "nub manual: --write writes every page: 'run' is too much" },
        { "help frob", "nub help: unknown command 'frob'" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = nub_ran("%s", rows[i].line);
        nub_assert_code(ran, 2);
        nub_assert_err(ran, rows[i].message);
    }
}

/* ---- files --------------------------------------------------------------------------------- */

static void
test_a_file_that_is_missing_or_wrong_is_3_and_named(void)
{
    static const struct {
        const char *line, *message;
    } rows[] = {
        { "hash none", "nub hash: none: No such file or directory" },
        { "hash .", "nub hash: .: Is a directory" },
        { "hash text", "nub hash: text: neither a bundle nor a capability" },
        { "hash empty", "nub hash: empty: " },
        { "hash cut", "nub hash: cut: " },
        { "hash magic", "nub hash: magic: " },
        { "inspect none", "nub inspect: none: No such file or directory" },
        { "inspect text", "nub inspect: text: neither a bundle nor a capability" },
        { "pack none", "nub pack: none: No such file or directory" },
        { "pack text -o no/such/folder", "nub pack: no/such/folder: cannot be written: " },
        { "run none", "nub run: none: No such file or directory" },
        { "conform --module none.so", "nub conform: " },
        { "run text", "nub run: text: " },
        { "run --config none text.nub", "nub run: " },
        { "asm none", "nub asm: none: No such file or directory" },
        { "asm text", "nub asm: text:1:1: " },
        { "disasm none", "nub disasm: none: No such file or directory" },
        { "disasm empty", "nub disasm: empty: " },
        { "conform --backend local --vectors none", "nub conform: " },
        { "conform --backend local --vectors .", "nub conform: .: no *.json in this folder" },
        { "conform --list --only nothing*", "nub conform: no case matches --only" },
    };

    nub_test_write("text", "!? no text for anything\n", -1);
    nub_test_write("empty", "", 0);
    nub_test_write("cut", "\2\4\0\0", 4);
    nub_test_write("magic", "NUBCAPS1", 8);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = nub_ran("%s", rows[i].line);
        nub_assert_code(ran, 3);
        nub_assert_err(ran, rows[i].message);
        g_assert_cmpstr(ran->out, ==, "");
    }
}

static void
test_pack_makes_a_data_that_hash_and_inspect_know(void)
{
    nub_test_write("content", "some bytes", -1);
    g_autoptr(NubCap) cap = nub_cap_new_data((const guint8 *)"some bytes", 10, NULL);
    NubHash hash;
    nub_cap_get_hash(cap, &hash);
    g_autofree char *hex = nub_hash_to_string(&hash);
    g_autofree char *line = g_strdup_printf("%s  content.cap\n", hex);

    g_autoptr(NubRan) packed = nub_ran("pack content");
    nub_assert_code(packed, 0);
    g_assert_cmpstr(packed->out, ==, line);
    g_autoptr(NubRan) hashed = nub_ran("hash content.cap");
    nub_assert_code(hashed, 0);
    g_assert_cmpstr(hashed->out, ==, line);
    g_autoptr(NubRan) inspected = nub_ran("inspect content.cap");
    nub_assert_code(inspected, 0);
    nub_assert_out(inspected, hex);
    nub_assert_out(inspected, "1 page\n");

    g_autoptr(NubRan) bundled = nub_ran("pack --bundle --json content");
    g_autoptr(JsonNode) json = nub_ran_json(bundled);
    JsonObject *object = json_node_get_object(json);
    g_assert_cmpstr(json_object_get_string_member(object, "file"), ==, "content.nub");
    g_assert_cmpstr(json_object_get_string_member(object, "hash"), ==, hex);
    g_assert_cmpstr(json_object_get_string_member(object, "content_size"), ==, "10");
    g_autoptr(NubRan) root = nub_ran("hash --json content.nub");
    g_autoptr(JsonNode) root_json = nub_ran_json(root);
    object = json_node_get_object(root_json);
    g_assert_cmpstr(json_object_get_string_member(object, "type"), ==, "bundle");
    g_assert_cmpstr(json_object_get_string_member(object, "hash"), ==, hex);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "caps")), ==, 1);
}

static void
test_inspect_shows_every_field_of_a_program(void)
{
    static const guint8 code[] = { 0x32, 0x00 }, mask[] = { 0x01 };
    NubHash root;

    nub_test_bundle("empty.nub", code, sizeof code, mask, &root);
    g_autoptr(NubRan) text = nub_ran("inspect empty.nub");
    nub_assert_code(text, 0);
    nub_assert_out(text, "empty.nub: bundle, 2 capabilities");
    nub_assert_out(text, "endpoint 0: pc 0, registers ra=0xffff0000");
    nub_assert_out(text, "Instance ");
    g_autoptr(NubRan) ran = nub_ran("inspect --json empty.nub");
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    JsonArray *caps = json_object_get_array_member(json_node_get_object(json), "caps");
    JsonObject *image = json_array_get_object_element(caps, 0);
    JsonObject *instance = json_array_get_object_element(caps, 1);
    g_autofree char *hex = nub_hash_to_string(&root);
    g_assert_cmpstr(json_object_get_string_member(image, "kind"), ==, "Image");
    g_assert_cmpstr(json_object_get_string_member(image, "code_size"), ==, "2");
    JsonArray *endpoints = json_object_get_array_member(image, "endpoints");
    JsonArray *regs =
        json_object_get_array_member(json_array_get_object_element(endpoints, 0), "initial_regs");
    g_assert_cmpuint(json_array_get_length(regs), ==, NUB_N_REGS);
    g_assert_cmpstr(json_array_get_string_element(regs, 0), ==, "4294901760");
    g_assert_cmpstr(json_object_get_string_member(instance, "hash"), ==, hex);
    g_assert_cmpstr(json_object_get_string_member(instance, "phase"), ==, "idle");
}

static void
test_asm_and_disasm_give_the_same_bytes_back(void)
{
    static const guint8 code[] = { 0xc8, 0x87, 0x07, 0x32, 0x00 }, mask[] = { 0x09 };
    NubHash root;
    g_autofree char *first = NULL, *second = NULL;
    gsize first_size, second_size;

    nub_test_bundle("add.nub", code, sizeof code, mask, &root);
    g_autoptr(NubRan) text = nub_ran("disasm add.nub -o add.s");
    nub_assert_code(text, 0);
    g_autoptr(NubRan) ran = nub_ran("asm add.s -o again.nub --json");
    nub_assert_code(ran, 0);
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    g_autofree char *hex = nub_hash_to_string(&root);
    JsonObject *object = json_node_get_object(json);
    g_assert_cmpstr(json_object_get_string_member(object, "root"), ==, hex);
    g_assert_cmpint(json_object_get_int_member(object, "n_caps"), ==, 2);
    g_autofree char *a = g_build_filename(nub_test_folder(), "add.nub", NULL);
    g_autofree char *b = g_build_filename(nub_test_folder(), "again.nub", NULL);
    g_assert_true(g_file_get_contents(a, &first, &first_size, NULL));
    g_assert_true(g_file_get_contents(b, &second, &second_size, NULL));
    g_assert_cmpmem(first, first_size, second, second_size);
}

/* ---- configuration ------------------------------------------------------------------------- */

static void
test_config_check_names_place_and_fault(void)
{
    static const struct {
        const char *yaml, *message;
    } rows[] = {
        { "version: 1\nbackends: [\n", "bad.yaml:" },
        { "version: 1\nbakends: []\n", "bad.yaml:2:1: " },
        { "version: 2\nbackends: []\n", "bad.yaml:1:" },
        { "version: 1\nbackends:\n  - name: x\n    module: nub-none\n", "bad.yaml:3:" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        nub_test_write("bad.yaml", rows[i].yaml, -1);
        g_autoptr(NubRan) ran = nub_ran("config check bad.yaml");
        nub_assert_code(ran, 1);
        nub_assert_err(ran, rows[i].message);
        g_autoptr(NubRan) as_json = nub_ran("config check --json --config bad.yaml");
        g_autoptr(JsonNode) json = nub_ran_json(as_json);
        nub_assert_code(as_json, 1);
        g_assert_false(json_object_get_boolean_member(json_node_get_object(json), "ok"));
    }
}

static void
test_config_keys_are_those_of_the_library(void)
{
    gsize n;
    const NubConfigKey *keys = nub_config_list_keys(&n);
    g_autoptr(NubRan) ran = nub_ran("config keys --json");
    g_autoptr(JsonNode) json = nub_ran_json(ran);
    JsonArray *array = json_node_get_array(json);

    nub_assert_code(ran, 0);
    g_assert_cmpuint(json_array_get_length(array), ==, n);
    for (gsize i = 0; i < n; i++)
        g_assert_cmpstr(
            json_object_get_string_member(json_array_get_object_element(array, i), "name"), ==,
            keys[i].name);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/cli/every-command-has-help", test_every_command_has_help);
    g_test_add_func("/tools/cli/help-lists-every-command", test_help_lists_every_command);
    g_test_add_func("/tools/cli/manual-and-completion-know-every-option",
                    test_manual_and_completion_know_every_option);
    g_test_add_func("/tools/cli/bash-completes-commands-options-and-files",
                    test_bash_completes_commands_options_and_files);
    g_test_add_func("/tools/cli/manual-writes-every-page", test_manual_writes_every_page);
    g_test_add_func("/tools/cli/version-is-the-library-s", test_version_is_the_library_s);
    g_test_add_func("/tools/cli/wrong-usage-is-2-and-says-what-is-wrong",
                    test_wrong_usage_is_2_and_says_what_is_wrong);
    g_test_add_func("/tools/cli/a-file-that-is-missing-or-wrong-is-3-and-named",
                    test_a_file_that_is_missing_or_wrong_is_3_and_named);
    g_test_add_func("/tools/cli/pack-makes-a-data-that-hash-and-inspect-know",
                    test_pack_makes_a_data_that_hash_and_inspect_know);
    g_test_add_func("/tools/cli/inspect-shows-every-field-of-a-program",
                    test_inspect_shows_every_field_of_a_program);
    g_test_add_func("/tools/cli/asm-and-disasm-give-the-same-bytes-back",
                    test_asm_and_disasm_give_the_same_bytes_back);
    g_test_add_func("/tools/cli/config-check-names-place-and-fault",
                    test_config_check_names_place_and_fault);
    g_test_add_func("/tools/cli/config-keys-are-those-of-the-library",
                    test_config_keys_are_those_of_the_library);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
