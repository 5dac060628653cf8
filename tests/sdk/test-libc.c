/* test-libc.c - the C library of guests: programs that run natively and on every backend that opens
 *
 * The programs of libc/ are compiled by gcc for this machine and by `nub cc` with the library that
 * the target nub-third-party builds. They must write the same bytes, end the same way, and use the
 * same gas on every backend. Mathematics are held to bounds instead, where a result need not be the
 * nearest number.
 */
#include "guest-run.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

#define SOURCES NUB_SOURCE_DIR "/tests/sdk/libc/"

struct program {
    const char *group, *source;
    const char *flags;          /* for both compilers */
    const char *input;          /* of libc/, or NULL */
    const char *native, *guest; /* argument, or NULL */
    guint64 status;             /* what the run hands over */
    guint exit;                 /* how the guest ends */
    gboolean musl;              /* the library needs its sources, too */
    void (*compare)(const char *native, const char *guest);
};

struct ending {
    const struct program *program;
    char *out, *err;
    guint64 gas; /* left, on the first backend */
    gboolean other;
};

/* how far from the native library's a result may be, in units of the last place: 0 unless it is
 * here */
static const struct {
    const char *name;
    guint double_, float_, quad;
} bounds[] = {
    { "acos", 1, 1, 1 },  { "asin", 1, 1, 1 },   { "atan", 1, 1, 1 },   { "atan2", 1, 1, 1 },
    { "cos", 1, 1, 1 },   { "sin", 1, 1, 1 },    { "tan", 1, 1, 1 },    { "cosh", 1, 1, 0 },
    { "sinh", 1, 1, 0 },  { "tanh", 1, 1, 0 },   { "acosh", 1, 1, 0 },  { "asinh", 1, 1, 0 },
    { "atanh", 1, 1, 0 }, { "exp", 1, 1, 0 },    { "exp2", 1, 1, 1 },   { "expm1", 1, 1, 0 },
    { "log", 1, 1, 0 },   { "log10", 1, 1, 0 },  { "log1p", 1, 1, 0 },  { "log2", 1, 1, 0 },
    { "pow", 1, 1, 0 },   { "hypot", 1, 1, 1 },  { "cbrt", 2, 2, 1 },   { "erf", 1, 1, 0 },
    { "erfc", 2, 5, 0 },  { "lgamma", 2, 2, 0 }, { "tgamma", 5, 3, 0 }, { "j0", 3, 1, 0 },
    { "j1", 2, 4, 0 },    { "fmax", 0, 0, 1 },   { "fmin", 0, 0, 1 }, /* of two zeros either */
};

static guint
bound_of(const char *line, char kind)
{
    gsize length = strcspn(line, " ") - (kind != 'd');

    for (gsize i = 0; i < G_N_ELEMENTS(bounds); i++)
        if (strlen(bounds[i].name) == length && strncmp(bounds[i].name, line, length) == 0)
            return kind == 'd'   ? bounds[i].double_
                   : kind == 'f' ? bounds[i].float_
                                 : bounds[i].quad;
    return 0;
}

__extension__ typedef unsigned __int128 uint128;

/* the number's place in order, zeros in the middle */
static uint128
place(const char *digits)
{
    gsize length = strspn(digits, "0123456789abcdef");
    uint128 bits = 0, sign = (uint128)1 << (4 * length - 1);

    for (gsize i = 0; i < length; i++)
        bits = bits << 4 | (unsigned)g_ascii_xdigit_value(digits[i]);
    return bits & sign ? sign - (bits & ~sign) : sign + bits;
}

/* lines "name argument argument: kind bits" */
static void
compare_numbers(const char *native, const char *guest)
{
    g_auto(GStrv) want = g_strsplit(native, "\n", -1), got = g_strsplit(guest, "\n", -1);

    g_assert_cmpuint(g_strv_length(got), ==, g_strv_length(want));
    for (guint i = 0; want[i] && *want[i]; i++) {
        const char *w = strchr(want[i], ':') + 2, *g = strchr(got[i], ':') + 2;
        g_assert_true(strncmp(want[i], got[i], (gsize)(w - want[i])) == 0);
        if (strcmp(w, g) == 0)
            continue;
        uint128 a = place(w + 2), b = place(g + 2), distance = a > b ? a - b : b - a;
        guint bound = bound_of(want[i], *w);
        if (bound == 0 || distance > bound)
            g_error("native: %s\nguest: %s", want[i], got[i]);
    }
}

static void
run_native(const struct program *program, const char *source, struct ending *ending)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *binary = NULL;
    int status, file = g_file_open_tmp("nub-test-XXXXXX", &binary, &error);

    g_assert_no_error(error);
    g_close(file, NULL);
    g_autofree char *build = g_strdup_printf(
        "gcc -O1 -w -ffp-contract=off %s -o %s %s -lquadmath -lm", program->flags, binary, source);
    g_spawn_command_line_sync(build, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    /* a shell for the redirection; no core files */
    g_autofree char *command =
        g_strdup_printf("sh -c \"ulimit -c 0; exec env TZ=UTC LC_ALL=C %s %s <%s%s\"", binary,
                        program->native ? program->native : "", program->input ? SOURCES : "",
                        program->input ? program->input : "/dev/null");
    g_spawn_command_line_sync(command, &ending->out, &ending->err, &status, &error);
    g_assert_no_error(error);
    if (program->exit == NUB_EXIT_HALT)
        g_assert_true(WIFEXITED(status) && (guint64)WEXITSTATUS(status) == program->status);
    else
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    g_unlink(binary);
}

static void
run_guest(const LinkProgram *machine, const char *backend, gpointer data)
{
    struct ending *ending = data;
    const struct program *program = ending->program;
    g_autofree char *input = g_strconcat(program->input ? SOURCES : "",
                                         program->input ? program->input : "/dev/null", NULL);
    g_autoptr(GBytes) arguments =
        program->guest ? g_bytes_new_static(program->guest, strlen(program->guest) + 1) : NULL;
    g_autoptr(GuestRun) run = guest_run(machine, input, arguments);

    g_assert_cmpuint(run->result.exit_reason, ==, program->exit);
    if (program->exit == NUB_EXIT_HALT)
        g_assert_cmpuint(run->result.return_value, ==, program->status);
    if (program->compare) {
        program->compare(ending->out, run->out);
    } else {
        g_assert_cmpstr(run->out, ==, ending->out);
        if (program->exit == NUB_EXIT_HALT) /* how an assertion is worded is up to the library */
            g_assert_cmpstr(run->err, ==, ending->err);
    }
    if (!ending->other)
        ending->gas = run->result.gas_remaining;
    g_assert_cmpuint(run->result.gas_remaining, ==, ending->gas);
    ending->other = TRUE;
    g_test_message("on %s: %" G_GUINT64_FORMAT " gas", backend, 1000000000000 - ending->gas);
}

static GBytes *
compile(const char *source, const char *flags, const char *libc)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = g_strsplit(flags, " ", -1);
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    const char *const inputs[] = { source, libc, NULL };
    g_autofree char *sysroot = g_path_get_dirname(libc),
                    *include = g_build_filename(sysroot, "../include", NULL);
    const char *const ours[] = { "-O1", "-w", "-fhosted", "-isystem", include };

    for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
        g_ptr_array_add(all, (gpointer)ours[i]);
    for (guint i = 0; words[i]; i++)
        g_ptr_array_add(all, words[i]);
    g_ptr_array_add(all, NULL);
    NubCcOptions options = { .inputs = inputs, .flags = (const char *const *)all->pdata };
    GBytes *elf = nub_cc_build(&options, &error);
    g_assert_no_error(error);
    return elf;
}

static void
test_program(gconstpointer data)
{
    const struct program *program = data;
    g_autofree char *libc =
        link_test_has_tools() ? guest_file("sysroot/lib/libc.a", "newlib") : NULL;
    g_autofree char *musl = libc && program->musl ? guest_sources("musl") : NULL;

    if (!libc || (program->musl && !musl))
        return;
    g_autofree char *source = g_strconcat(SOURCES, program->source, ".c", NULL);
    struct ending ending = { .program = program };
    run_native(program, source, &ending);
    g_autoptr(GBytes) elf = compile(source, program->flags, libc);
    guest_each_backend(elf, run_guest, &ending);
    g_assert_true(ending.other);
    g_free(ending.out);
    g_free(ending.err);
}

int
main(int argc, char **argv)
{
    /* without builtins, which a compiler answers itself; setjmp must be one */
    static const char library[] = "-fno-builtin", builtins[] = "-O1";
    static const struct program programs[] = {
        { "standard", "text", library },
        { "standard", "library", library },
        /* the heap of a program that says nothing of it */
        { "standard", "memory", library, .guest = "1048576" },
        { "standard", "streams", library, .input = "streams.input" },
        { "standard", "quad-text", library },
        { "standard", "control", builtins, NULL, "return", "return", .status = 3 },
        { "standard", "control", builtins, NULL, "exit", "exit", .status = 7 },
        { "standard", "control", builtins, NULL, "_Exit", "_Exit", .status = 9 },
        { "standard", "control", builtins, NULL, "abort", "abort", .exit = NUB_EXIT_TRAP },
        { "standard", "control", builtins, NULL, "assert", "assert", .exit = NUB_EXIT_TRAP },
        { "mathematics", "mathematics", library, .musl = TRUE, .compare = compare_numbers },
        { "mathematics", "quad-mathematics", library, .musl = TRUE, .compare = compare_numbers },
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        const struct program *p = &programs[i];
        g_autofree char *path = g_strdup_printf("/sdk/libc/%s/%s%s%s", p->group, p->source,
                                                p->native ? "-" : "", p->native ? p->native : "");
        g_test_add_data_func(path, p, test_program);
    }
    return guest_test_run();
}
