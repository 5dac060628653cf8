/* debug-machine.c - a session as the machine that gdb sees
 *
 * The gas model is `instruction`, so that a gas of 1 is a step. With breakpoints every instruction
 * is one; without, a run takes many at once. The program may do anything: what it cannot go on from
 * is a signal, and the end when it is told to go on.
 */
#include "debug-machine.h"

#include <string.h>

/* Between two looks at what gdb says. */
enum { SLICE_STEPS = 2048, SLICE_GAS = 1 << 20 };
/* gdb's numbers of signals */
enum { SIGNAL_ILL = 4, SIGNAL_ABRT = 6, SIGNAL_SEGV = 11, SIGNAL_SYS = 12 };

static bool
get_registers(void *data, guint64 regs[NUB_N_REGS], guint32 *pc)
{
    NubDebugMachine *machine = data;

    return nub_session_get_regs(machine->session, regs, NULL) &&
           nub_session_get_pc(machine->session, pc, NULL);
}

static bool
set_registers(void *data, const guint64 regs[NUB_N_REGS], guint32 pc)
{
    NubDebugMachine *machine = data;

    machine->failed = false;
    return nub_session_set_regs(machine->session, regs, NULL) &&
           nub_session_set_pc(machine->session, pc, NULL);
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static gsize
read_code(const NubDebugMachine *machine, guint64 pc, guint8 *data, gsize size)
{
    if (pc >= machine->program.code_size)
        return 0;
    gsize n = (gsize)MIN(size, machine->program.code_size - pc);
    memcpy(data, machine->program.code + pc, n);
    return n;
}

/* the jump table as code addresses: one of 8 bytes for each even return address */
static gsize
read_returns(const NubDebugMachine *machine, guint64 offset, guint8 *data, gsize size)
{
    for (gsize i = 0; i < size; i++) {
        guint64 entry = (offset + i) / 8, value = 0;
        if (entry >= 1 && entry <= machine->program.n_jump)
            value = NUB_GDB_CODE + nub_program_jump_entry(&machine->program, (guint32)(entry - 1));
        data[i] = (guint8)(value >> (offset + i) % 8 * 8);
    }
    return size;
}

/* page by page: what comes before a page that is not there can be read */
static gsize
read_memory(void *data, guint64 address, guint8 *bytes, gsize size)
{
    NubDebugMachine *machine = data;
    gsize done = 0;

    if (address >= NUB_GDB_RETURNS) {
        guint64 offset = address - NUB_GDB_RETURNS, limit = G_GUINT64_CONSTANT(4) << 32;
        return offset < limit ? read_returns(machine, offset, bytes, size) : 0;
    }
    if (address >= NUB_GDB_CODE)
        return read_code(machine, address - NUB_GDB_CODE, bytes, size);
    while (done < size) {
        gsize n = MIN(size - done, NUB_PAGE_SIZE - (gsize)(address + done) % NUB_PAGE_SIZE);
        g_autoptr(GBytes) part = nub_session_read(machine->session, address + done, n, NULL);
        if (!part)
            break;
        memcpy(bytes + done, g_bytes_get_data(part, NULL), n);
        done += n;
    }
    return done;
}

static bool
write_memory(void *data, guint64 address, const guint8 *bytes, gsize size)
{
    NubDebugMachine *machine = data;

    return nub_session_write(machine->session, address, bytes, size, NULL);
}

static bool
set_breakpoint(void *data, guint64 address, bool there)
{
    NubDebugMachine *machine = data;

    if (address < NUB_GDB_CODE || address - NUB_GDB_CODE >= machine->program.code_size)
        return false;
    gpointer pc = GUINT_TO_POINTER((guint32)address);
    if (there)
        g_hash_table_add(machine->breakpoints, pc);
    else
        g_hash_table_remove(machine->breakpoints, pc);
    return true;
}

/* ---- running -----------------------------------------------------------------------------------
 */

/* an exit other than the gas's that was given */
static void
stop_at_exit(NubDebugMachine *machine, const NubResult *result, NubGdbStop *stop)
{
    static const guint8 signals[] = { [NUB_EXIT_PANIC] = SIGNAL_ABRT,
                                      [NUB_EXIT_PAGE_FAULT] = SIGNAL_SEGV,
                                      [NUB_EXIT_HOST_CALL] = SIGNAL_SYS,
                                      [NUB_EXIT_ECALL] = SIGNAL_SYS,
                                      [NUB_EXIT_TRAP] = SIGNAL_ILL };
    const char *reason = nub_exit_reason_to_string(result->exit_reason);

    if (result->exit_reason == NUB_EXIT_HALT) {
        stop->ended = true;
        stop->text =
            g_strdup_printf("nub: halt, value %" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER "x)\n",
                            result->return_value, result->return_value);
        return;
    }
    machine->failed = result->exit_reason == NUB_EXIT_PANIC || result->exit_reason == NUB_EXIT_TRAP;
    stop->number = signals[result->exit_reason];
    if (result->exit_reason == NUB_EXIT_HOST_CALL)
        stop->text = g_strdup_printf("nub: %s %u\n", reason, result->exit_arg);
    else if (result->exit_reason == NUB_EXIT_PAGE_FAULT)
        stop->text = g_strdup_printf("nub: %s at 0x%x\n", reason, result->exit_arg);
    else
        stop->text = g_strdup_printf("nub: %s\n", reason);
}

/* Up to `gas` instructions; true if something stopped it before. */
static bool
advance(NubDebugMachine *machine, guint64 gas, guint32 *pc, NubGdbStop *stop)
{
    g_autoptr(GError) error = NULL;
    NubResult result;

    if (!nub_session_set_gas(machine->session, gas, &error) ||
        !nub_session_run(machine->session, NULL, &result, &error) ||
        !nub_session_get_pc(machine->session, pc, &error)) {
        *stop = (NubGdbStop){ .ended = true, .killed = true, .number = SIGNAL_ABRT };
        stop->text = g_strdup_printf("nub: %s\n", error->message);
        return true;
    }
    if (result.exit_reason == NUB_EXIT_OUT_OF_GAS)
        return false;
    stop_at_exit(machine, &result, stop);
    return true;
}

static bool
run(void *data, const NubGdbRun *how, NubGdbStop *stop)
{
    NubDebugMachine *machine = data;
    guint n_breakpoints = g_hash_table_size(machine->breakpoints);
    guint32 pc;

    if (machine->failed) {
        *stop = (NubGdbStop){ .ended = true, .killed = true, .number = SIGNAL_ILL };
        return true;
    }
    if (how->kind == NUB_GDB_CONTINUE && n_breakpoints == 0)
        return advance(machine, SLICE_GAS, &pc, stop);
    for (guint i = 0; i < SLICE_STEPS; i++) {
        if (advance(machine, 1, &pc, stop))
            return true;
        guint64 address = NUB_GDB_CODE + pc;
        bool stops = how->kind == NUB_GDB_STEP ||
                     (how->kind == NUB_GDB_RANGE && (address < how->start || address >= how->end));
        if (stops || g_hash_table_contains(machine->breakpoints, GUINT_TO_POINTER(pc))) {
            stop->number = NUB_GDB_SIGNAL_TRAP;
            return true;
        }
    }
    return false;
}

const NubGdbMachine nub_debug_machine = {
    .get_registers = get_registers,
    .set_registers = set_registers,
    .read = read_memory,
    .write = write_memory,
    .set_breakpoint = set_breakpoint,
    .run = run,
};
