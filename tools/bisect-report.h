/* bisect-report.h - what `nub bisect` has found, for people and as JSON */
#ifndef NUB_TOOLS_BISECT_REPORT_H
#define NUB_TOOLS_BISECT_REPORT_H

#include "bisect.h"
#include "debug.h"

/** What the report is about. */
typedef struct {
    guint64 frame;          /* that differs: its number in the recording, from 1 */
    guint64 run;            /* that was searched; another one where a session is looked at later */
    const char *kind;       /* of `frame`: "invoke" */
    const char *difference; /* in the answers, as `nub replay` says it; NULL: the call was chosen by number */
    const NubDebug *debug;  /* NULL: no names */
    NubBisect *bisect;      /* reading memory is no const business */
} NubBisectReport;

void nub_bisect_report_print(const NubBisectReport *report);
void nub_bisect_report_print_json(const NubBisectReport *report);

#endif
