/* gas-polkavm.c - what a block costs in the model `polkavm`
 *
 * The cycle-by-cycle simulation of pvm.md 7.5, exact to the cycle, without visiting every cycle:
 * entries are bits of 32-bit masks, completions wait in a wheel of cycles, and cycles in which
 * nothing can happen are skipped. An instruction is appended, started, completed and removed once
 * each, so a block of n instructions takes O(n) steps, hostile ones too.
 */
#include "gas-private.h"

#define RING 32u
/* more than any latency: mem_cycles is at most 127, the table's largest is 100 */
#define WHEEL            128u
#define STARTS_PER_CYCLE 5
#define NOBODY           0xFFu

/*
 * Life of an entry: decoded, waiting, running, done. Masks are by ring place. A load or store takes
 * an ALU as well, and there are no more ALUs than LOAD or STORE units: those never run out first,
 * so that only ALU, MUL and DIV need counting.
 */
struct simulation {
    /* zero at the beginning of a block: see begin */
    uint64_t cycle;
    uint64_t wheel_used[WHEEL / 64]; /* cycles (mod WHEEL) that have completions */
    uint32_t decoded;
    uint32_t waiting;
    uint32_t finished; /* completed in the last cycle: done in this one */
    uint32_t done;
    uint32_t busy_mul, busy_div; /* the running entry that has the unit */
    uint8_t slots;
    uint8_t alus;        /* free ones */
    uint8_t head, count; /* the ring: place of the oldest entry, number of entries */

    /* by place: set when an entry takes it */
    uint32_t uses_alu, uses_two_alus, uses_mul, uses_div;
    uint32_t independent;     /* all that they waited for has completed */
    uint32_t consumers[RING]; /* entries that wait for this one */
    uint16_t produces[RING];  /* registers that this one will give */
    uint8_t latency[RING];
    uint8_t dependencies[RING]; /* how many it waits for */

    uint8_t producer[NUB_N_REGS]; /* of each register: a place, or NOBODY */
    uint32_t wheel[WHEEL]; /* entries that complete in a cycle; valid where wheel_used says so */
};

_Static_assert(sizeof(struct simulation) <= sizeof((struct nub_gas_block *)0)->u.polkavm,
               "nub_gas_block.u.polkavm is too small");

static inline struct simulation *
simulation_of(struct nub_gas_block *block)
{
    return (struct simulation *)(void *)block->u.polkavm;
}

static inline uint32_t
rotate_right(uint32_t x, uint32_t n)
{
    return x >> (n & 31) | x << (-n & 31);
}

/* the lowest set bit's number; takes it out of the mask */
static inline uint32_t
take_lowest(uint32_t *mask)
{
    uint32_t bit = (uint32_t)__builtin_ctz(*mask);

    *mask &= *mask - 1;
    return bit;
}

/* ---- registers and who produces them ------------------------------------------------------- */

static inline void
set_producer(struct simulation *sim, uint32_t reg, uint32_t place)
{
    uint32_t old = sim->producer[reg];

    if (old != NOBODY)
        sim->produces[old] &= (uint16_t) ~(1u << reg);
    sim->producer[reg] = (uint8_t)place;
    if (place != NOBODY)
        sim->produces[place] |= (uint16_t)(1u << reg);
}

/* ---- one cycle ----------------------------------------------------------------------------- */

/* entries that could start now, units permitting */
static inline uint32_t
startable(const struct simulation *sim)
{
    uint32_t can = sim->waiting & sim->independent;

    if (sim->alus == 0)
        can &= ~sim->uses_alu;
    else if (sim->alus == 1)
        can &= ~sim->uses_two_alus;
    if (sim->busy_mul)
        can &= ~sim->uses_mul;
    if (sim->busy_div)
        can &= ~sim->uses_div;
    return can;
}

static inline uint32_t
alus_of(const struct simulation *sim, uint32_t entry)
{
    return (uint32_t)((sim->uses_alu & entry) != 0) + (uint32_t)((sim->uses_two_alus & entry) != 0);
}

static inline void
start(struct simulation *sim, uint32_t place)
{
    uint32_t entry = 1u << place;
    uint32_t at = (uint32_t)(sim->cycle + sim->latency[place] - 1) % WHEEL;
    uint64_t at_bit = 1ull << (at % 64);

    sim->waiting &= ~entry;
    sim->alus -= (uint8_t)alus_of(sim, entry);
    sim->busy_mul |= sim->uses_mul & entry;
    sim->busy_div |= sim->uses_div & entry;
    sim->wheel[at] = (sim->wheel_used[at / 64] & at_bit ? sim->wheel[at] : 0) | entry;
    sim->wheel_used[at / 64] |= at_bit;
}

/* an entry reached 0 cycles */
static inline void
complete(struct simulation *sim, uint32_t place)
{
    uint32_t entry = 1u << place;

    for (uint32_t consumers = sim->consumers[place]; consumers != 0;) {
        uint32_t consumer = take_lowest(&consumers);
        if (--sim->dependencies[consumer] == 0)
            sim->independent |= 1u << consumer;
    }
    for (uint32_t regs = sim->produces[place]; regs != 0;)
        sim->producer[take_lowest(&regs)] = NOBODY;
    sim->produces[place] = 0;
    sim->alus += (uint8_t)alus_of(sim, entry);
    sim->busy_mul &= ~entry;
    sim->busy_div &= ~entry;
}

static void
tick(struct simulation *sim, bool decodes)
{
    while (sim->done >> sim->head & 1) {
        sim->done &= ~(1u << sim->head);
        sim->head = (uint8_t)((sim->head + 1) % RING);
        sim->count--;
    }

    uint32_t can = startable(sim);
    for (int started = 0; can != 0 && started < STARTS_PER_CYCLE; started++) {
        uint32_t oldest = (uint32_t)__builtin_ctz(rotate_right(can, sim->head));
        start(sim, (sim->head + oldest) % RING);
        can = startable(sim);
    }

    sim->done |= sim->finished;
    sim->finished = 0;
    uint32_t at = (uint32_t)sim->cycle % WHEEL;
    if (sim->wheel_used[at / 64] >> (at % 64) & 1) {
        sim->wheel_used[at / 64] &= ~(1ull << (at % 64));
        sim->finished = sim->wheel[at];
        for (uint32_t entries = sim->finished; entries != 0;)
            complete(sim, take_lowest(&entries));
    }

    if (decodes) {
        sim->waiting |= sim->decoded;
        sim->decoded = 0;
        sim->slots = 4;
    }
    sim->cycle++;
}

/* skips the cycles that would change nothing: those before the next completion */
static void
skip_idle_cycles(struct simulation *sim)
{
    if (sim->finished || sim->done >> sim->head & 1 || startable(sim))
        return;
    uint32_t at = (uint32_t)sim->cycle % WHEEL;
    uint64_t low = sim->wheel_used[at / 64] >> (at % 64);
    uint64_t high = sim->wheel_used[at / 64 ^ 1];
    uint64_t wrapped = sim->wheel_used[at / 64] & ((1ull << (at % 64)) - 1);

    if (low)
        sim->cycle += (uint32_t)__builtin_ctzll(low);
    else if (high)
        sim->cycle += 64 - at % 64 + (uint32_t)__builtin_ctzll(high);
    else if (wrapped)
        sim->cycle += WHEEL - at % 64 + (uint32_t)__builtin_ctzll(wrapped);
}

/* ---- the feeder ---------------------------------------------------------------------------- */

void
nub_gas_polkavm_begin(struct nub_gas_block *block)
{
    struct simulation *sim = simulation_of(block);

    memset(sim, 0, offsetof(struct simulation, uses_alu));
    sim->uses_alu = sim->uses_two_alus = sim->uses_mul = sim->uses_div = sim->independent = 0;
    memset(sim->producer, NOBODY, sizeof sim->producer);
    sim->slots = 4;
    sim->alus = 4;
}

/* the entry that will give a source, or NOBODY */
static inline uint32_t
producer_of(const struct simulation *sim, const struct nub_gas_entry *cost,
            const struct nub_insn *insn, int source)
{
    return cost->has_source[source] ? sim->producer[nub_gas_field(insn, cost->sources[source])]
                                    : NOBODY;
}

static inline void
append(struct simulation *sim, const struct nub_gas_entry *cost, const struct nub_insn *insn,
       uint32_t latency)
{
    uint32_t place = (uint32_t)(sim->head + sim->count++) % RING;
    uint32_t entry = 1u << place;
    uint32_t first = producer_of(sim, cost, insn, 0), second = producer_of(sim, cost, insn, 1);
    uint32_t unit = cost->unit, dependencies = 0;

    sim->decoded |= entry;
    sim->uses_alu = (sim->uses_alu & ~entry) | (unit != NUB_UNIT_NONE ? entry : 0);
    sim->uses_two_alus = (sim->uses_two_alus & ~entry) | (unit == NUB_UNIT_ALU2 ? entry : 0);
    sim->uses_mul = (sim->uses_mul & ~entry) | (unit == NUB_UNIT_MUL ? entry : 0);
    sim->uses_div = (sim->uses_div & ~entry) | (unit == NUB_UNIT_DIV ? entry : 0);
    sim->latency[place] = (uint8_t)latency;
    sim->consumers[place] = 0;
    sim->produces[place] = 0;
    if (first != NOBODY) {
        sim->consumers[first] |= entry;
        dependencies++;
    }
    if (second != NOBODY && second != first) {
        sim->consumers[second] |= entry;
        dependencies++;
    }
    sim->dependencies[place] = (uint8_t)dependencies;
    sim->independent = (sim->independent & ~entry) | (dependencies == 0 ? entry : 0);
    if (!cost->no_dst)
        set_producer(sim, nub_gas_field(insn, cost->dst), place);
}

/* lets time pass until there is room for an instruction of this many slots */
static void
make_room(struct simulation *sim, uint32_t slots)
{
    if (sim->slots >= slots && sim->count < RING)
        return;
    tick(sim, true);
    while (sim->count == RING) {
        skip_idle_cycles(sim);
        tick(sim, false);
    }
}

void
nub_gas_polkavm_feed(struct nub_gas_block *block, const struct nub_program *program,
                     const struct nub_insn *insn)
{
    struct simulation *sim = simulation_of(block);
    const struct nub_gas_entry *cost = &nub_gas_entries[insn->opcode];
    uint32_t slots = nub_gas_slots(cost, insn);

    make_room(sim, slots);
    sim->slots -= (uint8_t)slots;
    if (cost->flags & NUB_GAS_MOVE)
        set_producer(sim, nub_gas_field(insn, cost->dst), producer_of(sim, cost, insn, 0));
    else
        append(sim, cost, insn, nub_gas_latency(cost, program, insn, block->mem_cycles));
}

uint64_t
nub_gas_polkavm_end(struct nub_gas_block *block, bool at_end)
{
    struct simulation *sim = simulation_of(block);

    if (at_end) {
        /* the implicit trap belongs to the block; any unknown opcode has its cost entry */
        const struct nub_program no_program = { 0 };
        const struct nub_insn trap = { .opcode = UINT8_MAX };
        nub_gas_polkavm_feed(block, &no_program, &trap);
    }
    tick(sim, true);
    while (sim->count > 0) {
        skip_idle_cycles(sim);
        tick(sim, false);
    }
    return sim->cycle > 4 ? sim->cycle - 3 : 1;
}
