/* test-gdb.c - nub debug, as a stock gdb-multiarch sees it: breakpoints, steps, registers, memory
 *
 * Without gdb-multiarch, clang-19 or ld.lld-19 the tests are skipped and say so.
 */
#include "cli-test.h"

#include <stdbool.h>
#include <string.h>

#define SOURCE NUB_SOURCE_DIR "/tests/tools/debug/program.c"

static bool
has_tools(void)
{
    static const char *const tools[] = { "gdb-multiarch", "clang-19", "ld.lld-19" };

    for (guint i = 0; i < G_N_ELEMENTS(tools); i++) {
        g_autofree char *path = g_find_program_in_path(tools[i]);
        if (!path) {
            g_autofree char *why = g_strdup_printf("%s is not installed", tools[i]);
            g_test_skip(why);
            return false;
        }
    }
    return true;
}

/* `nub debug` in the background and a gdb with `commands`, one a line; what gdb printed */
static char *
debug_with(const char *options, const char *commands)
{
    g_autofree char *quoted = g_shell_quote(SOURCE);
    g_autoptr(NubRan) cc = nub_ran("cc %s -o t.nub", quoted);
    nub_assert_code(cc, 0);
    nub_test_write("commands", commands, -1);
    g_autofree char *script = g_strdup_printf(
        "unset NUB_CONFIG NUB_PLUGIN_PATH NUB_BACKENDS_SELECT NUB_BACKENDS_DISABLE\n"
        "export XDG_CONFIG_HOME=. LC_ALL=C.UTF-8\n"
        "timeout -s KILL 50 '%s' debug t.nub %s >announced & server=$!\n"
        "for i in $(seq 1000); do grep -q gdb-multiarch announced && break; sleep 0.02; done\n"
        "eval \"timeout -s KILL 40 $(grep gdb-multiarch announced | sed 's, -ex, -nx -batch -ex,')"
        " -x commands\" 2>&1 </dev/null\n"
        "wait $server; echo server $?\n",
        NUB_COMMAND, options);
    nub_test_write("script", script, -1);
    const char *const argv[] = { "sh", "script", NULL };
    char *out = NULL;
    g_autoptr(GError) error = NULL;
    g_spawn_sync(nub_test_folder(), (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
                 NULL, NULL, &error);
    g_assert_no_error(error);
    g_test_message("%s", out);
    return out;
}

/* every text, in this order */
static void
assert_order(const char *out, const char *const *texts)
{
    const char *at = out;

    for (; *texts; texts++) {
        const char *found = strstr(at, *texts);
        if (!found)
            g_test_message("'%s' does not come after what was there before", *texts);
        g_assert_nonnull(found);
        at = found + strlen(*texts);
    }
}

static void
test_breakpoints_and_steps(void)
{
    static const char commands[] =
        "break square\nbreak program.c:26\ncontinue\n"
        "printf \"x is %d\\n\", $a0\nbacktrace\n"
        "set $before = $pc\nstepi\nprintf \"moved %d\\n\", $pc > $before\n"
        "step\nfinish\ndelete 1\ncontinue\nprintf \"s is %d\\n\", $a0\n"
        "set $a0 = 1000\ncontinue\n";
    static const char *const expected[] = {
        "start () at ",
        "Breakpoint 1 at 0x1",
        "Breakpoint 2 at 0x1",
        "Breakpoint 1, square () at ",
        "x is 1",
        "#0  square () at ",
        "in sum () at ",
        "in start () at ",
        "moved 1",
        "return x * x;",
        "sum () at ",
        "Breakpoint 2, start () at ",
        "program.c:26",
        "s is 55",
        "nub: halt, value 1022 ",
        "exited normally]",
        "server 0",
        NULL,
    };

    if (!has_tools())
        return;
    g_autofree char *out = debug_with("--endpoint start --arg 5", commands);
    assert_order(out, expected);
    nub_test_folder_remove();
}

static void
test_registers_and_memory(void)
{
    static const char commands[] =
        "printf \"arguments %d %d %d %d\\n\", $a0, $a1, $a2, $a3\nprintf \"ra %lx\\n\", $ra\n"
        "printf \"others %d %d %d\\n\", $gp, $s11, $t6\nset $a5 = 77\nprintf \"a5 %d\\n\", $a5\n"
        "set var *(long *)($sp - 16) = 0x1122334455667788\nx/2gx $sp - 16\n"
        "printf \"pc %lx\\n\", $pc\nx/1bx 0\n"; /* an error ends it */
    static const char *const expected[] = {
        "arguments 5 -1 0 0",
        "ra ffff0000",
        "others 0 0 0",
        "a5 77",
        "0x1122334455667788",
        "pc 100000000",
        "Cannot access memory at address 0x0",
        "server 0",
        NULL,
    };

    if (!has_tools())
        return;
    g_autofree char *out = debug_with("--listen 0 --endpoint start --arg 5 --arg -1", commands);
    assert_order(out, expected);
    nub_test_folder_remove();
}

static void
test_input(void)
{
    static const char commands[] = "printf \"input at %lx, %d bytes\\n\", $a0, $a1\n"
                                   "x/4xb $a0\nkill\n";
    static const char *const expected[] = { "input at feff0000, 3 bytes", "0x78\t0x79\t0x7a\t0x00",
                                            "server 0", NULL };

    if (!has_tools())
        return;
    nub_test_write("in", "xyz", 3);
    g_autofree char *out = debug_with("--endpoint start --input in", commands);
    assert_order(out, expected);
    nub_test_folder_remove();
}

static void
test_interrupt(void)
{
    static const char commands[] = "python\nimport gdb, os, signal, threading, time\n"
                                   "threading.Timer(0.5, lambda: os.kill(os.getpid(), "
                                   "signal.SIGINT)).start()\nend\ncontinue\n"
                                   "printf \"stands\\n\"\nkill\n";
    static const char *const expected[] = { "Program received signal SIGINT", "spin () at ",
                                            "stands", "server 0", NULL };

    if (!has_tools())
        return;
    g_autofree char *out = debug_with("--endpoint spin", commands);
    assert_order(out, expected);
    nub_test_folder_remove();
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tools/debug/stops-at-functions-and-lines-and-steps",
                    test_breakpoints_and_steps);
    g_test_add_func("/tools/debug/shows-and-changes-registers-and-memory",
                    test_registers_and_memory);
    g_test_add_func("/tools/debug/input-is-laid", test_input);
    g_test_add_func("/tools/debug/is-interrupted", test_interrupt);
    return g_test_run();
}
