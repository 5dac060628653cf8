/* test-host-standard.c - the standard host calls, called by programs of two instructions
 *
 * Each program is `ecalli N` and a return; the instance has a page with known bytes.
 */
#include "../../examples/keccak.h"
#include "../../sdk/include/nub-host.h"
#include "program-test.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PAGE   0x20000
#define FAILED G_MAXUINT64
static const char text[] = "abcdefgh";

/* An instance of `ecalli number; jump_ind ra` with `text` at PAGE, on a kernel of model
 * instruction. */
static NubHash
publish(NubKernel *kernel, guint8 number)
{
    const guint8 code[] = { 0x0a, number, 0x32, 0x00 };
    NubTestProgram program = { code, sizeof code, 0x05 };
    g_autoptr(NubBundle) bundle = nub_test_program_bundle(&program);
    g_autofree guint8 *page = g_malloc0(4096);
    g_autoptr(GError) error = NULL;
    NubHash image, instance;

    g_assert_true(nub_kernel_put_bundle(kernel, bundle, &instance, &error));
    g_assert_no_error(error);
    g_autoptr(NubCap) plain = nub_kernel_get_cap(kernel, &instance, &error);
    g_assert_true(nub_cap_get_image(plain, &image));
    memcpy(page, text, sizeof text);
    g_autoptr(GBytes) content = g_bytes_new(page, 4096);
    g_autoptr(NubInstanceBuilder) builder = nub_instance_builder_new(&image);
    nub_instance_builder_add_overlay(builder, PAGE, content);
    g_autoptr(NubCap) cap = nub_instance_builder_build(builder, &error);
    g_assert_no_error(error);
    g_assert_true(nub_kernel_put_cap(kernel, cap, &instance, &error));
    return instance;
}

/* What a call with these arguments leaves. */
typedef struct {
    NubResult result;
    guint8 page[4096]; /* of the successor at PAGE; zero when there is none */
} Ran;

static void
page_of(NubKernel *kernel, const NubHash *instance, guint8 page[4096])
{
    const guint64 none[4] = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(NubSession) session = nub_kernel_open_session(kernel, instance, 0, none, 1, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) bytes = nub_session_read(session, PAGE, 4096, &error);

    g_assert_no_error(error);
    memcpy(page, g_bytes_get_data(bytes, NULL), 4096);
}

static Ran
call(guint8 number, guint64 gas, int input, int output, const char *arguments, guint64 a0,
     guint64 a1, guint64 a2)
{
    g_autoptr(NubKernel) kernel = nub_test_local();
    NubHash instance = publish(kernel, number), successor;
    g_autoptr(NubCall) request = nub_call_new(&instance);
    g_autoptr(NubHostTable) hosts = nub_host_table_new();
    g_autoptr(GBytes) bytes = arguments ? g_bytes_new(arguments, strlen(arguments)) : NULL;
    g_autoptr(GError) error = NULL;
    const guint64 args[4] = { a0, a1, a2 };
    Ran ran = { 0 };

    nub_host_table_add_standard(hosts, input, output, -1, bytes);
    nub_call_set_host_table(request, hosts);
    nub_call_set_args(request, args);
    nub_call_set_gas(request, gas);
    nub_call_set_commit(request, TRUE);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(kernel, request, NULL, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &ran.result);
    if (nub_outcome_get_successor(outcome, &successor))
        page_of(kernel, &successor, ran.page);
    return ran;
}

static void
test_exit_halts_with_its_value(void)
{
    Ran ran = call(NUB_HOST_CALL_EXIT, 1000, -1, -1, NULL, 77, 0, 0);

    g_assert_cmpuint(ran.result.exit_reason, ==, NUB_EXIT_HALT);
    g_assert_cmpuint(ran.result.return_value, ==, 77);
    g_assert_cmpuint(ran.result.gas_remaining, ==, 1000 - 1 - 10);
}

/* What fails for the host's own reasons fails the call: no program sees how much memory it has. */
static void
test_what_the_host_lacks_fails_the_call(void)
{
    static const guint64 args[][5] = {
        { NUB_HOST_CALL_WRITE, 1, PAGE, 8 },         { NUB_HOST_CALL_READ, 0, PAGE, 8 },
        { NUB_HOST_CALL_ARGUMENTS, PAGE, 8 },        { NUB_HOST_CALL_LOG, 0, PAGE, 8 },
        { NUB_HOST_CALL_KECCAK_256, PAGE, 8, PAGE }, { NUB_HOST_CALL_SHA_256, PAGE, 8, PAGE },
    };
    int null = open("/dev/null", O_RDWR);
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry =
        nub_registry_new_from_data("version: 1\nplugin-path: [ " NUB_TEST_MODULES " ]\n"
                                   "backends: [ { name: full, module: no-memory } ]\n",
                                   NULL, &error);
    g_assert_no_error(error);
    g_autoptr(NubKernel) kernel = nub_registry_open(registry, "full", &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) bytes = g_bytes_new_static("arguments", 9);

    for (guint i = 0; i < G_N_ELEMENTS(args); i++) {
        const NubHash none = { { 0 } };
        g_autoptr(NubCall) request = nub_call_new(&none);
        g_autoptr(NubHostTable) hosts = nub_host_table_new();
        nub_host_table_add_standard(hosts, null, null, null, bytes);
        nub_call_set_host_table(request, hosts);
        nub_call_set_endpoint(request, (guint32)args[i][0]);
        nub_call_set_args(request, args[i] + 1);
        nub_call_set_gas(request, 100000);
        g_autoptr(NubOutcome) outcome = nub_kernel_invoke(kernel, request, NULL, &error);
        g_assert_null(outcome);
        g_assert_error(error, NUB_ERROR, NUB_ERROR_HOST_CALL_FAILED);
        g_clear_error(&error);
    }
    close(null);
}

static void
test_write_goes_to_the_stream(void)
{
    int ends[2];
    char got[16];

    g_assert_cmpint(pipe(ends), ==, 0);
    Ran ran = call(NUB_HOST_CALL_WRITE, 1000, -1, ends[1], NULL, 1, PAGE, 8);
    g_assert_cmpuint(ran.result.return_value, ==, 8);
    g_assert_cmpuint(ran.result.gas_remaining, ==, 1000 - 2 - 200 - 4);
    g_assert_cmpint(read(ends[0], got, sizeof got), ==, 8);
    g_assert_cmpmem(got, 8, text, 8);
    close(ends[0]);
    close(ends[1]);
}

static void
test_read_fills_memory(void)
{
    int ends[2];

    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(write(ends[1], "XYZ", 3), ==, 3);
    Ran ran = call(NUB_HOST_CALL_READ, 1000, ends[0], -1, NULL, 0, PAGE + 1, 100);
    g_assert_cmpuint(ran.result.return_value, ==, 3);
    g_assert_cmpmem(ran.page, 8, "aXYZefgh", 8);
    g_assert_cmpint(write(ends[1], "XYZ", 3), ==, 3);
    ran = call(NUB_HOST_CALL_READ, 1000, ends[0], -1, NULL, 0, PAGE + 4090, 100);
    g_assert_cmpuint(ran.result.return_value, ==, FAILED); /* and nothing was taken: */
    ran = call(NUB_HOST_CALL_READ, 1000, ends[0], -1, NULL, 0, PAGE, 2);
    g_assert_cmpmem(ran.page, 4, "XYcd", 4);
    close(ends[0]);
    close(ends[1]);
}

static void
test_arguments_are_laid_down(void)
{
    Ran ran = call(NUB_HOST_CALL_ARGUMENTS, 1000, -1, -1, "one two", PAGE, 3, 0);

    g_assert_cmpuint(ran.result.return_value, ==, 7);
    g_assert_cmpmem(ran.page, 5, "onede", 5);
    ran = call(NUB_HOST_CALL_ARGUMENTS, 1000, -1, -1, NULL, 5, 3, 0);
    g_assert_cmpuint(ran.result.return_value, ==, 0);
}

static void
digest_from_hex(guint8 digest[32], const char *hex)
{
    for (guint i = 0; i < 32; i++)
        digest[i] =
            (guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
}

static void
test_hashes_have_known_answers(void)
{
    static const struct {
        guint8 number;
        guint64 length;
        const char *hex;
    } rows[] = {
        { NUB_HOST_CALL_KECCAK_256, 0,
          "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470" },
        { NUB_HOST_CALL_KECCAK_256, 3,
          "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45" },
        { NUB_HOST_CALL_SHA_256, 0,
          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { NUB_HOST_CALL_SHA_256, 3,
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        guint8 digest[32];
        Ran ran = call(rows[i].number, 10000, -1, -1, NULL, PAGE, rows[i].length, PAGE + 64);
        digest_from_hex(digest, rows[i].hex);
        g_assert_cmpuint(ran.result.return_value, ==, 0);
        g_assert_cmpmem(ran.page + 64, 32, digest, 32);
    }
}

static void
test_keccak_agrees_with_another_writing(void)
{
    for (guint64 length = 1; length <= 4000; length += 133) {
        guint8 page[4096] = { 0 }, digest[32];
        Ran ran = call(NUB_HOST_CALL_KECCAK_256, 10000, -1, -1, NULL, PAGE, length, PAGE + 4064);

        memcpy(page, text, sizeof text);
        keccak256(digest, page, length);
        g_assert_cmpmem(ran.page + 4064, 32, digest, 32);
    }
}

static void
test_bad_arguments_fail_and_change_nothing(void)
{
    static const struct {
        guint8 number;
        guint64 a0, a1, a2;
    } rows[] = {
        { NUB_HOST_CALL_WRITE, 3, PAGE, 1 },
        { NUB_HOST_CALL_WRITE, 1, 0x5000, 1 },
        { NUB_HOST_CALL_WRITE, 1, PAGE + 4095, 2 },
        { NUB_HOST_CALL_WRITE, 1, PAGE, G_MAXUINT64 },
        { NUB_HOST_CALL_WRITE, 2, PAGE, 1 }, /* no stderr was given */
        { NUB_HOST_CALL_READ, 1, PAGE, 1 },
        { NUB_HOST_CALL_READ, 0, G_MAXUINT64, 1 },
        { NUB_HOST_CALL_ARGUMENTS, 0x5000, 1, 0 },
        { NUB_HOST_CALL_LOG, 4, PAGE, 1 },
        { NUB_HOST_CALL_LOG, 0, PAGE, 4097 },
        { NUB_HOST_CALL_LOG, 0, 0x5000, 1 },
        { NUB_HOST_CALL_KECCAK_256, 0x5000, 1, PAGE },
        { NUB_HOST_CALL_KECCAK_256, PAGE, 1, PAGE + 4065 },
        { NUB_HOST_CALL_SHA_256, PAGE, (1 << 24) + 1, PAGE },
    };
    int null = open("/dev/null", O_RDWR);

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Ran ran =
            call(rows[i].number, 1 << 30, null, null, "x", rows[i].a0, rows[i].a1, rows[i].a2);
        g_test_message("row %u", i);
        g_assert_cmpuint(ran.result.exit_reason, ==, NUB_EXIT_HALT);
        g_assert_cmpuint(ran.result.return_value, ==, FAILED);
        g_assert_cmpmem(ran.page, sizeof text, text, sizeof text);
    }
    close(null);
}

/* The price per block is part of the call: what does not fit ends the run before the ecalli. */
static void
test_a_price_that_does_not_fit_is_out_of_gas(void)
{
    int ends[2];
    char byte;

    g_assert_cmpint(pipe(ends), ==, 0);
    g_assert_cmpint(fcntl(ends[0], F_SETFL, O_NONBLOCK), ==, 0);
    for (guint64 gas = 1; gas < 1 + 200 + 4; gas += 7) {
        Ran ran = call(NUB_HOST_CALL_WRITE, gas, -1, ends[1], NULL, 1, PAGE, 8);
        g_assert_cmpuint(ran.result.exit_reason, ==, NUB_EXIT_OUT_OF_GAS);
        g_assert_cmpuint(ran.result.gas_remaining, ==, gas - 1);
        g_assert_cmpuint(ran.result.return_value, ==, 1); /* a0 as it was */
        g_assert_cmpint(read(ends[0], &byte, 1), ==, -1);
    }
    close(ends[0]);
    close(ends[1]);
}

static void
test_log_reaches_glib(void)
{
    Ran ran;

    g_test_expect_message("nub-guest", G_LOG_LEVEL_MESSAGE, "warning: abc");
    ran = call(NUB_HOST_CALL_LOG, 1000, -1, -1, NULL, 1, PAGE, 3);
    g_test_assert_expected_messages();
    g_assert_cmpuint(ran.result.return_value, ==, 0);
}

/* docs/host-calls.md has a row for each line of host-calls.def, word for word. */
static void
test_the_document_has_the_same_table(void)
{
    static const char *const rows[] = {
#define NUB_HOST_CALL_LINE(NAME, number, name, price, price_per_block, arguments, result)          \
    "| " #number " | " name " | " #price " | " #price_per_block " | " arguments " | " result " |"  \
    "\n",
#include <nub/host-calls.def>
    };
    g_autofree char *document = NULL;

    g_assert_true(g_file_get_contents(NUB_SOURCE_DIR "/docs/host-calls.md", &document, NULL, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        if (!strstr(document, rows[i]))
            g_error("docs/host-calls.md lacks this line: %s", rows[i]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/host-standard/exit-halts-with-its-value",
                    test_exit_halts_with_its_value);
    g_test_add_func("/core/host-standard/write-goes-to-the-stream", test_write_goes_to_the_stream);
    g_test_add_func("/core/host-standard/read-fills-memory", test_read_fills_memory);
    g_test_add_func("/core/host-standard/what-the-host-lacks-fails-the-call",
                    test_what_the_host_lacks_fails_the_call);
    g_test_add_func("/core/host-standard/arguments-are-laid-down", test_arguments_are_laid_down);
    g_test_add_func("/core/host-standard/hashes-have-known-answers",
                    test_hashes_have_known_answers);
    g_test_add_func("/core/host-standard/keccak-agrees-with-another-writing",
                    test_keccak_agrees_with_another_writing);
    g_test_add_func("/core/host-standard/bad-arguments-fail-and-change-nothing",
                    test_bad_arguments_fail_and_change_nothing);
    g_test_add_func("/core/host-standard/a-price-that-does-not-fit-is-out-of-gas",
                    test_a_price_that_does_not_fit_is_out_of_gas);
    g_test_add_func("/core/host-standard/log-reaches-glib", test_log_reaches_glib);
    g_test_add_func("/core/host-standard/the-document-has-the-same-table",
                    test_the_document_has_the_same_table);
    return g_test_run();
}
