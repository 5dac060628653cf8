/* test-hostile.c - ELF files that are damaged or that ask for what the machine does not have
 *
 * Every one gives messages and never a crash; run under ASan and UBSan too. What a source file asks
 * for in vain is listed completely, with function and line.
 */
#include "link-test.h"

#include <glib/gstdio.h>
#include <string.h>

static const char good_source[] =
    "#include <nub-guest.h>\n"
    "static int twice(int x) { return 2 * x; }\n"
    "static int thrice(int x) { return 3 * x; }\n"
    "static int (*const table[])(int) = { twice, thrice };\n"
    "uint64_t counter = 7;\n"
    "NUB_EXPORT int call(int i, int x) { counter++; return table[i & 1](x); }\n"
    "NUB_EXPORT int choose(int x) { switch (x) { case 0: return 5; case 1: return 9; case 2: "
    "return 2;\n"
    "  case 3: return twice(x); case 4: return x / 3; case 5: return 44; } return -1; }\n";

static GBytes *
good_elf(void)
{
    static GBytes *elf;

    if (!elf)
        elf = link_test_compile("good.c", good_source, "");
    return elf;
}

/* links a copy of `size` bytes at the end of a block of its own, so that ASan sees reads past it */
static gboolean
try_link(const guint8 *bytes, gsize size, GPtrArray *messages)
{
    g_autofree guint8 *copy = g_memdup2(bytes, size);
    g_auto(NubLinkOutput) output = { 0 };

    return nub_link_elf(copy, size, NULL, &output, messages);
}

static void
test_truncated(void)
{
    gsize size;

    if (!link_test_has_tools())
        return;
    const guint8 *bytes = g_bytes_get_data(good_elf(), &size);
    for (gsize n = 0; n < size; n += n < 256 ? 1 : 13) {
        g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
        g_assert_false(try_link(bytes, n, messages));
        g_assert_cmpuint(messages->len, >, 0);
    }
}

/* some changes are harmless; those that are not must say something */
static void
test_changed_bytes(void)
{
    GRand *random = g_rand_new_with_seed(20);
    gsize size;

    if (link_test_has_tools()) {
        const guint8 *bytes = g_bytes_get_data(good_elf(), &size);
        guint refused = 0;
        for (unsigned i = 0; i < 4000; i++) {
            g_autofree guint8 *copy = g_memdup2(bytes, size);
            g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
            for (unsigned k = 0; k < 1 + i % 4; k++)
                copy[g_rand_int_range(random, 0, (gint32)size)] = (guint8)g_rand_int(random);
            if (try_link(copy, size, messages))
                continue;
            refused++;
            g_assert_cmpuint(messages->len, >, 0);
        }
        g_assert_cmpuint(refused, >, 100);
    }
    g_rand_free(random);
}

/* one number of the good file replaced: where, by what, and what is said */
struct edit {
    const char *name;
    enum { HEADER, SECTIONS, SYMBOLS } table;
    int index; /* of the section (by type, see find) or symbol */
    guint offset, width;
    guint64 value;
    const char *message; /* a part of the first message */
};

enum { TEXT, DATA, SYMTAB, RELA };

static const struct edit edits[] = {
    { "magic", HEADER, 0, 0, 1, 0x7e, "not an ELF file" },
    { "32-bit-class", HEADER, 0, 4, 1, 1, "not a 64-bit" },
    { "big-endian", HEADER, 0, 5, 1, 2, "not a 64-bit little-endian" },
    { "other-machine", HEADER, 0, 18, 2, 62, "is not RISC-V" },
    { "relocatable", HEADER, 0, 16, 2, 1, "relocatable file" },
    { "shared", HEADER, 0, 16, 2, 3, "shared or position-independent" },
    { "not-rve", HEADER, 0, 48, 4, 1, "lp64e" },
    { "double-floats", HEADER, 0, 48, 4, 13, "lp64e" },
    { "section-header-size", HEADER, 0, 58, 2, 40, "section headers of 40 bytes" },
    { "no-sections", HEADER, 0, 60, 2, 0, "no section headers" },
    { "section-table-outside", HEADER, 0, 40, 8, 0x7fffffffffffffff, "no section headers" },
    { "name-table-out-of-range", HEADER, 0, 62, 2, 0xfffe, "no table of section names" },
    { "text-outside-the-file", SECTIONS, TEXT, 24, 8, 0xffffffffffffff00,
      "bytes outside the file" },
    { "text-longer-than-the-file", SECTIONS, TEXT, 32, 8, 0x10000000, "bytes outside the file" },
    { "text-at-an-odd-address", SECTIONS, TEXT, 16, 8, 0x20001, "odd address" },
    { "text-beyond-32-bits", SECTIONS, TEXT, 16, 8, 0x100000000, "beyond 32 bits" },
    { "data-over-text", SECTIONS, DATA, 32, 8, 0x1100, "overlap" },
    { "symbols-of-another-size", SECTIONS, SYMTAB, 56, 8, 16, "symbol table is damaged" },
    { "symbols-without-names", SECTIONS, SYMTAB, 40, 4, 0, "symbol table is damaged" },
    { "no-symbol-table", SECTIONS, SYMTAB, 4, 4, 1, "no symbol table" },
    { "relocations-of-another-size", SECTIONS, RELA, 56, 8, 16, "damaged relocations" },
    { "relocations-of-nothing", SECTIONS, RELA, 44, 4, 0x7777, "damaged relocations" },
};

static guint64
get(const guint8 *p, guint width)
{
    guint64 value = 0;

    for (guint i = 0; i < width; i++)
        value |= (guint64)p[i] << (8 * i);
    return value;
}

/* the header of a section: executable text, data, the symbol table, or relocations of an allocated
 * section */
static guint8 *
find_section(guint8 *elf, int what)
{
    guint64 table = get(elf + 40, 8), n = get(elf + 60, 2);

    for (guint64 i = 0; i < n; i++) {
        guint8 *header = elf + table + 64 * i;
        guint64 type = get(header + 4, 4), flags = get(header + 8, 8);
        if ((what == TEXT && (flags & 6) == 6) || (what == DATA && (flags & 6) == 2) ||
            (what == SYMTAB && type == 2))
            return header;
        if (what == RELA && type == 4 && (get(elf + table + 64 * get(header + 44, 4) + 8, 8) & 2))
            return header;
    }
    g_assert_not_reached();
}

static void
test_edit(gconstpointer data)
{
    const struct edit *edit = data;
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    gsize size;

    if (!link_test_has_tools())
        return;
    const guint8 *bytes = g_bytes_get_data(good_elf(), &size);
    g_autofree guint8 *copy = g_memdup2(bytes, size);
    guint8 *at = (edit->table == HEADER ? copy : find_section(copy, edit->index)) + edit->offset;
    for (guint i = 0; i < edit->width; i++)
        at[i] = (guint8)(edit->value >> (8 * i));
    g_assert_false(try_link(copy, size, messages));
    g_assert_cmpuint(messages->len, >, 0);
    g_assert_nonnull(strstr(messages->pdata[0], edit->message));
}

/* ---- sources that ask for what is not there ----------------------------------------------------
 */

struct demand {
    const char *name, *file, *source, *flags;
    const char *messages[4]; /* each is in some message */
};

#define ASM(lines)                                                                                 \
    ".section .text.f,\"axR\",@progbits\n.globl f\n.type f, @function\nf:\n" lines                 \
    "ret\n.size f, . - f\n"

static const struct demand demands[] = {
    { "csr",
      "a.s",
      ASM("csrr a0, cycle\n"),
      "",
      { "in 'f' at 0x", "control and status register" } },
    { "every-problem-of-a-file",
      "a.c",
      "#include <nub-guest.h>\n"
      "NUB_EXPORT int f(int x) {\n"
      "  __asm__ volatile(\".option arch, +zicsr\\n csrr a0, cycle\");\n"
      "  __asm__ volatile(\".option arch, +zifencei\\n fence.i\");\n"
      "  return x; }\n"
      "NUB_EXPORT int g(int x) { __asm__ volatile(\".word 0x0000707f\"); return x; }\n",
      "",
      { "a.c:3: in 'f'", "a.c:4: in 'f'", "a.c:6: in 'g'", "unknown instruction 0x0000707f" } },
    { "floats",
      "a.s",
      ".option arch, +f\n" ASM("fadd.s fa0, fa0, fa0\n"),
      "",
      { "floating-point instruction" } },
    { "gp", "a.s", ASM("lw a0, 0(gp)\n"), "", { "uses the register gp" } },
    { "tp", "a.s", ASM("addi a0, tp, 8\n"), "", { "uses the register tp" } },
    { "thread-local",
      "a.c",
      "#include <nub-guest.h>\n__thread int t = 4, u;\nNUB_EXPORT int f(void) { return t++; }\n"
      "NUB_EXPORT int g(void) { return\n u++; }\n",
      "",
      { "a.c:3: in 'f'", "a.c:5: in 'g'", "drop __thread", "section .tdata" } },
    { "position-independent",
      "a.c",
      "#include <nub-guest.h>\nextern int g; int g = 3; __attribute__((visibility(\"default\"))) "
      "int h;\n"
      "NUB_EXPORT int *f(void) { __asm__ volatile(\"1: auipc a0, %got_pcrel_hi(h)\\nld a0, "
      "%pcrel_lo(1b)(a0)\"); return 0; }\n",
      "",
      { "position-independent code" } },
    { "code-read-as-data",
      "a.c",
      "#include <nub-guest.h>\nstatic int g(void) { return 3; }\n"
      "NUB_EXPORT int f(void) { return *(volatile int *)(uintptr_t)&g; }\n",
      "",
      { "code as if it were data" } },
    { "data-in-code",
      "a.c",
      "#include <nub-guest.h>\n__attribute__((section(\".text.x\"))) const int k[4] = { 1, 2 };\n"
      "NUB_EXPORT int f(int x) { return k[x]; }\n",
      "",
      { "keep data apart from code" } },
    { "no-endpoint",
      "a.c",
      "int f(int x) { return x; }\nint (*volatile p)(int) = f;\n"
      "__attribute__((used, retain, visibility(\"hidden\"))) int g(int x) { return p(x); }\n",
      "",
      { "no endpoint: mark a function with NUB_EXPORT", "candidates: " } },
    { "host-call-cut-in-half", "a.s", ASM(".insn u 0x0b, x0, 1\n"), "", { "half of a host call" } },
    { "stack-without-end",
      "a.c",
      "#include <nub-guest.h>\nNUB_STACK_SIZE(0xffffffff); NUB_EXPORT int f(void) { return 1; }\n",
      "",
      { "a stack of 4294967295 bytes does not fit" } },
};

static void
test_demand(gconstpointer data)
{
    const struct demand *demand = data;
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    gsize size;

    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) elf = link_test_compile(demand->file, demand->source, demand->flags);
    const guint8 *bytes = g_bytes_get_data(elf, &size);
    g_assert_false(try_link(bytes, size, messages));
    g_ptr_array_add(messages, NULL);
    g_autofree char *all = g_strjoinv("\n", (char **)messages->pdata);
    for (guint i = 0; i < G_N_ELEMENTS(demand->messages) && demand->messages[i]; i++)
        if (!strstr(all, demand->messages[i]))
            g_error("'%s' is not in: %s", demand->messages[i], all);
}

static void
test_exports(void)
{
    static const char *const names[] = { "choose", "nothing", NULL };
    NubLinkOptions options = { .exports = names };
    g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
    g_auto(NubLinkOutput) output = { 0 };
    gsize size;

    if (!link_test_has_tools())
        return;
    const guint8 *bytes = g_bytes_get_data(good_elf(), &size);
    g_assert_false(nub_link_elf(bytes, size, &options, &output, messages));
    g_assert_cmpuint(messages->len, ==, 1);
    g_assert_nonnull(strstr(messages->pdata[0], "no function 'nothing'"));
}

static void
test_reproducible(void)
{
    if (!link_test_has_tools())
        return;
    g_autoptr(GBytes) again = link_test_compile("good.c", good_source, "");
    g_auto(NubLinkOutput) first = { 0 }, second = { 0 };

    link_test_link(good_elf(), &first);
    link_test_link(again, &second); /* compiled in another directory, too */
    g_assert_true(g_bytes_equal(first.bundle, second.bundle));
    g_assert_cmpmem(first.instance, 32, second.instance, 32);
    g_assert_cmpstr(first.endpoints[0], ==, "call");
    g_assert_cmpstr(first.endpoints[1], ==, "choose");
    g_assert_null(first.endpoints[2]);
}

/* ---- other ways to make an ELF file -------------------------------------------------------------
 */

/* clang and ld.lld by hand, as a project with a build system of its own would call them */
static GBytes *
build_by_hand(const char *compiler_flags, const char *linker_flags)
{
    g_autofree char *directory = g_dir_make_tmp("nub-test-XXXXXX", NULL);
    g_autofree char *source = g_build_filename(directory, "good.c", NULL);
    g_autofree char *object = g_build_filename(directory, "good.o", NULL);
    g_autofree char *elf = g_build_filename(directory, "good.elf", NULL);
    g_autofree char *compile = g_strdup_printf(
        "clang-19 --target=riscv64 -march=rv64emac_zba_zbb_zbs_zicond -mabi=lp64e -fno-pic -O2 "
        "-ffreestanding -fvisibility=hidden -I %s/sdk/include %s -c %s -o %s",
        NUB_SOURCE_DIR, compiler_flags, source, object);
    g_autofree char *link = g_strdup_printf("ld.lld-19 -static --emit-relocs -e 0 %s %s -o %s",
                                            linker_flags, object, elf);
    const char *const commands[] = { compile, link };
    char *bytes;
    gsize size;

    g_assert_true(g_file_set_contents(source, good_source, -1, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        int status;
        g_assert_true(g_spawn_command_line_sync(commands[i], NULL, NULL, &status, NULL));
        g_assert_cmpint(status, ==, 0);
    }
    g_assert_true(g_file_get_contents(elf, &bytes, &size, NULL));
    g_unlink(source);
    g_unlink(object);
    g_unlink(elf);
    g_rmdir(directory);
    return g_bytes_new_take(bytes, size);
}

static void
test_by_hand(void)
{
    static const char *const ways[][2] = {
        { "-mcmodel=medlow -mno-relax", "--no-relax" },
        { "-mcmodel=medlow -mrelax", "--relax" },
        { "-mcmodel=medany -mrelax", "--relax" },
        { "-mcmodel=medany -mno-relax", "--no-relax" },
        { "-mcmodel=medlow -g0 -O0", "--gc-sections" },
    };

    if (!link_test_has_tools())
        return;
    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_autoptr(GBytes) elf = build_by_hand(ways[i][0], ways[i][1]);
        g_autoptr(LinkProgram) program = link_test_load(elf);
        guint32 call = link_test_endpoint(program, "call");
        guint32 choose = link_test_endpoint(program, "choose");
        g_assert_cmpuint(link_test_call(program, call, 0, 21, 0, 0), ==, 42);
        g_assert_cmpuint(link_test_call(program, call, 1, 21, 0, 0), ==, 63);
        g_assert_cmpuint(link_test_call(program, choose, 3, 0, 0, 0), ==, 6);
        g_assert_cmpuint(link_test_call(program, choose, 5, 0, 0, 0), ==, 44);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/link/hostile/truncated-anywhere-is-an-error", test_truncated);
    g_test_add_func("/tools/link/hostile/changed-bytes-never-crash", test_changed_bytes);
    for (guint i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autofree char *path = g_strconcat("/tools/link/hostile/refuses/", edits[i].name, NULL);
        g_test_add_data_func(path, &edits[i], test_edit);
    }
    for (guint i = 0; i < G_N_ELEMENTS(demands); i++) {
        g_autofree char *path = g_strconcat("/tools/link/errors-name/", demands[i].name, NULL);
        g_test_add_data_func(path, &demands[i], test_demand);
    }
    g_test_add_func("/tools/link/errors-name/an-export-that-is-not-there", test_exports);
    g_test_add_func("/tools/link/takes-relaxed-and-medany-code", test_by_hand);
    g_test_add_func("/tools/link/same-input-gives-the-same-bytes", test_reproducible);
    return g_test_run();
}
