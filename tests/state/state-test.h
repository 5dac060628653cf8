/* state-test.h - example programs on kernels of this build tree, for tests about state */
#ifndef NUB_STATE_TEST_H
#define NUB_STATE_TEST_H

#include <nub/nub.h>

#define STATE_GAS G_GUINT64_CONSTANT(100000000000)

/** A configuration with these backends (YAML flow entries), perhaps with a store in @store_dir. */
NubRegistry *state_registry(const char *backends, const char *store_dir);
/** A kernel of its own on the module nub-NAME. NULL: it does not open here, and the running test has been marked as skipped (or, with NUB_REQUIRE_KVM=1, has failed). */
NubKernel *state_open(const char *backend);

/** An example program, compiled and linked. */
typedef struct {
    NubBundle *bundle;
    char **endpoints;
} StateProgram;

/** Builds examples/NAME.c, once in a process; it belongs to the library. NULL: no compiler here, the test has been marked as skipped. */
const StateProgram *state_program(const char *name);
guint32 state_endpoint(const StateProgram *program, const char *name);
/** Publishes it; the hash of the Instance. */
NubHash state_publish(NubKernel *kernel, const StateProgram *program);
/** Publishes a program of so many bytes, entered at 0, with zeroed pages from @start. */
NubHash state_publish_code(NubKernel *kernel, const guint8 *code, gsize size, const guint8 *bitmask, guint64 start, guint64 bytes);

/** Forks this program as "ARGV0 --child WORD..."; its standard output is a pipe. */
GSubprocess *state_child(const char *word, const char *other);
void state_remove_folder(const char *folder);

/** How often something is done: `usual` in CTest, `soak` where the test was started with --soak. */
guint state_times(guint usual, guint soak);
/** Called first in main: takes --soak away; whether it was there. */
void state_init(int *argc, char ***argv);

#define state_assert_hash(a, b) \
    do { \
        g_autofree char *state_a_ = nub_hash_to_string(a); \
        g_autofree char *state_b_ = nub_hash_to_string(b); \
        g_assert_cmpstr(state_a_, ==, state_b_); \
    } while (0)

#endif
