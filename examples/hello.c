/* hello.c - the smallest program that talks to its host
 *
 *     nub cc examples/hello.c -o hello.nub && nub run hello.nub reader
 */
#include <nub-host.h>

static void
say(const char *text, size_t size)
{
    nub_host_write(1, text, size);
}

int
main(void)
{
    char name[64];
    int64_t size = nub_host_arguments(name, sizeof name);

    say("hello, ", 7);
    if (size > 1)
        say(name, (size_t)(size < (int64_t)sizeof name ? size : (int64_t)sizeof name) - 1);
    else
        say("world", 5);
    say("\n", 1);
    return 0;
}
