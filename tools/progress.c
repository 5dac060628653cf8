/* progress.c - the line that is written over and over
 *
 * It is drawn at once and then at most twenty times a second, so that work of many small steps is
 * not slowed by its own report. Files and pipes never see it. See progress.h.
 */
#include "progress.h"

#include "cli.h"

#include <stdio.h>
#include <unistd.h>

#define PAUSE_US (G_USEC_PER_SEC / 20)

static gint64 next_drawing; /* monotonic time; 0: no line is there */

void
nub_progress_show(const char *what, guint64 n_done, guint64 n_all)
{
    gint64 now = g_get_monotonic_time();

    if (now < next_drawing || nub_cli_values.json || !isatty(STDERR_FILENO))
        return;
    next_drawing = now + PAUSE_US;
    fprintf(stderr, "\r%s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT "\033[K", what, n_done,
            n_all);
    fflush(stderr);
}

void
nub_progress_clear(void)
{
    if (!next_drawing)
        return;
    next_drawing = 0;
    fputs("\r\033[K", stderr);
    fflush(stderr);
}
