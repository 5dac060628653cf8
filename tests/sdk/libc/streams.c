/* streams.c - stdin, stdout and stderr: by characters, lines, blocks and words, and their ends */
#include <errno.h>
#include <stdlib.h>
#include "common.h"

/* the test's input: two lines, words, a line without end, then bytes of every kind */
int
main(void)
{
    char line[64], word[16], big[4096];
    int number, c, pushed;
    size_t size;
    uint64_t hash = 0xcbf29ce484222325;

    printf("%s", fgets(line, sizeof line, stdin));
    printf("%s|", fgets(line, 5, stdin));
    c = getchar();
    pushed = ungetc(c, stdin);
    printf("%d %d", c == pushed, getc(stdin) == c);
    printf("%s", fgets(line, sizeof line, stdin));
    printf("%d", scanf("%d %15s", &number, word));
    printf(" %d %s\n", number, word);
    c = getchar();
    printf("%d\n", c);
    size = fread(big, 1, 1000, stdin);
    mix(&hash, big, size);
    printf("%zu ", size);
    while ((size = fread(big, 3, sizeof big / 3, stdin)) > 0)
        mix(&hash, big, size * 3);
    printf("%016llx %d %d\n", (unsigned long long)hash, feof(stdin) != 0, ferror(stdin));
    printf("%d %d\n", getchar() == EOF, fgets(line, sizeof line, stdin) == NULL);
    clearerr(stdin);
    printf("%d\n", feof(stdin));

    fputs("to stderr, unbuffered\n", stderr);
    fprintf(stderr, "%s %d\n", "formatted", 5);
    setvbuf(stdout, NULL, _IOFBF, 300);
    for (int i = 0; i < 100; i++)
        printf("%d%c", i, i % 10 == 9 ? '\n' : ' ');
    for (int i = 0; i < 256; i++)
        putchar(i);
    memset(big, 'x', sizeof big);
    printf("%zu", fwrite(big, 2, sizeof big / 2, stdout));
    puts("");
    fflush(NULL);
    errno = 0;
    printf("%d %d\n", fopen("/no/such/file", "r") == NULL, errno == ENOENT);
    perror("perror");
    return fflush(stdout) == 0 ? 0 : 1;
}
