/* prof.c - `nub prof`: where a program spends its instructions and its gas
 *
 * Steps a session of the interpreter one instruction at a time (the gas model `instruction` with a
 * gas of 1) and keeps the stack of calls beside it: a jump that writes ra is a call, a jump to ra a
 * return. Gas is what the blocks that are entered cost in the model asked for. Names come from the
 * side file (debug.h).
 */
#include "cli-call.h"
#include "debug.h"
#include "hosted.h"
#include "run-where.h"
#include "stepper.h"

#include "gas.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 512, TABLE_ROWS = 40 };

static char *folded_file;

/* a function as called along one path */
struct node {
    guint parent; /* index; the root is its own */
    guint depth;
    const char *function;
    guint64 insns, gas;
    GHashTable *children; /* name to index */
};

struct profile {
    NubProgram program;
    NubDebug *debug; /* NULL: no names */
    guint32 model, mem_cycles;
    GArray *nodes; /* struct node */
    guint at;      /* the node that runs */
    guint64 insns, gas;
    GHashTable *costs; /* pc to cost of its block */
};

static struct node *
node_at(const struct profile *p, guint i)
{
    return &g_array_index(p->nodes, struct node, i);
}

static void
node_clear(gpointer node)
{
    g_hash_table_unref(((struct node *)node)->children);
}

static guint
child_of(struct profile *p, guint parent, const char *function)
{
    gpointer known = g_hash_table_lookup(node_at(p, parent)->children, function);

    if (known)
        return GPOINTER_TO_UINT(known);
    struct node node = { .parent = parent,
                         .depth = p->nodes->len ? node_at(p, parent)->depth + 1 : 0,
                         .function = function,
                         .children = g_hash_table_new(g_str_hash, g_str_equal) };
    guint index = p->nodes->len;
    g_array_append_val(p->nodes, node);
    g_hash_table_insert(node_at(p, parent)->children, (gpointer)function, GUINT_TO_POINTER(index));
    return index;
}

static const char *
function_at(const struct profile *p, guint32 pc)
{
    NubDebugPlace place;

    return p->debug && nub_debug_find_place(p->debug, pc, &place) && place.function ? place.function
                                                                                    : "?";
}

static guint64
block_cost(struct profile *p, guint32 pc)
{
    gpointer known = g_hash_table_lookup(p->costs, GUINT_TO_POINTER(pc + 1));

    if (known)
        return GPOINTER_TO_SIZE(known);
    guint64 cost = p->model == NUB_GAS_INSTRUCTION
                       ? 1
                       : nub_gas_cost(&p->program.program, p->model, p->mem_cycles, pc);
    g_hash_table_insert(p->costs, GUINT_TO_POINTER(pc + 1), GSIZE_TO_POINTER(cost));
    return cost;
}

/* one instruction, about to run at `pc`; `charged`: it begins a block */
static void
count(struct profile *p, guint32 pc, bool charged)
{
    const char *function = function_at(p, pc);

    if (strcmp(node_at(p, p->at)->function, function) != 0) /* a tail call, or the first one */
        p->at = child_of(p, node_at(p, p->at)->parent, function);
    node_at(p, p->at)->insns++;
    p->insns++;
    if (charged || p->model == NUB_GAS_INSTRUCTION) {
        guint64 cost = block_cost(p, pc);
        node_at(p, p->at)->gas += cost;
        p->gas += cost;
    }
}

/* calls and returns move along the tree; `next` is where control went */
static void
follow(struct profile *p, const struct nub_insn *insn, guint32 next)
{
    bool calls =
        (insn->opcode == NUB_OP_LOAD_IMM_JUMP || insn->opcode == NUB_OP_LOAD_IMM_JUMP_IND) &&
        insn->a == 0;
    bool returns = insn->opcode == NUB_OP_JUMP_IND && insn->a == 0;

    if (calls && node_at(p, p->at)->depth < MAX_DEPTH)
        p->at = child_of(p, p->at, function_at(p, next));
    else if ((returns || (calls && node_at(p, p->at)->depth >= MAX_DEPTH)) && p->at != 0)
        p->at = node_at(p, p->at)->parent ? node_at(p, p->at)->parent : p->at;
}

/* ---- stepping ----------------------------------------------------------------------------------
 */

static bool
step(NubSession *session, NubResult *result, guint32 *pc, GError **error)
{
    return nub_session_set_gas(session, 1, error) &&
           nub_session_run(session, NULL, result, error) && nub_session_get_pc(session, pc, error);
}

static bool
run_profile(struct profile *p, NubSession *session, guint64 gas, NubResult *result, GError **error)
{
    bool charged = true;
    guint32 pc, next;

    if (!nub_session_get_pc(session, &pc, error))
        return false;
    p->at = child_of(p, 0, function_at(p, pc));
    for (;;) {
        struct nub_insn insn = { .pc = pc };
        if (pc < p->program.program.code_size)
            nub_insn_decode(&insn, &p->program.program, pc);
        count(p, pc, charged);
        if (!step(session, result, &next, error))
            return false;
        if (result->exit_reason != NUB_EXIT_OUT_OF_GAS || p->gas > gas)
            return true;
        charged = nub_isa[insn.opcode].is_terminator;
        follow(p, &insn, next);
        pc = next;
    }
}

/* ---- telling -----------------------------------------------------------------------------------
 */

struct total {
    const char *function;
    guint64 insns, gas;
};

static gint
compare_totals(gconstpointer a, gconstpointer b)
{
    const struct total *x = a, *y = b;

    if (x->gas != y->gas)
        return x->gas > y->gas ? -1 : 1;
    return strcmp(x->function, y->function);
}

static void
print_table(const struct profile *p)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GArray) totals = g_array_new(FALSE, FALSE, sizeof(struct total));

    for (guint i = 1; i < p->nodes->len; i++) {
        const struct node *node = node_at(p, i);
        gpointer at = g_hash_table_lookup(known, node->function);
        if (!at) {
            struct total total = { .function = node->function };
            g_array_append_val(totals, total);
            at = GUINT_TO_POINTER(totals->len);
            g_hash_table_insert(known, (gpointer)node->function, at);
        }
        struct total *total = &g_array_index(totals, struct total, GPOINTER_TO_UINT(at) - 1);
        total->insns += node->insns;
        total->gas += node->gas;
    }
    g_array_sort(totals, compare_totals);
    printf("%14s %6s %14s  %s\n", "gas", "%", "instructions", "function");
    for (guint i = 0; i < totals->len && i < TABLE_ROWS; i++) {
        const struct total *total = &g_array_index(totals, struct total, i);
        printf("%14" G_GUINT64_FORMAT " %6.1f %14" G_GUINT64_FORMAT "  %s\n", total->gas,
               p->gas ? 100.0 * (double)total->gas / (double)p->gas : 0.0, total->insns,
               total->function);
    }
    printf("%14" G_GUINT64_FORMAT " %6s %14" G_GUINT64_FORMAT "  all\n", p->gas, "", p->insns);
}

/* "main;permute 1234" a line: what flame graphs are drawn from */
static bool
write_folded(const struct profile *p)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 1; i < p->nodes->len; i++) {
        g_autoptr(GString) path = g_string_new(node_at(p, i)->function);
        if (node_at(p, i)->gas == 0)
            continue;
        for (guint up = node_at(p, i)->parent; up != 0; up = node_at(p, up)->parent) {
            g_string_prepend_c(path, ';');
            g_string_prepend(path, node_at(p, up)->function);
        }
        g_string_append_printf(text, "%s %" G_GUINT64_FORMAT "\n", path->str, node_at(p, i)->gas);
    }
    return nub_cli_write(folded_file, text->str, text->len);
}

/* ---- the command -------------------------------------------------------------------------------
 */

static int
profile_on(struct profile *p, NubKernel *kernel, NubBundle *bundle, const char *file,
           const NubCliRequest *request)
{
    GError *error = NULL;
    NubResult result = { 0 };
    NubHash root;

    if (!nub_kernel_put_bundle(kernel, bundle, &root, &error) ||
        !nub_program_find(&p->program, kernel, &root, &error)) {
        g_prefix_error(&error, "%s: ", file);
        return nub_cli_fail_error(error);
    }
    p->debug = nub_debug_load(file, &root);
    g_autoptr(NubSession) session =
        nub_kernel_open_session(kernel, &root, request->endpoint, request->args, 1, &error);
    if (!session || !nub_hosted_lay_input(session, request->input, &error) ||
        !run_profile(p, session, request->gas, &result, &error))
        return nub_cli_fail_error(error);
    print_table(p);
    if (!p->debug)
        printf("(no names: %s has no side file)\n", file);
    if (folded_file && !write_folded(p))
        return NUB_CLI_HOST;
    return result.exit_reason == NUB_EXIT_HALT ? NUB_CLI_OK : NUB_CLI_FAILED;
}

static void
profile_clear(struct profile *p)
{
    nub_program_clear(&p->program);
    g_array_unref(p->nodes);
    g_hash_table_unref(p->costs);
    nub_debug_free(p->debug);
}

static int
run(char **args)
{
    g_auto(NubCliRequest) request = { 0 };
    GError *error = NULL;
    int status = nub_run_where_endpoint(args[0]);
    if (status == NUB_CLI_OK)
        status = nub_cli_request_read(&request);
    if (status != NUB_CLI_OK)
        return status;
    g_autoptr(NubBundle) bundle = nub_cli_bundle(args[0]);
    g_autoptr(NubRegistry) registry = bundle ? nub_cli_registry() : NULL;
    if (!registry)
        return NUB_CLI_HOST;
    g_autoptr(NubKernel) kernel =
        nub_registry_open_private(registry, "local", NUB_GAS_INSTRUCTION, 0, &error);
    if (!kernel)
        return nub_cli_fail_error(error);
    struct profile p = {
        .model = request.gas_model ? (guint32)request.gas_model : NUB_GAS_PIPELINE,
        .mem_cycles = request.mem_cycles ? request.mem_cycles : NUB_MEM_CYCLES_DEFAULT,
        .nodes = g_array_new(FALSE, FALSE, sizeof(struct node)),
        .costs = g_hash_table_new(NULL, NULL),
    };
    struct node root = { .function = "", .children = g_hash_table_new(g_str_hash, g_str_equal) };
    g_array_set_clear_func(p.nodes, node_clear);
    g_array_append_val(p.nodes, root);
    status = profile_on(&p, kernel, bundle, args[0], &request);
    profile_clear(&p);
    return status;
}

static const GOptionEntry options[] = {
    { "endpoint", 'e', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.endpoint,
      "The endpoint (default: 0)", "N" },
    { "arg", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &nub_cli_call_values.args,
      "An argument: decimal, negative or 0x; at most four", "V" },
    { "gas", 'g', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.gas,
      "Where to stop (default: 1000000000)", "N" },
    { "gas-model", 'm', 0, G_OPTION_ARG_STRING, &nub_cli_call_values.gas_model,
      "The model that gas is counted in (default: pipeline)", "M" },
    { "mem-cycles", 0, 0, G_OPTION_ARG_STRING, &nub_cli_call_values.mem_cycles,
      "Latency of loads in the gas models, 1..127 (default: 25)", "N" },
    { "input", 'i', 0, G_OPTION_ARG_FILENAME, &nub_cli_call_values.input,
      "Bytes that the program finds at the address in register 7", "FILE" },
    { "folded", 'f', 0, G_OPTION_ARG_FILENAME, &folded_file,
      "Also write the stacks of calls, as flame graphs want them", "FILE" },
    { NULL }
};

const struct nub_cli_command nub_command_prof = {
    .name = "prof",
    .arguments = "FILE.nub",
    .summary = "Say which functions a program spends its gas in",
    .description =
        "Runs the root of a bundle on the interpreter, one instruction at a time: slowly. It\n"
        "ends at the first host call. Names come from FILE.nubdbg, which 'nub cc' writes.",
    .shared = NUB_CLI_CONFIG,
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
