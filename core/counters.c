/* counters.c - the lanes of counters, and what they add up to
 *
 * A lane belongs to one living thread in all kernels alike, so that neither a thread nor a kernel
 * has to know when the other goes; a thread that ends hands its lane on under a lock. More threads
 * than lanes share the first, with additions that are locked. See counters-private.h.
 */
#include "counters-private.h"

G_STATIC_ASSERT(NUB_N_LANES == 32); /* a bit of free_lanes each */

__thread guint nub_counters_lane;

static GMutex lanes_lock;
static guint32 free_lanes = ~1u; /* (mutex lanes_lock): bit 0 is the shared lane, never free */

/* The thread ends. What it still counts, in destructors that run after this, takes a lane again. */
static void
give_lane_back(gpointer lane)
{
    nub_counters_lane = 0;
    g_mutex_lock(&lanes_lock);
    free_lanes |= 1u << GPOINTER_TO_UINT(lane);
    g_mutex_unlock(&lanes_lock);
}

static GPrivate taken_lane = G_PRIVATE_INIT(give_lane_back);

guint
nub_counters_take_lane(void)
{
    guint lane = NUB_N_LANES;

    g_mutex_lock(&lanes_lock);
    if (free_lanes) {
        lane = (guint)__builtin_ctz(free_lanes);
        free_lanes &= free_lanes - 1;
    }
    g_mutex_unlock(&lanes_lock);
    nub_counters_lane = lane;
    if (lane < NUB_N_LANES)
        g_private_set(&taken_lane, GUINT_TO_POINTER(lane));
    return lane;
}

NubCounters *
nub_counters_new(void)
{
    return g_aligned_alloc0(1, sizeof(NubCounters), G_ALIGNOF(NubCounters));
}

void
nub_counters_free(NubCounters *self)
{
    g_aligned_free(self);
}

static guint64
total_of(const NubCounters *self, guint counter)
{
    guint64 total = 0;

    for (guint lane = 0; lane < NUB_N_LANES; lane++)
        total += __atomic_load_n(&self->lanes[lane].values[counter], __ATOMIC_RELAXED);
    return total;
}

void
nub_counters_each(const NubCounters *self,
                  void (*each)(void *ctx, const char *name, uint64_t value), void *ctx)
{
    guint64 failed = total_of(self, NUB_COUNTER_FAILED), calls = failed;

    for (guint i = 0; i < NUB_COUNTED_EXITS; i++) {
        guint64 n = total_of(self, i);
        char name[64];
        g_snprintf(name, sizeof name, "nub_exits_total{reason=\"%s\"}",
                   nub_exit_reason_to_string(i));
        calls += n;
        each(ctx, name, n);
    }
    each(ctx, "nub_calls_total", calls);
    each(ctx, "nub_calls_failed_total", failed);
    each(ctx, "nub_gas_used_total", total_of(self, NUB_COUNTER_GAS));
    each(ctx, "nub_puts_total", total_of(self, NUB_COUNTER_PUTS));
    each(ctx, "nub_put_bytes_total", total_of(self, NUB_COUNTER_PUT_BYTES));
}
