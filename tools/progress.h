/* progress.h - one line on stderr that says how far long work is, for whoever looks at a terminal */
#ifndef NUB_TOOLS_PROGRESS_H
#define NUB_TOOLS_PROGRESS_H

#include <glib.h>

/** "WHAT: DONE of ALL", over the line before. Nothing when stderr is no terminal, or with --json. */
void nub_progress_show(const char *what, guint64 n_done, guint64 n_all);
/** Takes the line away: before anything else is printed, and at the end. */
void nub_progress_clear(void);

#endif
