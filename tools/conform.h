/* conform.h - what the parts of `nub conform` share
 *
 * A case is one vector file or one rule of docs/plugin-abi.md. Cases run in a worker process, so
 * that a module that crashes or hangs fails a case and not the tool (conform-worker.c).
 */
#ifndef NUB_TOOLS_CONFORM_H
#define NUB_TOOLS_CONFORM_H

#include "conform-vectors.h"

#include <nub/nub.h>

enum nub_verdict { NUB_PASSED, NUB_FAILED, NUB_SKIPPED };

/** The backend under test. */
struct nub_conform_target {
    NubRegistry *registry;
    const char *backend;
    const char *module; /* the file that was loaded */
};

struct nub_conform_case {
    char *name;
    /** `*message` says why it failed or was skipped; free with g_free(). */
    enum nub_verdict (*run)(const struct nub_conform_case *self, const struct nub_conform_target *target, char **message);
    char *file;       /* vectors */
    const void *rule; /* rules */
    enum nub_verdict verdict;
    char *message;
};

void nub_conform_case_clear(gpointer conform_case);

/** Adds a case for every *.json in `dir`, sorted. `prefix` goes before names. False with `error`. */
bool nub_conform_add_vectors(GArray *cases, const char *dir, const char *prefix, GError **error);
/** Adds a case for every rule of docs/plugin-abi.md that can be checked on a module. */
void nub_conform_add_rules(GArray *cases);

enum nub_verdict nub_conform_program(const struct nub_conform_target *target, const NubProgramVector *vector, char **message);
enum nub_verdict nub_conform_caps(const struct nub_conform_target *target, const NubCapsVector *vector, char **message);

/** `*message` becomes the text; returns the verdict, so that a function can end with it. */
enum nub_verdict nub_conform_say(enum nub_verdict verdict, char **message, const char *format, ...) G_GNUC_PRINTF(3, 4);
/** The function that the kernel's backend lacks: SKIPPED with the reason. */
enum nub_verdict nub_conform_lacks(char **message, const char *function);
/** An error that should not have been: its name and its text. Frees `error`. */
enum nub_verdict nub_conform_unexpected(char **message, const char *what, GError *error);

/**
 * Runs the cases, filling in verdict and message of each; calls `each` after each. With
 * `timeout_seconds` 0 they run in this process.
 */
void nub_conform_run(GArray *cases, const struct nub_conform_target *target, guint timeout_seconds, void (*each)(const struct nub_conform_case *done, guint n_done, guint n_cases));

#endif
