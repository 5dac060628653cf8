/* log-private.h - lines of backends on their way to GLib's log */
#ifndef NUB_LOG_PRIVATE_H
#define NUB_LOG_PRIVATE_H

#include <glib.h>

/** One line of a backend; `level` is enum nub_log_level. Any thread. */
void nub_log_backend(const char *backend, guint32 level, const char *message);

/** One call to a backend, for `log-calls: true`; `outcome` is the name of a status. */
void nub_log_call(const char *backend, const char *function, const char *outcome);

#endif
