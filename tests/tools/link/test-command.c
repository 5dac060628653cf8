/* test-command.c - `nub cc`, `nub link`, `nub prof` and names in `nub run`, as a user meets them */
#include "link-test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

struct fixture {
    char *directory;
};

struct outcome {
    int status;
    char *out, *err;
};

static void
outcome_clear(struct outcome *outcome)
{
    g_free(outcome->out);
    g_free(outcome->err);
}

static void
set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->directory = g_dir_make_tmp("nub-command-XXXXXX", NULL);
}

static void
tear_down(struct fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->directory, 0, NULL);
    const char *name;

    (void)data;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->directory, name, NULL);
        g_unlink(path);
    }
    g_rmdir(f->directory);
    g_free(f->directory);
}

static void
write_file(const struct fixture *f, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(f->directory, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* the checksum of a file */
static char *
checksum_of(const struct fixture *f, const char *name)
{
    g_autofree char *path = g_build_filename(f->directory, name, NULL);
    g_autofree char *bytes = NULL;
    gsize size;

    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
}

/* a command line, in the fixture's directory */
static struct outcome
run_words(const struct fixture *f, const char *line)
{
    g_auto(GStrv) argv = NULL;
    struct outcome outcome = { 0 };
    g_autoptr(GError) error = NULL;

    g_assert_true(g_shell_parse_argv(line, NULL, &argv, NULL));
    g_spawn_sync(f->directory, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &outcome.out,
                 &outcome.err, &outcome.status, &error);
    g_assert_no_error(error);
    outcome.status = WEXITSTATUS(outcome.status);
    return outcome;
}

/* `nub` with blank-separated words */
static struct outcome
nub(const struct fixture *f, const char *words)
{
    g_autofree char *line = g_strdup_printf("%s %s", NUB_COMMAND, words);

    return run_words(f, line);
}

static void
expect(const struct fixture *f, const char *words, int status, const char *in_out,
       const char *in_err)
{
    struct outcome outcome = nub(f, words);

    if (outcome.status != status || (in_out && !strstr(outcome.out, in_out)) ||
        (in_err && !strstr(outcome.err, in_err)))
        g_error("nub %s: status %d\n%s%s", words, outcome.status, outcome.out, outcome.err);
    outcome_clear(&outcome);
}

static void
test_cc(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "a.c",
               "#include \"b.h\"\nNUB_EXPORT int add(int x) { return twice(x) + BONUS; }\n");
    write_file(f, "b.h", "#include <nub-guest.h>\nint twice(int x);\n");
    write_file(f, "b.c", "#include \"b.h\"\nint twice(int x) { int unused; return 2 * x; }\n");
    expect(f, "cc -O1 -Wall -DBONUS=5 -I . a.c b.c -o sum.nub --stats", 0, "endpoint 0: add",
           "unused variable");
    expect(f, "run sum.nub -b local -a 20", 0, "45", NULL);
    expect(f, "cc a.c b.c -o sum.nub", 1, NULL, "BONUS");
    expect(f, "cc -DBONUS=1 a.c -o sum.nub", 1, NULL, "undefined symbol: twice");
    expect(f, "cc", 2, NULL, "FILE...");
    expect(f, "cc --frob a.c", 2, NULL, "unknown option '--frob'");
    expect(f, "cc a.c -o", 2, NULL, "-o wants a value");
}

/* Hosted C is asked for; without the library its headers are not there, and one that is nowhere is
 * said to be. */
static void
test_libc(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(
        f, "hello.c",
        "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
        "int main(int argc, char **argv)\n"
        "{ return printf(\"%s %.3f\\n\", argv[1], sqrt(atoi(argv[argc - 1]))) == 8 ? 0 : 1; }\n");
    expect(f, "cc hello.c -o hello.nub", 1, NULL, "file not found");
    if (!g_file_test(NUB_BUILD_DIR "/third-party/guest/sysroot/lib/libc.a",
                     G_FILE_TEST_IS_REGULAR)) {
        expect(f, "cc --libc hello.c -o hello.nub", 3, NULL, "the C library is nowhere");
        g_test_skip("the C library is not there: build the target nub-third-party");
        return;
    }
    expect(f, "cc --libc -O1 hello.c -o hello.nub", 0, NULL, NULL);
    expect(f, "run -b local -- hello.nub hi 2", 0, "hi 1.414\n", NULL);
}

/* A link that somebody looks at says how far it is, and takes the line away. */
static void
test_link_on_a_terminal(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "a.c", "#include <nub-guest.h>\nNUB_EXPORT int f(int x) { return x + 1; }\n");
    expect(f, "cc a.c -o a.nub --elf a.elf", 0, NULL, NULL);
    struct outcome quiet = nub(f, "link a.elf -o b.nub");
    g_assert_cmpstr(quiet.err, ==, "");
    outcome_clear(&quiet);
    g_autofree char *words =
        g_strdup_printf("script -qec '%s link a.elf -o b.nub' seen", NUB_COMMAND);
    struct outcome seen = run_words(f, words);
    g_assert_cmpint(seen.status, ==, 0);
    g_assert_nonnull(strstr(seen.out, "\rlink: gather memory: 0 of 7\033[K"));
    g_assert_true(g_str_has_suffix(seen.out, "\r\033[K"));
    outcome_clear(&seen);
}

static void
test_link(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "a.c",
               "#include <nub-guest.h>\nNUB_EXPORT int f(int x) { return x + 1; }\n"
               "NUB_EXPORT int g(int x) { return x + 2; }\n");
    expect(f, "cc a.c -o a.nub --elf a.elf", 0, NULL, NULL);
    expect(f, "link a.elf -o b.nub -e g --stats", 0, "endpoint 0: g", NULL);
    expect(f, "run b.nub -b local -a 40", 0, "42", NULL);
    expect(f, "link a.elf -o b.nub -e h", 1, NULL, "no function 'h' to export; candidates: ");
    expect(f, "link a.c", 1, NULL, "not an ELF file");
    expect(f, "link no-such-file", 3, NULL, "no-such-file");
    expect(f, "link a.elf --stack-size x", 2, NULL, "--stack-size");
}

/* `before`, the flags and `after` are in the text: no flag is missing and none is more */
static void
assert_flags(const char *text, const char *before, const char *const *flags, const char *separator,
             const char *after)
{
    g_autofree char *list = g_strjoinv(separator, (char **)flags);
    g_autofree char *want = g_strconcat(before, list, after, NULL);

    if (!strstr(text, want))
        g_error("nub-guest.cmake differs from nub cc, which has: %s", want);
}

/* an existing CMake project gets the flags that nub cc uses */
static void
test_toolchain_file(struct fixture *f, gconstpointer data)
{
    g_autofree char *text = NULL;

    (void)data;
    g_assert_true(g_file_get_contents(NUB_SOURCE_DIR "/sdk/nub-guest.cmake", &text, NULL, NULL));
    assert_flags(text, "set(NUB_GUEST_FLAGS \"", nub_cc_target_flags, " ", "\")");
    assert_flags(text, "-static -Wl,", nub_cc_link_flags + 1, ",", "\")");
    if (!link_test_has_tools())
        return;
    write_file(f, "main.c",
               "#include <nub-guest.h>\nNUB_EXPORT uint64_t run(uint64_t x) { return x * 3; }\n");
    write_file(f, "CMakeLists.txt",
               "cmake_minimum_required(VERSION 3.25)\nproject(p C)\n"
               "add_executable(prog main.c)\nnub_guest_runtime(prog)\n");
    g_autofree char *command = g_strdup_printf(
        "sh -c 'cd %s && cmake -S . -B build --toolchain %s/sdk/nub-guest.cmake -G Ninja >log && "
        "cmake --build build >log && mv build/prog prog.elf && rm -r build'",
        f->directory, NUB_SOURCE_DIR);
    int status;
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
    expect(f, "link prog.elf -o p.nub", 0, NULL, NULL);
    expect(f, "run p.nub -b local -a 14", 0, "value    42", NULL);
}

static const char trapping[] = "#include <nub-guest.h>\n"
                               "static __attribute__((noinline)) int inner(int x)\n"
                               "{\n"
                               "    if (x > 3)\n"
                               "        nub_trap();\n"
                               "    return x + 1;\n"
                               "}\n"
                               "NUB_EXPORT int first(int x) { return x; }\n"
                               "NUB_EXPORT int second(int x) { return inner(x) * 2; }\n";

static void
test_names(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "t.c", trapping);
    expect(f, "cc -O1 t.c -o t.nub", 0, NULL, NULL);
    expect(f, "run t.nub -b local -e second -a 2", 0, "value    6", NULL);
    expect(f, "run t.nub -b local -e second -a 7", 1, "where    inner (t.c:5)", NULL);
    expect(f, "run t.nub -b local -e third -a 7", 2, NULL, "t.nub has no 'third'; there are ");
    expect(f, "prof t.nub -e third", 2, NULL, "t.nub has no 'third'; there are ");
    expect(f, "run u.nub -b local -e third", 3, NULL, "u.nub: No such file");
    expect(f, "disasm t.nub", 0, " ; inner (t.c:", NULL);
    expect(f, "disasm t.nub -o t.s", 0, NULL, NULL);
    expect(f, "asm t.s -o again.nub", 0, NULL, NULL);
    g_autofree char *first = checksum_of(f, "t.nub"), *second = checksum_of(f, "again.nub");
    g_assert_cmpstr(first, ==, second); /* comments change nothing */
}

static const char talking[] = "#include <nub-host.h>\n"
                              "static char buffer[64];\n"
                              "static __attribute__((noinline)) int end(int how)\n"
                              "{\n"
                              "    if (how == 0)\n"
                              "        nub_trap();\n"
                              "    if (how == 1)\n"
                              "        *(volatile char *)16 = 1;\n"
                              "    if (how == 2)\n"
                              "        for (;;)\n"
                              "            buffer[1]++;\n"
                              "    if (how == 3)\n"
                              "        ((void (*)(void))5)();\n"
                              "    return 7;\n"
                              "}\n"
                              "NUB_EXPORT int talk(int how)\n"
                              "{\n"
                              "    int64_t n = nub_host_read(0, buffer, sizeof buffer);\n"
                              "    nub_host_write(1, buffer, (size_t)n);\n"
                              "    return buffer[0] == 'h' ? end(how) : 0;\n"
                              "}\n"
                              "NUB_EXPORT int fed(const char *in, size_t n)\n"
                              "{\n"
                              "    return n == 5 && in[4] == 'o' ? end(0) : 0;\n"
                              "}\n";

/* `nub` with a file as its standard input */
static struct outcome
nub_reading(const struct fixture *f, const char *words, const char *file)
{
    g_autofree char *line = g_strdup_printf("sh -c '%s %s < %s'", NUB_COMMAND, words, file);

    return run_words(f, line);
}

/* The line is there after each exit but halt, also when the host was asked; the host is asked once.
 */
static void
test_where_with_a_host(struct fixture *f, gconstpointer data)
{
    static const char *const ends[] = {
        "trap\nwhere    end (t.c:6)\n", "page-fault at 0x0\nwhere    end (t.c:8)\n",
        "out-of-gas\nwhere    end (t.c:", "panic\nwhere    end (t.c:13)\n"
    };

    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "t.c", talking);
    write_file(f, "in", "hello");
    expect(f, "cc -O1 t.c -o t.nub", 0, NULL, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *words = g_strdup_printf("run t.nub -b local -e talk -g 100000 -a %u", i);
        struct outcome ran = nub_reading(f, words, "in");
        g_autofree char *head = g_strdup_printf("hellobackend  local\nexit     %s", ends[i]);
        g_assert_cmpint(ran.status, ==, 1);
        g_assert_true(g_str_has_prefix(ran.out, head));
        g_assert_cmpstr(ran.err, ==, "");
        outcome_clear(&ran);
    }
    struct outcome halted = nub_reading(f, "run t.nub -b local -e talk -a 4", "in");
    g_assert_cmpint(halted.status, ==, 0);
    g_assert_null(strstr(halted.out, "where"));
    outcome_clear(&halted);
    struct outcome json = nub_reading(f, "run t.nub -b local -e talk --json", "in");
    g_assert_nonnull(strstr(json.out, "\"where\" : \"end (t.c:6)\""));
    g_assert_cmpstr(json.err, ==, "hello");
    outcome_clear(&json);
    expect(f, "run t.nub -b local -e fed -i in", 1, "trap\nwhere    end (t.c:6)\n", NULL);
    expect(f, "prof t.nub -e fed -i in", 1, "  end\n", NULL);
    expect(f, "run t.nub -b local -e talk --host none", 1, "host-call 3\nwhere    talk (", NULL);
}

/* What one backend has read the others must read, too, and only one is heard. */
static void
test_every_backend_reads_the_same(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "t.c", talking);
    write_file(f, "in", "hello");
    write_file(f, "two.yaml",
               "version: 1\nbackends:\n  - { name: local, module: nub-local }\n"
               "  - { name: checked, module: nub-local, options: { memory: checked } }\n");
    expect(f, "cc -O1 t.c -o t.nub", 0, NULL, NULL);
    struct outcome ran = nub_reading(f, "run t.nub --config two.yaml -b all -e talk -a 4", "in");
    g_assert_cmpint(ran.status, ==, 0);
    g_assert_nonnull(strstr(ran.out, "2 backends, all equal"));
    g_assert_cmpstr(ran.err, ==, "");
    g_assert_true(strstr(ran.out, "hello") == g_strrstr(ran.out, "hello"));
    outcome_clear(&ran);
}

/* the number that stands before `word` */
static guint64
number_before(const char *text, const char *word)
{
    const char *at = strstr(text, word);

    g_assert_nonnull(at);
    while (at > text && (at[-1] == ' ' || g_ascii_isdigit(at[-1])))
        at--;
    return g_ascii_strtoull(at, NULL, 10);
}

static void
test_prof(struct fixture *f, gconstpointer data)
{
    (void)data;
    if (!link_test_has_tools())
        return;
    write_file(f, "t.c", trapping);
    expect(f, "cc -O1 t.c -o t.nub", 0, NULL, NULL);
    struct outcome ran = nub(f, "run t.nub -b local -m pipeline -e second -a 2");
    struct outcome profiled = nub(f, "prof t.nub -e second -a 2 -f t.folded");
    g_autofree char *path = g_build_filename(f->directory, "t.folded", NULL);
    g_autofree char *folded = NULL;
    g_assert_cmpint(profiled.status, ==, 0);
    /* every unit of gas that the run used is found again, and none else */
    const char *all = strstr(profiled.out, "all");
    g_assert_nonnull(all);
    while (all > profiled.out && all[-1] != '\n')
        all--;
    g_assert_cmpuint(g_ascii_strtoull(all, NULL, 10), ==, number_before(ran.out, " used"));
    g_assert_nonnull(strstr(profiled.out, "  inner\n"));
    g_assert_true(g_file_get_contents(path, &folded, NULL, NULL));
    g_assert_nonnull(strstr(folded, "second;inner "));
    outcome_clear(&ran);
    outcome_clear(&profiled);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(path, function) g_test_add(path, struct fixture, NULL, set_up, function, tear_down)
    TEST("/tools/cc/compiles-links-and-keeps-warnings", test_cc);
    TEST("/tools/cc/takes-the-c-library-when-asked", test_libc);
    TEST("/tools/link/command/exports-what-is-asked-for", test_link);
    TEST("/tools/link/command/progress-is-for-terminals", test_link_on_a_terminal);
    TEST("/tools/cc/a-cmake-project-cross-compiles", test_toolchain_file);
    TEST("/tools/run/knows-names-and-lines", test_names);
    TEST("/tools/run/says-where-a-program-with-a-host-stopped", test_where_with_a_host);
    TEST("/tools/run/every-backend-reads-the-same", test_every_backend_reads_the_same);
    TEST("/tools/prof/finds-all-gas-of-a-run", test_prof);
    return g_test_run();
}
