/* native.c - a kernel as a native program: `NAME TIMES SEED` prints the result and the nanoseconds
 * that one repetition took, the best of seven runs */
#define NUB_TEXT_(x) #x
#define NUB_TEXT(x)  NUB_TEXT_(x)
#include NUB_TEXT(KERNEL)

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int
main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    uint64_t times = strtoull(argv[1], NULL, 0), result = 0;
    double best = 1e300;

    for (int i = 0; i < 7; i++) {
        double start = now();
        result = run(times, strtoull(argv[2], NULL, 0));
        double took = now() - start;
        best = took < best ? took : best;
    }
    printf("%llu %.1f\n", (unsigned long long)result, best / (double)(times ? times : 1));
    return 0;
}
