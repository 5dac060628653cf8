/* run-host.c - the host that `nub run` gives to a program: standard calls on this process's streams
 *
 * When a program runs more than once, only the first run reads and is heard; the others get what it
 * got from a tape.
 */
#include "run-host.h"

#include <string.h>
#include <unistd.h>

static GBytes *
argument_bytes(char **words)
{
    GByteArray *bytes = g_byte_array_new();

    for (guint i = 0; words && words[i]; i++)
        g_byte_array_append(bytes, (const guint8 *)words[i], (guint)strlen(words[i]) + 1);
    return g_byte_array_free_to_bytes(bytes);
}

NubHostTable *
nub_run_host_table(char **words, bool json)
{
    g_autoptr(GBytes) arguments = argument_bytes(words);
    NubHostTable *table = nub_host_table_new();

    nub_host_table_add_standard(table, STDIN_FILENO, json ? STDERR_FILENO : STDOUT_FILENO,
                                STDERR_FILENO, arguments);
    return table;
}

/* ---- a tape in front of it ------------------------------------------------------------------- */

static const size_t tape_bytes = (size_t)256 << 20;

static uint32_t
ask_real(void *real, struct nub_host_call *call)
{
    return (uint32_t)nub_host_table_call(real, call);
}

struct tape *
nub_run_host_tape(NubHostTable *real)
{
    const struct nub_host_entry entries[] = {
#define NUB_HOST_CALL_LINE(NAME, n, text, gas, gas_per_block, arguments, result)                   \
    { .number = n, .price = gas, .call = ask_real, .ctx = real },
#include <nub/host-calls.def>
    };
    const struct nub_host_table table = { .struct_size = sizeof table,
                                          .n_entries = G_N_ELEMENTS(entries),
                                          .entries = entries };
    struct tape *tape = tape_new(&table);

    if (tape)
        tape_limit(tape, tape_bytes);
    return tape;
}
