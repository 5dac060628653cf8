/* bisect.c - the first block, and in it the first instruction, after which two backends differ
 *
 * A budget of gas stops every backend at the same block, if it is what has been charged up to
 * there. So the reference A makes its first run block by block and notes those sums; then the list
 * of blocks is halved until two neighbours are left: equal before the one, different after it. That
 * block is run from its beginning in the model `instruction`, where a budget is a number of
 * instructions, and halved in the same way. Must not believe any cost but A's own: a block that
 * charges otherwise is a finding.
 */
#include "bisect.h"

#include "gas.h"

/* Sums that are kept at once; of a longer run every second, fourth ... and those between later. */
enum { MAX_STARTS = 1 << 20 };

/* Where blocks begin, by what was charged before them. */
struct starts {
    GArray *gas;    /* guint64, of every `stride`th block from the first on */
    guint64 stride; /* a power of two */
    guint64 n;      /* blocks */
};

static void
starts_add(struct starts *starts, guint64 gas)
{
    if (starts->n++ % starts->stride != 0)
        return;
    if (starts->gas->len == MAX_STARTS) {
        for (guint i = 0; i < MAX_STARTS / 2; i++)
            g_array_index(starts->gas, guint64, i) = g_array_index(starts->gas, guint64, 2 * i);
        g_array_set_size(starts->gas, MAX_STARTS / 2);
        starts->stride *= 2;
    }
    g_array_append_val(starts->gas, gas);
}

static guint64
start_at(const struct starts *starts, guint i)
{
    return g_array_index(starts->gas, guint64, i);
}

/* ---- block by block -------------------------------------------------------------------------- */

static guint64
cost_at(const NubBisectSide *side, GHashTable *costs, guint32 pc)
{
    const NubBisectCall *call = side->call;
    gpointer key = GSIZE_TO_POINTER((gsize)pc + 1), known;

    if (call->model == NUB_GAS_INSTRUCTION || !nub_program_is_start(&side->program->program, pc))
        return 1;
    if (g_hash_table_lookup_extended(costs, key, NULL, &known))
        return GPOINTER_TO_SIZE(known);
    guint64 cost = nub_gas_cost(&side->program->program, call->model, call->mem_cycles, pc);
    g_hash_table_insert(costs, key, GSIZE_TO_POINTER((gsize)cost));
    return cost;
}

/* Runs one block more. The cost is a guess: a machine that wants more gets it. */
static void
run_block(NubBisectMachine *machine, guint64 cost)
{
    guint64 spent = machine->run.spent;

    do {
        nub_bisect_run(machine, spent + cost);
        cost *= 2;
    } while (!machine->failure && machine->run.at_limit && machine->run.spent == spent &&
             cost < NUB_GAS_MAX / 4);
}

/* A run of A from the block that begins at `from`, up to `to`, that notes where blocks begin. */
static void
walk(const NubBisectSide *side, guint64 from, guint64 to, NubBisectMachine *machine,
     struct starts *starts)
{
    g_autoptr(GHashTable) costs = g_hash_table_new(NULL, NULL);

    starts->n = 0;
    starts->stride = 1;
    g_array_set_size(starts->gas, 0);
    nub_bisect_clear(machine);
    nub_bisect_open(machine, side);
    if (from)
        nub_bisect_run(machine, from);
    if (machine->failure)
        return; /* a model that nobody knows has no costs to ask for */
    do {
        starts_add(starts, machine->run.spent);
        run_block(machine, cost_at(side, costs, machine->run.pc));
    } while (!machine->failure && machine->run.at_limit && machine->run.spent < to);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static void
move(NubBisectMachine *to, NubBisectMachine *from)
{
    nub_bisect_clear(to);
    *to = *from;
    *from = (NubBisectMachine){ 0 };
}

/*
 * Holds two machines that have run against each other: equal, A's becomes `before`; different, both
 * become `after`.
 */
static bool
judge(NubBisect *self, NubBisectMachine machines[2])
{
    bool differ =
        nub_bisect_differ(&machines[0], &machines[1], self->a, self->b, false, &self->difference);

    self->runs++;
    if (differ) {
        move(&self->after[0], &machines[0]);
        move(&self->after[1], &machines[1]);
    } else {
        move(&self->before, &machines[0]);
        nub_bisect_clear(&machines[1]);
    }
    return differ;
}

static bool
differs_at(NubBisect *self, guint64 gas)
{
    const NubBisectSide *const sides[2] = { self->a, self->b };
    NubBisectMachine machines[2];

    for (guint i = 0; i < 2; i++) {
        nub_bisect_open(&machines[i], sides[i]);
        nub_bisect_run(&machines[i], gas);
    }
    return judge(self, machines);
}

/*
 * Equal at the beginning of the first block of `starts`, different behind its last: where in
 * between. Each round halves what is left, until one block or, of a run longer than MAX_STARTS, one
 * stride is.
 */
static void
find_block(NubBisect *self, struct starts *starts)
{
    guint64 first = 0, end = NUB_GAS_MAX;

    for (;;) {
        guint low = 0, high = starts->gas->len;
        while (high - low > 1) {
            guint middle = low + (high - low) / 2;
            if (differs_at(self, start_at(starts, middle)))
                high = middle;
            else
                low = middle;
        }
        self->block = first += low * starts->stride;
        self->block_gas = start_at(starts, low);
        if (starts->stride == 1)
            return;
        if (high < starts->gas->len)
            end = start_at(starts, high);
        g_auto(NubBisectMachine) machine = { 0 };
        walk(self->a, self->block_gas, end, &machine, starts);
    }
}

/* ---- instructions ---------------------------------------------------------------------------- */

/* Instructions from `pc` to the end of its block, the last one with it. */
static guint32
count_insns(const struct nub_program *program, guint32 pc)
{
    struct nub_insn insn = { .next = pc };
    guint32 n = 0;

    do {
        pc = insn.next;
        n++;
        if (pc >= program->code_size || !nub_program_is_start(program, pc))
            break;
        nub_insn_decode(&insn, program, pc);
    } while (!nub_isa[insn.opcode].is_terminator);
    return n;
}

/* Two machines that stood where the block begins, some instructions later. */
static bool
differs_after(NubBisect *self, NubBisectMachine *begin, guint32 n_insns)
{
    const NubBisectSide *const sides[2] = { self->a, self->b };
    NubBisectMachine machines[2];

    for (guint i = 0; i < 2; i++) {
        nub_bisect_open_like(&machines[i], sides[i], begin);
        nub_bisect_run(&machines[i], n_insns);
    }
    return judge(self, machines);
}

/* `before` stands where the block begins and is not changed unless an instruction is found. */
static void
find_insn(NubBisect *self)
{
    g_auto(NubBisectMachine) begin = { 0 };
    NubBisectMachine block[2] = { self->after[0], self->after[1] };
    guint32 low = 0, high = self->n_insns;

    move(&begin, &self->before);
    self->after[0] = self->after[1] = (NubBisectMachine){ 0 };
    if (!differs_after(self, &begin, self->n_insns)) {
        move(&self->before, &begin);
        move(&self->after[0], &block[0]);
        move(&self->after[1], &block[1]);
        return;
    }
    nub_bisect_clear(&block[0]);
    nub_bisect_clear(&block[1]);
    while (high - low > 1) {
        guint32 middle = low + (high - low) / 2;
        if (differs_after(self, &begin, middle))
            high = middle;
        else
            low = middle;
    }
    if (low == 0)
        move(&self->before, &begin);
    self->insn = low;
    self->found = NUB_BISECT_INSTRUCTION;
}

/* ---- the search ------------------------------------------------------------------------------ */

/* Whether the machines differ before anything has run; if not, A's becomes `before`. */
static bool
differ_at_the_beginning(NubBisect *self)
{
    const NubBisectSide *const sides[2] = { self->a, self->b };
    NubBisectMachine machines[2];

    for (guint i = 0; i < 2; i++)
        nub_bisect_open(&machines[i], sides[i]);
    bool differ = judge(self, machines);
    self->runs--; /* nothing has run */
    return differ;
}

static void
search(NubBisect *self, struct starts *starts)
{
    find_block(self, starts);
    if (self->block == 0 && differ_at_the_beginning(self)) {
        self->found = NUB_BISECT_BEGINNING;
    } else {
        self->found = NUB_BISECT_BLOCK;
        self->block_pc = self->before.run.pc;
        self->n_insns = self->a->call->model == NUB_GAS_INSTRUCTION
                            ? 1
                            : count_insns(&self->a->program->program, self->block_pc);
        find_insn(self);
    }
    nub_bisect_differ(&self->after[0], &self->after[1], self->a, self->b, true, &self->difference);
}

bool
nub_bisect_search(NubBisect *self, const NubBisectSide *a, const NubBisectSide *b, GError **error)
{
    g_autoptr(GArray) gas = g_array_new(FALSE, FALSE, sizeof(guint64));
    struct starts starts = { .gas = gas };
    NubBisectMachine machines[2] = { 0 };

    self->a = a;
    self->b = b;
    walk(a, 0, NUB_GAS_MAX, &machines[0], &starts);
    if (machines[0].failure) {
        g_set_error(error, NUB_ERROR, NUB_ERROR_SYSTEM, "%s", machines[0].failure);
        nub_bisect_clear(&machines[0]);
        return false;
    }
    self->n_blocks = starts.n;
    nub_bisect_open(&machines[1], b);
    nub_bisect_run(&machines[1], NUB_GAS_MAX);
    if (judge(self, machines))
        search(self, &starts);
    return true;
}

void
nub_bisect_search_clear(NubBisect *self)
{
    nub_bisect_clear(&self->before);
    nub_bisect_clear(&self->after[0]);
    nub_bisect_clear(&self->after[1]);
}
