/* conform-program-read.c - a program vector, from JSON to a struct
 *
 * Judges everything that can be judged without running: fields, ranges, and that the steps can
 * be made in this order. It does not look into the program blob; conform-program.c does.
 * The format: tests/vectors/programs/README.md.
 */
#include "conform-vectors.h"

#include "gas.h"

#include <string.h>

/* Two sizes that keep a hostile file from asking for hours: no vector comes near. */
#define MAX_MAP (G_GUINT64_CONSTANT(1) << 32)

void
nub_vector_read_gas(struct nub_json_reader *reader, const struct nub_json *object, guint32 *model,
                    guint32 *mem_cycles)
{
    const char *name = nub_json_get_string(reader, object, "gas-model");
    int number = name ? nub_gas_model_from_name(name) : -1;

    if (name && number < 0)
        nub_json_fail(reader, nub_json_find(object, "gas-model"),
                      "unknown gas model \"%s\" (one of pipeline, polkavm, instruction)", name);
    *model = (guint32)MAX(number, 0);
    *mem_cycles = NUB_MEM_CYCLES_DEFAULT;
    const struct nub_json *cycles = nub_json_find(object, "mem-cycles");
    if (cycles) {
        *mem_cycles = (guint32)nub_json_get_uint(reader, object, "mem-cycles", NUB_MEM_CYCLES_MAX);
        if (*mem_cycles == 0)
            nub_json_fail(reader, cycles, "\"mem-cycles\": 0 is less than 1");
    }
}

static void
memory_run_clear(gpointer run)
{
    g_bytes_unref(((struct nub_memory_run *)run)->contents);
}

static void
step_clear(gpointer data)
{
    struct nub_program_step *step = data;

    if (step->kind == NUB_PROGRAM_WRITE)
        g_clear_pointer(&step->u.write.contents, g_bytes_unref);
    else if (step->kind == NUB_PROGRAM_ASSERT)
        g_clear_pointer(&step->u.assert.memory, g_array_unref);
}

static void
read_map(struct nub_json_reader *reader, const struct nub_json *object,
         struct nub_program_step *step)
{
    static const char *const keys[] = { "address", "length", "is-writable", NULL };
    guint64 address, length;

    nub_json_check_keys(reader, object, keys);
    address = nub_json_get_uint(reader, object, "address", G_MAXUINT32);
    length = nub_json_get_uint(reader, object, "length", MAX_MAP);
    if (address % NUB_PAGE_SIZE || length % NUB_PAGE_SIZE || length == 0 ||
        address + length > MAX_MAP)
        nub_json_fail(reader, object, "\"map\": no range of whole pages below 2^32");
    step->u.map.address = address;
    step->u.map.length = length;
    step->u.map.is_writable = nub_json_get_bool(reader, object, "is-writable");
}

static bool
read_memory_run(struct nub_json_reader *reader, const struct nub_json *object,
                struct nub_memory_run *run)
{
    static const char *const keys[] = { "address", "contents", NULL };

    if (!nub_json_check_keys(reader, object, keys))
        return false;
    run->address = nub_json_get_uint(reader, object, "address", G_MAXUINT32);
    run->contents = nub_json_get_byte_array(reader, object, "contents");
    return run->contents != NULL;
}

static void
read_write(struct nub_json_reader *reader, const struct nub_json *object,
           struct nub_program_step *step)
{
    read_memory_run(reader, object, &step->u.write);
}

static void
read_set_reg(struct nub_json_reader *reader, const struct nub_json *object,
             struct nub_program_step *step)
{
    static const char *const keys[] = { "reg", "value", NULL };

    nub_json_check_keys(reader, object, keys);
    step->u.set_reg.reg = (guint)nub_json_get_uint(reader, object, "reg", NUB_N_REGS - 1);
    step->u.set_reg.value = nub_json_get_uint(reader, object, "value", G_MAXUINT64);
}

static void
read_run(struct nub_json_reader *reader, const struct nub_json *object,
         struct nub_program_step *step)
{
    static const char *const keys[] = { NULL };

    (void)step;
    nub_json_check_keys(reader, object, keys);
}

/* The exits by their names here, and the field that holds the argument. */
static const struct {
    const char *name;
    guint32 reason;
    const char *argument;
} statuses[] = {
    { "halt", NUB_EXIT_HALT, NULL },
    { "panic", NUB_EXIT_PANIC, NULL },
    { "out-of-gas", NUB_EXIT_OUT_OF_GAS, NULL },
    { "page-fault", NUB_EXIT_PAGE_FAULT, "page-fault-address" },
    { "host-call", NUB_EXIT_HOST_CALL, "hostcall" },
    { "ecall", NUB_EXIT_ECALL, NULL },
    { "trap", NUB_EXIT_TRAP, NULL },
};

static void
read_status(struct nub_json_reader *reader, const struct nub_json *object,
            struct nub_program_assert *assert)
{
    const char *name = nub_json_get_string(reader, object, "status");
    const char *argument = NULL;
    guint i = 0;

    if (!name)
        return;
    while (i < G_N_ELEMENTS(statuses) && strcmp(statuses[i].name, name) != 0)
        i++;
    if (i == G_N_ELEMENTS(statuses)) {
        nub_json_fail(reader, nub_json_find(object, "status"), "unknown status \"%s\"", name);
        return;
    }
    argument = statuses[i].argument;
    assert->exit_reason = statuses[i].reason;
    if (argument)
        assert->exit_arg = (guint32)nub_json_get_uint(reader, object, argument, G_MAXUINT32);
    for (i = 0; i < G_N_ELEMENTS(statuses); i++) {
        const struct nub_json *other =
            statuses[i].argument ? nub_json_find(object, statuses[i].argument) : NULL;
        if (other && g_strcmp0(statuses[i].argument, argument) != 0)
            nub_json_fail(reader, other, "\"%s\" does not go with the status %s", other->key, name);
    }
}

static void
read_assert(struct nub_json_reader *reader, const struct nub_json *object,
            struct nub_program_step *step)
{
    static const char *const keys[] = {
        "status", "page-fault-address", "hostcall", "gas", "pc", "regs", "memory", NULL
    };
    struct nub_program_assert *assert = &step->u.assert;
    const struct nub_json *memory;

    assert->memory = g_array_new(FALSE, TRUE, sizeof(struct nub_memory_run));
    g_array_set_clear_func(assert->memory, memory_run_clear);
    nub_json_check_keys(reader, object, keys);
    read_status(reader, object, assert);
    assert->gas = nub_json_get_uint(reader, object, "gas", NUB_GAS_MAX);
    assert->pc = (guint32)nub_json_get_uint(reader, object, "pc", G_MAXUINT32);
    nub_json_get_uints(reader, object, "regs", assert->regs, NUB_N_REGS);
    memory = nub_json_get(reader, object, "memory", NUB_JSON_ARRAY);
    for (memory = memory ? memory->u.first : NULL; memory; memory = memory->next) {
        struct nub_memory_run run = { 0 };
        if (!read_memory_run(reader, memory, &run))
            return;
        g_array_append_val(assert->memory, run);
    }
}

static const struct {
    const char *key;
    void (*read)(struct nub_json_reader *reader, const struct nub_json *object,
                 struct nub_program_step *step);
} step_kinds[] = {
    [NUB_PROGRAM_MAP] = { "map", read_map },
    [NUB_PROGRAM_WRITE] = { "write", read_write },
    [NUB_PROGRAM_SET_REG] = { "set-reg", read_set_reg },
    [NUB_PROGRAM_RUN] = { "run", read_run },
    [NUB_PROGRAM_ASSERT] = { "assert", read_assert },
};

static void
read_step(struct nub_json_reader *reader, const struct nub_json *value, GArray *steps)
{
    struct nub_program_step step = { 0 };
    guint kind = 0;

    if (value->type != NUB_JSON_OBJECT || value->n != 1) {
        nub_json_fail(reader, value, "a step is an object with one key");
        return;
    }
    while (kind < G_N_ELEMENTS(step_kinds) &&
           strcmp(step_kinds[kind].key, value->u.first->key) != 0)
        kind++;
    if (kind == G_N_ELEMENTS(step_kinds)) {
        nub_json_fail(reader, value->u.first, "unknown step \"%s\"", value->u.first->key);
        return;
    }
    step.kind = kind;
    step_kinds[kind].read(reader, value->u.first, &step);
    g_array_append_val(steps, step);
}

/* An assert speaks of the run before it, so there must be one. */
static void
read_steps(struct nub_json_reader *reader, const struct nub_json *root, NubProgramVector *vector)
{
    const struct nub_json *value = nub_json_get(reader, root, "steps", NUB_JSON_ARRAY);
    bool has_run = false;

    for (value = value ? value->u.first : NULL; value && !reader->error; value = value->next) {
        read_step(reader, value, vector->steps);
        if (reader->error)
            return;
        enum nub_program_step_kind kind =
            g_array_index(vector->steps, struct nub_program_step, vector->steps->len - 1).kind;
        has_run |= kind == NUB_PROGRAM_RUN;
        if (kind == NUB_PROGRAM_ASSERT && !has_run)
            nub_json_fail(reader, value, "\"assert\": no run comes before it");
    }
}

static void
read_costs(struct nub_json_reader *reader, const struct nub_json *root, NubProgramVector *vector)
{
    static const char *const keys[] = { "pc", "cost", NULL };
    const struct nub_json *array = nub_json_get(reader, root, "block-gas-costs", NUB_JSON_ARRAY);

    if (array && array->n && vector->gas_model == NUB_GAS_INSTRUCTION)
        nub_json_fail(reader, array, "\"block-gas-costs\": the model instruction has none");
    for (const struct nub_json *value = array ? array->u.first : NULL; value; value = value->next) {
        struct nub_block_cost cost;
        if (!nub_json_check_keys(reader, value, keys))
            return;
        cost.pc = (guint32)nub_json_get_uint(reader, value, "pc", G_MAXUINT32);
        cost.cost = nub_json_get_uint(reader, value, "cost", NUB_GAS_MAX);
        if (cost.cost == 0)
            nub_json_fail(reader, value, "\"cost\": no block costs 0");
        g_array_append_val(vector->costs, cost);
    }
}

bool
nub_program_vector_recognise(const NubJsonDoc *doc)
{
    return nub_json_find(doc->root, "program") != NULL;
}

NubProgramVector *
nub_program_vector_read(const NubJsonDoc *doc, GError **error)
{
    static const char *const keys[] = { "name",       "gas-model",       "mem-cycles",
                                        "initial-pc", "initial-gas",     "program",
                                        "steps",      "block-gas-costs", NULL };
    struct nub_json_reader reader = { .doc = doc };
    const struct nub_json *root = doc->root;
    g_autoptr(NubProgramVector) vector = g_new0(NubProgramVector, 1);

    vector->steps = g_array_new(FALSE, TRUE, sizeof(struct nub_program_step));
    g_array_set_clear_func(vector->steps, step_clear);
    vector->costs = g_array_new(FALSE, TRUE, sizeof(struct nub_block_cost));
    nub_json_check_keys(&reader, root, keys);
    vector->name = g_strdup(nub_json_get_string(&reader, root, "name"));
    nub_vector_read_gas(&reader, root, &vector->gas_model, &vector->mem_cycles);
    vector->initial_pc = (guint32)nub_json_get_uint(&reader, root, "initial-pc", G_MAXUINT32);
    vector->initial_gas = nub_json_get_uint(&reader, root, "initial-gas", G_MAXUINT64);
    vector->program = nub_json_get_byte_array(&reader, root, "program");
    read_steps(&reader, root, vector);
    read_costs(&reader, root, vector);
    if (reader.error) {
        g_propagate_error(error, reader.error);
        return NULL;
    }
    return g_steal_pointer(&vector);
}

void
nub_program_vector_free(NubProgramVector *vector)
{
    g_free(vector->name);
    g_clear_pointer(&vector->program, g_bytes_unref);
    g_array_unref(vector->steps);
    g_array_unref(vector->costs);
    g_free(vector);
}
