/* debug-gdb.c - the gdb remote serial protocol: packets in, answers out
 *
 * One packet is in memory at a time. Numbers are parsed by one function, which refuses what is not
 * wholly hexadecimal or does not fit; packets that are not understood get the empty answer, as the
 * protocol wants, and wrong ones an error. docs/debugging.md has what a user sees.
 */
#include "debug-gdb.h"

#include <string.h>

enum {
    MAX_PACKET = 4096, /* bytes between '$' and '#', both ways */
    MAX_MEMORY = MAX_PACKET / 2 - 8,
    N_REGISTERS = 33, /* x0..x31, pc */
    PC_REGISTER = 32,
    NO_REGISTER = -1
};

struct gdb {
    const NubGdbChannel *channel;
    const NubGdbMachine *functions;
    void *machine;
    char packet[MAX_PACKET + 1]; /* NUL-terminated; a NUL inside ends it early */
    GString *answer;
    NubGdbStop stop;
    bool acks, over;
    bool acks_end; /* after this answer */
};

/* ---- numbers -----------------------------------------------------------------------------------
 */

/* hexadecimal digits, at most 16 */
static bool
take_hex(const char **at, guint64 *value)
{
    guint digits = 0;

    *value = 0;
    for (; g_ascii_isxdigit(**at) && digits <= 16; digits++)
        *value = *value << 4 | (guint64)g_ascii_xdigit_value(*(*at)++);
    return digits >= 1 && digits <= 16;
}

static bool
take_char(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    ++*at;
    return true;
}

/* exactly `size` bytes, two digits each */
static bool
take_bytes(const char **at, guint8 *bytes, gsize size)
{
    for (gsize i = 0; i < size; i++) {
        int high = g_ascii_xdigit_value((*at)[0]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value((*at)[1]);
        if (low < 0)
            return false;
        bytes[i] = (guint8)(high << 4 | low);
        *at += 2;
    }
    return true;
}

static void
put_bytes(GString *text, const guint8 *bytes, gsize size)
{
    for (gsize i = 0; i < size; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
}

static void
put_u64(GString *text, guint64 value)
{
    value = GUINT64_TO_LE(value);
    put_bytes(text, (const guint8 *)&value, sizeof value);
}

static bool
take_u64(const char **at, guint64 *value)
{
    if (!take_bytes(at, (guint8 *)value, sizeof *value))
        return false;
    *value = GUINT64_FROM_LE(*value);
    return true;
}

/* ---- packets -----------------------------------------------------------------------------------
 */

static void
put(struct gdb *gdb, const char *data, gsize size)
{
    if (!gdb->channel->put(gdb->channel->user, data, size))
        gdb->over = true;
}

/* `text` has none of '$', '#', '}' and '*' */
static void
send_packet(struct gdb *gdb, const char *text)
{
    guint8 sum = 0;

    for (const char *c = text; *c; c++)
        sum = (guint8)(sum + (guint8)*c);
    g_autofree char *packet = g_strdup_printf("$%s#%02x", text, sum);
    put(gdb, packet, strlen(packet));
}

static int
get(struct gdb *gdb)
{
    int byte = gdb->over ? NUB_GDB_GONE : gdb->channel->get(gdb->channel->user, true);

    if (byte < 0)
        gdb->over = true;
    return byte;
}

/* the rest of a packet after its '$'; false if it is damaged, too long or cut off */
static bool
read_packet(struct gdb *gdb)
{
    gsize size = 0;
    guint8 sum = 0;
    int byte;

    while ((byte = get(gdb)) >= 0 && byte != '#') {
        if (byte == '$') { /* gdb has begun anew */
            size = sum = 0;
            continue;
        }
        sum = (guint8)(sum + byte);
        if (size < MAX_PACKET)
            gdb->packet[size] = (char)byte;
        size++;
    }
    int high = byte < 0 ? -1 : g_ascii_xdigit_value((char)get(gdb));
    int low = gdb->over ? -1 : g_ascii_xdigit_value((char)get(gdb));
    if (gdb->over || size > MAX_PACKET || high < 0 || low < 0 || (high << 4 | low) != sum)
        return false;
    gdb->packet[size] = 0;
    return true;
}

/* ---- registers ---------------------------------------------------------------------------------
 */

/* which of the machine's registers x`number` is */
static int
register_of(guint64 number)
{
    if (number == 1 || number == 2)
        return (int)number - 1;
    return number >= 5 && number <= 15 ? (int)number - 3 : NO_REGISTER;
}

static guint64
register_value(guint number, const guint64 *regs, guint32 pc)
{
    if (number == PC_REGISTER)
        return NUB_GDB_CODE + pc;
    return register_of(number) == NO_REGISTER ? 0 : regs[register_of(number)];
}

/* What is no register of the machine keeps its 0; false for a pc outside the code addresses. */
static bool
set_register(guint number, guint64 value, guint64 *regs, guint32 *pc)
{
    if (number != PC_REGISTER) {
        if (register_of(number) != NO_REGISTER)
            regs[register_of(number)] = value;
        return true;
    }
    *pc = (guint32)value;
    return value >> 32 == 1;
}

static bool
on_read_registers(struct gdb *gdb, const char *at)
{
    guint64 regs[NUB_N_REGS];
    guint32 pc;

    if (*at || !gdb->functions->get_registers(gdb->machine, regs, &pc))
        return false;
    for (guint i = 0; i < N_REGISTERS; i++)
        put_u64(gdb->answer, register_value(i, regs, pc));
    return true;
}

static bool
on_write_registers(struct gdb *gdb, const char *at)
{
    guint64 regs[NUB_N_REGS], value;
    guint32 pc;

    if (!gdb->functions->get_registers(gdb->machine, regs, &pc))
        return false;
    for (guint i = 0; i < N_REGISTERS; i++)
        if (!take_u64(&at, &value) || !set_register(i, value, regs, &pc))
            return false;
    g_string_append(gdb->answer, "OK");
    return *at == 0 && gdb->functions->set_registers(gdb->machine, regs, pc);
}

static bool
on_read_register(struct gdb *gdb, const char *at)
{
    guint64 regs[NUB_N_REGS], number;
    guint32 pc;

    if (!take_hex(&at, &number) || *at || number >= N_REGISTERS ||
        !gdb->functions->get_registers(gdb->machine, regs, &pc))
        return false;
    put_u64(gdb->answer, register_value((guint)number, regs, pc));
    return true;
}

static bool
on_write_register(struct gdb *gdb, const char *at)
{
    guint64 regs[NUB_N_REGS], number, value;
    guint32 pc;

    if (!take_hex(&at, &number) || !take_char(&at, '=') || !take_u64(&at, &value) || *at ||
        number >= N_REGISTERS || !gdb->functions->get_registers(gdb->machine, regs, &pc) ||
        !set_register((guint)number, value, regs, &pc))
        return false;
    g_string_append(gdb->answer, "OK");
    return gdb->functions->set_registers(gdb->machine, regs, pc);
}

/* ---- memory and breakpoints --------------------------------------------------------------------
 */

static bool
on_read_memory(struct gdb *gdb, const char *at)
{
    guint64 address, size;
    guint8 bytes[MAX_MEMORY];

    if (!take_hex(&at, &address) || !take_char(&at, ',') || !take_hex(&at, &size) || *at)
        return false;
    gsize got = gdb->functions->read(gdb->machine, address, bytes, (gsize)MIN(size, MAX_MEMORY));
    put_bytes(gdb->answer, bytes, got);
    return got > 0 || size == 0;
}

static bool
on_write_memory(struct gdb *gdb, const char *at)
{
    guint64 address, size;
    guint8 bytes[MAX_MEMORY];

    if (!take_hex(&at, &address) || !take_char(&at, ',') || !take_hex(&at, &size) ||
        !take_char(&at, ':') || size > MAX_MEMORY || !take_bytes(&at, bytes, (gsize)size) || *at)
        return false;
    g_string_append(gdb->answer, "OK");
    return size == 0 || gdb->functions->write(gdb->machine, address, bytes, (gsize)size);
}

/* software and hardware breakpoints are the same thing; watchpoints are left to gdb, which steps */
static bool
change_breakpoint(struct gdb *gdb, const char *at, bool there)
{
    guint64 address, kind;

    if (*at != '0' && *at != '1')
        return true;
    at++;
    if (!take_char(&at, ',') || !take_hex(&at, &address) || !take_char(&at, ',') ||
        !take_hex(&at, &kind) || *at)
        return false;
    g_string_append(gdb->answer, "OK");
    return gdb->functions->set_breakpoint(gdb->machine, address, there);
}

static bool
on_insert(struct gdb *gdb, const char *at)
{
    return change_breakpoint(gdb, at, true);
}

static bool
on_remove(struct gdb *gdb, const char *at)
{
    return change_breakpoint(gdb, at, false);
}

/* ---- running -----------------------------------------------------------------------------------
 */

static void
say(struct gdb *gdb, const char *text)
{
    g_autoptr(GString) packet = g_string_new("O");

    put_bytes(packet, (const guint8 *)text, MIN(strlen(text), MAX_MEMORY));
    send_packet(gdb, packet->str);
}

static bool
on_why(struct gdb *gdb, const char *at)
{
    const NubGdbStop *stop = &gdb->stop;

    if (*at)
        return true;
    g_string_append_printf(gdb->answer, "%c%02x",
                           !stop->ended   ? 'S'
                           : stop->killed ? 'X'
                                          : 'W',
                           stop->number);
    return true;
}

/* While it runs, gdb has one thing to say: the byte 3. */
static bool
go_on(struct gdb *gdb, const NubGdbRun *how)
{
    gdb->stop = (NubGdbStop){ 0 };
    while (!gdb->functions->run(gdb->machine, how, &gdb->stop)) {
        int byte = gdb->channel->get(gdb->channel->user, false);
        if (byte == NUB_GDB_GONE) {
            gdb->over = true;
            return true;
        }
        if (byte == 3) {
            gdb->stop.number = NUB_GDB_SIGNAL_INT;
            break;
        }
    }
    if (gdb->stop.text)
        say(gdb, gdb->stop.text);
    g_clear_pointer(&gdb->stop.text, g_free);
    if (gdb->stop.ended)
        gdb->over = true;
    return on_why(gdb, "");
}

/* "c", "s" without an address; a machine is not continued at another place by these */
static bool
on_continue(struct gdb *gdb, const char *at)
{
    const NubGdbRun how = { .kind = NUB_GDB_CONTINUE };

    return *at == 0 && go_on(gdb, &how);
}

static bool
on_step(struct gdb *gdb, const char *at)
{
    const NubGdbRun how = { .kind = NUB_GDB_STEP };

    return *at == 0 && go_on(gdb, &how);
}

/* "vCont;ACTION[:THREAD]...": there is one thread, so that the first action is the one */
static bool
on_v(struct gdb *gdb, const char *at)
{
    NubGdbRun how = { .kind = NUB_GDB_CONTINUE };
    guint64 signal;

    if (strcmp(at, "Cont?") == 0) {
        g_string_append(gdb->answer, "vCont;c;C;s;S;r");
        return true;
    }
    if (g_str_has_prefix(at, "Kill")) {
        gdb->over = true;
        g_string_append(gdb->answer, "OK");
        return true;
    }
    if (!g_str_has_prefix(at, "Cont;"))
        return true;
    at += strlen("Cont;");
    char action = *at ? *at++ : 0;
    if ((action == 'C' || action == 'S') && !take_hex(&at, &signal))
        return false;
    if (action == 's' || action == 'S')
        how.kind = NUB_GDB_STEP;
    else if (action == 'r') {
        how.kind = NUB_GDB_RANGE;
        if (!take_hex(&at, &how.start) || !take_char(&at, ',') || !take_hex(&at, &how.end))
            return false;
    } else if (action != 'c' && action != 'C')
        return false;
    if (*at && *at != ':' && *at != ';')
        return false;
    return go_on(gdb, &how);
}

/* ---- what there is -----------------------------------------------------------------------------
 */

static char *
describe_target(void)
{
    static const char *const names[] = {
        "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "fp", "s1", "a0",
        "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
        "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6", "pc",
    };
    GString *text = g_string_new("<?xml version=\"1.0\"?>\n"
                                 "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                                 "<target version=\"1.0\">\n"
                                 "<architecture>riscv:rv64</architecture>\n"
                                 "<osabi>none</osabi>\n"
                                 "<feature name=\"org.gnu.gdb.riscv.cpu\">\n");

    for (guint i = 0; i < N_REGISTERS; i++)
        g_string_append_printf(text,
                               "<reg name=\"%s\" bitsize=\"64\" type=\"%s\" regnum=\"%u\"/>\n",
                               names[i], i == PC_REGISTER ? "code_ptr" : "int", i);
    g_string_append(text, "</feature>\n</target>\n");
    return g_string_free(text, FALSE);
}

static bool
send_target(struct gdb *gdb, const char *at)
{
    g_autofree char *text = describe_target();
    guint64 offset, size;

    if (!take_hex(&at, &offset) || !take_char(&at, ',') || !take_hex(&at, &size) || *at ||
        offset > strlen(text))
        return false;
    gsize rest = strlen(text) - (gsize)offset;
    gsize n = (gsize)MIN(size, MIN(rest, MAX_PACKET - 1));
    g_string_append_c(gdb->answer, n < rest ? 'm' : 'l');
    g_string_append_len(gdb->answer, text + offset, (gssize)n);
    return true;
}

static bool
on_query(struct gdb *gdb, const char *at)
{
    static const char target[] = "Xfer:features:read:target.xml:";
    static const struct {
        const char *query, *answer;
    } facts[] = {
        { "Attached", "1" },
        { "C", "QC1" },
        { "fThreadInfo", "m1" },
        { "sThreadInfo", "l" },
    };

    if (g_str_has_prefix(at, target))
        return send_target(gdb, at + strlen(target));
    if (g_str_has_prefix(at, "Supported"))
        g_string_append_printf(
            gdb->answer, "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;vContSupported+",
            MAX_PACKET);
    for (guint i = 0; i < G_N_ELEMENTS(facts); i++)
        if (strcmp(at, facts[i].query) == 0)
            g_string_append(gdb->answer, facts[i].answer);
    return true;
}

static bool
on_set(struct gdb *gdb, const char *at)
{
    if (strcmp(at, "StartNoAckMode") == 0) {
        gdb->acks_end = true;
        g_string_append(gdb->answer, "OK");
    }
    return true;
}

static bool
on_ok(struct gdb *gdb, const char *at)
{
    (void)at;
    g_string_append(gdb->answer, "OK");
    return true;
}

static bool
on_detach(struct gdb *gdb, const char *at)
{
    gdb->over = true;
    return on_ok(gdb, at);
}

static bool
on_kill(struct gdb *gdb, const char *at)
{
    (void)at;
    gdb->over = true;
    return true;
}

/* By the first byte. Functions answer in gdb->answer and return false for an error. */
static const struct {
    char first;
    bool (*function)(struct gdb *gdb, const char *rest);
} packets[] = {
    { '?', on_why },
    { 'g', on_read_registers },
    { 'G', on_write_registers },
    { 'p', on_read_register },
    { 'P', on_write_register },
    { 'm', on_read_memory },
    { 'M', on_write_memory },
    { 'Z', on_insert },
    { 'z', on_remove },
    { 'c', on_continue },
    { 's', on_step },
    { 'v', on_v },
    { 'q', on_query },
    { 'Q', on_set },
    { 'H', on_ok },
    { 'T', on_ok },
    { 'D', on_detach },
    { 'k', on_kill },
};

static void
answer_packet(struct gdb *gdb)
{
    g_string_truncate(gdb->answer, 0);
    for (guint i = 0; i < G_N_ELEMENTS(packets); i++)
        if (gdb->packet[0] == packets[i].first && !packets[i].function(gdb, gdb->packet + 1))
            g_string_assign(gdb->answer, "E01");
    send_packet(gdb, gdb->answer->str);
    gdb->acks = gdb->acks && !gdb->acks_end;
}

void
nub_gdb_serve(const NubGdbChannel *channel, const NubGdbMachine *functions, void *machine)
{
    struct gdb gdb = { .channel = channel,
                       .functions = functions,
                       .machine = machine,
                       .answer = g_string_new(NULL),
                       .stop = { .number = NUB_GDB_SIGNAL_TRAP },
                       .acks = true };

    while (!gdb.over) {
        int byte = get(&gdb);
        if (byte == '-' && gdb.acks) {
            send_packet(&gdb, gdb.answer->str);
            continue;
        }
        if (byte != '$')
            continue;
        bool good = read_packet(&gdb);
        if (gdb.over)
            continue;
        if (gdb.acks)
            put(&gdb, good ? "+" : "-", 1);
        if (good)
            answer_packet(&gdb);
    }
    g_string_free(gdb.answer, TRUE);
}
