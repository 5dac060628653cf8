/* counters-private.h - what a kernel counts of its own calls, whatever backend runs them
 *
 * A call is counted in two plain additions: each thread has a lane of its own, which nobody else
 * writes, and reading adds the lanes up. Locked additions would cost a quarter of a small call.
 */
#ifndef NUB_COUNTERS_PRIVATE_H
#define NUB_COUNTERS_PRIVATE_H

#include <nub/value.h>

enum {
    NUB_COUNTER_UNKNOWN = 5, /* what enum nub_exit_reason reserves stands for what it does not know */
    NUB_COUNTED_EXITS = 8,   /* enum nub_exit_reason */
    NUB_COUNTER_FAILED = NUB_COUNTED_EXITS, /* calls that came to no exit */
    NUB_COUNTER_GAS,
    NUB_COUNTER_PUTS,
    NUB_COUNTER_PUT_BYTES,
    NUB_N_COUNTERS,
    NUB_N_LANES = 32 /* the first is shared by threads that found none free */
};

/** Zeroed memory is a set of counters that have counted nothing. */
typedef struct {
    struct {
        guint64 values[NUB_N_COUNTERS]; /* (atomic) */
    } __attribute__((aligned(64))) lanes[NUB_N_LANES];
} NubCounters;

NubCounters *nub_counters_new(void);
void nub_counters_free(NubCounters *self);
/** Calls `each` with every counter by its OpenMetrics name. */
void nub_counters_each(const NubCounters *self, void (*each)(void *ctx, const char *name, uint64_t value), void *ctx);

/*
 * This thread's lane, 0 until it took one. Four bytes, so that they fit what the loader keeps for
 * libraries that are opened late.
 */
extern __thread guint nub_counters_lane __attribute__((visibility("hidden"), tls_model("initial-exec")));

/** Takes a lane for this thread until it ends; NUB_N_LANES, which is the shared one: none is free. */
guint nub_counters_take_lane(void);

static inline void
nub_counters_add(NubCounters *self, guint counter, guint64 n)
{
    guint lane = nub_counters_lane;
    guint64 *value;

    if (G_UNLIKELY(lane == 0))
        lane = nub_counters_take_lane();
    value = &self->lanes[lane % NUB_N_LANES].values[counter];
    if (G_LIKELY(lane < NUB_N_LANES))
        __atomic_store_n(value, __atomic_load_n(value, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
    else
        __atomic_fetch_add(value, n, __ATOMIC_RELAXED);
}

/** Counts a call that came to an exit, having been given `gas`. */
static inline void
nub_counters_add_exit(NubCounters *self, const NubResult *result, guint64 gas)
{
    guint64 given = MIN(gas, (guint64)NUB_GAS_MAX);

    nub_counters_add(self, result->exit_reason < NUB_COUNTED_EXITS ? result->exit_reason : NUB_COUNTER_UNKNOWN, 1);
    nub_counters_add(self, NUB_COUNTER_GAS, given - MIN(given, result->gas_remaining));
}

#endif
