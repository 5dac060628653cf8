/* debug-gdb.h - the gdb remote serial protocol, between a channel of bytes and a machine
 *
 * Knows neither sockets nor sessions: both are tables of functions, so that a test can be either end.
 * Whatever bytes come, nothing is read or written outside the buffers, and each packet has one answer.
 *
 * gdb sees a RISC-V machine of 64 bits. The 13 registers are x1, x2 and x5..x15; the others read as 0.
 * Code address = NUB_GDB_CODE + pc; addresses below are the program's memory.
 */
#ifndef NUB_TOOLS_DEBUG_GDB_H
#define NUB_TOOLS_DEBUG_GDB_H

#include <glib.h>
#include <nub/types.h>
#include <stdbool.h>

#define NUB_GDB_CODE (G_GUINT64_CONSTANT(1) << 32)
/** The return address r of a program belongs to the code address in the 8 bytes at NUB_GDB_RETURNS + 4 r. */
#define NUB_GDB_RETURNS (G_GUINT64_CONSTANT(2) << 32)

/** What a channel gives instead of a byte. */
enum { NUB_GDB_NOTHING = -1, NUB_GDB_GONE = -2 };

/** The other end: gdb. */
typedef struct {
    void *user;
    /** A byte, or NUB_GDB_GONE at the end; without `wait` also NUB_GDB_NOTHING, at once. */
    int (*get)(void *user, bool wait);
    /** False when the other end has gone. */
    bool (*put)(void *user, const char *data, gsize size);
} NubGdbChannel;

/** How to go on. */
typedef struct {
    enum { NUB_GDB_CONTINUE, NUB_GDB_STEP, NUB_GDB_RANGE } kind;
    guint64 start, end; /* NUB_GDB_RANGE: until the code address is not in start <= x < end */
} NubGdbRun;

/** Why it stands. */
typedef struct {
    bool ended;    /* there is nothing to go on with */
    bool killed;   /* `ended` by the signal, not by halting */
    guint8 number; /* the signal in gdb's numbers, or the exit status */
    char *text;    /* for the user, or NULL; freed by the reader */
} NubGdbStop;

enum { NUB_GDB_SIGNAL_INT = 2, NUB_GDB_SIGNAL_TRAP = 5 };

/** The machine. Functions return false when it cannot be done. */
typedef struct {
    bool (*get_registers)(void *machine, guint64 regs[NUB_N_REGS], guint32 *pc);
    bool (*set_registers)(void *machine, const guint64 regs[NUB_N_REGS], guint32 pc);
    /** Reads up to `size` bytes; returns how many from the first on could be read. */
    gsize (*read)(void *machine, guint64 address, guint8 *data, gsize size);
    bool (*write)(void *machine, guint64 address, const guint8 *data, gsize size);
    bool (*set_breakpoint)(void *machine, guint64 address, bool there);
    /** Runs for a short while; true when it has stopped, with `stop` filled in. */
    bool (*run)(void *machine, const NubGdbRun *how, NubGdbStop *stop);
} NubGdbMachine;

/** Answers packets until gdb detaches, kills, or goes, or until the program has ended. */
void nub_gdb_serve(const NubGdbChannel *channel, const NubGdbMachine *functions, void *machine);

#endif
