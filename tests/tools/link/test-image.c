/* test-image.c - what the linker makes of a program: its endpoints, its memory, its code */
#include "asm.h"
#include "link-test.h"

#include <string.h>

/* ---- endpoints ---------------------------------------------------------------------------------
 */

static void
test_order(void)
{
    static const char source[] =
        "#include <nub-guest.h>\n"
        "volatile uint64_t seen = 5;\n"
        "__attribute__((constructor)) static void before(void) { seen = 6; }\n"
        "NUB_EXPORT uint64_t zeta(void) { return seen; }\n"
        "NUB_EXPORT uint64_t Zeta(void) { return 2; }\n"
        "NUB_EXPORT uint64_t alpha(void) { return 3; }\n"
        "int helper(int x) { return x; }\n"
        "int main(void) { return (int)seen; }\n";
    static const char *const want[] = { "main", "Zeta", "alpha", "zeta", NULL };

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("a.c", source, "");
    g_autoptr(LinkProgram) program = link_test_load(elf);
    g_assert_cmpstrv(program->endpoints, want);
    g_assert_cmpuint(link_test_call(program, 0, 0, 0, 0, 0), ==, 6); /* through crt0 */
    g_assert_cmpuint(link_test_call(program, 3, 0, 0, 0, 0), ==, 5); /* entered directly */
}

/* NULL, or what is wrong with a program of this many endpoints f0, f1 ... */
static char *
link_many(guint count, const char *const *exports, guint *n_endpoints)
{
    g_autoptr(GString) source = g_string_new("#include <nub-guest.h>\n");
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_auto(NubLinkOutput) output = { 0 };
    NubLinkOptions options = { .exports = exports };
    gsize size;

    for (guint i = 0; i < count; i++)
        g_string_append_printf(source, "NUB_EXPORT int f%u(void) { return %u; }\n", i, i);
    g_autoptr(GBytes) elf = link_test_compile("many.c", source->str, "");
    const guint8 *bytes = g_bytes_get_data(elf, &size);
    if (!nub_link_elf(bytes, size, &options, &output, messages)) {
        g_assert_cmpuint(messages->len, ==, 1);
        return g_strdup(messages->pdata[0]);
    }
    *n_endpoints = g_strv_length(output.endpoints);
    return NULL;
}

static void
test_too_many(void)
{
    static const char *const two[] = { "f64", "f3", NULL };
    guint n = 0;

    if (!link_test_has_tools())
        return;
    g_assert_null(link_many(64, NULL, &n));
    g_assert_cmpuint(n, ==, 64);
    g_autofree char *message = link_many(65, NULL, &n);
    g_assert_nonnull(message);
    g_assert_nonnull(strstr(message, "65 endpoints, at most 64 are possible"));
    g_assert_nonnull(strstr(message, "; candidates: "));
    g_assert_nonnull(strstr(message, ", f64"));
    g_assert_null(link_many(65, two, &n));
    g_assert_cmpuint(n, ==, 2);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static const char memory_source[] =
    "#include <nub-guest.h>\n"
    "NUB_STACK_SIZE(8192);\n"
    "NUB_HEAP_SIZE(12288);\n"
    "const volatile uint8_t constant = 7;\n"
    "volatile uint8_t variable = 5;\n"
    "NUB_EXPORT uint64_t get(volatile uint8_t *p) { return *p; }\n"
    "NUB_EXPORT uint64_t set(volatile uint8_t *p) { return *p = 1; }\n"
    "NUB_EXPORT uint64_t where(int what)\n"
    "{\n"
    "    return what == 0 ? (uint64_t)&constant : what == 1 ? (uint64_t)&variable\n"
    "         : what == 2 ? (uint64_t)__nub_heap.start : what == 3 ? (uint64_t)__nub_heap.end\n"
    "         : (uint64_t)__builtin_frame_address(0);\n"
    "}\n";

/* whether an endpoint gets through with this address; if not, the fault is at its page */
static gboolean
touches(const LinkProgram *program, const char *endpoint, guint64 address)
{
    const guint64 args[4] = { address };
    g_autoptr(GError) error = NULL;
    NubResult result;

    nub_kernel_invoke_cached(program->kernel, &program->instance,
                             link_test_endpoint(program, endpoint), args, 1000, &result, &error);
    g_assert_no_error(error);
    if (result.exit_reason == NUB_EXIT_HALT)
        return TRUE;
    g_assert_cmpuint(result.exit_reason, ==, NUB_EXIT_PAGE_FAULT);
    g_assert_cmpuint(result.exit_arg, ==, address & ~(guint64)(NUB_PAGE_SIZE - 1));
    return FALSE;
}

/* pages from `start` to `end` can be written, the one before and the one after cannot be read */
static void
check_alone(const LinkProgram *program, guint64 start, guint64 end)
{
    g_assert_false(touches(program, "get", start - 1));
    for (guint64 page = start; page < end; page += NUB_PAGE_SIZE)
        g_assert_true(touches(program, "set", page));
    g_assert_true(touches(program, "set", end - 1));
    g_assert_false(touches(program, "get", end));
}

static void
test_memory(void)
{
    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("m.c", memory_source, "");
    g_autoptr(LinkProgram) program = link_test_load(elf);
    guint32 where = link_test_endpoint(program, "where");
    guint64 constant = link_test_call(program, where, 0, 0, 0, 0);
    guint64 variable = link_test_call(program, where, 1, 0, 0, 0);
    guint64 heap = link_test_call(program, where, 2, 0, 0, 0);
    guint64 heap_end = link_test_call(program, where, 3, 0, 0, 0);
    guint64 stack = link_test_call(program, where, 4, 0, 0, 0);

    g_assert_false(touches(program, "get", 0));
    g_assert_false(touches(program, "get", 0xffff));
    g_assert_cmpuint(link_test_call(program, link_test_endpoint(program, "get"), constant, 0, 0, 0),
                     ==, 7);
    g_assert_false(touches(program, "set", constant));
    g_assert_true(touches(program, "set", variable));
    g_assert_cmpuint(heap_end - heap, ==, 12288);
    check_alone(program, heap, heap_end);
    guint64 top = (stack + NUB_PAGE_SIZE - 1) / NUB_PAGE_SIZE * NUB_PAGE_SIZE;
    check_alone(program, top - 8192, top);
    g_assert_cmpuint(top - 8192, >, heap_end); /* with a page between: each stands alone */
}

/* What one program is told of sizes comes before what its source says. */
static void
test_sizes(void)
{
    NubLinkOptions options = { .stack_size = 3 * NUB_PAGE_SIZE, .heap_size = 5 * NUB_PAGE_SIZE };
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_auto(NubLinkOutput) output = { 0 };
    g_autoptr(GError) error = NULL;
    gsize size;

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile("m.c", memory_source, "");
    const guint8 *bytes = g_bytes_get_data(elf, &size);
    g_assert_true(nub_link_elf(bytes, size, &options, &output, messages));
    bytes = g_bytes_get_data(output.bundle, &size);
    g_autofree char *text = nub_disasm_bundle(bytes, size, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(text, ", 0x3000\n"));
    g_assert_nonnull(strstr(text, ", 0x5000\n"));
    g_assert_nonnull(strstr(text, ".pinned 0, data0\n"));
    g_assert_nonnull(strstr(text, ".initial 1, data1\n"));
    g_assert_null(strstr(text, "mem_size")); /* 0 is not written */
}

/* ---- code --------------------------------------------------------------------------------------
 */

static char *
disassemble(const char *name, const char *source)
{
    g_autoptr(GBytes) elf = link_test_compile(name, source, "");
    g_auto(NubLinkOutput) output = { 0 };
    g_autoptr(GError) error = NULL;
    gsize size;

    link_test_link(elf, &output);
    const guint8 *bytes = g_bytes_get_data(output.bundle, &size);
    char *text = nub_disasm_bundle(bytes, size, &error);
    g_assert_no_error(error);
    return text;
}

static void
test_unreached(void)
{
    if (!link_test_has_tools())
        return;
    /* one section, so that it is not ld.lld which drops it */
    g_autofree char *text =
        disassemble("a.s", ".section .text.f,\"axR\",@progbits\n.globl f\n.type f, @function\n"
                           "f:\nli a0, 1111\nbeqz a1, 1f\nli a0, 2222\n1: ret\n.size f, . - f\n"
                           "g:\nli a0, 3333\nret\n");

    g_assert_nonnull(strstr(text, "1111"));
    g_assert_nonnull(strstr(text, "2222"));
    g_assert_null(strstr(text, "3333"));
}

static void
test_cold(void)
{
    if (!link_test_has_tools())
        return;
    g_autofree char *warm = disassemble(
        "a.c", "#include <nub-guest.h>\nNUB_EXPORT int f(int x) { return x > 3 ? x * x : 5; }\n");
    g_autofree char *traps = disassemble(
        "a.c", "#include <nub-guest.h>\nvolatile int v;\n"
               "NUB_EXPORT int f(int x) { if (x > 3) { v = x; nub_trap(); } return 5; }\n");
    g_autofree char *cold =
        disassemble("a.c", "#include <nub-guest.h>\n"
                           "__attribute__((cold, noinline)) static int g(int x) { return x * x; }\n"
                           "NUB_EXPORT int f(int x) { return x > 3 ? g(x) : 5; }\n");

    g_assert_null(strstr(warm, "unlikely"));
    g_assert_nonnull(strstr(traps, "unlikely\n"));
    g_assert_nonnull(strstr(cold, "unlikely\n"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/link/image/main-is-first-and-the-rest-by-name", test_order);
    g_test_add_func("/tools/link/image/more-than-64-endpoints-are-refused", test_too_many);
    g_test_add_func("/tools/link/image/each-part-of-memory-stands-alone", test_memory);
    g_test_add_func("/tools/link/image/sizes-follow-the-options", test_sizes);
    g_test_add_func("/tools/link/image/code-that-nothing-reaches-is-dropped", test_unreached);
    g_test_add_func("/tools/link/image/cold-blocks-are-marked", test_cold);
    return g_test_run();
}
