/* test-trace.c - nub trace: the same lines from every backend, and what differs from a faulty one
 *
 * The program is small enough that every line is known: a loop that stores what it counts, and a
 * host call at the end.
 */
#include "cli-test.h"

#include <string.h>
#include <unistd.h>

#define HEAD                                                                                       \
    "nub-trace 1\n"                                                                                \
    "instance 47b1dc7b3cb2f466cf526fe7c572bc88c93e6653450b16b67e37f1dd52ffcac3\n"

static const char program[] = ".image count\n"
                              "    .map 0x10000, 4KiB\n"
                              "    .endpoint main, ra=0xffff0000\n"
                              "main:\n"
                              "    load_imm t0, 0x10ffe\n"
                              "    fallthrough\n"
                              "loop:\n"
                              "    store_ind_u16 a0, [t0]\n"
                              "    store_ind_u8 a0, [t0 - 6]\n"
                              "    add_imm_64 a0, a0, -1\n"
                              "    branch_ne_imm a0, 0, loop\n"
                              "    ecalli 9\n"
                              ".instance it, count\n";

/* The second store runs into a page that is not there. */
static const char faulting[] = ".image faulting\n"
                               "    .map 0x10000, 4KiB\n"
                               "    .endpoint main, ra=0xffff0000\n"
                               "main:\n"
                               "    load_imm t0, 0x10fff\n"
                               "    store_ind_u8 a0, [t0]\n"
                               "    store_ind_u16 a0, [t0]\n"
                               "    jump_ind ra, 0\n"
                               ".instance it, faulting\n";

static void
write_files(void)
{
    g_autofree char *config = g_strdup_printf("version: 1\nplugin-path: [ %s, %s/modules ]\n"
                                              "backends:\n"
                                              "  - { name: local, module: nub-local }\n"
                                              "  - { name: jit, module: nub-jit }\n"
                                              "  - { name: kvm, module: nub-kvm }\n"
                                              "  - { name: register, module: faulty-register }\n"
                                              "  - { name: memory, module: faulty-memory }\n",
                                              NUB_TEST_MODULE_DIR, NUB_BUILD_DIR);
    static const char *const names[] = { "count", "faulting" };

    nub_test_write("config.yaml", config, -1);
    nub_test_write("count.s", program, -1);
    nub_test_write("faulting.s", faulting, -1);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(NubRan) ran = nub_ran("asm %s.s", names[i]);
        nub_assert_code(ran, 0);
    }
}

/* Traces into the file `name`. */
static void
trace_to(const char *name, const char *backend, const char *arguments)
{
    g_autoptr(NubRan) ran = nub_ran("trace --config config.yaml -b %s %s", backend, arguments);

    nub_assert_code(ran, 1); /* neither program halts */
    g_assert_cmpstr(ran->err, ==, "");
    nub_test_write(name, ran->out, -1);
}

static void
test_each_line_is_known(void)
{
    static const struct {
        const char *arguments, *out;
    } rows[] = {
        { "count.nub -a 0x202 -g 50 -m pipeline",
          HEAD "call endpoint=0 arg0=0x202 arg1=0x0 arg2=0x0 arg3=0x0 gas=50\n"
               "model pipeline mem-cycles=25 by=block\n"
               "start @0 ra=0xffff0000 a0=0x202\n"
               "@0 gas=49 t0=0x10ffe\n"
               "@6 gas=27 a0=0x201 u16[0x10ffe]=0x202 u8[0x10ff8]=0x2\n"
               "@6 gas=5 a0=0x200 u16[0x10ffe]=0x201 u8[0x10ff8]=0x1\n"
               "exit out-of-gas arg=0x0 pc=6 gas=5\n" },
        { "count.nub -a 1 -g 300 --step -m pipeline",
          HEAD "call endpoint=0 arg0=0x1 arg1=0x0 arg2=0x0 arg3=0x0 gas=300\n"
               "model pipeline mem-cycles=25 by=instruction\n"
               "start @0 ra=0xffff0000 a0=0x1\n"
               "@0 gas=299 t0=0x10ffe ; load_imm t0, 0x10ffe\n"
               "@5 gas=299 ; fallthrough\n"
               "@6 gas=277 u16[0x10ffe]=0x1 ; store_ind_u16 a0, [t0]\n"
               "@8 gas=277 u8[0x10ff8]=0x1 ; store_ind_u8 a0, [t0 - 6]\n"
               "@11 gas=277 a0=0x0 ; add_imm_64 a0, a0, -1\n"
               "@14 gas=277 ; branch_ne_imm a0, 0, 6\n"
               "@17 gas=180 ; ecalli 9\n"
               "exit host-call arg=0x9 pc=19 gas=180\n" },
        { "count.nub -a 1 -g 4 -m instruction",
          HEAD "call endpoint=0 arg0=0x1 arg1=0x0 arg2=0x0 arg3=0x0 gas=4\n"
               "model instruction mem-cycles=25 by=block\n"
               "start @0 ra=0xffff0000 a0=0x1\n"
               "@0 gas=2 t0=0x10ffe\n"
               "@6 gas=0 u16[0x10ffe]=0x1 u8[0x10ff8]=0x1\n"
               "exit out-of-gas arg=0x0 pc=11 gas=0\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran =
            nub_ran("trace --config config.yaml -b local %s", rows[i].arguments);
        nub_assert_code(ran, 1);
        g_assert_cmpstr(ran->out, ==, rows[i].out);
        g_assert_cmpstr(ran->err, ==, "");
    }
}

/* Where control ends and what is left of the gas, as `nub run` has it from the backend itself. */
static void
test_gas_is_what_a_run_leaves(void)
{
    static const char *const models[] = { "pipeline", "polkavm", "instruction" };

    for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autoptr(NubRan) trace =
            nub_ran("trace --config config.yaml -b local count.nub -a 9 -g 5000 -m %s", models[i]);
        g_autoptr(NubRan) run =
            nub_ran("run --config config.yaml -b local count.nub -a 9 -g 5000 --host none -m %s",
                    models[i]);
        const char *left = strstr(trace->out, "exit host-call arg=0x9 pc=19 gas=");
        g_assert_nonnull(left);
        g_autofree char *number =
            g_strndup(strrchr(left, '=') + 1, strspn(strrchr(left, '=') + 1, "0123456789"));
        g_autofree char *said = g_strdup_printf(" used, %s left", number);
        nub_assert_out(run, said);
    }
}

static void
test_a_fault_leaves_no_write_behind(void)
{
    g_autoptr(NubRan) ran =
        nub_ran("trace --config config.yaml -b local faulting.nub -a 7 -g 100 -m pipeline");

    nub_assert_code(ran, 1);
    nub_assert_out(ran, "\n@0 gas=77 t0=0x10fff u8[0x10fff]=0x7\n"
                        "exit page-fault arg=0x11000 pc=7 gas=77\n");
}

/* The one gives the second byte of its input, the other leaves no room for any. */
static const char reading[] = ".image reading\n"
                              "    .map 0x10000, 4KiB\n"
                              "    .endpoint main, ra=0xffff0000\n"
                              "main:\n"
                              "    load_ind_u8 a0, [a0 + 1]\n"
                              "    jump_ind ra, 0\n"
                              ".instance it, reading\n";
static const char full[] = ".image full\n"
                           "    .map 0xff000000, 4KiB\n"
                           "    .endpoint main, ra=0xffff0000\n"
                           "main:\n"
                           "    jump_ind ra, 0\n"
                           ".instance it, full\n";

static void
test_input_is_what_a_run_finds(void)
{
    nub_test_write("in", "abc", 3);
    nub_test_write("none", "", 0);
    nub_test_write("reading.s", reading, -1);
    nub_test_write("full.s", full, -1);
    g_autoptr(NubRan) one = nub_ran("asm reading.s");
    g_autoptr(NubRan) two = nub_ran("asm full.s");
    nub_assert_code(one, 0);
    nub_assert_code(two, 0);
    g_autoptr(NubRan) ran = nub_ran("trace --config config.yaml -b local reading.nub -i in -g 99");
    nub_assert_code(ran, 0);
    nub_assert_out(ran, "start @0 ra=0xffff0000 a0=0xfeff0000 a1=0x3\n"
                        "@0 gas=77 a0=0x62\n"
                        "exit halt");
    g_autoptr(NubRan) empty =
        nub_ran("trace --config config.yaml -b local reading.nub -i none -g 99");
    nub_assert_out(empty, "start @0 ra=0xffff0000 a0=0xfeff0000\n");
    nub_assert_out(empty, "exit page-fault arg=0xfeff0000");
    g_autoptr(NubRan) refused = nub_ran("trace --config config.yaml -b local full.nub -i in");
    nub_assert_code(refused, 3);
    nub_assert_err(refused, "the instance has pages in the input zone");
}

/* `backend`, a module of this build, gives what local gives. */
static void
test_every_backend_gives_the_same(gconstpointer backend)
{
    static const char *const calls[] = { "count.nub -a 300 -g 9000", "count.nub -a 300 --step",
                                         "count.nub -a 30 -m polkavm", "faulting.nub --step" };

    if (strcmp(backend, "kvm") == 0 && access("/dev/kvm", R_OK | W_OK) != 0) {
        g_test_skip("/dev/kvm cannot be opened");
        return;
    }
    for (guint i = 0; i < G_N_ELEMENTS(calls); i++) {
        trace_to("a.trace", "local", calls[i]);
        trace_to("b.trace", backend, calls[i]);
        g_autoptr(NubRan) ran = nub_ran("trace --diff a.trace b.trace");
        nub_assert_code(ran, 0);
        g_assert_cmpstr(ran->out, ==, "equal\n");
    }
}

static void
test_diff_names_what_is_wrong(void)
{
    static const struct {
        const char *backend, *line, *a, *b;
    } rows[] = {
        { "register", "line 5 differs: a5\n", "start @0 ra=0xffff0000 a0=0x2\n",
          "start @0 ra=0xffff0000 a0=0x2 a5=0x8000000000000000\n" },
        { "memory", "line 7 differs: u16[0x10ffe], u8[0x10ff8]\n",
          "@6 gas=277 a0=0x1 u16[0x10ffe]=0x2 u8[0x10ff8]=0x2\n",
          "@6 gas=277 a0=0x1 u16[0x10ffe]=0x3 u8[0x10ff8]=0x3\n" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        trace_to("a.trace", "local", "count.nub -a 2 -g 300 -m pipeline");
        trace_to("b.trace", rows[i].backend, "count.nub -a 2 -g 300 -m pipeline");
        g_autoptr(NubRan) ran = nub_ran("trace --diff a.trace b.trace");
        nub_assert_code(ran, 1);
        nub_assert_out(ran, rows[i].line);
        nub_assert_out(ran, rows[i].a);
        nub_assert_out(ran, rows[i].b);
    }
}

static void
test_diff_of_lines(void)
{
    static const struct {
        const char *a, *b, *out;
        int code;
    } rows[] = {
        { "nub-trace 1\n@1 a0=0x1\n", "nub-trace 1\n@1 a0=0x1\n", "equal\n", 0 },
        { "nub-trace 1\n@1 a0=0x1\n", "nub-trace 1\n@2 a0=0x1\n",
          "line 2 differs: where control went\n", 1 },
        { "nub-trace 1\n@1 a0=0x1\n", "nub-trace 1\n@1 a1=0x1\n", "line 2 differs: a0, a1\n", 1 },
        { "nub-trace 1\n@1 gas=4", "nub-trace 1", "    (the trace ends)\n", 1 },
        { "nub-trace 1\n@1 u8[0x1]=0x1 u8[0x2]=0x1", "nub-trace 1\n@1 u8[0x2]=0x1 u8[0x1]=0x1",
          "line 2 differs: the order of writes\n", 1 },
        { "nub-trace 1\n", "nub-trace 2\n", "", 3 },
        { "", "nub-trace 1\n", "", 3 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        nub_test_write("a.trace", rows[i].a, -1);
        nub_test_write("b.trace", rows[i].b, -1);
        g_autoptr(NubRan) ran = nub_ran("trace --diff a.trace b.trace");
        nub_assert_code(ran, rows[i].code);
        nub_assert_out(ran, rows[i].out);
        if (rows[i].code == 3)
            nub_assert_err(ran, "not a trace");
    }
}

static void
test_wrong_command_lines(void)
{
    static const struct {
        const char *line, *err;
        int code;
    } rows[] = {
        { "trace --diff count.nub", "two traces are wanted", 2 },
        { "trace count.nub count.nub", "one bundle at a time", 2 },
        { "trace count.nub --gas-model none", "none of pipeline", 2 },
        { "trace --config config.yaml -b local count.nub -e 5", "endpoint", 3 },
        { "trace --config config.yaml -b absent count.nub", "absent", 3 },
        { "trace absent.nub", "absent.nub", 3 },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(NubRan) ran = nub_ran("%s", rows[i].line);
        nub_assert_code(ran, rows[i].code);
        nub_assert_err(ran, rows[i].err);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    write_files();
    g_test_add_func("/tools/trace/input-is-what-a-run-finds", test_input_is_what_a_run_finds);
    g_test_add_func("/tools/trace/each-line-is-known", test_each_line_is_known);
    g_test_add_func("/tools/trace/gas-is-what-a-run-leaves", test_gas_is_what_a_run_leaves);
    g_test_add_func("/tools/trace/a-fault-leaves-no-write-behind",
                    test_a_fault_leaves_no_write_behind);
#ifdef NUB_TEST_JIT
    g_test_add_data_func("/tools/trace/jit-gives-the-same", "jit",
                         test_every_backend_gives_the_same);
#endif
#ifdef NUB_TEST_KVM
    g_test_add_data_func("/tools/trace/kvm-gives-the-same", "kvm",
                         test_every_backend_gives_the_same);
#endif
    g_test_add_func("/tools/trace/diff-names-what-is-wrong", test_diff_names_what_is_wrong);
    g_test_add_func("/tools/trace/diff-of-lines", test_diff_of_lines);
    g_test_add_func("/tools/trace/wrong-command-lines", test_wrong_command_lines);
    int status = g_test_run();
    nub_test_folder_remove();
    return status;
}
