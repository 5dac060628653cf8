/* test-gas.c - block costs: worked examples, recorded ones, and the models letter by letter */
#include "gas.h"
#include "pvm-test.h"
#include <json-glib/json-glib.h>

/* ---- the models as pvm.md 7.3-7.5 words them, slow and plain -------------------------------- */

struct plain_op {
    guint slots, latency, unit;
    gint sources[2], dst; /* -1: none */
    gboolean is_move;
};

static gint
field(const struct nub_insn *insn, guint bit)
{
    return bit == NUB_FIELD_A ? insn->a : bit == NUB_FIELD_B ? insn->b : insn->d;
}

static gboolean
is_cheap(const struct nub_program *program, guint64 place)
{
    return place >= program->code_size || program->code[place] == 0 || program->code[place] == 2;
}

static void
plain_op(struct plain_op *op, const struct nub_program *program, const struct nub_insn *insn,
         guint mem_cycles)
{
    const struct nub_isa_entry *entry = &nub_isa[insn->opcode];
    gboolean overlaps = FALSE;
    guint n = 0;

    *op = (struct plain_op){ .sources = { -1, -1 }, .dst = -1, .unit = entry->unit };
    for (guint bit = NUB_FIELD_A; bit <= NUB_FIELD_D; bit <<= 1)
        if (entry->sources & bit)
            op->sources[n++] = field(insn, bit);
    if (entry->dst && !entry->is_terminator)
        op->dst = field(insn, entry->dst);
    op->is_move = insn->opcode == NUB_OP_MOVE_REG;
    for (guint i = 0; i < n; i++)
        overlaps |= op->sources[i] == op->dst;
    if (entry->overlap == NUB_OVERLAP_D_EQ_A)
        overlaps = insn->d == insn->a;
    op->slots = overlaps ? entry->slots_overlap : entry->slots;
    op->latency = entry->latency_kind == NUB_LATENCY_MEM ? mem_cycles : entry->latency;
    if (entry->latency_kind == NUB_LATENCY_BRANCH)
        op->latency = is_cheap(program, insn->next) || is_cheap(program, insn->target) ? 1 : 20;
}

struct plain_pipeline {
    guint64 done[NUB_N_REGS], cycle, used, latest;
};

static void
plain_pipeline_feed(struct plain_pipeline *p, const struct plain_op *op)
{
    if (p->used >= 4) {
        p->cycle++;
        p->used = op->slots;
    } else {
        p->used += op->slots;
    }
    if (op->is_move) {
        p->done[op->dst] = p->done[op->sources[0]];
        return;
    }
    guint64 start = p->cycle;
    for (guint i = 0; i < 2; i++)
        if (op->sources[i] >= 0)
            start = MAX(start, p->done[op->sources[i]]);
    guint64 end = start + op->latency;
    if (op->dst >= 0)
        p->done[op->dst] = end;
    p->latest = MAX(p->latest, end);
}

enum state { DECODED, WAITING, RUNNING, DONE };

struct plain_entry {
    enum state state;
    gint left;
    guint unit;
    gint64 dependencies[2]; /* serial numbers, -1: none */
    gint64 serial;
};

/* entries are named by serial numbers, the ring is an array in order of age */
struct plain_polkavm {
    struct plain_entry ring[33];
    guint count;
    gint64 next_serial;
    gint64 producer[NUB_N_REGS];
    gint slots, free[7];
    guint64 cycle;
};

static gboolean
units_free(const struct plain_polkavm *p, guint unit)
{
    if (unit == NUB_UNIT_NONE)
        return TRUE;
    if (unit == NUB_UNIT_ALU2)
        return p->free[NUB_UNIT_ALU] >= 2;
    return p->free[NUB_UNIT_ALU] >= 1 && (unit == NUB_UNIT_ALU || p->free[unit] >= 1);
}

static void
use_units(struct plain_polkavm *p, guint unit, gint n)
{
    if (unit != NUB_UNIT_NONE)
        p->free[NUB_UNIT_ALU] -= n * (unit == NUB_UNIT_ALU2 ? 2 : 1);
    if (unit >= NUB_UNIT_LOAD)
        p->free[unit] -= n;
}

static void
plain_complete(struct plain_polkavm *p, const struct plain_entry *entry)
{
    for (guint i = 0; i < p->count; i++)
        for (guint k = 0; k < 2; k++)
            if (p->ring[i].dependencies[k] == entry->serial)
                p->ring[i].dependencies[k] = -1;
    for (guint r = 0; r < NUB_N_REGS; r++)
        if (p->producer[r] == entry->serial)
            p->producer[r] = -1;
    use_units(p, entry->unit, -1);
}

static void
plain_tick(struct plain_polkavm *p, gboolean decodes)
{
    guint gone = 0;
    while (gone < p->count && p->ring[gone].state == DONE)
        gone++;
    p->count -= gone;
    memmove(p->ring, p->ring + gone, p->count * sizeof p->ring[0]);

    for (guint i = 0, started = 0; i < p->count && started < 5; i++) {
        struct plain_entry *entry = &p->ring[i];
        if (entry->state == WAITING && entry->dependencies[0] < 0 && entry->dependencies[1] < 0 &&
            units_free(p, entry->unit)) {
            entry->state = RUNNING;
            use_units(p, entry->unit, 1);
            started++;
        }
    }
    for (guint i = 0; i < p->count; i++) {
        struct plain_entry *entry = &p->ring[i];
        if (entry->state != RUNNING)
            continue;
        entry->left--;
        if (entry->left == 0)
            plain_complete(p, entry);
        else if (entry->left < 0)
            entry->state = DONE;
    }
    if (decodes) {
        for (guint i = 0; i < p->count; i++)
            if (p->ring[i].state == DECODED)
                p->ring[i].state = WAITING;
        p->slots = 4;
    }
    p->cycle++;
}

static void
plain_polkavm_feed(struct plain_polkavm *p, const struct plain_op *op)
{
    if (p->slots < (gint)op->slots || p->count == 32) {
        plain_tick(p, TRUE);
        while (p->count > 31)
            plain_tick(p, FALSE);
    }
    p->slots -= (gint)op->slots;
    if (op->is_move) {
        p->producer[op->dst] = p->producer[op->sources[0]];
        return;
    }
    struct plain_entry *entry = &p->ring[p->count++];
    *entry = (struct plain_entry){ .state = DECODED,
                                   .left = (gint)op->latency,
                                   .unit = op->unit,
                                   .dependencies = { -1, -1 },
                                   .serial = p->next_serial++ };
    for (guint i = 0; i < 2; i++)
        if (op->sources[i] >= 0)
            entry->dependencies[i] = p->producer[op->sources[i]];
    if (op->dst >= 0)
        p->producer[op->dst] = entry->serial;
}

static guint64
plain_cost(const struct nub_program *program, guint model, guint mem_cycles, guint32 pc)
{
    struct plain_pipeline pipeline = { { 0 }, 0, 0, 0 };
    struct plain_polkavm polkavm = { .slots = 4, .free = { 0, 4, 0, 4, 4, 1, 1 } };
    const struct plain_op trap = { .slots = 1, .latency = 2, .sources = { -1, -1 }, .dst = -1 };
    gboolean at_end = TRUE;

    memset(polkavm.producer, -1, sizeof polkavm.producer);
    while (pc < program->code_size && at_end) {
        struct nub_insn insn;
        struct plain_op op;
        nub_insn_decode(&insn, program, pc);
        plain_op(&op, program, &insn, mem_cycles);
        plain_pipeline_feed(&pipeline, &op);
        plain_polkavm_feed(&polkavm, &op);
        at_end = nub_isa[insn.opcode].mnemonic && !nub_isa[insn.opcode].is_terminator;
        pc = insn.next;
    }
    if (model == NUB_GAS_PIPELINE)
        return pipeline.latest > 4 ? pipeline.latest - 3 : 1;
    if (at_end)
        plain_polkavm_feed(&polkavm, &trap);
    plain_tick(&polkavm, TRUE);
    while (polkavm.count > 0)
        plain_tick(&polkavm, FALSE);
    return polkavm.cycle > 4 ? polkavm.cycle - 3 : 1;
}

/* ---- tests --------------------------------------------------------------------------------- */

/* the feeder over a decode of one's own */
static guint64
fed_cost(const struct nub_program *program, guint model, guint mem_cycles, guint32 pc)
{
    struct nub_gas_block block;
    gboolean at_end = TRUE;

    memset(&block, 0xA5, sizeof block);
    nub_gas_begin(&block, model, mem_cycles);
    while (pc < program->code_size && at_end) {
        struct nub_insn insn;
        nub_insn_decode(&insn, program, pc);
        nub_gas_feed(&block, program, &insn);
        at_end = nub_isa[insn.opcode].mnemonic && !nub_isa[insn.opcode].is_terminator;
        pc = insn.next;
    }
    return nub_gas_end(&block, at_end);
}

static void
check_costs(const struct nub_program *program, guint mem_cycles)
{
    static const guint models[] = { NUB_GAS_PIPELINE, NUB_GAS_POLKAVM };

    for (guint32 pc = 0; pc <= program->code_size; pc++) {
        if (!nub_program_is_start(program, pc))
            continue;
        for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
            guint64 cost = nub_gas_cost(program, models[i], mem_cycles, pc);
            g_assert_cmpuint(cost, ==, plain_cost(program, models[i], mem_cycles, pc));
            g_assert_cmpuint(cost, ==, fed_cost(program, models[i], mem_cycles, pc));
        }
    }
}

#define MUL_64     "CA 50 00 / CA 61 01 / CA 72 02 / CA 83 03 / 00"
#define LOAD_64(r) "14 0" #r " 01 02 03 04 05 06 07 08 / "
#define LOADS_11                                                                                   \
    "33 00 00 / 33 01 01 / 33 02 02 / 33 03 03 / 33 04 04 / 33 05 05 / 33 06 06 / 33 07 07 / "     \
    "33 08 08 / 33 09 09 / 33 0A 0A / "
#define REVERSE_8       "6F 00 / 6F 11 / 6F 22 / 6F 33 / 6F 44 / 6F 55 / 6F 66 / 6F 77 / "
#define REVERSE_OTHER_6 "6F 60 / 6F 71 / 6F 82 / 6F 93 / 6F A4 / 6F B5 / "

static const struct {
    const char *name, *code;
    guint pipeline, polkavm;
} examples[] = {
    { "E1", "00", 1, 2 },
    { "E2", "28 00", 12, 15 },
    { "E3", "0A 07", 97, 100 },
    { "E4", "02 / 00", 37, 40 },
    { "E5", "33 07 05 / 33 08 06 / C8 87 09 / 00", 1, 3 },
    { "E6", "82 17 08 / 82 78 00 / 95 88 01 / 00", 48, 51 },
    { "E7", "64 67 / 82 10 30 / 82 15 28 / 82 16 20 / 95 11 38 / 00", 22, 25 },
    { "E8", MUL_64, 1, 12 },
    { "E9", "CB 87 02 / CB A9 03 / 00", 58, 120 },
    { "E10", "CB 20 01 / 64 13 / 95 34 01 / 00", 58, 61 },
    { "E11", "82 15 00 / 33 05 01 / 95 56 01 / 95 66 01 / 95 66 01 / 95 66 01 / 95 66 01 / 00", 22,
      25 },
    { "E12", "51 17 00 07 / 95 77 01 / 00", 1, 1 },
    { "E13", "51 17 00 04 / 95 77 01 / 00", 17, 20 },
    { "E14", "51 17 00 05 / 00 / 95 77 01 / 00", 1, 1 },
    { "E15", "C8 87 07 / 95 88 FF / 52 18 00 FA / 95 77 01 / 00", 18, 21 },
    { "E16", LOAD_64(0) LOAD_64(1) LOAD_64(2) LOAD_64(3) "00", 1, 4 },
    { "E17",
      "95 00 01 / 95 11 01 / 95 22 01 / 95 33 01 / 95 44 01 / 95 55 01 / 95 66 01 / 95 77 01 / 01",
      1, 4 },
    { "E18", LOADS_11 LOADS_11 LOADS_11 "00", 7, 10 },
    { "E19", "82 87 / C8 A7 09 / 00", 23, 26 },
    { "E20", REVERSE_8 REVERSE_8 "00", 3, 6 },
    { "E21", REVERSE_OTHER_6 REVERSE_OTHER_6 "6F 60 / 6F 71 / 6F 82 / 6F 93 / 00", 7, 10 },
    { "E22",
      "CF 60 00 / CF 71 01 / CF 82 02 / CF 93 03 / CF A4 04 / CF B5 05 / CF 60 00 / CF 71 01 / "
      "CF 82 02 / 00",
      3, 6 },
    { "E23",
      "CF 06 00 / CF 17 01 / CF 28 02 / CF 39 03 / CF 4A 04 / CF 5B 05 / CF 06 00 / CF 17 01 / "
      "CF 28 02 / 00",
      3, 10 },
    { "E24", "95 77 01 / FF / CB 87 09 / 00", 1, 2 },
    { "E25", "33 07 05", 1, 2 },
};

static void
test_examples(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_auto(PvmTestProgram) test = { 0 };
        pvm_test_program_from_text(&test, examples[i].code);
        g_test_message("%s", examples[i].name);
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_PIPELINE, 25, 0), ==,
                         examples[i].pipeline);
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_POLKAVM, 25, 0), ==,
                         examples[i].polkavm);
        check_costs(&test.program, 25);
    }
}

static void
test_worked_program(void)
{
    static const guint costs[][3] = { { 0, 1, 2 }, { 6, 18, 21 }, { 16, 22, 25 } };
    g_auto(PvmTestProgram) test = { 0 };

    pvm_test_program_from_text(&test, "33 07 / 33 08 05 / 01 / C8 87 07 / 95 88 FF / 52 18 00 FA / "
                                      "7B 17 F8 / 32 00");
    for (guint i = 0; i < G_N_ELEMENTS(costs); i++) {
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_PIPELINE, 25, costs[i][0]), ==,
                         costs[i][1]);
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_POLKAVM, 25, costs[i][0]), ==,
                         costs[i][2]);
    }
}

static void
test_past_the_end(void)
{
    g_auto(PvmTestProgram) test = { 0 };

    pvm_test_program_from_text(&test, "01");
    for (guint32 pc = 1; pc < 80; pc += 38) {
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_PIPELINE, 25, pc), ==, 1);
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_POLKAVM, 25, pc), ==, 2);
    }
}

static void
test_mem_cycles(void)
{
    g_auto(PvmTestProgram) test = { 0 };

    pvm_test_program_from_text(&test, "7C 87 / 00 / 78 87 / 00");
    for (guint mem_cycles = 1; mem_cycles <= NUB_MEM_CYCLES_MAX; mem_cycles++) {
        guint latest = MAX(mem_cycles, 2);
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_PIPELINE, mem_cycles, 0), ==,
                         latest > 4 ? latest - 3 : 1);
        g_assert_cmpuint(nub_gas_cost(&test.program, NUB_GAS_PIPELINE, mem_cycles, 3), ==, 22);
        check_costs(&test.program, mem_cycles);
    }
}

static void
check_vector(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonParser) parser = json_parser_new();

    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonObject *object = json_node_get_object(json_parser_get_root(parser));
    g_assert_cmpstr(json_object_get_string_member(object, "gas-model"), ==, "polkavm");
    JsonArray *bytes = json_object_get_array_member(object, "program");
    g_autoptr(GByteArray) blob = g_byte_array_new();
    for (guint i = 0; i < json_array_get_length(bytes); i++) {
        guint8 byte = (guint8)json_array_get_int_element(bytes, i);
        g_byte_array_append(blob, &byte, 1);
    }
    struct nub_program program;
    struct nub_slice slice = { blob->data, blob->len };
    g_assert_cmpint(nub_program_parse_blob(&program, slice, NULL), ==, NUB_OK);

    JsonArray *costs = json_object_get_array_member(object, "block-gas-costs");
    guint n = 0;
    for (guint32 pc = 0; pc < program.code_size; pc++) {
        if (!nub_program_is_block_start(&program, pc))
            continue;
        g_assert_cmpuint(n, <, json_array_get_length(costs));
        JsonObject *cost = json_array_get_object_element(costs, n++);
        g_assert_cmpint(json_object_get_int_member(cost, "pc"), ==, pc);
        g_assert_cmpint(json_object_get_int_member(cost, "cost"), ==,
                        nub_gas_cost(&program, NUB_GAS_POLKAVM, 25, pc));
    }
    g_assert_cmpuint(n, ==, json_array_get_length(costs));
    check_costs(&program, 25);
}

static void
test_vectors(void)
{
    const char *folder = NUB_SOURCE_DIR "/tests/vectors/programs";
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
    const char *name;
    guint n = 0;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (!g_str_has_suffix(name, ".json"))
            continue;
        g_test_message("%s", name);
        check_vector(path);
        n++;
    }
    g_assert_cmpuint(n, ==, 180);
}

static void
test_random(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4);

    for (guint round = 0; round < 2000; round++) {
        g_auto(PvmTestProgram) test = { 0 };
        guint32 size = (guint32)g_rand_int_range(rand, 0, 300);
        if (round % 3)
            pvm_test_program_random_code(&test, rand, size);
        else
            pvm_test_program_random_bytes(&test, rand, size, 16u << round % 5);
        check_costs(&test.program, (guint)g_rand_int_range(rand, 1, NUB_MEM_CYCLES_MAX + 1));
    }
}

/* long blocks of one kind of instruction fill the ring and exhaust a unit */
static void
test_long_blocks(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);

    for (guint round = 0; round < 300; round++) {
        g_autoptr(GString) text = g_string_new(NULL);
        guint first = (guint)g_rand_int_range(rand, 0, 256);
        guint second = (guint)g_rand_int_range(rand, 0, 256);
        if (nub_isa[first].is_terminator || nub_isa[second].is_terminator)
            continue;
        for (guint i = (guint)g_rand_int_range(rand, 30, 200); i > 0; i--)
            g_string_append_printf(text, "%02X %02X %02X / ", g_rand_boolean(rand) ? first : second,
                                   g_rand_int_range(rand, 0, 256), g_rand_int_range(rand, 0, 13));
        g_auto(PvmTestProgram) test = { 0 };
        pvm_test_program_from_text(&test, text->str);
        check_costs(&test.program, 1 + round % NUB_MEM_CYCLES_MAX);
    }
}

static void
test_model_names(void)
{
    for (guint32 model = NUB_GAS_PIPELINE; model <= NUB_GAS_INSTRUCTION; model++)
        g_assert_cmpint(nub_gas_model_from_name(nub_gas_model_name(model)), ==, model);
    g_assert_cmpint(nub_gas_model_from_name("pipe"), ==, -1);
    g_assert_cmpint(nub_gas_model_from_name(""), ==, -1);
    g_assert_null(nub_gas_model_name(NUB_GAS_DEFAULT));
    g_assert_null(nub_gas_model_name(4));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/pvm/gas/worked-examples-cost-what-the-specification-says",
                    test_examples);
    g_test_add_func("/core/pvm/gas/the-worked-program-costs-what-it-says", test_worked_program);
    g_test_add_func("/core/pvm/gas/past-the-end-costs-a-trap", test_past_the_end);
    g_test_add_func("/core/pvm/gas/mem-cycles-is-the-latency-of-loads-only", test_mem_cycles);
    g_test_add_func("/core/pvm/gas/recorded-costs-of-180-programs", test_vectors);
    g_test_add_func("/core/pvm/gas/any-program-equals-the-plain-models", test_random);
    g_test_add_func("/core/pvm/gas/blocks-longer-than-the-ring-equal-the-plain-models",
                    test_long_blocks);
    g_test_add_func("/core/pvm/gas/models-have-names", test_model_names);
    return g_test_run();
}
