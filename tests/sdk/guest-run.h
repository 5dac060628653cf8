/* guest-run.h - programs on the C library, run with streams and arguments */
#ifndef NUB_TESTS_GUEST_RUN_H
#define NUB_TESTS_GUEST_RUN_H

#include "link-test.h"

/** How a run ended, and what it wrote. */
typedef struct {
    NubResult result;
    char *out, *err;
    gsize out_size;
} GuestRun;

/** A file that nub-third-party builds, or fetches, from this package and newlib; if it is not there, NULL, and the
 *  running test is skipped with the reason. */
char *guest_file(const char *name, const char *package);
/** The same of a directory with a package's sources. */
char *guest_sources(const char *package);
/** In place of g_test_run(): 77, which CTest calls skipped, if no test found what it needs. */
int guest_test_run(void);
/** Runs endpoint 0 with the file `input` as stdin; `arguments` are words, each with its NUL, or NULL. */
GuestRun *guest_run(const LinkProgram *program, const char *input, GBytes *arguments);
void guest_run_free(GuestRun *run);

/** Called for each backend that opens, with the program on it. */
typedef void (*GuestEach)(const LinkProgram *program, const char *backend, gpointer data);
void guest_each_backend(GBytes *elf, GuestEach each, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestRun, guest_run_free)

#endif
