/* fuzz-gdb.c - any bytes as what gdb says
 *
 * The server comes to an end, asks the machine only for what is promised (buffers of the size that
 * is named, breakpoints at any address), and every packet that it sends is well formed.
 */
#include "debug-gdb.h"
#include "fuzz.h"
#include <string.h>

struct channel {
    const uint8_t *data;
    size_t size, at;
};

struct machine {
    guint64 regs[NUB_N_REGS];
    guint32 pc;
    guint8 memory[256];
    guint slices;
};

static int
get(void *user, bool wait)
{
    struct channel *channel = user;

    (void)wait;
    return channel->at < channel->size ? channel->data[channel->at++] : NUB_GDB_GONE;
}

/* an acknowledgement, or "$...#hh" with the right sum */
static bool
put(void *user, const char *data, gsize size)
{
    guint8 sum = 0;

    (void)user;
    if (size == 1) {
        FUZZ_CHECK(*data == '+' || *data == '-');
        return true;
    }
    FUZZ_CHECK(size >= 4 && size <= 4096 + 4 && data[0] == '$' && data[size - 3] == '#');
    for (gsize i = 1; i < size - 3; i++) {
        FUZZ_CHECK(!memchr("$#}*", data[i], 4));
        sum = (guint8)(sum + (guint8)data[i]);
    }
    FUZZ_CHECK(g_ascii_xdigit_value(data[size - 2]) * 16 + g_ascii_xdigit_value(data[size - 1]) ==
               sum);
    return true;
}

static bool
get_registers(void *data, guint64 regs[NUB_N_REGS], guint32 *pc)
{
    struct machine *machine = data;

    memcpy(regs, machine->regs, sizeof machine->regs);
    *pc = machine->pc;
    return true;
}

static bool
set_registers(void *data, const guint64 regs[NUB_N_REGS], guint32 pc)
{
    struct machine *machine = data;

    memcpy(machine->regs, regs, sizeof machine->regs);
    machine->pc = pc;
    return true;
}

static gsize
read_memory(void *data, guint64 address, guint8 *bytes, gsize size)
{
    struct machine *machine = data;

    memset(bytes, 0x5a, size); /* all of it is there */
    if (address >= sizeof machine->memory)
        return 0;
    gsize n = MIN(size, sizeof machine->memory - (gsize)address);
    memcpy(bytes, machine->memory + address, n);
    return n;
}

static bool
write_memory(void *data, guint64 address, const guint8 *bytes, gsize size)
{
    struct machine *machine = data;

    if (address >= sizeof machine->memory || size > sizeof machine->memory - (gsize)address)
        return false;
    memcpy(machine->memory + address, bytes, size);
    return true;
}

static bool
set_breakpoint(void *data, guint64 address, bool there)
{
    (void)data;
    return address >= NUB_GDB_CODE || !there;
}

static bool
run(void *data, const NubGdbRun *how, NubGdbStop *stop)
{
    struct machine *machine = data;

    machine->pc++;
    if (how->kind == NUB_GDB_CONTINUE && ++machine->slices % 3)
        return false;
    stop->number = NUB_GDB_SIGNAL_TRAP;
    stop->text = how->kind == NUB_GDB_RANGE ? g_strdup("range\n") : NULL;
    stop->ended = machine->slices > 40;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const NubGdbMachine functions = { get_registers, set_registers,  read_memory,
                                             write_memory,  set_breakpoint, run };
    struct channel channel = { data, size, 0 };
    const NubGdbChannel gdb = { &channel, get, put };
    struct machine machine = { .pc = 0 };

    nub_gdb_serve(&gdb, &functions, &machine);
    return 0;
}
