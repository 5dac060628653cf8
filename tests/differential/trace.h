/* trace.h - what a backend makes of a case, run by run, and whether two traces are equal
 *
 * A case runs in a session on a paused instance, so that it can start at any pc with any registers;
 * after each exit the host does something that follows from the case alone: maps the page that
 * faulted, gives gas, writes a register, goes elsewhere.
 */
#ifndef NUB_TEST_TRACE_H
#define NUB_TEST_TRACE_H

#include "generate.h"
#include <nub/plugin.h>

#define NUB_TRACE_MAX_RUNS 8u

/** The machine after a run. */
struct nub_trace_run {
    struct nub_result result;
    uint64_t regs[NUB_N_REGS];
    uint64_t gas;
    uint32_t pc;
    uint64_t memory; /* a checksum of all mapped pages */
};

struct nub_trace {
    int32_t status; /* of the call that failed, which ends the trace */
    uint32_t n_runs;
    struct nub_trace_run runs[NUB_TRACE_MAX_RUNS];
};

/** A backend that is open, by the functions of its module. */
struct nub_trace_engine {
    const char *name;
    const struct nub_backend_ops *ops;
    void *backend;
};

/** Runs the case and leaves nothing of it behind. */
void nub_trace_case(const struct nub_trace_engine *engine, const struct nub_case *c, struct nub_trace *trace);
/** The first run in which they differ, or -1; a run that only one has counts. */
int nub_trace_difference(const struct nub_trace *a, const struct nub_trace *b);
/** The difference in one line for each thing that differs. */
void nub_trace_print(const struct nub_trace_engine engines[2], const struct nub_trace traces[2], int run, void (*line)(void *ctx, const char *text), void *ctx);

/**
 * Makes a case for which `differs` holds as small as it can, trying some thousand variants: fewer runs, pages,
 * instructions, registers that are not zero.
 */
void nub_case_shrink(struct nub_case *c, bool (*differs)(void *ctx, const struct nub_case *c), void *ctx);

#endif
