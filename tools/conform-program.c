/* conform-program.c - runs a program vector on a backend
 *
 * The program becomes an Image and a paused Instance of it (so that any pc can be the first, block
 * start or not), on a kernel of its own; a session does the rest. Then every block cost is
 * checked: gas cost - 1 at that pc gives OutOfGas, gas cost does not.
 */
#include "conform.h"

#include "program.h"

#include <string.h>

/* Memory is compared in pieces of this many bytes. */
#define PIECE (1u << 20)

struct machine {
    const NubProgramVector *vector;
    NubKernel *kernel;
    NubSession *session;
    NubResult result; /* of the last run */
    guint n_steps;    /* done */
    char **message;
};

G_GNUC_PRINTF(2, 3)
static enum nub_verdict
fail(struct machine *machine, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    return nub_conform_say(NUB_FAILED, machine->message, "step %u: %s", machine->n_steps, what);
}

static enum nub_verdict
unexpected(struct machine *machine, GError *error)
{
    g_autofree char *what = g_strdup_printf("step %u", machine->n_steps);

    return nub_conform_unexpected(machine->message, what, error);
}

/* ---- setting up ---------------------------------------------------------------------------- */

static NubCap *
build_image(const struct nub_program *program, GError **error)
{
    g_autoptr(NubImageBuilder) builder = nub_image_builder_new(
        program->code, program->code_size, program->mask, (program->code_size + 7) / 8);
    g_autofree guint32 *jump_table = g_new(guint32, program->n_jump);

    for (guint32 i = 0; i < program->n_jump; i++)
        jump_table[i] = nub_program_jump_entry(program, i);
    nub_image_builder_set_jump_table(builder, jump_table, program->n_jump);
    return nub_image_builder_build(builder, error);
}

/* Puts the program and opens a session on it that stands before the first instruction. */
static NubSession *
open_session(struct machine *machine, const struct nub_program *program, GError **error)
{
    const NubProgramVector *vector = machine->vector;
    g_autoptr(NubCap) image = build_image(program, error);
    NubHash hash;

    if (!image || !nub_kernel_put_cap(machine->kernel, image, &hash, error))
        return NULL;
    g_autoptr(NubInstanceBuilder) builder = nub_instance_builder_new(&hash);
    guint64 gas = MIN(vector->initial_gas, (guint64)NUB_GAS_MAX);
    nub_instance_builder_set_paused(builder, vector->initial_pc, gas);
    g_autoptr(NubCap) instance = nub_instance_builder_build(builder, error);
    if (!instance || !nub_kernel_put_cap(machine->kernel, instance, &hash, error))
        return NULL;
    g_autoptr(NubCall) call = nub_call_new(&hash);
    nub_call_set_gas(call, vector->initial_gas);
    nub_call_set_gas_model(call, vector->gas_model, vector->mem_cycles);
    g_autoptr(NubSession) session = nub_kernel_open_session_for_call(machine->kernel, call, error);
    if (!session || !nub_session_set_gas(session, vector->initial_gas, error))
        return NULL;
    return g_steal_pointer(&session);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static enum nub_verdict
check_exit(struct machine *machine, const struct nub_program_assert *expected)
{
    const NubResult *result = &machine->result;

    if (result->exit_reason != expected->exit_reason)
        return fail(machine, "exit %s, expected %s", nub_exit_reason_to_string(result->exit_reason),
                    nub_exit_reason_to_string(expected->exit_reason));
    if (result->exit_arg != expected->exit_arg)
        return fail(machine, "exit argument 0x%x, expected 0x%x", result->exit_arg,
                    expected->exit_arg);
    if (result->gas_remaining != expected->gas)
        return fail(machine, "gas %" G_GUINT64_FORMAT ", expected %" G_GUINT64_FORMAT,
                    result->gas_remaining, expected->gas);
    if (result->return_value != expected->regs[7])
        return fail(machine,
                    "return value 0x%" G_GINT64_MODIFIER "x, expected register 7: "
                    "0x%" G_GINT64_MODIFIER "x",
                    result->return_value, expected->regs[7]);
    return NUB_PASSED;
}

static enum nub_verdict
check_state(struct machine *machine, const struct nub_program_assert *expected)
{
    guint64 regs[NUB_N_REGS], gas;
    guint32 pc;
    GError *error = NULL;

    if (!nub_session_get_regs(machine->session, regs, &error) ||
        !nub_session_get_pc(machine->session, &pc, &error) ||
        !nub_session_get_gas(machine->session, &gas, &error))
        return unexpected(machine, error);
    for (guint i = 0; i < NUB_N_REGS; i++)
        if (regs[i] != expected->regs[i])
            return fail(machine,
                        "register %u is 0x%" G_GINT64_MODIFIER "x, expected 0x%" G_GINT64_MODIFIER
                        "x",
                        i, regs[i], expected->regs[i]);
    if (pc != expected->pc)
        return fail(machine, "pc %u, expected %u", pc, expected->pc);
    if (gas != expected->gas)
        return fail(machine,
                    "the session's gas is %" G_GUINT64_FORMAT ", expected %" G_GUINT64_FORMAT, gas,
                    expected->gas);
    return NUB_PASSED;
}

/* The runs of non-zero bytes in [address, address + length), added to `runs`. */
static bool
read_nonzero(NubSession *session, guint64 address, guint64 length, GArray *runs, GError **error)
{
    GByteArray *open = NULL; /* the run that goes on at `address` */

    for (guint64 end = address + length; address < end;) {
        gsize size = (gsize)MIN(end - address, (guint64)PIECE);
        g_autoptr(GBytes) bytes = nub_session_read(session, address, size, error);
        if (!bytes) {
            g_clear_pointer(&open, g_byte_array_unref);
            return false;
        }
        const guint8 *data = g_bytes_get_data(bytes, NULL);
        for (gsize i = 0; i < size; i++) {
            if (data[i] == 0 && open) {
                struct nub_memory_run *run =
                    &g_array_index(runs, struct nub_memory_run, runs->len - 1);
                run->contents = g_byte_array_free_to_bytes(g_steal_pointer(&open));
            } else if (data[i] != 0) {
                struct nub_memory_run run = { .address = address + i };
                if (!open) {
                    open = g_byte_array_new();
                    g_array_append_val(runs, run);
                }
                g_byte_array_append(open, &data[i], 1);
            }
        }
        address += size;
    }
    if (open)
        g_array_index(runs, struct nub_memory_run, runs->len - 1).contents =
            g_byte_array_free_to_bytes(open);
    return true;
}

static void
memory_run_clear(gpointer data)
{
    g_clear_pointer(&((struct nub_memory_run *)data)->contents, g_bytes_unref);
}

/* Where two lists of runs differ, for people. */
static enum nub_verdict
compare_memory(struct machine *machine, const GArray *got, const GArray *expected)
{
    for (guint i = 0; i < MAX(got->len, expected->len); i++) {
        const struct nub_memory_run *a =
            i < got->len ? &g_array_index(got, struct nub_memory_run, i) : NULL;
        const struct nub_memory_run *b =
            i < expected->len ? &g_array_index(expected, struct nub_memory_run, i) : NULL;
        if (!a)
            return fail(machine, "memory at 0x%" G_GINT64_MODIFIER "x is zero, expected not",
                        b->address);
        if (!b || a->address < b->address)
            return fail(machine, "memory at 0x%" G_GINT64_MODIFIER "x is not zero, expected zero",
                        a->address);
        if (a->address != b->address)
            return fail(machine, "memory at 0x%" G_GINT64_MODIFIER "x is zero, expected not",
                        b->address);
        if (!g_bytes_equal(a->contents, b->contents))
            return fail(machine, "memory from 0x%" G_GINT64_MODIFIER "x has another content",
                        a->address);
    }
    return NUB_PASSED;
}

static enum nub_verdict
check_memory(struct machine *machine, const struct nub_program_assert *expected)
{
    g_autoptr(GArray) runs = g_array_new(FALSE, TRUE, sizeof(struct nub_memory_run));
    GError *error = NULL;

    g_array_set_clear_func(runs, memory_run_clear);
    for (guint i = 0; i + 1 < machine->n_steps; i++) {
        const struct nub_program_step *step =
            &g_array_index(machine->vector->steps, struct nub_program_step, i);
        if (step->kind == NUB_PROGRAM_MAP &&
            !read_nonzero(machine->session, step->u.map.address, step->u.map.length, runs, &error))
            return unexpected(machine, error);
    }
    return compare_memory(machine, runs, expected->memory);
}

/* ---- steps --------------------------------------------------------------------------------- */

static enum nub_verdict
do_assert(struct machine *machine, const struct nub_program_assert *expected)
{
    enum nub_verdict verdict = check_exit(machine, expected);

    if (verdict == NUB_PASSED)
        verdict = check_state(machine, expected);
    if (verdict == NUB_PASSED)
        verdict = check_memory(machine, expected);
    return verdict;
}

static enum nub_verdict
do_step(struct machine *machine, const struct nub_program_step *step)
{
    NubSession *session = machine->session;
    GError *error = NULL;
    gsize size;
    const guint8 *data;
    gboolean ok = FALSE;

    switch (step->kind) {
    case NUB_PROGRAM_MAP:
        ok = nub_session_map(session, step->u.map.address, step->u.map.length,
                             step->u.map.is_writable ? NUB_MAP_READ_WRITE : NUB_MAP_READ_ONLY,
                             &error);
        break;
    case NUB_PROGRAM_WRITE:
        data = g_bytes_get_data(step->u.write.contents, &size);
        ok = nub_session_write(session, step->u.write.address, data, size, &error);
        break;
    case NUB_PROGRAM_SET_REG:
        ok = nub_session_set_reg(session, step->u.set_reg.reg, step->u.set_reg.value, &error);
        break;
    case NUB_PROGRAM_RUN:
        ok = nub_session_run(session, NULL, &machine->result, &error);
        break;
    case NUB_PROGRAM_ASSERT:
        return do_assert(machine, &step->u.assert);
    }
    return ok ? NUB_PASSED : unexpected(machine, error);
}

static enum nub_verdict
do_steps(struct machine *machine)
{
    const GArray *steps = machine->vector->steps;
    enum nub_verdict verdict = NUB_PASSED;

    while (verdict == NUB_PASSED && machine->n_steps < steps->len) {
        const struct nub_program_step *step =
            &g_array_index(steps, struct nub_program_step, machine->n_steps);
        machine->n_steps++;
        verdict = do_step(machine, step);
    }
    return verdict;
}

/* ---- block costs --------------------------------------------------------------------------- */

static bool
run_from(struct machine *machine, guint32 pc, guint64 gas, GError **error)
{
    return nub_session_set_pc(machine->session, pc, error) &&
           nub_session_set_gas(machine->session, gas, error) &&
           nub_session_run(machine->session, NULL, &machine->result, error);
}

/* A charge that fails takes nothing: the gas that is left tells whether the first one did. */
static enum nub_verdict
check_cost(struct machine *machine, const struct nub_block_cost *block)
{
    const NubResult *result = &machine->result;
    g_autofree char *what = g_strdup_printf("block %u", block->pc);
    GError *error = NULL;

    if (!run_from(machine, block->pc, block->cost - 1, &error))
        return nub_conform_unexpected(machine->message, what, error);
    if (result->exit_reason != NUB_EXIT_OUT_OF_GAS || result->gas_remaining != block->cost - 1)
        return nub_conform_say(NUB_FAILED, machine->message,
                               "%s: costs less than %" G_GUINT64_FORMAT, what, block->cost);
    if (!run_from(machine, block->pc, block->cost, &error))
        return nub_conform_unexpected(machine->message, what, error);
    if (result->exit_reason == NUB_EXIT_OUT_OF_GAS && result->gas_remaining == block->cost)
        return nub_conform_say(NUB_FAILED, machine->message,
                               "%s: costs more than %" G_GUINT64_FORMAT, what, block->cost);
    return NUB_PASSED;
}

/* That the list is the whole set of block starts is a matter of the vector alone. */
static enum nub_verdict
check_costs(struct machine *machine, const struct nub_program *program)
{
    const GArray *costs = machine->vector->costs;
    g_autofree guint8 *starts = g_malloc(program->code_size / 8 + 1);
    enum nub_verdict verdict = NUB_PASSED;

    if (machine->vector->gas_model == NUB_GAS_INSTRUCTION)
        return NUB_PASSED;
    guint32 n = nub_program_block_starts(program, starts);
    if (n != costs->len)
        return nub_conform_say(NUB_FAILED, machine->message,
                               "the vector lists %u blocks, its program has %u", costs->len, n);
    for (guint i = 0; verdict == NUB_PASSED && i < costs->len; i++)
        verdict = check_cost(machine, &g_array_index(costs, struct nub_block_cost, i));
    return verdict;
}

static enum nub_verdict
run_machine(struct machine *machine, const struct nub_conform_target *target)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    struct nub_program program;
    struct nub_slice blob;
    gsize size;
    GError *error = NULL;

    blob.data = g_bytes_get_data(machine->vector->program, &size);
    blob.size = size;
    if (nub_program_parse_blob(&program, blob, &failure) != NUB_OK)
        return nub_conform_say(NUB_FAILED, machine->message, "the vector's program: %s",
                               failure.message);
    machine->kernel =
        nub_registry_open_private(target->registry, target->backend, NUB_GAS_DEFAULT, 0, &error);
    if (!machine->kernel)
        return nub_conform_unexpected(machine->message, "opening the backend", error);
    if (!nub_kernel_supports(machine->kernel, "session_open"))
        return nub_conform_lacks(machine->message, "session_open");
    machine->session = open_session(machine, &program, &error);
    if (!machine->session)
        return nub_conform_unexpected(machine->message, "opening a session", error);
    enum nub_verdict verdict = do_steps(machine);
    return verdict == NUB_PASSED ? check_costs(machine, &program) : verdict;
}

enum nub_verdict
nub_conform_program(const struct nub_conform_target *target, const NubProgramVector *vector,
                    char **message)
{
    struct machine machine = { .vector = vector, .message = message };
    enum nub_verdict verdict = run_machine(&machine, target);

    g_clear_object(&machine.session);
    g_clear_object(&machine.kernel);
    return verdict;
}
