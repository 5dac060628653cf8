/* bisect-report.c - what `nub bisect` has found, for people and as JSON
 *
 * Three machines stand beside each other: the one before, which both backends agree on, and the two
 * after it. Shown is what has changed or differs; what differs is marked.
 */
#include "bisect-report.h"

#include "cli.h"
#include "disasm.h"

#include <stdio.h>

/* ---- words ----------------------------------------------------------------------------------- */

/* "main (loop.c:12)"; NULL: not known; free with g_free() */
static char *
place_of(const NubBisectReport *report, guint32 pc)
{
    NubDebugPlace place;

    return report->debug && nub_debug_find_place(report->debug, pc, &place)
               ? nub_debug_describe(&place)
               : NULL;
}

static char *
insn_text(const NubBisect *bisect)
{
    const struct nub_program *program = &bisect->a->program->program;
    struct nub_insn insn = { .pc = bisect->before.run.pc };
    char text[128];

    if (insn.pc < program->code_size)
        nub_insn_decode(&insn, program, insn.pc);
    nub_insn_format(text, sizeof text, &insn);
    return g_strdup(text);
}

/* How a machine has stopped: "running" for want of the gas that it was given. */
static char *
exit_text(const NubBisectMachine *machine)
{
    const NubResult *result = &machine->run.result;
    const char *reason = nub_exit_reason_to_string(result->exit_reason);

    if (machine->failure)
        return g_strdup("failed");
    if (machine->run.at_limit)
        return g_strdup("running");
    if (machine->run.failed)
        return g_strdup_printf("host call %u failed", result->exit_arg);
    if (result->exit_reason == NUB_EXIT_HOST_CALL)
        return g_strdup_printf("%s %u", reason, result->exit_arg);
    if (result->exit_reason == NUB_EXIT_PAGE_FAULT)
        return g_strdup_printf("%s 0x%x", reason, result->exit_arg);
    return g_strdup(reason);
}

/* The names of what differs, in the order of the table; free with g_ptr_array_unref(). */
static GPtrArray *
list_differences(const NubBisectDifference *difference)
{
    GPtrArray *names = g_ptr_array_new();
    const struct {
        bool differs;
        const char *name;
    } parts[] = { { difference->failure, "failure" },
                  { difference->exit, "exit" },
                  { difference->pc, "pc" },
                  { difference->gas, "gas" },
                  { difference->bytes > 0, "memory" },
                  { difference->successor, "successor" } };

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
        if (parts[i].differs)
            g_ptr_array_add(names, (gpointer)parts[i].name);
    for (guint i = 0; i < NUB_N_REGS; i++)
        if (difference->regs >> i & 1)
            g_ptr_array_add(names, (gpointer)nub_reg_names[i]);
    return names;
}

/* How often `n` things must be halved to be one. */
static guint
halvings(guint64 n)
{
    guint count = 0;

    for (; n > 1; n -= n / 2)
        count++;
    return count;
}

/* What docs/recording.md promises. */
static guint
most_runs(const NubBisect *bisect)
{
    return 2 + halvings(bisect->n_blocks) + halvings(bisect->n_insns);
}

/* Where the first byte differs, as a word that lies in one page. */
static guint64
word_address(const NubBisectDifference *difference)
{
    return difference->address & ~G_GUINT64_CONSTANT(7);
}

/* ---- for people ------------------------------------------------------------------------------ */

static void
print_row(bool differs, const char *what, const char *before, const char *a, const char *b)
{
    printf("%c %-15s %-19s %-19s %s\n", differs ? '*' : ' ', what, before, a, b);
}

static char *
hex(guint64 value)
{
    return g_strdup_printf("0x%" G_GINT64_MODIFIER "x", value);
}

static char *
decimal(guint64 value)
{
    return g_strdup_printf("%" G_GUINT64_FORMAT, value);
}

/* A number of the three machines, if it changes or differs. */
static void
print_number(const NubBisect *bisect, bool differs, const char *what, char *(*write)(guint64),
             guint64 before, guint64 a, guint64 b)
{
    bool has_before = bisect->found != NUB_BISECT_BEGINNING;
    g_autofree char *text = has_before ? write(before) : g_strdup("");
    g_autofree char *text_a = write(a), *text_b = write(b);

    if (differs || (has_before && before != a))
        print_row(differs, what, text, text_a, text_b);
}

static void
print_memory(NubBisect *bisect)
{
    const NubBisectDifference *difference = &bisect->difference;
    g_autofree char *what =
        g_strdup_printf("[0x%" G_GINT64_MODIFIER "x]", word_address(difference));
    NubBisectMachine *const machines[3] = { &bisect->before, &bisect->after[0], &bisect->after[1] };
    char text[3][24];

    if (difference->bytes == 0)
        return;
    for (guint i = 0; i < 3; i++) {
        guint64 word;
        if (nub_bisect_word(machines[i], word_address(difference), &word))
            g_snprintf(text[i], sizeof text[i], "0x%" G_GINT64_MODIFIER "x", word);
        else
            g_strlcpy(text[i], machines[i]->run.session ? "not mapped" : "", sizeof text[i]);
    }
    print_row(true, what, text[0], text[1], text[2]);
    if (difference->bytes > 1 && !difference->mapping)
        printf("  (%" G_GUINT64_FORMAT " bytes of memory differ)\n", difference->bytes);
}

/* Machines of which one is not there any more: what its backend said. */
static void
print_failures(const NubBisect *bisect)
{
    for (guint i = 0; i < 2; i++)
        if (bisect->after[i].failure)
            printf("  %s\n", bisect->after[i].failure);
}

static void
print_registers(NubBisect *bisect)
{
    const NubBisectDifference *difference = &bisect->difference;
    const NubHosted *before = &bisect->before.run, *a = &bisect->after[0].run,
                    *b = &bisect->after[1].run;

    print_number(bisect, difference->pc, "pc", decimal, before->pc, a->pc, b->pc);
    if (bisect->found == NUB_BISECT_BLOCK)
        print_number(bisect, difference->gas, "gas", decimal, before->gas, a->gas, b->gas);
    else if (difference->gas) /* an instruction that does not cost 1 */
        print_number(bisect, true, "charged", decimal, before->spent, a->spent, b->spent);
    for (guint i = 0; i < NUB_N_REGS; i++)
        print_number(bisect, difference->regs >> i & 1, nub_reg_names[i], hex, before->regs[i],
                     a->regs[i], b->regs[i]);
}

static void
print_machines(NubBisect *bisect)
{
    const NubBisectDifference *difference = &bisect->difference;
    g_autofree char *exit_a = exit_text(&bisect->after[0]);
    g_autofree char *exit_b = exit_text(&bisect->after[1]);

    print_row(false, "", bisect->found == NUB_BISECT_BEGINNING ? "" : "before", bisect->a->name,
              bisect->b->name);
    if (difference->exit || difference->failure || !bisect->after[0].run.at_limit)
        print_row(difference->exit || difference->failure, "exit", "", exit_a, exit_b);
    if (difference->failure) {
        print_failures(bisect);
        return;
    }
    print_registers(bisect);
    print_memory(bisect);
    if (difference->successor)
        printf("* the same memory is committed to different instances\n");
}

/* A block that does the same on both, at another price. */
static void
print_charge(const NubBisect *bisect)
{
    const NubHosted *before = &bisect->before.run, *a = &bisect->after[0].run,
                    *b = &bisect->after[1].run;
    guint64 charged = before->gas - a->gas;

    if (bisect->difference.failure || !bisect->difference.gas)
        return;
    if (b->pc == before->pc && b->gas == before->gas)
        printf("the block costs %" G_GUINT64_FORMAT " gas on %s; %s does not run it for that\n",
               charged, bisect->a->name, bisect->b->name);
    else if (b->pc == a->pc && !bisect->difference.regs && !bisect->difference.bytes)
        printf("the block costs %" G_GUINT64_FORMAT " gas on %s, %" G_GUINT64_FORMAT " on %s\n",
               charged, bisect->a->name, before->gas - b->gas, bisect->b->name);
}

static void
print_place(const NubBisectReport *report)
{
    const NubBisect *bisect = report->bisect;

    if (bisect->found == NUB_BISECT_BEGINNING) {
        printf("differs before anything has run\n");
        return;
    }
    g_autofree char *block_at = place_of(report, bisect->block_pc);
    printf("block        %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
           ", pc %u, after %" G_GUINT64_FORMAT " gas%s%s\n",
           bisect->block + 1, bisect->n_blocks, bisect->block_pc, bisect->block_gas,
           block_at ? ", " : "", block_at ? block_at : "");
    if (bisect->found == NUB_BISECT_BLOCK) {
        printf("instruction  none: one by one, its %u instruction%s end alike on both\n",
               bisect->n_insns, bisect->n_insns == 1 ? "" : "s");
        print_charge(bisect);
        return;
    }
    g_autofree char *at = place_of(report, bisect->before.run.pc);
    g_autofree char *text = insn_text(bisect);
    printf("instruction  %u of %u, pc %u%s%s: %s\n", bisect->insn + 1, bisect->n_insns,
           bisect->before.run.pc, at ? ", " : "", at ? at : "", text);
}

void
nub_bisect_report_print(const NubBisectReport *report)
{
    NubBisect *bisect = report->bisect;

    printf("call         frame %" G_GUINT64_FORMAT " (%s)%s%s\n", report->frame, report->kind,
           report->difference ? ": " : "", report->difference ? report->difference : "");
    if (report->run != report->frame)
        printf("run          frame %" G_GUINT64_FORMAT " (session_run)\n", report->run);
    if (bisect->found == NUB_BISECT_EQUAL) {
        printf("no difference%s, %" G_GUINT64_FORMAT " blocks\n",
               report->difference ? " when it is made in a session" : "", bisect->n_blocks);
        return;
    }
    print_place(report);
    putchar('\n');
    print_machines(bisect);
    printf("\n%u runs of both backends, at most %u for %" G_GUINT64_FORMAT
           " blocks and %u instructions\n",
           bisect->runs, most_runs(bisect), bisect->n_blocks, bisect->n_insns);
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static void
add_machine(JsonBuilder *builder, const NubBisect *bisect, const char *name, const char *backend,
            NubBisectMachine *machine)
{
    const NubBisectDifference *difference = &bisect->difference;
    bool with_gas = bisect->found != NUB_BISECT_INSTRUCTION; /* what is left counts for blocks */
    g_autofree char *exit = exit_text(machine);
    guint64 word;

    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
    if (backend)
        nub_cli_json_string(builder, "backend", backend);
    nub_cli_json_string(builder, "failure", machine->failure);
    nub_cli_json_string(builder, "exit", exit);
    nub_cli_json_u32(builder, "pc", machine->run.pc);
    nub_cli_json_u64(builder, "charged", machine->run.spent);
    if (with_gas)
        nub_cli_json_u64(builder, "gas_remaining", machine->run.gas);
    json_builder_set_member_name(builder, "registers");
    json_builder_begin_array(builder);
    for (guint i = 0; i < NUB_N_REGS; i++) {
        g_autofree char *text = decimal(machine->run.regs[i]);
        json_builder_add_string_value(builder, text);
    }
    json_builder_end_array(builder);
    if (difference->bytes && nub_bisect_word(machine, word_address(difference), &word))
        nub_cli_json_u64(builder, "memory_word", word);
    json_builder_end_object(builder);
}

static void
add_place(JsonBuilder *builder, const NubBisectReport *report)
{
    const NubBisect *bisect = report->bisect;
    g_autofree char *block_at = place_of(report, bisect->block_pc);

    json_builder_set_member_name(builder, "block");
    json_builder_begin_object(builder);
    nub_cli_json_u64(builder, "index", bisect->block);
    nub_cli_json_u32(builder, "pc", bisect->block_pc);
    nub_cli_json_u64(builder, "gas_before", bisect->block_gas);
    nub_cli_json_u32(builder, "instructions", bisect->n_insns);
    nub_cli_json_string(builder, "where", block_at);
    json_builder_end_object(builder);
    if (bisect->found != NUB_BISECT_INSTRUCTION)
        return;
    g_autofree char *at = place_of(report, bisect->before.run.pc);
    g_autofree char *text = insn_text(bisect);
    json_builder_set_member_name(builder, "instruction");
    json_builder_begin_object(builder);
    nub_cli_json_u32(builder, "index", bisect->insn);
    nub_cli_json_u32(builder, "pc", bisect->before.run.pc);
    nub_cli_json_string(builder, "text", text);
    nub_cli_json_string(builder, "where", at);
    json_builder_end_object(builder);
}

static void
add_differences(JsonBuilder *builder, const NubBisectReport *report)
{
    NubBisect *bisect = report->bisect;
    g_autoptr(GPtrArray) names = list_differences(&bisect->difference);

    json_builder_set_member_name(builder, "differs");
    json_builder_begin_array(builder);
    for (guint i = 0; i < names->len; i++)
        json_builder_add_string_value(builder, names->pdata[i]);
    json_builder_end_array(builder);
    if (bisect->difference.bytes) {
        nub_cli_json_u64(builder, "memory_address", bisect->difference.address);
        nub_cli_json_u64(builder, "memory_bytes", bisect->difference.bytes);
    }
    if (bisect->found != NUB_BISECT_BEGINNING)
        add_machine(builder, bisect, "before", NULL, &bisect->before);
    add_machine(builder, bisect, "a", bisect->a->name, &bisect->after[0]);
    add_machine(builder, bisect, "b", bisect->b->name, &bisect->after[1]);
}

void
nub_bisect_report_print_json(const NubBisectReport *report)
{
    static const char *const found[] = { "nothing", "beginning", "block", "instruction" };
    const NubBisect *bisect = report->bisect;
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    nub_cli_json_bool(builder, "equal", bisect->found == NUB_BISECT_EQUAL && !report->difference);
    nub_cli_json_u64(builder, "frame", report->frame);
    nub_cli_json_string(builder, "kind", report->kind);
    nub_cli_json_u64(builder, "run_frame", report->run);
    nub_cli_json_string(builder, "difference", report->difference);
    nub_cli_json_string(builder, "found", found[bisect->found]);
    nub_cli_json_u32(builder, "runs", bisect->runs);
    nub_cli_json_u32(builder, "most_runs", most_runs(bisect));
    nub_cli_json_u64(builder, "blocks", bisect->n_blocks);
    if (bisect->found == NUB_BISECT_BLOCK || bisect->found == NUB_BISECT_INSTRUCTION)
        add_place(builder, report);
    if (bisect->found != NUB_BISECT_EQUAL)
        add_differences(builder, report);
    json_builder_end_object(builder);
    nub_cli_json_print(builder);
}
