/* trace-diff.h - the first difference between two traces (docs/trace.md) */
#ifndef NUB_TOOLS_TRACE_DIFF_H
#define NUB_TOOLS_TRACE_DIFF_H

/** The first line of every trace. */
#define NUB_TRACE_MAGIC "nub-trace 1"

/** Compares two files and says where they part; returns enum nub_cli_exit. */
int nub_trace_diff(const char *file_a, const char *file_b);

#endif
