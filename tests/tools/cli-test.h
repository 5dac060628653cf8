/* cli-test.h - running the built `nub` from a test */
#ifndef NUB_TESTS_CLI_TEST_H
#define NUB_TESTS_CLI_TEST_H

#include <json-glib/json-glib.h>
#include <nub/nub.h>

/** What a run of the command left. */
typedef struct {
    int code; /* exit code; -1: killed by a signal */
    char *out, *err;
} NubRan;

/** Runs `nub` with the arguments of a command line, split as a shell would, in the test's folder. */
NubRan *nub_ran(const char *command_line, ...) G_GNUC_PRINTF(1, 2);
/** The same with a terminal for stderr; `err` is everything that was drawn there. */
NubRan *nub_ran_on_terminal(const char *command_line, ...) G_GNUC_PRINTF(1, 2);
void nub_ran_free(NubRan *ran);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubRan, nub_ran_free)

/** Fails with both streams in the message unless the exit code is `code`. */
void nub_assert_code(const NubRan *ran, int code);
/** Fails unless stderr holds `text`. */
void nub_assert_err(const NubRan *ran, const char *text);
void nub_assert_out(const NubRan *ran, const char *text);
/** The JSON that was printed. */
JsonNode *nub_ran_json(const NubRan *ran);

/** A folder of this test's own; the command runs in it. Removed by nub_test_folder_remove(). */
const char *nub_test_folder(void);
void nub_test_folder_remove(void);
/** Writes a file there. */
void nub_test_write(const char *name, const void *data, gssize size);

/** A bundle in the folder: `code` with its mask, endpoint 0 at pc 0. Returns the root's hash. */
void nub_test_bundle(const char *name, const guint8 *code, gsize size, const guint8 *mask, NubHash *root);

#endif
