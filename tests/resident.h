/* resident.h - how much memory the test's process has in use */
#ifndef NUB_TESTS_RESIDENT_H
#define NUB_TESTS_RESIDENT_H

#include <glib.h>
#include <string.h>
#include <unistd.h>

/** Field 0: bytes of address space; field 1: bytes that are resident. */
static inline guint64
nub_test_memory(unsigned field)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
    return g_ascii_strtoull(field ? strchr(text, ' ') : text, NULL, 10) *
           (guint64)sysconf(_SC_PAGESIZE);
}

static inline guint64
nub_test_resident(void)
{
    return nub_test_memory(1);
}

#endif
