/* fuzz-asm.c - any bytes as the text of a program, and as what a text is made from
 *
 * A text that assembles comes back the same from its own disassembly; a bundle, capability or
 * program that disassembles assembles to the same bytes; what is refused has a message.
 */
#include "asm.h"
#include "fuzz.h"
#include <string.h>

/* text that the disassembler wrote assembles to `bytes` */
static void
check_text(const char *text, GBytes *bytes, gboolean is_program)
{
    g_auto(NubAsmOutput) output = { 0 };

    FUZZ_CHECK(nub_asm_assemble("again", text, strlen(text), &output, NULL));
    FUZZ_CHECK(g_bytes_equal(is_program ? output.program : output.bundle, bytes));
}

static void
check_bytes(const uint8_t *data, size_t size)
{
    static char *(*const disassemblers[])(const guint8 *, gsize,
                                          GError **) = { nub_disasm_bundle, nub_disasm_program };

    for (guint i = 0; i < G_N_ELEMENTS(disassemblers); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = g_bytes_new(data, size);
        g_autofree char *text = disassemblers[i](data, size, &error);
        FUZZ_CHECK((text == NULL) == (error != NULL));
        if (text)
            check_text(text, bytes, i == 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(NubAsmOutput) output = { 0 };
    g_autoptr(GError) error = NULL;

    check_bytes(data, size);
    /* a short text can ask for 2 GiB of zeros: memory is not what is tested here */
    if (size == 0 || g_strstr_len((const char *)data, (gssize)size, ".zero"))
        return 0;
    if (!nub_asm_assemble("text", (const char *)data, size, &output, &error)) {
        FUZZ_CHECK(g_str_has_prefix(error->message, "text:"));
        return 0;
    }
    gsize bundle_size;
    const guint8 *bundle = g_bytes_get_data(output.bundle, &bundle_size);
    g_autofree char *text = nub_disasm_bundle(bundle, bundle_size, NULL);
    FUZZ_CHECK(text != NULL);
    check_text(text, output.bundle, FALSE);
    return 0;
}
