/* log.c - lines of backends on their way to GLib's log
 *
 * A backend's line gets the domain nub-backend and a field NUB_BACKEND with the backend's name, so
 * that a writer (the journal, for one) can tell backends apart. Whatever a backend says, the
 * process goes on: no line is mapped to a level that can be fatal by default.
 */
#include "log-private.h"

#include <nub/plugin.h>
#include <string.h>

typedef struct {
    GLogLevelFlags level;
    const char *priority; /* as syslog counts */
} NubLogLevel;

static void
write_line(const char *domain, NubLogLevel level, const char *backend, const char *message)
{
    const GLogField fields[] = {
        { "MESSAGE", message, -1 },
        { "PRIORITY", level.priority, -1 },
        { "GLIB_DOMAIN", domain, -1 },
        { "NUB_BACKEND", backend, -1 },
    };

    g_log_structured_array(level.level, fields, G_N_ELEMENTS(fields));
}

void
nub_log_backend(const char *backend, guint32 level, const char *message)
{
    static const NubLogLevel levels[] = {
        [NUB_LOG_ERROR] = { G_LOG_LEVEL_WARNING, "3" },
        [NUB_LOG_WARNING] = { G_LOG_LEVEL_WARNING, "4" },
        [NUB_LOG_INFO] = { G_LOG_LEVEL_INFO, "6" },
        [NUB_LOG_DEBUG] = { G_LOG_LEVEL_DEBUG, "7" },
    };
    g_autofree char *text = g_utf8_make_valid(message ? message : "", -1);
    g_autofree char *line = g_strdup_printf("%s: %s", backend, text);

    write_line("nub-backend", levels[MIN(level, G_N_ELEMENTS(levels) - 1)], backend, line);
}

void
nub_log_call(const char *backend, const char *function, const char *outcome)
{
    g_autofree char *line = g_strdup_printf("%s: %s: %s", backend, function, outcome);

    write_line("nub-calls", (NubLogLevel){ G_LOG_LEVEL_MESSAGE, "5" }, backend, line);
}
