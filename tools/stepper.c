/* stepper.c - a call that goes one instruction at a time, on any backend
 *
 * What a backend says is registers, pc, memory and the reason of an exit; everything else that a
 * step tells is worked out here, from the program, so that two backends can only differ in those.
 * Must not trust that a step moves on: every turn of a loop is charged, so gas ends it.
 */
#include "stepper.h"

#include "bytes.h"
#include "cap.h"
#include "gas.h"
#include "hosted.h"

#include <string.h>

/* ---- the program ----------------------------------------------------------------------------- */

/* A capability of one kind out of the kernel; `cap` is a view of what is returned. */
static NubCap *
get_decoded(NubKernel *kernel, const NubHash *hash, enum nub_cap_kind kind, struct nub_cap *cap,
            GError **error)
{
    struct nub_failure failure = { .struct_size = sizeof failure };
    g_autoptr(NubCap) found = nub_kernel_get_cap(kernel, hash, error);
    gsize size;

    if (!found)
        return NULL;
    const guint8 *wire = g_bytes_get_data(nub_cap_get_wire(found), &size);
    if (nub_cap_decode(cap, (struct nub_slice){ wire, size }, &failure) == NUB_OK &&
        cap->kind == kind)
        return g_steal_pointer(&found);
    g_autofree char *hex = nub_hash_to_string(hash);
    g_set_error(error, NUB_ERROR,
                kind == NUB_CAP_IMAGE ? NUB_ERROR_NOT_AN_IMAGE : NUB_ERROR_NOT_AN_INSTANCE,
                "%s: not an %s", hex, nub_cap_kind_name(kind));
    return NULL;
}

bool
nub_program_find(NubProgram *program, NubKernel *kernel, const NubHash *instance, GError **error)
{
    struct nub_cap cap;
    g_autoptr(NubCap) found = get_decoded(kernel, instance, NUB_CAP_INSTANCE, &cap, error);

    if (!found)
        return false;
    NubHash image = *cap.u.instance.image;
    program->image = get_decoded(kernel, &image, NUB_CAP_IMAGE, &cap, error);
    if (!program->image)
        return false;
    program->program =
        (struct nub_program){ cap.u.image.code.data,    (uint32_t)cap.u.image.code.size,
                              cap.u.image.bitmask.data, cap.u.image.jump_table,
                              cap.u.image.n_jump,       4 };
    return true;
}

void
nub_program_clear(NubProgram *program)
{
    g_clear_pointer(&program->image, nub_cap_unref);
}

/* ---- the machine ----------------------------------------------------------------------------- */

bool
nub_stepper_open(NubStepper *stepper, NubKernel *kernel, NubCall *call, GBytes *input,
                 const struct nub_program *program, guint32 model, guint32 mem_cycles, guint64 gas,
                 GError **error)
{
    *stepper = (NubStepper){ .program = program,
                             .model = model,
                             .mem_cycles = mem_cycles,
                             .gas = gas,
                             .charge_due = true,
                             .costs = g_hash_table_new(NULL, NULL) };
    nub_call_set_gas(call, 1);
    nub_call_set_gas_model(call, NUB_GAS_INSTRUCTION, mem_cycles);
    stepper->session = nub_kernel_open_session_for_call(kernel, call, error);
    return stepper->session && nub_hosted_lay_input(stepper->session, input, error) &&
           nub_session_get_pc(stepper->session, &stepper->pc, error) &&
           nub_session_get_regs(stepper->session, stepper->regs, error);
}

void
nub_stepper_clear(NubStepper *stepper)
{
    g_clear_object(&stepper->session);
    g_clear_pointer(&stepper->costs, g_hash_table_unref);
}

static guint64
cost_at(NubStepper *stepper, guint32 pc)
{
    gpointer key = GSIZE_TO_POINTER((gsize)pc + 1), known;

    if (stepper->model == NUB_GAS_INSTRUCTION)
        return 1;
    if (g_hash_table_lookup_extended(stepper->costs, key, NULL, &known))
        return GPOINTER_TO_SIZE(known);
    guint64 cost = nub_gas_cost(stepper->program, stepper->model, stepper->mem_cycles, pc);
    g_hash_table_insert(stepper->costs, key, GSIZE_TO_POINTER(cost));
    return cost;
}

/* How many bytes an instruction stores, and where: what its text says in brackets (pvm.md 5.2). */
static guint8
store_of(const struct nub_insn *insn, const guint64 *regs, guint32 *address)
{
    static const guint8 sizes[] = { 1, 2, 4, 8 };
    static const struct {
        guint8 first, base; /* base: 0 none, 1 register A, 2 register B */
    } groups[] = { { NUB_OP_STORE_IMM_U8, 0 },
                   { NUB_OP_STORE_U8, 0 },
                   { NUB_OP_STORE_IMM_IND_U8, 1 },
                   { NUB_OP_STORE_IND_U8, 2 } };

    for (guint i = 0; i < G_N_ELEMENTS(groups); i++) {
        guint nth = (guint)insn->opcode - groups[i].first;
        if (nth >= G_N_ELEMENTS(sizes))
            continue;
        guint64 base = groups[i].base == 0   ? 0
                       : groups[i].base == 1 ? regs[insn->a]
                                             : regs[insn->b];
        *address = (guint32)(base + insn->x);
        return sizes[nth];
    }
    return 0;
}

/* What the store has left in memory: the machine's own word, not what it should be. */
static bool
read_back(NubStepper *stepper, NubStep *step, GError **error)
{
    g_autoptr(GBytes) bytes =
        nub_session_read(stepper->session, step->address, step->stored, error);
    guint8 value[8] = { 0 };

    if (!bytes)
        return false;
    memcpy(value, g_bytes_get_data(bytes, NULL), step->stored);
    step->value = nub_le64(value);
    return true;
}

/* A charge that is due is taken; false: it cannot be. */
static bool
charge(NubStepper *stepper, NubStep *step)
{
    if (!step->begins_block && stepper->model != NUB_GAS_INSTRUCTION)
        return true;
    guint64 cost = cost_at(stepper, stepper->pc);
    if (stepper->gas < cost)
        return false;
    stepper->gas -= cost;
    return true;
}

static bool
run_one(NubStepper *stepper, NubStep *step, GError **error)
{
    if (!nub_session_set_gas(stepper->session, 1, error) ||
        !nub_session_run(stepper->session, NULL, &step->result, error) ||
        !nub_session_get_pc(stepper->session, &stepper->pc, error) ||
        !nub_session_get_regs(stepper->session, stepper->regs, error))
        return false;
    step->ended = step->result.exit_reason != NUB_EXIT_OUT_OF_GAS;
    return true;
}

bool
nub_stepper_step(NubStepper *stepper, NubStep *step, GError **error)
{
    const struct nub_program *program = stepper->program;
    guint32 pc = stepper->pc;

    *step = (NubStep){ .pc = pc, .begins_block = stepper->charge_due, .insn = { .pc = pc } };
    step->ran = nub_program_is_start(program, pc);
    if (pc < program->code_size)
        nub_insn_decode(&step->insn, program, pc);
    step->stored = step->ran ? store_of(&step->insn, stepper->regs, &step->address) : 0;
    if (step->ran && !charge(stepper, step)) {
        step->ran = false;
        step->stored = 0;
        step->ended = true;
        step->result.exit_reason = NUB_EXIT_OUT_OF_GAS;
    } else if (!run_one(stepper, step, error)) {
        return false;
    }
    if (step->ended && stepper->pc == pc)
        step->stored = 0; /* it did not happen */
    if (step->stored && !read_back(stepper, step, error))
        return false;
    stepper->charge_due =
        nub_isa[step->insn.opcode].is_terminator || stepper->pc != step->insn.next;
    step->result.gas_remaining = stepper->gas;
    return true;
}
