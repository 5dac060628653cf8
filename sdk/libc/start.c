/* start.c - how `main` of a program with the C library is entered
 *
 * Takes the place of rt/crt0.c: constructors, then main with the host's argument words as argv[1]
 * and on (argv[0] is empty: a program has no name here), then exit, which flushes the streams.
 * Other endpoints are entered directly.
 */
#include <nub-host.h>
#include <stdlib.h>
#include <string.h>

__attribute__((weak)) extern int main(int argc, char **argv);
__attribute__((weak)) extern void (*const __init_array_start[])(void);
__attribute__((weak)) extern void (*const __init_array_end[])(void);

void _start(void);

/* the words stand one after the other, each with its NUL */
static int
split(char *words, size_t size, char **argv)
{
    int argc = 0;

    for (size_t at = 0; at < size; at += strlen(words + at) + 1)
        argv[argc++] = words + at;
    return argc;
}

static char **
arguments(int *argc)
{
    int64_t size = nub_host_arguments(0, 0);
    char *words = calloc(1, (size_t)(size < 0 ? 0 : size) + 1);

    if (!words)
        nub_trap();
    if (size > 0)
        nub_host_arguments(words, (size_t)size);
    char **argv = calloc((size_t)(size < 0 ? 0 : size) + 2, sizeof *argv);
    if (!argv)
        nub_trap();
    argv[0] = words + (size < 0 ? 0 : size); /* the NUL behind them */
    *argc = 1 + (size > 0 ? split(words, (size_t)size, argv + 1) : 0);
    return argv;
}

void
_start(void)
{
    int argc;

    for (void (*const *f)(void) = __init_array_start; f != __init_array_end; f++)
        (*f)();
    char **argv = arguments(&argc);
    exit(main(argc, argv));
}
