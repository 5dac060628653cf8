/* control.c - setjmp and longjmp, signals, and the ways a program can end: argv[1] says which
 */
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include "common.h"

static jmp_buf outer, inner;
static volatile int depth;

static void
descend(int n)
{
    volatile char room[100]; /* frames that are left behind */

    room[0] = (char)n;
    depth++;
    if (n == 0)
        longjmp(outer, 42 + room[0]);
    descend(n - 1);
    room[1] = room[0];
}

/* the registers that a callee saves come back; what is volatile keeps its last value */
static void
jumps(void)
{
    volatile int tries = 0;
    int result = setjmp(outer);

    if (result == 0)
        descend(50);
    printf("jumped: %d at depth %d\n", result, depth);
    result = setjmp(inner);
    tries++;
    if (tries < 5)
        longjmp(inner, tries);
    printf("%d tries, %d\n", tries, result);
    if (setjmp(inner) == 0)
        longjmp(inner, 0);
    else
        puts("0 becomes 1");
}

static void
on_signal(int number)
{
    printf("signal %s\n", number == SIGUSR1 ? "SIGUSR1" : "?");
}

static void
say_first(void)
{
    puts("registered first, called last");
}

static void
say_second(void)
{
    puts("registered second");
}

int
main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "return";

    jumps();
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    atexit(say_first);
    atexit(say_second);
    printf("%d words, %s", argc, how); /* no newline: an exit flushes it */
    if (strcmp(how, "exit") == 0)
        exit(7);
    if (strcmp(how, "_Exit") == 0) {
        fflush(stdout);
        _Exit(9);
    }
    if (strcmp(how, "abort") == 0) {
        fflush(stdout);
        abort();
    }
    if (strcmp(how, "assert") == 0) {
        fflush(stdout);
        assert(argc == 0);
    }
    return 3;
}
