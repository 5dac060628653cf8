/* test-third-party.c - unmodified third-party programs, fetched as Debian sources (target
 * nub-third-party)
 *
 * zlib packs and unpacks a real file inside the machine; GIO unpacks the result outside.
 */
#include "guest-run.h"

#include <gio/gio.h>
#include <string.h>

static GBytes *
build_zlib(const char *zlib)
{
    static const char *const files[] = { "adler32.c", "crc32.c",    "deflate.c", "inflate.c",
                                         "inffast.c", "inftrees.c", "trees.c",   "zutil.c" };
    g_autofree char *include = g_strconcat("-I", zlib, NULL);
    const char *const flags[] = { "-DZ_SOLO", "-w", include, NULL };
    g_autoptr(GPtrArray) inputs = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;

    g_ptr_array_add(inputs, g_strdup(NUB_SOURCE_DIR "/sdk/third-party/zlib-guest.c"));
    for (guint i = 0; i < G_N_ELEMENTS(files); i++)
        g_ptr_array_add(inputs, g_build_filename(zlib, files[i], NULL));
    g_ptr_array_add(inputs, NULL);
    NubCcOptions options = { .inputs = (const char *const *)inputs->pdata, .flags = flags };
    GBytes *elf = nub_cc_build(&options, &error);
    g_assert_no_error(error);
    return elf;
}

/* the bytes that the endpoint hands over for an input */
static GBytes *
call_with_input(const LinkProgram *program, GBytes *input)
{
    g_autoptr(NubCall) call = nub_call_new(&program->instance);
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_call_set_gas(call, G_GUINT64_CONSTANT(1000000000000));
    nub_call_set_input(call, input);
    nub_call_set_want_output(call, TRUE, NUB_CALL_DEFAULT_MAX_OUTPUT);
    g_autoptr(NubOutcome) outcome = nub_kernel_invoke(program->kernel, call, NULL, &error);
    g_assert_no_error(error);
    nub_outcome_get_result(outcome, &result);
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_HALT);
    return g_bytes_ref(nub_outcome_get_output(outcome));
}

static GBytes *
unpack(GBytes *packed)
{
    g_autoptr(GZlibDecompressor) inflate = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
    g_autoptr(GInputStream) base = g_memory_input_stream_new_from_bytes(packed);
    g_autoptr(GInputStream) stream = g_converter_input_stream_new(base, G_CONVERTER(inflate));
    g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();
    g_autoptr(GError) error = NULL;

    g_output_stream_splice(out, stream, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, &error);
    g_assert_no_error(error);
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(out));
}

static void
round_trip(const LinkProgram *program, const char *backend, gpointer input)
{
    g_autoptr(GBytes) packed = call_with_input(program, input);
    g_autoptr(GBytes) again = unpack(packed);

    g_test_message("on %s", backend);
    g_assert_cmpuint(g_bytes_get_size(packed), <, g_bytes_get_size(input) / 2);
    g_assert_true(g_bytes_equal(again, input));
}

static void
test_zlib(void)
{
    g_autofree char *zlib = link_test_has_tools() ? guest_sources("zlib") : NULL;
    g_autoptr(GError) error = NULL;
    char *text;
    gsize size;

    if (!zlib)
        return;
    g_autoptr(GBytes) elf = build_zlib(zlib);
    g_file_get_contents(NUB_SOURCE_DIR "/tools/link-dwarf.c", &text, &size, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) input = g_bytes_new_take(text, size);
    guest_each_backend(elf, round_trip, input);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sdk/third-party/zlib-packs-and-unpacks-a-file", test_zlib);
    return guest_test_run();
}
