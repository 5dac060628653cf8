/* trace-cmd.c - `nub trace`: what a program does, block by block, the same from every backend
 *
 * Writes the canonical trace (docs/trace.md): nothing in it may depend on the backend, the machine
 * or the time, so that two traces can be compared byte for byte. The stepping is stepper.h's
 * business.
 */
#include "cli-call.h"
#include "disasm.h"
#include "gas.h"
#include "run-where.h"
#include "stepper.h"
#include "trace-diff.h"

#include <stdio.h>
#include <string.h>

static gboolean by_instruction, diff;

/* The line that is being collected: one block, or one instruction. */
struct line {
    guint32 pc;
    guint64 regs[NUB_N_REGS]; /* before it */
    GString *writes;
    bool open;
};

static void
line_begin(struct line *line, guint32 pc, const guint64 *regs)
{
    line->open = true;
    line->pc = pc;
    memcpy(line->regs, regs, sizeof line->regs);
    g_string_truncate(line->writes, 0);
}

static void
line_store(struct line *line, const NubStep *step)
{
    g_string_append_printf(line->writes, " u%u[0x%x]=0x%" G_GINT64_MODIFIER "x", step->stored * 8u,
                           step->address, step->value);
}

static void
print_regs(const guint64 *before, const guint64 *now)
{
    for (guint i = 0; i < NUB_N_REGS; i++)
        if (before[i] != now[i])
            printf(" %s=0x%" G_GINT64_MODIFIER "x", nub_reg_names[i], now[i]);
}

static void
line_end(struct line *line, const NubStepper *stepper, const NubStep *step)
{
    char text[128];

    if (!line->open)
        return;
    line->open = false;
    printf("@%u gas=%" G_GUINT64_FORMAT, line->pc, stepper->gas);
    print_regs(line->regs, stepper->regs);
    fputs(line->writes->str, stdout);
    if (by_instruction) {
        nub_insn_format(text, sizeof text, &step->insn);
        printf(" ; %s", text);
    }
    putchar('\n');
}

/* Steps to the end; the lines are printed as they come. */
static bool
print_steps(NubStepper *stepper, NubStep *step, GError **error)
{
    g_autoptr(GString) writes = g_string_new(NULL);
    struct line line = { .writes = writes };
    guint64 regs[NUB_N_REGS];
    bool whole = true; /* nothing of the line has run */

    do {
        memcpy(regs, stepper->regs, sizeof regs);
        if (!nub_stepper_step(stepper, step, error))
            return false;
        if (step->ran && (whole || by_instruction))
            line_begin(&line, step->pc, regs);
        if (step->stored)
            line_store(&line, step);
        whole = stepper->charge_due;
        if (by_instruction || whole || step->ended)
            line_end(&line, stepper, step);
    } while (!step->ended);
    return true;
}

static void
print_head(const NubHash *root, const NubCliRequest *request, const NubStepper *stepper)
{
    static const guint64 zeros[NUB_N_REGS];
    g_autofree char *hex = nub_hash_to_string(root);

    printf(NUB_TRACE_MAGIC "\ninstance %s\ncall endpoint=%u", hex, request->endpoint);
    for (guint i = 0; i < G_N_ELEMENTS(request->args); i++)
        printf(" arg%u=0x%" G_GINT64_MODIFIER "x", i, request->args[i]);
    printf(" gas=%" G_GUINT64_FORMAT "\nmodel %s mem-cycles=%u by=%s\nstart @%u", request->gas,
           nub_gas_model_name(stepper->model), stepper->mem_cycles,
           by_instruction ? "instruction" : "block", stepper->pc);
    print_regs(zeros, stepper->regs);
    putchar('\n');
}

static NubCall *
call_of(const NubCliRequest *request, const NubHash *root)
{
    NubCall *call = nub_call_new(root);

    nub_call_set_endpoint(call, request->endpoint);
    nub_call_set_args(call, request->args);
    return call;
}

static int
trace(NubKernel *kernel, NubBundle *bundle, const NubCliRequest *request)
{
    g_auto(NubProgram) program = { 0 };
    g_auto(NubStepper) stepper = { 0 };
    GError *error = NULL;
    NubHash root;
    NubStep step;

    if (!nub_kernel_put_bundle(kernel, bundle, &root, &error) ||
        !nub_program_find(&program, kernel, &root, &error))
        return nub_cli_fail_error(error);
    g_autoptr(NubCall) call = call_of(request, &root);
    if (!nub_stepper_open(&stepper, kernel, call, request->input, &program.program,
                          nub_kernel_get_gas_model(kernel), nub_kernel_get_mem_cycles(kernel),
                          request->gas, &error))
        return nub_cli_fail_error(error);
    print_head(&root, request, &stepper);
    if (!print_steps(&stepper, &step, &error)) {
        fflush(stdout);
        return nub_cli_fail_error(error);
    }
    printf("exit %s arg=0x%x pc=%u gas=%" G_GUINT64_FORMAT "\n",
           nub_exit_reason_to_string(step.result.exit_reason), step.result.exit_arg, stepper.pc,
           stepper.gas);
    return step.result.exit_reason == NUB_EXIT_HALT ? NUB_CLI_OK : NUB_CLI_FAILED;
}

static int
run(char **args)
{
    g_auto(NubCliRequest) request = { 0 };
    GError *error = NULL;

    if (diff)
        return args[1] ? nub_trace_diff(args[0], args[1])
                       : nub_cli_usage("--diff: two traces are wanted");
    if (args[1])
        return nub_cli_usage("'%s': one bundle at a time", args[1]);
    int status = nub_run_where_endpoint(args[0]);
    if (status == NUB_CLI_OK)
        status = nub_cli_request_read(&request);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(args[0]);
    g_autoptr(NubRegistry) registry = bundle ? nub_cli_registry() : NULL;
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(NubKernel) kernel = nub_registry_open_private(
        registry, nub_cli_call_values.backend, request.gas_model, request.mem_cycles, &error);
    return kernel ? trace(kernel, bundle, &request) : nub_cli_fail_error(error);
}

static const GOptionEntry options[] = {
    { "backend", 'b', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.backend,
      "The backend to run it on; the default one if absent", "NAME" },
    { "step", 's', 0, G_OPTION_ARG_NONE, &by_instruction, "A line for each instruction", NULL },
    { "diff", 'd', 0, G_OPTION_ARG_NONE, &diff, "Compare two traces", NULL },
    { "endpoint", 'e', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.endpoint,
      "The endpoint (default: 0)", "N" },
    { "arg", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &nub_cli_call_values.args,
      "An argument: decimal, negative or 0x; at most four", "V" },
    { "gas", 'g', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.gas, "The gas (default: 1000000000)",
      "N" },
    { "gas-model", 'm', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.gas_model,
      "The model that gas is counted in (default: the configuration's)", "M" },
    { "mem-cycles", 0, 0, G_OPTION_ARG_STRING, &nub_cli_call_values.mem_cycles,
      "Latency of loads in the gas models, 1..127 (default: the configuration's)", "N" },
    { "input", 'i', 0, G_OPTION_ARG_FILENAME, &nub_cli_call_values.input,
      "Bytes that the program finds at the address in register 7", "FILE" },
    { NULL }
};

const struct nub_cli_command nub_command_trace = {
    .name = "trace",
    .arguments = "FILE.nub | --diff TRACE TRACE",
    .summary = "Print what a program does, block by block",
    .description =
        "Runs the root of a bundle one instruction at a time and prints a line for each block: "
        "pc,\n"
        "gas left, registers that changed, writes to memory. Every backend gives the same trace.\n"
        "It ends at the first host call. --diff names the first difference of two traces.",
    .shared = NUB_CLI_CONFIG,
    .options = options,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
