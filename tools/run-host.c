/* run-host.c - the host that `nub run` gives to a program: standard calls on this process's streams
 *
 * When a program runs on several backends only the first run is heard; the others get the same
 * calls with nothing behind them.
 */
#include "cli.h"
#include "run-host.h"

#include <errno.h>
#include <fcntl.h>
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
nub_run_host_table(NubRunHost kind, char **words, bool json)
{
    static int null = -1; /* open until the process ends */
    g_autoptr(GBytes) arguments = argument_bytes(words);
    NubHostTable *table = nub_host_table_new();
    int output = json ? STDERR_FILENO : STDOUT_FILENO;

    if (kind == NUB_RUN_HOST_STANDARD) {
        nub_host_table_add_standard(table, STDIN_FILENO, output, STDERR_FILENO, arguments);
        return table;
    }
    if (null < 0)
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        nub_cli_fail("/dev/null: %s", g_strerror(errno));
        nub_host_table_unref(table);
        return NULL;
    }
    nub_host_table_add_standard(table, null, null, null, arguments);
    return table;
}
